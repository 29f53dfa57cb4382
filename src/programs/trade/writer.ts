/** The writer fiber: commits batches in order, one transaction per burst; a batch that fails is kept and tried again. */
import { Deferred, Effect, Mailbox } from "effect"
import type { StoreWrite } from "../../domain/engine/Write.ts"
import { proofIn } from "../../domain/engine/Write.ts"
import { Store } from "../../services/Store.ts"
import type { WriterShape } from "../../services/Writer.ts"
import { storeRetry } from "./backoff.ts"

type Item =
  | { readonly _tag: "Batch"; readonly writes: ReadonlyArray<StoreWrite> }
  | { readonly _tag: "Barrier"; readonly reached: Deferred.Deferred<void> }

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
    const mailbox = yield* Mailbox.make<Item>()
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

    const run = Effect.gen(function* () {
      while (true) {
        const [items] = yield* mailbox.takeAll
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
      }
    })

    return {
      write: (writes) => {
        mailbox.unsafeOffer({ _tag: "Batch", writes })
      },
      drained: (timeoutMs) =>
        Effect.gen(function* () {
          const reached = yield* Deferred.make<void>()
          yield* mailbox.offer({ _tag: "Barrier", reached })
          return yield* Deferred.await(reached).pipe(
            Effect.as(true),
            Effect.timeoutTo({ duration: timeoutMs, onTimeout: () => false, onSuccess: (done: boolean) => done })
          )
        }),
      run
    }
  })
