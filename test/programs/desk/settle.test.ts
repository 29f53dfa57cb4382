import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { settle } from "../../../src/programs/desk/settle.ts"
import { fill, q } from "../../support/build.ts"
import { inWorld, lost, nameless, recordOf, rest, timedOut, unknownOrder } from "./support.ts"
import type { Bench } from "./support.ts"

const MINUTE = 60_000

/** Settles in the background; cancels are answered as for an order that is not open. */
const settling = (b: Bench, order: Order) =>
  Effect.gen(function* () {
    yield* b.rest.always("cancelOrder", Effect.fail(unknownOrder))
    const fiber = yield* Effect.forkScoped(settle(b.d, order))
    yield* rest
    return fiber
  })

/** Moves market time, sleep by sleep. */
const pass = (b: Bench, ms: number) => Effect.zipRight(b.clock.advance(ms), rest)

const count = (b: Bench, endpoint: "openOrders" | "cancelOrder" | "addOrder") =>
  Effect.map(b.rest.callsOf(endpoint), (calls) => calls.length)

const isUnknown = (b: Bench, order: Order) => b.order(order.id).status === "unknown"

describe("an order of unknown outcome", () => {
  it.scoped("I2: is cancelled at once and after its deadline by our own id, and never sent again", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const fiber = yield* settling(b, order)
        assert.strictEqual(yield* count(b, "cancelOrder"), 1)
        yield* pass(b, 10_900)
        assert.strictEqual(yield* count(b, "cancelOrder"), 1)
        yield* pass(b, 200)
        assert.deepEqual(
          (yield* b.rest.callsOf("cancelOrder")).map(([ref]) => ref),
          [
            { _tag: "Client", id: order.id },
            { _tag: "Client", id: order.id }
          ]
        )
        yield* pass(b, 2 * MINUTE)
        yield* Fiber.join(fiber)
        assert.strictEqual(yield* count(b, "addOrder"), 0)
      })
    )
  })

  it.scoped("I20: never arrived only by reads begun a minute after the deadline, and then at once", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const fiber = yield* settling(b, order)
        yield* pass(b, 11_001)
        yield* pass(b, MINUTE - 1001)
        assert.isTrue(isUnknown(b, order))
        assert.strictEqual(yield* count(b, "openOrders"), 2)
        yield* pass(b, 1)
        yield* Fiber.join(fiber)
        assert.strictEqual(b.order(order.id).status, "rejected")
        assert.match(b.order(order.id).endReason ?? "", /never arrived: not among open orders, closed orders/)
      })
    )
  })

  it.scoped("found among the open orders at the first look", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("openOrders", Effect.succeed([recordOf(order, { quantity: order.quantity })]))
        yield* Fiber.join(yield* settling(b, order))
        assert.strictEqual(b.order(order.id).status, "open")
        assert.strictEqual(b.order(order.id).exchangeId, ExchangeOrderId("OREST"))
      })
    )
  })

  it.scoped("found among the open orders right after its deadline", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const fiber = yield* settling(b, order)
        yield* b.rest.answer("openOrders", Effect.succeed([recordOf(order, { quantity: order.quantity })]))
        yield* pass(b, 11_001)
        yield* Fiber.join(fiber)
        assert.strictEqual(b.order(order.id).status, "open")
      })
    )
  })

  it.scoped("I9: found on the second page of closed orders, with the executions that it had", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const others = Array.from({ length: 50 }, (_, n) =>
          recordOf(order, { exchangeId: ExchangeOrderId(`OX${n}`), clientId: order.id.replace("kt1", "oth") as never })
        )
        yield* b.rest.answer("closedOrders", Effect.succeed({ orders: others, count: 51 }))
        yield* b.rest.answer(
          "closedOrders",
          Effect.succeed({
            orders: [recordOf(order, { status: "filled", cumQuantity: q("30") }, ["T1"])],
            count: 51
          })
        )
        yield* b.rest.answer(
          "queryTrades",
          Effect.succeed([fill("T1", "30", { exchangeId: ExchangeOrderId("OREST"), source: "rest" })])
        )
        yield* Fiber.join(yield* settling(b, order))
        assert.strictEqual(b.order(order.id).status, "filled")
        assert.strictEqual(b.d.engine.unsafeState().lots.get(order.id)?.remaining, q("30"))
        assert.deepEqual(
          (yield* b.rest.callsOf("closedOrders")).map(([query]) => (query as { offset: number }).offset),
          [0, 50]
        )
      })
    )
  })

  it.scoped("found by an execution that nobody explains, on the second page of them", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const page = Array.from({ length: 50 }, (_, n) => fill(`TX${n}`, "1", { symbol: "BTC/USD" as never }))
        yield* b.rest.answer("tradesHistory", Effect.succeed({ fills: page, count: 51 }))
        const found = fill("T1", "30", { exchangeId: ExchangeOrderId("OREST") })
        yield* b.rest.answer("tradesHistory", Effect.succeed({ fills: [found], count: 51 }))
        yield* b.rest.answer(
          "queryOrders",
          Effect.succeed([recordOf(order, { status: "filled", cumQuantity: q("30") }, ["T1"])])
        )
        yield* b.rest.answer("queryTrades", Effect.succeed([found]))
        yield* Fiber.join(yield* settling(b, order))
        assert.strictEqual(b.order(order.id).status, "filled")
        assert.deepEqual(yield* b.rest.callsOf("queryOrders"), [[["OREST"]]])
      })
    )
  })

  it.scoped("a candidate of the pair without a client id is queried before it is dismissed", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("openOrders", Effect.succeed([nameless(recordOf(order))]))
        yield* b.rest.answer("queryOrders", Effect.succeed([recordOf(order)]))
        yield* Fiber.join(yield* settling(b, order))
        assert.strictEqual(b.order(order.id).status, "open")
      })
    )
  })

  it.scoped("a filter that was ignored finds nothing: the returned client id itself is matched", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const others = [recordOf(order, { clientId: "by-hand" as never }), nameless(recordOf(order))]
        yield* b.rest.always("openOrders", Effect.succeed(others))
        yield* b.rest.always("queryOrders", Effect.succeed(others))
        const fiber = yield* settling(b, order)
        assert.isTrue(isUnknown(b, order))
        yield* pass(b, 11_001)
        yield* pass(b, MINUTE)
        yield* Fiber.join(fiber)
        assert.strictEqual(b.order(order.id).status, "rejected")
      })
    )
  })

  it.scoped("without a successful read of the open orders nothing is proved, whatever the others lack", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.always("openOrders", Effect.fail(timedOut()))
        const fiber = yield* settling(b, order)
        yield* pass(b, 11_001)
        for (let n = 0; n < 4; n++) yield* pass(b, MINUTE)
        assert.deepEqual(yield* b.alerts.sentOf("order.unsettled"), [])
        for (let n = 0; n < 4; n++) yield* pass(b, MINUTE)
        assert.isTrue(isUnknown(b, order))
        assert.deepEqual(
          (yield* b.alerts.sentOf("order.unsettled")).map((alert) => alert.severity),
          ["critical"]
        )
        yield* b.rest.always("openOrders", Effect.succeed([]))
        yield* pass(b, MINUTE)
        yield* Fiber.join(fiber)
        assert.strictEqual(b.order(order.id).status, "rejected")
      })
    )
  })

  it.scoped("two sources are, if the open orders are one of them", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.always("tradesHistory", Effect.fail(timedOut()))
        const fiber = yield* settling(b, order)
        yield* pass(b, 11_001)
        yield* pass(b, MINUTE)
        yield* Fiber.join(fiber)
        assert.strictEqual(b.order(order.id).status, "rejected")
      })
    )
  })

  it.scoped("one source is no proof", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.always("closedOrders", Effect.fail(timedOut()))
        yield* b.rest.always("tradesHistory", Effect.fail(timedOut()))
        yield* settling(b, order)
        yield* pass(b, 11_001)
        for (let n = 0; n < 3; n++) yield* pass(b, MINUTE)
        assert.isTrue(isUnknown(b, order))
      })
    )
  })

  it.scoped("a history longer than what is read proves nothing", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const others = [recordOf(order, { clientId: "by-hand" as never })]
        yield* b.rest.always("closedOrders", Effect.succeed({ orders: others, count: 5000 }))
        yield* b.rest.always("tradesHistory", Effect.fail(timedOut()))
        yield* settling(b, order)
        yield* pass(b, 11_001)
        for (let n = 0; n < 3; n++) yield* pass(b, MINUTE)
        assert.isTrue(isUnknown(b, order))
      })
    )
  })

  it.scoped("silence of an exchange that is not online proves nothing", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.d.engine.tell({ _tag: "SystemSeen", status: "maintenance" })
        const fiber = yield* settling(b, order)
        yield* pass(b, 11_001)
        yield* pass(b, MINUTE)
        assert.isTrue(isUnknown(b, order))
        // back, or gone, only while the reads were under way: not enough either
        for (const status of ["online", "maintenance", "online"] as const) {
          const told = Effect.zipRight(b.d.engine.tell({ _tag: "SystemSeen", status }), b.d.engine.settled)
          yield* b.rest.answer("openOrders", Effect.as(told, []))
          yield* pass(b, 15_001)
          assert.isTrue(isUnknown(b, order))
        }
        yield* pass(b, 15_001)
        yield* Fiber.join(fiber)
        assert.strictEqual(b.order(order.id).status, "rejected")
      })
    )
  })

  for (const [name, at] of [
    ["before the deadline", 5000],
    ["after the deadline, while it waits", 30_000]
  ] as const) {
    it.scoped(`settled by the stream ${name}: nothing more is read`, () => {
      const { rig, order } = lost()
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          const fiber = yield* settling(b, order)
          if (at > 11_000) yield* pass(b, 11_001)
          yield* b.d.engine.tell({
            _tag: "ReportsSeen",
            reports: [rig.statusOf(order, { status: "cancelled", cumQuantity: q("0") })]
          })
          yield* b.d.engine.settled
          const before = [yield* count(b, "openOrders"), yield* count(b, "cancelOrder")]
          yield* pass(b, 90_000)
          yield* Fiber.join(fiber)
          assert.strictEqual(b.order(order.id).status, "cancelled")
          assert.deepEqual([yield* count(b, "openOrders"), yield* count(b, "cancelOrder")], before)
        })
      )
    })
  }

  it.scoped("settled by the stream while the last reads are under way: their silence concludes nothing", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const fiber = yield* settling(b, order)
        yield* pass(b, 11_001)
        yield* b.rest.always(
          "tradesHistory",
          Effect.gen(function* () {
            yield* b.d.engine.tell({ _tag: "ReportsSeen", reports: [rig.statusOf(order, { status: "open" })] })
            yield* b.d.engine.settled
            return { fills: [], count: 0 }
          })
        )
        yield* pass(b, MINUTE)
        yield* Fiber.join(fiber)
        assert.strictEqual(b.order(order.id).status, "open")
      })
    )
  })

  it.scoped("I20: long after its deadline, as after a restart, it is settled without a wait", () => {
    const { rig, order } = lost()
    rig.after(3_600_000)
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* Fiber.join(yield* settling(b, order))
        assert.strictEqual(b.order(order.id).status, "rejected")
      })
    )
  })

  it.scoped("an order that the engine does not hold (any more) is not looked for further", () => {
    const { rig, order } = lost()
    rig.state = { ...rig.state, orders: new Map() }
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* Fiber.join(yield* settling(b, order))
        assert.strictEqual(yield* count(b, "openOrders"), 1)
      })
    )
  })

  it.scoped("a report that the engine cannot use is looked for again only after a pause", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const deaf = { ...b.d.engine, tell: () => Effect.void }
        yield* b.rest.always("cancelOrder", Effect.fail(unknownOrder))
        yield* b.rest.always("openOrders", Effect.succeed([recordOf(order)]))
        yield* Effect.forkScoped(settle({ ...b.d, engine: deaf }, order))
        yield* rest
        yield* pass(b, 11_001)
        yield* pass(b, MINUTE)
        const before = yield* count(b, "openOrders")
        yield* rest
        assert.strictEqual(yield* count(b, "openOrders"), before)
      })
    )
  })
})
