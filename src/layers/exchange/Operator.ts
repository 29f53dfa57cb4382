/**
 * What a person or a test can do to the running exchange, by name, with texts for parameters.
 *
 * | name | parameters | does |
 * |---|---|---|
 * | `system` | `mode`: online, maintenance, cancel_only, post_only, limit_only | changes the system's mode and tells every stream |
 * | `switch` | `name`, `value` | changes one of the `Switches` of the exchange, e.g. `postOnlyCross` to `cancel` |
 * | `deposit`, `withdraw` | `asset` (`USD`, `XLM`), `amount` | money in or out |
 * | `flex`, `unflex` | `asset`, `amount` | auto-earn takes funds to `.F`, or gives them back |
 * | `order` | `symbol`, `side`, `type`, `quantity`, `price` | an order (a sale, say) by hand, without a client id; gives `txid` |
 * | `cancel` | `txid`, `reason` | the exchange ends an order by itself |
 * | `fill` | `txid`, `quantity` | a resting order is filled at its price |
 * | `instrument` | `symbol`, and any of `minQuantity`, `minCost`, `status` | changes a pair's rules and tells the streams |
 * | `key` | any of `permissions` (comma-separated), `nonceWindow`, `validUntil` (Unix seconds), `ipAllowlist` | changes the API key |
 * | `tokens` | | every stream token becomes invalid |
 * | `view` | | account, orders, fills, ledger, request log |
 * | `advance` | `ms`, at most 31 days | market time jumps ahead |
 * | `pause`, `resume` | | market time stands still, or goes on |
 * | `outage` | `value`: true, false | no market: public streams are closed and refused, prices are not told, until it ends; `system` is told apart |
 * | `disconnect` | `stream`: public, auth, both; `code` | closes streams; 1006 cuts them off |
 */
import { Effect, Either, Option, Schema } from "effect"
import type { Switches } from "../../domain/exchange/Config.ts"
import { defaultSwitches } from "../../domain/exchange/Config.ts"
import * as Domain from "../../domain/exchange/Operator.ts"
import type { ExchangeState } from "../../domain/exchange/State.ts"
import { view } from "../../domain/exchange/View.ts"
import type { Instrument } from "../../domain/market/Instrument.ts"
import { PairSymbol } from "../../domain/market/Instrument.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import * as Money from "../../domain/money/Money.ts"
import type { EpochMs } from "../../domain/Time.ts"
import type { LocalKrakenError, SteerableClockShape } from "../../services/LocalKraken.ts"
import { ControlRefused } from "../../services/LocalKraken.ts"
import type { Driver, Outcome } from "./Driver.ts"

type Params = Readonly<Record<string, string>>
type Result = Effect.Effect<unknown, ControlRefused | LocalKrakenError>

const LONGEST_JUMP_MS = 31 * 86_400_000

const refuse = (message: string): ControlRefused => new ControlRefused({ message })

const Mode = Schema.Literal("online", "maintenance", "cancel_only", "post_only", "limit_only")
const Side = Schema.Literal("buy", "sell")
const Type = Schema.Literal("limit", "market")
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
const StreamName = Schema.Literal("public", "auth", "both")
const Status = Schema.Literal("online", "cancel_only", "post_only", "limit_only", "reduce_only", "maintenance")

/** A parameter that must be one of some words. */
const oneOf = <A extends string>(
  params: Params,
  name: string,
  schema: Schema.Literal<readonly [A, ...Array<A>]>
): Either.Either<A, ControlRefused> =>
  Either.mapLeft(Schema.decodeUnknownEither(schema)(params[name]), () =>
    refuse(`${name} must be one of ${schema.literals.join(", ")}`)
  )

const required = (params: Params, name: string): Either.Either<string, ControlRefused> =>
  Either.fromNullable(params[name], () => refuse(`${name} is missing`))

const amount = (params: Params, name: string): Either.Either<bigint, ControlRefused> =>
  Either.filterOrLeft(
    Either.mapLeft(Fixed.parse(params[name] ?? ""), () => refuse(`${name} must be a plain decimal number`)),
    (value) => value > 0n,
    () => refuse(`${name} must be more than 0`)
  )

const whole = (params: Params, name: string): Either.Either<number, ControlRefused> =>
  /^\d{1,15}$/.test(params[name] ?? "")
    ? Either.right(Number(params[name]))
    : Either.left(refuse(`${name} must be a whole number, 0 or more`))

/** Absent parameters stay absent. */
const optional = <A>(
  params: Params,
  name: string,
  read: (params: Params, name: string) => Either.Either<A, ControlRefused>
): Either.Either<Option.Option<A>, ControlRefused> =>
  params[name] === undefined ? Either.right(Option.none()) : Either.map(read(params, name), Option.some)

/** The switches as texts tell them. */
const SwitchTexts = Schema.partialWith(
  Schema.Struct({
    postOnlyCross: Schema.Literal("error", "cancel"),
    amendKeepsPostOnly: Schema.BooleanFromString,
    holdIncludesFee: Schema.BooleanFromString,
    unknownParams: Schema.Literal("ignore", "refuse"),
    excessVolumeDecimals: Schema.Literal("refuse", "truncate"),
    rejectedCallCounts: Schema.BooleanFromString,
    singleCancelLimited: Schema.BooleanFromString,
    restLagMs: Schema.NumberFromString.pipe(Schema.between(0, 60_000)),
    reportLagMs: Schema.NumberFromString.pipe(Schema.between(0, 60_000)),
    deltasCarryClOrdId: Schema.BooleanFromString,
    filledCarriesTotals: Schema.BooleanFromString,
    ackFirst: Schema.BooleanFromString,
    bareIntegers: Schema.BooleanFromString,
    maintenanceReads: Schema.BooleanFromString,
    statusCarriesConnectionId: Schema.BooleanFromString,
    queueAheadPct: Schema.NumberFromString.pipe(Schema.between(0, 10_000)),
    marketBandPct: Schema.NumberFromString.pipe(Schema.between(0, 100))
  }),
  { exact: true }
)
const readSwitches = Schema.decodeUnknownEither(SwitchTexts, { onExcessProperty: "error" })

/** A switch and its new value, read as its kind wants it. */
const switchChange = (params: Params): Either.Either<Partial<Switches>, ControlRefused> =>
  Either.flatMap(Either.all({ name: required(params, "name"), value: required(params, "value") }), ({ name, value }) =>
    Either.mapLeft(readSwitches({ [name]: value }), () =>
      refuse(
        Object.hasOwn(defaultSwitches, name)
          ? `${value} is no value of the switch ${name}`
          : `there is no switch ${name}; there are: ${Object.keys(defaultSwitches).join(", ")}`
      )
    )
  )

/** JSON of a view: amounts as decimal texts, maps as objects. */
export const plain = (value: unknown): unknown => {
  if (typeof value === "bigint") return Fixed.show(value)
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, field]): [string, unknown] => [String(key), plain(field)]))
  }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]): [string, unknown] => [key, plain(field)]))
}

const instrumentChange = (params: Params): Either.Either<Partial<Instrument>, ControlRefused> =>
  Either.gen(function* () {
    const minQuantity = yield* optional(params, "minQuantity", amount)
    const minCost = yield* optional(params, "minCost", amount)
    const status = yield* optional(params, "status", (p, name) => oneOf(p, name, Status))
    return {
      ...(Option.isSome(minQuantity) ? { minQuantity: Money.Quantity(minQuantity.value) } : {}),
      ...(Option.isSome(minCost) ? { minCost: Money.Usd(minCost.value) } : {}),
      ...(Option.isSome(status) ? { status: status.value } : {})
    }
  })

export interface OperatorParts {
  readonly driver: Driver
  readonly clock: SteerableClockShape
  /** The key that `key` changes. */
  readonly apiKey: string
  readonly disconnect: (stream: "public" | "auth" | "both", code: number) => void
  readonly outage: (on: boolean) => void
}

const Truth = Schema.Literal("true", "false")
/** Kraken: "try again later". */
const TRY_LATER = 1013

export const makeOperator = (parts: OperatorParts): ((name: string, params: Params) => Result) => {
  const { apiKey, clock, driver } = parts

  /** Checks the parameters, then does it in one transaction. */
  const act = <P, A>(
    read: Either.Either<P, ControlRefused>,
    run: (state: ExchangeState, now: EpochMs, params: P) => Outcome<A>
  ): Effect.Effect<A, ControlRefused | LocalKrakenError> =>
    Effect.flatMap(read, (params) => driver.run((state, now) => run(state, now, params)))

  const done = { done: true }

  /** Moves money of an asset that the exchange knows. */
  const move = (
    params: Params,
    run: (state: ExchangeState, asset: string, value: bigint, now: EpochMs) => Outcome<void>
  ): Result =>
    Effect.as(
      act(
        Either.all({
          asset: Either.filterOrLeft(
            required(params, "asset"),
            (name) => driver.state().assets.some((asset) => asset.name === name),
            (name) => refuse(`there is no asset ${name}`)
          ),
          value: amount(params, "amount")
        }),
        (state, now, { asset, value }) => run(state, asset, value, now)
      ),
      done
    )

  /** What the exchange itself may refuse, in its own words. */
  const answered = <A>(effect: Effect.Effect<Either.Either<A, string>, ControlRefused | LocalKrakenError>) =>
    Effect.flatMap(effect, (value) => Either.mapLeft(value, refuse))

  const changeKey = (params: Params) =>
    Either.gen(function* () {
      const window = yield* optional(params, "nonceWindow", whole)
      const until = yield* optional(params, "validUntil", whole)
      const words = params["permissions"]?.split(",").filter((word) => word !== "") ?? []
      const permissions = yield* Either.all(words.map((permission) => oneOf({ permission }, "permission", Permission)))
      return {
        ...(Option.isSome(window) ? { nonceWindow: BigInt(window.value) } : {}),
        ...(Option.isSome(until) ? { validUntil: until.value } : {}),
        ...(params["permissions"] === undefined ? {} : { permissions }),
        ...(params["ipAllowlist"] === undefined
          ? {}
          : { ipAllowlist: params["ipAllowlist"].split(",").filter((ip) => ip !== "") })
      }
    })

  const known: Readonly<Record<string, (params: Params) => Result>> = {
    system: (params) =>
      Effect.as(
        act(oneOf(params, "mode", Mode), (state, now, mode) => Domain.setSystem(state, mode, now)),
        done
      ),
    switch: (params) =>
      Effect.as(
        act(switchChange(params), (state, _, switches) => ({
          state: Domain.setSwitches(state, switches),
          frames: [],
          value: undefined
        })),
        done
      ),
    deposit: (params) => move(params, Domain.deposit),
    withdraw: (params) => move(params, Domain.withdraw),
    flex: (params) => move(params, Domain.transferToFlex),
    unflex: (params) => move(params, Domain.transferFromFlex),
    order: (params) =>
      Effect.map(
        answered(
          act(
            Either.all({
              symbol: required(params, "symbol"),
              side: oneOf(params, "side", Side),
              type: oneOf(params, "type", Type),
              quantity: required(params, "quantity")
            }),
            (state, now, { quantity, side, symbol, type }) =>
              Domain.placeForeign(
                state,
                {
                  symbol: PairSymbol(symbol),
                  side,
                  type,
                  quantity,
                  ...(params["price"] === undefined ? {} : { price: params["price"] })
                },
                now
              )
          )
        ),
        (txid) => ({ txid })
      ),
    cancel: (params) =>
      Effect.as(
        answered(
          act(
            Either.all({ txid: required(params, "txid"), reason: required(params, "reason") }),
            (state, now, { reason, txid }) => Domain.cancelByExchange(state, txid, reason, now)
          )
        ),
        done
      ),
    fill: (params) =>
      Effect.map(
        answered(
          act(
            Either.all({ txid: required(params, "txid"), quantity: amount(params, "quantity") }),
            (state, now, { quantity, txid }) => Domain.injectFill(state, txid, quantity, now)
          )
        ),
        (filled) => ({ filled })
      ),
    instrument: (params) =>
      Effect.as(
        act(
          Either.all({
            symbol: Either.filterOrLeft(
              Either.map(required(params, "symbol"), PairSymbol),
              (symbol) => driver.state().markets.has(symbol),
              (symbol) => refuse(`there is no pair ${symbol}`)
            ),
            rules: instrumentChange(params)
          }),
          (state, now, { rules, symbol }) => Domain.setInstrument(state, symbol, rules, now)
        ),
        done
      ),
    key: (params) =>
      Effect.as(
        act(changeKey(params), (state, _, rules) => {
          const key = state.keys.get(apiKey)
          return {
            state: key === undefined ? state : Domain.setKey(state, { ...key, ...rules }),
            frames: [],
            value: undefined
          }
        }),
        done
      ),
    tokens: () =>
      Effect.as(
        driver.run((state) => ({ state: Domain.expireTokens(state), frames: [], value: undefined })),
        done
      ),
    view: () => Effect.map(driver.settle, () => plain(view(driver.state()))),
    advance: (params) =>
      Effect.flatMap(
        Either.filterOrLeft(
          whole(params, "ms"),
          (ms) => ms <= LONGEST_JUMP_MS,
          () => refuse(`ms must be at most ${LONGEST_JUMP_MS}: every event on the way is played`)
        ),
        (ms) =>
          clock.advance(ms).pipe(
            Effect.zipRight(driver.settle),
            Effect.map((now) => ({ now }))
          )
      ),
    pause: () => Effect.as(clock.pause, done),
    resume: () => Effect.as(clock.resume, done),
    outage: (params) =>
      Effect.map(oneOf(params, "value", Truth), (value) => {
        parts.outage(value === "true")
        if (value === "true") parts.disconnect("public", TRY_LATER)
        return done
      }),
    disconnect: (params) =>
      Effect.flatMap(
        Either.all({
          stream: oneOf(params, "stream", StreamName),
          code: Either.filterOrLeft(
            whole(params, "code"),
            (code) => code === 1006 || (code >= 1000 && code < 5000 && code !== 1004 && code !== 1005),
            () => refuse("code must be a close code, 1000 to 4999")
          )
        }),
        ({ code, stream }) =>
          Effect.as(
            Effect.sync(() => parts.disconnect(stream, code)),
            done
          )
      )
  }

  return (name, params) => {
    const one = Object.hasOwn(known, name) ? known[name] : undefined
    return one === undefined
      ? refuse(`there is no control ${name}; there are: ${Object.keys(known).join(", ")}`)
      : one(params)
  }
}
