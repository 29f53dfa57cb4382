/**
 * The generated market: a path per pair that never ends, with a past of thirty years, all from one seed.
 *
 * The past is one path, walked in days at first, in hours from two years before the start on, in minutes for the last
 * month, so that every interval of `OHLC` has its 720 rows at little cost. From the start on it goes in minutes for ever.
 */
import type { PairSymbol } from "../../market/Instrument.ts"
import type { EpochMs } from "../../Time.ts"
import type { Bar, MarketSource } from "../Boundary.ts"
import * as Model from "./Model.ts"
import type { Listing, PathBar } from "./PathBar.ts"
import { joinBars, tickSize, toBar, UNITS } from "./PathBar.ts"
import { make, seedOf } from "./Random.ts"
import { play } from "./Series.ts"
import type { Position, Series } from "./Series.ts"

const MINUTE = 60_000
const DAY = 86_400_000
/** 720 rows of the longest interval, fifteen days, and one to spare. */
const DAYS_BACK = 721 * 15
const HOURS_FROM_DAYS = 721
const MINUTES_FROM_DAYS = 31
/** Steps within a bar, of the past and from the start on. */
const PAST_STEPS = 2
const STEPS = 4
/** Trades of a quiet minute. */
const TRADES_A_MINUTE = 8
const ROWS = 720

interface Walked {
  readonly bar: PathBar
  readonly state: Model.ModelState
}

/** One bar of so many minutes from a state of the model, in so many steps. */
const walk = (
  listing: Listing,
  seed: number,
  before: Model.ModelState,
  at: EpochMs,
  minutes: number,
  steps: number
): Walked => {
  const random = make(seedOf(seed, listing.symbol, "path", at))
  const anchor = listing.anchor / tickSize(listing)
  let state = before
  const { volatility } = listing
  const level = volatility === undefined ? Model.level : (at: Model.ModelState) => Model.level(at) ** volatility
  const levels = [level(state)]
  for (let i = 0; i < steps; i += 1) {
    state = Model.step(state, minutes / steps, random)
    levels.push(level(state))
  }
  const { activity, spread } = Model.characters[state.regime]
  const half = random.between(spread[0], spread[1]) / 2
  const [first = 1] = levels
  const last = levels.at(-1) ?? first
  const high = Math.max(2, Math.round(anchor * Math.max(...levels) * (1 + half)))
  const low = Math.max(1, Math.min(high - 1, Math.round(anchor * Math.min(...levels) * (1 - half))))
  const inside = (at: number): number => Math.min(high, Math.max(low, Math.round(anchor * at)))
  const moved = Math.abs(Math.log(last / first)) / Math.sqrt(minutes)
  const bustle = minutes * activity * (1 + moved / 0.002)
  const tradeUnits = listing.tradeSize * UNITS
  return {
    state,
    bar: {
      at,
      ms: minutes * MINUTE,
      open: inside(first),
      close: inside(last),
      high,
      low,
      count: Math.max(1, Math.round(TRADES_A_MINUTE * bustle)),
      volume: Math.max(1, Math.round(tradeUnits * TRADES_A_MINUTE * bustle * Math.exp(0.5 * random.normal()))),
      spread: Math.max(1, Math.round(anchor * first * 2 * half)),
      size: Math.max(1, Math.round(tradeUnits * 3))
    }
  }
}

/** The past of one pair: bars that are a minute, an hour, a day long, the state at the start, oldest first. */
const past = (listing: Listing, seed: number, start: EpochMs) => {
  const today = Math.floor(start / DAY) * DAY
  const days: Array<Bar> = []
  const hours: Array<Bar> = []
  const minutes: Array<Bar> = []
  let state = Model.resting
  const walkTo = (bars: Array<Bar>, from: EpochMs, to: EpochMs, length: number): void => {
    for (let at = from; at < to; at += length * MINUTE) {
      const walked = walk(listing, seed, state, at, length, PAST_STEPS)
      bars.push(toBar(listing, walked.bar))
      state = walked.state
    }
  }
  walkTo(days, today - DAYS_BACK * DAY, today - HOURS_FROM_DAYS * DAY, 1440)
  walkTo(hours, today - HOURS_FROM_DAYS * DAY, today - MINUTES_FROM_DAYS * DAY, 60)
  walkTo(minutes, today - MINUTES_FROM_DAYS * DAY, start, 1)
  return { days, hours, minutes, state }
}

const series = (listing: Listing, seed: number, start: EpochMs): Series => {
  const first = Math.floor(start / MINUTE) * MINUTE
  let before: ReturnType<typeof past> | undefined
  const thePast = (): ReturnType<typeof past> => (before ??= past(listing, seed, first))

  // The bars since the start are walked once, in order; one state is kept, and an earlier bar begins again.
  let at = 0
  let state: Model.ModelState | undefined
  let latest: PathBar | undefined
  const bar = (index: number): PathBar => {
    if (latest !== undefined && latest.at === first + index * MINUTE) return latest
    if (state === undefined || index < at) {
      state = Model.opening(thePast().state, make(seedOf(seed, listing.symbol, "opening")))
      at = 0
    }
    for (;;) {
      const walked: Walked = walk(listing, seed, state, first + at * MINUTE, 1, STEPS)
      state = walked.state
      at += 1
      if (at > index) {
        latest = walked.bar
        return walked.bar
      }
    }
  }

  return {
    listing,
    seed,
    first,
    ms: MINUTE,
    length: undefined,
    bar,
    history: (interval, until) => {
      const { days, hours, minutes } = thePast()
      const since = Array.from({ length: Math.floor((until - first) / MINUTE) }, (_, i) => toBar(listing, bar(i)))
      const fine = [...minutes, ...since]
      const all = interval <= 60 ? fine : interval <= 1440 ? [...hours, ...fine] : [...days, ...hours, ...fine]
      const seconds = interval * 60
      return joinBars(all, seconds)
        .filter((row) => (row.time + seconds) * 1000 <= until)
        .slice(-ROWS)
    }
  }
}

/** Where a generated pair lives: tick and price of the pairs that the local Kraken lists. */
export interface GeneratedOptions {
  readonly seed: number
  readonly listings: ReadonlyArray<Listing>
  /** First instant of the market: where its opening is. */
  readonly start: EpochMs
}

/** A path for each listing, without an end. The same options give the same path, to the last digit. */
export const generatedSeries = (options: GeneratedOptions): ReadonlyArray<Series> =>
  options.listings.map((listing) => series(listing, options.seed, options.start))

/** The generated market, played from its start or (an exchange that resumes) from a later instant. */
export const generated = (options: GeneratedOptions & { readonly from?: EpochMs }): MarketSource<Position> =>
  play(generatedSeries(options), Math.max(options.start, options.from ?? options.start))

/** What the generated markets are like: price level and trade size; ticks come from the pair itself. */
export const characters: ReadonlyMap<string, { readonly anchor: number; readonly tradeSize: number }> = new Map([
  ["XLM/USD", { anchor: 0.16, tradeSize: 400 }],
  ["BTC/USD", { anchor: 60_000, tradeSize: 0.005 }],
  ["ETH/USD", { anchor: 2500, tradeSize: 0.1 }]
])

/** A pair as the generated market trades it; one that it does not know gets a price of one. */
export const listingOf = (symbol: PairSymbol, tick: Listing["tick"]): Listing => ({
  symbol,
  tick,
  ...(characters.get(symbol) ?? { anchor: 1, tradeSize: 100 })
})
