/** One lot per entry order that executed. It is what exits sell, what `trades` shows, and what profit is counted on. */
import type { PairSymbol } from "../market/Instrument.ts"
import type { Quantity, Usd } from "../money/Money.ts"
import type { LotId, ExchangeOrderId } from "../order/Ids.ts"
import type { ExitKind } from "../order/Order.ts"
import type { ExitPlan } from "../exits/ExitPlan.ts"
import type { EpochMs } from "../Time.ts"

/** Set when a limit of the plan (or the operator) has called for selling at any price; stays until the lot is sold. */
export interface ExitCall {
  readonly kind: Exclude<ExitKind, "target">
  readonly at: EpochMs
}

export interface Lot {
  readonly id: LotId
  readonly symbol: PairSymbol
  readonly exchangeId?: ExchangeOrderId
  /** Base units received: executed quantity less a fee taken in base. Grows while the entry fills, never shrinks. */
  readonly quantity: Quantity
  /** Still held. */
  readonly remaining: Quantity
  /** Entry cost by fill amounts (cost decimals), fees aside, and the entry fees, both of the whole lot. */
  readonly cost: Usd
  readonly entryFee: Usd
  /** Sales so far, by fill amounts. */
  readonly proceeds: Usd
  readonly exitFee: Usd
  readonly openedAt: EpochMs
  readonly closedAt?: EpochMs
  readonly plan: ExitPlan
  readonly features: Readonly<Record<string, number>>
  readonly reason: string
  readonly call?: ExitCall
  /** Aggressive attempts so far, and when the last one was decided: the collar widens with them. */
  readonly attempts: number
  readonly lastAttemptAt?: EpochMs
  /** What the exchange last said may be sold, after `Insufficient funds`; caps the next exit until looked at again. */
  readonly sellable?: Quantity
}

export const isOpenLot = (lot: Lot): boolean => lot.remaining > 0n
