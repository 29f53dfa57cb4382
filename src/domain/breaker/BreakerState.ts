/** The circuit breaker's memory: one latch per cause. */
import type { EpochMs, UtcDay } from "../Time.ts"

export type Cause = "api" | "orders" | "stream" | "price" | "stale" | "balance" | "dailyLoss" | "invariant" | "operator"

export const causes: ReadonlyArray<Cause> = [
  "api",
  "orders",
  "stream",
  "price",
  "stale",
  "balance",
  "dailyLoss",
  "invariant",
  "operator"
]

export interface Latch {
  readonly cause: Cause
  readonly since: EpochMs
  readonly reason: string
  /** When its probe may be tried; absent for causes that only a person or the calendar clears. */
  readonly probeAt?: EpochMs
  /** How often it latched again without a success between: the cool-down doubles with it, up to an hour. */
  readonly rounds: number
  /** Daily loss: the day it holds for. */
  readonly day?: UtcDay
}

export interface BreakerState {
  readonly latches: Readonly<Partial<Record<Cause, Latch>>>
  /** Consecutive failures of the counted causes. */
  readonly failures: Readonly<Partial<Record<Cause, number>>>
  /** Rounds remembered after a latch was cleared by its probe, so that a quick relapse waits longer. */
  readonly rounds: Readonly<Partial<Record<Cause, number>>>
}

export const closed: BreakerState = { latches: {}, failures: {}, rounds: {} }

/** A change worth keeping: for history, alerts and `status`. */
export interface BreakerChange {
  readonly at: EpochMs
  readonly cause: Cause
  readonly change: "latched" | "cleared" | "relatched"
  readonly reason: string
  readonly by: "trader" | "operator" | "calendar"
}
