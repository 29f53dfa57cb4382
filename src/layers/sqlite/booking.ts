/** How each change to the records becomes rows. Runs inside a transaction of `Database`. */
import { Schema } from "effect"
import * as Fixed from "../../domain/money/Fixed.ts"
import * as Money from "../../domain/money/Money.ts"
import type { StoreWrite } from "../../domain/engine/Write.ts"
import type { ClientOrderId, LotId } from "../../domain/order/Ids.ts"
import type { Order } from "../../domain/order/Order.ts"
import { isSettled } from "../../domain/order/Order.ts"
import type { BookedFill } from "../../domain/portfolio/Books.ts"
import type { Lot } from "../../domain/portfolio/Lot.ts"
import { isOpenLot } from "../../domain/portfolio/Lot.ts"
import { iso } from "../../domain/Time.ts"
import * as Real from "./Real.ts"
import type { Param, Sql } from "./Sql.ts"
import { text } from "./Sql.ts"
import { findLot, findOrder } from "./loading.ts"
import { BreakerStateText, FeaturesText, LotState, OrderState } from "./states.ts"

const encodeOrder = Schema.encodeSync(OrderState)
const encodeLot = Schema.encodeSync(LotState)
const encodeBreaker = Schema.encodeSync(BreakerStateText)
const encodeFeatures = Schema.encodeSync(FeaturesText)

const averagePrice = (order: Order): Money.Price | undefined => Money.averagePrice(order.cumCost, order.cumQuantity)

const orderValues = (order: Order): ReadonlyArray<Param> => {
  const average = averagePrice(order)
  return [
    order.id,
    order.symbol,
    order.side,
    "limit",
    Real.column(order.limitPrice),
    Real.column(order.quantity),
    order.status,
    iso(order.createdAt),
    Real.column(order.cumQuantity),
    average === undefined ? null : Real.column(average),
    order.exchangeId ?? null,
    order.purpose._tag === "Entry" ? "entry" : order.purpose.kind,
    order.reason,
    isSettled(order) ? 1 : 0,
    encodeOrder(order)
  ]
}

const ORDER_COLUMNS =
  "order_id, pair, type, ordertype, price, volume, status, timestamp, filled_volume, avg_fill_price, exchange_id, purpose, reason, settled, state"
const INSERT_ORDER = `INSERT INTO orders (${ORDER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** A new order; an id that was used before is refused (UNIQUE), so that one id never stands for two orders (I2). */
export const insertOrder = (sql: Sql, order: Order): void => {
  sql.run(INSERT_ORDER, ...orderValues(order))
}

const upsertOrder = (sql: Sql, order: Order): void => {
  sql.run(
    `${INSERT_ORDER} ON CONFLICT (order_id) DO UPDATE SET price = excluded.price, volume = excluded.volume,
     status = excluded.status, filled_volume = excluded.filled_volume, avg_fill_price = excluded.avg_fill_price,
     exchange_id = excluded.exchange_id, settled = excluded.settled, state = excluded.state`,
    ...orderValues(order)
  )
}

/** The intent row of an order that is about to leave (I1). */
export const insertIntent = (
  sql: Sql,
  order: Order,
  nonce: bigint,
  epoch: number,
  path: "database" | "side file"
): void => {
  sql.run(
    "INSERT INTO intents (order_id, nonce, epoch, approved_ms, deadline_ms, path) VALUES (?, ?, ?, ?, ?, ?)",
    order.id,
    nonce,
    epoch,
    Math.floor(order.createdAt),
    Math.floor(order.deadline),
    path
  )
}

/** Whether an order is in the records already. */
export const hasOrder = (sql: Sql, id: ClientOrderId): boolean =>
  sql.get("SELECT 1 FROM orders WHERE order_id = ?", id) !== undefined

/**
 * Books a fill under its execution id. The same fill again changes nothing, so that a batch whose commit was in doubt may be
 * repeated; another fill under a known id fails the whole batch, since lots and cash in it would count it twice (I9).
 */
const bookFill = (sql: Sql, { fill, orderId, ledgerUsd, rounding }: BookedFill): void => {
  const values = [
    orderId,
    fill.exchangeId,
    fill.symbol,
    fill.side,
    Fixed.show(fill.price),
    Fixed.show(fill.quantity),
    Fixed.show(fill.cost),
    Fixed.show(fill.fee),
    fill.feeAsset,
    fill.liquidity,
    Fixed.show(ledgerUsd),
    Fixed.show(rounding),
    iso(fill.at)
  ]
  const inserted = sql.run(
    "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (execution_id) DO NOTHING",
    fill.executionId,
    ...values
  )
  if (inserted === 1) return
  const known = sql.one(
    "SELECT order_id, quantity, cost, fee, fee_asset FROM fills WHERE execution_id = ?",
    fill.executionId
  )
  const same =
    text(known, "order_id") === orderId &&
    text(known, "quantity") === Fixed.show(fill.quantity) &&
    text(known, "cost") === Fixed.show(fill.cost) &&
    text(known, "fee") === Fixed.show(fill.fee) &&
    text(known, "fee_asset") === fill.feeAsset
  if (!same) throw new Error(`execution ${fill.executionId} is booked already, with another order or other amounts`)
}

const upsertLot = (sql: Sql, lot: Lot): void => {
  sql.run(
    `INSERT INTO lots VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (lot_id) DO UPDATE SET quantity = excluded.quantity, remaining = excluded.remaining, cost = excluded.cost,
     entry_fee = excluded.entry_fee, proceeds = excluded.proceeds, exit_fee = excluded.exit_fee, target = excluded.target,
     stop = excluded.stop, sell_by = excluded.sell_by, held = excluded.held, state = excluded.state`,
    lot.id,
    lot.symbol,
    Fixed.show(lot.quantity),
    Fixed.show(lot.remaining),
    Fixed.show(lot.cost),
    Fixed.show(lot.entryFee),
    Fixed.show(lot.proceeds),
    Fixed.show(lot.exitFee),
    Fixed.show(lot.plan.target),
    Fixed.show(lot.plan.stop),
    iso(lot.openedAt + lot.plan.holdFor),
    isOpenLot(lot) ? 1 : 0,
    encodeLot(lot)
  )
}

/**
 * Status of a `trades` row: `open` while any of the lot is held, `filled` once sold. A lot that is gone without ever having
 * brought anything was not sold: `recover` found that it never existed and voided it.
 */
const tradeStatus = (lot: Lot): "open" | "filled" | "cancelled" =>
  isOpenLot(lot) ? "open" : lot.proceeds > 0n ? "filled" : "cancelled"

/** Writes the `trades` row of a lot anew from the lot and its entry order, whichever of them changed. */
const refreshTrade = (sql: Sql, id: LotId): void => {
  const lot = findLot(sql, id)
  const entry = findOrder(sql, id)
  // An order that is no entry, or has not executed; a lot without its order is refused at COMMIT (foreign key).
  if (lot === undefined || entry === undefined) return
  // What the entry executed; books rebuilt from the exchange may know the lot alone, which is the same less a fee in base.
  const volume = entry.bookedQuantity > 0n ? entry.bookedQuantity : lot.quantity
  const price = Money.averagePrice(lot.cost, volume) ?? Money.Price(0n)
  const status = tradeStatus(lot)
  const profit = status === "filled" ? lot.proceeds - lot.exitFee - lot.cost - lot.entryFee : undefined
  sql.run(
    `INSERT INTO trades (pair, side, price, volume, timestamp, status, order_id, txid, profit_loss, notes, price_exact, volume_exact, profit_loss_exact)
     VALUES (?, 'buy', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (order_id) DO UPDATE SET price = excluded.price, volume = excluded.volume, status = excluded.status,
     txid = excluded.txid, profit_loss = excluded.profit_loss, price_exact = excluded.price_exact,
     volume_exact = excluded.volume_exact, profit_loss_exact = excluded.profit_loss_exact`,
    lot.symbol,
    Real.column(price),
    Real.column(volume),
    iso(lot.openedAt),
    status,
    lot.id,
    lot.exchangeId ?? entry.exchangeId ?? null,
    profit === undefined ? null : Real.column(profit),
    lot.reason,
    Fixed.show(price),
    Fixed.show(volume),
    profit === undefined ? null : Fixed.show(profit)
  )
}

/** Applies one change; trades rows follow at the end of the batch. */
const apply = (sql: Sql, write: StoreWrite): void => {
  switch (write._tag) {
    case "Order":
      return upsertOrder(sql, write.order)
    case "Fill":
      return bookFill(sql, write.booked)
    case "Lot":
      return upsertLot(sql, write.lot)
    case "Totals": {
      const { ownUsd, rounding, realised, closedTrades, winningTrades } = write.totals
      sql.run(
        "UPDATE totals SET own_usd = ?, rounding = ?, realised = ?, closed_trades = ?, winning_trades = ?",
        Fixed.show(ownUsd),
        Fixed.show(rounding),
        Fixed.show(realised),
        closedTrades,
        winningTrades
      )
      return
    }
    case "Foreign":
      sql.run("DELETE FROM foreign_holdings")
      for (const [asset, amount] of write.foreign)
        sql.run("INSERT INTO foreign_holdings VALUES (?, ?)", asset, Fixed.show(amount))
      return
    case "DayMark": {
      const { day, at, equity, source } = write.mark
      sql.run("INSERT OR REPLACE INTO day_marks VALUES (?, ?, ?, ?)", day, Math.floor(at), Fixed.show(equity), source)
      return
    }
    case "Valuation":
      sql.run(
        "INSERT OR REPLACE INTO valuations VALUES (1, ?, ?)",
        Math.floor(write.valuation.at),
        Fixed.show(write.valuation.equity)
      )
      return
    case "Breaker":
      sql.run("UPDATE breaker SET state = ?", encodeBreaker(write.state))
      for (const { at, cause, change, reason, by } of write.changes)
        sql.run(
          "INSERT INTO breaker_history (timestamp, at_ms, cause, change, reason, changed_by) VALUES (?, ?, ?, ?, ?, ?)",
          iso(at),
          Math.floor(at),
          cause,
          change,
          reason,
          by
        )
      return
    case "ClosedTrade": {
      const { lotId, symbol, features, outcome, profit, at } = write.trade
      sql.run(
        `INSERT OR REPLACE INTO learning_data (timestamp, feature_data, outcome, profit_loss, profit_loss_exact, pair, lot_id)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        iso(at),
        encodeFeatures(features),
        outcome,
        Real.column(profit),
        Fixed.show(profit),
        symbol,
        lotId
      )
      return
    }
    case "Metrics": {
      const { at, balanceUsd, totalTrades, winningTrades, totalProfitLoss, dailyProfitLoss, breakerState } = write.row
      sql.run(
        `INSERT INTO metrics (timestamp, balance_usd, total_trades, winning_trades, total_profit_loss, daily_profit_loss,
         breaker_state, balance_usd_exact, total_profit_loss_exact, daily_profit_loss_exact) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        iso(at),
        Real.column(balanceUsd),
        totalTrades,
        winningTrades,
        Real.column(totalProfitLoss),
        Real.column(dailyProfitLoss),
        breakerState,
        Fixed.show(balanceUsd),
        Fixed.show(totalProfitLoss),
        Fixed.show(dailyProfitLoss)
      )
      return
    }
    case "Note":
      sql.run("INSERT OR REPLACE INTO notes VALUES (?, ?)", write.key, write.value)
  }
}

/** Lots whose `trades` row a change may alter. */
const touchedLot = (write: StoreWrite): LotId | undefined =>
  write._tag === "Lot" ? write.lot.id : write._tag === "Order" ? write.order.id : undefined

/** Applies a batch in order. */
export const applyAll = (sql: Sql, writes: ReadonlyArray<StoreWrite>): void => {
  for (const write of writes) apply(sql, write)
  const touched = new Set<LotId>()
  for (const write of writes) {
    const id = touchedLot(write)
    if (id !== undefined) touched.add(id)
  }
  for (const id of touched) refreshTrade(sql, id)
}
