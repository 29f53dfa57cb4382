/** The end of the journal, for an incident archive: beside a trader that writes it, or without one. */
import * as FileSystem from "node:fs"
import BetterSqlite3 from "better-sqlite3"
import { Effect, Option } from "effect"
import { iso, parseRfc3339 } from "../../domain/Time.ts"
import { BUSY_TIMEOUT_MS } from "./Database.ts"
import * as SqlModule from "./Sql.ts"

/** The newest entries that a slice holds at most. */
export const MOST = 20_000

/**
 * Lines of JSON, oldest first, from `lastMs` of market time before the newest entry on; a line that says why where the
 * journal cannot be read. A connection that could write tidies up behind itself; nothing is written through it.
 */
export const journalSlice = (file: string, lastMs: number): Effect.Effect<string> =>
  Effect.try(() => {
    if (!FileSystem.existsSync(file)) return ""
    const raw = new BetterSqlite3(file, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS })
    try {
      raw.pragma("query_only = ON")
      const sql = SqlModule.make(raw)
      const newest = sql.get("SELECT timestamp FROM journal ORDER BY id DESC LIMIT 1")
      const at = Option.flatMap(Option.fromNullable(newest), (row) => parseRfc3339(SqlModule.text(row, "timestamp")))
      if (Option.isNone(at)) return ""
      return sql
        .all(
          "SELECT timestamp, kind, data FROM journal WHERE timestamp >= ? ORDER BY id DESC LIMIT ?",
          iso(at.value - lastMs),
          MOST
        )
        .map(
          (row) =>
            `{"at":${JSON.stringify(row["timestamp"])},"kind":${JSON.stringify(row["kind"])},"data":${SqlModule.text(row, "data")}}\n`
        )
        .toReversed()
        .join("")
    } finally {
      raw.close()
    }
  }).pipe(
    Effect.catchAll(({ error }) =>
      Effect.succeed(`${JSON.stringify({ unreadable: error instanceof Error ? error.message : String(error) })}\n`)
    )
  )
