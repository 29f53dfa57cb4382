/** Everything that can happen to the trader. One fiber folds them in order of arrival; `at` is market time. */
import type { Cause } from "../breaker/BreakerState.ts"
import type { Instrument, PairSymbol } from "../market/Instrument.ts"
import type { Candle, Quote, SystemStatus } from "../market/Market.ts"
import type { Price, Rate, Quantity } from "../money/Money.ts"
import type { ClientOrderId, ExchangeOrderId } from "../order/Ids.ts"
import type { Order } from "../order/Order.ts"
import type { SendOutcome } from "../order/Outcome.ts"
import type { OrderReport } from "../order/Report.ts"
import type { Lot } from "../portfolio/Lot.ts"
import type { EpochMs, UtcDay } from "../Time.ts"
import type { Fence } from "./Snapshot.ts"

/** A movement of the exchange's ledger, caused by the trader or by somebody else. */
export interface LedgerMove {
  readonly asset: string
  readonly amount: bigint
  readonly fee: bigint
  readonly type: string
  /** Of a trade: the id of the execution. */
  readonly refId: string
  /** The records hold `refId` as an execution of the trader's own. */
  readonly own?: boolean
  /** What the account held of the asset after it. */
  readonly balance: bigint
  readonly at: EpochMs
}

interface At {
  readonly at: EpochMs
}

export type EngineEvent = At &
  (
    | { readonly _tag: "Tick" }
    // market
    | { readonly _tag: "QuoteSeen"; readonly quote: Quote; readonly source: "stream" | "rest" }
    | { readonly _tag: "QuoteUnsound"; readonly symbol: PairSymbol }
    /** Silence was checked against REST, and REST could not be read or has no sound quote either. */
    | { readonly _tag: "StaleConfirmed"; readonly symbol: PairSymbol; readonly reason: string }
    | { readonly _tag: "CandlesLoaded"; readonly symbol: PairSymbol; readonly candles: ReadonlyArray<Candle> }
    | { readonly _tag: "SystemSeen"; readonly status: SystemStatus; readonly maintenanceAt?: EpochMs }
    | { readonly _tag: "InstrumentsSeen"; readonly instruments: ReadonlyArray<Instrument> }
    | {
        readonly _tag: "FeesSeen"
        readonly fees: ReadonlyMap<PairSymbol, { readonly maker: Rate; readonly taker: Rate }>
      }
    // streams
    | { readonly _tag: "PublicUp" }
    | { readonly _tag: "PublicDown"; readonly reason: string }
    | { readonly _tag: "PrivateUp"; readonly openOrders: ReadonlyArray<OrderReport> }
    | { readonly _tag: "PrivateDown"; readonly reason: string }
    | { readonly _tag: "PrivateGap"; readonly reason: string }
    | { readonly _tag: "ReportsSeen"; readonly reports: ReadonlyArray<OrderReport> }
    // reconciliation
    | { readonly _tag: "ReconcileStarted"; readonly reason: string }
    | { readonly _tag: "ReconcileDone"; readonly reason: string }
    /** Totals and holds per stream asset (spot), read over REST; `begunAt` is when the read began. */
    | {
        readonly _tag: "BalancesSeen"
        readonly begunAt: EpochMs
        readonly total: ReadonlyMap<string, bigint>
        readonly hold: ReadonlyMap<string, bigint>
      }
    | { readonly _tag: "LedgerSeen"; readonly moves: ReadonlyArray<LedgerMove> }
    /** REST's open orders; own orders held as open here and absent there must be looked up. */
    | {
        readonly _tag: "OpenOrdersSeen"
        readonly begunAt: EpochMs
        readonly reports: ReadonlyArray<OrderReport>
      }
    | { readonly _tag: "DayMarkPrices"; readonly day: UtcDay; readonly prices: ReadonlyMap<PairSymbol, Price> }
    // orders
    | { readonly _tag: "ApprovalAsked"; readonly proposalId: number }
    /** The proposal was given up before it was approved. */
    | { readonly _tag: "ProposalDropped"; readonly proposalId: number; readonly why: string }
    /** The intent could not be made durable: nothing was sent. */
    | {
        readonly _tag: "IntentFailed"
        readonly orderId: ClientOrderId
        readonly why: "store" | "fence"
        readonly text: string
      }
    | { readonly _tag: "OutcomeSeen"; readonly orderId: ClientOrderId; readonly outcome: SendOutcome }
    | {
        readonly _tag: "AmendAsked"
        readonly orderId: ClientOrderId
        readonly quantity: Quantity
        readonly limitPrice: Price
      }
    | { readonly _tag: "AmendOutcome"; readonly orderId: ClientOrderId; readonly outcome: SendOutcome }
    | {
        readonly _tag: "CancelOutcome"
        readonly orderId: ClientOrderId
        /** `gone`: the exchange does not know it as open. */
        readonly result: "accepted" | "gone" | "failed"
        readonly text: string
      }
    /** Proved by two reads of different sources that the order never arrived, or refused for good. */
    | { readonly _tag: "NeverArrived"; readonly orderId: ClientOrderId; readonly proof: string }
    /** What an unmatched exchange order turned out to be. */
    | {
        readonly _tag: "Identified"
        readonly exchangeId: ExchangeOrderId
        readonly clientId: ClientOrderId | undefined
        readonly found: boolean
      }
    /** An order and the lots it concerns brought back from the store, because late reports concern it. */
    | { readonly _tag: "Recalled"; readonly order: Order; readonly lots: ReadonlyArray<Lot> }
    // dead man's switch
    | { readonly _tag: "SwitchArmed"; readonly firesAt: EpochMs }
    | { readonly _tag: "SwitchLost"; readonly reason: string }
    // store
    /** The writer's commit failed; it tries again and tells when it succeeded. */
    | { readonly _tag: "StoreBroken"; readonly reason: string }
    /** Somebody else than the writer found the database failing. */
    | { readonly _tag: "StoreDoubted"; readonly reason: string }
    /** The writer committed, after a failure or because a proof was asked for: the last one among what it committed. */
    | { readonly _tag: "StoreRecovered"; readonly proof?: number }
    // operator
    | { readonly _tag: "Started" }
    | { readonly _tag: "Stopping"; readonly reason: string }
    | { readonly _tag: "FenceSeen"; readonly fence: Fence }
    | { readonly _tag: "Tripped"; readonly cause: Cause; readonly reason: string }
    | { readonly _tag: "Reset"; readonly cause: Cause | undefined; readonly reason: string }
    // health
    | { readonly _tag: "Failed"; readonly cause: "api" | "orders" | "stream"; readonly reason: string }
    | { readonly _tag: "Succeeded"; readonly cause: "api" | "orders" | "stream" }
    | { readonly _tag: "ProbeDone"; readonly cause: Cause; readonly ok: boolean; readonly reason: string }
    | { readonly _tag: "SkewSeen"; readonly skew: string | undefined }
    | { readonly _tag: "Frozen"; readonly gapMs: number }
    | { readonly _tag: "AnotherTraderSeen"; readonly reason: string }
    | { readonly _tag: "InvariantBroken"; readonly text: string }
  )
