/** What stops entries: each cause cancels what rests at the exchange and lets nothing follow (I6, I7, I14, I22). */
import { describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { assert } from "vitest"
import { usd } from "../support/build.ts"
import { Store } from "../../src/services/Store.ts"
import {
  anEntry,
  beside,
  bought,
  cancelled,
  control,
  latches,
  logged,
  noEntry,
  settledIn,
  untilLatched
} from "./hands.ts"
import { assertBooks, ownFills } from "./judge.ts"
import { enter, makeWorld, own, PATIENCE, ready, START } from "./World.ts"
import type { World } from "./World.ts"

/** An entry rests, something happens: the entry is cancelled, and none follows although the strategy insists. */
const stopsEntries = (world: World, why: string, happens: Effect.Effect<unknown>, marketMs = 15_000) =>
  Effect.gen(function* () {
    const entry = yield* anEntry(world)
    yield* happens
    yield* cancelled(world, entry.txid)
    yield* noEntry(world, marketMs, why)
  })

describe("I7: each cause cancels resting entries and lets none follow", PATIENCE, () => {
  it.scopedLive("I7: pause and operator latch by another process, a trip and a cancel by the operator, a stop", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      const fence = (change: Parameters<Store["Type"]["moveFence"]>[0]) =>
        beside(
          world,
          Effect.flatMap(Store, (store) => store.moveFence(change))
        )

      yield* stopsEntries(world, "another process paused", fence({ paused: true }))
      yield* fence({ paused: false })
      yield* stopsEntries(world, "another process latched", fence({ operatorLatch: Option.some("`cancel --all`") }))
      assert.include(latches(world), "operator")
      yield* control(world, "/breaker/reset", { cause: "operator" })
      yield* stopsEntries(world, "the breaker is tripped", control(world, "/breaker/trip", { reason: "by hand" }))
      yield* control(world, "/breaker/reset", {})
      yield* stopsEntries(world, "everything was cancelled", control(world, "/cancel", { all: true }))
      yield* control(world, "/breaker/reset", {})
      const last = yield* anEntry(world)
      world.say(enter(0.1))
      assert.isTrue(Exit.isSuccess(yield* run.stop))
      const view = yield* world.view
      assert.strictEqual(view.orders.find((o) => o.txid === last.txid)?.status, "canceled")
      assert.strictEqual(own(view, "buy").at(-1)?.txid, last.txid)
      assert.isUndefined(view.switchAt)
      yield* assertBooks(world)
    })
  )

  it.scopedLive("I7: a fence moved between the approval and the wire keeps the order from leaving", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.start()
      yield* ready(world)
      // said and paused within one breath: whatever was approved before must not leave after
      yield* Effect.forEach(
        Array.from({ length: 3 }, (_, n) => n),
        (n) =>
          Effect.gen(function* () {
            world.say(enter(0.1))
            yield* Effect.sleep(n * 9)
            yield* beside(
              world,
              Effect.flatMap(Store, (store) => store.moveFence({ paused: true }))
            )
            const now = world.kraken.clock.unsafeNow()
            yield* world.pass(20_000)
            // one whose intent was committed before may still be on its way; nothing is approved after
            const late = world.rows(`SELECT order_id FROM intents WHERE approved_ms > ${now}`)
            assert.deepEqual(late, [], "an intent was committed after the fence was moved")
            yield* world.until(
              "what rests to be cancelled",
              Effect.map(world.view, (v) => v.open.length === 0)
            )
            world.say(undefined)
            yield* control(world, "/resume", {})
          })
      )
      yield* anEntry(world)
    })
  )

  it.scopedLive("I7: the account stream down, its reconciliation unfinished, a gap in it", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ limits: { breakerThreshold: 1000 } })
      const run = yield* world.start()
      yield* ready(world)
      const { faults } = world.kraken
      // down: no token, no stream
      const noToken = {
        on: "rest",
        endpoint: "GetWebSocketsToken",
        effect: { kind: "error", error: "EService:Unavailable", executed: false }
      } as const
      yield* stopsEntries(
        world,
        "the account stream is down",
        Effect.zipRight(faults.add(noToken), world.operate("disconnect", { stream: "auth", code: "1006" })),
        30_000
      )
      // up again, but the history of executions cannot be read
      yield* faults.add({
        on: "rest",
        endpoint: "TradesHistory",
        effect: { kind: "status", status: 502, executed: false }
      })
      const [down] = yield* faults.list
      yield* faults.clear(down?.id)
      yield* world.until(
        "both streams to be up",
        Effect.map(
          control(world, "/status"),
          (s) =>
            JSON.stringify(s).includes('"connected":true},"at"') ||
            (s.reasons as ReadonlyArray<string>).every((r) => r.startsWith("reconciling"))
        )
      )
      yield* noEntry(world, 30_000, "the reconciliation is not finished")
      yield* faults.clear()

      // a lost frame of executions
      yield* anEntry(world)
      yield* faults.add({ on: "stream", stream: "auth", channel: "executions", times: 1, effect: { kind: "drop" } })
      yield* faults.add({
        on: "rest",
        endpoint: "TradesHistory",
        effect: { kind: "status", status: 502, executed: false }
      })
      const resting = own(yield* world.view, "buy").at(-1)
      yield* world.operate("fill", { txid: resting?.txid ?? "", quantity: "10" })
      yield* world.operate("fill", { txid: resting?.txid ?? "", quantity: "10" })
      yield* logged(world, "jumped from sequence")
      yield* cancelled(world, resting?.txid ?? "")
      yield* noEntry(world, 30_000, "the account stream had a gap")
      yield* faults.clear()
      yield* world.until(
        "both executions in the books",
        Effect.sync(() => world.rows("SELECT * FROM fills").length === 2)
      )
      assert.isTrue(Exit.isSuccess(yield* run.stop))
      yield* assertBooks(world)
    })
  )

  it.scopedLive("I7: a price jump latches and clears by calm; market data that go stale latch", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ limits: { breakerCooldown: 30_000 } })
      yield* world.start()
      yield* ready(world)
      yield* stopsEntries(world, "the price jumped", world.price("0.107"))
      assert.deepEqual(latches(world), ["price"])
      const entry = yield* anEntry(world, enter(0.107))
      assert.deepEqual(latches(world), [])
      yield* world.quiet(true)
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "Ticker",
        effect: { kind: "status", status: 503, executed: false }
      })
      const { now } = yield* world.view
      yield* cancelled(world, entry.txid)
      yield* untilLatched(world, "stale")
      yield* noEntry(world, 30_000, "nothing fresh was seen", enter(0.107))
      assert.isAtLeast((yield* world.view).now, now + 30_000)
    })
  )
})

/** The exchange ends the resting entry, so that another can be made. */
const cancelAtOnce = (world: World) =>
  Effect.gen(function* () {
    for (const order of (yield* world.view).open) {
      yield* world.operate("cancel", { txid: order.txid, reason: "by the exchange" })
    }
    yield* world.pass(3000)
  })

describe("I14: silence", PATIENCE, () => {
  it.scopedLive("I14: a market in which nothing moves is confirmed by REST and is not stale", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ limits: { entryExpiry: 3_600_000 } })
      yield* world.start()
      yield* ready(world)
      const entry = yield* anEntry(world)
      yield* world.quiet(true)
      yield* world.pass(120_000)
      assert.strictEqual((yield* world.view).orders.find((o) => o.txid === entry.txid)?.status, "open")
      assert.deepEqual(latches(world), [])
      yield* cancelAtOnce(world)
      // decided on a price that REST has confirmed within the limit
      yield* anEntry(world)
    })
  )

  it.scopedLive("I14: streams that say nothing are given up, with heartbeats and without", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ limits: { entryExpiry: 36_000_000, staleAfter: 30_000 } })
      yield* world.start()
      yield* ready(world)
      const entry = yield* anEntry(world)
      // the ticker is mute while heartbeats go on, and the price that REST tells has moved
      const mute = yield* world.kraken.faults.add({
        on: "stream",
        stream: "public",
        channel: "ticker",
        effect: { kind: "silence", heartbeats: true }
      })
      yield* world.price("0.1003")
      yield* world.until(
        "REST's price to reach the strategy",
        Effect.sync(() => world.told.views.at(-1)?.bid === 0.1003)
      )
      assert.deepEqual(latches(world), [])
      yield* world.kraken.faults.clear(mute)
      // not even heartbeats: after ten real seconds both sockets are given up
      yield* world.kraken.faults.add({ on: "stream", effect: { kind: "silence", heartbeats: false } })
      yield* logged(world, "why=silent")
      yield* world.kraken.faults.clear()
      yield* cancelled(world, entry.txid)
      yield* anEntry(world)
    })
  )
})

describe("I6: the daily loss", PATIENCE, () => {
  it.scopedLive("I6: latches at the limit, outlives a restart and a reset, and ends with the UTC day", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({
        exchange: { from: START + 41_400_000 },
        limits: { maxDailyLoss: usd("0.3") }
      })
      const first = yield* world.start()
      yield* ready(world)
      const { entry } = yield* bought(world)
      yield* world.operate("deposit", { asset: "USD", amount: "1000" })
      yield* world.price("0.0975")
      yield* world.until(
        "the loss exit",
        Effect.map(world.view, (v) => ownFills(v).some((f) => f.side === "sell"))
      )
      yield* untilLatched(world, "dailyLoss")
      // a recovery of prices lifts nothing
      yield* world.price("0.1")
      yield* noEntry(world, 15_000, "today's loss is at its limit")
      assert.isTrue(Exit.isSuccess(yield* first.stop))
      const second = yield* world.start()
      yield* settledIn(world, 2)
      yield* control(world, "/breaker/reset", {})
      yield* control(world, "/breaker/reset", { cause: "dailyLoss" })
      assert.deepEqual(latches(world), ["dailyLoss"])
      yield* noEntry(world, 30_000, "a restart and a reset do not lift the day's loss")
      const day = (at: number) => new Date(at).toISOString().slice(0, 10)
      const today = day(entry.openedAt)
      assert.strictEqual(day((yield* world.view).now), today)
      yield* world.kraken.clock.advance(86_400_000 - ((yield* world.view).now % 86_400_000) + 5000)
      const next = yield* anEntry(world)
      assert.isAbove(Date.parse(day(next.openedAt)), Date.parse(today))
      assert.isTrue(Exit.isSuccess(yield* second.stop))
      yield* assertBooks(world)
    })
  )
})

describe("I22: books and account disagree", PATIENCE, () => {
  it.scopedLive(
    "I22: a sale by hand that eats own lots latches the balance, cancels what rests and is not lifted by a restart",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({
          balances: { USD: "98.82", XLM: "10" },
          limits: { maxTotalExposure: usd("60"), reconcileEvery: 20_000, entryExpiry: 3_600_000 }
        })
        const first = yield* world.start()
        yield* ready(world)
        yield* world.pass(20_000)
        const { target } = yield* bought(world)
        // auto-earn gives way to the owner's hand: the target's coins are freed, and sold
        yield* world.operate("cancel", { txid: target.txid, reason: "by hand" })
        yield* world.operate("order", { symbol: "XLM/USD", side: "sell", type: "market", quantity: "60" })
        const resting = yield* anEntry(world)
        yield* untilLatched(world, "balance")
        yield* cancelled(world, resting.txid)
        yield* noEntry(world, 20_000, "the account lacks what the books hold")
        yield* first.stop
        yield* world.start()
        yield* settledIn(world, 2)
        yield* noEntry(world, 15_000, "the latch is the operator's to lift")
        assert.include(latches(world), "balance")
      })
  )
})
