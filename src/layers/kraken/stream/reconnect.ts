/** The pace of reconnecting: waits of `domain/kraken/stream/Backoff.ts` on Effect's own clock and randomness. */
import { Effect, Random } from "effect"
import type { Attempts } from "../../../domain/kraken/stream/Backoff.ts"
import {
  backoff,
  HEALTHY_MS,
  MAINTENANCE_GAP_MS,
  recordAttempt,
  waitForBudget
} from "../../../domain/kraken/stream/Backoff.ts"
import type { SessionEnded } from "./SessionEnded.ts"

/** What the two sockets of one address share. */
export interface SharedPace {
  attempts: Attempts
  /** Set by a maintenance status; cleared by a session that stayed healthy. */
  maintenance: boolean
}

export const sharedPace = (): SharedPace => ({ attempts: [], maintenance: false })

export interface Pace {
  /** Waits until a connection may be attempted, and books it. */
  readonly before: Effect.Effect<void>
  /** Waits as long as the end of a session asks for. */
  readonly after: (reason: SessionEnded, healthyForMs: number) => Effect.Effect<void>
}

const monotonic = Effect.map(Effect.clock, (clock) => Number(clock.unsafeCurrentTimeNanos()) / 1e6)

export const makePace = (shared: SharedPace, budget: number): Pace => {
  let failures = 0
  const before: Effect.Effect<void> = Effect.flatMap(monotonic, (now) => {
    const wait = waitForBudget(shared.attempts, now, budget, shared.maintenance ? MAINTENANCE_GAP_MS : 0)
    if (wait > 0) return Effect.zipRight(Effect.sleep(Math.ceil(wait)), before)
    return Effect.sync(() => {
      shared.attempts = recordAttempt(shared.attempts, now)
    })
  })
  return {
    before,
    after: (reason, healthyForMs) =>
      Effect.flatMap(Random.next, (random) =>
        Effect.suspend(() => {
          if (healthyForMs >= HEALTHY_MS) {
            failures = 0
            shared.maintenance = false
          }
          const wait = backoff(failures, random)
          // A resynchronisation that was asked for says nothing about the connection.
          if (reason.why !== "resync") failures += 1
          return Effect.sleep(Math.max(wait, reason.waitMs ?? 0))
        })
      )
  }
}
