import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc } from "effect"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import {
  SIGNIFICANT_DIGITS,
  column,
  decode,
  encode,
  shorten,
  significantDigits
} from "../../../src/layers/sqlite/Real.ts"

const wholes = fc.bigInt({ min: -(10n ** 15n) + 1n, max: 10n ** 15n - 1n })
/** Amounts of at most 15 significant digits, from 10^-12 to 10^20. */
const short = fc.tuple(wholes, fc.integer({ min: 0, max: 17 })).map(([digits, zeros]) => digits * 10n ** BigInt(zeros))

describe("money in REAL columns", () => {
  it("every amount of at most 15 significant digits comes back as it was", () => {
    fc.assert(
      fc.property(short, (amount) => {
        assert.deepStrictEqual(Either.flatMap(encode(amount), decode), Either.right(amount))
        assert.strictEqual(shorten(amount), amount)
      }),
      { numRuns: 2000 }
    )
  })

  it("an amount with more is refused", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 10n ** 15n, max: 10n ** 24n }), (amount) => {
        fc.pre(significantDigits(amount) > SIGNIFICANT_DIGITS)
        assert.deepStrictEqual(encode(amount), Either.left("more than 15 significant digits"))
        assert.deepStrictEqual(encode(-amount), Either.left("more than 15 significant digits"))
      })
    )
    assert.deepStrictEqual(encode(1_234_567_890_123_456n), Either.left("more than 15 significant digits"))
  })

  it("a column gets the nearest amount that fits, off by less than one part in 10^14", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 26n }), (amount) => {
        const back = Either.getOrThrow(decode(column(amount)))
        assert.strictEqual(back, shorten(amount))
        const off = back > amount ? back - amount : amount - back
        assert.isTrue(off * 10n ** 14n <= amount)
      })
    )
    assert.strictEqual(column(Fixed.pow10(12) / 3n), 0.333333333333)
    assert.strictEqual(column(999_999_999_999_999_999n), 1_000_000)
  })

  it("zero is zero, and a double that is no amount is refused", () => {
    assert.strictEqual(column(0n), 0)
    assert.deepStrictEqual(decode(0), Either.right(0n))
    assert.isTrue(Either.isLeft(decode(Number.NaN)))
    assert.isTrue(Either.isLeft(decode(Number.POSITIVE_INFINITY)))
    assert.isTrue(Either.isLeft(decode(1e-13)))
  })
})
