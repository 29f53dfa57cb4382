/** A stop signal that only the program and the test give: no process is listened to. */
import { Context, Deferred, Effect, Layer } from "effect"
import { StopSignal } from "../../services/StopSignal.ts"

export interface MockStopSignalControlShape {
  /** The reason of every request, in order; the first one counts. */
  readonly requests: Effect.Effect<ReadonlyArray<string>>
}

/** Inspects `MockStopSignal`. */
export class MockStopSignalControl extends Context.Tag("trader/layers/mock/MockStopSignal/MockStopSignalControl")<
  MockStopSignalControl,
  MockStopSignalControlShape
>() {}

const make = Effect.map(Deferred.make<string>(), (asked) => {
  const requests: Array<string> = []
  return Context.make(StopSignal, {
    requested: Deferred.await(asked),
    request: (reason) =>
      Effect.suspend(() => {
        requests.push(reason)
        return Effect.asVoid(Deferred.succeed(asked, reason))
      })
  }).pipe(Context.add(MockStopSignalControl, { requests: Effect.sync(() => [...requests]) }))
})

export const MockStopSignal: Layer.Layer<StopSignal | MockStopSignalControl> = Layer.effectContext(make)
