/**
 * The records read-only, beside a running trader or without one. A database that nobody has open is read from a copy in
 * memory, since even a reading connection to a WAL database would create files next to it; a database in use (its
 * write-ahead log is there) is read through a reading connection, which blocks nobody.
 */
import * as FileSystem from "node:fs"
import BetterSqlite3 from "better-sqlite3"
import { Effect, Layer, Option } from "effect"
import * as Fixed from "../../domain/money/Fixed.ts"
import { averagePrice } from "../../domain/money/Money.ts"
import type { OrderRow, RecordsShape, TradeRow } from "../../services/Records.ts"
import { Records } from "../../services/Records.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { APPLICATION_ID, BUSY_TIMEOUT_MS } from "./Database.ts"
import { Damaged, Newer, storeFailed } from "./failure.ts"
import { readBreakerHistory, readLot, readOrder, readSnapshot } from "./loading.ts"
import { migrations } from "./migrations.ts"
import type { Row, Sql } from "./Sql.ts"
import * as SqlModule from "./Sql.ts"
import { amount, int, optionalText, text } from "./Sql.ts"

/** Offsets 18 and 19 of a database file: 2 means WAL, 1 a rollback journal (https://www.sqlite.org/fileformat.html). */
const asRollbackJournal = (content: Buffer): Buffer => {
  content.fill(1, 18, Math.min(20, content.length))
  return content
}

/** A log that exists, even an empty one, means that somebody has the database open or was cut off while it was. */
const inUse = (file: string): boolean => FileSystem.existsSync(`${file}-wal`)

const connect = (file: string): BetterSqlite3.Database =>
  inUse(file)
    ? new BetterSqlite3(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS })
    : new BetterSqlite3(asRollbackJournal(FileSystem.readFileSync(file)))

const check = (raw: BetterSqlite3.Database): void => {
  const newest = Math.max(...migrations.map((m) => m.version))
  const version = Number(raw.pragma("user_version", { simple: true }))
  if (Number(raw.pragma("application_id", { simple: true })) !== APPLICATION_ID)
    throw new Damaged({ what: "this is not a database of the trader's" })
  if (version > newest) throw new Newer({ found: version, known: newest })
}

const orderRow = (row: Row): OrderRow => {
  const order = readOrder(row)
  const average = averagePrice(order.cumCost, order.cumQuantity)
  return {
    orderId: order.id,
    exchangeId: order.exchangeId,
    pair: order.symbol,
    type: order.side,
    orderType: text(row, "ordertype"),
    purpose: text(row, "purpose"),
    price: Fixed.show(order.limitPrice),
    volume: Fixed.show(order.quantity),
    status: order.status,
    timestamp: text(row, "timestamp"),
    filledVolume: Fixed.show(order.cumQuantity),
    averagePrice: average === undefined ? undefined : Fixed.show(average),
    reason: order.reason
  }
}

const tradeRow = (row: Row): TradeRow => ({
  orderId: text(row, "order_id"),
  txid: optionalText(row, "txid"),
  pair: text(row, "pair"),
  side: text(row, "side"),
  price: Fixed.show(amount(row, "price_exact")),
  volume: Fixed.show(amount(row, "volume_exact")),
  remaining: Fixed.show(readLot(row).remaining),
  timestamp: text(row, "timestamp"),
  status: text(row, "status"),
  profitLoss: optionalText(row, "profit_loss_exact"),
  notes: text(row, "notes")
})

/** Orders that are on the exchange, may be, or miss executions. */
const OPEN_ORDERS = "WHERE settled = 0"
const OPEN_TRADES = "WHERE trades.status = 'open'"

const make = (file: string): RecordsShape => {
  const read = <A>(operation: string, body: (sql: Sql) => A): Effect.Effect<A, StoreFailed> =>
    Effect.try({
      try: () => {
        const raw = connect(file)
        try {
          check(raw)
          return raw.transaction(() => body(SqlModule.make(raw))).deferred()
        } finally {
          raw.close()
        }
      },
      catch: storeFailed(operation)
    })
  return {
    exists: Effect.sync(() => FileSystem.existsSync(file)),
    snapshot: read("read the books", readSnapshot),
    orders: ({ openOnly, limit }) =>
      read("read orders", (sql) =>
        sql
          .all(
            `SELECT ordertype, purpose, timestamp, state FROM orders ${openOnly ? OPEN_ORDERS : ""} ORDER BY id DESC LIMIT ?`,
            limit
          )
          .map(orderRow)
      ),
    trades: ({ openOnly, limit }) =>
      read("read trades", (sql) =>
        sql
          .all(
            `SELECT trades.*, lots.state FROM trades JOIN lots ON lots.lot_id = trades.order_id ${openOnly ? OPEN_TRADES : ""} ORDER BY trades.id DESC LIMIT ?`,
            limit
          )
          .map(tradeRow)
      ),
    breakerHistory: (limit) => read("read the breaker's history", (sql) => readBreakerHistory(sql, limit)),
    lastMetrics: read("read metrics", (sql) =>
      Option.getOrUndefined(
        Option.map(Option.fromNullable(sql.get("SELECT * FROM metrics ORDER BY id DESC LIMIT 1")), (row) => ({
          at: text(row, "timestamp"),
          balanceUsd: text(row, "balance_usd_exact"),
          totalProfitLoss: text(row, "total_profit_loss_exact"),
          dailyProfitLoss: text(row, "daily_profit_loss_exact"),
          totalTrades: int(row, "total_trades"),
          winningTrades: int(row, "winning_trades")
        }))
      )
    )
  }
}

/** Records of the database at `file`, which need not exist yet. */
export const layer = (file: string): Layer.Layer<Records> => Layer.sync(Records, () => make(file))
