import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import type { BreakerRules, BreakerStep } from "../../../src/domain/breaker/Breaker.ts"
import {
  describe as describeState,
  fail,
  hasProbe,
  isOpen,
  latch,
  latched,
  MAX_COOLDOWN,
  newDay,
  probeFailed,
  probesDue,
  probeSucceeded,
  reset,
  succeed
} from "../../../src/domain/breaker/Breaker.ts"
import type { BreakerState, Cause, Latch } from "../../../src/domain/breaker/BreakerState.ts"
import { causes, closed } from "../../../src/domain/breaker/BreakerState.ts"
import { DAY_MS, utcDay } from "../../../src/domain/Time.ts"
import { NOON } from "../../support/build.ts"

const rules: BreakerRules = { threshold: 3, cooldown: 60_000 }
const counted: ReadonlyArray<Cause> = ["api", "orders", "stream"]
const probed: ReadonlyArray<Cause> = [...counted, "price", "stale"]
const byHand: ReadonlyArray<Cause> = ["balance", "invariant", "operator"]

const trip = (cause: Cause, at = NOON): BreakerState => latch(closed, rules, cause, at, "test").state
const held = (state: BreakerState, cause: Cause): Latch => state.latches[cause]!

describe("latching", () => {
  it.each(counted)("%s latches at the threshold of consecutive failures, not before", (cause) => {
    let state = closed
    for (let n = 1; n < rules.threshold; n++) {
      const step = fail(state, rules, cause, NOON + n, "time-out")
      assert.deepStrictEqual(step.changes, [])
      assert.isFalse(isOpen(step.state))
      state = step.state
    }
    const last = fail(state, rules, cause, NOON + 9, "time-out")
    assert.isTrue(isOpen(last.state))
    assert.deepStrictEqual(last.changes, [
      { at: NOON + 9, cause, change: "latched", reason: "3 failures in a row, the last: time-out", by: "trader" }
    ])
    assert.strictEqual(held(last.state, cause).probeAt, NOON + 9 + 60_000)
    assert.deepStrictEqual(last.state.failures, {})
    assert.strictEqual(fail(last.state, rules, cause, NOON + 10, "again").state, last.state)
  })

  it("a success between failures starts the count again, for its own cause alone", () => {
    let state = closed
    for (let n = 0; n < 10; n++) {
      state = fail(state, rules, "api", NOON, "x").state
      state = fail(state, rules, "api", NOON, "x").state
      state = succeed(state, "api")
    }
    assert.isFalse(isOpen(state))
    const two = fail(fail(state, rules, "api", NOON, "x").state, rules, "api", NOON, "x").state
    assert.strictEqual(succeed(two, "orders"), two)
    assert.isTrue(isOpen(fail(two, rules, "api", NOON, "x").state))
  })

  it.each(causes.filter((cause) => !counted.includes(cause)))("%s latches at once", (cause) => {
    const step = fail(closed, rules, cause, NOON, "seen")
    assert.isTrue(isOpen(step.state))
    assert.strictEqual(step.changes[0]?.change, "latched")
    assert.strictEqual(hasProbe(cause), cause === "price" || cause === "stale")
    assert.strictEqual(held(step.state, cause).probeAt === undefined, !hasProbe(cause))
  })

  it("I6: a daily loss holds for its UTC day", () => {
    assert.strictEqual(held(trip("dailyLoss"), "dailyLoss").day, utcDay(NOON))
    assert.isFalse("day" in held(trip("api"), "api"))
  })

  it("by whose hand is kept", () => {
    assert.strictEqual(latch(closed, rules, "operator", NOON, "drill", "operator").changes[0]?.by, "operator")
    assert.strictEqual(latch(closed, rules, "invariant", NOON, "broken").changes[0]?.by, "trader")
    assert.strictEqual(probeFailed(trip("api"), rules, "api", NOON + 60_000, "down").changes[0]?.by, "trader")
  })

  it("again while it is latched changes nothing, except that price and data start their calm anew", () => {
    for (const cause of causes) {
      const state = trip(cause)
      const step = latch(state, rules, cause, NOON + 30_000, "again")
      assert.deepStrictEqual(step.changes, [], cause)
      if (cause === "price" || cause === "stale") {
        assert.strictEqual(held(step.state, cause).probeAt, NOON + 90_000)
        assert.strictEqual(held(step.state, cause).since, NOON)
        assert.strictEqual(held(step.state, cause).reason, "again")
      } else assert.strictEqual(step.state, state, cause)
    }
  })

  it.each([...counted, ...byHand])("%s again on a later day is the same latch, which nothing shortens", (cause) => {
    const state = trip(cause)
    const step = latch(state, rules, cause, NOON + DAY_MS, "again")
    assert.strictEqual(step.state, state)
    assert.deepStrictEqual(step.changes, [])
  })
})

describe("clearing", () => {
  it("success in passing never clears anything", () => {
    for (const cause of causes) {
      const state = trip(cause)
      for (const other of causes) assert.strictEqual(succeed(state, other), state)
    }
  })

  it.each(probed)("%s is cleared by its own probe after its cool-down, and nothing else is", (cause) => {
    const state = causes.reduce((all, one) => latch(all, rules, one, NOON, "test").state, closed)
    assert.deepStrictEqual(probesDue(state, NOON + 59_999), [])
    assert.deepStrictEqual(probesDue(state, NOON + 60_000), probed)
    assert.strictEqual(probeSucceeded(state, cause, NOON + 59_999, "early").state, state)
    const step = probeSucceeded(state, cause, NOON + 60_000, "read works")
    assert.deepStrictEqual(
      latched(step.state).map((one) => one.cause),
      causes.filter((one) => one !== cause)
    )
    assert.deepStrictEqual(step.changes, [
      { at: NOON + 60_000, cause, change: "cleared", reason: "read works", by: "trader" }
    ])
  })

  it("I6: balance, invariant, operator and the daily loss have no probe", () => {
    for (const cause of [...byHand, "dailyLoss" as const]) {
      const state = trip(cause)
      const late = NOON + 10 * DAY_MS
      assert.deepStrictEqual(probesDue(state, late), [])
      assert.strictEqual(probeSucceeded(state, cause, late, "x").state, state)
      assert.strictEqual(probeFailed(state, rules, cause, late, "x").state, state)
    }
    assert.strictEqual(probeSucceeded(closed, "api", NOON, "x").state, closed)
    assert.strictEqual(probeFailed(closed, rules, "api", NOON, "x").state, closed)
  })

  it("a failed probe latches longer: the cool-down doubles, up to an hour", () => {
    let state = trip("api")
    let at = NOON
    const waits: Array<number> = []
    for (let n = 0; n < 30; n++) {
      waits.push(held(state, "api").probeAt! - at)
      at = held(state, "api").probeAt!
      const step = probeFailed(state, rules, "api", at, "still down")
      assert.strictEqual(step.changes[0]?.change, "relatched")
      assert.strictEqual(held(step.state, "api").since, NOON)
      state = step.state
    }
    assert.deepStrictEqual(
      waits.slice(0, 8),
      [60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, 3_600_000, 3_600_000]
    )
    assert.strictEqual(waits.at(-1), MAX_COOLDOWN)
  })

  it("a relapse soon after a cleared latch waits longer, a relapse on another day does not", () => {
    const cleared = probeSucceeded(trip("stream"), "stream", NOON + 60_000, "healthy").state
    assert.isFalse(isOpen(cleared))
    const at = NOON + 120_000
    assert.strictEqual(held(latch(cleared, rules, "stream", at, "x").state, "stream").probeAt, at + 120_000)
    const counted = [1, 2, 3].reduce((state) => fail(state, rules, "stream", at, "x").state, cleared)
    assert.strictEqual(held(counted, "stream").probeAt, at + 120_000)
    const rested = newDay(cleared, utcDay(NOON + DAY_MS), NOON + DAY_MS).state
    assert.strictEqual(held(latch(rested, rules, "stream", at, "x").state, "stream").probeAt, at + 60_000)
  })

  it("a price jump during the cool-down keeps the rounds that were reached", () => {
    const again = probeFailed(trip("price"), rules, "price", NOON + 60_000, "moved").state
    const calm = latch(again, rules, "price", NOON + 100_000, "jump").state
    assert.strictEqual(held(calm, "price").probeAt, NOON + 100_000 + 120_000)
  })
})

describe("the calendar", () => {
  const tomorrow = NOON + DAY_MS

  it("I6: a daily loss clears with the next UTC day and not before", () => {
    const state = trip("dailyLoss")
    assert.strictEqual(newDay(state, utcDay(NOON), NOON + 1000).state, state)
    const step = newDay(state, utcDay(tomorrow), tomorrow)
    assert.isFalse(isOpen(step.state))
    assert.deepStrictEqual(step.changes, [
      { at: tomorrow, cause: "dailyLoss", change: "cleared", reason: `new UTC day ${utcDay(tomorrow)}`, by: "calendar" }
    ])
    assert.deepStrictEqual(step.state.rounds, {})
  })

  it("I6: a clock that steps back over midnight does not lift it, by calendar or by hand", () => {
    const state = trip("dailyLoss")
    const yesterday = NOON - DAY_MS
    assert.strictEqual(newDay(state, utcDay(yesterday), yesterday).state, state)
    assert.strictEqual(reset(state, undefined, yesterday, "x").state, state)
    assert.strictEqual(latch(state, rules, "dailyLoss", yesterday, "x").state, state)
  })

  it("I6: reached again on a later day it holds for that day", () => {
    const step = latch(trip("dailyLoss"), rules, "dailyLoss", tomorrow, "again")
    assert.strictEqual(step.changes[0]?.change, "relatched")
    assert.strictEqual(held(step.state, "dailyLoss").day, utcDay(tomorrow))
    assert.strictEqual(newDay(step.state, utcDay(tomorrow), tomorrow).state.latches.dailyLoss?.day, utcDay(tomorrow))
  })

  it("I6: a latch whose day was lost holds for the day on which it began", () => {
    const { day: _, ...without } = held(trip("dailyLoss"), "dailyLoss")
    const state: BreakerState = { ...closed, latches: { dailyLoss: without } }
    assert.isTrue(isOpen(newDay(state, utcDay(NOON), NOON).state))
    assert.isTrue(isOpen(reset(state, "dailyLoss", NOON, "x").state))
    assert.isFalse(isOpen(newDay(state, utcDay(tomorrow), tomorrow).state))
  })

  it("clears nothing else, and keeps the rounds of what is latched", () => {
    const worse = probeFailed(trip("api"), rules, "api", NOON + 60_000, "down").state
    const both = latch(latch(worse, rules, "operator", NOON, "x").state, rules, "dailyLoss", NOON, "x").state
    const step = newDay({ ...both, rounds: { ...both.rounds, stream: 4 } }, utcDay(tomorrow), tomorrow)
    assert.deepStrictEqual(
      latched(step.state).map((one) => one.cause),
      ["api", "operator"]
    )
    assert.strictEqual(step.state.rounds.api, 1)
    assert.isUndefined(step.state.rounds.stream)
    const quiet = newDay({ ...worse, rounds: { ...worse.rounds, stream: 4 } }, utcDay(tomorrow), tomorrow)
    assert.deepStrictEqual(quiet.changes, [])
    assert.deepStrictEqual(quiet.state.rounds, { api: 1 })
  })
})

describe("by hand", () => {
  it("I6: reset clears every cause but the daily loss of that day", () => {
    const state = causes.reduce((all, one) => latch(all, rules, one, NOON, "test").state, closed)
    const step = reset(state, undefined, NOON + 5, "looked at it")
    assert.deepStrictEqual(
      latched(step.state).map((one) => one.cause),
      ["dailyLoss"]
    )
    assert.deepStrictEqual(
      step.changes.map((one) => one.cause),
      causes.filter((one) => one !== "dailyLoss")
    )
    assert.isTrue(step.changes.every((one) => one.by === "operator" && one.reason === "looked at it"))
    const named = reset(state, "dailyLoss", NOON + 5, "please")
    assert.strictEqual(named.state, state)
    assert.deepStrictEqual(named.changes, [])
  })

  it("one cause by name, and its memory with it", () => {
    const worse = probeFailed(trip("api"), rules, "api", NOON + 60_000, "down").state
    const step = reset(latch(worse, rules, "balance", NOON, "x").state, "api", NOON, "x")
    assert.deepStrictEqual(
      latched(step.state).map((one) => one.cause),
      ["balance"]
    )
    assert.deepStrictEqual(step.state.rounds, { balance: 0 })
    assert.strictEqual(reset(step.state, "api", NOON, "x").state, step.state)
  })

  it("a daily loss of another day may be reset", () => {
    assert.isFalse(isOpen(reset(trip("dailyLoss"), "dailyLoss", NOON + DAY_MS, "x").state))
  })
})

it("describe names the causes in their order, whichever latched first", () => {
  assert.strictEqual(describeState(closed), "CLOSED")
  const state = latch(trip("operator"), rules, "api", NOON, "x").state
  assert.strictEqual(describeState(state), "OPEN: api, operator")
})

// --- against the words of the design -------------------------------------------------------------------------------

type Op =
  | { readonly _tag: "fail" | "latch" | "succeed" | "probeOk" | "probeBad" | "reset"; readonly cause: Cause }
  | { readonly _tag: "resetAll" | "restart" | "dayRoll" }

const op: fc.Arbitrary<{ readonly op: Op; readonly wait: number }> = fc.record({
  op: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        _tag: fc.constantFrom("fail" as const, "succeed" as const),
        cause: fc.constantFrom(...causes)
      })
    },
    {
      weight: 5,
      arbitrary: fc.record({
        _tag: fc.constantFrom("latch" as const, "probeOk" as const, "probeBad" as const, "reset" as const),
        cause: fc.constantFrom(...causes)
      })
    },
    {
      weight: 2,
      arbitrary: fc.record({ _tag: fc.constantFrom("resetAll" as const, "restart" as const, "dayRoll" as const) })
    }
  ),
  wait: fc.oneof(
    fc.integer({ min: 0, max: 5000 }),
    fc.integer({ min: 0, max: 300_000 }),
    fc.integer({ min: 0, max: 20 * 3_600_000 })
  )
})

/** The model: what a person would keep on paper. */
interface Paper {
  latches: Map<Cause, { probeAt: number | undefined; wait: number; day: string }>
  failures: Map<Cause, number>
  /** Next cool-down of a cause that was cleared by its probe today. */
  next: Map<Cause, number>
}

const onPaper = (paper: Paper, one: Op, at: number): void => {
  const put = (cause: Cause, wait: number): void => {
    paper.failures.delete(cause)
    paper.latches.set(cause, { probeAt: probed.includes(cause) ? at + wait : undefined, wait, day: utcDay(at) })
  }
  const put1 = (cause: Cause): void => {
    const old = paper.latches.get(cause)
    if (old === undefined) put(cause, paper.next.get(cause) ?? rules.cooldown)
    else if (cause === "price" || cause === "stale") put(cause, old.wait)
    else if (cause === "dailyLoss" && utcDay(at) > old.day) put(cause, old.wait)
  }
  const double = (wait: number): number => Math.min(wait * 2, MAX_COOLDOWN)
  const clear = (cause: Cause): void => {
    paper.latches.delete(cause)
    paper.failures.delete(cause)
    paper.next.delete(cause)
  }
  switch (one._tag) {
    case "latch":
      return put1(one.cause)
    case "fail": {
      if (!counted.includes(one.cause)) return put1(one.cause)
      if (paper.latches.has(one.cause)) return
      const count = (paper.failures.get(one.cause) ?? 0) + 1
      if (count >= rules.threshold) put1(one.cause)
      else paper.failures.set(one.cause, count)
      return
    }
    case "succeed":
      paper.failures.delete(one.cause)
      return
    case "probeOk": {
      const old = paper.latches.get(one.cause)
      if (old?.probeAt === undefined || at < old.probeAt) return
      clear(one.cause)
      paper.next.set(one.cause, double(old.wait))
      return
    }
    case "probeBad": {
      const old = paper.latches.get(one.cause)
      if (old?.probeAt !== undefined) put(one.cause, double(old.wait))
      return
    }
    case "reset":
    case "resetAll":
      for (const [cause, old] of paper.latches) {
        if (one._tag === "reset" && one.cause !== cause) continue
        if (cause !== "dailyLoss" || utcDay(at) > old.day) clear(cause)
      }
      return
    case "dayRoll": {
      const loss = paper.latches.get("dailyLoss")
      if (loss !== undefined && utcDay(at) > loss.day) clear("dailyLoss")
      for (const cause of paper.next.keys()) if (!paper.latches.has(cause)) paper.next.delete(cause)
      return
    }
    case "restart":
      return
  }
}

const onBreaker = (state: BreakerState, one: Op, at: number): BreakerStep => {
  switch (one._tag) {
    case "latch":
      return latch(state, rules, one.cause, at, "x")
    case "fail":
      return fail(state, rules, one.cause, at, "x")
    case "succeed":
      return { state: succeed(state, one.cause), changes: [] }
    case "probeOk":
      return probeSucceeded(state, one.cause, at, "x")
    case "probeBad":
      return probeFailed(state, rules, one.cause, at, "x")
    case "reset":
      return reset(state, one.cause, at, "x")
    case "resetAll":
      return reset(state, undefined, at, "x")
    case "dayRoll":
      return newDay(state, utcDay(at), at)
    case "restart":
      return { state: JSON.parse(JSON.stringify(state)) as BreakerState, changes: [] }
  }
}

describe("the circuit breaker", () => {
  it("does what the design says, through restarts, for every run of events", () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), (run) => {
        let state = closed
        let at = NOON
        const paper: Paper = { latches: new Map(), failures: new Map(), next: new Map() }
        for (const { op: one, wait } of run) {
          at += wait
          const before = new Set(latched(state).map((latch) => latch.cause))
          const step = onBreaker(state, one, at)
          state = step.state
          onPaper(paper, one, at)
          const after = new Set(latched(state).map((latch) => latch.cause))
          assert.deepStrictEqual(
            [...after],
            causes.filter((cause) => paper.latches.has(cause))
          )
          assert.strictEqual(isOpen(state), paper.latches.size > 0)
          for (const cause of after)
            assert.strictEqual(held(state, cause).probeAt, paper.latches.get(cause)?.probeAt, cause)
          for (const cause of causes) assert.strictEqual(state.failures[cause], paper.failures.get(cause), cause)
          assert.deepStrictEqual(
            probesDue(state, at),
            causes.filter((cause) => at >= (paper.latches.get(cause)?.probeAt ?? Number.POSITIVE_INFINITY))
          )
          // every change is told, and nothing else is
          for (const cause of causes) {
            const told = step.changes.filter((change) => change.cause === cause).map((change) => change.change)
            if (before.has(cause) && !after.has(cause)) assert.deepStrictEqual(told, ["cleared"])
            else if (!before.has(cause) && after.has(cause)) assert.deepStrictEqual(told, ["latched"])
            else assert.isTrue(told.every((change) => change === "relatched"))
          }
        }
      }),
      { numRuns: 500 }
    )
  })

  it("I6: whatever happens on a day on which the loss was reached, it stays latched to the day's end", () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 40 }), (run) => {
        let state = trip("dailyLoss")
        let at = NOON
        for (const { op: one, wait } of run) {
          at = Math.min(at + (wait % 600_000), NOON + DAY_MS / 2 - 1)
          state = onBreaker(state, one, at).state
          assert.isDefined(state.latches.dailyLoss, one._tag)
        }
      })
    )
  })
})
