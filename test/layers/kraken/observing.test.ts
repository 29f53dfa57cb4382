import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { observingRest, observingStream } from "../../../src/layers/kraken/observing.ts"
import { KrakenRest } from "../../../src/services/KrakenRest.ts"
import type { KrakenRestShape } from "../../../src/services/KrakenRest.ts"
import { KrakenStream } from "../../../src/services/KrakenStream.ts"
import type { KrakenStreamShape } from "../../../src/services/KrakenStream.ts"
import { id, instrument, XLM } from "../../support/build.ts"

const sent = Effect.die("something was sent")

/** An exchange at which every write is a defect of the test. */
const rest = Layer.succeed(KrakenRest, {
  time: Effect.succeed(7),
  orderTurn: () => sent,
  cancelOrder: () => sent,
  cancelAll: sent,
  cancelAllOrdersAfter: () => sent,
  validateOrder: () => sent
} as unknown as KrakenRestShape) // a partial one: the test shows that nothing else is asked of it

const stream = Layer.succeed(KrakenStream, {
  publicHealth: Effect.succeed({ connected: true, reconnects: 0, frames: 0, malformed: 0 }),
  cancelByStream: () => sent
} as unknown as KrakenStreamShape) // as above

describe("the exchange of observe mode", () => {
  it.effect("reads, and refuses every write before it leaves", () =>
    Effect.gen(function* () {
      const kraken = yield* KrakenRest
      assert.strictEqual(yield* kraken.time, 7)
      const order = { instrument: instrument(), side: "buy", quantity: 0n, limitPrice: 0n, postOnly: true } as never
      const ref = { _tag: "Client", id: id("k-1") } as const
      const writes = [
        Effect.asVoid(kraken.cancelOrder(ref, XLM)),
        Effect.asVoid(kraken.cancelAll),
        Effect.asVoid(kraken.cancelAllOrdersAfter(60)),
        Effect.asVoid(kraken.validateOrder(order))
      ]
      const refused = yield* Effect.forEach(writes, (write) => Effect.flip(write))
      assert.deepStrictEqual(
        refused.map(({ message }) => message.split(":")[0]),
        ["CancelOrder", "CancelAll", "CancelAllOrdersAfter", "AddOrder"]
      )
      const outcomes = yield* kraken.orderTurn("entry", XLM, "add", (turn) =>
        Effect.all([turn.addOrder(order, () => undefined), turn.amendOrder(order, () => undefined)])
      )
      for (const outcome of outcomes) assert.deepInclude(outcome, { _tag: "NotSent", why: "void" })
    }).pipe(Effect.provide(observingRest(rest)))
  )

  it.effect("hears the streams, and cancels nothing over them", () =>
    Effect.gen(function* () {
      const heard = yield* KrakenStream
      assert.isTrue((yield* heard.publicHealth).connected)
      assert.isFalse(yield* heard.cancelByStream([id("k-1")]))
    }).pipe(Effect.provide(observingStream(stream)))
  )
})
