/**
 * The journal on `journal.db`, a connection of its own: entries gather in memory and are written every quarter of a second
 * in one transaction. Nothing here can delay or fail trading; what is lost is counted, and the count is written.
 */
import * as SqlSchema from "@effect/sql/SqlSchema"

import { Duration, Effect, Layer, Schedule, Schema } from "effect"
import type { JournalEntry } from "../../services/Journal.ts"
import { Journal } from "../../services/Journal.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { iso } from "../../domain/Time.ts"
import { clientFailed, connect, hold, transact } from "./Client.ts"

/** Entries that memory holds while the disk is slow or full. */
export const BUFFER = 8192
const EVERY = Duration.millis(250)
/** Rows of one transaction: a bound on how long the event loop is held. */
const BATCH = 250
/** Rows of one statement; all full ones are the same statement. */
const ROWS = 50

/** Lets sockets and timers have their turn between two batches; a fiber that only yields may keep them waiting. */
const breathe = Effect.async<void>((resume) => {
  const turn = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(turn))
})

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

const JournalRow = Schema.Struct({ timestamp: Schema.String, kind: Schema.String, data: Schema.String })
const Size = Schema.Struct({ bytes: Schema.BigIntFromSelf })

const rowOf = ({ at, kind, data }: JournalEntry): typeof JournalRow.Type => ({
  timestamp: iso(at),
  kind,
  data: encode(data)
})

/** The journal's statements on one connection. */
const open = (filename: string) =>
  Effect.gen(function* () {
    const sql = yield* connect({ filename })
    yield* sql`PRAGMA journal_mode = WAL`
    yield* sql`PRAGMA synchronous = NORMAL`
    yield* sql`PRAGMA journal_size_limit = 16777216`
    yield* sql`CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL)`
    const insert = SqlSchema.void({
      Request: Schema.Array(JournalRow),
      execute: (rows) => sql`INSERT INTO journal ${sql.insert(rows)}`
    })
    const size = SqlSchema.single({
      Request: Schema.Void,
      Result: Size,
      execute: () =>
        sql`SELECT (page_count - freelist_count) * page_size AS bytes FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()`
    })
    const prune = sql`DELETE FROM journal WHERE id <= (SELECT min(id) + (max(id) - min(id)) / 4 FROM journal)`
    /** All rows in one transaction, and the bound kept. */
    const write = (rows: ReadonlyArray<typeof JournalRow.Type>, maxBytes: number) =>
      transact(
        sql,
        Effect.gen(function* () {
          for (let n = 0; n < rows.length; n += ROWS) yield* insert(rows.slice(n, n + ROWS))
          const { bytes } = yield* size()
          if (bytes >= maxBytes) yield* prune
        })
      )
    return { write }
  }).pipe(Effect.mapError(clientFailed("open the journal")))

const make = ({ file, maxBytes = 256 * 1024 * 1024 }: JournalOptions) =>
  Effect.gen(function* () {
    const connection = yield* hold({ open: open(file), identity: Effect.succeed(file) })
    const alone = yield* Effect.makeSemaphore(1)
    let buffer: Array<JournalEntry> = []
    let dropped = 0
    /** How many of the oldest entries are being written. */
    let writing = 0
    let failing = false

    /**
     * Writes one batch; its entries leave the buffer once they are committed. Uninterruptible: an interruption between the
     * commit and that would write them again.
     */
    const writeBatch: Effect.Effect<void, StoreFailed> = Effect.uninterruptible(
      Effect.suspend(() => {
        const batch = buffer.slice(0, BATCH)
        const lost = dropped
        const at = batch[0]?.at
        const rows = batch.map(rowOf)
        if (lost > 0 && at !== undefined) rows.unshift(rowOf({ at, kind: "journal.dropped", data: { entries: lost } }))
        writing = batch.length
        return connection
          .use(({ write }) => write(rows, maxBytes))
          .pipe(
            Effect.map(() => {
              buffer = buffer.slice(batch.length)
              dropped -= lost
            }),
            Effect.ensuring(Effect.sync(() => (writing = 0))),
            Effect.mapError(clientFailed("write the journal"))
          )
      })
    )

    const writeAll = Effect.gen(function* () {
      while (buffer.length > 0) {
        yield* writeBatch
        if (buffer.length > 0) yield* breathe
      }
    })

    const flush = alone
      .withPermits(1)(writeAll)
      .pipe(
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

    yield* Effect.addFinalizer(() => flush)
    yield* flush.pipe(Effect.repeat(Schedule.spaced(EVERY)), Effect.forkScoped)

    return Journal.of({
      append: (entry) => {
        buffer.push(entry)
        if (buffer.length > BUFFER) {
          // the oldest that is not on its way to the disk
          buffer.splice(writing, 1)
          dropped += 1
        }
      },
      flush
    })
  })

export const layer = (options: JournalOptions): Layer.Layer<Journal> => Layer.scoped(Journal, make(options))
