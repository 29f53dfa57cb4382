import { existsSync, readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import type { Interval } from "../../../../src/domain/exchange/Boundary.ts"
import { eventsOf, printsOf } from "../../../../src/domain/exchange/market/events.ts"
import type { PathBar } from "../../../../src/domain/exchange/market/PathBar.ts"
import { joinBars, printsToBars, toBar } from "../../../../src/domain/exchange/market/PathBar.ts"
import { span, taped } from "../../../../src/domain/exchange/market/Taped.ts"
import type { Tape } from "../../../../src/domain/exchange/market/tapeText.ts"
import { makeReader } from "../../../../src/domain/exchange/market/tapeText.ts"
import { barsOf, number, playUntil, text, XLM } from "./support.ts"

const folder = "../shared/data/market"
const MINUTE = 60_000
const T0 = 1_600_000_020

const read = (lines: ReadonlyArray<string>): ReturnType<ReturnType<typeof makeReader>["end"]> => {
  const reader = makeReader(XLM)
  for (const line of lines) {
    const fault = reader.line(line)
    if (fault !== undefined) return Either.left(fault)
  }
  return reader.end()
}
const tape = (...lines: ReadonlyArray<string>): Tape => Either.getOrThrow(read(lines))
const fault = (...lines: ReadonlyArray<string>): string => {
  const result = read(lines)
  assert(Either.isLeft(result))
  return `${result.left.reason} ${result.left.line ?? "-"}: ${result.left.detail}`
}
const HEADER = "ts,open,high,low,close,volume"
const row = (minute: number, prices: string, volume = "100"): string => `${T0 + minute * 60},${prices},${volume}`

describe("reading tapes", () => {
  it("reads bars, in any order of columns, with a mark of byte order and DOS line ends", () => {
    const bars = tape("\uFEFFvolume,ts,Open,high,low,close,trades,more\r", `5,${T0},0.1,0.3,0.05,0.2,7,x\r`, "")
    assert.deepStrictEqual(bars, {
      _tag: "Bars",
      ms: MINUTE,
      bars: [{ at: T0 * 1000, open: 100_000, high: 300_000, low: 50_000, close: 200_000, volume: 5e8, trades: 7 }]
    })
  })

  it("reads trades, and tells who took when the tape does not", () => {
    const trades = tape("ts,price,volume", `${T0}.5,0.1,1`, `${T0}.5,0.2,1`, `${T0 + 1},0.1,1`, `${T0 + 1},0.1,2e-8`)
    assert(trades._tag === "Trades")
    assert.deepStrictEqual(
      trades.prints.map((p) => [p.at - T0 * 1000, p.price, p.size, p.side]),
      [
        [500, 100_000, 1e8, "buy"],
        [500, 200_000, 1e8, "buy"],
        [1000, 100_000, 1e8, "sell"],
        [1000, 100_000, 2, "sell"]
      ]
    )
    const sided = tape("ts,price,volume,side", `${T0},0.1,1,s`, `${T0},0.1,1,buy`)
    assert(sided._tag === "Trades")
    assert.deepStrictEqual(
      sided.prints.map((p) => p.side),
      ["sell", "buy"]
    )
  })

  it("says which line is wrong, and what of it", () => {
    const good = row(0, "1,1,1,1")
    assert.match(fault("ts,bid,ask"), /^bad header 1: .*ts,open,high,low,close,volume/)
    assert.match(fault(), /^empty/)
    assert.match(fault(HEADER), /^empty/)
    assert.match(fault(HEADER, ""), /^empty/)
    assert.match(fault(HEADER, good, `${T0},1,1,1,1`), /^bad line 3: 5 values for 6 columns/)
    assert.match(fault(HEADER, "soon,1,1,1,1,1"), /^bad line 2: ts/)
    assert.match(fault(HEADER, `${T0}000,1,1,1,1,1`), /^bad line 2: ts must be Unix seconds/)
    assert.match(fault(HEADER, `${T0}.5,1,1,1,1,1`), /^bad line 2: ts must be whole/)
    assert.match(fault(HEADER, good, good), /^bad line 3: ts must be later/)
    assert.match(fault(HEADER, row(0, "1,1,0,1")), /^bad line 2: open, high, low and close/)
    assert.match(fault(HEADER, row(0, "NaN,1,1,1")), /^bad line 2: open, high/)
    assert.match(fault(HEADER, row(0, "1,1,1,1", "-1")), /^bad line 2: volume/)
    assert.match(fault(HEADER, row(0, "1,2,1.5,2")), /^bad line 2: low is above/)
    assert.match(fault(HEADER, row(0, "1,1.5,1,2")), /^bad line 2: high is below/)
    assert.match(fault(HEADER, row(0, "1,1,0.0000001,1")), /^bad line 2: low is below half a tick/)
    assert.match(fault(`${HEADER},trades`, `${good},1.5`), /^bad line 2: trades/)
    assert.match(
      fault(HEADER, row(0, "1,1,1,1"), row(2, "1,1,1,1"), row(5, "1,1,1,1")),
      /^bad line 4: the bar does not start on the tape's grid of 120 seconds/
    )
    const trades = "ts,price,volume,side"
    assert.match(fault(trades, `${T0},1,1,b`, `${T0 - 1},1,1,b`), /^bad line 3: ts must not be earlier/)
    assert.match(fault(trades, `${T0},0,1,b`), /^bad line 2: price/)
    assert.match(fault(trades, `${T0},1,0,b`), /^bad line 2: volume/)
    assert.match(fault(trades, `${T0},1,1,x`), /^bad line 2: side/)
  })
})

const ohlc = (bar: { open: number; high: number; low: number; close: number }) => [
  bar.open,
  bar.high,
  bar.low,
  bar.close
]

const anyBar: FastCheck.Arbitrary<PathBar> = FastCheck.record({
  prices: FastCheck.array(FastCheck.integer({ min: 50_000, max: 50_400 }), { minLength: 4, maxLength: 4 }),
  volume: FastCheck.integer({ min: 100, max: 1e14 }),
  count: FastCheck.integer({ min: 0, max: 60 }),
  spread: FastCheck.integer({ min: 1, max: 90 }),
  ms: FastCheck.constantFrom(MINUTE, 3 * MINUTE),
  flat: FastCheck.boolean()
}).map(({ count, flat, ms, prices, spread, volume }) => {
  const [open = 0, close = 0, a = 0, b = 0] = flat ? prices.map(() => prices[0]!) : prices
  return {
    at: T0 * 1000,
    ms,
    open,
    close,
    high: Math.max(open, close, a, b),
    low: Math.min(open, close, a, b),
    volume,
    count,
    spread,
    size: 1e10
  }
})

describe("playing bars", () => {
  it("trades every bar to its four prices and its volume, each trade at the best price of that moment", () => {
    FastCheck.assert(
      FastCheck.property(anyBar, FastCheck.integer({ min: 1, max: 1e9 }), (bar, seed) => {
        const events = eventsOf(XLM, bar, seed)
        const [only, ...others] = barsOf(events, bar.ms / 1000)
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(ohlc(only!), ohlc(toBar(XLM, bar)))
        assert.closeTo(only!.volume, bar.volume / 1e8, 1e-6 * Math.max(1, only!.volume))
        let best = [0n, 0n]
        let last = bar.at
        for (const event of events) {
          assert(event.at >= last && event.at < bar.at + bar.ms)
          last = event.at
          if (event._tag === "Trade") assert.strictEqual(event.price, event.side === "buy" ? best[1]! : best[0]!)
          else {
            best = [event.bids[0]![0], event.asks[0]![0]]
            assert(best[1]! > best[0]!)
          }
        }
        assert.strictEqual(text(eventsOf(XLM, bar, seed)), text(events))
        const sold = printsOf(XLM, bar, seed)
        assert.deepStrictEqual(
          sold.map((p) => p.at),
          events.filter((e) => e._tag === "Trade").map((e) => e.at)
        )
      })
    )
  })

  it("quotes a pair of the smallest prices without going below a tick", () => {
    const bar = { at: 0, ms: MINUTE, open: 1, high: 2, low: 1, close: 2, volume: 5e8, count: 4, spread: 9, size: 1e8 }
    for (const event of eventsOf(XLM, bar, 1)) {
      if (event._tag === "Quote") assert(event.bids.every((level) => level[0] > 0n))
    }
  })
})

describe("taped market", () => {
  const HOURS = ["0.1,0.11,0.09,0.105", "0.105,0.12,0.1,0.11", "0.11,0.11,0.11,0.11", "0.11,0.115,0.1,0.101"]
  const hourly = tape(HEADER, ...HOURS.map((prices, i) => `${T0 - 20 + i * 3600},${prices},${i === 2 ? 0 : 9000}`))

  it("tells intervals that its bars fill by their sums, and they agree with the trades", () => {
    const first = 1_599_998_400
    const aligned = tape(HEADER, ...HOURS.map((prices, i) => `${first + i * 3600},${prices},9000`))
    const played = playUntil(taped({ seed: 4, pairs: [{ listing: XLM, tape: aligned }] }), span(aligned).end)
    const later = taped({ seed: 4, pairs: [{ listing: XLM, tape: aligned }], from: span(aligned).end - 1 })
    for (const interval of [30, 60] as ReadonlyArray<Interval>) {
      const expected = barsOf(played, interval * 60).slice(0, -1)
      assert.deepStrictEqual(later.history(XLM.symbol, interval).map(ohlc), expected.map(ohlc))
    }
  })

  it("tells a shorter interval by the trades that are played", () => {
    const all = taped({ seed: 4, pairs: [{ listing: XLM, tape: hourly }] })
    const played = playUntil(all, all.end! + 1)
    const { end, start } = span(hourly)
    assert.deepStrictEqual([all.start, all.end], [start, end])
    const from = start + 4 * 3_600_000 - 1_234_567
    const later = taped({ seed: 4, pairs: [{ listing: XLM, tape: hourly }], from })
    for (const interval of [1, 5, 15, 60] as ReadonlyArray<Interval>) {
      const expected = barsOf(played, interval * 60).filter((bar) => (bar.time + interval * 60) * 1000 <= from)
      const told = later.history(XLM.symbol, interval)
      assert.strictEqual(told.length, expected.length)
      told.forEach((bar, i) => {
        assert.strictEqual(bar.time, expected[i]!.time)
        assert.deepStrictEqual(ohlc(bar), ohlc(expected[i]!))
        assert.closeTo(bar.volume, expected[i]!.volume, 1e-6)
      })
    }
    assert.strictEqual(text(playUntil(later, end)), text(played.filter((event) => event.at >= from)))
    assert.deepStrictEqual(later.history(XLM.symbol, 21_600), [])
  })

  it("keeps quoting through a gap and a bar without volume, without trades", () => {
    const gaps = tape(HEADER, row(0, "0.1,0.11,0.09,0.105"), row(1, "0.1,0.1,0.1,0.1", "0"), row(5, "0.2,0.2,0.2,0.2"))
    const source = taped({ seed: 1, pairs: [{ listing: XLM, tape: gaps }] })
    const inGap = playUntil(source, source.end!).filter((e) => e.at >= (T0 + 120) * 1000 && e.at < (T0 + 300) * 1000)
    assert(inGap.every((e) => e._tag === "Quote"))
    assert.isAbove(inGap.length, 30)
    assert(inGap.every((e) => e._tag === "Quote" && number(e.bids[0]![0]) === 0.1))
  })

  it("stops where it is told, and ends where the tape ends", () => {
    const to = span(hourly).start + 3_600_000
    const part = taped({ seed: 1, pairs: [{ listing: XLM, tape: hourly }], to })
    const end = part.advance(part.initial, to + 10 * 3_600_000)
    assert.isBelow(end.events.at(-1)!.at, to)
    assert.strictEqual(part.nextAt(end.state), undefined)
    const beyond = taped({ seed: 1, pairs: [{ listing: XLM, tape: hourly }], from: span(hourly).end })
    assert.strictEqual(beyond.nextAt(beyond.initial), undefined)
    const lastMoment = taped({ seed: 1, pairs: [{ listing: XLM, tape: hourly }], from: span(hourly).end - 1 })
    const left = lastMoment.advance(lastMoment.initial, span(hourly).end).events
    assert.strictEqual(left.at(-1)!._tag, "Trade")
    assert(left.every((e) => e.at === span(hourly).end - 1))
  })

  it("plays trades as they were, whatever the seed", () => {
    const lines = [
      "ts,price,volume,side",
      `${T0 + 3}.25,0.1,50,buy`,
      `${T0 + 3}.25,0.099,60,sell`,
      `${T0 + 200},0.12,70,buy`
    ]
    const trades = tape(...lines)
    const source = taped({ seed: 9, pairs: [{ listing: XLM, tape: trades }], spread: 0.001 })
    const played = playUntil(source, source.end!).filter((e) => e._tag === "Trade")
    assert.deepStrictEqual(
      played.map((e) => [e.at - T0 * 1000, number(e.price), number(e.quantity), e.side]),
      [
        [3250, 0.1, 50, "buy"],
        [3250, 0.099, 60, "sell"],
        [200_000, 0.12, 70, "buy"]
      ]
    )
    const later = taped({ seed: 9, pairs: [{ listing: XLM, tape: trades }], from: source.end! })
    const minutes = later.history(XLM.symbol, 1)
    assert.deepStrictEqual(
      minutes.map((bar) => [...ohlc(bar), bar.volume, bar.count]),
      [
        [0.1, 0.1, 0.099, 0.099, 110, 2],
        [0.12, 0.12, 0.12, 0.12, 70, 1]
      ]
    )
    assert.closeTo(minutes[0]!.vwap, (0.1 * 50 + 0.099 * 60) / 110, 1e-12)
  })

  it("merges two tapes in time, from where both have begun", () => {
    const early = tape(HEADER, row(0, "0.1,0.1,0.1,0.1"), row(1, "0.1,0.1,0.1,0.1"), row(2, "0.1,0.1,0.1,0.1"))
    const late = tape(HEADER, row(1, "0.2,0.2,0.2,0.2"))
    const other = { ...XLM, symbol: "BTC/USD" as typeof XLM.symbol }
    const source = taped({
      seed: 1,
      pairs: [
        { listing: XLM, tape: early },
        { listing: other, tape: late }
      ]
    })
    assert.strictEqual(source.start, (T0 + 60) * 1000)
    const events = playUntil(source, source.end!)
    assert(events.every((e, i) => i === 0 || e.at >= events[i - 1]!.at))
    assert.deepStrictEqual([...new Set(events.map((e) => e.symbol))].toSorted(), ["BTC/USD", "XLM/USD"])
  })

  it.skipIf(!existsSync(folder))("plays recorded markets to their own bars", () => {
    for (const name of ["xlmusdt-binance-1m-2021-03-12_16", "btcusdc-kraken-1m-2023-01_2023-02"]) {
      const lines = gunzipSync(readFileSync(`${folder}/${name}.csv.gz`))
        .toString()
        .trim()
        .split("\n")
        .slice(0, 2000)
      const recorded = tape(...lines)
      assert(recorded._tag === "Bars")
      const source = taped({ seed: 1, pairs: [{ listing: XLM, tape: recorded }] })
      const played = barsOf(playUntil(source, source.end!), 60)
      const wanted = recorded.bars.filter((bar) => bar.volume > 0)
      assert.strictEqual(played.length, wanted.length)
      wanted.forEach((bar, i) => {
        const told = played[i]!
        assert.deepStrictEqual(
          ohlc(told).map((price) => Math.round(price * 1e6)),
          [bar.open, bar.high, bar.low, bar.close]
        )
        assert.closeTo(told.volume, bar.volume / 1e8, 1e-6 * Math.max(1, told.volume))
      })
    }
  })
})

describe("bars", () => {
  it("join without volume, too", () => {
    const bar = { time: 60, open: 1, high: 2, low: 1, close: 2, vwap: 1.5, volume: 0, count: 0 }
    assert.deepStrictEqual(joinBars([bar, { ...bar, time: 120, vwap: 3 }], 300), [{ ...bar, time: 0, vwap: 3 }])
    assert.deepStrictEqual(printsToBars(XLM, [], 60), [])
  })
})
