/** The schedules of the trading program, in one place. All run on real time. */
import { Effect, Schedule, ScheduleDecision, ScheduleInterval } from "effect"

const FIRST_MS = 500
const MOST_MS = 20_000
const HEALTHY_MS = 60_000

/**
 * Restart of a failed fiber: 0.5 s doubling to about 20 s, jittered; forgotten after a healthy minute. `Schedule.resetAfter`
 * would count that minute from the first failure and forget in the middle of an outage.
 */
export const restart: Schedule.Schedule<number, unknown> = Schedule.makeWithState(
  { failures: 0, startedAt: 0 },
  (now, _: unknown, state) => {
    const failures = now - state.startedAt > HEALTHY_MS ? 0 : state.failures
    const startedAt = now + Math.min(FIRST_MS * 2 ** failures, MOST_MS)
    const next = { failures: failures + 1, startedAt }
    return Effect.succeed([next, failures, ScheduleDecision.continueWith(ScheduleInterval.after(startedAt))] as const)
  }
).pipe(Schedule.jittered)

/** Reads that a start or a reconciliation cannot do without: 1 s doubling to about 20 s, jittered, for ever. */
export const persistent = Schedule.exponential("1 second").pipe(
  Schedule.either(Schedule.spaced("20 seconds")),
  Schedule.jittered
)

/** The writer's retries while the database cannot be written: 0.25 s doubling to about 5 s. */
export const storeRetry = Schedule.exponential("250 millis").pipe(
  Schedule.either(Schedule.spaced("5 seconds")),
  Schedule.jittered
)
