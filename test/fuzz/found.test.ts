/** What the fuzz tests found, each as the smallest text that showed it. */
import { Either } from "effect"
import { assert, describe, it } from "vitest"
import { parseJsonText } from "../../src/domain/kraken/JsonText.ts"
import { namesOf } from "../../src/domain/kraken/naming.ts"
import { decodeTradeVolume } from "../../src/domain/kraken/rest/Account.ts"
import { decodeOhlc } from "../../src/domain/kraken/rest/PublicData.ts"
import { emptyMemory } from "../../src/domain/kraken/stream/OrderMemory.ts"
import type { PrivateFrame } from "../../src/domain/kraken/stream/Private.ts"
import { decodePrivate } from "../../src/domain/kraken/stream/Private.ts"
import { instrument, XLM } from "../support/build.ts"
import { decodePublic, maintenanceTime } from "../../src/domain/kraken/stream/Public.ts"
import { shown } from "../../src/domain/kraken/stream/Redact.ts"
import { decodeReply } from "../../src/domain/kraken/stream/Reply.ts"

const read = (text: string): PrivateFrame => decodePrivate(text, emptyMemory).frame

const executions = (row: string): string =>
  `{"channel":"executions","type":"update","data":[{"order_id":"OA","timestamp":"2026-01-05T10:00:00Z",${row}}],"sequence":2}`
const fill = (price: string, quantity: string, cost: string): string =>
  executions(
    `"exec_id":"TA","exec_type":"trade","symbol":"XLM/USD","side":"buy","last_price":${price},"last_qty":${quantity},"cost":${cost},"liquidity_ind":"m","fees":[]`
  )

describe("executions", () => {
  const problems = (text: string): unknown => {
    const frame = read(text)
    return frame._tag === "Executions" ? [frame.reports.length, ...frame.problems] : frame._tag
  }

  it("below nothing are no executions", () => {
    assert.deepStrictEqual(problems(fill("0.15", "20", "-3")), [0, "cost"])
    assert.deepStrictEqual(problems(fill("0.15", "-20", "3")), [0, "last_qty"])
    assert.deepStrictEqual(problems(fill("-0.15", "20", "3")), [0, "last_price"])
    for (const field of ["order_qty", "limit_price", "cum_qty", "cum_cost"]) {
      assert.deepStrictEqual(problems(executions(`"exec_type":"canceled","${field}":-0.000001`)), [0, field])
    }
  })
})

describe("numbers of a private frame", () => {
  const requestId = (text: string): number | undefined =>
    decodeReply({ method: "pong", req_id: Either.getOrThrow(parseJsonText(text)) })?.requestId

  it("name a request only where a double holds them", () => {
    assert.strictEqual(requestId("9007199254740991"), 9_007_199_254_740_991)
    for (const text of ["1e-400", "1.00000000000000000001", "9007199254740993", "1e400"]) {
      assert.isUndefined(requestId(text))
    }
  })

  it("are a sequence only where a double holds them", () => {
    const frame = (sequence: string): PrivateFrame =>
      read(`{"channel":"executions","type":"update","data":[],"sequence":${sequence}}`)
    assert.strictEqual(frame("9007199254740993")._tag, "Malformed")
    assert.strictEqual(frame("9007199254740991")._tag, "Executions")
  })
})

describe("balances", () => {
  it("whose wallets cannot be read are not taken for tradable ones", () => {
    for (const wallets of ['{"type":"spot","balance":1}', '"spot"', "1", "false"]) {
      const frame = read(
        `{"channel":"balances","type":"snapshot","data":[{"asset":"XLM","balance":5,"wallets":${wallets}}],"sequence":1}`
      )
      assert.deepStrictEqual(frame, {
        _tag: "Balances",
        type: "snapshot",
        sequence: 1,
        problems: ["wallets"],
        balances: []
      })
    }
  })
})

describe("public frames", () => {
  it("may hold a notice of maintenance of any depth and length", () => {
    const deep = (levels: number, inner: string): string => `${"[".repeat(levels)}${inner}${"]".repeat(levels)}`
    const status = (notice: string): unknown => {
      const text = `{"channel":"status","type":"update","data":[{"system":"online","upcoming_maintenance":${notice}}]}`
      const frame = decodePublic(text, 0)
      return frame._tag === "Status" ? frame.maintenanceAt : frame._tag
    }
    const at = '"2026-01-31T00:00:00Z"'
    assert.strictEqual(status(deep(10, at)), Date.UTC(2026, 0, 31))
    assert.isUndefined(status(deep(30_000, at)))
    assert.strictEqual(
      maintenanceTime(Array.from({ length: 300_000 }, () => "2026-01-31T00:00:00Z")),
      Date.UTC(2026, 0, 31)
    )
  })

  it("hold no bar without a length", () => {
    const bar = (interval: number): string =>
      `{"channel":"ohlc","type":"update","data":[{"symbol":"XLM/USD","open":1,"high":1,"low":1,"close":1,"volume":1,"interval_begin":"2026-01-05T10:00:00.000000000Z","interval":${interval}}]}`
    assert.strictEqual(decodePublic(bar(1), 0)._tag, "Candles")
    assert.strictEqual(decodePublic(bar(0), 0)._tag, "Malformed")
    assert.strictEqual(decodePublic(bar(-1), 0)._tag, "Malformed")
  })
})

describe("what is shown of a frame", () => {
  it("has no token, not even a torn one", () => {
    assert.strictEqual(shown('{"params":{"token":"abcdefgh', []), '{"params":{"token":"<secret>"')
    assert.strictEqual(shown('{"token":"abcdefgh"}', []), '{"token":"<secret>"}')
  })
})

describe("answers of REST", () => {
  it("have no candle of what only JavaScript takes for a number", () => {
    const bar = (volume: string): unknown => ({
      XXLMZUSD: [["1767607200", "0.15", "0.15", "0.15", "0.15", "0.15", volume, "1"]],
      last: "1767607200"
    })
    assert.isTrue(Either.isRight(decodeOhlc(bar("1e2"))))
    for (const text of ["0x10", "0b1", "5.", ".5", " 1 ", "0.e40", "1e400"])
      assert.isTrue(Either.isLeft(decodeOhlc(bar(text))))
  })

  it("have no fee that is cut short", () => {
    const fees = (fee: string) => decodeTradeVolume({ fees: { XLMUSD: { fee } } }, namesOf([instrument()]))
    assert.strictEqual(Either.getOrThrow(fees("0.1234567891")).get(XLM)?.maker, 1_234_567_891n)
    assert.isTrue(Either.isLeft(fees("0.123456789012")))
  })
})
