/** Results that speak of orders and executions. */
import { Either, Schema } from "effect"
import { ClientOrderId, ExchangeOrderId, ExecutionId } from "../../order/Ids.ts"
import type { ExchangeStatus, FillReport, StatusReport } from "../../order/Report.ts"
import { PairSymbol } from "../../market/Instrument.ts"
import * as Fixed from "../../money/Fixed.ts"
import * as Money from "../../money/Money.ts"
import type { EpochMs } from "../../Time.ts"
import { PayloadError } from "../Envelope.ts"
import type { PairNames } from "../naming.ts"
import { Amount, Count, Decimal, decoder, Instant, mapOf, maybe, Seconds, Side } from "./fields.ts"

type Decoded<A> = Either.Either<A, PayloadError>

const OrderRow = Schema.Struct({
  cl_ord_id: maybe(Schema.String),
  status: Schema.String,
  opentm: Seconds,
  closetm: maybe(Seconds),
  expiretm: maybe(Seconds),
  // Seen empty on old orders; `price` is `+1.0000%` on relative trigger orders.
  descr: Schema.Struct({
    pair: maybe(Schema.String),
    type: maybe(Side),
    ordertype: maybe(Schema.String),
    price: maybe(Schema.String)
  }),
  vol: Amount,
  vol_exec: Amount,
  cost: Amount,
  fee: Decimal,
  oflags: maybe(Schema.String),
  trades: maybe(Schema.Array(Schema.String)),
  reason: maybe(Schema.String)
})
type OrderRow = typeof OrderRow.Type

/** One order as REST tells it. */
export interface OrderFact {
  readonly report: StatusReport
  readonly tradeIds: ReadonlyArray<string>
  readonly orderType: string
}

const STATUS: ReadonlyMap<string, ExchangeStatus> = new Map([
  ["pending", "pending"],
  ["open", "open"],
  ["closed", "filled"],
  ["canceled", "cancelled"],
  ["expired", "expired"]
])

/** A state nobody has heard of counts as open as long as the order has no closing time: what may still execute must be counted. */
const statusOf = (row: OrderRow): ExchangeStatus =>
  STATUS.get(row.status) ?? (row.closetm === undefined ? "open" : "cancelled")

const orderFact = (id: string, row: OrderRow, names: PairNames, readAt: EpochMs): OrderFact => {
  const status = statusOf(row)
  const ended = status !== "open" && status !== "pending"
  const limit = Either.getOrElse(Fixed.parse(row.descr.price ?? "0"), () => 0n)
  const symbol = names.find(row.descr.pair ?? "")?.symbol
  return {
    tradeIds: row.trades ?? [],
    orderType: row.descr.ordertype ?? "",
    report: {
      _tag: "Status",
      source: "rest",
      exchangeId: ExchangeOrderId(id),
      ...(row.cl_ord_id === undefined ? {} : { clientId: ClientOrderId(row.cl_ord_id) }),
      ...(symbol === undefined ? {} : { symbol }),
      ...(row.descr.type === undefined ? {} : { side: row.descr.type }),
      status,
      quantity: Money.Quantity(row.vol),
      ...(limit > 0n ? { limitPrice: Money.Price(limit) } : {}),
      cumQuantity: Money.Quantity(row.vol_exec),
      cumCost: Money.Usd(row.cost),
      cumFee: Money.Usd(row.fee),
      postOnly: (row.oflags ?? "").split(",").includes("post"),
      ...(row.expiretm === undefined || row.expiretm === 0 ? {} : { expiresAt: row.expiretm }),
      ...(row.reason === undefined || row.reason === "" ? {} : { reason: row.reason }),
      at: ended ? (row.closetm ?? readAt) : Math.max(row.opentm, readAt)
    }
  }
}

const Orders = mapOf(OrderRow)
const facts = (rows: Readonly<Record<string, OrderRow>>, names: PairNames, readAt: EpochMs): ReadonlyArray<OrderFact> =>
  Object.entries(rows).map(([id, row]) => orderFact(id, row, names, readAt))

const Open = decoder(Schema.Struct({ open: Orders }))
const Closed = decoder(Schema.Struct({ closed: Orders, count: maybe(Count) }))
const Queried = decoder(Orders)

/**
 * `readAt` is when the question was asked: the time of the terms of orders that are still open, since `opentm` does not
 * move with an amend. Ended orders carry their closing time.
 */
export const decodeOpenOrders = (
  result: unknown,
  names: PairNames,
  readAt: EpochMs
): Decoded<ReadonlyArray<OrderFact>> => Either.map(Open(result), ({ open }) => facts(open, names, readAt))

const newestFirst = (a: OrderFact, b: OrderFact): number => b.report.at - a.report.at

export const decodeClosedOrders = (
  result: unknown,
  names: PairNames,
  readAt: EpochMs
): Decoded<{ readonly orders: ReadonlyArray<OrderFact>; readonly count: number }> =>
  Either.map(Closed(result), ({ closed, count }) => {
    const orders = facts(closed, names, readAt).toSorted(newestFirst)
    return { orders, count: count ?? orders.length }
  })

export const decodeQueryOrders = (
  result: unknown,
  names: PairNames,
  readAt: EpochMs
): Decoded<ReadonlyArray<OrderFact>> => Either.map(Queried(result), (rows) => facts(rows, names, readAt))

const TradeRow = Schema.Struct({
  ordertxid: Schema.String,
  pair: Schema.String,
  time: Seconds,
  type: Side,
  price: Amount,
  cost: Amount,
  fee: Decimal,
  vol: Amount,
  maker: maybe(Schema.Boolean)
})
type TradeRow = typeof TradeRow.Type

/**
 * REST history names no fee asset and means the quote. A pair that is listed nowhere any more keeps its REST id for a
 * symbol, which no pair of ours equals; its fee asset is then unknown (empty). Without `maker` a fill counts as taker.
 */
const fill = (id: string, row: TradeRow, names: PairNames): FillReport => {
  const pair = names.find(row.pair)
  return {
    _tag: "Fill",
    source: "rest",
    executionId: ExecutionId(id),
    exchangeId: ExchangeOrderId(row.ordertxid),
    symbol: pair?.symbol ?? PairSymbol(row.pair),
    side: row.type,
    price: Money.Price(row.price),
    quantity: Money.Quantity(row.vol),
    cost: Money.Usd(row.cost),
    fee: row.fee,
    feeAsset: pair?.quote ?? "",
    liquidity: row.maker === true ? "maker" : "taker",
    at: row.time
  }
}

const fills = (rows: Readonly<Record<string, TradeRow>>, names: PairNames): ReadonlyArray<FillReport> =>
  Object.entries(rows)
    .map(([id, row]) => fill(id, row, names))
    .toSorted((a, b) => b.at - a.at)

const History = decoder(Schema.Struct({ trades: mapOf(TradeRow), count: maybe(Count) }))
const Executions = decoder(mapOf(TradeRow))

export const decodeTradesHistory = (
  result: unknown,
  names: PairNames
): Decoded<{ readonly fills: ReadonlyArray<FillReport>; readonly count: number }> =>
  Either.map(History(result), ({ trades, count }) => {
    const all = fills(trades, names)
    return { fills: all, count: count ?? all.length }
  })

export const decodeQueryTrades = (result: unknown, names: PairNames): Decoded<ReadonlyArray<FillReport>> =>
  Either.map(Executions(result), (rows) => fills(rows, names))

const Added = decoder(Schema.Struct({ txid: Schema.NonEmptyArray(Schema.NonEmptyString) }))
/** `AddOrder`: the exchange's id of the order that was accepted. Accepted is not resting: it may be cancelled a moment later. */
export const decodeAddOrder = (result: unknown): Decoded<ExchangeOrderId> =>
  Either.map(Added(result), ({ txid }) => ExchangeOrderId(txid[0]))

const Validated = decoder(Schema.Struct({ descr: Schema.Unknown, txid: Schema.optional(Schema.Unknown) }))
/** `AddOrder` with `validate=true`: only a description. An id in the answer would mean that an order was placed. */
export const decodeValidateOrder = (result: unknown): Decoded<void> =>
  Either.flatMap(Validated(result), ({ txid }) =>
    txid === undefined
      ? Either.right(undefined)
      : Either.left(new PayloadError({ detail: "an order was placed by a request that was for validation only" }))
  )

const Amended = decoder(Schema.Struct({ amend_id: Schema.NonEmptyString }))
export const decodeAmendOrder = (result: unknown): Decoded<string> => Either.map(Amended(result), (r) => r.amend_id)

const Cancelled = decoder(Schema.Struct({ count: Count, pending: maybe(Schema.Boolean) }))
/** `CancelOrder`, `CancelAll`. `pending`: not confirmed yet. */
export const decodeCancel = (result: unknown): Decoded<{ readonly count: number; readonly pending: boolean }> =>
  Either.map(Cancelled(result), ({ count, pending }) => ({ count, pending: pending === true }))

const Switch = decoder(Schema.Struct({ currentTime: Instant, triggerTime: maybe(Schema.String) }))
const trigger = decoder(Instant)
/** `CancelAllOrdersAfter`. Disarmed, `triggerTime` is `"0"` or missing. */
export const decodeSwitch = (result: unknown): Decoded<{ readonly now: EpochMs; readonly triggerAt?: EpochMs }> =>
  Either.flatMap(Switch(result), ({ currentTime, triggerTime }) =>
    triggerTime === undefined || triggerTime === "0" || triggerTime === ""
      ? Either.right({ now: currentTime })
      : Either.map(trigger(triggerTime), (triggerAt) => ({ now: currentTime, triggerAt }))
  )
