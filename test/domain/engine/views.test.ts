import { assert, describe, it } from "vitest"
import { dayLoss, entryStops, equity, ownAmount, riskView } from "../../../src/domain/engine/Views.ts"
import { BTC, entry, exit, id, instrument, lot, NOON, p, q, share, usd, XLM } from "../../support/build.ts"
import { candles, enter, Rig } from "./Rig.ts"

const bitcoin = instrument({ symbol: BTC, base: "BTC", baseId: "XXBT", restId: "XXBTZUSD" })
const only = (rig: Rig) => {
  const pair = rig.state.pairs.get(XLM)
  assert(pair !== undefined)
  return pair
}

describe("questions about the state", () => {
  it("I6, I18: no quote, no fees, no mark: no worth and no loss can be told, and no entry is possible", () => {
    const held = lot({ id: id("kt1-b"), symbol: BTC })
    const rig = new Rig({ snapshot: { lots: [held] } })
    assert.isUndefined(equity(rig.state))
    assert.isUndefined(dayLoss(rig.state))
    assert.include(riskView(rig.state, only(rig)).gates.join(), "fees")
    rig.ready()
    assert.isUndefined(equity(rig.state))
    const yesterday = { day: "2024-03-09", at: NOON, equity: usd("0"), source: "quote" as const }
    assert.isUndefined(dayLoss({ ...rig.state, lots: new Map(), dayMark: yesterday }))
    const old = { ...rig.state, throttle: { ...rig.state.throttle, day: "2024-03-09", entries: 9 } }
    assert.strictEqual(riskView(old, only(rig)).entriesToday, 0)
  })

  it("modes of the exchange and of a pair that take no entry stop them, and say so", () => {
    const rig = new Rig({ instruments: [instrument({ status: "reduce_only" })] }).ready()
    rig.send({ _tag: "SystemSeen", status: "cancel_only" })
    const stops = entryStops(rig.state, only(rig)).join()
    assert.include(stops, "cancel_only mode")
    assert.include(stops, "XLM/USD is in reduce_only mode")
    rig.send({ _tag: "InstrumentsSeen", instruments: [instrument(), bitcoin] })
    assert.notInclude(entryStops(rig.state, only(rig)).join(), "reduce_only")
    assert.isFalse(rig.state.pairs.has(BTC))
  })

  it("own amounts count the lots of the asset alone", () => {
    const rig = new Rig({
      instruments: [instrument(), bitcoin],
      snapshot: { lots: [lot({ id: id("kt1-a") }), lot({ id: id("kt1-b"), symbol: BTC, remaining: q("1") })] }
    })
    assert.strictEqual(ownAmount(rig.state, "XLM"), q("100"))
    assert.strictEqual(ownAmount(rig.state, "BTC"), q("1"))
    assert.strictEqual(ownAmount(rig.state, "DOT"), 0n)
  })
})

describe("candles and quotes", () => {
  it("a REST quote older than the stream's confirms and does not replace; strangers' quotes are nothing", () => {
    const rig = new Rig().ready()
    const held = only(rig).quote
    rig.now -= 5000
    const older = { ...(held ?? assert.fail()), bid: p("0.0999"), at: rig.now }
    rig.now += 6000
    rig.send({ _tag: "QuoteSeen", quote: older, source: "rest" })
    assert.strictEqual(only(rig).quote?.bid, p("0.1"))
    assert.strictEqual(only(rig).confirmedAt, rig.now)
    const before = rig.state.pairs
    rig.send({ _tag: "QuoteSeen", quote: { ...older, symbol: BTC }, source: "stream" })
    rig.send({ _tag: "CandlesLoaded", symbol: BTC, candles: candles(3) })
    assert.strictEqual(rig.state.pairs, before)
  })

  it("I18: a strategy that is not ready signals nothing, and says why", () => {
    const rig = new Rig().ready()
    const unready = {
      ...rig.state.rules.strategy.start(),
      step: () => ({ next: only(rig).strategy, outcome: { _tag: "Unready" as const, why: "warming up" } })
    }
    rig.state = {
      ...rig.state,
      pairs: new Map([[XLM, { ...only(rig), strategy: unready as never }]])
    }
    rig.after(1100).quote()
    assert.match(only(rig).note, /not ready: warming up/)
  })

  it("a signal said again keeps its count of re-quotes; one that nobody repeats is dropped after half a minute", () => {
    const rig = new Rig({
      limits: { minTradeInterval: 600_000 },
      snapshot: { notes: new Map([["throttle", `2024-03-10|1|${NOON - 1000}|`]]) }
    }).ready()
    rig.signal()
    assert.isDefined(only(rig).signal)
    rig.signal(enter(0.0999))
    assert.strictEqual(only(rig).signal?.entry.limit, 0.0999)
    for (let n = 0; n < 32; n++) rig.tick().quote("0.1", "0.1001", "rest")
    assert.isUndefined(only(rig).signal)
  })

  it("without POST_ONLY an entry may go up to the ask, and names the exposure limit when that binds", () => {
    const rig = new Rig({ limits: { postOnly: false, maxTotalExposure: usd("1.5") } }).ready().signal(enter(0.2))
    assert.match(only(rig).note, /MAX_TOTAL_EXPOSURE|surround/)
    const taker = new Rig({ limits: { postOnly: false } }).ready().signal(enter(0.1001))
    assert.strictEqual(taker.proposal().limitPrice, p("0.1001"))
    assert.isFalse(taker.proposal().postOnly)
    const bound = new Rig({ limits: { maxTotalExposure: usd("1.5") } }).ready().signal()
    assert.match(only(bound).note, /MAX_TOTAL_EXPOSURE/)
  })

  it("I10: no entry before the first balance", () => {
    const rig = new Rig().ready()
    rig.state = { ...rig.state, balances: undefined }
    rig.signal()
    assert.match(only(rig).note, /free balance is not known/)
  })
})

describe("the day's mark (I6)", () => {
  it("a candle of another day, a day already marked, or a pair without a candle mark nothing", () => {
    const rig = new Rig({ snapshot: { lots: [lot({ id: id("kt1-a") })] } }).ready()
    const prices = new Map([[XLM, p("0.11")]])
    rig.send({ _tag: "DayMarkPrices", day: "2024-03-09", prices })
    assert.isUndefined(rig.state.dayMark)
    rig.send({ _tag: "DayMarkPrices", day: "2024-03-10", prices })
    const mark = rig.state.dayMark
    rig.send({ _tag: "DayMarkPrices", day: "2024-03-10", prices: new Map([[XLM, p("0.2")]]) })
    assert.strictEqual(rig.state.dayMark, mark)
    const early = new Rig({ snapshot: { lots: [lot({ id: id("kt1-a") })] } })
    early.send({ _tag: "DayMarkPrices", day: "2024-03-10", prices: new Map() })
    for (let n = 0; n < 70; n++) early.tick()
    early.send({ _tag: "DayMarkPrices", day: "2024-03-10", prices: new Map() })
    assert.strictEqual(early.ever("Alert").filter((d) => d.kind === "daymark.missing").length, 1)
    assert.isAtLeast(early.ever("FetchDayMark").length, 2)
  })

  it("a metrics row is written while nothing can be told of the worth", () => {
    const rig = new Rig({ snapshot: { lots: [lot({ id: id("kt1-a") })] } }).send({ _tag: "Started" }).tick()
    const row = rig.written.findLast((w) => w._tag === "Metrics")
    assert.strictEqual(row?.row.dailyProfitLoss, 0n)
    assert.isFalse(rig.written.some((w) => w._tag === "Valuation"))
  })
})

describe("books and account, further (I10)", () => {
  it("books that say more than the account has at first sight latch; trades of ours in the ledger explain nothing", () => {
    const rig = new Rig({ snapshot: { lots: [lot({ id: id("kt1-a") })] } }).ready()
    assert.isDefined(rig.state.breaker.latches.balance)
    const booked = new Rig()
    const bought = booked.bought()
    const move = { asset: "XLM", amount: -q("1"), fee: 0n, balance: q("7") }
    const difference = { amount: -q("1"), at: NOON, last: { at: NOON, total: q("7") }, confirmed: true }
    booked.state = { ...booked.state, differences: new Map([["XLM", difference]]) }
    booked.send({
      _tag: "LedgerSeen",
      moves: [
        { ...move, type: "trade", refId: bought.executions[0] ?? "", at: booked.now + 1 },
        { ...move, type: "transfer", refId: "OLD", at: 0 }
      ]
    })
    assert.match(booked.state.breaker.latches.balance?.reason ?? "", /explains 0 of it/)
  })

  it("nothing of a pair that is not known is held against the account, and resting sales hold no dollars", () => {
    const stray = entry({ id: id("kt1-b"), symbol: BTC, status: "open" })
    const sale = exit([share("kt1-a", "100")], { id: id("kt1-x") })
    const rig = new Rig({ snapshot: { orders: [stray, sale] } })
    rig.send({
      _tag: "BalancesSeen",
      begunAt: rig.now,
      total: new Map([["USD", usd("100")]]),
      hold: new Map([["USD", usd("30")]])
    })
    assert.strictEqual(rig.state.balances?.foreignHoldUsd, usd("20"))
  })
})

describe("health", () => {
  it("probes: stale quotes and streams that are down clear nothing, and an unknown fence latch is taken over", () => {
    const rig = new Rig().ready()
    for (const cause of ["stale", "stream"] as const) rig.send({ _tag: "Tripped", cause, reason: "test" })
    rig.send({ _tag: "PublicDown", reason: "closed" }).tick(70)
    assert.isDefined(rig.state.breaker.latches.stale)
    assert.isDefined(rig.state.breaker.latches.stream)
    assert.strictEqual(rig.state.breaker.latches.stale?.rounds, 1)
  })

  it("I14: silence that REST confirms latches only while running, and only when it is old", () => {
    const rig = new Rig()
    rig.send({ _tag: "StaleConfirmed", symbol: XLM, reason: "x" })
    assert.isUndefined(rig.state.breaker.latches.stale)
    rig.ready().send({ _tag: "StaleConfirmed", symbol: XLM, reason: "x" })
    assert.isUndefined(rig.state.breaker.latches.stale)
    rig.send({ _tag: "StaleConfirmed", symbol: BTC, reason: "x" })
    assert.isDefined(rig.state.breaker.latches.stale)
  })

  it("a word that comes twice is said once: skew, pauses, broken and mended records", () => {
    const rig = new Rig().ready()
    for (let n = 0; n < 2; n++)
      rig.send({ _tag: "SkewSeen", skew: "off" }).send({ _tag: "StoreBroken", reason: "full" })
    rig.send({ _tag: "SkewSeen", skew: undefined }).send({ _tag: "StoreRecovered" }).send({ _tag: "StoreRecovered" })
    for (let n = 0; n < 2; n++) rig.send({ _tag: "QuoteUnsound", symbol: XLM })
    assert.strictEqual(rig.ever("Log").filter((d) => d.text === "off").length, 1)
    assert.strictEqual(rig.ever("Alert").filter((d) => d.kind.startsWith("store.")).length, 2)
    assert.strictEqual(rig.ever("Log").filter((d) => d.text.includes("not sound")).length, 1)
    rig.send({ _tag: "AnotherTraderSeen", reason: "a stranger" })
    rig.send({ _tag: "Reset", cause: "balance", reason: "x" })
    assert.isDefined(rig.state.anotherTrader)
    rig.send({ _tag: "Reset", cause: "invariant", reason: "x" })
    assert.isUndefined(rig.state.anotherTrader)
  })
})
