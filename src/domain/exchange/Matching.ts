/**
 * Who trades with whom.
 *
 * - A quote that crosses a resting order of ours fills it at our price (maker), at most by the size it shows.
 * - A trade through our price fills at most the traded size; a trade at our price first works off the size that was ahead
 *   of us in the queue (the displayed size when we came, times `queueAheadPct`; it never grows, and shrinks with the display).
 * - An order of ours that comes in takes the outside levels from the best on, and meets orders of our own under its
 *   self-trade rule. What it took is gone until the next quote tells the levels anew.
 */
import { roundQuantity } from "../market/Instrument.ts"
import type { PairSymbol } from "../market/Instrument.ts"
import * as Fixed from "../money/Fixed.ts"
import type { Price, Quantity } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { MarketEvent } from "./Boundary.ts"
import * as Book from "./Book.ts"
import type { Draft } from "./Draft.ts"
import { marketOf, orderOf, putMarket, putOrder } from "./Draft.ts"
import * as Log from "./Log.ts"
import { end, fill } from "./Orders.ts"
import type { Level, Market, Order, Side } from "./State.ts"
import { print } from "./Tape.ts"

const SPREADS_KEPT = 200
const sidesOf: ReadonlyArray<Side> = ["buy", "sell"]

/** Whether the engine matches at all on a pair now. */
export const matches = (d: Draft, market: Market): boolean =>
  (d.state.system === "online" || d.state.system === "limit_only") &&
  (market.rules.status === "online" || market.rules.status === "limit_only")

/** Takes some of the best outside level of a side. */
const consume = (d: Draft, symbol: PairSymbol, side: Side, quantity: Quantity): void => {
  const market = marketOf(d.state, symbol)
  const [best, ...rest] = Book.outsideOf(market, side)
  if (best === undefined) return
  const left = Money.subQuantity(best[1], quantity)
  putMarket(d, Book.withOutside(market, side, left > 0n ? [[best[0], left], ...rest] : rest))
}

/** Fills our resting orders that the outside levels cross. */
export const matchResting = (d: Draft, symbol: PairSymbol): void => {
  if (!matches(d, marketOf(d.state, symbol))) return
  for (const side of sidesOf) {
    const other = Book.opposite(side)
    for (const { txid } of Book.ownOn(d.state, marketOf(d.state, symbol), side)) {
      for (;;) {
        const order = orderOf(d.state, txid)
        const best = Book.outsideOf(marketOf(d.state, symbol), other)[0]
        if (order.status !== "open" || best === undefined || !Book.reaches(side, order.price, best[0])) break
        const quantity = Fixed.min(best[1], Book.remaining(order))
        consume(d, symbol, other, quantity)
        fill(d, order, order.price, quantity, true)
      }
    }
  }
}

/** What is displayed at an order's price now bounds what can still be ahead of it. */
const shrinkQueues = (d: Draft, market: Market): void => {
  for (const side of sidesOf) {
    for (const order of Book.ownOn(d.state, market, side)) {
      const shown = Book.shownAt(market, side, order.price)
      if (shown !== undefined && shown < order.queueAhead) putOrder(d, { ...order, queueAhead: shown })
    }
  }
}

const onQuote = (d: Draft, event: Extract<MarketEvent, { readonly _tag: "Quote" }>): void => {
  const market = marketOf(d.state, event.symbol)
  const bids = Book.onGrid(market.rules, event.bids)
  const asks = Book.onGrid(market.rules, event.asks)
  const bid = bids[0]?.[0]
  const ask = asks[0]?.[0]
  const moved = bid !== market.bids[0]?.[0] || ask !== market.asks[0]?.[0]
  const spreads =
    moved && bid !== undefined && ask !== undefined
      ? Log.appendBounded(market.spreads, [d.state.now, bid, ask] as const, SPREADS_KEPT)
      : market.spreads
  const next: Market = { ...market, bids, asks, quotedAt: d.state.now, spreads }
  putMarket(d, next)
  if (d.state.account.open.length === 0) return
  shrinkQueues(d, next)
  matchResting(d, event.symbol)
}

/** How much of a print an order gets, and what is then still ahead of it. */
const shareOf = (order: Order, price: Price, left: Quantity): readonly [taken: Quantity, ahead: Quantity] => {
  if (order.price !== price) return [Fixed.min(left, Book.remaining(order)), order.queueAhead]
  const before = Fixed.min(left, order.queueAhead)
  return [
    Fixed.min(Money.subQuantity(left, before), Book.remaining(order)),
    Money.subQuantity(order.queueAhead, before)
  ]
}

const onTrade = (d: Draft, event: Extract<MarketEvent, { readonly _tag: "Trade" }>): void => {
  const market = marketOf(d.state, event.symbol)
  if (!matches(d, market)) return
  const rest = Book.opposite(event.side)
  let left = roundQuantity(market.rules, event.quantity)
  for (const order of d.state.account.open.length === 0 ? [] : Book.ownOn(d.state, market, rest)) {
    if (!Book.reaches(rest, order.price, event.price)) break
    const [taken, ahead] = shareOf(order, event.price, left)
    if (ahead !== order.queueAhead) putOrder(d, { ...order, queueAhead: ahead })
    if (taken > 0n && fill(d, orderOf(d.state, order.txid), order.price, taken, true)) {
      left = Money.subQuantity(left, taken)
    }
  }
  if (left > 0n) print(d, event.symbol, event.price, left, event.side, "limit")
}

/** One thing that the outside world did. */
export const onEvent = (d: Draft, event: MarketEvent): void => {
  if (!d.state.markets.has(event.symbol)) return
  if (event._tag === "Quote") onQuote(d, event)
  else onTrade(d, event)
}

/** The worst price an incoming order accepts: its limit, or for a market order a band around the best outside price. */
const limitOf = (d: Draft, order: Order, best: Level): Price => {
  if (order.type === "limit") return order.price
  const band = Money.percent(BigInt(d.state.switches.marketBandPct) * Fixed.ONE)
  return Money.shiftPrice(best[0], order.side === "buy" ? band : Money.Rate(-band), "nearest")
}

/** Outside size that an order could take within its limit. */
export const takeable = (d: Draft, order: Order): Quantity => {
  const market = marketOf(d.state, order.symbol)
  const levels = Book.deepen(
    market.rules,
    Book.opposite(order.side),
    Book.outsideOf(market, Book.opposite(order.side)),
    100
  )
  const best = levels[0]
  if (best === undefined) return Money.zeroQuantity
  const limit = limitOf(d, order, best)
  return levels
    .filter(([price]) => Book.reaches(order.side, limit, price))
    .reduce((sum, [, quantity]) => Money.addQuantity(sum, quantity), Money.zeroQuantity)
}

const SELF = "Cannot trade with self"

/** The self-trade rule when an incoming order meets one of our own; whether the incoming one goes on. */
const meetSelf = (d: Draft, incoming: Order, resting: Order): boolean => {
  if (incoming.selfTrade !== "cancel-newest") end(d, resting, "canceled", SELF)
  if (incoming.selfTrade !== "cancel-oldest") end(d, incoming, "canceled", SELF)
  return incoming.selfTrade === "cancel-oldest"
}

/** Lets an accepted order take what it reaches. Afterwards it is filled, ended, or has a remainder that reaches nothing. */
export const take = (d: Draft, txid: string): void => {
  const first = orderOf(d.state, txid)
  const other = Book.opposite(first.side)
  const start = marketOf(d.state, first.symbol)
  if (!matches(d, start)) return
  const levels = Book.deepen(start.rules, other, Book.outsideOf(start, other), 100)
  const best = levels[0]
  if (best !== undefined) putMarket(d, Book.withOutside(start, other, levels))
  const limit = best === undefined ? first.price : limitOf(d, first, best)
  for (;;) {
    const order = orderOf(d.state, txid)
    if (order.status !== "open") return
    const market = marketOf(d.state, order.symbol)
    const outside = Book.outsideOf(market, other)[0]
    const own = Book.ownOn(d.state, market, other)[0]
    const ownFirst = own !== undefined && (outside === undefined || Book.better(other, own.price, outside[0]))
    if (ownFirst) {
      if (!Book.reaches(order.side, limit, own.price) || !meetSelf(d, order, own)) return
    } else {
      if (outside === undefined || !Book.reaches(order.side, limit, outside[0])) return
      const quantity = Fixed.min(outside[1], Book.remaining(order))
      consume(d, order.symbol, other, quantity)
      fill(d, order, outside[0], quantity, false)
    }
  }
}

/** What stands ahead of an order that joins its price level. */
export const queueAt = (d: Draft, order: Order): Quantity => {
  const shown = Book.shownAt(marketOf(d.state, order.symbol), order.side, order.price) ?? Money.zeroQuantity
  return Money.Quantity((shown * BigInt(d.state.switches.queueAheadPct)) / 100n)
}
