import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { draw } from "../../src/simulation/Draw.ts"
import type { Act, Plan } from "../../src/simulation/Plan.ts"
import { minimise, parts, shorterActs, shrink } from "../../src/simulation/shrink.ts"

const tagsOf = ({ steps }: Plan): ReadonlyArray<string> => steps.map(({ act }) => act._tag)

/** An hour in which these happen a minute apart, between acts that have no part in anything. */
const planWith = (acts: ReadonlyArray<Act>, noise = 20): Plan => {
  const quiet: Act = { _tag: "Quiet", ms: 9000 }
  const all = [...Array.from({ length: noise }, () => quiet), ...acts]
  return { ...draw(1), lengthMs: 3_600_000, steps: all.map((act, i) => ({ at: (i + 1) * 60_000, act })) }
}

const crash: Act = { _tag: "Crash", downMs: 60_000, torn: true }
const down: Act = { _tag: "NetworkDown", ms: 64_000 }

const endless = { maxTries: 10_000, failedAfterMs: 3_600_000 }

describe("parts", () => {
  it("are the whole, in order, of about the same size", () =>
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.nat()), FastCheck.integer({ min: 1, max: 40 }), (items, count) => {
        const all = parts(items, count)
        assert.deepEqual(all.flat(), items)
        assert.isTrue(all.every((part) => part.length > 0))
        const sizes = all.map((part) => part.length)
        assert.isAtMost(Math.max(0, ...sizes) - Math.min(...sizes, Math.max(0, ...sizes)), 1)
      })
    ))
})

describe("minimise", () => {
  it("finds exactly what is needed, whatever stands around it", () =>
    FastCheck.assert(
      FastCheck.property(FastCheck.uniqueArray(FastCheck.nat(60), { maxLength: 6 }), (needed) => {
        const all = Array.from({ length: 61 }, (_, i) => i)
        const found = minimise(all, (items) => needed.every((one) => items.includes(one)))
        assert.deepEqual(
          found,
          needed.toSorted((a, b) => a - b)
        )
      })
    ))

  it("ends with a list of which nothing can be left out, also where causes stand in for each other", () => {
    const fails = (items: ReadonlyArray<number>) => items.includes(3) && (items.includes(7) || items.includes(50))
    const found = minimise(
      Array.from({ length: 61 }, (_, i) => i),
      fails
    )
    assert.isTrue(fails(found))
    assert.strictEqual(found.length, 2)
  })

  it("asks for a hundred acts no more than some hundred times", () => {
    let asked = 0
    minimise(
      Array.from({ length: 100 }, (_, i) => i),
      (items) => {
        asked += 1
        return items.includes(13) && items.includes(77)
      }
    )
    assert.isAtMost(asked, 60)
  })

  it("leaves nothing where nothing is needed", () => {
    assert.deepEqual(
      minimise([1, 2, 3], () => true),
      []
    )
    assert.deepEqual(
      minimise([], () => true),
      []
    )
  })
})

describe("shorterActs", () => {
  it("halves one duration at a time, also inside, down to what is worth a try", () => {
    assert.deepEqual(shorterActs(crash), [{ ...crash, downMs: 30_000 }])
    const late: Act = {
      _tag: "Fault",
      fault: { on: "rest", times: 3, effect: { kind: "delay", realMs: 800, executed: true } },
      armedMs: 10_000
    }
    assert.deepEqual(shorterActs(late), [
      { ...late, fault: { on: "rest", times: 1, effect: { kind: "delay", realMs: 800, executed: true } } },
      { ...late, fault: { on: "rest", times: 3, effect: { kind: "delay", realMs: 500, executed: true } } },
      { ...late, armedMs: 5000 }
    ])
    assert.deepEqual(shorterActs({ _tag: "NetworkDown", ms: 500 }), [])
    assert.deepEqual(shorterActs({ _tag: "ClockStep", deltaMs: 60_000, ms: 400 }), [])
    assert.deepEqual(shorterActs({ _tag: "CancelAll" }), [])
  })
})

describe("shrink", () => {
  it("keeps the acts that matter, for as short as it still fails", () => {
    const fails = (plan: Plan) =>
      tagsOf(plan).includes("Crash") &&
      plan.steps.some(({ act }) => act._tag === "NetworkDown" && act.ms > 5000) &&
      plan.lengthMs > 1_500_000
    const { plan, tries } = shrink(planWith([down, crash]), { ...endless, fails })
    assert.deepEqual(tagsOf(plan), ["NetworkDown", "Crash"])
    assert.deepEqual(
      plan.steps.map(({ act }) => act),
      [
        { _tag: "NetworkDown", ms: 8000 },
        { _tag: "Crash", downMs: 500, torn: true }
      ]
    )
    assert.isAtMost(plan.lengthMs, 1_900_000)
    assert.isTrue(fails(plan))
    assert.isBelow(tries, 150)
  })

  it("cuts off at once what came after the failure", () => {
    const tried: Array<Plan> = []
    shrink(planWith([crash], 40), {
      maxTries: 1,
      failedAfterMs: 600_000,
      fails: (plan) => {
        tried.push(plan)
        return true
      }
    })
    assert.strictEqual(tried.length, 1)
    assert.strictEqual(tried[0]?.lengthMs, 630_000)
    assert.strictEqual(tried[0]?.steps.length, 10)
  })

  it("leaves a strike out when it fails without it, and keeps it when not", () => {
    const struck: Plan = { ...planWith([crash]), strike: { effect: 12, how: "hang" } }
    assert.isUndefined(shrink(struck, { ...endless, fails: () => true }).plan.strike)
    const { plan } = shrink(struck, { ...endless, fails: ({ strike }) => strike !== undefined })
    assert.deepEqual(plan.strike, { effect: 12, how: "hang" })
    assert.deepEqual(plan.steps, [])
  })

  it("never tries more than it may, and tells each try with the smallest plan so far", () => {
    const told: Array<readonly [number, number]> = []
    const { plan, tries } = shrink(planWith([down, crash]), {
      maxTries: 9,
      failedAfterMs: 3_600_000,
      fails: (candidate) => tagsOf(candidate).includes("Crash"),
      onTry: (count, best) => told.push([count, best.steps.length])
    })
    assert.strictEqual(tries, 9)
    assert.strictEqual(told.length, 9)
    assert.deepEqual(
      told.map(([count]) => count),
      [1, 2, 3, 4, 5, 6, 7, 8, 9]
    )
    assert.strictEqual(told.at(-1)?.[1], plan.steps.length)
    assert.include(tagsOf(plan), "Crash")
  })

  it("gives the plan itself when nothing smaller fails", () => {
    const whole = planWith([crash], 3)
    assert.deepEqual(shrink(whole, { ...endless, fails: () => false }).plan, whole)
  })
})
