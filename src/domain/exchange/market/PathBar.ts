/**
 * The steps in which a market is played: a stretch of time with the prices between which it moves. Prices count ticks
 * and sizes count hundred-millionths, both as whole doubles, so that a path stays exact.
 */
import type { PairSymbol } from "../../market/Instrument.ts"
import type { Price, Quantity } from "../../money/Money.ts"
import * as Money from "../../money/Money.ts"
import type { EpochMs } from "../../Time.ts"
import type { Bar } from "../Boundary.ts"

/** A trade of the outside world, in ticks and units. */
export interface Print {
  readonly at: EpochMs
  readonly price: number
  readonly size: number
  /** Taker's side. */
  readonly side: "buy" | "sell"
}

export interface PathBar {
  readonly at: EpochMs
  readonly ms: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  /** 0: nothing trades, quotes stay at the open. */
  readonly volume: number
  /** How many trades share the volume; more when the four prices need more. */
  readonly count: number
  /** Ask less bid that the bar would like; a narrow bar has less. At least 1. */
  readonly spread: number
  /** Usual size displayed at the best price. */
  readonly size: number
  /** The trades themselves, where a tape has them. */
  readonly prints?: ReadonlyArray<Print>
}

/** How a pair's ticks and units become prices and quantities, and what its generated market is like. */
export interface Listing {
  readonly symbol: PairSymbol
  readonly tick: Price
  /** Price around which the generated market lives, in quote. */
  readonly anchor: number
  /** Size of an ordinary trade, in base. */
  readonly tradeSize: number
  /** How far the generated market strays from its anchor, as a power: 2 doubles each move. 1 unless told. */
  readonly volatility?: number
}

/** Sizes are whole hundred-millionths of the base (Kraken's lot). */
export const UNIT = 10_000n
export const UNITS = 100_000_000

export const priceOf = (listing: Listing, ticks: number): Price => Money.Price(BigInt(ticks) * listing.tick)
export const quantityOf = (units: number): Quantity => Money.Quantity(BigInt(units) * UNIT)

/** Size of the tick as a double, to turn decimal prices into ticks. */
export const tickSize = (listing: Listing): number => Number(listing.tick) / 1e12

/** The double nearest to a price in ticks: the product is exact (a tick is a multiple of a high power of two here), the quotient rounds once. */
const decimal = (listing: Listing, ticks: number): number => (ticks * Number(listing.tick)) / 1e12

/** A path bar as `OHLC` tells it. The volume-weighted price of a bar whose trades are not looked at is the mean of its four prices. */
export const toBar = (listing: Listing, bar: PathBar): Bar => {
  return {
    time: bar.at / 1000,
    open: decimal(listing, bar.open),
    high: decimal(listing, bar.high),
    low: decimal(listing, bar.low),
    close: decimal(listing, bar.close),
    vwap: decimal(listing, Math.round((bar.open + bar.high + bar.low + bar.close) / 4)),
    volume: bar.volume / UNITS,
    count: bar.count
  }
}

/** Trades of a stretch as bars of so many seconds, aligned to the epoch; stretches without trades have no bar. */
export const printsToBars = (listing: Listing, prints: Iterable<Print>, seconds: number): ReadonlyArray<Bar> => {
  const bars: Array<Bar> = []
  for (const print of prints) {
    const price = decimal(listing, print.price)
    const size = print.size / UNITS
    const one: Bar = {
      time: Math.floor(print.at / 1000 / seconds) * seconds,
      open: price,
      high: price,
      low: price,
      close: price,
      vwap: price,
      volume: size,
      count: 1
    }
    const last = bars.at(-1)
    if (last !== undefined && last.time === one.time) bars[bars.length - 1] = join(last, one)
    else bars.push(one)
  }
  return bars
}

/** Two neighbouring bars of one longer bar. */
const join = (a: Bar, b: Bar): Bar => {
  const volume = a.volume + b.volume
  return {
    time: a.time,
    open: a.open,
    high: Math.max(a.high, b.high),
    low: Math.min(a.low, b.low),
    close: b.close,
    vwap: volume > 0 ? (a.vwap * a.volume + b.vwap * b.volume) / volume : b.vwap,
    volume,
    count: a.count + b.count
  }
}

/** Bars as longer bars of so many seconds, aligned to the epoch. */
export const joinBars = (bars: Iterable<Bar>, seconds: number): ReadonlyArray<Bar> => {
  const joined: Array<Bar> = []
  for (const bar of bars) {
    const time = Math.floor(bar.time / seconds) * seconds
    const last = joined.at(-1)
    if (last !== undefined && last.time === time) joined[joined.length - 1] = join(last, bar)
    else joined.push({ ...bar, time })
  }
  return joined
}
