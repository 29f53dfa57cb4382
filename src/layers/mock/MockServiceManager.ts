/** A service manager that restarts nothing: signs of life are counted. */
import { Context, Effect, Layer } from "effect"
import { ServiceManager } from "../../services/ServiceManager.ts"

export interface MockServiceManagerControlShape {
  /** Whether it was told that the start is over. */
  readonly ready: Effect.Effect<boolean>
  /** Signs of life so far. */
  readonly signs: Effect.Effect<number>
}

/** Inspects `mockServiceManager`. */
export class MockServiceManagerControl extends Context.Tag(
  "trader/layers/mock/MockServiceManager/MockServiceManagerControl"
)<MockServiceManagerControl, MockServiceManagerControlShape>() {}

const make = (watchdogMs: number | undefined) => {
  let ready = false
  let signs = 0
  return Context.make(ServiceManager, {
    watchdogMs,
    ready: Effect.sync(() => {
      ready = true
    }),
    alive: Effect.sync(() => {
      signs += 1
    })
  }).pipe(
    Context.add(MockServiceManagerControl, {
      ready: Effect.sync(() => ready),
      signs: Effect.sync(() => signs)
    })
  )
}

/** Without a number nobody waits for a sign of life. Bind the layer to a constant: called twice it is two managers. */
export const mockServiceManager = (watchdogMs?: number): Layer.Layer<ServiceManager | MockServiceManagerControl> =>
  Layer.effectContext(Effect.sync(() => make(watchdogMs)))
