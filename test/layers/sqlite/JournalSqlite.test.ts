import { mkdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import { Effect, Fiber, Logger, TestClock } from "effect"
import { BUFFER, layer } from "../../../src/layers/sqlite/JournalSqlite.ts"
import type { JournalOptions } from "../../../src/layers/sqlite/JournalSqlite.ts"
import { Journal } from "../../../src/services/Journal.ts"
import { NOON } from "../../support/build.ts"
import { tempFolder } from "../node/support/temp.ts"

const fileIn = (folder: string): string => join(folder, "journal.db")
const rows = (
  file: string
): ReadonlyArray<{ readonly kind: string; readonly data: string; readonly timestamp: string }> => {
  const raw = new BetterSqlite3(file)
  try {
    return raw
      .prepare<[], { kind: string; data: string; timestamp: string }>(
        "SELECT timestamp, kind, data FROM journal ORDER BY id"
      )
      .all()
  } finally {
    raw.close()
  }
}
const within = <A, E>(options: JournalOptions, use: Effect.Effect<A, E, Journal>) =>
  use.pipe(Effect.provide(layer(options)), Effect.scoped)

describe("the journal", () => {
  it.scoped("writes a batch every quarter of a second, and the rest at its end", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* within(
        { file },
        Effect.gen(function* () {
          const journal = yield* Journal
          const cycle: Record<string, unknown> = {}
          cycle["self"] = cycle
          journal.append({ at: NOON, kind: "tick", data: { price: 123_456_789_012_345_678n, n: 1 } })
          journal.append({ at: NOON, kind: "odd", data: cycle })
          journal.append({ at: NOON, kind: "nothing", data: undefined })
          yield* TestClock.adjust("250 millis")
          assert.deepStrictEqual(rows(file), [
            { timestamp: "2024-03-10T12:00:00.000Z", kind: "tick", data: '{"price":"123456789012345678","n":1}' },
            { timestamp: "2024-03-10T12:00:00.000Z", kind: "odd", data: '{"unserializable":true}' },
            { timestamp: "2024-03-10T12:00:00.000Z", kind: "nothing", data: "null" }
          ])
          journal.append({ at: NOON, kind: "last", data: 1 })
        })
      )
      assert.strictEqual(rows(file).at(-1)?.kind, "last")
    })
  )

  it.scoped("when its buffer is full the oldest go, and how many is written", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* within(
        { file },
        Effect.gen(function* () {
          const journal = yield* Journal
          for (let n = 0; n < BUFFER + 5; n += 1) journal.append({ at: NOON, kind: "tick", data: n })
          yield* journal.flush
        })
      )
      const all = rows(file)
      assert.strictEqual(all.length, BUFFER + 1)
      assert.deepInclude(all[0], { kind: "journal.dropped", data: '{"entries":5}' })
      assert.strictEqual(all[1]?.data, "5")
    })
  )

  it.scoped("a disk that refuses is said once; entries wait, and are written when it takes them", () =>
    Effect.gen(function* () {
      const file = join(yield* tempFolder, "later", "journal.db")
      const said: Array<string> = []
      const listen = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => {
          said.push(String(message))
        })
      )
      yield* within(
        { file },
        Effect.gen(function* () {
          const journal = yield* Journal
          journal.append({ at: NOON, kind: "early", data: 1 })
          yield* journal.flush
          yield* journal.flush
          yield* TestClock.adjust("1 second")
          assert.strictEqual(said.length, 1)
          mkdirSync(dirname(file))
          yield* TestClock.adjust("1 second")
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(said.slice(1), ["The journal is written again"])
        })
      ).pipe(Effect.provide(listen))
      assert.deepStrictEqual(
        rows(file).map((row) => row.kind),
        ["early"]
      )
      rmSync(dirname(file), { recursive: true })
    })
  )

  it.scoped("entries of a batch whose COMMIT failed wait in their order and are written once", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const raw = yield* Effect.acquireRelease(
        Effect.sync(() => new BetterSqlite3(file)),
        (open) => Effect.sync(() => open.close())
      )
      // A debt without an owner is found out at COMMIT.
      raw.exec(`
        CREATE TABLE journal (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
        CREATE TABLE owners (id INTEGER PRIMARY KEY);
        CREATE TABLE owed (owner INTEGER REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER debt AFTER INSERT ON journal BEGIN INSERT INTO owed VALUES (7); END`)
      yield* within(
        { file },
        Effect.gen(function* () {
          const journal = yield* Journal
          journal.append({ at: NOON, kind: "first", data: 1 })
          yield* journal.flush
          assert.deepStrictEqual(rows(file), [])
          journal.append({ at: NOON, kind: "second", data: 2 })
          yield* journal.flush
          raw.exec("DROP TRIGGER debt")
          journal.append({ at: NOON, kind: "third", data: 3 })
          yield* journal.flush
          assert.deepStrictEqual(
            rows(file).map((row) => row.kind),
            ["first", "second", "third"]
          )
        })
      )
      assert.strictEqual(rows(file).length, 3)
    })
  )

  it.scoped("while the disk refuses, memory holds no more than its bound, and the loss is counted whole", () =>
    Effect.gen(function* () {
      const file = join(yield* tempFolder, "later", "journal.db")
      yield* within(
        { file },
        Effect.gen(function* () {
          const journal = yield* Journal
          for (let n = 0; n < BUFFER; n += 1) journal.append({ at: NOON, kind: "tick", data: n })
          const writing = yield* Effect.fork(journal.flush)
          yield* Effect.yieldNow()
          for (let n = BUFFER; n < BUFFER + 7; n += 1) journal.append({ at: NOON, kind: "tick", data: n })
          yield* Fiber.join(writing)
          mkdirSync(dirname(file))
          yield* journal.flush
        })
      )
      const all = rows(file)
      assert.deepInclude(all[0], { kind: "journal.dropped", data: '{"entries":7}' })
      assert.deepStrictEqual(
        all.slice(1).map((row) => Number(row.data)),
        Array.from({ length: BUFFER }, (_, n) => n + 7)
      )
    })
  )

  it.scoped("entries that come while a batch is being written are kept in order, and none is written twice", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* within(
        { file },
        Effect.gen(function* () {
          const journal = yield* Journal
          for (let n = 0; n < 2500; n += 1) journal.append({ at: NOON, kind: "tick", data: n })
          const writing = yield* Effect.fork(journal.flush)
          for (let n = 2500; n < 2600; n += 1) {
            yield* Effect.yieldNow()
            journal.append({ at: NOON, kind: "tick", data: n })
          }
          yield* Fiber.interrupt(writing)
        })
      )
      assert.deepStrictEqual(
        rows(file).map((row) => Number(row.data)),
        Array.from({ length: 2600 }, (_, n) => n)
      )
    })
  )

  it.scoped("it never grows beyond its bound: the oldest quarter goes", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* within(
        { file, maxBytes: 300_000 },
        Effect.gen(function* () {
          const journal = yield* Journal
          for (let n = 0; n < 3000; n += 1) {
            journal.append({ at: NOON, kind: "tick", data: { n, text: "x".repeat(200) } })
            if (n % 100 === 99) yield* journal.flush
          }
        })
      )
      const all = rows(file)
      assert.isTrue(all.length < 1600, String(all.length))
      assert.include(all.at(-1)?.data, '"n":2999')
    })
  )
})
