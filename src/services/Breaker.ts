/** The circuit breaker as a service: a port onto the engine's mailbox. The rules are in `domain/breaker`. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { BreakerState, Cause } from "../domain/breaker/BreakerState.ts"

export interface BreakerShape {
  readonly state: Effect.Effect<BreakerState>
  /** Latches a cause by hand. */
  readonly trip: (cause: Cause, reason: string) => Effect.Effect<void>
  /** Clears one cause or all, except a daily loss of today. */
  readonly reset: (cause: Cause | undefined, reason: string) => Effect.Effect<void>
  /** Reports one more failure, or a success, of a counted cause. */
  readonly failed: (cause: "api" | "orders" | "stream", reason: string) => Effect.Effect<void>
  readonly succeeded: (cause: "api" | "orders" | "stream") => Effect.Effect<void>
}

export class Breaker extends Context.Tag("trader/services/Breaker")<Breaker, BreakerShape>() {}
