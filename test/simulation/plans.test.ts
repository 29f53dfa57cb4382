import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { draw } from "../../src/simulation/Draw.ts"
import type { Act } from "../../src/simulation/Plan.ts"
import { parsePlan, printPlan } from "../../src/simulation/planText.ts"
import { planOf } from "../../src/simulation/tasks.ts"
import { actWords, offset, planWords, span } from "../../src/simulation/words.ts"

const seeds = Array.from({ length: 200 }, (_, i) => i + 1)

describe("a drawn plan", () => {
  it("has at least ten faults an hour, within its time, in order", () => {
    for (const seed of seeds) {
      for (const hours of [1, 24]) {
        const { lengthMs, steps } = draw(seed, hours * 3_600_000)
        assert.isAtLeast(steps.length, 10 * hours)
        assert.isTrue(steps.every(({ at }, i) => at >= (steps[i - 1]?.at ?? 0) && at < lengthMs))
      }
    }
  })

  it("is the same for the same seed, and another for another", () => {
    const texts = seeds.map((seed) => printPlan(draw(seed)))
    assert.strictEqual(new Set(texts).size, seeds.length)
    assert.deepEqual(
      texts,
      seeds.map((seed) => printPlan(draw(seed)))
    )
  })

  it("goes there and back as text", () => {
    for (const seed of seeds) assert.deepEqual(Either.getOrThrow(parsePlan(printPlan(draw(seed)))), draw(seed))
  })

  it("is told in words of its own, whatever it holds", () => {
    for (const seed of seeds) {
      const { acts } = planWords(draw(seed))
      for (const line of acts) assert.match(line, /^\+\d\d:\d\d:\d\d\.\d{3} {2}2024-\S+Z {2}[A-Za-z\d]/)
      assert.isFalse(acts.some((line) => line.includes("undefined")))
    }
  })
})

describe("a plan as text", () => {
  const problem = (text: string): string => Either.merge(Either.map(parsePlan(text), () => "a plan"))

  it("is refused where it is none, by its fields", () => {
    assert.match(problem("{"), /^is not JSON/)
    assert.match(problem("[]"), /^is not a plan/)
    assert.include(problem('{"name":3}'), "name: Expected string")
    const plan = draw(1)
    assert.include(problem(JSON.stringify({ ...plan, lengthMs: 0 })), "lengthMs")
    assert.include(problem(JSON.stringify({ ...plan, steps: [{ at: 1, act: {} }] })), "steps.0.act._tag")
    assert.include(problem(JSON.stringify({ ...plan, strike: { effect: 1, how: "melt" } })), "strike.how")
    assert.include(problem(JSON.stringify({ ...plan, steps: [{ at: 1, act: { _tag: "Earthquake" } }] })), "Earthquake")
  })

  it("gets the strike of its job, or keeps its own", () => {
    const own = { ...draw(1), strike: { effect: 3, how: "fail" as const } }
    const text = printPlan(own)
    assert.deepEqual(Either.getOrThrow(planOf({ _tag: "Plan", text })).strike, own.strike)
    const other = { effect: 9, how: "crash" as const }
    assert.deepEqual(Either.getOrThrow(planOf({ _tag: "Plan", text, strike: other })).strike, other)
    assert.deepEqual(Either.getOrThrow(planOf({ _tag: "Seed", seed: 5, lengthMs: 60_000, strike: other })), {
      ...draw(5, 60_000),
      strike: other
    })
    assert.isTrue(Either.isLeft(planOf({ _tag: "Plan", text: "x" })))
    assert.isTrue(Either.isLeft(planOf({ _tag: "Scenario", name: "nothing of this name" })))
  })
})

describe("words", () => {
  const cases: ReadonlyArray<readonly [Act, string]> = [
    [
      { _tag: "Crash", downMs: 500, torn: true },
      "the process is killed in the middle of a write, and starts again after 500 ms"
    ],
    [{ _tag: "Disconnect", stream: "both", code: 1006 }, "both streams are closed with code 1006"],
    [{ _tag: "ClockStep", deltaMs: -3_600_000, ms: 90_000 }, "the machine's clock is set back by 60 min, for 90 s"],
    [
      {
        _tag: "Fault",
        fault: { on: "rest", endpoint: "AddOrder", times: 2, effect: { kind: "drop", executed: true } },
        armedMs: 60_000
      },
      "the next 2 AddOrder is carried out, and the connection ends without an answer (armed for 60 s)"
    ],
    [
      {
        _tag: "Fault",
        fault: { on: "stream", stream: "auth", channel: "executions", effect: { kind: "silence", heartbeats: true } },
        armedMs: 60_000
      },
      "each frame of executions on the account's stream is swallowed, but for heartbeats (armed for 60 s)"
    ],
    [{ _tag: "CancelAll" }, "another process cancels everything"],
    [
      { _tag: "When", endpoint: "AddOrder", side: "buy", after: true, act: { _tag: "Tokens" } },
      "after the next AddOrder to buy was carried out: every stream token becomes invalid"
    ]
  ]
  it.each(cases)("%j", (act, words) => assert.strictEqual(actWords(act), words))

  it("says times as people do", () => {
    assert.deepEqual([999, 1500, 119_999, 120_000, 7_200_000, 7_500_000].map(span), [
      "999 ms",
      "1.5 s",
      "120 s",
      "2 min",
      "2 h",
      "2 h 5 min"
    ])
    assert.strictEqual(offset(133_004), "00:02:13.004")
    assert.strictEqual(offset(100 * 3_600_000 + 59_999), "100:00:59.999")
  })

  it("says what effect is struck", () => {
    assert.strictEqual(planWords({ ...draw(1), strike: { effect: 3, how: "hang" } }).strike, "effect 3: hang")
    assert.isUndefined(planWords(draw(1)).strike)
  })
})
