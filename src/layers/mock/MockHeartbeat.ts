/** A heartbeat that nobody hears. */
import { Context, Effect, Layer } from "effect"
import { Heartbeat } from "../../services/Heartbeat.ts"

export interface MockHeartbeatControlShape {
  /** Whether it beats now. */
  readonly beating: Effect.Effect<boolean>
}

/** Inspects `MockHeartbeat`. */
export class MockHeartbeatControl extends Context.Tag("trader/layers/mock/MockHeartbeat/MockHeartbeatControl")<
  MockHeartbeatControl,
  MockHeartbeatControlShape
>() {}

const make = () => {
  let running = 0
  return Context.make(Heartbeat, {
    run: () =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          running += 1
        }),
        () => Effect.never,
        () =>
          Effect.sync(() => {
            running -= 1
          })
      )
  }).pipe(Context.add(MockHeartbeatControl, { beating: Effect.sync(() => running > 0) }))
}

export const MockHeartbeat: Layer.Layer<Heartbeat | MockHeartbeatControl> = Layer.effectContext(Effect.sync(make))
