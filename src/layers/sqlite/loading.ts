/** Reading the books back. Runs inside a reading transaction, of the store or of a read-only connection. */
import { Either, Option, Record, Schema } from "effect"
import type { Fence, Snapshot } from "../../domain/engine/Snapshot.ts"
import * as Money from "../../domain/money/Money.ts"
import type { ClientOrderId, ExchangeOrderId } from "../../domain/order/Ids.ts"
import type { Order } from "../../domain/order/Order.ts"
import type { Lot } from "../../domain/portfolio/Lot.ts"
import { Damaged } from "./failure.ts"
import type { Row, Sql } from "./Sql.ts"
import { amount, big, int, optionalText, text } from "./Sql.ts"
import { BreakerStateText, LotState, OrderState } from "./states.ts"

/** A column read through a schema; what does not fit is damage, never a default. */
const through = <A, I extends string>(schema: Schema.Schema<A, I>): ((row: Row, column: string) => A) => {
  const decode = Schema.decodeUnknownEither(schema)
  return (row, column) =>
    Either.getOrThrowWith(
      decode(text(row, column)),
      () => new Damaged({ what: `column ${column} does not hold what its schema says` })
    )
}

const orderOf = through(OrderState)
const lotOf = through(LotState)
const breakerOf = through(BreakerStateText)
const sourceOf = through(Schema.Literal("no lots", "quote", "candle", "last valuation"))

const readOrder = (row: Row): Order => orderOf(row, "state")
const readLot = (row: Row): Lot => lotOf(row, "state")

export const findOrder = (sql: Sql, id: ClientOrderId): Order | undefined => {
  const row = sql.get("SELECT state FROM orders WHERE order_id = ?", id)
  return row === undefined ? undefined : readOrder(row)
}

export const findOrderByExchangeId = (sql: Sql, id: ExchangeOrderId): Order | undefined => {
  const row = sql.get("SELECT state FROM orders WHERE exchange_id = ?", id)
  return row === undefined ? undefined : readOrder(row)
}

export const findLot = (sql: Sql, id: ClientOrderId): Lot | undefined => {
  const row = sql.get("SELECT state FROM lots WHERE lot_id = ?", id)
  return row === undefined ? undefined : readLot(row)
}

/** Those of the ids under which a fill is booked. */
export const bookedAmong = (sql: Sql, ids: ReadonlyArray<string>): ReadonlySet<string> =>
  new Set(ids.filter((id) => sql.get("SELECT 1 FROM fills WHERE execution_id = ?", id) !== undefined))

/** Note of the records that stands while everything is to be sold. */
export const FLATTEN_NOTE = "fence.flatten"

const FENCE = `SELECT epoch, paused, operator_latch, (SELECT value FROM notes WHERE key = '${FLATTEN_NOTE}') AS flatten FROM fence`

const fenceFrom = (row: Row): Fence => ({
  epoch: int(row, "epoch"),
  paused: big(row, "paused") !== 0n,
  operatorLatch: Option.fromNullable(optionalText(row, "operator_latch")),
  ...(optionalText(row, "flatten") === undefined ? {} : { flatten: true })
})

export const readFence = (sql: Sql): Fence => fenceFrom(sql.one(FENCE))

/** The statements that read the books. The store and `Records` run them on connections of different kinds. */
export const bookStatements = {
  orders: "SELECT state FROM orders WHERE settled = 0 ORDER BY id",
  lots: "SELECT state FROM lots WHERE held = 1",
  soldLots: "SELECT lots.state FROM orders JOIN lots ON lot_id = order_id WHERE settled = 0 AND held = 0",
  totals: "SELECT own_usd, rounding, realised, closed_trades, winning_trades FROM totals",
  foreign: "SELECT asset, amount FROM foreign_holdings",
  dayMark: "SELECT day, at_ms, equity, source FROM day_marks ORDER BY day DESC LIMIT 1",
  valuation: "SELECT at_ms, equity FROM valuations",
  breaker: "SELECT state FROM breaker",
  notes: "SELECT key, value FROM notes",
  sequence: "SELECT last FROM sequence",
  fence: FENCE
} as const

type Part = keyof typeof bookStatements
export type BookRows = Readonly<{ [P in Part]: ReadonlyArray<Row> }>

/** The books out of the rows of `bookStatements`, all read in one transaction. Throws `Damaged`. */
export const booksFrom = (rows: BookRows): Snapshot => {
  const first = (part: Part): Option.Option<Row> => Option.fromNullable(rows[part][0])
  const only = (part: Part): Row =>
    Option.getOrThrowWith(first(part), () => new Damaged({ what: `a row is missing: ${bookStatements[part]}` }))
  const totals = only("totals")
  return {
    orders: rows.orders.map(readOrder),
    lots: rows.lots.map(readLot).toSorted((a, b) => a.openedAt - b.openedAt),
    soldLots: rows.soldLots.map(readLot),
    totals: {
      ownUsd: Money.Usd(amount(totals, "own_usd")),
      rounding: Money.Usd(amount(totals, "rounding")),
      realised: Money.Usd(amount(totals, "realised")),
      closedTrades: int(totals, "closed_trades"),
      winningTrades: int(totals, "winning_trades")
    },
    foreign: new Map(rows.foreign.map((row) => [text(row, "asset"), amount(row, "amount")])),
    dayMark: Option.map(first("dayMark"), (row) => ({
      day: text(row, "day"),
      at: int(row, "at_ms"),
      equity: Money.Usd(amount(row, "equity")),
      source: sourceOf(row, "source")
    })),
    valuation: Option.map(first("valuation"), (row) => ({
      at: int(row, "at_ms"),
      equity: Money.Usd(amount(row, "equity"))
    })),
    breaker: breakerOf(only("breaker"), "state"),
    notes: new Map(rows.notes.map((row) => [text(row, "key"), text(row, "value")])),
    sequence: int(only("sequence"), "last"),
    fence: fenceFrom(only("fence"))
  }
}

export const readSnapshot = (sql: Sql): Snapshot =>
  booksFrom(Record.map(bookStatements, (statement) => sql.all(statement)))
