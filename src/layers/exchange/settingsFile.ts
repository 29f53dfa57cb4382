/** The settings file of `exchange`: JSON, every field optional, unknown ones refused. docs/exchange.md documents it. */
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, ParseResult, Schema } from "effect"
import { Fault, LocalKrakenError } from "../../services/LocalKraken.ts"
import { PairSymbol } from "../../domain/market/Instrument.ts"

const SHIFT_MOST_MS = 31 * 86_400_000

const Permission = Schema.Literal(
  "query-funds",
  "add-funds",
  "withdraw-funds",
  "query-open-trades",
  "query-closed-trades",
  "modify-trades",
  "close-trades",
  "query-ledger",
  "create-ws-token"
)

/** A key of the account. Without permissions it may trade and read, and not withdraw. */
const Key = Schema.Struct({
  key: Schema.NonEmptyTrimmedString,
  /** Base64, as Kraken's. */
  secret: Schema.String.pipe(
    Schema.filter((text) => Buffer.from(text, "base64").length >= 32 || "base64 of at least 32 bytes")
  ),
  permissions: Schema.optional(Schema.Array(Permission)),
  nonceWindow: Schema.optional(Schema.NonNegativeInt),
  name: Schema.optional(Schema.String),
  /** Unix seconds. */
  validUntil: Schema.optional(Schema.NonNegativeInt),
  ipAllowlist: Schema.optional(Schema.Array(Schema.String))
})
export type ExchangeKey = typeof Key.Type

export const ExchangeFile = Schema.Struct({
  port: Schema.optional(Schema.Int.pipe(Schema.between(0, 65_535))),
  balances: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  market: Schema.optional(Schema.String),
  pairs: Schema.optional(
    Schema.NonEmptyArray(Schema.String.pipe(Schema.pattern(/^[A-Z0-9]{2,12}\/USD$/), Schema.fromBrand(PairSymbol)))
  ),
  seed: Schema.optional(Schema.NonNegativeInt),
  speed: Schema.optional(Schema.Int.pipe(Schema.between(1, 60))),
  volatility: Schema.optional(Schema.Finite.pipe(Schema.between(0, 20))),
  tier: Schema.optional(Schema.Literal("starter", "intermediate", "pro")),
  latencyMs: Schema.optional(Schema.Finite.pipe(Schema.between(0, 10_000))),
  clockShiftMs: Schema.optional(Schema.Int.pipe(Schema.between(-SHIFT_MOST_MS, SHIFT_MOST_MS))),
  keys: Schema.optional(Schema.NonEmptyArray(Key)),
  faults: Schema.optional(Schema.Array(Fault)),
  data: Schema.optional(Schema.NonEmptyString)
})
export type ExchangeFile = typeof ExchangeFile.Type

const decode = Schema.decodeUnknown(Schema.parseJson(ExchangeFile), { onExcessProperty: "error", errors: "all" })

/** Where a field is wrong, and never what stands there: it may be a secret. */
const problems = (error: ParseResult.ParseError): string =>
  ParseResult.ArrayFormatter.formatErrorSync(error)
    .map(({ path }) => (path.length === 0 ? "it is no JSON object" : path.join(".")))
    .join(", ")

/** Reads a settings file. */
export const readExchangeFile = (path: string): Effect.Effect<ExchangeFile, LocalKrakenError> =>
  Effect.try({
    try: () => readFileSync(path, "utf8"),
    catch: () => new LocalKrakenError({ reason: "settings", message: `The settings file ${path} cannot be read.` })
  }).pipe(
    Effect.flatMap((text) =>
      Effect.mapError(
        decode(text),
        (error) =>
          new LocalKrakenError({
            reason: "settings",
            message: `The settings file ${path} cannot be used; wrong or unknown: ${problems(error)}. See docs/exchange.md.`
          })
      )
    )
  )

/** The database of a data folder, which is made if need be, for its owner alone. */
export const databaseIn = (folder: string): Effect.Effect<string, LocalKrakenError> =>
  Effect.try({
    try: () => {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      return join(folder, "exchange.db")
    },
    catch: () => new LocalKrakenError({ reason: "write", message: `The data folder ${folder} cannot be made.` })
  })
