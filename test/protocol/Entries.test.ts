/** What an entry may be, judged from the exchange's orders: limits, exposure, post-only, a possible exit, sound prices, an armed switch. */
import { describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { assert } from "vitest"
import * as Money from "../../src/domain/money/Money.ts"
import { BTC, rate, usd, XLM } from "../support/build.ts"
import { anEntry, bought, latches, logged, noEntry, settledIn, withBitcoin } from "./hands.ts"
import { assertBooks, assertExits, assertExposure, ownFills, sentOrders } from "./judge.ts"
import { enter, makeWorld, own, PATIENCE, ready } from "./World.ts"

describe("I3: the limits of an entry", PATIENCE, () => {
  it.scopedLive(
    "I3: MAX_TRADE_SIZE, MIN_TRADE_INTERVAL and MAX_TRADES_PER_DAY hold while the strategy never stops",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({
          limits: {
            maxTradeSize: usd("4"),
            maxTotalExposure: usd("60"),
            minTradeInterval: 20_000,
            maxTradesPerDay: 3
          }
        })
        const run = yield* world.start()
        yield* ready(world)
        world.say(enter(0.1))
        yield* world.until(
          "three lots",
          Effect.gen(function* () {
            const view = yield* world.view
            for (const order of view.open.filter((o) => o.side === "buy")) {
              yield* world.operate("fill", { txid: order.txid, quantity: "1000" })
            }
            return own(view, "buy").filter((o) => o.status === "closed").length === 3
          })
        )
        yield* world.pass(60_000)
        const buys = own(yield* world.view, "buy")
        assert.lengthOf(buys, 3)
        for (const [n, order] of buys.entries()) {
          const cost = Money.notional(order.price, order.quantity, "up")
          assert.isTrue(cost <= usd("4") && cost >= usd("1"), String(cost))
          const before = buys[n - 1]
          // the approval is what the interval counts from; the way to the exchange takes an instant
          if (before !== undefined) assert.isAtLeast(order.openedAt - before.openedAt, 18_000)
        }
        assert.isTrue(Exit.isSuccess(yield* run.stop))
        yield* assertBooks(world)
      })
  )

  it.scopedLive("I3: what the account leaves below MIN_ORDER_SIZE is no entry; a deposit makes one possible", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ balances: { USD: "2.5" }, limits: { minOrderSize: usd("3") } })
      yield* world.start()
      yield* ready(world)
      yield* noEntry(world, 20_000, "the account holds less than MIN_ORDER_SIZE")
      yield* world.operate("deposit", { asset: "USD", amount: "50" })
      const order = yield* anEntry(world)
      assert.isTrue(Money.notional(order.price, order.quantity, "down") >= usd("3"))
    })
  )

  it.scopedLive("I3: no entry beyond the price collar or across a wide spread", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ limits: { priceCollar: rate("0.02"), maxPriceJump: rate("0.5") } })
      yield* world.start()
      yield* ready(world)
      yield* noEntry(world, 15_000, "the limit is 3 % below the mid", enter(0.097))
      yield* world.price("0.1", "0.004")
      yield* noEntry(world, 15_000, "the spread is 4 %")
      yield* world.price("0.1", "0.0001")
      const order = yield* anEntry(world, enter(0.0985))
      assert.strictEqual(order.price, Money.price("0.0985"))
    })
  )

  it.scopedLive("I3, I16: a pair taken out of ALLOWED_PAIRS is not bought, what is held of it is still sold", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ limits: { maxTotalExposure: usd("60") } })
      yield* withBitcoin(world)
      const first = yield* world.start()
      yield* ready(world)
      yield* bought(world)
      assert.isTrue(Exit.isSuccess(yield* first.stop))
      const second = yield* world.start({ limits: { ...world.settings().limits, allowedPairs: [BTC] } })
      yield* world.until(
        "the target to be placed again",
        Effect.map(world.view, (v) => v.open.some((o) => o.side === "sell" && o.symbol === XLM))
      )
      yield* settledIn(world, 2)
      yield* noEntry(world, 20_000, "XLM/USD is not in ALLOWED_PAIRS")
      yield* world.price("0.097")
      yield* world.until(
        "the loss exit",
        Effect.map(world.view, (v) => ownFills(v).some((f) => f.side === "sell"))
      )
      assert.isTrue(Exit.isSuccess(yield* second.stop))
      yield* assertBooks(world)
    })
  )

  it.scopedLive("I3: COOLDOWN_AFTER_LOSS keeps the next entry away", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ limits: { cooldownAfterLoss: 60_000 } })
      yield* world.start()
      yield* ready(world)
      yield* bought(world)
      yield* world.price("0.0975")
      const sold = yield* world.until(
        "the loss exit",
        Effect.map(world.view, (v) => own(v, "sell").find((o) => o.status === "closed"))
      )
      const next = yield* anEntry(world, enter(0.0975))
      assert.isAtLeast(next.openedAt - sold.closedAt, 59_000)
    })
  )
})

describe("I4: exposure", PATIENCE, () => {
  it.scopedLive(
    "I4: held, working and unknown stay below MAX_TOTAL_EXPOSURE at every instant, with partial fills and lost replies",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({
          limits: {
            maxTradeSize: usd("6"),
            maxTotalExposure: usd("10"),
            entryExpiry: 20_000,
            allowedPairs: [XLM, BTC]
          }
        })
        yield* withBitcoin(world)
        const run = yield* world.start()
        yield* ready(world)
        world.say((view) => enter(view.bid))
        const parts = ["7", "30", "12.5", "40"]
        for (const [n, part] of parts.entries()) {
          if (n === 1) {
            yield* world.kraken.faults.add({
              on: "rest",
              endpoint: "AddOrder",
              times: 1,
              effect: { kind: "drop", executed: true }
            })
          }
          const open = yield* world.until(
            "a resting entry",
            Effect.map(world.view, (v) => v.open.find((o) => o.side === "buy" && o.symbol === XLM))
          )
          yield* Effect.ignore(world.kraken.operate("fill", { txid: open.txid, quantity: part }))
          yield* world.pass(10_000)
        }
        yield* world.pass(60_000)
        const view = yield* world.view
        // the limit was nearly reached, or it was not tested
        assert.isTrue(assertExposure(view, "10") > usd("9"))
        assert.deepEqual([...new Set(own(view, "buy").map((o) => o.symbol))].toSorted(), [BTC, XLM])
        assert.isTrue(Exit.isSuccess(yield* run.stop))
        assertExits(yield* world.view)
      })
  )
})

describe("I8: post-only", PATIENCE, () => {
  for (const shape of ["error", "cancel"] as const) {
    it.scopedLive(
      `I8: a crossed entry is refused by ${shape}, re-quoted a bounded number of times, and never takes`,
      () =>
        Effect.gen(function* () {
          const world = yield* makeWorld({ limits: { staleAfter: 120_000, maxRequotes: 3 } })
          const run = yield* world.start()
          yield* ready(world)
          yield* world.operate("switch", { name: "postOnlyCross", value: shape })
          // the trader goes on seeing the old price while the market falls through it
          yield* world.kraken.faults.add({
            on: "stream",
            stream: "public",
            channel: "ticker",
            effect: { kind: "drop" }
          })
          yield* world.price("0.0985")
          const before = sentOrders(yield* world.view)
          world.told.signals = [enter(0.1)]
          yield* world.until(
            "a refusal",
            Effect.map(world.view, (v) =>
              shape === "error"
                ? v.requests.some((r) => r.result.includes("Post only"))
                : own(v, "buy").some((o) => o.status === "canceled" && o.filled === 0n)
            )
          )
          yield* world.pass(20_000)
          const tried = sentOrders(yield* world.view) - before
          assert.isAtMost(tried, 4, "more than the first try and three re-quotes for one signal")
          if (shape === "error") assert.strictEqual(tried, 4)
          yield* world.kraken.faults.clear()
          const entry = yield* anEntry(world, enter(0.0985))
          yield* world.operate("fill", { txid: entry.txid, quantity: "1000" })
          yield* world.pass(3000)
          const view = yield* world.view
          assert.isTrue(own(view, "buy").every((o) => o.postOnly))
          assert.isTrue(ownFills(view).every((f) => f.side === "sell" || f.maker))
          assert.deepEqual(latches(world), [])
          assert.isTrue(Exit.isSuccess(yield* run.stop))
        })
    )
  }
})

describe("I17: an exit must be possible", PATIENCE, () => {
  it.scopedLive(
    "I17: no entry whose full fill could not be sold at the stop; the next one is, when minimums fall again",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        // $9.9 at the entry's price can be bought, and not be sold at the stop less the widest collar
        yield* world.operate("instrument", { symbol: "XLM/USD", minCost: "9.9" })
        const run = yield* world.start()
        yield* ready(world)
        yield* noEntry(world, 20_000, "what it buys could not be sold under the minimums")
        assert.isTrue(Exit.isSuccess(yield* run.stop))
        yield* world.operate("instrument", { symbol: "XLM/USD", minCost: "0.5" })
        yield* world.start()
        yield* anEntry(world)
      })
  )

  it.scopedLive("I17: minimums above the limits are named, and nothing is sent", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.operate("instrument", { symbol: "XLM/USD", minQuantity: "200" })
      yield* world.start()
      yield* ready(world)
      yield* noEntry(world, 20_000, "the exchange's minimum costs more than MAX_TRADE_SIZE")
      assert.strictEqual(sentOrders(yield* world.view), 0)
    })
  )
})

describe("I18: sound prices", PATIENCE, () => {
  for (const [name, bids, asks] of [
    ["crossed", [["0.101", "1000"]], [["0.1", "1000"]]],
    ["without a bid", [], [["0.1001", "1000"]]],
    ["without size", [["0.1", "0"]], [["0.1001", "0"]]]
  ] as const) {
    it.scopedLive(`I18: a quote that is ${name} is no price to enter on`, () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        yield* world.book(bids, asks)
        yield* world.start()
        yield* settledIn(world, 1)
        yield* noEntry(world, 20_000, `the quote is ${name}`, enter(0.0995))
        assert.strictEqual(sentOrders(yield* world.view), 0)
        yield* world.price("0.1")
        yield* anEntry(world)
      })
    )
  }

  for (const [name, effect] of [
    ["garbage on the ticker", { kind: "corrupt" }],
    ["no ticker", { kind: "drop" }]
  ] as const) {
    it.scopedLive(`I14, I18: ${name} and no answer from REST: nothing is decided on what was seen before`, () =>
      Effect.gen(function* () {
        // entries that expire soon, so that there is always room for the next one
        const world = yield* makeWorld({ limits: { entryExpiry: 15_000 } })
        yield* world.start()
        yield* ready(world)
        yield* world.kraken.faults.add({ on: "stream", channel: "ticker", effect })
        yield* world.kraken.faults.add({ on: "rest", endpoint: "Ticker", effect: { kind: "cut", executed: true } })
        const begun = (yield* world.view).now
        world.say(enter(0.1))
        // a frame comes only when something changes
        yield* world.price("0.1002")
        yield* world.pass(30_000)
        yield* world.price("0.1001")
        yield* world.pass(30_000)
        // what was seen before may be decided on for as long as it is fresh, and what was decided leaves within a moment
        const late = own(yield* world.view, "buy").filter((o) => o.openedAt > begun + 12_000)
        assert.deepEqual(late, [])
        if (effect.kind === "corrupt") yield* logged(world, "was not understood")
        world.say(undefined)
        yield* world.kraken.faults.clear()
        yield* anEntry(world)
      })
    )
  }
})

describe("I19: the dead man's switch", PATIENCE, () => {
  it.scopedLive("I19: no entry before the switch is confirmed, none when its confirmation runs out", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const dead = {
        on: "rest",
        endpoint: "CancelAllOrdersAfter",
        effect: { kind: "error", error: "EService:Unavailable", executed: false }
      } as const
      yield* world.kraken.faults.add(dead)
      yield* world.start()
      yield* world.until(
        "the strategy to see the market",
        Effect.sync(() => world.told.views.length > 0)
      )
      yield* noEntry(world, 30_000, "the switch was never armed")
      yield* world.kraken.faults.clear()
      yield* bought(world)
      yield* world.kraken.faults.add(dead)
      // armed for a minute; from 20 s before it fires nothing may be sent
      const armedAt = (yield* world.view).switchAt ?? 0
      yield* world.price("0.1025")
      yield* world.until(
        "the sale",
        Effect.map(world.view, (v) => ownFills(v).some((f) => f.side === "sell"))
      )
      yield* world.price("0.1")
      world.say(enter(0.1))
      yield* world.until(
        "the switch to fire",
        Effect.map(world.view, (v) => v.switchAt === undefined)
      )
      yield* world.pass(10_000)
      for (const order of own(yield* world.view, "buy")) {
        assert.isTrue(order.openedAt <= armedAt - 19_000, "an entry that the switch might not outlive")
      }
    })
  )

  it.scopedLive("I19: a stop that cannot cancel leaves the switch armed and says so", () =>
    Effect.gen(function* () {
      // neither expiry nor switch may end the entry while the stop waits its eight real seconds
      const world = yield* makeWorld({ limits: { entryExpiry: 3_600_000, deadManSwitch: 3_600_000 } })
      const run = yield* world.start()
      yield* ready(world)
      const entry = yield* anEntry(world)
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "CancelOrder",
        effect: { kind: "error", error: "EService:Unavailable", executed: false }
      })
      // the stream, a cancel's second path, is down as well
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "GetWebSocketsToken",
        effect: { kind: "error", error: "EService:Unavailable", executed: false }
      })
      yield* world.operate("disconnect", { stream: "auth", code: "1006" })
      yield* logged(world, "account stream down")
      const exit = yield* run.stop
      assert.isTrue(Exit.isFailure(exit))
      assert.include(String(exit), "StoppedUnclean")
      const { now, switchAt } = yield* world.view
      assert.isDefined(switchAt)
      assert.isAtMost((switchAt ?? 0) - now, 10_000)
      // and the exchange does what the trader could not
      yield* world.kraken.clock.advance(60_000)
      yield* world.until(
        "the switch to cancel it",
        Effect.map(world.view, (v) => v.orders.find((o) => o.txid === entry.txid)?.status === "canceled")
      )
    })
  )
})
