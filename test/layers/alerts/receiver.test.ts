/** Alerts over real sockets: a receiver that asks for a pause, fails, hangs, is not there, and comes back; a trader that is killed. */
import { cpSync, existsSync } from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger, LogLevel, Redacted, Scope } from "effect"
import { layer } from "../../../src/layers/alerts/AlertsWebhook.ts"
import * as Outbox from "../../../src/layers/sqlite/OutboxSqlite.ts"
import { Alerts } from "../../../src/services/Alerts.ts"
import { NOON } from "../../support/build.ts"
import { tempFolder } from "../node/support/temp.ts"

type Answer = (response: Http.ServerResponse) => void

const answer =
  (status: number, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) => {
    response.writeHead(status, headers)
    response.end("said")
  }
const hang: Answer = () => undefined

/** A receiver on a port; answers as the list says, then well. */
const receiver = (answers: Array<Answer>, port = 0) =>
  Effect.acquireRelease(
    Effect.async<{
      readonly kinds: Array<string>
      readonly times: Array<number>
      readonly port: number
      readonly server: Http.Server
    }>((resume) => {
      const kinds: Array<string> = []
      const times: Array<number> = []
      const server = Http.createServer((request, response) => {
        let body = ""
        request.on("data", (chunk: Buffer) => (body += chunk.toString()))
        request.on("end", () => {
          kinds.push(String((JSON.parse(body) as Record<string, unknown>)["kind"]))
          times.push(Date.now())
          ;(answers.shift() ?? answer(204))(response)
        })
      })
      server.listen(port, "127.0.0.1", () =>
        resume(Effect.succeed({ kinds, times, port: (server.address() as AddressInfo).port, server }))
      )
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

const trader = (port: number, file: string) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(
      layer({ url: Redacted.make(`http://127.0.0.1:${port}/hook`), mode: "live" }).pipe(
        Layer.provide(Outbox.layer(file)),
        Layer.provide(NodeHttpClient.layerUndici),
        Layer.provide(Logger.minimumLogLevel(LogLevel.None))
      ),
      scope
    )
    return {
      send: (kind: string, severity: "info" | "warning" | "critical" = "critical") =>
        Effect.flatMap(Alerts, (alerts) => alerts.send({ at: NOON, severity, kind, text: kind })).pipe(
          Effect.provide(context),
          Logger.withMinimumLogLevel(LogLevel.None)
        ),
      stop: Scope.close(scope, Exit.void)
    }
  })

const until = (what: string, look: () => boolean) =>
  Effect.gen(function* () {
    while (!look()) yield* Effect.sleep("10 millis")
  }).pipe(
    Effect.timeoutFail({ duration: "15 seconds", onTimeout: () => new Error(`waited for ${what}`) }),
    Effect.orDie
  )

describe("a receiver over sockets", () => {
  it.scopedLive("gets the pause that it asks for, and everything after failures of its own", () =>
    Effect.gen(function* () {
      const { kinds, times, port } = yield* receiver([answer(429, { "retry-after": "2" }), answer(502)])
      const file = join(yield* tempFolder, "alerts.db")
      const run = yield* trader(port, file)
      yield* run.send("one")
      yield* until("three attempts", () => kinds.length >= 3)
      assert.deepStrictEqual(kinds, ["one", "one", "one"])
      assert.isAtLeast((times[1] ?? 0) - (times[0] ?? 0), 1950)
      yield* run.stop
    })
  )

  it.scopedLive(
    "that hangs or is not there loses nothing; a killed trader's alerts are delivered by the next one",
    () =>
      Effect.gen(function* () {
        const folder = yield* tempFolder
        const file = join(folder, "alerts.db")
        const first = yield* Scope.make()
        const hanging = yield* Scope.extend(receiver([hang]), first)
        const run = yield* trader(hanging.port, file)
        yield* run.send("critical one")
        yield* run.send("note", "info")
        yield* until("the first attempt", () => hanging.kinds.length > 0)
        // nobody listens any more
        yield* Scope.close(first, Exit.void)
        yield* until("the file", () => existsSync(`${file}-wal`))
        yield* Effect.sleep("300 millis")
        // what a sudden end leaves behind: the files as they are now
        const left = join(yield* tempFolder, "left")
        cpSync(folder, left, { recursive: true })
        yield* Effect.fork(run.stop)
        const second = yield* receiver([], hanging.port)
        const next = yield* trader(second.port, join(left, "alerts.db"))
        yield* until("both", () => second.kinds.includes("note") && second.kinds.includes("critical one"))
        yield* next.stop
      })
  )
})
