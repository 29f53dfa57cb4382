/** A simulator that does what a test says, and a run as one would report it. */
import { layerNoop } from "@effect/platform/FileSystem"
import { SystemError } from "@effect/platform/Error"
import { Deferred, Effect, Either, Layer } from "effect"
import { exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import { simulate } from "../../../src/programs/simulate/simulate.ts"
import type { SimulateOptions } from "../../../src/programs/simulate/work.ts"
import type { Job, SimulatedRun, SimulatorShape } from "../../../src/services/Simulator.ts"
import { Simulator, SimulatorFailed } from "../../../src/services/Simulator.ts"
import { StopSignal } from "../../../src/services/StopSignal.ts"
import { Screen, screen } from "../cli/support.ts"

export const options = (change: Partial<SimulateOptions> = {}): SimulateOptions => ({
  seeds: undefined,
  from: undefined,
  days: undefined,
  scenario: undefined,
  strike: undefined,
  exhaustive: false,
  plan: undefined,
  journal: undefined,
  workers: 1,
  checkHeap: false,
  json: false,
  ...change
})

export const run = (change: Partial<SimulatedRun> = {}): SimulatedRun => ({
  seed: 1,
  violations: [],
  hash: "abc",
  simulatedMs: 3_600_000,
  settledAfterMs: 10_000,
  tasks: 1000,
  effects: 100,
  struck: undefined,
  steps: 200,
  orders: 20,
  entries: 8,
  fills: 9,
  lives: 3,
  faults: 12,
  ...change
})

export const broken = { invariant: "I2", at: 1_710_072_000_000, text: "it was sent a second time" }

const missing = new SystemError({ reason: "NotFound", module: "FileSystem", method: "readFileString" })

/** Every seed holds, unless a test says otherwise. */
export const simulatorOf = (change: Partial<SimulatorShape> = {}): SimulatorShape => ({
  run: (job) => Effect.succeed(run(job._tag === "Seed" ? { seed: job.seed, hash: `h${job.seed}` } : {})),
  shrink: () => Effect.fail(new SimulatorFailed({ reason: "died", text: "nobody asked for this" })),
  effects: () => Effect.succeed(0),
  exhaust: () => Effect.fail(new SimulatorFailed({ reason: "died", text: "nobody asked for this" })),
  scenarios: Effect.succeed([
    { name: "lost answer", why: "it was sent twice" },
    { name: "dust's end", why: "it could not be sold" }
  ]),
  tell: (plan) =>
    Effect.succeed({ name: plan, start: 0, lengthMs: 90_000, strike: undefined, acts: [`act of ${plan}`] }),
  fingerprint: (texts) => Effect.succeed(texts.join("+")),
  usage: Effect.succeed({ cpuMs: 0, rssBytes: 0 }),
  ...change
})

export interface Ended {
  readonly code: number
  readonly out: string
  readonly error: string
  /** What was shown on the line that is written over. */
  readonly shown: ReadonlyArray<string>
  readonly written: ReadonlyMap<string, string>
}

export interface Around {
  readonly files?: Readonly<Record<string, string>>
  readonly readOnly?: boolean
  readonly interactive?: boolean
  /** Asks the command to stop. */
  readonly stop?: Deferred.Deferred<string>
}

/** Runs the command in a world of its own. */
export const ended = (
  given: Partial<SimulateOptions>,
  simulator: Partial<SimulatorShape> = {},
  { files = {}, interactive = false, readOnly = false, stop }: Around = {}
): Effect.Effect<Ended> =>
  Effect.gen(function* () {
    const shown: Array<string> = []
    const written = new Map<string, string>()
    const asked = stop ?? (yield* Deferred.make<string>())
    const world = Layer.mergeAll(
      Layer.succeed(Simulator, simulatorOf(simulator)),
      Layer.succeed(StopSignal, { requested: Deferred.await(asked), request: () => Effect.void }),
      layerNoop({
        readFileString: (file) => Either.fromNullable(files[file], () => missing),
        writeFileString: (file, text) => (readOnly ? missing : Effect.sync(() => void written.set(file, text)))
      }),
      screen(interactive, interactive ? shown : undefined)
    )
    return yield* Effect.gen(function* () {
      const exit = yield* Effect.exit(simulate(options(given)))
      const { error, out } = yield* Screen
      return {
        code: exitCodeOf(exit),
        out: out(),
        error: `${error()}${exit._tag === "Failure" ? String(exit.cause) : ""}`,
        shown,
        written
      }
    }).pipe(Effect.provide(world))
  })

export const seedOf = (job: Job): number => (job._tag === "Seed" ? job.seed : -1)
