import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { HttpClient, HttpClientError, HttpClientResponse } from "@effect/platform"
import type { HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import { Deferred, Duration, Effect, Exit, Layer, Logger, Redacted, Scope, TestClock } from "effect"
import * as AlertsLog from "../../../src/layers/alerts/AlertsLog.ts"
import { layer } from "../../../src/layers/alerts/AlertsWebhook.ts"
import * as Outbox from "../../../src/layers/sqlite/OutboxSqlite.ts"
import { AlertOutbox } from "../../../src/services/AlertOutbox.ts"
import type { Alert } from "../../../src/services/Alerts.ts"
import { Alerts } from "../../../src/services/Alerts.ts"
import { NOON } from "../../support/build.ts"
import { tempFolder } from "../node/support/temp.ts"

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

const ok: Respond = () => Effect.sync(() => new Response("ok"))
const status =
  (code: number, headers: Record<string, string> = {}): Respond =>
  () =>
    Effect.sync(() => new Response("", { status: code, headers }))
const gone: Respond = (request) =>
  Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error(URL_TEXT) }))
const silent: Respond = () => Effect.never

/** A receiver that answers as told, the program over it, what it was sent and what was logged. */
const world = (file: string, fields?: Record<string, unknown>) =>
  Effect.gen(function* () {
    const bodies: Array<Record<string, unknown>> = []
    const said: Array<string> = []
    const receiver = { respond: ok }
    const client = HttpClient.make((request) => {
      if (request.body._tag === "Uint8Array") bodies.push(JSON.parse(new TextDecoder().decode(request.body.body)))
      assert.strictEqual(request.url, URL_TEXT)
      return Effect.map(receiver.respond(request), (response) => HttpClientResponse.fromWeb(request, response))
    })
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ logLevel, message }) => {
        said.push(`${logLevel.label} ${String(message)}`)
      })
    )
    const options = {
      url: Redacted.make(URL_TEXT),
      mode: "paper",
      ...(fields === undefined ? {} : { fields: Redacted.make(fields) })
    }
    const start = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        layer(options).pipe(
          Layer.provide(Outbox.layer(file)),
          Layer.provide(Layer.merge(Layer.succeed(HttpClient.HttpClient, client), logger))
        ),
        scope
      )
      return {
        send: (one: Alert) =>
          Effect.provide(
            Effect.flatMap(Alerts, (alerts) => alerts.send(one)),
            [logger]
          ).pipe(Effect.provide(context)),
        health: Effect.flatMap(AlertOutbox, (outbox) => outbox.health).pipe(Effect.provide(context)),
        stop: Effect.provide(Scope.close(scope, Exit.void), logger)
      }
    })
    const received = (): ReadonlyArray<unknown> => bodies.map((body) => body["kind"])
    return { bodies, received, said, receiver, start }
  })

const inFolder = Effect.map(tempFolder, (folder) => join(folder, "alerts.db"))
const kept = (file: string): ReadonlyArray<string> => {
  const db = new BetterSqlite3(file, { readonly: true })
  try {
    return db
      .prepare<[], { key: string }>("SELECT key FROM outbox WHERE key LIKE 'waiting%'")
      .all()
      .map(({ key }) => key)
  } finally {
    db.close()
  }
}

describe("alerts to a webhook", () => {
  it.scoped("are logged, kept, posted, and then forgotten", () =>
    Effect.gen(function* () {
      const file = yield* inFolder
      const w = yield* world(file, { topic: "t", data: null })
      const run = yield* w.start
      yield* run.send(alert({ data: { pair: "XLM/USD" } }))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(w.bodies.length, 1)
      assert.deepInclude(w.bodies[0], {
        text: "[critical] Price jumped: no entries until it is calm.",
        title: "kraken-trader (paper)",
        topic: "t"
      })
      assert.notProperty(w.bodies[0], "data")
      assert.deepStrictEqual(w.said, ["ERROR Price jumped: no entries until it is calm."])
      assert.deepStrictEqual(kept(file), [])
      assert.deepStrictEqual(yield* run.health, {
        delivered: 1,
        failed: 0,
        held: 0,
        dropped: 0,
        waiting: 0,
        durable: true
      })
      yield* run.stop
    })
  )

  it.scoped("go one a second, the most severe first; repeats are held back", () =>
    Effect.gen(function* () {
      const w = yield* world(yield* inFolder)
      const run = yield* w.start
      for (const severity of ["info", "warning", "critical"] as const)
        yield* run.send(alert({ severity, kind: severity }))
      yield* run.send(alert({ kind: "critical" }))
      yield* TestClock.adjust("500 millis")
      // the first was on its way before the others came
      assert.deepStrictEqual(w.received(), ["info"])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(w.received(), ["info", "critical", "warning"])
      assert.strictEqual((yield* run.health)?.held, 1)
      // the one that was held back is told when the ten minutes are over
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(w.received(), ["info", "critical", "warning", "critical"])
      yield* run.stop
    })
  )

  it.scoped("are tried for hours, less and less often, and survive restarts meanwhile", () =>
    Effect.gen(function* () {
      const file = yield* inFolder
      const w = yield* world(file)
      w.receiver.respond = status(503)
      const first = yield* w.start
      yield* first.send(alert({ kind: "first" }))
      yield* first.send(alert({ kind: "second", severity: "warning" }))
      yield* TestClock.adjust("1 hour")
      assert.isAtMost(w.bodies.length, 30)
      assert.isAtLeast(w.bodies.length, 15)
      // one at a time: the others do not multiply the attempts
      assert.deepStrictEqual([...new Set(w.received())], ["first"])
      assert.strictEqual(kept(file).length, 2)
      yield* first.stop
      const second = yield* w.start
      yield* TestClock.adjust("5 hours")
      w.receiver.respond = ok
      w.bodies.length = 0
      yield* TestClock.adjust("6 minutes")
      assert.deepStrictEqual(w.received(), ["first", "second"])
      assert.include(String(w.bodies[0]?.["text"]), "late: from 1970-01-01T00:00:00.000Z")
      assert.strictEqual((yield* second.health)?.waiting, 0)
      assert.include(w.said, "INFO The alert webhook takes alerts again")
      assert.isAtMost(w.said.filter((line) => line.startsWith("WARN The alert webhook")).length, 12)
      yield* second.stop
      assert.deepStrictEqual(kept(file), [])
    })
  )

  it.scoped("a message that is refused does not hold the others up, and is not given up", () =>
    Effect.gen(function* () {
      const w = yield* world(yield* inFolder)
      let poison = true
      w.receiver.respond = (request) =>
        status(
          poison && request.body._tag === "Uint8Array" && new TextDecoder().decode(request.body.body).includes("poison")
            ? 400
            : 200
        )(request)
      const run = yield* w.start
      yield* run.send(alert({ kind: "poison" }))
      yield* run.send(alert({ kind: "good", severity: "info" }))
      yield* TestClock.adjust("3 seconds")
      assert.include(w.received(), "good")
      assert.strictEqual((yield* run.health)?.waiting, 1)
      poison = false
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* run.health)?.waiting, 0)
      yield* run.stop
    })
  )

  it.scoped("a receiver that asks for a pause gets it, in seconds or as a date, an hour at most", () =>
    Effect.gen(function* () {
      const w = yield* world(yield* inFolder)
      const run = yield* w.start
      const pauses: ReadonlyArray<readonly [string, number]> = [
        ["120", 120],
        [new Date(1_000_000).toUTCString(), 0],
        ["99999999", 3600],
        ["soon", 0]
      ]
      for (const [n, [header, seconds]] of pauses.entries()) {
        w.bodies.length = 0
        w.receiver.respond = status(429, { "retry-after": header })
        yield* run.send(alert({ kind: `kind ${n}` }))
        yield* TestClock.adjust("500 millis")
        assert.strictEqual(w.bodies.length, 1)
        w.receiver.respond = ok
        yield* TestClock.adjust(Duration.seconds(Math.max(0, seconds - 3)))
        if (seconds > 0) assert.strictEqual(w.bodies.length, 1)
        yield* TestClock.adjust("30 minutes")
        assert.strictEqual(w.bodies.length, 2)
      }
      yield* run.stop
    })
  )

  it.scoped("a dead or silent webhook costs nobody anything, and its address is never logged", () =>
    Effect.gen(function* () {
      for (const respond of [gone, silent]) {
        const w = yield* world(yield* inFolder)
        w.receiver.respond = respond
        const run = yield* w.start
        yield* run.send(alert())
        yield* TestClock.adjust("10 minutes")
        assert.isAtLeast(w.bodies.length, 5)
        assert.notInclude(w.said.join(), "hooks.example.com")
        assert.include(w.said.join(), respond === gone ? "RequestError" : "TimeoutException")
        const stopping = yield* Effect.fork(run.stop)
        yield* TestClock.adjust("4 seconds")
        yield* stopping
      }
    })
  )

  it.scoped("stopping gives the last words three seconds, whatever the backoff", () =>
    Effect.gen(function* () {
      const w = yield* world(yield* inFolder)
      w.receiver.respond = status(500)
      const run = yield* w.start
      yield* run.send(alert({ kind: "a" }))
      yield* TestClock.adjust("10 minutes")
      w.bodies.length = 0
      w.receiver.respond = ok
      yield* run.send(alert({ kind: "stopped", severity: "info" }))
      yield* run.stop
      assert.deepStrictEqual(w.received(), ["a", "stopped"])

      const asked = yield* Deferred.make<void>()
      w.receiver.respond = () => Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never)
      const again = yield* w.start
      yield* again.send(alert({ kind: "b" }))
      yield* Deferred.await(asked)
      const stopping = yield* Effect.fork(again.stop)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* stopping.poll)._tag, "None")
      yield* TestClock.adjust("2 seconds")
      yield* stopping
    })
  )

  it.scoped("says how many were dropped, with the next that arrives", () =>
    Effect.gen(function* () {
      const w = yield* world(yield* inFolder)
      w.receiver.respond = gone
      const run = yield* w.start
      for (let n = 0; n < 300; n++)
        yield* run.send(alert({ kind: `kind ${n}`, severity: n === 0 ? "critical" : "info" }))
      yield* TestClock.adjust("1 second")
      w.receiver.respond = ok
      w.bodies.length = 0
      yield* TestClock.adjust("30 seconds")
      assert.deepInclude(w.bodies[0], { kind: "kind 0", dropped: 44 })
      assert.include(String(w.bodies[0]?.["text"]), "44 older alerts could not be delivered")
      assert.notProperty(w.bodies[1], "dropped")
      assert.strictEqual((yield* run.health)?.dropped, 44)
      yield* run.stop
    })
  )
})

describe("the outbox's file", () => {
  it.scoped("that cannot be read or written leaves delivery from memory, said once", () =>
    Effect.gen(function* () {
      const file = yield* inFolder
      writeFileSync(file, "this is no database, and was never meant to be one".repeat(30))
      const w = yield* world(file)
      const run = yield* w.start
      yield* run.send(alert({ kind: "a" }))
      yield* run.send(alert({ kind: "b" }))
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(w.received(), ["a", "b"])
      assert.strictEqual(w.said.filter((line) => line.includes("outbox of alerts cannot be written")).length, 1)
      assert.isFalse((yield* run.health)?.durable)
      // nothing of somebody else's file was touched
      assert.include(readFileSync(file, "utf8"), "this is no database")
      writeFileSync(file, "")
      yield* TestClock.adjust("1 minute")
      assert.isTrue((yield* run.health)?.durable)
      assert.include(w.said, "INFO The outbox of alerts is written again")
      yield* run.stop
    })
  )

  it.scoped("that somebody has locked is written once it is free", () =>
    Effect.gen(function* () {
      const file = yield* inFolder
      const w = yield* world(file)
      const run = yield* w.start
      w.receiver.respond = gone
      yield* TestClock.adjust("1 second")
      const other = new BetterSqlite3(file, { timeout: 0 })
      other.exec("BEGIN IMMEDIATE")
      yield* run.send(alert())
      yield* TestClock.adjust("1 minute")
      assert.isFalse((yield* run.health)?.durable)
      other.exec("ROLLBACK")
      other.close()
      yield* TestClock.adjust("1 minute")
      assert.isTrue((yield* run.health)?.durable)
      assert.strictEqual(kept(file).length, 1)
      yield* run.stop
    })
  )
})

describe("alerts without a webhook", () => {
  it.effect("are log lines of their severity", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ logLevel, message }) => {
          said.push(`${logLevel.label} ${String(message)}`)
        })
      )
      yield* Effect.gen(function* () {
        const alerts = yield* Alerts
        for (const severity of ["info", "warning", "critical"] as const) {
          yield* alerts.send(alert({ severity, text: severity, data: { n: 1 } }))
        }
        assert.isUndefined(yield* (yield* AlertOutbox).health)
      }).pipe(Effect.provide([AlertsLog.layer, logger]))
      assert.deepStrictEqual(said, ["INFO info", "WARN warning", "ERROR critical"])
    })
  )
})
