/** What the engine wants, before risk has looked at it. */
import type { Instrument } from "../market/Instrument.ts"
import type { Price, Quantity } from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"
import type { Purpose, TimeInForce } from "./Order.ts"
import type { Side } from "./Report.ts"

/** What the engine wants; not an order yet. It waits for its turn as a proposal and may be void when its turn comes. */
export interface Proposal {
  /** Unique within a run; not an order id. */
  readonly proposalId: number
  readonly instrument: Instrument
  readonly side: Side
  readonly purpose: Purpose
  readonly quantity: Quantity
  readonly limitPrice: Price
  readonly postOnly: boolean
  readonly timeInForce: TimeInForce
  /** GTD: how long the order may rest, in milliseconds. */
  readonly expiresAfter?: number
  readonly reason: string
  readonly proposedAt: EpochMs
}
