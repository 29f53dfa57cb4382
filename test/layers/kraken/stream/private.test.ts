import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger } from "effect"
import { KrakenTransportError } from "../../../../src/domain/kraken/KrakenError.ts"
import { MockKrakenRestControl } from "../../../../src/layers/mock/MockKrakenRest.ts"
import type { PrivateStreamEvent } from "../../../../src/services/KrakenStream.ts"
import { KrakenStream } from "../../../../src/services/KrakenStream.ts"
import type { StreamOptions } from "../../../../src/layers/kraken/stream/KrakenStreamLive.ts"
import type { Peer, Script } from "./support.ts"
import { ack, channelOf, inbox, NOW, pong, quick, refuse, streams, tagged, venue } from "./support.ts"

const TOKEN = "t0ken-of-the-stream"

const pendingNew = {
  order_id: "OA",
  cl_ord_id: "kt1",
  symbol: "XLM/USD",
  side: "buy",
  order_qty: 25,
  limit_price: 0.15,
  exec_type: "pending_new",
  order_status: "pending_new",
  timestamp: "2026-02-26T10:00:00.100000Z"
}
const opened = { order_id: "OA", exec_type: "new", order_status: "new", timestamp: "2026-02-26T10:00:00.200000Z" }
const restingOrder = { ...pendingNew, order_id: "OB", cl_ord_id: "kt0", exec_type: "new", order_status: "new" }
const fill = {
  order_id: "OA",
  exec_id: "TA",
  exec_type: "trade",
  order_status: "filled",
  symbol: "XLM/USD",
  side: "buy",
  last_qty: 25,
  last_price: 0.15,
  cost: 3.75,
  liquidity_ind: "m",
  fees: [{ asset: "USD", qty: 0.009375 }],
  timestamp: "2026-02-26T10:00:09.000001Z"
}
const executions = (sequence: number, rows: ReadonlyArray<unknown>, type = "update") => ({
  channel: "executions",
  type,
  data: rows,
  sequence
})
const balances = (sequence: number, rows: ReadonlyArray<unknown>, type = "update") => ({
  channel: "balances",
  type,
  data: rows,
  sequence
})
const usd = { asset: "USD", balance: 100, wallets: [{ type: "spot", id: "main", balance: 100 }] }

const good: Script = (request, peer) => {
  if (request.method === "ping") return peer.send(pong(request))
  if (request.method === "cancel_order") {
    for (const id of (request.params?.["cl_ord_id"] ?? []) as ReadonlyArray<string>) {
      peer.send(
        id.startsWith("gone") ? refuse(request, "EOrder:Unknown order") : { ...ack(request), result: { cl_ord_id: id } }
      )
    }
    return
  }
  peer.send(ack(request))
  peer.send(
    channelOf(request) === "executions" ? executions(1, [restingOrder], "snapshot") : balances(1, [usd], "snapshot")
  )
}

const run = (
  script: Script,
  options: Partial<StreamOptions> & { readonly accept?: (event: PrivateStreamEvent) => boolean } = {},
  prepare: (rest: Context.Tag.Service<MockKrakenRestControl>) => Effect.Effect<void> = () => Effect.void
) =>
  Effect.gen(function* () {
    const exchange = yield* venue(script)
    const events = yield* inbox<PrivateStreamEvent>()
    const logged: Array<string> = []
    const log = Logger.replace(
      Logger.defaultLogger,
      Logger.make((entry) => logged.push(Logger.jsonLogger.log(entry)))
    )
    const context = yield* Layer.build(Layer.provideMerge(streams(exchange.url, options), log))
    const stream = Context.get(context, KrakenStream)
    const rest = Context.get(context, MockKrakenRestControl)
    yield* rest.always("webSocketsToken", Effect.succeed({ token: TOKEN, expiresInSeconds: 900 }))
    yield* prepare(rest)
    const accept = options.accept ?? (() => true)
    yield* Effect.forkScoped(stream.runPrivate((event) => accept(event) && events.put(event)).pipe(Effect.provide(log)))
    return { stream, rest, exchange, events, logged }
  })

describe("the private stream", () => {
  it.scopedLive("subscribes with a token, takes both snapshots in, and comes up", () =>
    Effect.gen(function* () {
      const { events, exchange, stream } = yield* run(good)
      const up = yield* events.next(tagged("PrivateUp"))
      assert.strictEqual(up.at, NOW)
      assert.deepStrictEqual(
        up.openOrders.map((o) => [o.exchangeId, o.clientId]),
        [["OB", "kt0"]] as never
      )
      const [orders, funds] = exchange.peers[0]!.requests.filter((r) => r.method === "subscribe")
      assert.deepInclude(orders?.params, { channel: "executions", token: TOKEN, snap_orders: true, snap_trades: true })
      assert.deepInclude(funds?.params, { channel: "balances", token: TOKEN, snapshot: true })
      assert.deepStrictEqual(
        events.seen.map((e) => [e._tag, "snapshot" in e && e.snapshot]),
        [
          ["Reports", true],
          ["Balances", true],
          ["PrivateUp", false]
        ]
      )
      const health = yield* stream.privateHealth
      assert.isTrue(health.connected)

      const { send } = exchange.peers[0]!
      send(executions(2, [pendingNew]))
      send(executions(3, [opened, fill]))
      send({ channel: "heartbeat" })
      send({ channel: "status", type: "update", data: [{ system: "online" }] })
      send(
        balances(2, [
          { asset: "USD", balance: 96.24, wallet_type: "spot", wallet_id: "main", amount: -3.75, fee: 0.01 }
        ])
      )
      yield* events.next(tagged("Reports"))
      const { reports, snapshot } = yield* events.next(tagged("Reports"))
      assert.isFalse(snapshot)
      assert.deepInclude(reports[0], { _tag: "Status", status: "open", clientId: "kt1", symbol: "XLM/USD" } as never)
      assert.deepInclude(reports[1], { _tag: "Fill", executionId: "TA", clientId: "kt1" } as never)
      const moved = yield* events.next(tagged("Balances"))
      assert.deepInclude(moved.balances[0], { wallet: "spot", amount: -3_750_000_000_000n })
    })
  )

  it.scopedLive("waits for snapshots that come in several frames, and knows the open orders at the end of them", () =>
    Effect.gen(function* () {
      const { events } = yield* run((request, peer) => {
        if (request.method === "ping") return peer.send(pong(request))
        if (channelOf(request) === "executions") {
          peer.send(executions(120, [fill], "snapshot"))
          peer.send(executions(120, [restingOrder, { ...pendingNew, symbol: "XLM/USD" }], "snapshot"))
          peer.send(executions(121, [{ ...opened, exec_type: "canceled", order_status: "canceled", order_id: "OB" }]))
          peer.send(executions(122, [opened]))
          peer.send(ack(request))
        } else {
          peer.send(balances(7, [], "snapshot"))
          peer.send(ack(request))
        }
      })
      const up = yield* events.next(tagged("PrivateUp"))
      assert.deepStrictEqual(
        up.openOrders.map((o) => [o.exchangeId, o._tag === "Status" && o.status, o._tag === "Status" && o.quantity]),
        [["OA", "open", 25_000_000_000_000n]] as never
      )
    })
  )

  const gap = (name: string, send: (peer: Peer) => void, reason: RegExp, kinds: ReadonlyArray<string> = []) =>
    it.scopedLive(`${name}: told as a gap, and started again from snapshots with a new token`, () =>
      Effect.gen(function* () {
        const { events, exchange, rest, stream, logged } = yield* run(good)
        yield* events.next(tagged("PrivateUp"))
        const before = events.seen.length
        send(exchange.peers[0]!)
        // What follows the bad frame is not told any more: nobody knows what stood between.
        exchange.peers[0]!.send(executions(50, [fill]))
        const told = yield* events.next(tagged("PrivateGap"))
        assert.match(told.reason, reason)
        yield* events.next(tagged("PrivateUp"))
        assert.isUndefined(events.seen.find(tagged("PrivateDown")))
        assert.isEmpty(
          events.seen
            .slice(before)
            .filter(
              (e) =>
                e._tag === "Reports" &&
                e.reports.some((r) => r._tag === "Fill" && r.executionId === "TA" && !e.snapshot)
            )
        )
        assert.deepStrictEqual(
          events.seen.filter(tagged("Malformed")).map((m) => m.kind),
          kinds
        )
        assert.lengthOf(yield* rest.callsOf("webSocketsToken"), 2)
        assert.strictEqual((yield* stream.privateHealth).reconnects, 1)
        assert.notInclude(logged.join("\n"), TOKEN)
        assert.notInclude(JSON.stringify(events.seen.filter(tagged("Malformed"))), TOKEN)
      })
    )
  gap("a lost frame", (peer) => peer.send(executions(3, [opened])), /executions jumped from sequence 1 to 3/)
  gap(
    "a repeated frame",
    (peer) => {
      peer.send(executions(2, [opened]))
      peer.send(executions(2, [opened]))
    },
    /from sequence 2 to 2/
  )
  gap(
    "reordered frames",
    (peer) => {
      peer.send(balances(3, []))
      peer.send(balances(2, []))
    },
    /balances jumped from sequence 1 to 3/
  )
  gap("a late snapshot out of order", (peer) => peer.send(executions(1, [], "snapshot")), /from sequence 1 to 1/)
  gap("garbage", (peer) => peer.send(`garbage with ${TOKEN} in it`), /could not be read \(not JSON\)/, ["not JSON"])
  gap(
    "an event that nobody knows",
    (peer) => peer.send(executions(2, [{ ...opened, exec_type: "teleported" }])),
    /was not understood \(exec_type teleported\)/,
    ["executions row: exec_type teleported"]
  )

  it.scopedLive("leaves out a bad row of a snapshot and comes up: REST tells the same history", () =>
    Effect.gen(function* () {
      const { events } = yield* run((request, peer) =>
        channelOf(request) === "executions"
          ? (peer.send(ack(request)), peer.send(executions(1, [{ ...fill, fees: undefined }], "snapshot")))
          : good(request, peer)
      )
      yield* events.next(tagged("PrivateUp"))
      assert.deepStrictEqual(
        events.seen.map((e) => e._tag),
        ["Malformed", "Balances", "PrivateUp"]
      )
    })
  )

  it.scopedLive("survives answers to nothing and channels it did not ask for", () =>
    Effect.gen(function* () {
      const { events, exchange, stream } = yield* run(good)
      yield* events.next(tagged("PrivateUp"))
      const { send } = exchange.peers[0]!
      send({ channel: "level9" })
      send({ error: "Exceeded msg rate", method: "error" })
      send({ method: "subscribe", success: false })
      send({ method: "unsubscribe", success: true, req_id: 77 })
      send(executions(2, [opened]))
      yield* events.next(tagged("Reports"))
      assert.deepStrictEqual(
        events.seen.filter(tagged("Malformed")).map((m) => [m.stream, m.kind]),
        [
          ["private", "channel level9"],
          ["private", "request refused"]
        ]
      )
      assert.isTrue((yield* stream.privateHealth).connected)
    })
  )

  const refused =
    (error: string | undefined): Script =>
    (request, peer) =>
      request.method === "ping"
        ? peer.send(pong(request))
        : peer.send(
            error === undefined
              ? { method: request.method, req_id: request.req_id, success: false }
              : refuse(request, error)
          )

  it.scopedLive("stops for good when the key may not stream", () =>
    Effect.gen(function* () {
      const { events, exchange, stream } = yield* run(refused("EGeneral:Permission denied"))
      const told = yield* events.next(tagged("PrivateRefused"))
      assert.include(told.text, "EGeneral:Permission denied")
      yield* Effect.sleep(800)
      assert.lengthOf(exchange.peers, 1)
      assert.isFalse((yield* stream.privateHealth).connected)
      assert.isFalse(yield* stream.cancelByStream(["kt1"]))
    })
  )

  it.scopedLive("takes a new token when the old one is not valid", () =>
    Effect.gen(function* () {
      const { events, rest } = yield* run((request, peer) =>
        request.method === "subscribe" && peer.index === 0
          ? peer.send({ ...refuse(request, "ESession:Invalid session"), status: "error" })
          : good(request, peer)
      )
      assert.include((yield* events.next(tagged("PrivateDown"))).reason, "ESession:Invalid session")
      yield* events.next(tagged("PrivateUp"))
      assert.lengthOf(yield* rest.callsOf("webSocketsToken"), 2)
    })
  )

  for (const [name, error, reason] of [
    ["with a reason", "Subscription refused", "refused: executions: Subscription refused"],
    ["without one", undefined, "refused: executions: refused without a reason"]
  ] as const) {
    it.scopedLive(`goes on trying after a refusal ${name}`, () =>
      Effect.gen(function* () {
        const { events } = yield* run(refused(error))
        assert.strictEqual((yield* events.next(tagged("PrivateDown"))).reason, reason)
        yield* events.next(tagged("PrivateDown"))
      })
    )
  }

  it.scopedLive("finds a mute channel, and an unanswered subscription", () =>
    Effect.gen(function* () {
      const { events } = yield* run((request, peer) => {
        if (request.method === "ping") return peer.send(pong(request))
        if (channelOf(request) === "balances") return good(request, peer)
        if (peer.index === 0) peer.send(ack(request))
      })
      assert.strictEqual(
        (yield* events.next(tagged("PrivateDown"))).reason,
        "mute: executions was confirmed but its snapshot never came"
      )
      assert.strictEqual(
        (yield* events.next(tagged("PrivateDown"))).reason,
        "no answer: the executions subscription was not answered"
      )
    })
  )

  it.scopedLive("tries again when no token could be had, in time or at all", () =>
    Effect.gen(function* () {
      const { events } = yield* run(good, { timing: { ...quick, token: 50 } }, (rest) =>
        rest
          .answer(
            "webSocketsToken",
            Effect.fail(
              new KrakenTransportError({
                endpoint: "GetWebSocketsToken",
                reason: "timeout",
                detail: "no answer within 3 s",
                executed: "unknown"
              })
            )
          )
          .pipe(Effect.zipRight(rest.answer("webSocketsToken", Effect.never)))
      )
      assert.include(
        (yield* events.next(tagged("PrivateDown"))).reason,
        "token: no stream token: GetWebSocketsToken: no answer within 3 s"
      )
      assert.include((yield* events.next(tagged("PrivateDown"))).reason, "token: no stream token within 50 ms")
      yield* events.next(tagged("PrivateUp"))
    })
  )

  it.scopedLive("drops the session when the sink is full, and does not forget to say so", () =>
    Effect.gen(function* () {
      let refusals = 0
      const { events, exchange } = yield* run(good, {
        // Full for one report and for the first attempt to tell of it.
        accept: (event) => {
          const full = refusals < 2 && ((event._tag === "Reports" && !event.snapshot) || event._tag === "PrivateGap")
          if (full) refusals += 1
          return !full
        }
      })
      yield* events.next(tagged("PrivateUp"))
      exchange.peers[0]!.send(executions(2, [opened]))
      exchange.peers[0]!.send(executions(3, [fill]))
      const told = yield* events.next(tagged("PrivateGap"))
      assert.strictEqual(told.reason, "the trader could not take an event in time")
      assert.strictEqual(refusals, 2)
      yield* events.next(tagged("PrivateUp"))
      assert.isEmpty(events.seen.filter((e) => e._tag === "Reports" && !e.snapshot))
    })
  )

  it.scopedLive("resynchronises when asked, and does nothing when there is no session", () =>
    Effect.gen(function* () {
      const { events, stream } = yield* run(good)
      yield* events.next(tagged("PrivateUp"))
      yield* stream.resyncPrivate("REST knows of a fill that never came")
      yield* stream.resyncPrivate("twice")
      assert.strictEqual((yield* events.next(tagged("PrivateGap"))).reason, "REST knows of a fill that never came")
      yield* stream.resyncPrivate("between two sessions")
      yield* events.next(tagged("PrivateUp"))
      assert.lengthOf(events.seen.filter(tagged("PrivateGap")), 1)
    })
  )

  it.scopedLive("cancels by our ids, true only if every cancel was accepted", () =>
    Effect.gen(function* () {
      const { events, exchange, stream } = yield* run(good)
      yield* events.next(tagged("PrivateUp"))
      assert.isTrue(yield* stream.cancelByStream(["kt1", "kt2"]))
      const request = exchange.peers[0]!.requests.find((r) => r.method === "cancel_order")
      assert.deepStrictEqual(request?.params, { cl_ord_id: ["kt1", "kt2"], token: TOKEN })
      assert.isFalse(yield* stream.cancelByStream(["kt1", "gone", "kt3"]))
      assert.isFalse(yield* stream.cancelByStream([]))
      const many = Array.from({ length: 120 }, (_, i) => `kt${i}`)
      assert.isTrue(yield* stream.cancelByStream(many))
      assert.lengthOf(
        exchange.peers[0]!.requests.filter((r) => r.method === "cancel_order"),
        5
      )
      yield* stream.resyncPrivate("over")
      assert.isFalse(yield* stream.cancelByStream(["kt1"]))
    })
  )

  it.scopedLive("does not wait for answers that do not come, nor for a lost session's", () =>
    Effect.gen(function* () {
      const { events, exchange, stream } = yield* run((request, peer) => {
        if (request.method !== "cancel_order") good(request, peer)
        else if (peer.index === 1) peer.socket.terminate()
        else if (peer.index === 2) peer.send(refuse(request, "ESession:Invalid session"))
      })
      yield* events.next(tagged("PrivateUp"))
      assert.isFalse(yield* stream.cancelByStream(["kt1"]))
      exchange.peers[0]!.socket.terminate()
      yield* events.next(tagged("PrivateUp"))
      assert.isFalse(yield* stream.cancelByStream(["kt1"]))
      assert.include((yield* events.next(tagged("PrivateDown"))).reason, "closed")
      yield* events.next(tagged("PrivateUp"))
      assert.isFalse(yield* stream.cancelByStream(["kt1"]))
      assert.include((yield* events.next(tagged("PrivateDown"))).reason, "session: ESession:Invalid session")
    })
  )
})
