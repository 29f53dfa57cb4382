import { Either } from "effect"
import { assert, describe, it } from "vitest"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { gates } from "../../../src/domain/engine/Views.ts"
import { proofWrite } from "../../../src/domain/engine/Write.ts"
import { p, q, usd } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

describe("outcomes", () => {
  it("unknown: counted, settled by look-up, entries stop, never proposed again (I2, I4)", () => {
    const rig = new Rig({ limits: { maxTotalExposure: usd("100") } }).ready().signal()
    const approved = rig.approve(rig.proposal())
    rig.send({
      _tag: "OutcomeSeen",
      orderId: approved.id,
      outcome: { _tag: "Unknown", text: "time-out", recognised: true }
    })
    assert.strictEqual(rig.order(approved.id).status, "unknown")
    assert.strictEqual(rig.of("Settle")[0]?.order.id, approved.id)
    rig.after(20_000).quote().signal()
    assert.deepEqual(rig.of("Propose"), [])
    const before = rig.ever("Propose").length
    rig.send({ _tag: "NeverArrived", orderId: approved.id, proof: "two reads" })
    assert.strictEqual(rig.order(approved.id).status, "rejected")
    rig.after(20_000).quote().signal()
    assert.strictEqual(rig.ever("Propose").length, before + 1)
  })

  it("an order settled as never placed that appears: its fills are booked, it is cancelled, the breaker latches", () => {
    const rig = new Rig().ready().signal()
    const approved = rig.approve(rig.proposal())
    rig.send({
      _tag: "OutcomeSeen",
      orderId: approved.id,
      outcome: { _tag: "Unknown", text: "time-out", recognised: true }
    })
    rig.send({ _tag: "NeverArrived", orderId: approved.id, proof: "two reads" })
    const order = rig.order(approved.id)
    rig.send({ _tag: "ReportsSeen", reports: [rig.fillOf(order, "30", { exchangeId: ExchangeOrderId("OGHOST") })] })
    assert.strictEqual(rig.state.lots.get(order.id)?.remaining, q("30"))
    assert.strictEqual(rig.of("CancelStray")[0]?.exchangeId, ExchangeOrderId("OGHOST"))
    assert.isDefined(rig.state.breaker.latches.invariant)
  })

  it("an intent that is not durable was not sent: the reservation is gone, a full disk stops entries and comes back", () => {
    const rig = new Rig().ready().signal()
    const approved = rig.approve(rig.proposal())
    rig.send({ _tag: "IntentFailed", orderId: approved.id, why: "store", text: "the database is full" })
    assert.strictEqual(rig.order(approved.id).status, "rejected")
    assert.include(gates(rig.state).join(), "database")
    assert.deepEqual(rig.written.at(-1), proofWrite(1))
    rig.send({ _tag: "StoreRecovered", proof: 1 })
    assert.deepEqual(gates(rig.state), [])
  })

  it("definite refusals of business are no failures; others count towards the latch (threshold 5)", () => {
    const rig = new Rig({ limits: { minTradeInterval: 0 } }).ready()
    for (let n = 0; n < 5; n++) {
      rig.after(1000).signal()
      const approved = rig.approve(rig.proposal())
      rig.send({
        _tag: "OutcomeSeen",
        orderId: approved.id,
        outcome: { _tag: "NotSent", why: "rate limit", text: "EOrder:Rate limit exceeded" }
      })
    }
    assert.isDefined(rig.state.breaker.latches.orders)
  })

  it("Insufficient funds on an exit: sells what is available after looking, and says so", () => {
    const rig = new Rig()
    const bought = rig.bought()
    const approved = rig.approve(rig.ever("Propose").at(-1)?.proposal ?? rig.proposal())
    rig.send({
      _tag: "OutcomeSeen",
      orderId: approved.id,
      outcome: { _tag: "Rejected", why: "funds", text: "EOrder:Insufficient funds" }
    })
    assert.strictEqual(rig.state.lots.get(bought.id)?.sellable, 0n)
    assert.strictEqual(rig.of("FetchBalances").length, 1)
    rig
      .after(10_000)
      .send({ _tag: "BalancesSeen", begunAt: rig.now, total: new Map([["XLM", q("40")]]), hold: new Map() })
    assert.strictEqual(rig.state.lots.get(bought.id)?.sellable, q("40"))
    assert.strictEqual(rig.proposal().quantity, q("40"))
  })

  it("amends: accepted moves the terms, refused falls back, unknown is read again", () => {
    const rig = new Rig()
    const bought = rig.bought()
    const target = rig.place(rig.ever("Propose").at(-1)?.proposal ?? rig.proposal())
    rig.after(5000).quote("0.094", "0.0941")
    assert.strictEqual(rig.state.lots.get(bought.id)?.call?.kind, "loss")
    const amend = rig.of("Amend")[0]
    assert.isDefined(amend)
    rig.send({
      _tag: "AmendAsked",
      orderId: target.id,
      quantity: amend?.quantity ?? q("0"),
      limitPrice: amend?.limitPrice ?? p("1")
    })
    const verdict = rig.of("AmendVerdict")[0]?.verdict
    assert.isTrue(verdict !== undefined && Either.isRight(verdict))
    rig.send({
      _tag: "AmendOutcome",
      orderId: target.id,
      outcome: { _tag: "Unknown", text: "time-out", recognised: true }
    })
    assert.strictEqual(rig.of("FetchOrder").length, 1)
    rig.after(11_000).send({
      _tag: "ReportsSeen",
      reports: [rig.statusOf(target, { source: "rest", quantity: target.quantity, limitPrice: target.limitPrice })]
    })
    assert.isUndefined(rig.order(target.id).amend)
    rig.after(3000).quote("0.094", "0.0941")
    const second = rig.of("Amend")[0]
    rig.send({
      _tag: "AmendAsked",
      orderId: target.id,
      quantity: second?.quantity ?? q("0"),
      limitPrice: second?.limitPrice ?? p("1")
    })
    rig.send({
      _tag: "AmendOutcome",
      orderId: target.id,
      outcome: { _tag: "Rejected", why: "postOnly", text: "EOrder:Post only order" }
    })
    rig.after(3000).quote("0.094", "0.0941")
    assert.strictEqual(rig.of("Cancel")[0]?.order.id, target.id)
    rig
      .after(500)
      .send({ _tag: "ReportsSeen", reports: [rig.statusOf(target, { status: "cancelled", cumQuantity: q("0") })] })
    rig.after(3000).quote("0.094", "0.0941")
    const ioc = rig.ever("Propose").at(-1)?.proposal
    assert.strictEqual(ioc?.timeInForce, "IOC")
    assert.isFalse(ioc?.postOnly)
  })

  it("a report that came before the reply outranks a reply that never came", () => {
    const rig = new Rig().ready().signal()
    const approved = rig.approve(rig.proposal())
    const order = rig.order(approved.id)
    rig.send({ _tag: "ReportsSeen", reports: [rig.statusOf(order, { exchangeId: ExchangeOrderId("O1") })] })
    rig.send({
      _tag: "OutcomeSeen",
      orderId: order.id,
      outcome: { _tag: "Unknown", text: "time-out", recognised: true }
    })
    assert.strictEqual(rig.order(order.id).status, "open")
    assert.deepEqual(rig.of("Settle"), [])
  })
})
