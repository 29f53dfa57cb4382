/** Waiting alerts in memory. */
import { Context, Effect, Layer } from "effect"
import type { Outbox } from "../../domain/alerts/Outbox.ts"
import { empty } from "../../domain/alerts/Outbox.ts"
import { OutboxStore } from "../../services/OutboxStore.ts"
import { StoreFailed } from "../../services/Store.ts"

export interface MockOutboxStoreControlShape {
  /** What an earlier run left. */
  readonly set: (outbox: Outbox) => Effect.Effect<void>
  /** Every outbox that was saved, in order. */
  readonly saved: Effect.Effect<ReadonlyArray<Outbox>>
  /** From now on every operation fails so; `undefined`: the store works again. */
  readonly failWith: (reason: StoreFailed["reason"] | undefined) => Effect.Effect<void>
}

/** Steers and inspects `MockOutboxStore`. */
export class MockOutboxStoreControl extends Context.Tag("trader/layers/mock/MockOutboxStore/MockOutboxStoreControl")<
  MockOutboxStoreControl,
  MockOutboxStoreControlShape
>() {}

const make = () => {
  let outbox = empty
  let failure: StoreFailed["reason"] | undefined
  const saved: Array<Outbox> = []
  const usable = <A>(operation: string, run: () => A): Effect.Effect<A, StoreFailed> =>
    Effect.suspend(() =>
      failure === undefined
        ? Effect.sync(run)
        : Effect.fail(new StoreFailed({ operation, reason: failure, cause: "the test said so" }))
    )
  return Context.make(OutboxStore, {
    load: usable("load", () => outbox),
    save: (next) =>
      usable("save", () => {
        outbox = next
        saved.push(next)
      })
  }).pipe(
    Context.add(MockOutboxStoreControl, {
      set: (next) =>
        Effect.sync(() => {
          outbox = next
        }),
      saved: Effect.sync(() => [...saved]),
      failWith: (reason) =>
        Effect.sync(() => {
          failure = reason
        })
    })
  )
}

export const MockOutboxStore: Layer.Layer<OutboxStore | MockOutboxStoreControl> = Layer.effectContext(Effect.sync(make))
