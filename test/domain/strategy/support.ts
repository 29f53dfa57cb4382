/** Candles, views and a simple market for the tests of strategies. */
import { gunzipSync } from "node:zlib"
import { readFileSync } from "node:fs"
import type { Candle } from "../../../src/domain/market/Market.ts"
import type { AnyStrategy, EntrySignal, MarketView, RunningStrategy } from "../../../src/domain/strategy/Strategy.ts"

export const MINUTE = 60_000

/** A candle whose prices are all `close`. */
export const candle = (at: number, close: number): Candle => ({
  at,
  open: close,
  high: close,
  low: close,
  close,
  volume: 1
})

/** Candles a minute apart from `from` on. */
export const minutes = (from: number, closes: ReadonlyArray<number>): ReadonlyArray<Candle> =>
  closes.map((close, i) => candle(from + i * MINUTE, close))

export const view = (change: Partial<MarketView> = {}): MarketView => ({
  symbol: "XLM/USD",
  now: 0,
  bid: 0.1,
  ask: 0.10005,
  tick: 0.000001,
  makerFee: 0.0025,
  takerFee: 0.004,
  closed: [],
  engaged: false,
  ...change
})

/** Bars of a recorded market: `ts,open,high,low,close,...`. */
export const readBars = (file: URL, from: string, to: string): ReadonlyArray<Candle> =>
  gunzipSync(readFileSync(file))
    .toString()
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",").map(Number))
    .map(([ts, open, high, low, close]) => ({
      at: ts! * 1000,
      open: open!,
      high: high!,
      low: low!,
      close: close!,
      volume: 1
    }))
    .filter((bar) => bar.at >= Date.parse(from) && bar.at < Date.parse(to))

export interface Trade {
  readonly why: "target" | "stop" | "time"
  /** Net of fees, as a ratio of the cost. */
  readonly earned: number
}

/** A mid price at a time. */
export interface Mid {
  readonly at: number
  readonly mid: number
}

/** Twelve prices a bar: open, low and high in the order that the bar suggests, close. */
export const path = (bars: ReadonlyArray<Candle>, barMinutes: number): ReadonlyArray<Mid> =>
  bars.flatMap((bar) => {
    const [first, second] = bar.close >= bar.open ? [bar.low, bar.high] : [bar.high, bar.low]
    const corners = [bar.open, first, second, bar.close]
    return Array.from({ length: 12 }, (_, k) => {
      const leg = Math.min(2, Math.floor(k / 4))
      const along = (k - leg * 4) / (leg === 2 ? 3 : 4)
      return {
        at: bar.at + (k * barMinutes * MINUTE) / 12,
        mid: corners[leg]! + (corners[leg + 1]! - corners[leg]!) * along
      }
    })
  })

/**
 * Runs a strategy over prices with simple fills: an entry when the ask comes down to its limit within two minutes, the
 * target when the bid is above it, stop and time at the bid.
 */
export const trade = (strategy: AnyStrategy, prices: ReadonlyArray<Mid>, spread = 0.0006) => {
  const interval = strategy.intervalMinutes * MINUTE
  const trades: Array<Trade> = []
  const counts = { signals: 0, withdrawals: 0, unready: 0, steps: 0 }
  let running: RunningStrategy = strategy.start()
  let forming: Candle | undefined
  let resting: { readonly entry: EntrySignal; readonly at: number } | undefined
  let held: { readonly entry: EntrySignal; readonly at: number } | undefined
  for (const { at: now, mid } of prices) {
    const v = view({ now, bid: mid * (1 - spread / 2), ask: mid * (1 + spread / 2) })
    const slot = Math.floor(now / interval) * interval
    const closed = forming !== undefined && forming.at !== slot ? [forming] : []
    forming =
      forming === undefined || closed.length > 0
        ? candle(slot, mid)
        : { ...forming, high: Math.max(forming.high, mid), low: Math.min(forming.low, mid), close: mid }
    if (resting !== undefined && now > resting.at + 2 * MINUTE) resting = undefined
    if (resting !== undefined && v.ask <= resting.entry.limit) {
      held = { entry: resting.entry, at: now }
      resting = undefined
    }
    if (held !== undefined) {
      const { exit, limit } = held.entry
      const close = (why: Trade["why"], price: number, fee: number) => {
        trades.push({ why, earned: (price * (1 - fee)) / (limit * (1 + v.makerFee)) - 1 })
        held = undefined
      }
      if (v.bid > exit.target) close("target", exit.target, v.makerFee)
      else if (v.bid <= exit.stop) close("stop", v.bid, v.takerFee)
      else if (now >= held.at + exit.holdFor) close("time", v.bid, v.takerFee)
    }
    const { next, outcome } = running.step({ ...v, closed, engaged: resting !== undefined || held !== undefined })
    running = next
    counts.steps++
    if (outcome._tag === "Unready") counts.unready++
    else
      for (const signal of outcome.signals) {
        if (signal._tag === "Enter") {
          counts.signals++
          resting = { entry: signal, at: now }
        } else {
          counts.withdrawals++
          resting = undefined
        }
      }
  }
  return { ...counts, trades }
}
