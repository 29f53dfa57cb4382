/** Plans as JSON, to be kept, looked at, changed by hand and carried out again. */
import { Either, ParseResult, Schema } from "effect"
import type { Plan } from "./Plan.ts"

/** The frame of a plan. What an act says besides its name is the simulation's business. */
const Frame = Schema.Struct({
  name: Schema.String,
  seed: Schema.NonNegativeInt,
  start: Schema.Int,
  lengthMs: Schema.Positive,
  strategy: Schema.Literal("eager", "told"),
  market: Schema.Struct({
    quoteEveryMs: Schema.Positive,
    volatility: Schema.NonNegative,
    trades: Schema.Number.pipe(Schema.between(0, 1))
  }),
  limits: Schema.Struct({
    maxTradeSize: Schema.NumberFromString,
    maxTotalExposure: Schema.NumberFromString,
    maxDailyLoss: Schema.NumberFromString
  }),
  steps: Schema.Array(Schema.Struct({ at: Schema.NonNegative, act: Schema.Struct({ _tag: Schema.NonEmptyString }) })),
  strike: Schema.optional(
    Schema.Struct({ effect: Schema.Int.pipe(Schema.positive()), how: Schema.Literal("fail", "hang", "crash") })
  )
})

const readFrame = Schema.decodeUnknownEither(Frame, { errors: "all" })

const problems = (error: ParseResult.ParseError): string =>
  ParseResult.ArrayFormatter.formatErrorSync(error)
    .map(({ message, path }) => `${path.join(".")}: ${message}`)
    .join("; ")

export const printPlan = (plan: Plan): string => `${JSON.stringify(plan, undefined, 2)}\n`

/** Reads what `printPlan` wrote; says what is wrong where it is no plan. */
export const parsePlan = (text: string): Either.Either<Plan, string> =>
  Either.try({ try: (): unknown => JSON.parse(text), catch: (error) => `is not JSON: ${String(error)}` }).pipe(
    Either.flatMap((raw) =>
      Either.mapBoth(readFrame(raw), {
        onLeft: (error) => `is not a plan: ${problems(error)}`,
        // the frame was checked, and what it leaves open is looked at by whoever carries the plan out
        onRight: () => raw as Plan
      })
    )
  )
