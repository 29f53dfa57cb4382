/** Questions about the state that several folds and the status programs ask. */
import * as Breaker from "../breaker/Breaker.ts"
import type { PairSymbol } from "../market/Instrument.ts"
import type { Quote } from "../market/Market.ts"
import * as Fixed from "../money/Fixed.ts"
import type { Rate, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import { clientOrderId, nextSequence } from "../order/Ids.ts"
import type { Order } from "../order/Order.ts"
import { isLive, isSettled } from "../order/Order.ts"
import type { Lot } from "../portfolio/Lot.ts"
import * as Portfolio from "../portfolio/Portfolio.ts"
import type { RiskView } from "../risk/Risk.ts"
import { utcDay } from "../Time.ts"
import type { EngineState, PairState } from "./State.ts"

/** How long before an announced maintenance entries stop. */
export const MAINTENANCE_LEAD_MS = 300_000

export const quoteOf =
  (state: EngineState) =>
  (symbol: PairSymbol): Quote | undefined =>
    state.pairs.get(symbol)?.quote

const takerFeeOf =
  (state: EngineState) =>
  (symbol: PairSymbol): Rate =>
    state.pairs.get(symbol)?.takerFee ?? Money.Rate(0n)

export const openLots = (state: EngineState): ReadonlyArray<Lot> =>
  [...state.lots.values()].filter((lot) => lot.remaining > 0n)

/** Orders that may still move something: not settled. */
export const unsettled = (state: EngineState): ReadonlyArray<Order> =>
  [...state.orders.values()].filter((order) => !isSettled(order))

export const liveOrders = (state: EngineState): ReadonlyArray<Order> => [...state.orders.values()].filter(isLive)

/** Realised profit plus open lots at the bid less the exit fee; `undefined` while a held pair has no quote or its fee is not known. */
export const equity = (state: EngineState): Usd | undefined =>
  Portfolio.equity(
    state.totals,
    state.lots.values(),
    (symbol) => {
      const pair = state.pairs.get(symbol)
      return pair?.feesAt === undefined ? undefined : pair.quote
    },
    takerFeeOf(state)
  )

export const exposure = (state: EngineState): Usd =>
  Portfolio.exposure(state.lots.values(), state.orders.values(), quoteOf(state))

/** Loss since today's mark; negative is a gain; `undefined` when it can't be told (I6). */
export const dayLoss = (state: EngineState): Usd | undefined => {
  if (state.dayMark === undefined || state.dayMark.day !== utcDay(state.now)) return undefined
  const now = equity(state)
  return now === undefined ? undefined : Money.subUsd(state.dayMark.equity, now)
}

/** Dollars that no order holds and that the trader may spend, by its own books; `undefined` before the first balance. */
export const freeUsd = (state: EngineState): Usd | undefined => {
  const foreign = state.foreign.get("USD")
  if (foreign === undefined || state.balances === undefined) return undefined
  let held = 0n
  for (const order of state.orders.values()) {
    const working = Portfolio.workingExposure(order)
    held += working + Money.portion(working, takerFeeOf(state)(order.symbol), "up")
  }
  return Money.Usd(foreign + state.totals.ownUsd - held - state.balances.foreignHoldUsd)
}

/** Why no entry may be sent, whatever it is; empty when entries are possible. The texts are for people. */
export const gates = (state: EngineState): ReadonlyArray<string> => {
  const out: Array<string> = []
  if (state.phase === "starting") out.push("starting")
  if (state.phase === "stopping") out.push("stopping")
  if (state.paused) out.push("paused by the operator; `resume` allows entries again")
  if (state.rules.exitsOnly !== undefined) out.push(`exits only: ${state.rules.exitsOnly}`)
  if (state.storeFailed !== undefined) out.push(`the database cannot be written: ${state.storeFailed}`)
  if (state.skew !== undefined) out.push(state.skew)
  if (state.anotherTrader !== undefined) out.push(state.anotherTrader)
  if (!state.publicUp) out.push("the market data stream is down")
  if (!state.privateUp) out.push("the account stream is down")
  for (const reason of state.reconciling) out.push(`reconciling: ${reason}`)
  if (state.accepting)
    out.push("waiting for a quiet look at the account, to count as yours what differs from the books")
  if (state.unmatched.size > 0) out.push("a report of an order that is not in the books is being looked into")
  if (state.maintenanceAt !== undefined && state.now >= state.maintenanceAt - MAINTENANCE_LEAD_MS) {
    out.push("maintenance is announced")
  }
  return out
}

/** What stops entries on one pair beyond the gates. */
const pairGates = (state: EngineState, pair: PairState): ReadonlyArray<string> => {
  const out: Array<string> = []
  const age = pair.confirmedAt === undefined ? undefined : state.now - pair.confirmedAt
  if (age === undefined || age > state.rules.limits.staleAfter) out.push(`${pair.instrument.symbol}: no fresh quote`)
  const passive = (status: string): boolean => status === "online" || status === "limit_only" || status === "post_only"
  if (!passive(state.system)) out.push(`the exchange is in ${state.system} mode`)
  if (!passive(pair.instrument.status)) out.push(`${pair.instrument.symbol} is in ${pair.instrument.status} mode`)
  if (pair.feesAt === undefined) out.push(`${pair.instrument.symbol}: the account's fees are not known yet`)
  return out
}

/** Reasons for which resting entries of a pair are cancelled and none is sent (I7). */
export const entryStops = (state: EngineState, pair: PairState): ReadonlyArray<string> => {
  const breaker = Breaker.latched(state.breaker).map((held) => `breaker ${held.cause}: ${held.reason}`)
  return [...gates(state), ...breaker, ...pairGates(state, pair)]
}

/** The state as risk sees it for a pair. */
export const riskView = (state: EngineState, pair: PairState): RiskView => ({
  now: state.now,
  limits: state.rules.limits,
  gates: pair.feesAt === undefined ? [...gates(state), "the account's fees are not known yet"] : gates(state),
  breakerOpen: Breaker.isOpen(state.breaker),
  system: state.system,
  quote: pair.quote,
  quoteConfirmedAt: pair.confirmedAt,
  orders: [...state.orders.values()],
  lots: state.lots,
  exposure: exposure(state),
  dayLoss: dayLoss(state),
  entriesToday: state.throttle.day === utcDay(state.now) ? state.throttle.entries : 0,
  lastEntryAt: state.throttle.lastEntryAt,
  lastLossAt: state.throttle.lastLossAt,
  freeUsd: freeUsd(state),
  takerFee: pair.takerFee,
  makerFee: pair.makerFee,
  switchFiresAt: state.switchFiresAt,
  epoch: state.epoch,
  nextId: clientOrderId(state.rules.prefix, nextSequence(state.now, state.sequence))
})

/** The trader's own part of an asset: what its fills moved. USD by ledger amounts, base assets by open lots. */
export const ownAmount = (state: EngineState, asset: string): bigint => {
  if (asset === "USD") return state.totals.ownUsd
  let sum = 0n
  for (const lot of state.lots.values()) {
    if (state.pairs.get(lot.symbol)?.instrument.base === asset) sum += lot.remaining
  }
  return sum
}

/** Assets that the trader's books know: the quote and every pair's base. */
export const bookAssets = (state: EngineState): ReadonlyArray<string> => [
  "USD",
  ...new Set([...state.pairs.values()].map((pair) => pair.instrument.base))
]

/** Amount text for logs. */
export const show = (value: bigint): string => Fixed.show(value)
