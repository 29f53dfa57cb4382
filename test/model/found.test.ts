/** What the model found, each as the shortest history that showed it. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import { ExchangeOrderId, ExecutionId } from "../../src/domain/order/Ids.ts"
import { withDatabase } from "../../src/layers/sqlite/StoreSqlite.ts"
import { Store } from "../../src/services/Store.ts"
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

describe("a lot that is sold while its entry still works", () => {
  it("is the same lot after a restart when the entry brings more", async () => {
    const first = new Rig().ready().signal()
    const bought = first.place(first.proposal())
    first.fill(bought, "20")
    const target = first.place(first.proposal())
    first.fill(target, "20")
    assert.strictEqual(first.state.lots.get(bought.id)?.remaining, 0n)

    const folder = mkdtempSync(join(tmpdir(), "found-"))
    const snapshot = await Effect.gen(function* () {
      const store = yield* Store
      yield* store.commit(first.written)
      return yield* store.load
    }).pipe(
      Effect.provide(withDatabase({ file: join(folder, "trading.db"), role: "trader" })),
      Effect.ensuring(Effect.sync(() => rmSync(folder, { recursive: true, force: true }))),
      Effect.runPromise
    )
    assert.deepStrictEqual(snapshot.lots, [], "nothing is held")
    const second = new Rig({ snapshot, now: first.now + 1000 })
    second.fill(second.order(bought.id), "30", { executionId: ExecutionId("T9") })
    const lot = second.state.lots.get(bought.id)
    assert.strictEqual(lot?.quantity, q("50"))
    assert.strictEqual(lot?.remaining, q("30"))
    assert.strictEqual(lot?.proceeds, first.state.lots.get(bought.id)?.proceeds)
    assert.strictEqual(second.state.throttle.entries, 1, "it is one entry")
  })
})
