/**
 * The local Krakens of a run, in a process of their own: one for each client, so that no client's orders, nonces or limits are
 * another's. Their accounts live in memory. This process takes the stamps.
 *
 * A tick counts as sent when the call that writes its frame to the socket has returned; an order counts as received when
 * the head of its request has been parsed, before the exchange does anything with it.
 */
import { subscribe } from "node:diagnostics_channel"
import type { IncomingMessage } from "node:http"
import { Effect, Redacted, Scope } from "effect"
import { WebSocket } from "ws"
import { PairSymbol } from "../../src/domain/market/Instrument.ts"
import * as Money from "../../src/domain/money/Money.ts"
import { makeLocalKraken } from "../../src/layers/exchange/LocalKrakenServer.ts"
import type { LocalKrakenOptions } from "../../src/layers/exchange/LocalKrakenServer.ts"
import type { LocalKrakenShape } from "../../src/services/LocalKraken.ts"
import { pause } from "../pause.ts"
import type { Answers, Ask, HostMarket, Ready, Request, Response, Sampled } from "./messages.ts"
import { ASK, IDLE_BID, TICK_BID } from "./messages.ts"

const XLM = PairSymbol("XLM/USD")
const DEPTH = Money.quantity("1000000")
const BARS = 60

/** What is being measured: the tick at one port, and the order that answers it. */
interface Measurement {
  readonly port: number
  sentAt: bigint | undefined
  readonly received: (at: bigint) => void
}
let measurement: Measurement | undefined

const portOf = (socket: unknown): number | undefined =>
  typeof socket === "object" && socket !== null && "localPort" in socket && typeof socket.localPort === "number"
    ? socket.localPort
    : undefined

const isTick = (text: unknown): boolean =>
  typeof text === "string" && text.startsWith('{"channel":"ticker"') && text.includes(`"bid":${TICK_BID}`)

/** Stamps the first frame that carries the tick, after it is written. */
const stampTicks = (): void => {
  const { send } = WebSocket.prototype
  WebSocket.prototype.send = function (this: WebSocket & { readonly _socket?: unknown }, ...given: Array<unknown>) {
    Reflect.apply(send, this, given)
    if (measurement === undefined || measurement.sentAt !== undefined) return
    if (portOf(this._socket) === measurement.port && isTick(given[0])) measurement.sentAt = process.hrtime.bigint()
  }
}

/** Node publishes this when the head of a request has been parsed, before any listener of the server runs. */
const stampOrders = (): void =>
  subscribe("http.server.request.start", (message) => {
    const at = process.hrtime.bigint()
    const { request } = message as { readonly request: IncomingMessage }
    if (request.url !== "/0/private/AddOrder" || portOf(request.socket) !== measurement?.port) return
    measurement?.received(at)
  })

interface Hosted {
  readonly kraken: LocalKrakenShape
  readonly port: number
  readonly fed: boolean
  bid: string
}
const hosted: Array<Hosted> = []

const show = (one: Hosted): Promise<void> =>
  Effect.runPromise(
    one.kraken.feed([
      {
        _tag: "Quote",
        symbol: XLM,
        at: one.kraken.clock.unsafeNow(),
        bids: [[Money.price(one.bid), DEPTH]],
        asks: [[Money.price(ASK), DEPTH]]
      }
    ])
  )

/** Finished bars of a market at rest, so that a strategy can be warm. */
const past =
  (now: number): NonNullable<LocalKrakenOptions["history"]> =>
  (_symbol, interval) =>
    Array.from({ length: BARS }, (_, i) => {
      const price = Number(IDLE_BID)
      const bar = interval * 60_000
      const time = (Math.floor(now / bar) * bar - (BARS - i) * bar) / 1000
      return { time, open: price, high: price, low: price, close: price, vwap: price, volume: 100, count: 1 }
    })

const openOne = async (market: HostMarket): Promise<Ready> => {
  const fed = market === "fed"
  const open = makeLocalKraken({
    market: fed ? { _tag: "Kraken" } : { _tag: "Generated" },
    seed: 1,
    balances: { USD: "10000" },
    speed: 1,
    tier: "pro",
    ...(fed ? { history: past(Date.now()) } : {})
  })
  // it ends with this process
  const kraken = await Effect.runPromise(Effect.flatMap(Scope.make(), (scope) => Scope.extend(open, scope)))
  const one: Hosted = { kraken, port: Number(new URL(kraken.restUrl).port), fed, bid: IDLE_BID }
  hosted.push(one)
  if (fed) await show(one)
  return {
    restUrl: kraken.restUrl,
    wsUrl: kraken.wsUrl,
    wsAuthUrl: kraken.wsAuthUrl,
    apiKey: Redacted.value(kraken.credentials.key),
    apiSecret: Redacted.value(kraken.credentials.secret)
  }
}

const openOrders = (one: Hosted): Promise<ReadonlyArray<string>> =>
  Effect.runPromise(Effect.map(one.kraken.view, (view) => view.open.map((order) => order.txid)))

/** The quiet price again, and what rests is taken away. */
const rest = async (one: Hosted): Promise<void> => {
  one.bid = IDLE_BID
  await show(one)
  for (const txid of await openOrders(one))
    await Effect.runPromise(one.kraken.operate("cancel", { txid, reason: "User requested" }))
}

/** How long an order that was received may take to rest in the book, and how often that is looked at. */
const ACCEPT_MS = 2000
const LOOK_MS = 5

const resting = async (one: Hosted): Promise<void> => {
  for (let waited = 0; waited < ACCEPT_MS; waited += LOOK_MS) {
    if ((await openOrders(one)).length > 0) return
    await pause(LOOK_MS)
  }
}

const sample = async (one: Hosted, withinMs: number): Promise<Sampled> => {
  if ((await openOrders(one)).length > 0) await rest(one)
  const micros = await new Promise<number | undefined>((done) => {
    const late = setTimeout(() => done(undefined), withinMs)
    const mine: Measurement = {
      port: one.port,
      sentAt: undefined,
      received: (at) => {
        if (mine.sentAt === undefined) return
        clearTimeout(late)
        done(Number(at - mine.sentAt) / 1000)
      }
    }
    measurement = mine
    one.bid = TICK_BID
    void show(one)
  })
  measurement = undefined
  if (micros !== undefined) await resting(one)
  await rest(one)
  return { micros }
}

const at = (index: number): Hosted => {
  const one = hosted[index]
  if (one === undefined) throw new Error(`there is no exchange ${index}`)
  return one
}

const answer = async (ask: Ask): Promise<Answers[keyof Answers]> => {
  switch (ask._tag) {
    case "Open": {
      const all: Array<Ready> = []
      for (let i = 0; i < ask.count; i++) all.push(await openOne(ask.market))
      return all
    }
    case "Sample":
      return sample(at(ask.exchange), ask.withinMs)
    case "Tempt": {
      const one = at(ask.exchange)
      if (!ask.on) await rest(one)
      else {
        one.bid = TICK_BID
        await show(one)
      }
      return null
    }
    case "Fills":
      return Effect.runPromise(Effect.map(at(ask.exchange).kraken.view, (view) => view.fills.length))
  }
}

stampTicks()
stampOrders()
process.on("message", (request: Request) => {
  answer(request.ask).then(
    (value) => process.send?.({ id: request.id, value } satisfies Response),
    (error: unknown) => process.send?.({ id: request.id, error: String(error) } satisfies Response)
  )
})
// whoever asked is gone
process.on("disconnect", () => process.exit(0))
