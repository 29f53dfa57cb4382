import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { orders, trades } from "../../../src/programs/orders/lists.ts"
import type { OrderRow, TradeRow } from "../../../src/services/Records.ts"
import { Screen, world } from "../cli/support.ts"

const order: OrderRow = {
  orderId: "kt1-a",
  exchangeId: undefined,
  pair: "XLM/USD",
  type: "buy",
  orderType: "limit",
  purpose: "entry",
  price: "0.1",
  volume: "100",
  status: "open",
  timestamp: "2024-03-10T12:00:00.000Z",
  filledVolume: "0",
  averagePrice: undefined,
  reason: "odd\u001B[2J"
}
const trade: TradeRow = {
  orderId: "kt1-a",
  txid: undefined,
  pair: "XLM/USD",
  side: "buy",
  price: "0.1",
  volume: "100",
  remaining: "100",
  timestamp: "2024-03-10T12:00:00.000Z",
  status: "open",
  profitLoss: undefined,
  notes: "why"
}
const done = { ...order, orderId: "kt1-b", exchangeId: "OB", averagePrice: "0.1", status: "filled" }
const sold = { ...trade, orderId: "kt1-b", txid: "OB", profitLoss: "0.5", status: "filled" }

const said = Effect.map(Screen, ({ out }) => out())
const fill = Effect.flatMap(MockRecordsControl, (control) =>
  control.set({ orders: [order, done], trades: [trade, sold] })
)

describe("orders and trades", () => {
  it.effect("as tables, without what could steer the terminal", () =>
    Effect.gen(function* () {
      yield* fill
      yield* orders({ open: false, json: false })
      yield* trades({ open: false, json: false, csv: false })
      const text = yield* said
      for (const part of ["kt1-a", "kt1-b", "OB", "2024-03-10 12:00:00Z", "0.5", "why"]) assert.include(text, part)
      assert.notInclude(text, "\u001B")
    }).pipe(Effect.provide(world()))
  )

  it.effect("as JSON: every row, null where nothing is known, open ones alone if asked", () =>
    Effect.gen(function* () {
      yield* fill
      yield* orders({ open: true, json: true })
      assert.deepEqual(JSON.parse(yield* said), { orders: [{ ...order, exchangeId: null, averagePrice: null }] })
    }).pipe(Effect.provide(world()))
  )

  it.effect("a long list is cut for people and says so; JSON has it all", () =>
    Effect.gen(function* () {
      const control = yield* MockRecordsControl
      yield* control.set({ trades: Array.from({ length: 150 }, (_, n) => ({ ...sold, orderId: `kt1-${n}` })) })
      yield* trades({ open: false, json: false, csv: false })
      assert.include(yield* said, "The newest 100 are shown")
      assert.notInclude(yield* said, "kt1-100")
    }).pipe(Effect.provide(world({ colors: true })))
  )

  it.effect("nothing there, and nothing ever there", () =>
    Effect.gen(function* () {
      const control = yield* MockRecordsControl
      yield* orders({ open: true, json: false })
      yield* trades({ open: false, json: false, csv: false })
      yield* control.set({ exists: false })
      yield* orders({ open: false, json: false })
      yield* orders({ open: false, json: true })
      const lines = (yield* said).split("\n")
      assert.deepEqual(
        lines.map((line) => line.replace(/ of .*| on .*/, "")),
        ["No open orders in the books", "No trades in the books", "No trader has ever run", '{"orders":[]}']
      )
    }).pipe(Effect.provide(world()))
  )
})
