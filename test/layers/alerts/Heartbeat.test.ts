import * as http from "node:http"
import type { AddressInfo } from "node:net"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type { HttpClientError } from "@effect/platform"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Logger, Queue, Redacted, TestClock } from "effect"
import { layer, silent } from "../../../src/layers/alerts/Heartbeat.ts"
import { Heartbeat } from "../../../src/services/Heartbeat.ts"

const SECRET = "/ping/0b1c-very-secret"

const listener = () => {
  const said: Array<string> = []
  const logger = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      said.push(`${logLevel.label} ${String(message)}`)
    })
  )
  return { said, logger }
}

const alive = { now: true }
const beating = Effect.flatMap(Heartbeat, (heartbeat) => heartbeat.run(Effect.sync(() => alive.now)))

/** A watcher on a port of its own that answers as told; every request is queued. */
const watcher = (answer: (n: number, response: http.ServerResponse) => void) =>
  Effect.gen(function* () {
    const calls = yield* Queue.unbounded<string>()
    let n = 0
    const server = yield* Effect.acquireRelease(
      Effect.async<http.Server>((resume) => {
        const listening = http
          .createServer((request, response) => {
            answer(n++, response)
            calls.unsafeOffer(`${request.method} ${request.url}`)
          })
          .listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
      }),
      (open) =>
        Effect.sync(() => {
          open.closeAllConnections()
          open.close()
        })
    )
    const { port } = server.address() as AddressInfo
    return { calls, url: `http://127.0.0.1:${port}${SECRET}` }
  })

describe("the heartbeat to a real address", () => {
  it.live("arrives again and again; what goes wrong is said once, when it ends once, and never with the address", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const statuses = [200, 503, 404, 200, 200]
        const { calls, url } = yield* watcher((n, response) => {
          response.statusCode = statuses[n] ?? 200
          response.end("thank you")
        })
        const { said, logger } = listener()
        const heartbeat = layer({ url: Redacted.make(url), every: Duration.millis(10) }).pipe(
          Layer.provide(NodeHttpClient.layerUndici)
        )
        const running = yield* Effect.fork(Effect.provide(beating, Layer.merge(heartbeat, logger)))
        const seen = yield* Queue.takeN(calls, 6)
        yield* Fiber.interrupt(running)
        assert.deepStrictEqual([...new Set(seen)], [`GET ${SECRET}`])
        assert.deepStrictEqual(said, [
          "WARN The heartbeat does not arrive (HTTP 503): trading goes on, but whoever watches for it may take the trader for dead. Check HEARTBEAT_URL and the network.",
          "INFO The heartbeat arrives again"
        ])
      })
    )
  )

  it.live("stops with the fiber that runs it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { calls, url } = yield* watcher((_, response) => response.end())
        const heartbeat = layer({ url: Redacted.make(url), every: Duration.millis(5) }).pipe(
          Layer.provide(NodeHttpClient.layerUndici)
        )
        const running = yield* Effect.fork(Effect.provide(beating, heartbeat))
        yield* Queue.takeN(calls, 3)
        yield* Fiber.interrupt(running)
        yield* Queue.takeAll(calls)
        yield* Effect.sleep("50 millis")
        assert.strictEqual(yield* Queue.size(calls), 0)
      })
    )
  )

  it.live("that nobody listens at costs a log line", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* Effect.scoped(watcher((_, response) => response.end()))
        const { said, logger } = listener()
        const heartbeat = layer({ url: Redacted.make(url), every: Duration.millis(5) }).pipe(
          Layer.provide(NodeHttpClient.layerUndici)
        )
        yield* Effect.provide(beating, Layer.merge(heartbeat, logger)).pipe(Effect.timeoutOption("200 millis"))
        assert.strictEqual(said.length, 1)
        assert.include(said[0], "(RequestError)")
        assert.notInclude(said.join(), "secret")
      })
    )
  )
})

describe("the pace of the heartbeat", () => {
  /** Runs for some minutes of test time; answers how often it was heard and what was said. */
  const heard = (minutes: number, respond: () => Effect.Effect<Response, HttpClientError.HttpClientError>) =>
    Effect.gen(function* () {
      let calls = 0
      const client = HttpClient.make((request) => {
        calls += 1
        return Effect.map(respond(), (response) => HttpClientResponse.fromWeb(request, response))
      })
      const { said, logger } = listener()
      const heartbeat = layer({ url: Redacted.make(`https://watch.example.com${SECRET}`) }).pipe(
        Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
      )
      const running = yield* Effect.fork(Effect.provide(beating, Layer.merge(heartbeat, logger)))
      yield* TestClock.adjust(Duration.minutes(minutes))
      yield* Fiber.interrupt(running)
      return { calls, said }
    })

  it.effect("is once a minute, the first at once", () =>
    Effect.gen(function* () {
      const { calls, said } = yield* heard(10, () => Effect.succeed(new Response("ok")))
      assert.strictEqual(calls, 11)
      assert.deepStrictEqual(said, [])
    })
  )

  it.effect("a watcher that never answers is given five seconds each time", () =>
    Effect.gen(function* () {
      const { calls, said } = yield* heard(4, () => Effect.never)
      assert.strictEqual(calls, 4)
      assert.strictEqual(said.length, 1)
      assert.include(said[0], "(TimeoutException)")
    })
  )

  it.effect("is silence while nothing moves, said once", () =>
    Effect.gen(function* () {
      alive.now = false
      const { calls, said } = yield* heard(5, () => {
        alive.now = true
        return Effect.succeed(new Response("ok"))
      })
      assert.strictEqual(calls, 0)
      assert.deepStrictEqual(said, ["WARN The heartbeat is silent: the decision loop makes no progress."])
      alive.now = true
    })
  )

  it.effect("without an address there is none", () =>
    Effect.gen(function* () {
      const running = yield* Effect.fork(Effect.provide(beating, silent))
      yield* TestClock.adjust("1 hour")
      assert.isTrue((yield* Fiber.poll(running))._tag === "None")
      yield* Fiber.interrupt(running)
    })
  )
})
