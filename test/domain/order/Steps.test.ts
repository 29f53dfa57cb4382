import { assert, describe, it } from "@effect/vitest"
import { commitIntent, pendingOrder } from "../../../src/domain/order/Steps.ts"
import { approve, entryProposal, exitProposal, id, lot, NOON, q, riskView, share } from "../../support/build.ts"

describe("the steps of an order", () => {
  it("I1: the intent says all that the request will say, and counts nothing as done", () => {
    const order = pendingOrder(approve())
    const proposal = entryProposal()
    assert.strictEqual(order.status, "pending")
    assert.strictEqual(order.id, id("kt1n"))
    assert.strictEqual(order.quantity, proposal.quantity)
    assert.strictEqual(order.limitPrice, proposal.limitPrice)
    assert.deepStrictEqual(order.purpose, proposal.purpose)
    assert.strictEqual(order.deadline, NOON + 10_000)
    assert.strictEqual(order.expiresAt, NOON + 120_000)
    assert.strictEqual(order.cumQuantity, q("0"))
    assert.deepStrictEqual(order.executions, [])
  })

  it("an order without an expiry has none", () => {
    const view = riskView({ lots: new Map([[id("kt1a"), lot()]]) })
    assert.isFalse("expiresAt" in pendingOrder(approve(exitProposal([share("kt1a", "100")]), view)))
  })

  it("a committed intent carries the approval and its nonce", () => {
    const approved = approve()
    const intent = commitIntent(approved, 42n)
    assert.strictEqual(intent.approved, approved)
    assert.strictEqual(intent.nonce, 42n)
  })
})
