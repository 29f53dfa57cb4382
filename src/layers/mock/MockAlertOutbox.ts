/** The outbox of alerts as the test describes it: nobody is told, until the test says how the delivery stands. */
import { Context, Effect, Layer } from "effect"
import type { AlertOutboxHealth } from "../../services/AlertOutbox.ts"
import { AlertOutbox } from "../../services/AlertOutbox.ts"

export interface MockAlertOutboxControlShape {
  /** How the delivery stands from now on; `undefined`: there is no receiver. */
  readonly setHealth: (health: AlertOutboxHealth | undefined) => Effect.Effect<void>
}

/** Steers `MockAlertOutbox`. */
export class MockAlertOutboxControl extends Context.Tag("trader/layers/mock/MockAlertOutbox/MockAlertOutboxControl")<
  MockAlertOutboxControl,
  MockAlertOutboxControlShape
>() {}

const make = () => {
  let health: AlertOutboxHealth | undefined
  return Context.make(AlertOutbox, { health: Effect.sync(() => health) }).pipe(
    Context.add(MockAlertOutboxControl, {
      setHealth: (next) =>
        Effect.sync(() => {
          health = next
        })
    })
  )
}

export const MockAlertOutbox: Layer.Layer<AlertOutbox | MockAlertOutboxControl> = Layer.effectContext(Effect.sync(make))
