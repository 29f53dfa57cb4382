/**
 * Schemas of single fields. Answers are read with numbers as texts (`parseJsonStrings`), so that an amount is exact whether
 * Kraken quotes it or not, and every field below decodes from a text.
 */
import { Either, Option, ParseResult, Schema } from "effect"
import { PayloadError } from "../Envelope.ts"
import * as Fixed from "../../money/Fixed.ts"
import type { Rate } from "../../money/Money.ts"
import * as Money from "../../money/Money.ts"
import { parseRfc3339 } from "../../Time.ts"
import type { EpochMs } from "../../Time.ts"

const fromText = <A>(
  target: Schema.Schema<A>,
  expected: string,
  read: (text: string) => A | undefined
): Schema.Schema<A, string> =>
  Schema.transformOrFail(Schema.String, target, {
    strict: true,
    decode: (text, _, ast) => {
      const value = read(text)
      return value === undefined
        ? ParseResult.fail(new ParseResult.Type(ast, text, `expected ${expected}`))
        : ParseResult.succeed(value)
    },
    encode: (_, __, ast) => ParseResult.fail(new ParseResult.Forbidden(ast, _, "answers are only read"))
  })

const readFixed = (text: string): bigint | undefined => Either.getOrUndefined(Fixed.parse(text))

/** An exact decimal at scale 10^-12. */
export const Decimal: Schema.Schema<bigint, string> = fromText(Schema.BigIntFromSelf, "a decimal number", readFixed)

/** The same, not negative: prices, quantities, minimums. */
export const Amount: Schema.Schema<bigint, string> = fromText(Schema.BigIntFromSelf, "an amount", (text) => {
  const value = readFixed(text)
  return value === undefined || value < 0n ? undefined : value
})

/** A non-negative whole number that a double holds exactly. */
export const Count: Schema.Schema<number, string> = fromText(Schema.Number, "a count", (text) =>
  /^\d{1,15}$/.test(text) ? Number(text) : undefined
)

/** A count of decimals, zero to twelve. */
export const Decimals: Schema.Schema<number, string> = fromText(Schema.Number, "a count of decimals", (text) =>
  /^(?:\d|1[0-2])$/.test(text) ? Number(text) : undefined
)

/** A non-negative whole number of any size (nonces). */
export const BigCount: Schema.Schema<bigint, string> = fromText(Schema.BigIntFromSelf, "a whole number", (text) =>
  /^\d{1,30}$/.test(text) ? BigInt(text) : undefined
)

/** A finite double, for statistics only. Decimals alone: JavaScript also reads `0x10`, `5.` and white space as numbers. */
export const Double: Schema.Schema<number, string> = fromText(Schema.Number, "a number", (text) => {
  const value = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : undefined
})

/** Per cent as a rate (a hundredth of it), exact: at most ten decimals. */
export const Percent: Schema.Schema<Rate, string> = fromText(Schema.BigIntFromSelf, "a percentage", (text) => {
  const value = readFixed(text)
  return value === undefined || value % 100n !== 0n ? undefined : Money.percent(value)
}).pipe(Schema.fromBrand(Money.Rate))

/** Seconds since the epoch with up to nine decimals, as milliseconds (cut). 2286 and later is no time. */
export const Seconds: Schema.Schema<EpochMs, string> = fromText(Schema.Number, "a time in seconds", (text) => {
  const value = readFixed(text)
  return value === undefined || value < 0n || value >= 10_000_000_000n * Fixed.ONE
    ? undefined
    : Number(value / (Fixed.ONE / 1000n))
})

/** An RFC 3339 time. */
export const Instant: Schema.Schema<EpochMs, string> = fromText(Schema.Number, "a time", (text) =>
  Option.getOrUndefined(parseRfc3339(text))
)

export const Side = Schema.Literal("buy", "sell")

/** A field that may be missing or `null`; absent either way. */
export const maybe = <A, I>(
  field: Schema.Schema<A, I>
): Schema.optionalWith<Schema.Schema<A, I>, { nullable: true; exact: true }> =>
  Schema.optionalWith(field, { nullable: true, exact: true })

/** A map keyed by names that the exchange chooses. */
export const mapOf = <A, I>(value: Schema.Schema<A, I>): Schema.Record$<typeof Schema.String, Schema.Schema<A, I>> =>
  Schema.Record({ key: Schema.String, value })

/**
 * A decoder of one result. Fields that are not named are ignored, since Kraken adds some now and then. The error names
 * the first place that is not as expected, and never what stood there.
 */
export const decoder = <A, I>(schema: Schema.Schema<A, I>): ((input: unknown) => Either.Either<A, PayloadError>) => {
  const decode = Schema.decodeUnknownEither(schema)
  return (input) =>
    Either.mapLeft(decode(input), (error) => {
      const path = ParseResult.ArrayFormatter.formatErrorSync(error)
        .slice(0, 1)
        .flatMap((issue) => issue.path.map(String))
      return new PayloadError({ detail: `not as expected: ${["result", ...path].join(".")}` })
    })
}

/** The only entry beside `last`: results are keyed by a spelling of the pair that need not be the one that was asked for. */
export const onlyPair = <A>(result: Readonly<Record<string, A>>): Either.Either<A, PayloadError> => {
  const found = Object.entries(result).filter(([key]) => key !== "last")
  const [first] = found
  return first === undefined || found.length > 1
    ? Either.left(new PayloadError({ detail: `expected one pair in the result, found ${found.length}` }))
    : Either.right(first[1])
}
