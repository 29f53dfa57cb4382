import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { merge } from "../../../src/domain/exchange/Candles.ts"
import type { Bar } from "../../../src/domain/exchange/Boundary.ts"
import type { Permission } from "../../../src/domain/exchange/Config.ts"
import { tradingPermissions } from "../../../src/domain/exchange/Config.ts"
import * as Exchange from "../../../src/domain/exchange/Exchange.ts"
import * as Operator from "../../../src/domain/exchange/Operator.ts"
import { rfc1123 } from "../../../src/domain/exchange/rest/Public.ts"
import { view } from "../../../src/domain/exchange/View.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import type { Json } from "./Harness.ts"
import { Harness, KEY, T0, XLM } from "./Harness.ts"

const ready = (options: ConstructorParameters<typeof Harness>[0] = {}): Harness => new Harness(options).quote()
const call = (x: Harness, nonce: string, endpoint = "Balance"): string => x.private(endpoint, { nonce }).error.join("")

describe("public endpoints", () => {
  it("Time and SystemStatus", () => {
    const x = ready()
    assert.deepStrictEqual(x.public("Time").result, { unixtime: T0 / 1000, rfc1123: "Mon, 05 Jan 26 10:00:00 +0000" })
    assert.deepStrictEqual(x.public("SystemStatus").result, { status: "online", timestamp: "2026-01-05T10:00:00Z" })
    assert.strictEqual(rfc1123(0), "Thu, 01 Jan 70 00:00:00 +0000")
    assert.deepStrictEqual(x.public("Nothing"), { error: ["EGeneral:Unknown method"] })
  })

  it("Assets by any of their names", () => {
    const x = ready()
    assert.deepStrictEqual(Object.keys(x.public("Assets").result), ["ZUSD", "XXLM", "XXBT", "XETH"])
    assert.strictEqual(x.public("Assets", { asset: "XBT, ZUSD" }).result.XXBT.decimals, 10)
    assert.deepStrictEqual(x.public("Assets", { asset: "FOO" }).error, ["EQuery:Unknown asset"])
  })

  it("AssetPairs carry ids, precisions, minimums and the fee schedule", () => {
    const x = ready()
    const row = x.public("AssetPairs", { pair: "XLMUSD" }).result.XXLMZUSD
    assert.deepInclude(row, {
      altname: "XLMUSD",
      wsname: "XLM/USD",
      base: "XXLM",
      quote: "ZUSD",
      pair_decimals: 6,
      lot_decimals: 8,
      cost_decimals: 8,
      ordermin: "20",
      costmin: "0.5",
      tick_size: "0.000001",
      status: "online"
    })
    assert.deepStrictEqual(row.fees[0], [0, 0.4])
    assert.deepStrictEqual(row.fees_maker[9], [10_000_000, 0])
    assert.strictEqual(x.public("AssetPairs", { pair: "XBT/USD" }).result["XBT/USD"].wsname, "XBT/USD")
    assert.strictEqual(x.public("AssetPairs", { pair: "BTC/USD" }).result["BTC/USD"].altname, "XBTUSD")
    assert.strictEqual(Object.keys(x.public("AssetPairs").result).length, 3)
    assert.deepStrictEqual(x.public("AssetPairs", { pair: "XLMUSD,NO" }).error, ["EQuery:Unknown asset pair"])
  })

  it("Ticker: best prices, today and 24 hours", () => {
    const x = ready()
    const empty = x.public("Ticker", { pair: "XBTUSD" }).result.XXBTZUSD
    assert.deepStrictEqual(empty.a, ["0.00000", "0", "0.000"])
    x.trade("0.150000", "10", "sell").later(60_000).trade("0.150100", "30", "buy")
    const row = x.public("Ticker", { pair: "XLMUSD" }).result.XXLMZUSD
    assert.deepStrictEqual(row.a, ["0.15010000", "1000", "1000.000"])
    assert.deepStrictEqual(row.b, ["0.15000000", "1000", "1000.000"])
    assert.deepStrictEqual(row.c, ["0.15010000", "30.00000000"])
    assert.deepStrictEqual(row.v, ["40.00000000", "40.00000000"])
    assert.deepStrictEqual(row.p, ["0.15007500", "0.15007500"])
    assert.deepStrictEqual([row.t, row.o], [[2, 2], "0.15000000"])
    x.later(86_700_000)
    const next = x.public("Ticker", { pair: "XLMUSD" }).result.XXLMZUSD
    assert.deepStrictEqual([next.v[0], next.t, next.o], ["0.00000000", [0, 0], "0.15010000"])
  })

  it("our own orders are in the book that everybody sees", () => {
    const x = ready()
    x.add({ price: "0.150050", volume: "77" })
    x.add({ price: "0.150000", volume: "23" })
    const book = x.public("Depth", { pair: "XLM/USD", count: "2" }).result["XLM/USD"]
    assert.deepStrictEqual(book.bids, [
      ["0.15005000", "77.00000000", T0 / 1000],
      ["0.15000000", "1023.00000000", T0 / 1000]
    ])
  })

  it("Depth goes on by rule below what is told", () => {
    const x = ready()
    const { asks, bids } = x.public("Depth", { pair: "XLMUSD", count: "500" }).result.XXLMZUSD
    assert.deepStrictEqual([asks.length, bids.length], [500, 500])
    assert.deepStrictEqual(asks[2].slice(0, 2), ["0.15027500", "3000.00000000"])
    const prices: ReadonlyArray<number> = bids.map(([price]: ReadonlyArray<string>) => Number(price))
    assert.isTrue(prices.every((price, i) => price > 0 && (i === 0 || price < (prices[i - 1] ?? 0))))
    for (const count of ["0", "501", "x"]) {
      assert.deepStrictEqual(x.public("Depth", { pair: "XLMUSD", count }).error, ["EGeneral:Invalid arguments:count"])
    }
    assert.deepStrictEqual(x.public("Depth").error, ["EQuery:Unknown asset pair"])
    x.quote([["0.000003", "10"]], [["0.000010", "10"]])
    assert.strictEqual(x.public("Depth", { pair: "XLMUSD" }).result.XXLMZUSD.bids.length, 3)
  })

  it("Trades since a nanosecond", () => {
    const x = ready()
    assert.deepStrictEqual(x.public("Trades", { pair: "XLMUSD" }).result, { XXLMZUSD: [], last: "0" })
    x.trade("0.150000", "10", "sell").later(1_500).trade("0.150100", "30", "buy")
    x.add({ ordertype: "market", volume: "20" })
    const all = x.public("Trades", { pair: "XLMUSD" }).result
    assert.deepStrictEqual(all.XXLMZUSD[0], ["0.15000000", "10.00000000", T0 / 1000, "s", "l", "", 1_000_001])
    assert.deepStrictEqual(all.XXLMZUSD[2].slice(3, 5), ["b", "m"])
    assert.strictEqual(all.last, `${T0 + 1_500}000000`)
    assert.strictEqual(x.public("Trades", { pair: "XLMUSD", since: `${T0}000000` }).result.XXLMZUSD.length, 2)
    assert.strictEqual(x.public("Trades", { pair: "XLMUSD", since: all.last }).result.last, all.last)
    assert.strictEqual(x.public("Trades", { pair: "XLMUSD", count: "1" }).result.XXLMZUSD[0][6], 1_000_003)
    assert.deepStrictEqual(x.public("Trades", { pair: "XLMUSD", since: "x" }).error, [
      "EGeneral:Invalid arguments:since"
    ])
    assert.deepStrictEqual(x.public("Trades", { pair: "XLMUSD", count: "1001" }).error, [
      "EGeneral:Invalid arguments:count"
    ])
  })

  it("Spread", () => {
    const x = ready()
    x.quote()
      .later(2_000)
      .quote([["0.149000", "1"]], [["0.150000", "1"]])
    x.quote([], [["0.150000", "1"]])
    const rows = x.public("Spread", { pair: "XLMUSD" }).result.XXLMZUSD
    assert.deepStrictEqual(rows, [
      [T0 / 1000, "0.15000000", "0.15010000"],
      [T0 / 1000 + 2, "0.14900000", "0.15000000"]
    ])
    assert.strictEqual(x.public("Spread", { pair: "XLMUSD", since: String(T0 / 1000 + 1) }).result.XXLMZUSD.length, 1)
    assert.deepStrictEqual(x.public("Spread", { pair: "XLMUSD", since: "x" }).error, [
      "EGeneral:Invalid arguments:since"
    ])
  })

  const bar = (time: number, close: number): Bar => ({
    time,
    open: 0.1,
    high: 0.2,
    low: 0.05,
    close,
    vwap: 0.1,
    volume: 100,
    count: 3
  })

  it("OHLC: history, the bars since, flat gaps, and the unfinished bar last", () => {
    const s = T0 / 1000
    const x = new Harness({ history: (_, interval) => (interval <= 5 ? [bar(s - interval * 60, 0.14)] : []) })
    x.quote().trade("0.150000", "10", "sell").later(30_000).trade("0.152000", "30", "buy")
    x.later(150_000).trade("0.151000", "5", "buy").later(180_000)
    const ohlc = x.public("OHLC", { pair: "XLMUSD" }).result
    assert.deepStrictEqual(
      ohlc.XXLMZUSD.map((row: Json) => [row[0] - s, row[1], row[2], row[3], row[4], row[5], row[6], row[7]]),
      [
        [-60, "0.100000", "0.200000", "0.050000", "0.140000", "0.100000", "100.00000000", 3],
        [0, "0.150000", "0.152000", "0.150000", "0.152000", "0.151500", "40.00000000", 2],
        [60, "0.152000", "0.152000", "0.152000", "0.152000", "0.000000", "0.00000000", 0],
        [120, "0.152000", "0.152000", "0.152000", "0.152000", "0.000000", "0.00000000", 0],
        [180, "0.151000", "0.151000", "0.151000", "0.151000", "0.151000", "5.00000000", 1],
        [240, "0.151000", "0.151000", "0.151000", "0.151000", "0.000000", "0.00000000", 0],
        [300, "0.151000", "0.151000", "0.151000", "0.151000", "0.000000", "0.00000000", 0],
        [360, "0.151000", "0.151000", "0.151000", "0.151000", "0.000000", "0.00000000", 0]
      ]
    )
    assert.strictEqual(ohlc.last, s + 300)
    const since = x.public("OHLC", { pair: "XLMUSD", since: String(ohlc.last) }).result.XXLMZUSD
    assert.deepStrictEqual(
      since.map((row: Json) => row[0]),
      [s + 360]
    )
    const five = x.public("OHLC", { pair: "XLMUSD", interval: "5" }).result.XXLMZUSD
    assert.deepStrictEqual(
      five.map((row: Json) => [row[0] - s, row[7]]),
      [
        [-300, 3],
        [0, 3],
        [300, 0]
      ]
    )
    assert.deepStrictEqual(x.public("OHLC", { pair: "XLMUSD", interval: "2" }).error, [
      "EGeneral:Invalid arguments:interval"
    ])
    assert.deepStrictEqual(x.public("OHLC", { pair: "XLMUSD", since: "x" }).error, ["EGeneral:Invalid arguments:since"])
    assert.deepStrictEqual(x.public("OHLC", { pair: "XBTUSD", interval: "60" }).result, { XXBTZUSD: [], last: 0 })
  })

  it("OHLC: longer intervals are the sum of their minutes, at most 720 rows", () => {
    const x = ready()
    for (let minute = 0; minute < 800; minute++) {
      x.trade(`0.1${String(minute).padStart(3, "0")}`, "1", "buy").later(60_000)
    }
    const rows = (interval: string): ReadonlyArray<Json> =>
      x.public("OHLC", { pair: "XLMUSD", interval }).result.XXLMZUSD
    assert.strictEqual(rows("1").length, 720)
    for (const interval of ["5", "15", "60", "240"]) {
      assert.strictEqual(
        rows(interval).reduce((sum, row) => sum + row[7], 0),
        800
      )
    }
    const hour = rows("60")[1]
    assert.deepStrictEqual([hour[1], hour[2], hour[3], hour[4]], ["0.106000", "0.111900", "0.106000", "0.111900"])
    x.later(1_000 * 60_000)
    assert.strictEqual(rows("1").length, 720)
  })

  it("bars without volume keep a mean price", () => {
    assert.strictEqual(merge({ ...bar(0, 1), volume: 0 }, { ...bar(60, 1), volume: 0, vwap: 0.3 }).vwap, 0.3)
  })
})

describe("keys and nonces", () => {
  it("an unknown key, a wrong signature, and the lockout that every call restarts", () => {
    const x = ready({ lockout: { after: 3, ms: 900_000 } })
    const authenticate = (key: string): string | undefined => {
      const answered = Exchange.authenticate(x.state, key, x.now)
      x.step(answered)
      return answered.refusal?.body
    }
    const sign = (key: string): string => {
      const answered = Exchange.signatureRefused(x.state, key, x.now)
      x.step(answered)
      return answered.reply.body
    }
    assert.strictEqual(authenticate(KEY), undefined)
    assert.strictEqual(authenticate("other"), `{"error":["EAPI:Invalid key"]}`)
    assert.strictEqual(sign(KEY), `{"error":["EAPI:Invalid signature"]}`)
    assert.strictEqual(call(x, "5000"), "")
    assert.strictEqual(sign("other"), `{"error":["EAPI:Invalid signature"]}`)
    assert.strictEqual(authenticate("other"), `{"error":["EAPI:Invalid key"]}`)
    assert.strictEqual(authenticate("other"), `{"error":["EAPI:Invalid key"]}`)
    const locked = `{"error":["EGeneral:Temporary lockout"]}`
    assert.strictEqual(authenticate(KEY), locked)
    x.later(899_999)
    assert.strictEqual(authenticate(KEY), locked)
    x.later(899_999)
    assert.strictEqual(sign(KEY), locked)
    x.later(900_000)
    assert.strictEqual(authenticate(KEY), undefined)
    assert.deepStrictEqual(x.private("Balance", {}, "other").error, ["EAPI:Invalid key"])
  })

  it("a nonce is a number that only grows", () => {
    const x = ready()
    assert.strictEqual(call(x, "18446744073709551616"), "EAPI:Invalid nonce")
    assert.strictEqual(call(x, "1.5"), "EAPI:Invalid nonce")
    assert.strictEqual(call(x, ""), "EAPI:Invalid nonce")
    assert.strictEqual(call(x, "1700000000000"), "")
    assert.strictEqual(call(x, "1700000000000"), "EAPI:Invalid nonce")
    assert.strictEqual(call(x, "1699999999999"), "EAPI:Invalid nonce")
    assert.strictEqual(call(x, "1700000000001"), "")
    assert.strictEqual(call(x, "18446744073709551615"), "")
    const missing = Exchange.privateCall(x.state, KEY, { endpoint: "Balance", params: new Map() }, x.now)
    assert.strictEqual(missing.reply.body, `{"error":["EAPI:Invalid nonce"]}`)
  })

  it("a refused nonce executes nothing; a call that fails otherwise uses its nonce up", () => {
    const x = ready()
    call(x, "9000")
    assert.strictEqual(x.error("AddOrder", { ...x.order(), nonce: "9000" }), "EAPI:Invalid nonce")
    assert.strictEqual(x.state.account.open.length, 0)
    assert.strictEqual(x.error("CancelOrder", { txid: "x", nonce: "9001" }), "EOrder:Unknown order")
    assert.strictEqual(call(x, "9001"), "EAPI:Invalid nonce")
  })

  it("the window forgives a nonce that comes late, once", () => {
    const x = ready({ keys: [{ apiKey: KEY, permissions: tradingPermissions, nonceWindow: 10n }] })
    assert.strictEqual(call(x, "100"), "")
    assert.strictEqual(call(x, "95"), "")
    assert.strictEqual(call(x, "95"), "EAPI:Invalid nonce")
    assert.strictEqual(call(x, "90"), "EAPI:Invalid nonce")
    assert.strictEqual(call(x, "100"), "EAPI:Invalid nonce")
    assert.strictEqual(call(x, "120"), "")
    assert.strictEqual(call(x, "109"), "EAPI:Invalid nonce")
    assert.strictEqual(call(x, "111"), "")
  })

  const needed: ReadonlyArray<readonly [string, Permission]> = [
    ["Balance", "query-funds"],
    ["BalanceEx", "query-funds"],
    ["TradeBalance", "query-funds"],
    ["TradeVolume", "query-funds"],
    ["OpenOrders", "query-open-trades"],
    ["ClosedOrders", "query-closed-trades"],
    ["TradesHistory", "query-closed-trades"],
    ["QueryTrades", "query-closed-trades"],
    ["Ledgers", "query-ledger"],
    ["AddOrder", "modify-trades"],
    ["AmendOrder", "modify-trades"],
    ["GetWebSocketsToken", "create-ws-token"]
  ]
  it.each(needed)("%s needs %s", (endpoint, permission) => {
    const x = ready({
      keys: [{ apiKey: KEY, permissions: tradingPermissions.filter((one) => one !== permission), nonceWindow: 0n }]
    })
    assert.strictEqual(x.error(endpoint), "EGeneral:Permission denied")
  })

  it("GetApiKeyInfo needs nothing and tells everything but secrets", () => {
    const x = ready({ keys: [{ apiKey: KEY, permissions: [], nonceWindow: 15n }] })
    const info = x.ok("GetApiKeyInfo")
    assert.deepInclude(info, {
      api_key_name: "key",
      nonce: "1001",
      nonce_window: "15",
      permissions: [],
      valid_until: "0"
    })
    assert.strictEqual(info.last_used, String(T0 / 1000))
    x.state = Operator.setKey(x.state, {
      apiKey: KEY,
      permissions: ["query-funds", "withdraw-funds"],
      nonceWindow: 0n,
      name: "bot",
      ipAllowlist: ["127.0.0.1"],
      validUntil: 9
    })
    const changed = x.ok("GetApiKeyInfo")
    assert.deepInclude(changed, { api_key_name: "bot", nonce: "1002", valid_until: "9", ip_allowlist: ["127.0.0.1"] })
    x.state = Operator.setKey(x.state, { apiKey: "second", permissions: ["query-funds"], nonceWindow: 0n })
    assert.deepStrictEqual(x.private("Balance", { nonce: "1" }, "second").error, [])
  })

  it("the REST counter is the key's", () => {
    const x = ready({ tier: "starter" })
    for (let i = 0; i < 15; i++) x.ok("Balance")
    assert.strictEqual(x.error("Balance"), "EAPI:Rate limit exceeded")
    assert.strictEqual(x.error("CancelOrder", { txid: "x" }), "EOrder:Unknown order")
    x.later(7_000)
    x.ok("Balance")
  })

  it("unknown methods", () => {
    assert.strictEqual(ready().error("Withdraw"), "EGeneral:Unknown method")
  })

  it("the request log tells endpoint, nonce, client id and result", () => {
    const x = ready()
    x.add({ cl_ord_id: "c" })
    x.error("CancelOrder", { txid: "no" })
    Exchange.signatureRefused(x.state, "unheard", x.now)
    const { requests } = view(x.state)
    assert.deepInclude(requests[0], { via: "rest", endpoint: "AddOrder", nonce: "1001", clOrdId: "c", result: "ok" })
    assert.deepInclude(requests[1], { endpoint: "CancelOrder", result: "EOrder:Unknown order" })
  })
})

describe("account reads", () => {
  it("Balance, BalanceEx and TradeBalance", () => {
    const x = ready({ usd: "100.5", xlm: "10" })
    assert.deepStrictEqual(x.ok("Balance"), { ZUSD: "100.5000", XXLM: "10.00000000" })
    x.add({ volume: "20" })
    const balance = x.ok("TradeBalance")
    assert.deepInclude(balance, { eb: "102.0000", m: "0.0000", uv: "2.9800" })
    x.step(Operator.deposit(x.state, "DOGE", 10n ** 12n, x.now))
    assert.deepInclude(x.ok("Balance"), { DOGE: "1.00000000" })
    assert.strictEqual(x.ok("TradeBalance").eb, "102.0000")
    x.step(Operator.transferToFlex(x.state, "XLM", 4n * 10n ** 12n, x.now))
    assert.deepInclude(x.ok("Balance"), { XXLM: "6.00000000", "XLM.F": "4.00000000" })
    assert.strictEqual(x.ok("TradeBalance").eb, "102.0000")
  })

  it("TradeVolume: the real 30 days, and the fee tier follows", () => {
    const x = ready({ usd: "1000000" })
    assert.deepStrictEqual(x.ok("TradeVolume"), { currency: "ZUSD", volume: "0.0000", fees: null, fees_maker: null })
    x.quote([["0.150000", "1"]], [["0.150100", "100000"]])
    x.add({ price: "0.150100", volume: "70000" })
    const first = x.ok("TradeVolume", { pair: "XLMUSD" })
    assert.strictEqual(first.volume, "10507.0000")
    assert.deepStrictEqual(first.fees.XXLMZUSD, {
      fee: "0.3500",
      minfee: "0.1000",
      maxfee: "0.4000",
      nextfee: "0.2400",
      nextvolume: "50000.0000",
      tiervolume: "10000.0000"
    })
    assert.strictEqual(first.fees_maker.XXLMZUSD.fee, "0.2000")
    const row = x.query(x.add({ price: "0.150100", volume: "1000" }))
    assert.strictEqual(row.fee, "0.52535000")
    x.later(30 * 86_400_000 + 1)
    assert.strictEqual(x.ok("TradeVolume").volume, "0.0000")
    assert.strictEqual(x.error("TradeVolume", { pair: "NO" }), "EQuery:Unknown asset pair")
  })

  it("TradeVolume at the ends of the schedule", () => {
    const free = ready({ fees: [] })
    assert.strictEqual(free.ok("TradeVolume", { pair: "XLMUSD" }).fees.XXLMZUSD.fee, "0.0000")
    const one = { volume: Money.usd("0"), maker: Money.rate("0.001"), taker: Money.rate("0.002") }
    const only = ready({ fees: [one] }).ok("TradeVolume", { pair: "XLMUSD" }).fees.XXLMZUSD
    assert.deepInclude(only, { fee: "0.2000", nextfee: null, nextvolume: null })
  })

  it("cost and fee round to nearest at cost decimals, the ledger at asset decimals", () => {
    const x = new Harness({ usd: "1000" })
    x.step(Operator.setInstrument(x.state, XLM, { costDecimals: 5 }, x.now))
    x.quote([["0.120000", "1"]], [["0.121000", "1000"]])
    const row = x.query(x.add({ volume: "105.02014889", price: "0.121000" }))
    // As recorded: 105.02014889 × 0.121 = 12.70743801… and 0.4 % of it.
    assert.deepInclude(row, { cost: "12.70744", fee: "0.05083" })
    const ledger: ReadonlyArray<Json> = Object.values(x.ok("Ledgers", { asset: "ZUSD" }).ledger)
    assert.deepInclude(ledger[0], { amount: "-12.7074", fee: "0.0508", balance: "987.2418", type: "trade" })
  })
})

describe("orders, trades and ledgers", () => {
  const many = (count: number): Harness => {
    const x = ready({ usd: "100000" })
    for (let i = 0; i < count; i++) {
      x.later(10_000)
      x.ok("CancelOrder", { txid: x.add({ cl_ord_id: `id-${i}`, userref: undefined as never }) })
    }
    return x
  }

  it("ClosedOrders: pages of fifty, newest first", () => {
    const x = many(55)
    const first = x.ok("ClosedOrders")
    const second = x.ok("ClosedOrders", { ofs: "50" })
    assert.deepStrictEqual([first.count, second.count], [55, 55])
    const ids = [...Object.values<Json>(first.closed), ...Object.values<Json>(second.closed)].map(
      (row) => row.cl_ord_id
    )
    assert.deepStrictEqual(
      ids,
      Array.from({ length: 55 }, (_, i) => `id-${54 - i}`)
    )
    assert.isFalse("count" in x.ok("ClosedOrders", { without_count: "true" }))
    assert.strictEqual(x.error("ClosedOrders", { ofs: "-1" }), "EGeneral:Invalid arguments:ofs")
  })

  it("ClosedOrders: start is exclusive, end inclusive, by time or txid, of opening or closing", () => {
    const x = ready()
    const a = x.add()
    x.later(10_000)
    const b = x.add()
    x.later(10_000)
    x.ok("CancelOrder", { txid: a })
    x.later(10_000)
    x.ok("CancelOrder", { txid: b })
    const s = T0 / 1000
    const ids = (params: Record<string, string>): ReadonlyArray<string> =>
      Object.keys(x.ok("ClosedOrders", params).closed)
    assert.deepStrictEqual(ids({ start: String(s), closetime: "open" }), [b])
    assert.deepStrictEqual(ids({ start: a, closetime: "open" }), [b])
    assert.deepStrictEqual(ids({ end: String(s), closetime: "open" }), [a])
    assert.deepStrictEqual(ids({ start: String(s + 20), closetime: "close" }), [b])
    assert.deepStrictEqual(ids({ start: String(s + 15), end: String(s + 20) }), [a])
    assert.deepStrictEqual(ids({ start: "0", end: "" }), [b, a])
    assert.strictEqual(x.error("ClosedOrders", { start: "ONO" }), "EGeneral:Invalid arguments:start")
    assert.strictEqual(x.error("ClosedOrders", { closetime: "x" }), "EGeneral:Invalid arguments:closetime")
    assert.strictEqual(x.error("ClosedOrders", { userref: "x" }), "EGeneral:Invalid arguments:userref")
    assert.deepStrictEqual(ids({ userref: "5" }), [])
  })

  it("OpenOrders filters and shows trades when asked", () => {
    const x = ready()
    const txid = x.add({ userref: "5", price: "0.149950" })
    x.add()
    x.trade("0.149900", "60", "sell")
    const rows = x.ok("OpenOrders", { userref: "5", trades: "true" }).open
    assert.deepStrictEqual(Object.keys(rows), [txid])
    assert.strictEqual(rows[txid].trades.length, 1)
    assert.strictEqual(rows[txid].userref, 5)
    assert.strictEqual(x.error("OpenOrders", { userref: "x" }), "EGeneral:Invalid arguments:userref")
  })

  it("QueryOrders and QueryTrades", () => {
    const x = ready()
    const txid = x.add({ price: "0.150100" })
    const row = x.ok("QueryOrders", { txid, trades: "true", userref: "0" })
    assert.deepStrictEqual(row, {})
    const order = x.ok("QueryOrders", { txid, trades: "true" })[txid]
    const trades = x.ok("QueryTrades", { txid: order.trades.join(","), ledgers: "true" })
    const trade: Json = Object.values(trades)[0]
    assert.deepInclude(trade, { ordertxid: txid, pair: "XXLMZUSD", type: "buy", maker: false, vol: "100.00000000" })
    assert.strictEqual(trade.ledgers.length, 2)
    assert.strictEqual(x.error("QueryOrders", {}), "EGeneral:Invalid arguments:txid")
    assert.strictEqual(x.error("QueryOrders", { txid: "ONO" }), "EOrder:Unknown order")
    assert.strictEqual(x.error("QueryOrders", { txid, userref: "x" }), "EGeneral:Invalid arguments:userref")
    assert.strictEqual(x.error("QueryTrades", {}), "EGeneral:Invalid arguments:txid")
    assert.strictEqual(x.error("QueryTrades", { txid: "TNO" }), "EQuery:Unknown trade")
  })

  it("TradesHistory: ranges, types, ledgers", () => {
    const x = ready()
    x.add({ price: "0.150100" })
    x.later(1_000)
    x.add({ price: "0.150100" })
    const all = x.ok("TradesHistory", { ledgers: "true" })
    assert.strictEqual(all.count, 2)
    const [newest, oldest] = Object.keys(all.trades)
    assert.deepStrictEqual(Object.keys(x.ok("TradesHistory", { start: String(oldest) }).trades), [newest])
    assert.deepStrictEqual(Object.keys(x.ok("TradesHistory", { end: String(T0 / 1000) }).trades), [oldest])
    assert.strictEqual(x.ok("TradesHistory", { type: "any position" }).count, 0)
    assert.strictEqual(x.ok("TradesHistory", { type: "no position" }).count, 2)
    assert.strictEqual(x.error("TradesHistory", { start: "TNO" }), "EGeneral:Invalid arguments:start")
  })

  it("Ledgers: deposits, withdrawals, transfers and trades", () => {
    const x = ready()
    x.step(Operator.deposit(x.state, "USD", Money.usd("5.00009"), x.now))
    x.later(1_000)
    x.step(Operator.withdraw(x.state, "USD", Money.usd("2000"), x.now))
    x.step(Operator.transferToFlex(x.state, "XLM", Money.quantity("100"), x.now))
    x.step(Operator.transferFromFlex(x.state, "XLM", Money.quantity("200"), x.now))
    const all = x.ok("Ledgers")
    assert.strictEqual(all.count, 6)
    const of = (params: Record<string, string>): ReadonlyArray<Json> => Object.values(x.ok("Ledgers", params).ledger)
    assert.deepInclude(of({ type: "deposit" })[0], { asset: "ZUSD", amount: "5.0000", balance: "1005.0000" })
    assert.deepInclude(of({ type: "withdrawal" })[0], { amount: "-1005.0000", balance: "0.0000" })
    assert.deepStrictEqual(
      of({ asset: "XLM.F" }).map((row) => row.amount),
      ["-100.00000000", "100.00000000"]
    )
    assert.strictEqual(of({ asset: "XXLM" }).length, 2)
    assert.strictEqual(of({ asset: "all" }).length, 6)
    assert.strictEqual(of({ start: String(T0 / 1000) }).length, 5)
    const first = Object.keys(all.ledger).at(-1) ?? ""
    assert.strictEqual(of({ start: first }).length, 5)
    assert.strictEqual(x.error("Ledgers", { end: "LNO" }), "EGeneral:Invalid arguments:start")
  })

  it("REST reads may be behind the engine, balances never are", () => {
    const x = ready()
    const old = x.add()
    x.later(1_000)
    x.state = Operator.setRestLag(x.state, 30_000)
    const txid = x.add({ price: "0.150100" })
    x.ok("CancelOrder", { txid: old })
    assert.strictEqual(x.error("QueryOrders", { txid }), "EOrder:Unknown order")
    assert.deepStrictEqual(Object.keys(x.ok("OpenOrders").open), [old])
    assert.strictEqual(x.ok("TradesHistory").count, 0)
    assert.strictEqual(x.ok("Ledgers").count, 0)
    assert.strictEqual(x.balance("XXLM"), "5100.00000000")
    x.later(29_999)
    assert.strictEqual(x.ok("ClosedOrders").count, 0)
    x.later(1)
    assert.strictEqual(x.ok("ClosedOrders").count, 2)
    assert.strictEqual(x.ok("TradesHistory").count, 1)
    assert.strictEqual(x.state.past.length, 0)
    x.state = Operator.setRestLag(x.state, 99_999_999)
    assert.strictEqual(x.state.switches.restLagMs, 60_000)
  })
})

const payloads = new URL("../../../../shared/data/kraken-payloads/", import.meta.url)

describe.skipIf(!existsSync(payloads))("shapes of recorded replies", () => {
  const recorded = (path: string): Json => JSON.parse(readFileSync(new URL(path, payloads), "utf8"))
  /** Keys of ours that no record has. */
  const foreign = (ours: object, theirs: object): ReadonlyArray<string> =>
    Object.keys(ours).filter((key) => !(key in theirs))

  it("orders carry the recorded fields with the recorded types", () => {
    const x = ready()
    const txid = x.add({ price: "0.150100" })
    const theirs: Json = Object.values(recorded("kraken-async-rs/closed_orders.json").result.closed)[0]
    const ours = x.ok("ClosedOrders").closed[txid]
    assert.deepStrictEqual(foreign(ours, theirs), [])
    assert.deepStrictEqual(foreign(theirs, ours), [])
    for (const key of Object.keys(theirs)) assert.strictEqual(typeof ours[key], typeof theirs[key], key)
  })

  it("trades and ledgers do too", () => {
    const x = ready()
    x.add({ price: "0.150100" })
    const theirs: Json = Object.values(recorded("kraken-async-rs/query_trades_info.json").result)[0]
    const ours: Json = Object.values(x.ok("TradesHistory", { ledgers: "true" }).trades)[0]
    assert.deepStrictEqual(foreign(ours, theirs), [])
    assert.deepStrictEqual(foreign(theirs, ours), [])
    const entry: Json = Object.values(recorded("kraken-async-rs/query_ledgers.json").result)[0]
    const own: Json = Object.values(x.ok("Ledgers").ledger)[0]
    assert.deepStrictEqual([foreign(own, entry), foreign(entry, own)], [[], []])
    assert.isTrue(readdirSync(payloads).length > 0)
  })
})
