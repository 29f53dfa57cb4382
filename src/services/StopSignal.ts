/** Asking the trader to stop gracefully: a signal, `stop` over loopback, the end of a tape. */
import type { Effect } from "effect"
import { Context } from "effect"

export interface StopSignalShape {
  /** Waits for the first request; the reason is for people. */
  readonly requested: Effect.Effect<string>
  readonly request: (reason: string) => Effect.Effect<void>
}

export class StopSignal extends Context.Tag("trader/services/StopSignal")<StopSignal, StopSignalShape>() {}
