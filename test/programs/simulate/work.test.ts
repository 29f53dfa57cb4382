import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { SimulateOptions } from "../../../src/programs/simulate/work.ts"
import { likely } from "../../../src/programs/simulate/work.ts"
import type { Job } from "../../../src/services/Simulator.ts"
import { broken, ended, run } from "./support.ts"

const strike = { effect: 4, how: "crash" } as const

describe("what simulate is asked to do", () => {
  const contradictions: ReadonlyArray<readonly [Partial<SimulateOptions>, string]> = [
    [{ plan: "p", seeds: 2 }, "--plan FILE is one run"],
    [{ plan: "p", scenario: "all" }, "--plan FILE is one run"],
    [{ scenario: "all", seeds: 2 }, "leave out --seeds, --from and --days"],
    [{ scenario: "all", days: 2 }, "leave out --seeds, --from and --days"],
    [{ exhaustive: true, from: 2 }, "leave out --seeds, --from and --days"],
    [{ exhaustive: true, plan: "p" }, "leave out --plan, --strike and --journal"],
    [{ exhaustive: true, strike }, "leave out --plan, --strike and --journal"],
    [{ exhaustive: true, journal: "j" }, "leave out --plan, --strike and --journal"],
    [{ checkHeap: true }, "--days with 2 or more"],
    [{ checkHeap: true, days: 1, seeds: 1 }, "--days with 2 or more"],
    [{ seeds: 2, journal: "j" }, "--journal FILE holds one run"],
    [{ scenario: "all", journal: "j" }, "--journal FILE holds one run"],
    [{ strike }, "--strike N:HOW is about the Nth effect of one run"],
    [{ scenario: "all", strike }, "--strike N:HOW is about the Nth effect of one run"]
  ]
  it.effect.each(contradictions)("%j contradicts itself", ([given, why]) =>
    Effect.gen(function* () {
      const { code, error, out } = yield* ended(given)
      assert.strictEqual(code, 64)
      assert.include(error, why)
      assert.include(error, "Nothing was simulated.")
      assert.strictEqual(out, "")
    })
  )

  it.effect("one scenario, with or without a strike, or all of them", () =>
    Effect.gen(function* () {
      const jobs: Array<Job> = []
      const keep = {
        run: (job: Job) => {
          jobs.push(job)
          return Effect.succeed(run(job.strike === undefined ? {} : { struck: "request: AddOrder" }))
        }
      }
      const one = yield* ended({ scenario: "dust's end" }, keep)
      assert.strictEqual(one.code, 0)
      const struck = yield* ended({ scenario: "lost answer", strike }, keep)
      assert.include(struck.out, "effect 4 (request: AddOrder): crash\n1 run, no violation")
      yield* ended({ scenario: "all" }, keep)
      assert.deepEqual(jobs, [
        { _tag: "Scenario", name: "dust's end" },
        { _tag: "Scenario", name: "lost answer", strike },
        { _tag: "Scenario", name: "lost answer" },
        { _tag: "Scenario", name: "dust's end" }
      ])
    })
  )

  it.effect("a scenario that fails is told with its replay, the others follow, and no smaller one is looked for", () =>
    Effect.gen(function* () {
      const { code, out, written } = yield* ended(
        { scenario: "all" },
        {
          run: (job) =>
            Effect.succeed(run(job._tag === "Scenario" && job.name === "lost answer" ? { violations: [broken] } : {}))
        }
      )
      assert.strictEqual(code, 1)
      assert.include(out, "VIOLATION in scenario lost answer")
      assert.include(out, "replay: node dist/main.js simulate --scenario 'lost answer'\n")
      assert.include(out, "1 violation in 1 run of 2")
      assert.strictEqual(written.size, 0)
    })
  )

  it.effect("a seed is struck where it is named, and its replay strikes it again", () =>
    Effect.gen(function* () {
      const { out } = yield* ended(
        { seeds: 1, from: 7, days: 0.5, strike },
        {
          run: () => Effect.succeed(run({ violations: [broken], struck: "database: load" })),
          shrink: (_, failed) => Effect.succeed({ plan: "small", run: failed, tries: 1 })
        }
      )
      assert.include(out, "struck: database: load")
      assert.include(out, "simulate --from 7 --seeds 1 --days 0.5 --strike 4:crash")
    })
  )

  it.effect("a strike that meets nothing is a mistake, not a success", () =>
    Effect.gen(function* () {
      const { code, error } = yield* ended({ scenario: "dust's end", strike: { effect: 9999, how: "fail" } })
      assert.strictEqual(code, 64)
      assert.include(error, "scenario dust's end has 100 effects: there is none of the number 9999")
    })
  )

  it.effect("a name that is no scenario is answered with likely ones, or with all", () =>
    Effect.gen(function* () {
      const near = yield* ended({ scenario: "dusts-end" })
      assert.strictEqual(near.code, 64)
      assert.include(
        near.error,
        `There is no scenario "dusts-end"; did you mean dust's end? --scenario all carries out all 2.`
      )
      const far = yield* ended({ scenario: "zzz", exhaustive: true })
      assert.strictEqual(far.code, 64)
      assert.include(far.error, "carries out every one of these:\n  lost answer\n  dust's end\n")
    })
  )

  it("likely names are written nearly so, or share words; the nearest first, five at most", () => {
    const known = ["killed-in-a-send", "stop-during-a-send", "dust-topped-up", "killed-while-stopping"]
    assert.deepEqual(likely("kiled-in-a-send", known), ["killed-in-a-send", "stop-during-a-send"])
    assert.deepEqual(likely("KILLED", known), ["killed-in-a-send", "killed-while-stopping"])
    assert.deepEqual(likely("dust", known), ["dust-topped-up"])
    assert.deepEqual(likely("quux", known), [])
    assert.lengthOf(
      likely(
        "send",
        Array.from({ length: 9 }, (_, i) => `send-${i}`)
      ),
      5
    )
  })
})
