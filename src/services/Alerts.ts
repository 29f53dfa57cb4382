/** Telling a person. Nothing here can delay, stop or fail trading. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { Alert } from "../domain/alerts/Alert.ts"

export type { Alert } from "../domain/alerts/Alert.ts"

export interface AlertsShape {
  /**
   * Queues and returns at once. Where there is a receiver, the alert is kept until it was delivered, over restarts; the same
   * is not sent again within ten minutes. The queue (256) drops the oldest informational alert first when full.
   */
  readonly send: (alert: Alert) => Effect.Effect<void>
}

export class Alerts extends Context.Tag("trader/services/Alerts")<Alerts, AlertsShape>() {}
