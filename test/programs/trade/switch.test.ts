import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, FastCheck, Fiber } from "effect"
import * as RateBudget from "../../../src/domain/kraken/RateBudget.ts"
import { arm, deadManSwitch, leaveToExchange, retryAfter } from "../../../src/programs/trade/switch.ts"
import { badKey, inWorld, rest, resting, timedOut } from "../desk/support.ts"
import type { Bench } from "../desk/support.ts"
import { Rig } from "../../domain/engine/Rig.ts"

const armings = (b: Bench) => Effect.map(b.rest.callsOf("cancelAllOrdersAfter"), (calls) => calls.flat())

/** Lets market time pass second by second, and tells in which of them the switch was tried, counted from `from`. */
const tries = (b: Bench, from: number, seconds: number) =>
  Effect.gen(function* () {
    const at: Array<number> = []
    for (let n = from + 1; n <= from + seconds; n++) {
      const before = (yield* armings(b)).length
      yield* b.clock.advance(1000)
      yield* rest
      for (let m = (yield* armings(b)).length; m > before; m--) at.push(n)
    }
    return at
  })

/** The answer of an exchange that takes the time-out. */
const taken = (b: Bench, timeoutMs: number) =>
  b.rest.always(
    "cancelAllOrdersAfter",
    Effect.sync(() => ({ now: b.d.clock.unsafeNow(), triggerAt: b.d.clock.unsafeNow() + timeoutMs }))
  )

/** Whether an entry would be approved now, and if not, why. */
const approved = (b: Bench) =>
  Effect.gen(function* () {
    const { quote } = [...b.d.engine.unsafeState().pairs.values()][0] ?? {}
    if (quote !== undefined) b.d.engine.offerQuote({ ...quote, at: b.d.clock.unsafeNow() }, "stream")
    yield* b.d.engine.settled
    const asked = b.of("Propose").at(-1)?.proposal ?? [...b.d.engine.unsafeState().proposals.values()].at(-1)
    assert.isDefined(asked)
    const verdict = yield* b.d.engine.askApproval(asked?.proposalId ?? 0)
    return Either.isRight(verdict) ? "approved" : verdict.left.code
  })

describe("the dead man's switch (I19)", () => {
  it.scoped("counts from before the request, or earlier where the exchange says so, and in whole seconds", () => {
    const rig = new Rig().ready()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const fires = Effect.map(b.d.engine.settled, () => b.d.engine.unsafeState().switchFiresAt)
        yield* b.rest.answer("cancelAllOrdersAfter", Effect.succeed({ now: rig.now, triggerAt: rig.now + 61_000 }))
        yield* arm(60_400)
        assert.strictEqual(yield* fires, rig.now + 60_400)
        yield* b.rest.answer("cancelAllOrdersAfter", Effect.succeed({ now: rig.now, triggerAt: rig.now + 50_000 }))
        yield* arm(60_000)
        assert.strictEqual(yield* fires, rig.now + 50_000)
        // no time of firing in the answer: nothing is confirmed
        yield* b.rest.answer("cancelAllOrdersAfter", Effect.succeed({ now: rig.now }))
        yield* arm(100)
        assert.strictEqual(yield* fires, rig.now)
        assert.deepEqual(yield* armings(b), [60, 60, 1])
      })
    )
  })

  it.scoped("is armed at once, refreshed at a third of its time, and tried again soon after a failure", () => {
    const rig = new Rig().ready()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.always("cancelAllOrdersAfter", Effect.succeed({ now: rig.now, triggerAt: rig.now + 60_000 }))
        yield* Effect.forkScoped(deadManSwitch(60_000))
        yield* rest
        assert.strictEqual((yield* armings(b)).length, 1)
        yield* b.clock.advance(19_999)
        yield* rest
        assert.strictEqual((yield* armings(b)).length, 1)
        yield* b.rest.answer("cancelAllOrdersAfter", Effect.fail(timedOut()))
        yield* b.clock.advance(1)
        yield* rest
        assert.strictEqual((yield* armings(b)).length, 2)
        yield* b.clock.advance(3000)
        yield* rest
        assert.strictEqual((yield* armings(b)).length, 3)
      })
    )
  })

  it.scoped("a refused key ends it", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("cancelAllOrdersAfter", Effect.fail(badKey))
        assert.strictEqual((yield* Effect.flip(deadManSwitch(60_000)))._tag, "CredentialsRefused")
      })
    )
  )

  it.scoped(
    "entries that cannot be cancelled under a latch are left to the exchange: no refresh until they are gone",
    () => {
      const { rig, order } = resting()
      rig.send({ _tag: "Tripped", cause: "operator", reason: "by hand" }).after(31_000).send({ _tag: "Tick" })
      assert.isTrue(leaveToExchange(rig.state))
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          yield* b.rest.always("cancelAllOrdersAfter", Effect.succeed({ now: rig.now, triggerAt: rig.now + 90_000 }))
          yield* Effect.forkScoped(deadManSwitch(60_000))
          yield* rest
          assert.deepEqual(yield* armings(b), [])
          assert.isUndefined(b.d.engine.unsafeState().switchFiresAt)
          yield* b.d.engine.tell({
            _tag: "ReportsSeen",
            reports: [rig.statusOf(order, { status: "cancelled", cumQuantity: 0n as never })]
          })
          yield* b.d.engine.settled
          yield* b.clock.advance(20_000)
          yield* rest
          assert.strictEqual((yield* armings(b)).length, 1)
        })
      )
    }
  )

  it("is not left while nothing is latched, while the latch is young, or while only exits rest", () => {
    const { rig } = resting()
    assert.isFalse(leaveToExchange(rig.after(60_000).state))
    rig.send({ _tag: "Tripped", cause: "operator", reason: "by hand" }).after(29_000).send({ _tag: "Tick" })
    assert.isFalse(leaveToExchange(rig.state))
    const sale = new Rig()
    sale.bought()
    sale.place(sale.ever("Propose").at(-1)?.proposal ?? sale.proposal())
    sale.send({ _tag: "Tripped", cause: "operator", reason: "by hand" }).after(31_000).send({ _tag: "Tick" })
    assert.isFalse(leaveToExchange(sale.state))
  })

  it.scoped("scenario 15: once the stop began it is not refreshed: the stop arms or disarms by itself", () => {
    const rig = new Rig().ready()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.always("cancelAllOrdersAfter", Effect.succeed({ now: rig.now, triggerAt: rig.now + 60_000 }))
        const fiber = yield* Effect.forkScoped(deadManSwitch(60_000))
        yield* rest
        yield* b.d.engine.tell({ _tag: "Stopping", reason: "SIGTERM" })
        yield* b.d.engine.settled
        for (let n = 0; n < 5; n++) {
          yield* b.clock.advance(20_000)
          yield* rest
        }
        assert.strictEqual((yield* armings(b)).length, 1)
        yield* Fiber.interrupt(fiber)
      })
    )
  })

  it("waits longer after every failure, 20 s at most, and leaves room for two tries before the shortest switch fires", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.nat(10_000), FastCheck.double({ min: 0, max: 0.999, noNaN: true }), (n, random) => {
        const wait = retryAfter(n, random)
        assert.isAtLeast(wait, 2400)
        assert.isAtMost(wait, 20_000)
        assert.isAtMost(wait, retryAfter(n + 1, random))
        // refreshed after a third of 30 s
        assert.isBelow(10_000 + retryAfter(0, random) + retryAfter(1, random), 30_000)
      })
    )
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((n) => retryAfter(n, 0)),
      [3000, 6000, 12_000, 20_000, 20_000]
    )
  })

  it.scoped("I15, I19: failing for minutes it is tried rarely, reads keep their budget, and no entry passes", () => {
    const rig = new Rig({ limits: { staleAfter: 600_000 } }).ready().signal()
    rig.send({ _tag: "SwitchArmed", firesAt: rig.now + 60_000 })
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* taken(b, 60_000)
        yield* Effect.forkScoped(deadManSwitch(60_000))
        yield* rest
        yield* b.rest.always("cancelAllOrdersAfter", Effect.fail(timedOut()))
        const failing = yield* tries(b, 0, 320)
        // five minutes from the first failure at 20 s: a try every 3 s would be a hundred
        assert.isAtLeast(failing.length, 16)
        assert.isAtMost(failing.length, 23)
        assert.strictEqual(failing[0], 20)
        assert.isAtLeast(failing.filter((at) => at > 20 && at < 60).length, 2)
        for (const [n, at] of failing.entries()) assert.isAtMost(at - (failing[n - 1] ?? at), 20)
        assert.strictEqual(yield* approved(b), "switch")

        // each try is three calls at worst; beside them a reconciliation (four points) every 60 s never waits
        const tier = RateBudget.tiers.starter
        let budget = RateBudget.empty(0)
        for (let at = 1; at <= 320; at++) {
          for (const _ of failing.filter((one) => one === at))
            budget = RateBudget.chargeRest(budget, tier, 3, at * 1000)
          if (at % 60 !== 0) continue
          assert.strictEqual(RateBudget.restWait(budget, tier, "read", 4, at * 1000), 0)
          budget = RateBudget.chargeRest(budget, tier, 4, at * 1000)
        }

        // the exchange answers again, and nothing else is heard of it
        yield* taken(b, 60_000)
        const after = yield* tries(b, 320, 20)
        assert.strictEqual(after.length, 1)
        assert.isAtLeast(Number(b.d.engine.unsafeState().switchFiresAt), b.d.clock.unsafeNow() + 40_000)
      })
    )
  })

  it.scoped("I19: as soon as the account stream is back it is armed again", () => {
    const rig = new Rig({ limits: { staleAfter: 600_000 } }).ready().signal()
    rig.send({ _tag: "SwitchArmed", firesAt: rig.now + 60_000 })
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* taken(b, 60_000)
        yield* Effect.forkScoped(deadManSwitch(60_000))
        yield* rest
        yield* b.rest.always("cancelAllOrdersAfter", Effect.fail(timedOut()))
        yield* tries(b, 0, 35)
        yield* b.d.engine.tell({ _tag: "PrivateDown", reason: "no heartbeat" })
        yield* tries(b, 35, 265)
        // right after a try, when the next one is far off
        yield* Effect.repeat(tries(b, 300, 1), { until: (at) => at.length > 0 })
        yield* taken(b, 60_000)
        yield* b.d.engine.tell({ _tag: "PrivateUp", openOrders: [] })
        yield* b.d.engine.settled
        const back = yield* tries(b, 300, 4)
        assert.strictEqual(back.length, 1)
        assert.isAtLeast(Number(b.d.engine.unsafeState().switchFiresAt), b.d.clock.unsafeNow() + 50_000)
      })
    )
  })

  it.scoped("a stream that comes and goes calls for one try each time, and not sooner than 3 s after the last", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        yield* b.rest.always("cancelAllOrdersAfter", Effect.fail(timedOut()))
        yield* Effect.forkScoped(deadManSwitch(60_000))
        yield* rest
        yield* tries(b, 0, 25)
        let count = 0
        for (let n = 0; n < 10; n++) {
          yield* b.d.engine.tell({ _tag: "PrivateDown", reason: "closed" })
          count += (yield* tries(b, 0, 1)).length
          yield* b.d.engine.tell({ _tag: "PrivateUp", openOrders: [] })
          count += (yield* tries(b, 0, 1)).length
        }
        assert.isAtLeast(count, 4)
        assert.isAtMost(count, 7)
      })
    )
  )
})
