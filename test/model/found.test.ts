/** What the model found, each as the shortest history that showed it. */
import { assert, describe, it } from "vitest"
import { ExchangeOrderId } from "../../src/domain/order/Ids.ts"
import { Rig } from "../domain/engine/Rig.ts"
import { exit, lot, NOON, p, q, share } from "../support/build.ts"

describe("an amend on its way when the process ends", () => {
  it("is asked after by the next one, and holds its lot's exit up no longer", () => {
    const order = exit([share("kt1a", "100")], {
      exchangeId: ExchangeOrderId("OX"),
      amend: {
        quantity: q("100"),
        limitPrice: p("0.0995"),
        sentAt: NOON,
        deadline: NOON + 10_000,
        state: "inFlight"
      }
    })
    const rig = new Rig({ snapshot: { orders: [order], lots: [lot()] }, now: NOON + 1000 }).ready()
    assert.strictEqual(rig.order(order.id).amend?.state, "unknown")
    rig.tick(12)
    const asked = rig.ever("FetchOrder").filter((decision) => decision.reason.includes("amend"))
    assert.isNotEmpty(asked, "nobody asks what became of the amend")
    const { limitPrice, quantity } = order
    rig.send({
      _tag: "ReportsSeen",
      reports: [rig.statusOf(order, { source: "rest", status: "open", quantity, limitPrice, cumQuantity: q("0") })]
    })
    assert.isUndefined(rig.order(order.id).amend)
    rig.after(1000).quote("0.09", "0.0901")
    assert.isNotEmpty(rig.ever("Amend"), "the stop is not acted on")
  })
})
