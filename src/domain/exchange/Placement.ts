/** A new order, from the texts of a request to the engine. */
import { Either } from "effect"
import type { Price } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"
import * as Book from "./Book.ts"
import type { Draft } from "./Draft.ts"
import { nextId, orderOf, putOrder } from "./Draft.ts"
import { availableOf, holdOf } from "./Ledger.ts"
import * as Matching from "./Matching.ts"
import { end, rest } from "./Orders.ts"
import type { Market, Order, OrderType, Origin, SelfTrade, Side, TimeInForce } from "./State.ts"
import type { Refusal } from "./Validation.ts"
import * as Validation from "./Validation.ts"
import { reportStatus } from "./ws/Executions.ts"

/** What REST and the stream both ask for, in the texts that were sent; `undefined` is "not sent". */
export interface OrderRequest {
  readonly market: Market
  readonly origin: Origin
  readonly side: string | undefined
  readonly type: string | undefined
  readonly volume: string | undefined
  readonly price: string | undefined
  /** Upper case. */
  readonly timeInForce: string | undefined
  readonly postOnly: boolean
  readonly feeIn: "quote" | "base"
  /** With a hyphen, as REST spells it. */
  readonly selfTrade: string | undefined
  readonly userref: string | undefined
  readonly clOrdId: string | undefined
  /** The expiry, already an instant; 0 for none. */
  readonly expiresAt: EpochMs
  /** What is wrong with the rest of the request; said once the limiter has been charged. */
  readonly problem: Refusal | undefined
  readonly deadline: string | undefined
  /** The least a deadline must be ahead of the arrival, ms. */
  readonly deadlineLeastMs: number
  readonly arrivedAt: EpochMs
}

const oneOf = <A extends string>(
  values: ReadonlyArray<A>,
  text: string | undefined,
  what: string
): Either.Either<A, Refusal> => {
  const found = values.find((value) => value === text)
  return found === undefined ? Either.left(Validation.invalid(what)) : Either.right(found)
}

const sideNames: ReadonlyArray<Side> = ["buy", "sell"]
const typeNames: ReadonlyArray<OrderType> = ["limit", "market"]
const timeNames: ReadonlyArray<TimeInForce> = ["GTC", "IOC", "GTD", "FOK"]
const selfTradeNames: ReadonlyArray<SelfTrade> = ["cancel-newest", "cancel-oldest", "cancel-both"]

/** The time in force; an expiry alone means GTD. A market order is done at once whatever it says. */
const timeOf = (request: OrderRequest, type: OrderType): Either.Either<TimeInForce, Refusal> =>
  Either.flatMap(
    oneOf(timeNames, request.timeInForce ?? (request.expiresAt > 0 ? "GTD" : "GTC"), "timeinforce"),
    (time) => {
      if (type === "market")
        return time === "FOK" ? Either.left(Validation.invalid("timeinforce")) : Either.right("IOC")
      if (time === "GTC" && request.expiresAt > 0) return Either.right("GTD")
      const fits =
        (time === "GTD") === request.expiresAt > 0 && !(request.postOnly && (time === "IOC" || time === "FOK"))
      return fits ? Either.right(time) : Either.left(Validation.invalid("timeinforce"))
    }
  )

/** The order that a request describes, checked but for mode, deadline, cap, funds and post-only. */
const orderFrom = (d: Draft, request: OrderRequest): Either.Either<Order, Refusal> =>
  Either.gen(function* () {
    const { rules } = request.market
    if (request.problem !== undefined) yield* Either.left(request.problem)
    const type = yield* oneOf(typeNames, request.type, "ordertype")
    const side = yield* oneOf(sideNames, request.side, "type")
    const quantity = yield* Validation.volumeOf(rules, request.volume, d.state.switches.excessVolumeDecimals)
    const price = type === "limit" ? yield* Validation.priceOf(rules, request.price) : Money.Price(0n)
    if (request.postOnly && type === "market") yield* Either.left(Validation.invalid("oflags"))
    const timeInForce = yield* timeOf(request, type)
    const selfTrade = yield* oneOf(selfTradeNames, request.selfTrade ?? "cancel-newest", "stptype")
    if (request.userref !== undefined && request.clOrdId !== undefined) {
      yield* Either.left("EGeneral:Invalid arguments")
    }
    const userref = yield* Validation.userrefOf(request.userref)
    const clOrdId = yield* Validation.clOrdIdOf(d.state, request.clOrdId)
    yield* Validation.minimums(rules, quantity, price)
    return {
      txid: "",
      clOrdId,
      userref,
      origin: request.origin,
      symbol: rules.symbol,
      side,
      type,
      quantity,
      price,
      timeInForce,
      postOnly: request.postOnly,
      feeIn: request.feeIn,
      selfTrade,
      expiresAt: request.expiresAt,
      openedAt: d.state.now,
      closedAt: 0,
      touchedAt: d.state.now,
      status: "pending",
      filled: Money.zeroQuantity,
      cost: Money.zeroUsd,
      fee: Money.zeroUsd,
      reason: undefined,
      amended: false,
      queueAhead: Money.zeroQuantity,
      fills: []
    } satisfies Order
  })

/** Whether an order would trade against what is in the book now, our own orders included. */
export const wouldTake = (d: Draft, market: Market, side: Side, price: Price): boolean => {
  const best = Book.bestOf(d.state, market, Book.opposite(side))
  return best !== undefined && Book.reaches(side, price, best[0])
}

/** A market buy is valued at the best ask (nothing, in an empty book: it will be canceled). */
const fundsFor = (d: Draft, market: Market, order: Order): { readonly wallet: string; readonly amount: bigint } => {
  if (order.type === "limit" || order.side === "sell") return holdOf(d.state, order)
  const best = Book.bestOf(d.state, market, "sell")
  return {
    wallet: market.rules.quote,
    amount: best === undefined ? 0n : Validation.costWithFee(d.state, market, order.quantity, best[0])
  }
}

/** The terms of an order alone, as they are checked of every order of a batch before the first is placed. */
export const terms = (d: Draft, request: OrderRequest): Either.Either<Order, Refusal> =>
  Either.gen(function* () {
    const order = yield* orderFrom(d, request)
    yield* Validation.modeAllows(d.state, request.market, order)
    yield* Validation.deadlineOf(request.deadline, request.deadlineLeastMs, request.arrivedAt, d.state.now)
    return order
  })

/** Everything that is checked before an order gets an id, once the limiter has been charged for it. */
export const checkCharged = (d: Draft, request: OrderRequest): Either.Either<Order, Refusal> =>
  Either.gen(function* () {
    const { market } = request
    const order = yield* terms(d, request)
    if (!Validation.withinCap(d.state, market)) yield* Either.left("EOrder:Orders limit exceeded")
    const funds = fundsFor(d, market, order)
    if (funds.amount > availableOf(d.state, funds.wallet)) yield* Either.left("EOrder:Insufficient funds")
    if (order.postOnly && d.state.switches.postOnlyCross === "error" && wouldTake(d, market, order.side, order.price)) {
      yield* Either.left(Validation.POST_ONLY)
    }
    return order
  })

/** The same, and charges the engine's limiter first: that is due on receipt. */
export const check = (d: Draft, request: OrderRequest): Either.Either<Order, Refusal> =>
  request.origin._tag === "Key" && !Validation.chargeEngine(d, request.market, { fixed: 1, age: 0 }, false)
    ? Either.left(Validation.RATE_LIMIT)
    : checkCharged(d, request)

/** Reasons of the engine for ending what could not be executed at once (texts unconfirmed). */
const unfilledReason = (order: Order): string | undefined => {
  if (order.type === "market") return "Market order price protection"
  if (order.timeInForce === "IOC") return "Immediate or cancel"
  return order.timeInForce === "FOK" ? "Fill or kill" : undefined
}

/** Gives a checked order its id and lets the engine have it: it trades, rests, or ends. */
export const enter = (d: Draft, market: Market, checked: Order): Order => {
  const { rules } = market
  const pending = putOrder(d, { ...checked, txid: nextId(d, "O") })
  reportStatus(d, pending, rules, "pending_new")
  if (pending.postOnly && wouldTake(d, market, pending.side, pending.price)) {
    return end(d, pending, "canceled", "Post only order")
  }
  const live = putOrder(d, { ...pending, status: "open" })
  reportStatus(d, live, rules, "new")
  if (live.timeInForce !== "FOK" || Matching.takeable(d, live) >= live.quantity) Matching.take(d, live.txid)
  const after = orderOf(d.state, live.txid)
  if (after.status !== "open") return after
  const reason = unfilledReason(after)
  if (reason !== undefined) return end(d, after, "canceled", reason)
  rest(d, { ...after, queueAhead: Matching.queueAt(d, after) })
  return orderOf(d.state, live.txid)
}
