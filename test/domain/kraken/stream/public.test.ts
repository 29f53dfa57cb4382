import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc, Option, Schema } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { decodePublic, maintenanceTime, systemStatus } from "../../../../src/domain/kraken/stream/Public.ts"
import {
  isOhlcFrame,
  isStatusFrame,
  isTickerFrame,
  isTradeFrame
} from "../../../../src/domain/kraken/stream/PublicWire.ts"
import * as Fixed from "../../../../src/domain/money/Fixed.ts"

const recorded = "../shared/data/kraken-payloads"
const ARRIVED = 1_700_000_000_000

const type = Schema.Literal("snapshot", "update")
const frame = <C extends string, A, I>(channel: C, row: Schema.Schema<A, I>) =>
  Schema.Struct({ channel: Schema.Literal(channel), type, data: Schema.Array(row) })
const maybe = Schema.optional(Schema.NullOr(Schema.Finite))
const finite = Schema.Finite
const safeInt = Schema.Number.pipe(Schema.filter((n) => Number.isSafeInteger(n)))

const TickerFrame = frame(
  "ticker",
  Schema.Struct({
    symbol: Schema.String,
    bid: maybe,
    bid_qty: maybe,
    ask: maybe,
    ask_qty: maybe,
    timestamp: Schema.optional(Schema.String)
  })
)
const TradeFrame = frame(
  "trade",
  Schema.Struct({
    symbol: Schema.String,
    side: Schema.Literal("buy", "sell"),
    price: finite,
    qty: finite,
    trade_id: safeInt,
    timestamp: Schema.String
  })
)
const OhlcFrame = frame(
  "ohlc",
  Schema.Struct({
    symbol: Schema.String,
    open: finite,
    high: finite,
    low: finite,
    close: finite,
    volume: finite,
    interval_begin: Schema.String,
    interval: safeInt
  })
)
const StatusFrame = frame(
  "status",
  Schema.Struct({ system: Schema.String, upcoming_maintenance: Schema.optional(Schema.Unknown) })
)

/** Values as `JSON.parse` gives them, sound and unsound, infinities included. */
const junk = fc.oneof(
  fc.constantFrom(null, true, "", "x", [], {}, Number.POSITIVE_INFINITY, Number.NaN, -1, 0, 1.5, 2 ** 60, undefined),
  fc.double(),
  fc.string()
)
/** A sound object in which up to two fields were replaced or removed. */
const spoilt = (sound: Readonly<Record<string, unknown>>): fc.Arbitrary<Record<string, unknown>> =>
  fc
    .array(fc.tuple(fc.constantFrom(...Object.keys(sound)), fc.option(junk, { nil: "remove" })), { maxLength: 2 })
    .map((changes) => {
      const out: Record<string, unknown> = { ...sound }
      for (const [key, value] of changes) {
        if (value === "remove") delete out[key]
        else out[key] = value
      }
      return out
    })
const frames = (channel: string, row: Readonly<Record<string, unknown>>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 1, arbitrary: junk },
    {
      weight: 9,
      arbitrary: fc
        .array(fc.oneof({ weight: 8, arbitrary: spoilt(row) }, { weight: 1, arbitrary: junk }), { maxLength: 3 })
        .chain((data) => spoilt({ channel, type: "update", data }))
    }
  )

const tickerRow = { symbol: "XLM/USD", bid: 0.1, bid_qty: 5, ask: 0.2, ask_qty: 6, timestamp: "2026-02-26T10:00:00Z" }
const tradeRow = { symbol: "XLM/USD", side: "buy", price: 0.1, qty: 2, trade_id: 7, timestamp: "2026-02-26T10:00:00Z" }
const ohlcRow = {
  symbol: "XLM/USD",
  open: 1,
  high: 2,
  low: 0.5,
  close: 1.5,
  volume: 10,
  interval_begin: "2026-02-26T10:00:00.000000000Z",
  interval: 1
}

describe("guards of public frames accept exactly what a Schema accepts", () => {
  const agree = (
    name: string,
    row: Record<string, unknown>,
    guard: (u: unknown) => boolean,
    schema: Schema.Schema.AnyNoContext
  ) =>
    it(`${name}`, () => {
      const is = Schema.is(schema)
      let accepted = 0
      let refused = 0
      fc.assert(
        fc.property(frames(name, row), (value) => {
          const expected = is(value)
          if (expected) accepted += 1
          else refused += 1
          assert.strictEqual(guard(value), expected)
        }),
        { numRuns: 3000, seed: 7 }
      )
      assert.isAbove(accepted, 100)
      assert.isAbove(refused, 100)
    })
  agree("ticker", tickerRow, isTickerFrame, TickerFrame)
  agree("trade", tradeRow, isTradeFrame, TradeFrame)
  agree("ohlc", ohlcRow, isOhlcFrame, OhlcFrame)
  agree("status", { system: "online", upcoming_maintenance: [] }, isStatusFrame, StatusFrame)
})

const update = (channel: string, row: unknown): string => JSON.stringify({ channel, type: "update", data: [row] })
const kindOf = (text: string): string => {
  const read = decodePublic(text, ARRIVED)
  return read._tag === "Malformed" ? read.kind : read._tag
}
const tickOf = (row: unknown) => {
  const read = decodePublic(update("ticker", row), ARRIVED)
  if (read._tag !== "Ticker") return assert.fail(read._tag)
  return read.ticks[0]!
}

describe("decodePublic", () => {
  it("keeps every digit of a quote, for any value with up to 15 digits", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 999_999_999_999_999 }),
        fc.integer({ min: 0, max: 12 }),
        (digits, decimals) => {
          const text = Fixed.format(BigInt(digits) * 10n ** BigInt(12 - decimals), decimals)
          const frame = `{"channel":"ticker","type":"update","data":[{"symbol":"A/USD","bid":${text},"bid_qty":${text},"ask":999999999999999,"ask_qty":1}]}`
          const read = decodePublic(frame, ARRIVED)
          assert.strictEqual(read._tag, "Ticker")
          if (read._tag !== "Ticker") return
          const quote = Option.getOrUndefined(read.ticks[0]!.quote)
          if (BigInt(digits) * 10n ** BigInt(12 - decimals) >= 999_999_999_999_999n * Fixed.ONE)
            assert.isUndefined(quote)
          else assert.strictEqual(quote?.bid, BigInt(digits) * 10n ** BigInt(12 - decimals))
        }
      )
    )
  })

  it("reads exponents as they are sometimes sent", () => {
    const read = decodePublic(
      '{"channel":"ticker","type":"snapshot","data":[{"symbol":"A/USD","bid":1E-8,"bid_qty":5.1e-05,"ask":2e-8,"ask_qty":1}]}',
      ARRIVED
    )
    if (read._tag !== "Ticker") return assert.fail(read._tag)
    const quote = Option.getOrThrow(read.ticks[0]!.quote)
    assert.deepStrictEqual([quote.bid, quote.bidQuantity], [10_000n, 51_000_000n] as never)
    assert.strictEqual(quote.at, ARRIVED)
  })

  it("makes no quote of crossed, locked, zero, missing or unreadable prices", () => {
    for (const row of [
      { ...tickerRow, bid: 0.3 },
      { ...tickerRow, bid: 0.2 },
      { ...tickerRow, bid: 0 },
      { ...tickerRow, ask: null },
      { ...tickerRow, bid_qty: undefined },
      { ...tickerRow, ask_qty: undefined },
      { ...tickerRow, bid: 1e-30 }
    ]) {
      const tick = tickOf(row)
      assert.isTrue(Option.isNone(tick.quote), JSON.stringify(row))
      assert.strictEqual(tick.at, Date.UTC(2026, 1, 26, 10))
    }
    assert.isTrue(Option.isSome(tickOf(tickerRow).quote))
  })

  it("names what it cannot read", () => {
    assert.strictEqual(kindOf("garbage"), "not JSON")
    assert.strictEqual(kindOf("[1]"), "not an object")
    assert.strictEqual(kindOf('{"channel":"book"}'), "channel book")
    assert.strictEqual(kindOf("{}"), "channel none")
    assert.strictEqual(kindOf(update("ticker", {})), "ticker")
    assert.strictEqual(kindOf(update("ticker", { ...tickerRow, timestamp: "yesterday" })), "ticker time")
    assert.strictEqual(kindOf(update("trade", {})), "trade")
    assert.strictEqual(kindOf(update("trade", { ...tradeRow, price: 0 })), "trade values")
    assert.strictEqual(kindOf(update("trade", { ...tradeRow, qty: -1 })), "trade values")
    assert.strictEqual(kindOf(update("trade", { ...tradeRow, timestamp: "x" })), "trade values")
    assert.strictEqual(kindOf(update("ohlc", {})), "ohlc")
    assert.strictEqual(kindOf(update("ohlc", { ...ohlcRow, high: 0.1 })), "ohlc values")
    assert.strictEqual(kindOf('{"channel":"status","type":"update","data":[]}'), "status")
    assert.strictEqual(kindOf('{"channel":"heartbeat"}'), "Heartbeat")
    assert.strictEqual(kindOf('{"method":"pong","req_id":1}'), "Reply")
  })

  it("reads trades and running bars", () => {
    const trade = decodePublic(update("trade", tradeRow), ARRIVED)
    if (trade._tag !== "Trades") return assert.fail(trade._tag)
    assert.deepInclude(trade.trades[0], { side: "buy", tradeId: 7, quantity: 2n * Fixed.ONE } as never)
    const bars = decodePublic(update("ohlc", ohlcRow), ARRIVED)
    if (bars._tag !== "Candles") return assert.fail(bars._tag)
    assert.strictEqual(bars.candles[0]?.candle.at, Date.UTC(2026, 1, 26, 10))
  })

  it("reads the exchange's state, and fails closed on a new one", () => {
    for (const system of ["online", "maintenance", "cancel_only", "post_only", "limit_only"] as const) {
      assert.strictEqual(systemStatus(system), system)
    }
    assert.strictEqual(systemStatus("dancing"), "unknown")
    const read = decodePublic(
      '{"channel":"status","type":"update","data":[{"system":"online","connection_id":18125794168470749634,"upcoming_maintenance":[{"begin":"2026-03-01T02:00:00Z"}]}]}',
      ARRIVED
    )
    assert.deepStrictEqual(read, { _tag: "Status", status: "online", maintenanceAt: Date.UTC(2026, 2, 1, 2) })
  })

  it("finds the earliest time in a maintenance notice of whatever shape", () => {
    assert.isUndefined(maintenanceTime([]))
    assert.isUndefined(maintenanceTime(null))
    assert.isUndefined(maintenanceTime(7))
    assert.isUndefined(maintenanceTime("soon"))
    assert.strictEqual(maintenanceTime("1970-01-01T00:00:01Z"), 1000)
    assert.strictEqual(
      maintenanceTime([{ a: "1970-01-01T00:00:05Z" }, { b: { c: ["1970-01-01T00:00:02Z", "?"] } }]),
      2000
    )
  })

  it.skipIf(!existsSync(recorded))("reads recorded frames", () => {
    const read = (path: string) => decodePublic(readFileSync(`${recorded}/${path}`, "utf8"), ARRIVED)
    const ticker = read("kraken-async-rs/ticker_update.ticker_update.json")
    if (ticker._tag !== "Ticker") return assert.fail(ticker._tag)
    const quote = Option.getOrThrow(ticker.ticks[0]!.quote)
    assert.strictEqual(Fixed.show(quote.bid), "65843.7")
    assert.strictEqual(Fixed.format(quote.askQuantity, 8), "0.31232000")
    assert.strictEqual(Fixed.format(quote.bidQuantity, 8), "12.31628629")
    const trades = read("kraken-async-rs/trade_update.trade_update.json")
    if (trades._tag !== "Trades") return assert.fail(trades._tag)
    assert.deepStrictEqual(
      trades.trades.map((t) => [t.tradeId, Fixed.show(t.quantity), t.at]),
      [
        [70635299, "0.01044926", Date.UTC(2024, 4, 27, 12, 43, 11, 798)],
        [70635300, "0.00483192", Date.UTC(2024, 4, 27, 12, 43, 11, 798)]
      ]
    )
    const bars = read("kraken-async-rs/candles_snapshot.candles_snapshot.json")
    assert.isTrue(bars._tag === "Candles" && bars.candles.length === 2)
    const bar = read("krakenapi-cpp/ohlc.update.json")
    assert.isTrue(bar._tag === "Candles" && bar.candles[0]?.candle.close === 71712)
    assert.deepStrictEqual(read("kraken-async-rs/deserializing_maintenance_status_update.json"), {
      _tag: "Status",
      status: "maintenance",
      maintenanceAt: undefined
    })
    assert.strictEqual(read("kraken-async-rs/admin_messages.heartbeat.json")._tag, "Heartbeat")
    assert.strictEqual(read("nautilus_trader/ws_ticker_snapshot.json")._tag, "Ticker")
    const refused = read("kraken-async-rs/deserializing_subscribe_error_message.json")
    assert.isTrue(
      refused._tag === "Reply" && !refused.success && refused.symbol === "WWW/USD" && refused.requestId === 0
    )
    const ack = read("kraken-async-rs/ticker_subscription_response.json")
    assert.isTrue(ack._tag === "Reply" && ack.success && ack.symbol === "BTC/USD" && ack.channel === "ticker")
  })
})
