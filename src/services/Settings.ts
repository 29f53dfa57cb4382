/** The trader's settings, validated whole at start. Secrets are `Redacted`; only the signer and the webhook sender open them. */
import type { Redacted } from "effect"
import { Context, Data } from "effect"
import type { Limits } from "../domain/risk/Limits.ts"
import type { SettingProblem } from "../domain/settings/Parse.ts"
import type { PairSymbol } from "../domain/market/Instrument.ts"
import type { EpochMs } from "../domain/Time.ts"

/** The settings cannot be used (exit 78): everything that is wrong with them, at once, without any secret's value. */
export class SettingsInvalid extends Data.TaggedError("SettingsInvalid")<{
  readonly problems: ReadonlyArray<SettingProblem>
}> {
  override get message(): string {
    return this.problems.map(({ key, wrong, allowed }) => `${key} ${wrong}; allowed: ${allowed}`).join("\n")
  }
}

export type TradingMode = "paper" | "observe" | "live"
export type ApiTier = "starter" | "intermediate" | "pro"

/** Market behind the local Kraken in paper mode. */
export type PaperMarket =
  | { readonly _tag: "Generated" }
  /** Real public data, at speed 1. */
  | { readonly _tag: "Kraken" }
  | { readonly _tag: "Tape"; readonly tapes: ReadonlyArray<{ readonly symbol: PairSymbol; readonly path: string }> }

export interface PaperSettings {
  readonly market: PaperMarket
  readonly seed: number
  /** Stream asset name to exact amount text, e.g. `{ USD: "98.82" }`. */
  readonly balances: Readonly<Record<string, string>>
  readonly speed: number
  readonly from?: EpochMs
  readonly to?: EpochMs
  /** Milliseconds of market time after which the run stops by itself. */
  readonly stopAfter?: number
}

export interface SettingsShape {
  readonly mode: TradingMode
  readonly paper: PaperSettings
  readonly credentials?: { readonly key: Redacted.Redacted; readonly secret: Redacted.Redacted }
  /** REST without `/0`, streams with `/v2`. */
  readonly endpoints: { readonly rest: string; readonly ws: string; readonly wsAuth: string }
  readonly tier: ApiTier
  readonly limits: Limits
  readonly strategy: { readonly name: string; readonly params: Readonly<Record<string, unknown>> }
  readonly dataDir: string
  /** Milliseconds of real time between two backups. */
  readonly backupEvery: number
  /** Where per-key locks live: `$XDG_STATE_HOME/kraken-trader` or the system's equivalent. */
  readonly stateDir: string
  readonly log: { readonly level: "error" | "warn" | "info" | "debug" | "trace"; readonly format: "pretty" | "json" }
  readonly controlPort: number
  readonly alertWebhook?: Redacted.Redacted
  /** Constant fields of what is posted there; a name in them may be as good as a password. */
  readonly alertFields?: Redacted.Redacted<Readonly<Record<string, unknown>>>
  readonly heartbeatUrl?: Redacted.Redacted
  /** The code that `doctor` prints and `LIVE_TRADING_CONFIRMED` must repeat: a short hash over mode, pairs, strategy, parameters and every limit. */
  readonly confirmationCode: string
  /** What the owner confirmed, if anything. */
  readonly confirmed?: string
}

export class Settings extends Context.Tag("trader/services/Settings")<Settings, SettingsShape>() {}
