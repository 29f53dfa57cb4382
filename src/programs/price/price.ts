/** `price`: what pairs cost at the exchange now. Public calls only: no key, no records, no lock. */
import { Effect } from "effect"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import type { PairSymbol } from "../../domain/market/Instrument.ts"
import { PairSymbol as toSymbol } from "../../domain/market/Instrument.ts"
import type { Candle, SystemStatus } from "../../domain/market/Market.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import { nearest } from "../../domain/settings/spelling.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { iso } from "../../domain/Time.ts"
import { MarketClock } from "../../services/Clock.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { Settings } from "../../services/Settings.ts"
import { Terminal } from "../../services/Terminal.ts"
import { CommandFailed, ExitCodes, UsageError } from "../cli/ExitCode.ts"
import { palette, span, table } from "../cli/text.ts"

export interface PriceOptions {
  /** As they were typed; none: the pairs of the settings. */
  readonly pairs: ReadonlyArray<string>
  readonly json: boolean
}

const DAY_MS = 86_400_000
/** Bars that a change over 24 hours is measured with: 720 of them reach back 60 hours. */
const BAR_MINUTES = 5
const BAR_MS = BAR_MINUTES * 60_000
/** Real time that one answer is waited for, its repetitions included. */
const PATIENCE_MS = 12_000
/** Names that are suggested for one that is not known. */
const SUGGESTIONS = 3

/** Kraken: `XLM/USD`, `XLMUSD`, `XXLMZUSD`; dots stand in names of staked assets. */
const NAME = /^[A-Z0-9.]{1,15}(\/[A-Z0-9.]{1,15})?$/

interface PriceView {
  readonly symbol: string
  readonly bid: string | null
  readonly ask: string | null
  readonly last: string
  /** Of the middle between bid and ask, per cent with three decimals. */
  readonly spreadPct: string | null
  /** Of the last price against the one of 24 hours ago, to five minutes; per cent. */
  readonly change24hPct: number | null
  readonly at: string
  readonly ageSeconds: number
}

/** Spread over middle in per cent, rounded up to three decimals. */
const spreadOf = (bid: bigint, ask: bigint): string =>
  Fixed.format(Fixed.toDecimals(Fixed.quotient((ask - bid) * 200n, ask + bid, "up"), 3, "up"), 3)

/**
 * Per cent from the close of the last bar that had ended 24 hours ago. Bars without a trade are missing from quiet pairs,
 * so the close before counts on; nothing that old: not known.
 */
export const changeOf = (last: bigint, candles: ReadonlyArray<Candle>, now: EpochMs): number | null => {
  const then = candles.findLast((candle) => candle.at + BAR_MS <= now - DAY_MS)
  return then === undefined ? null : Math.round((Fixed.toNumber(last) / then.close - 1) * 10_000) / 100
}

/** Names that may have been meant: the asset's own pairs, dollars first, and the one that is spelled most alike. */
export const likely = (name: string, symbols: ReadonlyArray<PairSymbol>): ReadonlyArray<string> => {
  const base = name.split("/")[0] ?? name
  const pairs = symbols
    .filter((symbol) => symbol.startsWith(`${base}/`))
    .toSorted((a, b) => Number(b.endsWith("/USD")) - Number(a.endsWith("/USD")))
  const alike = nearest(name, symbols)
  return [...new Set([...(alike === undefined ? [] : [alike]), ...pairs])].slice(0, SUGGESTIONS)
}

const isUnknownPair = (error: KrakenError): boolean =>
  error._tag === "KrakenApiError" && /^EQuery:(Unknown asset|Invalid asset pair)/.test(error.text)

/** A quick check does not wait as long as a trader would. */
const soon = <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E | CommandFailed> =>
  Effect.timeoutFail(self, {
    duration: PATIENCE_MS,
    onTimeout: () =>
      new CommandFailed({
        text: `Kraken did not answer within ${PATIENCE_MS / 1000} seconds. This says nothing about your orders and positions; \`status\` shows what the trader knows of them.`,
        code: ExitCodes.exchangeUnavailable
      })
  })

const unknownPair = (name: string) =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const symbols = yield* Effect.orElseSucceed(soon(rest.symbols), () => [])
    const meant = likely(name, symbols)
    return yield* new UsageError({
      text: `Kraken has no pair ${name}${meant.length === 0 ? ". Pairs are written like XLM/USD." : `; did you mean ${meant.join(" or ")}?`}`
    })
  })

const priceOf = (symbol: PairSymbol) =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const clock = yield* MarketClock
    const ticker = yield* Effect.either(soon(rest.ticker(symbol)))
    if (ticker._tag === "Left") {
      const error = ticker.left
      return yield* error._tag !== "CommandFailed" && isUnknownPair(error) ? unknownPair(symbol) : Effect.fail(error)
    }
    const { last, quote } = ticker.right
    // the ticker carries no time of its own: it is as old as its answer
    const at = quote?.at ?? (yield* clock.now)
    const candles = yield* soon(rest.ohlc(symbol, BAR_MINUTES, at - DAY_MS - 12 * BAR_MS))
    return { symbol, quote, last, at, change: changeOf(last, candles, at) }
  })

type Price = Effect.Effect.Success<ReturnType<typeof priceOf>>

const viewOf = ({ at, change, last, quote, symbol }: Price, now: EpochMs): PriceView => ({
  symbol,
  bid: quote === undefined ? null : Fixed.show(quote.bid),
  ask: quote === undefined ? null : Fixed.show(quote.ask),
  last: Fixed.show(last),
  spreadPct: quote === undefined ? null : spreadOf(quote.bid, quote.ask),
  change24hPct: change,
  at: iso(at),
  ageSeconds: Math.max(0, now - at) / 1000
})

const signed = (percent: number): string => `${percent >= 0 ? "+" : ""}${percent.toFixed(2)} %`

/** Prints what the pairs cost. One call a second: a pair takes two. */
export const price = (
  options: PriceOptions
): Effect.Effect<void, KrakenError | UsageError | CommandFailed, KrakenRest | MarketClock | Settings | Terminal> =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const clock = yield* MarketClock
    const settings = yield* Settings
    const terminal = yield* Terminal
    const names = options.pairs.map((name) => name.toUpperCase())
    const odd = names.find((name) => !NAME.test(name))
    if (odd !== undefined) {
      return yield* new UsageError({ text: `"${odd}" is no pair's name. Pairs are written like XLM/USD.` })
    }
    const symbols =
      names.length === 0 ? settings.limits.allowedPairs : [...new Set(names)].map((name) => toSymbol(name))
    const system: SystemStatus = yield* soon(rest.systemStatus)
    const prices = yield* Effect.forEach(symbols, priceOf)
    const now = yield* clock.now
    const views = prices.map((one) => viewOf(one, now))
    if (options.json) {
      return yield* terminal.print(JSON.stringify({ systemStatus: system, at: iso(now), pairs: views }))
    }
    const p = palette(terminal.colors)
    yield* terminal.print(
      table(
        ["pair", ">bid", ">ask", ">last", ">spread", ">24 h", ">age"],
        views.map((view) => [
          view.symbol,
          view.bid ?? "?",
          view.ask ?? "?",
          view.last,
          view.spreadPct === null ? "?" : `${view.spreadPct} %`,
          view.change24hPct === null ? "?" : (view.change24hPct < 0 ? p.bad : p.good)(signed(view.change24hPct)),
          span(view.ageSeconds)
        ])
      )
    )
    yield* terminal.print(
      `Kraken is ${system === "online" ? p.good(system) : p.warn(system)} (${iso(now)}). Without a sound quote bid and ask are "?".`
    )
  })
