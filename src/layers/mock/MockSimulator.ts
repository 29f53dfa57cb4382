/** A scripted simulator: nothing is simulated, answers are the test's. It knows no scenario until told otherwise. */
import { Context, Effect, Layer } from "effect"
import type { SimulatorShape } from "../../services/Simulator.ts"
import { Simulator } from "../../services/Simulator.ts"
import type { ScriptControl } from "./script.ts"
import { makeScript, unscripted } from "./script.ts"

/** Steers and inspects `MockSimulator`. */
export class MockSimulatorControl extends Context.Tag("trader/layers/mock/MockSimulator/MockSimulatorControl")<
  MockSimulatorControl,
  ScriptControl<SimulatorShape>
>() {}

const make = () => {
  const { call, control } = makeScript<SimulatorShape>({
    run: unscripted("MockSimulator", "run"),
    shrink: unscripted("MockSimulator", "shrink"),
    effects: unscripted("MockSimulator", "effects"),
    exhaust: unscripted("MockSimulator", "exhaust"),
    scenarios: Effect.succeed([]),
    tell: unscripted("MockSimulator", "tell"),
    fingerprint: Effect.succeed("mock"),
    usage: Effect.succeed({ cpuMs: 0, rssBytes: 0 })
  })
  return Context.make(Simulator, {
    run: (...args) => call("run", ...args),
    shrink: (...args) => call("shrink", ...args),
    effects: (...args) => call("effects", ...args),
    exhaust: (...args) => call("exhaust", ...args),
    scenarios: call("scenarios"),
    tell: (...args) => call("tell", ...args),
    fingerprint: (...args) => call("fingerprint", ...args),
    usage: call("usage")
  }).pipe(Context.add(MockSimulatorControl, control))
}

export const MockSimulator: Layer.Layer<Simulator | MockSimulatorControl> = Layer.effectContext(Effect.sync(make))
