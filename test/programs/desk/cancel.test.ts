import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cancel, cancelOnce } from "../../../src/programs/desk/cancel.ts"
import { badKey, inWorld, lost, resting, timedOut, unknownOrder } from "./support.ts"
import { Rig } from "../../domain/engine/Rig.ts"

describe("cancelling an order", () => {
  it.scoped("goes by the exchange's id where it is known, by ours where it is not, and is only a request", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
        yield* cancel(b.d, order)
        yield* b.d.engine.settled
        assert.strictEqual(b.order(order.id).status, "open")
        const { exchangeId: _, ...bare } = order
        assert.deepEqual(yield* cancelOnce(b.d, bare), { result: "accepted", text: "" })
        assert.deepEqual(
          (yield* b.rest.callsOf("cancelOrder")).map(([ref]) => ref),
          [
            { _tag: "Exchange", id: order.exchangeId },
            { _tag: "Client", id: order.id }
          ]
        )
      })
    )
  })

  it.scoped("an order that is not open any more, by count or by error, is read", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("cancelOrder", Effect.succeed({ count: 0, pending: false }))
        yield* cancel(b.d, order)
        yield* b.rest.answer("cancelOrder", Effect.fail(unknownOrder))
        yield* cancel(b.d, order)
        yield* b.d.engine.settled
        assert.strictEqual(b.of("FetchOrder").length, 2)
        assert.deepEqual(yield* b.stream.cancels, [])
      })
    )
  })

  it.scoped("where REST brings no answer the stream is asked; where that fails too it is said", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.always("cancelOrder", Effect.fail(timedOut()))
        assert.strictEqual((yield* cancelOnce(b.d, order)).result, "failed")
        yield* b.stream.setCancelAnswer(Effect.succeed(true))
        assert.deepEqual(yield* cancelOnce(b.d, order), { result: "accepted", text: "by the stream" })
        assert.deepEqual(yield* b.stream.cancels, [[order.id], [order.id]])
        // an answer, and one that says nothing of this order
        yield* b.rest.always("cancelOrder", Effect.fail(badKey))
        assert.deepEqual(yield* cancelOnce(b.d, order), { result: "accepted", text: "by the stream" })
      })
    )
  })

  it.scoped("observing sends no cancel, for whatever reason one was decided", () => {
    const { rig } = lost()
    const watching = new Rig({ rules: { observing: true }, snapshot: { orders: [...rig.state.orders.values()] } })
    const order = [...watching.state.orders.values()][0]
    assert(order !== undefined)
    return inWorld(watching, (b) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* cancelOnce(b.d, order)).result, "failed")
        assert.deepEqual(yield* b.rest.callsOf("cancelOrder"), [])
        assert.deepEqual(yield* b.stream.cancels, [])
      })
    )
  })
})
