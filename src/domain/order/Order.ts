/**
 * One order of ours, from intent to end. `merge` is total and monotone: it accepts every report in every order, any
 * number of times, and ends in the same state.
 */
import type { Price, Quantity, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import * as Fixed from "../money/Fixed.ts"
import type { PairSymbol } from "../market/Instrument.ts"
import type { EpochMs } from "../Time.ts"
import type { ClientOrderId, ExchangeOrderId, ExecutionId, LotId } from "./Ids.ts"
import type { FillReport, OrderReport, Side, StatusReport } from "./Report.ts"
import type { ExitPlan } from "../exits/ExitPlan.ts"

/**
 * - `pending`: the intent is durable, no answer yet (or the answer is on its way)
 * - `open`: known to be on the exchange
 * - `unknown`: sent, outcome not known; counts as if it were open until proved otherwise
 * - `filled`, `cancelled`, `expired`: ended on the exchange
 * - `rejected`: refused, not sent, or proved never to have arrived
 */
export type OrderStatus = "pending" | "open" | "unknown" | "filled" | "cancelled" | "expired" | "rejected"

export type TimeInForce = "GTC" | "GTD" | "IOC"

/** Part of a lot that an exit sells. */
export interface LotShare {
  readonly lotId: LotId
  readonly quantity: Quantity
}

/** Why an exit is sold. */
export type ExitKind = "target" | "loss" | "time" | "flatten"

/** What an order is for: an entry carries the plan for its own exit, an exit names the lots it sells. */
export type Purpose =
  | { readonly _tag: "Entry"; readonly plan: ExitPlan; readonly features: Readonly<Record<string, number>> }
  | { readonly _tag: "Exit"; readonly kind: ExitKind; readonly lots: ReadonlyArray<LotShare>; readonly attempt: number }

/** An amend on its way, or of unknown outcome: absolute values. While it lasts the larger quantity counts. */
export interface PendingAmend {
  readonly quantity: Quantity
  readonly limitPrice: Price
  readonly sentAt: EpochMs
  readonly deadline: EpochMs
  readonly state: "inFlight" | "unknown"
}

export interface Order {
  readonly id: ClientOrderId
  readonly symbol: PairSymbol
  readonly side: Side
  readonly purpose: Purpose
  /** Strategy and signal that asked for it, for people. */
  readonly reason: string
  readonly quantity: Quantity
  readonly limitPrice: Price
  readonly postOnly: boolean
  readonly timeInForce: TimeInForce
  /** GTD only. */
  readonly expiresAt?: EpochMs
  readonly createdAt: EpochMs
  /** The exchange refuses it when it arrives later than this. */
  readonly deadline: EpochMs
  readonly status: OrderStatus
  readonly exchangeId?: ExchangeOrderId
  /** Executed according to the exchange: only grows. */
  readonly cumQuantity: Quantity
  readonly cumCost: Usd
  /** Executed according to the fills that were booked here. */
  readonly bookedQuantity: Quantity
  readonly bookedCost: Usd
  readonly bookedFee: Usd
  readonly executions: ReadonlyArray<ExecutionId>
  /** Event time of the terms (quantity, price) held here: a later report of terms wins. */
  readonly termsAt: EpochMs
  readonly amend?: PendingAmend
  /** Set while a cancel was asked for and not yet confirmed. */
  readonly cancelRequestedAt?: EpochMs
  readonly endReason?: string
  readonly updatedAt: EpochMs
}

export const isTerminal = (status: OrderStatus): boolean =>
  status === "filled" || status === "cancelled" || status === "expired" || status === "rejected"

/** On the exchange, or possibly so. */
export const isLive = (order: Order): boolean => !isTerminal(order.status)

/** Ended, with every execution the exchange reported booked here. */
export const isSettled = (order: Order): boolean =>
  isTerminal(order.status) && order.bookedQuantity >= order.cumQuantity

/** Executions that the exchange counted and the books lack. */
export const missingQuantity = (order: Order): Quantity =>
  Money.Quantity(order.cumQuantity > order.bookedQuantity ? order.cumQuantity - order.bookedQuantity : 0n)

/** The largest total the order may still reach: the amended quantity counts while an amend is open. */
export const committedQuantity = (order: Order): Quantity =>
  order.amend === undefined ? order.quantity : Fixed.max(order.quantity, order.amend.quantity)

/**
 * What may still be booked beyond what is; for an ended order only what is missing. An order amended below what had
 * executed already still owes the books those executions.
 */
export const openQuantity = (order: Order): Quantity => {
  if (isTerminal(order.status)) return missingQuantity(order)
  const most = Fixed.max(committedQuantity(order), order.cumQuantity)
  return Money.Quantity(Fixed.max(most - order.bookedQuantity, 0n))
}

/**
 * `rejected` is the trader's own conclusion from a reply or from silence; whatever the exchange says of the order
 * outranks it, so that an order that was settled as never arrived and exists all the same is live again, or ended, and
 * no fill of it is lost.
 */
const rank: Readonly<Record<OrderStatus, number>> = {
  pending: 0,
  unknown: 0,
  rejected: 0,
  open: 1,
  expired: 2,
  cancelled: 3,
  filled: 4
}

/** Status moves only forward; of two endings the one that says more was executed wins. */
const forward = (current: OrderStatus, next: OrderStatus): OrderStatus => (rank[next] > rank[current] ? next : current)

/** Only a terminal report with its final quantity ends an order; without one it proves no more than that the order exists. */
const statusOf = (report: StatusReport): OrderStatus =>
  report.status === "pending" || report.cumQuantity === undefined ? "open" : report.status

/**
 * Whether a report's terms replace those held: the later ones do. At the same millisecond the larger quantity and then
 * the higher price count, so that the order of arrival decides nothing and I4 and I5 err on the safe side.
 */
const termsOf = (order: Order, report: StatusReport): Pick<Order, "quantity" | "limitPrice" | "termsAt"> => {
  const { quantity = order.quantity, limitPrice = order.limitPrice } = report
  const said = report.quantity !== undefined || report.limitPrice !== undefined
  const larger = quantity === order.quantity ? limitPrice > order.limitPrice : quantity > order.quantity
  return said && (report.at > order.termsAt || (report.at === order.termsAt && larger))
    ? { quantity, limitPrice, termsAt: report.at }
    : order
}

/** Why the order ended: the words of the report whose ending counts. */
const endReasonOf = (order: Order, said: OrderStatus, report: StatusReport): string | undefined =>
  said === order.status
    ? (order.endReason ?? report.reason)
    : rank[said] > rank[order.status]
      ? report.reason
      : order.endReason

const mergeStatus = (order: Order, report: StatusReport): Order => {
  const said = statusOf(report)
  const status = forward(order.status, said)
  const { quantity, limitPrice, termsAt } = termsOf(order, report)
  const { amend, cancelRequestedAt, endReason: _, ...rest } = order
  const ended = isTerminal(status)
  const endReason = ended ? endReasonOf(order, said, report) : undefined
  const amendDone =
    amend === undefined ||
    ended ||
    (quantity === amend.quantity && limitPrice === amend.limitPrice) ||
    (report.quantity === amend.quantity && report.limitPrice === amend.limitPrice && report.at >= amend.sentAt) ||
    // read after its deadline: whatever the terms are now, the amend is over
    (amend.state === "unknown" &&
      report.source === "rest" &&
      report.quantity !== undefined &&
      report.at > amend.deadline)
  return {
    ...rest,
    ...(amendDone ? {} : { amend }),
    ...(cancelRequestedAt === undefined || ended ? {} : { cancelRequestedAt }),
    ...(endReason === undefined ? {} : { endReason }),
    exchangeId: order.exchangeId ?? report.exchangeId,
    status,
    quantity,
    limitPrice,
    cumQuantity: Fixed.max(order.cumQuantity, report.cumQuantity ?? Money.zeroQuantity),
    cumCost: Fixed.max(order.cumCost, report.cumCost ?? Money.zeroUsd),
    termsAt,
    updatedAt: Math.max(order.updatedAt, report.at)
  }
}

/** Fee of a fill in USD: a fee in base is valued at the fill's own price. */
export const feeUsd = (fill: FillReport): Usd =>
  fill.feeAsset === baseOf(fill.symbol)
    ? Money.notional(fill.price, Money.Quantity(fill.fee), "nearest")
    : Money.Usd(fill.fee)

const baseOf = (symbol: PairSymbol): string => symbol.slice(0, symbol.indexOf("/"))

/** Base units that a fee took out of a fill (a buy with the fee in base receives less). */
export const feeBase = (fill: FillReport): Quantity =>
  fill.feeAsset === baseOf(fill.symbol) ? Money.Quantity(fill.fee) : Money.zeroQuantity

const mergeFill = (order: Order, fill: FillReport): Order => {
  if (order.executions.includes(fill.executionId)) return order
  const bookedQuantity = Money.addQuantity(order.bookedQuantity, fill.quantity)
  const bookedCost = Money.addUsd(order.bookedCost, fill.cost)
  const { endReason, ...rest } = order
  const status = forward(order.status, "open")
  return {
    ...rest,
    ...(endReason === undefined || status !== order.status ? {} : { endReason }),
    exchangeId: order.exchangeId ?? fill.exchangeId,
    status,
    executions: [...order.executions, fill.executionId],
    bookedQuantity,
    bookedCost,
    bookedFee: Money.addUsd(order.bookedFee, feeUsd(fill)),
    cumQuantity: Fixed.max(order.cumQuantity, bookedQuantity),
    cumCost: Fixed.max(order.cumCost, bookedCost),
    updatedAt: Math.max(order.updatedAt, fill.at)
  }
}

/** Folds one report into an order. The caller has matched the report to the order. */
export const merge = (order: Order, report: OrderReport): Order =>
  report._tag === "Status" ? mergeStatus(order, report) : mergeFill(order, report)

/** Whether a fill is new to an order, so that lots and cash are moved once (I9). */
export const isNewFill = (order: Order, fill: FillReport): boolean => !order.executions.includes(fill.executionId)
