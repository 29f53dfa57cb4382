/** The writer without a store behind it: batches are kept, and durable when the test says so. */
import { Context, Effect, Layer } from "effect"
import type { StoreWrite } from "../../domain/engine/Write.ts"
import { Writer } from "../../services/Writer.ts"

export interface MockWriterControlShape {
  /** Every batch so far, in order. */
  readonly batches: Effect.Effect<ReadonlyArray<ReadonlyArray<StoreWrite>>>
  /** What `drained` answers from now on; true until told otherwise. No time passes. */
  readonly setDrained: (drained: boolean) => Effect.Effect<void>
}

/** Steers and inspects `MockWriter`. */
export class MockWriterControl extends Context.Tag("trader/layers/mock/MockWriter/MockWriterControl")<
  MockWriterControl,
  MockWriterControlShape
>() {}

const make = () => {
  const batches: Array<ReadonlyArray<StoreWrite>> = []
  let drained = true
  return Context.make(Writer, {
    write: (writes) => {
      batches.push(writes)
    },
    drained: () => Effect.sync(() => drained),
    // what was written counts as durable already
    along: <A, E>(use: (queued: ReadonlyArray<StoreWrite>) => Effect.Effect<A, E>) => use([]),
    run: Effect.never
  }).pipe(
    Context.add(MockWriterControl, {
      batches: Effect.sync(() => [...batches]),
      setDrained: (next) =>
        Effect.sync(() => {
          drained = next
        })
    })
  )
}

export const MockWriter: Layer.Layer<Writer | MockWriterControl> = Layer.effectContext(Effect.sync(make))
