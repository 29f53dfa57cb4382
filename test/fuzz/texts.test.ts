/** Single texts: JSON, decimals, times, saved counters. */
import { Either, FastCheck as fc, Option, Schema } from "effect"
import { assert, describe, it } from "vitest"
import { read } from "../../src/domain/exchange/Json.ts"
import { JsonNumber, parseJsonStrings, parseJsonText } from "../../src/domain/kraken/JsonText.ts"
import * as RateBudget from "../../src/domain/kraken/RateBudget.ts"
import * as Fixed from "../../src/domain/money/Fixed.ts"
import * as Money from "../../src/domain/money/Money.ts"
import { iso, parseRfc3339, utcDay } from "../../src/domain/Time.ts"
import * as Real from "../../src/layers/sqlite/Real.ts"
import { garbage, LONGEST, mutated, repeated, timely, tries } from "../support/fuzz.ts"
import { plain, printed, string, textOf, time, treeOf } from "../support/tree.ts"
import type { Tree } from "../support/tree.ts"
import { recorded, session } from "./frames.ts"

const json = fc.oneof(
  { weight: 3, arbitrary: mutated([...session.privateFrames, ...session.publicFrames, ...recorded]) },
  { weight: 3, arbitrary: garbage },
  {
    weight: 1,
    arbitrary: repeated(["[", "]", "{", "}", '{"a":', '"', "\\", "\\u0000", "1", "e", ",", ":", " ", "0", "\n", "true"])
  }
)

const depthOf = (text: string): number => {
  let [depth, most, inside] = [0, 0, false]
  for (let i = 0; i < text.length; i++) {
    const one = text[i]
    if (inside && one === "\\") i++
    else if (one === '"') inside = !inside
    else if (!inside && (one === "{" || one === "[")) most = Math.max(most, ++depth)
    else if (!inside && (one === "}" || one === "]")) depth--
  }
  return most
}

const parsed = (text: string): Option.Option<unknown> => Option.liftThrowable((): unknown => JSON.parse(text))()

/** What a reader of number texts makes of a tree. */
const mirror = (tree: Tree): unknown => {
  if (tree.kind === "list") return tree.items.map(mirror)
  if (tree.kind === "object")
    return Object.fromEntries(tree.fields.map(([key, value]) => [String(JSON.parse(key)), mirror(value)]))
  if (/^[-\d]/.test(tree.text)) return tree.text
  return JSON.parse(tree.text)
}

const numbersAsTexts = (value: unknown): unknown => {
  if (value instanceof JsonNumber) return value.text
  if (Array.isArray(value)) return value.map(numbersAsTexts)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, numbersAsTexts(inner)]))
}

describe("JSON", () => {
  it("is what the platform takes for JSON, with every digit", () => {
    fc.assert(
      fc.property(json, (text) => {
        const found = timely(() => parseJsonText(text))
        const strings = timely(() => parseJsonStrings(text))
        const deep = depthOf(text) > 64
        if (Option.isNone(parsed(text)) || deep) {
          assert.isTrue(Either.isLeft(found) && Either.isLeft(strings))
          if (Either.isLeft(found)) assert.isTrue(found.left.at >= 0 && found.left.at <= text.length)
          return
        }
        const tree = treeOf(text)
        assert.isTrue(Either.isRight(found) && Either.isRight(strings))
        assert.isDefined(tree)
        const expected = mirror(tree)
        assert.deepStrictEqual(numbersAsTexts(Either.getOrThrow(found)), expected)
        assert.deepStrictEqual(Either.getOrThrow(strings), expected)
        assert.strictEqual(Object.prototype.hasOwnProperty.call({}, "polluted"), false)
      }),
      tries(2500)
    )
  })

  it("is read by the local Kraken where the platform reads it, short of its depth", () => {
    fc.assert(
      fc.property(json, (text) => {
        const found = timely(() => read(text))
        assert.strictEqual(found !== undefined, Option.isSome(parsed(text)) && depthOf(text) <= 32)
      }),
      tries(2000)
    )
  })

  it("takes long strings and long numbers", () => {
    for (const text of [
      `"${"a".repeat(2_000_000)}"`,
      `"${"\\n".repeat(500_000)}"`,
      `[${"1".repeat(500_000)}]`,
      `"${"x".repeat(2_000_000)}`
    ]) {
      const whole = Option.isSome(parsed(text))
      assert.strictEqual(Either.isRight(parseJsonText(text)), whole)
      assert.strictEqual(read(text) !== undefined, whole)
    }
  })
})

const decimal = fc.oneof(
  fc.stringMatching(/^-?\d{1,26}(\.\d{1,32})?([eE][+-]?\d{1,3})?$/),
  fc.stringMatching(/^-?0\.0{0,14}\d{1,4}$/),
  fc.tuple(fc.bigInt({ min: -(10n ** 27n), max: 10n ** 27n })).map(([value]) => Fixed.show(value)),
  garbage,
  repeated(["0", "1", ".", "e", "-", " ", "+", "9", "\n", "00000000"])
)

describe("decimals", () => {
  it("are the decimal that stands there, or refused", () => {
    fc.assert(
      fc.property(decimal, (text) => {
        const value = timely(() => Fixed.parse(text))
        if (Either.isRight(value)) assert.strictEqual(printed(value.right), plain(text))
        // what is refused is no decimal, has more than twelve decimals, or more digits than any amount
        else if (plain(text) !== undefined && /^-?\d{1,24}(\.\d{1,12})?$/.test(text)) assert.fail(`refused: ${text}`)
        const expected = Option.getOrUndefined(Either.getRight(value))
        for (const read of [
          Schema.decodeUnknownOption(Money.PriceText),
          Schema.decodeUnknownOption(Money.QuantityText),
          Schema.decodeUnknownOption(Money.UsdText),
          Schema.decodeUnknownOption(Money.RateText)
        ]) {
          assert.strictEqual<bigint | undefined>(Option.getOrUndefined<bigint>(read(text)), expected)
        }
      }),
      tries(2500)
    )
  })

  it("come back from their own texts", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 36n) + 1n, max: 10n ** 36n - 1n }), (value) => {
        assert.strictEqual(Either.getOrThrow(Fixed.parse(Fixed.show(value))), value)
        assert.strictEqual(Fixed.show(value), printed(value))
      }),
      tries(1000)
    )
  })

  it("of doubles are their shortest texts, or nothing", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const fixed = Fixed.fromNumber(value)
        if (fixed === undefined) assert.isTrue(!Number.isFinite(value) || Math.abs(value) >= 1e15)
        else
          assert.isTrue(
            printed(fixed) === plain(String(value)) ||
              Math.abs(Fixed.toNumber(fixed) - value) <= 5.1e-13 + Math.abs(value) * Number.EPSILON
          )
        const real = Real.decode(value)
        if (Either.isRight(real)) assert.isTrue(Number.isFinite(value))
      }),
      tries(1500)
    )
  })
})

const times = fc.oneof(
  fc
    .tuple(
      fc.stringMatching(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/),
      fc.constantFrom("T", "t", " ", "_"),
      fc.stringMatching(/^([01]\d|2[0-4]):[0-6]\d:[0-6]\d(\.\d{0,10})?$/),
      fc.constantFrom("Z", "z", "+00:00", "-23:59", "+24:00", "", "+1:00", "-00:60")
    )
    .map((parts) => parts.join("")),
  garbage,
  repeated(["2026-01-31T00:00:00", ".", "0", "Z", "-", ":", " "])
)

describe("times", () => {
  it("are the instant that stands there, or none", () => {
    fc.assert(
      fc.property(times, (text) => {
        const at = timely(() => parseRfc3339(text))
        if (Option.isNone(at)) return
        assert.strictEqual(at.value, time(text))
        assert.strictEqual(utcDay(at.value), iso(at.value).slice(0, -14))
      }),
      tries(2500)
    )
  })

  it("that were written are read again", () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (at) => {
        assert.strictEqual(iso(at), new Date(at).toISOString())
        assert.deepStrictEqual(parseRfc3339(iso(at)), Option.some(at))
      }),
      tries(1000)
    )
  })
})

describe("saved rate limits", () => {
  const limits = RateBudget.tiers.starter
  const NOW = 1_767_607_200_000
  const saved = (() => {
    let state = RateBudget.full(limits, NOW)
    state = RateBudget.chargeEngine(state, limits, "XLM/USD", 3, NOW)
    state = RateBudget.orderSeen(state, "kt1-a", "XLM/USD", NOW)
    return [RateBudget.serialise(state, true), RateBudget.serialise(RateBudget.lockedOut(state, NOW), false)]
  })()

  it("of any text are a state to count on, or none", () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: mutated(saved) }, garbage), (text) => {
        const state = timely(() => RateBudget.restore(text, NOW))
        if (state === undefined) return
        assert.isDefined(treeOf(text))
        const sound = (value: number): void => assert.isTrue(Number.isFinite(value) && value >= 0, String(value))
        sound(RateBudget.quietMs(state, NOW))
        assert.isAtMost(RateBudget.quietMs(state, NOW), RateBudget.LOCKOUT_MS)
        for (const pair of ["XLM/USD", "BTC/USD", ...Object.keys(state.engine)]) {
          sound(RateBudget.engineWait(state, limits, "entry", pair, 1, NOW))
          sound(RateBudget.valueAt(RateBudget.engineCounter(state, pair), limits.engine.decay, NOW))
        }
        sound(RateBudget.restWait(state, limits, "read", 2, NOW))
        for (const id of Object.keys(state.orders)) sound(RateBudget.cancelCostOf(state, id, NOW))
        const later = RateBudget.chargeCancelAll(RateBudget.orderSeen(state, "kt1-b", "XLM/USD", NOW), limits, NOW)
        assert.isString(RateBudget.serialise(later, true), "what was counted can be saved")
      }),
      tries(1500)
    )
  })

  it("are still the numbers that were saved", () => {
    const [text = ""] = saved
    const state = RateBudget.restore(text, NOW)
    const tree = treeOf(text)
    assert.isTrue(tree !== undefined && textOf(tree) === text && string(tree) === undefined)
    assert.strictEqual(state?.rest.value, limits.rest.max)
    assert.isAtMost(text.length, LONGEST)
  })
})
