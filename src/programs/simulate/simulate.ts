/**
 * `simulate`: runs the trading program against a simulated exchange and network on virtual time: seed after seed, each
 * with faults of its own, or scenarios by their names. The first seed that breaks a rule ends it: its plan is made as small
 * as it can be, and told.
 */
import { FileSystem } from "@effect/platform/FileSystem"
import { Clock, Data, Effect, Ref } from "effect"
import type { DayOver, Shrunk, SimulatedRun } from "../../services/Simulator.ts"
import { Simulator } from "../../services/Simulator.ts"
import type { StopSignal } from "../../services/StopSignal.ts"
import { Terminal } from "../../services/Terminal.ts"
import { CommandFailed, ExitCodes, Finished, UsageError } from "../cli/ExitCode.ts"
import { count, palette } from "../cli/text.ts"
import { explained } from "./failures.ts"
import { heapProblem } from "./heap.ts"
import { brokenOff, makeScreen, sideBySide } from "./lanes.ts"
import type { BrokenOff, Screen } from "./lanes.ts"
import { dayText, failureText, shrunkText, struckText } from "./report.ts"
import { hashTexts, renderSummary, summarise } from "./summary.ts"
import type { Finished as Ran } from "./summary.ts"
import { tables } from "./tables.ts"
import type { Item, Runs, SimulateOptions } from "./work.ts"
import { conflictOf, replayOfFile, workOf } from "./work.ts"

type World = Simulator | StopSignal | Terminal | FileSystem
type Failure = UsageError | CommandFailed | Finished

/** A run broke a rule, and no other is to follow. */
class Violated extends Data.TaggedError("Violated")<{ readonly item: Item; readonly run: SimulatedRun }> {}

const readPlan = (file: string): Effect.Effect<string, UsageError, FileSystem> =>
  Effect.flatMap(FileSystem, (files) => files.readFileString(file)).pipe(
    Effect.mapError(
      (error) => new UsageError({ text: `${file} cannot be read (${error.message}). Nothing was simulated.` })
    )
  )

/** What the runs leave behind, as they end. */
interface Kept {
  readonly ran: Array<Ran>
  /** Heaps that grew. */
  readonly grown: Array<string>
}

/** Carries the runs out and keeps what they leave; fails with the one that ended them. */
const carryOut = (options: SimulateOptions, runs: Runs, kept: Kept, screen: Screen) =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const p = palette((yield* Terminal).colors)
    const { say } = screen
    return yield* sideBySide(
      {
        jobs: runs.items,
        total: runs.total,
        what: "run",
        workers: options.workers,
        talkative: !options.json,
        one: (item, onProgress, index) =>
          Effect.gen(function* () {
            const days: Array<DayOver> = []
            const onDay = (day: DayOver) => {
              const { _tag, ...figures } = day
              days.push(day)
              return say(
                options.json ? JSON.stringify({ type: "day", run: item.name, ...figures }) : dayText(item, day)
              )
            }
            const run = yield* simulator
              .run(
                item.job,
                (progress) =>
                  progress._tag === "Progress"
                    ? onProgress(progress)
                    : progress._tag === "Day"
                      ? onDay(progress)
                      : Effect.void,
                options.journal
              )
              .pipe(Effect.mapError(explained(item)))
            const { strike } = item.job
            if (strike !== undefined && run.struck === undefined && run.violations.length === 0) {
              return yield* new UsageError({
                text: `${item.name} has ${run.effects} effects: there is none of the number ${strike.effect}, and nothing was struck.`
              })
            }
            kept.ran.push({ index, run })
            const problem = options.checkHeap ? heapProblem(days) : undefined
            if (problem !== undefined) kept.grown.push(`${item.name}: ${problem}`)
            if (options.json) yield* say(JSON.stringify({ type: "run", run: item.name, ...run }))
            const violations = run.violations.length
            if (violations === 0 && strike !== undefined && !options.json) yield* say(struckText(strike, run))
            if (violations > 0) {
              if (!options.json) yield* say(failureText(item, run, p))
              if (runs.endsAtFirst) return yield* new Violated({ item, run })
            }
            return { simulatedMs: run.simulatedMs, tasks: run.tasks, violations }
          })
      },
      screen
    )
  })

/** Looks for the smallest plan that fails in the same way, writes it down, and tells it. */
const makeSmaller = (
  { item, run }: Violated,
  file: string,
  { interactive, say, show }: Screen,
  options: SimulateOptions
): Effect.Effect<void, UsageError | CommandFailed, World> =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const files = yield* FileSystem
    const best = yield* Ref.make<Shrunk | undefined>(undefined)
    if (!options.json) {
      yield* say(
        "Looking for the smallest plan that fails like it. Each try is a run; Ctrl-C keeps the smallest so far."
      )
    }
    const found = yield* simulator
      .shrink(item.job, run, (progress) => {
        if (progress._tag !== "Try") return Effect.void
        const { acts, tries } = progress
        const line = `${tries === 1 ? "1 try" : `${tries} tries`}, ${count(acts, "act")} left`
        return Effect.zipRight(
          Ref.set(best, { plan: progress.best, tries, run }),
          interactive ? show(line) : Effect.void
        )
      })
      .pipe(
        Effect.mapError(explained(item)),
        Effect.raceFirst(brokenOff),
        Effect.catchTag("BrokenOff", () => Ref.get(best))
      )
    yield* show("")
    if (found === undefined) return
    yield* files
      .writeFileString(file, found.plan)
      .pipe(
        Effect.mapError(
          (error) => new CommandFailed({ text: `The smaller plan cannot be written to ${file}: ${error.message}` })
        )
      )
    const words = yield* simulator.tell(found.plan).pipe(Effect.mapError(explained(item)))
    const replay = replayOfFile(file)
    const { tries } = found
    const { violations } = found.run
    yield* say(
      options.json
        ? JSON.stringify({ type: "smaller", run: item.name, file, tries, ...words, violations, replay })
        : shrunkText(words, found, replay)
    )
  })

const runAll = (options: SimulateOptions, runs: Runs, screen: Screen): Effect.Effect<void, Failure, World> =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const p = palette((yield* Terminal).colors)
    const { say } = screen
    const kept: Kept = { ran: [], grown: [] }
    const from = yield* Clock.currentTimeMillis
    const before = yield* simulator.usage
    const end: Violated | BrokenOff | undefined = yield* carryOut(options, runs, kept, screen).pipe(
      Effect.catchTag("Violated", (violated) => Effect.succeed(violated))
    )
    const after = yield* simulator.usage
    const spent = { wallMs: (yield* Clock.currentTimeMillis) - from, cpuMs: after.cpuMs - before.cpuMs }
    const hash = yield* simulator.fingerprint(hashTexts(kept.ran))
    const summary = summarise(kept.ran, runs.total, spent, hash)
    if (end?._tag === "Violated" && end.item.smallerIn !== undefined) {
      yield* makeSmaller(end, end.item.smallerIn, screen, options)
    }
    if (end?._tag === "BrokenOff" && !options.json) yield* say(p.warn(`broken off (${end.reason})`))
    for (const problem of kept.grown)
      yield* say(options.json ? JSON.stringify({ type: "heap", problem }) : p.bad(problem))
    yield* say(options.json ? JSON.stringify({ type: "summary", ...summary }) : renderSummary(summary, p))
    if (end !== undefined || summary.violations > 0 || kept.grown.length > 0) {
      return yield* new Finished({ code: ExitCodes.failed })
    }
  })

/** Runs what the options ask for. Ends with 1 when a rule was broken, or when it was broken off. */
export const simulate = (options: SimulateOptions): Effect.Effect<void, Failure, World> =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const wrong = conflictOf(options)
    if (wrong !== undefined) return yield* wrong
    const text = options.plan === undefined ? undefined : yield* readPlan(options.plan)
    const work = yield* workOf(options, text, yield* simulator.scenarios)
    const screen = yield* makeScreen
    yield* work._tag === "Tables" ? tables(work.scenarios, options, screen) : runAll(options, work, screen)
  })
