/** The `executions` channel: reports of orders and fills in Kraken's shapes; after `pending_new` they are deltas. */
import * as Fixed from "../../money/Fixed.ts"
import * as Money from "../../money/Money.ts"
import type { Instrument } from "../../market/Instrument.ts"
import type { Draft } from "../Draft.ts"
import { marketOf, openOrders, orderOf } from "../Draft.ts"
import type { OutRecord } from "../Json.ts"
import * as Limits from "../Limits.ts"
import * as Log from "../Log.ts"
import type { ExchangeState, Fill, Order } from "../State.ts"
import { deliver } from "./Deliver.ts"
import { amount, message, micros } from "./Text.ts"

export type StatusReport = "pending_new" | "new" | "filled" | "canceled" | "expired" | "amended"

/** Reports that a subscription without `order_status` still gets. */
const transitions: ReadonlySet<StatusReport> = new Set(["new", "filled", "canceled", "expired"])

const statusOf = (order: Order): string => {
  switch (order.status) {
    case "pending":
      return "pending_new"
    case "open":
      return order.filled > 0n ? "partially_filled" : "new"
    case "closed":
      return "filled"
    default:
      return order.status
  }
}

/** An order carries its client id, or a user reference (0 when it has none). */
const identity = (order: Order, withClOrdId: boolean): OutRecord =>
  order.clOrdId === undefined ? { order_userref: order.userref ?? 0 } : withClOrdId ? { cl_ord_id: order.clOrdId } : {}

/** Average fill price at price decimals, nearest; 0 without a fill. */
export const averagePrice = (order: Order): bigint => Money.averagePrice(order.cost, order.filled) ?? 0n

const progress = (order: Order, rules: Instrument): OutRecord => ({
  cum_qty: amount(order.filled, rules.quantityDecimals),
  cum_cost: amount(order.cost, rules.costDecimals),
  fee_usd_equiv: amount(order.fee, rules.costDecimals),
  avg_price: amount(Fixed.toDecimals(averagePrice(order), rules.priceDecimals, "nearest"), rules.priceDecimals)
})

const terms = (order: Order, rules: Instrument): OutRecord => ({
  symbol: order.symbol,
  side: order.side,
  order_type: order.type,
  order_qty: amount(order.quantity, rules.quantityDecimals),
  ...(order.type === "limit"
    ? { limit_price: amount(order.price, rules.priceDecimals), limit_price_type: "static" }
    : {}),
  stop_price: amount(0n, rules.priceDecimals),
  time_in_force: order.timeInForce,
  fee_ccy_pref: order.feeIn === "quote" ? "fciq" : "fcib",
  ...(order.postOnly ? { post_only: true } : {}),
  ...(order.expiresAt > 0 ? { expire_time: micros(order.expiresAt) } : {})
})

const reasons = (order: Order): OutRecord =>
  order.reason === undefined ? {} : { cancel_reason: order.reason, reason: order.reason }

const statusRow = (d: Draft, order: Order, rules: Instrument, kind: StatusReport): OutRecord => {
  const head = {
    timestamp: micros(d.state.now),
    order_id: order.txid,
    exec_type: kind,
    order_status: statusOf(order),
    ...identity(order, kind === "pending_new" || d.state.switches.deltasCarryClOrdId)
  }
  switch (kind) {
    case "pending_new":
      return {
        ...head,
        ...terms(order, rules),
        cum_cost: amount(0n, rules.costDecimals),
        fee_usd_equiv: amount(0n, rules.costDecimals)
      }
    case "new":
      return head
    case "filled":
      return d.state.switches.filledCarriesTotals ? { ...head, ...progress(order, rules) } : head
    case "amended":
      return {
        ...head,
        cum_qty: amount(order.filled, rules.quantityDecimals),
        reason: "User requested",
        amended: true,
        order_qty: amount(order.quantity, rules.quantityDecimals),
        limit_price: amount(order.price, rules.priceDecimals),
        limit_price_type: "static"
      }
    default:
      return { ...head, ...progress(order, rules), ...reasons(order), ...(order.postOnly ? { post_only: true } : {}) }
  }
}

/** Fees of a fill as reports name them. */
const feeRow = (fill: Fill, rules: Instrument): OutRecord =>
  fill.feeBase === 0n
    ? { asset: rules.quote, qty: amount(fill.fee, rules.costDecimals) }
    : { asset: rules.base, qty: amount(fill.feeBase, rules.baseDecimals) }

const fillRow = (order: Order, fill: Fill, rules: Instrument): OutRecord => ({
  order_id: fill.txid,
  exec_id: fill.id,
  exec_type: "trade",
  trade_id: fill.tradeId,
  symbol: fill.symbol,
  side: fill.side,
  last_qty: amount(fill.quantity, rules.quantityDecimals),
  last_price: amount(fill.price, rules.priceDecimals),
  liquidity_ind: fill.maker ? "m" : "t",
  cost: amount(fill.cost, rules.costDecimals),
  order_type: order.type,
  timestamp: micros(fill.at),
  fees: [feeRow(fill, rules)]
})

const reportTo = (d: Draft, order: Order, row: OutRecord, kind: StatusReport | "trade"): void => {
  deliver(d, "executions", true, (subscription) => {
    if (kind !== "trade" && !subscription.orderStatus && !transitions.has(kind)) return undefined
    const sequence = subscription.sequence + 1
    const counter = d.state.engine.get(order.symbol) ?? Limits.fresh
    const points = Limits.valueAt(counter, Limits.engineRules[d.state.tier], d.state.now) / Limits.POINT
    const full = subscription.rateCounter ? { ...row, ratecount: Math.floor(points) } : row
    return { text: message("executions", "update", [full], { sequence }), next: { ...subscription, sequence } }
  })
}

/** Tells every subscriber that an order changed its status or terms. */
export const reportStatus = (d: Draft, order: Order, rules: Instrument, kind: StatusReport): void =>
  reportTo(d, order, statusRow(d, order, rules, kind), kind)

/** Tells every subscriber of a fill. The order's status still says `partially_filled`; `filled` comes as a report of its own. */
export const reportFill = (d: Draft, order: Order, fill: Fill, rules: Instrument): void => {
  const row = {
    ...fillRow(order, fill, rules),
    ...identity(order, d.state.switches.deltasCarryClOrdId),
    order_status: "partially_filled",
    ...progress(order, rules),
    fee_usd_equiv: amount(fill.fee, rules.costDecimals)
  }
  reportTo(d, order, row, "trade")
}

/** Snapshot rows: open orders in full, then the newest 50 fills, newest first. */
export const executionsSnapshot = (
  state: ExchangeState,
  options: { readonly orders: boolean; readonly trades: boolean }
): ReadonlyArray<OutRecord> => {
  const rows: Array<OutRecord> = []
  for (const order of options.orders ? openOrders(state) : []) {
    const { rules } = marketOf(state, order.symbol)
    rows.push({
      order_id: order.txid,
      exec_type: "new",
      order_status: statusOf(order),
      timestamp: micros(order.openedAt),
      ...identity(order, true),
      ...terms(order, rules),
      ...progress(order, rules),
      ...(order.amended ? { amended: true } : {})
    })
  }
  for (const fill of options.trades ? Log.last(state.account.fills, 50).toReversed() : []) {
    const { rules } = marketOf(state, fill.symbol)
    const order = orderOf(state, fill.txid)
    rows.push({
      ...fillRow(order, fill, rules),
      ...identity(order, state.switches.deltasCarryClOrdId),
      order_status: "filled",
      fee_usd_equiv: amount(fill.fee, rules.costDecimals)
    })
  }
  return rows
}
