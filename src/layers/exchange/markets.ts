/** Which market plays behind the local Kraken, from the settings that name it. */
import { Effect } from "effect"
import type { Instrument, PairSymbol } from "../../domain/market/Instrument.ts"
import * as Generated from "../../domain/exchange/market/Generated.ts"
import type { Listing } from "../../domain/exchange/market/PathBar.ts"
import type { Series } from "../../domain/exchange/market/Series.ts"
import { begin, span, tapedSeries } from "../../domain/exchange/market/Taped.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { iso } from "../../domain/Time.ts"
import { LocalKrakenError, TapeError } from "../../services/LocalKraken.ts"
import type { PaperMarket } from "../../services/Settings.ts"
import { readTape } from "./TapeFile.ts"

/** A market that has been read but not begun. */
export interface Chosen {
  /** What an `exchange.db` is bound to. */
  readonly name: string
  /** Where it begins in a new folder. */
  readonly start: EpochMs
  /** The earliest instant at which an old folder goes on: the present for a market that did not wait, the real one. */
  readonly resumesAt: EpochMs
  /** Its pairs' paths; none for one that is fed from outside. */
  readonly series: (start: EpochMs) => ReadonlyArray<Series>
}

export interface MarketOptions {
  readonly market: PaperMarket
  readonly seed: number
  readonly pairs: ReadonlyArray<Instrument>
  /** Pairs of the generated market. */
  readonly symbols: ReadonlyArray<PairSymbol>
  /** Where a new market begins, if told: part of a tape, or the date of a generated one. */
  readonly from: EpochMs | undefined
  readonly to: EpochMs | undefined
  readonly realNow: EpochMs
  /** Whether an old folder goes on at the present. */
  readonly keepsTime: boolean
  readonly volatility: number | undefined
}

const listing = (options: MarketOptions, symbol: PairSymbol): Effect.Effect<Listing, LocalKrakenError> => {
  const pair = options.pairs.find((one) => one.symbol === symbol)
  return pair === undefined
    ? new LocalKrakenError({
        reason: "settings",
        message: `The local Kraken has no pair ${symbol}; it has ${options.pairs.map((one) => one.symbol).join(", ")}.`
      })
    : Effect.succeed(Generated.listingOf(symbol, pair.tickSize))
}

const tapes = (
  options: MarketOptions,
  wanted: Extract<PaperMarket, { readonly _tag: "Tape" }>["tapes"]
): Effect.Effect<Chosen, LocalKrakenError | TapeError> =>
  Effect.gen(function* () {
    const pairs = yield* Effect.forEach(wanted, ({ path, symbol }) =>
      Effect.gen(function* () {
        const one = yield* listing(options, symbol)
        return { path, listing: one, tape: yield* readTape(path, one) }
      })
    )
    const start = options.from ?? begin(pairs)
    for (const { path, tape } of pairs) {
      const { end, start: first } = span(tape)
      if (start < first || start >= end || (options.to !== undefined && options.to <= start)) {
        return yield* new TapeError({
          path,
          reason: "out of range",
          message: `The tape ${path} covers ${iso(first)} to ${iso(end)}; it cannot be played from ${iso(start)}${options.to === undefined ? "" : ` to ${iso(options.to)}`}.`
        })
      }
    }
    const range = options.to === undefined ? {} : { to: options.to }
    return {
      name: `tape ${pairs.map((p) => `${p.listing.symbol} ${iso(span(p.tape).start)} ${iso(span(p.tape).end)}`).join(", ")} seed ${options.seed}`,
      start,
      resumesAt: 0,
      series: () => tapedSeries({ seed: options.seed, pairs, ...range })
    }
  })

export const chooseMarket = (options: MarketOptions): Effect.Effect<Chosen, LocalKrakenError | TapeError> => {
  const { market, realNow, seed, symbols, volatility } = options
  const start = options.from ?? realNow
  switch (market._tag) {
    case "Generated":
      return Effect.map(
        Effect.forEach(symbols, (symbol) => listing(options, symbol)),
        (all) => ({
          name: `generated ${symbols.join(", ")} seed ${seed}${volatility === undefined ? "" : ` volatility ${volatility}`}`,
          start,
          resumesAt: options.keepsTime ? realNow : 0,
          series: (first: EpochMs) =>
            Generated.generatedSeries({
              seed,
              listings: volatility === undefined ? all : all.map((one) => ({ ...one, volatility })),
              start: first
            })
        })
      )
    case "Kraken":
      return Effect.succeed({ name: "fed", start, resumesAt: start, series: () => [] })
    case "Tape":
      return tapes(options, market.tapes)
  }
}
