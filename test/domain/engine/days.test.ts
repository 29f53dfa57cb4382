import { Option } from "effect"
import { assert, describe, it } from "vitest"
import type { DayMark } from "../../../src/domain/portfolio/Books.ts"
import type { Lot } from "../../../src/domain/portfolio/Lot.ts"
import { BTC, id, instrument, lot, NOON, p, rate, usd, XLM } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const TODAY = "2024-03-10"
const TOMORROW = "2024-03-11"
const MIDNIGHT = NOON + 12 * 3_600_000
const A = id("kt1-a")

const marked = (equity = "0"): DayMark => ({ day: TODAY, at: NOON, equity: usd(equity), source: "no lots" })
const holding = (lots: ReadonlyArray<Lot>, mark: DayMark | undefined = marked(), now = NOON): Rig =>
  new Rig({
    now,
    limits: { maxDailyLoss: usd("2") },
    snapshot: { lots, ...(mark === undefined ? {} : { dayMark: Option.some(mark) }) }
  }).ready()
const look = (rig: Rig): Rig => rig.send({ _tag: "SkewSeen", skew: undefined })

describe("the day's mark", () => {
  it("without lots is the profit so far, and is recorded", () => {
    const rig = holding([])
    rig.state = { ...rig.state, totals: { ...rig.state.totals, realised: usd("3") }, markAsked: TOMORROW }
    rig.now = MIDNIGHT + 600_000
    look(rig)
    const mark = { day: TOMORROW, at: rig.now, equity: usd("3"), source: "no lots" } as const
    assert.deepEqual(rig.state.dayMark, mark)
    assert.isUndefined(rig.state.markAsked)
    assert.deepEqual(rig.written.at(-1), { _tag: "DayMark", mark })
  })

  it("with lots is what they are worth, within a minute of midnight and on fresh quotes", () => {
    const at = (ms: number, age = 0, change: Partial<Lot> = {}): Rig => {
      const rig = holding([lot({ id: A, ...change })])
      rig.now = MIDNIGHT + ms
      const pair = { ...rig.state.pairs.get(XLM)!, confirmedAt: rig.now - age }
      rig.state = { ...rig.state, pairs: new Map([[XLM, pair]]) }
      return look(rig)
    }
    for (const rig of [at(60_000), at(0, 10_000)]) {
      assert.strictEqual(rig.state.dayMark?.source, "quote")
      // 100 at the bid of 0.1 less 0.4 %, and less cost and fee
      assert.strictEqual(rig.state.dayMark?.equity, usd("-0.065"))
    }
    for (const rig of [at(60_001), at(0, 10_001), at(0, 0, { symbol: BTC })]) {
      assert.strictEqual(rig.state.dayMark?.day, TODAY)
      assert.deepEqual(rig.of("FetchDayMark"), [{ _tag: "FetchDayMark", day: TOMORROW }])
      assert.strictEqual(rig.state.markAsked, TOMORROW)
    }
  })

  it("is not what they are worth while one of their pairs is stale", () => {
    const rig = holding([lot({ id: A }), lot({ id: id("kt1-b"), symbol: BTC })])
    rig.now = MIDNIGHT
    const pair = { ...rig.state.pairs.get(XLM)!, confirmedAt: rig.now }
    const stale = { ...pair, instrument: instrument({ symbol: BTC, base: "BTC" }), confirmedAt: rig.now - 10_001 }
    rig.state = {
      ...rig.state,
      pairs: new Map([
        [XLM, pair],
        [BTC, stale]
      ])
    }
    assert.strictEqual(look(rig).of("FetchDayMark").length, 1)
  })

  it("that can't be taken is asked for once a minute, and at once on a new day", () => {
    const rig = holding([lot({ id: A })])
    rig.now = MIDNIGHT + 600_000
    assert.strictEqual(look(rig).of("FetchDayMark").length, 1)
    const asked = [1, 59_999, 1].map((ms) => look(rig.after(ms)).of("FetchDayMark").length)
    assert.deepEqual(asked, [1, 0, 1])
    rig.now = MIDNIGHT + 86_400_000 + 120_000
    assert.deepEqual(look(rig).of("FetchDayMark"), [{ _tag: "FetchDayMark", day: "2024-03-12" }])
  })

  it("a new day forgets what the breaker held for the old one", () => {
    const rig = holding([lot({ id: A })]).send({ _tag: "Tripped", cause: "dailyLoss", reason: "test" })
    rig.now = MIDNIGHT + 600_000
    assert.isUndefined(look(rig).state.breaker.latches.dailyLoss)
  })

  const told = (mark: string | undefined, price: string | undefined): Rig => {
    const rig = new Rig({
      snapshot: {
        lots: [lot({ id: A })],
        ...(mark === undefined ? {} : { valuation: Option.some({ at: NOON - 1, equity: usd(mark) }) })
      }
    }).send({ _tag: "FeesSeen", fees: new Map([[XLM, { maker: rate("0.0025"), taker: rate("0.004") }]]) })
    const prices = new Map(price === undefined ? [] : [[XLM, p(price)]])
    return rig.send({ _tag: "DayMarkPrices", day: TODAY, prices })
  }

  it("from a candle and the last valuation is the higher of the two, from which more is lost", () => {
    assert.deepEqual(
      [
        told("-0.065", "0.1"),
        told("-0.064", "0.1"),
        told("-0.066", "0.1"),
        told(undefined, "0.1"),
        told("1", undefined)
      ].map(({ state: { dayMark } }) => [dayMark?.source, dayMark?.equity]),
      [
        ["candle", usd("-0.065")],
        ["last valuation", usd("-0.064")],
        ["candle", usd("-0.065")],
        ["candle", usd("-0.065")],
        ["last valuation", usd("1")]
      ]
    )
  })

  it("that nothing tells is a warning, once an hour", () => {
    const rig = told(undefined, undefined)
    const again = (ms: number) =>
      rig.after(ms).send({ _tag: "DayMarkPrices", day: TODAY, prices: new Map() }).of("Alert").length
    assert.deepEqual(
      rig.of("Alert").map(({ kind, severity }) => [kind, severity]),
      [["daymark.missing", "warning"]]
    )
    assert.deepEqual([again(3_599_999), again(1)], [0, 1])
  })

  it("a pair whose fees are not known counts without", () => {
    const rig = new Rig({ snapshot: { lots: [lot({ id: A, symbol: BTC })] } })
    rig.send({ _tag: "DayMarkPrices", day: TODAY, prices: new Map([[BTC, p("0.11")]]) })
    assert.strictEqual(rig.state.dayMark?.equity, usd("0.975"))
  })
})

describe("the day's loss", () => {
  // 100 bought for 10.025, worth 9.96 less what was lost before
  const losing = (mark: string): Rig => look(holding([lot({ id: A })], marked(mark)))

  it("latches when it is reached, and once a day", () => {
    assert.isUndefined(losing("1.934999999999").state.breaker.latches.dailyLoss)
    const rig = losing("1.935")
    assert.strictEqual(rig.state.breaker.latches.dailyLoss?.day, TODAY)
    const latches = () => rig.ever("Alert").filter((d) => d.data?.["cause"] === "dailyLoss").length
    assert.strictEqual(latches(), 1)
    look(rig.after(1000))
    assert.strictEqual(latches(), 1)
    rig.now = MIDNIGHT + 600_000
    rig.state = { ...rig.state, dayMark: { ...marked("9"), day: TOMORROW } }
    look(rig)
    assert.strictEqual(rig.state.breaker.latches.dailyLoss?.day, TOMORROW)
  })
})

describe("the records of a minute", () => {
  it("say what the account is worth, what was made and lost, and how the breaker stands", () => {
    const rig = holding([lot({ id: A })], marked("0.1"))
    // the account of this test holds no coins, and the books say a hundred
    rig.state = {
      ...rig.state,
      foreign: new Map([["USD", usd("90")]]),
      totals: { ...rig.state.totals, ownUsd: usd("-10"), realised: usd("0.5"), closedTrades: 3, winningTrades: 2 }
    }
    rig.after(1000).send({ _tag: "Tick" })
    const [valuation, metrics] = rig.written.slice(-2)
    assert.deepEqual(valuation, { _tag: "Valuation", valuation: { at: rig.now, equity: usd("0.435") } })
    assert.deepEqual(rig.state.valuation, { at: rig.now, equity: usd("0.435") })
    assert.deepEqual(metrics, {
      _tag: "Metrics",
      row: {
        at: rig.now,
        balanceUsd: usd("80"),
        totalTrades: 3,
        winningTrades: 2,
        totalProfitLoss: usd("0.5"),
        dailyProfitLoss: usd("0.335"),
        breakerState: "OPEN: balance"
      }
    })
    const rows = (ms: number) => {
      rig.after(ms).send({ _tag: "Tick" })
      return rig.written.filter((w) => w._tag === "Metrics").length
    }
    assert.deepEqual([rows(59_999), rows(1), rows(30_000)], [1, 2, 2])
    rig.send({ _tag: "Stopping", reason: "SIGTERM" })
    assert.strictEqual(rig.written.filter((w) => w._tag === "Metrics").length, 3)
  })

  it("are not taken before the trader has started", () => {
    const rig = new Rig().tick(70)
    assert.isFalse(rig.written.some((w) => w._tag === "Metrics"))
  })
})
