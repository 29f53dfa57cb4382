import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, TestClock } from "effect"
import { KrakenApiError } from "../../../src/domain/kraken/KrakenError.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { MockKrakenRestControl } from "../../../src/layers/mock/MockKrakenRest.ts"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { MockMarketClockControl } from "../../../src/layers/mock/MockMarketClock.ts"
import { MockNonceControl } from "../../../src/layers/mock/MockNonce.ts"
import { MockStoreControl } from "../../../src/layers/mock/MockStore.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { cancel, cancelDirectly } from "../../../src/programs/cancel/cancel.ts"
import { cancelOrders, lastArrivalOf } from "../../../src/programs/cancel/cancelOrders.ts"
import { Installation } from "../../../src/services/Installation.ts"
import type { CancelReport, CancelTarget } from "../../../src/services/ControlServer.ts"
import { ControlRefusal } from "../../../src/services/ControlClient.ts"
import type { OrderRecord } from "../../../src/services/KrakenRest.ts"
import { Store } from "../../../src/services/Store.ts"
import { emptySnapshot, prefix } from "../../domain/engine/Rig.ts"
import { entry, id, NOON } from "../../support/build.ts"
import { nameless, recordOf, timedOut, unknownOrder } from "../desk/support.ts"
import { clientOf, frozen, Screen, world } from "../cli/support.ts"

const OWN: CancelTarget = { _tag: "Own" }
const ACCOUNT: CancelTarget = { _tag: "Account" }

/** An open order of this installation. */
const open = (name: string, change: Partial<Order> = {}): Order =>
  entry({ id: id(`kt1-${name}`), exchangeId: ExchangeOrderId(`O${name}`), status: "open", ...change })
const foreign: OrderRecord = nameless(recordOf(open("x")), { exchangeId: ExchangeOrderId("OHAND") })

const exchange = (records: ReadonlyArray<Order> = []) =>
  mockWorld({ start: NOON, prefix, records: { ...emptySnapshot, orders: records } }).pipe(
    Layer.provideMerge(Layer.succeed(Installation, { prefix, keyFingerprint: "f" }))
  )

/** Real and market time pass until the effect is done. */
const pass = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    const market = yield* MockMarketClockControl
    for (let n = 0; n < 60; n++) {
      yield* TestClock.adjust("1 second")
      yield* market.advance(1000)
    }
    return yield* Fiber.join(fiber)
  })

const plan = (target: CancelTarget, known: ReadonlyArray<Order> = []) => ({
  target,
  known,
  lastArrival: undefined,
  inBooks: () => Effect.succeed(false),
  adopt: () => true
})

const nothing: CancelReport = {
  cancelled: [],
  notOpen: [],
  unheardOf: [],
  left: [],
  placedAgain: [],
  warnings: []
}

describe("the emergency cancel at the exchange", () => {
  it.effect("cancels what the books and the exchange know, and believes only the open orders", () =>
    Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      const [a, b] = [open("a"), open("b")]
      yield* rest.answer("openOrders", Effect.succeed([recordOf(a), recordOf(b), foreign]))
      yield* rest.always("openOrders", Effect.succeed([foreign]))
      yield* rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
      const report = yield* cancelOrders(plan(OWN, [a]))
      assert.deepEqual(report, { ...nothing, cancelled: ["kt1-a", "kt1-b"] })
      const refs = (yield* rest.callsOf("cancelOrder")).map(([ref]) => ref)
      assert.deepEqual(refs, [
        { _tag: "Exchange", id: "Oa" },
        { _tag: "Exchange", id: "Ob" }
      ])
    }).pipe(Effect.provide(exchange()))
  )

  it.effect("a cancel that said yes and left the order open is repeated, and then told", () =>
    Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      const a = open("a")
      yield* rest.always("openOrders", Effect.succeed([recordOf(a)]))
      yield* rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
      const report = yield* pass(cancelOrders(plan(OWN, [a])))
      assert.deepEqual(report, { ...nothing, left: ["kt1-a"] })
      assert.lengthOf(yield* rest.callsOf("cancelOrder"), 4)
    }).pipe(Effect.provide(exchange()))
  )

  it.effect("open orders that cannot be read are never taken for none", () =>
    Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      const a = open("a")
      yield* rest.always("openOrders", Effect.fail(timedOut("OpenOrders")))
      yield* rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
      const report = yield* pass(cancelOrders(plan(OWN, [a])))
      assert.include(report.left, "kt1-a")
      assert.include(report.warnings.join(), "could not be read")
      // not even when nothing is known to be open
      const blind = yield* pass(cancelOrders(plan(OWN)))
      assert.isNotEmpty(blind.left)
    }).pipe(Effect.provide(exchange()))
  )

  it.effect("an order the exchange does not have open is not open; other failures are told", () =>
    Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      const { exchangeId: _, ...pending } = open("p", { status: "pending" })
      yield* rest.answer("cancelOrder", Effect.fail(unknownOrder))
      yield* rest.answer("cancelOrder", Effect.fail(timedOut("CancelOrder")))
      const report = yield* cancelOrders(plan(OWN, [pending, open("b")]))
      assert.deepEqual(report.notOpen, ["kt1-p", "kt1-b"])
      assert.deepEqual(report.left, [])
      assert.include(report.warnings.join(), "kt1-b")
      // by our own id where the exchange's is not known
      assert.deepEqual((yield* rest.callsOf("cancelOrder"))[0]?.[0], { _tag: "Client", id: "kt1-p" })
    }).pipe(Effect.provide(exchange()))
  )

  it.effect("an own order that appears meanwhile is cancelled too; a foreign one never", () =>
    Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      const [a, late] = [open("a"), open("late")]
      yield* rest.answer("openOrders", Effect.succeed([recordOf(a), foreign]))
      yield* rest.answer("openOrders", Effect.succeed([recordOf(late), foreign]))
      yield* rest.always("openOrders", Effect.succeed([foreign]))
      yield* rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
      const report = yield* pass(cancelOrders(plan(OWN, [a])))
      assert.deepEqual(report.cancelled, ["kt1-a", "kt1-late"])
    }).pipe(Effect.provide(exchange()))
  )

  it.effect("what may still be on its way is waited for, and looked for once more", () =>
    Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      const late = open("late", { status: "unknown" })
      const deadline = lastArrivalOf([late, open("settled", { status: "filled" })])
      assert.strictEqual(deadline, late.deadline + 1000)
      assert.isUndefined(lastArrivalOf([open("a")]))
      yield* rest.answer("openOrders", Effect.succeed([]))
      yield* rest.answer("openOrders", Effect.succeed([]))
      yield* rest.answer("openOrders", Effect.succeed([recordOf(late)]))
      yield* rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
      const fiber = yield* Effect.fork(cancelOrders({ ...plan(OWN, [late]), lastArrival: NOON + 5000 }))
      const market = yield* MockMarketClockControl
      yield* market.advance(4000)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* market.advance(1000)
      yield* TestClock.adjust("1 second")
      assert.deepEqual((yield* Fiber.join(fiber)).cancelled, ["kt1-late"])
      assert.lengthOf(yield* rest.callsOf("cancelOrder"), 2)
    }).pipe(Effect.provide(exchange()))
  )

  it.effect("named orders: ours by either id, a foreign one not, one that ended, one that nobody knows", () =>
    Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      const [a, b] = [open("a"), open("b")]
      yield* rest.answer("openOrders", Effect.succeed([recordOf(a), recordOf(b), foreign]))
      yield* rest.always("openOrders", Effect.succeed([foreign]))
      yield* rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
      const report = yield* cancelOrders({
        ...plan({ _tag: "Orders", ids: ["kt1-a", "Ob", "OHAND", "Oold", "typo", "kt1-a"] }, [a]),
        inBooks: (name) => Effect.succeed(name === "Oold")
      })
      assert.deepEqual(report.cancelled, ["kt1-a", "kt1-b"])
      assert.deepEqual(report.notOpen, ["Oold"])
      assert.deepEqual(report.unheardOf, ["typo"])
      assert.deepEqual(report.left, ["OHAND"])
      assert.include(report.warnings.join(), "not this trader's order")
    }).pipe(Effect.provide(exchange()))
  )

  it.effect("the whole account goes in one call, foreign orders included, even if nothing is known to be open", () =>
    Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      const bare = nameless(recordOf(open("n")), { exchangeId: ExchangeOrderId("ONOPAIR") })
      const { symbol: _, ...report } = bare.report
      yield* rest.answer("openOrders", Effect.succeed([foreign, { ...bare, report }]))
      yield* rest.always("cancelAll", Effect.succeed({ count: 2 }))
      const done = yield* cancelOrders(plan(ACCOUNT))
      assert.deepEqual(done.cancelled, ["OHAND", "ONOPAIR"])
      assert.deepEqual(yield* cancelOrders(plan(ACCOUNT)), nothing)
      assert.lengthOf(yield* rest.callsOf("cancelAll"), 2)
      yield* rest.always("cancelAll", Effect.fail(timedOut("CancelAll")))
      yield* rest.always("openOrders", Effect.succeed([foreign]))
      const failed = yield* pass(cancelOrders(plan(ACCOUNT)))
      assert.deepEqual(failed.left, ["OHAND"])
      assert.include(failed.warnings.join(), "the account's orders")
    }).pipe(Effect.provide(exchange()))
  )
})

describe("beside a trader", () => {
  it.effect("the fence is moved and latched before anything is cancelled; success is remembered as a drill", () => {
    const a = open("a")
    return Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      const store = yield* Store
      yield* rest.answer("openOrders", Effect.succeed([recordOf(a)]))
      yield* rest.always(
        "cancelOrder",
        Effect.flatMap(Effect.orDie(store.fence), (fence) => {
          assert.deepEqual(fence.operatorLatch, Option.some("`cancel --all`"))
          return Effect.succeed({ count: 1, pending: false })
        })
      )
      const report = yield* cancelDirectly(OWN, false)
      assert.deepEqual(report, { ...nothing, cancelled: ["kt1-a"] })
      assert.strictEqual((yield* store.load).notes.get("lastDrill"), String(NOON))
    }).pipe(Effect.provide(exchange([a])))
  })

  it.effect("naming orders moves the epoch only; the account's cancel says what it was", () =>
    Effect.gen(function* () {
      const store = yield* Store
      const rest = yield* MockKrakenRestControl
      yield* rest.always("cancelAll", Effect.succeed({ count: 0 }))
      const before = yield* store.fence
      yield* cancelDirectly({ _tag: "Orders", ids: ["x"] }, false)
      assert.deepEqual(yield* store.fence, { ...before, epoch: before.epoch + 1 })
      assert.isUndefined((yield* store.load).notes.get("lastDrill"))
      yield* cancelDirectly(ACCOUNT, false)
      assert.deepEqual((yield* store.fence).operatorLatch, Option.some("`cancel --all --account`"))
    }).pipe(Effect.provide(exchange()))
  )

  it.effect(
    "a database that a frozen trader holds: nonces jump, orders are cancelled all the same, and it is said loudly",
    () => {
      const a = open("a")
      return Effect.gen(function* () {
        const rest = yield* MockKrakenRestControl
        const store = yield* MockStoreControl
        const nonces = yield* MockNonceControl
        yield* store.failWith("busy")
        yield* rest.answer("openOrders", Effect.succeed([recordOf(a)]))
        yield* rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
        const report = yield* pass(cancelDirectly(OWN, true))
        assert.deepEqual(report.cancelled, ["kt1-a"])
        assert.deepEqual(yield* nonces.advances, [undefined])
        assert.include(report.warnings.join(), "THE FENCE IS NOT SET")
        assert.include(report.warnings.join(), "records could not be read")
        // looked once more after everything that was on its way must have arrived
        assert.lengthOf(yield* rest.callsOf("openOrders"), 3)
      }).pipe(Effect.provide(exchange([a])))
    }
  )
})

describe("cancel", () => {
  const answered = (report: Partial<CancelReport>, target: CancelTarget = OWN) =>
    Effect.gen(function* () {
      const result = yield* Effect.either(cancel(target))
      const { error, out } = yield* Screen
      return { result, out: out(), error: error() }
    }).pipe(Effect.provide(world({ client: clientOf({ cancel: () => Effect.succeed({ ...nothing, ...report }) }) })))

  it.effect("through the trader: says what went, and that it is verified", () =>
    Effect.gen(function* () {
      const one = yield* answered({ cancelled: ["kt1-a"], placedAgain: ["kt1-z"] })
      assert.isTrue(one.result._tag === "Right")
      assert.include(one.out, "cancelled kt1-a")
      assert.include(one.out, "Verified: nothing is left open of this trader's")
      assert.include(one.out, "kt1-z anew")
      assert.include((yield* answered({}, ACCOUNT)).out, "nothing was open in the account")
      const named: CancelTarget = { _tag: "Orders", ids: ["kt1-a"] }
      assert.include((yield* answered({ cancelled: ["kt1-a"] }, named)).out, "none of them is open any more")
      assert.include((yield* answered({ notOpen: ["kt1-a"] }, named)).out, "Nothing was open.")
    })
  )

  it.effect("what is left, or unheard of, is loud and not 0", () =>
    Effect.gen(function* () {
      const left = yield* answered({ left: ["kt1-a"], warnings: ["time-out"] })
      assert.deepInclude(left.result, { _tag: "Left" })
      assert.include(left.error, "NOT CANCELLED, or not known to be: kt1-a")
      assert.include(left.error, "time-out")
      assert.notInclude(left.out, "Verified")
      const typo = yield* answered({ unheardOf: ["kt1-typo"] }, { _tag: "Orders", ids: ["kt1-typo"] })
      assert.deepInclude(typo.result, { _tag: "Left" })
      assert.include(typo.error, "NO SUCH ORDER: kt1-typo")
    })
  )

  it.effect("a trader that refuses is believed; observe mode sends nothing", () =>
    Effect.gen(function* () {
      const refusal = new ControlRefusal({ status: 503, text: "observe mode" })
      const refused = yield* Effect.flip(
        Effect.provide(cancel(OWN), world({ client: clientOf({ cancel: () => Effect.fail(refusal) }) }))
      )
      assert.deepInclude(refused, { _tag: "CommandFailed", text: "observe mode" })
      const observing = yield* Effect.flip(Effect.provide(cancel(OWN), world({ settings: { mode: "observe" } })))
      assert.deepInclude(observing, { _tag: "CommandFailed" })
    })
  )

  it.effect("directly when nobody answers, and beside a trader that hangs", () => {
    const a = open("a")
    return Effect.gen(function* () {
      const context = yield* Layer.build(exchange([a]))
      const direct = (held: boolean) =>
        Effect.gen(function* () {
          const rest = yield* Effect.provide(MockKrakenRestControl, context)
          yield* rest.answer("openOrders", Effect.succeed([recordOf(a)]))
          yield* rest.always("cancelOrder", Effect.succeed({ count: 1, pending: false }))
          yield* rest.always(
            "cancelAll",
            Effect.fail(
              new KrakenApiError({
                endpoint: "x",
                kind: "service",
                text: "x",
                executed: "no",
                retry: "never",
                stop: false
              })
            )
          )
          const lock = yield* MockInstanceLockControl
          yield* lock.holdElsewhere(held ? "data folder" : undefined)
          yield* cancel(OWN)
          const { error, out } = yield* Screen
          return error() + out()
        }).pipe(
          Effect.provide(
            world({
              client: clientOf({}, frozen),
              beside: { exchange: Effect.map(Effect.succeed(context), (all) => all as never) }
            })
          )
        )
      assert.include(yield* direct(false), "No trader runs: cancelling directly.")
      assert.include(yield* direct(true), "does not answer (the trader did not answer within 2 seconds)")
    }).pipe(Effect.scoped)
  })
})
