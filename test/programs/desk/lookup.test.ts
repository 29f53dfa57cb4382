import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ExchangeOrderId, ExecutionId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { fetchOrder, inClosedOrders, inOpenOrders, inTrades } from "../../../src/programs/desk/lookup.ts"
import { BTC, fill, id, q } from "../../support/build.ts"
import { inWorld, lost, nameless, recordOf, resting, timedOut } from "./support.ts"
import type { Bench } from "./support.ts"

describe("reading page by page", () => {
  const others = (order: Order, n: number) =>
    Array.from({ length: n }, (_, i) => recordOf(order, { exchangeId: ExchangeOrderId(`OX${i}`), clientId: id("oth") }))
  const executions = (n: number) => Array.from({ length: n }, (_, i) => fill(`TX${i}`, "1", { symbol: BTC }))
  const offsets = (b: Bench, endpoint: "closedOrders" | "tradesHistory") =>
    Effect.map(b.rest.callsOf(endpoint), (calls) => calls.map(([query]) => (query as { offset: number }).offset))

  // what a page holds, how many there are in all, where it is read, and whether its end was reached
  for (const [held, count, pages, whole] of [
    [0, 0, [0], true],
    [1, 1, [0], true],
    [50, 50, [0], true],
    [50, 51, [0, 50], true],
    [0, 5000, [0], true],
    [50, 5000, Array.from({ length: 20 }, (_, n) => n * 50), false]
  ] as const) {
    it.scoped(`a page of ${held} of ${count}`, () => {
      const { rig, order } = lost()
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          yield* b.rest.always("closedOrders", Effect.succeed({ orders: others(order, held), count }))
          assert.deepEqual(yield* inClosedOrders(b.d, order), { record: undefined, whole })
          assert.deepEqual(yield* offsets(b, "closedOrders"), [...pages])
          yield* b.rest.always("tradesHistory", Effect.succeed({ fills: executions(held), count }))
          assert.deepEqual(yield* inTrades(b.d, order), { record: undefined, whole })
          assert.deepEqual(yield* offsets(b, "tradesHistory"), [...pages])
          for (const endpoint of ["closedOrders", "tradesHistory"] as const) {
            for (const [query] of yield* b.rest.callsOf(endpoint)) {
              assert.strictEqual((query as { start: number }).start, order.createdAt - 60_000)
            }
          }
        })
      )
    })
  }

  it.scoped("what is found on the first page ends the search", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("closedOrders", Effect.succeed({ orders: [recordOf(order)], count: 51 }))
        assert.isDefined((yield* inClosedOrders(b.d, order)).record)
        assert.deepEqual(yield* offsets(b, "closedOrders"), [0])
      })
    )
  })
})

describe("reading one order", () => {
  it.scoped("by the exchange's id, its executions before its end, both named by our id", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer(
          "queryOrders",
          Effect.succeed([nameless(recordOf(order), { status: "cancelled", cumQuantity: q("30") })])
        )
        yield* fetchOrder(b.d, order)
        yield* b.d.engine.settled
        // no executions were named: the order has ended and still owes them
        assert.strictEqual(b.order(order.id).status, "cancelled")
        yield* b.rest.answer(
          "queryOrders",
          Effect.succeed([recordOf(order, { status: "cancelled", cumQuantity: q("30") }, ["T1"])])
        )
        const execution = fill("T1", "30", { source: "rest", exchangeId: order.exchangeId ?? ExchangeOrderId("O") })
        yield* b.rest.answer("queryTrades", Effect.succeed([execution]))
        yield* fetchOrder(b.d, order)
        yield* b.d.engine.settled
        assert.strictEqual(b.order(order.id).bookedQuantity, q("30"))
        assert.deepEqual(yield* b.rest.callsOf("queryTrades"), [[["T1"]]])
      })
    )
  })

  it.scoped("I9: only executions that are not booked are read, twenty a call", () => {
    const { rig, order } = resting()
    const partly = { ...order, executions: [ExecutionId("T0")], bookedQuantity: q("1"), cumQuantity: q("1") }
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 42 }, (_, n) => `T${n}`)
        yield* b.rest.answer("queryOrders", Effect.succeed([recordOf(partly, { cumQuantity: q("42") }, ids)]))
        yield* fetchOrder(b.d, partly)
        const calls = yield* b.rest.callsOf("queryTrades")
        assert.deepEqual(
          calls.map(([asked]) => (asked as ReadonlyArray<string>).length),
          [20, 20, 1]
        )
        assert.notInclude(calls.flat(2), "T0")
        yield* b.rest.answer("queryOrders", Effect.succeed([recordOf(partly, { cumQuantity: q("2") }, ["T0"])]))
        yield* b.rest.answer("queryOrders", Effect.succeed([nameless(recordOf(partly))]))
        yield* b.rest.answer("queryOrders", Effect.succeed([recordOf(partly, { cumQuantity: q("1") }, ["T0", "T9"])]))
        yield* fetchOrder(b.d, partly)
        yield* fetchOrder(b.d, partly)
        yield* fetchOrder(b.d, partly)
        assert.strictEqual((yield* b.rest.callsOf("queryTrades")).length, 3)
      })
    )
  })

  it.scoped("without the exchange's id it is searched among open orders, then closed ones", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* fetchOrder(b.d, order)
        assert.strictEqual((yield* b.rest.callsOf("closedOrders")).length, 1)
        assert.strictEqual(b.order(order.id).status, "unknown")
        yield* b.rest.answer("openOrders", Effect.succeed([recordOf(order)]))
        yield* fetchOrder(b.d, order)
        yield* b.d.engine.settled
        assert.strictEqual(b.order(order.id).status, "open")
        assert.strictEqual((yield* b.rest.callsOf("closedOrders")).length, 1)
      })
    )
  })

  it.scoped("a read that fails, or finds somebody else's order, changes nothing", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("queryOrders", Effect.fail(timedOut()))
        yield* fetchOrder(b.d, order)
        yield* b.rest.answer(
          "queryOrders",
          Effect.succeed([
            recordOf(order, { clientId: "by-hand" as never, status: "cancelled", cumQuantity: q("1") }),
            nameless(recordOf(order, { exchangeId: ExchangeOrderId("OELSE"), status: "cancelled" }))
          ])
        )
        yield* fetchOrder(b.d, order)
        yield* b.d.engine.settled
        assert.deepEqual(b.order(order.id), order)
      })
    )
  })

  it.scoped(
    "every candidate is queried, fifty a call; orders that are explained, of other pairs or named are none",
    () => {
      const { rig, order } = lost()
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          const known = resting().order
          yield* b.d.engine.tell({
            _tag: "ReportsSeen",
            reports: [rig.statusOf(order, { exchangeId: ExchangeOrderId("OMINE") })]
          })
          yield* b.d.engine.settled
          const many = Array.from({ length: 60 }, (_, n) =>
            nameless(recordOf(order, { exchangeId: ExchangeOrderId(`OC${n}`) }))
          )
          yield* b.rest.answer(
            "openOrders",
            Effect.succeed([
              ...many,
              nameless(recordOf(order, { exchangeId: ExchangeOrderId("OMINE") })),
              nameless(recordOf(order, { exchangeId: ExchangeOrderId("OBTC"), symbol: "BTC/USD" as never })),
              recordOf(known, { exchangeId: ExchangeOrderId("ONAMED"), clientId: "by-hand" as never })
            ])
          )
          yield* b.rest.answer("queryOrders", Effect.succeed([]))
          yield* b.rest.answer(
            "queryOrders",
            Effect.succeed([recordOf(order, { exchangeId: ExchangeOrderId("OC59") })])
          )
          const { record } = yield* inOpenOrders(b.d, order)
          assert.strictEqual(record?.report.exchangeId, ExchangeOrderId("OC59"))
          const calls = yield* b.rest.callsOf("queryOrders")
          assert.deepEqual(
            calls.map(([ids]) => (ids as ReadonlyArray<string>).length),
            [50, 10]
          )
          assert.deepEqual(
            calls.flatMap(([ids]) => ids),
            many.map((one) => one.report.exchangeId)
          )
        })
      )
    }
  )
})
