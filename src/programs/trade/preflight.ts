/** What must hold before anything is traded with a key: its own record, the exchange's clock, the pairs' rules. */
import { Data, Effect } from "effect"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import { NONCE_AHEAD } from "../../domain/kraken/KrakenError.ts"
import type { Instrument, PairSymbol } from "../../domain/market/Instrument.ts"
import type { ApiKeyInfo } from "../../services/KrakenRest.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { MarketClock } from "../../services/Clock.ts"

/** The key is refused, too weak or too powerful (exit 77). */
export class KeyUnfit extends Data.TaggedError("KeyUnfit")<{ readonly problems: ReadonlyArray<string> }> {
  override get message(): string {
    return `the API key cannot be used: ${this.problems.join("; ")}. Nothing was traded. Change the key's permissions at Kraken (or make a new key) and start again.`
  }
}

/** The exchange does not answer (exit 69). */
export class ExchangeUnavailable extends Data.TaggedError("ExchangeUnavailable")<{ readonly detail: string }> {
  override get message(): string {
    return `Kraken cannot be reached: ${this.detail}. Nothing was traded; positions and orders are as they were. Start again when it answers.`
  }
}

/** The machine's clock is too far off (exit 71). */
export class ClockSkewed extends Data.TaggedError("ClockSkewed")<{ readonly ms: number; readonly allowed: number }> {
  override get message(): string {
    return `this machine's clock differs from Kraken's by ${Math.round(this.ms)} ms, more than MAX_CLOCK_SKEW (${this.allowed} ms). Nothing was traded. Synchronise the clock (NTP) and start again.`
  }
}

/** A pair of the settings does not exist at the exchange (exit 78). */
export class PairUnknown extends Data.TaggedError("PairUnknown")<{ readonly pairs: ReadonlyArray<string> }> {
  override get message(): string {
    return `ALLOWED_PAIRS names ${this.pairs.join(", ")}, which Kraken does not trade in dollars. Correct the setting and start again.`
  }
}

/** Kraken's own names of what a trader needs. */
export const neededPermissions: ReadonlyArray<string> = [
  "query-funds",
  "query-open-trades",
  "query-closed-trades",
  "modify-trades",
  "close-trades",
  "query-ledger",
  "create-ws-token"
]

/** Permissions that no trading key may have. */
const forbidden = (permission: string): boolean => permission.startsWith("withdraw")

/** Problems that refuse a key, and warnings that do not. */
export const judgeKey = (
  info: ApiKeyInfo,
  now: number
): { readonly problems: ReadonlyArray<string>; readonly warnings: ReadonlyArray<string> } => {
  const problems: Array<string> = []
  const warnings: Array<string> = []
  const missing = neededPermissions.filter((permission) => !info.permissions.includes(permission))
  if (missing.length > 0) problems.push(`it lacks ${missing.join(", ")}`)
  const tooMuch = info.permissions.filter(forbidden)
  if (tooMuch.length > 0) problems.push(`it may withdraw funds (${tooMuch.join(", ")}); a trading key must not`)
  if (info.validUntil !== undefined && info.validUntil <= now) problems.push("it has expired")
  else if (info.validUntil !== undefined && info.validUntil - now < 7 * 86_400_000) {
    warnings.push(`it expires in ${Math.ceil((info.validUntil - now) / 86_400_000)} days`)
  }
  if (info.ipAllowlist.length === 0) warnings.push("it is not restricted to this machine's address")
  if (info.nonceWindow > 0n) warnings.push(`it has a nonce window of ${info.nonceWindow}; this trader needs none`)
  return { problems, warnings }
}

const unavailable = (error: KrakenError): KeyUnfit | ExchangeUnavailable => {
  if (error._tag === "KrakenApiError" && error.stop) return new KeyUnfit({ problems: [error.text] })
  return error._tag === "KrakenApiError" && error.nonceAhead === true
    ? new KeyUnfit({ problems: [NONCE_AHEAD] })
    : new ExchangeUnavailable({ detail: error.message })
}

/** Reads the key's record and judges it. Warnings are logged. */
export const checkKey: Effect.Effect<ApiKeyInfo, KeyUnfit | ExchangeUnavailable, KrakenRest | MarketClock> = Effect.gen(
  function* () {
    const rest = yield* KrakenRest
    const clock = yield* MarketClock
    const info = yield* Effect.mapError(rest.apiKeyInfo, unavailable)
    const { problems, warnings } = judgeKey(info, yield* clock.now)
    if (problems.length > 0) return yield* new KeyUnfit({ problems })
    for (const warning of warnings) yield* Effect.logWarning(`API key: ${warning}`)
    return info
  }
)

/** Measures the exchange's clock once and refuses a skew that deadlines and nonces could not bear. */
export const checkClock = (
  allowedMs: number
): Effect.Effect<void, ClockSkewed | KeyUnfit | ExchangeUnavailable, KrakenRest | MarketClock> =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const clock = yield* MarketClock
    yield* Effect.mapError(rest.time, unavailable)
    const { ms } = yield* clock.offset
    // REST stamps whole seconds: half a second either way is not skew
    if (Math.abs(ms) > allowedMs + 1000) return yield* new ClockSkewed({ ms, allowed: allowedMs })
  })

/** The rules of every pair that is traded or held. */
export const readInstruments = (
  symbols: ReadonlyArray<PairSymbol>
): Effect.Effect<ReadonlyArray<Instrument>, PairUnknown | KeyUnfit | ExchangeUnavailable, KrakenRest> =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const found = yield* Effect.mapError(rest.instruments(symbols), unavailable)
    const missing = symbols.filter((symbol) => !found.some((i) => i.symbol === symbol && i.quote === "USD"))
    if (missing.length > 0) return yield* new PairUnknown({ pairs: missing })
    return found
  })
