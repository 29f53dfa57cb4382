/**
 * The circuit breaker: a latch per cause, open while any is latched. Pure; the engine owns the state.
 *
 * Counted causes (api, orders, stream) latch at CIRCUIT_BREAKER_THRESHOLD consecutive failures, the others at once. A
 * latch is cleared by its own probe (api, orders, stream, price, stale), by the calendar (daily loss), or by hand
 * (balance, invariant, operator). A success in passing resets a count but never clears a latch.
 */
import type { EpochMs, UtcDay } from "../Time.ts"
import { utcDay } from "../Time.ts"
import type { BreakerChange, BreakerState, Cause, Latch } from "./BreakerState.ts"
import { causes } from "./BreakerState.ts"

export interface BreakerRules {
  readonly threshold: number
  /** First cool-down in milliseconds; doubles with every relapse up to an hour. */
  readonly cooldown: number
}

export interface BreakerStep {
  readonly state: BreakerState
  readonly changes: ReadonlyArray<BreakerChange>
}

export const MAX_COOLDOWN = 3_600_000
/** Rounds past which the cool-down is at its cap for every sensible setting. */
const MAX_ROUNDS = 20

const counted: ReadonlySet<Cause> = new Set<Cause>(["api", "orders", "stream"])
const probed: ReadonlySet<Cause> = new Set<Cause>(["api", "orders", "stream", "price", "stale"])

/** Whether a cause has a probe of its own that may clear it. */
export const hasProbe = (cause: Cause): boolean => probed.has(cause)

const cooldown = (rules: BreakerRules, rounds: number): number => Math.min(rules.cooldown * 2 ** rounds, MAX_COOLDOWN)

const unchanged = (state: BreakerState): BreakerStep => ({ state, changes: [] })

const without = <A>(record: Readonly<Partial<Record<Cause, A>>>, cause: Cause): Partial<Record<Cause, A>> => {
  const { [cause]: _, ...rest } = record
  return rest as Partial<Record<Cause, A>>
}

export const isOpen = (state: BreakerState): boolean => Object.keys(state.latches).length > 0

/** The latches that hold, in the order of the causes' list. */
export const latched = (state: BreakerState): ReadonlyArray<Latch> =>
  causes.flatMap((cause) => {
    const held = state.latches[cause]
    return held === undefined ? [] : [held]
  })

/** The day a daily-loss latch holds for. UTC days compare as texts; a clock that steps back never shortens a latch. */
const dayOf = (held: Latch): UtcDay => held.day ?? utcDay(held.since)

const setLatch = (
  state: BreakerState,
  rules: BreakerRules,
  cause: Cause,
  at: EpochMs,
  reason: string,
  rounds: number,
  by: BreakerChange["by"],
  change: "latched" | "relatched"
): BreakerStep => {
  const latch: Latch = {
    cause,
    since: state.latches[cause]?.since ?? at,
    reason,
    rounds,
    ...(hasProbe(cause) ? { probeAt: at + cooldown(rules, rounds) } : {}),
    ...(cause === "dailyLoss" ? { day: utcDay(at) } : {})
  }
  return {
    state: {
      latches: { ...state.latches, [cause]: latch },
      failures: without(state.failures, cause),
      rounds: { ...state.rounds, [cause]: rounds }
    },
    changes: [{ at, cause, change, reason, by }]
  }
}

/** Latches a cause at once. Latched already: nothing changes, except that a price or data cause starts its calm anew. */
export const latch = (
  state: BreakerState,
  rules: BreakerRules,
  cause: Cause,
  at: EpochMs,
  reason: string,
  by: BreakerChange["by"] = "trader"
): BreakerStep => {
  const held = state.latches[cause]
  if (held === undefined) return setLatch(state, rules, cause, at, reason, state.rounds[cause] ?? 0, by, "latched")
  if (cause === "dailyLoss" && dayOf(held) < utcDay(at))
    return setLatch(state, rules, cause, at, reason, 0, by, "relatched")
  if (cause !== "price" && cause !== "stale") return unchanged(state)
  return {
    state: {
      ...state,
      latches: { ...state.latches, [cause]: { ...held, reason, probeAt: at + cooldown(rules, held.rounds) } }
    },
    changes: []
  }
}

/** One more consecutive failure of a counted cause; latches at the threshold. Other causes latch at once. */
export const fail = (
  state: BreakerState,
  rules: BreakerRules,
  cause: Cause,
  at: EpochMs,
  reason: string
): BreakerStep => {
  if (!counted.has(cause)) return latch(state, rules, cause, at, reason)
  if (state.latches[cause] !== undefined) return unchanged(state)
  const failures = (state.failures[cause] ?? 0) + 1
  if (failures >= rules.threshold) {
    return setLatch(
      state,
      rules,
      cause,
      at,
      `${failures} failures in a row, the last: ${reason}`,
      state.rounds[cause] ?? 0,
      "trader",
      "latched"
    )
  }
  return unchanged({ ...state, failures: { ...state.failures, [cause]: failures } })
}

/** A success in passing: the count of consecutive failures starts again; a latch stays. */
export const succeed = (state: BreakerState, cause: Cause): BreakerState =>
  state.failures[cause] === undefined ? state : { ...state, failures: without(state.failures, cause) }

/** Causes whose cool-down is over, so that their probe may be tried. */
export const probesDue = (state: BreakerState, now: EpochMs): ReadonlyArray<Cause> =>
  latched(state)
    .filter((held) => held.probeAt !== undefined && now >= held.probeAt)
    .map((held) => held.cause)

/** The probe of a cause succeeded: clears that cause alone. Too early, or a cause without a probe: nothing changes. */
export const probeSucceeded = (state: BreakerState, cause: Cause, at: EpochMs, reason: string): BreakerStep => {
  const held = state.latches[cause]
  if (held?.probeAt === undefined || at < held.probeAt) return unchanged(state)
  return {
    state: {
      latches: without(state.latches, cause),
      failures: without(state.failures, cause),
      rounds: { ...state.rounds, [cause]: Math.min(held.rounds + 1, MAX_ROUNDS) }
    },
    changes: [{ at, cause, change: "cleared", reason, by: "trader" }]
  }
}

/** The probe failed: latched longer. */
export const probeFailed = (
  state: BreakerState,
  rules: BreakerRules,
  cause: Cause,
  at: EpochMs,
  reason: string
): BreakerStep => {
  const held = state.latches[cause]
  if (held?.probeAt === undefined) return unchanged(state)
  return setLatch(state, rules, cause, at, reason, Math.min(held.rounds + 1, MAX_ROUNDS), "trader", "relatched")
}

/** The calendar: a daily-loss latch of an earlier UTC day clears; rounds of causes that are not latched are forgotten. */
export const newDay = (state: BreakerState, day: UtcDay, at: EpochMs): BreakerStep => {
  const held = state.latches.dailyLoss
  const old = causes.filter((cause) => state.rounds[cause] !== undefined && state.latches[cause] === undefined)
  const rounds = old.reduce<BreakerState["rounds"]>(without, state.rounds)
  if (held === undefined || dayOf(held) >= day) return unchanged(old.length === 0 ? state : { ...state, rounds })
  return {
    state: {
      latches: without(state.latches, "dailyLoss"),
      failures: state.failures,
      rounds: without(rounds, "dailyLoss")
    },
    changes: [{ at, cause: "dailyLoss", change: "cleared", reason: `new UTC day ${day}`, by: "calendar" }]
  }
}

/** By hand: clears a cause, or every cause, except that the daily loss can't be lifted before its day is over (I6). */
export const reset = (state: BreakerState, cause: Cause | undefined, at: EpochMs, reason: string): BreakerStep => {
  const wanted = latched(state).filter(
    (held) =>
      (cause === undefined || held.cause === cause) && !(held.cause === "dailyLoss" && dayOf(held) >= utcDay(at))
  )
  return wanted.reduce<BreakerStep>(
    (step, held) => ({
      state: {
        latches: without(step.state.latches, held.cause),
        failures: without(step.state.failures, held.cause),
        rounds: without(step.state.rounds, held.cause)
      },
      changes: [...step.changes, { at, cause: held.cause, change: "cleared", reason, by: "operator" }]
    }),
    unchanged(state)
  )
}

/** One line for `metrics.breaker_state` and people. */
export const describe = (state: BreakerState): string =>
  isOpen(state)
    ? `OPEN: ${latched(state)
        .map((held) => held.cause)
        .join(", ")}`
    : "CLOSED"
