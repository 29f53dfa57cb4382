/** Changes to the records that a fold decides on. The store commits a batch of them whole or not at all, in order. */
import type { BreakerChange, BreakerState } from "../breaker/BreakerState.ts"
import type { Order } from "../order/Order.ts"
import type { BookedFill, ClosedTrade, DayMark, Foreign, Totals, Valuation } from "../portfolio/Books.ts"
import type { Lot } from "../portfolio/Lot.ts"
import type { EpochMs } from "../Time.ts"

/** One row of `metrics`; amounts in USD at scale 10^-12. */
export interface MetricsRow {
  readonly at: EpochMs
  readonly balanceUsd: bigint
  readonly totalTrades: number
  readonly winningTrades: number
  readonly totalProfitLoss: bigint
  readonly dailyProfitLoss: bigint
  /** `CLOSED`, or `OPEN: cause, cause`. */
  readonly breakerState: string
}

export type StoreWrite =
  | { readonly _tag: "Order"; readonly order: Order }
  | { readonly _tag: "Fill"; readonly booked: BookedFill }
  | { readonly _tag: "Lot"; readonly lot: Lot }
  | { readonly _tag: "Totals"; readonly totals: Totals }
  | { readonly _tag: "Foreign"; readonly foreign: Foreign }
  | { readonly _tag: "DayMark"; readonly mark: DayMark }
  | { readonly _tag: "Valuation"; readonly valuation: Valuation }
  | { readonly _tag: "Breaker"; readonly state: BreakerState; readonly changes: ReadonlyArray<BreakerChange> }
  | { readonly _tag: "ClosedTrade"; readonly trade: ClosedTrade }
  | { readonly _tag: "Metrics"; readonly row: MetricsRow }
  /** Small named values: throttle counters, limiter counters, last drill, last backup… JSON text. */
  | { readonly _tag: "Note"; readonly key: string; readonly value: string }

/** Note by which the writer proves that the database takes writes; its value is the number of the proof. */
const PROOF_NOTE = "store.proof"

export const proofWrite = (proof: number): StoreWrite => ({ _tag: "Note", key: PROOF_NOTE, value: String(proof) })

/** The last proof in a batch. */
export const proofIn = (writes: ReadonlyArray<StoreWrite>): number | undefined => {
  const found = writes.findLast((write) => write._tag === "Note" && write.key === PROOF_NOTE)
  return found?._tag === "Note" ? Number(found.value) : undefined
}
