/** Market data as decisions see it. Quotes and candles that are not sound never get past these constructors. */
import { Option } from "effect"
import type { Price, Quantity } from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"
import type { PairSymbol } from "./Instrument.ts"

/** Best bid and ask. `bid < ask` and both positive by construction (I18). */
export interface Quote {
  readonly symbol: PairSymbol
  readonly bid: Price
  readonly bidQuantity: Quantity
  readonly ask: Price
  readonly askQuantity: Quantity
  /** When the exchange stamped it, or when it arrived if it carries no stamp. */
  readonly at: EpochMs
}

/**
 * A sound quote, or nothing: zero, negative, crossed and locked quotes are not quotes, and neither is one whose time is
 * NaN, which no comparison would ever find stale.
 */
export const makeQuote = (q: Quote): Option.Option<Quote> =>
  q.bid > 0n && q.ask > q.bid && q.bidQuantity >= 0n && q.askQuantity >= 0n && Number.isFinite(q.at)
    ? Option.some(q)
    : Option.none()

/** A public trade. `side` is the taker's. */
export interface PublicTrade {
  readonly symbol: PairSymbol
  readonly side: "buy" | "sell"
  readonly price: Price
  readonly quantity: Quantity
  readonly tradeId: number
  readonly at: EpochMs
}

/** A finished bar. Doubles: candles feed statistics, never amounts. */
export interface Candle {
  /** Start of the bar. */
  readonly at: EpochMs
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
}

/** A candle whose time and numbers are finite, prices positive and ordered, or nothing. */
export const makeCandle = (c: Candle): Option.Option<Candle> =>
  Number.isFinite(c.at) &&
  [c.open, c.high, c.low, c.close].every((x) => Number.isFinite(x) && x > 0) &&
  c.low <= Math.min(c.open, c.close) &&
  c.high >= Math.max(c.open, c.close) &&
  Number.isFinite(c.volume) &&
  c.volume >= 0
    ? Option.some(c)
    : Option.none()

/** System status of the exchange; unheard-of states are `unknown`, in which nothing is entered. */
export type SystemStatus = "online" | "maintenance" | "cancel_only" | "post_only" | "limit_only" | "unknown"
