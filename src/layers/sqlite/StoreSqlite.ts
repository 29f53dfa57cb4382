/**
 * The store on SQLite. Intents need no priority of their own over batches: the connection is never held across a wait, so
 * an intent is at most one batch away from the disk, and the batches are short.
 */
import * as Path from "node:path"
import type { Scope } from "effect"
import { Clock, Duration, Effect, Either, Layer, Option, Schedule } from "effect"
import type { Order } from "../../domain/order/Order.ts"
import { commitIntent, pendingOrder } from "../../domain/order/Steps.ts"
import { iso } from "../../domain/Time.ts"
import type { StoreFailed, StoreShape } from "../../services/Store.ts"
import { FenceMoved, LOST_LOG_NOTE, RESTORED_NOTE, Store } from "../../services/Store.ts"
import { applyAll, hasOrder, insertIntent, insertOrder } from "./booking.ts"
import { readBinding } from "../node/DataFolder.ts"
import { BACKUP_AT_NOTE, BACKUP_BINDING_NOTE, restoredText, vacuumInto } from "./backup.ts"
import type { DatabaseOptions } from "./Database.ts"
import { Database, layer as databaseLayer } from "./Database.ts"
import { storeFailed } from "./failure.ts"
import {
  bookedAmong,
  findLot,
  findOrder,
  findOrderByExchangeId,
  FLATTEN_NOTE,
  readFence,
  readSnapshot
} from "./loading.ts"
import { raiseNonce, takeNonce } from "./nonces.ts"
import type { AsideIntent, SideFile } from "./SideFile.ts"
import { openSideFile } from "./SideFile.ts"
import type { Sql } from "./Sql.ts"
import { text } from "./Sql.ts"

/** Name of the side file, in the data folder. */
export const SIDE_FILE = "exits-aside.log"

/** How long a busy database is tried again where nothing is lost by waiting, and how often. */
const BUSY_WAIT = Duration.seconds(2)
const BUSY_RETRY = Duration.millis(150)

/** Another process's transaction is waited out between attempts: the event loop goes on meanwhile. */
const patiently = <A>(work: Effect.Effect<A, StoreFailed>): Effect.Effect<A, StoreFailed> =>
  Effect.retry(work, {
    schedule: Schedule.spaced(BUSY_RETRY).pipe(Schedule.upTo(BUSY_WAIT)),
    while: (failed) => failed.reason === "busy"
  })

/** The side file; none for a visitor: two writers of one file would overwrite each other. */
const sideFile = (database: Database["Type"]): Effect.Effect<SideFile | undefined, StoreFailed, Scope.Scope> =>
  database.role === "visitor"
    ? Effect.succeed(undefined)
    : Effect.acquireRelease(
        Effect.try({
          try: () => openSideFile(Path.join(Path.dirname(database.file), SIDE_FILE)),
          catch: storeFailed("prepare the side file")
        }),
        (aside) => Effect.sync(() => aside.close())
      )

/** The order sequence after an intent: max(now, last + 1), the rule by which ids are made. */
const advanceSequence = (sql: Sql, order: Order, exchangeNow: number): void => {
  sql.run("UPDATE sequence SET last = max(last + 1, ?)", Math.max(Math.floor(exchangeNow), Math.floor(order.createdAt)))
}

/** Carries what was written aside into the database. Lines that it holds already (a crash before the file was cleared) are passed over. */
const carry = (sql: Sql, waiting: ReadonlyArray<AsideIntent>): void => {
  for (const { order, nonce, epoch } of waiting) {
    if (hasOrder(sql, order.id)) continue
    insertOrder(sql, order)
    insertIntent(sql, order, nonce, epoch, "side file")
    advanceSequence(sql, order, order.createdAt)
    raiseNonce(sql, nonce)
  }
}

const make = Effect.gen(function* () {
  const database = yield* Database
  const aside = yield* sideFile(database)

  /** A transaction that first takes in what waits in the side file; the file is cleared once it is durable. */
  const transact = <A>(operation: string, body: (sql: Sql) => A): Effect.Effect<A, StoreFailed> =>
    Effect.suspend(() => {
      const waiting = aside?.waiting() ?? []
      const run = database.transact(operation, (sql) => {
        carry(sql, waiting)
        return body(sql)
      })
      if (aside === undefined || waiting.length === 0) return run
      const clear = Effect.try({ try: () => aside.clear(), catch: storeFailed("clear the side file") })
      // A line that stays is carried again and passed over, so a failure to clear harms nothing.
      return Effect.tap(run, () => Effect.ignoreLogged(clear))
    })

  const now = iso(yield* Clock.currentTimeMillis)
  // What an earlier run left aside belongs to the books before anybody reads them. A command beside a trader that writes
  // at this instant waits for it: "the database cannot be used" would be untrue, and alarming.
  yield* transact("take in the side file", (sql) => {
    if (database.lostLog)
      sql.run("INSERT OR REPLACE INTO notes VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", LOST_LOG_NOTE)
    // A copy that was put in place by hand is a restored one, as `restore` would have marked it.
    const made = sql.get("SELECT value FROM notes WHERE key = ?", BACKUP_AT_NOTE)
    if (made === undefined) return
    sql.run("DELETE FROM notes WHERE key = ?", BACKUP_AT_NOTE)
    sql.run("INSERT OR REPLACE INTO notes VALUES (?, ?)", RESTORED_NOTE, restoredText(now, text(made, "value")))
    sql.run("INSERT OR REPLACE INTO notes VALUES (?, ?)", LOST_LOG_NOTE, now)
  }).pipe(patiently)

  const shape: StoreShape = {
    load: database.read("load", readSnapshot),
    commitIntent: (approved, exchangeNow, along = []) =>
      transact("commit an intent", (sql) => {
        const { epoch } = readFence(sql)
        if (epoch !== approved.epoch) return Either.left(new FenceMoved({ approved: approved.epoch, current: epoch }))
        const order = pendingOrder(approved)
        const nonce = takeNonce(sql, exchangeNow, database.nonceMemory.value)
        database.nonceMemory.value = nonce
        insertOrder(sql, order)
        insertIntent(sql, order, nonce, epoch, "database")
        advanceSequence(sql, order, exchangeNow)
        applyAll(sql, along)
        return Either.right(nonce)
      }).pipe(
        Effect.flatMap((result) => result),
        Effect.map((nonce) => commitIntent(approved, nonce))
      ),
    commitExitAside: (approved, nonce) =>
      Effect.try({
        try: () => {
          const order = pendingOrder(approved)
          if (order.purpose._tag === "Entry") throw new Error("an entry is never recorded aside")
          if (aside === undefined) throw new Error("only the process that holds the instance lock writes aside")
          aside.append({ order, nonce, epoch: approved.epoch })
          return commitIntent(approved, nonce)
        },
        catch: storeFailed("commit an exit aside")
      }),
    commit: (writes) => transact("commit a batch", (sql) => applyAll(sql, writes)),
    fence: database.glance("read the fence", readFence),
    moveFence: ({ flatten, operatorLatch, paused }) =>
      transact("move the fence", (sql) => {
        sql.run("UPDATE fence SET epoch = epoch + 1")
        if (paused !== undefined) sql.run("UPDATE fence SET paused = ?", paused ? 1 : 0)
        if (operatorLatch !== undefined) sql.run("UPDATE fence SET operator_latch = ?", Option.getOrNull(operatorLatch))
        if (operatorLatch !== undefined && Option.isNone(operatorLatch))
          sql.run("DELETE FROM notes WHERE key = ?", FLATTEN_NOTE)
        if (flatten === true) sql.run("INSERT OR REPLACE INTO notes VALUES (?, '1')", FLATTEN_NOTE)
        return readFence(sql)
      }).pipe(patiently),
    findOrder: (key) =>
      database.read("find an order", (sql) =>
        Option.fromNullable(
          "clientId" in key ? findOrder(sql, key.clientId) : findOrderByExchangeId(sql, key.exchangeId)
        )
      ),
    findLot: (id) => database.read("find a lot", (sql) => Option.fromNullable(findLot(sql, id))),
    ownExecutions: (ids) => database.read("find executions", (sql) => bookedAmong(sql, ids)),
    backup: (file) =>
      Effect.gen(function* () {
        const at = iso(yield* Clock.currentTimeMillis)
        // a folder that is not bound, or whose binding cannot be read, gives a copy that says nothing of it
        const bound = yield* Effect.option(readBinding(Path.dirname(database.file)))
        const notes = Option.match(Option.flatMap(bound, Option.fromNullable), {
          onNone: () => [],
          onSome: (binding) => [[BACKUP_BINDING_NOTE, JSON.stringify(binding)] as const]
        })
        yield* database.connection("back up", (raw) => vacuumInto(raw, file, [[BACKUP_AT_NOTE, at], ...notes]))
      }),
    health: database.connection("look at the database", (raw) => ({
      integrity: String(raw.pragma("integrity_check(1)", { simple: true })),
      schemaVersion: Number(raw.pragma("user_version", { simple: true })),
      journalMode: String(raw.pragma("journal_mode", { simple: true })),
      synchronous: Number(raw.pragma("synchronous", { simple: true }))
    }))
  }
  return shape
})

/** The store over a database that is provided beside it (shared with the nonce layer). */
export const layer: Layer.Layer<Store, StoreFailed, Database> = Layer.scoped(Store, make)

/** Store and database in one. */
export const withDatabase = (options: DatabaseOptions): Layer.Layer<Store | Database, StoreFailed> =>
  Layer.provideMerge(layer, databaseLayer(options))
