/** Copies of `trading.db`: read from memory, so that looking into one leaves nothing beside it. */
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import BetterSqlite3 from "better-sqlite3"
import type { Scope } from "effect"
import { Clock, Effect, Layer, Schema } from "effect"
import { unsound } from "../../domain/portfolio/soundness.ts"
import { iso } from "../../domain/Time.ts"
import type { BackupBinding, BackupFacts } from "../../services/Backups.ts"
import { BackupRefused, Backups } from "../../services/Backups.ts"
import { LOST_LOG_NOTE, RESTORED_NOTE, Store } from "../../services/Store.ts"
import type { StoreFailed } from "../../services/Store.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import { syncFolder } from "../node/files.ts"
import { bindDataFolder, prepareDataFolder, readBinding } from "../node/DataFolder.ts"
import { BACKUP_AT_NOTE, BACKUP_BINDING_NOTE, BINDING_TEXT, restoredText } from "./backup.ts"
import { APPLICATION_ID } from "./Database.ts"
import { Damaged, Newer, storeFailed } from "./failure.ts"
import { readSnapshot } from "./loading.ts"
import { migrations } from "./migrations.ts"
import type { Sql } from "./Sql.ts"
import * as SqlModule from "./Sql.ts"
import { SIDE_FILE, withDatabase } from "./StoreSqlite.ts"

const DATABASE = "trading.db"
/** What makes up the records, in the order in which they are put aside. */
const RECORDS = [DATABASE, `${DATABASE}-wal`, `${DATABASE}-shm`, SIDE_FILE]
const TABLES = ["orders", "intents", "fills", "lots", "trades", "metrics", "learning_data", "breaker_history"]

const decodeBinding = Schema.decodeUnknownOption(BINDING_TEXT)

/** Offsets 18 and 19 of a database file: a copy in memory has no write-ahead log (https://www.sqlite.org/fileformat.html). */
const inMemory = (file: string): BetterSqlite3.Database => {
  const content = FileSystem.readFileSync(file)
  return new BetterSqlite3(content.fill(1, 18, Math.min(20, content.length)))
}

/** Sums of the executions against the totals of the books (I10). */
const cashProblems = (sql: Sql, books: BackupFacts["books"]): ReadonlyArray<string> => {
  let ledger = 0n
  let rounding = 0n
  for (const row of sql.all("SELECT ledger_usd, rounding FROM fills")) {
    ledger += SqlModule.amount(row, "ledger_usd")
    rounding += SqlModule.amount(row, "rounding")
  }
  const differ = (what: string, fills: bigint, total: bigint): ReadonlyArray<string> =>
    fills === total
      ? []
      : [`${what} of the executions is ${Fixed.show(fills)}, the books' total is ${Fixed.show(total)}`]
  return [...differ("cash", ledger, books.totals.ownUsd), ...differ("rounding", rounding, books.totals.rounding)]
}

/** Throws what is wrong with the file. */
const factsOf = (file: string): BackupFacts => {
  const raw = inMemory(file)
  try {
    const schemaVersion = Number(raw.pragma("user_version", { simple: true }))
    if (Number(raw.pragma("application_id", { simple: true })) !== APPLICATION_ID)
      throw new Damaged({ what: "this is no database of the trader's" })
    const newest = Math.max(...migrations.map((m) => m.version))
    if (schemaVersion > newest) throw new Newer({ found: schemaVersion, known: newest })
    const verdict = String(raw.pragma("integrity_check(1)", { simple: true }))
    if (verdict !== "ok") throw new Damaged({ what: `the file is damaged: ${verdict}` })
    const dangling: unknown = raw.pragma("foreign_key_check")
    if (Array.isArray(dangling) && dangling.length > 0)
      throw new Damaged({ what: `${dangling.length} rows refer to others that are missing` })
    const sql = SqlModule.make(raw)
    const books = readSnapshot(sql)
    const binding = decodeBinding(books.notes.get(BACKUP_BINDING_NOTE))
    return {
      bytes: FileSystem.statSync(file).size,
      schemaVersion,
      madeAt: books.notes.get(BACKUP_AT_NOTE),
      binding: binding._tag === "Some" ? binding.value : undefined,
      rows: Object.fromEntries(
        TABLES.map((table) => [table, SqlModule.int(sql.one(`SELECT count(*) AS n FROM ${table}`), "n")])
      ),
      books,
      problems: [...unsound(books), ...cashProblems(sql, books)]
    }
  } finally {
    raw.close()
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const io =
  (file: string) =>
  (cause: unknown): BackupRefused =>
    new BackupRefused({ reason: "io", file, detail: messageOf(cause) })

const present = (file: string): Effect.Effect<void, BackupRefused> =>
  FileSystem.statSync(file, { throwIfNoEntry: false })?.isFile() === true
    ? Effect.void
    : new BackupRefused({ reason: "missing", file, detail: "" })

const copyDurably = (from: string, to: string): void => {
  FileSystem.copyFileSync(from, to, FileSystem.constants.COPYFILE_EXCL)
  FileSystem.chmodSync(to, 0o600)
  const handle = FileSystem.openSync(to, "r+")
  try {
    FileSystem.fsyncSync(handle)
  } finally {
    FileSystem.closeSync(handle)
  }
}

const inspect = (file: string): Effect.Effect<BackupFacts, BackupRefused | StoreFailed> =>
  Effect.suspend(() =>
    Effect.zipRight(present(file), Effect.try({ try: () => factsOf(file), catch: storeFailed(`look into ${file}`) }))
  )

/** A folder that goes away, beside the copies: on the disk that the records are on. */
const rehearsalFolder = (dataDir: string): Effect.Effect<string, BackupRefused, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const backups = Path.join(dataDir, "backups")
        FileSystem.mkdirSync(backups, { recursive: true, mode: 0o700 })
        return FileSystem.mkdtempSync(Path.join(backups, ".drill-"))
      },
      catch: io(dataDir)
    }),
    (folder) => Effect.sync(() => FileSystem.rmSync(folder, { recursive: true, force: true }))
  )

/**
 * Marks a copy that is about to be put in place: restored, and to be compared with the exchange. The mark of a running
 * session is the old run's; without it the start would look for a write-ahead log that this file never had.
 */
const markRestored = (file: string, at: string, madeAt: string | undefined): void => {
  const raw = new BetterSqlite3(file)
  try {
    raw.pragma("synchronous = FULL")
    const note = raw.prepare("INSERT OR REPLACE INTO notes VALUES (?, ?)")
    raw.transaction(() => {
      note.run(RESTORED_NOTE, restoredText(at, madeAt))
      note.run(LOST_LOG_NOTE, at)
      // whatever holds this note was put in place by hand
      raw.prepare("DELETE FROM notes WHERE key = ?").run(BACKUP_AT_NOTE)
      raw.prepare("UPDATE session SET running = 0").run()
    })()
  } finally {
    raw.close()
  }
}

const make = (dataDir: string) => {
  const database = Path.join(dataDir, DATABASE)
  const binding: Effect.Effect<BackupBinding | undefined, BackupRefused> = Effect.mapError(
    readBinding(dataDir),
    (refused) => new BackupRefused({ reason: "io", file: dataDir, detail: refused.message })
  )
  return Backups.of({
    prepare: (file) =>
      Effect.gen(function* () {
        if (FileSystem.existsSync(file)) return yield* new BackupRefused({ reason: "exists", file, detail: "" })
        yield* Effect.try({
          try: () => FileSystem.mkdirSync(Path.dirname(file), { recursive: true, mode: 0o700 }),
          catch: io(file)
        })
      }),
    inspect,
    rehearse: (file) =>
      Effect.scoped(
        Effect.gen(function* () {
          yield* present(file)
          const copy = Path.join(yield* rehearsalFolder(dataDir), DATABASE)
          yield* Effect.try({
            try: () => {
              copyDurably(file, copy)
              markRestored(copy, "", undefined)
            },
            catch: storeFailed("prepare the drill")
          })
          return yield* Effect.flatMap(Store, (store) => store.load).pipe(
            Effect.provide(withDatabase({ file: copy, role: "trader" }))
          )
        })
      ),
    binding,
    putBack: (file, { binding: of, madeAt }) =>
      Effect.gen(function* () {
        yield* Effect.mapError(prepareDataFolder(dataDir), (refused) => io(dataDir)(refused))
        const at = iso(yield* Clock.currentTimeMillis)
        const draft = `${database}.restoring`
        const aside = Path.join(dataDir, "backups", `before-restore-${at.replace(/[:.]/g, "-")}`)
        yield* Effect.try({
          try: () => {
            FileSystem.rmSync(draft, { recursive: true, force: true })
            copyDurably(file, draft)
            markRestored(draft, at, madeAt)
          },
          catch: io(file)
        })
        yield* inspect(draft)
        const names = RECORDS.filter((name) => FileSystem.existsSync(Path.join(dataDir, name)))
        // Everything that was there is durable elsewhere before the first of it is touched. Then the log goes first: it
        // would be played into whatever database it lies beside.
        yield* Effect.try({
          try: () => {
            FileSystem.mkdirSync(aside, { recursive: true, mode: 0o700 })
            for (const name of names) copyDurably(Path.join(dataDir, name), Path.join(aside, name))
            syncFolder(aside)
            for (const name of names) if (name !== DATABASE) FileSystem.rmSync(Path.join(dataDir, name))
            FileSystem.renameSync(draft, database)
            syncFolder(dataDir)
          },
          catch: io(dataDir)
        })
        // a new folder belongs to what the copy belongs to
        if (of !== undefined && (yield* binding) === undefined) {
          yield* Effect.mapError(bindDataFolder(dataDir, of), (refused) => io(dataDir)(refused))
        }
        if (names.length > 0) return { aside }
        FileSystem.rmdirSync(aside)
        return { aside: undefined }
      }).pipe(
        Effect.ensuring(Effect.sync(() => FileSystem.rmSync(`${database}.restoring`, { recursive: true, force: true })))
      )
  })
}

export const layer = (dataDir: string): Layer.Layer<Backups> => Layer.sync(Backups, () => make(dataDir))
