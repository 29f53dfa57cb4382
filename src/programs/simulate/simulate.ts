/**
 * `simulate`: runs the trading program against a simulated exchange and network on virtual time, seed after seed, each
 * with faults of its own. The first run that breaks a rule ends it: its plan is made as small as it can be, and told.
 */
import { FileSystem } from "@effect/platform/FileSystem"
import { Clock, Data, Effect, Option, Ref, Schedule } from "effect"
import type { Progress, Shrunk, SimulatedRun } from "../../services/Simulator.ts"
import { Simulator } from "../../services/Simulator.ts"
import type { SimulatorFailed } from "../../services/Simulator.ts"
import { StopSignal } from "../../services/StopSignal.ts"
import { Terminal } from "../../services/Terminal.ts"
import { CommandFailed, ExitCodes, Finished, UsageError } from "../cli/ExitCode.ts"
import { palette } from "../cli/text.ts"
import { boardLine, empty, withProgress, withRun } from "./board.ts"
import { heapProblem } from "./heap.ts"
import { dayText, failureText, shrunkText } from "./report.ts"
import { hashTexts, renderSummary, summarise } from "./summary.ts"
import type { Finished as Ran } from "./summary.ts"
import type { Item, SimulateOptions, Work } from "./work.ts"
import { replayOfFile, workOf } from "./work.ts"

type World = Simulator | StopSignal | Terminal | FileSystem
type Failure = UsageError | CommandFailed | Finished

/** A run broke a rule. */
class Violated extends Data.TaggedError("Violated")<{ readonly item: Item; readonly run: SimulatedRun }> {}
class BrokenOff extends Data.TaggedError("BrokenOff")<{ readonly reason: string }> {}

const DRAW_EVERY = "250 millis"
const LINE_EVERY = "10 seconds"

const readPlan = (file: string): Effect.Effect<string, UsageError, FileSystem> =>
  Effect.flatMap(FileSystem, (files) => files.readFileString(file)).pipe(
    Effect.mapError(
      (error) => new UsageError({ text: `${file} cannot be read (${error.message}). Nothing was simulated.` })
    )
  )

/** A plan that is none is the caller's mistake; a simulation that breaks down is the program's. */
const explained =
  (item: Item) =>
  (error: SimulatorFailed): UsageError | CommandFailed =>
    error.reason === "plan"
      ? new UsageError({ text: `${item.name} cannot be carried out: ${error.text}. Nothing was simulated.` })
      : error.reason === "journal"
        ? new CommandFailed({ text: error.text })
        : new CommandFailed({
            text: `${item.name}: ${error.text}\nThis says nothing about the trader. Repeat it with: ${item.replay}`,
            code: ExitCodes.internal
          })

/** Prints in turn, and never over the line that shows how far the work is. */
const makeSay = Effect.gen(function* () {
  const terminal = yield* Terminal
  const turn = yield* Effect.makeSemaphore(1)
  const { progress } = terminal
  return {
    say: (text: string) =>
      turn.withPermits(1)(Effect.zipRight(progress === undefined ? Effect.void : progress(""), terminal.print(text))),
    show: (line: string) => (progress === undefined ? Effect.void : turn.withPermits(1)(progress(line))),
    interactive: progress !== undefined
  }
})

type Screen = Effect.Effect.Success<typeof makeSay>

/** Everything that ran, the days of each run, and the failure that ended it, if any. */
const carryOut = (options: SimulateOptions, work: Work, { interactive, say, show }: Screen) =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const from = yield* Clock.currentTimeMillis
    const board = yield* Ref.make(empty)
    const next = yield* Ref.make(0)
    const ran: Array<Ran> = []
    const heaps: Array<string> = []

    const one = (index: number, item: Item) =>
      Effect.gen(function* () {
        const days: Array<Extract<Progress, { readonly _tag: "Day" }>> = []
        const run = yield* simulator
          .run(
            item.job,
            (progress) => {
              switch (progress._tag) {
                case "Progress":
                  return Ref.update(board, (b) => withProgress(b, index, progress))
                case "Day": {
                  days.push(progress)
                  return say(
                    options.json
                      ? JSON.stringify({ type: "day", run: item.name, ...plain(progress) })
                      : dayText(item, progress)
                  )
                }
                case "Try":
                  return Effect.void
              }
            },
            options.journal
          )
          .pipe(Effect.mapError(explained(item)))
        ran.push({ index, run })
        const problem = options.checkHeap ? heapProblem(days) : undefined
        if (problem !== undefined) heaps.push(`${item.name}: ${problem}`)
        yield* Ref.update(board, (b) => withRun(b, index, run))
        if (options.json) yield* say(JSON.stringify({ type: "run", run: item.name, ...run }))
        if (run.violations.length > 0) return yield* new Violated({ item, run })
      })

    const lane: Effect.Effect<void, Violated | UsageError | CommandFailed> = Effect.gen(function* () {
      while (true) {
        const index = yield* Ref.getAndUpdate(next, (n) => n + 1)
        if (index >= work.total) return
        yield* one(index, work.item(index))
      }
    })

    const asked = { total: work.total, lengthMs: work.lengthMs }
    const line = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      return boardLine(yield* Ref.get(board), asked, now - from, interactive)
    })
    yield* interactive
      ? Effect.forkScoped(Effect.repeat(Effect.flatMap(line, show), Schedule.spaced(DRAW_EVERY)))
      : options.json
        ? Effect.void
        : Effect.forkScoped(Effect.schedule(Effect.flatMap(line, say), Schedule.spaced(LINE_EVERY)))

    const lanes = Array.from({ length: Math.min(options.workers, work.total) }, () => lane)
    const end = yield* Effect.all(lanes, { concurrency: "unbounded", discard: true }).pipe(
      Effect.raceFirst(brokenOff),
      Effect.as(Option.none<Violated | BrokenOff>()),
      Effect.catchTags({ Violated: (v) => Effect.succeedSome(v), BrokenOff: (b) => Effect.succeedSome(b) })
    )
    return { ran, heaps, end: Option.getOrUndefined(end), wallMs: (yield* Clock.currentTimeMillis) - from }
  }).pipe(Effect.scoped)

const brokenOff: Effect.Effect<never, BrokenOff, StopSignal> = Effect.flatMap(StopSignal, (stop) =>
  Effect.flatMap(stop.requested, (reason) => new BrokenOff({ reason }))
)

const plain = ({ _tag, ...rest }: Extract<Progress, { readonly _tag: "Day" }>) => rest

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
    if (!options.json)
      yield* say(
        "Looking for the smallest plan that fails like it. Each try is a run; Ctrl-C keeps the smallest so far."
      )
    const found = yield* simulator
      .shrink(item.job, run, (progress) => {
        if (progress._tag !== "Try") return Effect.void
        const line = `${progress.tries} tries, ${progress.acts} acts left`
        return Effect.zipRight(
          Ref.set(best, { plan: progress.best, tries: progress.tries, run }),
          interactive ? show(line) : Effect.void
        )
      })
      .pipe(
        Effect.mapError(explained(item)),
        Effect.raceFirst(brokenOff),
        Effect.catchTag("BrokenOff", () => Ref.get(best))
      )
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
    yield* say(
      options.json
        ? JSON.stringify({
            type: "smaller",
            run: item.name,
            file,
            tries: found.tries,
            ...words,
            violations: found.run.violations,
            replay
          })
        : shrunkText(words, found, replay)
    )
  })

/** Runs what the options ask for. Ends with 1 when a rule was broken, or when it was broken off. */
export const simulate = (options: SimulateOptions): Effect.Effect<void, Failure, World> =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    const terminal = yield* Terminal
    const text = options.plan === undefined ? undefined : yield* readPlan(options.plan)
    const work = yield* workOf(options, text)
    const screen = yield* makeSay
    const { say, show } = screen
    const p = palette(terminal.colors)
    const before = yield* simulator.usage
    const { end, heaps, ran, wallMs } = yield* carryOut(options, work, screen)
    const after = yield* simulator.usage
    const hash = yield* simulator.fingerprint(hashTexts(ran))
    const summary = summarise(ran, work.total, { wallMs, cpuMs: after.cpuMs - before.cpuMs }, hash)
    yield* show("")
    if (end?._tag === "Violated") {
      if (!options.json) yield* say(failureText(end.item, end.run, p))
      if (end.item.smallerIn !== undefined) yield* makeSmaller(end, end.item.smallerIn, screen, options)
    }
    if (end?._tag === "BrokenOff" && !options.json) yield* say(p.warn(`broken off (${end.reason})`))
    for (const problem of heaps) yield* say(options.json ? JSON.stringify({ type: "heap", problem }) : p.bad(problem))
    yield* say(options.json ? JSON.stringify({ type: "summary", ...summary }) : renderSummary(summary, p))
    if (end !== undefined || heaps.length > 0) return yield* new Finished({ code: ExitCodes.failed })
  })
