import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { arm, deadManSwitch, leaveToExchange } from "../../../src/programs/trade/switch.ts"
import { badKey, inWorld, rest, resting, timedOut } from "../desk/support.ts"
import type { Bench } from "../desk/support.ts"
import { Rig } from "../../domain/engine/Rig.ts"

const armings = (b: Bench) => Effect.map(b.rest.callsOf("cancelAllOrdersAfter"), (calls) => calls.flat())

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
})
