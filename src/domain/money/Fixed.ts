/**
 * Exact decimals as `bigint` at one scale, 10^-12.
 *
 * Every precision that Kraken uses (at most 10 decimals) fits, so addition and comparison need no rescaling and a
 * product is rounded exactly once, in a direction that the caller names.
 */
import { Either } from "effect"

/** Number of decimals that every fixed-point value carries. */
export const SCALE_DIGITS = 12
/** 1 at the fixed scale. */
export const ONE = 1_000_000_000_000n

/**
 * Rounding directions. `down` is towards zero, `up` away from zero, `nearest` half away from zero (what Kraken's
 * recorded costs and fees show).
 */
export type Rounding = "down" | "up" | "nearest"

const DECIMAL = /^(-?)(\d{1,24})(?:\.(\d{1,30}))?(?:[eE]([+-]?\d{1,2}))?$/

/** Why a text is not a fixed-point decimal; never carries the text itself, which may be a secret put in the wrong place. */
export type NotADecimal = "not a decimal number" | "more than 12 decimals"

const POWERS: ReadonlyArray<bigint> = Array.from({ length: 61 }, (_, i) => 10n ** BigInt(i))

/** 10^n for 0 <= n <= 60, from a table. */
export const pow10 = (n: number): bigint => POWERS[n] ?? 10n ** BigInt(n)

/**
 * Reads a decimal text exactly: `-?digits[.digits][e±n]`. Kraken writes plain decimals, and on the stream now and then
 * `1E-8`. Refuses everything else (empty text, signs other than a leading minus, infinities) and any text whose
 * digits past the twelfth decimal are not zero: money is never silently rounded at the border.
 */
export const parse = (text: string): Either.Either<bigint, NotADecimal> => {
  const match = DECIMAL.exec(text)
  if (match === null) return Either.left("not a decimal number")
  const [, sign, whole = "", fraction = "", exponent] = match
  const shift = SCALE_DIGITS - fraction.length + (exponent === undefined ? 0 : Number(exponent))
  const digits = BigInt(whole + fraction)
  if (shift >= 0) {
    if (shift > 60) return digits === 0n ? Either.right(0n) : Either.left("not a decimal number")
    const value = digits * pow10(shift)
    return Either.right(sign === "-" ? -value : value)
  }
  const divisor = 10n ** BigInt(-shift)
  if (digits % divisor !== 0n) return Either.left("more than 12 decimals")
  const value = digits / divisor
  return Either.right(sign === "-" ? -value : value)
}

/** Integer division with a named rounding; `divisor` is positive. */
export const divide = (value: bigint, divisor: bigint, rounding: Rounding): bigint => {
  const quotient = value / divisor
  const rest = value % divisor
  if (rest === 0n || rounding === "down") return quotient
  const away = value < 0n ? quotient - 1n : quotient + 1n
  if (rounding === "up") return away
  const twice = (rest < 0n ? -rest : rest) * 2n
  return twice >= divisor ? away : quotient
}

/** Product of two fixed values, rounded to the scale. */
export const multiply = (a: bigint, b: bigint, rounding: Rounding): bigint => divide(a * b, ONE, rounding)

/** Quotient of two fixed values, rounded to the scale; `b` is not zero and positive. */
export const quotient = (a: bigint, b: bigint, rounding: Rounding): bigint => divide(a * ONE, b, rounding)

/** Rounds a value to a multiple of `step` (a tick or lot; `step` > 0). */
export const toStep = (value: bigint, step: bigint, rounding: Rounding): bigint => divide(value, step, rounding) * step

/** Rounds a value to `decimals` decimals (0 to 12). */
export const toDecimals = (value: bigint, decimals: number, rounding: Rounding): bigint =>
  toStep(value, pow10(SCALE_DIGITS - decimals), rounding)

/** The smallest positive value with `decimals` decimals: 10^-decimals. */
export const unit = (decimals: number): bigint => pow10(SCALE_DIGITS - decimals)

/**
 * Plain decimal text with exactly `decimals` decimals; digits beyond are cut towards zero, so round first. Never uses an
 * exponent (Kraken refuses one: "Invalid price argument").
 */
export const format = (value: bigint, decimals: number): string => {
  const cut = (value < 0n ? -value : value) / pow10(SCALE_DIGITS - decimals)
  const digits = cut.toString().padStart(decimals + 1, "0")
  const whole = digits.slice(0, digits.length - decimals)
  const sign = value < 0n && cut !== 0n ? "-" : ""
  return decimals === 0 ? sign + whole : `${sign}${whole}.${digits.slice(digits.length - decimals)}`
}

/** The shortest plain text that reads back to the same value. */
export const show = (value: bigint): string => {
  const text = format(value, SCALE_DIGITS)
  return text.replace(/0+$/, "").replace(/\.$/, "")
}

/** As a double, for statistics and display only; never comes back as an amount except through rounding to a tick. */
export const toNumber = (value: bigint): number => Number(format(value, SCALE_DIGITS))

/**
 * A finite double below 10^15 as a fixed value, `undefined` for NaN, infinities and larger ones. Read from the double's
 * shortest decimal text, so that 50000.1 is 50000.1 and not the 50000.099999999999 that its binary expansion begins
 * with: a decimal of at most 15 significant digits and 12 decimals comes back exactly. What has more decimals is rounded
 * to the twelfth.
 */
export const fromNumber = (value: number): bigint | undefined => {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e15) return undefined
  return Either.getOrUndefined(Either.orElse(parse(String(value)), () => parse(value.toFixed(SCALE_DIGITS))))
}

/** The larger and the smaller of two fixed values. */
export const max = <A extends bigint>(a: A, b: A): A => (a >= b ? a : b)
export const min = <A extends bigint>(a: A, b: A): A => (a <= b ? a : b)
