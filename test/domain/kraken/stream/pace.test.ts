import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import {
  backoff,
  BASE_MS,
  BUDGET,
  CAP_MS,
  recordAttempt,
  waitForBudget,
  WINDOW_MS
} from "../../../../src/domain/kraken/stream/Backoff.ts"
import type { Attempts } from "../../../../src/domain/kraken/stream/Backoff.ts"
import type { RunningCandle } from "../../../../src/domain/kraken/stream/Public.ts"
import {
  CLOSE_MARGIN_MS,
  forgetRunning,
  noCandles,
  onCandles,
  onCandleTime
} from "../../../../src/domain/kraken/stream/Candles.ts"
import { shown } from "../../../../src/domain/kraken/stream/Redact.ts"
import * as Requests from "../../../../src/domain/kraken/stream/Requests.ts"
import { PairSymbol } from "../../../../src/domain/market/Instrument.ts"

describe("backoff", () => {
  it("doubles from the base to the cap, within a fifth either way", () => {
    assert.deepStrictEqual(
      [0, 1, 2, 3, 7, 50].map((n) => backoff(n, 0.5)),
      [250, 500, 1000, 2000, 25_000, 25_000]
    )
    fc.assert(
      fc.property(fc.nat(100), fc.double({ min: 0, max: 0.999, noNaN: true }), (failures, random) => {
        const wait = backoff(failures, random)
        assert.isAtLeast(wait, 0.8 * BASE_MS)
        assert.isAtMost(wait, 1.2 * CAP_MS)
      })
    )
  })

  it("never lets more connections than the budget into any ten minutes, however they are asked for", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { minLength: 200, maxLength: 400 }), (gaps) => {
        let attempts: Attempts = []
        let now = 0
        const made: Array<number> = []
        for (const gap of gaps) {
          now += gap
          now += waitForBudget(attempts, now, BUDGET, 0)
          attempts = recordAttempt(attempts, now)
          made.push(now)
        }
        for (const [i, at] of made.entries()) {
          assert.isAtMost(made.slice(0, i + 1).filter((other) => other > at - WINDOW_MS).length, BUDGET)
        }
      }),
      { numRuns: 20 }
    )
  })

  it("keeps the gap after maintenance, and waits no longer than a window when the clock was set back", () => {
    assert.strictEqual(waitForBudget([10_000], 12_000, BUDGET, 5_000), 3_000)
    assert.strictEqual(waitForBudget([10_000], 16_000, BUDGET, 5_000), 0)
    assert.strictEqual(waitForBudget([], 0, BUDGET, 5_000), 0)
    const ahead = Array.from({ length: BUDGET }, () => 5 * WINDOW_MS)
    assert.strictEqual(waitForBudget(ahead, 0, BUDGET, 0), WINDOW_MS)
  })
})

const XLM = PairSymbol("XLM/USD")
const MINUTE = 60_000
const NOW = 100 * MINUTE
const bar = (begin: number, close = 1, symbol = XLM): RunningCandle => ({
  symbol,
  intervalMinutes: 1,
  candle: { at: begin * MINUTE, open: 1, high: 2, low: 0.5, close, volume: 1 }
})
const begins = (closed: ReadonlyArray<RunningCandle>) => closed.map((c) => c.candle.at / MINUTE)

describe("candles", () => {
  it("close when a later one begins, with their last values, once", () => {
    const first = onCandles(noCandles, [bar(99), bar(99, 1.5)], NOW)
    assert.deepStrictEqual(begins(first.closed), [])
    const second = onCandles(first.state, [bar(100)], NOW)
    assert.deepStrictEqual(second.closed, [bar(99, 1.5)])
    assert.deepStrictEqual(begins(onCandles(second.state, [bar(99, 9), bar(98), bar(100)], NOW).closed), [])
  })
  it("leave out history, and tell after a reconnect what was missed", () => {
    const start = onCandles(noCandles, [bar(10), bar(11), bar(98), bar(99), bar(100)], NOW)
    assert.deepStrictEqual(begins(start.closed), [98, 99])
    const again = onCandles(forgetRunning(start.state), [bar(99), bar(100), bar(101), bar(102)], NOW)
    assert.deepStrictEqual(begins(again.closed), [100, 101])
  })
  it("close by the clock in a quiet market, and stay closed", () => {
    const state = onCandles(noCandles, [bar(100)], NOW).state
    assert.strictEqual(onCandleTime(state, NOW + MINUTE + CLOSE_MARGIN_MS - 1).state, state)
    const late = onCandleTime(state, NOW + MINUTE + CLOSE_MARGIN_MS)
    assert.deepStrictEqual(begins(late.closed), [100])
    assert.deepStrictEqual(begins(onCandles(late.state, [bar(100, 3)], NOW).closed), [])
    assert.strictEqual(onCandles(late.state, [bar(100, 3)], NOW).state, late.state)
  })
})

describe("requests", () => {
  it("say what Kraken expects", () => {
    assert.deepStrictEqual(JSON.parse(Requests.ping(3)), { method: "ping", req_id: 3 })
    assert.deepStrictEqual(JSON.parse(Requests.subscribeTicker([XLM], 1)), {
      method: "subscribe",
      params: { channel: "ticker", symbol: ["XLM/USD"], event_trigger: "bbo", snapshot: true },
      req_id: 1
    })
    assert.deepStrictEqual(JSON.parse(Requests.subscribeTrade([XLM], 1)).params, {
      channel: "trade",
      symbol: ["XLM/USD"],
      snapshot: false
    })
    assert.deepStrictEqual(JSON.parse(Requests.subscribeOhlc([XLM], 5, 1)).params, {
      channel: "ohlc",
      symbol: ["XLM/USD"],
      interval: 5,
      snapshot: true
    })
    assert.deepStrictEqual(JSON.parse(Requests.subscribeExecutions("t", 1)).params, {
      channel: "executions",
      token: "t",
      snap_orders: true,
      snap_trades: true,
      order_status: true,
      ratecounter: true
    })
    assert.deepStrictEqual(JSON.parse(Requests.subscribeBalances("t", 2)).params, {
      channel: "balances",
      token: "t",
      snapshot: true
    })
    assert.deepStrictEqual(JSON.parse(Requests.cancelOrders("t", ["a", "b"], 9)), {
      method: "cancel_order",
      params: { cl_ord_id: ["a", "b"], token: "t" },
      req_id: 9
    })
  })
})

describe("shown", () => {
  it("takes secrets out before it shortens", () => {
    const token = "s3cr3t/token+1234"
    const text = `${"x".repeat(390)}${token}`
    assert.notInclude(shown(text, [token, ""]), "s3cr3t")
    assert.notInclude(shown(`{"params":{"token" : "other"}}`, []), "other")
    assert.match(shown("y".repeat(1000), []), /^y{400}… \(1000 characters\)$/)
    assert.strictEqual(shown("short", []), "short")
  })
})
