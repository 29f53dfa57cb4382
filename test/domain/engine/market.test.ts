import { assert, describe, it } from "vitest"
import { limits, XLM } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const texts = (rig: Rig): string =>
  rig
    .ever("Log")
    .map((d) => d.text)
    .join("\n")

describe("candles", () => {
  it("close by the minute, quiet minutes repeat the price, and an outage leaves a gap that must be loaded anew", () => {
    const rig = new Rig().ready()
    for (let n = 0; n < 130; n++) {
      rig.after(1000).send({ _tag: "Tick" })
      if (n < 10 || n > 120) rig.quote()
    }
    const closed = rig.views.flatMap((view) => view.closed)
    assert.strictEqual(closed.length, 2)
    assert.isTrue(closed.every((candle) => candle.close > 0.1 && candle.close < 0.1001))
    rig.send({ _tag: "PublicDown", reason: "closed" })
    const seen = rig.views.length
    rig.send({ _tag: "PublicUp" }).after(2000).quote()
    assert.strictEqual(rig.views.length, seen)
    rig.tick()
    assert.isTrue(rig.ever("FetchCandles").length > 0)
    rig.send({ _tag: "CandlesLoaded", symbol: XLM, candles: [] }).after(2000).quote()
    assert.strictEqual(rig.views.length, seen)
  })

  it("unsound quotes and pairs that are not traded change nothing", () => {
    const rig = new Rig().ready()
    const before = rig.state.pairs
    rig.send({ _tag: "QuoteUnsound", symbol: XLM })
    assert.strictEqual(rig.state.pairs, before)
    assert.match(texts(rig), /not sound/)
    assert.strictEqual(limits().maxRequotes, 5)
  })
})
