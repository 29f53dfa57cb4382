/** A local Kraken that follows another one, over real sockets: the second stands for Kraken itself. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Scope } from "effect"
import type { Interval } from "../../../src/domain/exchange/Boundary.ts"
import { PairSymbol } from "../../../src/domain/market/Instrument.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import { makeLocalKraken } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import type { LocalKrakenOptions } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import { makeFollowingKraken } from "../../../src/layers/exchange/Upstream.ts"
import { publicKraken } from "../../../src/layers/kraken/publicKraken.ts"
import { mockSettingsValue } from "../../../src/layers/mock/MockSettings.ts"
import type { LocalKrakenError, LocalKrakenShape, TapeError } from "../../../src/services/LocalKraken.ts"
import type { SettingsShape } from "../../../src/services/Settings.ts"
import { call, connect, get, has, plainOptions } from "./support.ts"
import type { Reply } from "./support.ts"

const XLM = PairSymbol("XLM/USD")
const { from: _, ...untimed } = plainOptions

const quoteOn = (kraken: LocalKrakenShape, bid: string, ask: string) =>
  Effect.flatMap(kraken.clock.now, (at) =>
    kraken.feed([
      {
        _tag: "Quote",
        symbol: XLM,
        at,
        bids: [[Money.price(bid), Money.quantity("1000")]],
        asks: [[Money.price(ask), Money.quantity("1000")]]
      }
    ])
  )

const tradeOn = (kraken: LocalKrakenShape, price: string, quantity: string) =>
  Effect.flatMap(kraken.clock.now, (at) =>
    kraken.feed([
      { _tag: "Trade", symbol: XLM, at, price: Money.price(price), quantity: Money.quantity(quantity), side: "sell" }
    ])
  )

const settingsAt = (kraken: Pick<LocalKrakenShape, "restUrl" | "wsUrl" | "wsAuthUrl">): SettingsShape => ({
  ...mockSettingsValue,
  endpoints: { rest: kraken.restUrl, ws: kraken.wsUrl, wsAuth: kraken.wsAuthUrl }
})

/** With the live layers below it. */
const following = (settings: SettingsShape, options: LocalKrakenOptions) =>
  Effect.flatMap(Layer.build(publicKraken(settings)), (context) =>
    Effect.provide(makeFollowingKraken(settings, options), context)
  )

const follower = (
  kraken: LocalKrakenShape
): Effect.Effect<LocalKrakenShape, LocalKrakenError | TapeError, Scope.Scope> =>
  following(settingsAt(kraken), { ...untimed, symbols: [XLM] })

/** Asks until it is so. */
const until = <A>(ask: Effect.Effect<A>, right: (answer: A) => boolean): Effect.Effect<A> =>
  Effect.repeat(Effect.delay(ask, "50 millis"), { until: right }).pipe(
    Effect.timeoutFail({ duration: "20 seconds", onTimeout: () => new Error("not so in time") }),
    Effect.orDie
  )

const ticker = (kraken: LocalKrakenShape) => get(kraken, "/0/public/Ticker?pair=XLMUSD")
const bidIs = (bid: string) => (reply: Reply) => reply.result?.XXLMZUSD?.b[0] === bid
const order = { pair: "XLMUSD", type: "buy", ordertype: "limit", volume: "100", price: "0.150000" }
const errorOf = (kraken: LocalKrakenShape, endpoint: string, params = {}) =>
  Effect.map(call(kraken, endpoint, params), ({ error }) => error.join())

/** The half hour before now. */
const time = Math.floor(Date.now() / 60_000) * 60 - 31 * 60
const bars = Array.from({ length: 30 }, (__, i) => ({
  time: time + i * 60,
  open: 0.15,
  high: 0.16,
  low: 0.14,
  close: 0.15,
  vwap: 0.15,
  volume: 10,
  count: 3
}))

describe("a market that follows Kraken's own", () => {
  it.scopedLive(
    "shows its rules, past, prices and trades; an outage is an outage here; what was traded meanwhile fills nothing",
    () =>
      Effect.gen(function* () {
        const history = (symbol: PairSymbol, interval: Interval) => (symbol === XLM && interval === 1 ? bars : [])
        const real = yield* makeLocalKraken({ ...untimed, history, seed: 2 })
        yield* real.operate("instrument", { symbol: XLM, minQuantity: "33" })
        yield* quoteOn(real, "0.150000", "0.150200")
        const paper = yield* follower(real)

        const pairs = yield* get(paper, "/0/public/AssetPairs")
        assert.strictEqual(pairs.result.XXLMZUSD.ordermin, "33")
        const past = yield* get(paper, "/0/public/OHLC?pair=XLMUSD&interval=1")
        const row = past.result.XXLMZUSD.find(([at]: readonly [number]) => at === time)
        assert.deepStrictEqual(row.slice(1, 5), ["0.150000", "0.160000", "0.140000", "0.150000"])
        yield* until(ticker(paper), bidIs("0.15000000"))

        const placed = yield* call(paper, "AddOrder", order)
        const [txid] = placed.result.txid
        yield* tradeOn(real, "0.149900", "5000")
        yield* until(call(paper, "QueryOrders", { txid }), ({ result }) => result[txid].status === "closed")

        const stream = yield* connect(paper.wsUrl)
        const resting = (yield* call(paper, "AddOrder", order)).result.txid[0]
        yield* real.operate("outage", { value: "true" })
        assert.strictEqual(yield* stream.closed, 1013)
        yield* until(ticker(paper), ({ error }) => error.join() === "EService:Unavailable")
        assert.strictEqual(yield* errorOf(paper, "AddOrder", order), "EService:Market in cancel_only mode")
        assert.strictEqual(yield* errorOf(paper, "Balance"), "")
        const refused = yield* Effect.promise(() => connectionRefused(paper.wsUrl))
        assert.match(refused, /503/)

        // it traded through the resting order while nobody looked
        yield* tradeOn(real, "0.149000", "5000")
        yield* quoteOn(real, "0.150100", "0.150300")
        yield* real.operate("outage", { value: "false" })
        yield* until(ticker(paper), bidIs("0.15010000"))
        assert.strictEqual((yield* call(paper, "QueryOrders", { txid: resting })).result[resting].status, "open")
        const again = yield* connect(paper.wsUrl)
        yield* again.next(has('"system":"online"'))

        yield* real.operate("system", { mode: "post_only" })
        yield* again.next(has('"system":"post_only"'))
        assert.strictEqual(yield* errorOf(paper, "AddOrder", order), "EService:Market in post_only mode")
      }),
    60_000
  )

  it.scopedLive(
    "says what is missing when it cannot follow",
    () =>
      Effect.gen(function* () {
        const nobody = { restUrl: "http://127.0.0.1:9", wsUrl: "ws://127.0.0.1:9/v2", wsAuthUrl: "ws://127.0.0.1:9/v2" }
        const dead = yield* Effect.flip(following(settingsAt(nobody), { ...untimed, symbols: [XLM] }))
        assert.deepInclude(dead, { _tag: "LocalKrakenError", reason: "upstream" })
        const real = yield* makeLocalKraken(untimed)
        const options = { ...untimed, symbols: [PairSymbol("NOPE/USD")] }
        const unknown = yield* Effect.flip(following(settingsAt(real), options))
        assert.deepInclude(unknown, { _tag: "LocalKrakenError", reason: "settings" })
      }),
    60_000
  )
})

/** What a handshake that is refused says. */
const connectionRefused = async (url: string): Promise<string> => {
  const { WebSocket } = await import("ws")
  return new Promise((resolve) => {
    const socket = new WebSocket(url)
    socket.on("error", (error) => resolve(error.message))
    socket.on("open", () => resolve("open"))
  })
}
