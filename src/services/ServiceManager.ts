/** Whoever started this process and restarts it when it hangs (systemd), if there is such a one. */
import type { Effect } from "effect"
import { Context } from "effect"

export interface ServiceManagerShape {
  /** Within so many real milliseconds a sign of life is expected; `undefined`: nobody waits for one. */
  readonly watchdogMs: number | undefined
  /** The start is over. Like the others: never fails, and costs a few milliseconds of another process at most. */
  readonly ready: Effect.Effect<void>
  /** The decision loop makes progress. */
  readonly alive: Effect.Effect<void>
}

export class ServiceManager extends Context.Tag("trader/services/ServiceManager")<
  ServiceManager,
  ServiceManagerShape
>() {}
