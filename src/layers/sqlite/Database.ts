/**
 * The one connection to `trading.db` of this process. Everything on it is synchronous and whole: a transaction begins,
 * runs and ends inside one call, so no fiber ever waits with a transaction open, a batch can never stand between an intent
 * and the disk (the longest wait is the batch that is being written at that instant), and an interruption cannot cut
 * anything in two.
 */
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import BetterSqlite3 from "better-sqlite3"
import type { Scope } from "effect"
import { Context, Effect, Layer } from "effect"
import type { StoreFailed } from "../../services/Store.ts"
import { Damaged, Newer, storeFailed } from "./failure.ts"
import type { Migration } from "./migrations.ts"
import { migrations as released } from "./migrations.ts"
import * as SqlModule from "./Sql.ts"
import type { Sql } from "./Sql.ts"
import { vacuumInto } from "./backup.ts"

/** How long a statement waits for another process's lock. It blocks the event loop, so it is short; callers that may wait longer repeat. */
export const BUSY_TIMEOUT_MS = 100

/** `PRAGMA application_id` of this program's databases: "Ktrd". */
export const APPLICATION_ID = 0x4b_74_72_64

export interface DatabaseOptions {
  /** Path of the database file; its folder exists. */
  readonly file: string
  /**
   * `trader` owns the data folder (it holds the instance lock): it marks its session, so that the next one notices a lost
   * write-ahead log. `visitor` is a command beside it.
   */
  readonly role: "trader" | "visitor"
  /** Schema versions to know; for tests of upgrades. */
  readonly migrations?: ReadonlyArray<Migration>
}

export interface DatabaseShape {
  readonly file: string
  readonly role: DatabaseOptions["role"]
  /** The database was in use by a trader that did not end, and its write-ahead log is gone: what was in it is lost. */
  readonly lostLog: boolean
  /** Runs `body` between BEGIN IMMEDIATE and COMMIT; whatever fails, COMMIT included, nothing of it is kept. */
  readonly transact: <A>(operation: string, body: (sql: Sql) => A) => Effect.Effect<A, StoreFailed>
  /** Runs reading statements on one consistent view. */
  readonly read: <A>(operation: string, body: (sql: Sql) => A) => Effect.Effect<A, StoreFailed>
  /** Runs one reading statement, which is consistent by itself: for what is asked every second, for months. */
  readonly glance: <A>(operation: string, body: (sql: Sql) => A) => Effect.Effect<A, StoreFailed>
  /** The connection itself, for pragmas and `VACUUM INTO`, which stand outside transactions. */
  readonly connection: <A>(operation: string, body: (raw: BetterSqlite3.Database) => A) => Effect.Effect<A, StoreFailed>
  /** Highest nonce that this process has seen or issued, the memory that outlives a failing disk. */
  readonly nonceMemory: { value: bigint }
}

/** Internal to the SQLite layers: `Store` and `Nonce` share one connection through it. */
export class Database extends Context.Tag("trader/layers/sqlite/Database")<Database, DatabaseShape>() {}

/** Reads a pragma back; SQLite ignores what it cannot do. */
const demand = (raw: BetterSqlite3.Database, pragma: string, wanted: unknown): void => {
  const found: unknown = raw.pragma(pragma, { simple: true })
  if (found !== wanted)
    throw new Error(
      `PRAGMA ${pragma} is ${String(found)} where ${String(wanted)} is needed: is the folder on a local disk?`
    )
}

const schemaVersion = (raw: BetterSqlite3.Database): number => Number(raw.pragma("user_version", { simple: true }))

const refuseForeign = (raw: BetterSqlite3.Database, newest: number): void => {
  const version = schemaVersion(raw)
  const foreign = Number(raw.pragma("application_id", { simple: true })) !== APPLICATION_ID
  const empty = raw.prepare("SELECT 1 FROM sqlite_master LIMIT 1").get() === undefined
  if (foreign && !empty)
    throw new Damaged({ what: "this is not a database of the trader's: move it away or choose another DATA_DIR" })
  if (version > newest) throw new Newer({ found: version, known: newest })
}

/** Opens a connection whose durability is proved by reading the settings back. */
const connect = (file: string, newest: number): BetterSqlite3.Database => {
  const raw = new BetterSqlite3(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    refuseForeign(raw, newest)
    raw.pragma("journal_mode = WAL")
    raw.pragma("synchronous = FULL")
    raw.pragma("foreign_keys = ON")
    raw.pragma("journal_size_limit = 67108864")
    demand(raw, "journal_mode", "wal")
    demand(raw, "synchronous", 2)
    demand(raw, "foreign_keys", 1)
    demand(raw, "busy_timeout", BUSY_TIMEOUT_MS)
    return raw
  } catch (cause) {
    raw.close()
    throw cause
  }
}

/** One transaction. A COMMIT that fails leaves SQLite inside the transaction: it is rolled back like any other failure. */
const transaction = <A>(
  raw: BetterSqlite3.Database,
  body: () => A,
  begin: "BEGIN IMMEDIATE" | "BEGIN" = "BEGIN IMMEDIATE"
): A => {
  raw.exec(begin)
  try {
    const result = body()
    raw.exec("COMMIT")
    return result
  } catch (cause) {
    if (raw.inTransaction) raw.exec("ROLLBACK")
    throw cause
  }
}

/** Brings the schema up to date, each step in a transaction of its own, after a backup when there is something to lose. */
const migrate = (raw: BetterSqlite3.Database, file: string, all: ReadonlyArray<Migration>): void => {
  const from = schemaVersion(raw)
  const pending = all.filter((m) => m.version > from)
  if (pending.length > 0 && from > 0) {
    const folder = Path.join(Path.dirname(file), "backups")
    FileSystem.mkdirSync(folder, { recursive: true, mode: 0o700 })
    const target = Path.join(folder, `before-upgrade-from-${from}.db`)
    // A first attempt that failed half-way has left the same state behind: its copy is replaced.
    FileSystem.rmSync(target, { force: true })
    vacuumInto(raw, target)
  }
  for (const { version, sql } of pending)
    transaction(raw, () => {
      // Another process may have come first while this one waited for the lock.
      if (schemaVersion(raw) >= version) return
      raw.exec(sql)
      raw.pragma(`application_id = ${APPLICATION_ID}`)
      raw.pragma(`user_version = ${version}`)
    })
}

/**
 * Marks the session of a trader in the main file itself (checkpointed), and answers whether an earlier session was
 * cut off and its log has vanished since.
 */
const beginSession = (raw: BetterSqlite3.Database, sql: Sql, hadLog: boolean): boolean => {
  const cutOff = SqlModule.int(sql.one("SELECT running FROM session"), "running") === 1
  sql.run("UPDATE session SET running = 1")
  raw.pragma("wal_checkpoint(TRUNCATE)")
  return cutOff && !hadLog
}

interface Open {
  readonly raw: BetterSqlite3.Database
  readonly sql: Sql
}

const open = (options: DatabaseOptions): DatabaseShape & { readonly close: () => void } => {
  const { file, role } = options
  const all = options.migrations ?? released
  const newest = Math.max(...all.map((m) => m.version))
  const hadLog = FileSystem.existsSync(`${file}-wal`)
  /**
   * SQLite removes the log with the last connection, its content being in the main file by then. Where a log was found,
   * an empty one is left behind: to the next trader its absence means that somebody removed it while it was needed.
   */
  const leaveEmptyLog = (): void => {
    try {
      FileSystem.writeFileSync(`${file}-wal`, "", { flag: "wx", mode: 0o600 })
    } catch {
      // it is still there, since another process has the file open; or the folder takes no file: then the trader says so
    }
  }
  const leaveLog = (): void => {
    if (hadLog) leaveEmptyLog()
  }
  const begin = (): Open => {
    try {
      const raw = connect(file, newest)
      return { raw, sql: SqlModule.make(raw) }
    } catch (cause) {
      leaveLog()
      throw cause
    }
  }
  const prepare = ({ raw, sql }: Open): boolean => {
    migrate(raw, file, all)
    return role === "trader" && beginSession(raw, sql, hadLog)
  }
  let current: Open | undefined = begin()
  let lostLog = false
  try {
    lostLog = prepare(current)
  } catch (cause) {
    current.raw.close()
    leaveLog()
    throw cause
  }
  const identity = FileSystem.statSync(file)

  /** A database that was deleted or replaced under its path would take writes that no restart ever sees. */
  const verify = (): void => {
    const now = FileSystem.statSync(file, { throwIfNoEntry: false })
    if (now === undefined || now.ino !== identity.ino || now.dev !== identity.dev)
      throw new Damaged({ what: `${file} was moved, deleted or replaced while it was in use: stop and put it back` })
  }

  /** The connection; a new one after the last could not even roll back. */
  const use = (): Open => {
    verify()
    if (current === undefined) current = begin()
    return current
  }

  const guarded = <A>(operation: string, body: (open: Open) => A): Effect.Effect<A, StoreFailed> =>
    Effect.try({ try: () => body(use()), catch: storeFailed(operation) })

  return {
    file,
    role,
    lostLog,
    nonceMemory: { value: 0n },
    transact: (operation, body) =>
      guarded(operation, ({ raw, sql }) => {
        try {
          return transaction(raw, () => body(sql))
        } finally {
          if (raw.inTransaction) {
            raw.close()
            current = undefined
          }
        }
      }),
    read: (operation, body) => guarded(operation, ({ raw, sql }) => transaction(raw, () => body(sql), "BEGIN")),
    glance: (operation, body) => guarded(operation, ({ sql }) => body(sql)),
    connection: (operation, body) => guarded(operation, ({ raw }) => body(raw)),
    close: () => {
      if (current === undefined) return
      let marked = false
      try {
        if (role === "trader") current.sql.run("UPDATE session SET running = 0")
        marked = true
      } finally {
        current.raw.close()
        if (role === "visitor") leaveLog()
        // a full disk: the session counts as cut off, and what was in the log is in the main file all the same
        else if (!marked) leaveEmptyLog()
      }
    }
  }
}

/** Opens the database, creating or upgrading it; closes it (and checkpoints the log) with the scope. */
const scoped = (options: DatabaseOptions): Effect.Effect<DatabaseShape, StoreFailed, Scope.Scope> =>
  Effect.acquireRelease(Effect.try({ try: () => open(options), catch: storeFailed("open") }), (database) =>
    // What the session could not write at its end, the next start settles from the log.
    Effect.ignoreLogged(Effect.try({ try: () => database.close(), catch: storeFailed("close") }))
  ).pipe(
    Effect.tap((database) =>
      database.lostLog
        ? Effect.logWarning(
            "The write-ahead log of the database is missing although the last run was cut off: what was committed last may be lost. Orders and positions are compared with the exchange before anything is entered; what the books lack is not sold by the trader."
          )
        : Effect.void
    )
  )

export const layer = (options: DatabaseOptions): Layer.Layer<Database, StoreFailed> =>
  Layer.scoped(Database, scoped(options))
