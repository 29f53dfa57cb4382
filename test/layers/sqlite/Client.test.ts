import { join } from "node:path"
import type * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import { Deferred, Duration, Effect, Exit, Fiber, Schema, TestClock } from "effect"
import { clientFailed, connect, hold, transact } from "../../../src/layers/sqlite/Client.ts"
import { StoreFailed } from "../../../src/services/Store.ts"
import { tempFolder } from "../node/support/temp.ts"

/** A database whose COMMIT fails while an owed row has no owner. */
const SCHEMA = `
  CREATE TABLE owners (id INTEGER PRIMARY KEY);
  CREATE TABLE owed (owner INTEGER REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE words (word TEXT NOT NULL)`

const database = Effect.map(tempFolder, (folder) => {
  const file = join(folder, "test.db")
  const raw = new BetterSqlite3(file)
  raw.exec(SCHEMA)
  raw.close()
  return file
})

const words = (file: string): ReadonlyArray<string> => {
  const raw = new BetterSqlite3(file, { readonly: true })
  try {
    return raw
      .prepare<[], { word: string }>("SELECT word FROM words")
      .all()
      .map(({ word }) => word)
  } finally {
    raw.close()
  }
}

const say = (sql: SqlClient.SqlClient, word: string) => sql`INSERT INTO words VALUES (${word})`

describe("a connection of the SQL client", () => {
  it.scoped("waits for another process no longer than it may block the event loop", () =>
    Effect.gen(function* () {
      const sql = yield* connect({ filename: yield* database })
      assert.deepStrictEqual(yield* sql`PRAGMA busy_timeout`, [{ timeout: 100 }])
    })
  )

  it.scoped("that cannot be opened is an error, never a defect", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const failed = yield* Effect.flip(connect({ filename: join(folder, "none.db"), readonly: true }))
      assert.instanceOf(failed, StoreFailed)
      assert.strictEqual(failed.reason, "io")
    })
  )

  it("tells a failure of the store from what it was wrapped in", () => {
    const failed = new StoreFailed({ operation: "before", reason: "full", cause: undefined })
    assert.strictEqual(clientFailed("now")(failed), failed)
    const parsed = Schema.decodeUnknownEither(Schema.Array(Schema.Struct({ word: Schema.String })))([{ word: 1 }])
    assert.strictEqual(parsed._tag, "Left")
    const damaged = clientFailed("read words")(parsed._tag === "Left" ? parsed.left : undefined)
    assert.deepInclude(damaged, { operation: "read words", reason: "corrupt" })
    assert.strictEqual(String(damaged.cause), "Damaged: column word does not hold what its schema says")
  })
})

describe("a transaction", () => {
  it.scoped("whose COMMIT fails is a typed error, and later writes are not lost in it", () =>
    Effect.gen(function* () {
      const file = yield* database
      const sql = yield* connect({ filename: file })
      const owing = Effect.zipRight(say(sql, "lost"), sql`INSERT INTO owed VALUES (7)`)
      const failed = yield* Effect.flip(transact(sql, owing))
      assert.strictEqual(clientFailed("write")(failed).reason, "other")
      assert.include(String(failed.cause), "FOREIGN KEY constraint failed")
      yield* say(sql, "alone")
      yield* transact(sql, say(sql, "kept"))
      assert.deepStrictEqual(words(file), ["alone", "kept"])
    })
  )

  it.scoped(
    "that fails inside keeps nothing, and tells what failed first even when SQLite has rolled back itself",
    () =>
      Effect.gen(function* () {
        const file = yield* database
        const sql = yield* connect({ filename: file })
        const no = Effect.fail("no" as const)
        assert.strictEqual(yield* Effect.flip(transact(sql, Effect.zipRight(say(sql, "lost"), no))), "no")
        const rolledBack = Effect.zipRight(sql`ROLLBACK`, no)
        assert.strictEqual(yield* Effect.flip(transact(sql, Effect.zipRight(say(sql, "lost"), rolledBack))), "no")
        yield* transact(sql, say(sql, "kept"))
        assert.deepStrictEqual(words(file), ["kept"])
      })
  )

  it.scoped("leaves a defect of the code what it is", () =>
    Effect.gen(function* () {
      const sql = yield* connect({ filename: yield* database })
      const exit = yield* Effect.exit(transact(sql, Effect.die("a bug")))
      assert.deepStrictEqual(exit, Exit.die("a bug"))
    })
  )
})

describe("a held connection", () => {
  /** A holder of numbered connections, and what became of them. */
  const counted = (idle?: Duration.Duration) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      let made = 0
      const state = { identity: "a" }
      const held = yield* hold({
        open: Effect.acquireRelease(
          Effect.sync(() => {
            made += 1
            log.push(`open ${made}`)
            return made
          }),
          (n) => Effect.sync(() => log.push(`close ${n}`))
        ),
        identity: Effect.sync(() => state.identity),
        ...(idle === undefined ? {} : { idle })
      })
      return { held, log, state }
    })

  it.scoped("is opened when needed, shared, and closed when nobody has used it for a while", () =>
    Effect.gen(function* () {
      const { held, log } = yield* counted(Duration.millis(50))
      assert.deepStrictEqual(log, [])
      assert.strictEqual(yield* held.use(Effect.succeed), 1)
      yield* TestClock.adjust("40 millis")
      assert.strictEqual(yield* held.use(Effect.succeed), 1)
      yield* TestClock.adjust("40 millis")
      assert.deepStrictEqual(log, ["open 1"])
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual(log, ["open 1", "close 1"])
      assert.strictEqual(yield* held.use(Effect.succeed), 2)
    })
  )

  it.scoped("without a limit it stays, until its scope ends", () =>
    Effect.gen(function* () {
      const log = yield* Effect.scoped(
        Effect.gen(function* () {
          const { held, log: told } = yield* counted()
          yield* held.use(Effect.succeed)
          yield* TestClock.adjust("1 day")
          assert.strictEqual(yield* held.use(Effect.succeed), 1)
          return told
        })
      )
      assert.deepStrictEqual(log, ["open 1", "close 1"])
    })
  )

  it.scoped("is replaced after a failure, an interruption, and when it is about something else by now", () =>
    Effect.gen(function* () {
      const { held, log, state } = yield* counted()
      assert.strictEqual(yield* Effect.flip(held.use(() => Effect.fail("no"))), "no")
      assert.strictEqual(yield* held.use(Effect.succeed), 2)
      const started = yield* Deferred.make<void>()
      const waiting = yield* Effect.fork(
        held.use(() => Effect.zipRight(Deferred.succeed(started, undefined), Effect.never))
      )
      yield* Deferred.await(started)
      yield* Fiber.interrupt(waiting)
      assert.strictEqual(yield* held.use(Effect.succeed), 3)
      state.identity = "b"
      assert.strictEqual(yield* held.use(Effect.succeed), 4)
      assert.deepStrictEqual(log, ["open 1", "close 1", "open 2", "close 2", "open 3", "close 3", "open 4"])
    })
  )

  it.scoped("serves one at a time", () =>
    Effect.gen(function* () {
      const { held } = yield* counted()
      let inside = 0
      let most = 0
      const one = held.use(() =>
        Effect.gen(function* () {
          inside += 1
          most = Math.max(most, inside)
          yield* Effect.yieldNow()
          inside -= 1
        })
      )
      yield* Effect.all([one, one, one], { concurrency: "unbounded" })
      assert.strictEqual(most, 1)
    })
  )

  it.scoped("one that cannot be opened leaves nothing open, and is tried again", () =>
    Effect.gen(function* () {
      let tries = 0
      let open = 0
      const held = yield* hold({
        open: Effect.acquireRelease(
          Effect.sync(() => {
            tries += 1
            open += 1
          }),
          () => Effect.sync(() => (open -= 1))
        ).pipe(
          Effect.tap(() =>
            tries === 1
              ? Effect.fail(new StoreFailed({ operation: "open", reason: "busy", cause: undefined }))
              : Effect.void
          )
        ),
        identity: Effect.succeed("")
      })
      yield* Effect.flip(held.use(Effect.succeed))
      assert.strictEqual(open, 0)
      yield* held.use(Effect.succeed)
      assert.deepStrictEqual([tries, open], [2, 1])
    })
  )
})
