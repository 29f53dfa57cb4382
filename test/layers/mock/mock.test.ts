import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option } from "effect"
import { closed } from "../../../src/domain/breaker/BreakerState.ts"
import type { KrakenError } from "../../../src/domain/kraken/KrakenError.ts"
import { KrakenNotSent } from "../../../src/domain/kraken/KrakenError.ts"
import type { Instrument } from "../../../src/domain/market/Instrument.ts"
import { PairSymbol } from "../../../src/domain/market/Instrument.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import {
  ClientOrderId,
  clientOrderId,
  ExchangeOrderId,
  ExecutionId,
  InstallationPrefix
} from "../../../src/domain/order/Ids.ts"
import { pendingOrder } from "../../../src/domain/order/Steps.ts"
import type { BookedFill } from "../../../src/domain/portfolio/Books.ts"
import type { Lot } from "../../../src/domain/portfolio/Lot.ts"
import { emptyTotals } from "../../../src/domain/portfolio/Portfolio.ts"
import type { ApprovedOrder } from "../../../src/domain/risk/Approved.ts"
import { approve, entryProposal, plan, riskView } from "../../support/build.ts"
import { MockAlertsControl } from "../../../src/layers/mock/MockAlerts.ts"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { MockJournalControl } from "../../../src/layers/mock/MockJournal.ts"
import { MockKrakenRestControl } from "../../../src/layers/mock/MockKrakenRest.ts"
import type { MockRestEndpoint } from "../../../src/layers/mock/MockKrakenRest.ts"
import { MockKrakenStreamControl } from "../../../src/layers/mock/MockKrakenStream.ts"
import { MockMarketClockControl } from "../../../src/layers/mock/MockMarketClock.ts"
import { MockNonceControl } from "../../../src/layers/mock/MockNonce.ts"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { mockSettings, mockSettingsValue } from "../../../src/layers/mock/MockSettings.ts"
import { MockStoreControl } from "../../../src/layers/mock/MockStore.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { Alerts } from "../../../src/services/Alerts.ts"
import { MarketClock } from "../../../src/services/Clock.ts"
import { InstanceLock, LockUnusable } from "../../../src/services/InstanceLock.ts"
import { Journal } from "../../../src/services/Journal.ts"
import { KrakenRest } from "../../../src/services/KrakenRest.ts"
import type { PublicStreamEvent } from "../../../src/services/KrakenStream.ts"
import { KrakenStream } from "../../../src/services/KrakenStream.ts"
import { Nonce } from "../../../src/services/Nonce.ts"
import type { OrderRow, TradeRow } from "../../../src/services/Records.ts"
import { Records } from "../../../src/services/Records.ts"
import { Settings } from "../../../src/services/Settings.ts"
import type { FenceMoved, StoreFailed } from "../../../src/services/Store.ts"
import { Store } from "../../../src/services/Store.ts"

const START = Date.UTC(2026, 0, 5, 10)
const PREFIX = InstallationPrefix("kt")
const XLM = PairSymbol("XLM/USD")

const instrument: Instrument = {
  symbol: XLM,
  restId: "XXLMZUSD",
  altname: "XLMUSD",
  base: "XLM",
  quote: "USD",
  baseId: "XXLM",
  quoteId: "ZUSD",
  priceDecimals: 6,
  quantityDecimals: 8,
  costDecimals: 8,
  baseDecimals: 8,
  quoteDecimals: 4,
  tickSize: Money.price("0.000001"),
  minQuantity: Money.quantity("20"),
  minCost: Money.usd("0.5"),
  status: "online"
}
const approved = (sequence: number, epoch = 0): ApprovedOrder =>
  approve(entryProposal(), riskView({ nextId: clientOrderId(PREFIX, sequence), epoch }))
const booked: BookedFill = {
  fill: {
    _tag: "Fill",
    source: "stream",
    executionId: ExecutionId("T1"),
    exchangeId: ExchangeOrderId("O1"),
    symbol: XLM,
    side: "buy",
    price: Money.price("0.15"),
    quantity: Money.quantity("25"),
    cost: Money.usd("3.75"),
    fee: 0n,
    feeAsset: "USD",
    liquidity: "maker",
    at: START
  },
  orderId: ClientOrderId("kt1"),
  ledgerUsd: Money.usd("-3.75"),
  rounding: Money.zeroUsd
}
const lot: Lot = {
  id: ClientOrderId("kt1"),
  symbol: XLM,
  quantity: Money.quantity("25"),
  remaining: Money.quantity("25"),
  cost: Money.usd("3.75"),
  entryFee: Money.zeroUsd,
  proceeds: Money.zeroUsd,
  exitFee: Money.zeroUsd,
  openedAt: START,
  plan: plan(),
  features: {},
  reason: "test",
  attempts: 0
}

const world = () => mockWorld({ start: START, prefix: PREFIX, settings: { tier: "pro" } })

describe("MockKrakenRest", () => {
  it.effect("answers from the queue, then always the same, and records what was asked", () =>
    Effect.gen(function* () {
      const rest = yield* KrakenRest
      const control = yield* MockKrakenRestControl
      const failure = new KrakenNotSent({ endpoint: "Time", why: "lockout", detail: "x" })
      yield* control.answer("time", Effect.succeed(1))
      yield* control.answer("time", Effect.fail(failure))
      yield* control.always("time", Effect.succeed(3))
      assert.strictEqual(yield* rest.time, 1)
      assert.strictEqual(yield* Effect.flip(rest.time), failure)
      assert.strictEqual(yield* rest.time, 3)
      assert.strictEqual(yield* rest.time, 3)
      yield* rest.queryOrders([ExchangeOrderId("O1")])
      assert.deepStrictEqual(
        (yield* control.calls).map((c) => c.endpoint),
        ["time", "time", "time", "time", "queryOrders"]
      )
      assert.deepStrictEqual(yield* control.callsOf("queryOrders"), [[["O1"]]])
    }).pipe(Effect.provide(world()))
  )

  it.effect("knows of nothing until told, and dies of a question that has no empty answer", () =>
    Effect.gen(function* () {
      const rest = yield* KrakenRest
      const ref = { _tag: "Client", id: ClientOrderId("kt1") } as const
      assert.strictEqual(yield* rest.systemStatus, "online")
      assert.deepStrictEqual(yield* rest.instruments([XLM]), [])
      assert.deepStrictEqual(yield* rest.ohlc(XLM, 1), [])
      assert.deepStrictEqual(yield* rest.depth(XLM, 10), { bids: [], asks: [] })
      assert.deepStrictEqual(yield* rest.trades(XLM), [])
      assert.deepStrictEqual(yield* rest.balance, [])
      assert.deepStrictEqual(yield* rest.balanceEx, [])
      assert.deepStrictEqual(yield* rest.openOrders, [])
      assert.deepStrictEqual(yield* rest.closedOrders({ offset: 0 }), { orders: [], count: 0 })
      assert.deepStrictEqual(yield* rest.tradesHistory({ offset: 0 }), { fills: [], count: 0 })
      assert.deepStrictEqual(yield* rest.queryTrades(["T"]), [])
      assert.deepStrictEqual(yield* rest.ledgers({ offset: 0 }), { entries: [], count: 0 })
      assert.strictEqual((yield* rest.tradeVolume([instrument])).size, 0)
      const unanswered: ReadonlyArray<readonly [MockRestEndpoint, Effect.Effect<unknown, KrakenError>]> = [
        ["time", rest.time],
        ["ticker", rest.ticker(XLM)],
        ["tradeBalance", rest.tradeBalance],
        ["apiKeyInfo", rest.apiKeyInfo],
        ["webSocketsToken", rest.webSocketsToken],
        ["cancelOrder", rest.cancelOrder(ref, XLM)],
        ["cancelAll", rest.cancelAll],
        ["cancelAllOrdersAfter", rest.cancelAllOrdersAfter(60)],
        [
          "validateOrder",
          rest.validateOrder({
            instrument,
            side: "buy",
            quantity: Money.quantity("1"),
            limitPrice: Money.price("1"),
            postOnly: true
          })
        ]
      ]
      for (const [endpoint, call] of unanswered) {
        const exit = yield* Effect.exit(call)
        assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
        assert.include(String(exit), `MockKrakenRest: no answer for ${endpoint}`)
      }
    }).pipe(Effect.provide(world()))
  )

  it.effect("gives an order its turn, and does not send what the last look refuses", () =>
    Effect.gen(function* () {
      const rest = yield* KrakenRest
      const store = yield* Store
      const control = yield* MockKrakenRestControl
      const intent = yield* store.commitIntent(approved(START), START)
      const request = {
        ref: { _tag: "Client", id: intent.approved.id },
        instrument,
        quantity: Money.quantity("30"),
        limitPrice: Money.price("0.15"),
        postOnly: true,
        deadline: START + 10_000
      } as const
      yield* control.answer("addOrder", Effect.succeed({ _tag: "Accepted", exchangeId: ExchangeOrderId("O1") }))
      yield* control.answer("amendOrder", Effect.succeed({ _tag: "Unknown", text: "lost", recognised: true }))
      const outcomes = yield* rest.orderTurn("entry", XLM, "add", (turn) =>
        Effect.all([
          turn.addOrder(intent, () => "paused"),
          turn.addOrder(intent, () => undefined),
          turn.amendOrder(request, () => undefined)
        ])
      )
      assert.deepStrictEqual(outcomes, [
        { _tag: "NotSent", why: "void", text: "paused" },
        { _tag: "Accepted", exchangeId: ExchangeOrderId("O1") },
        { _tag: "Unknown", text: "lost", recognised: true }
      ])
      assert.deepStrictEqual(yield* control.callsOf("orderTurn"), [["entry", XLM, "add"]])
      assert.deepStrictEqual(yield* control.callsOf("addOrder"), [[intent]])
      assert.deepStrictEqual(yield* control.callsOf("amendOrder"), [[request]])
    }).pipe(Effect.provide(world()))
  )
})

describe("MockKrakenStream", () => {
  it.scoped("hands over what the test tells, while somebody listens", () =>
    Effect.gen(function* () {
      const stream = yield* KrakenStream
      const control = yield* MockKrakenStreamControl
      const seen: Array<PublicStreamEvent> = []
      assert.isFalse(yield* control.tellPublic({ _tag: "PublicUp" }))
      assert.isFalse(yield* control.tellPrivate({ _tag: "PrivateGap", reason: "x" }))
      assert.deepStrictEqual(yield* control.symbols, [])
      const fiber = yield* Effect.fork(stream.runPublic([XLM], (event) => seen.push(event)))
      yield* Effect.forkScoped(stream.runPrivate((event) => event._tag === "PrivateGap"))
      yield* control.publicRunning
      yield* control.privateRunning
      assert.deepStrictEqual(yield* control.symbols, [XLM])
      assert.isTrue(yield* control.tellPublic({ _tag: "PublicUp" }))
      assert.isTrue(yield* control.tellPrivate({ _tag: "PrivateGap", reason: "x" }))
      assert.isFalse(yield* control.tellPrivate({ _tag: "PrivateRefused", text: "x" }))
      assert.deepStrictEqual(seen, [{ _tag: "PublicUp" }])
      yield* Fiber.interrupt(fiber)
      assert.isFalse(yield* control.tellPublic({ _tag: "PublicUp" }))
    }).pipe(Effect.provide(world()))
  )
  it.effect("records resynchronisations and cancels, and answers them as told", () =>
    Effect.gen(function* () {
      const stream = yield* KrakenStream
      const control = yield* MockKrakenStreamControl
      yield* stream.resyncPrivate("why")
      assert.isFalse(yield* stream.cancelByStream(["a"]))
      yield* control.setCancelAnswer(Effect.succeed(true))
      assert.isTrue(yield* stream.cancelByStream(["b", "c"]))
      assert.deepStrictEqual(yield* control.resyncs, ["why"])
      assert.deepStrictEqual(yield* control.cancels, [["a"], ["b", "c"]])
      const up = { connected: true, reconnects: 1, frames: 2, malformed: 0 }
      yield* control.setHealth("public", up)
      assert.deepStrictEqual(yield* stream.publicHealth, up)
      assert.isFalse((yield* stream.privateHealth).connected)
    }).pipe(Effect.provide(world()))
  )
})

describe("mockMarketClock", () => {
  it.scoped("stands still until moved, and wakes what is due, earliest first", () =>
    Effect.gen(function* () {
      const clock = yield* MarketClock
      const control = yield* MockMarketClockControl
      const woken: Array<number> = []
      const sleeper = (ms: number) => Effect.forkScoped(Effect.tap(clock.sleep(ms), () => woken.push(ms)))
      yield* clock.sleep(0)
      yield* sleeper(300)
      yield* sleeper(100)
      const cancelled = yield* sleeper(200)
      yield* Effect.yieldNow()
      assert.strictEqual(yield* control.sleeping, 3)
      yield* Fiber.interrupt(cancelled)
      assert.strictEqual(yield* control.sleeping, 2)
      yield* control.advance(299)
      yield* Effect.yieldNow()
      assert.deepStrictEqual(woken, [100])
      yield* control.set(START + 1_000)
      yield* Effect.yieldNow()
      assert.deepStrictEqual(woken, [100, 300])
      assert.strictEqual(yield* clock.now, START + 1_000)
      assert.strictEqual(clock.unsafeNow(), START + 1_000)
      assert.strictEqual(clock.speed, 1)
    }).pipe(Effect.provide(world()))
  )
  it.effect("counts holders, keeps measurements, and has the offset that it was given", () =>
    Effect.gen(function* () {
      const clock = yield* MarketClock
      const control = yield* MockMarketClockControl
      assert.strictEqual(yield* clock.hold(control.holders), 1)
      assert.strictEqual(yield* control.holders, 0)
      const sample = { exchangeMs: 5, sentAt: 1, receivedAt: 2 }
      yield* clock.observe(sample)
      assert.deepStrictEqual(yield* control.observed, [sample])
      assert.deepStrictEqual(yield* clock.offset, { ms: 0, measuredAt: START })
      yield* control.setOffset({ ms: 7, measuredAt: 1 })
      assert.deepStrictEqual(yield* clock.offset, { ms: 7, measuredAt: 1 })
    }).pipe(Effect.provide(world()))
  )
})

describe("MockNonce", () => {
  it.effect("follows market time, never goes back, and keeps what it gave", () =>
    Effect.gen(function* () {
      const nonce = yield* Nonce
      const clock = yield* MockMarketClockControl
      const control = yield* MockNonceControl
      const start = BigInt(START)
      assert.strictEqual(yield* nonce.next, start)
      assert.strictEqual(yield* nonce.next, start + 1n)
      yield* clock.advance(10)
      assert.strictEqual(yield* nonce.next, start + 10n)
      yield* clock.set(0)
      assert.strictEqual(yield* nonce.next, start + 11n)
      yield* nonce.advance(start + 50n)
      yield* nonce.advance(3n)
      yield* nonce.advance()
      assert.strictEqual(yield* nonce.highest, start + 50n)
      yield* control.setHighest(start + 90n)
      assert.strictEqual(yield* nonce.next, start + 91n)
      assert.lengthOf(yield* control.issued, 5)
      assert.deepStrictEqual(yield* control.advances, [start + 50n, 3n, undefined])
    }).pipe(Effect.provide(world()))
  )
})

describe("mockStore", () => {
  it.effect("records intents behind the fence, with their nonces and sequence", () =>
    Effect.gen(function* () {
      const store = yield* Store
      const control = yield* MockStoreControl
      const intent = yield* store.commitIntent(approved(START), START)
      assert.strictEqual(intent.nonce, BigInt(START))
      const fence = yield* store.moveFence({ paused: true })
      assert.deepStrictEqual(fence, { epoch: 1, paused: true, operatorLatch: Option.none() })
      assert.deepStrictEqual(yield* store.fence, fence)
      const late = yield* Effect.flip(store.commitIntent(approved(START + 1), START))
      assert.deepInclude(late, { _tag: "FenceMoved", approved: 0, current: 1 })
      yield* store.commitExitAside(approved(START + 2, 1), 77n)
      const loaded = yield* store.load
      assert.deepStrictEqual(
        loaded.orders.map((o) => [o.id, o.status]),
        [
          [clientOrderId(PREFIX, START), "pending"],
          [clientOrderId(PREFIX, START + 2), "pending"]
        ] as never
      )
      assert.strictEqual(loaded.sequence, START + 2)
      const contents = yield* control.contents
      assert.deepStrictEqual(
        contents.intents.map((i) => i.nonce),
        [BigInt(START), 77n]
      )
      assert.deepStrictEqual(contents.aside, [clientOrderId(PREFIX, START + 2)])
      yield* store.commitExitAside(
        approve(entryProposal(), riskView({ nextId: ClientOrderId("foreign"), epoch: 1 })),
        78n
      )
      assert.strictEqual((yield* store.load).sequence, START + 2)
    }).pipe(Effect.provide(world()))
  )

  it.effect("takes batches whole or not at all, and an execution once", () =>
    Effect.gen(function* () {
      const store = yield* Store
      const control = yield* MockStoreControl
      const order = { ...pendingOrder(approved(START)), exchangeId: ExchangeOrderId("O1") }
      const change = { at: START, cause: "api", change: "latched", reason: "x", by: "trader" } as const
      const metrics = {
        at: START,
        balanceUsd: 1n,
        totalTrades: 0,
        winningTrades: 0,
        totalProfitLoss: 0n,
        dailyProfitLoss: 0n,
        breakerState: "CLOSED"
      }
      const trade = {
        lotId: lot.id,
        symbol: XLM,
        features: {},
        outcome: "profit",
        profit: Money.usd("1"),
        at: START
      } as const
      const totals = { ...emptyTotals, closedTrades: 1 }
      const mark = { day: "2026-01-05", at: START, equity: Money.zeroUsd, source: "no lots" } as const
      yield* store.commit([
        { _tag: "Order", order },
        { _tag: "Fill", booked },
        { _tag: "Lot", lot },
        { _tag: "Totals", totals },
        { _tag: "Foreign", foreign: new Map([["XLM", 3n]]) },
        { _tag: "DayMark", mark },
        { _tag: "Valuation", valuation: { at: START, equity: Money.zeroUsd } },
        { _tag: "Breaker", state: { ...closed, failures: { api: 1 } }, changes: [change] },
        { _tag: "ClosedTrade", trade },
        { _tag: "Metrics", row: metrics },
        { _tag: "Note", key: "a", value: "1" }
      ])
      const twice = yield* Effect.flip(
        store.commit([
          { _tag: "Note", key: "a", value: "2" },
          { _tag: "Fill", booked }
        ])
      )
      assert.deepInclude(twice, { _tag: "StoreFailed", operation: "commit", reason: "other" })
      const loaded = yield* store.load
      assert.deepStrictEqual(loaded.orders, [order])
      assert.deepStrictEqual(loaded.lots, [lot])
      assert.deepStrictEqual(loaded.totals, totals)
      assert.strictEqual(loaded.foreign.get("XLM"), 3n)
      assert.deepStrictEqual(loaded.dayMark, Option.some(mark))
      assert.isTrue(Option.isSome(loaded.valuation))
      assert.deepStrictEqual(loaded.breaker.failures, { api: 1 })
      assert.strictEqual(loaded.notes.get("a"), "1")
      assert.deepStrictEqual(yield* store.findOrder({ clientId: order.id }), Option.some(order))
      assert.deepStrictEqual(yield* store.findOrder({ exchangeId: ExchangeOrderId("O1") }), Option.some(order))
      assert.deepStrictEqual(yield* store.findOrder({ exchangeId: ExchangeOrderId("O2") }), Option.none())
      assert.deepStrictEqual(yield* store.findLot(lot.id), Option.some(lot))
      const { executionId } = booked.fill
      assert.deepStrictEqual([...(yield* store.ownExecutions(["no", executionId]))], [executionId])
      yield* store.commit([
        { _tag: "Order", order: { ...order, status: "cancelled" } },
        { _tag: "Lot", lot: { ...lot, remaining: Money.zeroQuantity } }
      ])
      const after = yield* store.load
      assert.deepStrictEqual([after.orders, after.lots], [[], []])
      yield* store.backup("file.db")
      const contents = yield* control.contents
      assert.deepStrictEqual(
        [contents.fills, contents.closedTrades, contents.metrics, contents.breakerChanges, contents.backups],
        [[booked], [trade], [metrics], [change], ["file.db"]]
      )
      assert.deepStrictEqual([contents.orders.length, contents.lots.length], [1, 1])
      assert.lengthOf(yield* control.batches, 2)
      assert.strictEqual((yield* store.health).integrity, "ok")
    }).pipe(Effect.provide(world()))
  )

  it.effect("fails as told, the side file apart from the rest", () =>
    Effect.gen(function* () {
      const store = yield* Store
      const control = yield* MockStoreControl
      yield* control.failWith("full")
      const operations: ReadonlyArray<Effect.Effect<unknown, StoreFailed | FenceMoved>> = [
        store.load,
        store.fence,
        store.health,
        store.commit([]),
        store.commitIntent(approved(START), START)
      ]
      for (const operation of operations) {
        assert.deepInclude(yield* Effect.flip(Effect.asVoid(operation)), {
          _tag: "StoreFailed",
          reason: "full"
        })
      }
      yield* store.commitExitAside(approved(START), 1n)
      yield* control.failAsideWith("io")
      assert.deepInclude(yield* Effect.flip(store.commitExitAside(approved(START + 1), 2n)), { reason: "io" })
      yield* control.failWith(undefined)
      assert.lengthOf((yield* store.load).orders, 1)
    }).pipe(Effect.provide(world()))
  )
})

describe("the other mocks", () => {
  it.effect("MockInstanceLock: held elsewhere, unusable, replaced, and held here only once", () =>
    Effect.gen(function* () {
      const lock = yield* InstanceLock
      const control = yield* MockInstanceLockControl
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* lock.acquire
          assert.isTrue(yield* control.held)
          assert.deepInclude(yield* Effect.flip(Effect.scoped(lock.acquire)), { _tag: "LockHeld", what: "data folder" })
        })
      )
      assert.isFalse(yield* control.held)
      assert.isFalse(yield* lock.heldElsewhere)
      yield* control.holdElsewhere("API key")
      assert.deepInclude(yield* Effect.flip(Effect.scoped(lock.acquire)), { _tag: "LockHeld", what: "API key" })
      yield* control.holdElsewhere("data folder")
      assert.isTrue(yield* lock.heldElsewhere)
      yield* control.holdElsewhere(undefined)
      const unusable = new LockUnusable({ path: "x", detail: "read-only" })
      yield* control.breakWith(unusable)
      assert.strictEqual(yield* Effect.flip(Effect.scoped(lock.acquire)), unusable)
      assert.strictEqual(yield* Effect.flip(lock.heldElsewhere), unusable)
      assert.isTrue(yield* lock.verify)
      yield* control.setVerified(false)
      assert.isFalse(yield* lock.verify)
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockAlerts and MockJournal keep what they are given", () =>
    Effect.gen(function* () {
      const alerts = yield* Alerts
      const journal = yield* Journal
      const sent = yield* MockAlertsControl
      const written = yield* MockJournalControl
      const alert = { at: START, severity: "warning", kind: "a.b", text: "t" } as const
      yield* alerts.send(alert)
      yield* alerts.send({ ...alert, kind: "c" })
      assert.lengthOf(yield* sent.sent, 2)
      assert.deepStrictEqual(yield* sent.sentOf("a.b"), [alert])
      yield* sent.clear
      assert.deepStrictEqual(yield* sent.sent, [])
      journal.append({ at: START, kind: "x", data: 1 })
      journal.append({ at: START, kind: "y", data: 2 })
      yield* journal.flush
      assert.lengthOf(yield* written.entries, 2)
      assert.deepStrictEqual(yield* written.entriesOf("y"), [{ at: START, kind: "y", data: 2 }])
      assert.strictEqual(yield* written.flushes, 1)
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockRecords shows what it was given, and fails as told", () =>
    Effect.gen(function* () {
      const records = yield* Records
      const control = yield* MockRecordsControl
      const order = (status: string): OrderRow => ({
        orderId: status,
        exchangeId: undefined,
        pair: "XLM/USD",
        type: "buy",
        orderType: "limit",
        purpose: "entry",
        price: "0.15",
        volume: "25",
        status,
        timestamp: "2026-01-05T10:00:00.000Z",
        filledVolume: "0",
        averagePrice: undefined,
        reason: "test"
      })
      const trade: TradeRow = {
        orderId: "kt1",
        txid: undefined,
        pair: "XLM/USD",
        side: "buy",
        price: "0.15",
        volume: "25",
        remaining: "25",
        timestamp: "2026-01-05T10:00:00.000Z",
        status: "OPEN",
        profitLoss: undefined,
        notes: ""
      }
      assert.isTrue(yield* records.exists)
      assert.isUndefined(yield* records.lastMetrics)
      assert.deepStrictEqual(yield* records.breakerHistory(5), [])
      assert.strictEqual((yield* records.snapshot).sequence, 0)
      yield* control.set({ exists: false, orders: [order("open"), order("filled"), order("unknown")], trades: [trade] })
      const ids = (filter: { readonly openOnly: boolean; readonly limit: number }) =>
        Effect.map(records.orders(filter), (rows) => rows.map((row) => row.orderId))
      assert.isFalse(yield* records.exists)
      assert.deepStrictEqual(yield* ids({ openOnly: true, limit: 9 }), ["open", "unknown"])
      assert.deepStrictEqual(yield* ids({ openOnly: false, limit: 2 }), ["open", "filled"])
      assert.deepStrictEqual(yield* records.trades({ openOnly: true, limit: 9 }), [trade])
      yield* control.failWith("corrupt")
      assert.deepInclude(yield* Effect.flip(records.snapshot), { reason: "corrupt", operation: "snapshot" })
      yield* control.failWith(undefined)
      assert.isUndefined(yield* records.lastMetrics)
    }).pipe(Effect.provide(world()))
  )

  it.effect("mockSettings gives the defaults, with changes on top", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Settings, { ...mockSettingsValue, tier: "pro" })
      const plain = yield* Effect.provide(Settings, mockSettings())
      assert.strictEqual(plain, plain)
      assert.deepStrictEqual(plain, mockSettingsValue)
    }).pipe(Effect.provide(Layer.mergeAll(world())))
  )
})
