import { createServer } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, FiberSet, Layer, Logger, Redacted, TestClock } from "effect"
import { defaultConfig } from "../../../src/domain/exchange/Config.ts"
import * as Exchange from "../../../src/domain/exchange/Exchange.ts"
import { initial } from "../../../src/domain/exchange/Initial.ts"
import { generated, listingOf } from "../../../src/domain/exchange/market/Generated.ts"
import type { ExchangeState } from "../../../src/domain/exchange/State.ts"
import { makeDriver } from "../../../src/layers/exchange/Driver.ts"
import type { Driver } from "../../../src/layers/exchange/Driver.ts"
import { makeFaults } from "../../../src/layers/exchange/Faults.ts"
import { localKraken, makeLocalKraken } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import { openPort } from "../../../src/layers/exchange/Port.ts"
import { makeRest } from "../../../src/layers/exchange/Rest.ts"
import { defaultLimits, makeStreams } from "../../../src/layers/exchange/Streams.ts"
import { makeAcceleratedClock } from "../../../src/layers/node/AcceleratedClock.ts"
import { MarketClock } from "../../../src/services/Clock.ts"
import { LocalKraken, LocalKrakenError } from "../../../src/services/LocalKraken.ts"
import { connect, get, has, plainOptions, START } from "./support.ts"

const full = new LocalKrakenError({ reason: "write", message: "disk full" })
const XLM = listingOf(defaultConfig.pairs[0]!.symbol, defaultConfig.pairs[0]!.tickSize)

/** A driver whose commits can be made to fail, under a virtual clock. */
const rig = (speed = 60) =>
  Effect.gen(function* () {
    const clock = yield* makeAcceleratedClock({ start: START, speed })
    const commits: Array<number> = []
    const frames: Array<string> = []
    let broken = false
    const driver = yield* makeDriver({
      initial: initial(defaultConfig, START),
      source: generated({ seed: 1, listings: [XLM], start: START }),
      clock,
      commit: (_: ExchangeState, after: ExchangeState) => {
        if (broken) return full
        commits.push(after.now)
        return undefined
      },
      deliver: (all) => frames.push(...all.map((frame) => frame.text))
    })
    return { clock, commits, driver, frames, breakDisk: (value: boolean) => (broken = value) }
  })

describe("the driver", () => {
  it.scoped("plays the market by itself, commits each step, and delivers after that", () =>
    Effect.gen(function* () {
      const { commits, driver, frames } = yield* rig()
      yield* driver.pump
      yield* driver.run((state, now) => ({ ...Exchange.openSession(state, "s", "public", now), value: undefined }))
      const subscribe = JSON.stringify({ method: "subscribe", params: { channel: "trade", symbol: ["XLM/USD"] } })
      yield* driver.run((state, now) => ({ ...Exchange.receive(state, "s", subscribe, now), value: undefined }))
      yield* TestClock.adjust("3 seconds")
      assert.isAtLeast(driver.state().now, START + 170_000)
      assert.isAbove(commits.length, 40)
      assert.deepStrictEqual(
        commits,
        commits.toSorted((a, b) => a - b)
      )
      assert.isTrue(frames.some(has('"channel":"trade"')))
      assert.isTrue(frames.some(has("heartbeat")))
    })
  )

  it.scoped("wakes earlier when a call makes something due earlier", () =>
    Effect.gen(function* () {
      const clock = yield* makeAcceleratedClock({ start: START, speed: 1 })
      const driver = yield* makeDriver({
        initial: initial(defaultConfig, START),
        source: generated({ seed: 1, listings: [], start: START }),
        clock,
        commit: () => undefined,
        deliver: () => undefined
      })
      yield* driver.pump
      yield* TestClock.adjust("1 second")
      const arm = (seconds: number) =>
        driver.run((state, now) => ({
          state: { ...state, switchAt: now + seconds * 1000 },
          frames: [],
          value: undefined
        }))
      yield* arm(60)
      yield* TestClock.adjust("1 second")
      yield* arm(5)
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(driver.state().switchAt)
      assert.strictEqual(driver.state().now, START + 7000)
    })
  )

  it.scoped("says that it has a defect, and stays", () =>
    Effect.gen(function* () {
      const clock = yield* makeAcceleratedClock({ start: START, speed: 1 })
      const told: Array<unknown> = []
      const source = generated({ seed: 1, listings: [], start: START })
      const driver = yield* makeDriver({
        initial: initial(defaultConfig, START),
        source: {
          ...source,
          nextAt: () => START,
          advance: () => {
            throw new RangeError("a defect")
          }
        },
        clock,
        commit: () => undefined,
        deliver: () => undefined
      })
      yield* driver.pump.pipe(
        Effect.provide(
          Logger.replace(
            Logger.defaultLogger,
            Logger.make(({ message }) => void told.push(message))
          )
        )
      )
      yield* TestClock.adjust("3 seconds")
      assert.isAtLeast(told.length, 3)
    })
  )

  it.scoped("does nothing that it cannot commit, and tries again", () =>
    Effect.gen(function* () {
      const { breakDisk, driver } = yield* rig()
      yield* driver.settle
      breakDisk(true)
      yield* driver.pump
      const before = driver.state()
      yield* TestClock.adjust("2 seconds")
      const result = yield* Effect.either(
        driver.run((state) => ({ state: { ...state, serial: 99 }, frames: [], value: 1 }))
      )
      assert.deepStrictEqual(result, Either.left(full))
      assert.strictEqual(driver.state(), before)
      breakDisk(false)
      yield* TestClock.adjust("2 seconds")
      assert.isAtLeast(driver.state().now, START + 200_000)
    }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
  )
})

for (const [why, broken, status] of [
  ["nothing can be written", Effect.fail(full), 503],
  ["the exchange has a defect", Effect.die("defect"), 500]
] as const) {
  describe(`when ${why}`, () => {
    it.scopedLive(`calls answer ${status}, controls too, and streams close with 1011`, () =>
      Effect.gen(function* () {
        const { clock } = yield* rig(1)
        const driver: Driver = {
          run: () => broken,
          settle: broken,
          state: () => initial(defaultConfig, START),
          pump: Effect.void
        }
        const run = yield* FiberSet.makeRuntime<never>()
        const fork = (effect: Effect.Effect<unknown>): void => void run(effect)
        const faults = makeFaults(1)
        const parts = { driver: () => driver, clock, faults, fork, isOut: () => false, latencyMs: 0 }
        const streams = makeStreams({ ...parts, limits: defaultLimits })
        const handle = makeRest({
          ...parts,
          secrets: new Map(),
          controlToken: Redacted.make("token"),
          operate: () => broken,
          refuse: () => undefined
        })
        const port = yield* openPort({
          port: 0,
          onRequest: (request, response) => fork(handle(request, response)),
          onUpgrade: streams.upgrade,
          fork
        })
        const statusOf = (path: string) =>
          Effect.promise(async () => {
            const init = { method: "POST", headers: { authorization: "Bearer token" } }
            return (await fetch(`http://127.0.0.1:${port.number}${path}`, init)).status
          })
        assert.strictEqual(yield* statusOf("/0/public/Time"), status)
        assert.strictEqual(yield* statusOf("/0/private/Balance"), status)
        assert.strictEqual(yield* statusOf("/control/view"), status)
        const client = yield* connect(`ws://127.0.0.1:${port.number}/v2`)
        assert.strictEqual(yield* client.closed, 1011)
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )
  })
}

describe("bounds", () => {
  it.scopedLive("a reader that is too slow is cut off", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken({
        ...plainOptions,
        market: { _tag: "Generated" },
        streamLimits: { unsentBytes: 100_000 }
      })
      const client = yield* connect(kraken.wsUrl)
      client.socket.pause()
      // Each snapshot has some hundred kilobytes; the system's own buffers take some megabytes.
      const params = { channel: "ohlc", symbol: ["XLM/USD"], interval: 1 }
      for (let i = 0; i < 150; i += 1) {
        client.send({ method: "subscribe", params })
        client.send({ method: "unsubscribe", params })
      }
      yield* Effect.sleep(1500)
      client.socket.resume()
      assert.strictEqual(yield* client.closed, 1006)
    })
  )

  it.scopedLive("too many frames behind a delay end the connection", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken({ ...plainOptions, streamLimits: { waitingFrames: 3 } })
      const client = yield* connect(kraken.wsUrl)
      yield* client.next(has("status"))
      yield* kraken.faults.add({ on: "stream", times: 1, effect: { kind: "delay", realMs: 60_000 } })
      for (let i = 0; i < 5; i += 1) client.send({ method: "ping", req_id: i })
      assert.strictEqual(yield* client.closed, 1006)
    })
  )

  it.scopedLive("an idle connection is closed, one that is used is not", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken({ ...plainOptions, streamLimits: { idleMs: 300 } })
      const [idle, used, pinging] = [
        yield* connect(kraken.wsUrl),
        yield* connect(kraken.wsUrl),
        yield* connect(kraken.wsUrl)
      ]
      const busy = yield* Effect.fork(
        Effect.forever(
          Effect.zipRight(
            Effect.sync(() => {
              used.send({ method: "ping" })
              pinging.socket.ping()
            }),
            Effect.sleep(50)
          )
        )
      )
      assert.strictEqual(yield* idle.closed, 1000)
      yield* Effect.sleep(300)
      assert.deepStrictEqual([used.socket.readyState, pinging.socket.readyState], [1, 1])
      yield* busy.interruptAsFork(busy.id())
    })
  )
})

describe("the port", () => {
  it.scopedLive("is taken again after it was closed, even if it takes a while", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const { port } = new URL(kraken.restUrl)
      yield* kraken.faults.add({ on: "rest", times: 1, effect: { kind: "refuse", realMs: 30 } })
      yield* Effect.ignore(Effect.tryPromise(() => fetch(`${kraken.restUrl}/0/public/Time`)))
      const squatter = createServer()
      yield* Effect.async<void>((resume) => {
        squatter.listen(Number(port), "127.0.0.1", () => resume(Effect.void))
      })
      yield* Effect.sleep(100)
      yield* Effect.async<void>((resume) => {
        squatter.close(() => resume(Effect.void))
      })
      yield* Effect.sleep(100)
      assert.deepStrictEqual((yield* get(kraken, "/0/public/Time")).error, [])
    })
  )
})

describe("the port, closed twice", () => {
  it.scopedLive("is taken again once", () =>
    Effect.gen(function* () {
      const run = yield* FiberSet.makeRuntime<never>()
      const port = yield* openPort({
        port: 0,
        onRequest: (_, response) => void response.end("here"),
        onUpgrade: () => undefined,
        fork: (effect) => void run(effect)
      })
      port.refuse(30)
      port.refuse(90)
      yield* Effect.sleep(250)
      const answer = yield* Effect.promise(async () => (await fetch(`http://127.0.0.1:${port.number}/`)).text())
      assert.strictEqual(answer, "here")
    })
  )
})

describe("the layer", () => {
  it.live("gives the exchange and its clock", () =>
    Effect.gen(function* () {
      const kraken = yield* LocalKraken
      assert.strictEqual(yield* MarketClock, kraken.clock)
      assert.isUndefined(kraken.marketEnd)
    }).pipe(Effect.provide(Layer.orDie(localKraken(plainOptions))))
  )
})
