import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc, Option } from "effect"
import type { Instrument } from "../../../src/domain/market/Instrument.ts"
import {
  findInstrument,
  ledgerBase,
  ledgerQuote,
  lotSize,
  meetsMinimums,
  minimumQuantity,
  PairSymbol,
  priceText,
  quantityText,
  roundPrice,
  roundQuantity
} from "../../../src/domain/market/Instrument.ts"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import * as Money from "../../../src/domain/money/Money.ts"

const xlm: Instrument = {
  symbol: PairSymbol("XLM/USD"),
  restId: "XXLMZUSD",
  altname: "XLMUSD",
  base: "XLM",
  quote: "USD",
  baseId: "XXLM",
  quoteId: "ZUSD",
  priceDecimals: 6,
  quantityDecimals: 8,
  costDecimals: 5,
  baseDecimals: 8,
  quoteDecimals: 4,
  tickSize: Money.price("0.000001"),
  minQuantity: Money.quantity("20"),
  minCost: Money.usd("0.5"),
  status: "online"
}
const prices = fc.bigInt({ min: 1n, max: 10n ** 9n }).map((ticks) => Money.Price(ticks * xlm.tickSize))
const quantities = fc.bigInt({ min: 0n, max: 10n ** 24n }).map(Money.Quantity)

describe("grids", () => {
  it("rounds prices to the tick, quantities down to the lot", () => {
    assert.strictEqual(lotSize(xlm), Money.quantity("0.00000001"))
    assert.strictEqual(roundPrice(xlm, Money.price("0.0912345"), "down"), Money.price("0.091234"))
    assert.strictEqual(roundPrice(xlm, Money.price("0.0912341"), "up"), Money.price("0.091235"))
    const coarse = { ...xlm, tickSize: Money.price("0.5") }
    assert.strictEqual(roundPrice(coarse, Money.price("10.74"), "nearest"), Money.price("10.5"))
  })

  it("a rounded quantity never exceeds what is held", () => {
    fc.assert(
      fc.property(quantities, (held) => {
        const sold = roundQuantity(xlm, held)
        assert.isTrue(sold <= held && held - sold < lotSize(xlm))
      })
    )
  })

  it("writes the texts of requests", () => {
    assert.strictEqual(priceText(xlm, Money.price("0.08")), "0.080000")
    assert.strictEqual(quantityText(xlm, Money.quantity("20")), "20.00000000")
  })
})

describe("minimums", () => {
  it("is the larger of ordermin and what costmin needs", () => {
    assert.strictEqual(minimumQuantity(xlm, Money.price("0.1")), Money.quantity("20"))
    assert.strictEqual(minimumQuantity(xlm, Money.price("0.01")), Money.quantity("50"))
    assert.strictEqual(minimumQuantity(xlm, Money.price("0.000003")), Money.quantity("166666.66666667"))
    assert.strictEqual(minimumQuantity(xlm, Money.Price(0n)), xlm.minQuantity)
  })

  it("rounds an ordermin off the lot grid up to it", () => {
    const odd = { ...xlm, quantityDecimals: 0, minQuantity: Money.quantity("20.5") }
    assert.strictEqual(minimumQuantity(odd, Money.price("1")), Money.quantity("21"))
  })

  it("is accepted itself, and one lot less is not", () => {
    fc.assert(
      fc.property(prices, (at) => {
        const least = minimumQuantity(xlm, at)
        assert.isTrue(least >= xlm.minQuantity && Money.notional(at, least, "down") >= xlm.minCost)
        assert.isTrue(meetsMinimums(xlm, at, least))
        const less = Money.subQuantity(least, lotSize(xlm))
        assert.isFalse(meetsMinimums(xlm, at, less))
        assert.isTrue(less < xlm.minQuantity || at * less < xlm.minCost * Fixed.ONE)
      })
    )
  })
})

describe("the ledger", () => {
  it("rounds to the assets' decimals, half away from zero", () => {
    assert.strictEqual(ledgerQuote(xlm, Money.usd("9.99995")), Money.usd("10"))
    assert.strictEqual(ledgerQuote(xlm, Money.usd("-0.02504")), Money.usd("-0.025"))
    assert.strictEqual(ledgerBase(xlm, Money.quantity("20.123456785")), Money.quantity("20.12345679"))
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), (amount) => {
        const off = ledgerQuote(xlm, Money.Usd(amount)) - amount
        assert.isTrue((off < 0n ? -off : off) * 2n <= Fixed.unit(4))
      })
    )
  })
})

describe("findInstrument", () => {
  it("finds by the stream's name", () => {
    assert.deepStrictEqual(findInstrument([xlm], PairSymbol("XLM/USD")), Option.some(xlm))
    assert.deepStrictEqual(findInstrument([xlm], PairSymbol("BTC/USD")), Option.none())
  })
})
