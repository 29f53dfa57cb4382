/** The shapes that REST endpoints share: a call, its parameters, the envelope. */
import { Either } from "effect"
import * as Fixed from "../../money/Fixed.ts"
import type { Instrument } from "../../market/Instrument.ts"
import type { EpochMs } from "../../Time.ts"
import type { RestReply } from "../Boundary.ts"
import type { Permission } from "../Config.ts"
import type { Draft } from "../Draft.ts"
import { findPair } from "../Draft.ts"
import type { Num, Out } from "../Json.ts"
import { num, write } from "../Json.ts"
import type { ExchangeState, KeyState, Market } from "../State.ts"
import type { Refusal } from "../Validation.ts"

export type Params = ReadonlyMap<string, string>

export interface Endpoint {
  readonly params: ReadonlyArray<string>
  readonly answer: (d: Draft, params: Params) => Either.Either<Out, Refusal>
}

export interface PrivateCall {
  readonly params: Params
  readonly key: KeyState
  readonly arrivedAt: EpochMs
}

export interface PrivateEndpoint {
  /** One of these; none asked for if empty. */
  readonly permissions: ReadonlyArray<Permission>
  readonly params: ReadonlyArray<string>
  /** Reads may answer during maintenance, if the switch says so. */
  readonly reads: boolean
  readonly answer: (d: Draft, call: PrivateCall) => Either.Either<Out, Refusal>
}

/** The envelope: HTTP 200 and `{"error":[…]}`, with the result left out on failure. */
export const reply = (answer: Either.Either<Out, Refusal>): RestReply => ({
  body: Either.match(answer, {
    onLeft: (error) => write({ error: [error] }),
    onRight: (result) => write({ error: [], result })
  })
})

/** A name without the place in a list: `orders[0][type]` is a part of `orders`. */
const listOfName = (name: string): string => /^(\w+)\[\d+\]/.exec(name)?.[1] ?? name

/** Fields that nobody knows are ignored, or refused when the switch says so. `close[…]` is known by its bracket. */
export const knows = (
  state: ExchangeState,
  known: ReadonlyArray<string>,
  params: Params
): Either.Either<void, Refusal> =>
  state.switches.unknownParams === "ignore" || [...params.keys()].every((name) => known.includes(listOfName(name)))
    ? Either.void
    : Either.left("EGeneral:Invalid arguments")

export const isTrue = (text: string | undefined): boolean => text === "true" || text === "1"

/** Comma-separated values; empty ones are dropped. */
export const list = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")

/** The texts of a list that came in brackets: `orders[0]`, `orders[1]`… */
export const bracketed = (params: Params, name: string): ReadonlyArray<string> =>
  [...params].flatMap(([key, value]) => (key.startsWith(`${name}[`) && /^\w+\[\d+\]$/.test(key) ? [value] : []))

/** Unix seconds with a fraction, as a JSON number. */
export const unix = (at: EpochMs): Num => num((at / 1000).toFixed(4))

/** Amounts as padded texts: REST writes market prices, costs and fees at the pair's cost decimals. */
export const costText = (rules: Instrument, value: bigint): string => Fixed.format(value, rules.costDecimals)
export const volumeText = (rules: Instrument, value: bigint): string => Fixed.format(value, rules.quantityDecimals)

export interface NamedPair {
  /** The result's key: the pair's id, or the spelling that was asked for with a slash. */
  readonly key: string
  readonly market: Market
}

/** Pairs by name, all of them when none is named. */
export const pairs = (
  state: ExchangeState,
  names: ReadonlyArray<string>
): Either.Either<ReadonlyArray<NamedPair>, Refusal> => {
  if (names.length === 0) {
    return Either.right([...state.markets.values()].map((market) => ({ key: market.rules.restId, market })))
  }
  const found: Array<NamedPair> = []
  for (const name of names) {
    const market = findPair(state, name)
    if (market === undefined) return Either.left("EQuery:Unknown asset pair")
    found.push({ key: name.includes("/") ? name : market.rules.restId, market })
  }
  return Either.right(found)
}

/** Exactly one pair, which must be named. */
export const onePair = (state: ExchangeState, name: string | undefined): Either.Either<NamedPair, Refusal> =>
  Either.flatMap(pairs(state, name === undefined || name === "" ? ["none"] : [name]), ([found]) =>
    Either.fromNullable(found, (): Refusal => "EQuery:Unknown asset pair")
  )
