/**
 * Hours of faults, one a seed: no invariant breaks, and everything comes to rest. They run as built, by the command that
 * repeats them, in a process of its own with two threads.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"
import { Schema } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { draw, isFault } from "../../src/simulation/Draw.ts"
import { whyNotBuilt } from "../support/built.ts"

/** A slow machine is no failure. */
const LONGEST_MS = 1_800_000
const SEEDS = 300
const FIRST = 1
const LEAST_FAULTS = 10
const TWICE = 3

/** Fewer while something is developed: `SIMULATION_SEEDS=10`. In CI it is always all of them. */
const asked = process.env["CI"] === undefined ? Number(process.env["SIMULATION_SEEDS"] ?? SEEDS) : SEEDS
const seeds = Array.from({ length: asked }, (_, i) => FIRST + i)

const Run = Schema.Struct({
  type: Schema.Literal("run"),
  seed: Schema.Number,
  hash: Schema.String,
  simulatedMs: Schema.Number,
  settledAfterMs: Schema.optional(Schema.Number),
  faults: Schema.Number,
  violations: Schema.Array(Schema.Struct({ invariant: Schema.String, text: Schema.String }))
})
type Run = typeof Run.Type
const isRun = Schema.is(Run)

interface Ended {
  readonly code: number | null
  readonly runs: ReadonlyArray<Run>
  readonly error: string
}

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kraken-seeds-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const replayOf = (seed: number): string => `node dist/main.js simulate --from ${seed} --seeds 1`

/** Runs so many seeds; the first that breaks a rule ends it, without looking for a smaller plan. */
const simulate = (count: number, workers: number): Promise<Ended> =>
  new Promise((done, failed) => {
    const words = [
      "simulate",
      "--json",
      "--from",
      String(FIRST),
      "--seeds",
      String(count),
      "--workers",
      String(workers)
    ]
    const child = spawn(process.execPath, [resolve("dist/main.js"), ...words], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"]
    })
    const runs: Array<Run> = []
    let error = ""
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()))
    createInterface({ input: child.stdout }).on("line", (line) => {
      const told: unknown = JSON.parse(line)
      if (!isRun(told)) return
      runs.push(told)
      if (told.violations.length > 0) child.kill("SIGINT")
    })
    child.on("error", failed)
    child.on("close", (code) => done({ code, runs: runs.toSorted((a, b) => a.seed - b.seed), error }))
  })

describe("hours of faults", () => {
  it("the program is built", () => assert.isUndefined(whyNotBuilt()))

  it("have at least ten faults each", () => {
    for (const seed of seeds) {
      const { lengthMs, steps } = draw(seed)
      assert.isAtLeast(steps.filter(({ act }) => isFault(act)).length, LEAST_FAULTS, `seed ${seed}`)
      assert.strictEqual(lengthMs, 3_600_000)
    }
  })

  it(
    `${seeds.length} of them: the judge finds nothing, and everything comes to rest`,
    async ({ skip }) => {
      if (whyNotBuilt() !== undefined) skip()
      const { code, error, runs } = await simulate(seeds.length, 2)
      assert.deepEqual(
        runs.flatMap(({ seed, violations }) =>
          violations.length === 0
            ? []
            : [[`replay: ${replayOf(seed)}`, ...violations.map(({ invariant, text }) => `${invariant}: ${text}`)]]
        ),
        []
      )
      assert.strictEqual(code, 0, error)
      assert.deepEqual(
        runs.map(({ seed }) => seed),
        seeds
      )
      for (const { faults, seed, settledAfterMs, simulatedMs } of runs) {
        assert.isDefined(settledAfterMs, `not at rest: ${replayOf(seed)}`)
        assert.isAtLeast(faults, LEAST_FAULTS, replayOf(seed))
        assert.isAbove(simulatedMs, 3_600_000)
      }
      assert.strictEqual(new Set(runs.map(({ hash }) => hash)).size, runs.length, "each seed has a story of its own")

      const again = await simulate(Math.min(TWICE, seeds.length), 1)
      assert.deepEqual(again.runs, runs.slice(0, TWICE), "the same seed, the same story")
    },
    LONGEST_MS
  )
})
