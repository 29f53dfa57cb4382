/**
 * The simulated Kraken: one account, several API keys, its pairs' order books, behind text in and text out.
 *
 * Every function takes a state and gives the next one, with the frames that leave because of it; nothing is changed in
 * place (see `Draft`), so that a caller that could not commit a state may go on from the one before. `now` is market
 * time; it never goes back, and whatever was due before it (the dead man's switch, an expiry, a delayed report) happens
 * first, each at its own instant.
 */
import type { PairSymbol } from "../market/Instrument.ts"
import type { EpochMs } from "../Time.ts"
import type { Frame, MarketEvent, RestReply, RestRequest } from "./Boundary.ts"
import type { ExchangeState } from "./State.ts"

export interface Step {
  readonly state: ExchangeState
  readonly frames: ReadonlyArray<Frame>
}

export interface Answered extends Step {
  readonly reply: RestReply
}

/** Whether the key may go on; `refusal` is the reply otherwise (`EAPI:Invalid key`, `EGeneral:Temporary lockout`). */
export interface Authenticated {
  readonly state: ExchangeState
  readonly refusal: RestReply | undefined
}

/** The shapes of this module, for whoever is written against it. */
export interface ExchangeCore {
  readonly publicCall: (state: ExchangeState, request: RestRequest, now: EpochMs) => Answered
  readonly authenticate: (state: ExchangeState, apiKey: string, now: EpochMs) => Authenticated
  /** The signature did not fit: `EAPI:Invalid signature`, counted towards the lockout. */
  readonly signatureRefused: (state: ExchangeState, apiKey: string, now: EpochMs) => Answered
  /** After authentication. `arrivedAt`: when the request reached Kraken, if the engine sees it later (deadline rules). */
  readonly privateCall: (
    state: ExchangeState,
    apiKey: string,
    request: RestRequest,
    now: EpochMs,
    arrivedAt?: EpochMs
  ) => Answered
  readonly openSession: (state: ExchangeState, session: string, host: "public" | "auth", now: EpochMs) => Step
  readonly closeSession: (state: ExchangeState, session: string, now: EpochMs) => Step
  readonly receive: (state: ExchangeState, session: string, text: string, now: EpochMs) => Step
  /** Each event happens at its own `at`, or at the state's time if that is later. */
  readonly market: (state: ExchangeState, events: ReadonlyArray<MarketEvent>, now: EpochMs) => Step
  readonly tick: (state: ExchangeState, now: EpochMs) => Step
  /** When something is due without anybody asking (switch, expiry, delayed report, heartbeat). */
  readonly nextWake: (state: ExchangeState) => EpochMs | undefined
  /** Best levels of the book as shown, own orders included. */
  readonly best: (state: ExchangeState, symbol: PairSymbol) => { readonly bid?: bigint; readonly ask?: bigint }
}
