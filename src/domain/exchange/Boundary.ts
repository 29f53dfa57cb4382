/**
 * The simulated Kraken as its servers and the in-process layers see it: text in, text out, no sockets, no clock, no
 * randomness of its own. Everything that Kraken decides is decided behind this boundary; what carries it (HTTP, WebSocket,
 * an in-process call) only moves texts, checks signatures and keeps time.
 */
import type { PairSymbol } from "../market/Instrument.ts"
import type { Price, Quantity } from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"

/** A REST call after transport: parameters decoded from the form or JSON body. Values are texts as sent. */
export interface RestRequest {
  /** `AddOrder`, `Time`… (the part after `/0/public/` or `/0/private/`). */
  readonly endpoint: string
  readonly params: ReadonlyMap<string, string>
}

/** The envelope's text: `{"error":[…],"result":…}`; HTTP status is 200. */
export interface RestReply {
  readonly body: string
}

/** A frame for one connected socket. `isPrivate` frames hold accelerated market time until they are delivered. */
export interface Frame {
  readonly session: string
  readonly text: string
  readonly isPrivate: boolean
}

/** What the market does. Quotes are the outside world's best prices; trades print and may fill resting orders of ours. */
export type MarketEvent =
  | {
      readonly _tag: "Quote"
      readonly symbol: PairSymbol
      readonly at: EpochMs
      /** Best first; at least one level a side, at most 10 are needed (deeper levels are made by the core on a stated rule). */
      readonly bids: ReadonlyArray<readonly [Price, Quantity]>
      readonly asks: ReadonlyArray<readonly [Price, Quantity]>
    }
  | {
      readonly _tag: "Trade"
      readonly symbol: PairSymbol
      readonly at: EpochMs
      readonly price: Price
      readonly quantity: Quantity
      /** Taker's side. */
      readonly side: "buy" | "sell"
    }

/** One bar of history as the `OHLC` endpoint tells it; doubles, they are only ever shown. */
export interface Bar {
  /** Start of the bar, seconds. */
  readonly time: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly vwap: number
  readonly volume: number
  readonly count: number
}

/** The intervals of `OHLC`, in minutes. */
export const intervals = [1, 5, 15, 30, 60, 240, 1440, 10_080, 21_600] as const
export type Interval = (typeof intervals)[number]

/** A market that can be played: pure, seeded, resumable from its own state (plain JSON). */
export interface MarketSource<S> {
  readonly symbols: ReadonlyArray<PairSymbol>
  /** First instant of the market. */
  readonly start: EpochMs
  /** Last instant, for tapes. */
  readonly end: EpochMs | undefined
  readonly initial: S
  /** Up to 720 bars that ended at or before the start, oldest first. */
  readonly history: (symbol: PairSymbol, interval: Interval) => ReadonlyArray<Bar>
  /** Every event in (position, until], in time order. */
  readonly advance: (state: S, until: EpochMs) => { readonly state: S; readonly events: ReadonlyArray<MarketEvent> }
  /** When the next event is due, so that nobody polls. */
  readonly nextAt: (state: S) => EpochMs | undefined
}
