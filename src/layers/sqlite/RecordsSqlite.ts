/**
 * The records read-only, beside a running trader or without one. A database that nobody has open is read from a copy in
 * memory, since even a reading connection to a WAL database would create files next to it; a database in use (its
 * write-ahead log is there) is read through a reading connection, which blocks nobody.
 *
 * The connection is shared by reads that follow each other and closed soon after: a trader that ends while somebody
 * else's connection is open could not tidy up its log.
 */
import * as FileSystem from "node:fs"
import type * as SqlClient from "@effect/sql/SqlClient"
import * as SqlSchema from "@effect/sql/SqlSchema"
import type { Scope } from "effect"
import { Duration, Effect, Layer, Option, Record, Schema } from "effect"
import { causes } from "../../domain/breaker/BreakerState.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import { averagePrice, notional, PriceText, QuantityText, UsdText } from "../../domain/money/Money.ts"
import { ExchangeOrderId, ExecutionId } from "../../domain/order/Ids.ts"
import type { Executed } from "../../domain/portfolio/Statement.ts"
import { parseRfc3339 } from "../../domain/Time.ts"
import type { UtcDay } from "../../domain/Time.ts"
import type { OrderRow, TradeRow } from "../../services/Records.ts"
import { Records } from "../../services/Records.ts"
import { StoreFailed } from "../../services/Store.ts"
import { clientFailed, connect, hold, transact } from "./Client.ts"
import { APPLICATION_ID } from "./Database.ts"
import { Damaged, Newer, storeFailed } from "./failure.ts"
import { bookStatements, booksFrom } from "./loading.ts"
import { migrations } from "./migrations.ts"
import type { Row } from "./Sql.ts"
import { LotState, OrderState } from "./states.ts"

/** How long the connection waits for another read. */
export const IDLE = Duration.millis(50)
/** Tries to copy a database that changes while it is copied. */
const COPIES = 5

/** An integer column; the client hands them over as `bigint`. */
const Whole = Schema.transform(Schema.BigIntFromSelf, Schema.Int, { strict: true, decode: Number, encode: BigInt })

const OrderRecord = Schema.Struct({
  ordertype: Schema.String,
  purpose: Schema.String,
  timestamp: Schema.String,
  state: OrderState
})

const orderRow = ({ ordertype, purpose, timestamp, state: order }: typeof OrderRecord.Type): OrderRow => {
  const average = averagePrice(order.cumCost, order.cumQuantity)
  return {
    orderId: order.id,
    exchangeId: order.exchangeId,
    pair: order.symbol,
    type: order.side,
    orderType: ordertype,
    purpose,
    price: Fixed.show(order.limitPrice),
    volume: Fixed.show(order.quantity),
    status: order.status,
    timestamp,
    filledVolume: Fixed.show(order.cumQuantity),
    averagePrice: average === undefined ? undefined : Fixed.show(average),
    reason: order.reason
  }
}

const TradeRecord = Schema.Struct({
  order_id: Schema.String,
  txid: Schema.NullOr(Schema.String),
  pair: Schema.String,
  side: Schema.String,
  price_exact: PriceText,
  volume_exact: QuantityText,
  timestamp: Schema.String,
  status: Schema.String,
  profit_loss_exact: Schema.NullOr(Schema.String),
  notes: Schema.String,
  state: LotState
})

const tradeRow = (row: typeof TradeRecord.Type): TradeRow => ({
  orderId: row.order_id,
  txid: row.txid ?? undefined,
  pair: row.pair,
  side: row.side,
  price: Fixed.show(row.price_exact),
  volume: Fixed.show(row.volume_exact),
  remaining: Fixed.show(row.state.remaining),
  timestamp: row.timestamp,
  status: row.status,
  profitLoss: row.profit_loss_exact ?? undefined,
  notes: row.notes
})

const FillRecord = Schema.Struct({
  execution_id: Schema.String.pipe(Schema.fromBrand(ExecutionId)),
  exchange_id: Schema.String.pipe(Schema.fromBrand(ExchangeOrderId)),
  price: PriceText,
  quantity: QuantityText,
  cost: UsdText,
  fee: QuantityText,
  fee_asset: Schema.String,
  liquidity: Schema.Literal("maker", "taker"),
  timestamp: Schema.String,
  state: OrderState
})

const executed = (row: typeof FillRecord.Type): Executed => ({
  order: row.state,
  fill: {
    _tag: "Fill",
    source: "rest",
    executionId: row.execution_id,
    exchangeId: row.exchange_id,
    clientId: row.state.id,
    symbol: row.state.symbol,
    side: row.state.side,
    price: row.price,
    quantity: row.quantity,
    cost: row.cost,
    fee: row.fee,
    feeAsset: row.fee_asset,
    liquidity: row.liquidity,
    at: Option.getOrElse(parseRfc3339(row.timestamp), () => 0)
  }
})

const ChangeRecord = Schema.Struct({
  at: Whole,
  cause: Schema.Literal(...causes),
  change: Schema.Literal("latched", "cleared", "relatched"),
  reason: Schema.String,
  by: Schema.Literal("trader", "operator", "calendar")
})

const MetricsRecord = Schema.Struct({
  at: Schema.String,
  balanceUsd: Schema.String,
  totalProfitLoss: Schema.String,
  dailyProfitLoss: Schema.String,
  totalTrades: Whole,
  winningTrades: Whole
})

const Filter = Schema.Struct({ openOnly: Schema.Boolean, limit: Schema.Int })
const Pragmas = Schema.Struct({ application_id: Whole, user_version: Whole })

// Each statement is made when it is asked for: most commands ask for one, and schemas take their time to be compiled.

const readBooks = (sql: SqlClient.SqlClient) =>
  transact(sql, Effect.all(Record.map(bookStatements, (statement) => sql.unsafe<Row>(statement)))).pipe(
    Effect.flatMap((rows) => Effect.try({ try: () => booksFrom(rows), catch: storeFailed("read the books") }))
  )

/** Orders that are on the exchange, may be, or miss executions; or all of them. Newest first. */
const readOrders = (sql: SqlClient.SqlClient) =>
  SqlSchema.findAll({
    Request: Filter,
    Result: OrderRecord,
    execute: ({ openOnly, limit }) =>
      sql`SELECT ordertype, purpose, timestamp, state FROM orders ${sql.literal(openOnly ? "WHERE settled = 0" : "")} ORDER BY id DESC LIMIT ${limit}`
  })

const readTrades = (sql: SqlClient.SqlClient) =>
  SqlSchema.findAll({
    Request: Filter,
    Result: TradeRecord,
    execute: ({ openOnly, limit }) =>
      sql`SELECT trades.*, lots.state FROM trades JOIN lots ON lots.lot_id = trades.order_id ${sql.literal(openOnly ? "WHERE trades.status = 'open'" : "")} ORDER BY trades.id DESC LIMIT ${limit}`
  })

const readFills = (sql: SqlClient.SqlClient) =>
  SqlSchema.findAll({
    Request: Schema.Void,
    Result: FillRecord,
    execute: () =>
      sql`SELECT fills.*, orders.state FROM fills JOIN orders ON orders.order_id = fills.order_id ORDER BY fills.timestamp, fills.execution_id`
  })()

const readChanges = (sql: SqlClient.SqlClient) =>
  SqlSchema.findAll({
    Request: Schema.Int,
    Result: ChangeRecord,
    execute: (limit) =>
      sql`SELECT at_ms AS at, cause, change, reason, changed_by AS "by" FROM breaker_history ORDER BY id DESC LIMIT ${limit}`
  })

const readMetrics = (sql: SqlClient.SqlClient) =>
  SqlSchema.findOne({
    Request: Schema.Void,
    Result: MetricsRecord,
    execute: () =>
      sql`SELECT timestamp AS at, balance_usd_exact AS "balanceUsd", total_profit_loss_exact AS "totalProfitLoss", daily_profit_loss_exact AS "dailyProfitLoss", total_trades AS "totalTrades", winning_trades AS "winningTrades" FROM metrics ORDER BY id DESC LIMIT 1`
  })()

const DayFill = Schema.Struct({
  pair: Schema.String,
  side: Schema.Literal("buy", "sell"),
  price: PriceText,
  cost: UsdText,
  fee: QuantityText,
  fee_asset: Schema.String
})
const DayTrade = Schema.Struct({ profit: UsdText })
const Observed = Schema.Struct({ found: Whole })

/** A UTC day. Times are ISO texts, which sort as the times do; the day after begins where this one ends. */
const readDay = (sql: SqlClient.SqlClient, day: UtcDay) =>
  Effect.gen(function* () {
    const within = sql`timestamp >= ${day} AND timestamp < ${`${day}U`}`
    const fills = yield* SqlSchema.findAll({
      Request: Schema.Void,
      Result: DayFill,
      execute: () => sql`SELECT pair, side, price, cost, fee, fee_asset FROM fills WHERE ${within}`
    })()
    const closed = yield* SqlSchema.findAll({
      Request: Schema.Void,
      Result: DayTrade,
      execute: () => sql`SELECT profit_loss_exact AS profit FROM learning_data WHERE ${within}`
    })()
    const { found } = yield* SqlSchema.single({
      Request: Schema.Void,
      Result: Observed,
      execute: () => sql`SELECT EXISTS (SELECT 1 FROM metrics WHERE ${within}) AS found`
    })()
    const sum = <A>(all: ReadonlyArray<A>, of: (one: A) => bigint): bigint =>
      all.reduce((total, a) => total + of(a), 0n)
    return {
      observed: found === 1 || fills.length > 0,
      executions: fills.length,
      boughtUsd: sum(fills, (fill) => (fill.side === "buy" ? fill.cost : 0n)),
      soldUsd: sum(fills, (fill) => (fill.side === "sell" ? fill.cost : 0n)),
      feesUsd: sum(fills, (fill) =>
        fill.fee_asset === fill.pair.split("/")[0] ? notional(fill.price, fill.fee, "nearest") : fill.fee
      ),
      closedTrades: closed.length,
      winningTrades: closed.filter(({ profit }) => profit > 0n).length,
      profitUsd: sum(closed, ({ profit }) => profit)
    }
  })

/** Refuses what is not the trader's, and what a newer version of it wrote. */
const check = (sql: SqlClient.SqlClient) =>
  SqlSchema.single({
    Request: Schema.Void,
    Result: Pragmas,
    execute: () => sql`SELECT application_id, user_version FROM pragma_application_id(), pragma_user_version()`
  })().pipe(
    Effect.flatMap(({ application_id, user_version }): Effect.Effect<void, Damaged | Newer> => {
      const newest = Math.max(...migrations.map((m) => m.version))
      if (application_id !== APPLICATION_ID)
        return Effect.fail(new Damaged({ what: "this is not a database of the trader's" }))
      return user_version > newest ? Effect.fail(new Newer({ found: user_version, known: newest })) : Effect.void
    }),
    Effect.mapError(clientFailed("open"))
  )

const file = <A>(operation: () => A): Effect.Effect<A, StoreFailed> =>
  Effect.try({ try: operation, catch: storeFailed("open") })

/** A log that exists, even an empty one, means that somebody has the database open or was cut off while it was. */
const inUse = (path: string): boolean => FileSystem.existsSync(`${path}-wal`)

/** What a connection is good for: one file while it is in use, or one content of it while it is not. */
const identity = (path: string): Effect.Effect<string, StoreFailed> =>
  file(() => {
    const { dev, ino, size, mtimeMs, ctimeMs } = FileSystem.statSync(path)
    return inUse(path) ? `in use ${dev} ${ino}` : `at rest ${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`
  })

/** Offsets 18 and 19 of a database file: 2 means WAL, 1 a rollback journal (https://www.sqlite.org/fileformat.html). */
const asRollbackJournal = (content: Buffer): Buffer => content.fill(1, 18, Math.min(20, content.length))

/** The content of a database at rest; `undefined` when it changed meanwhile, or is in use by now. */
const copyOf = (path: string): Effect.Effect<Buffer | undefined, StoreFailed> =>
  Effect.gen(function* () {
    const before = yield* identity(path)
    const content = yield* file(() => FileSystem.readFileSync(path))
    return before === (yield* identity(path)) && !inUse(path) ? asRollbackJournal(content) : undefined
  })

const open = (path: string): Effect.Effect<SqlClient.SqlClient, StoreFailed, Scope.Scope> =>
  Effect.gen(function* () {
    let copy: Buffer | undefined
    for (let n = 0; n < COPIES && copy === undefined && !inUse(path); n += 1) copy = yield* copyOf(path)
    // A reading connection to a database at rest would leave files next to it.
    if (copy === undefined && !inUse(path))
      return yield* new StoreFailed({
        operation: "open",
        reason: "busy",
        cause: "the database keeps changing while it is read"
      })
    const sql = yield* connect({
      // The driver opens a Buffer as a database in memory (better-sqlite3, "new Database(path)"), and the client hands
      // its `filename` to the driver untouched, although its type says text.
      filename: copy === undefined ? path : (copy as unknown as string),
      readonly: true
    })
    yield* check(sql)
    return sql
  })

const make = (path: string) =>
  Effect.gen(function* () {
    const connection = yield* hold({ open: open(path), identity: identity(path), idle: IDLE })
    const read = <A, E>(operation: string, body: (sql: SqlClient.SqlClient) => Effect.Effect<A, E>) =>
      Effect.mapError(connection.use(body), clientFailed(operation))
    return Records.of({
      exists: Effect.sync(() => FileSystem.existsSync(path)),
      snapshot: read("read the books", readBooks),
      orders: (filter) =>
        read("read orders", (sql) => Effect.map(readOrders(sql)(filter), (rows) => rows.map(orderRow))),
      trades: (filter) =>
        read("read trades", (sql) => Effect.map(readTrades(sql)(filter), (rows) => rows.map(tradeRow))),
      fills: read("read executions", (sql) => Effect.map(readFills(sql), (rows) => rows.map(executed))),
      day: (day) => read("read a day", (sql) => readDay(sql, day)),
      breakerHistory: (limit) => read("read the breaker's history", (sql) => readChanges(sql)(limit)),
      lastMetrics: read("read metrics", (sql) => Effect.map(readMetrics(sql), Option.getOrUndefined))
    })
  })

/** Records of the database at `path`, which need not exist yet. */
export const layer = (path: string): Layer.Layer<Records> => Layer.scoped(Records, make(path))
