/**
 * Kraken's two rate limiters, in whole numbers: a point is 100 000 units, so that 0.33, 0.5, 1, 2.34 and 3.75 points a
 * second are 33, 50, 100, 234 and 375 units a millisecond. Kraken: "Spot REST rate limits" and "Trading rate limits".
 */
import type { EpochMs } from "../Time.ts"
import type { Tier } from "./Config.ts"
import type { Counter } from "./State.ts"

/** Units in a point. */
export const POINT = 100_000

interface Rule {
  readonly max: number
  /** Units that decay in a millisecond. */
  readonly decay: number
}

/** The REST counter of an API key: most calls cost 1, ledger and trade history 2, order placement and cancelling 0. */
export const restRules: Readonly<Record<Tier, Rule>> = {
  starter: { max: 15 * POINT, decay: 33 },
  intermediate: { max: 20 * POINT, decay: 50 },
  pro: { max: 20 * POINT, decay: 100 }
}

/** The matching engine's counter of an account and a pair. */
export const engineRules: Readonly<Record<Tier, Rule>> = {
  starter: { max: 60 * POINT, decay: 100 },
  intermediate: { max: 125 * POINT, decay: 234 },
  pro: { max: 180 * POINT, decay: 375 }
}

/** Most open orders per pair. */
export const openOrdersCap: Readonly<Record<Tier, number>> = { starter: 60, intermediate: 80, pro: 225 }

export const fresh: Counter = { value: 0, at: 0 }

/** The counter's value at an instant, in units. */
export const valueAt = (counter: Counter, rule: Rule, now: EpochMs): number =>
  Math.max(0, counter.value - rule.decay * Math.max(0, now - counter.at))

/**
 * Adds `points` to a counter. Refused when that exceeds the maximum (what costs nothing never is); a refused call adds
 * its cost all the same if `refusedCounts`.
 */
export const charge = (
  counter: Counter,
  rule: Rule,
  points: number,
  now: EpochMs,
  refusedCounts: boolean
): { readonly counter: Counter; readonly allowed: boolean } => {
  const before = valueAt(counter, rule, now)
  const after = before + points * POINT
  const allowed = points === 0 || after <= rule.max
  return { counter: { value: allowed || refusedCounts ? after : before, at: now }, allowed }
}

const penalty = (steps: ReadonlyArray<readonly [seconds: number, points: number]>, ageMs: number): number =>
  steps.find(([seconds]) => ageMs < seconds * 1000)?.[1] ?? 0

/** What cancelling an order of this age costs. */
export const cancelCost = (ageMs: number): number =>
  penalty(
    [
      [5, 8],
      [10, 6],
      [15, 5],
      [45, 4],
      [90, 2],
      [300, 1]
    ],
    ageMs
  )

/** What amending an order of this age costs beside the fixed point. */
export const amendCost = (ageMs: number): number =>
  penalty(
    [
      [5, 3],
      [10, 2],
      [15, 1]
    ],
    ageMs
  )

/** REST cost of an endpoint. */
export const restCost = (endpoint: string): number => {
  switch (endpoint) {
    case "Ledgers":
    case "QueryLedgers":
    case "TradesHistory":
    case "ClosedOrders":
      return 2
    case "AddOrder":
    case "AddOrderBatch":
    case "AmendOrder":
    case "CancelOrder":
    case "CancelOrderBatch":
    case "CancelAll":
    case "CancelAllOrdersAfter":
      return 0
    default:
      return 1
  }
}
