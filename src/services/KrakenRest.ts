/** Kraken's REST interface: every call the trader makes, signed, paced and typed. Private calls run in one lane per key. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { KrakenError } from "../domain/kraken/KrakenError.ts"
import type { Candle, PublicTrade, Quote, SystemStatus } from "../domain/market/Market.ts"
import type { Instrument, PairSymbol } from "../domain/market/Instrument.ts"
import type { Price, Quantity, Rate, Usd } from "../domain/money/Money.ts"
import type { ClientOrderId, ExchangeOrderId } from "../domain/order/Ids.ts"
import type { FillReport, StatusReport } from "../domain/order/Report.ts"
import type { SendOutcome } from "../domain/order/Outcome.ts"
import type { CommittedIntent } from "../domain/order/Steps.ts"
import type { EpochMs } from "../domain/Time.ts"

/** `BalanceEx`, one asset. Amounts at scale 10^-12. */
export interface AssetBalance {
  /** REST asset id as sent, suffix included: `ZUSD`, `XXLM`, `XLM.F`. */
  readonly assetId: string
  readonly balance: bigint
  readonly hold: bigint
  /** balance + credit − credit used − hold. */
  readonly available: bigint
}

/** An order with everything REST says of it. `fills` is filled where trade ids were asked for and resolved. */
export interface OrderRecord {
  readonly report: StatusReport
  readonly tradeIds: ReadonlyArray<string>
  readonly orderType: string
}

export interface TradeHistoryPage {
  readonly fills: ReadonlyArray<FillReport>
  readonly count: number
}

export interface LedgerEntry {
  readonly ledgerId: string
  readonly refId: string
  readonly type: string
  readonly assetId: string
  readonly amount: bigint
  readonly fee: bigint
  readonly balance: bigint
  readonly at: EpochMs
}

export interface ApiKeyInfo {
  readonly name: string
  /** Kraken's own names: `query-funds`, `modify-trades`, `withdraw-funds`… */
  readonly permissions: ReadonlyArray<string>
  readonly nonce: bigint
  readonly nonceWindow: bigint
  readonly ipAllowlist: ReadonlyArray<string>
  readonly validUntil?: EpochMs
}

export interface FeeRates {
  readonly maker: Rate
  readonly taker: Rate
}

/** Cancel by our id (works before the exchange's id is known) or by the exchange's. */
export type OrderRef =
  { readonly _tag: "Client"; readonly id: ClientOrderId } | { readonly _tag: "Exchange"; readonly id: ExchangeOrderId }

export interface AmendRequest {
  readonly ref: OrderRef
  readonly instrument: Instrument
  /** Total, filled part included. */
  readonly quantity: Quantity
  readonly limitPrice: Price
  readonly postOnly: boolean
  readonly deadline: EpochMs
}

/** A validation-only order (`validate=true`): nothing is placed. */
export interface ValidateRequest {
  readonly instrument: Instrument
  readonly side: "buy" | "sell"
  readonly quantity: Quantity
  readonly limitPrice: Price
  readonly postOnly: boolean
}

/** A turn in the lane for one order. The nonce is taken and the bytes are written inside it; nothing of the key overtakes except cancels and the switch. */
export interface OrderTurn {
  /**
   * Sends AddOrder once: signed with the intent's own nonce, no retry of any kind. `lastLook` is read synchronously right
   * before the bytes are written; when it returns a reason the request is not sent (`NotSent`, "void"). Never fails:
   * every end is one of the four outcomes. Time-out 8 s of real time.
   */
  readonly addOrder: (intent: CommittedIntent, lastLook: () => string | undefined) => Effect.Effect<SendOutcome>
  /** Sends AmendOrder once, with a nonce of its own. An unknown outcome may be read again and repeated (absolute values). */
  readonly amendOrder: (request: AmendRequest, lastLook: () => string | undefined) => Effect.Effect<SendOutcome>
}

export interface KrakenRestShape {
  // public, paced at one call a second
  readonly time: Effect.Effect<EpochMs, KrakenError>
  readonly systemStatus: Effect.Effect<SystemStatus, KrakenError>
  /** AssetPairs joined with Assets (ledger decimals), for the pairs asked. Pairs that the exchange does not know are absent. */
  readonly instruments: (symbols: ReadonlyArray<PairSymbol>) => Effect.Effect<ReadonlyArray<Instrument>, KrakenError>
  /** Symbols of every pair that the exchange lists. */
  readonly symbols: Effect.Effect<ReadonlyArray<PairSymbol>, KrakenError>
  /** The current quote; `undefined` if what came is no sound quote. */
  readonly ticker: (
    symbol: PairSymbol
  ) => Effect.Effect<{ readonly quote: Quote | undefined; readonly last: Price }, KrakenError>
  /** Finished candles only, oldest first, at most 720; the running one is dropped. Interval in minutes. */
  readonly ohlc: (
    symbol: PairSymbol,
    intervalMinutes: number,
    since?: EpochMs
  ) => Effect.Effect<ReadonlyArray<Candle>, KrakenError>
  readonly depth: (
    symbol: PairSymbol,
    count: number
  ) => Effect.Effect<
    {
      readonly bids: ReadonlyArray<readonly [Price, Quantity]>
      readonly asks: ReadonlyArray<readonly [Price, Quantity]>
    },
    KrakenError
  >
  readonly trades: (symbol: PairSymbol, since?: EpochMs) => Effect.Effect<ReadonlyArray<PublicTrade>, KrakenError>

  // private reads: rank "read" unless said otherwise, retried with backoff inside a bound, aborted and repeated when overtaken
  readonly balance: Effect.Effect<ReadonlyArray<{ readonly assetId: string; readonly balance: bigint }>, KrakenError>
  readonly balanceEx: Effect.Effect<ReadonlyArray<AssetBalance>, KrakenError>
  readonly tradeBalance: Effect.Effect<{ readonly equivalentBalance: Usd }, KrakenError>
  readonly openOrders: Effect.Effect<ReadonlyArray<OrderRecord>, KrakenError>
  /** One page of 50, newest first. */
  readonly closedOrders: (query: {
    readonly start?: EpochMs
    readonly offset: number
    readonly clientId?: ClientOrderId
  }) => Effect.Effect<{ readonly orders: ReadonlyArray<OrderRecord>; readonly count: number }, KrakenError>
  readonly queryOrders: (ids: ReadonlyArray<ExchangeOrderId>) => Effect.Effect<ReadonlyArray<OrderRecord>, KrakenError>
  /** Own executions, never consolidated (`consolidate_taker=false`), one page of 50, newest first. */
  readonly tradesHistory: (query: {
    readonly start?: EpochMs
    readonly offset: number
  }) => Effect.Effect<TradeHistoryPage, KrakenError>
  /** Executions by id (from an order's `trades`), at most 20 a call. */
  readonly queryTrades: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<FillReport>, KrakenError>
  readonly tradeVolume: (
    instruments: ReadonlyArray<Instrument>
  ) => Effect.Effect<ReadonlyMap<PairSymbol, FeeRates>, KrakenError>
  readonly ledgers: (query: {
    readonly start?: EpochMs
    readonly offset: number
  }) => Effect.Effect<{ readonly entries: ReadonlyArray<LedgerEntry>; readonly count: number }, KrakenError>
  readonly apiKeyInfo: Effect.Effect<ApiKeyInfo, KrakenError>
  readonly webSocketsToken: Effect.Effect<{ readonly token: string; readonly expiresInSeconds: number }, KrakenError>

  // private writes of rank "safety": they overtake on a second connection, and may be repeated
  readonly cancelOrder: (
    ref: OrderRef,
    symbol: PairSymbol
  ) => Effect.Effect<{ readonly count: number; readonly pending: boolean }, KrakenError>
  /** Cancels every order of the account, also foreign ones. */
  readonly cancelAll: Effect.Effect<{ readonly count: number }, KrakenError>
  /** Arms the dead man's switch (0 disarms). `triggerAt` is the exchange's own time of firing; absent when disarmed. */
  readonly cancelAllOrdersAfter: (
    seconds: number
  ) => Effect.Effect<{ readonly now: EpochMs; readonly triggerAt?: EpochMs }, KrakenError>
  readonly validateOrder: (request: ValidateRequest) => Effect.Effect<void, KrakenError>

  /**
   * Waits for the pair's engine rate budget (`entry` leaves the reserve of exits and cancels untouched) and for the turn
   * in the lane, then runs `use` holding it. The turn ends when `use` ends. Waiting is interruptible.
   */
  readonly orderTurn: <A, E, R>(
    rank: "exit" | "entry",
    symbol: PairSymbol,
    action: "add" | "amend",
    use: (turn: OrderTurn) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, R>
}

/** Everything that can change something at the exchange: an order, a cancel, the switch; a validated order too, which is an AddOrder. */
export type KrakenWrite = "orderTurn" | "cancelOrder" | "cancelAll" | "cancelAllOrdersAfter" | "validateOrder"

/** What is left without it. Who holds no more than this cannot send. */
export type KrakenReads = Omit<KrakenRestShape, KrakenWrite>

export class KrakenRest extends Context.Tag("trader/services/KrakenRest")<KrakenRest, KrakenRestShape>() {}
