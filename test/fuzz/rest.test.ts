/** Answers of REST: read to the digit, or refused with the place that is wrong; never thrown at. */
import { Either, FastCheck as fc } from "effect"
import { assert, describe, it } from "vitest"
import { readEnvelope } from "../../src/domain/kraken/Envelope.ts"
import { apiError, classify, isWarning, toSendOutcome } from "../../src/domain/kraken/errors.ts"
import type { JsonStrings } from "../../src/domain/kraken/JsonText.ts"
import { parseJsonStrings } from "../../src/domain/kraken/JsonText.ts"
import type { PairNames } from "../../src/domain/kraken/naming.ts"
import { pairNames } from "../../src/domain/kraken/naming.ts"
import * as Account from "../../src/domain/kraken/rest/Account.ts"
import * as Orders from "../../src/domain/kraken/rest/Orders.ts"
import * as PublicData from "../../src/domain/kraken/rest/PublicData.ts"
import { PairSymbol } from "../../src/domain/market/Instrument.ts"
import type { FillReport } from "../../src/domain/order/Report.ts"
import { garbage, mutated, repeated, timely, tries } from "../support/fuzz.ts"
import type { Tree } from "../support/tree.ts"
import {
  amountsIn,
  decimalsIn,
  entries,
  field,
  items,
  loose,
  plain,
  printed,
  said,
  string,
  time,
  treeOf
} from "../support/tree.ts"
import { recordedAnswers, session } from "./frames.ts"

const XLM = PairSymbol("XLM/USD")
const NOW = 1_767_607_200_000

const answersOf = (endpoint: string): ReadonlyArray<string> => session.answers.get(endpoint) ?? []
const resultOf = (endpoint: string): JsonStrings =>
  Either.getOrThrow(readEnvelope(endpoint, answersOf(endpoint)[0] ?? "")).result

const names: PairNames = Either.getOrThrow(pairNames(resultOf("AssetPairs"), resultOf("Assets")))

const same = (value: bigint | undefined, tree: Tree | undefined): boolean =>
  value === undefined ? !said(tree) : printed(value) === plain(loose(tree))

const scaled = (tree: Tree | undefined): bigint => {
  const [whole = "", fraction = ""] = (plain(loose(tree)) ?? "0").replace("-", "").split(".")
  return BigInt(whole + fraction.padEnd(12, "0")) * ((plain(loose(tree)) ?? "").startsWith("-") ? -1n : 1n)
}

/** Unix seconds as milliseconds, digits past the third cut. */
const seconds = (tree: Tree | undefined): number | undefined => {
  const [whole, fraction = ""] = plain(loose(tree))?.split(".") ?? []
  return whole === undefined ? undefined : Number(whole + fraction.slice(0, 3).padEnd(3, "0"))
}

const rowOf = (table: Tree | undefined, id: string): Tree => {
  const row = field(table, id)
  assert.isDefined(row, `a row that the answer lacks: ${id}`)
  return row
}

const fillsFit = (table: Tree | undefined, fills: ReadonlyArray<FillReport>): void => {
  for (const fill of fills) {
    const row = rowOf(table, fill.executionId)
    assert.isTrue(same(fill.price, field(row, "price")) && same(fill.quantity, field(row, "vol")))
    assert.isTrue(same(fill.cost, field(row, "cost")) && same(fill.fee, field(row, "fee")))
    assert.strictEqual(fill.at, seconds(field(row, "time")))
    assert.strictEqual(fill.exchangeId, loose(field(row, "ordertxid")))
    assert.isTrue(fill.price >= 0n && fill.quantity >= 0n && fill.cost >= 0n)
  }
}

const ordersFit = (table: Tree | undefined, facts: ReadonlyArray<Orders.OrderFact>): void => {
  for (const { report } of facts) {
    const row = rowOf(table, report.exchangeId)
    assert.isTrue(same(report.quantity, field(row, "vol")) && same(report.cumQuantity, field(row, "vol_exec")))
    assert.isTrue(same(report.cumCost, field(row, "cost")) && same(report.cumFee, field(row, "fee")))
    if (report.limitPrice !== undefined) assert.isTrue(same(report.limitPrice, field(field(row, "descr"), "price")))
    assert.isTrue([report.quantity, report.cumQuantity, report.cumCost].every((one) => one !== undefined && one >= 0n))
    assert.isTrue(Number.isFinite(report.at))
  }
}

const isDecimal = (tree: Tree | undefined, value: number): boolean =>
  plain(loose(tree)) !== undefined && Number(loose(tree)) === value

const levelsFit = (rows: ReadonlyArray<Tree>, levels: ReadonlyArray<readonly [bigint, bigint]>): void => {
  assert.strictEqual(levels.length, rows.length)
  levels.forEach(([price, quantity], index) => {
    const row = items(rows[index])
    assert.isTrue(same(price, row[0]) && same(quantity, row[1]) && price >= 0n && quantity >= 0n)
  })
}

/** The only entry beside `last`. */
const only = (result: Tree): Tree | undefined => entries(result).find(([key]) => key !== "last")?.[1]

const reader = <A>(
  decode: (result: JsonStrings) => Either.Either<A, unknown>,
  fits: (value: A, result: Tree) => void
): ((result: JsonStrings, tree: Tree) => Either.Either<A, unknown>) => {
  return (result, tree) => {
    const decoded = timely(() => decode(result))
    if (Either.isRight(decoded)) fits(decoded.right, tree)
    else assert.match(String(decoded.left), /^PayloadError/)
    return decoded
  }
}

const nothing = (): void => undefined

const readers: Readonly<Record<string, (result: JsonStrings, tree: Tree) => Either.Either<unknown, unknown>>> = {
  Time: reader(PublicData.decodeTime, (at, tree) => assert.strictEqual(at, seconds(field(tree, "unixtime")))),
  SystemStatus: reader(PublicData.decodeSystemStatus, nothing),
  Ticker: reader(
    (r) => PublicData.decodeTicker(r, XLM, NOW),
    ({ last, quote }, tree) => {
      const row = only(tree)
      assert.isTrue(same(last, items(field(row, "c"))[0]))
      if (quote === undefined) return
      const [ask, bid] = [items(field(row, "a")), items(field(row, "b"))]
      assert.isTrue(same(quote.bid, bid[0]) && same(quote.ask, ask[0]) && quote.bid > 0n && quote.ask > quote.bid)
      assert.isTrue(same(quote.bidQuantity, bid[2]) && same(quote.askQuantity, ask[2]))
    }
  ),
  OHLC: reader(PublicData.decodeOhlc, (candles, tree) => {
    const rows = items(only(tree))
    for (const { at, close, high, low, open, volume } of candles) {
      const fit = rows.some((tree) => {
        const row = items(tree)
        return (
          seconds(row[0]) === at &&
          [open, high, low, close].every((value, index) => isDecimal(row[index + 1], value)) &&
          isDecimal(row[6], volume)
        )
      })
      assert.isTrue(fit, "a candle that no row says")
    }
  }),
  Depth: reader(PublicData.decodeDepth, ({ asks, bids }, tree) => {
    levelsFit(items(field(only(tree), "asks")), asks)
    levelsFit(items(field(only(tree), "bids")), bids)
  }),
  Trades: reader(
    (r) => PublicData.decodeTrades(r, XLM),
    (trades, tree) => {
      const rows = items(only(tree)).map(items)
      assert.strictEqual(trades.length, rows.length)
      trades.forEach((trade, index) => {
        const row = rows[index] ?? []
        assert.isTrue(same(trade.price, row[0]) && same(trade.quantity, row[1]))
        assert.strictEqual(trade.at, seconds(row[2]))
        assert.strictEqual(String(trade.tradeId), plain(loose(row[6])))
      })
    }
  ),
  Balance: reader(Account.decodeBalance, (rows, tree) => {
    for (const { assetId, balance } of rows) assert.isTrue(same(balance, rowOf(tree, assetId)))
    assert.isAtLeast(rows.length, entries(tree).filter(([name]) => name !== "__proto__").length)
  }),
  BalanceEx: reader(Account.decodeBalanceEx, (rows, tree) => {
    for (const { assetId, available, balance, hold } of rows) {
      const row = rowOf(tree, assetId)
      const [held, credit, used] = [field(row, "hold_trade"), field(row, "credit"), field(row, "credit_used")]
      assert.isTrue(same(balance, field(row, "balance")))
      assert.strictEqual(hold, said(held) ? scaled(held) : 0n)
      assert.strictEqual(available, balance - hold + scaled(credit) - scaled(used))
    }
  }),
  TradeBalance: reader(Account.decodeTradeBalance, ({ equivalentBalance }, tree) =>
    assert.isTrue(same(equivalentBalance, field(tree, "eb")))
  ),
  TradeVolume: reader(
    (r) => Account.decodeTradeVolume(r, names),
    (rates, tree) => {
      for (const { maker, taker } of rates.values()) {
        const fees = entries(field(tree, "fees")).map(([, row]) => plain(loose(field(row, "fee"))))
        const makers = entries(field(tree, "fees_maker")).map(([, row]) => plain(loose(field(row, "fee"))))
        assert.include(fees, printed(taker * 100n))
        assert.include([...makers, ...fees], printed(maker * 100n))
      }
    }
  ),
  Ledgers: reader(Account.decodeLedgers, ({ entries: rows }, tree) => {
    for (const { amount, at, balance, fee, ledgerId } of rows) {
      const row = rowOf(field(tree, "ledger"), ledgerId)
      assert.isTrue(same(amount, field(row, "amount")) && same(fee, field(row, "fee")))
      assert.isTrue(same(balance, field(row, "balance")) && seconds(field(row, "time")) === at)
    }
  }),
  GetApiKeyInfo: reader(Account.decodeApiKeyInfo, ({ nonce, nonceWindow, validUntil }, tree) => {
    assert.strictEqual(nonce.toString(), plain(loose(field(tree, "nonce"))))
    if (said(field(tree, "nonce_window"))) {
      assert.strictEqual(nonceWindow.toString(), plain(loose(field(tree, "nonce_window"))))
    }
    if (validUntil !== undefined) assert.strictEqual(validUntil, seconds(field(tree, "valid_until")))
  }),
  GetWebSocketsToken: reader(Account.decodeToken, ({ expiresInSeconds, token }, tree) => {
    assert.strictEqual(token, loose(field(tree, "token")))
    assert.strictEqual(String(expiresInSeconds), plain(loose(field(tree, "expires"))))
  }),
  OpenOrders: reader(
    (r) => Orders.decodeOpenOrders(r, names, NOW),
    (facts, tree) => ordersFit(field(tree, "open"), facts)
  ),
  ClosedOrders: reader(
    (r) => Orders.decodeClosedOrders(r, names, NOW),
    ({ count, orders }, tree) => {
      ordersFit(field(tree, "closed"), orders)
      const stated = field(tree, "count")
      assert.strictEqual(String(count), said(stated) ? plain(loose(stated)) : String(orders.length))
    }
  ),
  QueryOrders: reader(
    (r) => Orders.decodeQueryOrders(r, names, NOW),
    (facts, tree) => ordersFit(tree, facts)
  ),
  TradesHistory: reader(
    (r) => Orders.decodeTradesHistory(r, names),
    ({ fills }, tree) => fillsFit(field(tree, "trades"), fills)
  ),
  QueryTrades: reader(
    (r) => Orders.decodeQueryTrades(r, names),
    (fills, tree) => fillsFit(tree, fills)
  ),
  AddOrder: (result, tree) => {
    const validated = timely(() => Orders.decodeValidateOrder(result))
    if (Either.isRight(validated)) assert.isUndefined(field(tree, "txid"), "an order was placed")
    return reader(Orders.decodeAddOrder, (txid, one) => assert.strictEqual(txid, loose(items(field(one, "txid"))[0])))(
      result,
      tree
    )
  },
  AmendOrder: reader(Orders.decodeAmendOrder, (id, tree) => assert.strictEqual(id, loose(field(tree, "amend_id")))),
  CancelOrder: reader(Orders.decodeCancel, ({ count }, tree) =>
    assert.strictEqual(String(count), plain(loose(field(tree, "count"))))
  ),
  CancelAllOrdersAfter: reader(Orders.decodeSwitch, ({ now, triggerAt }, tree) => {
    assert.strictEqual(now, time(string(field(tree, "currentTime"))))
    if (triggerAt !== undefined) assert.strictEqual(triggerAt, time(loose(field(tree, "triggerTime"))))
  })
}

const check = (endpoint: string, body: string): void => {
  const envelope = timely(() => readEnvelope(endpoint, body))
  const tree = treeOf(body)
  if (Either.isLeft(envelope)) {
    assert.match(envelope.left._tag, /^(PayloadError|KrakenApiError)$/)
    if (envelope.left._tag === "KrakenApiError") timely(() => toSendOutcome(envelope.left as never))
    return
  }
  assert.isDefined(tree, "what is no JSON was taken for an answer")
  const result = field(tree, "result")
  assert.isTrue(said(result))
  assert.deepStrictEqual(
    items(field(tree, "error")).filter((text) => !isWarning(string(text) ?? "")),
    [],
    "an error was passed over"
  )
  const read = readers[endpoint]
  if (read !== undefined && result !== undefined) read(envelope.right.result, result)
}

describe("answers of REST are read to the digit, or refused", () => {
  for (const endpoint of Object.keys(readers)) {
    it(`of ${endpoint}`, () => {
      assert.isNotEmpty(answersOf(endpoint))
      fc.assert(
        fc.property(mutated(answersOf(endpoint)), (body) => check(endpoint, body)),
        tries(350)
      )
    })
  }

  it("whichever endpoint they answer", () => {
    const anything = fc.oneof(
      { weight: 4, arbitrary: mutated([...recordedAnswers, ...[...session.answers.values()].flat()]) },
      { weight: 2, arbitrary: garbage.map((text) => `{"error":[],"result":${text}}`) },
      { weight: 2, arbitrary: garbage },
      {
        weight: 1,
        arbitrary: repeated(['{"error":[', '"EOrder:', "]", "}", ",", '"W:a"', " ", "[", '{"a":', '"result":{'])
      }
    )
    fc.assert(
      fc.property(anything, fc.constantFrom(...Object.keys(readers)), (body, endpoint) => check(endpoint, body)),
      tries(2000)
    )
  })

  it("with no number that the answer has not", () => {
    const derived = new Set(["BalanceEx", "TradeVolume", "GetApiKeyInfo"])
    const endpoints = Object.keys(readers).filter((endpoint) => !derived.has(endpoint))
    fc.assert(
      fc.property(fc.constantFrom(...endpoints), fc.nat({ max: 2000 }), fc.context(), (endpoint, seed, context) => {
        for (const body of fc.sample(mutated([...answersOf(endpoint), ...recordedAnswers]), { numRuns: 3, seed })) {
          const envelope = readEnvelope(endpoint, body)
          const tree = treeOf(body)
          const read = readers[endpoint]
          if (Either.isLeft(envelope) || tree === undefined || read === undefined) continue
          const result = field(tree, "result")
          if (result === undefined) continue
          context.log(body)
          const decoded = read(envelope.right.result, result)
          if (Either.isLeft(decoded)) continue
          const said = decimalsIn(body)
          for (const amount of amountsIn(decoded.right)) {
            assert.isTrue(said.has(printed(amount) ?? ""), `${amount} stands nowhere`)
          }
        }
      }),
      tries(90)
    )
  })
})

describe("names of pairs", () => {
  it("carry the rules that their rows state", () => {
    const pairs = mutated(answersOf("AssetPairs"))
    const assets = fc.oneof(
      { weight: 2, arbitrary: fc.constant(answersOf("Assets")[0] ?? "") },
      mutated(answersOf("Assets"))
    )
    fc.assert(
      fc.property(pairs, assets, (pairText, assetText) => {
        const [left, right] = [parseJsonStrings(pairText), parseJsonStrings(assetText)]
        const tree = treeOf(pairText)
        if (Either.isLeft(left) || Either.isLeft(right) || tree === undefined) return
        const [pairRows, assetRows] = [left.right, right.right] as unknown as ReadonlyArray<{ result: JsonStrings }>
        const found = timely(() => pairNames(pairRows?.result ?? null, assetRows?.result ?? null))
        if (Either.isLeft(found)) return
        for (const [id, row] of entries(field(tree, "result"))) {
          const one = found.right.find(id)
          if (one === undefined || one.restId !== id) continue
          const tick = field(row, "tick_size")
          if (said(tick) && scaled(tick) !== 0n) assert.isTrue(same(one.tickSize, tick))
          assert.strictEqual(String(one.priceDecimals), plain(loose(field(row, "pair_decimals"))))
          assert.strictEqual(String(one.quantityDecimals), plain(loose(field(row, "lot_decimals"))))
          if (said(field(row, "ordermin"))) assert.isTrue(same(one.minQuantity, field(row, "ordermin")))
          else assert.strictEqual(one.status, "unknown")
          if (said(field(row, "costmin"))) assert.isTrue(same(one.minCost, field(row, "costmin")))
          else assert.strictEqual(one.status, "unknown")
          assert.isTrue(one.tickSize > 0n && one.minQuantity >= 0n && one.minCost >= 0n)
        }
        found.right.find("__proto__")
        assert.strictEqual(found.right.assetName("hasOwnProperty"), "hasOwnProperty")
      }),
      tries(300)
    )
  })
})

describe("error texts", () => {
  const known = [
    "EOrder:Insufficient funds",
    "EGeneral:Invalid arguments:volume",
    "EService: Throttled: 1741500000",
    "EAPI:Invalid nonce",
    "EGeneral:Temporary lockout",
    "EOrder:Post only order",
    "WDatabase:No change"
  ]
  const texts = fc.oneof(
    garbage,
    repeated([":", " ", "E", "EOrder:", "1", "\n", "EService:Throttled:"]),
    fc.tuple(fc.constantFrom(...known), fc.string(), fc.string()).map(([text, a, b]) => a + text + b)
  )

  it("that nobody knows leave it open whether the request was executed", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const meaning = timely(() => classify(text))
        timely(() => isWarning(text))
        if (!/^\s*[eEwW]\w+\s*:/.test(text)) assert.strictEqual(meaning.executed, "unknown")
        if (meaning.retryAt !== undefined) {
          assert.strictEqual(meaning.retryAt, Number(/(\d{9,11})\s*$/.exec(text)?.[1]) * 1000)
        }
      }),
      tries(1500)
    )
  })

  it("are many at once without harm", () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 200 }), (some, times) => {
        const all = Array.from({ length: times }, () => some)
          .flat()
          .slice(0, 2000)
        const [first = "", ...rest] = all.map((text) => text.slice(0, 60))
        const error = timely(() => apiError("AddOrder", [first, ...rest]))
        const outcome = toSendOutcome(error)
        if (error.executed !== "no") assert.strictEqual(outcome._tag, "Unknown")
      }),
      tries(100)
    )
  })
})
