/** What the fold wants done. Whoever carries a decision out answers with events; nobody else changes trading state. */
import type { Either } from "effect"
import type { Cause } from "../breaker/BreakerState.ts"
import type { PairSymbol } from "../market/Instrument.ts"
import type { Price, Quantity } from "../money/Money.ts"
import type { ClientOrderId, ExchangeOrderId } from "../order/Ids.ts"
import type { Order } from "../order/Order.ts"
import type { Proposal } from "../order/Steps.ts"
import type { ApprovedOrder } from "../risk/Approved.ts"
import type { Refusal } from "../risk/Risk.ts"
import type { EpochMs, UtcDay } from "../Time.ts"
import type { StoreWrite } from "./Write.ts"

export type Severity = "info" | "warning" | "critical"

export type Decision =
  /** One transaction. */
  | { readonly _tag: "Persist"; readonly writes: ReadonlyArray<StoreWrite> }
  // to the order desk
  | { readonly _tag: "Propose"; readonly proposal: Proposal }
  | { readonly _tag: "Cancel"; readonly order: Order; readonly reason: string }
  | {
      readonly _tag: "Amend"
      readonly order: Order
      readonly quantity: Quantity
      readonly limitPrice: Price
      readonly postOnly: boolean
      readonly reason: string
    }
  /** Find out what became of an order of unknown outcome. */
  | { readonly _tag: "Settle"; readonly order: Order }
  /** Read one order and its executions. */
  | { readonly _tag: "FetchOrder"; readonly order: Order; readonly reason: string }
  /** An order on the exchange that matches nothing here. */
  | { readonly _tag: "Identify"; readonly exchangeId: ExchangeOrderId; readonly clientId: ClientOrderId | undefined }
  /** An order with our prefix that should not be there: cancel it by the exchange's id. */
  | { readonly _tag: "CancelStray"; readonly exchangeId: ExchangeOrderId; readonly reason: string }
  // answers
  | {
      readonly _tag: "Verdict"
      readonly proposalId: number
      readonly verdict: Either.Either<ApprovedOrder, Refusal>
    }
  | {
      readonly _tag: "AmendVerdict"
      readonly orderId: ClientOrderId
      /** The order as it is recorded before the amend leaves, or why it must not leave. */
      readonly verdict: Either.Either<{ readonly order: Order; readonly deadline: EpochMs }, string>
    }
  // reads
  | { readonly _tag: "FetchQuote"; readonly symbol: PairSymbol }
  | { readonly _tag: "FetchCandles"; readonly symbol: PairSymbol }
  | { readonly _tag: "FetchBalances" }
  | { readonly _tag: "FetchLedger"; readonly since: EpochMs }
  | { readonly _tag: "FetchDayMark"; readonly day: UtcDay }
  | { readonly _tag: "Reconcile"; readonly reason: string }
  | { readonly _tag: "Probe"; readonly cause: Cause }
  /** Observing: what would have been proposed. It goes to the journal; nothing carries it out. */
  | {
      readonly _tag: "WouldPropose"
      readonly symbol: PairSymbol
      readonly proposal: Omit<Proposal, "proposalId" | "proposedAt">
    }
  // to people
  | {
      readonly _tag: "Alert"
      readonly severity: Severity
      readonly kind: string
      readonly text: string
      readonly data?: Readonly<Record<string, string | number>>
    }
  | {
      readonly _tag: "Log"
      readonly level: "debug" | "info" | "warning"
      readonly text: string
      readonly data?: Readonly<Record<string, string | number>>
    }
