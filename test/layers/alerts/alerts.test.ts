import { HttpClient, HttpClientError, HttpClientResponse } from "@effect/platform"
import type { HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, FastCheck as fc, Fiber, Layer, Logger, Redacted, TestClock } from "effect"
import * as AlertsLog from "../../../src/layers/alerts/AlertsLog.ts"
import { CAPACITY, enqueue, layer } from "../../../src/layers/alerts/AlertsWebhook.ts"
import type { Alert } from "../../../src/services/Alerts.ts"
import { Alerts } from "../../../src/services/Alerts.ts"
import { NOON } from "../../support/build.ts"

const URL_TEXT = "https://hooks.example.com/services/T123/B456"

const alert = (change: Partial<Alert> = {}): Alert => ({
  at: NOON,
  severity: "critical",
  kind: "breaker.latched",
  text: "Price jumped: no entries until it is calm.",
  ...change
})

type Respond = (
  request: HttpClientRequest.HttpClientRequest
) => Effect.Effect<Response, HttpClientError.HttpClientError>

/** A webhook that answers as told, and what it was sent. */
const webhook = (respond: Respond) => {
  const bodies: Array<Record<string, unknown>> = []
  const client = HttpClient.make((request) => {
    if (request.body._tag === "Uint8Array") bodies.push(JSON.parse(new TextDecoder().decode(request.body.body)))
    assert.strictEqual(request.url, URL_TEXT)
    return Effect.map(respond(request), (response) => HttpClientResponse.fromWeb(request, response))
  })
  return {
    bodies,
    layer: Layer.provide(layer(Redacted.make(URL_TEXT)), Layer.succeed(HttpClient.HttpClient, client))
  }
}

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

const ok: Respond = () => Effect.succeed(new Response("ok"))
const send = (one: Alert) => Effect.flatMap(Alerts, (alerts) => alerts.send(one))

describe("alerts to a webhook", () => {
  it.scoped("are posted as JSON that chats and programs understand, and logged", () =>
    Effect.gen(function* () {
      const hook = webhook(ok)
      const { said, logger } = listener()
      yield* send(alert({ data: { pair: "XLM/USD", pct: 5.2 } })).pipe(
        Effect.provide(Layer.provideMerge(hook.layer, logger)),
        Effect.scoped
      )
      assert.deepStrictEqual(hook.bodies, [
        {
          text: "[critical] Price jumped: no entries until it is calm.",
          content: "[critical] Price jumped: no entries until it is calm.",
          severity: "critical",
          kind: "breaker.latched",
          at: "2024-03-10T12:00:00.000Z",
          data: { pair: "XLM/USD", pct: 5.2 }
        }
      ])
      assert.deepStrictEqual(said, ["ERROR Price jumped: no entries until it is calm."])
    })
  )

  it.scoped("are tried again after a failure of the other side, not after a refusal", () =>
    Effect.gen(function* () {
      let calls = 0
      const answers = [503, 429, 200, 404, 200]
      const hook = webhook(() => Effect.sync(() => new Response("", { status: answers[calls++] ?? 200 })))
      const { said, logger } = listener()
      const running = yield* Effect.gen(function* () {
        yield* send(alert({ kind: "first" }))
        yield* send(alert({ kind: "second" }))
        yield* send(alert({ kind: "third" }))
        yield* Effect.sleep("1 minute")
      }).pipe(Effect.provide(Layer.provideMerge(hook.layer, logger)), Effect.scoped, Effect.fork)
      yield* TestClock.adjust("2 minutes")
      yield* Fiber.join(running)
      assert.deepStrictEqual(
        hook.bodies.map((body) => body["kind"]),
        ["first", "first", "first", "second", "third"]
      )
      assert.deepStrictEqual(
        said.filter((line) => line.startsWith("WARN")),
        ["WARN The alert webhook did not take an alert (second): HTTP 404"]
      )
    })
  )

  it.scoped("a dead or silent webhook costs a bounded time, and its address is never logged", () =>
    Effect.gen(function* () {
      const refused: Respond = (request) =>
        Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error(URL_TEXT) }))
      for (const respond of [refused, () => Effect.never]) {
        const hook = webhook(respond)
        const { said, logger } = listener()
        const running = yield* Effect.andThen(send(alert()), Effect.sleep("10 minutes")).pipe(
          Effect.provide(Layer.provideMerge(hook.layer, logger)),
          Effect.scoped,
          Effect.fork
        )
        yield* TestClock.adjust("11 minutes")
        yield* Fiber.join(running)
        assert.strictEqual(hook.bodies.length, 4)
        assert.strictEqual(said.length, 2)
        assert.notInclude(said.join(), "hooks.example.com")
      }
    })
  )

  it.scoped("sending never waits, and stopping waits three seconds at most for the last words", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const hook = webhook(() => Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never))
      const running = yield* send(alert()).pipe(Effect.provide(hook.layer), Effect.scoped, Effect.fork)
      yield* Deferred.await(asked)
      yield* TestClock.adjust("2 seconds")
      assert.isNull(yield* Fiber.poll(running).pipe(Effect.map((exit) => (exit._tag === "None" ? null : exit))))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(running)
    })
  )

  it("a full queue drops the oldest informational alert first", () => {
    const severities = fc.array(fc.constantFrom<Alert["severity"]>("info", "warning", "critical"), {
      minLength: CAPACITY,
      maxLength: CAPACITY
    })
    fc.assert(
      fc.property(severities, (list) => {
        const queue = list.map((severity, n) => alert({ severity, kind: String(n) }))
        const after = enqueue(queue, alert({ kind: "new" }))
        assert.strictEqual(after.length, CAPACITY)
        assert.strictEqual(after.at(-1)?.kind, "new")
        const [gone] = queue.filter((one) => !after.includes(one))
        assert.strictEqual(gone, queue.find((one) => one.severity === "info") ?? queue[0])
      }),
      { numRuns: 20 }
    )
    assert.strictEqual(enqueue([], alert()).length, 1)
  })
})

describe("alerts without a webhook", () => {
  it.effect("are log lines of their severity", () =>
    Effect.gen(function* () {
      const { said, logger } = listener()
      yield* Effect.forEach(["info", "warning", "critical"] as const, (severity) =>
        send(alert({ severity, text: severity, data: { n: 1 } }))
      ).pipe(Effect.provide([AlertsLog.layer, logger]))
      assert.deepStrictEqual(said, ["INFO info", "WARN warning", "ERROR critical"])
    })
  )
})
