/** The emergency sale by the built program: beside a trader that runs, is frozen, or is dead, and while the exchange answers badly. */
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import type { TestContext } from "vitest"
import type { Settings } from "./live.ts"
import { confirmationCode, eagerStrategy, rested, startExchange } from "./live.ts"
import type { Running } from "./program.ts"
import { eventually, makePlace } from "./program.ts"

interface Order {
  readonly txid: string
  readonly side: "buy" | "sell"
  readonly status: string
  readonly clOrdId?: string
  readonly filled: string
}
interface View {
  readonly open: ReadonlyArray<Order>
  readonly orders: ReadonlyArray<Order>
  readonly balances: Readonly<Record<string, string>>
}

const TIMEOUT = { timeout: 400_000 }

/** A folder, an exchange and a confirmed trader's settings, of one test's own: the tests wait side by side. */
const begin = async ({ onTestFinished }: TestContext) => {
  const place = makePlace()
  onTestFinished(() => place.clear())
  const exchange = await startExchange(place)
  await rested(place.dataDir)
  // what a broken connection did not tell is asked for soon
  const live: Settings = {
    ...exchange.settings,
    STRATEGY: eagerStrategy(place.directory),
    RECONCILE_EVERY: "15s"
  }
  const doctor = await place.run(["doctor", "--json"], live)
  const settings: Settings = { ...live, LIVE_TRADING_CONFIRMED: confirmationCode(doctor.out) }
  const view = async (): Promise<View> => (await exchange.operate("view")) as View

  /** Coins that the exchange's account holds. */
  const coins = async (): Promise<number> => Number((await view()).balances["XLM"] ?? 0)

  /** A trader that holds a lot whose target rests. */
  const holding = async (): Promise<Running> => {
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
    await exchange.operate("fill", { txid: entry?.txid ?? "", quantity: "1000" })
    await resting("sell")
    return trader
  }

  /** No entry of the trader's works, and nothing that it bought is left. */
  const nothingLeft = async (): Promise<void> => {
    const { open } = await view()
    assert.deepEqual(
      open.filter(({ clOrdId }) => clOrdId !== undefined),
      []
    )
    assert.strictEqual(await coins(), 0)
  }

  return { place, exchange, settings, view, coins, holding, nothingLeft }
}

describe.concurrent("flatten", () => {
  it(
    "through the running trader: everything is sold, nothing is bought again, and stop --flatten ends it",
    TIMEOUT,
    async (test) => {
      const { place, settings, coins, holding, nothingLeft } = await begin(test)
      const trader = await holding()
      const unasked = await place.run(["flatten"], settings)
      assert.strictEqual(unasked.code, 64, unasked.error)
      assert.include(unasked.error, "--yes")
      assert.isAbove(await coins(), 0)
      const sold = await place.run(["flatten", "--yes"], settings)
      assert.strictEqual(sold.code, 0, sold.error)
      assert.match(sold.out, /sold [\d.]+ of XLM\/USD/)
      assert.include(sold.out, "Nothing is left")
      await nothingLeft()
      const stopped = await place.run(["stop", "--flatten"], settings)
      assert.strictEqual(stopped.code, 0, stopped.error)
      assert.strictEqual((await trader.ended).code, 0)
      await nothingLeft()
    }
  )

  it("beside a frozen trader: says so without --force, ends it and sells with it", TIMEOUT, async (test) => {
    const { place, settings, coins, holding, nothingLeft } = await begin(test)
    const trader = await holding()
    trader.process.kill("SIGSTOP")
    const refused = await place.run(["flatten", "--yes"], settings)
    assert.strictEqual(refused.code, 1, refused.error)
    assert.include(refused.error, "NOTHING WAS SOLD")
    assert.include(refused.error, "--force")
    assert.isAbove(await coins(), 0)
    const forced = await place.run(["flatten", "--yes", "--force"], settings)
    assert.strictEqual(forced.code, 0, forced.error)
    assert.include(forced.error, `Ended process ${trader.process.pid}`)
    assert.include(forced.out, "Nothing is left")
    assert.strictEqual(
      trader.process.signalCode ?? (await trader.ended.then(() => trader.process.signalCode)),
      "SIGKILL"
    )
    await nothingLeft()
  })

  it("of a dead trader: loud while the exchange fails, and sold once it answers", TIMEOUT, async (test) => {
    const { place, exchange, settings, coins, holding, nothingLeft } = await begin(test)
    const trader = await holding()
    trader.process.kill("SIGKILL")
    await trader.ended
    const refused = { on: "rest", endpoint: "AddOrder", effect: { kind: "status", status: 503, executed: false } }
    const amends = { ...refused, endpoint: "AmendOrder" }
    await exchange.operate("fault", refused)
    await exchange.operate("fault", amends)
    const failed = await place.run(["flatten", "--yes", "--timeout", "5s"], settings)
    assert.include([1, 86], failed.code, failed.error)
    assert.match(failed.error, /LEFT|NOT KNOWN TO BE GONE/)
    assert.isAbove(await coins(), 0)
    await exchange.operate("clear")
    const sold = await place.run(["flatten", "--yes"], settings)
    assert.strictEqual(sold.code, 0, sold.error)
    assert.include(sold.error, "No trader runs")
    await nothingLeft()
    // nothing to do any more
    const again = await place.run(["flatten", "--yes"], settings)
    assert.strictEqual(again.code, 0, again.error)
    // the next trader holds its entries back
    assert.include((await place.run(["status"], settings)).out, "flatten")
  })

  it(
    "of a dead trader, begun while the exchange does not answer: it waits for it, and sells",
    TIMEOUT,
    async (test) => {
      const { place, exchange, settings, coins, holding, nothingLeft } = await begin(test)
      const trader = await holding()
      trader.process.kill("SIGKILL")
      await trader.ended
      await exchange.operate("fault", { on: "rest", effect: { kind: "status", status: 503, executed: false } })
      const sale = place.start(["flatten", "--yes"], settings)
      await eventually(
        () => Promise.resolve(sale.error()),
        (text) => text.includes("Nothing is sold yet"),
        60_000
      )
      assert.isNull(sale.process.exitCode)
      assert.isAbove(await coins(), 0)
      await exchange.operate("clear")
      const sold = await sale.ended
      assert.strictEqual(sold.code, 0, sold.error)
      assert.include(sold.error, "Kraken cannot be reached: the exchange's clock could not be read")
      assert.include(sold.out, "Nothing is left")
      await nothingLeft()
    }
  )

  it(
    "through the running trader while answers get lost and the rate is limited: each lot is sold once",
    TIMEOUT,
    async (test) => {
      const { place, exchange, settings, holding, nothingLeft } = await begin(test)
      const trader = await holding()
      for (const fault of [
        { endpoint: "AmendOrder", times: 1, effect: { kind: "drop", executed: true } },
        { endpoint: "AddOrder", times: 1, effect: { kind: "drop", executed: false } },
        { endpoint: "OpenOrders", times: 2, effect: { kind: "status", status: 502, executed: false } },
        {
          endpoint: "AmendOrder",
          times: 1,
          effect: { kind: "error", error: "EAPI:Rate limit exceeded", executed: false }
        }
      ])
        await exchange.operate("fault", { on: "rest", ...fault })
      const sold = await place.run(["flatten", "--yes", "--timeout", "3m"], settings)
      assert.strictEqual(sold.code, 0, sold.error)
      await nothingLeft()
      trader.process.kill("SIGKILL")
    }
  )
})

describe.concurrent("recover", () => {
  it("rebuilds lost books from the exchange: the open lot, its plan, and the exit works", TIMEOUT, async (test) => {
    const { place, settings, view, holding, nothingLeft } = await begin(test)
    const trader = await holding()
    trader.process.kill("SIGKILL")
    await trader.ended
    for (const name of ["trading.db", "trading.db-wal", "trading.db-shm"])
      rmSync(join(place.dataDir, name), { force: true })
    const lost = await place.run(["flatten", "--yes"], settings)
    assert.strictEqual(lost.code, 1)
    assert.include(lost.error, "recover")
    const shown = await place.run(["recover", "--json"], settings)
    assert.strictEqual(shown.code, 1, shown.error)
    assert.isNotEmpty((JSON.parse(shown.out) as { readonly orders: ReadonlyArray<unknown> }).orders)
    const done = await place.run(["recover", "--yes"], settings)
    assert.strictEqual(done.code, 0, done.error)
    const again = await place.run(["recover", "--yes"], settings)
    assert.strictEqual(again.code, 0, again.error)
    assert.include(again.out, "Nothing differs")
    const next = place.start(["trade"], settings)
    await eventually(
      view,
      ({ open }) => {
        if (next.process.exitCode !== null) throw new Error(`the trader ended: ${next.error()}`)
        return open.some(({ side }) => side === "sell")
      },
      120_000
    )
    const sold = await place.run(["flatten", "--yes"], settings)
    assert.strictEqual(sold.code, 0, sold.error)
    await nothingLeft()
    assert.notInclude(readFileSync(join(place.dataDir, "trader.log"), "utf8"), "another copy of this trader")
    next.process.kill("SIGKILL")
  })
})
