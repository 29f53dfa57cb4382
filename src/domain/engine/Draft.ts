/** A fold in progress: the state so far, and what was decided. Local to one call of `fold`; nothing outside ever sees it change. */
import type { BreakerStep } from "../breaker/Breaker.ts"
import * as Breaker from "../breaker/Breaker.ts"
import type { Cause } from "../breaker/BreakerState.ts"
import type { PairSymbol } from "../market/Instrument.ts"
import type { Order } from "../order/Order.ts"
import type { Lot } from "../portfolio/Lot.ts"
import type { EpochMs } from "../Time.ts"
import type { Decision, Severity } from "./Decision.ts"
import type { EngineState, PairState } from "./State.ts"
import type { StoreWrite } from "./Write.ts"

export interface Draft {
  state: EngineState
  readonly at: EpochMs
  readonly out: Array<Decision>
  readonly writes: Array<StoreWrite>
}

export const patch = (d: Draft, change: Partial<EngineState>): void => {
  d.state = { ...d.state, ...change }
}

/** Replaces an order and has it recorded. */
export const putOrder = (d: Draft, order: Order): void => {
  holdOrder(d, order)
  d.writes.push({ _tag: "Order", order })
}

/** Replaces an order in memory only: its row is written by somebody else (the intent) or must not exist. */
export const holdOrder = (d: Draft, order: Order): void => {
  const byExchangeId =
    order.exchangeId === undefined
      ? d.state.byExchangeId
      : new Map(d.state.byExchangeId).set(order.exchangeId, order.id)
  patch(d, { orders: new Map(d.state.orders).set(order.id, order), byExchangeId })
}

export const putLot = (d: Draft, lot: Lot): void => {
  patch(d, { lots: new Map(d.state.lots).set(lot.id, lot) })
  d.writes.push({ _tag: "Lot", lot })
}

export const putPair = (d: Draft, symbol: PairSymbol, change: Partial<PairState>): void => {
  const pair = d.state.pairs.get(symbol)
  if (pair !== undefined) patch(d, { pairs: new Map(d.state.pairs).set(symbol, { ...pair, ...change }) })
}

export const alert = (
  d: Draft,
  severity: Severity,
  kind: string,
  text: string,
  data?: Readonly<Record<string, string | number>>
): void => {
  d.out.push({ _tag: "Alert", severity, kind, text, ...(data === undefined ? {} : { data }) })
}

export const log = (
  d: Draft,
  level: "debug" | "info" | "warning",
  text: string,
  data?: Readonly<Record<string, string | number>>
): void => {
  d.out.push({ _tag: "Log", level, text, ...(data === undefined ? {} : { data }) })
}

/** True at most once per `every` milliseconds for a key, and remembers that it was. */
export const askOnce = (d: Draft, key: string, every: number): boolean => {
  const last = d.state.asked.get(key)
  if (last !== undefined && d.at - last < every) return false
  patch(d, { asked: new Map(d.state.asked).set(key, d.at) })
  return true
}

const consequence: Readonly<Record<Cause, string>> = {
  api: "Entries stop until a probe of the API succeeds; exits go on.",
  orders: "Entries stop until a test order is accepted; exits go on.",
  stream: "Entries stop until the streams are healthy again; exits go on.",
  price: "Entries stop until the price has been calm for the cool-down; exits go on.",
  stale: "Entries stop until fresh quotes come through the cool-down; exits price from REST.",
  balance:
    "Entries stop, exits go on. Look at the account, then run `breaker reset --cause balance`: what differs beyond the trader's own lots counts as yours from then on.",
  dailyLoss: "No entry until the next UTC day; nothing lifts it before. Exits go on.",
  invariant:
    "A safety rule was found broken: entries stop and resting entries are cancelled until you looked and ran `breaker reset`.",
  operator: "Entries stop until `breaker reset`; exits go on."
}

/** Takes a step of the breaker over: state, record, and a word to people. */
export const applyBreaker = (d: Draft, step: BreakerStep): void => {
  if (step.state === d.state.breaker) return
  patch(d, { breaker: step.state })
  d.writes.push({ _tag: "Breaker", state: step.state, changes: step.changes })
  for (const change of step.changes) {
    if (change.change === "cleared") {
      alert(d, "info", "breaker.cleared", `Breaker: ${change.cause} cleared (${change.by}): ${change.reason}.`, {
        cause: change.cause
      })
    } else {
      const severity = Breaker.hasProbe(change.cause) ? "warning" : "critical"
      alert(
        d,
        severity,
        "breaker.latched",
        `Breaker: ${change.cause} ${change.change}: ${change.reason}. ${consequence[change.cause]}`,
        {
          cause: change.cause
        }
      )
    }
  }
}

export const latch = (d: Draft, cause: Cause, reason: string): void =>
  applyBreaker(d, Breaker.latch(d.state.breaker, d.state.rules.breaker, cause, d.at, reason))

export const fail = (d: Draft, cause: Cause, reason: string): void =>
  applyBreaker(d, Breaker.fail(d.state.breaker, d.state.rules.breaker, cause, d.at, reason))

export const succeed = (d: Draft, cause: Cause): void => patch(d, { breaker: Breaker.succeed(d.state.breaker, cause) })
