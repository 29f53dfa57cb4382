/** How the delivery of alerts stands, for `metrics`. */
import type { Effect } from "effect"
import { Context } from "effect"

export interface AlertOutboxHealth {
  /** Alerts that wait for their delivery. */
  readonly waiting: number
  /** Since the start: taken by the receiver, failed attempts, dropped for want of room or age, held back as repeats. */
  readonly delivered: number
  readonly failed: number
  readonly dropped: number
  readonly held: number
  /** The file takes them: they survive a restart. */
  readonly durable: boolean
}

export interface AlertOutboxShape {
  /** `undefined` where nobody is told: no receiver is set. */
  readonly health: Effect.Effect<AlertOutboxHealth | undefined>
}

export class AlertOutbox extends Context.Tag("trader/services/AlertOutbox")<AlertOutbox, AlertOutboxShape>() {}
