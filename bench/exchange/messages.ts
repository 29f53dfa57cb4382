/** What the bench asks of the process that hosts the local Krakens, and what it is told. */

/** The market of every hosted exchange: quiet unless a sample is taken, or one that moves by itself. */
export type HostMarket = "fed" | "generated"

export type Ask =
  | { readonly _tag: "Open"; readonly market: HostMarket; readonly count: number }
  /** Shows the price that is acted upon at one exchange, and takes the order away that came of it. */
  | { readonly _tag: "Sample"; readonly exchange: number; readonly withinMs: number }
  /** Shows that price until told otherwise. */
  | { readonly _tag: "Tempt"; readonly exchange: number; readonly on: boolean }
  /** What was traded so far. */
  | { readonly _tag: "Fills"; readonly exchange: number }

/** Where an exchange is, and the key that it issued. */
export interface Ready {
  readonly restUrl: string
  readonly wsUrl: string
  readonly wsAuthUrl: string
  readonly apiKey: string
  readonly apiSecret: string
}

/** From the tick written to the order's request received, by the exchange's clock; nothing when no order came in time. */
export interface Sampled {
  readonly micros: number | undefined
}

export interface Answers {
  readonly Open: ReadonlyArray<Ready>
  readonly Sample: Sampled
  readonly Tempt: null
  readonly Fills: number
}

export interface Request {
  readonly id: number
  readonly ask: Ask
}

export type Response =
  { readonly id: number; readonly value: Answers[keyof Answers] } | { readonly id: number; readonly error: string }

/** The bid that nobody acts on, the bid that everybody does, and the ask, which stays. */
export const IDLE_BID = "0.100000"
export const TICK_BID = "0.100100"
export const ASK = "0.100200"
