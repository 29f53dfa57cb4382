/** A message for a person. */
import type { EpochMs } from "../Time.ts"

export type AlertSeverity = "info" | "warning" | "critical"

export interface Alert {
  /** Market time. */
  readonly at: EpochMs
  readonly severity: AlertSeverity
  /** Short stable name: `breaker.latched`, `order.unknown`, `exit.stuck`… */
  readonly kind: string
  /** What happened, what it means for the money, what to do. */
  readonly text: string
  readonly data?: Readonly<Record<string, string | number>>
  /** Name of the occasion: an alert of the same name is not sent again, restarts included, for eight days. */
  readonly once?: string
}
