/** When to connect again: patience after failures, and Kraken's budget of connections. Real time, milliseconds. */

/** First wait after a loss; a few quick retries are welcome. */
export const BASE_MS = 250
/** Longest wait before jitter; with jitter at most 30 s. */
export const CAP_MS = 25_000
/** A session that was healthy for so long starts the count of failures anew. */
export const HEALTHY_MS = 60_000

/** Exponential wait after the n-th failure in a row (from 0), capped, then spread by ±20 % with `random` in [0, 1). */
export const backoff = (failures: number, random: number): number =>
  Math.min(BASE_MS * 2 ** Math.min(failures, 30), CAP_MS) * (0.8 + 0.4 * random)

/** Kraken: about 150 new connections in any 10 minutes per address, then a ban of about 10 minutes. */
export const WINDOW_MS = 600_000
/** What both sockets may use together, and how far the public one may go: the rest is kept for the private one. */
export const BUDGET = 120
export const PUBLIC_BUDGET = 100
/** Kraken: after maintenance at most one attempt in 5 s. */
export const MAINTENANCE_GAP_MS = 5_000

/** Times of the connection attempts in the window, oldest first. */
export type Attempts = ReadonlyArray<number>

/** What is remembered of earlier attempts at a time; times ahead of a clock that was set back count as now. */
const recent = (attempts: Attempts, now: number): Attempts =>
  attempts.map((at) => Math.min(at, now)).filter((at) => at > now - WINDOW_MS)

/**
 * How long an attempt has to wait so that no window of 10 minutes holds more than `budget`, and no attempt is closer than
 * `gap` to the last. Zero means now.
 */
export const waitForBudget = (attempts: Attempts, now: number, budget: number, gap: number): number => {
  const counted = recent(attempts, now)
  const oldest = counted.length < budget ? undefined : counted[counted.length - budget]
  const last = counted.at(-1)
  return Math.max(0, oldest === undefined ? 0 : oldest + WINDOW_MS - now, last === undefined ? 0 : last + gap - now)
}

/** Books an attempt. */
export const recordAttempt = (attempts: Attempts, now: number): Attempts => [...recent(attempts, now), now]
