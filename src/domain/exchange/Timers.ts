/** What happens without anybody asking, each at its own instant, and the frame around every call. */
import type { EpochMs } from "../Time.ts"
import type { Frame } from "./Boundary.ts"
import { expire, fireSwitch } from "./Changes.ts"
import type { Draft } from "./Draft.ts"
import { open, openOrders, send } from "./Draft.ts"
import type { Account, ExchangeState } from "./State.ts"
import { write } from "./Json.ts"
import { publishBook } from "./ws/MarketData.ts"

/** A second without a channel message on a subscribed connection brings a heartbeat. */
const HEARTBEAT_MS = 1000

interface Due {
  readonly at: EpochMs
  readonly run: (d: Draft) => void
}

/** The next thing that the engine does by itself; nothing during maintenance, where it waits for the return. */
const nextDue = (state: ExchangeState): Due | undefined => {
  if (state.system === "maintenance") return undefined
  let due: Due | undefined = state.switchAt === undefined ? undefined : { at: state.switchAt, run: fireSwitch }
  for (const { expiresAt, txid } of state.account.open.length === 0 ? [] : openOrders(state)) {
    if (expiresAt > 0 && (due === undefined || expiresAt < due.at)) {
      due = { at: expiresAt, run: (d) => expire(d, txid) }
    }
  }
  return due
}

const flushLagged = (d: Draft): void => {
  if (d.state.lagged.length === 0) return
  const due = d.state.lagged.filter((frame) => frame.at <= d.state.now)
  d.state.lagged = d.state.lagged.filter((frame) => frame.at > d.state.now)
  for (const { session, text } of due) d.frames.push({ session, text, isPrivate: true })
}

/** Lets time pass: everything due up to an instant happens, in order. Time never goes back. */
export const advance = (d: Draft, to: EpochMs): void => {
  const end = Math.max(d.state.now, Math.floor(to))
  for (let due = nextDue(d.state); due !== undefined && due.at <= end; due = nextDue(d.state)) {
    d.state.now = Math.max(d.state.now, due.at)
    due.run(d)
  }
  d.state.now = end
  flushLagged(d)
}

const heartbeats = (d: Draft): void => {
  for (const session of d.state.sessions.values()) {
    if (session.subscriptions.length > 0 && d.state.now - session.sentAt >= HEARTBEAT_MS) {
      send(d, session, write({ channel: "heartbeat" }), false)
    }
  }
}

/** Tells the subscribers what changed in the books; during maintenance nobody is told, afterwards with the next change. */
export const publish = (d: Draft): void => {
  if (d.state.system !== "maintenance") for (const symbol of d.touched) publishBook(d, symbol)
  d.touched.clear()
}

/** Keeps the account before this call for reads that lag, as long as they may look at it. */
const remember = (d: Draft, before: Account): void => {
  const { account, now, past, switches } = d.state
  const kept = past.filter((entry) => entry.until > now - switches.restLagMs)
  const grown = switches.restLagMs > 0 && account !== before ? [...kept, { until: now, account: before }] : kept
  if (grown.length > 0 || past.length > 0) d.state.past = grown
}

/** The account as lagging reads see it. */
export const seenAccount = (state: ExchangeState): Account =>
  state.past.find((entry) => entry.until > state.now - state.switches.restLagMs)?.account ?? state.account

/** Runs one call at an instant: what was due first, then the call, then what follows from it. */
export const run = <A>(
  state: ExchangeState,
  now: EpochMs,
  call: (d: Draft) => A
): { readonly state: ExchangeState; readonly frames: ReadonlyArray<Frame>; readonly value: A } => {
  const d = open(state)
  advance(d, now)
  const value = call(d)
  publish(d)
  heartbeats(d)
  remember(d, state.account)
  return { state: d.state, frames: d.frames, value }
}

/** When something is due without anybody asking: the switch, an expiry, a delayed report, a heartbeat. */
export const nextWake = (state: ExchangeState): EpochMs | undefined => {
  const due = nextDue(state)
  const all = [
    ...(due === undefined ? [] : [due.at]),
    ...state.lagged.map((frame) => frame.at),
    ...[...state.sessions.values()]
      .filter((session) => session.subscriptions.length > 0)
      .map((session) => session.sentAt + HEARTBEAT_MS)
  ]
  return all.length === 0 ? undefined : Math.min(...all)
}
