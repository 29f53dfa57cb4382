/** Reading the records back. Runs inside a reading transaction, of the store or of a read-only connection. */
import { Either, Option, Schema } from "effect"
import type { Fence, Snapshot } from "../../domain/engine/Snapshot.ts"
import type { BreakerChange } from "../../domain/breaker/BreakerState.ts"
import { causes } from "../../domain/breaker/BreakerState.ts"
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
const causeOf = through(Schema.Literal(...causes))
const changeOf = through(Schema.Literal("latched", "cleared", "relatched"))
const byOf = through(Schema.Literal("trader", "operator", "calendar"))

export const readOrder = (row: Row): Order => orderOf(row, "state")
export const readLot = (row: Row): Lot => lotOf(row, "state")

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

export const readFence = (sql: Sql): Fence => {
  const row = sql.one("SELECT epoch, paused, operator_latch FROM fence")
  return {
    epoch: int(row, "epoch"),
    paused: big(row, "paused") !== 0n,
    operatorLatch: Option.fromNullable(optionalText(row, "operator_latch"))
  }
}

export const readSnapshot = (sql: Sql): Snapshot => {
  const totals = sql.one("SELECT own_usd, rounding, realised, closed_trades, winning_trades FROM totals")
  const mark = sql.get("SELECT day, at_ms, equity, source FROM day_marks ORDER BY day DESC LIMIT 1")
  const valuation = sql.get("SELECT at_ms, equity FROM valuations")
  return {
    orders: sql.all("SELECT state FROM orders WHERE settled = 0 ORDER BY id").map(readOrder),
    lots: sql
      .all("SELECT state FROM lots WHERE held = 1")
      .map(readLot)
      .toSorted((a, b) => a.openedAt - b.openedAt),
    totals: {
      ownUsd: Money.Usd(amount(totals, "own_usd")),
      rounding: Money.Usd(amount(totals, "rounding")),
      realised: Money.Usd(amount(totals, "realised")),
      closedTrades: int(totals, "closed_trades"),
      winningTrades: int(totals, "winning_trades")
    },
    foreign: new Map(
      sql.all("SELECT asset, amount FROM foreign_holdings").map((row) => [text(row, "asset"), amount(row, "amount")])
    ),
    dayMark: Option.map(Option.fromNullable(mark), (row) => ({
      day: text(row, "day"),
      at: int(row, "at_ms"),
      equity: Money.Usd(amount(row, "equity")),
      source: sourceOf(row, "source")
    })),
    valuation: Option.map(Option.fromNullable(valuation), (row) => ({
      at: int(row, "at_ms"),
      equity: Money.Usd(amount(row, "equity"))
    })),
    breaker: breakerOf(sql.one("SELECT state FROM breaker"), "state"),
    notes: new Map(sql.all("SELECT key, value FROM notes").map((row) => [text(row, "key"), text(row, "value")])),
    sequence: int(sql.one("SELECT last FROM sequence"), "last"),
    fence: readFence(sql)
  }
}

/** The newest changes of the breaker, newest first. */
export const readBreakerHistory = (sql: Sql, limit: number): ReadonlyArray<BreakerChange> =>
  sql
    .all("SELECT at_ms, cause, change, reason, changed_by FROM breaker_history ORDER BY id DESC LIMIT ?", limit)
    .map((row) => ({
      at: int(row, "at_ms"),
      cause: causeOf(row, "cause"),
      change: changeOf(row, "change"),
      reason: text(row, "reason"),
      by: byOf(row, "changed_by")
    }))
