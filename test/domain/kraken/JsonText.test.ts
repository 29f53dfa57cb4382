import { Either, FastCheck as fc } from "effect"
import { assert, describe, it } from "vitest"
import type { JsonStrings, JsonValue } from "../../../src/domain/kraken/JsonText.ts"
import { JsonError, JsonNumber, parseJsonStrings, parseJsonText } from "../../../src/domain/kraken/JsonText.ts"

const plain = (value: JsonValue): unknown =>
  value instanceof JsonNumber
    ? Number(value.text)
    : Array.isArray(value)
      ? value.map(plain)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
        : value

const read = (text: string): JsonValue => Either.getOrThrow(parseJsonText(text))
const refused = (text: string): JsonError => {
  const result = parseJsonText(text)
  assert(Either.isLeft(result), `accepted ${text}`)
  assert.instanceOf(result.left, JsonError)
  return result.left
}

describe("JsonText", () => {
  it("keeps the text of numbers", () => {
    const texts = ["0.150000", "25.00000000", "1E-8", "18446744073709551615", "-0", "0", "-12.5e+3"]
    for (const text of texts) assert.deepStrictEqual(read(text), new JsonNumber(text))
    assert.deepStrictEqual(Either.getOrThrow(parseJsonStrings(`{"a":[1.10,"1.10",true,null]}`)), {
      a: ["1.10", "1.10", true, null]
    } satisfies JsonStrings)
  })

  it("reads literals, white space, escapes and nesting", () => {
    assert.deepStrictEqual(plain(read(` \n\t\r{ "a" : [ true , false , null , { } , [ ] ] , "b":"x" } `)), {
      a: [true, false, null, {}, []],
      b: "x"
    })
    assert.strictEqual(read(`"\\"\\\\\\/\\b\\f\\n\\r\\t\\u20ac\\uD83D\\ude00é"`), `"\\/\b\f\n\r\t€😀é`)
  })

  it("treats __proto__ as a key like any other", () => {
    const value = read(`{"__proto__":{"polluted":"yes"},"a":"b"}`)
    assert.deepStrictEqual(Object.keys(value as object), ["__proto__", "a"])
    assert.strictEqual(Object.getPrototypeOf(value), Object.prototype)
  })

  it("lets the last of two equal keys count", () => {
    assert.deepStrictEqual(plain(read(`{"a":1,"a":2}`)), { a: 2 })
  })

  it("refuses what is no JSON, with the position and without the text", () => {
    const bad: ReadonlyArray<readonly [string, number]> = [
      ["", 0],
      ["   ", 3],
      ["<html>", 0],
      ["tru", 0],
      ["nul", 0],
      ["falsy", 0],
      ["01", 1],
      ["+1", 0],
      [".5", 0],
      ["1.", 1],
      ["-", 0],
      ["NaN", 0],
      ["[1,]", 3],
      ["[1 2]", 3],
      ["[1", 2],
      ["[", 1],
      ["{", 1],
      [`{"a"}`, 4],
      [`{"a":}`, 5],
      [`{"a":1,}`, 7],
      [`{"a":1 "b":2}`, 7],
      [`{a:1}`, 1],
      [`{"a":1`, 6],
      [`{"a`, 3],
      [`{"a\\x":1}`, 4],
      [`"abc`, 4],
      [`"\\x"`, 2],
      [`"\\`, 2],
      [`"\\u12g4"`, 3],
      [`"a\nb"`, 2],
      [`{} {}`, 3],
      [`{"token":"secret"} x`, 19]
    ]
    for (const [text, at] of bad) {
      const error = refused(text)
      assert.strictEqual(error.why, "not JSON", text)
      assert.strictEqual(error.at, at, text)
      assert.notInclude(error.message, "secret")
    }
    assert.strictEqual(refused("tru").message, "not JSON at character 0")
  })

  it("is bounded in depth and in length", () => {
    const nested = (n: number): string => "[".repeat(n) + "]".repeat(n)
    assert.isTrue(Either.isRight(parseJsonText(nested(64))))
    assert.strictEqual(refused(nested(65)).why, "too deep")
    assert.strictEqual(refused(`{"a":`.repeat(65)).why, "too deep")
    assert.strictEqual(refused("[".repeat(1_000_000)).why, "too deep")
    const long = parseJsonText(`"123456789"`, { maxLength: 10, maxDepth: 1 })
    assert(Either.isLeft(long))
    assert.strictEqual(long.left.why, "too long")
    assert.isTrue(Either.isLeft(parseJsonStrings("[[1]]", { maxLength: 10, maxDepth: 1 })))
  })

  it("agrees with JSON.parse on everything JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        assert.deepStrictEqual(plain(read(text)), JSON.parse(text))
      })
    )
  })

  it("agrees with JSON.parse on whether mutated text is JSON, and never throws", () => {
    const accepted = (text: string): boolean => {
      try {
        JSON.parse(text)
        return true
      } catch {
        return false
      }
    }
    const seed = `{"a":[1.50,-2e3,"x\\n\\u00e9",true,null,{"b":""}]}`
    fc.assert(
      fc.property(fc.nat(seed.length), fc.nat(4), fc.string({ maxLength: 3 }), (at, cut, insert) => {
        const text = seed.slice(0, at) + insert + seed.slice(at + cut)
        assert.strictEqual(Either.isRight(parseJsonText(text)), accepted(text))
      }),
      { numRuns: 2000 }
    )
  })
})
