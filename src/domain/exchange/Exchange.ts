/**
 * The simulated Kraken: one account, several API keys, its pairs' order books, behind text in and text out.
 *
 * Every function takes a state and gives the next one, with the frames that leave because of it; nothing is changed in
 * place (see `Draft`), so that a caller that could not commit a state may go on from the one before. `now` is market
 * time; it never goes back, and whatever was due before it (the dead man's switch, an expiry, a delayed report) happens
 * first, each at its own instant.
 */
import { Either } from "effect"
import type { PairSymbol } from "../market/Instrument.ts"
import type { Price } from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"
import * as Access from "./Access.ts"
import { bestOf } from "./Book.ts"
import type { Frame, MarketEvent, RestReply, RestRequest } from "./Boundary.ts"
import { record } from "./Draft.ts"
import { onEvent } from "./Matching.ts"
import { knows, reply } from "./rest/Call.ts"
import { privateReply } from "./rest/Private.ts"
import { publicEndpoints } from "./rest/Public.ts"
import type { ExchangeState } from "./State.ts"
import * as Timers from "./Timers.ts"
import { UNAVAILABLE } from "./Validation.ts"
import { connect, disconnect, receiveText } from "./ws/Sessions.ts"

export interface Step {
  readonly state: ExchangeState
  readonly frames: ReadonlyArray<Frame>
}

export interface Answered extends Step {
  readonly reply: RestReply
}

/** Whether a key may go on; `refusal` is the reply otherwise (`EAPI:Invalid key`, `EGeneral:Temporary lockout`). */
export interface Authenticated extends Step {
  readonly refusal: RestReply | undefined
}

const unknownMethod = Either.left("EGeneral:Unknown method")
const alwaysAnswer: ReadonlySet<string> = new Set(["Time", "SystemStatus"])

/** A public call; `EGeneral:Unknown method` for what Kraken has not got, or this exchange not. */
export const publicCall = (state: ExchangeState, request: RestRequest, now: EpochMs): Answered => {
  const { value, ...step } = Timers.run(state, now, (d) => {
    const endpoint = publicEndpoints.get(request.endpoint)
    if (endpoint === undefined) return reply(unknownMethod)
    const silent =
      d.state.system === "maintenance" && !d.state.switches.maintenanceReads && !alwaysAnswer.has(request.endpoint)
    if (silent) return reply(Either.left(UNAVAILABLE))
    return reply(
      Either.flatMap(knows(d.state, endpoint.params, request.params), () => endpoint.answer(d, request.params))
    )
  })
  return { ...step, reply: value }
}

/** Whether the key is known and nobody is locked out. Comes before the signature check, which is the caller's. */
export const authenticate = (state: ExchangeState, apiKey: string, now: EpochMs): Authenticated => {
  const { value, ...step } = Timers.run(state, now, (d) => Access.admit(d, apiKey))
  return { ...step, refusal: Either.isLeft(value) ? reply(Either.left(value.left)) : undefined }
}

/** The signature did not fit: `EAPI:Invalid signature`, counted towards the lockout. */
export const signatureRefused = (state: ExchangeState, apiKey: string, now: EpochMs): Answered => {
  const { value, ...step } = Timers.run(state, now, (d) => {
    const refusal = Access.refuseCredentials(d, "EAPI:Invalid signature")
    const known = d.state.keys.has(apiKey) ? "known key" : "unknown key"
    record(d, {
      at: d.state.now,
      via: "rest",
      endpoint: `signature of a ${known}`,
      nonce: undefined,
      clOrdId: undefined,
      result: refusal
    })
    return reply(Either.left(refusal))
  })
  return { ...step, reply: value }
}

/**
 * A private call whose signature has been checked. `arrivedAt` is when the request reached Kraken, where that was before
 * the engine sees it at `now`: a deadline must be far enough ahead on arrival, and not over at the engine.
 */
export const privateCall = (
  state: ExchangeState,
  apiKey: string,
  request: RestRequest,
  now: EpochMs,
  arrivedAt: EpochMs = now
): Answered => {
  const { value, ...step } = Timers.run(state, now, (d) => privateReply(d, apiKey, request, arrivedAt))
  return { ...step, reply: value }
}

const withoutValue = ({ state, frames }: Step): Step => ({ state, frames })

/** A stream connects: `public` is `ws.kraken.com`, `auth` is `ws-auth.kraken.com`. The status frame leaves at once. */
export const openSession = (state: ExchangeState, session: string, host: "public" | "auth", now: EpochMs): Step =>
  withoutValue(Timers.run(state, now, (d) => connect(d, session, host)))

/** A stream is gone. There is no cancel on disconnect: its orders rest. */
export const closeSession = (state: ExchangeState, session: string, now: EpochMs): Step =>
  withoutValue(Timers.run(state, now, (d) => disconnect(d, session)))

/** A text frame of a stream's arrived. */
export const receive = (state: ExchangeState, session: string, text: string, now: EpochMs): Step =>
  withoutValue(Timers.run(state, now, (d) => receiveText(d, session, text)))

/** The outside market moved. Each event happens at its own `at`, or at the state's time where that is later. */
export const market = (state: ExchangeState, events: ReadonlyArray<MarketEvent>, now: EpochMs): Step =>
  withoutValue(
    Timers.run(state, events[0] === undefined ? now : Math.min(now, events[0].at), (d) => {
      for (const event of events) {
        Timers.advance(d, Math.min(now, event.at))
        onEvent(d, event)
        Timers.publish(d)
      }
      Timers.advance(d, now)
    })
  )

/** Lets time pass. */
export const tick = (state: ExchangeState, now: EpochMs): Step => withoutValue(Timers.run(state, now, () => undefined))

/** When something is due without anybody asking: the switch, an expiry, a delayed report, a heartbeat. */
export const nextWake = Timers.nextWake

/** Best prices as everybody sees them, our own orders included. */
export const best = (
  state: ExchangeState,
  symbol: PairSymbol
): { readonly bid: Price | undefined; readonly ask: Price | undefined } => {
  const market = state.markets.get(symbol)
  return {
    bid: market && bestOf(state, market, "buy")?.[0],
    ask: market && bestOf(state, market, "sell")?.[0]
  }
}
