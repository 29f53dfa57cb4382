/** `doctor`: everything that must be right before money is at stake, one line a check, with what to do about it. */
import { Cause, Context, Effect, Either } from "effect"
import type { DoctorFacts } from "../../services/DoctorFacts.ts"
import type { InstanceLock } from "../../services/InstanceLock.ts"
import type { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import type { SettingsInvalid } from "../../services/Settings.ts"
import { StrategyLoader } from "../../services/StrategyLoader.ts"
import { Terminal } from "../../services/Terminal.ts"
import { Beside } from "../cli/Beside.ts"
import type { ExchangeBeside } from "../cli/Beside.ts"
import { ExitCodes, Finished } from "../cli/ExitCode.ts"
import type { ExitCode } from "../cli/ExitCode.ts"
import { explain } from "../cli/explain.ts"
import { palette, printable } from "../cli/text.ts"
import type { Check } from "./Check.ts"
import { fail } from "./Check.ts"
import { machineChecks, recordChecks, settingsChecks, strategyCheck, webhookCheck } from "./local.ts"
import { remoteChecks } from "./remote.ts"

export type DoctorWorld = DoctorFacts | InstanceLock | Records | Settings | StrategyLoader | Beside

/** Runs every check. Nothing is placed, and what is written beside the trader is a nonce. */
export const checkAll: Effect.Effect<ReadonlyArray<Check>, never, DoctorWorld> = Effect.gen(function* () {
  const settings = yield* Settings
  const loader = yield* StrategyLoader
  const beside = yield* Beside
  const { name, params } = settings.strategy
  const machine = yield* machineChecks
  const webhook = yield* webhookCheck
  const records = yield* recordChecks
  const loaded = yield* Effect.either(loader.load(name, params))
  const remote = yield* Effect.either(
    Effect.scoped(
      Effect.flatMap(beside.toTry, (context) =>
        // what is tried is tried with the settings of that exchange, its key above all
        Effect.mapInputContext<ReadonlyArray<Check>, never, ExchangeBeside | Settings, Settings>(remoteChecks, (base) =>
          Context.merge(base, context)
        )
      )
    )
  )
  return [
    ...settingsChecks(settings),
    ...machine,
    webhook,
    ...records,
    strategyCheck(name, Either.isLeft(loaded) ? loaded.left : undefined),
    ...Either.getOrElse(remote, (error) => [
      fail("exchange", "exchange", explain(Cause.fail(error)) ?? "the exchange could not be tried", "See the text.")
    ])
  ]
})

/** What `--json` prints of a check. */
const printed = ({ id, remedy, result, text }: Check) => ({ id, result, text, remedy })

const marks: Readonly<Record<Check["result"], string>> = { ok: "ok  ", warn: "WARN", fail: "FAIL" }

const render = (checks: ReadonlyArray<Check>, confirmationCode: string | undefined, colors: boolean): string => {
  const p = palette(colors)
  const paint = { ok: p.good, warn: p.warn, fail: p.bad }
  const failed = checks.filter((check) => check.result === "fail").length
  const warned = checks.filter((check) => check.result === "warn").length
  return [
    ...checks.flatMap((check) => [
      `${paint[check.result](marks[check.result])} ${p.bold(check.id)}: ${printable(check.text)}`,
      ...(check.remedy === "" ? [] : [`       ${printable(check.remedy)}`])
    ]),
    "",
    failed > 0
      ? p.bad(`${failed} of ${checks.length} checks failed.`)
      : p.good(`${checks.length} checks, none failed${warned > 0 ? `, ${warned} to look at` : ""}.`),
    "While the trader is down, a position has no loss exit: its stops are watched by the trader, not by the exchange.",
    ...(confirmationCode === undefined
      ? []
      : [`Confirmation code of these settings for live trading: ${confirmationCode}`])
  ].join("\n")
}

const worst = (checks: ReadonlyArray<Check>): ExitCode =>
  checks.some((check) => check.result === "fail") ? ExitCodes.failed : ExitCodes.done

const finish = (code: ExitCode): Effect.Effect<void, Finished> =>
  code === ExitCodes.done ? Effect.void : Effect.fail(new Finished({ code }))

/** Prints the checks; exit code 1 when one failed. */
export const doctor = (options: { readonly json: boolean }): Effect.Effect<void, Finished, DoctorWorld | Terminal> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    const { confirmationCode } = yield* Settings
    const checks = yield* checkAll
    yield* terminal.print(
      options.json
        ? JSON.stringify({ checks: checks.map(printed), confirmationCode })
        : render(checks, confirmationCode, terminal.colors)
    )
    yield* finish(worst(checks))
  })

/** Settings that cannot be used are the first thing that is wrong: each as a check (exit 78). */
export const doctorWithoutSettings = (
  invalid: SettingsInvalid,
  options: { readonly json: boolean }
): Effect.Effect<void, Finished, Terminal> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    const checks = invalid.problems.map(({ key, wrong, allowed }) =>
      fail("settings", "settings", `${key} ${wrong}`, `Allowed: ${allowed}.`, key)
    )
    yield* terminal.print(
      options.json
        ? JSON.stringify({ checks: checks.map(printed), confirmationCode: null })
        : render(checks, undefined, terminal.colors)
    )
    yield* finish(ExitCodes.configuration)
  })
