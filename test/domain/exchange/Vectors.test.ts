import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { Either } from "effect"
import { checksum } from "../../../src/domain/exchange/Checksum.ts"
import { crc32 } from "../../../src/domain/exchange/Crc32.ts"
import * as Ids from "../../../src/domain/exchange/Ids.ts"
import * as Json from "../../../src/domain/exchange/Json.ts"
import * as Limits from "../../../src/domain/exchange/Limits.ts"
import * as Log from "../../../src/domain/exchange/Log.ts"
import type { Counter, Level } from "../../../src/domain/exchange/State.ts"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import * as Money from "../../../src/domain/money/Money.ts"

const levels = (text: string): ReadonlyArray<Level> =>
  text
    .trim()
    .split(/\s*·\s*/)
    .map((level) => {
      const [price = "", quantity = ""] = level.split("/")
      return [Money.price(price), Money.quantity(quantity)] as const
    })

describe("checksum", () => {
  it("is CRC-32/IEEE", () => {
    assert.strictEqual(crc32("123456789"), 0xcbf43926)
    assert.strictEqual(crc32(""), 0)
  })

  it("A: Kraken's published BTC/USD example", () => {
    const asks =
      "45285.2/0.00100000 · 45286.4/1.54571953 · 45286.6/1.54571109 · 45289.6/1.54560911 · 45290.2/0.15890660 · 45291.8/1.54553491 · 45294.7/0.04454749 · 45296.1/0.35380000 · 45297.5/0.09945542 · 45299.5/0.18772827"
    const bids =
      "45283.5/0.10000000 · 45283.4/1.54582015 · 45282.1/0.10000000 · 45281.0/0.10000000 · 45280.3/1.54592586 · 45279.0/0.07990000 · 45277.6/0.03310103 · 45277.5/0.30000000 · 45277.3/1.54602737 · 45276.6/0.15445238"
    assert.strictEqual(checksum(levels(asks), levels(bids), 1, 8), 3310070434)
  })

  it("B: MATIC/USD sent as JSON numbers", () => {
    const bids =
      "0.5666/4831.75496356 · 0.5665/6658.22734739 · 0.5664/18724.91513344 · 0.5663/11563.92544914 · 0.5662/14006.65365711 · 0.5661/17454.85679807 · 0.566/18097.1547 · 0.5659/33644.89175666 · 0.5658/148.3464 · 0.5657/606.70854372"
    const asks =
      "0.5668/4410.79769741 · 0.5669/4655.40412487 · 0.567/49844.89424998 · 0.5671/24306.41678 · 0.5672/29783.25223475 · 0.5673/57234.71239278 · 0.5674/45065.04744 · 0.5675/5912.76380354 · 0.5676/42514.92434778 · 0.5677/36304.0847022"
    assert.strictEqual(checksum(levels(asks), levels(bids), 4, 8), 2439117997)
  })

  const asksC =
    "0.163757/12318.00000000 · 0.163760/929.50000000 · 0.163800/40.00000000 · 0.163801/0.10000000 · 0.163900/1500.25000000 · 0.164000/20000.00000000 · 0.164010/333.33333333 · 0.164100/61.07000000 · 0.164123/7.00000001 · 0.165000/100000.00000000"
  const bidsC =
    "0.163688/929.00000000 · 0.163680/45.76833285 · 0.163600/10000.00000000 · 0.163500/250.50000000 · 0.163499/20.00000000 · 0.163000/5000.00000000 · 0.162900/1.50000000 · 0.162000/777.70000000 · 0.161734/64.00000000 · 0.160000/123456.78900000"

  it("C: an XLM/USD book, before and after an update", () => {
    assert.strictEqual(checksum(levels(asksC), levels(bidsC), 6, 8), 2877499829)
    const asks = [...levels(asksC).slice(1), ...levels("0.165100/88.00000000")]
    const bids = [...levels("0.163690/500.00000000"), ...levels(bidsC)]
    assert.strictEqual(checksum(asks, bids, 6, 8), 77636171)
  })

  it("D: the example of streams v1", () => {
    const asks = Array.from({ length: 10 }, (_, i): Level => [
      Money.Price(Money.price("0.05005") + BigInt(i) * Money.price("0.00005")),
      Money.quantity("0.00000500")
    ])
    const bids = "0.05000 0.04995 0.04990 0.04980 0.04975 0.04970 0.04965 0.04960 0.04955 0.04950"
      .split(" ")
      .map((price): Level => [Money.price(price), Money.quantity("0.00000500")])
    assert.strictEqual(checksum(asks, bids, 5, 8), 974947235)
  })
})

/** Charges a counter; the result in points. */
const charged = (counter: Counter, rule: { max: number; decay: number }, points: number, at: number): Counter =>
  Limits.charge(counter, rule, points, at, true).counter
const points = (counter: Counter): number => counter.value / Limits.POINT

describe("limiters", () => {
  const still = { max: 1_000 * Limits.POINT, decay: 0 }

  it("add, amend after 7 s, cancel 36 s later is 8 without decay", () => {
    let counter = charged(Limits.fresh, still, 1, 0)
    counter = charged(counter, still, 1 + Limits.amendCost(7_000), 7_000)
    counter = charged(counter, still, Limits.cancelCost(36_000), 43_000)
    assert.strictEqual(points(counter), 8)
  })

  it("intermediate: 50 adds at once are 26.6 after 10 s", () => {
    let counter = Limits.fresh
    for (let i = 0; i < 50; i++) counter = charged(counter, Limits.engineRules.intermediate, 1, 0)
    assert.strictEqual(Limits.valueAt(counter, Limits.engineRules.intermediate, 10_000), 26.6 * Limits.POINT)
  })

  it("starter: six add-and-cancel cycles are 54, the seventh cancel would be 63", () => {
    const rule = { ...Limits.engineRules.starter, decay: 0 }
    let counter = Limits.fresh
    for (let i = 0; i < 6; i++) {
      counter = charged(charged(counter, rule, 1, 0), rule, Limits.cancelCost(4_999), 0)
    }
    assert.strictEqual(points(counter), 54)
    const seventh = Limits.charge(counter, rule, 1, 0, true)
    assert.isTrue(seventh.allowed)
    assert.strictEqual(points(seventh.counter), 55)
    assert.isFalse(Limits.charge(seventh.counter, rule, Limits.cancelCost(0), 0, true).allowed)
  })

  it("REST starter: fifteen at once, the sixteenth after about 3 s", () => {
    let counter = Limits.fresh
    for (let i = 0; i < 15; i++) counter = charged(counter, Limits.restRules.starter, 1, 0)
    assert.isFalse(Limits.charge(counter, Limits.restRules.starter, 1, 0, false).allowed)
    assert.isFalse(Limits.charge(counter, Limits.restRules.starter, 1, 3_000, false).allowed)
    assert.isTrue(Limits.charge(counter, Limits.restRules.starter, 1, 3_031, false).allowed)
  })

  it("REST starter: TradesHistory every 6.1 s can go on for ever", () => {
    let counter = Limits.fresh
    for (let i = 0; i < 1_000; i++) {
      const next = Limits.charge(counter, Limits.restRules.starter, Limits.restCost("TradesHistory"), i * 6_100, true)
      assert.isTrue(next.allowed)
      counter = next.counter
    }
  })

  it("a refused call counts or not, as asked", () => {
    const full = { value: 15 * Limits.POINT, at: 0 }
    assert.strictEqual(points(Limits.charge(full, Limits.restRules.starter, 1, 0, true).counter), 16)
    assert.strictEqual(points(Limits.charge(full, Limits.restRules.starter, 1, 0, false).counter), 15)
  })

  it("the tables", () => {
    const ages = [0, 4_999, 5_000, 9_999, 10_000, 15_000, 45_000, 90_000, 300_000]
    assert.deepStrictEqual(ages.map(Limits.cancelCost), [8, 8, 6, 6, 5, 4, 2, 1, 0])
    assert.deepStrictEqual(ages.map(Limits.amendCost), [3, 3, 2, 2, 1, 0, 0, 0, 0])
    const costs = ["Ledgers", "ClosedOrders", "AddOrder", "AmendOrder", "CancelOrder", "CancelAll", "Balance"]
    assert.deepStrictEqual(costs.map(Limits.restCost), [2, 2, 0, 0, 0, 0, 1])
    assert.strictEqual(Limits.restCost("CancelAllOrdersAfter"), 0)
  })
})

describe("ids", () => {
  it("have Kraken's shapes, are the same for the same seed and never repeat", () => {
    assert.match(Ids.id("O", 1, 1), /^O[A-Z2-7]{5}-[A-Z2-7]{5}-[A-Z2-7]{6}$/)
    assert.strictEqual(Ids.id("T", 7, 9), Ids.id("T", 7, 9))
    assert.notStrictEqual(Ids.id("O", 1, 1), Ids.id("O", 2, 1))
    const all = new Set(Array.from({ length: 20_000 }, (_, i) => Ids.id("L", 3, i)))
    assert.strictEqual(all.size, 20_000)
    assert.match(Ids.token(1, 1), /^[A-Za-z0-9+/]{43}$/)
  })

  it("connection ids are beyond what a double holds", () => {
    const id = Ids.connectionId(1, 5)
    assert.isTrue(BigInt(id) > 2n ** 63n)
    assert.notStrictEqual(String(Number(id)), id)
  })
})

describe("log", () => {
  it("keeps every version whole, whichever future is extended", () => {
    const a = Log.append(Log.append(Log.empty<number>(), 1), 2)
    const b = Log.append(a, 3)
    const c = Log.append(a, 4)
    assert.deepStrictEqual(
      [Log.from(a, 0), Log.from(b, 0), Log.from(c, 0)],
      [
        [1, 2],
        [1, 2, 3],
        [1, 2, 4]
      ]
    )
    assert.strictEqual(Log.newest(a), 2)
    assert.strictEqual(Log.newest(Log.empty()), undefined)
    assert.strictEqual(Log.at(a, 2), undefined)
    assert.deepStrictEqual(Log.last(c, 2), [2, 4])
    assert.deepStrictEqual(Log.last(c, 9), [1, 2, 4])
  })

  it("bounded: keeps the newest", () => {
    let log = Log.empty<number>()
    for (let i = 0; i < 1_000; i++) {
      log = Log.appendBounded(log, i, 10)
      assert.isTrue(log.length <= 20)
      assert.deepStrictEqual(
        Log.last(log, 10),
        Array.from({ length: Math.min(10, i + 1) }, (_, k) => Math.max(0, i - 9) + k)
      )
    }
  })
})

describe("json", () => {
  /** What was read, as plain values, numbers by their texts. */
  const plain = (value: Json.In | undefined): unknown => {
    if (value instanceof Json.Num) return value.text
    if (Json.isRecord(value)) return Object.fromEntries([...value].map(([key, field]) => [key, plain(field)]))
    return Json.isList(value) ? value.map(plain) : value
  }

  it("writes numbers digit by digit and leaves out what is undefined", () => {
    const out = { a: Json.num("0.150000"), b: [1, "x", null, true], c: undefined, d: { e: Json.num("1E-8") } }
    assert.strictEqual(Json.write(out), `{"a":0.150000,"b":[1,"x",null,true],"d":{"e":1E-8}}`)
  })

  it("reads any document that JSON.stringify writes", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.jsonValue({ maxDepth: 5 }), (value) => {
        const texts = (one: unknown): unknown => {
          if (typeof one === "number") return JSON.stringify(one)
          if (Array.isArray(one)) return one.map(texts)
          return one !== null && typeof one === "object"
            ? Object.fromEntries(Object.entries(one).map(([key, field]) => [key, texts(field)]))
            : one
        }
        assert.deepStrictEqual(
          plain(Json.read(JSON.stringify(value, null, 1))),
          texts(JSON.parse(JSON.stringify(value)))
        )
      })
    )
  })

  it("agrees with JSON.parse on what is no JSON", () => {
    const broken = [
      "",
      "{",
      "[",
      "[1",
      "[1,",
      "[1 2]",
      `{"a"`,
      `{"a":`,
      `{"a":1`,
      `{"a":1,}`,
      `{"a" 1}`,
      `{a:1}`,
      "01",
      "1.",
      "+1",
      "nul",
      `"`,
      `"\u0001"`,
      `"\\x"`,
      "1 2",
      "tru",
      "--1",
      `{"a":1 "b":2}`,
      `[,]`,
      `{"a":nope}`
    ]
    for (const text of broken) {
      assert.isTrue(Either.isLeft(Either.try(() => JSON.parse(text) as unknown)), text)
      assert.strictEqual(Json.read(text), undefined, text)
    }
  })

  it("keeps the digits of numbers and refuses nests that no request has", () => {
    assert.deepStrictEqual(plain(Json.read(` {"a": 0.150000, "b": [1e-8, -0]} `)), { a: "0.150000", b: ["1e-8", "-0"] })
    assert.strictEqual(Json.read("[".repeat(40) + "]".repeat(40)), undefined)
    assert.strictEqual(Fixed.ONE, 10n ** 12n)
  })
})
