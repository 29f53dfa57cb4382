/**
 * The journal on `journal.db`, a connection of its own: entries gather in memory and are written every quarter of a second
 * in one transaction. Nothing here can delay or fail trading; what is lost is counted, and the count is written.
 */
import BetterSqlite3 from "better-sqlite3"
import { Duration, Effect, Layer, Schedule } from "effect"
import type { JournalEntry } from "../../services/Journal.ts"
import { Journal } from "../../services/Journal.ts"
import { iso } from "../../domain/Time.ts"
import { BUSY_TIMEOUT_MS } from "./Database.ts"
import * as SqlModule from "./Sql.ts"

/** Entries that memory holds while the disk is slow or full. */
export const BUFFER = 8192
const EVERY = Duration.millis(250)
/** Rows of one transaction: a bound on how long the event loop is held. */
const BATCH = 1000

export interface JournalOptions {
  readonly file: string
  /** Size at which the oldest quarter of the entries is deleted, so that the journal never fills the disk. */
  readonly maxBytes?: number
}

/** Amounts are bigints: written as text. What cannot be written at all leaves a mark instead of an error. */
const encode = (data: unknown): string => {
  try {
    return (
      JSON.stringify(data, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value)) ?? "null"
    )
  } catch {
    return '{"unserializable":true}'
  }
}

const openJournal = (file: string) => {
  const raw = new BetterSqlite3(file, { timeout: BUSY_TIMEOUT_MS })
  raw.pragma("journal_mode = WAL")
  raw.pragma("synchronous = NORMAL")
  raw.pragma("journal_size_limit = 16777216")
  raw.exec(
    "CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL)"
  )
  return { raw, sql: SqlModule.make(raw) }
}

const make = ({ file, maxBytes = 256 * 1024 * 1024 }: JournalOptions) =>
  Effect.gen(function* () {
    let open: ReturnType<typeof openJournal> | undefined
    let buffer: Array<JournalEntry> = []
    let dropped = 0
    let failing = false

    const prune = (raw: BetterSqlite3.Database): void => {
      const pages =
        Number(raw.pragma("page_count", { simple: true })) - Number(raw.pragma("freelist_count", { simple: true }))
      if (pages * Number(raw.pragma("page_size", { simple: true })) < maxBytes) return
      raw.exec("DELETE FROM journal WHERE id <= (SELECT min(id) + (max(id) - min(id)) / 4 FROM journal)")
    }

    /** Writes one batch; the entries leave the buffer only once they are committed. */
    const writeBatch = (): void => {
      open ??= openJournal(file)
      const { raw, sql } = open
      const batch = buffer.slice(0, BATCH)
      const lost = dropped
      const at = batch[0]?.at
      raw.transaction(() => {
        const insert = "INSERT INTO journal (timestamp, kind, data) VALUES (?, ?, ?)"
        if (lost > 0 && at !== undefined) sql.run(insert, iso(at), "journal.dropped", encode({ entries: lost }))
        for (const entry of batch) sql.run(insert, iso(entry.at), entry.kind, encode(entry.data))
        prune(raw)
      })()
      buffer = buffer.slice(batch.length)
      dropped -= lost
    }

    const flush = Effect.try(() => {
      while (buffer.length > 0) writeBatch()
    }).pipe(
      Effect.matchEffect({
        // Said once when it begins and once when it ends: a full disk must not flood the log as well.
        onFailure: (failure) => {
          if (failing) return Effect.void
          failing = true
          return Effect.logWarning(
            `The journal cannot be written (trading goes on; entries wait in memory, the oldest are dropped): ${String(failure.cause)}`
          )
        },
        onSuccess: () => {
          if (!failing) return Effect.void
          failing = false
          return Effect.logInfo("The journal is written again")
        }
      })
    )

    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        flush,
        Effect.sync(() => open?.raw.close())
      )
    )
    yield* flush.pipe(Effect.repeat(Schedule.spaced(EVERY)), Effect.forkScoped)

    return Journal.of({
      append: (entry) => {
        buffer.push(entry)
        if (buffer.length > BUFFER) {
          buffer.shift()
          dropped += 1
        }
      },
      flush
    })
  })

export const layer = (options: JournalOptions): Layer.Layer<Journal> => Layer.scoped(Journal, make(options))
