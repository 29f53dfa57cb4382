import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, TestClock } from "effect"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { MockStoreControl } from "../../../src/layers/mock/MockStore.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { stop } from "../../../src/programs/stop/stop.ts"
import { ControlRefusal } from "../../../src/services/ControlClient.ts"
import type { OrderRow } from "../../../src/services/Records.ts"
import { Store } from "../../../src/services/Store.ts"
import { emptySnapshot, prefix } from "../../domain/engine/Rig.ts"
import { entry, id, lot, NOON } from "../../support/build.ts"
import { clientOf, frozen, nobody, Screen, world } from "../cli/support.ts"

const row: OrderRow = {
  orderId: "kt1-a",
  exchangeId: "OA",
  pair: "XLM/USD",
  type: "buy",
  orderType: "limit",
  purpose: "entry",
  price: "0.1",
  volume: "100",
  status: "cancelled",
  timestamp: "2024-03-10T12:00:00.000Z",
  filledVolume: "0",
  averagePrice: undefined,
  reason: "test"
}

/** Runs `stop` while real time passes; the trader lets go of its lock after so many seconds, or never. */
const stopping = (endsAfter: number | undefined, timeoutMs = 10_000) =>
  Effect.gen(function* () {
    const lock = yield* MockInstanceLockControl
    yield* lock.holdElsewhere("data folder")
    const fiber = yield* Effect.fork(Effect.either(stop({ timeoutMs })))
    for (let second = 0; second < 40; second++) {
      if (second === endsAfter) yield* lock.holdElsewhere(undefined)
      yield* TestClock.adjust("1 second")
    }
    const result = yield* Fiber.join(fiber)
    const { error, out } = yield* Screen
    return { result, out: out(), error: error() }
  })

const taken = clientOf({ stop: (reason) => Effect.succeed({ reason, openOrders: ["kt1-a"] }) })

describe("stop", () => {
  it.effect("asks, waits until the lock is free, and says what was cancelled and what is held", () =>
    Effect.gen(function* () {
      const records = yield* MockRecordsControl
      yield* records.set({
        orders: [row, { ...row, orderId: "kt1-old" }],
        snapshot: { ...emptySnapshot, lots: [lot()] }
      })
      const { error, out, result } = yield* stopping(3)
      assert.deepEqual(result._tag, "Right")
      assert.include(out, "1 open order being cancelled")
      assert.include(out, "Stopped.")
      assert.include(out, "buy of 100 XLM/USD at 0.1 (kt1-a): cancelled")
      assert.notInclude(out, "kt1-old")
      assert.include(out, "still held: 100 of XLM/USD")
      assert.strictEqual(error, "")
    }).pipe(Effect.provide(world({ client: taken })))
  )

  it.effect("what is not known to be gone is 86, and says what to do", () =>
    Effect.gen(function* () {
      const records = yield* MockRecordsControl
      const unknown = entry({ id: id("kt1-u"), status: "unknown" })
      yield* records.set({ snapshot: { ...emptySnapshot, orders: [unknown] } })
      const { error, out, result } = yield* stopping(1)
      assert.deepInclude(result, { _tag: "Left" })
      assert.deepInclude(result._tag === "Left" ? result.left : {}, { _tag: "Finished", code: 86 })
      assert.include(out, "NOT KNOWN to be gone")
      assert.include(out, "nothing is held")
      assert.include(error, "look at the account")
    }).pipe(Effect.provide(world({ client: taken })))
  )

  it.effect("nothing runs: nothing to do, and what is held is said", () =>
    Effect.gen(function* () {
      const records = yield* MockRecordsControl
      yield* records.set({ snapshot: { ...emptySnapshot, lots: [lot()] } })
      yield* stop({ timeoutMs: 1000 })
      const { out } = yield* Screen
      assert.include(out(), "nothing to stop")
      assert.include(out(), "still held")
    }).pipe(Effect.provide(world()))
  )

  it.effect("nothing ever ran, and a trader that ends while it is asked", () =>
    Effect.gen(function* () {
      const records = yield* MockRecordsControl
      yield* records.set({ exists: false })
      yield* stop({ timeoutMs: 1000 })
      const { out, result } = yield* stopping(2)
      assert.strictEqual(result._tag, "Right")
      assert.include(out, "Stopped.")
    }).pipe(Effect.provide(world()))
  )

  it.effect("a trader that takes too long is said to, without any harm", () =>
    Effect.gen(function* () {
      const { result } = yield* stopping(undefined, 5000)
      assert.include(result._tag === "Left" ? result.left.message : "", "has not ended within 5 seconds")
    }).pipe(Effect.provide(world({ client: taken })))
  )

  it.effect("one that refuses is believed", () =>
    Effect.gen(function* () {
      const { result } = yield* stopping(undefined)
      assert.strictEqual(result._tag === "Left" ? result.left.message : "", "wrong token")
    }).pipe(
      Effect.provide(
        world({
          client: clientOf({ stop: () => Effect.fail(new ControlRefusal({ status: 403, text: "wrong token" })) })
        })
      )
    )
  )

  it.effect("a frozen one is fenced at once, so that it can send nothing when it wakes up", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(mockWorld({ start: NOON, prefix }))
      const store = yield* Effect.provide(Store, context)
      const { error, result } = yield* Effect.provide(
        stopping(undefined, 5000),
        world({ client: clientOf({}, frozen), beside: { store: Effect.succeed(store) } })
      )
      assert.include(error, "It is fenced")
      assert.strictEqual((yield* store.fence).epoch, 1)
      assert.include(result._tag === "Left" ? result.left.message : "", "End its process")
      // it could not even be fenced
      const control = yield* Effect.provide(MockStoreControl, context)
      yield* control.failWith("busy")
      const again = yield* Effect.provide(
        stopping(undefined, 1000),
        world({ client: clientOf({}, nobody), beside: { store: Effect.succeed(store) } })
      )
      assert.include(again.error, "could not be fenced either")
    }).pipe(Effect.scoped)
  )
})
