import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Option, Schema } from "effect"
import { MockRecords, MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { controlServer, makeControls } from "../../../src/programs/trade/controls.ts"
import { StatusView } from "../../../src/programs/status/View.ts"
import { ControlUnavailable } from "../../../src/services/ControlServer.ts"
import type { ControlHandlers, ControlServerShape } from "../../../src/services/ControlServer.ts"
import { Installation } from "../../../src/services/Installation.ts"
import { Records } from "../../../src/services/Records.ts"
import { Settings } from "../../../src/services/Settings.ts"
import { StopSignal } from "../../../src/services/StopSignal.ts"
import { Writer } from "../../../src/services/Writer.ts"
import type { WriterShape } from "../../../src/services/Writer.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { mockSettingsValue } from "../../../src/layers/mock/MockSettings.ts"
import { prefix, Rig } from "../../domain/engine/Rig.ts"
import { inWorld, nameless, recordOf, resting, timedOut } from "../desk/support.ts"
import type { Bench } from "../desk/support.ts"
import { entry, id, lot, NOON } from "../../support/build.ts"

const server: ControlServerShape = {
  identity: { mode: "paper", version: "1.2.3", pid: 7, startedAt: NOON },
  serve: () => Effect.succeed({ url: "http://127.0.0.1:1", port: 1 })
}

/** The handlers over a bench's world. */
const controlling = <E>(
  rig: Rig,
  test: (h: ControlHandlers, b: Bench, stops: ReadonlyArray<string>) => Effect.Effect<void, E>,
  mode: "paper" | "observe" = "paper",
  drained?: WriterShape["drained"]
) => {
  const stops: Array<string> = []
  return inWorld(rig, (b) =>
    Effect.gen(function* () {
      const records = yield* Records
      const writer = yield* Writer
      const handlers = yield* makeControls(server, records).pipe(
        Effect.provideService(Writer, { ...writer, ...(drained === undefined ? {} : { drained }) }),
        Effect.provideService(Installation, { prefix, keyFingerprint: "f" }),
        Effect.provideService(Settings, { ...mockSettingsValue, mode }),
        Effect.provideService(StopSignal, {
          request: (reason) => Effect.sync(() => void stops.push(reason)),
          requested: Effect.never
        })
      )
      yield* Effect.orDie(test(handlers, b, stops))
    }).pipe(Effect.provide(MockRecords))
  )
}

describe("what the operator can do to a running trader", () => {
  it.scoped(
    "has everything sold: durable first, in memory where the database does not take it, never in observe mode",
    () => {
      const held = lot({ id: id("kt1-a") })
      const holding = (): Rig => {
        const rig = new Rig().ready()
        rig.state = { ...rig.state, lots: new Map([[held.id, held]]) }
        return rig
      }
      return Effect.gen(function* () {
        yield* controlling(holding(), (h, b) =>
          Effect.gen(function* () {
            assert.strictEqual((yield* h.flattenProgress).flattening, false)
            const answer = yield* h.flatten
            assert.deepInclude(answer, { flattening: true, durable: true, doubts: [] })
            assert.deepEqual(
              answer.lots.map(({ lotId }) => lotId),
              ["kt1-a"]
            )
            assert.deepInclude(yield* b.d.store.fence, { flatten: true, epoch: 1 })
          })
        )
        yield* controlling(holding(), (h, b) =>
          Effect.gen(function* () {
            yield* b.store.failWith("full")
            assert.deepInclude(yield* h.flatten, { flattening: true, durable: false })
          })
        )
        yield* controlling(
          holding(),
          (h) =>
            Effect.gen(function* () {
              assert.include((yield* Effect.flip(h.flatten)).text, "observe mode")
            }),
          "observe"
        )
      })
    }
  )

  it.scoped("status is the document, metrics are numbers, also while the records cannot be read", () =>
    inWorld(new Rig().ready(), () =>
      Effect.gen(function* () {
        const records = yield* Records
        yield* (yield* MockRecordsControl).failWith("busy")
        const handlers = yield* makeControls(server, records).pipe(
          Effect.provideService(Installation, { prefix, keyFingerprint: "f" }),
          Effect.provideService(Settings, mockSettingsValue),
          Effect.provideService(StopSignal, { request: () => Effect.void, requested: Effect.never })
        )
        const view = yield* Schema.decodeUnknown(StatusView)(yield* handlers.status)
        assert.strictEqual(view.state, "trading")
        assert.deepEqual(view.recentTrades, [])
        assert.isNotEmpty(yield* handlers.metrics)
      }).pipe(Effect.provide(MockRecords))
    )
  )

  it.scoped("stop is asked for once the open orders are told", () => {
    const { order, rig } = resting()
    return controlling(rig, (h, _, stops) =>
      Effect.gen(function* () {
        assert.deepEqual(yield* h.stop("`stop`"), { reason: "`stop`", openOrders: [order.id] })
        assert.deepEqual(stops, ["`stop`"])
      })
    )
  })

  it.scoped("I7: pause is durable and in force when it is answered, and resting entries are being cancelled", () => {
    const { order, rig } = resting()
    return controlling(rig, (h, b) =>
      Effect.gen(function* () {
        assert.deepEqual(yield* h.pause, { paused: true, durable: true })
        assert.isTrue(b.d.engine.unsafeState().paused)
        assert.isTrue((yield* b.d.store.fence).paused)
        assert.deepEqual(
          b.of("Cancel").map((one) => one.order.id),
          [order.id]
        )
        assert.deepEqual(yield* h.resume, { paused: false, durable: true })
        assert.isFalse(b.d.engine.unsafeState().paused)
      })
    )
  })

  it.scoped("a database that takes nothing: pause works in memory and says so, resume is refused", () =>
    controlling(new Rig().ready(), (h, b) =>
      Effect.gen(function* () {
        yield* b.store.failWith("full")
        assert.deepEqual(yield* h.pause, { paused: true, durable: false })
        assert.isTrue(b.d.engine.unsafeState().paused)
        assert.include((yield* Effect.flip(h.resume)).message, "still paused")
        assert.isTrue(b.d.engine.unsafeState().paused)
      })
    )
  )

  it.scoped(
    "cancel --all: fence and latch first, then everything that was open; exits placed anew are told apart",
    () => {
      const { order, rig } = resting()
      const again = entry({ id: id("kt1-exit"), exchangeId: ExchangeOrderId("OEXIT"), side: "sell" })
      return controlling(rig, (h, b) =>
        Effect.gen(function* () {
          yield* b.rest.answer("openOrders", Effect.succeed([recordOf(order)]))
          yield* b.rest.always(
            "openOrders",
            Effect.succeed([
              recordOf(again, { side: "sell" }),
              nameless(recordOf(again), { exchangeId: ExchangeOrderId("OHAND"), side: "sell" })
            ])
          )
          yield* b.rest.always(
            "cancelOrder",
            Effect.flatMap(Effect.orDie(b.d.store.fence), (fence) => {
              assert.isTrue(Option.isSome(fence.operatorLatch))
              return Effect.succeed({ count: 1, pending: false })
            })
          )
          const report = yield* h.cancel({ _tag: "Own" })
          assert.deepEqual(report.cancelled, [order.id])
          assert.deepEqual(report.left, [])
          assert.deepEqual(report.placedAgain, ["kt1-exit"])
          assert.isDefined(b.d.engine.unsafeState().breaker.latches.operator)
          assert.strictEqual((yield* b.d.store.load).notes.get("lastDrill"), String(b.d.clock.unsafeNow()))
        })
      )
    }
  )

  it.scoped("cancel --all without a database still latches, cancels, and says that the fence is not set", () => {
    const { order, rig } = resting()
    return controlling(rig, (h, b) =>
      Effect.gen(function* () {
        yield* b.store.failWith("io")
        yield* b.rest.answer("openOrders", Effect.succeed([recordOf(order)]))
        yield* b.rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
        yield* b.rest.always("cancelAll", Effect.succeed({ count: 1 }))
        const report = yield* h.cancel({ _tag: "Account" })
        assert.include(report.warnings.join(), "the fence is not set")
        assert.isDefined(b.d.engine.unsafeState().breaker.latches.operator)
        assert.deepEqual(report.left, [])
      })
    )
  })

  it.scoped("one order is cancelled without stopping entries; afterwards nothing need be readable", () => {
    const { order, rig } = resting()
    return controlling(rig, (h, b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("openOrders", Effect.succeed([recordOf(order)]))
        yield* b.rest.answer("openOrders", Effect.succeed([]))
        yield* b.rest.always("openOrders", Effect.fail(timedOut("OpenOrders")))
        yield* b.rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
        const report = yield* h.cancel({ _tag: "Orders", ids: [order.id] })
        assert.deepEqual([report.cancelled, report.left], [[order.id], []])
        assert.isUndefined(b.d.engine.unsafeState().breaker.latches.operator)
      })
    )
  })

  it.scoped("observe mode sends no cancel either", () =>
    controlling(
      new Rig().ready(),
      (h, b) =>
        Effect.gen(function* () {
          assert.include((yield* Effect.flip(h.cancel({ _tag: "Own" }))).message, "observe mode")
          assert.deepEqual(yield* b.rest.calls, [])
        }),
      "observe"
    )
  )

  it.scoped("trip and reset answer with what holds, durably; the fence's latch goes with the operator's", () =>
    controlling(new Rig().ready(), (h, b) =>
      Effect.gen(function* () {
        yield* b.d.store.moveFence({ operatorLatch: Option.some("by `cancel --all`") })
        assert.deepEqual(yield* h.trip("price", "odd"), { latched: [{ cause: "price", reason: "odd" }], durable: true })
        assert.deepEqual(yield* h.reset("price", "calm"), { latched: [], durable: true })
        assert.isTrue(Option.isSome((yield* b.d.store.fence).operatorLatch))
        yield* h.trip("operator", "odd")
        assert.deepEqual(yield* h.reset(undefined, "all"), { latched: [], durable: true })
        assert.isTrue(Option.isNone((yield* b.d.store.fence).operatorLatch))
      })
    )
  )

  // a wait by the test clock would be many real timers long: the writer's own tests have it
  for (const [what, fence, drained] of [
    ["the fence could not be moved", "busy", true],
    ["the records are not written within two seconds", undefined, false]
  ] as const) {
    it.scoped(`a reset is in force and not durable when ${what}`, () => {
      const waits: Array<number> = []
      return controlling(
        new Rig().ready(),
        (h, b) =>
          Effect.gen(function* () {
            yield* h.trip("operator", "odd")
            yield* b.store.failWith(fence)
            assert.deepEqual(yield* h.reset("operator", "x"), { latched: [], durable: false })
            assert.deepEqual(waits, [2000, 2000])
          }),
        "paper",
        (ms) =>
          Effect.as(
            Effect.sync(() => void waits.push(ms)),
            drained
          )
      )
    })
  }
})

describe("the control server's companion", () => {
  it.scoped("serves until it is ended, and may be started again when it could not", () =>
    inWorld(new Rig().ready(), () =>
      Effect.gen(function* () {
        const records = yield* Records
        const failing = controlServer(
          { ...server, serve: () => Effect.fail(new ControlUnavailable({ what: "port", detail: "taken" })) },
          records
        )
        assert.isDefined(failing.restart)
        const provided = (run: typeof failing.run) =>
          run.pipe(
            Effect.provideService(Installation, { prefix, keyFingerprint: "f" }),
            Effect.provideService(Settings, mockSettingsValue),
            Effect.provideService(StopSignal, { request: () => Effect.void, requested: Effect.never })
          )
        const ended = yield* Effect.exit(provided(failing.run))
        assert.isTrue(Exit.isFailure(ended) && Cause.squash(ended.cause) instanceof ControlUnavailable)
        const serving = yield* Effect.fork(provided(controlServer(server, records).run))
        yield* Effect.yieldNow()
        assert.isNull(serving.unsafePoll())
      }).pipe(Effect.provide(MockRecords))
    )
  )
})
