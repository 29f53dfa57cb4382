/** Plans as JSON, to be kept, looked at, changed by hand and carried out again. */
import { Either, ParseResult, Schema } from "effect"
import type { Act, Plan } from "./Plan.ts"

/** Every act there is: one that is not here would be passed over in silence. */
const acts: Readonly<Record<Act["_tag"], true>> = {
  Fault: true,
  NetworkDown: true,
  Disconnect: true,
  Tokens: true,
  System: true,
  Switches: true,
  Deposit: true,
  Withdraw: true,
  ToFlex: true,
  ByHand: true,
  EndedByExchange: true,
  Filled: true,
  Jump: true,
  Drift: true,
  Quiet: true,
  Crossed: true,
  Crash: true,
  Stop: true,
  Freeze: true,
  ClockStep: true,
  Disk: true,
  Pause: true,
  CancelAll: true,
  Flatten: true,
  Enter: true,
  When: true,
  Rewrite: true,
  Key: true,
  Rules: true,
  OtherProgram: true,
  Twin: true,
  NewerSchema: true
}

const Name = Schema.String.pipe(Schema.filter((name) => Object.hasOwn(acts, name) || `there is no act "${name}"`))

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
  steps: Schema.Array(Schema.Struct({ at: Schema.NonNegative, act: Schema.Struct({ _tag: Name }) })),
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
