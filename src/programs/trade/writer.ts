/** The writer fiber: commits batches in order, one transaction per burst; a batch that fails is kept and tried again. */
import { Deferred, Effect, Exit, FiberId } from "effect"
import type { StoreWrite } from "../../domain/engine/Write.ts"
import { proofIn } from "../../domain/engine/Write.ts"
import { Store } from "../../services/Store.ts"
import type { WriterShape } from "../../services/Writer.ts"
import { storeRetry } from "./backoff.ts"

type Item =
  | { readonly _tag: "Batch"; readonly writes: ReadonlyArray<StoreWrite> }
  | { readonly _tag: "Barrier"; readonly reached: Deferred.Deferred<void> }

const isBarrier = (item: Item): boolean => item._tag === "Barrier"

/** At most so many writes in one transaction, so that an intent never waits long for the connection. */
const BURST = 200

/**
 * `broken` and `recovered` tell the engine, which stops entries meanwhile. `recovered` follows a commit after failures, and
 * one that holds a proof that was asked for.
 */
export const makeWriter = (
  broken: (reason: string) => Effect.Effect<void>,
  recovered: (proof: number | undefined) => Effect.Effect<void>
): Effect.Effect<WriterShape, never, Store> =>
  Effect.gen(function* () {
    const store = yield* Store
    // Without a bound: a batch is never lost, and while the store is unusable the engine makes next to none.
    let queue: Array<Item> = []
    /** Open while there is something to take: not while it is lent. */
    const filled = yield* Effect.makeLatch(false)
    /** Who has the head of the queue: nobody, the fiber that commits it, or another's transaction. */
    let taken: "no" | "committing" | "lent" = "no"
    let failing = false

    const commit = (writes: ReadonlyArray<StoreWrite>): Effect.Effect<void> =>
      store.commit(writes).pipe(
        Effect.tapError((error) =>
          Effect.suspend(() => {
            failing = true
            return Effect.zipRight(
              Effect.logWarning("records not committed; kept and retried", error),
              broken(error.reason)
            )
          })
        ),
        Effect.retry(storeRetry),
        Effect.zipRight(
          Effect.suspend(() => {
            const proof = proofIn(writes)
            if (!failing && proof === undefined) return Effect.void
            failing = false
            return recovered(proof)
          })
        ),
        // the retry schedule never ends, so nothing is left to fail with
        Effect.orDie
      )

    const add = (item: Item): void => {
      queue.push(item)
      if (taken !== "lent") filled.unsafeOpen()
    }

    const takeAll = Effect.suspend(() => {
      filled.unsafeClose()
      if (taken === "lent") return Effect.succeed<ReadonlyArray<Item>>([])
      const items = queue
      queue = []
      taken = "committing"
      return Effect.succeed<ReadonlyArray<Item>>(items)
    })

    const run = Effect.gen(function* () {
      while (true) {
        yield* filled.await
        // an order that was approved in this moment goes first, and takes along what its approval changed
        yield* Effect.yieldNow()
        const items = yield* takeAll
        if (items.length === 0) continue
        let burst: Array<StoreWrite> = []
        for (const item of items) {
          if (item._tag === "Batch") {
            burst.push(...item.writes)
            if (burst.length < BURST) continue
          }
          const writes = burst
          burst = []
          if (writes.length > 0) yield* commit(writes)
          if (item._tag === "Barrier") yield* Deferred.succeed(item.reached, undefined)
        }
        if (burst.length > 0) yield* commit(burst)
        taken = "no"
      }
    })

    return {
      write: (writes) => add({ _tag: "Batch", writes }),
      drained: (timeoutMs) =>
        Effect.suspend(() => {
          if (taken === "no" && queue.length === 0) return Effect.succeed(true)
          const reached = Deferred.unsafeMake<void>(FiberId.none)
          add({ _tag: "Barrier", reached })
          return Deferred.await(reached).pipe(
            Effect.as(true),
            Effect.timeoutTo({ duration: timeoutMs, onTimeout: () => false, onSuccess: (done: boolean) => done })
          )
        }),
      along: (use) =>
        Effect.suspend(() => {
          const queued = queue.flatMap((item) => (item._tag === "Batch" ? item.writes : []))
          if (taken !== "no" || queued.length === 0 || queued.length > BURST) return use([])
          const lent = queue.length
          taken = "lent"
          // Uninterruptible as a whole: what is lent is given back or durable, whatever ends its use.
          return Effect.uninterruptibleMask((restore) =>
            Effect.onExit(restore(use(queued)), (exit) =>
              Effect.suspend(() => {
                taken = "no"
                // barriers stay: everything before them is durable, and the fiber says so
                if (Exit.isSuccess(exit)) queue = [...queue.slice(0, lent).filter(isBarrier), ...queue.slice(lent)]
                if (queue.length > 0) filled.unsafeOpen()
                const proof = Exit.isSuccess(exit) ? proofIn(queued) : undefined
                return proof === undefined ? Effect.void : recovered(proof)
              })
            )
          )
        }),
      run
    }
  })
