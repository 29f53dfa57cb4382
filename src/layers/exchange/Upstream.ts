/**
 * The real market behind a local Kraken (`PAPER_MARKET=kraken`): rules of the pairs and past candles over REST, best prices
 * and trades over the public streams, fed to the paper account's exchange. No key is used and nothing private is called.
 *
 * While the real streams are away there is no market here either: public streams are closed and refused, prices are not
 * told, the system is `cancel_only`. What was traded meanwhile is not played: a paper order is not filled by it.
 */
import { Deferred, Effect, Mailbox, Schedule } from "effect"
import type { Scope } from "effect"
import type { Bar, Interval, MarketEvent } from "../../domain/exchange/Boundary.ts"
import { joinCandles } from "../../domain/exchange/market/joinCandles.ts"
import type { Instrument, PairSymbol } from "../../domain/market/Instrument.ts"
import type { SystemStatus } from "../../domain/market/Market.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { KrakenStream } from "../../services/KrakenStream.ts"
import type { PublicStreamEvent } from "../../services/KrakenStream.ts"
import type { LocalKrakenShape, TapeError } from "../../services/LocalKraken.ts"
import { LocalKrakenError } from "../../services/LocalKraken.ts"
import type { SettingsShape } from "../../services/Settings.ts"
import type { LocalKrakenOptions } from "./LocalKrakenServer.ts"
import { makeLocalKraken } from "./LocalKrakenServer.ts"

/** Real time. */
const FIRST_QUOTES_MS = 30_000
const RULES_EVERY = "1 hour"
/** Events that wait for the local exchange; it takes thousands a second. */
const WAITING = 8192
/** Fetched, in minutes; the intervals between are joined from the next shorter one. */
const FETCHED = [1, 5, 15, 60, 1440] as const
const sourceOf: Readonly<Record<Interval, (typeof FETCHED)[number]>> = {
  1: 1,
  5: 5,
  15: 15,
  30: 15,
  60: 60,
  240: 60,
  1440: 1440,
  10080: 1440,
  21600: 1440
}

const unreachable =
  (what: string) =>
  (error: { readonly message: string }): LocalKrakenError =>
    new LocalKrakenError({
      reason: "upstream",
      message: `PAPER_MARKET=kraken needs Kraken's public data: ${what} (${error.message}). Nothing was started. Look at the network, or use PAPER_MARKET=generated.`
    })

type Past = ReadonlyMap<string, ReadonlyArray<Bar>>
const pastKey = (symbol: PairSymbol, minutes: number): string => `${symbol} ${minutes}`

/** Finished candles as the local `OHLC` tells them. Their counts and mean prices are not in what is read: nothing and the close stand for them. */
const readPast = (rest: typeof KrakenRest.Service, symbols: ReadonlyArray<PairSymbol>) =>
  Effect.map(
    Effect.forEach(symbols, (symbol) =>
      Effect.forEach(FETCHED, (minutes) =>
        Effect.map(rest.ohlc(symbol, minutes), (candles): readonly [string, ReadonlyArray<Bar>] => [
          pastKey(symbol, minutes),
          candles.map(({ at, ...candle }) => ({ ...candle, time: at / 1000, vwap: candle.close, count: 0 }))
        ])
      )
    ),
    (all): Past => new Map(all.flat())
  )

/** Turns what the streams say into events of the market; what is older than the session's first quote has been. */
export const marketEvents = (): ((event: PublicStreamEvent) => MarketEvent | undefined) => {
  const since = new Map<PairSymbol, EpochMs>()
  const lastTrade = new Map<PairSymbol, number>()
  return (event) => {
    switch (event._tag) {
      case "QuoteSeen": {
        const { ask, askQuantity, at, bid, bidQuantity, symbol } = event.quote
        if (!since.has(symbol)) since.set(symbol, at)
        return { _tag: "Quote", symbol, at, bids: [[bid, bidQuantity]], asks: [[ask, askQuantity]] }
      }
      case "TradeSeen": {
        const { at, price, quantity, side, symbol, tradeId } = event.trade
        const from = since.get(symbol)
        const isNew = from !== undefined && at >= from && tradeId > (lastTrade.get(symbol) ?? 0)
        lastTrade.set(symbol, Math.max(tradeId, lastTrade.get(symbol) ?? 0))
        return isNew ? { _tag: "Trade", symbol, at, price, quantity, side } : undefined
      }
      case "PublicDown":
        since.clear()
        return undefined
      default:
        return undefined
    }
  }
}

const modeOf = (status: SystemStatus): string => (status === "unknown" ? "maintenance" : status)

/** Keeps a local Kraken's market at what the streams say, for as long as the scope lives; goes on once it has its first quotes. */
const follow = (
  kraken: LocalKrakenShape,
  stream: typeof KrakenStream.Service,
  symbols: ReadonlyArray<PairSymbol>
): Effect.Effect<void, LocalKrakenError, Scope.Scope> =>
  Effect.gen(function* () {
    const heard = yield* Mailbox.make<PublicStreamEvent>({ capacity: WAITING, strategy: "sliding" })
    const up = yield* Deferred.make<void>()
    const read = marketEvents()
    let status: SystemStatus = "online"
    let connected = false
    const operate = (name: string, params: Readonly<Record<string, string>>) =>
      Effect.catchAll(kraken.operate(name, params), (error) => Effect.logError(error.message))
    const setMode = Effect.suspend(() => operate("system", { mode: connected ? modeOf(status) : "cancel_only" }))
    const setConnected = (value: boolean): Effect.Effect<void> =>
      Effect.suspend(() => {
        connected = value
        return Effect.zipRight(operate("outage", { value: String(!value) }), setMode)
      })

    const take = (event: PublicStreamEvent): Effect.Effect<void> => {
      switch (event._tag) {
        case "PublicUp":
          return Effect.zipRight(setConnected(true), Deferred.succeed(up, undefined))
        case "PublicDown":
          return Effect.zipRight(
            setConnected(false),
            Effect.logWarning(
              `the real market is away (${event.reason}): prices stand, nothing is filled until it is back`
            )
          )
        case "SystemSeen":
          status = event.status
          return Effect.asVoid(setMode)
        default:
          return Effect.void
      }
    }
    const feed = (batch: ReadonlyArray<PublicStreamEvent>): Effect.Effect<void> =>
      Effect.gen(function* () {
        let events: Array<MarketEvent> = []
        const flush = Effect.suspend(() => {
          const now = events
          events = []
          return now.length === 0 ? Effect.void : kraken.feed(now)
        }).pipe(Effect.catchAll((error) => Effect.logError(error.message)))
        for (const event of batch) {
          const market = read(event)
          if (market !== undefined) events.push(market)
          else if (event._tag === "PublicUp" || event._tag === "PublicDown" || event._tag === "SystemSeen") {
            yield* flush
            yield* take(event)
          }
        }
        yield* flush
      })

    yield* setConnected(false)
    yield* Effect.forkScoped(
      Effect.annotateLogs(
        stream.runPublic(symbols, (event) => void heard.unsafeOffer(event)),
        { component: "real market" }
      )
    )
    yield* Effect.forkScoped(Effect.forever(Effect.flatMap(heard.takeAll, ([batch]) => feed([...batch]))))
    yield* Effect.timeoutFail(Deferred.await(up), {
      duration: FIRST_QUOTES_MS,
      onTimeout: () =>
        unreachable("its streams gave no quote of every pair")({ message: `within ${FIRST_QUOTES_MS} ms` })
    })
  })

/** Tells the local exchange what changed in the pairs' rules. */
const followRules = (
  kraken: LocalKrakenShape,
  rest: typeof KrakenRest.Service,
  first: ReadonlyArray<Instrument>
): Effect.Effect<void> => {
  let known = first
  const refresh = Effect.gen(function* () {
    const found = yield* rest.instruments(first.map(({ symbol }) => symbol))
    for (const rules of found) {
      const before = known.find(({ symbol }) => symbol === rules.symbol)
      const { minCost, minQuantity, status, symbol } = rules
      if (before?.minCost === minCost && before.minQuantity === minQuantity && before.status === status) continue
      yield* kraken.operate("instrument", {
        symbol,
        minCost: Fixed.show(minCost),
        minQuantity: Fixed.show(minQuantity),
        status: status === "unknown" ? "maintenance" : status
      })
    }
    known = found
  })
  return Effect.asVoid(
    Effect.repeat(
      Effect.catchAll(refresh, (error) => Effect.logWarning(`the pairs' rules were not read again: ${error.message}`)),
      Schedule.spaced(RULES_EVERY)
    )
  )
}

/** A local Kraken whose market is the real one, as the given services read it. Everything ends with the scope. */
export const makeFollowingKraken = (
  settings: SettingsShape,
  options: LocalKrakenOptions
): Effect.Effect<LocalKrakenShape, LocalKrakenError | TapeError, KrakenRest | KrakenStream | Scope.Scope> =>
  Effect.gen(function* () {
    const symbols = options.symbols ?? settings.limits.allowedPairs
    const rest = yield* KrakenRest
    const pairs = yield* Effect.mapError(rest.instruments(symbols), unreachable("the pairs' rules could not be read"))
    const missing = symbols.filter((symbol) => !pairs.some((pair) => pair.symbol === symbol))
    if (missing.length > 0) {
      return yield* new LocalKrakenError({
        reason: "settings",
        message: `Kraken does not trade ${missing.join(", ")}. Nothing was started: correct ALLOWED_PAIRS.`
      })
    }
    const past = yield* Effect.mapError(readPast(rest, symbols), unreachable("past candles could not be read"))
    const history = (symbol: PairSymbol, interval: Interval): ReadonlyArray<Bar> =>
      joinCandles(past.get(pastKey(symbol, sourceOf[interval])) ?? [], interval)
    const kraken = yield* makeLocalKraken({ ...options, pairs, history })
    yield* follow(kraken, yield* KrakenStream, symbols)
    yield* Effect.forkScoped(followRules(kraken, rest, pairs))
    return kraken
  })
