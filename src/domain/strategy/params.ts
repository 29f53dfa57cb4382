/** Reading a strategy's parameters: strict, all problems in one answer, each naming its key and what is allowed. */
import { Either, ParseResult, Schema } from "effect"
import type { ParameterProblems } from "./Strategy.ts"

const checked = (allowed: string, byDefault: number, isAllowed: (value: number) => boolean) =>
  Schema.optionalWith(
    Schema.Number.annotations({ message: () => allowed }).pipe(Schema.filter(isAllowed, { message: () => allowed })),
    { exact: true, default: () => byDefault }
  )

/** A number within bounds (both included), with a default. NaN and infinities are outside any bounds. */
export const numberBetween = (least: number, most: number, byDefault: number) =>
  checked(`a number from ${least} to ${most}`, byDefault, (n) => n >= least && n <= most)

/** A whole number within bounds (both included), with a default. */
export const wholeNumber = (least: number, most: number, byDefault: number) =>
  checked(`a whole number from ${least} to ${most}`, byDefault, (n) => Number.isInteger(n) && n >= least && n <= most)

/** One of a few numbers, with a default. */
export const oneOf = (values: ReadonlyArray<number>, byDefault: number) =>
  checked(`one of ${values.join(", ")}`, byDefault, (n) => values.includes(n))

const describe = (issue: ParseResult.ArrayFormatterIssue, known: ReadonlyArray<string>): string => {
  const key = issue.path.map(String).join(".")
  if (issue._tag === "Unexpected") return `${key} is not a parameter of this strategy; there are: ${known.join(", ")}`
  return key === "" ? "parameters must be a JSON object" : `${key} must be ${issue.message}`
}

/**
 * A reader for the parameters of a struct schema. Missing keys take their defaults; unknown keys, other types (`"60"`
 * for 60) and values out of bounds are refused together.
 */
export const parameterReader = <A, I>(
  schema: Schema.Schema<A, I> & { readonly fields: Readonly<Record<string, unknown>> }
): ((params: unknown) => Either.Either<A, ParameterProblems>) => {
  const decode = Schema.decodeUnknownEither(schema, { errors: "all", onExcessProperty: "error" })
  const known = Object.keys(schema.fields)
  return (params) =>
    Either.mapLeft(decode(params), (error) => ({
      problems: ParseResult.ArrayFormatter.formatErrorSync(error).map((issue) => describe(issue, known))
    }))
}
