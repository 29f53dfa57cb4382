import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { intervals } from "../../../../src/domain/exchange/Boundary.ts"
import { generated, listingOf } from "../../../../src/domain/exchange/market/Generated.ts"
import { PairSymbol } from "../../../../src/domain/market/Instrument.ts"
import * as Money from "../../../../src/domain/money/Money.ts"
import { barsOf, BTC, number, playUntil, START, text, XLM } from "./support.ts"

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const hash = (source: ReturnType<typeof generated>, until: number): string =>
  createHash("sha256")
    .update(text(playUntil(source, until)))
    .digest("hex")

/** Mids at the end of each minute, an hour of the past included, as deviation from the mean of the hour before. */
const deviations = (source: ReturnType<typeof generated>, minutes: number): ReadonlyArray<number> => {
  const closes = source
    .history(XLM.symbol, 1)
    .slice(-60)
    .map((bar) => bar.close)
  let state = source.initial
  return Array.from({ length: minutes }, (_, minute) => {
    const next = source.advance(state, START + (minute + 1) * MINUTE)
    state = next.state
    const quote = next.events.findLast((event) => event._tag === "Quote")
    assert(quote?._tag === "Quote")
    const mid = (number(quote.bids[0]![0]) + number(quote.asks[0]![0])) / 2
    const mean = closes.slice(-60).reduce((a, b) => a + b, 0) / 60
    closes.push(mid)
    return mid / mean - 1
  })
}

describe("generated market", () => {
  it("is the same market for the same seed, and another for another", () => {
    const make = (seed: number) => generated({ seed, listings: [XLM, BTC], start: START })
    const first = hash(make(1), START + HOUR)
    assert.strictEqual(hash(make(1), START + HOUR), first)
    assert.notStrictEqual(hash(make(2), START + HOUR), first)
  })

  it("does not depend on how it is advanced, nor on what else is asked", () => {
    const once = generated({ seed: 3, listings: [XLM], start: START })
    const whole = once.advance(once.initial, START + HOUR)
    const pieces = generated({ seed: 3, listings: [XLM], start: START })
    assert.strictEqual(text(playUntil(pieces, START + HOUR, 777)), text(whole.events))
    // An earlier state may be played again, and a state survives being written down.
    assert.strictEqual(text(once.advance(once.initial, START + HOUR).events), text(whole.events))
    const kept = JSON.parse(JSON.stringify(whole.state)) as typeof whole.state
    assert.strictEqual(
      text(once.advance(kept, START + 2 * HOUR).events),
      text(once.advance(whole.state, START + 2 * HOUR).events)
    )
    assert.strictEqual(once.nextAt(whole.state), once.advance(whole.state, START + 2 * HOUR).events[0]!.at)
  })

  it("goes on where it was when it begins later", () => {
    const whole = generated({ seed: 5, listings: [XLM], start: START })
    const at = START + 90 * MINUTE + 12_345
    const later = generated({ seed: 5, listings: [XLM], start: START, from: at })
    assert.strictEqual(later.start, at)
    const expected = playUntil(whole, START + 2 * HOUR).filter((event) => event.at >= at)
    assert.strictEqual(text(playUntil(later, START + 2 * HOUR)), text(expected))
    const minutes = barsOf(playUntil(whole, at), 60).filter((bar) => bar.time * 1000 >= START)
    const known = later.history(XLM.symbol, 1)
    for (const bar of minutes.slice(0, -1)) {
      const told = known.find((row) => row.time === bar.time)!
      assert.deepStrictEqual([told.open, told.high, told.low, told.close], [bar.open, bar.high, bar.low, bar.close])
      assert.closeTo(told.volume, bar.volume, 1e-6)
      assert.strictEqual(told.count, bar.count)
    }
  })

  it("begins with a quote, in time order, quotes every one to five seconds, trades in between at the best price", () => {
    const events = playUntil(generated({ seed: 1, listings: [XLM], start: START }), START + 6 * HOUR)
    let last = START
    let quotedAt = START
    let best: readonly [bigint, bigint] = [0n, 0n]
    let trades = 0
    for (const event of events) {
      assert.isAtLeast(event.at, last)
      last = event.at
      if (event._tag === "Quote") {
        assert.isAtMost(event.at - quotedAt, 5000)
        quotedAt = event.at
        best = [event.bids[0]![0], event.asks[0]![0]]
        const spread = number(best[1]) / number(best[0]) - 1
        assert(spread > 0.0004 && spread < 0.0017, `spread ${spread}`)
        const sorted = (rows: ReadonlyArray<readonly [bigint, bigint]>, sign: bigint) =>
          rows.every((row, i) => row[1] > 0n && (i === 0 || sign * (row[0] - rows[i - 1]![0]) > 0n))
        assert(sorted(event.bids, -1n) && sorted(event.asks, 1n))
      } else {
        trades += 1
        assert.strictEqual(event.price, event.side === "buy" ? best[1] : best[0])
        assert.isAbove(Number(event.quantity), 0)
      }
    }
    assert.isAbove(trades, 6 * 60 * 5)
  })

  it("offers a dip within ten minutes, and comes back from it, with every seed", () => {
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const path = deviations(generated({ seed, listings: [XLM], start: START }), 45)
      const dip = Math.min(...path.slice(0, 10))
      assert.isBelow(dip, -0.01, `seed ${seed}`)
      assert.isAbove(Math.max(...path.slice(10)), dip + 0.008, `seed ${seed}`)
    }
  })

  it("leaves the hour's mean by one per cent several times a day, and has calm and violent hours", () => {
    const days = 3
    const path = deviations(generated({ seed: 1, listings: [XLM], start: START }), days * 1440)
    const excursions = path.filter((d, i) => Math.abs(d) > 0.01 && Math.abs(path[i - 1] ?? 0) <= 0.01).length
    assert.isAbove(excursions, days * 4)
    const hours = Array.from({ length: days * 24 }, (_, hour) => {
      const part = path.slice(hour * 60, hour * 60 + 60)
      return Math.max(...part) - Math.min(...part)
    }).toSorted((a, b) => a - b)
    assert.isBelow(hours[0]!, 0.008)
    assert.isAbove(hours.at(-1)!, 0.03)
  })

  it("has one past at every interval", () => {
    const source = generated({ seed: 1, listings: [XLM], start: START })
    const rows = new Map(intervals.map((interval) => [interval, source.history(XLM.symbol, interval)]))
    for (const [interval, bars] of rows) {
      assert.strictEqual(bars.length, 720)
      const seconds = interval * 60
      bars.forEach((bar, i) => {
        assert.strictEqual(bar.time % seconds, 0)
        assert.isAtMost((bar.time + seconds) * 1000, START)
        if (i > 0) assert.strictEqual(bar.time - bars[i - 1]!.time, seconds)
        assert(bar.low <= Math.min(bar.open, bar.close) && bar.high >= Math.max(bar.open, bar.close))
        assert(bar.low > 0.06 && bar.high < 0.4, `price ${bar.low} ${bar.high}`)
      })
    }
    for (const [short, long] of [
      [1, 5],
      [5, 60],
      [60, 240],
      [240, 1440]
    ] as const) {
      const bar = rows.get(long)!.at(-1)!
      const inside = rows.get(short)!.filter((b) => b.time >= bar.time && b.time < bar.time + long * 60)
      assert.strictEqual(inside.length, long / short)
      assert.strictEqual(bar.open, inside[0]!.open)
      assert.strictEqual(bar.close, inside.at(-1)!.close)
      assert.strictEqual(bar.high, Math.max(...inside.map((b) => b.high)))
      assert.strictEqual(bar.low, Math.min(...inside.map((b) => b.low)))
    }
    assert.deepStrictEqual(source.history(PairSymbol("ETH/USD"), 1), [])
  })

  it("never ends, and knows what it trades", () => {
    const source = generated({ seed: 1, listings: [XLM, BTC], start: START, from: START - 1 })
    assert.deepStrictEqual(source.symbols, [XLM.symbol, BTC.symbol])
    assert.strictEqual(source.end, undefined)
    assert.strictEqual(source.start, START)
    const none = generated({ seed: 1, listings: [], start: START })
    assert.strictEqual(none.nextAt(none.initial), undefined)
    assert.strictEqual(none.end, undefined)
    assert.deepStrictEqual(none.advance(none.initial, START + HOUR).events, [])
  })

  it("gives a pair it does not know a price of one", () => {
    assert.deepStrictEqual(listingOf(PairSymbol("ADA/USD"), Money.price("0.000001")), {
      symbol: PairSymbol("ADA/USD"),
      tick: Money.price("0.000001"),
      anchor: 1,
      tradeSize: 100
    })
  })
})
