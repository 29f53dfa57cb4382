/**
 * Candles from trades. A trade touches the minute that is forming and nothing else; a finished minute is added to the
 * longer intervals, so that nine intervals cost hardly more than one.
 */
import type { EpochMs } from "../Time.ts"
import type { Bar, Interval } from "./Boundary.ts"
import { intervals } from "./Boundary.ts"
import * as Log from "./Log.ts"
import type { Candles } from "./State.ts"

/** Rows that `OHLC` shows at most. */
export const ROWS = 720

export const initial = (history: (interval: Interval) => ReadonlyArray<Bar>): Candles => ({
  minute: undefined,
  forming: intervals.map(() => undefined),
  done: intervals.map((interval) => Log.fromArray(history(interval).slice(-ROWS)))
})

const bucket = (seconds: number, interval: number): number => Math.floor(seconds / (interval * 60)) * interval * 60

/** Volume-weighted mean price of two bars' trades. */
const meanOf = (a: Bar, b: Bar): number => {
  const volume = a.volume + b.volume
  return volume > 0 ? (a.vwap * a.volume + b.vwap * b.volume) / volume : b.vwap
}

/** Two neighbouring bars as one. */
export const merge = (a: Bar, b: Bar): Bar => ({
  time: a.time,
  open: a.open,
  high: Math.max(a.high, b.high),
  low: Math.min(a.low, b.low),
  close: b.close,
  vwap: meanOf(a, b),
  volume: a.volume + b.volume,
  count: a.count + b.count
})

/** Finished bars of the interval at an index of `intervals`; none for an interval that does not exist. */
const doneAt = (candles: Candles, index: number): Log.Log<Bar> => candles.done[index] ?? Log.empty()

const finishMinute = (candles: Candles, minute: Bar): Candles => {
  const forming: Array<Bar | undefined> = []
  const done: Array<Log.Log<Bar>> = []
  intervals.forEach((interval, index) => {
    const log = doneAt(candles, index)
    const current = candles.forming[index]
    const time = bucket(minute.time, interval)
    if (interval === 1) {
      done.push(Log.appendBounded(log, minute, ROWS))
      forming.push(undefined)
    } else if (current !== undefined && current.time === time) {
      done.push(log)
      forming.push(merge(current, minute))
    } else {
      done.push(current === undefined ? log : Log.appendBounded(log, current, ROWS))
      forming.push({ ...minute, time })
    }
  })
  return { minute: undefined, forming, done }
}

/** Adds a trade; trades come in time order. */
export const add = (candles: Candles, at: EpochMs, price: number, quantity: number): Candles => {
  const trade: Bar = {
    time: bucket(at / 1000, 1),
    open: price,
    high: price,
    low: price,
    close: price,
    vwap: price,
    volume: quantity,
    count: 1
  }
  const minute = candles.minute
  if (minute === undefined) return { ...candles, minute: trade }
  if (minute.time === trade.time) return { ...candles, minute: merge(minute, trade) }
  return { ...finishMinute(candles, minute), minute: trade }
}

/** All bars of an interval that had trades, oldest first; the last one may still be forming. */
export const rows = (candles: Candles, interval: number): ReadonlyArray<Bar> => {
  const index = intervals.findIndex((known) => known === interval)
  const done = Log.last(doneAt(candles, index), ROWS)
  const tail = [candles.forming[index], candles.minute].filter((bar) => bar !== undefined)
  return tail.reduce<ReadonlyArray<Bar>>((all, bar) => {
    const time = bucket(bar.time, interval)
    const newest = all.at(-1)
    return newest !== undefined && newest.time === time
      ? [...all.slice(0, -1), merge(newest, bar)]
      : [...all, { ...bar, time }]
  }, done)
}

/**
 * The rows of `OHLC`: gaps without trades are flat bars at the last close, up to the bar that contains `now`, so that
 * the last row is always the unfinished one. At most 720.
 */
export const filled = (candles: Candles, interval: number, now: EpochMs): ReadonlyArray<Bar> => {
  const step = interval * 60
  const current = bucket(now / 1000, interval)
  const all: Array<Bar> = []
  const flatTo = (end: number): void => {
    const close = all.at(-1)?.close
    if (close === undefined) return
    const first = Math.max((all.at(-1)?.time ?? end) + step, end - ROWS * step)
    for (let time = first; time < end; time += step) {
      all.push({ time, open: close, high: close, low: close, close, vwap: 0, volume: 0, count: 0 })
    }
  }
  for (const bar of rows(candles, interval)) {
    flatTo(bar.time)
    all.push(bar)
  }
  flatTo(current + step)
  return all.slice(-ROWS)
}

/** What the ticker says of a stretch of time, from bars of five minutes. */
export interface Summary {
  readonly open: number
  readonly high: number
  readonly low: number
  readonly last: number
  readonly vwap: number
  readonly volume: number
  readonly count: number
}

/** A pair that never traded. */
export const nothing: Summary = { open: 0, high: 0, low: 0, last: 0, vwap: 0, volume: 0, count: 0 }

/** Trades since an instant, to five minutes; `undefined` before the first trade ever. Without a trade since: the last close, flat. */
export const since = (candles: Candles, start: EpochMs): Summary | undefined => {
  const all = rows(candles, 5)
  const newest = all.at(-1)
  if (newest === undefined) return undefined
  const from = bucket(start / 1000, 5)
  const within = all.filter((bar) => bar.time >= from)
  const one = within.length === 0 ? undefined : within.reduce(merge)
  const close = newest.close
  return one === undefined
    ? { open: close, high: close, low: close, last: close, vwap: close, volume: 0, count: 0 }
    : {
        open: one.open,
        high: one.high,
        low: one.low,
        last: one.close,
        vwap: one.vwap,
        volume: one.volume,
        count: one.count
      }
}
