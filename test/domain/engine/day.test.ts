import { Option } from "effect"
import { assert, describe, it } from "vitest"
import { id, lot, NOON, p, q, rate, usd, XLM } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

describe("the trading day (I6)", () => {
  const loser = () => {
    const held = lot({ id: id("kt1-a"), cost: usd("30"), quantity: q("300"), remaining: q("300") })
    return new Rig({
      limits: { maxTotalExposure: usd("100"), maxDailyLoss: usd("2") },
      snapshot: {
        lots: [held],
        dayMark: Option.some({ day: "2024-03-10", at: NOON, equity: usd("0"), source: "no lots" as const })
      }
    })
  }

  it("the loss of open lots latches the day, and neither a recovery nor a reset lifts it; the next UTC day does", () => {
    const rig = loser().ready().after(2000).quote("0.098", "0.0981")
    assert.isUndefined(rig.state.breaker.latches.dailyLoss)
    rig.after(2000).quote("0.0935", "0.0936")
    assert.isDefined(rig.state.breaker.latches.dailyLoss)
    rig.after(2000).quote("0.0975", "0.0976").send({ _tag: "Reset", cause: undefined, reason: "please" })
    assert.isDefined(rig.state.breaker.latches.dailyLoss)
    rig.now = NOON + 12 * 3_600_000 + 1000
    rig.quote("0.0975", "0.0976").send({ _tag: "Tick" })
    assert.isUndefined(rig.state.breaker.latches.dailyLoss)
    assert.strictEqual(rig.state.dayMark?.day, "2024-03-11")
    assert.strictEqual(rig.state.dayMark?.source, "quote")
  })

  it("survives a restart: the mark is the persisted one", () => {
    const rig = loser()
    rig.quote("0.0935", "0.0936")
    assert.isUndefined(rig.state.breaker.latches.dailyLoss)
    rig.send({ _tag: "FeesSeen", fees: new Map([[XLM, { maker: rate("0.0025"), taker: rate("0.004") }]]) })
    assert.isDefined(rig.state.breaker.latches.dailyLoss)
  })

  it("a mark that could not be taken at midnight comes from the candle or the last valuation, the stricter", () => {
    const held = lot({ id: id("kt1-a") })
    const build = () =>
      new Rig({
        snapshot: { lots: [held], valuation: Option.some({ at: NOON - 86_400_000, equity: usd("-1") }) }
      }).ready()
    const asked = build()
    assert.strictEqual(asked.ever("FetchDayMark")[0]?.day, "2024-03-10")
    asked.send({ _tag: "DayMarkPrices", day: "2024-03-10", prices: new Map([[XLM, p("0.11")]]) })
    assert.strictEqual(asked.state.dayMark?.source, "candle")
    const stricter = build()
    stricter.send({ _tag: "DayMarkPrices", day: "2024-03-10", prices: new Map([[XLM, p("0.05")]]) })
    assert.strictEqual(stricter.state.dayMark?.source, "last valuation")
    const none = new Rig({ snapshot: { lots: [held] } }).ready()
    none.send({ _tag: "DayMarkPrices", day: "2024-03-10", prices: new Map() })
    assert.isUndefined(none.state.dayMark)
    none.signal()
    assert.isFalse(none.ever("Propose").some((d) => d.proposal.side === "buy"))
    assert.isTrue(none.ever("Alert").some((d) => d.kind === "daymark.missing"))
  })

  it("deposits and the owner's coins play no part", () => {
    const rig = loser().ready()
    const before = rig.state.dayMark
    rig.after(10_000).send({
      _tag: "BalancesSeen",
      begunAt: rig.now,
      total: new Map<string, bigint>([
        ["USD", usd("5000")],
        ["XLM", q("300")]
      ]),
      hold: new Map()
    })
    assert.deepEqual(rig.state.dayMark, before)
  })

  it("a metrics row a minute, and one at stop", () => {
    const rig = new Rig().ready().tick(121)
    const rows = rig.written.filter((w) => w._tag === "Metrics").length
    assert.isTrue(rows >= 2 && rows <= 3)
    rig.send({ _tag: "Stopping", reason: "test" })
    assert.strictEqual(rig.written.filter((w) => w._tag === "Metrics").length, rows + 1)
  })
})
