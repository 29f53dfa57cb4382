import { Either, FastCheck as fc, Schema } from "effect"
import { assert, describe, it } from "vitest"
import type { JsonStrings } from "../../../../src/domain/kraken/JsonText.ts"
import { parseJsonStrings } from "../../../../src/domain/kraken/JsonText.ts"
import { PayloadError } from "../../../../src/domain/kraken/Envelope.ts"
import { noNames, pairNames } from "../../../../src/domain/kraken/naming.ts"
import * as Account from "../../../../src/domain/kraken/rest/Account.ts"
import { Decimal, Instant } from "../../../../src/domain/kraken/rest/fields.ts"
import * as Orders from "../../../../src/domain/kraken/rest/Orders.ts"
import * as PublicData from "../../../../src/domain/kraken/rest/PublicData.ts"
import { PairSymbol } from "../../../../src/domain/market/Instrument.ts"
import * as Money from "../../../../src/domain/money/Money.ts"
import { ClientOrderId, ExchangeOrderId } from "../../../../src/domain/order/Ids.ts"

const XLM = PairSymbol("XLM/USD")
const T0 = 1_767_600_000_000
const json = (value: unknown): JsonStrings =>
  Either.getOrThrow(parseJsonStrings(typeof value === "string" ? value : JSON.stringify(value)))
const ok = <A>(result: Either.Either<A, PayloadError>): A => Either.getOrThrow(result)
const refused = (result: Either.Either<unknown, PayloadError>): string => {
  assert(Either.isLeft(result))
  assert.instanceOf(result.left, PayloadError)
  return result.left.message
}

const names = ok(
  pairNames(
    {
      XXLMZUSD: {
        altname: "XLMUSD",
        wsname: "XLM/USD",
        base: "XXLM",
        quote: "ZUSD",
        cost_decimals: "8",
        pair_decimals: "6",
        lot_decimals: "8",
        ordermin: "20",
        costmin: "0.5",
        status: "online"
      }
    },
    { XXLM: { altname: "XLM", decimals: "8" }, ZUSD: { altname: "USD", decimals: "4" } }
  )
)

const order = {
  refid: null,
  userref: 0,
  cl_ord_id: "kt1abcdefgh",
  status: "open",
  opentm: 1767600000.121142,
  starttm: 0,
  expiretm: 0,
  descr: {
    pair: "XLMUSD",
    aclass: "forex",
    type: "buy",
    ordertype: "limit",
    price: "0.150000",
    price2: "0",
    leverage: "none",
    order: "buy 25.00000000 XLMUSD @ limit 0.150000",
    close: ""
  },
  vol: "25.00000000",
  vol_exec: "5.00000000",
  cost: "0.75000000",
  fee: "0.00187500",
  price: "0.15000000",
  stopprice: "0.00000000",
  limitprice: "0.00000000",
  misc: "",
  oflags: "fciq,post"
}
const trade = {
  ordertxid: "OABCDE-FGHIJ-KLMNOP",
  postxid: "TKH2SE-M7IF5-CFI7LT",
  pair: "XXLMZUSD",
  time: 1767600009.0000017,
  type: "buy",
  ordertype: "stop limit",
  price: "0.150000",
  cost: "3.75000000",
  fee: "0.00937500",
  vol: "25.00000000",
  margin: "0.00000",
  misc: "",
  trade_id: 40274859,
  maker: true
}

describe("public results", () => {
  it("time, system status", () => {
    assert.strictEqual(ok(PublicData.decodeTime(json({ unixtime: 1767600000, rfc1123: "…" }))), T0)
    assert.strictEqual(ok(PublicData.decodeSystemStatus(json({ status: "post_only", timestamp: "…" }))), "post_only")
    assert.strictEqual(ok(PublicData.decodeSystemStatus(json({ status: "asleep" }))), "unknown")
    refused(PublicData.decodeTime(json({ unixtime: 99999999999 })))
    refused(PublicData.decodeTime(json({ unixtime: -1 })))
  })

  const ticker = (a: string, b: string): JsonStrings =>
    json({
      XXLMZUSD: { a: [a, "12318", "12318.500"], b: [b, "929", "929.000"], c: ["0.16370000", "45.7"], v: [], new: 1 }
    })

  it("ticker: exact prices, lot volumes, nothing where the quote is unsound", () => {
    assert.deepStrictEqual(ok(PublicData.decodeTicker(ticker("0.16375700", "0.16368800"), XLM, T0)), {
      quote: {
        symbol: XLM,
        bid: Money.price("0.163688"),
        bidQuantity: Money.quantity("929"),
        ask: Money.price("0.163757"),
        askQuantity: Money.quantity("12318.5"),
        at: T0
      },
      last: Money.price("0.1637")
    })
    assert.isUndefined(ok(PublicData.decodeTicker(ticker("0.16", "0.17"), XLM, T0)).quote)
    assert.isUndefined(ok(PublicData.decodeTicker(ticker("0.16", "0.0"), XLM, T0)).quote)
    assert.include(refused(PublicData.decodeTicker(ticker("NaN", "0.17"), XLM, T0)), "result.XXLMZUSD.a.0")
    refused(PublicData.decodeTicker(json({}), XLM, T0))
    refused(PublicData.decodeTicker(json({ A: {}, B: {} }), XLM, T0))
  })

  const bar = (time: number, low = "0.9"): ReadonlyArray<unknown> => [time, "1.0", "1.2", low, "1.1", "1.05", "10.5", 7]

  it("candles: the running one is dropped, a senseless one is an error", () => {
    const result = json({ "XLM/USD": [bar(120), bar(60), bar(180)], last: 120 })
    assert.deepStrictEqual(
      ok(PublicData.decodeOhlc(result)).map((c) => [c.at, c.open, c.high, c.low, c.close, c.volume]),
      [
        [60_000, 1, 1.2, 0.9, 1.1, 10.5],
        [120_000, 1, 1.2, 0.9, 1.1, 10.5]
      ]
    )
    // Before its first trade a pair has bars of zeros.
    const young = json({ X: [[0, "0", "0", "0", "0", "0", "0", 0], bar(60, "0"), bar(120)], last: 120 })
    assert.deepStrictEqual(
      ok(PublicData.decodeOhlc(young)).map((c) => c.at),
      [120_000]
    )
    assert.include(refused(PublicData.decodeOhlc(json({ X: [bar(60, "1.15")], last: 60 }))), "makes no sense")
    refused(PublicData.decodeOhlc(json({ X: [bar(60, "")], last: 60 })))
    refused(PublicData.decodeOhlc(json({ X: [bar(60)] })))
    refused(PublicData.decodeOhlc(json({ X: 5, last: 60 })))
    refused(PublicData.decodeOhlc(json([1])))
    refused(PublicData.decodeOhlc(json({ last: 60 })))
  })

  it("depth and trades", () => {
    assert.deepStrictEqual(
      ok(PublicData.decodeDepth(json({ X: { asks: [["0.2", "3.5", 1]], bids: [["0.1", "2", 1]] } }))),
      {
        asks: [[Money.price("0.2"), Money.quantity("3.5")]],
        bids: [[Money.price("0.1"), Money.quantity("2")]]
      }
    )
    refused(PublicData.decodeDepth(json({ X: { asks: [["-0.2", "3.5", 1]], bids: [] } })))
    const row = ["0.150000", "3.5", 1767600000.5, "b", "l", "", 64754585]
    assert.deepStrictEqual(ok(PublicData.decodeTrades(json({ X: [row], last: "1767600000500000000" }), XLM)), [
      {
        symbol: XLM,
        side: "buy",
        price: Money.price("0.15"),
        quantity: Money.quantity("3.5"),
        tradeId: 64754585,
        at: T0 + 500
      }
    ])
    assert.strictEqual(ok(PublicData.decodeTrades(json({ X: [row.with(3, "s")] }), XLM))[0]?.side, "sell")
    refused(PublicData.decodeTrades(json({ X: [row.with(3, "?")] }), XLM))
  })
})

describe("orders", () => {
  it("an open order: everything it says, as of when the question was asked", () => {
    const [fact] = ok(Orders.decodeOpenOrders(json({ open: { O1: { ...order, trades: ["T1"] } } }), names, T0 + 5000))
    assert.deepStrictEqual(fact, {
      tradeIds: ["T1"],
      orderType: "limit",
      report: {
        _tag: "Status",
        source: "rest",
        exchangeId: ExchangeOrderId("O1"),
        clientId: ClientOrderId("kt1abcdefgh"),
        symbol: XLM,
        side: "buy",
        status: "open",
        quantity: Money.quantity("25"),
        limitPrice: Money.price("0.15"),
        cumQuantity: Money.quantity("5"),
        cumCost: Money.usd("0.75"),
        cumFee: Money.usd("0.001875"),
        postOnly: true,
        at: T0 + 5000
      }
    })
  })

  it("every status; one that nobody knows stays open until it has a closing time", () => {
    const status = (value: string, more: object = {}): ReadonlyArray<unknown> => {
      const [fact] = ok(Orders.decodeQueryOrders(json({ O1: { ...order, status: value, ...more } }), names, T0))
      return [fact?.report.status, fact?.report.at]
    }
    const closetm = 1767600060.5
    assert.deepStrictEqual(status("pending"), ["pending", T0 + 121])
    assert.deepStrictEqual(status("open"), ["open", T0 + 121])
    assert.deepStrictEqual(status("closed", { closetm }), ["filled", T0 + 60_500])
    assert.deepStrictEqual(status("canceled", { closetm }), ["cancelled", T0 + 60_500])
    assert.deepStrictEqual(status("expired"), ["expired", T0])
    assert.deepStrictEqual(status("suspended"), ["open", T0 + 121])
    assert.deepStrictEqual(status("suspended", { closetm }), ["cancelled", T0 + 60_500])
  })

  it("a closed page, newest first, with reasons; relative prices and unlisted pairs of other programs do no harm", () => {
    const page = ok(
      Orders.decodeClosedOrders(
        json({
          closed: {
            O1: { ...order, status: "canceled", closetm: 1767600001, reason: "User requested", expiretm: 1767600100 },
            O2: {
              ...order,
              cl_ord_id: null,
              status: "closed",
              closetm: 1767600002,
              reason: null,
              oflags: null,
              descr: { ...order.descr, pair: "SUIUSD", price: "+1.0000%" }
            },
            O3: {
              ...order,
              status: "expired",
              opentm: 1,
              closetm: 2,
              descr: { pair: null, type: null, ordertype: null, price: null }
            }
          },
          count: 77
        }),
        names,
        T0
      )
    )
    assert.strictEqual(page.count, 77)
    assert.deepStrictEqual(
      page.orders.map((o) => o.report.exchangeId as string),
      ["O2", "O1", "O3"]
    )
    const [other, own, bare] = page.orders.map((o) => o.report)
    assert.deepInclude(own, { reason: "User requested", expiresAt: T0 + 100_000 })
    for (const absent of ["clientId", "symbol", "limitPrice", "reason", "expiresAt"]) assert.notProperty(other, absent)
    assert.strictEqual(other?.postOnly, false)
    for (const absent of ["side", "symbol", "limitPrice"]) assert.notProperty(bare, absent)
    assert.strictEqual(ok(Orders.decodeClosedOrders(json({ closed: {} }), names, T0)).count, 0)
  })

  it("name the place of what is wrong, and not the value", () => {
    const wrong = (more: object): string =>
      refused(Orders.decodeOpenOrders(json({ open: { O1: { ...order, ...more } } }), names, T0))
    assert.strictEqual(wrong({ vol: "secret" }), "not as expected: result.open.O1.vol")
    assert.strictEqual(wrong({ vol: "0.0000000000001" }), "not as expected: result.open.O1.vol")
    assert.strictEqual(wrong({ descr: { ...order.descr, type: "hold" } }), "not as expected: result.open.O1.descr.type")
  })

  it("executions", () => {
    const history = ok(
      Orders.decodeTradesHistory(
        json({ trades: { T1: trade, T2: { ...trade, time: 1767600010, maker: false } }, count: 2 }),
        names
      )
    )
    assert.deepStrictEqual(
      history.fills.map((f) => [f.executionId as string, f.liquidity]),
      [
        ["T2", "taker"],
        ["T1", "maker"]
      ]
    )
    assert.deepInclude(history.fills[1], {
      _tag: "Fill",
      source: "rest",
      symbol: XLM,
      side: "buy",
      price: Money.price("0.15"),
      quantity: Money.quantity("25"),
      cost: Money.usd("3.75"),
      fee: Money.usd("0.009375"),
      feeAsset: "USD",
      at: T0 + 9000
    })
    const { maker: _, ...unsaid } = trade
    const [fill] = ok(Orders.decodeQueryTrades(json({ T1: { ...unsaid, pair: "XOLDZUSD" } }), names))
    assert.deepInclude(fill, { liquidity: "taker", feeAsset: "", symbol: PairSymbol("XOLDZUSD") })
    assert.strictEqual(ok(Orders.decodeTradesHistory(json({ trades: {} }), names)).count, 0)
    refused(Orders.decodeQueryTrades(json({ T1: { ...trade, price: null } }), names))
  })

  it("replies to writes", () => {
    assert.strictEqual(ok(Orders.decodeAddOrder(json({ txid: ["O1"], descr: { order: "…" } }))), "O1")
    for (const bad of [{}, { txid: [] }, { txid: [""] }, { txid: "O1" }]) refused(Orders.decodeAddOrder(json(bad)))
    assert.isUndefined(ok(Orders.decodeValidateOrder(json({ descr: { order: "…" } }))))
    assert.include(refused(Orders.decodeValidateOrder(json({ txid: ["O1"], descr: {} }))), "was placed")
    refused(Orders.decodeValidateOrder(json([])))
    assert.strictEqual(ok(Orders.decodeAmendOrder(json({ amend_id: "T1" }))), "T1")
    refused(Orders.decodeAmendOrder(json({})))
    assert.deepStrictEqual(ok(Orders.decodeCancel(json({ count: 1 }))), { count: 1, pending: false })
    assert.deepStrictEqual(ok(Orders.decodeCancel(json({ count: 1, pending: true }))), { count: 1, pending: true })
  })

  it("the dead man's switch", () => {
    const at = "2026-01-05T10:00:00Z"
    assert.deepStrictEqual(ok(Orders.decodeSwitch(json({ currentTime: at, triggerTime: "2026-01-05T10:01:00Z" }))), {
      now: Date.parse(at),
      triggerAt: Date.parse(at) + 60_000
    })
    for (const triggerTime of ["0", 0, "", null]) {
      assert.deepStrictEqual(ok(Orders.decodeSwitch(json({ currentTime: at, triggerTime }))), { now: Date.parse(at) })
    }
    assert.deepStrictEqual(ok(Orders.decodeSwitch(json({ currentTime: at }))), { now: Date.parse(at) })
    refused(Orders.decodeSwitch(json({ currentTime: at, triggerTime: "soon" })))
    refused(Orders.decodeSwitch(json({ triggerTime: "0" })))
  })
})

describe("account", () => {
  it("balances, held and available", () => {
    assert.deepStrictEqual(ok(Account.decodeBalance(json({ ZUSD: "310.4412", "XBT.F": "0.0000000000" }))), [
      { assetId: "ZUSD", balance: Money.usd("310.4412") },
      { assetId: "XBT.F", balance: 0n }
    ])
    assert.deepStrictEqual(
      ok(
        Account.decodeBalanceEx(
          json({
            ZUSD: { balance: "310.4412", hold_trade: "40.0000", credit: "5", credit_used: "1.5" },
            XXLM: { balance: 12.5 }
          })
        )
      ),
      [
        { assetId: "ZUSD", balance: Money.usd("310.4412"), hold: Money.usd("40"), available: Money.usd("273.9412") },
        { assetId: "XXLM", balance: Money.usd("12.5"), hold: 0n, available: Money.usd("12.5") }
      ]
    )
    assert.deepStrictEqual(ok(Account.decodeTradeBalance(json({ eb: "98.8200", tb: "0" }))), {
      equivalentBalance: Money.usd("98.82")
    })
  })

  it("fees as rates; rebates are negative; without a maker fee the taker's holds", () => {
    const rates = ok(
      Account.decodeTradeVolume(
        json({
          fees: { XXLMZUSD: { fee: "0.4000", nextfee: null }, UNLISTED: { fee: "1" } },
          fees_maker: { XXLMZUSD: { fee: "-0.0200" } }
        }),
        names
      )
    )
    assert.deepStrictEqual([...rates], [[XLM, { maker: Money.rate("-0.0002"), taker: Money.rate("0.004") }]])
    const single = ok(Account.decodeTradeVolume(json({ fees: { XLMUSD: { fee: "0.26" } } }), names))
    assert.deepStrictEqual(single.get(XLM), { maker: Money.rate("0.0026"), taker: Money.rate("0.0026") })
    assert.strictEqual(ok(Account.decodeTradeVolume(json({ fees: null, fees_maker: null }), names)).size, 0)
  })

  it("ledger entries, newest first", () => {
    const entry = {
      refid: "T1",
      time: 1767600000.25,
      type: "trade",
      asset: "ZUSD",
      amount: "-3.7500",
      fee: "0.0094",
      balance: "306.6818"
    }
    const page = ok(
      Account.decodeLedgers(json({ ledger: { L1: entry, L2: { ...entry, refid: null, time: 1767600001 } }, count: 9 }))
    )
    assert.strictEqual(page.count, 9)
    assert.deepInclude(page.entries[0], { ledgerId: "L2", refId: "" })
    assert.deepInclude(page.entries[1], { ledgerId: "L1", refId: "T1", amount: Money.usd("-3.75"), at: T0 + 250 })
    assert.strictEqual(ok(Account.decodeLedgers(json({ ledger: {} }))).count, 0)
  })

  it("the key's own record", () => {
    assert.deepStrictEqual(
      ok(
        Account.decodeApiKeyInfo(
          json({
            api_key_name: "bot",
            nonce: "1767600000000",
            nonce_window: "15",
            permissions: ["query-funds"],
            ip_allowlist: ["", "10.0.0.1"],
            valid_until: "1767600000"
          })
        )
      ),
      {
        name: "bot",
        permissions: ["query-funds"],
        nonce: 1_767_600_000_000n,
        nonceWindow: 15n,
        ipAllowlist: ["10.0.0.1"],
        validUntil: T0
      }
    )
    assert.deepStrictEqual(ok(Account.decodeApiKeyInfo(json({ nonce: 5, permissions: [], valid_until: "0" }))), {
      name: "",
      permissions: [],
      nonce: 5n,
      nonceWindow: 0n,
      ipAllowlist: []
    })
    refused(Account.decodeApiKeyInfo(json({ nonce: "-5", permissions: [] })))
  })

  it("the stream token, which no error shows", () => {
    assert.deepStrictEqual(ok(Account.decodeToken(json({ token: "secret", expires: 900 }))), {
      token: "secret",
      expiresInSeconds: 900
    })
    assert.notInclude(refused(Account.decodeToken(json({ token: "secret", expires: "secret" }))), "secret")
    refused(Account.decodeToken(json({ token: "", expires: 900 })))
  })
})

describe("whatever comes", () => {
  const seeds: ReadonlyArray<readonly [JsonStrings, (result: unknown) => Either.Either<unknown, PayloadError>]> = [
    [json({ open: { O1: order } }), (r) => Orders.decodeOpenOrders(r, noNames, T0)],
    [json({ closed: { O1: order }, count: 1 }), (r) => Orders.decodeClosedOrders(r, names, T0)],
    [json({ trades: { T1: trade }, count: 1 }), (r) => Orders.decodeTradesHistory(r, names)],
    [json({ currentTime: "2026-01-05T10:00:00Z", triggerTime: "0" }), Orders.decodeSwitch],
    [json({ X: [[60, "1", "1", "1", "1", "1", "1", 1]], last: 60 }), PublicData.decodeOhlc],
    [json({ X: [["1", "1", 1, "b", "l", "", 1]] }), (r) => PublicData.decodeTrades(r, XLM)],
    [json({ ZUSD: { balance: "1", hold_trade: "0" } }), Account.decodeBalanceEx],
    [json({ fees: { XXLMZUSD: { fee: "1" } } }), (r) => Account.decodeTradeVolume(r, names)],
    [json({ nonce: "1", permissions: [] }), Account.decodeApiKeyInfo],
    [json({ XXLMZUSD: { altname: "A", base: "XXLM", quote: "ZUSD" } }), (r) => pairNames(r as JsonStrings, {})]
  ]
  const paths = (value: JsonStrings): ReadonlyArray<ReadonlyArray<string>> =>
    typeof value === "object" && value !== null
      ? [[], ...Object.entries(value).flatMap(([key, inner]) => paths(inner as JsonStrings).map((p) => [key, ...p]))]
      : [[]]
  const replaced = (value: unknown, path: ReadonlyArray<string>, by: unknown): unknown => {
    const [key, ...rest] = path
    if (key === undefined) return by
    const copy: Record<string, unknown> | Array<unknown> = Array.isArray(value) ? [...value] : { ...(value as object) }
    const target = copy as Record<string, unknown>
    target[key] = replaced(target[key], rest, by)
    return copy
  }

  it("a changed payload decodes or gives a typed error, never a defect", () => {
    const junk = fc.oneof(
      fc.string(),
      fc.constantFrom("1e400", "-1", "NaN", "9".repeat(40), "1e-9", "0x10"),
      fc.jsonValue(),
      fc.constant(undefined)
    )
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.nat(), junk, ([seed, decode], at, by) => {
        const all = paths(seed)
        const result = decode(replaced(seed, all[at % all.length] ?? [], by))
        assert.isTrue(Either.isRight(result) || result.left instanceof PayloadError)
      }),
      { numRuns: 3000 }
    )
  })

  it("every decimal text of twelve decimals is kept exactly", () => {
    const decode = Schema.decodeUnknownEither(Decimal)
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 30n), 10n ** 30n), (n) => {
        const digits = (n < 0n ? -n : n).toString().padStart(13, "0")
        const text = `${n < 0n ? "-" : ""}${digits.slice(0, -12)}.${digits.slice(-12)}`
        assert.deepStrictEqual(decode(text), Either.right(n))
      })
    )
  })

  it("fields are only read, never written", () => {
    assert.isTrue(Either.isLeft(Schema.encodeEither(Instant)(T0)))
  })
})
