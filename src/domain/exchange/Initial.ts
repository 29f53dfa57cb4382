/** The state a simulated Kraken starts from. */
import { HashMap } from "effect"
import type { Instrument, PairSymbol } from "../market/Instrument.ts"
import * as Money from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"
import * as Candles from "./Candles.ts"
import type { ExchangeConfig, KeyConfig } from "./Config.ts"
import * as Limits from "./Limits.ts"
import * as Log from "./Log.ts"
import type { ExchangeState, KeyState, Market } from "./State.ts"

const market = (rules: Instrument, config: ExchangeConfig): Market => ({
  rules,
  bids: [],
  asks: [],
  quotedAt: 0,
  tradeId: 1_000_000,
  prints: Log.empty(),
  spreads: Log.empty(),
  candles: Candles.initial((interval) => config.history(rules.symbol, interval))
})

/** A key that nobody has used yet. */
export const freshKey = (key: KeyConfig): KeyState => ({
  ...key,
  nonce: 0n,
  recent: [],
  calls: Limits.fresh,
  usedAt: 0
})

export const initial = (config: ExchangeConfig, now: EpochMs): ExchangeState => ({
  seed: config.seed,
  tier: config.tier,
  assets: config.assets,
  fees: config.fees,
  lockoutRule: config.lockout,
  startingBalances: config.balances,
  now,
  serial: 0,
  system: "online",
  switches: config.switches,
  keys: new Map(config.keys.map((key) => [key.apiKey, freshKey(key)])),
  lockout: { failures: 0, until: 0 },
  tokens: [],
  markets: new Map<PairSymbol, Market>(config.pairs.map((rules) => [rules.symbol, market(rules, config)])),
  account: {
    balances: config.balances,
    orders: HashMap.empty(),
    open: [],
    closed: Log.empty(),
    fills: Log.empty(),
    ledgers: Log.empty(),
    changed: Log.empty()
  },
  past: [],
  volume: { from: 0, total: Money.zeroUsd },
  engine: new Map(),
  switchAt: undefined,
  lagged: [],
  sessions: new Map(),
  requests: Log.empty()
})
