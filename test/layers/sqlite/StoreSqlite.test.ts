import { existsSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import type { Scope } from "effect"
import { Effect, Either, Fiber, Option, TestClock } from "effect"
import type { BreakerState } from "../../../src/domain/breaker/BreakerState.ts"
import { ExchangeOrderId, ExecutionId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { pendingOrder } from "../../../src/domain/order/Steps.ts"
import type { BookedFill } from "../../../src/domain/portfolio/Books.ts"
import type { StoreWrite } from "../../../src/domain/engine/Write.ts"
import { Database } from "../../../src/layers/sqlite/Database.ts"
import { SIDE_FILE, withDatabase } from "../../../src/layers/sqlite/StoreSqlite.ts"
import { Nonce } from "../../../src/services/Nonce.ts"
import { LOST_LOG_NOTE, Store } from "../../../src/services/Store.ts"
import { entry, exit, fill, id, lot, NOON, p, plan, q, share, usd, XLM } from "../../support/build.ts"
import { tempFolder } from "../node/support/temp.ts"
import { approvedEntry, approvedExit, fileIn, second, world } from "./support.ts"

const booked = (executionId: string, orderId: string, quantity = "100"): BookedFill => ({
  fill: fill(executionId, quantity),
  orderId: id(orderId),
  ledgerUsd: usd("-10.025"),
  rounding: usd("0.000001")
})

const sold: BookedFill = {
  ...booked("T2", "kt1x"),
  fill: fill("T2", "100", { side: "sell", price: p("0.105"), liquidity: "maker" })
}

const breaker: BreakerState = {
  latches: { price: { cause: "price", since: NOON, reason: "5 % in a minute", probeAt: NOON + 60_000, rounds: 1 } },
  failures: { api: 2 },
  rounds: { stream: 3 }
}

const batch: ReadonlyArray<StoreWrite> = [
  { _tag: "Order", order: entry({ id: id("kt1a"), status: "open", exchangeId: ExchangeOrderId("OAAAAA") }) },
  { _tag: "Fill", booked: booked("T1", "kt1a") },
  { _tag: "Lot", lot: lot() },
  {
    _tag: "Totals",
    totals: {
      ownUsd: usd("-10.025"),
      rounding: usd("0.000001"),
      realised: usd("0.3"),
      closedTrades: 2,
      winningTrades: 1
    }
  },
  { _tag: "Foreign", foreign: new Map([["USD", usd("88.123456789012")]]) },
  { _tag: "DayMark", mark: { day: "2024-03-10", at: NOON, equity: usd("-0.1"), source: "quote" } },
  { _tag: "Valuation", valuation: { at: NOON + 1, equity: usd("0.2") } },
  {
    _tag: "Breaker",
    state: breaker,
    changes: [{ at: NOON, cause: "price", change: "latched", reason: "5 % in a minute", by: "trader" }]
  },
  {
    _tag: "ClosedTrade",
    trade: {
      lotId: id("kt0"),
      symbol: XLM,
      features: { z: -2, n: Number.NaN },
      outcome: "loss",
      profit: usd("-1"),
      at: NOON
    }
  },
  {
    _tag: "Metrics",
    row: {
      at: NOON,
      balanceUsd: usd("98.123456789012"),
      totalTrades: 2,
      winningTrades: 1,
      totalProfitLoss: usd("0.3"),
      dailyProfitLoss: usd("-0.1"),
      breakerState: "OPEN: price"
    }
  },
  { _tag: "Note", key: "throttle", value: '{"n":1}' }
]

const rows = (file: string, query: string): ReadonlyArray<Record<string, unknown>> => {
  const raw = new BetterSqlite3(file)
  try {
    return raw.prepare<[], Record<string, unknown>>(query).all()
  } finally {
    raw.close()
  }
}

/** Runs over one opening of the store; closing it in between shows what is on the disk. */
const opened = <A, E>(file: string, use: Effect.Effect<A, E, Store | Database | Nonce | Scope.Scope>) =>
  use.pipe(Effect.provide(world(file)), Effect.scoped)

describe("books", () => {
  it.scoped("whatever was committed is there after a restart, to the last digit", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.flatMap(Store, (store) => store.commit(batch))
      )
      const {
        orders,
        lots,
        totals,
        foreign,
        dayMark,
        valuation,
        notes,
        breaker: kept,
        fence
      } = yield* opened(
        file,
        Effect.flatMap(Store, (store) => store.load)
      )
      assert.deepStrictEqual(orders, [entry({ id: id("kt1a"), status: "open", exchangeId: ExchangeOrderId("OAAAAA") })])
      assert.deepStrictEqual(lots, [lot()])
      assert.strictEqual(totals.rounding, usd("0.000001"))
      assert.deepStrictEqual(foreign, new Map([["USD", usd("88.123456789012")]]))
      assert.deepStrictEqual(Option.getOrThrow(dayMark).equity, usd("-0.1"))
      assert.deepStrictEqual(valuation, Option.some({ at: NOON + 1, equity: usd("0.2") }))
      assert.deepStrictEqual(notes.get("throttle"), '{"n":1}')
      assert.deepStrictEqual(kept, breaker)
      assert.deepStrictEqual(fence, { epoch: 0, paused: false, operatorLatch: Option.none() })
    })
  )

  it.scoped("an empty database has empty books", () =>
    Effect.gen(function* () {
      const snapshot = yield* opened(
        fileIn(yield* tempFolder),
        Effect.flatMap(Store, (store) => store.load)
      )
      assert.deepInclude(snapshot, {
        orders: [],
        lots: [],
        dayMark: Option.none(),
        valuation: Option.none(),
        sequence: 0
      })
    })
  )

  it.scoped("a batch that fails in its middle leaves nothing", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          yield* store.commit(batch)
          const conflict: ReadonlyArray<StoreWrite> = [
            { _tag: "Note", key: "throttle", value: "changed" },
            { _tag: "Fill", booked: booked("T1", "kt1a", "50") }
          ]
          const failed = yield* Effect.flip(store.commit(conflict))
          assert.strictEqual(failed.reason, "other")
          assert.include(String(failed.cause), "T1 is booked already")
          assert.strictEqual((yield* store.load).notes.get("throttle"), '{"n":1}')
        })
      )
    })
  )

  it.scoped("a COMMIT that fails keeps nothing, and the connection goes on", () =>
    Effect.gen(function* () {
      yield* opened(
        fileIn(yield* tempFolder),
        Effect.gen(function* () {
          const store = yield* Store
          // The order of this fill exists nowhere: SQLite finds out at COMMIT (deferred foreign key).
          const orphan: ReadonlyArray<StoreWrite> = [
            { _tag: "Note", key: "a", value: "lost" },
            { _tag: "Fill", booked: booked("T9", "nobody") }
          ]
          const failed = yield* Effect.flip(store.commit(orphan))
          assert.include(String(failed.cause), "FOREIGN KEY")
          yield* store.commit([{ _tag: "Note", key: "b", value: "kept" }])
          assert.deepStrictEqual((yield* store.load).notes, new Map([["b", "kept"]]))
        })
      )
    })
  )

  it.scoped("a connection that cannot even roll back is replaced", () =>
    Effect.gen(function* () {
      yield* opened(
        fileIn(yield* tempFolder),
        Effect.gen(function* () {
          const store = yield* Store
          const database = yield* Database
          yield* database.connection("break", (raw) => {
            const exec = raw.exec.bind(raw)
            raw.exec = (sql) => {
              if (sql === "BEGIN IMMEDIATE") return exec(sql)
              throw Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC" })
            }
          })
          const failed = yield* Effect.flip(store.commit([{ _tag: "Note", key: "a", value: "lost" }]))
          assert.strictEqual(failed.reason, "io")
          yield* store.commit([{ _tag: "Note", key: "b", value: "kept" }])
          assert.deepStrictEqual((yield* store.load).notes, new Map([["b", "kept"]]))
        })
      )
    })
  )

  it.scoped("the same batch again changes nothing", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const again = batch.filter((write) => write._tag !== "Metrics" && write._tag !== "Breaker")
      yield* opened(
        file,
        Effect.flatMap(Store, (store) => Effect.andThen(store.commit(again), store.commit(again)))
      )
      for (const table of ["orders", "fills", "lots", "trades", "learning_data", "day_marks", "valuations"])
        assert.strictEqual(rows(file, `SELECT * FROM ${table}`).length, 1, table)
    })
  )

  it.scoped("orders and lots are found by either id, settled or not", () =>
    Effect.gen(function* () {
      yield* opened(
        fileIn(yield* tempFolder),
        Effect.gen(function* () {
          const store = yield* Store
          yield* store.commit(batch)
          const order = yield* store.findOrder({ clientId: id("kt1a") })
          assert.deepStrictEqual(yield* store.findOrder({ exchangeId: ExchangeOrderId("OAAAAA") }), order)
          assert.isTrue(Option.isSome(order))
          assert.deepStrictEqual(yield* store.findOrder({ clientId: id("no") }), Option.none())
          assert.deepStrictEqual(yield* store.findOrder({ exchangeId: ExchangeOrderId("no") }), Option.none())
          assert.deepStrictEqual(yield* store.findLot(id("kt1a")), Option.some(lot()))
          assert.deepStrictEqual(yield* store.findLot(id("no")), Option.none())
          assert.deepStrictEqual([...(yield* store.ownExecutions(["L7", "T1", "", "T1", "t1"]))], ["T1"])
          assert.strictEqual((yield* store.ownExecutions([])).size, 0)
        })
      )
    })
  )

  it.scoped("a row that does not hold what it should is damage, not a default", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          const raw = yield* second(file)
          const damaged = (sql: string) =>
            Effect.gen(function* () {
              yield* store.commit(batch.filter((write) => write._tag !== "Fill"))
              raw.exec(sql)
              const failed = yield* Effect.flip(store.load)
              assert.strictEqual(failed.reason, "corrupt", sql)
              raw.exec("DELETE FROM valuations; UPDATE totals SET own_usd = '0', closed_trades = 0")
            })
          yield* damaged("UPDATE totals SET own_usd = 'much'")
          yield* damaged("UPDATE totals SET closed_trades = 'two'")
          yield* damaged("UPDATE orders SET state = '{}'")
          yield* damaged("UPDATE lots SET state = x'00'")
          yield* damaged("DELETE FROM fence")
        })
      )
    })
  )
})

describe("the four tables of the contract", () => {
  it.scoped(
    "a trade is open from the first fill, keeps price and volume, and is filled with its profit once sold",
    () =>
      Effect.gen(function* () {
        const file = fileIn(yield* tempFolder)
        const trades = () => rows(file, "SELECT * FROM trades WHERE order_id = 'kt1a'")
        const bought = {
          id: id("kt1a"),
          bookedQuantity: q("100"),
          bookedCost: usd("10"),
          cumQuantity: q("100"),
          cumCost: usd("10")
        }
        yield* opened(
          file,
          Effect.gen(function* () {
            const store = yield* Store
            yield* store.commitIntent(approvedEntry("kt1a"), NOON)
            assert.deepStrictEqual(trades(), [])
            yield* store.commit([
              { _tag: "Fill", booked: booked("T1", "kt1a", "30") },
              {
                _tag: "Lot",
                lot: lot({ quantity: q("30"), remaining: q("30"), cost: usd("3"), entryFee: usd("0.0075") })
              },
              { _tag: "Order", order: entry({ ...bought, status: "open", bookedQuantity: q("30") }) }
            ])
            assert.deepInclude(trades()[0], {
              pair: "XLM/USD",
              side: "buy",
              price: 0.1,
              volume: 30,
              status: "open",
              timestamp: "2024-03-10T12:00:00.000Z",
              txid: "OAAAAA",
              profit_loss: null
            })
            yield* store.commit([
              { _tag: "Lot", lot: lot({ remaining: q("40") }) },
              { _tag: "Order", order: entry({ ...bought, status: "filled" }) }
            ])
            assert.deepInclude(trades()[0], { volume: 100, status: "open" })
            assert.strictEqual(rows(file, "SELECT * FROM trades WHERE status = 'OPEN'").length, 1)
            yield* store.commit([
              {
                _tag: "Lot",
                lot: lot({ remaining: q("0"), proceeds: usd("10.5"), exitFee: usd("0.02625"), closedAt: NOON + 9 })
              }
            ])
            assert.deepInclude(trades()[0], { volume: 100, price: 0.1, status: "filled", profit_loss: 0.44875 })
            assert.deepInclude(trades()[0], { profit_loss_exact: "0.44875" })
          })
        )
      })
  )

  it.scoped("a lot that recover voids is a cancelled trade without a profit", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const { exchangeId: _, ...anonymous } = lot({ remaining: q("0"), quantity: q("0"), cost: usd("0") })
      yield* opened(
        file,
        Effect.flatMap(Store, (store) =>
          store.commit([
            { _tag: "Order", order: entry({ id: id("kt1a"), status: "cancelled", exchangeId: ExchangeOrderId("OB") }) },
            { _tag: "Lot", lot: anonymous }
          ])
        )
      )
      assert.deepInclude(rows(file, "SELECT * FROM trades")[0], {
        status: "cancelled",
        profit_loss: null,
        price: 0,
        txid: "OB"
      })
    })
  )

  it.scoped("an order is pending from its intent, and every status is told as the contract names it", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const order = () =>
        rows(
          file,
          "SELECT type, ordertype, price, volume, status, filled_volume, avg_fill_price, purpose FROM orders"
        )[0]
      yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          yield* store.commitIntent(approvedEntry("kt1a"), NOON)
          assert.deepStrictEqual(order(), {
            type: "buy",
            ordertype: "limit",
            price: 0.0999,
            volume: 95,
            status: "pending",
            filled_volume: 0,
            avg_fill_price: null,
            purpose: "entry"
          })
          yield* store.commit([
            {
              _tag: "Order",
              order: entry({ id: id("kt1a"), status: "cancelled", cumQuantity: q("3"), cumCost: usd("0.29999") })
            }
          ])
          assert.deepInclude(order(), { status: "cancelled", filled_volume: 3, avg_fill_price: 0.099996666667 })
          assert.strictEqual(rows(file, "SELECT * FROM orders WHERE status = 'CANCELLED'").length, 1)
          // Three executed and none is booked: the order is not settled, and a start must know it.
          assert.strictEqual((yield* store.load).orders.length, 1)
        })
      )
    })
  )

  it.scoped("metrics and learning data hold the numbers as decimals", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.flatMap(Store, (store) => store.commit(batch))
      )
      assert.deepInclude(rows(file, "SELECT * FROM metrics")[0], {
        timestamp: "2024-03-10T12:00:00.000Z",
        balance_usd: 98.123456789012,
        total_trades: 2,
        winning_trades: 1,
        total_profit_loss: 0.3,
        daily_profit_loss: -0.1,
        breaker_state: "OPEN: price"
      })
      assert.deepInclude(rows(file, "SELECT * FROM learning_data")[0], {
        feature_data: '{"z":-2,"n":null}',
        outcome: "loss",
        profit_loss: -1
      })
    })
  )

  it.scoped("every shape of order and lot comes back", () =>
    Effect.gen(function* () {
      const odd: ReadonlyArray<Order> = [
        exit([share("kt1a", "100")], { id: id("x1"), cancelRequestedAt: NOON, endReason: "why" }),
        entry({
          id: id("e1"),
          status: "unknown",
          executions: [ExecutionId("T1")],
          amend: { quantity: q("1"), limitPrice: p("2"), sentAt: NOON, deadline: NOON + 1, state: "unknown" }
        })
      ]
      const { exchangeId: _, ...withoutExchangeId } = lot({ id: id("kt1b"), openedAt: NOON - 1 })
      const called = lot({
        call: { kind: "loss", at: NOON },
        attempts: 2,
        features: { z: Number.NaN },
        lastAttemptAt: NOON,
        sellable: q("12.5"),
        plan: plan({ holdFor: 1 })
      })
      const snapshot = yield* opened(
        fileIn(yield* tempFolder),
        Effect.flatMap(Store, (store) =>
          Effect.andThen(
            store.commit([
              ...odd.map((order): StoreWrite => ({ _tag: "Order", order })),
              { _tag: "Order", order: entry({ id: id("kt1a"), status: "filled" }) },
              { _tag: "Lot", lot: called },
              { _tag: "Fill", booked: { ...sold, orderId: id("x1") } },
              { _tag: "Order", order: entry({ id: id("kt1b") }) },
              { _tag: "Lot", lot: withoutExchangeId }
            ]),
            store.load
          )
        )
      )
      assert.deepStrictEqual(snapshot.orders.slice(0, 2), odd)
      assert.deepStrictEqual(
        snapshot.lots.map((l) => l.id),
        ["kt1b", "kt1a"]
      )
      assert.deepStrictEqual(snapshot.lots[1], called)
    })
  )
})

describe("intents", () => {
  it.scoped("order, intent, nonce and sequence are one commit", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          const approved = approvedEntry("kt1a")
          const intent = yield* store.commitIntent(approved, NOON + 0.5)
          assert.strictEqual(intent.nonce, BigInt(NOON))
          assert.strictEqual(intent.approved, approved)
          assert.deepStrictEqual((yield* store.load).orders, [pendingOrder(approved)])
          assert.deepInclude(rows(file, "SELECT * FROM intents")[0], {
            order_id: "kt1a",
            nonce: NOON,
            path: "database"
          })
          yield* store.commitIntent(approvedEntry("kt1b"), NOON)
          assert.strictEqual((yield* store.load).sequence, NOON + 1)
          const nonce = yield* Nonce
          assert.strictEqual(yield* nonce.next, BigInt(NOON + 2))
        })
      )
    })
  )

  it.scoped("what goes along is committed with the intent, and only with it", () =>
    Effect.gen(function* () {
      yield* opened(
        fileIn(yield* tempFolder),
        Effect.gen(function* () {
          const store = yield* Store
          const along: ReadonlyArray<StoreWrite> = [{ _tag: "Note", key: "throttle", value: "1" }]
          const noted = Effect.map(store.load, ({ notes }) => notes.get("throttle"))
          yield* store.commitIntent(approvedEntry("kt1a"), NOON)
          yield* Effect.flip(store.commitIntent(approvedEntry("kt1a"), NOON, along))
          assert.isUndefined(yield* noted)
          yield* store.moveFence({})
          assert.strictEqual(
            (yield* Effect.flip(store.commitIntent(approvedEntry("kt1b"), NOON, along)))._tag,
            "FenceMoved"
          )
          assert.isUndefined(yield* noted)
          yield* store.commitIntent(approvedEntry("kt1b", 1), NOON, along)
          assert.strictEqual(yield* noted, "1")
          // what cannot be booked takes the intent with it
          const twice = [{ _tag: "Fill", booked: booked("T1", "kt1b") } as const]
          yield* store.commit(twice)
          const other = [{ _tag: "Fill", booked: booked("T1", "kt1b", "7") } as const]
          yield* Effect.flip(store.commitIntent(approvedEntry("kt1c", 1), NOON, other))
          assert.isTrue(Option.isNone(yield* store.findOrder({ clientId: id("kt1c") })))
        })
      )
    })
  )

  it.scoped("an id is never used twice (I2), and the refusal leaves nothing", () =>
    Effect.gen(function* () {
      yield* opened(
        fileIn(yield* tempFolder),
        Effect.gen(function* () {
          const store = yield* Store
          yield* store.commitIntent(approvedEntry("kt1a"), NOON)
          const failed = yield* Effect.flip(store.commitIntent(approvedEntry("kt1a"), NOON))
          assert.deepInclude(failed, { _tag: "StoreFailed", reason: "other" })
          assert.strictEqual((yield* store.load).sequence, NOON)
          assert.strictEqual(yield* (yield* Nonce).next, BigInt(NOON + 2))
        })
      )
    })
  )

  it.scoped("what is to be sold stands over restarts and other latches, until the operator's latch is taken back", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          const fence = yield* store.moveFence({ operatorLatch: Option.some("`flatten`"), flatten: true })
          assert.deepStrictEqual(fence, {
            epoch: 1,
            paused: false,
            operatorLatch: Option.some("`flatten`"),
            flatten: true
          })
          yield* store.moveFence({ operatorLatch: Option.some("`cancel --all`") })
          yield* store.moveFence({ paused: true })
        })
      )
      yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          assert.strictEqual((yield* store.load).fence.flatten, true)
          yield* store.moveFence({ operatorLatch: Option.none() })
          assert.deepStrictEqual(yield* store.fence, { epoch: 4, paused: true, operatorLatch: Option.none() })
        })
      )
    })
  )

  it.scoped("an approval from before the fence moved does not get through", () =>
    Effect.gen(function* () {
      yield* opened(
        fileIn(yield* tempFolder),
        Effect.gen(function* () {
          const store = yield* Store
          assert.deepInclude(yield* store.moveFence({ paused: true }), { epoch: 1, paused: true })
          const late = yield* Effect.flip(store.commitIntent(approvedEntry("kt1a"), NOON))
          assert.deepInclude(late, { _tag: "FenceMoved", approved: 0, current: 1 })
          assert.deepStrictEqual((yield* store.load).orders, [])
          const latched = yield* store.moveFence({ operatorLatch: Option.some("cancel --all") })
          assert.deepStrictEqual(latched, { epoch: 2, paused: true, operatorLatch: Option.some("cancel --all") })
          const reset = yield* store.moveFence({ paused: false, operatorLatch: Option.none() })
          assert.deepStrictEqual(reset, { epoch: 3, paused: false, operatorLatch: Option.none() })
          assert.deepStrictEqual(yield* store.fence, reset)
          yield* store.commitIntent(approvedEntry("kt1a", 3), NOON)
        })
      )
    })
  )

  it.scoped(
    "while another process holds the database: refused as busy, at once; the fence is tried for two seconds",
    () =>
      Effect.gen(function* () {
        const file = fileIn(yield* tempFolder)
        yield* opened(
          file,
          Effect.gen(function* () {
            const store = yield* Store
            const raw = yield* second(file)
            raw.exec("BEGIN IMMEDIATE")
            const failed = yield* Effect.flip(store.commitIntent(approvedEntry("kt1a"), NOON))
            assert.deepInclude(failed, { _tag: "StoreFailed", reason: "busy" })
            const moving = yield* Effect.fork(Effect.either(store.moveFence({ paused: true })))
            yield* TestClock.adjust("3 seconds")
            assert.isTrue(Either.isLeft(yield* Fiber.join(moving)))
            const retried = yield* Effect.fork(store.moveFence({ paused: true }))
            yield* TestClock.adjust("100 millis")
            raw.exec("ROLLBACK")
            yield* TestClock.adjust("100 millis")
            assert.deepInclude(yield* Fiber.join(retried), { epoch: 1, paused: true })
          })
        )
      })
  )

  it.scoped("while another process writes, an opening waits up to two seconds for it, and says busy after that", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(file, Effect.void)
      const raw = yield* second(file)
      raw.exec("BEGIN IMMEDIATE")
      const visit = Effect.flatMap(Store, (store) => store.fence).pipe(
        Effect.provide(withDatabase({ file, role: "visitor" })),
        Effect.scoped
      )
      const refused = yield* Effect.fork(Effect.flip(visit))
      yield* TestClock.adjust("3 seconds")
      assert.deepInclude(yield* Fiber.join(refused), { _tag: "StoreFailed", reason: "busy" })
      const patient = yield* Effect.fork(visit)
      yield* TestClock.adjust("1 second")
      raw.exec("ROLLBACK")
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Fiber.join(patient), { epoch: 0, paused: false })
    })
  )

  it.scoped("a database that was moved away takes no intent", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          renameSync(file, `${file}.moved`)
          const failed = yield* Effect.flip(store.commitIntent(approvedEntry("kt1a"), NOON))
          assert.include(String(failed.cause), "moved, deleted or replaced")
          writeFileSync(file, "")
          assert.isTrue(Either.isLeft(yield* Effect.either(store.fence)))
          renameSync(`${file}.moved`, file)
          yield* store.commitIntent(approvedEntry("kt1a"), NOON)
        })
      )
    })
  )
})

describe("exits while the database cannot be written", () => {
  const full = (database: Database["Type"]) =>
    database.connection("fill up", (raw) => {
      raw.pragma(`max_page_count = ${Number(raw.pragma("page_count", { simple: true }))}`)
    })
  /** Something too large for the pages that are left. */
  const large: StoreWrite = { _tag: "Note", key: "large", value: "x".repeat(200_000) }

  it.scoped("on a full disk an exit goes aside, and into the database as soon as that takes it", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          const database = yield* Database
          yield* full(database)
          assert.strictEqual((yield* Effect.flip(store.commit([large]))).reason, "full")
          const aside = yield* store.commitExitAside(approvedExit("kt1x"), 99n)
          assert.strictEqual(aside.nonce, 99n)
          yield* database.connection("free", (raw) => raw.pragma("max_page_count = 1000000"))
          yield* store.commit([{ _tag: "Note", key: "small", value: "1" }])
          assert.deepInclude(rows(file, "SELECT * FROM intents")[0], { order_id: "kt1x", nonce: 99, path: "side file" })
          assert.strictEqual(readFileSync(join(dirname(file), SIDE_FILE), "utf8").replaceAll("\0", ""), "")
        })
      )
    })
  )

  it.scoped("after a crash the next start takes it in, once, whatever half line follows it", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const path = join(dirname(file), SIDE_FILE)
      yield* opened(
        file,
        Effect.flatMap(Store, (store) =>
          Effect.andThen(
            store.commitExitAside(approvedExit("kt1x"), 99n),
            store.commitExitAside(approvedExit("kt1y"), BigInt(NOON + 5))
          )
        )
      )
      const content = readFileSync(path, "utf8")
      const end = content.indexOf("\0")
      writeFileSync(path, `${content.slice(0, end)}${content.slice(0, 40)}`)
      const snapshot = yield* opened(
        file,
        Effect.flatMap(Store, (store) => store.load)
      )
      assert.deepStrictEqual(
        snapshot.orders.map((order) => [order.id, order.status]),
        [
          ["kt1x", "pending"],
          ["kt1y", "pending"]
        ]
      )
      assert.strictEqual(rows(file, "SELECT last FROM nonce")[0]?.["last"], NOON + 5)
      // The file was not cleared (a crash in between): the same lines again change nothing.
      writeFileSync(path, content)
      const again = yield* opened(
        file,
        Effect.flatMap(Store, (store) => store.load)
      )
      assert.strictEqual(again.orders.length, 2)
      assert.strictEqual(again.sequence, snapshot.sequence)
    })
  )

  it.scoped("entries are never recorded aside, and its space is bounded", () =>
    Effect.gen(function* () {
      yield* opened(
        fileIn(yield* tempFolder),
        Effect.gen(function* () {
          const store = yield* Store
          assert.strictEqual((yield* Effect.flip(store.commitExitAside(approvedEntry("kt1a"), 1n))).reason, "other")
          const fillUp = Effect.iterate(0, {
            while: () => true,
            body: (n) => Effect.as(store.commitExitAside(approvedExit(`kt${n}`), 1n), n + 1)
          })
          assert.strictEqual((yield* Effect.flip(fillUp)).reason, "full")
        })
      )
    })
  )

  it.scoped("what was carried over once is not carried again", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const snapshot = yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          yield* store.commitExitAside(approvedExit("kt1x"), 99n)
          yield* store.commit([])
          yield* store.commit([])
          return yield* store.load
        })
      )
      assert.strictEqual(snapshot.orders.length, 1)
    })
  )

  it.scoped("a visitor has no side file", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const failed = yield* Effect.flatMap(Store, (store) =>
        Effect.flip(store.commitExitAside(approvedExit("kt1x"), 1n))
      ).pipe(Effect.provide(world(file, { role: "visitor" })), Effect.scoped)
      assert.strictEqual(failed.reason, "other")
      assert.isFalse(existsSync(join(dirname(file), SIDE_FILE)))
    })
  )
})

describe("backup and health", () => {
  it.scoped("a copy is whole, is read back, and never replaces another file", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const file = fileIn(folder)
      const copy = join(folder, "copy.db")
      yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          yield* store.commit(batch)
          yield* store.backup(copy)
          assert.include(String((yield* Effect.flip(store.backup(copy))).cause), "exists already")
          assert.isFalse(existsSync(`${copy}.part`))
          assert.strictEqual((yield* Effect.flip(store.backup(join(folder, "no", "copy.db")))).reason, "io")
        })
      )
      const snapshot = yield* opened(
        copy,
        Effect.flatMap(Store, (store) => store.load)
      )
      assert.deepStrictEqual(snapshot.lots, [lot()])
    })
  )

  it.scoped("a copy that cannot be read back is no backup", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const file = fileIn(folder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const store = yield* Store
          const database = yield* Database
          yield* store.commit(batch)
          yield* store.backup(join(folder, "good.db"))
          const damaged = readFileSync(join(folder, "good.db"))
          damaged.fill(0xff, 4096 * 3, 4096 * 5)
          yield* database.connection("break", (raw) => {
            const prepare = raw.prepare.bind(raw)
            raw.prepare = (<A extends Array<unknown>, B>(sql: string) => {
              const statement = prepare<A, B>(sql)
              if (!sql.startsWith("VACUUM")) return statement
              statement.run = (path: unknown) => {
                writeFileSync(String(path), damaged)
                return { changes: 0, lastInsertRowid: 0 }
              }
              return statement
            }) as typeof raw.prepare
          })
          assert.include(String((yield* Effect.flip(store.backup(join(folder, "bad.db")))).cause), "damaged")
          assert.isFalse(existsSync(join(folder, "bad.db")))
        })
      )
    })
  )

  it.scoped("tells what the database is set to", () =>
    Effect.gen(function* () {
      const health = yield* opened(
        fileIn(yield* tempFolder),
        Effect.flatMap(Store, (store) => store.health)
      )
      assert.deepStrictEqual(health, { integrity: "ok", schemaVersion: 1, journalMode: "wal", synchronous: 2 })
    })
  )

  it.scoped("damage inside the file is told", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.flatMap(Store, (store) => store.commit(batch))
      )
      truncateSync(file, 20_000)
      const result = yield* Effect.either(
        opened(
          file,
          Effect.flatMap(Store, (store) => Effect.map(store.health, (health) => health.integrity))
        )
      )
      assert.isFalse(Either.isRight(result) && result.right === "ok")
    })
  )

  it.scoped("a lost write-ahead log is noticed and noted", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const file = fileIn(folder)
      const moved = join(folder, "moved.db")
      yield* opened(
        file,
        Effect.gen(function* () {
          yield* Effect.flatMap(Store, (store) => store.commit(batch))
          // What a crash and a careless move leave: the main file alone.
          writeFileSync(moved, readFileSync(file))
        })
      )
      const after = yield* opened(
        moved,
        Effect.flatMap(Store, (store) => store.load)
      )
      assert.isTrue(after.notes.has(LOST_LOG_NOTE))
      const clean = yield* opened(
        file,
        Effect.flatMap(Store, (store) => store.load)
      )
      assert.isFalse(clean.notes.has(LOST_LOG_NOTE))
    })
  )
})
