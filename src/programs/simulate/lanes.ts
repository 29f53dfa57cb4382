/** Jobs side by side, with a line that shows how far they are, until all are done, one fails, or somebody breaks it off. */
import { Clock, Data, Effect, Ref, Schedule } from "effect"
import type { Progress, RunProgress } from "../../services/Simulator.ts"
import { StopSignal } from "../../services/StopSignal.ts"
import { Terminal } from "../../services/Terminal.ts"
import { boardLine, empty, withOver, withProgress } from "./board.ts"
import type { Over } from "./board.ts"

/** Somebody asked for the end. */
export class BrokenOff extends Data.TaggedError("BrokenOff")<{ readonly reason: string }> {}

export const brokenOff: Effect.Effect<never, BrokenOff, StopSignal> = Effect.flatMap(StopSignal, (stop) =>
  Effect.flatMap(stop.requested, (reason) => new BrokenOff({ reason }))
)

const DRAW_EVERY = "250 millis"
const LINE_EVERY = "10 seconds"

export interface Screen {
  /** Prints, one after the other, and never over the line that shows how far the work is. */
  readonly say: (text: string) => Effect.Effect<void>
  /** Shows that line, where there is a terminal. */
  readonly show: (line: string) => Effect.Effect<void>
  readonly interactive: boolean
}

export const makeScreen: Effect.Effect<Screen, never, Terminal> = Effect.gen(function* () {
  const { print, progress } = yield* Terminal
  const turn = yield* Effect.makeSemaphore(1)
  const inTurn = turn.withPermits(1)
  return progress === undefined
    ? { say: (text) => inTurn(print(text)), show: () => Effect.void, interactive: false }
    : {
        say: (text) => inTurn(Effect.zipRight(progress(""), print(text))),
        show: (line) => inTurn(progress(line)),
        interactive: true
      }
})

export interface Lanes<A, E, R> {
  readonly jobs: Iterable<A>
  /** How many jobs there are. */
  readonly total: number
  /** One of it: `run`. */
  readonly what: string
  readonly workers: number
  /** Whether a line is said now and then where there is no terminal. */
  readonly talkative: boolean
  /** Does a job, whose place among all is `index`; hands on how far it is. */
  readonly one: (
    job: A,
    onProgress: (progress: RunProgress) => Effect.Effect<void>,
    index: number
  ) => Effect.Effect<Over, E, R>
}

/** Does all jobs, so many at a time, in their order. Answers with who broke it off, if somebody did. */
export const sideBySide = <A, E, R>(
  { jobs, one, talkative, total, what, workers }: Lanes<A, E, R>,
  { interactive, say, show }: Screen
): Effect.Effect<BrokenOff | undefined, E, R | StopSignal> =>
  Effect.gen(function* () {
    const from = yield* Clock.currentTimeMillis
    const board = yield* Ref.make(empty)
    const left = jobs[Symbol.iterator]()
    let taken = 0
    const lane: Effect.Effect<void, E, R> = Effect.gen(function* () {
      while (true) {
        const next = left.next()
        if (next.done === true) return
        const index = taken
        taken += 1
        const over = yield* one(
          next.value,
          (progress) => Ref.update(board, (b) => withProgress(b, index, progress)),
          index
        )
        yield* Ref.update(board, (b) => withOver(b, index, over))
      }
    })
    const line = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      return boardLine(yield* Ref.get(board), { total, what }, now - from, interactive)
    })
    if (interactive) yield* Effect.forkScoped(Effect.repeat(Effect.flatMap(line, show), Schedule.spaced(DRAW_EVERY)))
    else if (talkative) {
      yield* Effect.forkScoped(Effect.schedule(Effect.flatMap(line, say), Schedule.spaced(LINE_EVERY)))
    }
    const lanes = Array.from({ length: Math.min(workers, total) }, () => lane)
    return yield* Effect.all(lanes, { concurrency: "unbounded", discard: true }).pipe(
      Effect.as(undefined),
      Effect.raceFirst(Effect.flip(brokenOff))
    )
  }).pipe(Effect.scoped, Effect.ensuring(show("")))

/** Progress of other kinds has no place on the board. */
export const onlyRuns =
  (onProgress: (progress: RunProgress) => Effect.Effect<void>) =>
  (progress: Progress): Effect.Effect<void> =>
    progress._tag === "Progress" ? onProgress(progress) : Effect.void
