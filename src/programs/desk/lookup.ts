/** Reading what the exchange has of an order: by its id, among open orders, closed orders, executions. Matches the returned client id itself. */
import { Effect } from "effect"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import { ExchangeOrderId } from "../../domain/order/Ids.ts"
import type { Order } from "../../domain/order/Order.ts"
import type { FillReport, OrderReport, StatusReport } from "../../domain/order/Report.ts"
import type { EpochMs } from "../../domain/Time.ts"
import type { OrderRecord } from "../../services/KrakenRest.ts"
import type { Deps } from "./Deps.ts"

/** Before the order was created by our clock; clocks differ by less. */
const WINDOW_MS = 60_000
const PAGE = 50
const MAX_PAGES = 20
const TRADES_A_CALL = 20

type Look<A> = Effect.Effect<A, KrakenError>

/** Status and missing executions of a record, executions first, stamped with the time at which the read began. */
const reportsOf = (d: Deps, order: Order, record: OrderRecord, begunAt: EpochMs): Look<ReadonlyArray<OrderReport>> => {
  const status: StatusReport = { ...record.report, clientId: order.id, at: begunAt }
  const executed = (status.cumQuantity ?? 0n) > order.bookedQuantity
  const missing = record.tradeIds.filter((id) => !order.executions.some((known) => known === id))
  if (!executed || missing.length === 0) return Effect.succeed([status])
  const chunks = Array.from({ length: Math.ceil(missing.length / TRADES_A_CALL) }, (_, i) =>
    missing.slice(i * TRADES_A_CALL, (i + 1) * TRADES_A_CALL)
  )
  return Effect.map(
    Effect.forEach(chunks, (ids) => d.rest.queryTrades(ids)),
    (fills) => [...fills.flat().map((fill): FillReport => ({ ...fill, clientId: order.id })), status]
  )
}

const isOurs = (order: Order, record: OrderRecord): boolean =>
  record.report.clientId === order.id ||
  (record.report.clientId === undefined &&
    order.exchangeId !== undefined &&
    record.report.exchangeId === order.exchangeId)

/** An order of the pair in the window that nobody explains, and whose record names no client id. */
const isCandidate = (d: Deps, order: Order, record: OrderRecord): boolean =>
  record.report.clientId === undefined &&
  record.report.symbol === order.symbol &&
  !d.engine.unsafeState().byExchangeId.has(record.report.exchangeId)

const byId = (d: Deps, order: Order, ids: ReadonlyArray<ExchangeOrderId>): Look<OrderRecord | undefined> =>
  ids.length === 0
    ? Effect.succeed(undefined)
    : Effect.map(d.rest.queryOrders(ids.slice(0, PAGE)), (records) => records.find((record) => isOurs(order, record)))

/** Among a set of records: ours by its client id, or a candidate that turns out to be ours when queried. */
const pick = (d: Deps, order: Order, records: ReadonlyArray<OrderRecord>): Look<OrderRecord | undefined> => {
  const found = records.find((record) => isOurs(order, record))
  if (found !== undefined) return Effect.succeed(found)
  return byId(
    d,
    order,
    records.filter((record) => isCandidate(d, order, record)).map((record) => record.report.exchangeId)
  )
}

export const inOpenOrders = (d: Deps, order: Order): Look<OrderRecord | undefined> =>
  Effect.flatMap(d.rest.openOrders, (records) => pick(d, order, records))

/** Every page of closed orders since the order was created. */
export const inClosedOrders = (d: Deps, order: Order): Look<OrderRecord | undefined> => {
  const page = (n: number): Look<OrderRecord | undefined> =>
    Effect.gen(function* () {
      const { orders, count } = yield* d.rest.closedOrders({ start: order.createdAt - WINDOW_MS, offset: n * PAGE })
      const found = yield* pick(d, order, orders)
      if (found !== undefined || orders.length === 0 || (n + 1) * PAGE >= count || n + 1 >= MAX_PAGES) return found
      return yield* page(n + 1)
    })
  return page(0)
}

/** Own executions since the order was created whose order nobody knows: their orders are queried. */
export const inTrades = (d: Deps, order: Order): Look<OrderRecord | undefined> =>
  Effect.gen(function* () {
    const { fills } = yield* d.rest.tradesHistory({ start: order.createdAt - WINDOW_MS, offset: 0 })
    const known = d.engine.unsafeState().byExchangeId
    const ids = new Set(
      fills.filter((fill) => fill.symbol === order.symbol && !known.has(fill.exchangeId)).map((fill) => fill.exchangeId)
    )
    return yield* byId(d, order, [...ids])
  })

/** Where an order is found, its reports; `undefined` when the source lacks it. */
export const reportsFrom = (
  d: Deps,
  order: Order,
  source: (d: Deps, order: Order) => Look<OrderRecord | undefined>
): Look<ReadonlyArray<OrderReport> | undefined> =>
  Effect.gen(function* () {
    const begunAt = yield* d.clock.now
    const record = yield* source(d, order)
    return record === undefined ? undefined : yield* reportsOf(d, order, record, begunAt)
  })

/** The record of an order by the exchange's id, or by searching where that is not known. */
const current = (d: Deps, order: Order): Look<OrderRecord | undefined> =>
  order.exchangeId === undefined
    ? Effect.flatMap(inOpenOrders(d, order), (found) =>
        found === undefined ? inClosedOrders(d, order) : Effect.succeed(found)
      )
    : byId(d, order, [ExchangeOrderId(order.exchangeId)])

/** Reads one order and its executions and tells the engine. A failed read is asked for again by the engine. */
export const fetchOrder = (d: Deps, order: Order): Effect.Effect<void> =>
  reportsFrom(d, order, current).pipe(
    Effect.flatMap((reports) =>
      reports === undefined
        ? Effect.logWarning(`order ${order.id} was not found on the exchange`)
        : d.engine.tell({ _tag: "ReportsSeen", reports })
    ),
    Effect.catchAll((error) => Effect.logInfo(`reading order ${order.id} failed: ${error.message}`))
  )
