import { request } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { makeLocalKraken } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import type { LocalKrakenShape } from "../../../src/services/LocalKraken.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import { PairSymbol } from "../../../src/domain/market/Instrument.ts"
import { call, connect, has, plainOptions } from "./support.ts"

const XLM = PairSymbol("XLM/USD")
const fast = { ...plainOptions, speed: 60 }
const level = (price: string, quantity = "100000") => [Money.price(price), Money.quantity(quantity)] as const
const book = (kraken: LocalKrakenShape, bid: string, ask: string) =>
  Effect.flatMap(kraken.clock.now, (at) =>
    kraken.feed([{ _tag: "Quote", symbol: XLM, at, bids: [level(bid)], asks: [level(ask)] }])
  )
const executions = (kraken: LocalKrakenShape, options?: { readonly autoPong?: boolean }) =>
  Effect.gen(function* () {
    const token = (yield* call(kraken, "GetWebSocketsToken")).result.token as string
    const client = yield* connect(kraken.wsAuthUrl, options)
    client.send({ method: "subscribe", params: { channel: "executions", token, snap_orders: true } })
    yield* client.next(has('"channel":"executions"', "snapshot"))
    return { client, token }
  })
const buy = { pair: "XLMUSD", type: "buy", ordertype: "market", volume: "50" }

describe("streams of the local Kraken", () => {
  it.scopedLive("greet with status, answer pings, and say what is malformed", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const client = yield* connect(kraken.wsUrl)
      const hello = yield* client.next(has('"channel":"status"'))
      const connection = /"connection_id":(\d+)/.exec(hello)![1]!
      assert.isTrue(BigInt(connection) > 2n ** 53n)
      client.send({ method: "ping", req_id: 7 })
      yield* client.next(has('"method":"pong"', '"req_id":7'))
      client.send("{nonsense")
      yield* client.next(has("Malformed request"))
      client.send({ method: "subscribe", params: { channel: "executions", token: "x" } })
      yield* client.next(has("Private data and trading are unavailable on this endpoint"))
      const auth = yield* connect(kraken.wsAuthUrl)
      auth.send({ method: "subscribe", params: { channel: "executions" } })
      yield* auth.next(has("Token(s) not found"))
      yield* Effect.async<void>((resume) => {
        auth.socket.once("pong", () => resume(Effect.void))
        auth.socket.ping("hello")
      })
    })
  )

  it.scopedLive("end connections that send too much or break the protocol, and no others", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const [good, large, broken] = [
        yield* connect(kraken.wsUrl),
        yield* connect(kraken.wsUrl),
        yield* connect(kraken.wsUrl)
      ]
      large.send("x".repeat(300_000))
      assert.strictEqual(yield* large.closed, 1009)
      // @ts-expect-error -- the raw socket is private: an invalid opcode goes over it
      broken.socket._socket.write(Buffer.from([0x8f, 0x80, 0, 0, 0, 0]))
      assert.include([1002, 1006], yield* broken.closed)
      good.socket.send(Buffer.from('{"method":"ping","req_id":9}'))
      yield* good.next(has('"req_id":9'))
      const status = yield* Effect.async<number>((resume) => {
        const sent = request(
          `${kraken.restUrl}/v3`,
          { headers: { connection: "Upgrade", upgrade: "websocket" } },
          (r) => resume(Effect.succeed(r.statusCode ?? 0))
        )
        sent.end()
      })
      assert.strictEqual(status, 404)
    })
  )

  it.scopedLive("report fills, and forget a connection that ended", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      yield* book(kraken, "0.1", "0.101")
      const { client } = yield* executions(kraken)
      yield* call(kraken, "AddOrder", buy)
      yield* client.next(has('"exec_type":"trade"', '"last_price":0.101000'))
      yield* client.next(has('"exec_type":"filled"'))
      client.socket.close()
      yield* client.closed
      yield* call(kraken, "AddOrder", buy)
      assert.strictEqual((yield* kraken.view).fills.length, 2)
    })
  )

  it.scopedLive("disconnect by kind, with any code", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const both = [yield* connect(kraken.wsUrl), yield* connect(kraken.wsAuthUrl)] as const
      yield* kraken.operate("disconnect", { stream: "public", code: "1001" })
      assert.strictEqual(yield* both[0].closed, 1001)
      assert.strictEqual(both[1].socket.readyState, both[1].socket.OPEN)
      yield* kraken.operate("disconnect", { stream: "both", code: "1006" })
      assert.strictEqual(yield* both[1].closed, 1006)
    })
  )
})

describe("market time and private frames", () => {
  it.scopedLive("stands still until the frame's receiver answers a ping", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(fast)
      yield* book(kraken, "0.1", "0.101")
      const { client } = yield* executions(kraken, { autoPong: false })
      yield* Effect.sleep(2100) // the snapshot's own hold runs out, unanswered
      const pinged = Effect.async<Buffer>((resume) => {
        client.socket.once("ping", (data) => resume(Effect.succeed(data)))
      })
      const waiting = yield* Effect.fork(pinged)
      yield* Effect.yieldNow()
      yield* call(kraken, "AddOrder", buy)
      const token = yield* waiting
      const heldAt = yield* kraken.clock.now
      yield* Effect.sleep(300)
      assert.strictEqual(yield* kraken.clock.now, heldAt)
      client.socket.pong("another")
      client.socket.pong(token)
      yield* Effect.sleep(100)
      assert.isAbove(yield* kraken.clock.now, heldAt)
    })
  )

  it.scopedLive("goes on after two real seconds, and at once when the connection ends", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(fast)
      yield* book(kraken, "0.1", "0.101")
      const { client } = yield* executions(kraken, { autoPong: false })
      const heldAt = yield* kraken.clock.now
      yield* Effect.sleep(200)
      assert.strictEqual(yield* kraken.clock.now, heldAt)
      yield* Effect.sleep(2000)
      assert.isAbove(yield* kraken.clock.now, heldAt)
      yield* call(kraken, "AddOrder", buy)
      const again = yield* kraken.clock.now
      client.socket.terminate()
      yield* Effect.sleep(100)
      assert.isAbove(yield* kraken.clock.now, again)
    })
  )

  it.scopedLive("is not held at speed one, nor by a receiver that answers", () =>
    Effect.gen(function* () {
      for (const speed of [1, 60]) {
        const kraken = yield* makeLocalKraken({ ...plainOptions, speed })
        yield* book(kraken, "0.1", "0.101")
        const { client } = yield* executions(kraken, { autoPong: speed > 1 })
        yield* call(kraken, "AddOrder", buy)
        yield* client.next(has('"exec_type":"filled"'))
        const before = yield* kraken.clock.now
        yield* Effect.sleep(300)
        assert.isAtLeast((yield* kraken.clock.now) - before, 200 * speed)
      }
    })
  )

  it.scopedLive("keeps the secret to itself", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      assert.notInclude(JSON.stringify(kraken), Redacted.value(kraken.credentials.secret))
    })
  )
})
