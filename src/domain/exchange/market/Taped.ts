/**
 * Tapes as markets. How a bar becomes quotes and trades is told in `events.ts`; here stands what a tape leaves open.
 *
 * - Spread: 0.08 % of the price unless told, never more than the bar's range.
 * - Number of trades: the tape's own where it has one, else one for every six seconds; at most one for every one and a half.
 * - Size displayed at the best price: three trades of the tape's mean size, times 0.5 to 1.5. It is what stands in front of
 *   an order that joins the best price, and what a crossing order can take at once.
 * - An absent bar had no trade: quotes stay where the last close left them. So does the stretch between two trades.
 * - Intervals of `OHLC` that the bars fill whole are their sums; others are made of the very trades that will be, or would
 *   have been, played.
 */
import { Array } from "effect"
import type { EpochMs } from "../../Time.ts"
import type { Bar, Interval, MarketSource } from "../Boundary.ts"
import { printsOf } from "./events.ts"
import type { Listing, PathBar, Print } from "./PathBar.ts"
import { joinBars, printsToBars, toBar } from "./PathBar.ts"
import { play } from "./Series.ts"
import type { Position, Series } from "./Series.ts"
import type { Tape, TapeBar } from "./tapeText.ts"

const ROWS = 720
const MINUTE = 60_000
const SPREAD = 0.0008

/** When a tape begins and ends (its last instant excluded). */
export const span = (tape: Tape): { readonly start: EpochMs; readonly end: EpochMs } => {
  if (tape._tag === "Bars") {
    return { start: tape.bars[0].at, end: Array.lastNonEmpty(tape.bars).at + tape.ms }
  }
  const minute = (at: number): number => Math.floor(at / MINUTE) * MINUTE
  return { start: minute(tape.prints[0].at), end: minute(Array.lastNonEmpty(tape.prints).at) + MINUTE }
}

/** How many of a sorted list come before an instant. */
const countBefore = (list: ReadonlyArray<{ readonly at: number }>, at: EpochMs): number => {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle]?.at ?? at) < at) low = middle + 1
    else high = middle
  }
  return low
}

/** Trades that a tape's bar is split into. */
const countIn = (bar: TapeBar, ms: number): number =>
  Math.max(1, Math.min(bar.trades ?? Math.round(ms / 6000), Math.round(ms / 1500)))

const flat = (at: EpochMs, ms: number, price: number, size: number, spread: number): PathBar => ({
  at,
  ms,
  open: price,
  high: price,
  low: price,
  close: price,
  volume: 0,
  count: 0,
  spread: Math.max(1, Math.round(price * spread)),
  size
})

const sum = (numbers: Iterable<number>): number => {
  let total = 0
  for (const n of numbers) total += n
  return total
}

/** The tape in steps of its own bars, or of a minute for trades. */
const steps = (tape: Tape, spread: number): { ms: number; at: (start: EpochMs) => PathBar } => {
  if (tape._tag === "Bars") {
    const { bars, ms } = tape
    const mean = sum(bars.map((b) => b.volume)) / Math.max(1, sum(bars.map((b) => countIn(b, ms))))
    const size = Math.max(1, Math.round(mean * 3))
    return {
      ms,
      at: (start) => {
        const index = countBefore(bars, start + 1) - 1
        const bar = bars[index]
        if (bar === undefined || bar.at !== start) return flat(start, ms, bar?.close ?? 1, size, spread)
        return {
          ...bar,
          ms,
          count: countIn(bar, ms),
          spread: Math.max(1, Math.round(bar.open * spread)),
          size
        }
      }
    }
  }
  const { prints } = tape
  const size = Math.max(1, Math.round((sum(prints.map((p) => p.size)) / prints.length) * 3))
  return {
    ms: MINUTE,
    at: (start) => {
      const from = countBefore(prints, start)
      const inside = prints.slice(from, countBefore(prints, start + MINUTE))
      const before = prints[from - 1] ?? prints[from]
      const still = flat(start, MINUTE, before?.price ?? 1, size, spread)
      const [open, close] = [inside[0], inside.at(-1)]
      if (open === undefined || close === undefined) return still
      return {
        ...still,
        open: open.price,
        close: close.price,
        high: inside.reduce((most, p) => Math.max(most, p.price), 0),
        low: inside.reduce((least, p) => Math.min(least, p.price), Number.POSITIVE_INFINITY),
        volume: sum(inside.map((p) => p.size)),
        count: inside.length,
        prints: inside
      }
    }
  }
}

export interface TapedPair {
  readonly listing: Listing
  readonly tape: Tape
}

export interface TapedOptions {
  readonly seed: number
  readonly pairs: ReadonlyArray<TapedPair>
  /** Where to stop; the end of the tapes unless told. */
  readonly to?: EpochMs
  /** Spread as a share of the price. */
  readonly spread?: number
}

const series = (pair: TapedPair, options: TapedOptions): Series => {
  const { listing, tape } = pair
  const { ms, at } = steps(tape, options.spread ?? SPREAD)
  const { end, start } = span(tape)
  const last = Math.min(end, options.to ?? end)

  /** Trades in [since, until), oldest first. */
  const tradesIn = function* (since: EpochMs, until: EpochMs): Iterable<Print> {
    const first = start + Math.max(0, Math.floor((since - start) / ms)) * ms
    for (let slot = first; slot < Math.min(until, end); slot += ms) {
      for (const print of printsOf(listing, at(slot), options.seed)) {
        if (print.at >= since && print.at < until) yield print
      }
    }
  }

  const history = (interval: Interval, until: EpochMs): ReadonlyArray<Bar> => {
    const long = interval * MINUTE
    const since = Math.floor(until / long) * long - ROWS * long
    const whole =
      tape._tag === "Bars" && long % tape.ms === 0 && start % tape.ms === 0
        ? joinBars(
            tape.bars
              .slice(countBefore(tape.bars, since), countBefore(tape.bars, until))
              .filter((bar) => bar.volume > 0)
              .map((bar) => toBar(listing, at(bar.at))),
            long / 1000
          )
        : printsToBars(listing, tradesIn(since, until), long / 1000)
    return whole.filter((row) => row.time * 1000 + long <= until).slice(-ROWS)
  }

  return {
    listing,
    seed: options.seed,
    first: start,
    ms,
    length: Math.max(0, Math.ceil((last - start) / ms)),
    bar: (index) => at(start + index * ms),
    history
  }
}

/** When every tape has begun. */
export const begin = (pairs: ReadonlyArray<TapedPair>): EpochMs =>
  pairs.reduce((latest, pair) => Math.max(latest, span(pair.tape).start), 0)

/** One series per tape. The same tapes and options give the same events, to the last digit. */
export const tapedSeries = (options: TapedOptions): ReadonlyArray<Series> =>
  options.pairs.map((pair) => series(pair, options))

/** Plays one tape per pair, together, from an instant on; from when all have begun, unless told. */
export const taped = (options: TapedOptions & { readonly from?: EpochMs }): MarketSource<Position> =>
  play(tapedSeries(options), options.from ?? begin(options.pairs))
