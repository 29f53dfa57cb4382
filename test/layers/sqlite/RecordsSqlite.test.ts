import fs, { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, utimesSync, writeFileSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import { Context, Effect, Layer, TestClock } from "effect"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { StoreWrite } from "../../../src/domain/engine/Write.ts"
import { IDLE, layer } from "../../../src/layers/sqlite/RecordsSqlite.ts"
import { Records } from "../../../src/services/Records.ts"
import { Store } from "../../../src/services/Store.ts"
import { entry, fill, id, lot, NOON, q, usd } from "../../support/build.ts"
import { childScript } from "../node/support/child.ts"
import { tempFolder } from "../node/support/temp.ts"
import { fileIn, second, world } from "./support.ts"

const batch: ReadonlyArray<StoreWrite> = [
  {
    _tag: "Order",
    order: entry({
      id: id("kt1a"),
      status: "filled",
      exchangeId: ExchangeOrderId("OA"),
      cumQuantity: q("100"),
      cumCost: usd("9.99"),
      bookedQuantity: q("100"),
      bookedCost: usd("9.99")
    })
  },
  { _tag: "Lot", lot: lot({ remaining: q("40"), cost: usd("9.99") }) },
  { _tag: "Order", order: entry({ id: id("kt1b"), status: "filled", cumQuantity: q("1"), bookedQuantity: q("1") }) },
  { _tag: "Lot", lot: lot({ id: id("kt1b"), remaining: q("0"), proceeds: usd("10.5") }) },
  { _tag: "Order", order: entry({ id: id("kt1c"), status: "open" }) },
  {
    _tag: "Breaker",
    state: { latches: {}, failures: {}, rounds: {} },
    changes: [
      { at: NOON, cause: "api", change: "latched", reason: "five failures", by: "trader" },
      { at: NOON + 1, cause: "api", change: "cleared", reason: "a read", by: "trader" }
    ]
  }
]
const metrics: StoreWrite = {
  _tag: "Metrics",
  row: {
    at: NOON,
    balanceUsd: usd("98.82"),
    totalTrades: 1,
    winningTrades: 1,
    totalProfitLoss: usd("0.1"),
    dailyProfitLoss: usd("-0.1"),
    breakerState: "CLOSED"
  }
}

const look = Effect.gen(function* () {
  const records = yield* Records
  const all = { openOnly: false, limit: 100 }
  assert.isTrue(yield* records.exists)
  const orders = yield* records.orders(all)
  assert.deepStrictEqual(
    orders.map((row) => row.orderId),
    ["kt1c", "kt1b", "kt1a"]
  )
  assert.deepStrictEqual(orders[2], {
    orderId: "kt1a",
    exchangeId: "OA",
    pair: "XLM/USD",
    type: "buy",
    orderType: "limit",
    purpose: "entry",
    price: "0.1",
    volume: "100",
    status: "filled",
    timestamp: "2024-03-10T12:00:00.000Z",
    filledVolume: "100",
    averagePrice: "0.0999",
    reason: "test"
  })
  assert.strictEqual(orders[0]?.averagePrice, undefined)
  assert.deepStrictEqual(
    (yield* records.orders({ openOnly: true, limit: 100 })).map((row) => row.orderId),
    ["kt1c"]
  )
  assert.strictEqual((yield* records.orders({ openOnly: false, limit: 1 })).length, 1)
  const trades = yield* records.trades(all)
  assert.deepStrictEqual(trades[1], {
    orderId: "kt1a",
    txid: "OAAAAA",
    pair: "XLM/USD",
    side: "buy",
    price: "0.0999",
    volume: "100",
    remaining: "40",
    timestamp: "2024-03-10T12:00:00.000Z",
    status: "open",
    profitLoss: undefined,
    notes: "test"
  })
  assert.deepInclude(trades[0], { status: "filled", profitLoss: "0.475", remaining: "0" })
  assert.strictEqual((yield* records.trades({ openOnly: true, limit: 100 })).length, 1)
  assert.deepStrictEqual(
    (yield* records.breakerHistory(1)).map((change) => change.change),
    ["cleared"]
  )
  assert.strictEqual((yield* records.snapshot).lots.length, 1)
})

const beside = <A, E>(file: string, use: Effect.Effect<A, E, Records>) => Effect.provide(use, layer(file))

describe("records beside a trader", () => {
  it.scoped("while it runs, and after it has stopped, without leaving a file behind", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const file = fileIn(folder)
      yield* Effect.gen(function* () {
        const store = yield* Store
        yield* store.commit(batch)
        yield* beside(file, look)
        assert.strictEqual(
          yield* beside(
            file,
            Effect.flatMap(Records, (records) => records.lastMetrics)
          ),
          undefined
        )
        yield* store.commit([metrics])
        yield* beside(file, look)
      }).pipe(Effect.provide(world(file, { role: "visitor" })), Effect.scoped)
      const names = readdirSync(folder)
      assert.deepStrictEqual(names, ["trading.db"])
      yield* beside(file, look)
      assert.deepStrictEqual(
        yield* beside(
          file,
          Effect.flatMap(Records, (records) => records.lastMetrics)
        ),
        {
          at: "2024-03-10T12:00:00.000Z",
          balanceUsd: "98.82",
          totalProfitLoss: "0.1",
          dailyProfitLoss: "-0.1",
          totalTrades: 1,
          winningTrades: 1
        }
      )
      assert.deepStrictEqual(readdirSync(folder), names)
    })
  )

  it.scoped("what a killed trader committed is seen, out of its log", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const script = yield* childScript(new URL("./children/open.ts", import.meta.url))
      const child = script.start([file, "hold"])
      yield* child.line(1)
      yield* child.kill
      const snapshot = yield* beside(
        file,
        Effect.flatMap(Records, (records) => records.snapshot)
      )
      assert.strictEqual(snapshot.notes.get("child"), "was here")
    })
  )

  it.scoped("no database yet, one that is newer, and what is none", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const file = fileIn(folder)
      const reason = (path: string) =>
        beside(
          path,
          Effect.flatMap(Records, (records) => Effect.map(Effect.flip(records.snapshot), (failed) => failed.reason))
        )
      assert.isFalse(
        yield* beside(
          file,
          Effect.flatMap(Records, (records) => records.exists)
        )
      )
      assert.strictEqual(yield* reason(file), "other")
      assert.deepStrictEqual(readdirSync(folder), [])
      yield* Effect.scoped(Effect.provide(Store, world(file)))
      const raw = new BetterSqlite3(file)
      raw.pragma("user_version = 99")
      raw.close()
      assert.strictEqual(yield* reason(file), "newer")
      mkdirSync(join(folder, "odd"))
      writeFileSync(join(folder, "odd", "text.db"), "no database at all, only text ".repeat(40))
      assert.strictEqual(yield* reason(join(folder, "odd", "text.db")), "corrupt")
      const other = new BetterSqlite3(join(folder, "odd", "other.db"))
      other.exec("CREATE TABLE recipes (name TEXT)")
      other.close()
      assert.strictEqual(yield* reason(join(folder, "odd", "other.db")), "corrupt")
    })
  )

  it.scoped(
    "one reader sees what is true now: before the trader starts, while it runs, after it, after a restore",
    () =>
      Effect.gen(function* () {
        const folder = yield* tempFolder
        const file = fileIn(folder)
        const { exists, snapshot } = yield* Effect.map(Layer.build(layer(file)), Context.get(Records))
        const lots = Effect.map(snapshot, (books) => books.lots.length)
        assert.isFalse(yield* exists)
        yield* Effect.scoped(Effect.provide(Store, world(file)))
        copyFileSync(file, join(folder, "old.db"))
        assert.strictEqual(yield* lots, 0)
        yield* Effect.gen(function* () {
          const store = yield* Store
          assert.strictEqual(yield* lots, 0)
          yield* store.commit(batch)
          assert.strictEqual(yield* lots, 1)
          // a reader that nobody asks any more does not stand in the way of a trader that ends
          yield* TestClock.adjust(IDLE)
        }).pipe(Effect.provide(world(file)), Effect.scoped)
        assert.isFalse(existsSync(`${file}-wal`))
        assert.strictEqual(yield* lots, 1)
        renameSync(join(folder, "old.db"), file)
        assert.strictEqual(yield* lots, 0)
      })
  )

  it.scoped("every execution with its order, oldest first", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* Effect.gen(function* () {
        const store = yield* Store
        const order = entry({ id: id("kt1a"), bookedQuantity: q("100") })
        const late = fill("TB", "60", { at: NOON + 9000, fee: 0n, liquidity: "taker" })
        const booked = { orderId: id("kt1a"), ledgerUsd: usd("-4"), rounding: usd("0") }
        yield* store.commit([
          { _tag: "Order", order },
          { _tag: "Fill", booked: { ...booked, fill: late } },
          { _tag: "Fill", booked: { ...booked, fill: fill("TC", "40") } }
        ])
        const executed = yield* beside(
          file,
          Effect.flatMap(Records, (records) => records.fills)
        )
        assert.deepStrictEqual(
          executed.map((one) => one.fill),
          [fill("TC", "40"), late].map((one) => ({ ...one, source: "rest" as const, clientId: id("kt1a") }))
        )
        assert.deepStrictEqual(executed[0]?.order, order)
      }).pipe(Effect.provide(world(file)))
    })
  )

  it.scoped("a failed read is not remembered: the next one reads anew", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* Effect.gen(function* () {
        const store = yield* Store
        const raw = yield* second(file)
        const records = yield* Effect.map(Layer.build(layer(file)), Context.get(Records))
        yield* store.commit([metrics])
        raw.exec("ALTER TABLE metrics RENAME TO hidden")
        assert.strictEqual((yield* Effect.flip(records.lastMetrics)).reason, "other")
        raw.exec("ALTER TABLE hidden RENAME TO metrics")
        assert.strictEqual((yield* records.lastMetrics)?.totalTrades, 1)
      }).pipe(Effect.provide(world(file)), Effect.scoped)
    })
  )

  it.scoped("a damaged row is named, not guessed at", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* Effect.gen(function* () {
        const store = yield* Store
        yield* store.commit(batch)
        const raw = yield* second(file)
        raw.exec("UPDATE orders SET state = '{}' WHERE order_id = 'kt1c'")
        const failures = yield* beside(
          file,
          Effect.flatMap(Records, ({ orders, snapshot }) =>
            Effect.all([Effect.flip(snapshot), Effect.flip(orders({ openOnly: true, limit: 9 }))])
          )
        )
        assert.deepStrictEqual(
          failures.map(({ operation, reason }) => [operation, reason]),
          [
            ["read the books", "corrupt"],
            ["read orders", "corrupt"]
          ]
        )
        assert.include(String(failures[1].cause), "column state")
      }).pipe(Effect.provide(world(file)), Effect.scoped)
    })
  )

  it.scoped("a database that changes while it is copied is copied again; one that keeps changing is busy", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const file = fileIn(folder)
      yield* Effect.scoped(Effect.provide(Store, world(file)))
      /** As if another program wrote the file during the next reads. */
      const disturbed = <A, E>(reads: number, use: Effect.Effect<A, E>) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            const real = fs.readFileSync
            let left = reads
            const disturbing = (...args: Parameters<typeof real>) => {
              const content = real(...args)
              if (args[0] === file && left-- > 0) utimesSync(file, 1_000_000 + left, 1_000_000 + left)
              return content
            }
            fs.readFileSync = disturbing as typeof real
            syncBuiltinESMExports()
            return real
          }),
          () => use,
          (real) =>
            Effect.sync(() => {
              fs.readFileSync = real
              syncBuiltinESMExports()
            })
        )
      const read = beside(
        file,
        Effect.flatMap(Records, (records) => records.snapshot)
      )
      assert.strictEqual((yield* disturbed(3, read)).orders.length, 0)
      assert.strictEqual((yield* disturbed(99, Effect.flip(read))).reason, "busy")
      assert.deepStrictEqual(readdirSync(folder), ["exits-aside.log", "nonce-aside", "trading.db"])
    })
  )

  it.scoped("a day's figures: what was bought and sold, the fees in dollars, and what was closed on it", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* Effect.provide(
        Effect.gen(function* () {
          const store = yield* Store
          const records = yield* Records
          const none = yield* records.day("2024-03-10")
          assert.deepInclude(none, { observed: false, executions: 0, profitUsd: 0n })
          yield* store.commit([...batch, metrics])
          const raw = yield* second(file)
          const add = raw.prepare(
            "INSERT INTO fills VALUES (?, 'kt1a', 'OA', 'XLM/USD', ?, '0.1', '10', ?, ?, ?, 'maker', '0', '0', ?)"
          )
          add.run("T1", "buy", "1.5", "0.01", "USD", "2024-03-10T00:00:00.000Z")
          add.run("T2", "buy", "2", "3", "XLM", "2024-03-10T12:00:00.000Z")
          add.run("T3", "sell", "4.25", "0.02", "USD", "2024-03-10T23:59:59.999Z")
          add.run("T4", "sell", "99", "9", "USD", "2024-03-11T00:00:00.000Z")
          add.run("T5", "sell", "99", "9", "USD", "2024-03-09T23:59:59.999Z")
          const close = raw.prepare(
            "INSERT INTO learning_data (timestamp, feature_data, outcome, profit_loss, profit_loss_exact, pair, lot_id) VALUES (?, '{}', 'x', 0, ?, 'XLM/USD', ?)"
          )
          close.run("2024-03-10T05:00:00.000Z", "0.75", "a")
          close.run("2024-03-10T06:00:00.000Z", "-0.25", "b")
          close.run("2024-03-12T06:00:00.000Z", "5", "c")
          assert.deepStrictEqual(yield* records.day("2024-03-10"), {
            observed: true,
            executions: 3,
            boughtUsd: usd("3.5"),
            soldUsd: usd("4.25"),
            feesUsd: usd("0.33"),
            closedTrades: 2,
            winningTrades: 1,
            profitUsd: usd("0.5")
          })
          assert.isFalse((yield* records.day("2024-03-12")).observed)
        }),
        Layer.merge(world(file), layer(file))
      )
    })
  )
})
