import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Layer } from "effect"
import * as RateBudget from "../../../src/domain/kraken/RateBudget.ts"
import type { SendOutcome } from "../../../src/domain/order/Outcome.ts"
import { makeHistogram } from "../../../src/layers/measured/Histogram.ts"
import * as Measured from "../../../src/layers/measured/Measured.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { commitIntent } from "../../../src/domain/order/Steps.ts"
import { AlertOutbox } from "../../../src/services/AlertOutbox.ts"
import type { AlertOutboxHealth } from "../../../src/services/AlertOutbox.ts"
import { KrakenRest } from "../../../src/services/KrakenRest.ts"
import type { OrderTurn } from "../../../src/services/KrakenRest.ts"
import { Measures } from "../../../src/services/Measures.ts"
import { Nonce } from "../../../src/services/Nonce.ts"
import { RateLimits } from "../../../src/services/RateLimits.ts"
import { Store } from "../../../src/services/Store.ts"
import { MockStoreControl } from "../../../src/layers/mock/MockStore.ts"
import { prefix } from "../../domain/engine/Rig.ts"
import { NOON, XLM } from "../../support/build.ts"
import { approvedEntry } from "../sqlite/support.ts"

const approved = approvedEntry("kt1")
const turn = (outcome: SendOutcome): OrderTurn => ({
  addOrder: (_, lastLook) =>
    Effect.sync(() => {
      const reason = lastLook()
      return reason === undefined ? outcome : ({ _tag: "NotSent", why: "void", text: reason } as const)
    }),
  amendOrder: () => Effect.succeed(outcome)
})

describe("a histogram", () => {
  it("counts up to each bound, inclusive, and what is above all of them", () => {
    const histogram = makeHistogram([1, 2])
    for (const value of [0.5, 1, 1.5, 7]) histogram.observe(value)
    assert.deepStrictEqual(histogram.read(), {
      buckets: [
        [1, 2],
        [2, 3]
      ],
      sum: 10,
      count: 4
    })
  })
})

describe("the measures", () => {
  it.scoped("count commits and their failures, nonces, and orders on their way; what is wrapped works as before", () =>
    Effect.gen(function* () {
      const gauges = yield* Measured.MeasuredGauges
      const store = yield* Store
      const nonce = yield* Nonce
      yield* store.commit([])
      yield* store.commitIntent(approved, NOON)
      yield* nonce.next
      yield* (yield* MockStoreControl).failWith("full")
      assert.isTrue(Either.isLeft(yield* Effect.either(store.commit([]))))
      assert.isTrue(Either.isLeft(yield* Effect.either(store.commitIntent(approved, NOON))))
      yield* (yield* MockStoreControl).failWith(undefined)
      // a fence that moved is an answer
      yield* store.moveFence({ paused: true })
      assert.isTrue(Either.isLeft(yield* Effect.either(store.commitIntent(approved, NOON))))
      assert.strictEqual(gauges.commits.batch.read().count, 1)
      assert.strictEqual(gauges.commits.intent.read().count, 1)
      assert.deepStrictEqual(gauges.commitFailures, { intent: 1, batch: 1 })
      assert.strictEqual(gauges.nonces, 2)

      const rest = yield* KrakenRest
      const intent = commitIntent(approved, 7n)
      const send = (outcome: SendOutcome, reason?: string) => {
        const wrapped = Measured.measuredRest(
          { ...rest, orderTurn: (_rank, _symbol, _action, use) => use(turn(outcome)) },
          gauges
        )
        return wrapped.orderTurn("entry", XLM, "add", (one) => one.addOrder(intent, () => reason))
      }
      assert.strictEqual((yield* send({ _tag: "Accepted" }))._tag, "Accepted")
      assert.strictEqual((yield* send({ _tag: "Unknown", text: "", recognised: false }))._tag, "Unknown")
      assert.strictEqual((yield* send({ _tag: "Accepted" }, "void"))._tag, "NotSent")
      yield* send({ _tag: "NotSent", why: "refused connection", text: "" })
      assert.strictEqual(gauges.sent.entry.read().count, 3)
      assert.strictEqual(gauges.answered.Accepted.read().count, 1)
      assert.strictEqual(gauges.answered.Unknown.read().count, 1)
    }).pipe(
      Effect.provide(
        Layer.mergeAll(Measured.MeasuredStore, Measured.MeasuredNonce, Measured.MeasuredRest).pipe(
          Layer.provideMerge(Measured.GaugesLive),
          Layer.provideMerge(mockWorld({ start: NOON, prefix }))
        )
      )
    )
  )

  it.scopedLive("know of a blocked event loop", () =>
    Effect.gen(function* () {
      const gauges = Measured.makeGauges()
      yield* Measured.watchLoop(gauges, 120)
      yield* Effect.sleep("150 millis")
      const until = performance.now() + 80
      while (performance.now() < until);
      yield* Effect.sleep("300 millis")
      assert.isAbove(gauges.loopCount, 3)
      assert.isAbove(gauges.loopSum, 0.03)
      assert.deepStrictEqual([...gauges.loop.keys()], ["0.5", "0.9", "0.99", "1"])
    })
  )

  it.scoped("are samples; the outbox's are absent where there is none", () =>
    Effect.gen(function* () {
      const health: AlertOutboxHealth = { waiting: 1, delivered: 2, failed: 3, dropped: 4, held: 5, durable: true }
      const names = (told: AlertOutboxHealth | undefined) =>
        Effect.gen(function* () {
          const samples = yield* (yield* Measures).samples
          return samples.map(({ name }) => name)
        }).pipe(
          Effect.provide(
            Measured.MeasuresLive.pipe(
              Layer.provideMerge(
                Layer.mergeAll(
                  Layer.succeed(AlertOutbox, { health: Effect.succeed(told) }),
                  Layer.succeed(RateLimits, {
                    state: Effect.succeed(RateBudget.full(RateBudget.tiers.starter, NOON))
                  } as RateLimits["Type"]),
                  Layer.succeed(Measured.MeasuredGauges, Measured.makeGauges())
                )
              ),
              Layer.provideMerge(mockWorld({ start: NOON, prefix }))
            )
          )
        )
      assert.include(yield* names(health), "alerts_waiting")
      const without = yield* names(undefined)
      assert.notInclude(without, "alerts_waiting")
      assert.notInclude(without, "event_loop_delay_seconds")
      assert.include(without, "rate_limit_rest_points")
    })
  )
})
