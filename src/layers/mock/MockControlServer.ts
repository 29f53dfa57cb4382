/** A control server without a door: the test takes the handlers and is the operator. */
import { Context, Effect, Layer } from "effect"
import type { ControlHandlers, ControlIdentity, ControlUnavailable } from "../../services/ControlServer.ts"
import { ControlServer } from "../../services/ControlServer.ts"

export interface MockControlServerControlShape {
  /** Waits until somebody serves, and answers with what it serves. */
  readonly handlers: Effect.Effect<ControlHandlers>
  /** Whether somebody serves now. */
  readonly serving: Effect.Effect<boolean>
  /** From now on the door cannot be opened; `undefined`: it can. */
  readonly failWith: (problem: ControlUnavailable | undefined) => Effect.Effect<void>
}

/** Steers and inspects `MockControlServer`. */
export class MockControlServerControl extends Context.Tag(
  "trader/layers/mock/MockControlServer/MockControlServerControl"
)<MockControlServerControl, MockControlServerControlShape>() {}

const identity: ControlIdentity = { mode: "paper", version: "0.0.0", pid: 1, startedAt: 0 }

const make = Effect.map(Effect.makeLatch(false), (open) => {
  let served: ControlHandlers | undefined
  let problem: ControlUnavailable | undefined
  const wait: Effect.Effect<ControlHandlers> = Effect.zipRight(
    open.await,
    // who serves may have ended in between
    Effect.suspend(() => (served === undefined ? wait : Effect.succeed(served)))
  )
  return Context.make(ControlServer, {
    serve: (handlers) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          if (problem !== undefined) return Effect.fail(problem)
          served = handlers
          return Effect.as(open.open, { url: "http://127.0.0.1:9", port: 9 })
        }),
        () =>
          Effect.suspend(() => {
            served = undefined
            return open.close
          })
      ),
    identity
  }).pipe(
    Context.add(MockControlServerControl, {
      handlers: wait,
      serving: Effect.sync(() => served !== undefined),
      failWith: (next) =>
        Effect.sync(() => {
          problem = next
        })
    })
  )
})

export const MockControlServer: Layer.Layer<ControlServer | MockControlServerControl> = Layer.effectContext(make)
