/** Amends, cancels and the dead man's switch. */
import { Either } from "effect"
import type { Price, Quantity } from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"
import type { Draft } from "./Draft.ts"
import { marketOf, nextId, openOrders, orderOf, putOrder } from "./Draft.ts"
import { availableOf, holdOf } from "./Ledger.ts"
import * as Limits from "./Limits.ts"
import * as Matching from "./Matching.ts"
import { end, rest } from "./Orders.ts"
import { wouldTake } from "./Placement.ts"
import type { Market, Order } from "./State.ts"
import type { Refusal } from "./Validation.ts"
import * as Validation from "./Validation.ts"
import { reportStatus } from "./ws/Executions.ts"

export const USER_REQUESTED = "User requested"

/** The open orders that an id of any kind names: a txid, a client id, or a user reference (which may name several). */
export const named = (
  d: Draft,
  by: {
    readonly txid?: string | undefined
    readonly clOrdId?: string | undefined
    readonly userref?: number | undefined
  }
): ReadonlyArray<Order> =>
  openOrders(d.state).filter(
    (order) =>
      (by.txid !== undefined && order.txid === by.txid) ||
      (by.clOrdId !== undefined && order.clOrdId === by.clOrdId) ||
      (by.userref !== undefined && order.userref === by.userref)
  )

const ageOf = (d: Draft, order: Order): number => d.state.now - order.touchedAt

const cancelCost = (d: Draft, order: Order): Validation.EngineCost => ({
  fixed: 0,
  age: Limits.cancelCost(ageOf(d, order))
})

/** Cancels open orders, one transaction each; stops at the first that the engine's limiter refuses. */
export const cancelEach = (d: Draft, orders: ReadonlyArray<Order>): Either.Either<number, Refusal> => {
  if (orders.length === 0) return Either.left(Validation.UNKNOWN_ORDER)
  for (const order of orders) {
    const cost = cancelCost(d, order)
    const always = !d.state.switches.singleCancelLimited
    if (!Validation.chargeEngine(d, marketOf(d.state, order.symbol), cost, always)) {
      return Either.left(Validation.RATE_LIMIT)
    }
    end(d, order, "canceled", USER_REQUESTED)
  }
  return Either.right(orders.length)
}

/** Cancels open orders as one batch: always honoured, whatever the counter says afterwards. */
export const cancelBatch = (d: Draft, orders: ReadonlyArray<Order>): number => {
  for (const order of orders) {
    Validation.chargeEngine(d, marketOf(d.state, order.symbol), cancelCost(d, order), true)
    end(d, order, "canceled", USER_REQUESTED)
  }
  return orders.length
}

export interface AmendRequest {
  /** New total quantity, what is filled included. */
  readonly quantity: string | undefined
  readonly price: string | undefined
  readonly postOnly: boolean | undefined
  readonly deadline: string | undefined
  readonly deadlineLeastMs: number
  readonly arrivedAt: EpochMs
}

interface Terms {
  readonly quantity: Quantity
  readonly price: Price
}

/** Checks the new terms of an order that stays alive. */
const admit = (
  d: Draft,
  market: Market,
  order: Order,
  terms: Terms,
  postOnly: boolean
): Either.Either<Order, Refusal> =>
  Either.gen(function* () {
    const next: Order = { ...order, ...terms, amended: true, touchedAt: d.state.now }
    yield* Validation.minimums(market.rules, terms.quantity, terms.price)
    const before = holdOf(d.state, order)
    const after = holdOf(d.state, next)
    if (after.amount - before.amount > availableOf(d.state, after.wallet))
      yield* Either.left("EOrder:Insufficient funds")
    if (postOnly && terms.price !== order.price && wouldTake(d, market, order.side, terms.price)) {
      yield* Either.left(Validation.POST_ONLY)
    }
    return next
  })

/**
 * Changes price or quantity of an open order in place and gives the amend's id. Less quantity keeps the place in the
 * queue, a new price or more quantity loses it; a quantity at or below what is filled cancels the rest.
 */
export const amend = (d: Draft, order: Order, request: AmendRequest): Either.Either<string, Refusal> =>
  Either.gen(function* () {
    const market = marketOf(d.state, order.symbol)
    const { rules } = market
    const { switches } = d.state
    const quantity =
      request.quantity === undefined
        ? Either.right(order.quantity)
        : Validation.volumeOf(rules, request.quantity, switches.excessVolumeDecimals)
    const ends = Either.isRight(quantity) && quantity.right <= order.filled
    const cost = ends ? cancelCost(d, order) : { fixed: 1, age: Limits.amendCost(ageOf(d, order)) }
    if (!Validation.chargeEngine(d, market, cost, false)) yield* Either.left(Validation.RATE_LIMIT)
    if (request.quantity === undefined && request.price === undefined) yield* Either.left("EGeneral:Invalid arguments")
    const terms: Terms = {
      quantity: yield* quantity,
      price: request.price === undefined ? order.price : yield* Validation.priceOf(rules, request.price)
    }
    const postOnly = request.postOnly ?? (order.postOnly && switches.amendKeepsPostOnly)
    if (!ends) yield* Validation.modeAllows(d.state, market, { type: order.type, postOnly })
    yield* Validation.deadlineOf(request.deadline, request.deadlineLeastMs, request.arrivedAt, d.state.now)
    if (ends) {
      end(d, order, "canceled", USER_REQUESTED)
      return nextId(d, "T")
    }
    const next = yield* admit(d, market, order, terms, postOnly)
    const id = nextId(d, "T")
    reportStatus(d, putOrder(d, next), rules, "amended")
    d.touched.add(order.symbol)
    if (next.price !== order.price || next.quantity > order.quantity) {
      rest(d, { ...next, queueAhead: Matching.queueAt(d, next) })
      Matching.take(d, next.txid)
    }
    return id
  })

/** Cancels every open order of the account, as the dead man's switch does. */
export const fireSwitch = (d: Draft): void => {
  d.state.switchAt = undefined
  for (const order of openOrders(d.state)) end(d, order, "canceled", "CancelAllOrdersAfter Timeout")
}

const SWITCH_MAX_S = 86_400

/** Arms the switch anew (each call replaces the countdown), or with 0 disarms it. Seconds, below a day. */
export const armSwitch = (
  d: Draft,
  text: string | undefined
): Either.Either<{ readonly now: EpochMs; readonly at: EpochMs | undefined }, Refusal> => {
  const timeout = text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : SWITCH_MAX_S
  if (timeout >= SWITCH_MAX_S) return Either.left(Validation.invalid("timeout"))
  d.state.switchAt = timeout === 0 ? undefined : d.state.now + timeout * 1000
  return Either.right({ now: d.state.now, at: d.state.switchAt })
}

/** Ends an order because its time is over. */
export const expire = (d: Draft, txid: string): void => {
  end(d, orderOf(d.state, txid), "expired", undefined)
}
