/** The owner's limits, as settings give them. USD amounts and rates exact, durations in milliseconds of market time. */
import type { PairSymbol } from "../market/Instrument.ts"
import type { Rate, Usd } from "../money/Money.ts"

export interface Limits {
  readonly maxTradeSize: Usd
  readonly maxTotalExposure: Usd
  readonly allowedPairs: ReadonlyArray<PairSymbol>
  readonly minOrderSize: Usd
  readonly postOnly: boolean
  readonly maxDailyLoss: Usd
  readonly maxTradesPerDay: number
  readonly minTradeInterval: number
  readonly cooldownAfterLoss: number
  /** An entry's limit may not be further than this from the mid. */
  readonly priceCollar: Rate
  /** Quotes further apart than this refuse entries. */
  readonly maxSpread: Rate
  readonly maxPriceJump: Rate
  readonly staleAfter: number
  readonly maxClockSkew: number
  readonly reconcileEvery: number
  /** Dead man's switch time-out; `undefined` is `off` (paper only). */
  readonly deadManSwitch: number | undefined
  readonly breakerThreshold: number
  readonly breakerCooldown: number
  /** GTD life of a resting entry. */
  readonly entryExpiry: number
  /** First collar of an aggressive exit, its bound, and the least time between attempts. */
  readonly exitCollar: Rate
  readonly exitCollarMax: Rate
  readonly exitInterval: number
  /** Re-quotes after post-only refusals, per signal. */
  readonly maxRequotes: number
}
