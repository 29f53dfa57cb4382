import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { APPLICATION_ID, Database, layer } from "../../../src/layers/sqlite/Database.ts"
import type { DatabaseOptions } from "../../../src/layers/sqlite/Database.ts"
import { Damaged, Newer, reasonOf, storeFailed } from "../../../src/layers/sqlite/failure.ts"
import type { Migration } from "../../../src/layers/sqlite/migrations.ts"
import { migrations } from "../../../src/layers/sqlite/migrations.ts"
import { text } from "../../../src/layers/sqlite/Sql.ts"
import { StoreFailed } from "../../../src/services/Store.ts"
import { childScript, othersMayRun } from "../node/support/child.ts"
import { tempFolder } from "../node/support/temp.ts"
import { fileIn } from "./support.ts"

const opened = <A, E>(
  options: Partial<DatabaseOptions> & { readonly file: string },
  use: Effect.Effect<A, E, Database>
) => use.pipe(Effect.provide(layer({ role: "trader", ...options })), Effect.scoped)

const nothing = Effect.asVoid(Database)
const isRoot = process.getuid?.() === 0

const addsColour: Migration = {
  version: 2,
  name: "colour",
  sql: "ALTER TABLE notes ADD COLUMN colour TEXT; UPDATE notes SET colour = 'red'"
}

const keep = Effect.flatMap(Database, (database) =>
  database.transact("keep", (sql) => sql.run("INSERT INTO notes (key, value) VALUES ('kept', 'yes')"))
)
const kept = Effect.flatMap(Database, (database) =>
  database.read("kept", (sql) => text(sql.one("SELECT value FROM notes WHERE key = 'kept'"), "value"))
)

describe("opening", () => {
  it.scoped("is durable by proof: WAL, synchronous FULL, foreign keys, a short busy time-out", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        { file },
        Effect.flatMap(Database, (database) =>
          database.connection("look", (raw) => {
            assert.strictEqual(raw.pragma("journal_mode", { simple: true }), "wal")
            assert.strictEqual(raw.pragma("synchronous", { simple: true }), 2n)
            assert.strictEqual(raw.pragma("foreign_keys", { simple: true }), 1n)
            assert.isTrue(Number(raw.pragma("busy_timeout", { simple: true })) <= 250)
            assert.strictEqual(raw.pragma("application_id", { simple: true }), BigInt(APPLICATION_ID))
          })
        )
      )
      assert.deepStrictEqual(readdirSync(join(file, "..")), ["trading.db"])
    })
  )

  it.scoped("upgrades an older database after a backup, and keeps what it holds", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const file = fileIn(folder)
      yield* opened({ file, migrations }, keep)
      const colour = Effect.flatMap(Database, (database) =>
        database.read("colour", (sql) => text(sql.one("SELECT colour FROM notes"), "colour"))
      )
      assert.strictEqual(yield* opened({ file, migrations: [...migrations, addsColour] }, colour), "red")
      assert.deepStrictEqual(readdirSync(join(folder, "backups")), ["before-upgrade-from-1.db"])
      assert.strictEqual(
        yield* opened({ file: join(folder, "backups", "before-upgrade-from-1.db"), migrations }, kept),
        "yes"
      )
    })
  )

  it.scoped("an upgrade that fails leaves the old version, whole; the next attempt replaces its backup", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened({ file }, keep)
      const broken: Migration = { version: 2, name: "broken", sql: "DELETE FROM notes; CREATE TABLE notes (x)" }
      const failed = yield* Effect.flip(opened({ file, migrations: [...migrations, broken] }, nothing))
      assert.include(String(failed.cause), "already exists")
      assert.strictEqual(yield* opened({ file }, kept), "yes")
      yield* opened({ file, migrations: [...migrations, addsColour] }, nothing)
    })
  )

  it.scoped("a migration that another process has done meanwhile is passed over", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const twice: ReadonlyArray<Migration> = [
        ...migrations,
        // Stands for the other process: this step leaves the version of the next one behind.
        { version: 2, name: "jump", sql: "ALTER TABLE notes ADD COLUMN colour TEXT" },
        { version: 2, name: "again", sql: "ALTER TABLE notes ADD COLUMN colour TEXT" }
      ]
      yield* opened({ file, migrations: twice }, nothing)
    })
  )

  it.scoped("refuses a database that is newer than the program, and changes nothing in it", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened({ file, migrations: [...migrations, addsColour] }, nothing)
      const before = readFileSync(file)
      const failed = yield* Effect.flip(opened({ file }, nothing))
      assert.deepInclude(failed, { reason: "newer" })
      assert.include(String(failed.cause), "install the newer program")
      assert.isTrue(before.equals(readFileSync(file)))
    })
  )

  it.scoped("refuses what is no database, and what is somebody else's", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      writeFileSync(join(folder, "text.db"), "these are no records ".repeat(100))
      assert.strictEqual((yield* Effect.flip(opened({ file: join(folder, "text.db") }, nothing))).reason, "corrupt")
      const other = new BetterSqlite3(join(folder, "other.db"))
      other.exec("CREATE TABLE recipes (name TEXT)")
      other.close()
      const failed = yield* Effect.flip(opened({ file: join(folder, "other.db") }, nothing))
      assert.strictEqual(failed.reason, "corrupt")
      assert.include(String(failed.cause), "not a database of the trader's")
    })
  )

  it.scoped("refuses where WAL is not possible", () =>
    Effect.gen(function* () {
      const failed = yield* Effect.flip(opened({ file: ":memory:" }, nothing))
      assert.include(String(failed.cause), "PRAGMA journal_mode is memory where wal is needed")
    })
  )

  it.scoped("a folder that is not there is refused", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      assert.strictEqual(
        (yield* Effect.flip(opened({ file: join(folder, "no", "trading.db") }, nothing))).reason,
        "other"
      )
    })
  )

  // As another user, whom permissions bind even when the tests run as root.
  it.scoped.skipIf(isRoot && !othersMayRun())("a read-only folder is refused as such", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const script = yield* childScript(new URL("./children/open.ts", import.meta.url))
      const locked = join(folder, "locked")
      mkdirSync(locked)
      chmodSync(folder, 0o755)
      yield* opened({ file: join(locked, "trading.db") }, nothing)
      chmodSync(join(locked, "trading.db"), 0o444)
      chmodSync(locked, 0o555)
      const child = script.start([join(locked, "trading.db")], isRoot ? { uid: 65_534 } : {})
      assert.deepStrictEqual(yield* child.line(1), ["readonly"])
      chmodSync(locked, 0o755)
    })
  )

  it.scoped("a session that cannot be marked as ended does not fail the stop", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layer({ file, role: "trader" }), scope)
      const database = Context.get(context, Database)
      yield* database.connection("break", (raw) => raw.exec("DROP TABLE session"))
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(Scope.close(scope, Exit.void))))
    })
  )

  it.scoped("closing after the connection was lost is nothing", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        { file },
        Effect.gen(function* () {
          const database = yield* Database
          yield* Effect.ignore(
            database.transact("break", (sql) => {
              sql.run("INSERT INTO notes VALUES ('a', 'b')")
              throw new Error("no")
            })
          )
          yield* database.connection("break", (raw) => {
            const exec = raw.exec.bind(raw)
            raw.exec = (sql) => {
              if (sql === "BEGIN IMMEDIATE") return exec(sql)
              throw new Error("no")
            }
          })
          yield* Effect.ignore(database.transact("break", () => 1))
        })
      )
    })
  )
})

describe("what failures are called", () => {
  it("by SQLite's and the system's codes", () => {
    const cases = {
      SQLITE_BUSY_SNAPSHOT: "busy",
      SQLITE_LOCKED: "busy",
      SQLITE_FULL: "full",
      SQLITE_IOERR_FSYNC: "io",
      SQLITE_CANTOPEN: "io",
      SQLITE_READONLY_DBMOVED: "readonly",
      SQLITE_PERM: "readonly",
      SQLITE_CORRUPT_VTAB: "corrupt",
      SQLITE_NOTADB: "corrupt",
      ENOSPC: "full",
      EDQUOT: "full",
      EIO: "io",
      EROFS: "readonly",
      EACCES: "readonly",
      EPERM: "readonly",
      SQLITE_CONSTRAINT: "other",
      ENOENT: "other"
    } as const
    for (const [code, reason] of Object.entries(cases)) assert.strictEqual(reasonOf({ code }), reason, code)
    assert.strictEqual(reasonOf(new Damaged({ what: "x" })), "corrupt")
    assert.strictEqual(reasonOf(new Newer({ found: 2, known: 1 })), "newer")
    for (const odd of [undefined, null, "text", {}, { code: 5 }]) assert.strictEqual(reasonOf(odd), "other")
  })

  it("an error that is the store's already stays as it is", () => {
    const failed = new StoreFailed({ operation: "load", reason: "busy", cause: "x" })
    assert.strictEqual(storeFailed("again")(failed), failed)
    assert.strictEqual(failed.message, "load: the database is busy")
    assert.strictEqual(
      new StoreFailed({ operation: "load", reason: "other", cause: "x" }).message,
      "load: the database failed"
    )
  })
})

describe("a log that is missing", () => {
  it.scoped("is noticed after a kill, not after a clean end, and not by a visitor", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const file = fileIn(folder)
      const lost = Effect.map(Database, (database) => database.lostLog)
      yield* opened({ file }, keep)
      assert.isFalse(yield* opened({ file }, lost))
      const script = yield* childScript(new URL("./children/open.ts", import.meta.url))
      const child = script.start([file, "hold"])
      yield* child.line(1)
      assert.strictEqual(yield* child.kill, "SIGKILL")
      // Everything there: nothing is lost.
      assert.isFalse(yield* opened({ file }, lost))
      const again = script.start([file, "hold"])
      yield* again.line(1)
      yield* again.kill
      rmSync(`${file}-wal`)
      rmSync(`${file}-shm`)
      assert.isFalse(yield* opened({ file, role: "visitor" }, lost))
      rmSync(`${file}-wal`, { force: true })
      assert.isTrue(yield* opened({ file }, lost))
    })
  )

  it.scoped("is not missed after an end that could not be noted, on a full disk: closing took it in", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const cutShort = Effect.flatMap(Database, (database) =>
        database.connection("refuse what is written from now on", (raw) => raw.pragma("query_only = ON"))
      )
      yield* opened({ file }, Effect.zipRight(keep, cutShort))
      yield* opened(
        { file },
        Effect.map(Database, (database) => assert.isFalse(database.lostLog))
      )
      assert.strictEqual(yield* opened({ file }, kept), "yes")
    })
  )

  it.scoped("is no log that another program took in after a kill, nor one that a refused start did", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const lost = Effect.map(Database, (database) => database.lostLog)
      yield* opened({ file }, keep)
      const script = yield* childScript(new URL("./children/open.ts", import.meta.url))
      const child = script.start([file, "hold"])
      yield* child.line(1)
      yield* child.kill
      yield* opened({ file, role: "visitor" }, nothing)
      assert.strictEqual(readFileSync(`${file}-wal`).length, 0)
      const refused = yield* Effect.flip(opened({ file, migrations: [{ version: 0, name: "older", sql: "" }] }, lost))
      assert.strictEqual(refused.reason, "newer")
      assert.isFalse(yield* opened({ file }, lost))
      assert.isFalse(existsSync(`${file}-wal`), "a clean end leaves nothing behind")
      yield* opened({ file, role: "visitor" }, nothing)
      assert.isFalse(existsSync(`${file}-wal`), "nor does a visitor that found nothing")
    })
  )
})
