/** The order protocol over real sockets: intent first, one order at most, unknown settled by proof (I1, I2, I4, I9, I10). */
import * as Path from "node:path"
import { describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import { Effect, Exit } from "effect"
import { assert } from "vitest"
import { usd } from "../support/build.ts"
import { assertBooks, sentOrders } from "./judge.ts"
import { buy, enter, makeWorld, own, PATIENCE, ready } from "./World.ts"
import type { World } from "./World.ts"

const sentAs = (world: World, clOrdId: string) =>
  Effect.map(
    world.view,
    (view) => view.requests.filter((r) => r.endpoint === "AddOrder" && r.clOrdId === clOrdId).length
  )

/** From now on the database takes everything but intents. */
const refuseIntents = (world: World) =>
  Effect.sync(() => {
    const db = new BetterSqlite3(Path.join(world.dir, "trading.db"))
    db.exec("CREATE TRIGGER refuse BEFORE INSERT ON intents BEGIN SELECT RAISE(ABORT, 'refused by the test'); END")
    db.close()
  })

/** By the end of the run it was sent once, and is one order on the exchange. */
const assertOnce = (world: World, clOrdId = "") =>
  Effect.gen(function* () {
    assert.strictEqual(yield* sentAs(world, clOrdId), 1, "requests")
    assert.lengthOf(
      own(yield* world.view, "buy").filter((order) => order.clOrdId === clOrdId),
      1
    )
  })

/** Says the signal again and reads the books. */
const insist = (world: World, sql: string) => {
  world.told.signals = [enter(0.1)]
  return world.rows(sql)
}

describe("an order's life over sockets", PATIENCE, () => {
  it.scopedLive("I8, I9, I10: entry, fill, target, sale; books and account agree, nothing left at the stop", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      const entry = yield* buy(world)
      assert.isTrue(entry.postOnly)
      yield* world.price("0.0999")
      yield* world.until(
        "the entry to fill",
        Effect.map(world.view, (v) => v.fills.length > 0)
      )
      const target = yield* world.until(
        "the target",
        Effect.map(world.view, (v) => own(v, "sell")[0])
      )
      assert.isTrue(target.postOnly)
      assert.strictEqual(target.quantity, entry.quantity)
      yield* world.price("0.1005")
      yield* world.price("0.1021")
      yield* world.until(
        "the sale",
        Effect.map(world.view, (v) => v.fills.some((f) => f.side === "sell"))
      )
      yield* world.until(
        "the closed trade",
        Effect.sync(() => world.rows("SELECT * FROM learning_data")[0])
      )
      const exit = yield* run.stop
      assert.isTrue(Exit.isSuccess(exit), String(exit))
      yield* assertBooks(world)
      assert.strictEqual((yield* world.view).switchAt, undefined)
      assert.deepEqual((yield* world.view).open, [])
    })
  )

  for (const [name, effect] of [
    ["the reply is lost after the order was executed", { kind: "drop", executed: true }],
    ["the reply is cut in the middle", { kind: "cut", executed: true }],
    ["a 502 page after it was executed", { kind: "status", status: 502, executed: true }],
    ["EService:Unavailable after it was executed", { kind: "error", error: "EService:Unavailable", executed: true }]
  ] as const) {
    it.scopedLive(`I2: ${name}: found, never sent again`, () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const run = yield* world.start()
        yield* ready(world)
        yield* world.kraken.faults.add({ on: "rest", endpoint: "AddOrder", times: 1, effect })
        const entry = yield* buy(world)
        yield* world.until(
          "the order to be settled",
          Effect.sync(
            () =>
              world.rows(
                `SELECT status FROM orders WHERE order_id='${entry.clOrdId}' AND status IN ('open','cancelled')`
              )[0]
          )
        )
        // the account stream may tell of it before the call has ended: what is done then has its time
        yield* world.pass(30_000)
        assert.isTrue(Exit.isSuccess(yield* run.stop))
        yield* assertOnce(world, entry.clOrdId)
        yield* assertBooks(world)
      })
    )
  }

  it.scopedLive(
    "I2, I4: a request that never arrived counts until two reads a minute after its deadline prove it",
    () =>
      Effect.gen(function* () {
        // room for more, so that it is the unknown order that stops entries
        const world = yield* makeWorld({ limits: { maxTotalExposure: usd("60") } })
        const run = yield* world.start()
        yield* ready(world)
        yield* world.kraken.faults.add({
          on: "rest",
          endpoint: "AddOrder",
          times: 1,
          effect: { kind: "drop", executed: false }
        })
        world.told.signals = [enter(0.1)]
        const lost = yield* world.until(
          "the unknown order",
          Effect.sync(() => insist(world, "SELECT order_id FROM orders WHERE status='unknown'")[0])
        )
        const begun = (yield* world.view).now
        yield* world.until(
          "the proof",
          Effect.gen(function* () {
            world.told.signals = [enter(0.1)]
            assert.deepEqual(own(yield* world.view, "buy"), [], "an entry while another is unknown")
            return world.rows("SELECT order_id FROM orders WHERE status='rejected'")[0]
          })
        )
        assert.isAtLeast((yield* world.view).now - begun, 60_000)
        const next = yield* buy(world)
        assert.notStrictEqual(next.clOrdId, lost.order_id)
        assert.isTrue(Exit.isSuccess(yield* run.stop))
        assert.strictEqual(yield* sentAs(world, String(lost.order_id)), 0)
        yield* assertBooks(world)
      })
  )

  it.scopedLive("I1: the intent is durable before the request can arrive", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "AddOrder",
        effect: { kind: "delay", realMs: 400, executed: false }
      })
      // a call that overtakes a waiting order refuses it its nonce; then the next one is looked at
      const recorded = new Set<unknown>()
      const order = yield* world.until(
        "the order",
        Effect.gen(function* () {
          const rows = insist(world, "SELECT order_id FROM orders WHERE status='pending'")
          const orders = own(yield* world.view, "buy")
          for (const { order_id: id } of rows) if (orders.every((o) => o.clOrdId !== id)) recorded.add(id)
          return orders[0]
        })
      )
      assert.isTrue(recorded.has(order.clOrdId), "the order was there before its intent")
      assert.isTrue(Exit.isSuccess(yield* run.stop))
    })
  )

  it.scopedLive("I1, I2, I10: killed while the order is on its way, started again: it is found, not repeated", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const first = yield* world.start()
      yield* ready(world)
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "AddOrder",
        times: 1,
        effect: { kind: "delay", realMs: 700, executed: true }
      })
      const entry = yield* buy(world)
      yield* first.kill
      yield* world.price("0.0999")
      yield* world.until(
        "the fill",
        Effect.map(world.view, (v) => v.fills.length > 0)
      )
      const second = yield* world.start()
      yield* world.until(
        "the fill in the books",
        Effect.sync(() => world.rows("SELECT * FROM fills")[0])
      )
      yield* world.until(
        "its exit",
        Effect.map(world.view, (v) => own(v, "sell")[0])
      )
      assert.isTrue(Exit.isSuccess(yield* second.stop))
      yield* assertOnce(world, entry.clOrdId)
      yield* assertBooks(world)
    })
  )

  it.scopedLive("I1: an entry whose intent cannot be recorded is not sent", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      yield* refuseIntents(world)
      world.say(enter(0.1))
      yield* world.until(
        "the trader to say so, or to send it",
        Effect.map(
          world.view,
          (view) => sentOrders(view) > 0 || world.logs.some((line) => line.includes("was not sent: "))
        )
      )
      yield* world.pass(20_000)
      assert.strictEqual(sentOrders(yield* world.view), 0)
      assert.deepEqual(own(yield* world.view, "buy"), [])
      world.say(undefined)
      assert.isTrue(Exit.isSuccess(yield* run.stop))
      yield* assertBooks(world)
    })
  )

  it.scopedLive(
    "I2, I9: no answer in time, a mute account stream, filled before anybody looks: found among closed orders, booked once",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ limits: { reconcileEvery: 3_600_000 } })
        const run = yield* world.start()
        yield* ready(world)
        const { faults } = world.kraken
        yield* faults.add({
          on: "stream",
          stream: "auth",
          channel: "executions",
          effect: { kind: "silence", heartbeats: true }
        })
        yield* faults.add({
          on: "rest",
          endpoint: "AddOrder",
          times: 1,
          // orders are waited for 8 s
          effect: { kind: "delay", realMs: 9500, executed: true }
        })
        const entry = yield* buy(world)
        yield* world.operate("fill", { txid: entry.txid, quantity: "1000" })
        yield* world.until(
          "the execution in the books",
          Effect.sync(() => {
            const status = world.rows(`SELECT status FROM orders WHERE order_id='${entry.clOrdId}'`)[0]?.status
            assert.include(["pending", "unknown", "open", "filled"], status)
            return status === "filled" && world.rows("SELECT * FROM fills").length > 0
          })
        )
        yield* faults.clear()
        assert.isTrue(Exit.isSuccess(yield* run.stop))
        yield* assertOnce(world, entry.clOrdId)
        assert.lengthOf(own(yield* world.view, "buy"), 1)
        yield* assertBooks(world)
      })
  )

  it.scopedLive("I2: killed before the request arrived, started again: settled by proof, never sent again", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const first = yield* world.start()
      yield* ready(world)
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "AddOrder",
        times: 1,
        effect: { kind: "drop", executed: false }
      })
      const lost = yield* world.until(
        "the unfinished intent",
        Effect.sync(() => insist(world, "SELECT order_id FROM orders WHERE status IN ('pending','unknown')")[0])
      )
      yield* first.kill
      world.told.signals = []
      const second = yield* world.start()
      yield* world.until(
        "the proof",
        Effect.sync(() => world.rows("SELECT order_id FROM orders WHERE status='rejected'")[0])
      )
      assert.deepEqual(own(yield* world.view, "buy"), [], "an order although nothing was said since")
      const next = yield* buy(world)
      assert.notStrictEqual(next.clOrdId, lost.order_id)
      assert.isTrue(Exit.isSuccess(yield* second.stop))
      assert.strictEqual(yield* sentAs(world, String(lost.order_id)), 0)
      yield* assertBooks(world)
    })
  )

  it.scopedLive("I2: no client id comes twice, however often the trader is killed and started", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const ids: Array<string | undefined> = []
      for (let n = 0; n < 3; n++) {
        const run = yield* world.start()
        yield* ready(world)
        ids.push((yield* buy(world)).clOrdId)
        world.told.signals = []
        yield* run.kill
        // the dead man's switch ends what rests
        yield* world.kraken.clock.advance(120_000)
      }
      assert.strictEqual(new Set(ids).size, 3, ids.join(" "))
      assert.deepEqual(ids, ids.toSorted(), "a later order has a later id")
    })
  )
})
