import { assert, describe, it } from "vitest"
import type { Draft } from "../../../src/domain/engine/Draft.ts"
import { prune } from "../../../src/domain/engine/prune.ts"
import type { EngineState } from "../../../src/domain/engine/State.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { entry, id, lot, NOON, q } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const HOUR = 3_600_000

const pruned = (change: Partial<EngineState>): EngineState => {
  const d: Draft = { state: { ...new Rig().state, ...change }, at: NOON, out: [], writes: [] }
  prune(d)
  return d.state
}

/** Settled orders, the newest first; the highest number is the oldest. */
const settled = (n: number): ReadonlyArray<Order> =>
  Array.from({ length: n }, (_, i) =>
    entry({ id: id(`s${i}`), exchangeId: ExchangeOrderId(`O${i}`), status: "cancelled", updatedAt: NOON - 1000 - i })
  )
const holding = (orders: ReadonlyArray<Order>): Pick<EngineState, "orders" | "byExchangeId"> => ({
  orders: new Map(orders.map((order) => [order.id, order])),
  byExchangeId: new Map(orders.map((order) => [order.exchangeId!, order.id]))
})

describe("forgetting", () => {
  it("two hundred settled orders are kept", () => {
    for (const n of [150, 200]) {
      const before = holding(settled(n))
      assert.strictEqual(pruned(before).orders, before.orders)
    }
  })

  it("of more the hundred that changed last are, with what belongs to them, and everything that is not over", () => {
    const orders = settled(201)
    const live = entry({ id: id("live"), exchangeId: ExchangeOrderId("OL"), status: "open", updatedAt: 0 })
    const missing = entry({
      id: id("missing"),
      exchangeId: ExchangeOrderId("OM"),
      status: "cancelled",
      cumQuantity: q("1"),
      updatedAt: 0
    })
    const lots = [
      lot({ id: id("s200") }),
      lot({ id: id("s199"), remaining: q("0") }),
      lot({ id: id("s0"), remaining: q("0") }),
      lot({ id: id("old") }),
      lot({ id: id("older"), remaining: q("0") })
    ]
    const state = pruned({
      ...holding([live, missing, ...orders]),
      lots: new Map(lots.map((one) => [one.id, one])),
      amendRefused: new Set([id("s0"), id("s199")])
    })
    const kept = ["live", "missing", ...orders.slice(0, 100).map((order) => order.id), "s200"]
    assert.deepEqual([...state.orders.keys()], kept.map(id))
    assert.deepEqual([...state.byExchangeId.values()], kept.map(id))
    assert.deepEqual([...state.lots.keys()], ["s200", "s0", "old"].map(id))
    assert.deepEqual([...state.amendRefused], [id("s0")])
  })

  it("what was asked is forgotten after an hour, once there is much of it", () => {
    const asked = (n: number) =>
      new Map(Array.from({ length: n }, (_, i) => [`k${i}`, i === 0 ? NOON - HOUR : NOON - HOUR + 1]))
    assert.strictEqual(pruned({ asked: asked(500) }).asked.size, 500)
    assert.strictEqual(pruned({ asked: asked(501) }).asked.size, 500)
  })
})
