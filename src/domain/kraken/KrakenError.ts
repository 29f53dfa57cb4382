/**
 * What a call to Kraken can fail with, and what the caller needs to decide: was it executed, may it be repeated, must
 * everything stop.
 */
import { Data } from "effect"
import type { NotSentClass, RejectClass } from "../order/Outcome.ts"

/** Whether the request had its effect. */
export type Executed = "no" | "yes" | "unknown"

/**
 * May the call be repeated, and when. `new nonce`: at once with a higher nonce; `later`: after a wait; `reconcile`: only
 * after looking up what happened; `never`: the request or the key is wrong.
 */
export type Retry = "never" | "later" | "new nonce" | "reconcile"

/** Groups of Kraken's error strings that call for the same reaction. */
export type KrakenErrorKind =
  | "credentials" // invalid key or signature, permission denied, 2FA, account disabled: stop at once (exit 77)
  | "nonce"
  | "rate limit" // REST counter
  | "engine rate limit" // per-pair counter
  | "throttled"
  | "lockout"
  | "service" // unavailable, busy, timeout, internal error: ambiguous for writes
  | "deadline" // EService:Deadline elapsed
  | "mode" // market in cancel_only / post_only / limit_only mode
  | "rejected" // a definite refusal of an order; see `reject`
  | "unknown order" // cancel, amend or query of an order that is not open
  | "arguments"
  | "session" // stream token invalid
  | "unrecognised" // a text nobody knows: fail closed

/** An answer of the exchange that says no. */
export class KrakenApiError extends Data.TaggedError("KrakenApiError")<{
  readonly endpoint: string
  readonly kind: KrakenErrorKind
  /** Kraken's own text. */
  readonly text: string
  readonly executed: Executed
  readonly retry: Retry
  /** Nothing may go on with this key. */
  readonly stop: boolean
  /** Unix milliseconds from `EService: Throttled: <s>`. */
  readonly retryAt?: number
  readonly reject?: RejectClass
  /**
   * `Invalid nonce` twice in a row, the second past everything ever issued here: somebody else uses the key, and its nonces
   * are further ahead than one jump reaches.
   */
  readonly nonceAhead?: true
}> {
  override get message(): string {
    return `${this.endpoint}: ${this.text}`
  }
}

const plain = ({ endpoint, executed, kind, retry, stop, text }: KrakenApiError) => ({
  endpoint,
  executed,
  kind,
  retry,
  stop,
  text
})

/** An `Invalid nonce` that is above everything ever issued here. */
export const nonceAhead = (error: KrakenApiError): KrakenApiError =>
  new KrakenApiError({ ...plain(error), nonceAhead: true })

/** The same without that word: its first try had only been overtaken. */
export const withoutAhead = (error: KrakenApiError): KrakenApiError => new KrakenApiError(plain(error))

/** What a person is told of it, and what to do. */
export const NONCE_AHEAD =
  "Kraken holds a higher nonce for this API key than the trader ever used, twice in a row: another program uses the key, or used it with nonces finer than milliseconds. No order, cancel or switch of the trader's gets through; what rests is cancelled by the dead man's switch. Give the trader a key of its own: where the other program's nonces are years ahead, only a new key helps"

/** No usable answer. `executed` is "no" only where nothing can have reached the exchange (refused connection, DNS, TLS). */
export class KrakenTransportError extends Data.TaggedError("KrakenTransportError")<{
  readonly endpoint: string
  readonly reason: "refused" | "timeout" | "reset" | "http" | "body" | "overtaken"
  /** HTTP status, for `http`. */
  readonly status?: number
  /** For the log; never holds headers or the request body. */
  readonly detail: string
  readonly executed: Executed
}> {
  override get message(): string {
    return `${this.endpoint}: ${this.detail}`
  }
}

/** The call was not made: its nonce could not be had (database unusable and no exchange time to count from). */
export class KrakenNotSent extends Data.TaggedError("KrakenNotSent")<{
  readonly endpoint: string
  readonly why: NotSentClass
  readonly detail: string
}> {
  override get message(): string {
    return `${this.endpoint}: not sent (${this.why}): ${this.detail}`
  }
}

export type KrakenError = KrakenApiError | KrakenTransportError | KrakenNotSent
