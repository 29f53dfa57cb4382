/**
 * Which bars are final. Kraken's `ohlc` channel has no flag for it: a bar is closed when a later one begins, or, in a quiet
 * market where none does, when the clock has passed its end by a margin.
 */
import type { PairSymbol } from "../../market/Instrument.ts"
import type { EpochMs } from "../../Time.ts"
import type { RunningCandle } from "./Public.ts"

export interface CandleState {
  /** The bar that still runs, by pair. */
  readonly running: ReadonlyMap<PairSymbol, RunningCandle>
  /** Start of the last bar that was called final, by pair: every bar is told once, in order. */
  readonly closed: ReadonlyMap<PairSymbol, EpochMs>
}

export const noCandles: CandleState = { running: new Map(), closed: new Map() }

/** How long after its end (market time) a bar without a successor is called final. */
export const CLOSE_MARGIN_MS = 10_000
/** Of a first snapshot, bars that began longer ago than this many intervals are history, which REST gives better. */
const SNAPSHOT_INTERVALS = 3

const lengthOf = (running: RunningCandle): number => running.intervalMinutes * 60_000

export interface ClosedCandles {
  readonly state: CandleState
  readonly closed: ReadonlyArray<RunningCandle>
}

const step = (
  state: CandleState,
  incoming: RunningCandle,
  now: EpochMs
): { readonly state: CandleState; readonly closed: RunningCandle | undefined } => {
  const { symbol } = incoming
  const before = state.running.get(symbol)
  const last = state.closed.get(symbol)
  const stale =
    last === undefined ? now - SNAPSHOT_INTERVALS * lengthOf(incoming) > incoming.candle.at : incoming.candle.at <= last
  if (stale || (before !== undefined && incoming.candle.at < before.candle.at)) return { state, closed: undefined }
  const running = new Map(state.running).set(symbol, incoming)
  if (before === undefined || before.candle.at === incoming.candle.at)
    return { state: { ...state, running }, closed: undefined }
  return { state: { running, closed: new Map(state.closed).set(symbol, before.candle.at) }, closed: before }
}

/** Takes the rows of one frame, oldest first. Rows older than what was already closed are dropped. */
export const onCandles = (state: CandleState, candles: ReadonlyArray<RunningCandle>, now: EpochMs): ClosedCandles => {
  const closed: Array<RunningCandle> = []
  let current = state
  for (const incoming of candles) {
    const next = step(current, incoming, now)
    current = next.state
    if (next.closed !== undefined) closed.push(next.closed)
  }
  return { state: current, closed }
}

/** Closes the bars whose end is past the margin at market time `now`. */
export const onCandleTime = (state: CandleState, now: EpochMs): ClosedCandles => {
  const due = [...state.running.values()].filter((r) => now >= r.candle.at + lengthOf(r) + CLOSE_MARGIN_MS)
  if (due.length === 0) return { state, closed: due }
  const running = new Map(state.running)
  const closed = new Map(state.closed)
  for (const { symbol, candle } of due) {
    running.delete(symbol)
    closed.set(symbol, candle.at)
  }
  return { state: { running, closed }, closed: due }
}

/** After a reconnect: what ran may have missed trades, so it is taken from the snapshot anew. */
export const forgetRunning = (state: CandleState): CandleState => ({ ...state, running: new Map() })
