import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc, ParseResult, Schema } from "effect"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import * as Money from "../../../src/domain/money/Money.ts"

const { price, quantity, rate, usd } = Money
const amounts = fc.bigInt({ min: 1n, max: 10n ** 22n })

describe("amounts", () => {
  it("reads texts exactly or says why not", () => {
    assert.deepStrictEqual(Money.parsePrice("0.4"), Either.right(price("0.4")))
    assert.deepStrictEqual(Money.parseQuantity("20"), Either.right(quantity("20")))
    assert.deepStrictEqual(Money.parseUsd("-1.25"), Either.right(usd("-1.25")))
    assert.deepStrictEqual(Money.parseRate("0.0025"), Either.right(rate("0.0025")))
    assert.deepStrictEqual(Money.parseUsd("ten"), Either.left("not a decimal number"))
  })

  it("refuses a literal that is none, in the code that holds it", () => {
    assert.throws(() => price("1.0000000000001"), "1.0000000000001: more than 12 decimals")
  })

  it("adds and subtracts", () => {
    assert.strictEqual(Money.addUsd(usd("1.1"), usd("2.2")), usd("3.3"))
    assert.strictEqual(Money.subUsd(Money.zeroUsd, usd("2.2")), usd("-2.2"))
    assert.strictEqual(Money.addQuantity(quantity("1"), Money.zeroQuantity), quantity("1"))
    assert.strictEqual(Money.subQuantity(quantity("3"), quantity("1.5")), quantity("1.5"))
  })
})

describe("conversions", () => {
  it("makes notionals and portions in the named direction", () => {
    assert.strictEqual(Money.notional(price("0.0912"), quantity("109.64912281"), "down"), usd("10.000000000272"))
    assert.strictEqual(Money.notional(price("0.000001"), quantity("0.0000001"), "up"), usd("0.000000000001"))
    assert.strictEqual(Money.portion(usd("10"), rate("0.0025"), "nearest"), usd("0.025"))
    assert.strictEqual(Money.shiftPrice(price("100"), rate("0.02"), "down"), price("102"))
    assert.strictEqual(Money.shiftPrice(price("100"), rate("-0.02"), "down"), price("98"))
    assert.strictEqual(Money.percent(Fixed.ONE / 2n), rate("0.005"))
  })

  it("never buys more than the amount", () => {
    fc.assert(
      fc.property(amounts, amounts, (amount, at) => {
        const bought = Money.quantityFor(Money.Usd(amount), Money.Price(at), "down")
        assert.isTrue(Money.notional(Money.Price(at), bought, "up") <= amount)
      })
    )
  })

  it("averages a cost over a quantity, or has no average", () => {
    assert.strictEqual(Money.averagePrice(usd("10"), quantity("3")), price("3.333333333333"))
    assert.isUndefined(Money.averagePrice(usd("10"), Money.zeroQuantity))
    assert.isUndefined(Money.averagePrice(usd("10"), quantity("-1")))
  })

  it("an average of one fill is its price, to the last digit that the cost carries", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 8n }), fc.bigInt({ min: 1n, max: 10n ** 12n }), (ticks, lots) => {
        const at = Money.Price(ticks * Fixed.unit(4))
        const volume = Money.Quantity(lots * Fixed.unit(8))
        assert.strictEqual(Money.averagePrice(Money.notional(at, volume, "nearest"), volume), at)
      })
    )
  })
})

const checkText = <A extends bigint>(name: string, schema: Schema.Schema<A, string>, brand: (value: bigint) => A) => {
  it(`carries every ${name} there and back`, () => {
    const decode = Schema.decodeSync(schema)
    const encode = Schema.encodeSync(schema)
    const values = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(brand)
    fc.assert(fc.property(values, (value) => assert.strictEqual(decode(encode(value)), value)))
    assert.strictEqual(encode(decode("1.500")), "1.5")
  })

  it(`refuses everything else as a ${name}, and never repeats what it was given`, () => {
    const decode = Schema.decodeUnknownEither(schema)
    for (const given of ["hunter2", "", "1e-20", 5, null, undefined]) {
      const problem = Either.getOrThrow(Either.flip(decode(given)))
      assert.strictEqual(
        ParseResult.TreeFormatter.formatErrorSync(problem),
        `expected a plain decimal number (${name})`
      )
    }
    const problem = Either.getOrThrow(Either.flip(Schema.encodeUnknownEither(schema)("hunter2")))
    assert.notInclude(ParseResult.TreeFormatter.formatErrorSync(problem), "hunter2")
  })
}

describe("text schemas", () => {
  checkText("Price", Money.PriceText, Money.Price)
  checkText("Quantity", Money.QuantityText, Money.Quantity)
  checkText("Usd", Money.UsdText, Money.Usd)
  checkText("Rate", Money.RateText, Money.Rate)

  it("is told to people to the nearest cent, a loss no smaller than it is", () => {
    const told = ["-0.139468741234", "-0.134", "-0.004", "0", "0.005", "9.996", "1234.5"].map((text) => Money.usd(text))
    assert.deepStrictEqual(told.map(Money.dollars), [
      "-$0.14",
      "-$0.13",
      "$0.00",
      "$0.00",
      "$0.01",
      "$10.00",
      "$1234.50"
    ])
    assert.strictEqual(Money.signedDollars(Money.usd("-0.139468741234")), "-$0.14")
    assert.strictEqual(Money.signedDollars(Money.usd("0.139")), "+$0.14")
  })
})
