/**
 * How a call makes the next state: it works on a draft, a shallow copy of the state whose fields are replaced, never
 * changed inside. The state that was given stays whole, so that whoever keeps it (a server whose commit failed) can go on
 * from there as if nothing had been asked.
 */
import { HashMap, Option } from "effect"
import type { Instrument, PairSymbol } from "../market/Instrument.ts"
import type { Frame } from "./Boundary.ts"
import * as Ids from "./Ids.ts"
import * as Log from "./Log.ts"
import type { Account, ExchangeState, Market, Order, RequestRecord, Session } from "./State.ts"

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

export interface Draft {
  readonly state: Mutable<ExchangeState>
  readonly frames: Array<Frame>
  /** Pairs whose book may have changed and whose subscribers have not heard yet. */
  readonly touched: Set<PairSymbol>
}

/** A draft of a state. */
export const open = (state: ExchangeState): Draft => ({
  state: { ...state },
  frames: [],
  touched: new Set()
})

export const nextId = (d: Draft, kind: "O" | "T" | "L"): string => {
  d.state.serial += 1
  return Ids.id(kind, d.state.seed, d.state.serial)
}

export const setAccount = (d: Draft, change: Partial<Account>): void => {
  d.state.account = { ...d.state.account, ...change }
}

/** An order by its id, as long as it exists. */
export const findOrder = (state: ExchangeState, txid: string): Order | undefined =>
  Option.getOrUndefined(HashMap.get(state.account.orders, txid))

/** An order that the state itself names; one that is missing is a bug of this module's. */
export const orderOf = (state: ExchangeState, txid: string): Order => {
  const found = findOrder(state, txid)
  if (found === undefined) throw new Error(`the simulated exchange lost its order ${txid}`)
  return found
}

/** The market of a pair that the state itself names. */
export const marketOf = (state: ExchangeState, symbol: PairSymbol): Market => {
  const found = state.markets.get(symbol)
  if (found === undefined) throw new Error(`the simulated exchange lost its pair ${symbol}`)
  return found
}

/** A connection that the caller just saw. */
export const sessionOf = (state: ExchangeState, id: string): Session => {
  const found = state.sessions.get(id)
  if (found === undefined) throw new Error(`the simulated exchange lost its connection ${id}`)
  return found
}

/** Writes an order; its list (open or closed) is the caller's business. */
export const putOrder = (d: Draft, order: Order): Order => {
  setAccount(d, {
    orders: HashMap.set(d.state.account.orders, order.txid, order),
    changed: Log.append(d.state.account.changed, order.txid)
  })
  return order
}

/** Orders that rest, in time priority, of one pair or of all. */
export const openOrders = (state: ExchangeState, symbol?: PairSymbol): ReadonlyArray<Order> => {
  const all = state.account.open.map((txid) => orderOf(state, txid))
  return symbol === undefined ? all : all.filter((order) => order.symbol === symbol)
}

export const putMarket = (d: Draft, market: Market): void => {
  d.state.markets = new Map(d.state.markets).set(market.rules.symbol, market)
  d.touched.add(market.rules.symbol)
}

export const putSession = (d: Draft, session: Session): void => {
  d.state.sessions = new Map(d.state.sessions).set(session.id, session)
}

/** Sends a channel message; it also counts as a sign of life, so that no heartbeat follows at once. */
export const send = (d: Draft, session: Session, text: string, isPrivate: boolean): void => {
  const { lagged, now, switches } = d.state
  if (isPrivate && (switches.reportLagMs > 0 || lagged.length > 0)) {
    // Never ahead of an older frame, even after the lag was made shorter.
    const at = Math.max(now + switches.reportLagMs, lagged[lagged.length - 1]?.at ?? 0)
    d.state.lagged = [...lagged, { at, session: session.id, text }]
    putSession(d, session)
    return
  }
  d.frames.push({ session: session.id, text, isPrivate })
  putSession(d, { ...session, sentAt: d.state.now })
}

/** Answers a request of the session's; not a channel message. */
export const respond = (d: Draft, session: string, text: string): void => {
  d.frames.push({ session, text, isPrivate: d.state.sessions.get(session)?.host === "auth" })
}

const REQUESTS_KEPT = 1000

export const record = (d: Draft, request: RequestRecord): void => {
  d.state.requests = Log.appendBounded(d.state.requests, request, REQUESTS_KEPT)
}

/** A pair by any of its REST names: id, short name, or `BASE/QUOTE` in either naming. */
export const findPair = (state: ExchangeState, name: string): Market | undefined => {
  for (const market of state.markets.values()) {
    const rules = market.rules
    if (name === rules.restId || name === rules.altname || name === rules.symbol || name === wsname(rules))
      return market
  }
  return undefined
}

/** The name of streams v1, which REST still shows: `XBT/USD`. */
export const wsname = (rules: Instrument): string =>
  `${rules.altname.slice(0, rules.altname.length - rules.quote.length)}/${rules.quote}`
