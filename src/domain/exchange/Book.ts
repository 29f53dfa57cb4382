/** The order book of a pair: the outside world's levels and our own resting orders, as one. */
import * as Fixed from "../money/Fixed.ts"
import { roundPrice, roundQuantity } from "../market/Instrument.ts"
import type { Instrument } from "../market/Instrument.ts"
import type { Price, Quantity } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import { openOrders } from "./Draft.ts"
import type { ExchangeState, Level, Market, Order, Side } from "./State.ts"

/** What of an order is not filled. */
export const remaining = (order: Order): Quantity => Money.subQuantity(order.quantity, order.filled)

/** Whether a price is better than another for whoever rests on a side: higher bids, lower asks. */
export const better = (side: Side, a: Price, b: Price): boolean => (side === "buy" ? a > b : a < b)

export const opposite = (side: Side): Side => (side === "buy" ? "sell" : "buy")

/** The outside levels that rest on a side. */
export const outsideOf = (market: Market, side: Side): ReadonlyArray<Level> =>
  side === "buy" ? market.bids : market.asks

export const withOutside = (market: Market, side: Side, levels: ReadonlyArray<Level>): Market =>
  side === "buy" ? { ...market, bids: levels } : { ...market, asks: levels }

/**
 * Outside levels to a depth. A source tells the best few; below them the book goes on by rule: every step is a twentieth of a
 * per cent of the last told price (a tick at least), the sizes are the last told size times 4/4, 6/4, 8/4, 5/4, 7/4, in turn.
 */
export const deepen = (
  rules: Instrument,
  side: Side,
  told: ReadonlyArray<Level>,
  depth: number
): ReadonlyArray<Level> => {
  const edge = told[told.length - 1]
  if (edge === undefined || told.length >= depth) return told
  const [price, quantity] = edge
  const step = Fixed.max(rules.tickSize, roundPrice(rules, Money.Price(price / 2000n), "down"))
  const levels: Array<Level> = [...told]
  for (let i = 1n; levels.length < depth; i++) {
    const next = Money.Price(side === "buy" ? price - step * i : price + step * i)
    if (next <= 0n) break
    levels.push([next, roundQuantity(rules, Money.Quantity((quantity * (4n + ((i * 2n) % 5n))) / 4n))])
  }
  return levels
}

/** Levels as a source told them, on the pair's grids; what rounds to nothing is dropped. */
export const onGrid = (rules: Instrument, levels: ReadonlyArray<Level>): ReadonlyArray<Level> => {
  const lot = Fixed.unit(rules.quantityDecimals)
  const clean = levels.every(
    ([price, quantity]) => quantity > 0n && quantity % lot === 0n && price % rules.tickSize === 0n && price > 0n
  )
  if (clean) return levels
  return levels
    .map(([price, quantity]): Level => [roundPrice(rules, price, "nearest"), roundQuantity(rules, quantity)])
    .filter(([price, quantity]) => price > 0n && quantity > 0n)
}

/** Our orders on one side in priority: best price first, then by time. */
export const ownOn = (state: ExchangeState, market: Market, side: Side): ReadonlyArray<Order> => {
  const own = openOrders(state, market.rules.symbol).filter((order) => order.side === side)
  return own.length < 2
    ? own
    : own.toSorted((a, b) => (a.price === b.price ? 0 : better(side, a.price, b.price) ? -1 : 1))
}

/** A side of the book as everybody sees it, our orders included, best first. */
export const view = (state: ExchangeState, market: Market, side: Side, depth: number): ReadonlyArray<Level> => {
  const outside = deepen(market.rules, side, outsideOf(market, side), depth)
  const own = ownOn(state, market, side)
  if (own.length === 0) return outside.slice(0, depth)
  const levels = new Map<Price, Quantity>(outside)
  for (const order of own) {
    levels.set(order.price, Money.addQuantity(levels.get(order.price) ?? Money.zeroQuantity, remaining(order)))
  }
  return [...levels].toSorted(([a], [b]) => (better(side, a, b) ? -1 : 1)).slice(0, depth)
}

/** Best level of a side as everybody sees it. */
export const bestOf = (state: ExchangeState, market: Market, side: Side): Level | undefined =>
  view(state, market, side, 1)[0]

/** Whether a limit on `side` reaches a price of the other side (equal counts: it would trade). */
export const reaches = (side: Side, limit: Price, price: Price): boolean =>
  side === "buy" ? limit >= price : limit <= price

/** Outside size shown at a price; `undefined` when the price is deeper than what is told, where nobody knows. */
export const shownAt = (market: Market, side: Side, price: Price): Quantity | undefined => {
  const levels = outsideOf(market, side)
  const found = levels.find(([at]) => at === price)
  if (found !== undefined) return found[1]
  const edge = levels[levels.length - 1]
  return edge === undefined || better(side, edge[0], price) ? undefined : Money.zeroQuantity
}
