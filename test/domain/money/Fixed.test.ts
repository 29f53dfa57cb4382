import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc } from "effect"
import * as Fixed from "../../../src/domain/money/Fixed.ts"

const parsed = (text: string) => Either.getOrThrow(Fixed.parse(text))
const roundings = fc.constantFrom<Array<Fixed.Rounding>>("down", "up", "nearest")
const values = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })
const positive = fc.bigInt({ min: 1n, max: 10n ** 24n })
const abs = (n: bigint): bigint => (n < 0n ? -n : n)

describe("parse", () => {
  it("reads plain decimals exactly", () => {
    assert.strictEqual(parsed("0"), 0n)
    assert.strictEqual(parsed("-0.000"), 0n)
    assert.strictEqual(parsed("1"), Fixed.ONE)
    assert.strictEqual(parsed("0.412345"), 412_345_000_000n)
    assert.strictEqual(parsed("-12.5"), -12_500_000_000_000n)
    assert.strictEqual(parsed("0.000000000001"), 1n)
    assert.strictEqual(parsed("0.1000000000000000000000000"), 100_000_000_000n)
    assert.strictEqual(parsed("-0.1000000000000000000000000"), -100_000_000_000n)
  })

  it("reads the exponents that the stream writes now and then", () => {
    assert.strictEqual(parsed("1E-8"), 10_000n)
    assert.strictEqual(parsed("1.5e+3"), 1500n * Fixed.ONE)
    assert.strictEqual(parsed("-25e-1"), -2_500_000_000_000n)
    assert.strictEqual(parsed("0e99"), 0n)
    assert.strictEqual(parsed("0e-99"), 0n)
    assert.strictEqual(parsed("1e48"), 10n ** 60n)
  })

  it("refuses what is not a decimal", () => {
    const texts = [
      "",
      " ",
      "+1",
      ".5",
      "5.",
      "1,5",
      "0x10",
      "NaN",
      "Infinity",
      "1e",
      "1e100",
      "1 ",
      "\n1",
      "1\n",
      "--1",
      "1_0"
    ]
    for (const text of [...texts, "1e49", "9".repeat(25)])
      assert.deepStrictEqual(Fixed.parse(text), Either.left("not a decimal number"), JSON.stringify(text))
  })

  it("never rounds silently", () => {
    for (const text of ["0.0000000000001", "1e-13", "-1.0000000000005", "1e-99"])
      assert.deepStrictEqual(Fixed.parse(text), Either.left("more than 12 decimals"), text)
  })

  it("reads back whatever is shown", () => {
    fc.assert(fc.property(values, (value) => assert.strictEqual(parsed(Fixed.show(value)), value)))
  })
})

describe("divide", () => {
  it("names its direction: towards zero, away from zero, half away from zero", () => {
    const of = (value: bigint, divisor: bigint) =>
      (["down", "up", "nearest"] as const).map((rounding) => Fixed.divide(value, divisor, rounding))
    assert.deepStrictEqual(of(7n, 2n), [3n, 4n, 4n])
    assert.deepStrictEqual(of(-7n, 2n), [-3n, -4n, -4n])
    assert.deepStrictEqual(of(7n, 3n), [2n, 3n, 2n])
    assert.deepStrictEqual(of(-8n, 3n), [-2n, -3n, -3n])
    assert.deepStrictEqual(of(6n, 3n), [2n, 2n, 2n])
    assert.deepStrictEqual(of(0n, 3n), [0n, 0n, 0n])
  })

  it("stays within one divisor of the exact quotient, on the named side", () => {
    fc.assert(
      fc.property(values, positive, roundings, (value, divisor, rounding) => {
        const off = Fixed.divide(value, divisor, rounding) * divisor - value
        assert.isTrue(abs(off) < divisor)
        const outward = value < 0n ? -off : off
        if (rounding === "down") assert.isTrue(outward <= 0n)
        if (rounding === "up") assert.isTrue(outward >= 0n)
        if (rounding === "nearest") assert.isTrue(abs(off) * 2n <= divisor)
      })
    )
  })

  it("is odd: the sign never changes the magnitude", () => {
    fc.assert(
      fc.property(values, positive, roundings, (value, divisor, rounding) =>
        assert.strictEqual(Fixed.divide(-value, divisor, rounding), -Fixed.divide(value, divisor, rounding))
      )
    )
  })
})

describe("multiply and quotient", () => {
  it("round once, at the scale", () => {
    assert.strictEqual(Fixed.multiply(parsed("0.1"), parsed("0.2"), "down"), parsed("0.02"))
    assert.strictEqual(Fixed.multiply(1n, 1n, "down"), 0n)
    assert.strictEqual(Fixed.multiply(1n, 1n, "up"), 1n)
    assert.strictEqual(Fixed.multiply(parsed("0.5"), 1n, "nearest"), 1n)
    assert.strictEqual(Fixed.quotient(parsed("1"), parsed("3"), "down"), 333_333_333_333n)
    assert.strictEqual(Fixed.quotient(parsed("2"), parsed("3"), "nearest"), 666_666_666_667n)
    assert.strictEqual(Fixed.quotient(parsed("1"), parsed("3"), "up"), 333_333_333_334n)
  })

  it("a quotient taken down, multiplied back, never exceeds the whole", () => {
    fc.assert(
      fc.property(positive, positive, (whole, part) => {
        const back = Fixed.multiply(Fixed.quotient(whole, part, "down"), part, "down")
        assert.isTrue(back <= whole)
      })
    )
  })
})

describe("steps and decimals", () => {
  it("lands on the grid, once and for all", () => {
    fc.assert(
      fc.property(values, positive, roundings, (value, step, rounding) => {
        const on = Fixed.toStep(value, step, rounding)
        assert.strictEqual(on % step, 0n)
        assert.strictEqual(Fixed.toStep(on, step, rounding), on)
      })
    )
  })

  it("rounds to decimals", () => {
    assert.strictEqual(Fixed.toDecimals(parsed("1.23456"), 4, "down"), parsed("1.2345"))
    assert.strictEqual(Fixed.toDecimals(parsed("1.23456"), 4, "up"), parsed("1.2346"))
    assert.strictEqual(Fixed.toDecimals(parsed("1.23455"), 4, "nearest"), parsed("1.2346"))
    assert.strictEqual(Fixed.toDecimals(parsed("1.5"), 0, "nearest"), parsed("2"))
    assert.strictEqual(Fixed.toDecimals(7n, 12, "down"), 7n)
    assert.strictEqual(Fixed.unit(8), parsed("0.00000001"))
    assert.strictEqual(Fixed.unit(0), Fixed.ONE)
  })

  it("has powers of ten within and beyond its table", () => {
    assert.strictEqual(Fixed.pow10(0), 1n)
    assert.strictEqual(Fixed.pow10(60), 10n ** 60n)
    assert.strictEqual(Fixed.pow10(61), 10n ** 61n)
  })
})

describe("texts", () => {
  it("has exactly the decimals asked for, cut towards zero, and never an exponent", () => {
    assert.strictEqual(Fixed.format(parsed("0.08"), 6), "0.080000")
    assert.strictEqual(Fixed.format(parsed("1234.5678"), 2), "1234.56")
    assert.strictEqual(Fixed.format(parsed("-0.009"), 2), "0.00")
    assert.strictEqual(Fixed.format(parsed("-1.999"), 1), "-1.9")
    assert.strictEqual(Fixed.format(parsed("1.9"), 0), "1")
    assert.strictEqual(Fixed.format(parsed("-7"), 0), "-7")
    assert.strictEqual(Fixed.format(1n, 12), "0.000000000001")
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 12 }), (value, decimals) => {
        const text = Fixed.format(value, decimals)
        assert.match(text, decimals === 0 ? /^-?\d+$/ : /^-?\d+\.\d+$/)
        assert.strictEqual(parsed(text), Fixed.toDecimals(value, decimals, "down"))
      })
    )
  })

  it("shows the shortest text", () => {
    assert.strictEqual(Fixed.show(0n), "0")
    assert.strictEqual(Fixed.show(parsed("100")), "100")
    assert.strictEqual(Fixed.show(parsed("-0.50")), "-0.5")
    assert.strictEqual(Fixed.show(1n), "0.000000000001")
  })
})

describe("doubles", () => {
  it("carries decimals of at most 15 significant digits there and back", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 15n) + 1n, max: 10n ** 15n - 1n }),
        fc.integer({ min: 0, max: 12 }),
        (digits, decimals) => {
          const value = digits * Fixed.unit(decimals)
          assert.strictEqual(Fixed.fromNumber(Fixed.toNumber(value)), value)
        }
      ),
      { numRuns: 1000 }
    )
  })

  it("reads the decimal that a double stands for, not its binary expansion", () => {
    assert.strictEqual(Fixed.fromNumber(50_000.1), parsed("50000.1"))
    assert.strictEqual(Fixed.fromNumber(1e-7), parsed("0.0000001"))
    assert.strictEqual(Fixed.fromNumber(-0), 0n)
  })

  it("rounds what has more than twelve decimals", () => {
    assert.strictEqual(Fixed.fromNumber(0.1 + 0.2), parsed("0.3"))
    assert.strictEqual(Fixed.fromNumber(2 / 3), parsed("0.666666666667"))
    assert.strictEqual(Fixed.fromNumber(-1e-13), 0n)
    assert.strictEqual(Fixed.fromNumber(Number.MIN_VALUE), 0n)
  })

  it("has nothing for what is not a finite amount", () => {
    for (const value of [Number.NaN, Infinity, -Infinity, 1e15, -1e15, 1e300])
      assert.isUndefined(Fixed.fromNumber(value), String(value))
    assert.strictEqual(Fixed.fromNumber(999_999_999_999_999), 999_999_999_999_999n * Fixed.ONE)
  })
})

describe("max and min", () => {
  it("pick one of the two", () => {
    assert.strictEqual(Fixed.max(1n, 2n), 2n)
    assert.strictEqual(Fixed.max(2n, 1n), 2n)
    assert.strictEqual(Fixed.min(1n, 2n), 1n)
    assert.strictEqual(Fixed.min(2n, 1n), 1n)
  })
})
