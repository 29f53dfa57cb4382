/** The schedules of the trading program, in one place. All run on real time. */
import { Schedule } from "effect"

/** Restart of a failed fiber: 0.5 s doubling to about 20 s, jittered; forgotten after a healthy minute. */
export const restart = Schedule.exponential("500 millis").pipe(
  Schedule.either(Schedule.spaced("20 seconds")),
  Schedule.jittered,
  Schedule.resetAfter("1 minute")
)

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
