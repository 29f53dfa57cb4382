/**
 * What both conversations with Kraken have in common: request numbers, pings, and deadlines that end the session when
 * nobody answers. Plain callbacks and a clock reading; no fiber of its own.
 */
import type { Reply } from "../../../domain/kraken/stream/Reply.ts"
import { ping } from "../../../domain/kraken/stream/Requests.ts"
import type { Send } from "./connect.ts"
import type { EndKind, SessionEnded } from "./SessionEnded.ts"
import { ended } from "./SessionEnded.ts"
import type { StreamTiming } from "./timing.ts"

/** What a session gives its conversation. */
export interface Wire {
  readonly send: Send
  /** Ends the session; only the first reason counts. */
  readonly end: (reason: SessionEnded) => void
  /** Monotonic real milliseconds. */
  readonly now: () => number
}

interface Deadline {
  readonly at: number
  readonly why: EndKind
  readonly detail: string
}

export class Talk {
  /** Once it has ended nothing more is read, written or told. */
  over = false
  private lastId = 0
  private lastFrame: number
  private readonly deadlines = new Map<string, Deadline>()
  private readonly pongs = new Map<number, (reply: Reply) => void>()
  private readonly wire: Wire
  readonly timing: StreamTiming

  constructor(wire: Wire, timing: StreamTiming) {
    this.wire = wire
    this.timing = timing
    this.lastFrame = wire.now()
  }

  end(reason: SessionEnded): void {
    if (this.over) return
    this.over = true
    this.wire.end(reason)
  }

  /** Notes a frame. False when the session is over and the frame must be ignored. */
  heard(): boolean {
    this.lastFrame = this.wire.now()
    return !this.over
  }

  /** Writes a request with the next number; a write that fails ends the session. */
  request(make: (id: number) => string): number {
    this.lastId += 1
    if (!this.over && !this.wire.send(make(this.lastId))) {
      this.end(ended("no answer", "a request could not be written"))
    }
    return this.lastId
  }

  expect(key: string, withinMs: number, why: EndKind, detail: string): void {
    this.deadlines.set(key, { at: this.wire.now() + withinMs, why, detail })
  }

  settle(key: string): void {
    this.deadlines.delete(key)
  }

  /** Sends an application ping; a pong that does not come ends the session. */
  ping(onPong: (reply: Reply) => void): void {
    const id = this.request(ping)
    this.pongs.set(id, onPong)
    this.expect(`pong ${id}`, this.timing.answer, "no answer", "a ping was not answered")
  }

  /** Takes a pong. False for any other answer. */
  onPong(reply: Reply): boolean {
    if (reply.method !== "pong") return false
    const id = reply.requestId ?? 0
    const waiting = this.pongs.get(id)
    this.pongs.delete(id)
    this.settle(`pong ${id}`)
    waiting?.(reply)
    return true
  }

  /** Looks at the clock: silence and overdue answers end the session. */
  tick(): void {
    const now = this.wire.now()
    const silentFor = now - this.lastFrame
    if (silentFor > this.timing.silence) {
      this.end(ended("silent", `no frame for ${Math.round(silentFor)} ms`))
      return
    }
    for (const { at, why, detail } of this.deadlines.values()) if (now > at) this.end(ended(why, detail))
  }
}
