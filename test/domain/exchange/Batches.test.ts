import { assert, describe, it } from "@effect/vitest"
import { Harness, KEY } from "./Harness.ts"
import * as Limits from "../../../src/domain/exchange/Limits.ts"

const ready = (options: ConstructorParameters<typeof Harness>[0] = {}): Harness => new Harness(options).quote()

/** A batch as its JSON body is flattened. */
const batch = (orders: ReadonlyArray<Record<string, string>>, more: Record<string, string> = {}) => ({
  pair: "XLMUSD",
  ...more,
  ...Object.fromEntries(
    orders.flatMap((order, index) => Object.entries(order).map(([name, value]) => [`orders[${index}][${name}]`, value]))
  )
})
const buy = (price = "0.149000", more: Record<string, string> = {}): Record<string, string> => ({
  type: "buy",
  ordertype: "limit",
  volume: "100",
  price,
  ...more
})
const points = (x: Harness): number =>
  [...x.state.engine.values()].reduce((sum, counter) => sum + counter.value / Limits.POINT, 0)

describe("AddOrderBatch", () => {
  it("places each order, and costs half a point an order", () => {
    const x = ready({ switches: { unknownParams: "refuse" } })
    const { orders } = x.ok("AddOrderBatch", batch([buy("0.149000", { cl_ord_id: "a-1" }), buy("0.148000"), buy()]))
    assert.strictEqual(points(x), 1.5)
    assert.strictEqual(orders.length, 3)
    assert.deepStrictEqual(orders[0].descr, { order: "buy 100.00000000 XLMUSD @ limit 0.149000" })
    assert.isString(orders[0].txid)
    assert.strictEqual(x.query(orders[0].txid).cl_ord_id, "a-1")
    assert.strictEqual(Object.keys(x.ok("OpenOrders").open).length, 3)
  })

  it("one bad order refuses them all, what the engine refuses is refused alone", () => {
    const x = ready({ usd: "20" })
    assert.strictEqual(
      x.error("AddOrderBatch", batch([buy(), buy("0.148", { volume: "1" })])),
      "EGeneral:Invalid arguments:volume minimum not met"
    )
    assert.deepStrictEqual(x.ok("OpenOrders").open, {})
    const { orders } = x.ok("AddOrderBatch", batch([buy(), buy()]))
    assert.isString(orders[0].txid)
    assert.deepStrictEqual(orders[1], { error: "EOrder:Insufficient funds" })
    const twice = x.ok(
      "AddOrderBatch",
      batch([buy("0.02", { cl_ord_id: "b" }), buy("0.02", { cl_ord_id: "b" })])
    ).orders
    assert.deepStrictEqual(twice[1], { error: "EGeneral:Invalid arguments:cl_ord_id" })
  })

  it("validate places nothing; a deadline holds for all; two to fifteen orders of a known pair", () => {
    const x = ready()
    const { orders } = x.ok("AddOrderBatch", batch([buy(), buy()], { validate: "true" }))
    assert.deepStrictEqual(Object.keys(orders[1]), ["descr"])
    assert.deepStrictEqual(x.ok("OpenOrders").open, {})
    assert.strictEqual(
      x.error("AddOrderBatch", batch([buy(), buy()], { deadline: "2026-01-05T09:00:00Z" })),
      "EService:Deadline elapsed"
    )
    for (const wrong of [batch([buy()]), batch(Array.from({ length: 16 }, () => buy())), { pair: "XLMUSD" }]) {
      assert.strictEqual(x.error("AddOrderBatch", wrong), "EGeneral:Invalid arguments:orders")
    }
    assert.strictEqual(x.error("AddOrderBatch", { ...batch([buy(), buy()]), pair: "NO" }), "EQuery:Unknown asset pair")
    assert.strictEqual(x.error("AddOrderBatch", {}), "EQuery:Unknown asset pair")
  })

  it("is refused by the engine's limiter, and by a key that may not trade", () => {
    const x = ready({ tier: "starter", usd: "100000" })
    for (let i = 0; i < 60; i += 1) x.private("AddOrder", x.order({ volume: "20" }))
    assert.strictEqual(x.error("AddOrderBatch", batch([buy(), buy()])), "EOrder:Rate limit exceeded")
    const poor = ready({ keys: [{ apiKey: KEY, permissions: ["query-funds"], nonceWindow: 0n }] })
    assert.strictEqual(poor.error("AddOrderBatch", batch([buy(), buy()])), "EGeneral:Permission denied")
  })
})

describe("CancelOrderBatch", () => {
  it("cancels by txid, user reference and client id, each order once", () => {
    const x = ready()
    const [a, b] = [x.add(), x.add({ cl_ord_id: "c-2" })]
    x.add({ userref: "7" })
    const asked = { "orders[0]": a, "orders[1]": "7", "orders[2]": b, "cl_ord_ids[0]": "c-2" }
    assert.deepStrictEqual(x.ok("CancelOrderBatch", asked), { count: 3 })
    assert.strictEqual(x.error("CancelOrderBatch", asked), "EOrder:Unknown order")
    assert.strictEqual(x.error("CancelOrderBatch"), "EGeneral:Invalid arguments:orders")
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`orders[${i}]`, "O"]))
    assert.strictEqual(x.error("CancelOrderBatch", many), "EGeneral:Invalid arguments:orders")
  })
})

describe("QueryLedgers", () => {
  it("gives entries by id, at the price of the ledger", () => {
    const x = ready()
    x.ok("AddOrder", { ...x.order(), ordertype: "market" })
    const { ledger } = x.ok("Ledgers")
    const ids = Object.keys(ledger)
    assert.deepStrictEqual(x.ok("QueryLedgers", { id: ids.join(",") }), ledger)
    assert.strictEqual(Limits.restCost("QueryLedgers"), 2)
    assert.strictEqual(x.error("QueryLedgers", { id: "LNOPE" }), "EQuery:Unknown ledger")
    assert.strictEqual(x.error("QueryLedgers"), "EGeneral:Invalid arguments:id")
  })
})
