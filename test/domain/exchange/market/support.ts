import { PairSymbol } from "../../../../src/domain/market/Instrument.ts"
import * as Money from "../../../../src/domain/money/Money.ts"
import type { Bar, MarketEvent, MarketSource } from "../../../../src/domain/exchange/Boundary.ts"
import type { Listing } from "../../../../src/domain/exchange/market/PathBar.ts"
import { listingOf } from "../../../../src/domain/exchange/market/Generated.ts"

export const XLM: Listing = listingOf(PairSymbol("XLM/USD"), Money.price("0.000001"))
export const BTC: Listing = listingOf(PairSymbol("BTC/USD"), Money.price("0.1"))
export const START = 1_767_618_431_000

export const number = (value: bigint): number => Number(value) / 1e12

/** Everything from the source's start until an instant, in steps of so many milliseconds. */
export const playUntil = <S>(source: MarketSource<S>, until: number, step = 60_000): ReadonlyArray<MarketEvent> => {
  const events: Array<MarketEvent> = []
  let state = source.initial
  for (let at = source.start; ; at = Math.min(until, at + step)) {
    const next = source.advance(state, at)
    events.push(...next.events)
    state = next.state
    if (at >= until) return events
  }
}

/** Trades as bars, by plain arithmetic of the test's own. */
export const barsOf = (events: ReadonlyArray<MarketEvent>, seconds: number): ReadonlyArray<Omit<Bar, "vwap">> => {
  const bars = new Map<
    number,
    { time: number; open: number; high: number; low: number; close: number; volume: number; count: number }
  >()
  for (const event of events) {
    if (event._tag !== "Trade") continue
    const time = Math.floor(event.at / 1000 / seconds) * seconds
    const price = number(event.price)
    const bar = bars.get(time) ?? { time, open: price, high: price, low: price, close: price, volume: 0, count: 0 }
    bars.set(time, {
      ...bar,
      high: Math.max(bar.high, price),
      low: Math.min(bar.low, price),
      close: price,
      volume: bar.volume + number(event.quantity),
      count: bar.count + 1
    })
  }
  return [...bars.values()]
}

export const text = (events: ReadonlyArray<MarketEvent>): string =>
  JSON.stringify(events, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))
