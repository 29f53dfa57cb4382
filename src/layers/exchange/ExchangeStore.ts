/**
 * `exchange.db`: what the local Kraken remembers, one row per order, fill and ledger entry, and a head with balances,
 * nonces, counters and the market's clock.
 *
 * WAL with `synchronous=NORMAL`: a committed call survives the end of the process at any instruction, which is what a
 * paper account promises; after a loss of power the newest calls may be missing, together. The file is opened by one
 * process alone (`locking_mode=EXCLUSIVE`), for as long as it serves.
 */
import Sqlite from "better-sqlite3"
import { Effect } from "effect"
import type { Scope } from "effect"
import type { Row } from "../../domain/exchange/Persist.ts"
import { LocalKrakenError } from "../../services/LocalKraken.ts"

/** Goes up with every change of the tables. */
const VERSION = 1
const BUSY_MS = 250

export interface ExchangeStore {
  readonly meta: (key: string) => string | undefined
  /** Everything that `rowsSince` gave so far, newest version each. */
  readonly rows: () => ReadonlyArray<Row>
  /** Writes rows and settings in one transaction; throws what the database throws. */
  readonly commit: (rows: ReadonlyArray<Row>, meta?: Readonly<Record<string, string>>) => void
}

const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE rows (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  position INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = ${VERSION};
`

/** What a failure of the database means. */
export const failure = (path: string, cause: unknown): LocalKrakenError => {
  const code = cause instanceof Sqlite.SqliteError ? cause.code : ""
  if (code.startsWith("SQLITE_BUSY")) {
    return new LocalKrakenError({
      reason: "busy",
      message: `Another process serves the paper exchange of ${path}. Stop it, or use another DATA_DIR.`
    })
  }
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB" || code === "SQLITE_ERROR") {
    return new LocalKrakenError({
      reason: "data",
      message: `${path} is not a sound paper exchange (${code}). Paper money only is lost: start anew with --fresh.`
    })
  }
  return new LocalKrakenError({
    reason: "write",
    message: `${path} cannot be written (${code === "" ? "no such folder, or no permission" : code}). Free space or mend the permissions; what was not written was not executed.`
  })
}

const attempt = <A>(path: string, use: () => A): Effect.Effect<A, LocalKrakenError> =>
  Effect.try({ try: use, catch: (cause) => failure(path, cause) })

/** Opens the file, or makes it; without a path the account lives in memory and dies with the scope. */
export const openStore = (path: string | undefined): Effect.Effect<ExchangeStore, LocalKrakenError, Scope.Scope> =>
  Effect.gen(function* () {
    const name = path ?? ":memory:"
    const db = yield* Effect.acquireRelease(
      attempt(name, () => new Sqlite(name, { timeout: BUSY_MS })),
      (open) => Effect.sync(() => open.close())
    )
    const version = yield* attempt(name, () => {
      db.pragma("locking_mode = EXCLUSIVE")
      db.pragma("journal_mode = WAL")
      db.pragma("synchronous = NORMAL")
      const found: unknown = db.pragma("user_version", { simple: true })
      if (found === 0) db.transaction(() => db.exec(SCHEMA)).immediate()
      return Number(found)
    })
    if (version > VERSION) {
      return yield* new LocalKrakenError({
        reason: "data",
        message: `${name} was written by a newer version of this program (${version}; this one knows ${VERSION}). Use that version, or start anew with --fresh.`
      })
    }
    return yield* attempt(name, (): ExchangeStore => {
      const getMeta = db.prepare<[string], { readonly value: string }>("SELECT value FROM meta WHERE key = ?")
      const allRows = db.prepare<[], Row>("SELECT kind, id, position, text FROM rows")
      const putMeta = db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")
      const putRow = db.prepare("INSERT OR REPLACE INTO rows (kind, id, position, text) VALUES (?, ?, ?, ?)")
      const commit = db.transaction((rows: ReadonlyArray<Row>, meta: Readonly<Record<string, string>>) => {
        for (const [key, value] of Object.entries(meta)) putMeta.run(key, value)
        for (const row of rows) putRow.run(row.kind, row.id, row.position, row.text)
      })
      return {
        meta: (key) => getMeta.get(key)?.value,
        rows: () => allRows.all(),
        commit: (rows, meta = {}) => {
          commit.immediate(rows, meta)
        }
      }
    })
  })
