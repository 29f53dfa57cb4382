/**
 * `@effect/sql` over SQLite for what stands beside the records of money: reading them, and the journal. The library's
 * client is shared through here only, because three things about it must not be forgotten by any caller: a file that
 * cannot be opened and a COMMIT that fails are defects of it, a failing COMMIT leaves the connection inside the
 * transaction, and a statement that could not be prepared is remembered as failing.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import type { Cause, Duration } from "effect"
import { Context, Effect, Exit, Layer, Option, ParseResult, Scope } from "effect"
import type { StoreFailed } from "../../services/Store.ts"
import { BUSY_TIMEOUT_MS } from "./Database.ts"
import { Damaged, storeFailed } from "./failure.ts"

/** A failure of client, schema or file, as the store's one error; the driver's own error stays its cause. */
export const clientFailed =
  (operation: string) =>
  (failure: unknown): StoreFailed => {
    if (failure instanceof SqlError) return storeFailed(operation)(failure.cause)
    if (!ParseResult.isParseError(failure)) return storeFailed(operation)(failure)
    const where = ParseResult.ArrayFormatter.formatErrorSync(failure)
      .flatMap(({ path }) => path.filter((part) => typeof part === "string"))
      .join(".")
    return storeFailed(operation)(new Damaged({ what: `column ${where} does not hold what its schema says` }))
  }

/**
 * A client over one connection, closed with the scope. The client would wait up to five seconds for another process's
 * lock, blocking the event loop, and would turn the file to WAL by itself: neither is left to it.
 */
export const connect = (
  config: Pick<SqliteClient.SqliteClientConfig, "filename" | "readonly">
): Effect.Effect<SqlClient.SqlClient, StoreFailed, Scope.Scope> =>
  Layer.build(SqliteClient.layer({ ...config, disableWAL: true })).pipe(
    Effect.map(Context.get(SqlClient.SqlClient)),
    Effect.catchAllDefect(Effect.fail),
    Effect.tap((sql) => sql.unsafe(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)),
    Effect.mapError(clientFailed("open"))
  )

/**
 * `body` between BEGIN and COMMIT. Whatever fails, COMMIT included, is a typed error, nothing of it is kept, and the
 * connection is out of the transaction. SQLite ends a transaction by itself on some failures (a full disk); the client's
 * ROLLBACK then fails as well, and what is told is the failure that came first.
 *
 * Not for use inside another transaction, nor while others use the connection (`hold` sees to that): the library lets
 * them in between a failed COMMIT and the ROLLBACK.
 */
export const transact = <A, E, R>(
  sql: SqlClient.SqlClient,
  body: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.suspend(() => {
    const first: Array<Cause.Cause<E>> = []
    const watched = Effect.tapErrorCause(body, (cause) => Effect.sync(() => first.push(cause)))
    const told = (defect: SqlError): Effect.Effect<never, E | SqlError> =>
      first[0] === undefined ? Effect.fail(defect) : Effect.failCause(first[0])
    return Effect.catchSomeDefect(sql.withTransaction(watched), (defect) =>
      defect instanceof SqlError
        ? Option.some(Effect.zipRight(Effect.ignore(sql.unsafe("ROLLBACK")), told(defect)))
        : Option.none()
    )
  })

/** One connection that is opened when it is needed and used by one caller at a time. */
export interface Held<A> {
  /** Runs `body` on the connection. After any failure the connection is closed; the next caller gets a new one. */
  readonly use: <B, E>(body: (connection: A) => Effect.Effect<B, E>) => Effect.Effect<B, E | StoreFailed>
}

export interface HoldOptions<A> {
  readonly open: Effect.Effect<A, StoreFailed, Scope.Scope>
  /** Names what is open; when it changes (the file was replaced, a trader has started), a new connection is made. */
  readonly identity: Effect.Effect<string, StoreFailed>
  /** How long an unused connection stays; for ever (until the scope ends) when absent. */
  readonly idle?: Duration.Duration
}

/** The holder of at most one connection, which ends with the scope. */
export const hold = <A>(options: HoldOptions<A>): Effect.Effect<Held<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { idle } = options
    const owner = yield* Effect.scope
    const alone = yield* Effect.makeSemaphore(1)
    let uses = 0
    let held: { readonly value: A; readonly identity: string; readonly scope: Scope.CloseableScope } | undefined

    // Uninterruptible: whoever takes the connection out of the holder closes it.
    const drop = Effect.uninterruptible(
      Effect.suspend(() => {
        const scope = held?.scope
        held = undefined
        return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
      })
    )

    // Uninterruptible: a connection that was opened is either in the holder or closed. Nothing in it waits.
    const open = (identity: string) =>
      Effect.uninterruptible(
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const value = yield* Effect.onError(Scope.extend(options.open, scope), () => Scope.close(scope, Exit.void))
          held = { value, identity, scope }
          return value
        })
      )

    const current = Effect.gen(function* () {
      const identity = yield* options.identity
      if (held?.identity === identity) return held.value
      yield* drop
      return yield* open(identity)
    })

    const closeWhenIdle = Effect.suspend(() => {
      if (idle === undefined) return Effect.void
      const mine = ++uses
      return Effect.sleep(idle).pipe(
        Effect.zipRight(alone.withPermits(1)(Effect.suspend(() => (uses === mine ? drop : Effect.void)))),
        // the region around it is not interruptible; the end of the owner must be able to end the wait
        Effect.interruptible,
        Effect.forkIn(owner),
        Effect.asVoid
      )
    })

    yield* Effect.addFinalizer(() => alone.withPermits(1)(drop))

    return {
      use: (body) =>
        alone
          .withPermits(1)(
            Effect.flatMap(current, body).pipe(
              // Integers as `bigint`, so that none loses digits; the setting sticks to statements, so all have it.
              Effect.provideService(SqlClient.SafeIntegers, true),
              Effect.withTracerEnabled(false),
              Effect.onError(() => drop)
            )
          )
          .pipe(Effect.ensuring(closeWhenIdle))
    }
  })
