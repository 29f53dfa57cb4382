import { assert, describe, it } from "vitest"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { exit, id, lot, NOON, q, share, usd } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const rigStart = NOON

describe("invariants while live (I22)", () => {
  it("exits that could sell more than is held latch and are told", () => {
    const held = lot({ id: id("kt1-a") })
    const rig = new Rig({
      snapshot: {
        lots: [held],
        orders: [
          exit([share("kt1-a", "80")], { id: id("kt1-x"), exchangeId: ExchangeOrderId("OX") }),
          exit([share("kt1-a", "80")], { id: id("kt1-y"), exchangeId: ExchangeOrderId("OY"), createdAt: rigStart })
        ]
      }
    })
    rig.quote()
    assert.isDefined(rig.state.breaker.latches.invariant)
    assert.isTrue(rig.ever("Alert").some((d) => d.kind === "breaker.latched" && d.severity === "critical"))
  })

  it("two exits that an earlier run left open are first looked up: its last records may be missing", () => {
    const rig = new Rig({
      snapshot: {
        lots: [lot({ id: id("kt1-a") })],
        orders: ["x", "y"].map((name) =>
          exit([share("kt1-a", "80")], {
            id: id(`kt1-${name}`),
            exchangeId: ExchangeOrderId(`O${name}`),
            createdAt: rigStart - 1
          })
        )
      }
    })
    rig.quote().tick(3)
    assert.isUndefined(rig.state.breaker.latches.invariant)
    assert.deepEqual(rig.ever("Propose"), [])
  })

  it("a sale beyond the lots held latches, and the money is booked all the same", () => {
    const held = lot({ id: id("kt1-a"), quantity: q("10"), remaining: q("10"), cost: usd("1") })
    const order = exit([share("kt1-a", "10")], {
      id: id("kt1-x"),
      exchangeId: ExchangeOrderId("OX"),
      quantity: q("30")
    })
    const rig = new Rig({ snapshot: { lots: [held], orders: [order] } })
    rig.send({ _tag: "ReportsSeen", reports: [rig.fillOf(order, "30")] })
    assert.isDefined(rig.state.breaker.latches.invariant)
    assert.isTrue(rig.state.totals.ownUsd > 0n)
  })
})
