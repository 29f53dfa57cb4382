/** The books as they were last committed: what a start needs. */
import type { Option } from "effect"
import type { BreakerState } from "../breaker/BreakerState.ts"
import type { Order } from "../order/Order.ts"
import type { DayMark, Foreign, Totals, Valuation } from "../portfolio/Books.ts"
import type { Lot } from "../portfolio/Lot.ts"

/** The fence that other processes move: read inside every intent transaction. */
export interface Fence {
  readonly epoch: number
  readonly paused: boolean
  /** Latched by `cancel --all` and `flatten` from outside, until the operator resets. */
  readonly operatorLatch: Option.Option<string>
  /** Everything the trader holds is to be sold. Stands, across restarts, until the operator's latch is taken back. */
  readonly flatten?: true
}

export interface Snapshot {
  /** Every order that is not settled (live, unknown, or ended with executions missing). */
  readonly orders: ReadonlyArray<Order>
  /** Every lot with something left. */
  readonly lots: ReadonlyArray<Lot>
  /** Lots of which nothing is left for now, while their entry may bring more: what they cost and brought is theirs still. */
  readonly soldLots: ReadonlyArray<Lot>
  readonly totals: Totals
  readonly foreign: Foreign
  readonly dayMark: Option.Option<DayMark>
  readonly valuation: Option.Option<Valuation>
  readonly breaker: BreakerState
  readonly notes: ReadonlyMap<string, string>
  readonly sequence: number
  readonly fence: Fence
}
