import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Fiber, Layer } from "effect"
import type { AddressInfo, Server } from "node:net"
import { createServer } from "node:net"
import { PairSymbol } from "../../../../src/domain/market/Instrument.ts"
import type { StreamOptions } from "../../../../src/layers/kraken/stream/KrakenStreamLive.ts"
import { MockMarketClockControl } from "../../../../src/layers/mock/MockMarketClock.ts"
import { Frames } from "../../../../src/services/Frames.ts"
import type { PublicStreamEvent } from "../../../../src/services/KrakenStream.ts"
import { KrakenStream } from "../../../../src/services/KrakenStream.ts"
import type { Peer, Request, Script } from "./support.ts"
import { ack, channelOf, inbox, NOW, pong, quick, refuse, streams, symbolsOf, tagged, venue } from "./support.ts"

const XLM = PairSymbol("XLM/USD")
const BTC = PairSymbol("BTC/USD")

const tickerRow = (symbol: string, bid = 0.1637) => ({
  symbol,
  bid,
  bid_qty: 929,
  ask: 0.1638,
  ask_qty: 12318,
  timestamp: "2026-02-26T10:00:00.123456Z"
})
const ticker = (symbol: string, type = "snapshot", bid = 0.1637) => ({
  channel: "ticker",
  type,
  data: [tickerRow(symbol, bid)]
})
const heartbeat = { channel: "heartbeat" }
const status = (system: string) => ({ channel: "status", type: "update", data: [{ system, connection_id: 1 }] })

/** Answers everything as Kraken does on a good day. */
const good: Script = (request, peer) => {
  if (request.method === "ping") return peer.send(pong(request))
  for (const symbol of symbolsOf(request)) {
    peer.send(ack(request, symbol))
    if (channelOf(request) === "ticker") peer.send(ticker(symbol))
  }
}

const run = (
  script: Script,
  onConnect?: (peer: Peer) => void,
  symbols: ReadonlyArray<PairSymbol> = [XLM],
  options: Partial<StreamOptions> = {}
) =>
  Effect.gen(function* () {
    const exchange = yield* venue(script, onConnect)
    const events = yield* inbox<PublicStreamEvent>()
    const context = yield* Layer.build(streams(exchange.url, options))
    const runtime = { stream: Context.get(context, KrakenStream), clock: Context.get(context, MockMarketClockControl) }
    const fiber = yield* Effect.forkScoped(runtime.stream.runPublic(symbols, events.put))
    return { ...runtime, exchange, events, fiber }
  })

describe("the public stream", () => {
  it.scopedLive("keeps its frames as they came, where somebody wants them", () =>
    Effect.gen(function* () {
      const kept: Array<readonly [string, string]> = []
      const exchange = yield* venue(good, (peer) => peer.send(status("online")))
      const events = yield* inbox<PublicStreamEvent>()
      const frames = Layer.succeed(Frames, {
        record: (stream, text) => void kept.push([stream, text]),
        recent: Effect.succeed([])
      })
      const context = yield* Layer.build(Layer.provide(streams(exchange.url), frames))
      yield* Effect.forkScoped(Context.get(context, KrakenStream).runPublic([XLM], events.put))
      yield* events.next(tagged("QuoteSeen"))
      assert.deepInclude(kept, ["public", JSON.stringify(ticker(XLM))])
    })
  )

  it.scopedLive("subscribes, comes up, and tells what it hears in order", () =>
    Effect.gen(function* () {
      const { events, exchange, stream } = yield* run(good, (peer) => peer.send(status("online")), [XLM, BTC])
      yield* events.next(tagged("PublicUp"))
      const peer = exchange.peers[0]!
      assert.deepStrictEqual(
        peer.requests.filter((r) => r.method === "subscribe").map((r) => [channelOf(r), symbolsOf(r)]),
        [
          ["ticker", [XLM, BTC]],
          ["trade", [XLM, BTC]],
          ["ohlc", [XLM, BTC]]
        ]
      )
      assert.strictEqual(peer.requests[0]?.params?.["event_trigger"], "bbo")
      assert.deepStrictEqual(events.seen.find(tagged("SystemSeen")), { _tag: "SystemSeen", status: "online" })
      const quotes = events.seen.filter(tagged("QuoteSeen"))
      assert.deepStrictEqual(quotes.map((q) => q.quote.symbol).toSorted(), [BTC, XLM])
      const sample = yield* events.next(tagged("ClockSample"))
      assert.deepStrictEqual(sample, { _tag: "ClockSample", exchangeMs: NOW + 100, sentAt: NOW, receivedAt: NOW })

      peer.send({
        ...ticker(XLM, "update", 0.2),
        data: [{ ...tickerRow(XLM, 0.2), timestamp: "2026-02-26T10:00:01Z" }]
      })
      peer.send({
        channel: "trade",
        type: "update",
        data: [
          {
            symbol: XLM,
            side: "sell",
            price: 0.16,
            qty: 2,
            ord_type: "limit",
            trade_id: 5,
            timestamp: "2026-02-26T10:00:01Z"
          }
        ]
      })
      const candle = (begin: string) => ({
        channel: "ohlc",
        type: "update",
        data: [{ symbol: XLM, open: 1, high: 2, low: 1, close: 2, volume: 3, interval_begin: begin, interval: 1 }]
      })
      peer.send(candle("2026-02-26T10:00:00.000000000Z"))
      peer.send(candle("2026-02-26T10:01:00.000000000Z"))
      peer.send({
        channel: "status",
        type: "update",
        data: [{ system: "maintenance", upcoming_maintenance: ["2026-03-01T00:00:00Z"] }]
      })
      assert.deepStrictEqual(yield* events.next(tagged("QuoteUnsound")), {
        _tag: "QuoteUnsound",
        symbol: XLM,
        at: NOW + 1000
      })
      assert.strictEqual((yield* events.next(tagged("TradeSeen"))).trade.tradeId, 5)
      const closed = yield* events.next(tagged("CandleClosed"))
      assert.deepInclude(closed, { symbol: XLM, intervalMinutes: 1 })
      assert.strictEqual(closed.candle.at, NOW)
      assert.deepStrictEqual(yield* events.next(tagged("SystemSeen")), {
        _tag: "SystemSeen",
        status: "maintenance",
        maintenanceAt: Date.UTC(2026, 2, 1)
      })
      const health = yield* stream.publicHealth
      assert.isTrue(health.connected)
      assert.isDefined(health.since)
      assert.isDefined(health.lastFrameAt)
      assert.isAbove(health.frames, 8)
      assert.strictEqual(health.reconnects, 0)
      assert.strictEqual(health.malformed, 0)
    })
  )

  it.scopedLive("closes a bar by the clock when the market is quiet", () =>
    Effect.gen(function* () {
      const { clock, events, exchange } = yield* run(good)
      yield* events.next(tagged("PublicUp"))
      exchange.peers[0]!.send({
        channel: "ohlc",
        type: "update",
        data: [
          {
            symbol: XLM,
            open: 1,
            high: 2,
            low: 1,
            close: 2,
            volume: 3,
            interval_begin: "2026-02-26T10:00:00Z",
            interval: 1
          }
        ]
      })
      exchange.peers[0]!.send(ticker(XLM, "update", 0.5))
      yield* events.next(tagged("QuoteUnsound"))
      yield* clock.advance(70_000)
      assert.strictEqual((yield* events.next(tagged("CandleClosed"))).candle.at, NOW)
    })
  )

  for (const [code, expected] of [
    [1000, "code 1000"],
    [1001, "CloudFlare WebSocket proxy restarting"],
    [1013, "code 1013"],
    [1006, "code 1006"]
  ] as const) {
    it.scopedLive(`comes back after a close with ${code}`, () =>
      Effect.gen(function* () {
        const { events, exchange, stream } = yield* run(good)
        yield* events.next(tagged("PublicUp"))
        if (code === 1006) exchange.peers[0]!.socket.terminate()
        else exchange.peers[0]!.socket.close(code, code === 1001 ? "CloudFlare WebSocket proxy restarting" : "")
        const down = yield* events.next(tagged("PublicDown"))
        assert.include(down.reason, "closed")
        assert.include(down.reason, expected)
        assert.isAtLeast(down.healthyForMs, 0)
        yield* events.next(tagged("PublicUp"))
        assert.strictEqual((yield* stream.publicHealth).reconnects, 1)
      })
    )
  }

  const endsWith = (name: string, script: Script, reason: string, onConnect?: (peer: Peer) => void) =>
    it.scopedLive(name, () =>
      Effect.gen(function* () {
        const { events, stream } = yield* run(script, onConnect)
        const down = yield* events.next(tagged("PublicDown"))
        assert.include(down.reason, reason)
        assert.isFalse((yield* stream.publicHealth).connected)
        // It is tried again.
        yield* events.next(tagged("PublicDown"))
      })
    )

  const beating = (script: Script): [Script, (peer: Peer) => void] => [
    script,
    (peer) => {
      const timer = setInterval(() => peer.send(heartbeat), 20)
      peer.socket.on("close", () => clearInterval(timer))
    }
  ]
  const noPong =
    (script: Script): Script =>
    (request, peer) =>
      request.method === "ping" ? undefined : script(request, peer)

  endsWith("a half-open socket is found by its silence", () => undefined, "no answer")
  it.scopedLive("a socket that falls silent after it was up is found within the limit", () =>
    Effect.gen(function* () {
      const { events } = yield* run(good, undefined, [XLM], {
        timing: { ...quick, ping: 60_000 },
        candleInterval: undefined
      })
      yield* events.next(tagged("PublicUp"))
      const down = yield* events.next(tagged("PublicDown"))
      assert.match(down.reason, /^silent: no frame for 4\d\d ms$/)
      assert.isAtLeast(down.healthyForMs, quick.silence)
    })
  )
  endsWith(
    "a confirmed channel that never delivers is found although heartbeats go on",
    ...([
      (request: Request, peer: Peer) => {
        if (request.method === "ping") return peer.send(pong(request))
        for (const symbol of symbolsOf(request)) peer.send(ack(request, symbol))
      },
      "mute: the ticker of XLM/USD was confirmed but never came",
      beating(good)[1]
    ] as const)
  )
  endsWith(
    "a subscription that is never answered ends the session",
    (request, peer) => (request.method === "ping" ? peer.send(pong(request)) : undefined),
    "no answer: the ticker subscription of XLM/USD was not answered",
    beating(good)[1]
  )
  endsWith(
    "a ping that is never answered ends the session although frames come",
    noPong(good),
    "a ping was not answered",
    beating(good)[1]
  )
  endsWith(
    "a refusal of every pair ends the session",
    (request, peer) =>
      peer.send(
        request.method === "ping"
          ? pong(request)
          : refuse(request, "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com")
      ),
    "refused: Public market data subscriptions are unavailable"
  )

  it.scopedLive("a market without ticks is not a dead one while heartbeats go on", () =>
    Effect.gen(function* () {
      const { events, stream } = yield* run(...beating(good))
      yield* events.next(tagged("PublicUp"))
      yield* Effect.sleep(3 * quick.silence)
      assert.isTrue((yield* stream.publicHealth).connected)
      assert.isUndefined(events.seen.find(tagged("PublicDown")))
    })
  )

  it.scopedLive("one refused pair does not stop the others, and is said", () =>
    Effect.gen(function* () {
      const { events } = yield* run(
        (request, peer) => {
          if (request.method === "ping") return peer.send(pong(request))
          peer.send(refuse(request, "Currency pair not supported BTC/USD", BTC))
          peer.send(ack(request, "DOGE/USD"))
          peer.send(ack(request, XLM))
          if (channelOf(request) === "ticker") peer.send(ticker(XLM))
        },
        undefined,
        [XLM, BTC]
      )
      yield* events.next(tagged("PublicUp"))
      const refused = events.seen.find(tagged("Malformed"))
      assert.deepInclude(refused, {
        kind: "ticker refused",
        text: "Currency pair not supported BTC/USD",
        stream: "public"
      })
    })
  )

  it.scopedLive("survives garbage, told once a kind and counted", () =>
    Effect.gen(function* () {
      const { events, exchange, stream } = yield* run(good)
      yield* events.next(tagged("PublicUp"))
      const peer = exchange.peers[0]!
      peer.send("garbage")
      peer.send("more garbage")
      peer.send({ channel: "book", data: [] })
      peer.send({ error: "Exceeded msg rate", method: "error" })
      peer.send({ error: "x", method: "subscribe", req_id: 99, success: false })
      peer.send({ method: "subscribe", req_id: 99, success: false })
      peer.send({ method: "pong" })
      peer.send({ method: "pong", req_id: 1, success: true })
      peer.send(ticker("DOGE/USD", "update"))
      const quote = yield* events.next(
        (e): e is Extract<PublicStreamEvent, { _tag: "QuoteSeen" }> => e._tag === "QuoteSeen" && e.quote.symbol !== XLM
      )
      assert.strictEqual(quote.quote.symbol, "DOGE/USD")
      assert.deepStrictEqual(
        events.seen.filter(tagged("Malformed")).map((m) => [m.kind, m.text]),
        [
          ["not JSON", "garbage"],
          ["channel book", '{"channel":"book","data":[]}'],
          ["request refused", "Exceeded msg rate"]
        ]
      )
      const health = yield* stream.publicHealth
      assert.strictEqual(health.malformed, 6)
      assert.isTrue(health.connected)
    })
  )

  it.scopedLive("answers a protocol ping only after the frames before it were taken in", () =>
    Effect.gen(function* () {
      const { events, exchange } = yield* run(good)
      yield* events.next(tagged("PublicUp"))
      const { socket, send } = exchange.peers[0]!
      const taken = yield* Effect.async<number>((resume) => {
        const before = events.seen.length
        socket.once("pong", () => resume(Effect.succeed(events.seen.slice(before).filter(tagged("QuoteSeen")).length)))
        for (let i = 0; i < 200; i++) send(ticker(XLM, "update"))
        socket.ping()
      })
      assert.strictEqual(taken, 200)
    })
  )

  it.scopedLive("ends its fiber with the defect when the sink throws, and not the process", () =>
    Effect.gen(function* () {
      const exchange = yield* venue(good)
      const stream = Context.get(yield* Layer.build(streams(exchange.url)), KrakenStream)
      const exit = yield* Effect.exit(
        stream.runPublic([XLM], () => {
          throw new Error("a bug in the sink")
        })
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    })
  )

  it.scopedLive("tells of an exchange that cannot be reached, and of an address that is none", () =>
    Effect.gen(function* () {
      const exchange = yield* venue(good)
      exchange.close()
      for (const [url, reason] of [
        [exchange.url, "unreachable: connect ECONNREFUSED"],
        ["http//nowhere", "unreachable: the stream's address is not a WebSocket URL"]
      ] as const) {
        const events = yield* inbox<PublicStreamEvent>()
        const stream = Context.get(yield* Layer.build(streams(url)), KrakenStream)
        const fiber = yield* Effect.fork(stream.runPublic([XLM], events.put))
        const down = yield* events.next(tagged("PublicDown"))
        assert.include(down.reason, reason)
        assert.strictEqual(down.healthyForMs, 0)
        yield* Fiber.interrupt(fiber)
      }
    })
  )

  it.scopedLive("gives up on a handshake that does not come to an end", () =>
    Effect.gen(function* () {
      const port = yield* Effect.acquireRelease(
        Effect.async<{ readonly server: Server; readonly at: number }>((resume) => {
          const server = createServer(() => undefined).listen(0, "127.0.0.1", () => {
            resume(Effect.succeed({ server, at: (server.address() as AddressInfo).port }))
          })
        }),
        ({ server }) => Effect.sync(() => server.close())
      )
      const events = yield* inbox<PublicStreamEvent>()
      const layer = streams(`ws://127.0.0.1:${port.at}`, { timing: { ...quick, open: 50 } })
      const stream = Context.get(yield* Layer.build(layer), KrakenStream)
      yield* Effect.forkScoped(stream.runPublic([XLM], events.put))
      assert.strictEqual((yield* events.next(tagged("PublicDown"))).reason, "unreachable: no connection within 50 ms")
    })
  )
})
