/**
 * Branded money. A `Price` (USD per unit of base), a `Quantity` (units of base), a `Usd` amount and a `Rate` (a plain
 * ratio such as a fee) can't be mixed: every conversion is a named function that says how it rounds.
 */
import { Brand, Either, ParseResult, Schema } from "effect"
import * as Fixed from "./Fixed.ts"

/** USD for one unit of the base asset, at scale 10^-12. */
export type Price = bigint & Brand.Brand<"Price">
/** Units of the base asset, at scale 10^-12. */
export type Quantity = bigint & Brand.Brand<"Quantity">
/** US dollars, at scale 10^-12. */
export type Usd = bigint & Brand.Brand<"Usd">
/** A dimensionless ratio (0.0025 for a fee of a quarter per cent), at scale 10^-12. */
export type Rate = bigint & Brand.Brand<"Rate">

export const Price = Brand.nominal<Price>()
export const Quantity = Brand.nominal<Quantity>()
export const Usd = Brand.nominal<Usd>()
export const Rate = Brand.nominal<Rate>()

/** An amount of dollars for people, to the nearest cent: `-$0.14`. A loss is not made smaller than it is by cutting digits. */
export const dollars = (value: bigint): string => {
  const cents = Fixed.toDecimals(value, 2, "nearest")
  return `${cents < 0n ? "-" : ""}$${Fixed.format(cents < 0n ? -cents : cents, 2)}`
}

/** The same with the sign of a gain: `+$0.14`. */
export const signedDollars = (value: bigint): string => (value < 0n ? dollars(value) : `+${dollars(value)}`)

export const zeroUsd: Usd = Usd(0n)
export const zeroQuantity: Quantity = Quantity(0n)

type Parsed<A> = Either.Either<A, Fixed.NotADecimal>
/** Exact readings of a decimal text; see `Fixed.parse` for what is refused. */
export const parsePrice = (text: string): Parsed<Price> => Either.map(Fixed.parse(text), Price)
export const parseQuantity = (text: string): Parsed<Quantity> => Either.map(Fixed.parse(text), Quantity)
export const parseUsd = (text: string): Parsed<Usd> => Either.map(Fixed.parse(text), Usd)
export const parseRate = (text: string): Parsed<Rate> => Either.map(Fixed.parse(text), Rate)

export const addUsd = (a: Usd, b: Usd): Usd => Usd(a + b)
export const subUsd = (a: Usd, b: Usd): Usd => Usd(a - b)
export const addQuantity = (a: Quantity, b: Quantity): Quantity => Quantity(a + b)
export const subQuantity = (a: Quantity, b: Quantity): Quantity => Quantity(a - b)

/** price × quantity, in USD. */
export const notional = (price: Price, quantity: Quantity, rounding: Fixed.Rounding): Usd =>
  Usd(Fixed.multiply(price, quantity, rounding))

/** usd × rate, in USD (a fee on a cost, for instance). */
export const portion = (amount: Usd, rate: Rate, rounding: Fixed.Rounding): Usd =>
  Usd(Fixed.multiply(amount, rate, rounding))

/** The quantity that an amount of USD buys at a price; the price is positive. */
export const quantityFor = (amount: Usd, price: Price, rounding: Fixed.Rounding): Quantity =>
  Quantity(Fixed.quotient(amount, price, rounding))

/** Average price of a cost over a quantity; `undefined` when the quantity is not positive. */
export const averagePrice = (cost: Usd, quantity: Quantity): Price | undefined =>
  quantity > 0n ? Price(Fixed.quotient(cost, quantity, "nearest")) : undefined

/** price × (1 + rate); a negative rate lowers it. */
export const shiftPrice = (price: Price, rate: Rate, rounding: Fixed.Rounding): Price =>
  Price(Fixed.multiply(price, Fixed.ONE + rate, rounding))

/** A percentage such as 2 or 0.5 as a rate (0.02, 0.005); exact up to ten decimals, cut towards zero beyond. */
export const percent = (value: bigint): Rate => Rate(value / 100n)

/** A whole or decimal literal from the code itself, e.g. `rate("0.005")`; throws on a text that is no decimal, which only a programming error can cause. */
const literal = (text: string): bigint =>
  Either.getOrThrowWith(Fixed.parse(text), (why) => new Error(`${text}: ${why}`))
export const price = (text: string): Price => Price(literal(text))
export const quantity = (text: string): Quantity => Quantity(literal(text))
export const usd = (text: string): Usd => Usd(literal(text))
export const rate = (text: string): Rate => Rate(literal(text))

/**
 * Schema between a plain decimal text and a branded fixed value; encodes to the shortest exact text. Its message never
 * carries the text, which may be a secret put in the wrong place.
 */
const decimalText = <A extends bigint>(brand: (value: bigint) => A, name: string): Schema.Schema<A, string> =>
  Schema.transformOrFail(
    Schema.String,
    Schema.declare((value): value is A => typeof value === "bigint", { identifier: name }),
    {
      strict: true,
      decode: (text, _, ast) =>
        Either.mapBoth(Fixed.parse(text), { onLeft: (why) => new ParseResult.Type(ast, text, why), onRight: brand }),
      encode: (value) => ParseResult.succeed(Fixed.show(value))
    }
  ).annotations({
    identifier: `${name}Text`,
    message: () => ({ message: `expected a plain decimal number (${name})`, override: true })
  })
export const PriceText = decimalText(Price, "Price")
export const QuantityText = decimalText(Quantity, "Quantity")
export const UsdText = decimalText(Usd, "Usd")
export const RateText = decimalText(Rate, "Rate")
