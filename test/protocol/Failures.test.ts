/** The table of failures: what the exchange, the key, the disk and a crash do to a run, and how it comes back (I20). */
import * as Path from "node:path"
import { describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import { Effect, Exit, Redacted } from "effect"
import { assert } from "vitest"
import { usd } from "../support/build.ts"
import { anEntry, bought, cancelled, latches, logged, noEntry, rawCall, untilLatched } from "./hands.ts"
import { assertBooks, movedByOwn, ownFills } from "./judge.ts"
import { enter, makeWorld, PATIENCE, ready } from "./World.ts"

describe("failures of the exchange", PATIENCE, () => {
  it.scopedLive("I20: reads fail for minutes: entries stop, exits go out, and all comes back by itself", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({
        limits: { breakerThreshold: 2, breakerCooldown: 20_000, reconcileEvery: 20_000 }
      })
      const run = yield* world.start()
      yield* ready(world)
      yield* bought(world)
      const { faults } = world.kraken
      // an answer that is not worth a second try, so that the count does not take a minute
      yield* faults.add({
        on: "rest",
        endpoint: "OpenOrders",
        effect: { kind: "error", error: "EAPI:Feature disabled", executed: false }
      })
      for (const endpoint of ["BalanceEx", "QueryOrders", "TradesHistory", "ClosedOrders", "Ticker"]) {
        yield* faults.add({ on: "rest", endpoint, effect: { kind: "status", status: 502, executed: false } })
      }
      yield* world.until(
        "the breaker to latch the API",
        Effect.sync(() => latches(world).includes("api"))
      )
      yield* world.price("0.0975")
      yield* world.until(
        "the loss exit",
        Effect.map(world.view, (v) => ownFills(v).some((f) => f.side === "sell"))
      )
      yield* noEntry(world, 15_000, "the API fails")
      yield* faults.clear()
      yield* anEntry(world, enter(0.0975))
      assert.deepEqual(latches(world), [])
      assert.isTrue(Exit.isSuccess(yield* run.stop))
      yield* assertBooks(world)
    })
  )

  it.scopedLive("I15: a lockout: not one call of the key for its fifteen minutes, then all goes on", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "OpenOrders",
        times: 1,
        effect: { kind: "error", error: "EGeneral:Temporary lockout", executed: false }
      })
      yield* world.until(
        "the lockout",
        Effect.map(world.kraken.faults.list, (all) => all.some((f) => f.struck > 0))
      )
      yield* world.pass(2000)
      const before = (yield* world.view).requests.length
      yield* noEntry(world, 120_000, "the key is locked out")
      assert.strictEqual((yield* world.view).requests.length, before, "a call during a lockout starts it anew")
      yield* world.kraken.clock.advance(800_000)
      yield* anEntry(world)
      assert.isTrue(Exit.isSuccess(yield* run.stop))
    })
  )

  it.scopedLive("maintenance: entries stop, the exit waits; afterwards both go on", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      yield* bought(world)
      yield* world.operate("system", { mode: "maintenance" })
      yield* logged(world, "the exchange is maintenance")
      yield* noEntry(world, 60_000, "the exchange is in maintenance")
      yield* world.price("0.0975")
      yield* world.pass(20_000)
      yield* world.operate("system", { mode: "online" })
      yield* world.until(
        "the loss exit",
        Effect.map(world.view, (v) => movedByOwn(v, "XLM") === 0n)
      )
      yield* anEntry(world, enter(0.0975))
      assert.isTrue(Exit.isSuccess(yield* run.stop))
      yield* assertBooks(world)
    })
  )

  it.scopedLive("a strange answer to AddOrder is an unknown outcome: entries stop until it is settled", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "AddOrder",
        times: 1,
        effect: { kind: "error", error: "EOrder:Something nobody knows", executed: false }
      })
      world.say(enter(0.1))
      yield* logged(world, "It is not known whether order")
      yield* noEntry(world, 50_000, "the outcome of an order is unknown")
      yield* anEntry(world)
      assert.isTrue(Exit.isSuccess(yield* run.stop))
      yield* assertBooks(world)
    })
  )
})

describe("failures of the key", PATIENCE, () => {
  it.scopedLive("a key that may no longer trade ends the run with what to do, and nothing is tried again", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      yield* world.operate("key", { permissions: "query-funds" })
      const exit = yield* run.ended
      assert.isTrue(Exit.isFailure(exit))
      assert.include(String(exit), "CredentialsRefused")
      const { length } = (yield* world.view).requests
      yield* world.pass(60_000)
      assert.strictEqual((yield* world.view).requests.length, length)
    })
  )

  it.scopedLive(
    "I11: a higher nonce by another program, once: the trader passes it; calls with a wrong secret do not disturb",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const run = yield* world.start()
        yield* ready(world)
        const { now } = yield* world.view
        const refused = yield* rawCall(world, "Balance", BigInt(now), {}, Redacted.make("d3Jvbmc="))
        assert.deepEqual(refused.error, ["EAPI:Invalid signature"])
        const taken = yield* rawCall(world, "Balance", BigInt(now + 8000))
        assert.deepEqual(taken.error, [])
        yield* anEntry(world)
        yield* world.pass(60_000)
        assert.deepEqual(latches(world), [])
        const { requests } = yield* world.view
        assert.isTrue(requests.some((r) => r.result.includes("Invalid nonce")))
        assert.strictEqual(requests.at(-1)?.result, "ok")
        assert.isTrue(Exit.isSuccess(yield* run.stop))
      })
  )

  it.scopedLive("I11: a nonce hours ahead, out of reach: entries stop and a person is told", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      const { now } = yield* world.view
      yield* rawCall(world, "Balance", BigInt(now + 36_000_000))
      yield* untilLatched(world, "invariant")
      yield* logged(world, "Give the trader a key of its own")
      yield* noEntry(world, 60_000, "another program uses the key")
      yield* run.kill
      const again = yield* world.start()
      const exit = yield* again.ended
      assert.include(String(exit), "KeyUnfit")
    })
  )
})

describe("failures of the disk", PATIENCE, () => {
  it.scopedLive(
    "the database cannot be written: no entry, what rests is cancelled, the exit goes out, nothing is lost",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({
          limits: { maxTotalExposure: usd("60"), entryExpiry: 3_600_000, deadManSwitch: 3_600_000 }
        })
        const run = yield* world.start()
        yield* ready(world)
        const { target } = yield* bought(world)
        const resting = yield* anEntry(world)
        // another program holds the database; to the trader it is as good as a full disk
        const other = new BetterSqlite3(Path.join(world.dir, "trading.db"))
        other.exec("BEGIN IMMEDIATE")
        yield* logged(world, "The database cannot be written")
        yield* cancelled(world, resting.txid)
        yield* noEntry(world, 30_000, "its intent could not be recorded")
        yield* world.price("0.0975")
        yield* world.until(
          "the loss exit",
          Effect.map(world.view, (v) => movedByOwn(v, "XLM") === 0n)
        )
        assert.strictEqual((yield* world.view).orders.find((o) => o.txid === target.txid)?.status, "canceled")
        other.exec("ROLLBACK")
        other.close()
        yield* logged(world, "can be written again")
        yield* anEntry(world, enter(0.0975))
        assert.isTrue(Exit.isSuccess(yield* run.stop))
        yield* assertBooks(world)
        const aside = world.rows("SELECT * FROM intents WHERE path='side file'")
        assert.isAbove(aside.length, 0)
      })
  )
})

describe("failures of one write", PATIENCE, () => {
  it.scopedLive(
    "I20: intents alone cannot be recorded for a while: no entry, and afterwards entries without a restart",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const run = yield* world.start()
        yield* ready(world)
        const other = new BetterSqlite3(Path.join(world.dir, "trading.db"))
        other.exec(
          "CREATE TRIGGER no_intent BEFORE INSERT ON intents BEGIN SELECT RAISE(ABORT, 'the test said so'); END"
        )
        world.say(enter(0.1))
        yield* logged(world, "The database cannot be written")
        yield* logged(world, "can be written again")
        yield* noEntry(world, 10_000, "its intent could not be recorded")
        other.exec("DROP TRIGGER no_intent")
        other.close()
        yield* anEntry(world)
        assert.isTrue(Exit.isSuccess(yield* run.stop))
        yield* assertBooks(world)
      })
  )
})

describe("crashes", PATIENCE, () => {
  it.scopedLive("killed: the dead man's switch cancels what rests, the restart recovers and trades on", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ limits: { entryExpiry: 3_600_000 } })
      const first = yield* world.start()
      yield* ready(world)
      const entry = yield* anEntry(world)
      yield* first.kill
      const { now, switchAt } = yield* world.view
      assert.isAtMost((switchAt ?? Number.POSITIVE_INFINITY) - now, 60_000)
      yield* world.kraken.clock.advance(60_000)
      assert.strictEqual((yield* world.view).orders.find((o) => o.txid === entry.txid)?.status, "canceled")
      const second = yield* world.start()
      yield* world.until(
        "the end of the order in the books",
        Effect.sync(
          () => world.rows(`SELECT 1 FROM orders WHERE order_id='${entry.clOrdId}' AND status='cancelled'`)[0]
        )
      )
      yield* anEntry(world)
      assert.isTrue(Exit.isSuccess(yield* second.stop))
      yield* assertBooks(world)
    })
  )
})
