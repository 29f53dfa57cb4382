/** `simulate --exhaustive`: whatever the trader does to the world in a scenario fails, hangs, or is the last thing it does. */
import { Clock, Effect } from "effect"
import type { Exhausted, Stretch } from "../../services/Simulator.ts"
import { Simulator } from "../../services/Simulator.ts"
import type { StopSignal } from "../../services/StopSignal.ts"
import { Terminal } from "../../services/Terminal.ts"
import type { CommandFailed, UsageError } from "../cli/ExitCode.ts"
import { ExitCodes, Finished } from "../cli/ExitCode.ts"
import type { Palette } from "../cli/text.ts"
import { count, palette, span, table } from "../cli/text.ts"
import { DAY_MS } from "../../domain/Time.ts"
import { explained } from "./failures.ts"
import { onlyRuns, sideBySide } from "./lanes.ts"
import type { BrokenOff, Screen } from "./lanes.ts"
import type { Counted, Over, Row } from "./stretches.ts"
import { rowOf, stretchesOf } from "./stretches.ts"
import type { Spent } from "./summary.ts"
import { grouped, simulated } from "./summary.ts"
import type { SimulateOptions } from "./work.ts"
import { replayOfScenario } from "./work.ts"

/** The first problems of a stretch, each with the command that repeats it. */
export const failureLines = ({ first, last, scenario }: Stretch, { failed, failures }: Exhausted, p: Palette): string =>
  [
    ...failures.flatMap(({ name, problems, strike }) => [
      p.bad(`VIOLATION in scenario ${scenario}, effect ${strike.effect} (${name}): ${strike.how}`),
      ...problems.map((problem) => `  ${problem}`),
      `  replay: ${replayOfScenario(scenario, strike)}`
    ]),
    ...(failed > failures.length
      ? [`  and ${count(failed - failures.length, "more run")} of effects ${first} to ${last} of this scenario`]
      : [])
  ].join("\n")

/** A row, and the hash over its runs. */
type Hashed = Row & { readonly hash: string }

interface Total {
  readonly scenarios: number
  /** Scenarios that were asked for. */
  readonly asked: number
  readonly effects: number
  readonly runs: number
  readonly failedRuns: number
  readonly simulatedMs: number
  readonly events: number
  readonly wallMs: number
  /** Of all cores together. */
  readonly cpuMs: number
  /** For each minute of processor time. */
  readonly simulatedDaysPerMinuteAndCore: number
  /** Over the hashes of all scenarios. */
  readonly hash: string
}

const totalOf = (rows: ReadonlyArray<Row>, asked: number, { cpuMs, wallMs }: Spent, hash: string): Total => {
  const sum = (value: (row: Row) => number): number => rows.reduce((all, row) => all + value(row), 0)
  const simulatedMs = sum((row) => row.simulatedMs)
  return {
    scenarios: rows.filter(({ whole }) => whole).length,
    asked,
    effects: sum((row) => row.effects),
    runs: sum((row) => row.runs),
    failedRuns: sum((row) => row.failed),
    simulatedMs,
    events: sum((row) => row.tasks),
    wallMs,
    cpuMs,
    simulatedDaysPerMinuteAndCore: cpuMs > 0 ? simulatedMs / DAY_MS / (cpuMs / 60_000) : 0,
    hash
  }
}

/** A row for each scenario, and what all come to. */
export const tableText = (rows: ReadonlyArray<Hashed>, total: Total, p: Palette): string => {
  const head =
    total.failedRuns > 0
      ? p.bad(`${grouped(total.failedRuns)} of ${count(total.runs, "run")} with a violation`)
      : total.scenarios < total.asked
        ? p.warn(
            `${total.scenarios} of ${count(total.asked, "scenario")} to the end, ${grouped(total.runs)} runs, without a violation`
          )
        : p.good(`${count(total.scenarios, "scenario")}, ${grouped(total.runs)} runs, no violation`)
  return [
    table(
      ["scenario", ">effects", ">runs", ">failures", "hash"],
      rows.map(({ effects, failed, hash, runs, scenario, whole }) => [
        scenario,
        grouped(effects),
        grouped(runs),
        grouped(failed),
        whole ? hash : "not all of it"
      ])
    ),
    "",
    head,
    `  effects    ${grouped(total.effects)}`,
    `  simulated  ${simulated(total.simulatedMs)} in ${span(total.wallMs / 1000)}`,
    `  processor  ${span(total.cpuMs / 1000)} (${total.simulatedDaysPerMinuteAndCore.toFixed(2)} simulated days a minute and core)`,
    `  hash       ${total.hash}`
  ].join("\n")
}

type World = Simulator | StopSignal | Terminal

/** Plays each scenario once to count its effects, in the order of the names. */
const countAll = (
  scenarios: ReadonlyArray<string>,
  { json, workers }: SimulateOptions,
  screen: Screen
): Effect.Effect<ReadonlyArray<Counted> | BrokenOff, UsageError | CommandFailed, World> =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const counted: Array<Counted> = []
    const stopped = yield* sideBySide(
      {
        jobs: scenarios,
        total: scenarios.length,
        what: "scenario",
        workers,
        talkative: !json,
        one: (scenario, _, index) =>
          simulator.effects(scenario).pipe(
            Effect.mapError(explained({ name: `scenario ${scenario}`, replay: replayOfScenario(scenario, undefined) })),
            Effect.map((effects) => {
              counted[index] = { scenario, effects }
              return { simulatedMs: 0, tasks: 0, violations: 0 }
            })
          )
      },
      screen
    )
    return stopped ?? counted
  })

/** Strikes every effect of the scenarios. Ends with 1 when a rule was broken, or when it was broken off. */
export const tables = (
  scenarios: ReadonlyArray<string>,
  options: SimulateOptions,
  screen: Screen
): Effect.Effect<void, UsageError | CommandFailed | Finished, World> =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const p = palette((yield* Terminal).colors)
    const { json, workers } = options
    const { say } = screen
    const from = yield* Clock.currentTimeMillis
    const before = yield* simulator.usage

    const hashed = (row: Row): Effect.Effect<Hashed> =>
      Effect.map(simulator.fingerprint(row.hashes), (hash) => ({ ...row, hash }))
    const lineOf = ({ hashes, tasks, ...row }: Hashed): string =>
      JSON.stringify({ type: "scenario", ...row, events: tasks, parts: hashes.length })

    const counted = yield* countAll(scenarios, options, screen)
    const known = "reason" in counted ? [] : counted
    const parts = known.flatMap((row) => stretchesOf(row).map((stretch) => ({ row, stretch })))
    const over: Array<Over> = []
    const stopped =
      "reason" in counted
        ? counted
        : yield* sideBySide(
            {
              jobs: parts,
              total: parts.length,
              what: "part",
              workers,
              talkative: !json,
              one: ({ row, stretch }, onProgress) =>
                Effect.gen(function* () {
                  const item = {
                    name: `scenario ${row.scenario}, effects ${stretch.first} to ${stretch.last} of ${row.effects}`,
                    replay: `${replayOfScenario(row.scenario, undefined)} --exhaustive`
                  }
                  const result = yield* simulator
                    .exhaust(stretch, onlyRuns(onProgress))
                    .pipe(Effect.mapError(explained(item)))
                  over.push({ stretch, result })
                  const soFar = rowOf(row, over)
                  if (json && soFar.whole) yield* say(lineOf(yield* hashed(soFar)))
                  if (!json && result.failed > 0) yield* say(failureLines(stretch, result, p))
                  return { simulatedMs: result.simulatedMs, tasks: result.tasks, violations: result.failed }
                })
            },
            screen
          )

    const rows = yield* Effect.forEach(known, (row) => hashed(rowOf(row, over)))
    const begun = rows.filter(({ runs }) => runs > 0)
    const after = yield* simulator.usage
    const spent = { wallMs: (yield* Clock.currentTimeMillis) - from, cpuMs: after.cpuMs - before.cpuMs }
    const hash = yield* simulator.fingerprint(begun.map((row) => `${row.scenario} ${row.hash}`))
    const total = totalOf(begun, scenarios.length, spent, hash)
    if (json) {
      // what was not finished has not been told yet
      for (const row of begun) if (!row.whole) yield* say(lineOf(row))
      yield* say(JSON.stringify({ type: "summary", ...total }))
    } else {
      if (stopped !== undefined) yield* say(p.warn(`broken off (${stopped.reason})`))
      yield* say(tableText(begun, total, p))
    }
    if (stopped !== undefined || total.failedRuns > 0) return yield* new Finished({ code: ExitCodes.failed })
  })
