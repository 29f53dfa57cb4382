import { assert, describe, it } from "@effect/vitest"
import * as Exchange from "../../../src/domain/exchange/Exchange.ts"
import * as Operator from "../../../src/domain/exchange/Operator.ts"
import { view } from "../../../src/domain/exchange/View.ts"
import { PairSymbol } from "../../../src/domain/market/Instrument.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import { Harness, KEY, quoteOf, T0, XLM } from "./Harness.ts"

const iso = (at: number): string => new Date(at).toISOString()
const ready = (options: ConstructorParameters<typeof Harness>[0] = {}): Harness => new Harness(options).quote()

describe("AddOrder", () => {
  it("rests a limit order, with its holds, and answers as Kraken does", () => {
    const x = ready()
    const added = x.ok("AddOrder", x.order({ oflags: "post,fciq", cl_ord_id: "ab-1", price: "0.149000" }))
    assert.match(added.txid[0], /^O/)
    assert.deepStrictEqual(added.descr, { order: "buy 100.00000000 XLMUSD @ limit 0.149000" })
    const row = x.query(added.txid[0])
    assert.deepInclude(row, {
      status: "open",
      cl_ord_id: "ab-1",
      vol: "100.00000000",
      vol_exec: "0.00000000",
      oflags: "fciq,post",
      misc: "",
      trades: []
    })
    assert.strictEqual(row.descr.price, "0.149000")
    // 14.9 plus the maker fee of 0.25 %, rounded up to four decimals.
    assert.strictEqual(x.ok("BalanceEx").ZUSD.hold_trade, "14.9373")
  })

  it("the hold leaves the fee out when the switch says so", () => {
    const x = ready({ switches: { holdIncludesFee: false } })
    x.add()
    assert.strictEqual(x.ok("BalanceEx").ZUSD.hold_trade, "14.9000")
    x.add({ type: "sell", price: "0.16", volume: "1000" })
    assert.strictEqual(x.ok("BalanceEx").XXLM.hold_trade, "1000.00000000")
    x.add({ type: "sell", price: "0.17", volume: "100", oflags: "fcib" })
    assert.strictEqual(x.ok("BalanceEx").XXLM.hold_trade, "1100.40000000")
  })

  it("validate places nothing and gives no txid", () => {
    const x = ready()
    assert.deepStrictEqual(Object.keys(x.ok("AddOrder", x.order({ validate: "true" }))), ["descr"])
    assert.deepStrictEqual(x.ok("OpenOrders"), { open: {} })
  })

  const refusals: ReadonlyArray<readonly [string, Record<string, string>, string]> = [
    ["unknown pair", { pair: "FOOUSD" }, "EQuery:Unknown asset pair"],
    ["no pair", { pair: "" }, "EQuery:Unknown asset pair"],
    ["order type", { ordertype: "iceberg" }, "EGeneral:Invalid arguments:ordertype"],
    ["side", { type: "long" }, "EGeneral:Invalid arguments:type"],
    ["minimum volume", { volume: "19.99999999" }, "EGeneral:Invalid arguments:volume minimum not met"],
    ["zero volume", { volume: "0" }, "EGeneral:Invalid arguments:volume minimum not met"],
    ["volume text", { volume: "-5" }, "EGeneral:Invalid arguments:volume"],
    ["volume decimals", { volume: "25.123456789" }, "EGeneral:Invalid arguments:volume"],
    ["minimum cost", { volume: "20", price: "0.024999" }, "EOrder:Cost minimum not met"],
    [
      "price decimals",
      { price: "0.1490001" },
      "EOrder:Invalid price:XLM/USD price can only be specified up to 6 decimals."
    ],
    ["exponent", { price: "1.49e-1" }, "EOrder:Invalid price:Invalid price argument."],
    ["price text", { price: "#5%" }, "EGeneral:Invalid arguments:price"],
    ["zero price", { price: "0" }, "EGeneral:Invalid arguments:price"],
    ["funds", { volume: "9000" }, "EOrder:Insufficient funds"],
    ["funds of a sale", { type: "sell", volume: "5000.00000001", price: "0.2" }, "EOrder:Insufficient funds"],
    ["client id too long", { cl_ord_id: "1234567890123456789" }, "EGeneral:Invalid arguments:cl_ord_id"],
    ["both references", { cl_ord_id: "a", userref: "1" }, "EGeneral:Invalid arguments"],
    ["userref", { userref: "2147483648" }, "EGeneral:Invalid arguments:userref"],
    ["userref text", { userref: "x" }, "EGeneral:Invalid arguments:userref"],
    ["flags", { oflags: "post,viqc" }, "EGeneral:Invalid arguments:oflags"],
    ["two fee flags", { oflags: "fciq,fcib" }, "EGeneral:Invalid arguments:oflags"],
    ["time in force", { timeinforce: "DAY" }, "EGeneral:Invalid arguments:timeinforce"],
    ["GTD without expiry", { timeinforce: "GTD" }, "EGeneral:Invalid arguments:timeinforce"],
    ["IOC with expiry", { timeinforce: "IOC", expiretm: "+30" }, "EGeneral:Invalid arguments:timeinforce"],
    ["post-only IOC", { timeinforce: "IOC", oflags: "post" }, "EGeneral:Invalid arguments:timeinforce"],
    ["post-only market", { ordertype: "market", oflags: "post" }, "EGeneral:Invalid arguments:oflags"],
    ["FOK market", { ordertype: "market", timeinforce: "FOK" }, "EGeneral:Invalid arguments:timeinforce"],
    ["self-trade rule", { stptype: "cancel-none" }, "EGeneral:Invalid arguments:stptype"],
    ["expiry too near", { expiretm: "+4" }, "EGeneral:Invalid arguments:expiretm"],
    ["expiry text", { expiretm: "soon" }, "EGeneral:Invalid arguments:expiretm"],
    ["expiry past", { expiretm: "1000" }, "EGeneral:Invalid arguments:expiretm"],
    ["expiry too far", { expiretm: "+2764800" }, "EGeneral:Invalid arguments:expiretm"],
    ["leverage", { leverage: "2" }, "EGeneral:Invalid arguments:leverage"],
    ["scheduled", { starttm: "+60" }, "EGeneral:Invalid arguments:starttm"],
    ["conditional close", { "close[ordertype]": "limit" }, "EGeneral:Invalid arguments:close[ordertype]"],
    ["deadline text", { deadline: "tomorrow" }, "EGeneral:Invalid arguments:deadline"],
    ["deadline too near", { deadline: iso(T0 + 1_999) }, "EGeneral:Invalid arguments:deadline"],
    ["deadline too far", { deadline: iso(T0 + 60_001) }, "EGeneral:Invalid arguments:deadline"],
    ["deadline over", { deadline: iso(T0) }, "EService:Deadline elapsed"],
    ["post-only that crosses", { price: "0.150200", oflags: "post" }, "EOrder:Post only order"],
    ["post-only at the opposite best", { price: "0.150100", oflags: "post" }, "EOrder:Post only order"]
  ]
  for (const [name, params, text] of refusals) {
    it(`refuses: ${name}`, () => {
      const x = ready()
      assert.strictEqual(x.error("AddOrder", x.order(params)), text)
      assert.strictEqual(x.state.account.open.length, 0)
    })
  }

  it("refuses missing price and volume", () => {
    const x = ready()
    assert.strictEqual(
      x.error("AddOrder", { pair: "XLMUSD", type: "buy", ordertype: "limit", volume: "20" }),
      "EGeneral:Invalid arguments:price"
    )
    assert.strictEqual(
      x.error("AddOrder", { pair: "XLMUSD", type: "buy", ordertype: "limit", price: "1" }),
      "EGeneral:Invalid arguments:volume"
    )
  })

  it("a price off the tick", () => {
    const x = ready()
    x.step(Operator.setInstrument(x.state, XLM, { tickSize: Money.price("0.00001") }, x.now))
    assert.strictEqual(x.error("AddOrder", x.order({ price: "0.149001" })), "EOrder:Tick size check failed")
    x.step(Operator.setInstrument(x.state, PairSymbol("NO/USD"), {}, x.now))
  })

  it("excess volume decimals are cut when the switch says so", () => {
    const x = ready({ switches: { excessVolumeDecimals: "truncate" } })
    assert.strictEqual(x.query(x.add({ volume: "25.1234567899" })).vol, "25.12345678")
    x.step(Operator.setInstrument(x.state, XLM, { quantityDecimals: 0 }, x.now))
    assert.strictEqual(x.query(x.add({ volume: "25.9" })).vol, "25")
  })

  it("takes what a UUID, 32 hexadecimal characters and 18 free ones are", () => {
    const x = ready()
    const ids = ["6d1b345e-2821-40e2-ad83-4ecb18a06876", "6d1b345e282140e2ad834ecb18a06876", "123456789012345678"]
    for (const cl_ord_id of ids) x.add({ cl_ord_id })
    assert.strictEqual(x.state.account.open.length, 3)
  })

  it("a client id is unique among open orders only", () => {
    const x = ready()
    x.add({ cl_ord_id: "same" })
    assert.strictEqual(x.error("AddOrder", x.order({ cl_ord_id: "same" })), "EGeneral:Invalid arguments:cl_ord_id")
    x.ok("CancelOrder", { cl_ord_id: "same" })
    x.add({ cl_ord_id: "same" })
    assert.strictEqual(Object.keys(x.ok("ClosedOrders", { cl_ord_id: "same" }).closed).length, 1)
    assert.strictEqual(Object.keys(x.ok("OpenOrders", { cl_ord_id: "same" }).open).length, 1)
  })

  it("a deadline is judged on arrival and at the engine", () => {
    const x = ready()
    const late = x.order({ deadline: iso(x.now + 10_000) })
    x.later(9_500)
    assert.strictEqual(x.private("AddOrder", late, KEY, x.now - 9_500).error.length, 0)
    x.later(1_000)
    assert.deepStrictEqual(x.private("AddOrder", late, KEY, x.now - 10_500).error, ["EService:Deadline elapsed"])
  })

  it("unknown parameters are ignored, or refused when the switch says so", () => {
    const x = ready()
    // The classic: a plain taker order instead of a post-only one.
    const txid = x.add({ postonly: "true", price: "0.150100" })
    assert.strictEqual(x.query(txid).status, "closed")
    x.state = Operator.setSwitches(x.state, { unknownParams: "refuse" })
    assert.strictEqual(x.error("AddOrder", x.order({ postonly: "true" })), "EGeneral:Invalid arguments")
    assert.deepStrictEqual(x.public("Time", { a: "b" }).error, ["EGeneral:Invalid arguments"])
    x.add()
  })

  it("caps open orders per pair", () => {
    const x = ready({ tier: "starter", usd: "100000" })
    for (let i = 0; i < 60; i++) {
      x.later(1_000)
      x.add()
    }
    x.later(1_000)
    assert.strictEqual(x.error("AddOrder", x.order()), "EOrder:Orders limit exceeded")
  })

  it("the engine's limiter: adds count even when they are refused otherwise", () => {
    const x = ready({ tier: "starter" })
    for (let i = 0; i < 60; i++) x.error("AddOrder", x.order({ volume: "1" }))
    assert.strictEqual(x.error("AddOrder", x.order()), "EOrder:Rate limit exceeded")
    // The refused one counted too: 61, so one more point is free after two seconds.
    x.later(1_000)
    assert.strictEqual(x.error("AddOrder", x.order()), "EOrder:Rate limit exceeded")
    x.later(3_000)
    x.add()
  })

  it("another pair has a counter of its own", () => {
    const x = ready({ tier: "starter" })
    for (let i = 0; i < 61; i++) x.error("AddOrder", x.order({ volume: "1" }))
    const error = x.error("AddOrder", x.order({ pair: "XBTUSD", volume: "0.00001", price: "90000" }))
    assert.strictEqual(error, "EGeneral:Invalid arguments:volume minimum not met")
  })
})

describe("matching of what comes in", () => {
  it("takes level by level at the levels' prices, as taker", () => {
    const x = ready()
    const row = x.query(x.add({ volume: "1500", price: "0.150200" }))
    assert.deepInclude(row, { status: "closed", vol_exec: "1500.00000000", reason: null })
    assert.strictEqual(row.trades.length, 2)
    const trades = x.ok("TradesHistory", { consolidate_taker: "false" }).trades
    const prices = Object.values<{ price: string; maker: boolean }>(trades).map((t) => [t.price, t.maker])
    assert.deepStrictEqual(prices, [
      ["0.15020000", false],
      ["0.15010000", false]
    ])
    // 1000 × 0.1501 + 500 × 0.1502 = 225.2; fee 0.4 %.
    assert.strictEqual(row.cost, "225.20000000")
    assert.strictEqual(row.fee, "0.90080000")
    assert.strictEqual(x.balance("ZUSD"), "773.8992")
    assert.strictEqual(x.balance("XXLM"), "6500.00000000")
    // What was taken is gone until the next quote.
    assert.strictEqual(x.public("Depth", { pair: "XLMUSD", count: "1" }).result.XXLMZUSD.asks[0][1], "1500.00000000")
    const merged = x.ok("TradesHistory")
    assert.strictEqual(merged.count, 1)
    assert.strictEqual(Object.values<{ vol: string }>(merged.trades)[0]?.vol, "1500.00000000")
  })

  it("rests what it could not take", () => {
    const x = ready()
    const row = x.query(x.add({ volume: "1500", price: "0.150100" }))
    assert.deepInclude(row, { status: "open", vol_exec: "1000.00000000" })
    assert.strictEqual(Exchange.best(x.state, XLM).bid, Money.price("0.1501"))
    assert.deepStrictEqual(Exchange.best(x.state, PairSymbol("NO/USD")), { bid: undefined, ask: undefined })
  })

  it("IOC cancels the rest, FOK is all or nothing", () => {
    const x = ready()
    const ioc = x.query(x.add({ volume: "1500", price: "0.150100", timeinforce: "IOC" }))
    assert.deepInclude(ioc, {
      status: "canceled",
      vol_exec: "1000.00000000",
      reason: "Immediate or cancel",
      misc: "partial"
    })
    x.quote()
    const fok = x.query(x.add({ volume: "1500", price: "0.150100", timeinforce: "FOK" }))
    assert.deepInclude(fok, { status: "canceled", vol_exec: "0.00000000", reason: "Fill or kill" })
    assert.strictEqual(x.query(x.add({ volume: "1000", price: "0.150100", timeinforce: "FOK" })).status, "closed")
  })

  it("market orders take through the book up to the band", () => {
    const x = ready({ usd: "100000", xlm: "50000" })
    assert.strictEqual(x.query(x.add({ ordertype: "market", volume: "2500" })).status, "closed")
    x.state = Operator.setSwitches(x.state, { marketBandPct: 0 })
    x.quote()
    const row = x.query(x.add({ ordertype: "market", volume: "2500", type: "sell" }))
    assert.deepInclude(row, { status: "canceled", vol_exec: "1000.00000000", reason: "Market order price protection" })
    assert.strictEqual(row.descr.order, "sell 2500.00000000 XLMUSD @ market")
  })

  it("an empty book: market and FOK orders end, limits rest", () => {
    const x = new Harness()
    assert.strictEqual(x.query(x.add({ ordertype: "market" })).status, "canceled")
    assert.strictEqual(x.query(x.add({ timeinforce: "FOK" })).status, "canceled")
    assert.strictEqual(x.query(x.add()).status, "open")
  })

  it("funds of a market buy are judged at the best ask with the fee", () => {
    const x = ready({ usd: "15" })
    assert.strictEqual(x.error("AddOrder", x.order({ ordertype: "market" })), "EOrder:Insufficient funds")
  })

  it("fee in base: a buy receives less", () => {
    const x = ready()
    const txid = x.add({ price: "0.150100", oflags: "fcib" })
    assert.strictEqual(x.balance("XXLM"), "5099.60000000")
    assert.strictEqual(x.balance("ZUSD"), "984.9900")
    assert.strictEqual(x.query(txid).oflags, "fcib")
  })

  it("post-only that crosses: accepted, then canceled, when the switch says so", () => {
    const x = ready({ switches: { postOnlyCross: "cancel" } })
    assert.deepInclude(x.query(x.add({ price: "0.150100", oflags: "post" })), {
      status: "canceled",
      reason: "Post only order"
    })
  })

  it.each([
    ["cancel-newest", "canceled", "open"],
    ["cancel-oldest", "open", "canceled"],
    ["cancel-both", "canceled", "canceled"]
  ])("self-trade: %s", (stptype, incoming, resting) => {
    const x = ready()
    const old = x.add({ type: "sell", price: "0.150050" })
    const young = x.add({ price: "0.150060", stptype })
    assert.strictEqual(x.query(young).status, incoming)
    assert.strictEqual(x.query(old).status, resting)
    const ended = x.query(incoming === "canceled" ? young : old)
    assert.strictEqual(ended.reason, "Cannot trade with self")
  })

  it("self-trade after part was taken outside", () => {
    const x = ready()
    x.add({ type: "sell", price: "0.150150" })
    const row = x.query(x.add({ volume: "1200", price: "0.150200" }))
    assert.deepInclude(row, { status: "canceled", vol_exec: "1000.00000000", reason: "Cannot trade with self" })
  })

  it("self-trade in a book without an outside", () => {
    const x = new Harness()
    x.add({ type: "sell", price: "0.150000" })
    assert.strictEqual(x.query(x.add({ price: "0.149000" })).status, "open")
    assert.strictEqual(x.query(x.add({ price: "0.150000" })).status, "canceled")
  })
})

describe("matching of what rests", () => {
  it("a quote that crosses fills at our price, limited by its size", () => {
    const x = ready()
    const txid = x.add({ volume: "300", price: "0.149500" })
    x.later(1_000).quote([["0.148000", "10"]], [["0.149400", "200"]])
    assert.deepInclude(x.query(txid), { status: "open", vol_exec: "200.00000000", cost: "29.90000000" })
    x.later(1_000).quote([["0.148000", "10"]], [["0.149500", "500"]])
    const row = x.query(txid)
    assert.deepInclude(row, { status: "closed", vol_exec: "300.00000000", price: "0.14950000" })
    const trade: { maker: boolean; fee: string } =
      Object.values<never>(x.ok("TradesHistory").trades)[0] ?? assert.fail()
    assert.deepInclude(trade, { maker: true, fee: "0.03737500" })
    // The outside's ask lost what we took.
    assert.strictEqual(x.public("Depth", { pair: "XLMUSD" }).result.XXLMZUSD.asks[0][1], "400.00000000")
  })

  it("several orders: best price first, then by time", () => {
    const x = ready()
    const first = x.add({ price: "0.149500" })
    const second = x.add({ price: "0.149500" })
    const best = x.add({ price: "0.149600" })
    x.quote([["0.148000", "10"]], [["0.149400", "150"]])
    assert.deepStrictEqual(
      [best, first, second].map((txid) => x.query(txid).vol_exec),
      ["100.00000000", "50.00000000", "0.00000000"]
    )
  })

  it("a trade through our price fills at our price", () => {
    const x = ready()
    const txid = x.add({ price: "0.149950" })
    x.trade("0.149900", "60", "sell")
    assert.strictEqual(x.query(txid).vol_exec, "60.00000000")
    x.trade("0.149900", "60", "buy")
    x.trade("0.149960", "60", "sell")
    assert.strictEqual(x.query(txid).vol_exec, "60.00000000")
    x.trade("0.149900", "60", "sell")
    assert.strictEqual(x.query(txid).status, "closed")
  })

  it("a trade at our price first works off the queue ahead", () => {
    const x = ready()
    const txid = x.add({ price: "0.150000" })
    x.trade("0.150000", "900", "sell")
    assert.strictEqual(x.query(txid).vol_exec, "0.00000000")
    x.trade("0.150000", "150", "sell")
    assert.strictEqual(x.query(txid).vol_exec, "50.00000000")
    // The print shows whole, our part included.
    const prints = x.public("Trades", { pair: "XLMUSD" }).result.XXLMZUSD
    assert.deepStrictEqual(
      prints.map((row: ReadonlyArray<string>) => row[1]),
      ["900.00000000", "50.00000000", "100.00000000"]
    )
  })

  it("the queue shrinks with the display, and the switch scales it", () => {
    const x = ready({ switches: { queueAheadPct: 50 } })
    const txid = x.add({ price: "0.150000" })
    x.trade("0.150000", "500", "sell")
    assert.strictEqual(x.query(txid).vol_exec, "0.00000000")
    x.trade("0.150000", "10", "sell")
    assert.strictEqual(x.query(txid).vol_exec, "10.00000000")
    const second = x.add({ price: "0.149900" })
    x.quote([
      ["0.150000", "1000"],
      ["0.149900", "30"]
    ])
    x.trade("0.149900", "200", "sell")
    assert.strictEqual(x.query(second).vol_exec, "80.00000000")
    // Deeper than what is told nobody knows: nothing is ahead.
    const deep = x.add({ price: "0.100000" })
    x.quote()
    x.trade("0.100000", "1000", "sell")
    assert.strictEqual(x.query(deep).status, "closed")
  })

  it("levels off the grid are put on it, and what is nothing is dropped", () => {
    const x = new Harness()
    x.market(
      quoteOf(
        x.now,
        [["0.1500004", "10.123456789"]],
        [
          ["0.1501006", "0.000000001"],
          ["0.1502", "5"]
        ]
      )
    )
    const book = x.public("Depth", { pair: "XLMUSD", count: "1" }).result.XXLMZUSD
    assert.deepStrictEqual(book.bids[0].slice(0, 2), ["0.15000000", "10.12345678"])
    assert.deepStrictEqual(book.asks[0].slice(0, 2), ["0.15020000", "5.00000000"])
  })

  it("events of pairs that do not exist are nothing", () => {
    const x = ready()
    const before = x.state.markets
    x.market(quoteOf(x.now, [["1", "1"]], [["2", "1"]], PairSymbol("NO/USD")))
    assert.strictEqual(x.state.markets, before)
  })

  it("an account that cannot pay loses the order, not money", () => {
    const x = ready()
    const txid = x.add({ volume: "300", price: "0.149500" })
    x.step(Operator.withdraw(x.state, "USD", Money.usd("999"), x.now))
    x.quote([["0.148000", "10"]], [["0.149400", "500"]])
    assert.deepInclude(x.query(txid), { status: "canceled", reason: "Insufficient funds" })
    const sale = x.add({ type: "sell", volume: "300", price: "0.2" })
    x.step(Operator.transferToFlex(x.state, "XLM", Money.quantity("5000"), x.now))
    x.quote([["0.210000", "1000"]], [["0.220000", "1000"]])
    assert.strictEqual(x.query(sale).status, "canceled")
    // The trade prints whole when nobody of ours took it.
    assert.isTrue([...view(x.state).balances.values()].every((balance) => balance >= 0n))
  })

  it("expires at its instant", () => {
    const x = ready()
    const plus = x.add({ expiretm: "+30" })
    const absolute = x.add({ expiretm: String(T0 / 1000 + 10), timeinforce: "GTD" })
    assert.strictEqual(Exchange.nextWake(x.state), T0 + 10_000)
    x.wait(60_000)
    assert.deepInclude(x.query(absolute), { status: "expired", closetm: T0 / 1000 + 10, expiretm: T0 / 1000 + 10 })
    assert.strictEqual(x.query(plus).closetm, T0 / 1000 + 30)
  })
})

describe("AmendOrder", () => {
  it("keeps id and place when it shrinks, loses the place on a new price", () => {
    const x = ready()
    const txid = x.add({ price: "0.150000", cl_ord_id: "me" })
    x.trade("0.150000", "400", "sell")
    assert.match(x.ok("AmendOrder", { cl_ord_id: "me", order_qty: "80" }).amend_id, /^T/)
    x.trade("0.150000", "610", "sell")
    assert.deepInclude(x.query(txid), { vol: "80.00000000", vol_exec: "10.00000000", misc: "amended" })
    x.ok("AmendOrder", { txid, order_qty: "90" })
    x.trade("0.150000", "100", "sell")
    assert.strictEqual(x.query(txid).vol_exec, "10.00000000")
    x.ok("AmendOrder", { txid, limit_price: "0.149950" })
    x.trade("0.149950", "20", "sell")
    assert.strictEqual(x.query(txid).vol_exec, "30.00000000")
  })

  it("to no more than what is filled: the rest is canceled", () => {
    const x = ready()
    const txid = x.add({ price: "0.149950" })
    x.trade("0.149900", "60", "sell")
    x.ok("AmendOrder", { txid, order_qty: "60" })
    assert.deepInclude(x.query(txid), { status: "canceled", vol_exec: "60.00000000", misc: "partial" })
  })

  it("an aggressive price takes", () => {
    const x = ready()
    const txid = x.add({ type: "sell", price: "0.160000" })
    x.ok("AmendOrder", { txid, limit_price: "0.149900" })
    assert.deepInclude(x.query(txid), { status: "closed", price: "0.15000000" })
  })

  it("post-only survives an amend, or not, as the switch says", () => {
    const x = ready()
    const txid = x.add({ type: "sell", price: "0.160000", oflags: "post" })
    assert.strictEqual(x.error("AmendOrder", { txid, limit_price: "0.149900" }), "EOrder:Post only order")
    assert.strictEqual(x.query(txid).descr.price, "0.160000")
    x.state = Operator.setSwitches(x.state, { amendKeepsPostOnly: false })
    assert.strictEqual(
      x.error("AmendOrder", { txid, limit_price: "0.149900", post_only: "true" }),
      "EOrder:Post only order"
    )
    x.ok("AmendOrder", { txid, limit_price: "0.149900" })
    assert.strictEqual(x.query(txid).status, "closed")
  })

  const refusals: ReadonlyArray<readonly [string, Record<string, string>, string]> = [
    ["nothing to change", {}, "EGeneral:Invalid arguments"],
    ["volume", { order_qty: "x" }, "EGeneral:Invalid arguments:volume"],
    ["minimum", { order_qty: "19" }, "EGeneral:Invalid arguments:volume minimum not met"],
    [
      "price",
      { limit_price: "0.1234567" },
      "EOrder:Invalid price:XLM/USD price can only be specified up to 6 decimals."
    ],
    ["cost", { limit_price: "0.001" }, "EOrder:Cost minimum not met"],
    ["funds", { order_qty: "9000" }, "EOrder:Insufficient funds"],
    ["deadline", { order_qty: "50", deadline: iso(T0) }, "EService:Deadline elapsed"]
  ]
  for (const [name, params, text] of refusals) {
    it(`refuses: ${name}`, () => {
      const x = ready()
      const txid = x.add()
      assert.strictEqual(x.error("AmendOrder", { txid, ...params }), text)
      assert.deepInclude(x.query(txid), { vol: "100.00000000", status: "open" })
    })
  }

  it("an order that is not open, and one that is out of budget", () => {
    const x = ready({ tier: "starter" })
    assert.strictEqual(x.error("AmendOrder", { txid: "OAAAAA" }), "EOrder:Unknown order")
    const txid = x.add()
    for (let i = 0; i < 14; i++) x.ok("AmendOrder", { txid, order_qty: "90" })
    assert.strictEqual(x.error("AmendOrder", { txid, order_qty: "90" }), "EOrder:Rate limit exceeded")
  })
})

describe("cancels and the switch", () => {
  it("by txid, client id and user reference", () => {
    const x = ready()
    const one = x.add()
    x.add({ userref: "7" })
    x.add({ userref: "7" })
    assert.deepStrictEqual(x.ok("CancelOrder", { txid: one }), { count: 1 })
    assert.deepInclude(x.query(one), { status: "canceled", reason: "User requested" })
    assert.deepStrictEqual(x.ok("CancelOrder", { txid: "7" }), { count: 2 })
    assert.strictEqual(x.error("CancelOrder", { txid: one }), "EOrder:Unknown order")
    assert.strictEqual(x.error("CancelOrder", {}), "EGeneral:Invalid arguments:txid")
  })

  it("young orders are dear to cancel; over the limit one cancel is refused, or not, as the switch says", () => {
    const x = ready({ tier: "starter" })
    for (let i = 0; i < 6; i++) x.ok("CancelOrder", { txid: x.add() })
    const txid = x.add()
    assert.strictEqual(x.error("CancelOrder", { txid }), "EOrder:Rate limit exceeded")
    assert.strictEqual(x.query(txid).status, "open")
    x.state = Operator.setSwitches(x.state, { singleCancelLimited: false })
    x.ok("CancelOrder", { txid })
  })

  it("a refused cancel costs nothing, so that waiting helps", () => {
    const x = ready({ tier: "starter" })
    for (let i = 0; i < 6; i++) x.ok("CancelOrder", { txid: x.add() })
    const txid = x.add()
    for (let i = 0; i < 5; i++) assert.strictEqual(x.error("CancelOrder", { txid }), "EOrder:Rate limit exceeded")
    x.later(3_000)
    x.ok("CancelOrder", { txid })
  })

  it("CancelAll is always honoured", () => {
    const x = ready({ tier: "starter" })
    for (let i = 0; i < 20; i++) x.add({ volume: "20" })
    assert.deepStrictEqual(x.ok("CancelAll"), { count: 20 })
    assert.deepStrictEqual(x.ok("CancelAll"), { count: 0 })
    assert.strictEqual(x.error("AddOrder", x.order()), "EOrder:Rate limit exceeded")
  })

  it("fires once at its instant, over all orders; each call replaces it, 0 disarms", () => {
    const x = ready()
    const by = x.add({ cl_ord_id: "mine" })
    const hand = Operator.placeForeign(
      x.state,
      { symbol: XLM, side: "buy", type: "limit", quantity: "50", price: "0.14" },
      x.now
    )
    x.step(hand)
    assert.deepStrictEqual(x.ok("CancelAllOrdersAfter", { timeout: "60" }), {
      currentTime: "2026-01-05T10:00:00Z",
      triggerTime: "2026-01-05T10:01:00Z"
    })
    x.later(30_000)
    x.ok("CancelAllOrdersAfter", { timeout: "60" })
    x.later(59_999)
    x.ok("Balance")
    assert.strictEqual(x.query(by).status, "open")
    x.later(5_000)
    x.ok("Balance")
    assert.deepInclude(x.query(by), {
      status: "canceled",
      reason: "CancelAllOrdersAfter Timeout",
      closetm: T0 / 1000 + 90
    })
    assert.strictEqual(x.state.account.open.length, 0)
    x.add()
    x.wait(100_000)
    assert.strictEqual(x.state.account.open.length, 1)
    x.ok("CancelAllOrdersAfter", { timeout: "60" })
    assert.strictEqual(x.ok("CancelAllOrdersAfter", { timeout: "0" }).triggerTime, "0")
    x.wait(100_000)
    assert.strictEqual(x.state.account.open.length, 1)
  })

  it("refuses a timeout of a day or none", () => {
    const x = ready()
    for (const timeout of ["86400", "-1", "x"]) {
      assert.strictEqual(x.error("CancelAllOrdersAfter", { timeout }), "EGeneral:Invalid arguments:timeout")
    }
    assert.strictEqual(x.error("CancelAllOrdersAfter", {}), "EGeneral:Invalid arguments:timeout")
  })

  it("runs out during maintenance: fires on the return", () => {
    const x = ready()
    const txid = x.add()
    x.ok("CancelAllOrdersAfter", { timeout: "60" })
    x.step(Operator.setSystem(x.state, "maintenance", x.now))
    x.wait(600_000)
    assert.strictEqual(x.state.account.open.length, 1)
    x.step(Operator.setSystem(x.state, "cancel_only", x.now))
    assert.strictEqual(x.query(txid).reason, "CancelAllOrdersAfter Timeout")
  })
})

describe("modes", () => {
  it.each([
    ["maintenance", "EService:Unavailable", "EService:Unavailable", "EService:Unavailable"],
    ["cancel_only", "EService:Market in cancel_only mode", "EService:Market in cancel_only mode", ""],
    ["post_only", "EService:Market in post_only mode", "", ""],
    ["limit_only", "", "", ""]
  ] as const)("%s", (mode, limit, post, cancel) => {
    const x = ready()
    const txid = x.add()
    x.step(Operator.setSystem(x.state, mode, x.now))
    assert.strictEqual(x.private("AddOrder", x.order()).error.join(""), limit)
    assert.strictEqual(x.private("AddOrder", x.order({ oflags: "post" })).error.join(""), post)
    const market = x.private("AddOrder", x.order({ ordertype: "market" })).error.join("")
    assert.strictEqual(market, limit === "" ? "EService:Market in limit_only mode" : limit)
    assert.strictEqual(x.private("CancelOrder", { txid }).error.join(""), cancel)
    assert.strictEqual(x.public("SystemStatus").result.status, mode)
  })

  it("pair status does the same for one pair; unknown and maintenance are unavailable", () => {
    const x = ready()
    const status = (value: "reduce_only" | "unknown" | "maintenance" | "cancel_only"): string => {
      x.step(Operator.setInstrument(x.state, XLM, { status: value }, x.now))
      return x.error("AddOrder", x.order())
    }
    assert.strictEqual(status("reduce_only"), "EService:Market in reduce_only mode")
    assert.strictEqual(status("unknown"), "EService:Unavailable")
    assert.strictEqual(status("maintenance"), "EService:Unavailable")
    assert.strictEqual(status("cancel_only"), "EService:Market in cancel_only mode")
  })

  it("nothing is matched while the engine stands still; what was crossed meanwhile fills on the return", () => {
    const x = ready()
    const txid = x.add({ price: "0.149500" })
    x.step(Operator.setSystem(x.state, "post_only", x.now))
    x.quote([["0.148000", "10"]], [["0.149000", "500"]])
    x.trade("0.140000", "1000", "sell")
    assert.strictEqual(x.query(txid).vol_exec, "0.00000000")
    x.step(Operator.setSystem(x.state, "online", x.now))
    assert.strictEqual(x.query(txid).status, "closed")
  })

  it("amends obey the mode, an amend that only ends does not", () => {
    const x = ready()
    const txid = x.add({ price: "0.149950" })
    x.trade("0.149900", "60", "sell")
    x.step(Operator.setSystem(x.state, "cancel_only", x.now))
    assert.strictEqual(x.error("AmendOrder", { txid, order_qty: "90" }), "EService:Market in cancel_only mode")
    x.ok("AmendOrder", { txid, order_qty: "50" })
    assert.strictEqual(x.query(txid).status, "canceled")
  })

  it("reads may answer during maintenance", () => {
    const x = ready()
    x.step(Operator.setSystem(x.state, "maintenance", x.now))
    assert.strictEqual(x.error("Balance"), "EService:Unavailable")
    assert.deepStrictEqual(x.public("Ticker").error, ["EService:Unavailable"])
    assert.deepStrictEqual(x.public("Time").error, [])
    x.state = Operator.setSwitches(x.state, { maintenanceReads: true })
    x.ok("Balance")
    assert.deepStrictEqual(x.public("Ticker").error, [])
    assert.strictEqual(x.error("CancelAll"), "EService:Unavailable")
  })
})
