/** From texts to settings: everything is read, everything that is wrong is reported at once. Pure; the layer brings the texts. */
import { Either } from "effect"
import type { PairSymbol } from "../market/Instrument.ts"
import type { Limits } from "../risk/Limits.ts"
import type { EpochMs } from "../Time.ts"
import type { DotEnv } from "./DotEnv.ts"
import { shownName } from "./DotEnv.ts"
import type { SettingKey, SettingName } from "./keys.ts"
import { settingKeys } from "./keys.ts"
import { nearest } from "./spelling.ts"
import type { Read } from "./values.ts"
import * as Value from "./values.ts"

/** One thing that is wrong. Never holds a value. */
export interface SettingProblem {
  /** The setting, or the place (`.env line 3`). */
  readonly key: string
  readonly wrong: string
  readonly allowed: string
}

type Mode = "paper" | "observe" | "live"
type Market =
  | { readonly _tag: "Generated" }
  | { readonly _tag: "Kraken" }
  | { readonly _tag: "Tape"; readonly tapes: ReadonlyArray<{ readonly symbol: PairSymbol; readonly path: string }> }

/** Settings as texts say them; secrets still bare, so that nothing but the layer may hold one. */
export interface ParsedSettings {
  readonly mode: Mode
  readonly confirmed: string | undefined
  readonly paper: {
    readonly market: Market
    readonly seed: number
    readonly balances: Readonly<Record<string, string>>
    readonly speed: number
    readonly from: EpochMs | undefined
    readonly to: EpochMs | undefined
    readonly stopAfter: number | undefined
  }
  readonly key: string | undefined
  readonly secret: string | undefined
  readonly endpoints: { readonly rest: string; readonly ws: string; readonly wsAuth: string }
  readonly tier: "starter" | "intermediate" | "pro"
  readonly limits: Limits
  readonly strategy: { readonly name: string; readonly params: Readonly<Record<string, unknown>> }
  readonly dataDir: string
  readonly backupEvery: number
  readonly logLevel: "error" | "warn" | "info" | "debug" | "trace"
  readonly logFormat: "pretty" | "json" | undefined
  readonly controlPort: number
  readonly alertWebhook: string | undefined
  readonly alertFields: Readonly<Record<string, unknown>> | undefined
  readonly heartbeatUrl: string | undefined
}

const table: ReadonlyArray<SettingKey> = settingKeys
const names: ReadonlyArray<string> = table.map(({ key }) => key)
const defaults = new Map(table.map((k) => [k.key, k.default]))

/** Problems that come with a suggestion: a file with more of them is not a file of settings. */
const SUGGESTIONS = 100

/** What is wrong with the file itself: unreadable lines, keys that do not exist, keys given twice. */
const fileProblems = ({ entries, problems }: DotEnv): ReadonlyArray<SettingProblem> => {
  const at = (line: number): string => `.env line ${line}`
  const seen = new Map<string, number>()
  const found: Array<SettingProblem> = problems.map(({ line, wrong }) => ({
    key: at(line),
    wrong,
    allowed: "KEY=value, # comment, or nothing"
  }))
  for (const { key, line } of entries) {
    const earlier = seen.get(key)
    if (earlier !== undefined)
      found.push({
        key: at(line),
        wrong: `${shownName(key)} stands in line ${earlier} already`,
        allowed: "every key once"
      })
    seen.set(key, line)
    if (names.includes(key)) continue
    const meant = found.length < SUGGESTIONS ? nearest(key, names) : undefined
    found.push({
      key: at(line),
      wrong: `${meant === undefined ? shownName(key) : key} is no setting`,
      allowed: meant === undefined ? "the keys of .env.example" : `did you mean ${meant}?`
    })
  }
  return found
}

/** Name of a paper market in the default data folder: its kind, and the tapes' file names. */
const marketName = (market: Market): string => {
  if (market._tag !== "Tape") return market._tag.toLowerCase()
  const slugs = market.tapes.map(({ path }) =>
    path
      .replace(/^.*[\\/]/, "")
      .replace(/\.[^.]*$/, "")
      .replace(/[^A-Za-z0-9_-]+/g, "-")
  )
  return `tape-${slugs.join("-")}`
}

/** A settled set, or every problem. `environment` wins over the file; an empty text counts as not given. */
export const parseSettings = (
  environment: Readonly<Record<string, string | undefined>>,
  file: DotEnv
): Either.Either<ParsedSettings, ReadonlyArray<SettingProblem>> => {
  const problems: Array<SettingProblem> = [...fileProblems(file)]
  const complain = (key: string, wrong: string, allowed: string): void => {
    problems.push({ key, wrong, allowed })
  }
  const written = new Map(file.entries.map(({ key, value }) => [key, value]))
  const given = (key: SettingName): string | undefined => {
    const text = environment[key]?.trim() || written.get(key)?.trim()
    return text === "" ? undefined : text
  }
  /** A reading that failed is reported, and stood in for by the default's, so that the other checks go on. */
  const optional = <A>(key: SettingName, read: Read<A>): A | undefined => {
    const text = given(key)
    if (text === undefined) return undefined
    return Either.getOrElse(
      Either.mapLeft(read(text), ({ wrong, allowed }) => complain(key, wrong, allowed)),
      () => undefined
    )
  }
  const value = <A>(key: SettingName, read: Read<A>): A =>
    optional(key, read) ?? Either.getOrThrow(read(String(defaults.get(key))))

  const mode = value("TRADING_MODE", Value.choice("paper", "observe", "live"))
  const allowedPairs = value("ALLOWED_PAIRS", Value.pairs)
  const marketText = given("PAPER_MARKET") ?? "generated"
  const market: Market =
    marketText === "generated"
      ? { _tag: "Generated" }
      : marketText === "kraken"
        ? { _tag: "Kraken" }
        : { _tag: "Tape", tapes: optional("PAPER_MARKET", Value.tapes(allowedPairs)) ?? [] }
  const speed = optional("PAPER_SPEED", Value.number(1, 60))
  const from = optional("PAPER_FROM", Value.instant)
  const to = optional("PAPER_TO", Value.instant)
  const key = optional("KRAKEN_API_KEY", Value.apiKey)
  const secret = optional("KRAKEN_API_SECRET", Value.apiSecret)
  const deadManSwitch =
    given("DEAD_MAN_SWITCH") === "off" ? undefined : value("DEAD_MAN_SWITCH", Value.duration("30s", "1d"))

  const limits: Limits = {
    maxTradeSize: value("MAX_TRADE_SIZE", Value.usd),
    maxTotalExposure: value("MAX_TOTAL_EXPOSURE", Value.usd),
    allowedPairs,
    minOrderSize: value("MIN_ORDER_SIZE", Value.usd),
    postOnly: value("POST_ONLY", Value.boolean),
    maxDailyLoss: value("MAX_DAILY_LOSSES", Value.usd),
    maxTradesPerDay: value("MAX_TRADES_PER_DAY", Value.integer(1, 100_000)),
    minTradeInterval: value("MIN_TRADE_INTERVAL", Value.duration("0s", "1d")),
    cooldownAfterLoss: value("COOLDOWN_AFTER_LOSS", Value.duration("0s", "7d")),
    priceCollar: value("PRICE_COLLAR_PCT", Value.percent("50")),
    maxSpread: value("MAX_SPREAD_PCT", Value.percent("50")),
    maxPriceJump: value("MAX_PRICE_JUMP_PCT", Value.percent("100")),
    staleAfter: value("STALE_AFTER", Value.duration("1s", "10m")),
    maxClockSkew: value("MAX_CLOCK_SKEW", Value.duration("50ms", "5s")),
    reconcileEvery: value("RECONCILE_EVERY", Value.duration("10s", "1h")),
    deadManSwitch,
    breakerThreshold: value("CIRCUIT_BREAKER_THRESHOLD", Value.integer(1, 1000)),
    breakerCooldown: value("BREAKER_COOLDOWN", Value.duration("1s", "1h")),
    entryExpiry: value("ENTRY_EXPIRY", Value.duration("10s", "1d")),
    exitCollar: value("EXIT_COLLAR_PCT", Value.percent("50")),
    exitCollarMax: value("EXIT_COLLAR_MAX_PCT", Value.percent("50")),
    exitInterval: value("EXIT_INTERVAL", Value.duration("500ms", "1h")),
    maxRequotes: value("MAX_REQUOTES", Value.integer(0, 1000))
  }

  const settings: ParsedSettings = {
    mode,
    confirmed: optional("LIVE_TRADING_CONFIRMED", Value.words),
    paper: {
      market,
      seed: value("PAPER_SEED", Value.integer(0, 999_999_999_999_999)),
      balances: value("PAPER_BALANCES", Value.balances),
      speed: speed ?? (market._tag === "Kraken" ? 1 : 60),
      from,
      to,
      stopAfter: optional("PAPER_STOP_AFTER", Value.duration("1s", "3650d"))
    },
    key,
    secret,
    endpoints: {
      rest: value("KRAKEN_REST_URL", Value.address("https", "")),
      ws: value("KRAKEN_WS_URL", Value.address("wss", "/v2")),
      wsAuth: value("KRAKEN_WS_AUTH_URL", Value.address("wss", "/v2"))
    },
    tier: value("KRAKEN_API_TIER", Value.choice("starter", "intermediate", "pro")),
    limits,
    strategy: { name: value("STRATEGY", Value.words), params: value("STRATEGY_PARAMS", Value.jsonObject) },
    dataDir: optional("DATA_DIR", Value.words) ?? `./data/${mode === "paper" ? `paper-${marketName(market)}` : mode}`,
    backupEvery: value("BACKUP_EVERY", Value.duration("1m", "30d")),
    logLevel: value("LOG_LEVEL", Value.choice("error", "warn", "info", "debug", "trace")),
    logFormat: optional("LOG_FORMAT", Value.choice("pretty", "json")),
    controlPort: value("CONTROL_PORT", Value.integer(0, 65_535)),
    alertWebhook: optional("ALERT_WEBHOOK_URL", Value.secretAddress),
    alertFields: optional("ALERT_WEBHOOK_FIELDS", Value.jsonObject),
    heartbeatUrl: optional("HEARTBEAT_URL", Value.secretAddress)
  }

  if (limits.maxTradeSize > limits.maxTotalExposure)
    complain("MAX_TRADE_SIZE", "is above MAX_TOTAL_EXPOSURE", "at most MAX_TOTAL_EXPOSURE")
  if (limits.minOrderSize > limits.maxTradeSize)
    complain("MIN_ORDER_SIZE", "is above MAX_TRADE_SIZE: no order could be placed", "at most MAX_TRADE_SIZE")
  if (limits.exitCollar > limits.exitCollarMax)
    complain("EXIT_COLLAR_PCT", "is above EXIT_COLLAR_MAX_PCT", "at most EXIT_COLLAR_MAX_PCT")
  // Kraken: CancelAllOrdersAfter takes whole seconds.
  if (deadManSwitch === undefined && mode !== "paper")
    complain("DEAD_MAN_SWITCH", "is off, which is for paper only: orders would outlive a dead trader", "30s to 1d")
  if (deadManSwitch !== undefined && deadManSwitch % 1000 !== 0)
    complain("DEAD_MAN_SWITCH", "is no whole number of seconds", "whole seconds, 30s to 1d")
  if (from !== undefined && to !== undefined && from >= to)
    complain("PAPER_FROM", "is not before PAPER_TO", "an earlier time")
  if (market._tag !== "Tape" && (from !== undefined || to !== undefined))
    complain("PAPER_MARKET", "is no tape, but PAPER_FROM or PAPER_TO asks for part of one", "a path to a tape")
  if (market._tag === "Kraken" && speed !== undefined && speed !== 1)
    complain("PAPER_SPEED", "cannot hurry a real market", "1, or nothing, with PAPER_MARKET=kraken")
  const credentials = ["KRAKEN_API_KEY", "KRAKEN_API_SECRET"] as const
  for (const name of credentials) {
    if (mode === "paper" && given(name) !== undefined)
      complain(
        name,
        "is set although TRADING_MODE is paper, which never carries live keys",
        "remove it, or choose observe or live"
      )
    if (mode !== "paper" && given(name) === undefined)
      complain(name, `is missing, which TRADING_MODE=${mode} needs`, "both keys of one Kraken API key")
  }
  return problems.length > 0 ? Either.left(problems) : Either.right(settings)
}

const canonical = (value: unknown): unknown => {
  if (typeof value === "bigint") return value.toString()
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, canonical(inner)])
}

/** The text that the confirmation code is a hash of: mode, pairs, strategy, its parameters and every limit, in a fixed order. */
export const confirmationText = ({
  mode,
  strategy,
  limits
}: Pick<ParsedSettings, "mode" | "strategy" | "limits">): string =>
  JSON.stringify(canonical({ mode, strategy, limits: { ...limits, allowedPairs: limits.allowedPairs.toSorted() } }))
