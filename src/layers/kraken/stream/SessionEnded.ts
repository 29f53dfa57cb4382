/** Why a stream session ended. Every session ends in one of these; none ends silently or "well". */
import { Data } from "effect"

export type EndKind =
  | "unreachable" // no connection could be opened
  | "closed" // the other side, or the network, ended it
  | "silent" // open, but not a single frame for too long
  | "mute" // a subscription was confirmed and never delivered its snapshot
  | "no answer" // a request (subscription, ping) was not answered, or could not be written
  | "refused" // the exchange refused the subscriptions
  | "credentials" // the key may not stream: trying again would only lead to a lock-out
  | "session" // the stream token is not, or no longer, valid
  | "token" // no stream token could be had
  | "gap" // private frames were lost or not understood
  | "overflow" // the trader could not take an event
  | "resync" // asked for

export class SessionEnded extends Data.TaggedError("SessionEnded")<{
  readonly why: EndKind
  /** For people and the log; free of secrets. */
  readonly detail: string
  /** The least time to wait before another attempt, where the exchange said so (a lock-out), in real milliseconds. */
  readonly waitMs?: number
}> {
  override get message(): string {
    return `${this.why}: ${this.detail}`
  }
}

export const ended = (why: EndKind, detail: string): SessionEnded => new SessionEnded({ why, detail })
