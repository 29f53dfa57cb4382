/** Books rebuilt by the built program from a long history, which is not all the trader's and is read with difficulty. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import type { Exchange, Settings } from "./live.ts"
import { confirmationCode, eagerStrategy, rested, startExchange } from "./live.ts"
import type { Place } from "./program.ts"
import { eventually, makePlace } from "./program.ts"

interface Order {
  readonly txid: string
  readonly side: "buy" | "sell"
  readonly clOrdId?: string
}
interface View {
  readonly open: ReadonlyArray<Order>
  readonly orders: ReadonlyArray<Order>
}

let place: Place
let exchange: Exchange
let settings: Settings

beforeEach(async () => {
  place = makePlace()
  exchange = await startExchange(place)
  await rested(place.dataDir)
  const live: Settings = { ...exchange.settings, STRATEGY: eagerStrategy(place.directory) }
  const doctor = await place.run(["doctor", "--json"], live)
  settings = { ...live, LIVE_TRADING_CONFIRMED: confirmationCode(doctor.out) }
}, 200_000)
afterEach(() => place.clear())

const view = async (): Promise<View> => (await exchange.operate("view")) as View

/** The owner trades by hand: orders without the trader's mark, an execution each. */
const ownersTrades = async (count: number): Promise<void> => {
  const terms = { symbol: "XLM/USD", type: "market", quantity: "50" }
  for (let n = 0; n < count; n += 2) {
    await exchange.operate("order", { ...terms, side: "buy" })
    await exchange.operate("order", { ...terms, side: "sell" })
  }
}

/** What the books say of money: orders and executions with every amount, without what only a memory knows. */
const statement = async (): Promise<ReadonlyArray<string>> => {
  const { code, out, error } = await place.run(["trades", "--csv"], settings)
  assert.strictEqual(code, 0, error)
  return out.trim().split("\n").toSorted()
}

describe("recover", () => {
  it(
    "finds the trader's own among pages of the owner's, though reads fail, and the books are what they were",
    { timeout: 240_000 },
    async () => {
      await exchange.operate("deposit", { asset: "USD", amount: "200" })
      await ownersTrades(60)
      const trader = place.start(["trade"], settings)
      const resting = (side: "buy" | "sell") =>
        eventually(
          view,
          ({ open }) => {
            if (trader.process.exitCode !== null) throw new Error(`the trader ended: ${trader.error()}`)
            return open.some((order) => order.side === side)
          },
          120_000
        )
      const [entry] = (await resting("buy")).open
      // in parts, so that an order has more than one execution
      await exchange.operate("fill", { txid: entry?.txid ?? "", quantity: "7" })
      await exchange.operate("fill", { txid: entry?.txid ?? "", quantity: "1000" })
      await resting("sell")
      await eventually(statement, (rows) => rows.length === 3)
      trader.process.kill("SIGKILL")
      await trader.ended
      const before = await statement()
      await ownersTrades(60)
      const known = (await view()).orders
      assert.isAbove(known.filter(({ clOrdId }) => clOrdId === undefined).length, 100, "more than two pages of others'")
      for (const name of ["trading.db", "trading.db-wal", "trading.db-shm"])
        rmSync(join(place.dataDir, name), { force: true })
      await rested(place.dataDir)

      for (const fault of [
        { endpoint: "ClosedOrders", times: 2, effect: { kind: "status", status: 502, executed: false } },
        { endpoint: "ClosedOrders", times: 1, effect: { kind: "cut", executed: true } },
        { endpoint: "TradesHistory", times: 1, effect: { kind: "drop", executed: true } },
        { endpoint: "TradesHistory", times: 1, effect: { kind: "error", error: "EService:Busy", executed: false } }
      ])
        await exchange.operate("fault", { on: "rest", ...fault })
      const done = await place.run(["recover", "--yes"], settings)
      assert.strictEqual(done.code, 0, done.error)
      assert.match(done.error, /closed orders: \d{3} of/)
      assert.deepEqual(await statement(), before)
      const again = await place.run(["recover", "--yes"], settings)
      assert.strictEqual(again.code, 0, again.error)
      assert.include(again.out, "Nothing differs")
    }
  )

  it("changes nothing when the history cannot be read to its end", { timeout: 240_000 }, async () => {
    await exchange.operate("deposit", { asset: "USD", amount: "200" })
    await ownersTrades(60)
    await exchange.operate("fault", {
      on: "rest",
      endpoint: "TradesHistory",
      effect: { kind: "status", status: 503, executed: false }
    })
    const failed = await place.run(["recover", "--yes"], settings)
    assert.strictEqual(failed.code, 69, failed.error)
    assert.strictEqual((await statement()).length, 1)
  })
})
