import { Option } from "effect"
import { assert, describe, it } from "vitest"
import type { Fence } from "../../../src/domain/engine/Snapshot.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { resume } from "../../../src/domain/engine/State.ts"
import { progressOf, standing } from "../../../src/programs/flatten/progress.ts"
import { fill, id, instrument, lot, q, usd, XLM } from "../../support/build.ts"
import { emptySnapshot, Rig } from "./Rig.ts"

const fence = (epoch: number): Fence => ({
  epoch,
  paused: false,
  operatorLatch: Option.some("`flatten`"),
  flatten: true
})
const flatten = (rig: Rig): Rig => rig.send({ _tag: "FenceSeen", fence: fence(rig.state.epoch + 1) })
const holding = (rig: Rig): Rig => {
  const held = lot({ id: id("kt1-a"), openedAt: rig.now })
  rig.state = { ...rig.state, lots: new Map([[held.id, held]]) }
  return rig
}
const call = (rig: Rig, of = "kt1-a") => rig.state.lots.get(id(of))?.call?.kind

describe("everything is sold by the operator's word", () => {
  it("a lot is called and sold at the bid less a collar, and entries stop", () => {
    const rig = flatten(holding(new Rig().ready()))
    assert.strictEqual(call(rig), "flatten")
    const { purpose, timeInForce } = rig.proposal()
    assert.deepInclude(purpose, { _tag: "Exit", kind: "flatten" })
    assert.strictEqual(timeInForce, "IOC")
    assert.deepEqual(rig.state.breaker.latches.operator?.reason, "`flatten`")
  })

  it("no other word of another program's sells anything", () => {
    const rig = holding(new Rig().ready())
    const other: Fence = { epoch: rig.state.epoch + 1, paused: true, operatorLatch: Option.some("`cancel --all`") }
    rig.send({ _tag: "FenceSeen", fence: other }).send({ _tag: "Tick" })
    assert.isTrue(rig.state.paused)
    assert.isFalse(rig.state.flattening)
    assert.isUndefined(call(rig))
  })

  it("a target that waits for its turn is dropped; one call is never replaced by another", () => {
    const rig = holding(new Rig().ready()).after(2100).quote()
    const target = rig.proposal()
    assert.deepInclude(target.purpose, { kind: "target" })
    flatten(rig)
    assert.isFalse(rig.state.proposals.has(target.proposalId))
    const called = { ...lot({ id: id("kt1-b") }), call: { kind: "loss" as const, at: rig.now } }
    rig.state = { ...rig.state, lots: new Map(rig.state.lots).set(called.id, called) }
    rig.send({ _tag: "Tick" })
    assert.strictEqual(call(rig, "kt1-b"), "loss")
  })

  it("what an entry brings that could not be taken back in time is sold too", () => {
    const rig = new Rig({ limits: { maxTotalExposure: usd("100") } }).ready().signal()
    const entry = rig.place(rig.proposal(), "O1")
    flatten(rig)
    assert.isTrue(rig.ever("Cancel").some(({ order }) => order.id === entry.id))
    rig.send({
      _tag: "ReportsSeen",
      reports: [fill("T1", "50", { clientId: entry.id, exchangeId: ExchangeOrderId("O1") })]
    })
    assert.strictEqual(call(rig, entry.id), "flatten")
  })

  it("stands from the start of the next run, and ends with a reset of the operator's latch, of no other", () => {
    const rig = new Rig().ready()
    assert.isTrue(resume(rig.state.rules, { ...emptySnapshot, fence: fence(3) }, [instrument()], rig.now).flattening)
    assert.isFalse(resume(rig.state.rules, emptySnapshot, [instrument()], rig.now).flattening)
    flatten(rig)
    rig.send({ _tag: "FenceSeen", fence: { epoch: 9, paused: false, operatorLatch: Option.none() } })
    assert.isTrue(rig.state.flattening)
    rig.send({ _tag: "Reset", cause: "api", reason: "by hand" })
    assert.isTrue(rig.state.flattening)
    rig.send({ _tag: "Reset", cause: "operator", reason: "by hand" })
    assert.isFalse(rig.state.flattening)
    flatten(rig).send({ _tag: "Reset", cause: undefined, reason: "by hand" })
    assert.isFalse(rig.state.flattening)
    assert.isUndefined(call(holding(rig).send({ _tag: "Tick" })))
  })

  it("is told how far it is: working, done, or dust that nothing can sell", () => {
    const rig = new Rig().ready()
    assert.strictEqual(standing(progressOf(rig.state)), "done")
    flatten(holding(rig))
    const progress = progressOf(rig.state)
    assert.deepInclude(progress, { flattening: true, settling: [], orders: [], doubts: [] })
    assert.deepInclude(progress.lots[0], { lotId: "kt1-a", pair: XLM, remaining: "100" })
    assert.strictEqual(standing(progress), "working")
    const order = rig.place(rig.proposal())
    assert.deepInclude(progressOf(rig.state).orders[0], { orderId: order.id, side: "sell", status: "open" })
    const dust = holding(new Rig().ready())
    const small = lot({ id: id("kt1-a"), quantity: q("1"), remaining: q("1") })
    dust.state = { ...dust.state, lots: new Map([[small.id, small]]) }
    flatten(dust)
    assert.strictEqual(standing(progressOf(dust.state)), "left")
    assert.strictEqual(standing({ ...progressOf(dust.state), settling: ["starting"] }), "working")
  })

  it("is not done before the books are known, and says why they are in doubt", () => {
    const rig = new Rig()
    assert.isNotEmpty(progressOf(rig.state).settling)
    assert.strictEqual(standing(progressOf(rig.state)), "working")
    rig.ready().send({ _tag: "InvariantBroken", text: "wrong" })
    assert.deepEqual(progressOf(rig.state).doubts, ["wrong"])
    const { state } = holding(new Rig().ready())
    assert.strictEqual(progressOf(state).lots[0]?.state, "waiting")
    assert.isNotEmpty(progressOf({ ...state, unmatched: new Map([["O1", undefined]]) as never }).settling)
  })
})
