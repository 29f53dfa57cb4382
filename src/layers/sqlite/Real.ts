/**
 * The one codec between exact amounts and the `REAL` columns that the four contract tables keep. A decimal of at most 15
 * significant digits survives the way into a double and back (IEEE 754: DBL_DIG = 15); anything longer does not, and is
 * refused. Nothing ever calculates with the doubles: exact texts stand beside them, and those are what is loaded.
 */
import { Either } from "effect"
import * as Fixed from "../../domain/money/Fixed.ts"

/** Significant decimal digits that a double is guaranteed to keep. */
export const SIGNIFICANT_DIGITS = 15

export type NotReal = "more than 15 significant digits" | "not a decimal number"

const magnitude = (value: bigint): string => (value < 0n ? -value : value).toString()

/** How many significant digits an amount has (leading and trailing zeros aside). */
export const significantDigits = (value: bigint): number => magnitude(value).replace(/0+$/, "").length

const toDouble = (value: bigint): number => Number(Fixed.show(value))

/** An exact amount as a double; refused when the double could not give the same amount back. */
export const encode = (value: bigint): Either.Either<number, NotReal> =>
  significantDigits(value) > SIGNIFICANT_DIGITS
    ? Either.left("more than 15 significant digits")
    : Either.right(toDouble(value))

/** The amount that a double in a money column stands for: its 15 significant digits. */
export const decode = (value: number): Either.Either<bigint, NotReal> =>
  Either.mapLeft(Fixed.parse(value.toPrecision(SIGNIFICANT_DIGITS)), (): NotReal => "not a decimal number")

/** An amount rounded (half away from zero) to 15 significant digits; most amounts have fewer and stay as they are. */
export const shorten = (value: bigint): bigint => {
  const excess = magnitude(value).length - SIGNIFICANT_DIGITS
  return excess <= 0 ? value : Fixed.toStep(value, Fixed.pow10(excess), "nearest")
}

/**
 * What a `REAL` column gets: the amount itself where it fits, else (an average price, mostly) the amount rounded to 15
 * significant digits, so that a booking never fails for the sake of a column that nobody loads.
 */
export const column = (value: bigint): number => toDouble(shorten(value))
