/** The breaker's port without an engine behind it: it is in the state that the test sets, and keeps what it is asked for. */
import { Context, Effect, Layer } from "effect"
import type { BreakerState } from "../../domain/breaker/BreakerState.ts"
import { closed } from "../../domain/breaker/BreakerState.ts"
import type { BreakerShape } from "../../services/Breaker.ts"
import { Breaker } from "../../services/Breaker.ts"

/** What was asked of the breaker, with its arguments. */
export type MockBreakerCall = {
  readonly [K in Exclude<keyof BreakerShape, "state">]: { readonly name: K; readonly args: Parameters<BreakerShape[K]> }
}[Exclude<keyof BreakerShape, "state">]

export interface MockBreakerControlShape {
  /** Closed until told otherwise. What is asked of the breaker does not change it. */
  readonly setState: (state: BreakerState) => Effect.Effect<void>
  /** Every call so far, in order. */
  readonly calls: Effect.Effect<ReadonlyArray<MockBreakerCall>>
}

/** Steers and inspects `MockBreaker`. */
export class MockBreakerControl extends Context.Tag("trader/layers/mock/MockBreaker/MockBreakerControl")<
  MockBreakerControl,
  MockBreakerControlShape
>() {}

const make = () => {
  let state = closed
  const calls: Array<MockBreakerCall> = []
  const note = (call: MockBreakerCall): Effect.Effect<void> =>
    Effect.sync(() => {
      calls.push(call)
    })
  return Context.make(Breaker, {
    state: Effect.sync(() => state),
    trip: (...args) => note({ name: "trip", args }),
    reset: (...args) => note({ name: "reset", args }),
    failed: (...args) => note({ name: "failed", args }),
    succeeded: (...args) => note({ name: "succeeded", args })
  }).pipe(
    Context.add(MockBreakerControl, {
      setState: (next) =>
        Effect.sync(() => {
          state = next
        }),
      calls: Effect.sync(() => [...calls])
    })
  )
}

export const MockBreaker: Layer.Layer<Breaker | MockBreakerControl> = Layer.effectContext(Effect.sync(make))
