import { assert, describe, it } from "vitest"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { gates } from "../../../src/domain/engine/Views.ts"
import { entry, fill, id, q, status } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

describe("reports that match nothing", () => {
  it("are kept, their order identified, then folded", () => {
    const rig = new Rig().ready().signal()
    const approved = rig.approve(rig.proposal())
    const order = rig.order(approved.id)
    const { clientId: _, ...bare } = rig.fillOf(order, "30", { exchangeId: ExchangeOrderId("OEARLY") })
    rig.send({ _tag: "ReportsSeen", reports: [bare] })
    assert.strictEqual(rig.of("Identify")[0]?.exchangeId, ExchangeOrderId("OEARLY"))
    assert.isNotEmpty(gates(rig.state))
    rig.send({
      _tag: "OutcomeSeen",
      orderId: order.id,
      outcome: { _tag: "Accepted", exchangeId: ExchangeOrderId("OEARLY") }
    })
    assert.strictEqual(rig.state.lots.get(order.id)?.remaining, q("30"))
    assert.strictEqual(rig.state.unmatched.size, 0)
  })

  it("foreign orders are told once and left alone; a stray with our mark is cancelled and latches", () => {
    const rig = new Rig().ready()
    const foreign = status({ exchangeId: ExchangeOrderId("OFOREIGN") })
    rig.send({ _tag: "ReportsSeen", reports: [foreign] })
    rig.send({ _tag: "Identified", exchangeId: ExchangeOrderId("OFOREIGN"), clientId: undefined, found: true })
    rig.send({ _tag: "ReportsSeen", reports: [foreign] })
    assert.strictEqual(rig.ever("Identify").length, 1)
    assert.isUndefined(rig.state.breaker.latches.invariant)
    rig.send({
      _tag: "ReportsSeen",
      reports: [status({ exchangeId: ExchangeOrderId("OHAND"), clientId: id("by-hand") })]
    })
    assert.isTrue(rig.state.foreignOrders.has(ExchangeOrderId("OHAND")))
    rig.send({
      _tag: "ReportsSeen",
      reports: [status({ exchangeId: ExchangeOrderId("OSTRAY"), clientId: id("kt1-zzz") })]
    })
    rig.send({ _tag: "Identified", exchangeId: ExchangeOrderId("OSTRAY"), clientId: id("kt1-zzz"), found: true })
    assert.strictEqual(rig.ever("CancelStray")[0]?.exchangeId, ExchangeOrderId("OSTRAY"))
    assert.isDefined(rig.state.breaker.latches.invariant)
  })

  it("a late fill of an order long settled is booked after it was recalled from the store", () => {
    const rig = new Rig().ready()
    const old = entry({ id: id("kt1-old"), exchangeId: ExchangeOrderId("OOLD"), status: "cancelled" })
    rig.send({ _tag: "ReportsSeen", reports: [fill("TLATE", "25", { exchangeId: ExchangeOrderId("OOLD") })] })
    rig.send({ _tag: "Recalled", order: old, lots: [] })
    assert.strictEqual(rig.state.lots.get(old.id)?.remaining, q("25"))
  })

  it("an ended order whose executions are missing is fetched, and again until they come", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.send({ _tag: "ReportsSeen", reports: [rig.statusOf(order, { status: "cancelled", cumQuantity: q("30") })] })
    assert.strictEqual(rig.of("FetchOrder").length, 1)
    rig.tick(6)
    assert.isTrue(rig.ever("FetchOrder").length >= 2)
    assert.strictEqual(Fixed.show(rig.state.lots.size === 0 ? 0n : 1n), "0")
    rig.tick(125)
    assert.isTrue(rig.ever("Alert").some((d) => d.kind === "fills.missing"))
    rig.send({ _tag: "ReportsSeen", reports: [rig.fillOf(order, "30")] })
    assert.strictEqual(rig.state.lots.get(order.id)?.remaining, q("30"))
  })

  it("an order held as open and absent from REST's open orders is looked up", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.after(5000).send({ _tag: "OpenOrdersSeen", begunAt: rig.now, reports: [] })
    assert.strictEqual(rig.of("FetchOrder")[0]?.order.id, order.id)
  })

  it("an order held as open and absent from a new snapshot of the stream is read; one just sent is not yet missed", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.after(500).send({ _tag: "PrivateUp", openOrders: [] })
    assert.deepEqual(rig.of("FetchOrder"), [])
    rig.after(5000).send({ _tag: "PrivateUp", openOrders: [rig.statusOf(order, {})] })
    assert.deepEqual(rig.of("FetchOrder"), [])
    rig.after(5000).send({ _tag: "PrivateUp", openOrders: [] })
    assert.strictEqual(rig.of("FetchOrder")[0]?.order.id, order.id)
    // asked for a moment ago: not again with every snapshot
    rig.after(500).send({ _tag: "PrivateUp", openOrders: [] })
    assert.deepEqual(rig.of("FetchOrder"), [])
  })

  it("an execution that REST tells of long after a living stream should have is noted as missed", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    const late = rig.fillOf(order, "10", { source: "rest" })
    rig.after(5000).send({ _tag: "ReportsSeen", reports: [late] })
    assert.isUndefined(rig.state.missedFillAt)
    const later = rig.fillOf(order, "10", { source: "rest" })
    rig.after(5001).send({ _tag: "ReportsSeen", reports: [later] })
    assert.strictEqual(rig.state.missedFillAt, rig.now)
  })
})
