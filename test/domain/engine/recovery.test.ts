import { assert, describe, it } from "vitest"
import { readThrottle, throttleNote } from "../../../src/domain/engine/State.ts"
import { gates, unsettled } from "../../../src/domain/engine/Views.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { BTC, entry, fill, id, lot, NOON, p, q, status, XLM } from "../../support/build.ts"
import { prefix, Rig } from "./Rig.ts"

const only = (rig: Rig) => {
  const pair = rig.state.pairs.get(XLM)
  assert(pair !== undefined)
  return pair
}

describe("a restart", () => {
  it("scenario 12: the throttle's counters survive it; what cannot be read counts nothing", () => {
    const throttle = { day: "2024-03-10", entries: 7, lastEntryAt: NOON, lastLossAt: undefined }
    assert.deepEqual(readThrottle(throttleNote(throttle)), throttle)
    assert.deepEqual(readThrottle("2024-03-10|3||"), { ...throttle, entries: 3, lastEntryAt: undefined })
    for (const note of [undefined, "", "2024-03-10", "2024-03-10|x|1|2"])
      assert.strictEqual(readThrottle(note).entries, 0)
    const rig = new Rig({ snapshot: { notes: new Map([["throttle", `2024-03-10|50|${NOON - 60_000}|`]]) } }).ready()
    assert.deepEqual(rig.signal().of("Propose"), [])
    assert.match(only(rig).note, /MAX_TRADES_PER_DAY/)
  })

  it("`off` asks nothing of the switch (I19), before and after a loss of it or a freeze", () => {
    const rig = new Rig({ limits: { deadManSwitch: undefined } })
    assert.strictEqual(rig.state.switchFiresAt, "off")
    rig.send({ _tag: "SwitchLost", reason: "x" }).send({ _tag: "Frozen", gapMs: 6000 })
    assert.strictEqual(rig.state.switchFiresAt, "off")
  })

  it("live orders are found by the exchange's id, and what is not settled is known as such", () => {
    const known = entry({ id: id("kt1-p"), status: "open", exchangeId: ExchangeOrderId("OP") })
    const rig = new Rig({ snapshot: { orders: [known] } })
    assert.deepEqual(
      unsettled(rig.state).map((o) => o.id),
      [known.id]
    )
    const { clientId: _, ...bare } = status({
      exchangeId: ExchangeOrderId("OP"),
      status: "cancelled",
      cumQuantity: q("0")
    })
    rig.send({ _tag: "ReportsSeen", reports: [bare] })
    assert.strictEqual(rig.order(known.id).status, "cancelled")
    assert.deepEqual(unsettled(rig.state), [])
  })

  it("the start runs once; a second word of it after the stop changes nothing", () => {
    const rig = new Rig().send({ _tag: "Started" }).send({ _tag: "Stopping", reason: "x" }).send({ _tag: "Started" })
    assert.strictEqual(rig.state.phase, "stopping")
    assert.include(gates(rig.state).join(), "stopping")
  })

  it("while stopping, orders that appear are cancelled with the next tick", () => {
    const rig = new Rig().ready().signal()
    const approved = rig.approve(rig.proposal())
    rig.send({ _tag: "Stopping", reason: "x" })
    rig.send({
      _tag: "OutcomeSeen",
      orderId: approved.id,
      outcome: { _tag: "Accepted", exchangeId: ExchangeOrderId("O1") }
    })
    rig.tick()
    assert.strictEqual(rig.ever("Cancel").length, 1)
  })

  it("time never goes back: an event stamped earlier counts as now", () => {
    const rig = new Rig().after(5000).send({ _tag: "Tick" }).after(-4000).send({ _tag: "Tick" })
    assert.strictEqual(rig.state.now, NOON + 5000)
  })
})

describe("what comes back from the store", () => {
  it("an order in memory stays as it is; one without an exchange id waits for its reports", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.send({ _tag: "Recalled", order: { ...order, limitPrice: p("9") }, lots: [] })
    assert.strictEqual(rig.order(order.id).limitPrice, order.limitPrice)
    const { exchangeId: _, ...old } = entry({ id: id("kt1-old"), status: "cancelled" })
    rig.send({ _tag: "Recalled", order: old, lots: [lot({ id: id("kt1-old") }), lot({ id: id("kt1-old") })] })
    assert.isTrue(rig.state.lots.has(id("kt1-old")))
    rig.send({ _tag: "Recalled", order: old, lots: [lot({ id: id("kt1-old"), remaining: q("1") })] })
    assert.strictEqual(rig.state.lots.get(id("kt1-old"))?.remaining, q("100"))
  })

  it("I20: an unmatched report is asked for again, with whatever name one of its reports had", () => {
    const rig = new Rig().ready()
    const named = fill("T2", "1", { exchangeId: ExchangeOrderId("OWHO"), clientId: id(`${prefix}zzz`) })
    rig.send({ _tag: "ReportsSeen", reports: [status({ exchangeId: ExchangeOrderId("OWHO") }), named] })
    assert.strictEqual(rig.of("Identify").length, 1)
    rig.tick(14)
    assert.strictEqual(rig.ever("Identify").length, 1)
    rig.tick(20)
    assert.deepEqual(
      rig.ever("Identify").map((d) => d.clientId),
      [undefined, id(`${prefix}zzz`), id(`${prefix}zzz`)]
    )
    assert.isNotEmpty(gates(rig.state))
  })

  it("a named report of a stranger settles what was kept of it, and a name that is found twice changes nothing", () => {
    const rig = new Rig().ready()
    rig.send({ _tag: "ReportsSeen", reports: [status({ exchangeId: ExchangeOrderId("OHAND") })] })
    for (let n = 0; n < 2; n++) {
      rig.send({
        _tag: "ReportsSeen",
        reports: [status({ exchangeId: ExchangeOrderId("OHAND"), clientId: id("hand") })]
      })
    }
    assert.strictEqual(rig.state.unmatched.size, 0)
    assert.strictEqual(rig.ever("Log").filter((d) => d.text.includes("OHAND")).length, 1)
    const mine = rig.signal().place(rig.proposal())
    rig.send({ _tag: "Identified", exchangeId: ExchangeOrderId("OX"), clientId: mine.id, found: true })
    assert.strictEqual(rig.order(mine.id).status, "open")
  })

  it("I22: a report of a pair whose rules nobody knows latches", () => {
    const rig = new Rig({ snapshot: { orders: [entry({ id: id("kt1-b"), symbol: BTC, status: "open" })] } })
    rig.send({ _tag: "ReportsSeen", reports: [status({ clientId: id("kt1-b"), exchangeId: ExchangeOrderId("OB") })] })
    assert.isDefined(rig.state.breaker.latches.invariant)
  })

  it("old memories of requests and of refused amends are forgotten with their orders; sold lots too", () => {
    const many = Array.from({ length: 260 }, (_, n) =>
      entry({ id: id(`kt1-${n.toString(36)}`), status: "cancelled", updatedAt: NOON + n })
    )
    const rig = new Rig({ snapshot: { orders: many } })
    rig.state = {
      ...rig.state,
      lots: new Map([
        [id("kt1-1"), lot({ id: id("kt1-1"), remaining: q("0"), closedAt: NOON })],
        [id("kt1-73"), lot({ id: id("kt1-73"), remaining: q("0"), closedAt: NOON })]
      ]),
      amendRefused: new Set([id("kt1-1"), id("kt1-73")]),
      byExchangeId: new Map([[ExchangeOrderId("O1"), id("kt1-1")]]),
      asked: new Map([
        ...Array.from({ length: 600 }, (_, n) => [`old${n}`, NOON - 4_000_000] as const),
        ["new", NOON] as const
      ])
    }
    rig.tick()
    assert.isFalse(rig.state.asked.has("old1"))
    assert.isTrue(rig.state.asked.has("new"))
    assert.deepEqual([...rig.state.lots.keys()], [id("kt1-73")])
    assert.deepEqual([...rig.state.amendRefused], [id("kt1-73")])
    assert.strictEqual(rig.state.byExchangeId.size, 0)
  })
})

describe("two orders with one id of ours (I12)", () => {
  it("latch, the second is cancelled, its executions are booked and its own words are not taken for the first's", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    const other = ExchangeOrderId("OTWIN")
    rig.send({
      _tag: "ReportsSeen",
      reports: [rig.statusOf(order, { exchangeId: other, status: "cancelled", cumQuantity: q("0") })]
    })
    assert.strictEqual(rig.order(order.id).status, "open")
    assert.strictEqual(rig.of("CancelStray")[0]?.exchangeId, other)
    assert.isDefined(rig.state.breaker.latches.invariant)
    rig.send({ _tag: "ReportsSeen", reports: [rig.fillOf(order, "25", { exchangeId: other })] })
    assert.strictEqual(rig.state.lots.get(order.id)?.remaining, q("25"))
    assert.strictEqual(rig.ever("CancelStray").length, 1)
  })
})
