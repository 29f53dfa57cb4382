/** What the fuzz tests found, each as the smallest text that showed it. */
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Either, Option, Schema } from "effect"
import { assert, describe, it } from "vitest"
import { parseJsonText } from "../../src/domain/kraken/JsonText.ts"
import { namesOf } from "../../src/domain/kraken/naming.ts"
import { decodeTradeVolume } from "../../src/domain/kraken/rest/Account.ts"
import { decodeOhlc } from "../../src/domain/kraken/rest/PublicData.ts"
import * as RateBudget from "../../src/domain/kraken/RateBudget.ts"
import { emptyMemory } from "../../src/domain/kraken/stream/OrderMemory.ts"
import type { PrivateFrame } from "../../src/domain/kraken/stream/Private.ts"
import { decodePrivate } from "../../src/domain/kraken/stream/Private.ts"
import { makeReader } from "../../src/domain/exchange/market/tapeText.ts"
import { parseDotEnv } from "../../src/domain/settings/DotEnv.ts"
import { settingKeys } from "../../src/domain/settings/keys.ts"
import { parseSettings } from "../../src/domain/settings/Parse.ts"
import { nearest } from "../../src/domain/settings/spelling.ts"
import * as Value from "../../src/domain/settings/values.ts"
import * as Persist from "../../src/domain/exchange/Persist.ts"
import { reasonOf } from "../../src/layers/sqlite/failure.ts"
import { openSideFile } from "../../src/layers/sqlite/SideFile.ts"
import { OrderState } from "../../src/layers/sqlite/states.ts"
import { bodyParams } from "../../src/layers/exchange/params.ts"
import { timely } from "../support/fuzz.ts"
import { config, session } from "./frames.ts"
import { exit, instrument, p, share, XLM } from "../support/build.ts"
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

describe("saved rate limits", () => {
  it("can be saved again, however high they were", () => {
    const NOW = 1_767_607_200_000
    const limits = RateBudget.tiers.starter
    const counter = (value: number): string =>
      RateBudget.serialise({ ...RateBudget.full(limits, NOW), rest: { value, at: NOW } }, false)
    const restored = RateBudget.restore(counter(100_000), NOW)
    assert.isDefined(restored)
    assert.isString(RateBudget.serialise(restored, true))
    assert.isUndefined(RateBudget.restore(counter(100_001), NOW))
    assert.isUndefined(RateBudget.restore(counter(-1), NOW))
  })

  it("of a pair that is named like a part of every object are counted all the same", () => {
    const NOW = 1_767_607_200_000
    const limits = RateBudget.tiers.starter
    for (const pair of ["__proto__", "constructor"]) {
      const state = RateBudget.chargeEngine(RateBudget.empty(NOW), limits, pair, 5, NOW)
      assert.strictEqual(RateBudget.engineCounter(state, pair).value, 5)
      assert.strictEqual(RateBudget.cancelCostOf(state, pair, NOW), RateBudget.cancelCost(0))
      assert.isString(RateBudget.serialise(state, true))
    }
  })
})

describe("settings", () => {
  const names = settingKeys.map(({ key }) => key)

  it("are read in time, however long a line", () => {
    const blanks = timely(() => parseDotEnv(`KEY=${" ".repeat(60_000)}x\u2028`))
    assert.deepStrictEqual(blanks, {
      entries: [],
      problems: [{ line: 1, wrong: "it holds a line separator (U+2028 or U+2029)" }]
    })
    const read = Value.address("https", "")
    assert.isTrue(Either.isRight(timely(() => read(`https://h${"/".repeat(60_000)}x`))))
    assert.deepStrictEqual(read("https://h///"), Either.right("https://h"))
  })

  it("are compared with the keys in time", () => {
    assert.isUndefined(timely(() => nearest("A".repeat(60_000), names)))
    const many = parseDotEnv("A=\n".repeat(20_000))
    assert.isTrue(Either.isLeft(timely(() => parseSettings({}, many))))
    assert.strictEqual(nearest("MAX_TRADE_SISE", names), "MAX_TRADE_SIZE")
  })

  it("hold no parameters that are deeper than a stack", () => {
    const deep = (levels: number): string => `{"a":${"[".repeat(levels)}1${"]".repeat(levels)}}`
    assert.isTrue(Either.isRight(Value.jsonObject(deep(31))))
    assert.isTrue(Either.isLeft(Value.jsonObject(deep(32))))
    assert.isTrue(Either.isLeft(Value.jsonObject(deep(30_000))))
  })
})

describe("tapes", () => {
  it("hold no price that is infinite or more ticks than can be counted", () => {
    const reader = (kind: "bars" | "trades") => {
      const one = makeReader({ symbol: XLM, tick: p("0.000001"), anchor: 0.1, tradeSize: 100 })
      one.line(kind === "bars" ? "ts,open,high,low,close,volume" : "ts,price,volume")
      return one
    }
    const bar = (price: string, volume: string): unknown =>
      reader("bars").line(`1767607200,${price},${price},${price},${price},${volume}`)?.reason
    const trade = (price: string, volume: string): unknown =>
      reader("trades").line(`1767607200,${price},${volume}`)?.reason
    for (const read of [bar, trade]) {
      assert.isUndefined(read("9000000000", "1000000000000"))
      for (const price of ["1e400", "1e300", "1e10"]) assert.strictEqual(read(price, "1"), "bad line")
      for (const volume of ["1e400", "1e300", "1000000000001"]) assert.strictEqual(read("1", volume), "bad line")
    }
  })
})

describe("bodies of calls", () => {
  it("do not multiply the length of a name by the length of its list", () => {
    const body = (length: number, times: number): Buffer =>
      Buffer.from(`{"${"k".repeat(length)}":[${Array.from({ length: times }, () => "1").join(",")}]}`)
    assert.isTrue(Option.isNone(timely(() => bodyParams(body(30_000, 15_000), "application/json"))))
    assert.isTrue(Option.isSome(timely(() => bodyParams(body(20, 20_000), "application/json"))))
  })
})

describe("a stored exchange", () => {
  const why = (kind: string, change: (row: Record<string, unknown>) => void): unknown => {
    const rows = JSON.parse(session.stored) as Array<{ kind: string; text: string }>
    const row = rows.find((one) => one.kind === kind)
    assert.isDefined(row)
    const content = JSON.parse(row?.text ?? "") as Record<string, unknown>
    change(content)
    const text = JSON.stringify(rows.map((one) => (one === row ? { ...one, text: JSON.stringify(content) } : one)))
    return Either.match(Persist.decode(config, text, session.now), {
      onLeft: (corrupt) => corrupt.why,
      onRight: () => "restored"
    })
  }

  it("whose rows contradict one another is refused, not failed on later", () => {
    assert.strictEqual(
      why("head", () => undefined),
      "restored"
    )
    assert.match(String(why("fill", (fill) => (fill["symbol"] = "NO/USD"))), /of another pair/)
    assert.match(String(why("head", (head) => (head["now"] = 1e300))), /head row cannot be read/)
    assert.match(String(why("head", (head) => (head["volume"] = { from: -1, total: "0" }))), /head row cannot be read/)
    const ended = session.state.account.closed.store[0]
    assert.match(String(why("head", (head) => (head["open"] = [ended]))), /has ended/)
  })
})

describe("the side file", () => {
  const line = (text: string): string => `${createHash("sha256").update(text).digest("hex").slice(0, 16)} ${text}\n`

  it("keeps a line that this version would spell otherwise, and names one that it cannot read", () => {
    const folder = mkdtempSync(join(tmpdir(), "found-"))
    try {
      const path = join(folder, "exits-aside.log")
      const order = JSON.stringify(Schema.encodeSync(OrderState)(exit([share("kt1a", "100")])))
      writeFileSync(path, line(`{ "nonce": "5", "epoch": 3, "order": ${order} }`))
      for (const time of ["first", "again"]) {
        const file = openSideFile(path)
        assert.strictEqual(file.waiting().length, 1, time)
        file.close()
      }
      writeFileSync(path, line('{"nonce":"5","epoch":3}'))
      let reason = ""
      try {
        openSideFile(path)
      } catch (cause) {
        reason = reasonOf(cause)
      }
      assert.strictEqual(reason, "corrupt")
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
