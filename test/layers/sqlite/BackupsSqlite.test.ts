import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import { Effect, Option } from "effect"
import { bindDataFolder } from "../../../src/layers/node/DataFolder.ts"
import { layer } from "../../../src/layers/sqlite/BackupsSqlite.ts"
import type { BackupsShape } from "../../../src/services/Backups.ts"
import { Backups } from "../../../src/services/Backups.ts"
import { LOST_LOG_NOTE, RESTORED_NOTE, Store } from "../../../src/services/Store.ts"
import type { StoreShape } from "../../../src/services/Store.ts"
import { entry, fill, id, lot, q, usd } from "../../support/build.ts"
import { tempFolder } from "../node/support/temp.ts"
import { fileIn, world } from "./support.ts"

const BINDING = { mode: "paper", account: "generated seed 1" } as const

const inStore = <A, E>(folder: string, use: (store: StoreShape) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.provide(Effect.flatMap(Store, use), world(fileIn(folder))))
const inBackups = <A, E>(folder: string, use: (backups: BackupsShape) => Effect.Effect<A, E>) =>
  Effect.provide(Effect.flatMap(Backups, use), layer(folder))

/** A folder whose records hold one open lot, and a copy of them. */
const prepared = Effect.gen(function* () {
  const folder = yield* tempFolder
  yield* bindDataFolder(folder, BINDING)
  const copy = join(folder, "copy.db")
  yield* inStore(folder, (store) =>
    Effect.gen(function* () {
      const one = fill("T1", "100")
      yield* store.commit([
        {
          _tag: "Order",
          order: entry({ id: id("kt1a"), status: "filled", cumQuantity: q("100"), bookedQuantity: q("100") })
        },
        { _tag: "Fill", booked: { fill: one, orderId: id("kt1a"), ledgerUsd: usd("-10.025"), rounding: usd("0") } },
        { _tag: "Lot", lot: lot() },
        {
          _tag: "Totals",
          totals: { ownUsd: usd("-10.025"), rounding: usd("0"), realised: usd("0"), closedTrades: 0, winningTrades: 0 }
        }
      ])
      yield* store.backup(copy)
      // what comes later is not in it
      yield* store.commit([{ _tag: "Note", key: "later", value: "yes" }])
    })
  )
  return { folder, copy }
})

describe("copies of the records", () => {
  it.scoped("say when they were made and what they belong to, and are private", () =>
    Effect.gen(function* () {
      const { copy, folder } = yield* prepared
      const facts = yield* inBackups(folder, (backups) => backups.inspect(copy))
      assert.deepStrictEqual(facts.binding, BINDING)
      assert.strictEqual(facts.madeAt, "1970-01-01T00:00:00.000Z")
      assert.deepInclude(facts.rows, { orders: 1, fills: 1, lots: 1, trades: 1 })
      assert.strictEqual(facts.books.lots.length, 1)
      assert.deepStrictEqual(facts.problems, [])
      assert.strictEqual(statSync(copy).mode & 0o777, 0o600)
      assert.deepStrictEqual(
        readdirSync(folder).filter((name) => name.startsWith("copy")),
        ["copy.db"]
      )
    })
  )

  it.scoped("what is no sound copy is refused by kind", () =>
    Effect.gen(function* () {
      const { copy, folder } = yield* prepared
      const refused = (file: string) => Effect.flip(inBackups(folder, (backups) => backups.inspect(file)))
      const changed = (name: string, change: (raw: BetterSqlite3.Database) => void): string => {
        const file = join(folder, name)
        copyFileSync(copy, file)
        const raw = new BetterSqlite3(file)
        change(raw)
        raw.close()
        return file
      }
      const missing = yield* refused(join(folder, "none.db"))
      assert.deepInclude(missing, { _tag: "BackupRefused", reason: "missing" })
      assert.include(missing.message, "There is no file")
      writeFileSync(join(folder, "text.db"), "no database ".repeat(400))
      writeFileSync(join(folder, "empty.db"), "")
      for (const file of [
        join(folder, "text.db"),
        join(folder, "empty.db"),
        changed("foreign.db", (raw) => raw.pragma("application_id = 7")),
        changed("dangling.db", (raw) => {
          raw.pragma("foreign_keys = OFF")
          raw.exec("DELETE FROM orders")
        }),
        changed("state.db", (raw) => raw.exec("UPDATE lots SET state = '{}'"))
      ]) {
        assert.deepInclude(yield* refused(file), { _tag: "StoreFailed", reason: "corrupt" }, file)
      }
      const torn = changed("torn.db", () => undefined)
      writeFileSync(torn, Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(4096, 7)]))
      assert.strictEqual((yield* refused(torn))._tag, "StoreFailed")
      const newer = changed("newer.db", (raw) => raw.pragma("user_version = 99"))
      assert.deepInclude(yield* refused(newer), { _tag: "StoreFailed", reason: "newer" })
      const odd = changed("odd.db", (raw) =>
        raw.exec("UPDATE totals SET own_usd = '5', rounding = '1'; DELETE FROM notes")
      )
      const facts = yield* inBackups(folder, (backups) => backups.inspect(odd))
      assert.strictEqual(facts.problems.length, 2)
      assert.isUndefined(facts.madeAt)
      assert.isUndefined(facts.binding)
    })
  )

  it.scoped("never replace a file; a folder that cannot be made is said", () =>
    Effect.gen(function* () {
      const { copy, folder } = yield* prepared
      const prepare = (file: string) => inBackups(folder, (backups) => backups.prepare(file))
      assert.include((yield* Effect.flip(prepare(copy))).message, "never replaces")
      yield* prepare(join(folder, "deep", "er", "copy.db"))
      assert.isTrue(existsSync(join(folder, "deep", "er")))
      const impossible = yield* Effect.flip(prepare(join(copy, "below", "a.db")))
      assert.deepInclude(impossible, { reason: "io" })
      assert.include(impossible.message, "Nothing of the records was changed")
    })
  )

  it.scoped("a rehearsal reads the books with the trader's own store, and leaves nothing", () =>
    Effect.gen(function* () {
      const { copy, folder } = yield* prepared
      const before = statSync(copy).mtimeMs
      const books = yield* inBackups(folder, (backups) => backups.rehearse(copy))
      assert.strictEqual(books.lots.length, 1)
      assert.strictEqual(statSync(copy).mtimeMs, before)
      assert.deepStrictEqual(readdirSync(join(folder, "backups")), [])
      assert.strictEqual(
        (yield* Effect.flip(inBackups(folder, (backups) => backups.rehearse(join(folder, "none")))))._tag,
        "BackupRefused"
      )
    })
  )

  it.scoped("put back: what was there lies aside whole, the books are the copy's, and are marked", () =>
    Effect.gen(function* () {
      const { copy, folder } = yield* prepared
      // a log that belongs to the database that was there must not be played into the copy
      writeFileSync(`${fileIn(folder)}-wal`, "old log")
      const facts = yield* inBackups(folder, (backups) => backups.inspect(copy))
      const { aside } = yield* inBackups(folder, (backups) => backups.putBack(copy, facts))
      assert.isDefined(aside)
      assert.sameMembers(readdirSync(aside), ["trading.db", "trading.db-wal", "exits-aside.log"])
      assert.isFalse(existsSync(`${fileIn(folder)}-wal`))
      assert.isFalse(existsSync(`${fileIn(folder)}.restoring`))
      assert.strictEqual(statSync(fileIn(folder)).mode & 0o777, 0o600)
      const books = yield* inStore(folder, (store) => store.load)
      assert.strictEqual(books.lots.length, 1)
      assert.isFalse(books.notes.has("later"))
      assert.include(books.notes.get(RESTORED_NOTE), "made 1970-01-01T00:00:00.000Z")
      assert.strictEqual(books.notes.get(LOST_LOG_NOTE), "1970-01-01T00:00:00.000Z")
      // once `recover` has emptied it, it stays empty
      yield* inStore(folder, (store) => store.commit([{ _tag: "Note", key: LOST_LOG_NOTE, value: "" }]))
      assert.strictEqual((yield* inStore(folder, (store) => store.load)).notes.get(LOST_LOG_NOTE), "")
    })
  )

  it.scoped("a new folder gets the copy's binding; a copy without one binds nothing", () =>
    Effect.gen(function* () {
      const { copy, folder } = yield* prepared
      const facts = yield* inBackups(folder, (backups) => backups.inspect(copy))
      for (const [name, binding] of [
        ["a", facts.binding],
        ["b", undefined]
      ] as const) {
        const fresh = join(folder, name)
        const { aside } = yield* inBackups(fresh, (backups) => backups.putBack(copy, { ...facts, binding }))
        assert.isUndefined(aside)
        assert.deepStrictEqual(yield* inBackups(fresh, (backups) => backups.binding), binding)
        assert.deepStrictEqual(readdirSync(join(fresh, "backups")), [])
      }
      writeFileSync(join(folder, "binding.json"), "{")
      assert.deepInclude(yield* Effect.flip(inBackups(folder, (backups) => backups.binding)), { reason: "io" })
    })
  )

  it.scoped("a copy that was put in place by hand is known for one", () =>
    Effect.gen(function* () {
      const { copy, folder } = yield* prepared
      copyFileSync(copy, fileIn(folder))
      const { notes } = yield* inStore(folder, (store) => store.load)
      assert.include(notes.get(RESTORED_NOTE), "put in place 1970-01-01T00:00:00.000Z, made 1970")
      assert.isNotEmpty(notes.get(LOST_LOG_NOTE))
      yield* inStore(folder, (store) => store.commit([{ _tag: "Note", key: LOST_LOG_NOTE, value: "" }]))
      assert.strictEqual((yield* inStore(folder, (store) => store.load)).notes.get(LOST_LOG_NOTE), "")
    })
  )

  it.scoped("a folder that takes no file keeps what it has", () =>
    Effect.gen(function* () {
      const { copy, folder } = yield* prepared
      const facts = yield* inBackups(folder, (backups) => backups.inspect(copy))
      // left behind by a restore that was cut off
      mkdirSync(`${fileIn(folder)}.restoring`)
      writeFileSync(join(folder, "backups"), "in the way")
      const failed = yield* Effect.flip(inBackups(folder, (backups) => backups.putBack(copy, facts)))
      assert.deepInclude(failed, { _tag: "BackupRefused", reason: "io" })
      assert.isFalse(existsSync(`${fileIn(folder)}.restoring`))
      assert.isTrue(Option.isNone(yield* Effect.option(inBackups(folder, (backups) => backups.rehearse(copy)))))
      assert.isTrue((yield* inStore(folder, (store) => store.load)).notes.has("later"))
    })
  )
})
