import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { emptyMemory, GENERATION, learn, recall } from "../../../../src/domain/kraken/stream/OrderMemory.ts"
import { decodePrivate } from "../../../../src/domain/kraken/stream/Private.ts"
import { checkSequence } from "../../../../src/domain/kraken/stream/Sequence.ts"
import { PairSymbol } from "../../../../src/domain/market/Instrument.ts"
import * as Fixed from "../../../../src/domain/money/Fixed.ts"
import { ClientOrderId, ExchangeOrderId } from "../../../../src/domain/order/Ids.ts"

const recorded = "../shared/data/kraken-payloads"

const executions = (rows: string, type = "update", sequence = "2"): string =>
  `{"channel":"executions","type":"${type}","data":[${rows}],"sequence":${sequence}}`
const balances = (rows: string, type = "update"): string =>
  `{"channel":"balances","type":"${type}","data":[${rows}],"sequence":3}`

const pendingNew =
  '{"order_id":"OA","cl_ord_id":"k1","symbol":"XLM/USD","order_qty":25.00000000,"cum_cost":0.00000000,"exec_type":"pending_new","side":"buy","order_status":"pending_new","limit_price_type":"static","limit_price":0.150000,"post_only":true,"expire_time":"2026-01-05T10:02:00Z","timestamp":"2026-01-05T10:00:00.100000Z"}'
const trade =
  '{"order_id":"OA","exec_id":"TA","exec_type":"trade","trade_id":7,"symbol":"XLM/USD","side":"buy","last_qty":25.00000000,"last_price":0.150000,"liquidity_ind":"m","cost":3.75000000,"timestamp":"2026-01-05T10:00:09.000001Z","order_status":"partially_filled","cum_qty":25.00000000,"fees":[{"asset":"USD","qty":0.00937500}]}'
const without = (text: string, field: string): string => {
  const row = JSON.parse(text) as Record<string, unknown>
  delete row[field]
  return JSON.stringify(row)
}
const withField = (text: string, field: string, value: unknown): string =>
  JSON.stringify({ ...(JSON.parse(text) as Record<string, unknown>), [field]: value })

const read = (text: string, memory = emptyMemory) => {
  const { frame } = decodePrivate(text, memory)
  if (frame._tag !== "Executions") return assert.fail(frame._tag)
  return frame
}
const problemOf = (row: string) => read(executions(row)).problems[0]

describe("executions", () => {
  it("reads a new order whole, and its deltas with what was learnt", () => {
    const first = decodePrivate(executions(pendingNew), emptyMemory)
    assert.deepStrictEqual(first.frame, {
      _tag: "Executions",
      type: "update",
      sequence: 2,
      problems: [],
      reports: [
        {
          _tag: "Status",
          source: "stream",
          exchangeId: "OA",
          clientId: "k1",
          symbol: "XLM/USD",
          side: "buy",
          status: "pending",
          quantity: 25n * Fixed.ONE,
          limitPrice: 150_000_000_000n,
          cumCost: 0n,
          postOnly: true,
          expiresAt: Date.UTC(2026, 0, 5, 10, 2),
          at: Date.UTC(2026, 0, 5, 10, 0, 0, 100)
        }
      ]
    } as never)
    const delta = read(
      executions('{"timestamp":"2026-01-05T10:00:00.100032Z","order_status":"new","exec_type":"new","order_id":"OA"}'),
      first.memory
    ).reports[0]
    assert.deepInclude(delta, { clientId: "k1", symbol: "XLM/USD", side: "buy", status: "open" } as never)
  })

  it("delivers a delta of an order that was never heard of", () => {
    assert.deepStrictEqual(
      read(
        executions(
          '{"timestamp":"2026-01-05T10:00:00Z","order_status":"canceled","exec_type":"canceled","cum_qty":0.00000000,"reason":"User requested","order_id":"OX"}'
        )
      ).reports,
      [
        {
          _tag: "Status",
          source: "stream",
          exchangeId: "OX",
          status: "cancelled",
          cumQuantity: 0n,
          reason: "User requested",
          at: Date.UTC(2026, 0, 5, 10)
        }
      ] as never
    )
  })

  it("takes a fill from `trade` and from nothing else", () => {
    const fill = read(executions(trade)).reports[0]
    assert.deepStrictEqual(fill, {
      _tag: "Fill",
      source: "stream",
      executionId: "TA",
      exchangeId: "OA",
      symbol: "XLM/USD",
      side: "buy",
      price: 150_000_000_000n,
      quantity: 25n * Fixed.ONE,
      cost: 3_750_000_000_000n,
      fee: 9_375_000_000n,
      feeAsset: "USD",
      liquidity: "maker",
      at: Date.UTC(2026, 0, 5, 10, 0, 9, 0)
    } as never)
    for (const event of [
      "new",
      "pending_new",
      "filled",
      "canceled",
      "expired",
      "amended",
      "restated",
      "status",
      "iceberg_refill"
    ]) {
      assert.strictEqual(read(executions(withField(trade, "exec_type", event))).reports[0]?._tag, "Status", event)
    }
  })

  it("lets the event say a final status, and the status field everything else", () => {
    const statusOf = (event: string, status: string | undefined) => {
      const report = read(
        executions(
          JSON.stringify({ order_id: "O", exec_type: event, order_status: status, timestamp: "2026-01-05T10:00:00Z" })
        )
      ).reports[0]
      return report?._tag === "Status" ? report.status : report?._tag
    }
    assert.strictEqual(statusOf("filled", "partially_filled"), "filled")
    assert.strictEqual(statusOf("canceled", undefined), "cancelled")
    assert.strictEqual(statusOf("expired", "expired"), "expired")
    assert.strictEqual(statusOf("amended", "partially_filled"), "open")
    assert.strictEqual(statusOf("status", "pending_new"), "pending")
    assert.strictEqual(statusOf("restated", "canceled"), "cancelled")
    assert.isUndefined(statusOf("restated", "toString"))
    assert.isUndefined(statusOf("amended", undefined))
  })

  it("names the field that is missing or wrong, and leaves the row out", () => {
    assert.strictEqual(problemOf("7"), "row")
    assert.strictEqual(problemOf(without(pendingNew, "order_id")), "order_id")
    assert.strictEqual(problemOf(without(pendingNew, "exec_type")), "exec_type")
    assert.strictEqual(problemOf(without(pendingNew, "timestamp")), "timestamp")
    assert.strictEqual(problemOf(withField(pendingNew, "exec_type", "toString")), "exec_type toString")
    assert.strictEqual(problemOf(withField(pendingNew, "side", "both")), "side")
    assert.strictEqual(problemOf(withField(pendingNew, "order_qty", "25")), "order_qty")
    assert.strictEqual(problemOf(withField(pendingNew, "post_only", 1)), "post_only")
    assert.strictEqual(problemOf(withField(pendingNew, "expire_time", 5)), "expire_time")
    for (const field of [
      "exec_id",
      "last_qty",
      "last_price",
      "cost",
      "liquidity_ind",
      "fees",
      "symbol",
      "side",
      "timestamp"
    ]) {
      assert.strictEqual(problemOf(without(trade, field)), field, field)
    }
    assert.strictEqual(problemOf(withField(trade, "liquidity_ind", "x")), "liquidity_ind")
    assert.strictEqual(problemOf(withField(trade, "last_qty", 0)), "last_qty or last_price")
    assert.strictEqual(problemOf(withField(trade, "fees", [{ asset: "USD" }])), "fees")
    assert.strictEqual(problemOf(withField(trade, "fees", [3])), "fees")
    assert.strictEqual(
      problemOf(
        withField(trade, "fees", [
          { asset: "USD", qty: 1 },
          { asset: "XLM", qty: 1 }
        ])
      ),
      "fees"
    )
    assert.strictEqual(problemOf(trade.replace("3.75000000", "3.7500000000001")), "cost")
  })

  it("adds up fees of one asset, and takes none for none, in the quote", () => {
    const feeOf = (fees: unknown) => {
      const report = read(executions(withField(trade, "fees", fees))).reports[0]
      return report?._tag === "Fill" ? [report.fee, report.feeAsset] : undefined
    }
    assert.deepStrictEqual(
      feeOf([
        { asset: "XLM", qty: 1 },
        { asset: "XLM", qty: 2 }
      ]),
      [3n * Fixed.ONE, "XLM"]
    )
    assert.deepStrictEqual(feeOf([]), [0n, "USD"])
  })

  it("takes no limit price that is a distance, and reads the older reason", () => {
    const report = read(
      executions(withField(withField(pendingNew, "limit_price_type", "pct"), "cancel_reason", "Post only order"))
    ).reports[0]
    assert.isTrue(report?._tag === "Status" && report.limitPrice === undefined && report.reason === "Post only order")
  })

  it("keeps the other rows of a frame, in order", () => {
    const frame = read(executions(`${pendingNew},${without(trade, "exec_id")},${without(trade, "symbol")}`))
    assert.deepStrictEqual(
      frame.reports.map((r) => r._tag),
      ["Status", "Fill"]
    )
    assert.deepStrictEqual(frame.problems, ["exec_id"])
  })

  it("keeps every digit of every amount", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 30n }), fc.bigInt({ min: 1n, max: 10n ** 24n }), (qty, cost) => {
        const text = trade
          .replace('"last_qty":25.00000000', `"last_qty":${Fixed.format(qty, 12)}`)
          .replace('"cost":3.75000000', `"cost":${Fixed.format(cost, 12)}`)
        const report = read(executions(text)).reports[0]
        assert.isTrue(report?._tag === "Fill" && report.quantity === qty && report.cost === cost)
      })
    )
  })
})

describe("balances", () => {
  const rows = (text: string) => {
    const { frame } = decodePrivate(text, emptyMemory)
    return frame._tag === "Balances" ? frame : assert.fail(frame._tag)
  }
  it("reads wallets of a snapshot and entries of the ledger", () => {
    assert.deepStrictEqual(
      rows(
        balances(
          '{"asset":"USD","balance":160.2405,"wallets":[{"type":"spot","id":"main","balance":100.0000},{"type":"earn","id":"flex","balance":60.2405},{"type":"earn","balance":0}]},{"asset":"XLM","balance":0}',
          "snapshot"
        )
      ).balances,
      [
        { asset: "USD", balance: 100n * Fixed.ONE, wallet: "spot" },
        { asset: "USD", balance: 60_240_500_000_000n, wallet: "earn/flex" },
        { asset: "USD", balance: 0n, wallet: "earn/main" },
        { asset: "XLM", balance: 0n, wallet: "total" }
      ]
    )
    assert.deepStrictEqual(rows(balances('{"asset":"USD","wallet_type":"spot","balance":1}')).balances, [
      { asset: "USD", balance: Fixed.ONE, wallet: "spot" }
    ])
  })
  it("names what is wrong", () => {
    const problem = (row: string, type = "update") => rows(balances(row, type)).problems[0]
    assert.strictEqual(problem("1"), "row")
    assert.strictEqual(problem('{"balance":1,"wallet_type":"spot"}'), "asset")
    assert.strictEqual(problem('{"asset":"USD","balance":"1","wallet_type":"spot"}'), "balance")
    assert.strictEqual(problem('{"asset":"USD","balance":1}'), "wallet_type")
    assert.strictEqual(problem('{"asset":"USD"}', "snapshot"), "balance")
    assert.strictEqual(problem('{"asset":"USD","balance":1,"wallets":[5]}', "snapshot"), "wallets")
    assert.strictEqual(problem('{"asset":"USD","balance":1,"wallets":[{"type":"spot"}]}', "snapshot"), "wallet balance")
  })
})

describe("private frames", () => {
  const frameOf = (text: string) => decodePrivate(text, emptyMemory).frame
  it("say whether something may have been lost", () => {
    const lost = (kind: string) => ({ _tag: "Malformed" as const, kind, lost: true })
    assert.deepStrictEqual(frameOf("garbage"), lost("not JSON"))
    assert.deepStrictEqual(frameOf("[]"), lost("not an object"))
    assert.deepStrictEqual(frameOf('{"channel":"executions","type":"update","data":[]}'), lost("executions"))
    assert.deepStrictEqual(frameOf(executions("", "update", "1.5")), lost("executions"))
    assert.deepStrictEqual(frameOf(executions("", "other")), lost("executions"))
    assert.deepStrictEqual(frameOf('{"channel":"balances","type":"update","data":{},"sequence":1}'), lost("balances"))
    assert.deepStrictEqual(frameOf('{"channel":"level9"}'), { _tag: "Malformed", kind: "channel level9", lost: false })
    assert.strictEqual(frameOf('{"channel":"heartbeat"}')._tag, "Heartbeat")
    assert.strictEqual(frameOf('{"channel":"status","type":"update","data":[]}')._tag, "Heartbeat")
    assert.deepInclude(frameOf('{"error":"Malformed request","method":"error"}'), {
      success: false,
      requestId: undefined
    })
    assert.deepInclude(frameOf('{"method":"pong","req_id":7,"time_in":"1970-01-01T00:00:01Z"}'), {
      requestId: 7,
      timeIn: 1000
    })
  })
  it("never throw, whatever is sent", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => frameOf(text)._tag.length > 0))
  })
  it("are checked for their sequence", () => {
    assert.strictEqual(checkSequence(undefined, 120, false), "baseline")
    assert.strictEqual(checkSequence(120, 121, false), "next")
    assert.strictEqual(checkSequence(120, 120, false), "gap")
    assert.strictEqual(checkSequence(120, 120, true), "next")
    assert.strictEqual(checkSequence(120, 122, true), "gap")
    assert.strictEqual(checkSequence(120, 119, true), "gap")
  })

  it.skipIf(!existsSync(recorded))("are read as they were recorded", () => {
    const recordedFrame = (name: string) => frameOf(readFileSync(`${recorded}/kraken-async-rs/${name}.json`, "utf8"))
    const single = readFileSync(`${recorded}/kraken-async-rs/deserializing_execution_trade.json`, "utf8")
    const fill = read(executions(single)).reports[0]
    assert.deepInclude(fill, {
      _tag: "Fill",
      executionId: "TJE7HC-DKBTI-5BFVKE",
      quantity: 105_020_148_890_000n,
      cost: 12_707_440_000_000n,
      fee: 50_830_000_000n,
      feeAsset: "USD",
      liquidity: "taker"
    } as never)
    const trades = recordedFrame("execution_trades_snapshot.trades_snapshot")
    assert.isTrue(trades._tag === "Executions" && trades.reports.length === 4 && trades.problems.length === 0)
    assert.isTrue(
      trades._tag === "Executions" && trades.reports.every((r) => r._tag === "Fill" && r.source === "snapshot")
    )
    const amended = recordedFrame("execution_order_amended.amend")
    assert.deepInclude(amended, { sequence: 20 })
    if (amended._tag === "Executions") {
      assert.deepInclude(amended.reports[0], {
        status: "open",
        quantity: 5_100_000_000_000n,
        limitPrice: 960_000_000_000n
      } as never)
    }
    const fresh = recordedFrame("execution_order_update_new.new")
    assert.isTrue(fresh._tag === "Executions" && fresh.sequence === 148 && fresh.reports.length === 1)
    const held = recordedFrame("balances_snapshot.balances_snapshot")
    if (held._tag !== "Balances") return assert.fail(held._tag)
    assert.deepStrictEqual(held.balances.at(-1), { asset: "USD", balance: 1_340_000_000_000n, wallet: "spot" })
    assert.deepStrictEqual(held.balances[1], { asset: "KAR", balance: 774_636_698_260_000n, wallet: "total" })
    const moved = recordedFrame("balances_updates.usd_update")
    if (moved._tag !== "Balances") return assert.fail(moved._tag)
    assert.deepStrictEqual(moved.balances[0], {
      asset: "USD",
      balance: 118_067_700_000_000n,
      wallet: "spot",
      ledgerId: "DATKX6-PEHL1-HZKND8",
      refId: "LKAKN2-N0N12-VKQNLN",
      type: "trade",
      amount: -19_974_300_000_000n,
      fee: 49_900_000_000n,
      at: Date.UTC(2024, 4, 24, 14, 1, 53, 526)
    })
    const ack = recordedFrame("execution_subscription_response")
    assert.isTrue(ack._tag === "Reply" && ack.success && ack.channel === "executions" && ack.requestId === 0)
    assert.isTrue(recordedFrame("cancel_order_by_client_order_id.response")._tag === "Reply")
    for (const name of [
      "error_messages.no_token",
      "error_messages.unsupported_event",
      "error_messages.add_order_failure"
    ]) {
      const refused = recordedFrame(name)
      assert.isTrue(refused._tag === "Reply" && !refused.success && refused.error !== undefined)
    }
  })
})

describe("the memory of orders", () => {
  it("is bounded, and keeps what is used", () => {
    const symbol = PairSymbol("XLM/USD")
    let memory = learn(emptyMemory, ExchangeOrderId("first"), { symbol, side: "sell" })
    for (let i = 0; i < 3 * GENERATION; i++) {
      memory = learn(memory, ExchangeOrderId(`O${i}`), {})
      if (i % 1000 === 0) memory = learn(memory, ExchangeOrderId("first"), { clientId: ClientOrderId("k") })
    }
    assert.deepStrictEqual(recall(memory, ExchangeOrderId("first")), { symbol, side: "sell", clientId: "k" } as never)
    assert.deepStrictEqual(recall(memory, ExchangeOrderId("never")), {})
  })
})
