import { assert, describe, it } from "vitest"
import type { PairState } from "../../../src/domain/engine/State.ts"
import type { Candle } from "../../../src/domain/market/Market.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import { BTC, entry, id, instrument, limits, NOON, p, q, quote, XLM } from "../../support/build.ts"
import { candles, enter, Rig } from "./Rig.ts"

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

const pairOf = (rig: Rig, symbol = XLM): PairState => rig.state.pairs.get(symbol)!
const withPair = (rig: Rig, change: Partial<PairState>): Rig => {
  rig.state = { ...rig.state, pairs: new Map(rig.state.pairs).set(XLM, { ...pairOf(rig), ...change }) }
  return rig
}

describe("the jump check", () => {
  const at = (rig: Rig, ms: number, mid: string): Rig => rig.after(ms).quote(mid, mid)
  const jumped = (rig: Rig): boolean => rig.state.breaker.latches.price !== undefined
  const begun = (): Rig => withPair(new Rig().ready(), { mids: [] }).quote("0.1", "0.1")

  it("allows a move of exactly MAX_PRICE_JUMP_PCT within a minute, up or down, and no more", () => {
    assert.isFalse(jumped(at(begun(), 1000, "0.105")))
    assert.isFalse(jumped(at(begun(), 1000, "0.095")))
    for (const mid of ["0.105001", "0.094999"]) {
      const rig = at(begun(), 1000, mid)
      assert.isTrue(jumped(rig))
      assert.deepEqual(pairOf(rig).mids, [{ at: rig.now, mid: p(mid) }])
    }
  })

  it("keeps a price a second for a minute, and compares the first after a silence with the last before it", () => {
    const rig = begun()
    at(rig, 999, "0.101")
    assert.strictEqual(pairOf(rig).mids.length, 1)
    at(rig, 1, "0.102")
    assert.deepEqual(
      pairOf(rig).mids.map((one) => one.mid),
      [p("0.1"), p("0.102")]
    )
    at(rig, 59_000, "0.103")
    assert.strictEqual(pairOf(rig).mids.length, 3)
    at(rig, 1000, "0.103")
    assert.deepEqual(
      pairOf(rig).mids.map((one) => one.mid),
      [p("0.102"), p("0.103"), p("0.103")]
    )
    assert.isFalse(jumped(rig))
    assert.isTrue(jumped(at(rig, 600_000, "0.11")))
  })
})

describe("a candle", () => {
  it("is made of the mid prices of its minute; quiet minutes repeat the last one", () => {
    const rig = withPair(new Rig().ready(), { draft: undefined, mids: [] })
    rig.quote("0.1", "0.1").after(10_000).quote("0.101", "0.103").after(10_000).quote("0.0985", "0.0995")
    rig.after(39_999).send({ _tag: "Tick" })
    assert.deepEqual(
      rig.views.flatMap((view) => view.closed),
      []
    )
    rig.after(1).quote("0.1", "0.1")
    const first = { at: NOON, open: 0.1, high: 0.102, low: 0.099, close: 0.099, volume: 0 }
    assert.deepEqual(
      rig.views.flatMap((view) => view.closed),
      [first]
    )
    assert.deepEqual(pairOf(rig).draft, { at: NOON + 60_000, open: 0.099, high: 0.1, low: 0.099, close: 0.1 })
    rig.after(120_000).quote("0.1", "0.1")
    const quiet = { at: NOON + 120_000, open: 0.1, high: 0.1, low: 0.1, close: 0.1, volume: 0 }
    assert.deepEqual(rig.views.flatMap((view) => view.closed).slice(1), [
      { at: NOON + 60_000, open: 0.099, high: 0.1, low: 0.099, close: 0.1, volume: 0 },
      quiet
    ])
  })

  it("begins with the interval that its first price falls into", () => {
    const rig = withPair(new Rig().ready(), { draft: undefined }).after(90_000).quote("0.1", "0.1")
    assert.deepEqual(pairOf(rig).draft, { at: NOON + 60_000, open: 0.1, high: 0.1, low: 0.1, close: 0.1 })
  })

  it("hears the stream alone, and nothing before the history is there", () => {
    const rig = withPair(new Rig().ready(), { draft: undefined }).quote("0.1", "0.1", "rest")
    assert.isUndefined(pairOf(rig).draft)
    assert.deepEqual(pairOf(rig).closed, [])
    const cold = withPair(new Rig().ready(), { draft: undefined, warm: false }).quote()
    assert.isUndefined(pairOf(cold).draft)
  })

  it("waits for the strategy while that may not step, and is seen once", () => {
    const rig = withPair(new Rig().ready(), { feesAt: undefined, draft: undefined }).quote("0.1", "0.1")
    rig.after(60_000).quote("0.1", "0.1").after(60_000).quote("0.1", "0.1").after(60_000).send({ _tag: "Tick" })
    assert.deepEqual(
      pairOf(rig).closed.map((candle) => candle.at),
      [NOON, NOON + 60_000, NOON + 120_000]
    )
    withPair(rig, { feesAt: rig.now }).after(1000).quote("0.1", "0.1")
    assert.strictEqual(rig.views.at(-1)?.closed.length, 3)
    assert.deepEqual(pairOf(rig).closed, [])
  })

  it("is not closed by time alone while the stream is down", () => {
    const rig = new Rig().ready()
    rig.state = { ...rig.state, publicUp: false }
    rig.after(120_000).send({ _tag: "Tick" })
    assert.deepEqual(pairOf(rig).closed, [])
  })
})

describe("the strategy's turn", () => {
  it("shows it the market as it is", () => {
    const rig = new Rig().ready()
    rig.after(1000).quote("0.1", "0.1001")
    assert.deepEqual(rig.views.at(-1), {
      symbol: XLM,
      now: rig.now,
      bid: 0.1,
      ask: 0.1001,
      tick: 0.000001,
      makerFee: 0.0025,
      takerFee: 0.004,
      closed: [],
      engaged: false
    })
    assert.strictEqual(pairOf(rig).steppedAt, rig.now)
  })

  it("comes once a second, on what is known and fresh, by quotes of the stream and by time", () => {
    const turns = (change: Partial<PairState>, ms: number, act: (rig: Rig) => Rig, up = true): number => {
      const rig = new Rig().ready()
      withPair(rig, { steppedAt: NOON, ...change })
      rig.state = { ...rig.state, publicUp: up }
      const before = rig.views.length
      act(rig.after(ms))
      return rig.views.length - before
    }
    const quoted = (rig: Rig) => rig.quote()
    const ticked = (rig: Rig) => rig.send({ _tag: "Tick" })
    assert.deepEqual([turns({}, 999, quoted), turns({}, 1000, quoted), turns({}, 1000, ticked)], [0, 1, 1])
    assert.strictEqual(turns({ steppedAt: undefined }, 0, quoted), 1)
    assert.strictEqual(
      turns({}, 1000, (rig) => rig.quote("0.1", "0.1001", "rest")),
      0
    )
    assert.strictEqual(turns({ warm: false }, 1000, quoted), 0)
    assert.strictEqual(turns({ feesAt: undefined }, 1000, quoted), 0)
    assert.strictEqual(turns({ quote: undefined }, 1000, ticked), 0)
    assert.strictEqual(turns({ confirmedAt: undefined }, 1000, ticked), 0)
    assert.deepEqual([turns({}, 10_000, ticked), turns({}, 10_001, ticked)], [1, 0])
    assert.strictEqual(turns({}, 1000, quoted, false), 0)
  })

  it("comes at once when the best prices have moved, and not for their sizes", () => {
    const rig = new Rig().ready()
    withPair(rig, { steppedAt: rig.now })
    const before = rig.views.length
    const { quote } = pairOf(rig)
    assert(quote !== undefined)
    rig.after(1).send({ _tag: "QuoteSeen", quote: { ...quote, at: rig.now, bidQuantity: q("7") }, source: "stream" })
    assert.strictEqual(rig.views.length - before, 0)
    const bid = Money.Price(quote.bid - 1n)
    rig.after(1).send({ _tag: "QuoteSeen", quote: { ...quote, at: rig.now, bid }, source: "stream" })
    assert.strictEqual(rig.views.length - before, 1)
    const ask = Money.Price(quote.ask + 1n)
    rig.after(1).send({ _tag: "QuoteSeen", quote: { ...quote, at: rig.now, bid, ask }, source: "stream" })
    assert.strictEqual(rig.views.length - before, 2)
    rig.after(1).send({ _tag: "QuoteSeen", quote: { ...quote, at: rig.now, bid, ask }, source: "rest" })
    assert.strictEqual(rig.views.length - before, 2)
  })

  it("a signal said again is the newer one and keeps its count; a withdrawal ends it", () => {
    const rig = new Rig({ limits: { minTradeInterval: 600_000 } }).ready()
    rig.state = { ...rig.state, throttle: { ...rig.state.throttle, lastEntryAt: rig.now } }
    rig.signal()
    const first = pairOf(rig).signal!
    assert.deepEqual([first.at, first.requotes], [rig.now, 0])
    withPair(rig, { signal: { ...first, requotes: 3 } }).signal(enter(0.0999))
    assert.deepEqual([pairOf(rig).signal?.at, pairOf(rig).signal?.requotes], [rig.now, 3])
    rig.signal({ _tag: "Withdraw", reason: "reverted" })
    assert.isUndefined(pairOf(rig).signal)
    assert.strictEqual(pairOf(rig).note, "reverted")
  })

  it("without a word from it the pair says so, unless something is under way", () => {
    const rig = withPair(new Rig().ready(), { note: "old" }).after(1000).quote()
    assert.strictEqual(pairOf(rig).note, "no signal")
    const order = entry({ id: id("kt1-a") })
    const busy = withPair(new Rig().ready(), { note: "old" })
    busy.state = { ...busy.state, orders: new Map([[order.id, order]]) }
    assert.strictEqual(pairOf(busy.after(1000).quote()).note, "old")
  })

  it("a strategy that is not ready ends the signal; one that is leaves its features", () => {
    const said = enter()
    assert(said._tag === "Enter")
    const signal = { entry: said, at: NOON, requotes: 0 }
    const answering = (outcome: unknown): Rig => {
      const rig = new Rig().ready()
      const strategy = { ...pairOf(rig).strategy, step: () => ({ next: pairOf(rig).strategy, outcome }) }
      return withPair(rig, { signal, strategy: strategy as never })
        .after(1000)
        .quote()
    }
    assert.isUndefined(pairOf(answering({ _tag: "Unready", why: "cold" })).signal)
    assert.deepEqual(pairOf(answering({ _tag: "Ready", signals: [], features: { z: 7 } })).features, { z: 7 })
  })

  it("starts anew on the history that it needs, the newest of it", () => {
    const rig = withPair(new Rig().ready(), { warm: false, note: "", closed: candles(1) })
    const seen: Array<number> = []
    const start = rig.state.rules.strategy.start()
    const strategy = {
      ...rig.state.rules.strategy,
      start: () => ({ ...start, warmUp: (all: ReadonlyArray<Candle>) => (seen.push(all.length), start) })
    }
    for (const warmUpCandles of [3, 0]) {
      rig.state = { ...rig.state, rules: { ...rig.state.rules, strategy: { ...strategy, warmUpCandles } } }
      rig.send({ _tag: "CandlesLoaded", symbol: XLM, candles: candles(5) })
    }
    assert.deepEqual(seen, [3, 1])
    const { warm, draft, closed, note } = pairOf(rig)
    assert.deepEqual([warm, draft, closed, note], [true, undefined, [], "warmed up"])
    const before = rig.state.pairs
    rig.send({ _tag: "CandlesLoaded", symbol: XLM, candles: [] })
    assert.strictEqual(rig.state.pairs, before)
  })
})

describe("quotes", () => {
  it("of REST that are as new as the stream's are taken; older ones confirm", () => {
    for (const [ms, bid] of [
      [0, "0.0999"],
      [-1, "0.1"]
    ] as const) {
      const rig = new Rig().ready()
      const { at } = pairOf(rig).quote!
      rig.after(2000).send({ _tag: "QuoteSeen", quote: quote("0.0999", "0.1", at + ms), source: "rest" })
      assert.strictEqual(pairOf(rig).quote?.bid, p(bid))
      assert.strictEqual(pairOf(rig).confirmedAt, rig.now)
    }
    const rig = new Rig().ready()
    rig.send({ _tag: "QuoteSeen", quote: quote("0.0999", "0.1", NOON - 5), source: "stream" })
    assert.strictEqual(pairOf(rig).quote?.bid, p("0.0999"))
  })

  it("that get old are asked for, every pair's, and history where there is none", () => {
    const two = new Rig({ instruments: [instrument(), instrument({ symbol: BTC, base: "BTC" })] })
    two.send({ _tag: "Tick" })
    assert.deepEqual(
      two.of("FetchQuote").map((d) => d.symbol),
      [XLM, BTC]
    )
    assert.deepEqual(two.of("FetchCandles"), [])
    two.send({ _tag: "PublicUp" }).send({ _tag: "Tick" })
    assert.deepEqual(two.of("FetchQuote"), [])
    assert.deepEqual(
      two.of("FetchCandles").map((d) => d.symbol),
      [XLM, BTC]
    )
    assert.deepEqual(two.after(14_999).send({ _tag: "Tick" }).of("FetchCandles"), [])
    assert.strictEqual(two.after(1).send({ _tag: "Tick" }).of("FetchCandles").length, 2)
    const rig = new Rig().ready()
    assert.deepEqual(rig.after(5000).send({ _tag: "Tick" }).of("FetchQuote"), [])
    assert.deepEqual(rig.after(1).send({ _tag: "Tick" }).of("FetchQuote"), [{ _tag: "FetchQuote", symbol: XLM }])
    assert.deepEqual(rig.after(2499).send({ _tag: "Tick" }).of("FetchQuote"), [])
    assert.strictEqual(rig.after(1).send({ _tag: "Tick" }).of("FetchQuote").length, 1)
    assert.deepEqual(rig.of("FetchCandles"), [])
  })

  it("a stream that goes leaves a gap: history, candles and signal are gone", () => {
    const said = enter()
    assert(said._tag === "Enter")
    const rig = withPair(new Rig().ready(), { signal: { entry: said, at: NOON, requotes: 0 }, closed: candles(1) })
    rig.send({ _tag: "PublicDown", reason: "closed" })
    const { warm, draft, closed, signal } = pairOf(rig)
    assert.deepEqual([warm, draft, closed, signal], [false, undefined, [], undefined])
    assert.deepEqual([rig.state.publicUp, rig.state.publicUpAt], [false, undefined])
    assert.strictEqual(rig.state.breaker.failures.stream, 1)
  })
})
