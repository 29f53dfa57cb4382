/**
 * The type that only risk can make. An import rule lets nobody but `src/domain/risk` import this module as a value;
 * everybody else may name the type.
 */
import type { EpochMs } from "../Time.ts"
import type { ClientOrderId } from "../order/Ids.ts"
import type { Proposal } from "../order/Proposal.ts"

/** What an approval fixes. */
export interface ApprovalFields {
  readonly id: ClientOrderId
  readonly proposal: Proposal
  readonly approvedAt: EpochMs
  /** Latest arrival at the exchange. */
  readonly deadline: EpochMs
  /** Fence epoch that was in force. */
  readonly epoch: number
}

/** A proposal that risk allowed against the state of that moment. Void when it could not leave within a second of real time. */
export class ApprovedOrder implements ApprovalFields {
  /** Private, so that neither a literal nor a changed copy (`{ ...approved, proposal }`) is an approval to the compiler. */
  private readonly approval = true
  readonly id: ClientOrderId
  readonly proposal: Proposal
  readonly approvedAt: EpochMs
  readonly deadline: EpochMs
  readonly epoch: number
  private constructor(fields: ApprovalFields) {
    this.id = fields.id
    this.proposal = fields.proposal
    this.approvedAt = fields.approvedAt
    this.deadline = fields.deadline
    this.epoch = fields.epoch
  }
  /** For `Risk.ts`, after every check passed. */
  static readonly make = (fields: ApprovalFields): ApprovedOrder => new ApprovedOrder(fields)
}
