/** What came of a run, by the exchange's own account: for scenarios that expect more than that no invariant broke. */
import { HashMap } from "effect"
import * as Log from "../domain/exchange/Log.ts"
import type { ExchangeState, Order } from "../domain/exchange/State.ts"
import type { EpochMs } from "../domain/Time.ts"
import type { Plan } from "./Plan.ts"

/** Times are milliseconds since the start of the plan; amounts are at scale 10^-12. */
export interface OutcomeOrder {
  readonly id: string
  readonly side: "buy" | "sell"
  readonly timeInForce: string
  readonly postOnly: boolean
  readonly price: bigint
  readonly quantity: bigint
  readonly filled: bigint
  readonly status: string
  readonly reason: string | undefined
  readonly amended: boolean
  readonly at: number
  /** Undefined while it rests. */
  readonly endedAt: number | undefined
}

export interface OutcomeFill {
  readonly side: "buy" | "sell"
  readonly price: bigint
  readonly quantity: bigint
  readonly fee: bigint
  readonly maker: boolean
  readonly at: number
}

/** An end of the program that was not a kill. */
export interface End {
  readonly at: number
  readonly word: string
  /** Whether the dead man's switch was still to fire. */
  readonly armed: boolean
}

export interface Outcome {
  /** When everything was made to work again. */
  readonly calmAt: number
  /** The trader's orders that the exchange took, oldest first. */
  readonly orders: ReadonlyArray<OutcomeOrder>
  readonly fills: ReadonlyArray<OutcomeFill>
  readonly ends: ReadonlyArray<End>
  readonly alerts: ReadonlyArray<{ readonly at: number; readonly kind: string }>
  /** Changes of the breaker: `latched`, `cleared`… */
  readonly latches: ReadonlyArray<{ readonly at: number; readonly cause: string; readonly change: string }>
  /** Private requests that reached the exchange, by endpoint. */
  readonly requests: ReadonlyMap<string, number>
}

export interface OutcomeParts {
  readonly state: ExchangeState
  readonly plan: Plan
  readonly isOwn: (order: Order) => boolean
  readonly latches: ReadonlyArray<{ readonly at: EpochMs; readonly cause: string; readonly change: string }>
  readonly ends: ReadonlyArray<End>
  readonly alerts: ReadonlyArray<{ readonly at: number; readonly kind: string }>
  readonly requests: ReadonlyMap<string, number>
}

export const outcome = ({ isOwn, plan, state, ...parts }: OutcomeParts): Outcome => {
  const own = [...HashMap.values(state.account.orders)].filter(isOwn)
  const ids = new Set(own.map((order) => order.txid))
  return {
    calmAt: plan.lengthMs,
    orders: own
      .map((o) => ({
        id: o.clOrdId ?? "",
        side: o.side,
        timeInForce: o.timeInForce,
        postOnly: o.postOnly,
        price: o.price,
        quantity: o.quantity,
        filled: o.filled,
        status: o.status,
        reason: o.reason,
        amended: o.amended,
        at: o.openedAt - plan.start,
        endedAt: o.closedAt === 0 ? undefined : o.closedAt - plan.start
      }))
      .toSorted((a, b) => a.at - b.at),
    fills: Log.from(state.account.fills, 0)
      .filter((fill) => ids.has(fill.txid))
      .map(({ at, fee, maker, price, quantity, side }) => ({ side, price, quantity, fee, maker, at: at - plan.start })),
    ends: parts.ends,
    alerts: parts.alerts,
    latches: parts.latches.map(({ at, cause, change }) => ({ at: at - plan.start, cause, change })),
    requests: parts.requests
  }
}
