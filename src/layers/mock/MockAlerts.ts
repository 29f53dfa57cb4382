/** Alerts that nobody is woken by: they are kept for the test to look at. */
import { Context, Effect, Layer } from "effect"
import type { Alert } from "../../services/Alerts.ts"
import { Alerts } from "../../services/Alerts.ts"

export interface MockAlertsControlShape {
  /** Every alert so far, oldest first. */
  readonly sent: Effect.Effect<ReadonlyArray<Alert>>
  /** Those of one kind, e.g. `breaker.latched`. */
  readonly sentOf: (kind: string) => Effect.Effect<ReadonlyArray<Alert>>
  readonly clear: Effect.Effect<void>
}

/** Inspects `MockAlerts`. */
export class MockAlertsControl extends Context.Tag("trader/layers/mock/MockAlerts/MockAlertsControl")<
  MockAlertsControl,
  MockAlertsControlShape
>() {}

const make = () => {
  const sent: Array<Alert> = []
  return Context.make(Alerts, {
    send: (alert) =>
      Effect.sync(() => {
        sent.push(alert)
      })
  }).pipe(
    Context.add(MockAlertsControl, {
      sent: Effect.sync(() => [...sent]),
      sentOf: (kind) => Effect.sync(() => sent.filter((alert) => alert.kind === kind)),
      clear: Effect.sync(() => {
        sent.length = 0
      })
    })
  )
}

export const MockAlerts: Layer.Layer<Alerts | MockAlertsControl> = Layer.effectContext(Effect.sync(make))
