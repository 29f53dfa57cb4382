/**
 * The outbox on `alerts.db`, a database of its own: an intent waits for nothing that is written here. A commit is not
 * synced by itself (`synchronous=NORMAL`), so that it costs the event loop microseconds: what was written survives the end of
 * the process, however sudden, and all but the last moments before a power cut.
 */
import * as SqlSchema from "@effect/sql/SqlSchema"
import { Effect, Layer, Schema } from "effect"
import type { Outbox } from "../../domain/alerts/Outbox.ts"
import { empty } from "../../domain/alerts/Outbox.ts"
import { difference, fromTexts } from "../../domain/alerts/outboxText.ts"
import { OutboxStore } from "../../services/OutboxStore.ts"
import { clientFailed, connect, hold, transact } from "./Client.ts"

const Row = Schema.Struct({ key: Schema.String, text: Schema.String })

/** Rows of one statement. */
const ROWS = 50

const open = (filename: string) =>
  Effect.gen(function* () {
    const sql = yield* connect({ filename })
    // somebody who has the file locked must not hold the event loop up: memory serves meanwhile
    yield* sql`PRAGMA busy_timeout = 0`
    yield* sql`PRAGMA journal_mode = WAL`
    yield* sql`PRAGMA synchronous = NORMAL`
    yield* sql`PRAGMA journal_size_limit = 1048576`
    yield* sql`CREATE TABLE IF NOT EXISTS outbox (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID`
    const all = SqlSchema.findAll({
      Request: Schema.Void,
      Result: Row,
      execute: () => sql`SELECT key, text FROM outbox`
    })
    const put = SqlSchema.void({
      Request: Schema.Array(Row),
      execute: (rows) => sql`INSERT OR REPLACE INTO outbox ${sql.insert(rows)}`
    })
    const remove = SqlSchema.void({
      Request: Schema.Array(Schema.String),
      execute: (keys) => sql`DELETE FROM outbox WHERE ${sql.in("key", keys)}`
    })
    const read = Effect.map(all(), (rows) => new Map(rows.map(({ key, text }) => [key, text])))
    return { sql, read, put, remove }
  }).pipe(Effect.mapError(clientFailed("open the outbox of alerts")))

const chunks = <A>(all: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / ROWS) }, (_, n) => all.slice(n * ROWS, (n + 1) * ROWS))

const make = (path: string) =>
  Effect.gen(function* () {
    const connection = yield* hold({ open: open(path), identity: Effect.succeed(path) })
    /** What the file holds, as far as it is known: after a failure it is written anew. */
    let kept: Outbox | undefined

    return OutboxStore.of({
      load: connection
        .use(({ read }) => read)
        .pipe(
          Effect.map((texts) => (kept = fromTexts(texts))),
          Effect.mapError(clientFailed("read the outbox of alerts"))
        ),
      save: (outbox) =>
        Effect.suspend(() => {
          if (kept === outbox) return Effect.void
          const before = kept
          kept = undefined
          const change = difference(before ?? empty, outbox)
          return connection
            .use(({ sql, put, remove }) =>
              transact(
                sql,
                Effect.gen(function* () {
                  if (before === undefined) yield* sql`DELETE FROM outbox`
                  for (const gone of chunks(change.gone)) yield* remove(gone)
                  for (const rows of chunks(change.put)) yield* put(rows.map(([key, text]) => ({ key, text })))
                })
              )
            )
            .pipe(
              Effect.map(() => {
                kept = outbox
              }),
              Effect.mapError(clientFailed("write the outbox of alerts"))
            )
        })
    })
  })

/** The file at `path`, opened when it is needed and closed with the scope. */
export const layer = (path: string): Layer.Layer<OutboxStore> => Layer.scoped(OutboxStore, make(path))
