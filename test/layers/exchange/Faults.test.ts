import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { frameKind, makeFaults } from "../../../src/layers/exchange/Faults.ts"
import { makeLocalKraken } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import type { Fault, LocalKrakenShape } from "../../../src/services/LocalKraken.ts"
import { call, connect, get, has, plainOptions, post } from "./support.ts"

const buy = (id: string) => ({
  pair: "XLMUSD",
  type: "buy",
  ordertype: "limit",
  price: "0.1",
  volume: "50",
  cl_ord_id: id
})

/** Whether an order with this id of ours exists. */
const exists = (kraken: LocalKrakenShape, id: string) =>
  Effect.map(kraken.view, ({ orders }) => orders.some((order) => order.clOrdId === id))

const tickers = { method: "subscribe", params: { channel: "instrument", snapshot: false } }

describe("which fault strikes", () => {
  const drop = (extra: Partial<Fault> = {}): Fault =>
    ({ on: "rest", effect: { kind: "drop", executed: false }, ...extra }) as Fault

  it("counts, skips and forgets", () => {
    const faults = makeFaults(1)
    const id = faults.add(drop({ times: 2, skip: 1 }))
    faults.add(drop({ endpoint: "AddOrder" } as Partial<Fault>))
    const struck = Array.from({ length: 5 }, () => faults.forRest("Time") !== undefined)
    assert.deepStrictEqual(struck, [false, true, true, false, false])
    assert.isDefined(faults.forRest("AddOrder"))
    assert.deepStrictEqual(
      faults.list().map((f) => [f.id, f.struck]),
      [
        [1, 2],
        [2, 1]
      ]
    )
    faults.clear(id)
    faults.clear(99)
    assert.strictEqual(faults.list().length, 1)
    faults.clear()
    assert.deepStrictEqual(faults.list(), [])
    assert.isUndefined(faults.forRest("AddOrder"))
  })

  it("draws chances from its seed", () => {
    const draw = (seed: number) => {
      const faults = makeFaults(seed)
      faults.add(drop({ probability: 0.5 }))
      return Array.from({ length: 200 }, () => faults.forRest("Time") !== undefined)
    }
    assert.deepStrictEqual(draw(1), draw(1))
    assert.notDeepEqual(draw(1), draw(2))
    assert.closeTo(draw(3).filter(Boolean).length, 100, 25)
  })

  it("knows frames by what they are", () => {
    const faults = makeFaults(1)
    const arm = (fault: object) => faults.add({ on: "stream", ...fault } as Fault)
    const strikes = (stream: "public" | "auth", text: string) => faults.forFrame(() => frameKind(stream, text))?.kind
    assert.isUndefined(strikes("public", '{"channel":"heartbeat"}'))
    arm({ stream: "auth", channel: "executions", effect: { kind: "drop" } })
    arm({ effect: { kind: "mute", method: "cancel_order" } })
    arm({ effect: { kind: "silence", heartbeats: true } })
    assert.strictEqual(strikes("auth", '{"channel":"executions","type":"update"}'), "drop")
    assert.strictEqual(strikes("public", '{"method":"cancel_order","success":true}'), "mute")
    assert.strictEqual(strikes("public", '{"method":"pong"}'), "silence")
    assert.isUndefined(strikes("public", '{"channel":"heartbeat"}'))
    faults.clear()
    arm({ effect: { kind: "mute" } })
    assert.isUndefined(strikes("auth", '{"channel":"executions","type":"update"}'))
    assert.strictEqual(strikes("auth", '{"method":"pong"}'), "mute")
  })
})

describe("REST faults", () => {
  const failing = <A, E>(effect: Effect.Effect<A, E>) => Effect.map(Effect.either(effect), Either.isLeft)

  for (const executed of [false, true]) {
    it.scopedLive(`lose the answer, the order ${executed ? "placed" : "not placed"}`, () =>
      Effect.gen(function* () {
        const kraken = yield* makeLocalKraken({ ...plainOptions, market: { _tag: "Generated" } })
        const strike = (effect: object, id: string) =>
          Effect.gen(function* () {
            yield* kraken.faults.add({ on: "rest", endpoint: "AddOrder", times: 1, effect } as Fault)
            const result = yield* Effect.either(post(kraken, "AddOrder", buy(id)))
            assert.strictEqual(yield* exists(kraken, id), executed, id)
            return result
          })
        assert.isTrue(Either.isLeft(yield* strike({ kind: "drop", executed }, "a")))
        assert.isTrue(Either.isLeft(yield* strike({ kind: "cut", executed }, "b")))
        for (const status of [502, 503, 520]) {
          const answer = Either.getOrThrow(yield* strike({ kind: "status", status, executed }, `c${status}`))
          assert.strictEqual(answer.status, status)
          assert.match(answer.text, /^<!DOCTYPE html>/)
        }
        const told = Either.getOrThrow(yield* strike({ kind: "error", error: "EService:Unavailable", executed }, "d"))
        assert.deepStrictEqual([told.status, told.text], [200, '{"error":["EService:Unavailable"]}'])
        assert.deepStrictEqual((yield* call(kraken, "AddOrder", buy("e"))).error, [])
      })
    )
  }

  it.scopedLive("delay an answer, or the call itself", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken({ ...plainOptions, market: { _tag: "Generated" } })
      for (const executed of [true, false]) {
        yield* kraken.faults.add({
          on: "rest",
          endpoint: "AddOrder",
          times: 1,
          effect: { kind: "delay", realMs: 150, executed }
        })
        const id = `f${executed}`
        const sentAt = performance.now()
        const fiber = yield* Effect.fork(post(kraken, "AddOrder", buy(id)))
        yield* Effect.sleep(75)
        assert.strictEqual(yield* exists(kraken, id), executed)
        assert.strictEqual((yield* fiber).status, 200)
        assert.isAtLeast(performance.now() - sentAt, 145)
        assert.isTrue(yield* exists(kraken, id))
      }
    })
  )

  it.scopedLive("see a deadline as it was on arrival", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken({ ...plainOptions, market: { _tag: "Generated" } })
      yield* kraken.faults.add({
        on: "rest",
        endpoint: "AddOrder",
        times: 1,
        effect: { kind: "delay", realMs: 100, executed: false }
      })
      const deadline = new Date((yield* kraken.clock.now) + 5_000).toISOString()
      const fiber = yield* Effect.fork(call(kraken, "AddOrder", { ...buy("g"), deadline }))
      yield* Effect.sleep(50)
      yield* kraken.clock.advance(10_000)
      assert.deepStrictEqual((yield* fiber).error, ["EService:Deadline elapsed"])
    })
  )

  it.scopedLive("close the port for a while", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const stream = yield* connect(kraken.wsUrl)
      yield* kraken.faults.add({ on: "rest", endpoint: "Balance", times: 1, effect: { kind: "refuse", realMs: 200 } })
      assert.isTrue(yield* failing(post(kraken, "Balance")))
      assert.strictEqual(yield* stream.closed, 1006)
      assert.isTrue(yield* failing(post(kraken, "Balance")))
      yield* Effect.sleep(400)
      assert.deepStrictEqual((yield* call(kraken, "Balance")).error, [])
    })
  )
})

describe("stream faults", () => {
  const PING = { method: "ping", req_id: 1 }

  /** A public stream that has said hello. */
  const open = (kraken: LocalKrakenShape) =>
    Effect.tap(connect(kraken.wsUrl), (client) => client.next(has('"channel":"status"')))
  const arm = (kraken: LocalKrakenShape, effect: object, extra: object = {}) =>
    kraken.faults.add({ on: "stream", times: 1, effect, ...extra } as Fault)

  it.scopedLive("close with a code, or cut off", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      for (const code of [1001, 1013, 1006]) {
        const client = yield* open(kraken)
        yield* arm(kraken, { kind: "close", code })
        client.send(PING)
        assert.strictEqual(yield* client.closed, code)
      }
    })
  )

  it.scopedLive("drop, repeat, reorder, corrupt and add frames", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const pong = (id: number) => has('"method":"pong"', `"req_id":${id}`)
      const exchange = (effect: object) =>
        Effect.gen(function* () {
          const client = yield* open(kraken)
          yield* arm(kraken, effect)
          for (const id of [1, 2, 3]) client.send({ method: "ping", req_id: id })
          yield* client.next(pong(3))
          return client.frames.slice(1).map((text) => /"req_id":(\d)/.exec(text)?.[1] ?? "?")
        })
      assert.deepStrictEqual(yield* exchange({ kind: "drop" }), ["2", "3"])
      assert.deepStrictEqual(yield* exchange({ kind: "mute", method: "pong" }), ["2", "3"])
      assert.deepStrictEqual(yield* exchange({ kind: "duplicate" }), ["1", "1", "2", "3"])
      assert.deepStrictEqual(yield* exchange({ kind: "reorder" }), ["2", "1", "3"])
      assert.deepStrictEqual(yield* exchange({ kind: "garbage" }), ["?", "1", "2", "3"])
      const client = yield* open(kraken)
      yield* arm(kraken, { kind: "corrupt" })
      client.send(PING)
      client.send({ method: "ping", req_id: 2 })
      yield* client.next(pong(2))
      assert.throws(() => JSON.parse(client.frames[1]!) as unknown)
    })
  )

  it.scopedLive("delay a frame and all behind it", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const client = yield* open(kraken)
      yield* arm(kraken, { kind: "delay", realMs: 100 }, { times: 2 })
      const sentAt = performance.now()
      for (const id of [1, 2, 3]) client.send({ method: "ping", req_id: id })
      yield* client.next(has('"req_id":3'))
      assert.isAtLeast(performance.now() - sentAt, 195)
      assert.deepStrictEqual(
        client.frames.slice(1).map((text) => /"req_id":(\d)/.exec(text)?.[1]),
        ["1", "2", "3"]
      )
    })
  )

  it.scopedLive("silence the data while heartbeats go on, or everything", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken({ ...plainOptions, market: { _tag: "Generated" }, speed: 20 })
      const client = yield* open(kraken)
      yield* arm(kraken, { kind: "silence", heartbeats: true }, { times: undefined })
      client.send({ method: "subscribe", params: { channel: "ticker", symbol: ["XLM/USD"], event_trigger: "bbo" } })
      yield* client.next(has("heartbeat"))
      yield* client.next(has("heartbeat"))
      assert.isFalse(client.frames.some(has("ticker")))
      yield* kraken.faults.clear()
      yield* client.next(has('"channel":"ticker"'))
      yield* arm(kraken, { kind: "silence", heartbeats: false }, { times: undefined })
      yield* Effect.sleep(50)
      const { length } = client.frames
      yield* Effect.sleep(300)
      assert.strictEqual(client.frames.length, length)
      assert.isAbove((yield* kraken.faults.list)[0]!.struck, 0)
    })
  )

  it.scopedLive("never acknowledge", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const client = yield* open(kraken)
      yield* arm(kraken, { kind: "mute", method: "subscribe" }, { times: undefined })
      client.send(tickers)
      client.send(PING)
      yield* client.next(has("pong"))
      assert.isFalse(client.frames.some(has('"method":"subscribe"')))
      assert.deepStrictEqual((yield* get(kraken, "/0/public/Time")).error, [])
    })
  )
})
