/** Settings for tests: the documented defaults of paper mode, with whatever a test wants changed. They are values, so there is nothing to steer. */
import { Layer } from "effect"
import { PairSymbol } from "../../domain/market/Instrument.ts"
import * as Money from "../../domain/money/Money.ts"
import type { Limits } from "../../domain/risk/Limits.ts"
import type { SettingsShape } from "../../services/Settings.ts"
import { Settings } from "../../services/Settings.ts"

/** The default limits: 10 USD a trade and in all, XLM/USD only. */
export const mockLimits: Limits = {
  maxTradeSize: Money.usd("10"),
  maxTotalExposure: Money.usd("10"),
  allowedPairs: [PairSymbol("XLM/USD")],
  minOrderSize: Money.usd("1"),
  postOnly: true,
  maxDailyLoss: Money.usd("20"),
  maxTradesPerDay: 50,
  minTradeInterval: 10_000,
  cooldownAfterLoss: 300_000,
  priceCollar: Money.rate("0.02"),
  maxSpread: Money.rate("0.02"),
  maxPriceJump: Money.rate("0.05"),
  staleAfter: 10_000,
  maxClockSkew: 1_000,
  reconcileEvery: 60_000,
  deadManSwitch: 60_000,
  breakerThreshold: 5,
  breakerCooldown: 60_000,
  entryExpiry: 120_000,
  exitCollar: Money.rate("0.005"),
  exitCollarMax: Money.rate("0.05"),
  exitInterval: 2_000,
  maxRequotes: 5
}

/** Paper mode against addresses that nobody listens on, so that a forgotten real layer cannot reach anything. */
export const mockSettingsValue: SettingsShape = {
  mode: "paper",
  paper: { market: { _tag: "Generated" }, seed: 1, balances: { USD: "98.82" }, speed: 1 },
  endpoints: { rest: "http://127.0.0.1:9", ws: "ws://127.0.0.1:9/v2", wsAuth: "ws://127.0.0.1:9/auth/v2" },
  tier: "starter",
  limits: mockLimits,
  strategy: { name: "mean-reversion", params: {} },
  dataDir: "data/mock",
  backupEvery: 86_400_000,
  stateDir: "data/mock-state",
  log: { level: "info", format: "json" },
  controlPort: 0,
  confirmationCode: "mock"
}

/** The defaults with some fields replaced. */
export const mockSettings = (changes: Partial<SettingsShape> = {}): Layer.Layer<Settings> =>
  Layer.succeed(Settings, { ...mockSettingsValue, ...changes })
