/** A scripted client of the control server. Until the test gives answers, no trader runs: nothing can be asked. */
import { Context, Effect, Layer } from "effect"
import type { ControlClientShape } from "../../services/ControlClient.ts"
import { ControlClient, NotReachable } from "../../services/ControlClient.ts"
import type { ScriptControl } from "./script.ts"
import { makeScript } from "./script.ts"

/** Steers and inspects `MockControlClient`. */
export class MockControlClientControl extends Context.Tag(
  "trader/layers/mock/MockControlClient/MockControlClientControl"
)<MockControlClientControl, ScriptControl<ControlClientShape>>() {}

const make = () => {
  const nobody = Effect.fail(new NotReachable({ reason: "none", detail: "MockControlClient: no trader runs" }))
  const { call, control } = makeScript<ControlClientShape>({
    status: nobody,
    stop: nobody,
    pause: nobody,
    resume: nobody,
    cancel: nobody,
    flatten: nobody,
    flattenProgress: nobody,
    frames: nobody,
    trip: nobody,
    reset: nobody
  })
  return Context.make(ControlClient, {
    status: call("status"),
    stop: (...args) => call("stop", ...args),
    pause: call("pause"),
    resume: call("resume"),
    cancel: (...args) => call("cancel", ...args),
    flatten: call("flatten"),
    flattenProgress: call("flattenProgress"),
    frames: call("frames"),
    trip: (...args) => call("trip", ...args),
    reset: (...args) => call("reset", ...args)
  }).pipe(Context.add(MockControlClientControl, control))
}

export const MockControlClient: Layer.Layer<ControlClient | MockControlClientControl> = Layer.effectContext(
  Effect.sync(make)
)
