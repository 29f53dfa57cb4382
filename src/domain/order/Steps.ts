/**
 * The outgoing steps of an order, typed so that none can be skipped:
 *
 *   Proposal --(risk assesses)--> ApprovedOrder --(store commits intent, nonce, fence)--> CommittedIntent --> wire
 *
 * `ApprovedOrder` can only be made by `risk/Risk.ts`; `CommittedIntent` can only be made from one.
 */
import type { ApprovedOrder } from "../risk/Approved.ts"
import type { Order } from "./Order.ts"
import * as Money from "../money/Money.ts"

export type { Proposal } from "./Proposal.ts"

/** The order as it is recorded before it leaves. */
export const pendingOrder = (approved: ApprovedOrder): Order => {
  const p = approved.proposal
  return {
    id: approved.id,
    symbol: p.instrument.symbol,
    side: p.side,
    purpose: p.purpose,
    reason: p.reason,
    quantity: p.quantity,
    limitPrice: p.limitPrice,
    postOnly: p.postOnly,
    timeInForce: p.timeInForce,
    ...(p.expiresAfter === undefined ? {} : { expiresAt: approved.approvedAt + p.expiresAfter }),
    createdAt: approved.approvedAt,
    deadline: approved.deadline,
    status: "pending",
    cumQuantity: Money.zeroQuantity,
    cumCost: Money.zeroUsd,
    bookedQuantity: Money.zeroQuantity,
    bookedCost: Money.zeroUsd,
    bookedFee: Money.zeroUsd,
    executions: [],
    termsAt: approved.approvedAt,
    updatedAt: approved.approvedAt
  }
}

/** An approved order whose intent, nonce and fence check are durable. Only this may be sent, once. */
export class CommittedIntent {
  /** Private, so that neither a literal nor a changed copy is an intent to the compiler. */
  private readonly committed = true
  readonly approved: ApprovedOrder
  /** The nonce reserved for it in the same transaction, or from memory when an exit goes by the side file. */
  readonly nonce: bigint
  private constructor(approved: ApprovedOrder, nonce: bigint) {
    this.approved = approved
    this.nonce = nonce
  }
  /** @internal See `commitIntent`. */
  static readonly make = (approved: ApprovedOrder, nonce: bigint): CommittedIntent =>
    new CommittedIntent(approved, nonce)
}

/** Made by the store, after its commit (or, for an exit while the database is unusable, after the side file's sync). */
export const commitIntent = (approved: ApprovedOrder, nonce: bigint): CommittedIntent =>
  CommittedIntent.make(approved, nonce)
