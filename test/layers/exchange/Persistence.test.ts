import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Redacted } from "effect"
import { failure, openStore } from "../../../src/layers/exchange/ExchangeStore.ts"
import { makeLocalKraken } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import type { LocalKrakenOptions } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import type { LocalKrakenError } from "../../../src/services/LocalKraken.ts"
import { call, folder, get, plainOptions, START } from "./support.ts"

const generated: LocalKrakenOptions = { ...plainOptions, market: { _tag: "Generated" }, speed: 30 }
const order = (id: string, price: string, volume = "50") => ({
  pair: "XLMUSD",
  type: "buy",
  ordertype: "limit",
  price,
  volume,
  cl_ord_id: id
})

/** What a process that was killed leaves behind: the files as they are, taken by another process. */
const killed = (from: string, to: string): string => {
  mkdirSync(to)
  execFileSync("cp", ["-r", `${from}/.`, to])
  return join(to, "exchange.db")
}

describe("an exchange with a file", () => {
  it.scopedLive("goes on after the process was killed where its clients saw it", () =>
    Effect.gen(function* () {
      const path = yield* folder
      mkdirSync(join(path, "a"))
      const first = yield* makeLocalKraken({ ...generated, file: join(path, "a", "exchange.db") })
      yield* call(first, "AddOrder", order("open", "0.100000"))
      yield* call(first, "AddOrder", { ...order("bought", "0.300000"), timeinforce: "IOC" })
      yield* call(first, "CancelAllOrdersAfter", { timeout: "3600" })
      const token = (yield* call(first, "GetWebSocketsToken")).result.token as string
      const bars = (yield* get(first, "/0/public/OHLC?pair=XLMUSD&interval=1")).result.XXLMZUSD as Array<unknown>
      const last = yield* call(first, "Balance", {}, { nonce: "9000000000000000000" })
      const left = yield* first.view
      const stoppedAt = yield* first.clock.now
      const file = killed(join(path, "a"), join(path, "b"))

      const second = yield* makeLocalKraken({ ...generated, file, from: START + 999_999 })
      const resumedAt = yield* second.clock.now
      assert.isAtLeast(resumedAt, left.now)
      assert.isBelow(resumedAt, stoppedAt + 60_000)
      const seen = yield* second.view
      assert.deepStrictEqual(
        seen.orders.map((o) => [o.clOrdId, o.status, o.filled, o.txid]),
        left.orders.map((o) => [o.clOrdId, o.status, o.filled, o.txid])
      )
      assert.deepStrictEqual(
        seen.orders.map((o) => o.status),
        ["open", "closed"]
      )
      assert.deepStrictEqual(seen.fills, left.fills)
      assert.deepStrictEqual(seen.ledgers, left.ledgers)
      assert.strictEqual(seen.switchAt, left.switchAt)
      assert.strictEqual(Redacted.value(second.credentials.secret), Redacted.value(first.credentials.secret))
      assert.deepStrictEqual((yield* call(second, "Balance", {}, { nonce: "9000000000000000000" })).error, [
        "EAPI:Invalid nonce"
      ])
      const nonce = { nonce: "9000000000000000001" }
      assert.deepStrictEqual((yield* call(second, "Balance", {}, nonce)).result, last.result)
      // The market shows its book at once, and the same past.
      const ticker = yield* get(second, "/0/public/Ticker?pair=XLMUSD")
      assert.isAbove(Number(ticker.result.XXLMZUSD.a[0]), 0)
      const again = (yield* get(second, "/0/public/OHLC?pair=XLMUSD&interval=1")).result.XXLMZUSD as Array<unknown>
      assert.deepStrictEqual(again.slice(-300, -20), bars.slice(bars.length - again.length).slice(-300, -20))
      assert.isString(token)
    })
  )

  it.scopedLive("plays the same market on, killed or not", () =>
    Effect.gen(function* () {
      const path = yield* folder
      mkdirSync(join(path, "a"))
      const first = yield* makeLocalKraken({ ...generated, speed: 1, file: join(path, "a", "exchange.db") })
      yield* first.operate("advance", { ms: "120000" })
      const file = killed(join(path, "a"), join(path, "b"))
      const second = yield* makeLocalKraken({ ...generated, speed: 1, file })
      for (const kraken of [first, second]) {
        yield* kraken.clock.pause
        yield* kraken.clock.advance(START + 600_000 - (yield* kraken.clock.now))
        yield* kraken.settle
      }
      const [a, b] = [
        yield* get(first, "/0/public/Spread?pair=XLMUSD"),
        yield* get(second, "/0/public/Spread?pair=XLMUSD")
      ]
      assert.deepStrictEqual(b.result.XXLMZUSD.slice(-50), a.result.XXLMZUSD.slice(-50))
      const closes = (reply: typeof a) =>
        (reply.result.XXLMZUSD as ReadonlyArray<ReadonlyArray<string>>).slice(-6, -1).map((row) => row.slice(0, 5))
      const minutes = "/0/public/OHLC?pair=XLMUSD&interval=1"
      assert.deepStrictEqual(closes(yield* get(second, minutes)), closes(yield* get(first, minutes)))
    })
  )

  it.scopedLive("stands still while it is closed", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "exchange.db")
      const open = Effect.gen(function* () {
        const kraken = yield* makeLocalKraken({ ...generated, file })
        const openedAt = yield* kraken.clock.now
        yield* Effect.sleep(100)
        yield* kraken.clock.pause
        return [openedAt, yield* kraken.clock.now] as const
      }).pipe(Effect.scoped)
      const [, closedAt] = yield* open
      // Thirty market seconds, had time gone on.
      yield* Effect.sleep(1000)
      const [reopenedAt] = yield* open
      assert.isAtLeast(reopenedAt, closedAt)
      assert.isBelow(reopenedAt - closedAt, 15_000)
    })
  )

  const refused = (options: LocalKrakenOptions) =>
    Effect.map(Effect.flip(Effect.scoped(makeLocalKraken(options))), (error): LocalKrakenError => {
      assert(error._tag === "LocalKrakenError")
      return error
    })

  it.scopedLive("that is fed goes on at the present, since the real market did not wait", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "exchange.db")
      const bar = { time: START / 1000 - 60, open: 1, high: 2, low: 1, close: 2, vwap: 1.5, volume: 3, count: 4 }
      const history = (_: string, interval: number) => (interval === 1 ? [bar] : [])
      yield* Effect.scoped(makeLocalKraken({ ...plainOptions, file }))
      const later = yield* makeLocalKraken({ ...plainOptions, file, from: START + 86_400_000, history })
      assert.isAtLeast(yield* later.clock.now, START + 86_400_000)
      const rows = (yield* get(later, "/0/public/OHLC?pair=XLMUSD&interval=1")).result
        .XXLMZUSD as ReadonlyArray<unknown>
      assert.isAbove(rows.length, 0)
    })
  )

  it.scopedLive("belongs to one market, one account and one process", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "exchange.db")
      yield* Effect.scoped(makeLocalKraken({ ...plainOptions, file }))
      assert.strictEqual((yield* refused({ ...generated, file })).reason, "bound")
      const other = yield* refused({ ...plainOptions, file, balances: { USD: "5" } })
      assert.strictEqual(other.reason, "bound")
      assert.include(other.message, "10000")
      yield* makeLocalKraken({ ...plainOptions, file })
      const busy = yield* refused({ ...plainOptions, file })
      assert.strictEqual(busy.reason, "busy")
      assert.include(busy.message, "DATA_DIR")
    })
  )

  it.scopedLive("says what is wrong with its file", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const make = (name: string, change: (db: Sqlite.Database) => void) =>
        Effect.gen(function* () {
          const file = join(path, name)
          yield* Effect.scoped(makeLocalKraken({ ...plainOptions, file }))
          const db = new Sqlite(file)
          change(db)
          db.close()
          return yield* refused({ ...plainOptions, file })
        })
      const newer = yield* make("newer.db", (db) => db.pragma("user_version = 99"))
      assert.deepStrictEqual([newer.reason, newer.message.includes("newer version")], ["data", true])
      const keyless = yield* make("keyless.db", (db) => db.exec("DELETE FROM meta WHERE key = 'api_secret'"))
      assert.deepStrictEqual([keyless.reason, keyless.message.includes("API key")], ["data", true])
      const headless = yield* make("headless.db", (db) => db.exec("DELETE FROM rows"))
      assert.deepStrictEqual([headless.reason, headless.message.includes("head row")], ["data", true])
      const tableless = yield* make("tableless.db", (db) => db.exec("DROP TABLE rows"))
      assert.strictEqual(tableless.reason, "data")
      writeFileSync(join(path, "text.db"), "this is no database at all, just a text of some length".repeat(100))
      assert.strictEqual((yield* refused({ ...plainOptions, file: join(path, "text.db") })).reason, "data")
      assert.strictEqual((yield* refused({ ...plainOptions, file: join(path, "no", "where.db") })).reason, "write")
      assert.strictEqual((yield* refused({ ...plainOptions, balances: { DOGE: "1" } })).reason, "settings")
      assert.strictEqual((yield* refused({ ...plainOptions, balances: { USD: "-1" } })).reason, "settings")
      assert.strictEqual((yield* refused({ ...plainOptions, balances: { USD: "much" } })).reason, "settings")
      const port = Number(new URL((yield* makeLocalKraken(plainOptions)).restUrl).port)
      assert.strictEqual((yield* refused({ ...plainOptions, port })).reason, "port")
    })
  )
})

describe("the store", () => {
  it("tells failures apart", () => {
    const of = (code: string) => failure("x.db", new Sqlite.SqliteError("text", code)).reason
    assert.deepStrictEqual(
      [
        "SQLITE_BUSY",
        "SQLITE_BUSY_RECOVERY",
        "SQLITE_CORRUPT_VTAB",
        "SQLITE_NOTADB",
        "SQLITE_FULL",
        "SQLITE_IOERR"
      ].map(of),
      ["busy", "busy", "data", "data", "write", "write"]
    )
    assert.include(failure("x.db", new Error("?")).message, "no such folder")
  })

  it.scoped("keeps the newest version of a row", () =>
    Effect.gen(function* () {
      const store = yield* openStore(undefined)
      const row = { kind: "order", id: "O1", position: -1, text: "a" } as const
      store.commit([row], { key: "value" })
      store.commit([{ ...row, position: 4, text: "b" }])
      assert.deepStrictEqual(store.rows(), [{ ...row, position: 4, text: "b" }])
      assert.strictEqual(store.meta("key"), "value")
      assert.strictEqual(store.meta("other"), undefined)
    })
  )
})
