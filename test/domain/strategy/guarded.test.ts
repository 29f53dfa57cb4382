import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { attempt, guarded, stateful, thrownText } from "../../../src/domain/strategy/guarded.ts"
import type { MarketView, Strategy } from "../../../src/domain/strategy/Strategy.ts"
import { minutes, view } from "./support.ts"

const info = { name: "own", intervalMinutes: 5, warmUpCandles: 3 }
const features = { z: -3 }
const entry = {
  _tag: "Enter",
  limit: 0.09,
  exit: { target: 0.1, stop: 0.08, holdFor: 1000 },
  reason: "a dip",
  features
}
const readyWith = (...signals: ReadonlyArray<unknown>) => ({ _tag: "Ready", signals, features })

/** A running strategy that always answers the same. */
const answering = (outcome: unknown): unknown => {
  const self: unknown = { warmUp: () => self, step: () => ({ next: self, outcome }) }
  return self
}
const outcomeOf = (outcome: unknown) =>
  guarded(info, () => answering(outcome))
    .start()
    .step(view()).outcome
const whyNot = (outcome: unknown): string => {
  const seen = outcomeOf(outcome)
  return seen._tag === "Unready" ? seen.why : assert.fail("taken as ready")
}

describe("what is sound passes", () => {
  it("keeps the information", () => {
    const { name, intervalMinutes, warmUpCandles } = guarded(info, () => answering(null))
    assert.deepStrictEqual({ name, intervalMinutes, warmUpCandles }, info)
  })

  it("keeps outcomes, and of them what the interface names", () => {
    const withdraw = { _tag: "Withdraw", reason: "over" }
    assert.deepStrictEqual(outcomeOf(readyWith()), { _tag: "Ready", signals: [], features })
    assert.deepStrictEqual(outcomeOf({ ...readyWith({ ...entry, size: 1e9 }, withdraw), extra: 1 }), {
      _tag: "Ready",
      signals: [entry, withdraw],
      features
    } as never)
    assert.deepStrictEqual(outcomeOf({ _tag: "Unready", why: "warming up" }), { _tag: "Unready", why: "warming up" })
  })

  it("cuts texts to a length", () => {
    assert.lengthOf(whyNot({ _tag: "Unready", why: "x".repeat(10_000) }), 500)
  })

  it("hands the state on from step to step", () => {
    const counting: Strategy<unknown> = {
      ...info,
      initial: 0,
      warmUp: (state, candles) => Number(state) + candles.length,
      step: (state) => ({ _tag: "Ready", state: Number(state) + 1, signals: [], features: { state: Number(state) } })
    }
    const { start } = guarded(info, () => stateful(counting, counting.initial))
    const first = start()
      .warmUp(minutes(0, [1, 1]))
      .step(view())
    const second = first.next.step(view())
    assert.deepStrictEqual([first.outcome, second.outcome], [
      { _tag: "Ready", signals: [], features: { state: 2 } },
      { _tag: "Ready", signals: [], features: { state: 3 } }
    ] as never)
  })
})

describe("what is malformed is not ready", () => {
  const failed = "the strategy's step failed: "
  const { exit } = entry

  it("names what is wrong with the answer", () => {
    const cases: ReadonlyArray<readonly [unknown, string]> = [
      [undefined, "there is no outcome"],
      ["Ready", "there is no outcome"],
      [{}, "the outcome is neither Ready nor Unready"],
      [{ _tag: "Unready" }, "why is not a text"],
      [{ _tag: "Ready", features }, "signals is not a list"],
      [{ _tag: "Ready", signals: [] }, "features is not an object"],
      [{ _tag: "Ready", signals: [], features: [1] }, "features is not an object"],
      [{ _tag: "Ready", signals: [], features: { z: Number.NaN } }, "feature z is not a finite number"],
      [{ _tag: "Ready", signals: [], features: { z: "1" } }, "feature z is not a finite number"],
      [
        { _tag: "Ready", signals: [], features: Object.fromEntries(Array.from({ length: 201 }, (_, i) => [i, i])) },
        "features has more than 200 entries"
      ],
      [readyWith(...Array.from({ length: 17 }, () => entry)), "there are more than 16 signals"],
      [readyWith(null), "a signal is neither Enter nor Withdraw"],
      [readyWith({ ...entry, _tag: "Sell" }), "a signal is neither Enter nor Withdraw"],
      [readyWith({ _tag: "Withdraw" }), "the withdrawal's reason is not a text"],
      [readyWith({ ...entry, reason: 5 }), "the entry's reason is not a text"],
      [readyWith({ ...entry, features: null }), "features is not an object"],
      [readyWith({ ...entry, limit: Number.NaN }), "the entry's limit is not a positive number (NaN)"],
      [readyWith({ ...entry, limit: -1 }), "the entry's limit is not a positive number (-1)"],
      [readyWith({ ...entry, limit: Infinity }), "the entry's limit is not a positive number (Infinity)"],
      [readyWith({ ...entry, limit: "0.09" }), "the entry's limit is not a positive number (string)"],
      [readyWith({ ...entry, exit: undefined }), "the signal has no exit plan"],
      [
        readyWith({ ...entry, exit: { ...exit, target: Number.NaN } }),
        "the exit's target is not a positive number (NaN)"
      ],
      [readyWith({ ...entry, exit: { ...exit, stop: 0 } }), "the exit's stop is not a positive number (0)"],
      [
        readyWith({ ...entry, exit: { ...exit, holdFor: null } }),
        "the exit's holdFor is not a positive number (object)"
      ],
      [
        readyWith({ ...entry, exit: { ...exit, target: 0.09 } }),
        "stop 0.08, limit 0.09, target 0.09 do not rise in this order"
      ],
      [
        readyWith({ ...entry, exit: { ...exit, stop: 0.09 } }),
        "stop 0.09, limit 0.09, target 0.1 do not rise in this order"
      ]
    ]
    for (const [outcome, why] of cases) assert.strictEqual(whyNot(outcome), failed + why)
  })

  it("one bad signal among good ones spoils them all", () => {
    assert.include(whyNot(readyWith(entry, { ...entry, limit: 0 })), "the entry's limit")
  })

  it("whatever comes back, only sound entries come out", () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.record({ limit: fc.anything(), exit: fc.anything(), reason: fc.anything(), features: fc.anything() }),
        fc.double(),
        (anything, parts, number) => {
          for (const outcome of [
            anything,
            readyWith(anything),
            readyWith({ _tag: "Enter", ...parts }),
            readyWith({ ...entry, limit: number }),
            readyWith({ ...entry, exit: { ...entry.exit, stop: number } })
          ]) {
            const seen = outcomeOf(outcome)
            if (seen._tag === "Ready")
              for (const signal of seen.signals)
                if (signal._tag === "Enter") {
                  const prices = [0, signal.exit.stop, signal.limit, signal.exit.target]
                  for (let i = 1; i < 4; i++) assert.isTrue(prices[i - 1]! < prices[i]!)
                }
          }
        }
      ),
      { numRuns: 500 }
    )
  })

  it("wants a successor: no answer, a promise and a bare outcome have none", () => {
    for (const answer of [
      undefined,
      Promise.resolve(readyWith(entry)),
      readyWith(entry),
      { next: {}, outcome: readyWith() }
    ]) {
      const self = { warmUp: () => self, step: () => answer }
      const { outcome } = guarded(info, () => self)
        .start()
        .step(view())
      assert.deepStrictEqual(outcome, {
        _tag: "Unready",
        why: `${failed}it returned no successor state (a step is not asynchronous)`
      })
    }
  })

  it("wants a state of a strategy that has one, before and after", () => {
    const make = (answer: unknown, warmed: unknown) => {
      const strategy = { ...info, initial: 0, warmUp: () => warmed, step: () => answer as never }
      return guarded(info, () => stateful(strategy, strategy.initial)).start()
    }
    const whyOf = (outcome: unknown) => (outcome as { readonly why: string }).why
    assert.include(whyOf(make(readyWith(), 0).step(view()).outcome), "no successor state")
    assert.include(whyOf(make(undefined, 0).step(view()).outcome), "no successor state")
    const unwarmed = make({ ...readyWith(), state: 1 }, undefined).warmUp([])
    assert.strictEqual(whyOf(unwarmed.step(view()).outcome), "the strategy's warmUp returned no state")
    assert.strictEqual(
      make({ ...readyWith(), state: 1 }, 1)
        .warmUp([])
        .step(view()).outcome._tag,
      "Ready"
    )
  })
})

describe("what is thrown ends nothing", () => {
  const throwing = (thrown: unknown) => () => {
    throw thrown
  }

  it("in step: not ready; the state stays, and its candles come again", () => {
    const seen: Array<ReadonlyArray<number>> = []
    let fails = 2
    const self: unknown = {
      warmUp: () => self,
      step: (v: MarketView) => {
        seen.push(v.closed.map((one) => one.close))
        if (fails-- > 0) throw new TypeError("x is undefined")
        return { next: self, outcome: readyWith() }
      }
    }
    let strategy = guarded(info, () => self).start()
    const outcomes = [[1, 2], [3], [4], [5]].map((closes) => {
      const { next, outcome } = strategy.step(view({ closed: minutes(0, closes) }))
      strategy = next
      return outcome._tag === "Unready" ? outcome.why : outcome._tag
    })
    const why = "the strategy's step failed: it threw TypeError: x is undefined"
    assert.deepStrictEqual(outcomes, [why, why, "Ready", "Ready"])
    assert.deepStrictEqual(seen, [[1, 2], [1, 2, 3], [1, 2, 3, 4], [5]])
  })

  it("in step, for longer than the exchange has history: not ready for good", () => {
    const self = { warmUp: () => self, step: throwing("no") }
    const first = guarded(info, () => self)
      .start()
      .warmUp([])
      .step(view({ closed: minutes(0, Array(720).fill(1)) }))
    const second = first.next.step(view({ closed: minutes(0, [1]) }))
    const third = second.next.step(view())
    const why = "the strategy's step failed: it threw no"
    assert.deepStrictEqual(
      [first, second, third].map(({ outcome }) => outcome._tag === "Unready" && outcome.why),
      [why, why, `${why} (for 721 candles)`]
    )
    assert.strictEqual(third.next, second.next)
    assert.strictEqual(second.next.warmUp([]), second.next)
  })

  it("in a getter of the answer", () => {
    const outcome = Object.defineProperty({ ...readyWith() }, "signals", { get: throwing(new Error("hidden")) })
    assert.strictEqual(whyNot(outcome), "the strategy's step failed: it threw Error: hidden")
  })

  it("in start and warmUp: not ready for good", () => {
    const unstarted = guarded(info, throwing(new Error("no"))).start()
    assert.deepStrictEqual(unstarted.step(view()).outcome, {
      _tag: "Unready",
      why: "the strategy did not start: it threw Error: no"
    })
    const nothing = guarded(info, () => 5).start()
    assert.deepStrictEqual(nothing.step(view()).outcome, {
      _tag: "Unready",
      why: "the strategy did not start: it returned no state"
    })
    const self = { step: () => undefined, warmUp: throwing("cold") }
    const unwarmed = guarded(info, () => self)
      .start()
      .warmUp([])
    assert.deepStrictEqual(unwarmed.step(view()).outcome, {
      _tag: "Unready",
      why: "the strategy's warmUp failed: it threw cold"
    })
  })

  it("has a short text for anything", () => {
    assert.strictEqual(thrownText(new RangeError("far")), "RangeError: far")
    assert.strictEqual(thrownText(5), "5")
    assert.strictEqual(thrownText(Object.create(null)), "something without a text")
    assert.lengthOf(thrownText("x".repeat(10_000)), 500)
    assert.strictEqual(attempt(() => 1)._tag, "Right")
  })
})

describe("what is handed over are copies", () => {
  it("a module that writes to its view or its history changes nothing", () => {
    const closed = minutes(0, [1, 2, 3])
    const given = view({ closed })
    const spoil = (candles: ReadonlyArray<object>) => {
      for (const one of candles) Object.assign(one, { close: Number.NaN })
      ;(candles as Array<object>).length = 0
    }
    const self: unknown = {
      warmUp: (candles: ReadonlyArray<object>) => {
        spoil(candles)
        return self
      },
      step: (v: MarketView) => {
        spoil(v.closed)
        Object.assign(v, { bid: 0 })
        return { next: self, outcome: readyWith() }
      }
    }
    guarded(info, () => self)
      .start()
      .warmUp(closed)
      .step(given)
    assert.deepStrictEqual(given, view({ closed: minutes(0, [1, 2, 3]) }))
  })
})
