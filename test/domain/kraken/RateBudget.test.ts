import { FastCheck as fc } from "effect"
import { assert, describe, it } from "vitest"
import * as R from "../../../src/domain/kraken/RateBudget.ts"

const T0 = 1_767_600_000_000
const starter = R.tiers.starter
const pair = "XLM/USD"
const engineAt = (state: R.RateState, limits: R.TierLimits, now: number): number =>
  R.valueAt(R.engineCounter(state, pair), limits.engine.decay, now)

/** Kraken's worked examples ignore decay. */
const still: R.TierLimits = { rest: starter.rest, engine: { ...starter.engine, decay: 1e-9 } }

describe("engine limiter", () => {
  it("add, amend after 7 s, cancel 36 s later costs 8", () => {
    let s = R.orderSeen(R.chargeEngine(R.empty(T0), still, pair, R.ADD_COST, T0), "a", pair, T0)
    const amended = T0 + 7000
    s = R.chargeEngine(s, still, pair, R.amendCostOf(s, "a", amended), amended)
    s = R.orderSeen(s, "a", pair, amended)
    const cancelled = amended + 36_000
    s = R.chargeEngine(s, still, pair, R.cancelCostOf(s, "a", cancelled), cancelled)
    assert.approximately(engineAt(s, still, cancelled), 8, 1e-6)
  })

  it("50 adds, Intermediate, 10 s later: 26.6", () => {
    let s = R.empty(T0)
    for (let i = 0; i < 50; i++) s = R.chargeEngine(s, R.tiers.intermediate, pair, R.ADD_COST, T0)
    assert.approximately(engineAt(s, R.tiers.intermediate, T0 + 10_000), 26.6, 1e-9)
  })

  it("add and cancel within 5 s cost 9: Starter is full after six, the seventh cancel is over", () => {
    let s = R.empty(T0)
    for (let i = 0; i < 6; i++)
      s = R.chargeEngine(R.chargeEngine(s, still, pair, 1, T0), still, pair, R.cancelCost(0), T0)
    assert.approximately(engineAt(s, still, T0), 54, 1e-9)
    s = R.chargeEngine(s, still, pair, 1, T0)
    assert.isAbove(R.engineWait(s, starter, "other", pair, R.cancelCost(0), T0), 0)
    assert.strictEqual(R.engineWait(s, starter, "other", pair, 1, T0), 0)
  })

  it("prices cancels and amends by age", () => {
    const ages = [0, 4.999, 5, 9.999, 10, 14.999, 15, 44.999, 45, 89.999, 90, 299.999, 300]
    assert.deepStrictEqual(
      ages.map((age) => R.cancelCost(age * 1000)),
      [8, 8, 6, 6, 5, 5, 4, 4, 2, 2, 1, 1, 0]
    )
    assert.deepStrictEqual(
      [0, 4.999, 5, 9.999, 10, 14.999, 15, 1000].map((age) => R.amendCost(age * 1000)),
      [4, 4, 3, 3, 2, 2, 1, 1]
    )
    const s = R.orderSeen(R.empty(T0), "a", pair, T0)
    assert.strictEqual(R.cancelCostOf(s, "a", T0 + 50_000), 2)
    assert.strictEqual(R.cancelCostOf(s, "never seen", T0 + 50_000), 8)
    assert.strictEqual(R.amendCostOf(s, "never seen", T0 + 50_000), 4)
  })

  it("entries leave room for every cancel and two exits; exits spend it", () => {
    // 60 - 18 for exits - 8 for its own cancel leaves 34 for the entries themselves.
    let s = R.chargeEngine(R.empty(T0), starter, pair, 33, T0)
    assert.strictEqual(R.engineWait(s, starter, "entry", pair, 1, T0), 0)
    s = R.orderSeen(s, "young", pair, T0)
    assert.strictEqual(R.engineWait(s, starter, "entry", pair, 1, T0), 4000)
    assert.strictEqual(R.engineWait(s, starter, "other", pair, 1, T0), 0)
    assert.strictEqual(R.engineWait(R.orderGone(s, "young"), starter, "entry", pair, 1, T0), 0)
    assert.strictEqual(R.engineWait(R.orderSeen(s, "else", "BTC/USD", T0), starter, "entry", "BTC/USD", 1, T0), 0)
    // However many are open, half the counter remains for entries once it has decayed.
    for (let i = 0; i < 50; i++) s = R.orderSeen(s, `o${i}`, pair, T0)
    assert.strictEqual(R.engineWait(s, starter, "entry", pair, 1, T0), 4000)
  })

  it("a limit error fills the pair, or every pair", () => {
    const one = R.engineLimitHit(R.empty(T0), starter, pair, T0)
    assert.strictEqual(R.engineWait(one, starter, "other", pair, 1, T0), 1000)
    assert.strictEqual(R.engineWait(one, starter, "other", "BTC/USD", 1, T0), 0)
    assert.strictEqual(R.engineWait(one, starter, "other", pair, 8, T0 + 8000), 0)
    const all = R.engineLimitHit(one, starter, undefined, T0)
    assert.strictEqual(R.engineWait(all, starter, "other", "BTC/USD", 1, T0), 1000)
  })

  it("takes back what was not sent, never below nothing", () => {
    const s = R.chargeEngine(R.chargeEngine(R.empty(T0), starter, pair, 1, T0), starter, pair, -1, T0 + 5000)
    assert.strictEqual(engineAt(s, starter, T0 + 5000), 0)
  })

  it("cancelling everything charges every pair by the ages of its orders", () => {
    let s = R.orderSeen(R.orderSeen(R.empty(T0), "a", pair, T0), "b", pair, T0 - 20_000)
    s = R.orderSeen(s, "c", "BTC/USD", T0 - 100_000)
    s = R.chargeCancelAll(s, starter, T0)
    assert.strictEqual(engineAt(s, starter, T0), 12)
    assert.strictEqual(s.engine["BTC/USD"]?.value, 1)
    assert.deepStrictEqual(s.orders, {})
  })

  it("forgets orders that ended, are an hour old, or are too many", () => {
    let s = R.orderSeen(R.orderSeen(R.empty(T0), "a", pair, T0), "b", pair, T0)
    const kept = R.ordersOpen(s, new Set(["b"]), T0 + 61_000)
    assert.deepStrictEqual(Object.keys(kept.orders), ["b"])
    assert.deepStrictEqual(Object.keys(R.ordersOpen(s, new Set(), T0 + 59_000).orders), ["b", "a"].toSorted())
    s = R.orderSeen(s, "late", pair, T0 + 3_600_000)
    assert.deepStrictEqual(Object.keys(s.orders), ["late"])
    for (let i = 0; i < R.MAX_ORDERS + 10; i++) s = R.orderSeen(s, `x${i}`, pair, T0 + 3_600_000 + i)
    assert.strictEqual(Object.keys(s.orders).length, R.MAX_ORDERS)
    assert.notProperty(s.orders, "late")
  })
})

describe("REST limiter", () => {
  it("Starter: fifteen at once, the sixteenth about 3 s later", () => {
    let s = R.empty(T0)
    for (let i = 0; i < 15; i++) {
      assert.strictEqual(R.restWait(s, starter, "other", R.restCost("Balance"), T0), 0)
      s = R.chargeRest(s, starter, 1, T0)
    }
    assert.strictEqual(R.restWait(s, starter, "other", 1, T0), 3031)
    assert.strictEqual(R.restWait(s, starter, "other", 1, T0 + 3031), 0)
  })

  it("Starter: a history read every 6.1 s can go on for ever", () => {
    let s = R.empty(T0)
    for (let i = 0; i < 500; i++) {
      const now = T0 + i * 6100
      assert.strictEqual(R.restWait(s, starter, "read", R.restCost("TradesHistory"), now), 0)
      s = R.chargeRest(s, starter, 2, now)
    }
  })

  it("reads leave a reserve to the switch; orders and cancels cost nothing here", () => {
    const s = R.chargeRest(R.empty(T0), starter, 12, T0)
    assert.isAbove(R.restWait(s, starter, "read", 1, T0), 0)
    assert.strictEqual(R.restWait(s, starter, "other", 1, T0), 0)
    assert.strictEqual(R.restWait(R.full(starter, T0), starter, "other", 0, T0), 0)
    assert.deepStrictEqual(
      ["AddOrder", "AmendOrder", "CancelOrder", "TradesHistory", "ClosedOrders", "Ledgers", "Balance"].map(R.restCost),
      [0, 0, 0, 2, 2, 2, 1]
    )
  })

  it("a limit error fills it and silences everything for seconds; a lockout for fifteen minutes", () => {
    const hit = R.restLimitHit(R.empty(T0), starter, T0)
    assert.strictEqual(R.quietMs(hit, T0), 5000)
    assert.strictEqual(R.quietMs(hit, T0 + 5000), 0)
    assert.isAbove(R.restWait(hit, starter, "other", 1, T0), 3000)
    const locked = R.lockedOut(hit, T0)
    assert.strictEqual(R.quietMs(locked, T0), 900_000)
    assert.strictEqual(locked.quietFor, "lockout")
    // A shorter silence does not end a longer one.
    assert.strictEqual(R.restLimitHit(locked, starter, T0).quietFor, "lockout")
  })

  it("throttled: silent until the stated second, but no longer than a lockout", () => {
    assert.strictEqual(R.quietMs(R.throttled(R.empty(T0), T0 + 12_000, T0), T0), 12_000)
    assert.strictEqual(R.quietMs(R.throttled(R.empty(T0), undefined, T0), T0), 5000)
    assert.strictEqual(R.quietMs(R.throttled(R.empty(T0), T0 * 2, T0), T0), 900_000)
  })
})

describe("saved counters", () => {
  const some = R.orderSeen(
    R.chargeEngine(R.chargeRest(R.lockedOut(R.empty(T0), T0), starter, 4, T0), starter, pair, 7, T0),
    "a",
    pair,
    T0
  )

  it("come back as they were after a clean end", () => {
    assert.deepStrictEqual(R.restore(R.serialise(some, true), T0 + 10_000), some)
  })

  it("count what may have been missed after any other end", () => {
    const back = R.restore(R.serialise(some, false), T0)
    assert.strictEqual(back?.rest.value, 4 + R.UNSAVED_REST)
    assert.strictEqual(back?.engine[pair]?.value, 7 + R.UNSAVED_ENGINE)
    assert.strictEqual(back?.engineDefault.value, R.UNSAVED_ENGINE)
  })

  it("do not trust times ahead of the clock", () => {
    const back = R.restore(R.serialise(R.lockedOut(some, T0 + 10 ** 9), true), T0)
    assert.strictEqual(back?.rest.at, T0)
    assert.strictEqual(back?.quietUntil, T0 + R.LOCKOUT_MS)
  })

  it("are nothing when they cannot be read", () => {
    for (const text of ["", "{}", "null", "{", R.serialise(some, true).replace(`"value":4`, `"value":-4`)]) {
      assert.isUndefined(R.restore(text, T0), text)
    }
  })
})

describe("any sequence of calls", () => {
  it("never takes a counter over its limit when every wait is kept, and no wait lasts longer than a full counter", () => {
    const step = fc.record({
      kind: fc.constantFrom("read", "other", "entry", "exit"),
      cost: fc.integer({ min: 1, max: 4 }),
      gap: fc.integer({ min: 0, max: 5000 })
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        fc.constantFrom<R.Tier[]>("starter", "intermediate", "pro"),
        fc.boolean(),
        (steps, tier, startFull) => {
          const limits = R.tiers[tier]
          let now = T0
          let s = startFull ? R.full(limits, now) : R.empty(now)
          for (const { kind, cost, gap } of steps) {
            now += gap
            const engine = kind === "entry" || kind === "exit"
            const wait = engine
              ? R.engineWait(s, limits, kind === "entry" ? "entry" : "other", pair, cost, now)
              : R.restWait(s, limits, kind === "read" ? "read" : "other", cost, now)
            assert.isAtMost(wait, 61_000)
            now += wait
            s = engine ? R.chargeEngine(s, limits, pair, cost, now) : R.chargeRest(s, limits, cost, now)
            assert.isAtMost(R.valueAt(s.rest, limits.rest.decay, now), limits.rest.max + 1e-6)
            assert.isAtMost(engineAt(s, limits, now), limits.engine.max + 1e-6)
          }
        }
      )
    )
  })

  it("decays nothing when the clock steps back", () => {
    const s = R.chargeRest(R.empty(T0), starter, 5, T0)
    assert.strictEqual(R.valueAt(s.rest, starter.rest.decay, T0 - 60_000), 5)
    assert.strictEqual(R.chargeRest(s, starter, 1, T0 - 60_000).rest.at, T0)
  })
})
