import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { checksum } from "../../../src/domain/exchange/Checksum.ts"
import { tradingPermissions } from "../../../src/domain/exchange/Config.ts"
import * as Exchange from "../../../src/domain/exchange/Exchange.ts"
import * as Operator from "../../../src/domain/exchange/Operator.ts"
import type { Level } from "../../../src/domain/exchange/State.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import type { Json } from "./Harness.ts"
import { Harness, KEY, T0, XLM } from "./Harness.ts"

const ready = (options: ConstructorParameters<typeof Harness>[0] = {}): Harness => new Harness(options).quote()
const publicly = (options: ConstructorParameters<typeof Harness>[0] = {}): Harness => ready(options).open("p", "public")
const subscribe = (x: Harness, params: Json, session = "p"): ReadonlyArray<Json> =>
  x.send({ method: "subscribe", params, req_id: 3 }, session)
const TIME = "2026-01-05T10:00:00.000000Z"

describe("a connection", () => {
  it("begins with a status whose connection id no double holds", () => {
    const x = ready().open()
    const text = x.texts()[0] ?? ""
    assert.match(text, /^\{"channel":"status","type":"update","data":\[\{"version":"2\.0\.10","system":"online"/)
    const id = /"connection_id":(\d+)/.exec(text)?.[1] ?? "0"
    assert.isTrue(BigInt(id) > 2n ** 53n)
    x.state = Operator.setSwitches(x.state, { statusCarriesConnectionId: false })
    assert.notInclude(x.open("b").texts()[0] ?? "", "connection_id")
    x.step(Operator.setSystem(x.state, "cancel_only", x.now))
    assert.deepStrictEqual(
      x.take().map((frame) => [frame.channel, frame.data[0].system]),
      [
        ["status", "cancel_only"],
        ["status", "cancel_only"]
      ]
    )
  })

  it("answers ping with pong, and a ping with params with an error", () => {
    const x = publicly()
    assert.deepStrictEqual(x.send({ method: "ping", req_id: 101 }, "p"), [
      { method: "pong", req_id: 101, time_in: TIME, time_out: TIME }
    ])
    assert.deepStrictEqual(x.send({ method: "ping", params: {} }, "p"), [
      {
        error: "Unsupported field: 'params' for the given msg type: ping",
        method: "ping",
        success: false,
        time_in: TIME,
        time_out: TIME
      }
    ])
  })

  it("survives what is no request", () => {
    const x = publicly()
    for (const text of ["hello", "[]", "{}", `{"method":1}`, "{", ""]) {
      assert.deepStrictEqual(x.send(text, "p"), [{ error: "Malformed request", method: "error" }])
    }
    assert.strictEqual(x.send({ method: "dance", req_id: "x" }, "p")[0].error, "Unsupported event")
    assert.isFalse("req_id" in x.send({ method: "dance", req_id: "x" }, "p")[0])
    assert.deepStrictEqual(x.send({ method: "ping" }, "nobody"), [])
    x.state = Operator.setSwitches(x.state, { unknownParams: "refuse" })
    const refused = x.send({ method: "ping", reqid: 1 }, "p")[0]
    assert.strictEqual(refused.error, "Unsupported field: 'reqid' for the given msg type: ping")
  })

  it("beats once a second when nothing else was sent, and only with a subscription", () => {
    const x = publicly()
    x.take()
    x.wait(5_000)
    assert.deepStrictEqual(x.take(), [])
    assert.strictEqual(Exchange.nextWake(x.state), undefined)
    subscribe(x, { channel: "ticker", symbol: ["XLM/USD"], snapshot: false })
    x.wait(999)
    x.take()
    x.wait(1_000)
    assert.deepStrictEqual(x.texts(), [`{"channel":"heartbeat"}`])
    assert.strictEqual(Exchange.nextWake(x.state), x.now + 1_000)
    x.wait(500).trade("0.150000", "10", "sell")
    assert.strictEqual(x.take()[0].channel, "ticker")
    x.wait(999)
    assert.deepStrictEqual(x.take(), [])
    x.wait(1)
    assert.strictEqual(x.take().length, 1)
  })

  it("forgets a closed connection, and there is no cancel on disconnect", () => {
    const x = ready().connect()
    x.request("add_order", { order_type: "limit", side: "buy", symbol: "XLM/USD", order_qty: 100.5, limit_price: 0.14 })
    x.close("a")
    assert.strictEqual(x.state.sessions.size, 0)
    assert.strictEqual(x.state.account.open.length, 1)
  })
})

describe("subscribe", () => {
  it("acknowledges per symbol, echoes req_id, refuses unknown pairs one by one", () => {
    const x = publicly()
    const frames = subscribe(x, { channel: "ticker", symbol: ["XLM/USD", "WWW/USD", "BTC/USD"] })
    const acks = frames.filter((frame) => "method" in frame)
    assert.deepStrictEqual(acks, [
      {
        method: "subscribe",
        req_id: 3,
        result: { channel: "ticker", event_trigger: "trades", snapshot: true, symbol: "XLM/USD" },
        success: true,
        time_in: TIME,
        time_out: TIME
      },
      {
        error: "Currency pair not supported WWW/USD",
        method: "subscribe",
        req_id: 3,
        success: false,
        symbol: "WWW/USD",
        time_in: TIME,
        time_out: TIME
      },
      {
        method: "subscribe",
        req_id: 3,
        result: { channel: "ticker", event_trigger: "trades", snapshot: true, symbol: "BTC/USD" },
        success: true,
        time_in: TIME,
        time_out: TIME
      }
    ])
    assert.strictEqual(frames.length, 5)
    assert.strictEqual(
      subscribe(x, { channel: "ticker", symbol: ["XBT/USD"] })[0].error,
      "Currency pair not supported XBT/USD"
    )
  })

  const refusals: ReadonlyArray<readonly [string, Json, string]> = [
    ["unknown channel", { channel: "weather" }, "Unsupported event"],
    ["no channel", {}, "Unsupported event"],
    ["an object's own names are no channels", { channel: "constructor" }, "Unsupported event"],
    ["depth", { channel: "book", symbol: ["XLM/USD"], depth: 11 }, "Subscription depth not supported"],
    ["depth as text", { channel: "book", symbol: ["XLM/USD"], depth: "10" }, "Depth field must be a number_integer"],
    ["interval", { channel: "ohlc", symbol: ["XLM/USD"], interval: 2 }, "EGeneral:Invalid arguments:interval"],
    [
      "trigger",
      { channel: "ticker", symbol: ["XLM/USD"], event_trigger: "x" },
      "EGeneral:Invalid arguments:event_trigger"
    ],
    ["snapshot", { channel: "trade", symbol: ["XLM/USD"], snapshot: "yes" }, "Snapshot field must be a boolean"],
    ["no symbol", { channel: "trade" }, "EGeneral:Invalid arguments:symbol"],
    [
      "private data on the public host",
      { channel: "executions", token: "x" },
      "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
    ]
  ]
  it.each(refusals)("refuses: %s", (_, params, text) => {
    assert.strictEqual(subscribe(publicly(), params)[0].error, text)
  })

  it("refuses without params, and public data on the private host", () => {
    const x = publicly().open("a")
    assert.strictEqual(x.send({ method: "subscribe" }, "p")[0].error, "Unsupported event")
    const text = "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com"
    assert.strictEqual(subscribe(x, { channel: "book", symbol: ["XLM/USD"] }, "a")[0].error, text)
    const trading = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
    assert.strictEqual(x.send({ method: "cancel_all" }, "p")[0].error, trading)
  })

  it("refuses what is there already, until it is unsubscribed with the same params", () => {
    const x = publicly()
    const one = (params: Json): string => {
      const frame = subscribe(x, { symbol: ["XLM/USD"], snapshot: false, ...params })[0]
      return frame.error ?? "ok"
    }
    const no = (params: Json): Json =>
      x.send({ method: "unsubscribe", params: { symbol: ["XLM/USD"], ...params } }, "p")[0]
    for (const params of [
      { channel: "ticker", event_trigger: "bbo" },
      { channel: "book", depth: 25 },
      { channel: "ohlc", interval: 5 },
      { channel: "trade" },
      { channel: "instrument" }
    ]) {
      assert.strictEqual(one(params), "ok")
      assert.strictEqual(one(params), "Already subscribed")
    }
    assert.strictEqual(one({ channel: "ohlc", interval: 1 }), "ok")
    assert.deepInclude(no({ channel: "ticker" }), {
      error: "Subscription Not Found",
      method: "subscribe",
      symbol: "XLM/USD"
    })
    assert.strictEqual(no({ channel: "book" }).error, "Subscription Not Found")
    assert.strictEqual(no({ channel: "book", depth: 11 }).error, "Subscription depth not supported")
    assert.strictEqual(no({ channel: "x" }).method, "subscribe")
    const gone = no({ channel: "book", depth: 25 })
    assert.deepInclude(gone, { method: "unsubscribe", success: true })
    assert.deepStrictEqual(gone.result, { channel: "book", depth: 25, symbol: "XLM/USD" })
    assert.deepStrictEqual(no({ channel: "ohlc", interval: 5 }).result, {
      channel: "ohlc",
      interval: 5,
      symbol: "XLM/USD"
    })
    assert.deepStrictEqual(no({ channel: "instrument" }).result, { channel: "instrument" })
    assert.strictEqual(one({ channel: "book", depth: 10 }), "ok")
  })

  it("refuses everything during maintenance", () => {
    const x = publicly()
    x.step(Operator.setSystem(x.state, "maintenance", x.now))
    assert.strictEqual(subscribe(x, { channel: "instrument" })[0].error, "EService:Unavailable")
  })
})

/** A client's book: applies, truncates, checks. */
class Book {
  bids = new Map<bigint, bigint>()
  asks = new Map<bigint, bigint>()
  readonly depth: number
  constructor(depth: number) {
    this.depth = depth
  }
  sorted(side: "bids" | "asks"): ReadonlyArray<Level> {
    return [...this[side]]
      .toSorted(([a], [b]) => (a < b ? -1 : 1) * (side === "bids" ? -1 : 1))
      .map(([price, quantity]) => [Money.Price(price), Money.Quantity(quantity)])
  }
  apply(text: string): void {
    const frame = JSON.parse(text)
    for (const side of ["bids", "asks"] as const) {
      if (frame.type === "snapshot") this[side].clear()
      for (const level of frame.data[0][side]) {
        const price = Money.price(level.price.toFixed(6))
        const quantity = Money.quantity(level.qty.toFixed(8))
        if (quantity === 0n) this[side].delete(price)
        else this[side].set(price, quantity)
      }
      for (const [price] of this.sorted(side).slice(this.depth)) this[side].delete(price)
    }
    assert.strictEqual(checksum(this.sorted("asks"), this.sorted("bids"), 6, 8), frame.data[0].checksum)
  }
}

describe("market data", () => {
  it.each([10, 25])("book: a client can follow it at depth %i, checksums included", (depth) => {
    const x = publicly({ usd: "100000" })
    const book = new Book(depth)
    const follow = (): void => {
      for (const text of x.texts()) if (text.startsWith(`{"channel":"book"`)) book.apply(text)
    }
    const params = { channel: "book", symbol: ["XLM/USD"], depth }
    x.step(Exchange.receive(x.state, "p", JSON.stringify({ method: "subscribe", params }), x.now))
    follow()
    assert.strictEqual(book.sorted("bids").length, depth)
    let seed = 7
    const next = (n: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % n
    }
    for (let i = 0; i < 300; i++) {
      const mid = 150_000 + next(60)
      const level = (price: number): readonly [string, string] => [(price / 1e6).toFixed(6), String(1 + next(5_000))]
      x.later(1_000).quote(
        Array.from({ length: 1 + next(12) }, (_, k) => level(mid - 1 - k * 3)),
        Array.from({ length: 1 + next(12) }, (_, k) => level(mid + 1 + k * 3))
      )
      follow()
      if (i % 7 === 0) x.add({ price: "0.149900", volume: String(20 + next(80)) })
      if (i % 31 === 0) x.ok("CancelAll")
      follow()
    }
  })

  it("book: pads numbers, deletes with zero, says nothing when nothing changed", () => {
    const x = publicly()
    x.quote([["0.150000", "1000"]], [["0.000003", "5"]])
    x.quote([["0.000002", "7"]], [["0.000003", "5"]])
    x.texts()
    x.step(
      Exchange.receive(x.state, "p", `{"method":"subscribe","params":{"channel":"book","symbol":["XLM/USD"]}}`, x.now)
    )
    const snapshot = x.texts()[1] ?? ""
    assert.include(snapshot, `"bids":[{"price":0.000002,"qty":7.00000000},{"price":0.000001,"qty":10.50000000}]`)
    x.quote([["0.000002", "7"]], [["0.000003", "5"]])
    assert.deepStrictEqual(x.texts(), [])
    x.quote([["0.000001", "7"]], [["0.000003", "5"]])
    const update = x.texts()[0] ?? ""
    assert.include(update, `"type":"update"`)
    assert.include(update, `"bids":[{"price":0.000002,"qty":0.00000000},{"price":0.000001,"qty":7.00000000}],"asks":[]`)
  })

  it("ticker: by trades, or by best prices", () => {
    const x = publicly().open("q", "public")
    const first = subscribe(x, { channel: "ticker", symbol: ["XLM/USD"], event_trigger: "bbo" })
    assert.deepInclude(first[1].data[0], { bid: 0.15, ask: 0.1501, last: 0, change_pct: 0 })
    subscribe(x, { channel: "ticker", symbol: ["XLM/USD"] }, "q")
    x.quote()
    assert.deepStrictEqual(x.take(), [])
    x.quote([["0.150001", "5"]])
    assert.strictEqual(x.take("p").length, 1)
    x.trade("0.150050", "10", "sell").later(60_000)
    x.take()
    x.trade("0.156052", "30", "buy")
    const [frame] = x.take("q")
    assert.deepStrictEqual(frame.data[0], {
      symbol: "XLM/USD",
      bid: 0.150001,
      bid_qty: 5,
      ask: 0.1501,
      ask_qty: 1000,
      last: 0.156052,
      volume: 40,
      vwap: 0.154552,
      low: 0.15005,
      high: 0.156052,
      change: 0.006002,
      change_pct: 4,
      trades: 2,
      timestamp: "2026-01-05T10:01:00.000000Z"
    })
  })

  it("ticker of a pair that nobody quotes", () => {
    const x = publicly()
    const row = subscribe(x, { channel: "ticker", symbol: ["BTC/USD"] })[1].data[0]
    assert.deepInclude(row, { bid: 0, ask: 0, last: 0 })
  })

  it("trade: numbers rise by one, the snapshot has the newest fifty", () => {
    const x = publicly()
    for (let i = 0; i < 60; i++) x.trade("0.150000", "1", "sell")
    const [, snapshot] = subscribe(x, { channel: "trade", symbol: ["XLM/USD"], snapshot: true })
    assert.deepStrictEqual(
      snapshot.data.map((row: Json) => row.trade_id),
      Array.from({ length: 50 }, (_, i) => 1_000_011 + i)
    )
    x.trade("0.150100", "2", "buy")
    assert.deepStrictEqual(x.take()[0].data, [
      {
        symbol: "XLM/USD",
        side: "buy",
        price: 0.1501,
        qty: 2,
        ord_type: "limit",
        trade_id: 1_000_061,
        timestamp: TIME
      }
    ])
    x.market({
      _tag: "Trade",
      symbol: x.state.markets.get(XLM)?.rules.symbol ?? XLM,
      at: x.now,
      price: Money.price("0.15"),
      quantity: Money.quantity("0.000000001"),
      side: "buy"
    })
    assert.deepStrictEqual(x.take(), [])
    assert.strictEqual(subscribe(x, { channel: "trade", symbol: ["BTC/USD"] }).length, 1)
  })

  it("ohlc: the forming bar on every trade", () => {
    const x = publicly()
    x.trade("0.150000", "1", "sell")
    const [ack, snapshot] = subscribe(x, { channel: "ohlc", symbol: ["XLM/USD"], interval: 5 })
    assert.deepStrictEqual(ack.result.warnings, ["timestamp is deprecated, use interval_begin"])
    assert.strictEqual(snapshot.timestamp, "2026-01-05T10:00:00.000000000Z")
    assert.deepInclude(snapshot.data[0], {
      interval: 5,
      interval_begin: "2026-01-05T10:00:00.000000000Z",
      timestamp: "2026-01-05T10:05:00.000000Z",
      trades: 1
    })
    assert.strictEqual(subscribe(x, { channel: "ohlc", symbol: ["BTC/USD"], snapshot: false }).length, 1)
    x.trade("0.151000", "1", "sell")
    assert.deepInclude(x.take()[0].data[0], { open: 0.15, close: 0.151, trades: 2 })
  })

  it("instrument: a snapshot, then only pairs that changed", () => {
    const x = publicly()
    const [, snapshot] = subscribe(x, { channel: "instrument" })
    assert.deepInclude(snapshot.data.pairs[0], { symbol: "XLM/USD", qty_min: 20, price_precision: 6, status: "online" })
    assert.deepInclude(snapshot.data.assets[0], { id: "USD", precision: 4 })
    x.step(Operator.setInstrument(x.state, XLM, { minQuantity: Money.quantity("40") }, x.now))
    const [update] = x.take()
    assert.deepStrictEqual([update.type, update.data.pairs.length, update.data.pairs[0].qty_min], ["update", 1, 40])
    assert.strictEqual(x.public("AssetPairs").result.XXLMZUSD.ordermin, "40")
  })

  it("silence during maintenance, the difference afterwards", () => {
    const x = publicly()
    subscribe(x, { channel: "book", symbol: ["XLM/USD"] })
    x.step(Operator.setSystem(x.state, "maintenance", x.now))
    x.take()
    x.quote([["0.140000", "5"]])
    assert.deepStrictEqual(x.take(), [])
    x.step(Operator.setSystem(x.state, "online", x.now))
    x.quote([["0.140001", "5"]])
    assert.isTrue(x.take().some((frame) => frame.channel === "book"))
  })
})

const ORDER = { order_type: "limit", side: "buy", symbol: "XLM/USD", order_qty: 100.5, limit_price: 0.149 }
const reports = (frames: ReadonlyArray<Json>): ReadonlyArray<Json> =>
  frames.filter((frame) => frame.channel === "executions").flatMap((frame) => frame.data)
const kinds = (frames: ReadonlyArray<Json>): ReadonlyArray<string> => reports(frames).map((row) => row.exec_type)

describe("executions and balances", () => {
  it("acknowledge with the counter's ceiling and the deprecations", () => {
    const x = ready({ tier: "starter" })
    const token = x.ok("GetWebSocketsToken").token
    x.open()
    const [ack, snapshot] = subscribe(x, { channel: "executions", token, snap_trades: true }, "a")
    assert.deepInclude(ack.result, { channel: "executions", maxratecount: 60, snapshot: true, snap_trades: true })
    assert.strictEqual(ack.result.warnings.length, 4)
    assert.deepStrictEqual(snapshot, { channel: "executions", type: "snapshot", data: [], sequence: 1 })
    const [, balances] = subscribe(x, { channel: "balances", token }, "a")
    assert.deepStrictEqual(balances.data[0], {
      asset: "USD",
      asset_class: "currency",
      balance: 1000,
      wallets: [{ type: "spot", id: "main", balance: 1000 }]
    })
    assert.strictEqual(balances.sequence, 1)
    const gone = x.send({ method: "unsubscribe", params: { channel: "balances", token } })
    assert.deepStrictEqual(gone[0].result, { channel: "balances" })
  })

  it("pending_new, new, trade, filled: deltas without symbol, two ledger frames, sequences that rise by one", () => {
    const x = ready().connect()
    const placed = x.request("add_order", { ...ORDER, cl_ord_id: "c-1", post_only: true })
    assert.deepStrictEqual(Object.keys(placed[0].result), ["order_id", "cl_ord_id"])
    const [pending, live] = reports(placed)
    assert.deepInclude(pending, {
      exec_type: "pending_new",
      order_status: "pending_new",
      cl_ord_id: "c-1",
      symbol: "XLM/USD",
      order_qty: 100.5,
      limit_price: 0.149,
      time_in_force: "GTC",
      fee_ccy_pref: "fciq",
      post_only: true
    })
    assert.deepStrictEqual(Object.keys(live).toSorted(), ["exec_type", "order_id", "order_status", "timestamp"])
    x.later(1_000).trade("0.148000", "40", "sell")
    const part = x.take()
    assert.deepStrictEqual(kinds(part), ["trade"])
    assert.deepInclude(reports(part)[0], {
      order_status: "partially_filled",
      last_qty: 40,
      last_price: 0.149,
      cum_qty: 40,
      liquidity_ind: "m",
      cost: 5.96,
      fee_usd_equiv: 0.0149,
      fees: [{ asset: "USD", qty: 0.0149 }]
    })
    const ledgers = part.filter((frame) => frame.channel === "balances")
    assert.deepStrictEqual(
      ledgers.map((frame) => [frame.sequence, frame.data[0].asset, frame.data[0].amount, frame.data[0].balance]),
      [
        [2, "XLM", 40, 5040],
        [3, "USD", -5.96, 994.0251]
      ]
    )
    assert.strictEqual(ledgers[0]?.data[0].ref_id, ledgers[1]?.data[0].ref_id)
    x.trade("0.148000", "100", "sell")
    const rest = x.take()
    assert.deepStrictEqual(kinds(rest), ["trade", "filled"])
    assert.isFalse("symbol" in (reports(rest)[1] ?? {}))
    assert.deepInclude(reports(rest)[1], { order_status: "filled", cum_qty: 100.5, avg_price: 0.149 })
    const sequences = [...placed, ...part, ...rest]
      .filter((frame) => frame.channel === "executions")
      .map((frame) => frame.sequence)
    assert.deepStrictEqual(sequences, [2, 3, 4, 5, 6])
  })

  it("the switches: client id in deltas, totals in filled, ack after the reports", () => {
    const x = ready({
      switches: { deltasCarryClOrdId: true, filledCarriesTotals: false, ackFirst: false }
    }).connect()
    const frames = x.request("add_order", { ...ORDER, limit_price: 0.1501, cl_ord_id: "c-2" })
    assert.strictEqual(frames.at(-1).method, "add_order")
    assert.isTrue(reports(frames).every((row) => row.cl_ord_id === "c-2"))
    const filled = reports(frames).at(-1)
    assert.deepStrictEqual(Object.keys(filled).toSorted(), [
      "cl_ord_id",
      "exec_type",
      "order_id",
      "order_status",
      "timestamp"
    ])
  })

  it("canceled, amended and expired", () => {
    const x = ready().connect()
    const id = x.request("add_order", { ...ORDER, order_userref: 5, expire_time: "2026-01-05T10:10:00Z" })[0].result
    assert.deepStrictEqual(id.order_userref, 5)
    const amended = x.request("amend_order", { order_id: id.order_id, limit_price: 0.1485, order_qty: 90.0 })
    assert.deepInclude(reports(amended)[0], {
      exec_type: "amended",
      order_status: "new",
      amended: true,
      order_qty: 90,
      limit_price: 0.1485,
      reason: "User requested",
      order_userref: 5
    })
    assert.match(amended[0].result.amend_id, /^T/)
    x.wait(600_000)
    assert.deepStrictEqual(kinds(x.take()), ["expired"])
    const second = x.request("add_order", { ...ORDER, post_only: true })[0].result.order_id
    const canceled = reports(x.request("cancel_order", { order_id: [second] }))[0]
    assert.deepInclude(canceled, {
      exec_type: "canceled",
      order_status: "canceled",
      reason: "User requested",
      cancel_reason: "User requested",
      post_only: true,
      cum_qty: 0
    })
  })

  it("fee in base", () => {
    const x = ready().connect()
    const rows = reports(
      x.request("add_order", { ...ORDER, order_qty: 100.0, limit_price: 0.1501, fee_preference: "base" })
    )
    assert.deepInclude(rows[2], { liquidity_ind: "t", fees: [{ asset: "XLM", qty: 0.4 }], fee_usd_equiv: 0.06004 })
    assert.strictEqual(rows[0].fee_ccy_pref, "fcib")
  })

  it("without order_status only transitions; with ratecounter the counter", () => {
    const x = ready().connect("a", { order_status: false, ratecounter: true })
    const frames = x.request("add_order", { ...ORDER, limit_price: 0.149 })
    assert.deepStrictEqual(kinds(frames), ["new"])
    assert.strictEqual(reports(frames)[0].ratecount, 1)
  })

  it("snapshots: open orders in full, the newest fifty fills, or nothing", () => {
    const x = ready()
    x.add({ price: "0.149950", cl_ord_id: "s-1", expiretm: "+600" })
    x.add({ price: "0.149900", userref: "3" })
    x.ok("AmendOrder", { cl_ord_id: "s-1", order_qty: "110" })
    x.trade("0.149920", "30", "sell")
    const token = x.ok("GetWebSocketsToken").token
    x.open()
    const [, snapshot] = subscribe(x, { channel: "executions", token, snap_trades: true }, "a")
    assert.deepStrictEqual(
      snapshot.data.map((row: Json) => [row.exec_type, row.order_status]),
      [
        ["new", "new"],
        ["new", "partially_filled"],
        ["trade", "filled"]
      ]
    )
    // The amend cost the first its place.
    assert.deepInclude(snapshot.data[1], { cl_ord_id: "s-1", cum_qty: 30, amended: true, time_in_force: "GTD" })
    assert.strictEqual(snapshot.data[0].order_userref, 3)
    assert.isFalse("cum_qty" in snapshot.data[2])
    x.open("b")
    const quiet = subscribe(x, { channel: "executions", token, snap_orders: false }, "b")
    assert.strictEqual(quiet.length, 1)
    assert.strictEqual(subscribe(x, { channel: "balances", token, snapshot: false }, "b").length, 1)
    x.trade("0.149920", "10", "sell")
    assert.deepStrictEqual(
      x.take("b").map((frame) => frame.sequence),
      [1, 2, 1]
    )
  })

  it("wallets of auto-earn", () => {
    const x = ready().connect()
    x.step(Operator.transferToFlex(x.state, "XLM", Money.quantity("100"), x.now))
    const rows = x.take().map((frame) => frame.data[0])
    assert.deepStrictEqual(
      rows.map((row) => [row.wallet_type, row.wallet_id, row.amount, row.subtype]),
      [
        ["spot", "main", -100, "spottostaking"],
        ["earn", "flex", 100, "stakingfromspot"]
      ]
    )
    x.open("b")
    const [, snapshot] = subscribe(x, { channel: "balances", token: x.token }, "b")
    assert.deepStrictEqual(snapshot.data[1].wallets, [
      { type: "spot", id: "main", balance: 4900 },
      { type: "earn", id: "flex", balance: 100 }
    ])
    assert.strictEqual(snapshot.data[1].balance, 5000)
  })

  it("reports may be behind, in order, and are lost with the connection", () => {
    const x = ready().connect()
    x.state = Operator.setSwitches(x.state, { reportLagMs: 500 })
    const frames = x.request("add_order", ORDER)
    assert.deepStrictEqual(kinds(frames), [])
    x.state = Operator.setSwitches(x.state, { reportLagMs: 0 })
    x.later(100)
    assert.deepStrictEqual(kinds(x.request("cancel_all", {})), [])
    assert.strictEqual(Exchange.nextWake(x.state), T0 + 500)
    x.wait(399)
    assert.deepStrictEqual(kinds(x.take()), [])
    x.wait(1)
    assert.deepStrictEqual(kinds(x.take()), ["pending_new", "new", "canceled"])
    x.state = Operator.setSwitches(x.state, { reportLagMs: 500 })
    x.request("add_order", ORDER)
    x.close("a").wait(5_000)
    assert.deepStrictEqual(x.take(), [])
  })
})

describe("tokens", () => {
  it("are asked for, checked, and live fifteen minutes or as long as a subscription", () => {
    const x = ready()
    const error = (params: Json, session = "a"): string =>
      subscribe(x, { channel: "executions", ...params }, session)[0].error ?? "ok"
    const token = x.ok("GetWebSocketsToken").token
    x.open().open("b")
    assert.strictEqual(error({}), "Token(s) not found")
    assert.strictEqual(error({ token: "nonsense" }), "ESession:Invalid session")
    assert.strictEqual(error({ token: 5 }), "Token field must be a string")
    x.later(899_999)
    assert.strictEqual(error({ token }), "ok")
    x.later(900_000)
    assert.strictEqual(error({ token }, "b"), "ok")
    x.close("a").close("b").open()
    assert.strictEqual(error({ token }), "ESession:Invalid session")
    const next = x.ok("GetWebSocketsToken").token
    assert.strictEqual(x.state.tokens.length, 1)
    x.state = Operator.expireTokens(x.state)
    assert.strictEqual(error({ token: next }), "ESession:Invalid session")
    x.token = next
    assert.deepInclude(x.request("cancel_all", {})[0], { error: "ESession:Invalid session", status: "error" })
  })

  it("carry the key's permissions", () => {
    const permissions = tradingPermissions.filter((one) => one === "create-ws-token")
    const x = ready({ keys: [{ apiKey: KEY, permissions, nonceWindow: 0n }] })
    x.token = x.ok("GetWebSocketsToken").token
    x.open()
    const denied = "EGeneral:Permission denied"
    assert.strictEqual(subscribe(x, { channel: "executions", token: x.token }, "a")[0].error, denied)
    assert.strictEqual(subscribe(x, { channel: "balances", token: x.token }, "a")[0].error, denied)
    assert.strictEqual(x.request("add_order", ORDER)[0].error, denied)
    assert.strictEqual(subscribe(x, { channel: "balances", snapshot: 1, token: x.token }, "a")[0].error, denied)
  })
})

describe("trading on the stream", () => {
  const refusals: ReadonlyArray<readonly [string, Json, string]> = [
    ["quantity as text", { order_qty: "100" }, "Order_qty field must be a number_float"],
    ["price as text", { limit_price: "0.149" }, "Limit_price field must be a number_float"],
    ["cash quantity as text", { cash_order_qty: "5" }, "Cash_order_qty field must be a number_float"],
    ["cash quantity", { cash_order_qty: 5.5 }, "EGeneral:Invalid arguments:cash_order_qty"],
    ["minimum", { order_qty: 1.5 }, "EGeneral:Invalid arguments:volume minimum not met"],
    ["no quantity", { order_qty: null }, "EGeneral:Invalid arguments:volume"],
    [
      "too many decimals",
      { limit_price: 0.1490001 },
      "EOrder:Invalid price:XLM/USD price can only be specified up to 6 decimals."
    ],
    ["more decimals than any amount has", { limit_price: 1.49e-14 }, "EOrder:Invalid price:Invalid price argument."],
    ["pair", { symbol: "XBT/USD" }, "Currency pair not supported XBT/USD"],
    ["no pair", { symbol: null }, "Currency pair not supported "],
    ["post_only as text", { post_only: "true" }, "Post_only field must be a boolean"],
    ["side as number", { side: 1 }, "Side field must be a string"],
    ["reference", { order_userref: 1.5 }, "Order_userref field must be a number_integer"],
    [
      "no_mpp",
      { no_mpp: true },
      "EGeneral:Invalid arguments:no_mpp order option is only available when ordertype = market"
    ],
    ["triggers", { triggers: {} }, "EGeneral:Invalid arguments:triggers"],
    ["price type", { limit_price_type: "pct" }, "EGeneral:Invalid arguments:limit_price_type"],
    ["fee preference", { fee_preference: "gold" }, "EGeneral:Invalid arguments:fee_preference"],
    ["expiry", { expire_time: "soon" }, "EGeneral:Invalid arguments:expire_time"],
    ["deadline too near", { deadline: "2026-01-05T10:00:00.499Z" }, "EGeneral:Invalid arguments:deadline"],
    ["post-only", { post_only: true, limit_price: 0.1502 }, "EOrder:Post only order"]
  ]
  it.each(refusals)("refuses: %s", (_, params, text) => {
    const x = ready().connect()
    assert.strictEqual(x.request("add_order", { ...ORDER, ...params })[0].error, text)
    assert.strictEqual(x.state.account.open.length, 0)
  })

  it("time in force in lower case, self-trade with an underscore, exponents, a deadline", () => {
    const x = ready().connect()
    const frame = JSON.stringify({
      method: "add_order",
      params: {
        ...ORDER,
        order_qty: 0,
        token: x.token,
        time_in_force: "ioc",
        stp_type: "cancel_both",
        deadline: "2026-01-05T10:00:05Z"
      }
    }).replace('"order_qty":0', '"order_qty":1.005e2')
    const [ack] = x.send(frame)
    assert.isTrue(ack.success)
    assert.strictEqual(x.query(ack.result.order_id).vol, "100.50000000")
  })

  it("bare integers are refused when the switch says so", () => {
    const x = ready({ switches: { bareIntegers: false } }).connect()
    assert.strictEqual(
      x.request("add_order", { ...ORDER, order_qty: 100 })[0].error,
      "Order_qty field must be a number_float"
    )
    assert.isTrue(x.request("add_order", ORDER)[0].success)
  })

  it("validate answers without an id", () => {
    const x = ready().connect()
    const [ack] = x.request("add_order", { ...ORDER, validate: true, cl_ord_id: "v" })
    assert.deepStrictEqual(ack.result, { cl_ord_id: "v" })
    assert.strictEqual(x.state.account.open.length, 0)
  })

  it("cancel_order answers each order; batch_cancel counts at the top", () => {
    const x = ready().connect()
    const add = (params: Json): string => x.request("add_order", { ...ORDER, ...params })[0].result.order_id
    const a = add({})
    add({ cl_ord_id: "b" })
    add({ order_userref: 9 })
    const answers = x
      .request("cancel_order", { order_id: [a, "ONO"], cl_ord_id: "b", order_userref: [9] })
      .filter((frame) => "method" in frame)
    assert.deepStrictEqual(
      answers.map((frame) => frame.error ?? frame.result),
      [{ order_id: a }, "EOrder:Unknown order", { cl_ord_id: "b" }, { order_userref: 9 }]
    )
    assert.isTrue(answers.every((frame) => frame.req_id === 7))
    assert.strictEqual(x.request("cancel_order", {})[0].error, "EGeneral:Invalid arguments:order_id")
    const c = add({})
    add({ cl_ord_id: "d" })
    add({ order_userref: 4 })
    const batch = x.request("batch_cancel", { orders: [c, "4"], cl_ord_id: ["d"] })[0]
    assert.deepInclude(batch, { method: "batch_cancel", orders_cancelled: 3, success: true })
    assert.strictEqual(x.request("batch_cancel", { orders: ["ONE"] })[0].error, "EGeneral:Invalid arguments:orders")
    assert.strictEqual(x.request("batch_cancel", { orders: ["ONE", {}, "OTWO"] })[0].error, "EOrder:Unknown order")
  })

  it("cancel_all and the switch", () => {
    const x = ready().connect()
    x.request("add_order", ORDER)
    assert.deepStrictEqual(x.request("cancel_all", {})[0].result, { count: 1 })
    assert.deepStrictEqual(x.request("cancel_all_orders_after", { timeout: 60 })[0].result, {
      currentTime: "2026-01-05T10:00:00Z",
      triggerTime: "2026-01-05T10:01:00Z"
    })
    assert.strictEqual(x.state.switchAt, T0 + 60_000)
    assert.strictEqual(x.request("cancel_all_orders_after", { timeout: 0 })[0].result.triggerTime, "0")
    assert.strictEqual(
      x.request("cancel_all_orders_after", { timeout: "60" })[0].error,
      "Timeout field must be a number_integer"
    )
  })

  it("amend_order of nothing, and unavailable during maintenance", () => {
    const x = ready().connect()
    assert.strictEqual(x.request("amend_order", { cl_ord_id: "no", order_qty: 50.5 })[0].error, "EOrder:Unknown order")
    x.step(Operator.setSystem(x.state, "maintenance", x.now))
    assert.strictEqual(x.request("cancel_all", {})[0].error, "EService:Unavailable")
  })
})

const payloads = new URL("../../../../shared/data/kraken-payloads/kraken-async-rs/", import.meta.url)

describe.skipIf(!existsSync(payloads))("shapes of recorded frames", () => {
  const recorded = (path: string): Json => JSON.parse(readFileSync(new URL(path, payloads), "utf8"))
  const keys = (value: object): ReadonlyArray<string> => Object.keys(value).toSorted()

  it("new, amended, ledger updates and acks carry exactly the recorded fields", () => {
    const x = ready().connect()
    const placed = x.request("add_order", ORDER)
    assert.deepStrictEqual(keys(reports(placed)[1]), keys(recorded("execution_order_update_new.new.json").data[0]))
    const amended = x.request("amend_order", { order_id: placed[0].result.order_id, order_qty: 90.5 })
    assert.deepStrictEqual(keys(reports(amended)[0]), keys(recorded("execution_order_amended.amend.json").data[0]))
    x.trade("0.148000", "40", "sell")
    const update = x.take().find((frame) => frame.channel === "balances")
    assert.deepStrictEqual(keys(update.data[0]), keys(recorded("balances_updates.usd_update.json").data[0]))
  })

  it("candles, trades and book acks too", () => {
    const x = publicly()
    x.trade("0.150000", "1", "sell")
    const [ohlcAck, ohlc] = subscribe(x, { channel: "ohlc", symbol: ["XLM/USD"], interval: 60 })
    assert.deepStrictEqual(keys(ohlc.data[0]), keys(recorded("candles_snapshot.candles_snapshot.json").data[0]))
    assert.deepStrictEqual(keys(ohlcAck.result), keys(recorded("ohlc_subscription_response.json").result))
    const [bookAck] = subscribe(x, { channel: "book", symbol: ["XLM/USD"] })
    assert.deepStrictEqual(keys(bookAck), keys(recorded("book_subscription_response.json")))
    const [, trades] = subscribe(x, { channel: "trade", symbol: ["XLM/USD"], snapshot: true })
    assert.deepStrictEqual(keys(trades.data[0]), keys(recorded("trade_update.trade_update.json").data[0]))
  })
})
