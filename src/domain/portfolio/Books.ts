/** What the store keeps of the trader's money besides orders and lots. */
import type { PairSymbol } from "../market/Instrument.ts"
import type { Usd } from "../money/Money.ts"
import type { ClientOrderId } from "../order/Ids.ts"
import type { FillReport } from "../order/Report.ts"
import type { EpochMs, UtcDay } from "../Time.ts"

/** A fill as it was booked: fill amounts for profit, ledger amounts for cash, and the rounding between them. */
export interface BookedFill {
  readonly fill: FillReport
  readonly orderId: ClientOrderId
  /** What moved on the quote ledger: minus cost and fee for a buy, cost minus fee for a sale, each rounded at asset decimals. */
  readonly ledgerUsd: Usd
  /** `ledgerUsd` minus the same by fill amounts: the only difference between profit and cash that is allowed. */
  readonly rounding: Usd
}

/** Totals over all closed business, since the installation began. */
export interface Totals {
  /** Sum of `ledgerUsd` over all fills: what the trader itself did to the account's dollars. */
  readonly ownUsd: Usd
  /** Sum of the rounding differences. */
  readonly rounding: Usd
  /** Realised profit net of all fees, by fill amounts. */
  readonly realised: Usd
  readonly closedTrades: number
  readonly winningTrades: number
}

/**
 * What of each asset is not the trader's: the exchange's balance less its own part, as last agreed. Moves only by what
 * the ledger explains (deposit, withdrawal, transfer, a trade by hand).
 */
export type Foreign = ReadonlyMap<string, bigint>

/** The value from which a UTC day's loss is measured. */
export interface DayMark {
  readonly day: UtcDay
  readonly at: EpochMs
  /** Realised so far plus open lots at the bid less the exit fee and their cost, at 00:00 UTC. */
  readonly equity: Usd
  readonly source: "no lots" | "quote" | "candle" | "last valuation"
}

/** The last value of the open lots that was persisted: the fallback for a mark that could not be taken. */
export interface Valuation {
  readonly at: EpochMs
  readonly equity: Usd
}

/** A closed trade for `learning_data`. */
export interface ClosedTrade {
  readonly lotId: ClientOrderId
  readonly symbol: PairSymbol
  readonly features: Readonly<Record<string, number>>
  readonly outcome: "profit" | "loss"
  readonly profit: Usd
  readonly at: EpochMs
}
