/** Reading what the exchange has of an order: by its id, among open orders, closed orders, executions. Matches the returned client id itself. */
import { Effect } from "effect"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import type { ExchangeOrderId } from "../../domain/order/Ids.ts"
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

/** What a source says of an order. Not `whole`: it holds more than was read, so that its silence proves nothing. */
export interface Searched {
  readonly record: OrderRecord | undefined
  readonly whole: boolean
}

/** Status and missing executions of a record, executions first, stamped with the time at which the read began. */
const reportsOf = (d: Deps, order: Order, record: OrderRecord, begunAt: EpochMs): Look<ReadonlyArray<OrderReport>> => {
  const status: StatusReport = { ...record.report, clientId: order.id, at: begunAt }
  const executed = (status.cumQuantity ?? 0n) > order.bookedQuantity
  const missing = record.tradeIds.filter((id) => !order.executions.some((known) => known === id))
  if (!executed) return Effect.succeed([status])
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
  (record.report.clientId === undefined && record.report.exchangeId === order.exchangeId)

/** An order of the pair in the window that nobody explains, and whose record names no client id. */
const isCandidate = (d: Deps, order: Order, record: OrderRecord): boolean =>
  record.report.clientId === undefined &&
  record.report.symbol === order.symbol &&
  !d.engine.unsafeState().byExchangeId.has(record.report.exchangeId)

const byId = (d: Deps, order: Order, ids: ReadonlyArray<ExchangeOrderId>): Look<OrderRecord | undefined> =>
  ids.length === 0
    ? Effect.succeed(undefined)
    : Effect.flatMap(d.rest.queryOrders(ids.slice(0, PAGE)), (records) => {
        const found = records.find((record) => isOurs(order, record))
        return found === undefined ? byId(d, order, ids.slice(PAGE)) : Effect.succeed(found)
      })

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

export const inOpenOrders = (d: Deps, order: Order): Look<Searched> =>
  Effect.map(
    Effect.flatMap(d.rest.openOrders, (records) => pick(d, order, records)),
    (record) => ({ record, whole: true })
  )

/** Page after page until the order is found or the source ends; the bound keeps a busy account from eating the budget. */
const pages = (
  read: (offset: number) => Look<{ readonly record: OrderRecord | undefined; readonly last: boolean }>
): Look<Searched> => {
  const from = (n: number): Look<Searched> =>
    Effect.flatMap(read(n * PAGE), ({ record, last }) =>
      record !== undefined || last || n + 1 >= MAX_PAGES ? Effect.succeed({ record, whole: last }) : from(n + 1)
    )
  return from(0)
}

/** Every page of closed orders since the order was created. */
export const inClosedOrders = (d: Deps, order: Order): Look<Searched> =>
  pages((offset) =>
    Effect.gen(function* () {
      const { orders, count } = yield* d.rest.closedOrders({ start: order.createdAt - WINDOW_MS, offset })
      const record = yield* pick(d, order, orders)
      return { record, last: orders.length === 0 || offset + PAGE >= count }
    })
  )

/** Every page of own executions since the order was created; the orders of those that nobody knows are queried. */
export const inTrades = (d: Deps, order: Order): Look<Searched> =>
  pages((offset) =>
    Effect.gen(function* () {
      const { fills, count } = yield* d.rest.tradesHistory({ start: order.createdAt - WINDOW_MS, offset })
      const known = d.engine.unsafeState().byExchangeId
      const ids = new Set(
        fills
          .filter((fill) => fill.symbol === order.symbol && !known.has(fill.exchangeId))
          .map((fill) => fill.exchangeId)
      )
      const record = yield* byId(d, order, [...ids])
      return { record, last: fills.length === 0 || offset + PAGE >= count }
    })
  )

/** Where an order is found, its reports; otherwise whether the source lacks it for sure. */
export const reportsFrom = (
  d: Deps,
  order: Order,
  source: (d: Deps, order: Order) => Look<Searched>
): Look<{ readonly reports: ReadonlyArray<OrderReport> | undefined; readonly whole: boolean }> =>
  Effect.gen(function* () {
    const begunAt = yield* d.clock.now
    const { record, whole } = yield* source(d, order)
    return { reports: record === undefined ? undefined : yield* reportsOf(d, order, record, begunAt), whole }
  })

/** The record of an order by the exchange's id, or by searching where that is not known. */
const current = (d: Deps, order: Order): Look<Searched> =>
  order.exchangeId === undefined
    ? Effect.flatMap(inOpenOrders(d, order), (found) =>
        found.record === undefined ? inClosedOrders(d, order) : Effect.succeed(found)
      )
    : Effect.map(byId(d, order, [order.exchangeId]), (record) => ({ record, whole: true }))

/** Reads one order and its executions and tells the engine. A failed read is asked for again by the engine. */
export const fetchOrder = (d: Deps, order: Order): Effect.Effect<void> =>
  reportsFrom(d, order, current).pipe(
    Effect.flatMap(({ reports }) =>
      reports === undefined
        ? Effect.logWarning(`order ${order.id} was not found on the exchange`)
        : d.engine.tell({ _tag: "ReportsSeen", reports })
    ),
    Effect.catchAll((error) => Effect.logInfo(`reading order ${order.id} failed: ${error.message}`))
  )
