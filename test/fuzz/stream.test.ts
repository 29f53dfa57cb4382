/** Frames of both streams: read to the digit, or refused; never thrown at. */
import { Either, FastCheck as fc, Option } from "effect"
import { assert, describe, it } from "vitest"
import type { BalanceRow } from "../../src/domain/kraken/stream/Balances.ts"
import { readBalances } from "../../src/domain/kraken/stream/Balances.ts"
import { readExecution } from "../../src/domain/kraken/stream/Executions.ts"
import { emptyMemory } from "../../src/domain/kraken/stream/OrderMemory.ts"
import { decodePrivate } from "../../src/domain/kraken/stream/Private.ts"
import type { PublicFrame } from "../../src/domain/kraken/stream/Public.ts"
import { decodePublic, maintenanceTime } from "../../src/domain/kraken/stream/Public.ts"
import { shown } from "../../src/domain/kraken/stream/Redact.ts"
import { decodeReply } from "../../src/domain/kraken/stream/Reply.ts"
import { parseJsonText } from "../../src/domain/kraken/JsonText.ts"
import type { FillReport, OrderReport, StatusReport } from "../../src/domain/order/Report.ts"
import { garbage, mutated, repeated, timely, tries } from "../support/fuzz.ts"
import type { Tree } from "../support/tree.ts"
import { field, items, loose, number, plain, printed, said, string, time, treeOf } from "../support/tree.ts"
import { recorded, recordedFrames, session } from "./frames.ts"

const pieces = [
  "[",
  "{",
  '{"a":',
  '"',
  "\\",
  "1",
  "1e",
  " ",
  ",",
  '{"channel":"executions","type":"update","data":[',
  "{},"
]
const privateTexts = fc.oneof(
  { weight: 12, arbitrary: mutated([...session.privateFrames, ...recordedFrames]) },
  { weight: 2, arbitrary: garbage },
  { weight: 1, arbitrary: repeated(pieces) }
)
const publicTexts = fc.oneof(
  { weight: 12, arbitrary: mutated([...session.publicFrames, ...recordedFrames]) },
  { weight: 2, arbitrary: garbage },
  { weight: 1, arbitrary: repeated([...pieces, '{"channel":"status","type":"update","data":[{"system":"online",']) }
)

/** Whether an amount is what a field says, and is absent where the field says nothing. */
const same = (value: bigint | undefined, tree: Tree | undefined): boolean =>
  value === undefined ? !said(tree) : printed(value) === plain(number(tree))

const sameFill = (row: Tree, fill: FillReport): boolean => {
  const fees = items(field(row, "fees")).map((fee) => plain(number(field(fee, "qty"))) ?? "")
  const paid = fees.reduce((sum, fee) => sum + scaled(fee), 0n)
  return (
    string(field(row, "exec_id")) === fill.executionId &&
    string(field(row, "order_id")) === fill.exchangeId &&
    same(fill.quantity, field(row, "last_qty")) &&
    same(fill.price, field(row, "last_price")) &&
    same(fill.cost, field(row, "cost")) &&
    fill.fee === paid &&
    time(string(field(row, "timestamp"))) === fill.at
  )
}

/** A plain decimal text at scale 10^-12, by shifting its digits. */
const scaled = (text: string): bigint => {
  const [whole = "", fraction = ""] = text.replace("-", "").split(".")
  return BigInt(whole + fraction.padEnd(12, "0")) * (text.startsWith("-") ? -1n : 1n)
}

const sameStatus = (row: Tree, report: StatusReport): boolean => {
  const type = string(field(row, "limit_price_type"))
  const fee = report.cumFee === undefined || same(report.cumFee, field(row, "fee_usd_equiv"))
  const price =
    type === undefined || type === "static"
      ? same(report.limitPrice, field(row, "limit_price"))
      : report.limitPrice === undefined
  return (
    string(field(row, "order_id")) === report.exchangeId &&
    same(report.quantity, field(row, "order_qty")) &&
    same(report.cumQuantity, field(row, "cum_qty")) &&
    same(report.cumCost, field(row, "cum_cost")) &&
    price &&
    fee &&
    time(string(field(row, "timestamp"))) === report.at &&
    time(string(field(row, "expire_time"))) === report.expiresAt
  )
}

const isSameReport = (row: Tree, report: OrderReport): boolean =>
  report._tag === "Fill" ? sameFill(row, report) : sameStatus(row, report)

/** No report says less than nothing. */
const sound = (report: OrderReport): boolean =>
  report._tag === "Fill"
    ? report.quantity > 0n && report.price > 0n && report.cost >= 0n
    : [report.quantity, report.limitPrice, report.cumQuantity, report.cumCost].every((x) => x === undefined || x >= 0n)

const sameBalance = (row: Tree, one: BalanceRow): boolean => {
  const listed = field(row, "wallets")
  if (one.ledgerId === undefined && said(listed) && listed.kind !== "list") return false
  const wallets = items(listed)
  const holders = one.wallet === "total" || one.ledgerId !== undefined || wallets.length === 0 ? [row] : wallets
  return (
    string(field(row, "asset")) === one.asset &&
    holders.some((holder) => same(one.balance, field(holder, "balance"))) &&
    (one.amount === undefined || same(one.amount, field(row, "amount"))) &&
    (one.fee === undefined || same(one.fee, field(row, "fee")))
  )
}

/** Each value stems from a row, and in the order of the rows. */
const inOrder = <A>(
  rows: ReadonlyArray<Tree>,
  values: ReadonlyArray<A>,
  fits: (row: Tree, value: A) => boolean
): void => {
  let from = 0
  for (const value of values) {
    const found = rows.findIndex((row, index) => index >= from && fits(row, value))
    assert.isAtLeast(found, 0, `a value that no row says: ${JSON.stringify(value, (_, v: unknown) => String(v))}`)
    from = found
  }
}

describe("private frames", () => {
  const check = (text: string): void => {
    const { frame } = timely(() => decodePrivate(text, emptyMemory))
    const tree = treeOf(text)
    if (tree === undefined) {
      assert.isTrue(frame._tag === "Malformed" && frame.lost, "what is no JSON may have been a report")
      return
    }
    if (frame._tag !== "Executions" && frame._tag !== "Balances") return
    const rows = items(field(tree, "data"))
    assert.strictEqual(String(frame.sequence), plain(loose(field(tree, "sequence"))))
    if (frame._tag === "Executions") {
      assert.strictEqual(frame.reports.length + frame.problems.length, rows.length, "every row is read or reported")
      inOrder(rows, frame.reports, isSameReport)
      for (const report of frame.reports) assert.isTrue(sound(report), "an amount below nothing")
    } else {
      assert.isAtMost(frame.problems.length, rows.length)
      inOrder(rows, frame.balances, sameBalance)
    }
  }

  it("are read to the digit, or refused", () => {
    fc.assert(fc.property(privateTexts, check), tries(2000))
  })

  it("are remembered without harm", () => {
    const stream = fc.array(mutated(session.privateFrames), { maxLength: 12 })
    fc.assert(
      fc.property(stream, (texts) => {
        let memory = emptyMemory
        for (const text of texts) memory = decodePrivate(text, memory).memory
      }),
      tries(60)
    )
  })

  it("single rows of anything are read or refused", () => {
    fc.assert(
      fc.property(fc.oneof(garbage, mutated(session.privateFrames)), (text) => {
        const value = Either.getOrUndefined(parseJsonText(text))
        if (value === undefined) return
        readExecution(value, emptyMemory, "stream")
        readBalances(value, "snapshot")
        readBalances(value, "update")
      }),
      tries(400)
    )
  })
})

describe("public frames", () => {
  /** At most 15 significant digits, and not too small: what a double holds exactly. */
  const short = (text: string | undefined): boolean => {
    const value = plain(text)
    return value !== undefined && value.length < 300 && value.replace(/[-.]/g, "").replace(/^0+/, "").length <= 15
  }
  const exact = (value: bigint, tree: Tree | undefined): boolean => {
    const text = number(tree)
    return text !== undefined && (!short(text) || printed(value) === plain(text))
  }

  /** Whole numbers: what a double cannot hold, public frames do not tell apart either. */
  const counted = (value: number, tree: Tree | undefined): boolean => {
    const text = number(tree)
    return text !== undefined && Number.isInteger(value) && (!short(text) || String(value) === plain(text))
  }

  const amounts = (frame: PublicFrame, rows: ReadonlyArray<Tree>): void => {
    if (frame._tag === "Ticker") {
      frame.ticks.forEach(({ quote }, index) => {
        if (Option.isNone(quote)) return
        const { ask, askQuantity, bid, bidQuantity } = quote.value
        assert.isTrue(bid > 0n && ask > bid && bidQuantity >= 0n && askQuantity >= 0n)
        assert.isTrue(exact(bid, field(rows[index], "bid")) && exact(ask, field(rows[index], "ask")))
        assert.isTrue(exact(bidQuantity, field(rows[index], "bid_qty")))
        assert.isTrue(exact(askQuantity, field(rows[index], "ask_qty")))
      })
    } else if (frame._tag === "Trades") {
      frame.trades.forEach((trade, index) => {
        assert.isTrue(trade.price > 0n && trade.quantity > 0n)
        assert.isTrue(exact(trade.price, field(rows[index], "price")))
        assert.isTrue(exact(trade.quantity, field(rows[index], "qty")))
        assert.strictEqual(trade.at, time(string(field(rows[index], "timestamp"))))
        assert.isTrue(counted(trade.tradeId, field(rows[index], "trade_id")))
      })
    } else if (frame._tag === "Candles") {
      frame.candles.forEach(({ candle, intervalMinutes }, index) => {
        for (const name of ["open", "high", "low", "close", "volume"] as const) {
          assert.strictEqual(candle[name], Number(number(field(rows[index], name))))
        }
        assert.strictEqual(candle.at, time(string(field(rows[index], "interval_begin"))))
        assert.isTrue(counted(intervalMinutes, field(rows[index], "interval")))
        assert.isAbove(intervalMinutes, 0)
      })
    }
  }

  const check = (text: string): void => {
    const frame = timely(() => decodePublic(text, 1_767_607_200_000))
    const tree = treeOf(text)
    if (tree === undefined) {
      assert.strictEqual(frame._tag, "Malformed")
      return
    }
    const rows = items(field(tree, "data"))
    if ("type" in frame) assert.strictEqual(string(field(tree, "type")), frame.type)
    amounts(frame, rows)
    if (frame._tag === "Status")
      assert.isTrue(frame.maintenanceAt === undefined || Number.isFinite(frame.maintenanceAt))
  }

  it("are read to the digit, or refused", () => {
    fc.assert(fc.property(publicTexts, check), tries(2500))
    const trade = (id: string): string =>
      `{"channel":"trade","type":"update","data":[{"symbol":"XLM/USD","side":"sell","price":0.149500,"qty":100.00000000,"ord_type":"limit","trade_id":${id},"timestamp":"2026-01-05T10:00:01.000000Z"}]}`
    for (const id of ["7", "1.00000000000000000001"]) check(trade(id))
    assert.strictEqual(decodePublic(trade("1.5"), 1_767_607_200_000)._tag, "Malformed")
  })

  it("a notice of maintenance may look like anything", () => {
    fc.assert(
      fc.property(fc.oneof(garbage, mutated(recorded)), (text) => {
        const tree = treeOf(text)
        if (tree === undefined) return
        const notice: unknown = JSON.parse(text)
        const at = timely(() => maintenanceTime(notice))
        assert.isTrue(at === undefined || Number.isFinite(at))
        check(`{"channel":"status","type":"update","data":[{"system":"online","upcoming_maintenance":${text}}]}`)
      }),
      tries(400)
    )
  })
})

describe("answers", () => {
  it("are matched by the number that stands there", () => {
    const replies = fc.oneof(mutated(session.privateFrames.filter((text) => text.includes('"method"'))), garbage)
    fc.assert(
      fc.property(replies, (text) => {
        const tree = treeOf(text)
        const value = Either.getOrUndefined(parseJsonText(text))
        if (typeof value !== "object" || value === null || Array.isArray(value) || tree === undefined) return
        const reply = decodeReply(value as Readonly<Record<string, unknown>>)
        if (reply?.requestId !== undefined) {
          assert.strictEqual(String(reply.requestId), plain(number(field(tree, "req_id"))))
        }
        if (reply?.timeIn !== undefined) assert.strictEqual(reply.timeIn, time(string(field(tree, "time_in"))))
        if (reply?.success === true) assert.isUndefined(string(field(tree, "error")))
      }),
      tries(800)
    )
  })
})

describe("what is shown of a frame", () => {
  it("never holds a secret, however the frame was torn", () => {
    const real = [...session.requests, ...(session.answers.get("GetWebSocketsToken") ?? [])]
    fc.assert(
      fc.property(mutated(real), (text) => {
        assert.notInclude(
          timely(() => shown(text, [session.token])),
          session.token
        )
      }),
      tries(500)
    )
    fc.assert(
      // without knowing the token, by the field's name alone
      fc.property(fc.constantFrom(...real), fc.nat({ max: 300 }), (text, length) => {
        assert.notInclude(shown(text.slice(0, length), []), session.token.slice(0, 8))
      }),
      tries(300)
    )
    fc.assert(
      fc.property(repeated(['"token"', " ", ":", '"', "a", "\\", '"token":"']), (text) => {
        timely(() => shown(text, [session.token]))
      }),
      tries(100)
    )
  })
})
