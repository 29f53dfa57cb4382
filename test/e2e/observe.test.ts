/** Observe mode as a person runs it: the built program, real sockets, and the exchange's own log of what it was asked. */
import { join } from "node:path"
import BetterSqlite3 from "better-sqlite3"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { eagerStrategy, startExchange } from "./live.ts"
import type { Exchange } from "./live.ts"
import { eventually, makePlace } from "./program.ts"
import type { Place } from "./program.ts"

let place: Place
let exchange: Exchange

beforeAll(async () => {
  place = makePlace()
  exchange = await startExchange(place)
}, 120_000)

afterAll(() => place.clear())

interface Seen {
  readonly requests: ReadonlyArray<{ readonly endpoint: string; readonly result: string }>
  readonly orders: ReadonlyArray<unknown>
  readonly switchAt?: number
}

const READS = ["query-funds", "query-open-trades", "query-closed-trades", "query-ledger", "create-ws-token"]

describe("observe", () => {
  it("decides on live data with a key that may only read, and sends nothing", async () => {
    await exchange.operate("key", { permissions: READS.join(",") })
    const settings = {
      ...exchange.settings,
      TRADING_MODE: "observe",
      STRATEGY: eagerStrategy(place.directory),
      MIN_TRADE_INTERVAL: "1s",
      LOG_FORMAT: "json"
    }
    const trader = place.start(["trade"], settings)
    await eventually(
      () => Promise.resolve(trader.out() + trader.error()),
      (text) => text.includes("observing: would buy"),
      60_000
    )
    const status = await place.run(["status", "--json"], settings)
    const view = JSON.parse(status.out) as { readonly state: string; readonly reasons: ReadonlyArray<string> }
    assert.strictEqual(view.state, "not-entering")
    assert.match(view.reasons.join(), /observing/)
    assert.strictEqual(status.code, 1)
    const cancel = await place.run(["cancel", "--all"], settings)
    assert.match(cancel.error, /observe mode sends nothing/)
    assert.notStrictEqual(cancel.code, 0)
    const stop = await place.run(["stop", "--timeout", "60s"], settings)
    assert.strictEqual(stop.code, 0, stop.error)
    assert.strictEqual((await trader.ended).code, 0, trader.error())

    const seen = (await exchange.operate("view")) as Seen
    const writes = seen.requests.filter(({ endpoint }) =>
      /order|cancel|amend|batch/i.test(endpoint.replace(/Orders$/, ""))
    )
    assert.deepStrictEqual(writes, [])
    assert.isTrue(seen.requests.some(({ endpoint, result }) => endpoint === "GetApiKeyInfo" && result === "ok"))
    assert.isTrue(seen.requests.some(({ endpoint }) => endpoint === "OpenOrders"))
    assert.deepStrictEqual(seen.orders, [])
    assert.isUndefined(seen.switchAt)

    const journal = new BetterSqlite3(join(place.dataDir, "journal.db"), { readonly: true })
    const rows = journal.prepare("SELECT * FROM journal WHERE kind = 'decision.WouldPropose'").all()
    journal.close()
    assert.isAbove(rows.length, 0)
    assert.match(JSON.stringify(rows[0]), /nothing is held/)
  }, 180_000)

  it("is refused with a key that may withdraw, like live", async () => {
    await exchange.operate("key", { permissions: [...READS, "withdraw-funds"].join(",") })
    const settings = { ...exchange.settings, TRADING_MODE: "observe", DATA_DIR: join(place.directory, "other") }
    const ended = await place.run(["trade"], settings)
    assert.strictEqual(ended.code, 77, ended.error)
  }, 120_000)
})
