/**
 * Mean reversion: buy passively when the price stands unusually far below its rolling mean, sell where it came from.
 *
 * It bets that a deviation is noise. In a trend that bet loses, and then the stop pays a taker fee and the spread on
 * top: gains are capped by the mean, losses by the stop. It does nothing where the way back to the mean does not pay for
 * fees, spread and a margin, which in calm markets is most of the time. Nothing here promises a profit.
 */
import { Either, Option, Schema } from "effect"
import type { Candle } from "../market/Market.ts"
import { makeCandle } from "../market/Market.ts"
import type { EpochMs } from "../Time.ts"
import { numberBetween, oneOf, parameterReader, wholeNumber } from "./params.ts"
import * as Rolling from "./Rolling.ts"
import type { MarketView, Signal, Step, Strategy, StrategyModule } from "./Strategy.ts"
import { conceal } from "./Strategy.ts"

/**
 * Parameters, with defaults. Percentages are per cent, deviations are standard deviations of the window's closes.
 *
 * Bounds: the exchange hands out 720 candles at most (Kraken: OHLC, the last of them unfinished), so a window of 700 can
 * always be warmed from history.
 */
export const MeanReversionParameters = Schema.Struct({
  /** Candle interval in minutes (Kraken's OHLC intervals up to a day). */
  intervalMinutes: oneOf([1, 5, 15, 30, 60, 240, 1440], 1),
  /** Candles whose closes make the mean and the deviation. */
  window: wholeNumber(10, 700, 60),
  /** The ask must stand so many deviations below the mean. */
  entryDeviations: numberBetween(0.5, 10, 2.5),
  /** Where to sell: this share of the way from the entry back to the mean. */
  targetFraction: numberBetween(0.1, 1, 1),
  /** The stop: so many deviations below the entry... */
  stopDeviations: numberBetween(0.5, 20, 4),
  /** ...but never further below the entry than this, in per cent. */
  stopPct: numberBetween(0.1, 20, 3),
  /** Sold at any price after so many minutes. */
  holdMinutes: wholeNumber(1, 10_080, 180),
  /** What the trade must earn over fees and the present spread, in per cent of the entry. */
  minEdgePct: numberBetween(0, 10, 0.2),
  /** A resting entry is taken back once the bid is less than so many deviations below the mean. */
  withdrawDeviations: numberBetween(0, 10, 1),
  /** Quiet time after a signal, and after an entry or position has ended, in seconds of market time. */
  cooldownSeconds: numberBetween(0, 86_400, 120),
  /** Candles in a row that may be absent (an interval without a trade has none) before the window starts anew. */
  maxGapCandles: wholeNumber(0, 60, 5),
  /** The entry rests so many ticks below the bid. */
  ticksBehind: wholeNumber(0, 1000, 0)
})
export type MeanReversionParameters = typeof MeanReversionParameters.Type

/** What it remembers between steps. Plain immutable data. */
export interface MeanReversionState {
  readonly closes: Rolling.Rolling
  /** Start of the newest candle in the window. */
  readonly newest: EpochMs | undefined
  /** Why the window was last emptied; empty text if it never was. */
  readonly restarted: string
  /** The last signal, or the last moment at which an entry or position was there. */
  readonly busyAt: EpochMs | undefined
  /** Whether the present entry has been asked back already. */
  readonly withdrawn: boolean
}

const NAME = "mean-reversion"
const MINUTE_MS = 60_000

const restart = (state: MeanReversionState, why: string): MeanReversionState => ({
  ...state,
  closes: Rolling.empty(state.closes.capacity),
  newest: undefined,
  restarted: why
})

/**
 * One finished candle. A repeat is ignored. A gap, an unsound candle or one of another interval empties the window: what
 * is missing is never filled in, and statistics over a hole would call the price after it an extreme.
 */
const absorb =
  (p: MeanReversionParameters) =>
  (state: MeanReversionState, candle: Candle): MeanReversionState => {
    const interval = p.intervalMinutes * MINUTE_MS
    const close = Option.flatMap(makeCandle(candle), (sound) => Rolling.sample(sound.close))
    if (Option.isNone(close)) return restart(state, "a candle with unsound numbers")
    if (candle.at % interval !== 0) return restart(state, `a candle that is not of ${p.intervalMinutes} min`)
    const intervals = state.newest === undefined ? 1 : (candle.at - state.newest) / interval
    if (intervals <= 0) return state
    const missing = intervals - 1
    const before = missing > p.maxGapCandles ? restart(state, `${missing} candles in a row were missing`) : state
    return { ...before, closes: Rolling.push(before.closes, close.value), newest: candle.at }
  }

/** Why a view cannot be decided on, if so. The trader never passes such a view; this keeps it harmless if one comes. */
const unsound = (p: MeanReversionParameters, view: MarketView): Option.Option<string> => {
  if (!Number.isFinite(view.now)) return Option.some("no sound time")
  if (!(view.bid > 0 && view.ask > view.bid && view.ask <= Rolling.MAX_SAMPLE)) return Option.some("no sound quote")
  if (!(view.tick >= 1e-12 && view.bid > (p.ticksBehind + 1) * view.tick)) return Option.some("no sound price step")
  if (!(Math.abs(view.makerFee) < 0.5 && Math.abs(view.takerFee) < 0.5)) return Option.some("no sound fees")
  return Option.none()
}

/** The statistics of a window that can be trusted at this moment, or why there is none. */
const measured = (
  p: MeanReversionParameters,
  state: MeanReversionState,
  now: EpochMs
): Either.Either<Rolling.Statistics, string> => {
  // The present interval is not over, and the one before may become final a moment later: neither is missing yet.
  const since = state.newest === undefined ? 0 : now - state.newest
  const missing = Math.floor(since / (p.intervalMinutes * MINUTE_MS)) - 2
  if (missing > p.maxGapCandles) return Either.left(`no candle for ${missing} intervals`)
  return Either.fromOption(Rolling.statistics(state.closes), () => {
    const have = `${Rolling.size(state.closes)} of ${p.window} candles`
    return state.restarted === "" ? have : `${have} (started anew: ${state.restarted})`
  })
}

/** What a purchase would come to. Ratios, not per cent. */
interface Prospect {
  readonly limit: number
  readonly target: number
  readonly stop: number
  /** Earned at the target, of the cost: a maker fee on both sides, since both orders rest. */
  readonly edge: number
  /** Earned at the stop (so negative), of the cost: maker fee in, taker fee out. Sold lower, it is more. */
  readonly loss: number
  /** The present spread over the mid. */
  readonly spread: number
  /** The least edge that an entry is made for. */
  readonly required: number
}

const earned = (buy: number, buyFee: number, sell: number, sellFee: number): number =>
  (sell * (1 - sellFee)) / (buy * (1 + buyFee)) - 1

const prospectOf = (p: MeanReversionParameters, view: MarketView, is: Rolling.Statistics): Prospect => {
  const limit = view.bid - p.ticksBehind * view.tick
  const target = limit + p.targetFraction * (is.mean - limit)
  const stop = Math.max(limit - p.stopDeviations * is.deviation, limit * (1 - p.stopPct / 100))
  const spread = (2 * (view.ask - view.bid)) / (view.ask + view.bid)
  return {
    limit,
    target,
    stop,
    edge: earned(limit, view.makerFee, target, view.makerFee),
    loss: earned(limit, view.makerFee, stop, view.takerFee),
    spread,
    required: spread + p.minEdgePct / 100
  }
}

/** Notes whether an entry or position is there; once there is none, the next one may be asked back again. */
const observe = (state: MeanReversionState, view: MarketView): MeanReversionState =>
  view.engaged ? { ...state, busyAt: view.now } : { ...state, withdrawn: false }

const percent = (ratio: number): string => `${(ratio * 100).toFixed(2)} %`
const flag = (holds: boolean): number => (holds ? 1 : 0)

/** With a full window and a sound quote, the features say which conditions of an entry hold (1) and which do not (0). */
const decide = (
  p: MeanReversionParameters,
  state: MeanReversionState,
  view: MarketView,
  is: Rolling.Statistics
): Step<MeanReversionState> => {
  // No price moves by less than a tick: what is left below a hundredth of one is rounding, and no measure for a dip.
  if (is.deviation < view.tick / 100) {
    const features = { bid: view.bid, ask: view.ask, mean: is.mean, deviation: is.deviation, flat: 1 }
    return { _tag: "Ready", state, signals: [], features }
  }
  const what = prospectOf(p, view, is)
  const z = (view.ask - is.mean) / is.deviation
  const dip = z <= -p.entryDeviations
  const pays = what.edge >= what.required
  // A stop that the bid reaches by an ordinary flicker of the spread is no stop.
  const stopClear = what.stop < what.limit - (view.ask - view.bid) - view.tick
  const rested = state.busyAt === undefined || view.now - state.busyAt >= p.cooldownSeconds * 1000
  const features = {
    bid: view.bid,
    ask: view.ask,
    mean: is.mean,
    deviation: is.deviation,
    z,
    spreadPct: what.spread * 100,
    feesPct: (view.makerFee + view.makerFee) * 100,
    feesAtStopPct: (view.makerFee + view.takerFee) * 100,
    edgePct: what.edge * 100,
    requiredEdgePct: what.required * 100,
    lossPct: what.loss * 100,
    flat: 0,
    dip: flag(dip),
    pays: flag(pays),
    stopClear: flag(stopClear),
    rested: flag(rested),
    engaged: flag(view.engaged)
  }
  const ready = (next: MeanReversionState, ...signals: ReadonlyArray<Signal>): Step<MeanReversionState> => ({
    _tag: "Ready",
    state: next,
    signals,
    features
  })
  if (view.engaged) {
    const bidZ = (view.bid - is.mean) / is.deviation
    if (state.withdrawn || bidZ <= -p.withdrawDeviations) return ready(state)
    const reason = `the bid is back to ${bidZ.toFixed(2)} deviations from the mean of ${p.window} candles`
    return ready({ ...state, withdrawn: true }, { _tag: "Withdraw", reason })
  }
  if (!(dip && pays && stopClear && rested)) return ready(state)
  return ready(
    { ...state, busyAt: view.now },
    {
      _tag: "Enter",
      limit: what.limit,
      exit: { target: what.target, stop: what.stop, holdFor: p.holdMinutes * MINUTE_MS },
      reason:
        `the ask is ${(-z).toFixed(2)} deviations below the mean of ${p.window} candles; ` +
        `after fees ${percent(what.edge)} at the target, ${percent(what.loss)} at the stop`,
      features
    }
  )
}

const step =
  (p: MeanReversionParameters) =>
  (before: MeanReversionState, view: MarketView): Step<MeanReversionState> => {
    const fed = view.closed.reduce(absorb(p), before)
    const ahead = fed.newest !== undefined && fed.newest > view.now
    const state = observe(ahead ? restart(fed, "a candle from the future") : fed, view)
    const unready = (why: string): Step<MeanReversionState> => ({ _tag: "Unready", state, why })
    return Option.match(unsound(p, view), {
      onSome: unready,
      onNone: () =>
        Either.match(measured(p, state, view.now), { onLeft: unready, onRight: (is) => decide(p, state, view, is) })
    })
  }

/** The strategy with its parameters bound. */
export const meanReversion = (p: MeanReversionParameters): Strategy<MeanReversionState> => ({
  name: NAME,
  intervalMinutes: p.intervalMinutes,
  warmUpCandles: p.window,
  initial: {
    closes: Rolling.empty(p.window),
    newest: undefined,
    restarted: "",
    busyAt: undefined,
    withdrawn: false
  },
  warmUp: (state, candles) => candles.reduce(absorb(p), state),
  step: step(p)
})

const read = parameterReader(MeanReversionParameters)

/** The built-in module `mean-reversion`. */
export const MeanReversion: StrategyModule = {
  name: NAME,
  make: (params) =>
    Either.flatMap(read(params), (p) =>
      p.withdrawDeviations < p.entryDeviations
        ? Either.right(conceal(meanReversion(p)))
        : Either.left({
            problems: [`withdrawDeviations must be less than entryDeviations (${p.entryDeviations})`]
          })
    )
}
