import { Either, Option } from "effect"
import { assert, describe, it } from "vitest"
import type { Order } from "../../../src/domain/order/Order.ts"
import { id, lot, q, share, usd } from "../../support/build.ts"
import { exit } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const pending = (): { readonly rig: Rig; readonly order: Order } => {
  const rig = new Rig().ready().signal()
  const approved = rig.approve(rig.proposal())
  return { rig, order: rig.order(approved.id) }
}

/** A target on the exchange. */
const target = (): { readonly rig: Rig; readonly order: Order } => {
  const rig = new Rig()
  rig.bought()
  return { rig, order: rig.place(rig.ever("Propose").at(-1)?.proposal ?? rig.proposal()) }
}

describe("orders that should have come to their end", () => {
  it("an entry past its expiry is read", () => {
    const rig = new Rig({ limits: { entryExpiry: 20_000 } }).ready().signal()
    rig.place(rig.proposal())
    for (let n = 0; n < 30; n++) rig.tick().quote()
    assert.isAtLeast(rig.ever("FetchOrder").filter((d) => d.reason.includes("expired")).length, 1)
  })

  it("an end that does not say with how much is looked up, and ends nothing by itself", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.send({ _tag: "ReportsSeen", reports: [rig.statusOf(order, { status: "cancelled" })] })
    assert.strictEqual(rig.order(order.id).status, "open")
    assert.match(rig.of("FetchOrder")[0]?.reason ?? "", /does not say/)
  })

  it("scenario 19: a target that the exchange ends at once is placed again only after a pause", () => {
    const { rig, order } = target()
    rig.send({
      _tag: "ReportsSeen",
      reports: [rig.statusOf(order, { status: "cancelled", cumQuantity: q("0"), reason: "Post only order" })]
    })
    assert.deepEqual(rig.of("Propose"), [])
    rig.after(1000).quote()
    assert.deepEqual(rig.of("Propose"), [])
    rig.after(1100).quote()
    assert.strictEqual(rig.of("Propose").length, 1)
  })

  it("a target waiting for its turn when its lot is called is not sent any more: a taking sale is", () => {
    const rig = new Rig()
    rig.bought()
    const waiting = rig.ever("Propose").at(-1)?.proposal ?? rig.proposal()
    rig.after(3000).quote("0.0945", "0.0946").after(100).quote("0.0945", "0.0946")
    assert.strictEqual(rig.proposal().timeInForce, "IOC")
    assert.isTrue(Either.isLeft(rig.ask(waiting)))
  })

  it("an exit at the widest collar that does not sell is told, once a minute", () => {
    const rig = new Rig({ limits: { exitCollar: usd("0.05") as never } })
    rig.bought()
    rig.after(3000).quote("0.0945", "0.0946")
    for (let n = 0; n < 12; n++) {
      rig.after(2500).quote("0.0945", "0.0946")
      const proposal = rig.of("Propose")[0]?.proposal
      if (proposal === undefined) continue
      const order = rig.place(proposal, `OX${n}`)
      rig.send({ _tag: "ReportsSeen", reports: [rig.statusOf(order, { status: "cancelled", cumQuantity: q("0") })] })
    }
    assert.strictEqual(rig.ever("Alert").filter((d) => d.kind === "exit.stuck").length, 1)
  })
})

describe("approval (I7, I16)", () => {
  it("stopping and observing approve nothing, exits neither; a proposal of a pair that is gone is gone", () => {
    const stop = new Rig().ready().signal()
    const proposal = stop.proposal()
    stop.state = { ...stop.state, phase: "stopping" }
    assert.isTrue(Either.isLeft(stop.ask(proposal)))
    const watch = new Rig().ready().signal()
    watch.state = { ...watch.state, rules: { ...watch.state.rules, observing: true } }
    assert.isTrue(Either.isLeft(watch.ask(watch.proposal())))
    const gone = new Rig().ready().signal()
    const wanted = gone.proposal()
    gone.state = { ...gone.state, pairs: new Map() }
    assert.isTrue(Either.isLeft(gone.ask(wanted)))
  })

  it("a fence that another program moved drops the order before it was sent, and nothing stops for it", () => {
    const { rig, order } = pending()
    rig.send({ _tag: "IntentFailed", orderId: order.id, why: "fence", text: "moved" })
    assert.isUndefined(rig.state.storeFailed)
    assert.strictEqual(rig.order(order.id).status, "rejected")
    rig.send({ _tag: "FenceSeen", fence: { epoch: 2, paused: true, operatorLatch: Option.none() } })
    rig.send({ _tag: "FenceSeen", fence: { epoch: 3, paused: false, operatorLatch: Option.none() } })
    assert.isFalse(rig.state.paused)
    assert.strictEqual(rig.state.epoch, 3)
  })

  it("an exit that sells of two lots pauses both when it is refused", () => {
    const lots = [lot({ id: id("kt1-a") }), lot({ id: id("kt1-b") })]
    const order = exit([share("kt1-a", "100"), share("kt1-c", "100")], { id: id("kt1-x"), status: "unknown" })
    const rig = new Rig({ snapshot: { lots, orders: [order] } })
    rig.send({ _tag: "NeverArrived", orderId: order.id, proof: "two reads" })
    assert.strictEqual(rig.state.lots.get(id("kt1-a"))?.lastAttemptAt, rig.now)
    assert.deepEqual([...rig.state.lots.keys()], [id("kt1-a"), id("kt1-b")])
  })
})
