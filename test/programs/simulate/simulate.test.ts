import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, TestClock } from "effect"
import type { DayOver } from "../../../src/services/Simulator.ts"
import { SimulatorFailed } from "../../../src/services/Simulator.ts"
import { broken, ended, run, seedOf } from "./support.ts"

const lines = (out: string): ReadonlyArray<Record<string, unknown>> =>
  out.split("\n").map((line): Record<string, unknown> => JSON.parse(line))

const MIB = 1_048_576
const day = (number: number, heapBytes: number): DayOver => ({
  _tag: "Day",
  day: number,
  tasks: number * 1000,
  heapBytes
})

describe("simulate", () => {
  it.effect("carries every seed out once, in order with one worker, and sums up", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const { code, out } = yield* ended(
        { seeds: 3, from: 40 },
        { run: (job) => Effect.sync(() => run({ seed: seen.push(seedOf(job)), hash: `h${seedOf(job)}` })) }
      )
      assert.strictEqual(code, 0)
      assert.deepEqual(seen, [40, 41, 42])
      assert.include(out, "3 runs, no violation")
      assert.include(out, "0 h40+1 h41+2 h42")
    })
  )

  it.effect("runs as many side by side as workers, and the total hash does not depend on who is first", () =>
    Effect.gen(function* () {
      let most = 0
      let now = 0
      const slow = (workers: number) =>
        ended(
          { seeds: 6, workers },
          {
            run: (job) =>
              Effect.gen(function* () {
                now += 1
                most = Math.max(most, now)
                yield* Effect.sleep(1000 - 100 * seedOf(job))
                now -= 1
                return run({ hash: `h${seedOf(job)}` })
              })
          }
        )
      const fiber = yield* Effect.fork(slow(4))
      yield* TestClock.adjust("1 minute")
      const four = yield* Fiber.join(fiber)
      assert.strictEqual(most, 4)
      const again = yield* Effect.fork(slow(1))
      yield* TestClock.adjust("1 minute")
      const one = yield* Fiber.join(again)
      const hash = (out: string) => /hash.*/.exec(out)?.[0]
      assert.strictEqual(hash(four.out), hash(one.out))
    })
  )

  it.effect("the first broken rule ends it; the smallest plan is written, told and replayable", () =>
    Effect.gen(function* () {
      const asked: Array<number> = []
      const { code, out, written } = yield* ended(
        { seeds: 9 },
        {
          run: (job) =>
            Effect.sync(() => {
              asked.push(seedOf(job))
              return run({ seed: seedOf(job), violations: seedOf(job) === 3 ? [broken] : [] })
            }),
          shrink: (job, failed, onProgress) =>
            Effect.as(onProgress({ _tag: "Try", tries: 1, acts: 4, best: "big" }), {
              plan: `small ${seedOf(job)}`,
              run: failed,
              tries: 12
            })
        }
      )
      assert.strictEqual(code, 1)
      assert.deepEqual(asked, [1, 2, 3])
      assert.include(out, "VIOLATION in seed 3\n  2024-03-10T12:00:00.000Z I2: it was sent a second time")
      assert.include(out, "replay: node dist/main.js simulate --from 3 --seeds 1\n")
      assert.include(out, "The smallest plan found in 12 tries: 1 act in 90 s\n  act of small 3\n")
      assert.include(
        out,
        "replay: node dist/main.js simulate --plan simulation-seed-3.json --journal simulation-seed-3.log"
      )
      assert.deepEqual([...written], [["simulation-seed-3.json", "small 3"]])
      assert.include(out, "1 violation in 1 run of 3")
    })
  )

  it.effect("says the same as JSON lines, and nothing else", () =>
    Effect.gen(function* () {
      const { code, out } = yield* ended(
        { seeds: 2, json: true },
        {
          run: (job) => Effect.succeed(run({ seed: seedOf(job), violations: seedOf(job) === 2 ? [broken] : [] })),
          shrink: (_, failed) => Effect.succeed({ plan: "small", run: failed, tries: 2 })
        }
      )
      assert.strictEqual(code, 1)
      const all = lines(out)
      assert.deepEqual(
        all.map((line) => line["type"]),
        ["run", "run", "smaller", "summary"]
      )
      assert.deepInclude(all[0], { run: "seed 1", seed: 1, faults: 12, violations: [] })
      assert.deepInclude(all[2], {
        file: "simulation-seed-2.json",
        tries: 2,
        acts: ["act of small"],
        violations: [broken]
      })
      assert.deepInclude(all[3], { runs: 2, violations: 1, failedRuns: 1, lives: 6, restarts: 4 })
    })
  )

  it.effect("broken off while it looks for the smallest plan, it keeps the smallest so far", () =>
    Effect.gen(function* () {
      const stop = yield* Deferred.make<string>()
      const failing = { run: () => Effect.succeed(run({ violations: [broken] })) }
      const some = yield* ended(
        { seeds: 1 },
        {
          ...failing,
          shrink: (_, __, onProgress) =>
            onProgress({ _tag: "Try", tries: 7, acts: 3, best: "so far" }).pipe(
              Effect.zipRight(Deferred.succeed(stop, "SIGINT")),
              Effect.zipRight(Effect.never)
            )
        },
        { stop }
      )
      assert.include(some.out, "The smallest plan found in 7 tries")
      assert.strictEqual(some.written.get("simulation-seed-1.json"), "so far")
      const none = yield* ended({ seeds: 1 }, { ...failing, shrink: () => Effect.never }, { stop })
      assert.strictEqual(none.written.size, 0)
      assert.strictEqual(none.code, 1)
    })
  )

  it.effect("broken off, it sums up what ran, and does not say that all is well", () =>
    Effect.gen(function* () {
      const stop = yield* Deferred.make<string>()
      const { code, out } = yield* ended(
        { seeds: 5 },
        {
          run: (job) =>
            seedOf(job) < 3 ? Effect.succeed(run()) : Effect.zipRight(Deferred.succeed(stop, "SIGTERM"), Effect.never)
        },
        { stop }
      )
      assert.strictEqual(code, 1)
      assert.include(out, "broken off (SIGTERM)")
      assert.include(out, "2 of 5 runs carried out, without a violation")
    })
  )

  it.effect("a plan is read from its file, carried out and not made smaller", () =>
    Effect.gen(function* () {
      const jobs: Array<unknown> = []
      const { code, out, written } = yield* ended(
        { plan: "my plan.json", journal: "a.log", strike: { effect: 4, how: "hang" } },
        {
          run: (job, _, journal) => {
            jobs.push(job, journal)
            return Effect.succeed(
              run({ violations: [broken, ...Array.from({ length: 9 }, () => broken)], struck: "request: AddOrder" })
            )
          }
        },
        { files: { "my plan.json": "the plan" } }
      )
      assert.strictEqual(code, 1)
      assert.deepEqual(jobs, [{ _tag: "Plan", text: "the plan", strike: { effect: 4, how: "hang" } }, "a.log"])
      assert.include(out, "struck: request: AddOrder")
      assert.include(out, "and 2 more")
      assert.include(out, "replay: node dist/main.js simulate --plan 'my plan.json' --strike 4:hang")
      assert.strictEqual(written.size, 0)
    })
  )

  it.effect("what cannot be read or is no plan is a mistake of the caller's; nothing is simulated", () =>
    Effect.gen(function* () {
      const missing = yield* ended({ plan: "nowhere.json" })
      assert.strictEqual(missing.code, 64)
      assert.include(missing.error, "nowhere.json cannot be read")
      const none = yield* ended(
        { plan: "x" },
        { run: () => new SimulatorFailed({ reason: "plan", text: "is not JSON" }) },
        { files: { x: "" } }
      )
      assert.strictEqual(none.code, 64)
      assert.include(none.error, "the plan x cannot be carried out: is not JSON")
    })
  )

  it.effect("a journal that cannot be written fails it; a simulation that breaks down is said to be no verdict", () =>
    Effect.gen(function* () {
      const journal = yield* ended(
        { seeds: 1, journal: "/x" },
        { run: () => new SimulatorFailed({ reason: "journal", text: "The journal cannot be written" }) }
      )
      assert.strictEqual(journal.code, 1)
      const died = yield* ended(
        { seeds: 1, from: 8 },
        { run: () => new SimulatorFailed({ reason: "died", text: "out of memory" }) }
      )
      assert.strictEqual(died.code, 70)
      assert.include(died.error, "This says nothing about the trader")
      assert.include(died.error, "--from 8 --seeds 1")
    })
  )

  it.effect("a smaller plan that cannot be written is said", () =>
    Effect.gen(function* () {
      const { code, error } = yield* ended(
        { seeds: 1 },
        {
          run: () => Effect.succeed(run({ violations: [broken] })),
          shrink: (_, failed) => Effect.succeed({ plan: "small", run: failed, tries: 2 })
        },
        { readOnly: true }
      )
      assert.strictEqual(code, 1)
      assert.include(error, "cannot be written to simulation-seed-1.json")
    })
  )

  it.effect("tells the heap of each day, and fails when it grows", () =>
    Effect.gen(function* () {
      const growing = {
        run: (_: unknown, onProgress: (p: DayOver) => Effect.Effect<void>) =>
          Effect.as(
            Effect.forEach([day(1, 80 * MIB), day(2, 81 * MIB), day(3, 200 * MIB)], onProgress),
            run({ simulatedMs: 3 * 86_400_000 })
          )
      }
      const checked = yield* ended({ seeds: 1, days: 3, checkHeap: true }, growing)
      assert.strictEqual(checked.code, 1)
      assert.include(checked.out, "seed 1, day 2: heap 81.0 MiB, 2,000 events so far")
      assert.include(checked.out, "the heap grew from 80.0 MiB after the first day to 200.0 MiB after day 3")
      const told = yield* ended({ seeds: 1, days: 3, json: true }, growing)
      assert.strictEqual(told.code, 0)
      assert.deepEqual(lines(told.out)[2], { type: "day", run: "seed 1", day: 3, tasks: 3000, heapBytes: 200 * MIB })
      const failed = yield* ended({ seeds: 1, days: 3, json: true, checkHeap: true }, growing)
      assert.strictEqual(failed.code, 1)
      assert.strictEqual(lines(failed.out).at(-2)?.["type"], "heap")
    })
  )

  it.effect("shows how far it is: a bar on a terminal, a line now and then elsewhere, nothing beside JSON", () =>
    Effect.gen(function* () {
      const slow = {
        run: (_: unknown, onProgress: (p: never) => Effect.Effect<void>) =>
          Effect.gen(function* () {
            const tell = onProgress as (p: unknown) => Effect.Effect<void>
            yield* tell({ _tag: "Progress", share: 0.5, simulatedMs: 1_800_000, tasks: 500, heapBytes: 50 * MIB })
            yield* Effect.sleep("15 seconds")
            return run()
          })
      }
      const after = (given: Parameters<typeof ended>[0], interactive: boolean) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(ended(given, slow, { interactive }))
          yield* TestClock.adjust("1 minute")
          return yield* Fiber.join(fiber)
        })
      const bar = yield* after({ seeds: 2 }, true)
      assert.include(bar.shown.join("\n"), "[###############-----] 1 of 2 runs, 0 violations, ")
      assert.include(bar.shown.join("\n"), "heap 50.0 MiB")
      assert.strictEqual(bar.shown.at(-1), "")
      const plain = yield* after({ seeds: 2 }, false)
      assert.include(
        plain.out,
        "0 of 2 runs, 0 violations, 30 min simulated, 0.13 days/min, 50 events/s, heap 50.0 MiB"
      )
      const json = yield* after({ seeds: 2, json: true }, false)
      assert.deepEqual(
        lines(json.out).map((line) => line["type"]),
        ["run", "run", "summary"]
      )
      const both = yield* after({ seeds: 2, json: true }, true)
      assert.isAbove(both.shown.length, 2)
      assert.strictEqual(lines(both.out).length, 3)
    })
  )

  it.effect("shows on a terminal how the plan gets smaller", () =>
    Effect.gen(function* () {
      const { shown } = yield* ended(
        { seeds: 1 },
        {
          run: () => Effect.succeed(run({ violations: [broken] })),
          shrink: (_, failed, onProgress) =>
            onProgress({ _tag: "Try", tries: 3, acts: 1, best: "b" }).pipe(
              Effect.zipRight(onProgress(day(1, 1))),
              Effect.as({ plan: "small", run: failed, tries: 3 })
            )
        },
        { interactive: true }
      )
      assert.include(shown, "3 tries, 1 act left")
    })
  )
})
