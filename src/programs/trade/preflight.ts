/**
 * The checks of `doctor`, made by a trader that starts, and what follows from each: the start is refused, only exits run,
 * or a person is told. Nothing is read for it that the start does not read anyway, but a price and a validated order a pair.
 */
import { Data, Effect } from "effect"
import type { Snapshot } from "../../domain/engine/Snapshot.ts"
import type { Instrument, PairSymbol } from "../../domain/market/Instrument.ts"
import { Alerts } from "../../services/Alerts.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { KrakenRest } from "../../services/KrakenRest.ts"
import { Settings } from "../../services/Settings.ts"
import { CommandFailed } from "../cli/ExitCode.ts"
import type { Check, Failed } from "../doctor/Check.ts"
import { warn } from "../doctor/Check.ts"
import { settingsChecks } from "../doctor/local.ts"
import { clockCheck, keyCheck, pairChecks, pairsCheck } from "../doctor/remote.ts"
import { codes, consequenceOf, tell } from "./consequences.ts"

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

/** Live trading was not confirmed for these very settings (exit 78). */
export class NotConfirmed extends Data.TaggedError("NotConfirmed")<{ readonly missing: "keys" | "code" }> {
  override get message(): string {
    return this.missing === "keys"
      ? "live and observe mode need KRAKEN_API_KEY and KRAKEN_API_SECRET. Nothing was traded."
      : "LIVE_TRADING_CONFIRMED does not match mode, pairs, strategy and limits as they are now. Nothing was traded. Run `doctor`, read what it says, and put the code it prints in .env."
  }
}

/** Why a start is refused; a failure without an error of its own is a `CommandFailed` with its kind's exit code. */
export type Refusal = KeyUnfit | ExchangeUnavailable | ClockSkewed | PairUnknown | NotConfirmed | CommandFailed

/** Lots, or orders that may have become lots while nobody looked: then exits must run. */
export const mayHold = ({ lots, orders }: Pick<Snapshot, "lots" | "orders">): boolean =>
  lots.length > 0 || orders.length > 0

/**
 * How long a start waits, in market time, for prices and validated orders. A validated order waits for the budget of an
 * entry: with counters that have to be taken for full, about half a minute, in which no entry could leave either. Where exits
 * are waited for, they come first.
 */
const TRY_MS = 45_000
const TRY_WHILE_HELD_MS = 3_000

const tried = (instrument: Instrument, withinMs: number) =>
  Effect.flatMap(MarketClock, (clock) =>
    Effect.raceFirst(
      pairChecks(instrument),
      Effect.as(clock.sleep(withinMs), [
        warn(
          "validate",
          `no order could be tried within ${withinMs / 1000} seconds; the start goes on without`,
          "`doctor` tries it again.",
          instrument.symbol
        )
      ])
    )
  )

/** Without an error of its own: by what the failure speaks against. */
const refusalOf = ({ id, kind, remedy, text }: Failed): Refusal =>
  kind === "credentials"
    ? new KeyUnfit({ problems: [text] })
    : kind === "exchange"
      ? new ExchangeUnavailable({ detail: text })
      : new CommandFailed({
          text: `the start is refused by its own check of ${id}: ${text}. Nothing was traded. ${remedy}`,
          code: codes[kind]
        })

/** What a start that was not refused goes on with. */
export interface Cleared {
  /** The rules of every pair that is traded, where it exists, and of every pair that is held. */
  readonly instruments: ReadonlyArray<Instrument>
  /** Why only exits may run, if so. */
  readonly exitsOnly: string | undefined
}

export interface PreflightOptions<R> {
  readonly snapshot: Pick<Snapshot, "lots" | "orders">
  /** The checks of machine, records and strategy: they need no exchange. */
  readonly local: Effect.Effect<ReadonlyArray<Check>, never, R>
  /** Why this run is there to sell only: then only what makes exits impossible refuses the start. */
  readonly sellOnly?: string | undefined
  /** Says what comes next. */
  readonly step: (text: string) => Effect.Effect<void>
}

/**
 * Makes the checks, tells each, and refuses the start where one says so: after those that need no call before the first
 * call, after each call that the next would be useless without. While something may be held, what concerns entries only
 * makes the run exits-only, which is alerted.
 */
export const preflight = <R>({
  local,
  sellOnly,
  snapshot,
  step
}: PreflightOptions<R>): Effect.Effect<Cleared, Refusal, R | Settings | KrakenRest | MarketClock | Alerts> =>
  Effect.gen(function* () {
    const settings = yield* Settings
    const clock = yield* MarketClock
    const held = sellOnly !== undefined || mayHold(snapshot)
    const reasons: Array<string> = sellOnly === undefined ? [] : [sellOnly]
    const heed = (
      checks: ReadonlyArray<Check>,
      refusal: (check: Failed) => Refusal = refusalOf
    ): Effect.Effect<void, Refusal> =>
      Effect.gen(function* () {
        yield* Effect.forEach(checks, tell(settings.mode), { discard: true })
        for (const check of checks) {
          if (check.result !== "fail") continue
          const consequence = consequenceOf(check, settings.mode)
          if (consequence === "nothing") continue
          if (consequence === "start" || !held) return yield* Effect.fail(refusal(check))
          reasons.push(`${check.id}: ${check.text}`)
        }
      })

    yield* step("checking settings, machine and records")
    yield* heed([...settingsChecks(settings), ...(yield* local)], (check) =>
      check.subject === "confirmation" ? new NotConfirmed({ missing: "code" }) : refusalOf(check)
    )

    yield* step("comparing clocks with the exchange")
    const skew = yield* clockCheck
    const { ms } = yield* clock.offset
    yield* heed(skew, (check) =>
      check.kind === "clock" ? new ClockSkewed({ ms, allowed: settings.limits.maxClockSkew }) : refusalOf(check)
    )

    yield* step("checking the API key's own record")
    yield* heed(yield* keyCheck)

    yield* step("reading the pairs' rules")
    const { allowedPairs } = settings.limits
    const needed = [...snapshot.lots, ...snapshot.orders].map(({ symbol }) => symbol)
    const symbols: ReadonlyArray<PairSymbol> = [...new Set([...allowedPairs, ...needed])]
    const { check, instruments, missing } = yield* pairsCheck(symbols)
    yield* heed([check], (failed) =>
      failed.kind === "settings" ? new PairUnknown({ pairs: missing }) : refusalOf(failed)
    )
    const unsellable = missing.filter((symbol) => needed.includes(symbol))
    if (unsellable.length > 0) {
      return yield* new CommandFailed({
        text: `${unsellable.join(", ")} cannot be traded in dollars at Kraken any more, and the trader holds some of it, or may: without the pair's rules nothing of it can be sold. Nothing was traded. Sell it by hand at Kraken.`,
        code: codes.settings
      })
    }

    if (reasons.length === 0) {
      yield* step("trying the smallest order of each pair")
      const entered = instruments.filter(({ symbol }) => allowedPairs.includes(symbol))
      const within = held ? TRY_WHILE_HELD_MS : TRY_MS
      const each = yield* Effect.forEach(entered, (i) => tried(i, within), { concurrency: "unbounded" })
      yield* heed(each.flat())
    }

    if (reasons.length === 0) return { instruments, exitsOnly: undefined }
    const exitsOnly = reasons.join("; ")
    if (exitsOnly === sellOnly) return { instruments, exitsOnly }
    const text = `EXITS ONLY: nothing is bought in this run, since ${exitsOnly}. What is held is sold as planned. Correct it and start again; \`doctor\` says how`
    yield* Effect.flatMap(Effect.all([Alerts, clock.now]), ([alerts, at]) =>
      alerts.send({ at, severity: "critical", kind: "start.exits-only", text })
    )
    return { instruments, exitsOnly }
  })
