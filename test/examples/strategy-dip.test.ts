import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import dip from "../../examples/strategy-dip.ts"
import type { AnyStrategy } from "../../src/domain/strategy/Strategy.ts"
import { candle, view } from "../domain/strategy/support.ts"

const INTERVAL = 5 * 60_000
const make = (params: Record<string, unknown> = {}): AnyStrategy => Either.getOrThrow(dip.make(params))
const closes = (count: number, close: number, from = INTERVAL) =>
  Array.from({ length: count }, (_, i) => candle(from + i * INTERVAL, close))

describe("examples/strategy-dip", () => {
  it("checks its parameters, all at once", () => {
    const refused = Either.getOrThrow(Either.flip(dip.make({ fallPct: 50, recovery: "x", fall: 1 })))
    assert.deepStrictEqual(refused.problems, [
      "fall is not a parameter; there are: fallPct, recovery",
      "fallPct must be a number from 0.5 to 20",
      "recovery must be a number from 0.1 to 1"
    ])
  })

  it("buys a fall, with a target that pays and a stop below", () => {
    const { outcome } = make()
      .start()
      .warmUp(closes(24, 0.1))
      .step(view({ bid: 0.0975, ask: 0.0976 }))
    assert.strictEqual(outcome._tag, "Ready")
    const [signal] = outcome._tag === "Ready" ? outcome.signals : []
    if (signal?._tag !== "Enter") return assert.fail("no entry")
    assert.strictEqual(signal.limit, 0.0975)
    assert.approximately(signal.exit.target, 0.09875, 1e-12)
    assert.isBelow(signal.exit.stop, signal.limit)
  })

  it("does not buy a small fall, one that does not pay, or twice", () => {
    const warm = make().start().warmUp(closes(24, 0.1))
    for (const change of [
      { bid: 0.099, ask: 0.0991 },
      { bid: 0.0975, ask: 0.0976, makerFee: 0.01 },
      { bid: 0.0975, ask: 0.0976, engaged: true }
    ]) {
      const { outcome } = warm.step(view(change))
      assert.isTrue(outcome._tag === "Ready" && outcome.signals.length === 0, JSON.stringify(change))
    }
  })

  it("begins anew after a hole, ignores repeats", () => {
    const warm = make().start().warmUp(closes(24, 0.1)).warmUp(closes(24, 0.2))
    const fall = { bid: 0.0975, ask: 0.0976 }
    const whole = warm.step(view({ ...fall, closed: closes(1, 0.1, 25 * INTERVAL) })).outcome
    assert.strictEqual(whole._tag, "Ready")
    const hole = warm.step(view({ ...fall, closed: closes(1, 0.1, 27 * INTERVAL) })).outcome
    assert.deepStrictEqual(hole, { _tag: "Unready", why: "1 of 24 candles" })
  })
})
