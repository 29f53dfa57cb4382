/**
 * What the exchange says about an order, whichever way it comes: a reply, the stream, a snapshot, a REST read. Reports
 * come in any order, repeated and late; `merge` folds them.
 */
import type { Price, Quantity, Usd } from "../money/Money.ts"
import type { PairSymbol } from "../market/Instrument.ts"
import type { EpochMs } from "../Time.ts"
import type { ClientOrderId, ExchangeOrderId, ExecutionId } from "./Ids.ts"

export type Side = "buy" | "sell"
export type Liquidity = "maker" | "taker"

/** Where a report came from; for the log and for resynchronisation, never for precedence. */
export type ReportSource = "reply" | "stream" | "snapshot" | "rest"

/** State of an order on the exchange. `pending` is validated but not yet live. */
export type ExchangeStatus = "pending" | "open" | "filled" | "cancelled" | "expired"

/** A status report. Absent fields were not said. */
export interface StatusReport {
  readonly _tag: "Status"
  readonly source: ReportSource
  readonly exchangeId: ExchangeOrderId
  readonly clientId?: ClientOrderId
  readonly symbol?: PairSymbol
  readonly side?: Side
  readonly status: ExchangeStatus
  /** Current total quantity, filled part included. */
  readonly quantity?: Quantity
  readonly limitPrice?: Price
  readonly cumQuantity?: Quantity
  readonly cumCost?: Usd
  /** Cumulative fee in USD, where the source gives it. */
  readonly cumFee?: Usd
  readonly postOnly?: boolean
  readonly expiresAt?: EpochMs
  readonly reason?: string
  /** Event time on the exchange's clock. */
  readonly at: EpochMs
}

/** One execution. The only thing that moves quantities and money in the books. */
export interface FillReport {
  readonly _tag: "Fill"
  readonly source: ReportSource
  readonly executionId: ExecutionId
  readonly exchangeId: ExchangeOrderId
  readonly clientId?: ClientOrderId
  readonly symbol: PairSymbol
  readonly side: Side
  readonly price: Price
  readonly quantity: Quantity
  /** price × quantity as the exchange states it. */
  readonly cost: Usd
  /** In units of `feeAsset`, at scale 10^-12. */
  readonly fee: bigint
  /** Stream asset name, e.g. `USD`; REST history gives no asset and means the quote. */
  readonly feeAsset: string
  readonly liquidity: Liquidity
  readonly at: EpochMs
}

export type OrderReport = StatusReport | FillReport
