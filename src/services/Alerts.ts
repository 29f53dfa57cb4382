/** Telling a person. Nothing here can delay, stop or fail trading. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { EpochMs } from "../domain/Time.ts"

export interface Alert {
  readonly at: EpochMs
  readonly severity: "info" | "warning" | "critical"
  /** Short stable name: `breaker.latched`, `order.unknown`, `exit.stuck`… */
  readonly kind: string
  /** What happened, what it means for the money, what to do. */
  readonly text: string
  readonly data?: Readonly<Record<string, string | number>>
}

export interface AlertsShape {
  /** Queues and returns at once; the queue (256) drops the oldest informational alert first when full. */
  readonly send: (alert: Alert) => Effect.Effect<void>
}

export class Alerts extends Context.Tag("trader/services/Alerts")<Alerts, AlertsShape>() {}
