import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, TestClock } from "effect"
import { rowOf, STRETCH, stretchesOf } from "../../../src/programs/simulate/stretches.ts"
import type { Exhausted, SimulatorShape, Stretch } from "../../../src/services/Simulator.ts"
import { SimulatorFailed } from "../../../src/services/Simulator.ts"
import { ended } from "./support.ts"

const lines = (out: string): ReadonlyArray<Record<string, unknown>> =>
  out.split("\n").map((line): Record<string, unknown> => JSON.parse(line))

const exhausted = ({ first, last }: Stretch, change: Partial<Exhausted> = {}): Exhausted => ({
  runs: 3 * (last - first + 1),
  failed: 0,
  failures: [],
  simulatedMs: 3_600_000,
  tasks: 1000,
  hash: `${first}-${last}`,
  ...change
})

/** Two scenarios of more than one part. */
const counting: Partial<SimulatorShape> = {
  effects: (scenario) => Effect.succeed(scenario === "lost answer" ? 2 * STRETCH + 1 : STRETCH),
  exhaust: (stretch) => Effect.succeed(exhausted(stretch))
}

describe("stretches", () => {
  it("hold each effect once, in order, none of them more than so many", () => {
    assert.deepEqual(stretchesOf({ scenario: "a", effects: 0 }), [])
    for (const effects of [1, STRETCH - 1, STRETCH, STRETCH + 1, 7 * STRETCH + 3]) {
      const all = stretchesOf({ scenario: "a", effects })
      const numbers = all.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i))
      assert.deepEqual(
        numbers,
        Array.from({ length: effects }, (_, i) => i + 1)
      )
      assert.isTrue(all.every(({ first, last }) => last >= first && last - first < STRETCH))
    }
  })

  it("come to one row whoever was first, and a row says whether all of them are there", () => {
    const counted = { scenario: "a", effects: STRETCH + 1 }
    const [one, two] = stretchesOf(counted).map((stretch) => ({ stretch, result: exhausted(stretch) }))
    const [other] = stretchesOf({ scenario: "b", effects: 2 }).map((stretch) => ({
      stretch,
      result: exhausted(stretch)
    }))
    assert.isDefined(one)
    assert.isDefined(two)
    assert.isDefined(other)
    const row = rowOf(counted, [two, other, one])
    assert.deepEqual(row, rowOf(counted, [one, two]))
    assert.deepInclude(row, { whole: true, runs: 3 * (STRETCH + 1), simulatedMs: 7_200_000, tasks: 2000 })
    assert.deepEqual(row.hashes, [`1-${STRETCH}`, `${STRETCH + 1}-${STRETCH + 1}`])
    assert.isFalse(rowOf(counted, [two]).whole)
    assert.deepInclude(rowOf(counted, []), { runs: 0, whole: false })
  })
})

describe("simulate --exhaustive", () => {
  it.effect("strikes all effects of all scenarios, and prints a row for each", () =>
    Effect.gen(function* () {
      const asked: Array<Stretch> = []
      const { code, out } = yield* ended(
        { exhaustive: true },
        {
          ...counting,
          exhaust: (stretch) => {
            asked.push(stretch)
            return Effect.succeed(exhausted(stretch))
          }
        }
      )
      assert.strictEqual(code, 0)
      assert.deepEqual(asked, [
        { scenario: "lost answer", first: 1, last: 20 },
        { scenario: "lost answer", first: 21, last: 40 },
        { scenario: "lost answer", first: 41, last: 41 },
        { scenario: "dust's end", first: 1, last: 20 }
      ])
      assert.include(
        out,
        [
          "scenario     effects  runs  failures  hash",
          "lost answer       41   123         0  1-20+21-40+41-41",
          "dust's end        20    60         0  1-20",
          "",
          "2 scenarios, 183 runs, no violation",
          "  effects    61",
          "  simulated  4 h 0 min in 0.0 s",
          "  processor  0.0 s (0.00 simulated days a minute and core)",
          "  hash       lost answer 1-20+21-40+41-41+dust's end 1-20"
        ].join("\n")
      )
      const one = yield* ended({ exhaustive: true, scenario: "dust's end" }, counting)
      assert.include(one.out, "1 scenario, 60 runs, no violation")
    })
  )

  it.effect("keeps all workers busy with one scenario, and the hash does not depend on who is first", () =>
    Effect.gen(function* () {
      let now = 0
      let most = 0
      let cpuMs = 0
      const table = (workers: number, json: boolean) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(
            ended(
              { exhaustive: true, scenario: "lost answer", workers, json },
              {
                ...counting,
                usage: Effect.sync(() => ({ cpuMs: (cpuMs += 60_000), rssBytes: 0 })),
                exhaust: (stretch, onProgress) =>
                  Effect.gen(function* () {
                    now += 1
                    most = Math.max(most, now)
                    yield* onProgress({ _tag: "Progress", share: 0.5, simulatedMs: 1, tasks: 1, heapBytes: 1 })
                    yield* onProgress({ _tag: "Try", tries: 1, acts: 1, best: "" })
                    yield* Effect.sleep(60_000 - 1000 * stretch.first)
                    now -= 1
                    return exhausted(stretch)
                  })
              }
            )
          )
          yield* TestClock.adjust("5 minutes")
          return yield* Fiber.join(fiber)
        })
      const three = yield* table(3, false)
      assert.strictEqual(most, 3)
      assert.include(three.out, "0 of 3 parts, 0 violations")
      assert.include(three.out, "processor  60 s (0.13 simulated days a minute and core)")
      const [row, summary, ...others] = lines((yield* table(1, true)).out)
      assert.deepEqual(others, [])
      assert.deepInclude(row, { type: "scenario", scenario: "lost answer", whole: true, events: 3000, parts: 3 })
      assert.deepInclude(summary, { type: "summary", scenarios: 1, asked: 1, effects: 41, runs: 123, failedRuns: 0 })
      assert.include(three.out, `hash       ${String(summary?.["hash"])}`)
    })
  )

  it.effect("tells each failure with its replay, goes on, and ends with 1", () =>
    Effect.gen(function* () {
      const failing: Partial<SimulatorShape> = {
        ...counting,
        exhaust: (stretch) =>
          Effect.succeed(
            exhausted(
              stretch,
              stretch.first === 21
                ? {
                    failed: 3,
                    failures: [
                      { strike: { effect: 22, how: "hang" }, name: "request: AddOrder", problems: ["I2: sent twice"] }
                    ]
                  }
                : {}
            )
          )
      }
      const { code, out } = yield* ended({ exhaustive: true }, failing)
      assert.strictEqual(code, 1)
      assert.include(
        out,
        [
          "VIOLATION in scenario lost answer, effect 22 (request: AddOrder): hang",
          "  I2: sent twice",
          "  replay: node dist/main.js simulate --scenario 'lost answer' --strike 22:hang",
          "  and 2 more runs of effects 21 to 40 of this scenario"
        ].join("\n")
      )
      assert.include(out, "3 of 183 runs with a violation")
      const told = lines((yield* ended({ exhaustive: true, json: true }, failing)).out)
      assert.deepEqual(
        told.map((line) => [line["type"], line["failed"]]),
        [
          ["scenario", 3],
          ["scenario", 0],
          ["summary", undefined]
        ]
      )
      assert.deepEqual(told[0]?.["failures"], [
        { strike: { effect: 22, how: "hang" }, name: "request: AddOrder", problems: ["I2: sent twice"] }
      ])
    })
  )

  it.effect("broken off, it tells what ran, and does not say that all is well", () =>
    Effect.gen(function* () {
      const broken = (json: boolean) =>
        Effect.gen(function* () {
          const stop = yield* Deferred.make<string>()
          return yield* ended(
            { exhaustive: true, json },
            {
              ...counting,
              exhaust: (stretch) =>
                stretch.first === 1
                  ? Effect.succeed(exhausted(stretch))
                  : Effect.zipRight(Deferred.succeed(stop, "SIGINT"), Effect.never)
            },
            { stop }
          )
        })
      const plain = yield* broken(false)
      assert.strictEqual(plain.code, 1)
      assert.include(plain.out, "broken off (SIGINT)")
      assert.include(plain.out, "lost answer       41    60         0  not all of it")
      assert.include(plain.out, "0 of 2 scenarios to the end, 60 runs, without a violation")
      const told = lines((yield* broken(true)).out)
      assert.deepInclude(told[0], { type: "scenario", whole: false, runs: 60 })
      assert.deepInclude(told[1], { type: "summary", scenarios: 0, asked: 2, runs: 60 })
    })
  )

  it.effect("broken off while effects are counted, it has run nothing", () =>
    Effect.gen(function* () {
      const stop = yield* Deferred.make<string>()
      const { code, out } = yield* ended(
        { exhaustive: true },
        { effects: () => Effect.zipRight(Deferred.succeed(stop, "SIGTERM"), Effect.never) },
        { stop }
      )
      assert.strictEqual(code, 1)
      assert.include(out, "0 of 2 scenarios to the end, 0 runs, without a violation")
    })
  )

  it.effect("a simulation that breaks down is said to be no verdict, with the part that did", () =>
    Effect.gen(function* () {
      const died = new SimulatorFailed({ reason: "died", text: "out of memory" })
      const struck = yield* ended({ exhaustive: true }, { ...counting, exhaust: () => died })
      assert.strictEqual(struck.code, 70)
      assert.include(struck.error, "scenario lost answer, effects 1 to 20 of 41: out of memory")
      assert.include(struck.error, "simulate --scenario 'lost answer' --exhaustive")
      const learnt = yield* ended({ exhaustive: true }, { effects: () => died })
      assert.strictEqual(learnt.code, 70)
    })
  )
})
