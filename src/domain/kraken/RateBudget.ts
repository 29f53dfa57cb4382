/**
 * Kraken's two rate limiters as arithmetic. The REST counter belongs to the API key, the engine counters to the account and
 * pair. Both fall steadily and rise with each call; the model always assumes the dearer reading, so that it is never
 * emptier than the exchange's own. Counters are points, not money: doubles. Time is market time.
 */
import { Either, Schema } from "effect"
import type { EpochMs } from "../Time.ts"

export type Tier = "starter" | "intermediate" | "pro"

export interface TierLimits {
  readonly rest: { readonly max: number; readonly decay: number }
  readonly engine: { readonly max: number; readonly decay: number }
}

/** Kraken: rate limits by verification tier; decay in points a second. */
export const tiers: Readonly<Record<Tier, TierLimits>> = {
  starter: { rest: { max: 15, decay: 0.33 }, engine: { max: 60, decay: 1 } },
  intermediate: { rest: { max: 20, decay: 0.5 }, engine: { max: 125, decay: 2.34 } },
  pro: { rest: { max: 20, decay: 1 }, engine: { max: 180, decay: 3.75 } }
}

/** Points of the REST counter that reads leave to the dead man's switch and to cancels of everything. */
export const REST_RESERVE = 3
/** Points of an engine counter that entries leave to exits: two attempts, each added and cancelled at once. */
export const EXIT_RESERVE = 18
/** What cancelling an order costs at worst, and therefore what every order placed keeps back for its own cancel. */
export const WORST_CANCEL = 8
/** What an amend costs at worst. */
export const WORST_AMEND = 4

/** Kraken: history of trades and ledgers costs two, orders and cancels nothing here, every other private call one. */
export const restCost = (endpoint: string): number => {
  switch (endpoint) {
    case "AddOrder":
    case "AmendOrder":
    case "CancelOrder":
      return 0
    case "TradesHistory":
    case "ClosedOrders":
    case "Ledgers":
      return 2
    default:
      return 1
  }
}

/** Cost of a cancel by the order's age (seconds since it was placed or last amended). Kraken: +8 below 5 s … 0 from 300 s. */
export const cancelCost = (ageMs: number): number => {
  const age = ageMs / 1000
  if (age < 5) return 8
  if (age < 10) return 6
  if (age < 15) return 5
  if (age < 45) return 4
  if (age < 90) return 2
  return age < 300 ? 1 : 0
}

/** Cost of an amend: one, and a penalty by age. Kraken: +3 below 5 s, +2 below 10 s, +1 below 15 s. */
export const amendCost = (ageMs: number): number => {
  const age = ageMs / 1000
  if (age < 5) return 4
  if (age < 10) return 3
  return age < 15 ? 2 : 1
}

export const ADD_COST = 1

/** A counter as it stood at a time. */
export interface Counter {
  readonly value: number
  readonly at: EpochMs
}

/** An order of ours that may have to be cancelled: its age decides the price of that. */
export interface KnownOrder {
  readonly pair: string
  /** Placed or last amended. */
  readonly since: EpochMs
}

export interface RateState {
  readonly rest: Counter
  readonly engine: Readonly<Record<string, Counter>>
  /** What a pair's counter starts from when nothing is known of it: the state's birth, at full. */
  readonly engineDefault: Counter
  readonly orders: Readonly<Record<string, KnownOrder>>
  /** Nothing at all is sent before this. */
  readonly quietUntil: EpochMs
  /** Why: a lockout says how callers have to be answered. */
  readonly quietFor: "none" | "rate limit" | "lockout"
}

/** Fifteen minutes without a word. Kraken: every attempt during a lockout may start it again. */
export const LOCKOUT_MS = 900_000
/** After a REST limit error every call of the key rests for some seconds. */
export const QUIET_MS = 5000

/** Everything full: what is assumed when nothing was saved. */
export const full = (limits: TierLimits, now: EpochMs): RateState => ({
  rest: { value: limits.rest.max, at: now },
  engine: {},
  engineDefault: { value: limits.engine.max, at: now },
  orders: {},
  quietUntil: 0,
  quietFor: "none"
})

/** Everything empty: an account that has been left alone for long. */
export const empty = (now: EpochMs): RateState => ({
  rest: { value: 0, at: now },
  engine: {},
  engineDefault: { value: 0, at: now },
  orders: {},
  quietUntil: 0,
  quietFor: "none"
})

/** The counter's value now. A clock that steps back lets nothing decay. */
export const valueAt = (counter: Counter, decay: number, now: EpochMs): number =>
  Math.max(0, counter.value - (decay * Math.max(0, now - counter.at)) / 1000)

const charge = (counter: Counter, decay: number, cost: number, now: EpochMs): Counter => ({
  value: valueAt(counter, decay, now) + cost,
  at: Math.max(now, counter.at)
})

/** Milliseconds until `cost` fits under `ceiling`; for a cost above the ceiling, until the counter is empty. */
const waitMs = (counter: Counter, decay: number, ceiling: number, cost: number, now: EpochMs): number => {
  const excess = valueAt(counter, decay, now) + Math.min(cost, ceiling) - ceiling
  return excess <= 1e-9 ? 0 : Math.ceil((excess / decay) * 1000)
}

/** How long everything is silent: after a limit error, a throttling, a lockout. */
export const quietMs = (state: RateState, now: EpochMs): number => Math.max(0, state.quietUntil - now)

/** Wait before a call of this cost may spend from the REST counter. Only `read` leaves the reserve. */
export const restWait = (
  state: RateState,
  limits: TierLimits,
  rank: "read" | "other",
  cost: number,
  now: EpochMs
): number =>
  cost === 0
    ? 0
    : waitMs(state.rest, limits.rest.decay, limits.rest.max - (rank === "read" ? REST_RESERVE : 0), cost, now)

export const chargeRest = (state: RateState, limits: TierLimits, cost: number, now: EpochMs): RateState => ({
  ...state,
  rest: charge(state.rest, limits.rest.decay, cost, now)
})

/** An entry of a table, and none of what every object has besides: a saved text may name anything. */
const entryOf = <A>(table: Readonly<Record<string, A>>, key: string): A | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined

export const engineCounter = (state: RateState, pair: string): Counter =>
  entryOf(state.engine, pair) ?? state.engineDefault

/** What cancelling every known order of the pair would cost now. */
const cancelsOf = (state: RateState, pair: string, now: EpochMs): number =>
  Object.values(state.orders).reduce((sum, o) => (o.pair === pair ? sum + cancelCost(now - o.since) : sum), 0)

/**
 * Wait before the engine takes an action of this cost. An entry leaves enough to cancel every known order, itself, and for
 * two exits; exits and cancels may spend all of it.
 */
export const engineWait = (
  state: RateState,
  limits: TierLimits,
  rank: "entry" | "other",
  pair: string,
  cost: number,
  now: EpochMs
): number => {
  const { decay, max } = limits.engine
  const reserve = rank === "entry" ? Math.min(max / 2, EXIT_RESERVE + WORST_CANCEL + cancelsOf(state, pair, now)) : 0
  return waitMs(engineCounter(state, pair), decay, max - reserve, cost, now)
}

/** Charges the pair's counter; a negative cost takes back what was charged for something that was not sent. */
export const chargeEngine = (
  state: RateState,
  limits: TierLimits,
  pair: string,
  cost: number,
  now: EpochMs
): RateState => {
  const charged = charge(engineCounter(state, pair), limits.engine.decay, cost, now)
  return { ...state, engine: { ...state.engine, [pair]: { ...charged, value: Math.max(0, charged.value) } } }
}

/** Orders older than this are forgotten: their cancel costs nothing more, and the list stays short. */
const FORGET_MS = 3_600_000
/** Orders remembered at most; beyond that the oldest go first and count as of unknown age. */
export const MAX_ORDERS = 500

/** An order was placed, or amended: its age starts again. */
export const orderSeen = (state: RateState, id: string, pair: string, now: EpochMs): RateState => {
  const kept = Object.entries(state.orders)
    .filter(([key, o]) => key !== id && now - o.since < FORGET_MS)
    .toSorted((a, b) => b[1].since - a[1].since)
    .slice(0, MAX_ORDERS - 1)
  return { ...state, orders: { ...Object.fromEntries(kept), [id]: { pair, since: now } } }
}

/** An order is known to have ended. */
export const orderGone = (state: RateState, id: string): RateState => {
  const { [id]: _, ...orders } = state.orders
  return { ...state, orders }
}

/** Only these are open, as a read begun at `askedAt` says: older ones that it lacks have ended. */
export const ordersOpen = (state: RateState, open: ReadonlySet<string>, askedAt: EpochMs): RateState => ({
  ...state,
  orders: Object.fromEntries(
    Object.entries(state.orders).filter(([id, o]) => open.has(id) || o.since >= askedAt - 60_000)
  )
})

/** Age of an order in milliseconds; one that is not known is as young as can be. */
const ageOf = (state: RateState, id: string, now: EpochMs): number => {
  const order = entryOf(state.orders, id)
  return order === undefined ? 0 : now - order.since
}
export const cancelCostOf = (state: RateState, id: string, now: EpochMs): number => cancelCost(ageOf(state, id, now))
export const amendCostOf = (state: RateState, id: string, now: EpochMs): number => amendCost(ageOf(state, id, now))

/** Everything is cancelled at once: each pair pays for its known orders. The exchange honours it over the threshold. */
export const chargeCancelAll = (state: RateState, limits: TierLimits, now: EpochMs): RateState => {
  const pairs = new Set(Object.values(state.orders).map((o) => o.pair))
  let next = state
  for (const pair of pairs) next = chargeEngine(next, limits, pair, cancelsOf(state, pair, now), now)
  return { ...next, orders: {} }
}

/** `EAPI:Rate limit exceeded` and its kind: the counter is full, and everything rests a while. */
export const restLimitHit = (state: RateState, limits: TierLimits, now: EpochMs): RateState =>
  quiet({ ...state, rest: { value: limits.rest.max, at: now } }, now + QUIET_MS, "rate limit")

/** `EOrder:Rate limit exceeded`: this pair's counter is full; without a pair, every counter is. */
export const engineLimitHit = (
  state: RateState,
  limits: TierLimits,
  pair: string | undefined,
  now: EpochMs
): RateState => {
  const counter: Counter = { value: limits.engine.max, at: now }
  return pair === undefined
    ? { ...state, engine: {}, engineDefault: counter }
    : { ...state, engine: { ...state.engine, [pair]: counter } }
}

/** Longest silence that a stated time is believed for. */
const MAX_THROTTLE_MS = LOCKOUT_MS

/** `EService: Throttled: <time>`: nothing is sent before that time; without a time, as after a limit error. */
export const throttled = (state: RateState, until: EpochMs | undefined, now: EpochMs): RateState =>
  quiet(state, Math.min(until ?? now + QUIET_MS, now + MAX_THROTTLE_MS), "rate limit")

/** `EGeneral:Temporary lockout`. */
export const lockedOut = (state: RateState, now: EpochMs): RateState => quiet(state, now + LOCKOUT_MS, "lockout")

const quiet = (state: RateState, until: EpochMs, why: "rate limit" | "lockout"): RateState =>
  until <= state.quietUntil ? state : { ...state, quietUntil: until, quietFor: why }

const CounterSchema = Schema.Struct({ value: Schema.Finite, at: Schema.Finite })
const Saved = Schema.parseJson(
  Schema.Struct({
    version: Schema.Literal(1),
    rest: CounterSchema,
    engine: Schema.Record({ key: Schema.String, value: CounterSchema }),
    engineDefault: CounterSchema,
    orders: Schema.Record({
      key: Schema.String,
      value: Schema.Struct({ pair: Schema.String, since: Schema.Finite })
    }),
    quietUntil: Schema.Finite,
    quietFor: Schema.Literal("none", "rate limit", "lockout"),
    clean: Schema.Boolean
  })
)
const decodeSaved = Schema.decodeEither(Saved)

/** The state as text. `clean` says that nothing was spent after it was written. */
export const serialise = (state: RateState, clean: boolean): string => {
  // numbers and texts only: written as `Saved` reads them, after each call, so without a schema's detour
  const saved: typeof Saved.Type = { version: 1, ...state, clean }
  return JSON.stringify(saved)
}

/** What can be spent between two savings: added to every counter of a state that was not closed. */
export const UNSAVED_REST = 3
export const UNSAVED_ENGINE = 9

/** No counter of Kraken's comes near this: a text that says otherwise says nothing. Whatever was counted can be saved. */
const HIGHEST = 100_000
const believable = ({ value }: Counter): boolean => value >= 0 && value <= HIGHEST

const raised = (counter: Counter, by: number, now: EpochMs): Counter => ({
  value: counter.value + by,
  // A time ahead of the clock (it was set back, or the file is another machine's) decays from now.
  at: Math.min(counter.at, now)
})

/** Reads what was saved; `undefined` for a text that says nothing. A state that was not closed counts what it may have missed. */
export const restore = (text: string, now: EpochMs): RateState | undefined => {
  const saved = Either.getOrUndefined(decodeSaved(text))
  if (saved === undefined) return undefined
  if (![saved.rest, saved.engineDefault, ...Object.values(saved.engine)].every(believable)) return undefined
  const { version: _, clean, ...state } = saved
  const rest = clean ? 0 : UNSAVED_REST
  const engine = clean ? 0 : UNSAVED_ENGINE
  return {
    ...state,
    rest: raised(state.rest, rest, now),
    engine: Object.fromEntries(Object.entries(state.engine).map(([pair, c]) => [pair, raised(c, engine, now)])),
    engineDefault: raised(state.engineDefault, engine, now),
    quietUntil: Math.min(state.quietUntil, now + LOCKOUT_MS)
  }
}
