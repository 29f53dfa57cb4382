/** Kraken's synchronous checks of an order's terms, in Kraken's own words. Each is a text to refuse with. */
import { Either, Option } from "effect"
import type { Instrument } from "../market/Instrument.ts"
import { meetsMinimums } from "../market/Instrument.ts"
import * as Fixed from "../money/Fixed.ts"
import type { Price, Quantity } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"
import { DAY_MS, parseRfc3339 } from "../Time.ts"
import type { Draft } from "./Draft.ts"
import { openOrders } from "./Draft.ts"
import * as Fees from "./Fees.ts"
import * as Limits from "./Limits.ts"
import type { ExchangeState, Market, OrderType } from "./State.ts"

/** An error as the `error` list or field carries it. */
export type Refusal = string

export const invalid = (what: string): Refusal => `EGeneral:Invalid arguments:${what}`
export const UNKNOWN_ORDER: Refusal = "EOrder:Unknown order"
export const POST_ONLY: Refusal = "EOrder:Post only order"
export const RATE_LIMIT: Refusal = "EOrder:Rate limit exceeded"
export const UNAVAILABLE: Refusal = "EService:Unavailable"

const PLAIN = /^\d{1,15}(?:\.(\d{1,30}))?$/
const EXPONENT = /^\d+(?:\.\d+)?[eE][+-]?\d+$/

/** A price text of a limit order: plain decimals, no more than the pair allows, on the tick. */
export const priceOf = (rules: Instrument, text: string | undefined): Either.Either<Price, Refusal> => {
  if (text === undefined) return Either.left(invalid("price"))
  if (EXPONENT.test(text)) return Either.left("EOrder:Invalid price:Invalid price argument.")
  const match = PLAIN.exec(text)
  if (match === null) return Either.left(invalid("price"))
  if ((match[1] ?? "").length > rules.priceDecimals) {
    return Either.left(
      `EOrder:Invalid price:${rules.symbol} price can only be specified up to ${rules.priceDecimals} decimals.`
    )
  }
  const price = Money.Price(Either.getOrElse(Fixed.parse(text), () => 0n))
  if (price === 0n) return Either.left(invalid("price"))
  return price % rules.tickSize === 0n ? Either.right(price) : Either.left("EOrder:Tick size check failed")
}

/** A volume text: plain decimals; more than the lot allows is refused or cut, as the switch says. */
export const volumeOf = (
  rules: Instrument,
  text: string | undefined,
  excess: "refuse" | "truncate"
): Either.Either<Quantity, Refusal> => {
  const match = text === undefined ? null : PLAIN.exec(text)
  if (text === undefined || match === null) return Either.left(invalid("volume"))
  const fraction = match[1] ?? ""
  if (fraction.length > rules.quantityDecimals && excess === "refuse") return Either.left(invalid("volume"))
  const cut = text.slice(0, text.length - Math.max(0, fraction.length - rules.quantityDecimals))
  return Either.mapBoth(Fixed.parse(cut.replace(/\.$/, "")), {
    onLeft: () => invalid("volume"),
    onRight: Money.Quantity
  })
}

/** `ordermin`, then `costmin`; a market order is valued at the best price. */
export const minimums = (rules: Instrument, quantity: Quantity, price: Price): Either.Either<void, Refusal> => {
  if (quantity < rules.minQuantity) return Either.left(invalid("volume minimum not met"))
  return price === 0n || meetsMinimums(rules, price, quantity)
    ? Either.void
    : Either.left("EOrder:Cost minimum not met")
}

const ID_FORMS = [/^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, /^[0-9a-fA-F]{32}$/, /^[\x21-\x7e]{1,18}$/]

/** A client order id: UUID, 32 hexadecimal characters, or at most 18 free ones; unique among the account's open orders. */
export const clOrdIdOf = (
  state: ExchangeState,
  text: string | undefined
): Either.Either<string | undefined, Refusal> => {
  if (text === undefined) return Either.right(undefined)
  if (!ID_FORMS.some((form) => form.test(text))) return Either.left(invalid("cl_ord_id"))
  return openOrders(state).some((order) => order.clOrdId === text)
    ? Either.left(invalid("cl_ord_id"))
    : Either.right(text)
}

/** A user reference: a 32-bit integer. */
export const userrefOf = (text: string | undefined): Either.Either<number | undefined, Refusal> => {
  if (text === undefined) return Either.right(undefined)
  const value = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  return Number.isNaN(value) || Math.abs(value) > 2_147_483_647 ? Either.left(invalid("userref")) : Either.right(value)
}

const DEADLINE_MAX_MS = 60_000

/**
 * `deadline`: on arrival 2 s (REST) or 0.5 s (stream) to 60 s ahead; an order that reaches the engine after it is dropped
 * with `EService:Deadline elapsed`.
 */
export const deadlineOf = (
  text: string | undefined,
  leastMs: number,
  arrivedAt: EpochMs,
  now: EpochMs
): Either.Either<void, Refusal> => {
  if (text === undefined) return Either.void
  const at = Option.getOrUndefined(parseRfc3339(text))
  if (at === undefined) return Either.left(invalid("deadline"))
  if (at <= now) return Either.left("EService:Deadline elapsed")
  return at - arrivedAt < leastMs || at - arrivedAt > DEADLINE_MAX_MS ? Either.left(invalid("deadline")) : Either.void
}

/** An expiry must be ahead and at most a month away. */
export const expiryWithin = (at: EpochMs, now: EpochMs): Either.Either<EpochMs, Refusal> =>
  at > now && at <= now + 31 * DAY_MS ? Either.right(at) : Either.left(invalid("expiretm"))

/** What the system's mode and the pair's status say to an order. */
export const modeAllows = (
  state: ExchangeState,
  market: Market,
  order: { readonly type: OrderType; readonly postOnly: boolean }
): Either.Either<void, Refusal> => {
  for (const mode of [state.system, market.rules.status]) {
    if (mode === "online") continue
    if (mode === "post_only" && order.postOnly) continue
    if (mode === "limit_only" && order.type === "limit") continue
    if (mode === "maintenance" || mode === "unknown") return Either.left(UNAVAILABLE)
    return Either.left(`EService:Market in ${mode} mode`)
  }
  return Either.void
}

/** What a transaction costs the engine's limiter: the fixed part on receipt, the rest if it is done. */
export interface EngineCost {
  readonly fixed: number
  readonly age: number
}

/**
 * Charges the engine's limiter of a pair; whether the transaction may go on. One that is refused costs its fixed part, if
 * the switch says that refused calls count. With `always` the counter may go over its maximum.
 */
export const chargeEngine = (d: Draft, market: Market, cost: EngineCost, always: boolean): boolean => {
  const symbol = market.rules.symbol
  const before = d.state.engine.get(symbol) ?? Limits.fresh
  const charge = (points: number, counts: boolean): ReturnType<typeof Limits.charge> =>
    Limits.charge(before, Limits.engineRules[d.state.tier], points, d.state.now, counts)
  const whole = charge(cost.fixed + cost.age, always)
  const allowed = whole.allowed || always
  const { counter } = allowed ? whole : charge(cost.fixed, d.state.switches.rejectedCallCounts)
  d.state.engine = new Map(d.state.engine).set(symbol, counter)
  return allowed
}

/** Whether another order may rest on the pair. */
export const withinCap = (state: ExchangeState, market: Market): boolean =>
  openOrders(state, market.rules.symbol).length < Limits.openOrdersCap[state.tier]

/** What an order at a price costs at most, fee included, for a market order that holds nothing yet. */
export const costWithFee = (state: ExchangeState, market: Market, quantity: Quantity, price: Price): bigint => {
  const decimals = market.rules.quoteDecimals
  const cost = Fees.costOf(price, quantity, decimals, "up")
  return cost + Fees.shareOf(cost, Fees.rateOf(state, false), decimals, "up")
}
