import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Fiber, TestClock } from "effect"
import type { Decision } from "../../../src/domain/engine/Decision.ts"
import { makeOrderDesk } from "../../../src/programs/desk/desk.ts"
import { shutdown } from "../../../src/programs/trade/shutdown.ts"
import type { RecordsNotWritten, StopReport, StoppedUnclean } from "../../../src/programs/trade/shutdown.ts"
import { OrderDesk } from "../../../src/services/OrderDesk.ts"
import type { DeskDecision } from "../../../src/services/OrderDesk.ts"
import { Writer } from "../../../src/services/Writer.ts"
import { id, lot, q } from "../../support/build.ts"
import { Rig } from "../../domain/engine/Rig.ts"
import { inWorld, lost, recordOf, rest, resting, timedOut, unknownOrder } from "../desk/support.ts"
import type { Bench } from "../desk/support.ts"

type End = Either.Either<StopReport, StoppedUnclean | RecordsNotWritten>

const leftOf = (end: End): StoppedUnclean | RecordsNotWritten =>
  Either.getOrThrowWith(Either.flip(end), () => new Error("the stop was clean"))

const deskTags = new Set<string>(["Propose", "Cancel", "Amend", "Settle", "FetchOrder", "Identify", "CancelStray"])
const isForDesk = (decision: Decision): decision is DeskDecision => deskTags.has(decision._tag)

/** Stops a world with a real desk; real time passes until it has. */
const stopping = (
  rig: Rig,
  setUp: (b: Bench) => Effect.Effect<void>,
  options: { readonly armed?: boolean; readonly within?: number } = {}
) => {
  let take: (decision: DeskDecision) => boolean = () => true
  return (check: (b: Bench, end: End) => Effect.Effect<void>) =>
    inWorld(
      rig,
      (b) =>
        Effect.gen(function* () {
          yield* setUp(b)
          const desk = yield* makeOrderDesk
          yield* Effect.forkScoped(desk.run)
          take = desk.take
          for (const order of rig.state.orders.values()) {
            if (order.status === "unknown") desk.take({ _tag: "Settle", order })
          }
          const stop = yield* Effect.fork(
            Effect.provideService(shutdown("SIGTERM", options.armed ?? true), OrderDesk, desk).pipe(Effect.either)
          )
          yield* rest
          for (let n = 0; n < (options.within ?? 8000) / 500; n++) {
            yield* TestClock.adjust("500 millis")
            yield* rest
          }
          yield* check(b, yield* Fiber.join(stop))
        }),
      {
        onDecision: (decision) => {
          if (isForDesk(decision)) take(decision)
        }
      }
    )
}

const switched = (b: Bench) => Effect.map(b.rest.callsOf("cancelAllOrdersAfter"), (calls) => calls.flat())
const disarms = (b: Bench) => b.rest.always("cancelAllOrdersAfter", Effect.succeed({ now: 0, triggerAt: 0 }))

describe("the graceful stop", () => {
  it.scoped(
    "clean: own orders are cancelled and confirmed, the records written, and then the switch is disarmed",
    () => {
      const { rig, order } = resting()
      const held = lot({ id: id("kt1-a") })
      rig.state = { ...rig.state, lots: new Map([[held.id, held]]) }
      return stopping(rig, (b) =>
        Effect.zipRight(
          disarms(b),
          b.rest.always(
            "cancelOrder",
            Effect.zipRight(
              b.d.engine.tell({
                _tag: "ReportsSeen",
                reports: [rig.statusOf(order, { status: "cancelled", cumQuantity: q("0") })]
              }),
              Effect.succeed({ count: 1, pending: false })
            )
          )
        )
      )((b, end) =>
        Effect.gen(function* () {
          assert.deepEqual(Either.getOrThrow(end), {
            reason: "SIGTERM",
            held: ["100 of XLM/USD (lot kt1-a), without any exit while the trader is down"]
          })
          assert.deepEqual(yield* switched(b), [0])
          const calls = (yield* b.rest.calls).map((call) => call.endpoint)
          assert.isBelow(calls.indexOf("openOrders"), calls.indexOf("cancelAllOrdersAfter"))
          assert.strictEqual((yield* b.store.contents).orders.find((o) => o.id === order.id)?.status, "cancelled")
        })
      )
    }
  )

  const unclean: ReadonlyArray<readonly [string, () => Rig, (b: Bench, rig: Rig) => Effect.Effect<void>, RegExp]> = [
    [
      "an order of unknown outcome",
      () => lost().rig,
      (b) => b.rest.always("cancelOrder", Effect.fail(unknownOrder)),
      /is unknown/
    ],
    [
      "an order that cannot be cancelled",
      () => resting().rig,
      (b) => b.rest.always("cancelOrder", Effect.fail(timedOut())),
      /is open/
    ],
    [
      "a cancel that was accepted and never confirmed",
      () => resting().rig,
      (b) => b.rest.always("cancelOrder", Effect.succeed({ count: 1, pending: true })),
      /is open/
    ],
    [
      "an own order that only the exchange knows of",
      () => new Rig().ready(),
      (b) => b.rest.always("openOrders", Effect.succeed([recordOf(resting().order)])),
      /is still open/
    ],
    [
      "open orders that cannot be read",
      () => new Rig().ready(),
      (b) => b.rest.always("openOrders", Effect.fail(timedOut())),
      /could not be read/
    ]
  ]
  for (const [name, make, setUp, text] of unclean) {
    it.scoped(
      `I19, scenario 15: with ${name} the switch is left armed, short, within eight seconds, and it is said`,
      () => {
        const rig = make()
        return stopping(rig, (b) => Effect.zipRight(disarms(b), setUp(b, rig)))((b, end) =>
          Effect.gen(function* () {
            const left = leftOf(end)
            assert.strictEqual(left._tag, "StoppedUnclean")
            assert.match(left.message, text)
            assert.match(left.message, /left armed/)
            assert.deepEqual(yield* switched(b), [10])
          })
        )
      }
    )
  }

  it.scoped("orders of somebody else's do not keep the switch armed", () =>
    stopping(new Rig().ready(), (b) =>
      Effect.zipRight(
        disarms(b),
        b.rest.always("openOrders", Effect.succeed([recordOf(resting().order, { clientId: id("by-hand") })]))
      )
    )((b, end) =>
      Effect.gen(function* () {
        assert.isTrue(Either.isRight(end))
        assert.deepEqual(yield* switched(b), [0])
      })
    )
  )

  it.scoped("without a switch (off in paper, or observing) none is touched, and none is promised", () =>
    Effect.gen(function* () {
      yield* stopping(new Rig().ready(), () => Effect.void, { armed: false })((b, end) =>
        Effect.gen(function* () {
          assert.isTrue(Either.isRight(end))
          assert.deepEqual(yield* switched(b), [])
        })
      )
      yield* stopping(lost().rig, (b) => b.rest.always("cancelOrder", Effect.fail(unknownOrder)), { armed: false })(
        (b, end) =>
          Effect.gen(function* () {
            assert.match(leftOf(end).message, /No dead man's switch is set/)
            assert.deepEqual(yield* switched(b), [])
          })
      )
    })
  )

  it.scoped(
    "a switch that does not answer at the end does not make a clean stop unclean, nor hide an unclean one",
    () =>
      Effect.gen(function* () {
        const mute = (b: Bench) => b.rest.always("cancelAllOrdersAfter", Effect.fail(timedOut()))
        yield* stopping(new Rig().ready(), mute)((_, end) => Effect.sync(() => assert.isTrue(Either.isRight(end))))
        yield* stopping(lost().rig, (b) =>
          Effect.zipRight(mute(b), b.rest.always("cancelOrder", Effect.fail(unknownOrder)))
        )((_, end) => Effect.sync(() => assert.strictEqual(leftOf(end)._tag, "StoppedUnclean")))
      })
  )

  it.scoped("records that cannot be written to the end are said, whatever else was clean", () =>
    Effect.gen(function* () {
      yield* stopping(new Rig().ready(), (b) => Effect.zipRight(disarms(b), b.store.failWith("full")), {
        within: 14_000
      })((_, end) =>
        Effect.sync(() => {
          const left = leftOf(end)
          assert.strictEqual(left._tag, "RecordsNotWritten")
          assert.include(left.message, "full")
        })
      )
    })
  )

  it.scoped("records that take too long, the store saying nothing, count as not written", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        yield* disarms(b)
        const desk = { take: () => true, run: Effect.never, idle: () => Effect.succeed(true) }
        const error = yield* Effect.flip(
          shutdown("SIGTERM", true).pipe(
            Effect.provideService(OrderDesk, desk),
            Effect.provideService(Writer, { ...b.d.writer, drained: () => Effect.succeed(false) })
          )
        )
        assert.strictEqual(error._tag, "RecordsNotWritten")
        assert.include(error.message, "no answer in time")
      })
    )
  )
})
