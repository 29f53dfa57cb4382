/** Everything the simulated Kraken knows, as plain data. Nothing here is ever changed: a call makes the next state. */
import type { HashMap } from "effect"
import type { Instrument, PairSymbol } from "../market/Instrument.ts"
import type { Price, Quantity, Usd } from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"
import type { Bar } from "./Boundary.ts"
import type { Asset, FeeStep, KeyConfig, Switches, Tier } from "./Config.ts"
import type { Log } from "./Log.ts"

export type Side = "buy" | "sell"
export type OrderType = "limit" | "market"
export type TimeInForce = "GTC" | "IOC" | "GTD" | "FOK"
export type SelfTrade = "cancel-newest" | "cancel-oldest" | "cancel-both"
/** REST's words; a partly filled order that rests is `open`. */
export type OrderStatus = "pending" | "open" | "closed" | "canceled" | "expired"
/** Who placed it: an API key, or a person in Kraken's own surface. */
export type Origin = { readonly _tag: "Key"; readonly apiKey: string } | { readonly _tag: "Hand" }

export interface Order {
  readonly txid: string
  readonly clOrdId: string | undefined
  readonly userref: number | undefined
  readonly origin: Origin
  readonly symbol: PairSymbol
  readonly side: Side
  readonly type: OrderType
  readonly quantity: Quantity
  /** Limit; 0 for a market order. */
  readonly price: Price
  readonly timeInForce: TimeInForce
  readonly postOnly: boolean
  readonly feeIn: "quote" | "base"
  readonly selfTrade: SelfTrade
  /** 0 is never. */
  readonly expiresAt: EpochMs
  readonly openedAt: EpochMs
  /** When it ended; 0 while it has not. */
  readonly closedAt: EpochMs
  /** Creation or last amend: the age that the engine's limiter counts from. */
  readonly touchedAt: EpochMs
  readonly status: OrderStatus
  readonly filled: Quantity
  /** Sum of fill costs, each rounded to cost decimals. */
  readonly cost: Usd
  /** Sum of fees in quote, each rounded to cost decimals. */
  readonly fee: Usd
  readonly reason: string | undefined
  readonly amended: boolean
  /** Outside size that trades at our price must go through first. */
  readonly queueAhead: Quantity
  readonly fills: ReadonlyArray<string>
}

export interface Fill {
  readonly id: string
  readonly txid: string
  readonly tradeId: number
  readonly symbol: PairSymbol
  readonly side: Side
  readonly type: OrderType
  readonly at: EpochMs
  readonly price: Price
  readonly quantity: Quantity
  /** Rounded to cost decimals, nearest. */
  readonly cost: Usd
  /** In quote, rounded to cost decimals, nearest. */
  readonly fee: Usd
  /** What was charged in base instead, when the order asked for that; else 0. */
  readonly feeBase: Quantity
  readonly maker: boolean
  /** Ledger entries: base, quote. */
  readonly ledgers: ReadonlyArray<string>
}

/** A ledger entry: new balance = old + amount − fee, at the asset's decimals. */
export interface LedgerEntry {
  readonly id: string
  readonly refid: string
  readonly at: EpochMs
  readonly type: "trade" | "deposit" | "withdrawal" | "transfer"
  readonly subtype: string
  /** A wallet: `XLM`, or `XLM.F` for what auto-earn holds. */
  readonly wallet: string
  readonly amount: bigint
  readonly fee: bigint
  readonly balance: bigint
}

/** What belongs to the account; REST reads under lag look at an older one. */
export interface Account {
  readonly balances: ReadonlyMap<string, bigint>
  readonly orders: HashMap.HashMap<string, Order>
  /** Orders that rest, in time priority. */
  readonly open: ReadonlyArray<string>
  /** Orders that ended, in that order. */
  readonly closed: Log<string>
  readonly fills: Log<Fill>
  readonly ledgers: Log<LedgerEntry>
  /** One entry per change of an order: what a store has to write again. */
  readonly changed: Log<string>
}

export type Level = readonly [price: Price, quantity: Quantity]

/** A public trade. */
export interface Print {
  readonly id: number
  readonly at: EpochMs
  readonly price: Price
  readonly quantity: Quantity
  /** Taker's side and order type. */
  readonly side: Side
  readonly type: OrderType
}

/** Candles of one pair; doubles, they are only shown. */
export interface Candles {
  /** The minute that is forming. */
  readonly minute: Bar | undefined
  /** Per longer interval, in the order of `intervals`: what its finished minutes add up to. */
  readonly forming: ReadonlyArray<Bar | undefined>
  /** Per interval, finished bars. */
  readonly done: ReadonlyArray<Log<Bar>>
}

/** The public side of one pair. */
export interface Market {
  readonly rules: Instrument
  /** The outside world's levels, best first, less what takers of ours took since the last quote. */
  readonly bids: ReadonlyArray<Level>
  readonly asks: ReadonlyArray<Level>
  readonly quotedAt: EpochMs
  readonly tradeId: number
  readonly prints: Log<Print>
  readonly spreads: Log<readonly [at: EpochMs, bid: Price, ask: Price]>
  readonly candles: Candles
}

export interface KeyState extends KeyConfig {
  readonly nonce: bigint
  /** Nonces seen within the window below the highest. */
  readonly recent: ReadonlyArray<bigint>
  readonly calls: Counter
  readonly usedAt: EpochMs
}

/** A decaying counter, in hundred-thousandths of a point, so that every decay of Kraken's is a whole number a millisecond. */
export interface Counter {
  readonly value: number
  readonly at: EpochMs
}

export interface Token {
  readonly token: string
  readonly apiKey: string
  readonly issuedAt: EpochMs
}

export type Subscription =
  | {
      readonly channel: "ticker"
      readonly symbol: PairSymbol
      readonly trigger: "trades" | "bbo"
      readonly shown: string
    }
  | {
      readonly channel: "book"
      readonly symbol: PairSymbol
      readonly depth: number
      readonly bids: ReadonlyArray<Level>
      readonly asks: ReadonlyArray<Level>
    }
  | { readonly channel: "trade"; readonly symbol: PairSymbol }
  | { readonly channel: "ohlc"; readonly symbol: PairSymbol; readonly interval: number }
  | { readonly channel: "instrument" }
  | {
      readonly channel: "executions"
      readonly token: string
      readonly sequence: number
      readonly orderStatus: boolean
      readonly rateCounter: boolean
    }
  | { readonly channel: "balances"; readonly token: string; readonly sequence: number }

export interface Session {
  readonly id: string
  readonly host: "public" | "auth"
  readonly connectionId: string
  readonly subscriptions: ReadonlyArray<Subscription>
  /** When the last channel message left. */
  readonly sentAt: EpochMs
}

export type SystemMode = "online" | "maintenance" | "cancel_only" | "post_only" | "limit_only"

/** One private call or trading request, for judges. */
export interface RequestRecord {
  readonly at: EpochMs
  readonly via: "rest" | "stream"
  readonly endpoint: string
  readonly nonce: string | undefined
  readonly clOrdId: string | undefined
  /** `ok`, or the error. */
  readonly result: string
}

export interface ExchangeState {
  readonly seed: number
  readonly tier: Tier
  readonly assets: ReadonlyArray<Asset>
  readonly fees: ReadonlyArray<FeeStep>
  readonly lockoutRule: { readonly after: number; readonly ms: number }
  readonly startingBalances: ReadonlyMap<string, bigint>
  /** The latest instant seen; never goes back. */
  readonly now: EpochMs
  /** Ids made so far. */
  readonly serial: number
  readonly system: SystemMode
  readonly switches: Switches
  readonly keys: ReadonlyMap<string, KeyState>
  readonly lockout: { readonly failures: number; readonly until: EpochMs }
  readonly tokens: ReadonlyArray<Token>
  readonly markets: ReadonlyMap<PairSymbol, Market>
  readonly account: Account
  /** Older accounts, each with the instant until which it was the current one; kept while reads lag. */
  readonly past: ReadonlyArray<{ readonly until: EpochMs; readonly account: Account }>
  /** 30-day volume: fills from this index on, and the sum of their costs. */
  readonly volume: { readonly from: number; readonly total: Usd }
  /** The engine's limiter, per pair. */
  readonly engine: ReadonlyMap<PairSymbol, Counter>
  /** The dead man's switch: when it fires. */
  readonly switchAt: EpochMs | undefined
  /** Private frames that reports lag hold back, in order. */
  readonly lagged: ReadonlyArray<{ readonly at: EpochMs; readonly session: string; readonly text: string }>
  readonly sessions: ReadonlyMap<string, Session>
  readonly requests: Log<RequestRecord>
}
