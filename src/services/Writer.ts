/** The one writer of the records: commits what folds decided, in order, and never loses a batch. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { StoreWrite } from "../domain/engine/Write.ts"

export interface WriterShape {
  /** Queues a batch. Never blocks; the queue is memory (a batch that cannot be committed is kept and retried). */
  readonly write: (writes: ReadonlyArray<StoreWrite>) => void
  /** Waits until everything queued before is durable; false when the store does not take it within the time (real milliseconds). */
  readonly drained: (timeoutMs: number) => Effect.Effect<boolean>
  /**
   * Lends what is queued to a transaction that is made anyway (an order's intent), so that it is durable with it and not in
   * a transaction of its own between the order and the wire. `use` takes all of it and succeeds only when it is durable; after
   * any other end it stays queued, in its place. Nothing is lent while a batch is being committed or retried.
   */
  readonly along: <A, E>(use: (queued: ReadonlyArray<StoreWrite>) => Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** Runs until interrupted: one transaction per burst, retried with backoff while the store is unusable. */
  readonly run: Effect.Effect<never>
}

export class Writer extends Context.Tag("trader/services/Writer")<Writer, WriterShape>() {}
