import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { identify } from "../../../src/programs/desk/identify.ts"
import { entry, exit, fill, id, lot, q, share, status } from "../../support/build.ts"
import { Rig } from "../../domain/engine/Rig.ts"
import { inWorld, recordOf, timedOut } from "./support.ts"

const stranger = (exchangeId: string, clientId?: string) => ({
  exchangeId: ExchangeOrderId(exchangeId),
  clientId: clientId === undefined ? undefined : id(clientId)
})

const settledEntry = entry({ id: id("kt1-old"), exchangeId: ExchangeOrderId("OOLD"), status: "cancelled" })

describe("naming orders that match nothing in memory", () => {
  it.scoped("I9: the store knows an order settled long ago: its late fill is booked on the lot it made", () => {
    const rig = new Rig().ready()
    rig.send({ _tag: "ReportsSeen", reports: [fill("TLATE", "25", { exchangeId: ExchangeOrderId("OOLD") })] })
    const sold = lot({ id: id("kt1-old"), quantity: q("30"), remaining: q("0") })
    return inWorld(
      rig,
      (b) =>
        Effect.gen(function* () {
          assert.isTrue(yield* identify(b.d, [stranger("OOLD")]))
          yield* b.d.engine.settled
          assert.strictEqual(b.d.engine.unsafeState().lots.get(id("kt1-old"))?.remaining, q("25"))
          assert.strictEqual(b.d.engine.unsafeState().lots.get(id("kt1-old"))?.quantity, q("55"))
          assert.strictEqual(b.d.engine.unsafeState().unmatched.size, 0)
          assert.deepEqual(yield* b.rest.callsOf("queryOrders"), [])
        }),
      { records: { orders: [{ ...settledEntry, cumQuantity: q("1") }], lots: [{ ...sold, remaining: q("0") }] } }
    )
  })

  it.scoped("an order of ours that never got an id of the exchange is not taken for a stranger without ours", () => {
    const rig = new Rig().ready()
    rig.send({ _tag: "ReportsSeen", reports: [fill("THAND", "25", { exchangeId: ExchangeOrderId("OHAND") })] })
    const never = entry({ id: id("kt1-never"), status: "rejected" })
    return inWorld(
      rig,
      (b) =>
        Effect.gen(function* () {
          assert.isTrue(yield* identify(b.d, [stranger("OHAND")]))
          yield* b.d.engine.settled
          assert.deepEqual(yield* b.rest.callsOf("queryOrders"), [[["OHAND"]]])
          assert.strictEqual(b.d.engine.unsafeState().lots.size, 0)
        }),
      { records: { orders: [never] } }
    )
  })

  it.scoped("the exchange's id says more than ours", () => {
    const rig = new Rig().ready()
    return inWorld(
      rig,
      (b) =>
        Effect.gen(function* () {
          assert.isTrue(yield* identify(b.d, [stranger("OOLD", "kt1-other")]))
          yield* b.d.engine.settled
          assert.deepEqual(yield* b.rest.callsOf("queryOrders"), [])
          assert.isTrue(b.d.engine.unsafeState().orders.has(settledEntry.id))
        }),
      { records: { orders: [settledEntry] } }
    )
  })

  it.scoped("an exit from the store comes back with every lot that it names", () => {
    const rig = new Rig().ready()
    const sale = exit([share("kt1-a", "50"), share("kt1-b", "50")], {
      id: id("kt1-x"),
      status: "cancelled",
      quantity: q("100")
    })
    rig.send({
      _tag: "ReportsSeen",
      reports: [fill("TS", "60", { exchangeId: ExchangeOrderId("OX"), clientId: id("kt1-x"), side: "sell" })]
    })
    return inWorld(
      rig,
      (b) =>
        Effect.gen(function* () {
          assert.isTrue(yield* identify(b.d, [stranger("OX", "kt1-x")]))
          yield* b.d.engine.settled
          const { lots, breaker } = b.d.engine.unsafeState()
          assert.strictEqual(lots.get(id("kt1-a"))?.remaining, q("0"))
          assert.strictEqual(lots.get(id("kt1-b"))?.remaining, q("40"))
          assert.isUndefined(breaker.latches.invariant)
        }),
      {
        records: {
          orders: [entry({ id: id("kt1-never"), status: "rejected" }), { ...sale, cumQuantity: q("60") }],
          lots: [
            lot({ id: id("kt1-a"), quantity: q("50"), remaining: q("50") }),
            lot({ id: id("kt1-b"), quantity: q("50"), remaining: q("50") })
          ]
        }
      }
    )
  })

  it.scoped(
    "I12: the exchange is asked many at a time: ours, a stray with our mark, somebody else's, and nobody's",
    () => {
      const rig = new Rig().ready().signal()
      const approved = rig.approve(rig.proposal())
      const order = rig.order(approved.id)
      const { clientId: _, ...bare } = rig.fillOf(order, "30", { exchangeId: ExchangeOrderId("OEARLY") })
      rig.send({ _tag: "ReportsSeen", reports: [bare] })
      for (const n of ["OSTRAY", "OHAND", "ONONE"]) {
        rig.send({ _tag: "ReportsSeen", reports: [status({ exchangeId: ExchangeOrderId(n) })] })
      }
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          yield* b.rest.answer(
            "queryOrders",
            Effect.succeed([
              recordOf(order, { exchangeId: ExchangeOrderId("OEARLY") }),
              recordOf(order, { exchangeId: ExchangeOrderId("OSTRAY"), clientId: id("kt1-zz") }),
              recordOf(order, { exchangeId: ExchangeOrderId("OHAND"), clientId: id("by-hand") })
            ])
          )
          // the last one has our mark, and is not on the exchange
          const gone = stranger("OGONE", "kt1-gone")
          const all = [stranger("OEARLY"), stranger("OSTRAY"), stranger("OHAND"), stranger("ONONE"), gone]
          assert.isTrue(yield* identify(b.d, all))
          yield* b.d.engine.settled
          const state = b.d.engine.unsafeState()
          assert.strictEqual(state.lots.get(order.id)?.remaining, q("30"))
          assert.deepEqual(
            b.of("CancelStray").map((c) => c.exchangeId),
            [ExchangeOrderId("OSTRAY")]
          )
          assert.isDefined(state.anotherTrader)
          assert.strictEqual(state.unmatched.size, 0)
        })
      )
    }
  )

  it.scoped("fifty a call", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        const many = Array.from({ length: 120 }, (_, n) => stranger(`O${n}`, `other${n}`))
        assert.isTrue(yield* identify(b.d, many))
        const calls = yield* b.rest.callsOf("queryOrders")
        assert.deepEqual(
          calls.map(([ids]) => (ids as ReadonlyArray<string>).length),
          [50, 50, 20]
        )
      })
    )
  )

  it.scoped("a failed read leaves the question open", () => {
    const rig = new Rig().ready()
    rig.send({ _tag: "ReportsSeen", reports: [status({ exchangeId: ExchangeOrderId("OHAND") })] })
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("queryOrders", Effect.fail(timedOut()))
        assert.isFalse(yield* identify(b.d, [stranger("OHAND")]))
        yield* b.d.engine.settled
        assert.strictEqual(b.d.engine.unsafeState().unmatched.size, 1)
        assert.isTrue(yield* identify(b.d, [stranger("OHAND")]))
        yield* b.d.engine.settled
        assert.strictEqual(b.d.engine.unsafeState().unmatched.size, 0)
      })
    )
  })

  it.scoped("I22: records that cannot be read do not make a stray of an order of ours", () => {
    const rig = new Rig().ready()
    rig.send({
      _tag: "ReportsSeen",
      reports: [fill("TLATE", "25", { exchangeId: ExchangeOrderId("OOLD"), clientId: settledEntry.id })]
    })
    return inWorld(
      rig,
      (b) =>
        Effect.gen(function* () {
          yield* b.store.failWith("io")
          assert.isFalse(yield* identify(b.d, [stranger("OOLD", settledEntry.id)]))
          yield* b.d.engine.settled
          const { anotherTrader, breaker, unmatched } = b.d.engine.unsafeState()
          assert.strictEqual(unmatched.size, 1)
          assert.isUndefined(anotherTrader)
          assert.isUndefined(breaker.latches.invariant)
          assert.deepEqual(b.of("CancelStray"), [])
          assert.deepEqual(yield* b.rest.callsOf("queryOrders"), [])
          yield* b.store.failWith(undefined)
          assert.isTrue(yield* identify(b.d, [stranger("OOLD", settledEntry.id)]))
          yield* b.d.engine.settled
          assert.strictEqual(b.d.engine.unsafeState().lots.get(settledEntry.id)?.remaining, q("25"))
        }),
      { records: { orders: [settledEntry] } }
    )
  })
})
