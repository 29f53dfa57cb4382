import { Either } from "effect"
import { assert, describe, it } from "vitest"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { gates } from "../../../src/domain/engine/Views.ts"
import { entry, id, lot, NOON } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

describe("stop, cancel, restart", () => {
  it("stopping cancels entries and targets and sends nothing more", () => {
    const rig = new Rig()
    rig.bought()
    const target = rig.place(rig.ever("Propose").at(-1)?.proposal ?? rig.proposal())
    rig.send({ _tag: "Stopping", reason: "test" })
    assert.strictEqual(rig.of("Cancel")[0]?.order.id, target.id)
    const before = rig.ever("Propose").length
    rig.after(5000).quote("0.09", "0.0901").tick(3)
    assert.strictEqual(rig.ever("Propose").length, before)
  })

  it("a cancel that nothing comes of is repeated and the order read", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.send({ _tag: "Tripped", cause: "operator", reason: "by hand" })
    rig.send({ _tag: "CancelOutcome", orderId: order.id, result: "failed", text: "time-out" })
    const before = rig.ever("Cancel").length
    rig.tick(6)
    assert.isTrue(rig.ever("Cancel").length > before)
    rig.send({ _tag: "CancelOutcome", orderId: order.id, result: "gone", text: "" })
    assert.strictEqual(rig.of("FetchOrder").length, 1)
  })

  it("after a restart an intent without an answer is unknown, and lots get their exits at once", () => {
    const pending = entry({ id: id("kt1-p") })
    const held = lot({ id: id("kt1-a") })
    const rig = new Rig({ snapshot: { orders: [pending], lots: [held] } })
    assert.strictEqual(rig.order(pending.id).status, "unknown")
    rig.send({ _tag: "SystemSeen", status: "online" }).quote()
    const target = rig.ever("Propose")[0]?.proposal
    assert.strictEqual(target?.side, "sell")
    assert.isTrue(target !== undefined && Either.isRight(rig.ask(target)))
  })

  it("exits-only: a changed limit stops entries and not exits", () => {
    const rig = new Rig({ rules: { exitsOnly: "ALLOWED_PAIRS changed" }, limits: { allowedPairs: [] } })
      .ready()
      .signal()
    assert.deepEqual(rig.ever("Propose"), [])
    assert.include(gates(rig.state).join(), "exits only")
  })

  it("forgets the oldest settled orders and keeps what is held", () => {
    const many = Array.from({ length: 260 }, (_, n) =>
      entry({
        id: id(`kt1-${n.toString(36)}`),
        exchangeId: ExchangeOrderId(`O${n}`),
        status: "cancelled",
        updatedAt: NOON + n
      })
    )
    const rig = new Rig({ snapshot: { orders: many, lots: [lot({ id: id("kt1-0") })] } }).tick()
    assert.isTrue(rig.state.orders.size <= 101)
    assert.isTrue(rig.state.orders.has(id("kt1-0")))
    assert.isFalse(rig.state.byExchangeId.has(ExchangeOrderId("O1")))
  })
})
