/** Orders, trades and ledgers over REST: filters, pages of fifty, and the lag that reads may have behind the engine. */
import { Either } from "effect"
import * as Money from "../../money/Money.ts"
import type { EpochMs } from "../../Time.ts"
import { findOrder, openOrders, orderOf } from "../Draft.ts"
import type { Draft } from "../Draft.ts"
import type { Out } from "../Json.ts"
import * as Log from "../Log.ts"
import type { ExchangeState, Fill, Order } from "../State.ts"
import { seenAccount } from "../Timers.ts"
import type { Refusal } from "../Validation.ts"
import { invalid, UNKNOWN_ORDER, userrefOf } from "../Validation.ts"
import { restNameOf } from "../Wallet.ts"
import type { Params, PrivateEndpoint } from "./Call.ts"
import { isTrue, list } from "./Call.ts"
import { fillRow, ledgerRow, orderRow } from "./Rows.ts"

const PAGE = 50

/** The state as lagging reads see it. */
const seen = (d: Draft): ExchangeState => ({ ...d.state, account: seenAccount(d.state) })

type Instants = (id: string) => EpochMs | undefined

/** `start` (exclusive) or `end` (inclusive): unix seconds, or an id whose time counts. */
const bound = (text: string | undefined, otherwise: number, idTime: Instants): Either.Either<number, Refusal> => {
  if (text === undefined || text === "" || text === "0") return Either.right(otherwise)
  if (/^\d{1,12}(?:\.\d+)?$/.test(text)) return Either.right(Math.round(Number(text) * 1000))
  return Either.fromNullable(idTime(text), () => invalid("start"))
}

/** A test for instants after `start` and up to `end`. */
const range = (params: Params, idTime: Instants): Either.Either<(at: EpochMs) => boolean, Refusal> =>
  Either.gen(function* () {
    const start = yield* bound(params.get("start"), -1, idTime)
    const end = yield* bound(params.get("end"), Number.MAX_SAFE_INTEGER, idTime)
    return (at: EpochMs) => at > start && at <= end
  })

/** One page from `ofs` on, with the count of all matches unless the caller does without. */
const page = <A>(
  params: Params,
  all: ReadonlyArray<A>,
  row: (item: A) => readonly [id: string, row: Out],
  name: string
): Either.Either<Out, Refusal> => {
  const offset = params.get("ofs") ?? "0"
  if (!/^\d{1,9}$/.test(offset)) return Either.left(invalid("ofs"))
  const rows = Object.fromEntries(all.slice(Number(offset), Number(offset) + PAGE).map(row))
  return Either.right({ [name]: rows, ...(isTrue(params.get("without_count")) ? {} : { count: all.length }) })
}

/** A test for the `userref` and `cl_ord_id` filters. */
const filters = (params: Params): Either.Either<(order: Order) => boolean, Refusal> =>
  Either.map(userrefOf(params.get("userref")), (userref) => {
    const clOrdId = params.get("cl_ord_id")
    return (order: Order) =>
      (userref === undefined || order.userref === userref) && (clOrdId === undefined || order.clOrdId === clOrdId)
  })

export const openOrdersEndpoint: PrivateEndpoint = {
  permissions: ["query-open-trades"],
  params: ["trades", "userref", "cl_ord_id"],
  reads: true,
  answer: (d, { params }) =>
    Either.map(filters(params), (matches) => {
      const state = seen(d)
      const rows = openOrders(state).filter(matches)
      return {
        open: Object.fromEntries(
          rows.map((order) => [order.txid, orderRow(state, order, isTrue(params.get("trades")))])
        )
      }
    })
}

const orderTime =
  (state: ExchangeState): Instants =>
  (id) =>
    findOrder(state, id)?.openedAt

export const closedOrdersEndpoint: PrivateEndpoint = {
  permissions: ["query-closed-trades"],
  params: ["trades", "userref", "cl_ord_id", "start", "end", "ofs", "closetime", "consolidate_taker", "without_count"],
  reads: true,
  answer: (d, { params }) =>
    Either.gen(function* () {
      const state = seen(d)
      const matches = yield* filters(params)
      const within = yield* range(params, orderTime(state))
      const closetime = params.get("closetime") ?? "both"
      const times: ((order: Order) => ReadonlyArray<EpochMs>) | undefined =
        closetime === "open"
          ? (order) => [order.openedAt]
          : closetime === "close"
            ? (order) => [order.closedAt]
            : closetime === "both"
              ? (order) => [order.openedAt, order.closedAt]
              : undefined
      if (times === undefined) return yield* Either.left(invalid("closetime"))
      const all = Log.from(state.account.closed, 0)
        .map((txid) => orderOf(state, txid))
        .filter((order) => matches(order) && times(order).some(within))
        .toReversed()
      const trades = isTrue(params.get("trades"))
      return yield* page(params, all, (order) => [order.txid, orderRow(state, order, trades)], "closed")
    })
}

const QUERY_MOST = 50

export const queryOrdersEndpoint: PrivateEndpoint = {
  permissions: ["query-open-trades", "query-closed-trades"],
  params: ["txid", "trades", "userref", "consolidate_taker"],
  reads: true,
  answer: (d, { params }) =>
    Either.gen(function* () {
      const state = seen(d)
      const ids = list(params.get("txid"))
      if (ids.length === 0 || ids.length > QUERY_MOST) return yield* Either.left(invalid("txid"))
      const matches = yield* filters(new Map([...params].filter(([name]) => name === "userref")))
      const orders: Array<Order> = []
      for (const id of ids) {
        const order = findOrder(state, id)
        if (order === undefined) return yield* Either.left(UNKNOWN_ORDER)
        if (matches(order)) orders.push(order)
      }
      const trades = isTrue(params.get("trades"))
      return Object.fromEntries(orders.map((order) => [order.txid, orderRow(state, order, trades)]))
    })
}

/** Taker executions of one order at one instant as one trade, under the id of the last (`consolidate_taker`). */
export const consolidate = (fills: ReadonlyArray<Fill>): ReadonlyArray<Fill> => {
  const merged: Array<Fill> = []
  for (const fill of fills) {
    const before = merged.at(-1)
    if (before === undefined || before.maker || fill.maker || before.txid !== fill.txid || before.at !== fill.at) {
      merged.push(fill)
      continue
    }
    const cost = Money.addUsd(before.cost, fill.cost)
    const quantity = Money.addQuantity(before.quantity, fill.quantity)
    merged[merged.length - 1] = {
      ...fill,
      price: Money.averagePrice(cost, quantity) ?? fill.price,
      quantity,
      cost,
      fee: Money.addUsd(before.fee, fill.fee),
      feeBase: Money.addQuantity(before.feeBase, fill.feeBase),
      ledgers: [...before.ledgers, ...fill.ledgers]
    }
  }
  return merged
}

export const tradesHistoryEndpoint: PrivateEndpoint = {
  permissions: ["query-closed-trades"],
  params: ["type", "trades", "start", "end", "ofs", "without_count", "consolidate_taker", "ledgers"],
  reads: true,
  answer: (d, { params }) =>
    Either.gen(function* () {
      const state = seen(d)
      const fills = Log.from(state.account.fills, 0)
      const within = yield* range(params, (id) => fills.find((fill) => fill.id === id)?.at)
      const type = params.get("type") ?? "all"
      const known = type === "all" || type === "no position"
      const merged = params.get("consolidate_taker") === "false" ? fills : consolidate(fills)
      const all = known ? merged.filter((fill) => within(fill.at)).toReversed() : []
      const ledgers = isTrue(params.get("ledgers"))
      return yield* page(params, all, (fill) => [fill.id, fillRow(state, fill, ledgers)], "trades")
    })
}

const TRADES_MOST = 20

export const queryTradesEndpoint: PrivateEndpoint = {
  permissions: ["query-closed-trades"],
  params: ["txid", "trades", "ledgers"],
  reads: true,
  answer: (d, { params }) => {
    const state = seen(d)
    const ids = new Set(list(params.get("txid")))
    if (ids.size === 0 || ids.size > TRADES_MOST) return Either.left(invalid("txid"))
    const found = Log.from(state.account.fills, 0).filter((fill) => ids.has(fill.id))
    if (found.length < ids.size) return Either.left("EQuery:Unknown trade")
    const ledgers = isTrue(params.get("ledgers"))
    return Either.right(Object.fromEntries(found.map((fill) => [fill.id, fillRow(state, fill, ledgers)])))
  }
}

export const queryLedgersEndpoint: PrivateEndpoint = {
  permissions: ["query-ledger"],
  params: ["id", "trades"],
  reads: true,
  answer: (d, { params }) => {
    const state = seen(d)
    const ids = new Set(list(params.get("id")))
    if (ids.size === 0 || ids.size > TRADES_MOST) return Either.left(invalid("id"))
    const found = Log.from(state.account.ledgers, 0).filter((entry) => ids.has(entry.id))
    if (found.length < ids.size) return Either.left("EQuery:Unknown ledger")
    return Either.right(Object.fromEntries(found.map((entry) => [entry.id, ledgerRow(state, entry)])))
  }
}

export const ledgersEndpoint: PrivateEndpoint = {
  permissions: ["query-ledger"],
  params: ["asset", "aclass", "type", "start", "end", "ofs", "without_count"],
  reads: true,
  answer: (d, { params }) =>
    Either.gen(function* () {
      const state = seen(d)
      const entries = Log.from(state.account.ledgers, 0)
      const within = yield* range(params, (id) => entries.find((entry) => entry.id === id)?.at)
      const names = list(params.get("asset")).filter((name) => name !== "all")
      const type = params.get("type") ?? "all"
      const all = entries
        .filter(
          (entry) =>
            within(entry.at) &&
            (type === "all" || type === entry.type) &&
            (names.length === 0 || names.includes(entry.wallet) || names.includes(restNameOf(state, entry.wallet)))
        )
        .toReversed()
      return yield* page(params, all, (entry) => [entry.id, ledgerRow(state, entry)], "ledger")
    })
}
