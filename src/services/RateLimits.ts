/**
 * The budget of calls that Kraken allows this key and account (I15). Every call asks here before it is sent; waiting is
 * interruptible and happens in market time. Counters survive a restart, or start full.
 */
import type { Effect } from "effect"
import { Context, Data } from "effect"
import type { RateState } from "../domain/kraken/RateBudget.ts"
import type { KrakenErrorKind } from "../domain/kraken/KrakenError.ts"
import type { EpochMs } from "../domain/Time.ts"

/** The wait would be longer than this kind of call may wait; nothing was charged. */
export class BudgetExhausted extends Data.TaggedError("BudgetExhausted")<{
  readonly why: "rate limit" | "lockout"
  /** When to ask again, market time. */
  readonly retryAt: EpochMs
}> {}

/** Charged points of a pair's engine counter, for an order that is not sent yet. */
export interface Reservation {
  /**
   * It left: what was charged stays charged. With the id of the order that is, or may be, on the exchange now: its age
   * begins, and an amend costs what the age so far asks for.
   */
  readonly sent: (orderId: string | undefined) => Effect.Effect<void>
  /** Gives back what was charged, unless something was sent. */
  readonly release: Effect.Effect<void>
}

export interface RateLimitsShape {
  /** One public call a second. */
  readonly publicCall: Effect.Effect<void, BudgetExhausted>
  /**
   * Budget of the REST counter for a private call. A read waits up to two minutes and leaves the reserve; a call of rank
   * safety waits up to five seconds and then goes all the same, except while everything is quiet: then it fails if that
   * lasts longer.
   */
  readonly privateCall: (rank: "read" | "safety", endpoint: string) => Effect.Effect<void, BudgetExhausted>
  /** Waits until the pair's engine counter takes the action and charges it at once. Waits as long as it takes; interruptible. */
  readonly reserve: (rank: "exit" | "entry", pair: string, action: "add" | "amend") => Effect.Effect<Reservation>
  /** Budget of a cancel, charged by the order's age: waits up to two seconds, then goes all the same. `undefined`: every order. */
  readonly cancel: (order: { readonly id: string; readonly pair: string } | undefined) => Effect.Effect<void>
  /** The silence that is in force (limit error, throttling, lockout); looked at again right before an order leaves. */
  readonly quiet: Effect.Effect<BudgetExhausted | undefined>
  /** What the exchange answered: limit errors set the model full and quiet. `pair` where the call was about one. */
  readonly observe: (answer: {
    readonly scope: "public" | "private"
    readonly kind: KrakenErrorKind
    readonly retryAt?: EpochMs | undefined
    readonly pair?: string | undefined
  }) => Effect.Effect<void>
  /** The orders that are open, from a read that was begun at `askedAt`. */
  readonly openOrders: (ids: ReadonlySet<string>, askedAt: EpochMs) => Effect.Effect<void>
  /** For `status` and `metrics`. */
  readonly state: Effect.Effect<RateState>
}

export class RateLimits extends Context.Tag("trader/services/RateLimits")<RateLimits, RateLimitsShape>() {}
