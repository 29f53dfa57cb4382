/** What a simulated Kraken is made of: pairs, assets, the account, its keys, the fee schedule, and how it answers where Kraken's own behaviour is not confirmed. */
import { PairSymbol } from "../market/Instrument.ts"
import type { Instrument } from "../market/Instrument.ts"
import type { Rate, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { Bar, Interval } from "./Boundary.ts"

/** Verification tier of the account: decides both rate limiters and the cap on open orders. */
export type Tier = "starter" | "intermediate" | "pro"

export type Permission =
  | "query-funds"
  | "add-funds"
  | "withdraw-funds"
  | "query-open-trades"
  | "query-closed-trades"
  | "modify-trades"
  | "close-trades"
  | "query-ledger"
  | "create-ws-token"

/** What a trading bot's key has: everything but moving funds. */
export const tradingPermissions: ReadonlyArray<Permission> = [
  "query-funds",
  "query-open-trades",
  "query-closed-trades",
  "modify-trades",
  "close-trades",
  "query-ledger",
  "create-ws-token"
]

/** An API key of the account. Its secret is known to whoever checks signatures, not here. */
export interface KeyConfig {
  readonly apiKey: string
  readonly permissions: ReadonlyArray<Permission>
  /** In nonce ticks; 0 is Kraken's default. */
  readonly nonceWindow: bigint
  readonly name?: string
  readonly ipAllowlist?: ReadonlyArray<string>
  /** Unix seconds; 0 is never. */
  readonly validUntil?: number
}

export interface Asset {
  /** As streams v2 name it: `XLM`. */
  readonly name: string
  /** As REST keys it: `XXLM`. */
  readonly id: string
  /** REST's short name: `XBT`. */
  readonly altname: string
  /** Decimals of ledger entries and balances. */
  readonly decimals: number
  readonly displayDecimals: number
}

export interface FeeStep {
  /** From this 30-day volume on. */
  readonly volume: Usd
  readonly maker: Rate
  readonly taker: Rate
}

/** Behaviour that is unconfirmed, or differs between records: each one is a switch. */
export interface Switches {
  /** A post-only order that would take: refused with an error, or accepted and then canceled. */
  readonly postOnlyCross: "error" | "cancel"
  /** Whether an amend of a post-only order is still post-only when it does not say so. */
  readonly amendKeepsPostOnly: boolean
  /** Whether the hold of a buy includes the largest fee. */
  readonly holdIncludesFee: boolean
  readonly unknownParams: "ignore" | "refuse"
  readonly excessVolumeDecimals: "refuse" | "truncate"
  /** Whether a call that a limiter refused adds to its counter all the same (at the engine: its fixed part). */
  readonly rejectedCallCounts: boolean
  /** Whether one cancel can be refused by the engine's limiter (batches never are). */
  readonly singleCancelLimited: boolean
  /** How long REST reads of orders and trades are behind the engine, 0 to 60 000 ms. */
  readonly restLagMs: number
  /** How long executions and balances frames are behind the engine, ms. */
  readonly reportLagMs: number
  /** Whether executions after `pending_new` carry `cl_ord_id`. */
  readonly deltasCarryClOrdId: boolean
  /** Whether `filled` repeats the totals. */
  readonly filledCarriesTotals: boolean
  /** Whether the answer to a trading request comes before its reports. */
  readonly ackFirst: boolean
  /** Whether `25` is taken where a `number_float` is asked for. */
  readonly bareIntegers: boolean
  /** Whether reads answer during maintenance (Time and SystemStatus always do). */
  readonly maintenanceReads: boolean
  /** Whether the status frame carries `connection_id`. */
  readonly statusCarriesConnectionId: boolean
  /** Share of the displayed size at our price that is ahead of an order that joins it, in per cent. */
  readonly queueAheadPct: number
  /** How far from the best price a market order may go, in per cent; the rest is canceled. */
  readonly marketBandPct: number
}

export const defaultSwitches: Switches = {
  postOnlyCross: "error",
  amendKeepsPostOnly: true,
  holdIncludesFee: true,
  unknownParams: "ignore",
  excessVolumeDecimals: "refuse",
  rejectedCallCounts: true,
  singleCancelLimited: true,
  restLagMs: 0,
  reportLagMs: 0,
  deltasCarryClOrdId: false,
  filledCarriesTotals: true,
  ackFirst: true,
  bareIntegers: true,
  maintenanceReads: false,
  statusCarriesConnectionId: true,
  queueAheadPct: 100,
  marketBandPct: 10
}

export interface ExchangeConfig {
  /** Seed of ids and tokens. */
  readonly seed: number
  readonly tier: Tier
  readonly pairs: ReadonlyArray<Instrument>
  readonly assets: ReadonlyArray<Asset>
  /** Starting balances by stream asset name (`USD`, `XLM`), at scale 10^-12. */
  readonly balances: ReadonlyMap<string, bigint>
  readonly keys: ReadonlyArray<KeyConfig>
  /** By rising volume, the first from 0. */
  readonly fees: ReadonlyArray<FeeStep>
  readonly switches: Switches
  /** Invalid keys and signatures in a row before the lockout, and its length; every call restarts it. */
  readonly lockout: { readonly after: number; readonly ms: number }
  /** Up to 720 bars that ended before the start, oldest first. */
  readonly history: (symbol: PairSymbol, interval: Interval) => ReadonlyArray<Bar>
}

const pair = (
  name: readonly [string, string, string, string],
  ids: readonly [string, string],
  decimals: readonly [price: number, cost: number, base: number],
  minimums: readonly [tick: string, quantity: string, cost: string]
): Instrument => ({
  symbol: PairSymbol(`${name[0]}/${name[1]}`),
  restId: name[2],
  altname: name[3],
  base: name[0],
  quote: name[1],
  baseId: ids[0],
  quoteId: ids[1],
  priceDecimals: decimals[0],
  quantityDecimals: 8,
  costDecimals: decimals[1],
  baseDecimals: decimals[2],
  quoteDecimals: 4,
  tickSize: Money.price(minimums[0]),
  minQuantity: Money.quantity(minimums[1]),
  minCost: Money.usd(minimums[2]),
  status: "online"
})

/** The pairs that are always there, with Kraken's ids, precisions and (recorded) minimums. */
export const defaultPairs: ReadonlyArray<Instrument> = [
  pair(["XLM", "USD", "XXLMZUSD", "XLMUSD"], ["XXLM", "ZUSD"], [6, 8, 8], ["0.000001", "20", "0.5"]),
  pair(["BTC", "USD", "XXBTZUSD", "XBTUSD"], ["XXBT", "ZUSD"], [1, 5, 10], ["0.1", "0.00005", "0.5"]),
  pair(["ETH", "USD", "XETHZUSD", "ETHUSD"], ["XETH", "ZUSD"], [2, 5, 10], ["0.01", "0.001", "0.5"])
]

export const defaultAssets: ReadonlyArray<Asset> = [
  { name: "USD", id: "ZUSD", altname: "USD", decimals: 4, displayDecimals: 2 },
  { name: "XLM", id: "XXLM", altname: "XLM", decimals: 8, displayDecimals: 5 },
  { name: "BTC", id: "XXBT", altname: "XBT", decimals: 10, displayDecimals: 5 },
  { name: "ETH", id: "XETH", altname: "ETH", decimals: 10, displayDecimals: 5 }
]

const step = (volume: string, maker: string, taker: string): FeeStep => ({
  volume: Money.usd(volume),
  maker: Money.rate(maker),
  taker: Money.rate(taker)
})

/** Spot crypto fees by 30-day volume, as `AssetPairs` showed them from November 2025 to February 2026. */
export const defaultFees: ReadonlyArray<FeeStep> = [
  step("0", "0.0025", "0.004"),
  step("10000", "0.002", "0.0035"),
  step("50000", "0.0014", "0.0024"),
  step("100000", "0.0012", "0.0022"),
  step("250000", "0.001", "0.002"),
  step("500000", "0.0008", "0.0018"),
  step("1000000", "0.0006", "0.0016"),
  step("2500000", "0.0004", "0.0014"),
  step("5000000", "0.0002", "0.0012"),
  step("10000000", "0", "0.001")
]

/** A starter account with the paper trader's 98.82 USD, the default pairs and no keys. */
export const defaultConfig: ExchangeConfig = {
  seed: 1,
  tier: "starter",
  pairs: defaultPairs,
  assets: defaultAssets,
  balances: new Map([["USD", Money.usd("98.82")]]),
  keys: [],
  fees: defaultFees,
  switches: defaultSwitches,
  lockout: { after: 5, ms: 900_000 },
  history: () => []
}
