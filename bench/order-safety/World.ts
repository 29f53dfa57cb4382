/** One account on the simulated Kraken, the wire to it with the draw's faults, and what a judge needs to know. */
import { Either } from "effect"
import type { Effect } from "effect"
import { defaultConfig, defaultSwitches, tradingPermissions } from "../../src/domain/exchange/Config.ts"
import * as Exchange from "../../src/domain/exchange/Exchange.ts"
import { initial } from "../../src/domain/exchange/Initial.ts"
import type { ExchangeState, Order as ExchangeOrder } from "../../src/domain/exchange/State.ts"
import { view } from "../../src/domain/exchange/View.ts"
import type { View } from "../../src/domain/exchange/View.ts"
import { readEnvelope } from "../../src/domain/kraken/Envelope.ts"
import type { JsonStrings } from "../../src/domain/kraken/JsonText.ts"
import type { KrakenApiError } from "../../src/domain/kraken/KrakenError.ts"
import { KrakenTransportError } from "../../src/domain/kraken/KrakenError.ts"
import * as Money from "../../src/domain/money/Money.ts"
import type { Call } from "../../src/layers/kraken/rest/body.ts"
import type { Draw, Fault } from "./Draw.ts"
import { repeatFault } from "./Draw.ts"
import { marketEvents, pair } from "./Market.ts"
import type { Life } from "./Timeline.ts"
import { Timeline } from "./Timeline.ts"

const KEY = "key"
/** 2026-01-05T12:00:00Z: when every ambiguous send leaves. */
export const START = 1_767_614_400_000
const OPENED = START - 2000
const READ_TIMEOUT_MS = 3000
const CANCEL_TIMEOUT_MS = 5000

export type Reply = Either.Either<JsonStrings, KrakenApiError | KrakenTransportError>

/** An intent, numbered: 0 is the ambiguous send's. */
export type IntentNumber = number

const transport = (endpoint: string, reason: "timeout" | "reset" | "http"): KrakenTransportError =>
  new KrakenTransportError({
    endpoint,
    reason,
    detail: reason === "http" ? "HTTP 502" : reason,
    executed: "unknown",
    ...(reason === "http" ? { status: 502 } : {})
  })

/** Ambiguous texts of Kraken's; which one does not matter to anybody here. */
const AMBIGUOUS = '{"error":["EService:Timeout"]}'

const read = (endpoint: string, body: string): Reply =>
  Either.mapBoth(readEnvelope(endpoint, body), {
    onLeft: (error) => (error._tag === "PayloadError" ? transport(endpoint, "reset") : error),
    onRight: ({ result }) => result
  })

/** What the account may still spend or holds, at cost: filled cost, and what rests at its limit. */
const spent = (order: ExchangeOrder): bigint =>
  order.cost +
  (order.status === "open" || order.status === "pending"
    ? Money.notional(order.price, Money.subQuantity(order.quantity, order.filled), "up")
    : 0n)

export class World {
  readonly timeline = new Timeline(OPENED)
  readonly draw: Draw
  /** Which intent an order on the exchange comes from. */
  readonly intentOf = new Map<string, IntentNumber>()
  /** Attempts at sending each intent; the faults of repeats depend on it. */
  private readonly attempts = new Map<IntentNumber, number>()
  /** The largest sum of holdings (at cost) and resting buys that the account ever had. */
  mostExposed = 0n
  private exchange: ExchangeState
  private nonce = OPENED

  constructor(draw: Draw) {
    this.draw = draw
    this.exchange = initial(
      {
        ...defaultConfig,
        seed: draw.index + 1,
        // a key that takes nonces out of order: a late request is not turned away by chance
        keys: [{ apiKey: KEY, permissions: tradingPermissions, nonceWindow: 1_000_000_000n }],
        pairs: [pair],
        switches: { ...defaultSwitches, restLagMs: draw.restLag }
      },
      OPENED
    )
    for (const event of marketEvents(draw, START)) {
      this.timeline.at(event.at, () => this.become(Exchange.market(this.exchange, [event], this.timeline.now).state))
    }
  }

  get now(): number {
    return this.timeline.now
  }

  view(): View {
    return view(this.exchange)
  }

  private become(next: ExchangeState): void {
    const changed = next.account !== this.exchange.account
    this.exchange = next
    if (!changed) return
    let sum = 0n
    for (const order of view(next).orders) sum += spent(order)
    if (sum > this.mostExposed) this.mostExposed = sum
  }

  /** The exchange executes a call now; `arrivedAt` is when it came to the door. */
  private execute(call: Call, nonce: number, arrivedAt: number): string {
    const params = new Map([["nonce", String(nonce)], ...call.parameters])
    const answered = Exchange.privateCall(
      this.exchange,
      KEY,
      { endpoint: call.endpoint, params },
      this.timeline.now,
      arrivedAt
    )
    this.become(answered.state)
    return answered.reply.body
  }

  private nextNonce(): number {
    this.nonce = Math.max(this.timeline.now, this.nonce + 1)
    return this.nonce
  }

  /** A read or a cancel. It fails inside the outage; reads lag behind the engine as the exchange's switch says. */
  ask(life: Life, call: Call): Effect.Effect<Reply> {
    return this.timeline.wait(life, (resume: (reply: Reply) => void) => {
      const { latency, outage } = this.draw
      const { timeline } = this
      const sentAt = timeline.now
      const nonce = this.nextNonce()
      const since = sentAt - START
      const out = outage !== undefined && since >= outage.from && since < outage.until ? outage : undefined
      if (out?.reaches !== false) {
        timeline.at(sentAt + latency, () => {
          const body = this.execute(call, nonce, timeline.now)
          if (out === undefined) timeline.at(timeline.now + latency, () => resume(read(call.endpoint, body)))
        })
      }
      if (out !== undefined) {
        const wait = call.endpoint === "CancelOrder" ? CANCEL_TIMEOUT_MS : READ_TIMEOUT_MS
        timeline.at(sentAt + wait, () => resume(Either.left(transport(call.endpoint, "timeout"))))
      }
    })
  }

  /** An AddOrder of an intent, with the fault that is drawn for this attempt. */
  send(life: Life, intent: IntentNumber, call: Call): Effect.Effect<Reply> {
    return this.timeline.wait(life, (resume: (reply: Reply) => void) => {
      const attempt = (this.attempts.get(intent) ?? 0) + 1
      this.attempts.set(intent, attempt)
      this.travel(repeatFault(this.draw, intent, attempt), intent, call, resume)
    })
  }

  private travel(fault: Fault, intent: IntentNumber, call: Call, resume: (reply: Reply) => void): void {
    const { timeline } = this
    const { arrives } = fault
    const leftAt = timeline.now
    const nonce = this.nextNonce()
    if (arrives !== undefined) {
      timeline.at(leftAt + fault.executes, () => {
        const body = this.execute(call, nonce, leftAt + arrives)
        this.own(intent, body)
        if (fault.heard === "answer") {
          timeline.at(timeline.now + this.draw.latency, () => resume(read(call.endpoint, body)))
        }
      })
    }
    const { heard } = fault
    if (heard === "answer") return
    timeline.at(leftAt + fault.hearsAt, () =>
      resume(heard === "service" ? read(call.endpoint, AMBIGUOUS) : Either.left(transport(call.endpoint, heard)))
    )
  }

  /** Notes whose order this is, from the exchange's own answer. */
  private own(intent: IntentNumber, body: string): void {
    const answer = JSON.parse(body) as { readonly result?: { readonly txid?: ReadonlyArray<string> } }
    for (const txid of answer.result?.txid ?? []) this.intentOf.set(txid, intent)
  }

  get attemptsMade(): number {
    let sum = 0
    for (const n of this.attempts.values()) sum += n
    return sum
  }
}
