/**
 * The local Kraken: REST and WebSocket v2 on loopback, behind them a simulated account and a simulated market. Tests and
 * paper mode hold it by this service; from outside the same controls answer at `POST /control/<name>`.
 */
import type { Effect, Redacted } from "effect"
import { Context, Data, Schema } from "effect"
import type { MarketEvent } from "../domain/exchange/Boundary.ts"
import type { View } from "../domain/exchange/View.ts"
import type { EpochMs } from "../domain/Time.ts"
import type { MarketClockShape } from "./Clock.ts"

/** A market clock that its owner can stop and move: accelerated in paper mode, shared with the exchange. */
export interface SteerableClockShape extends MarketClockShape {
  /** Holds market time until the returned function is called (once or more often), for callbacks. */
  readonly unsafeHold: () => () => void
  /** Stops market time until `resume`, whoever else holds it. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** Moves market time ahead by so many milliseconds, held or not; what was due wakes. */
  readonly advance: (marketMs: number) => Effect.Effect<void>
}

const count = Schema.Int.pipe(Schema.positive())
const realMs = Schema.Finite.pipe(Schema.between(0, 600_000))
const when = {
  /** How often it strikes; without it: until cleared. */
  times: Schema.optional(count),
  /** How many occasions pass unharmed first. */
  skip: Schema.optional(Schema.Int.pipe(Schema.nonNegative())),
  /** Chance that an occasion is struck, drawn from the fault seed; 1 unless told. */
  probability: Schema.optional(Schema.Finite.pipe(Schema.between(0, 1)))
}
const executed = Schema.Boolean

/** What can happen to a REST call. `executed` says whether the exchange has done what was asked before it goes wrong. */
export const RestFault = Schema.Struct({
  on: Schema.Literal("rest"),
  /** `AddOrder`, `Time`…; without it any endpoint. */
  endpoint: Schema.optional(Schema.String),
  ...when,
  effect: Schema.Union(
    /** The port is closed for so many real milliseconds: new connections are refused, open ones end. Streams included. */
    Schema.Struct({ kind: Schema.Literal("refuse"), realMs }),
    /** The connection ends without an answer. */
    Schema.Struct({ kind: Schema.Literal("drop"), executed }),
    /** The answer stops in the middle. */
    Schema.Struct({ kind: Schema.Literal("cut"), executed }),
    /** An infrastructure layer answers with this status and a page of HTML. */
    Schema.Struct({
      kind: Schema.Literal("status"),
      status: Schema.Int.pipe(Schema.between(200, 599)),
      executed
    }),
    /** HTTP 200 with this error text, e.g. `EService:Unavailable`. */
    Schema.Struct({ kind: Schema.Literal("error"), error: Schema.String, executed }),
    /** The answer comes, but later by so many real milliseconds; the call itself is executed before or after the wait. */
    Schema.Struct({ kind: Schema.Literal("delay"), realMs, executed })
  )
})
export type RestFault = typeof RestFault.Type

/** What can happen to the frames that the exchange sends. */
export const StreamFault = Schema.Struct({
  on: Schema.Literal("stream"),
  /** Which sockets; without it both kinds. */
  stream: Schema.optional(Schema.Literal("public", "auth")),
  /** Only frames of this channel (`ticker`, `executions`, `heartbeat`…); without it all, answers to requests included. */
  channel: Schema.optional(Schema.String),
  ...when,
  effect: Schema.Union(
    /** Frames are swallowed and the socket stays open; heartbeats go on, or are swallowed as well. */
    Schema.Struct({ kind: Schema.Literal("silence"), heartbeats: Schema.Boolean }),
    /** Instead of the frame the socket is closed with this code; 1006 cuts it off without a close frame. */
    Schema.Struct({ kind: Schema.Literal("close"), code: Schema.Int.pipe(Schema.between(1000, 4999)) }),
    Schema.Struct({ kind: Schema.Literal("drop") }),
    Schema.Struct({ kind: Schema.Literal("duplicate") }),
    /** The frame waits and follows the next one. */
    Schema.Struct({ kind: Schema.Literal("reorder") }),
    /** Some characters are replaced: usually no JSON any more, else wrong digits. */
    Schema.Struct({ kind: Schema.Literal("corrupt") }),
    /** A frame that is not JSON goes first. */
    Schema.Struct({ kind: Schema.Literal("garbage") }),
    /** It and all frames behind it on its socket come later by so many real milliseconds. */
    Schema.Struct({ kind: Schema.Literal("delay"), realMs }),
    /** Answers to requests (`subscribe`, `cancel_order`…) never come; the request is executed. */
    Schema.Struct({ kind: Schema.Literal("mute"), method: Schema.optional(Schema.String) })
  )
})
export type StreamFault = typeof StreamFault.Type

export const Fault = Schema.Union(RestFault, StreamFault)
export type Fault = typeof Fault.Type

/** Why the local Kraken could not start, or could not go on. */
export class LocalKrakenError extends Data.TaggedError("LocalKrakenError")<{
  /**
   * `data`: `exchange.db` is corrupt or of a newer program; `bound`: it belongs to another market or account; `busy`:
   * another process serves it; `port`: cannot listen; `write`: the file cannot be written; `settings`: a starting
   * balance or a pair that the exchange does not know; `upstream`: the real market that it should show cannot be had.
   */
  readonly reason: "data" | "bound" | "busy" | "port" | "write" | "settings" | "upstream"
  readonly message: string
}> {}

/** An operator's wish that the exchange cannot fulfil (unknown name, bad amount); says which and why. */
export class ControlRefused extends Data.TaggedError("ControlRefused")<{ readonly message: string }> {}

/** A tape that cannot be played. */
export class TapeError extends Data.TaggedError("TapeError")<{
  readonly path: string
  readonly reason: "missing" | "not gzip" | "bad header" | "bad line" | "empty" | "out of range"
  /** Counted from 1, the header included. */
  readonly line?: number
  readonly message: string
}> {}

export interface LocalKrakenShape {
  /** Without `/0`. */
  readonly restUrl: string
  /** With `/v2` and `/auth/v2`. */
  readonly wsUrl: string
  readonly wsAuthUrl: string
  /** The key that this exchange issued; it stands in `exchange.db`. */
  readonly credentials: { readonly key: Redacted.Redacted; readonly secret: Redacted.Redacted }
  /** Bearer token of `POST /control/...`. */
  readonly controlToken: Redacted.Redacted
  /** The exchange's clock, to be shared with the trader. */
  readonly clock: SteerableClockShape
  readonly faults: {
    /** Arms a fault and returns its number. */
    readonly add: (fault: Fault) => Effect.Effect<number>
    /** Disarms one fault, or all. */
    readonly clear: (id?: number) => Effect.Effect<void>
    /** What is armed, and how often each has struck. */
    readonly list: Effect.Effect<ReadonlyArray<{ readonly id: number; readonly struck: number; readonly fault: Fault }>>
  }
  /**
   * The controls of the exchange itself by name, each with texts for parameters: `system {mode}`,
   * `deposit {asset, amount}`, `order {…AddOrder}`… (the full list: `src/layers/exchange/Operator.ts`). The result is plain JSON data.
   */
  readonly operate: (
    name: string,
    params: Readonly<Record<string, string>>
  ) => Effect.Effect<unknown, ControlRefused | LocalKrakenError>
  /** Market events from outside, for a market that is fed rather than generated; each happens at its own time, or now if that is past. */
  readonly feed: (events: ReadonlyArray<MarketEvent>) => Effect.Effect<void, LocalKrakenError>
  /** Plays the market and the exchange's own timers up to the present market time, which it tells. */
  readonly settle: Effect.Effect<EpochMs, LocalKrakenError>
  /** The account as it is now, for judges. */
  readonly view: Effect.Effect<View>
  /** When the market ends (tapes); it goes on without events then. */
  readonly marketEnd: EpochMs | undefined
}

export class LocalKraken extends Context.Tag("trader/services/LocalKraken")<LocalKraken, LocalKrakenShape>() {}
