import { request } from "node:http"
import { connect } from "node:net"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { ControlClientNode } from "../../../src/layers/node/ControlClientNode.ts"
import {
  controlFilePath,
  readControlFile,
  removeControlFile,
  writeControlFile
} from "../../../src/layers/node/ControlFile.ts"
import { controlServerNode } from "../../../src/layers/node/ControlServerNode.ts"
import { prometheus } from "../../../src/layers/node/ControlServerRoutes.ts"
import { scrub } from "../../../src/layers/node/secrets.ts"
import { mockSettings } from "../../../src/layers/mock/MockSettings.ts"
import { ControlClient } from "../../../src/services/ControlClient.ts"
import { ControlFailed, ControlServer } from "../../../src/services/ControlServer.ts"
import type { CancelTarget, ControlHandlers } from "../../../src/services/ControlServer.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "control-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

interface Asked {
  readonly stops: Array<string>
  readonly targets: Array<CancelTarget>
  readonly changes: Array<readonly [string, string | undefined, string]>
}

const report = { latched: [{ cause: "operator" as const, reason: "by hand" }], durable: true }

const frame = { at: "2024-03-10T12:00:00.000Z", stream: "public", text: '{"channel":"ticker"}' } as const

const nothingLeft = { flattening: true, settling: [], lots: [], orders: [], doubts: [] }

const handlers = (asked: Asked, change: Partial<ControlHandlers> = {}): ControlHandlers => ({
  status: Effect.succeed({ state: "trading", pid: process.pid }),
  metrics: Effect.succeed([{ name: "exposure_usd", help: "Held.", type: "gauge", value: 1.5 }]),
  stop: (reason) =>
    Effect.sync(() => {
      asked.stops.push(reason)
      return { reason, openOrders: ["k-1"] }
    }),
  pause: Effect.succeed({ paused: true, durable: true }),
  resume: Effect.fail(new ControlFailed({ text: "still paused: disk full" })),
  cancel: (target) =>
    Effect.sync(() => {
      asked.targets.push(target)
      return { cancelled: ["k-1"], notOpen: [], unheardOf: [], left: [], placedAgain: [], warnings: [] }
    }),
  flatten: Effect.succeed({ ...nothingLeft, durable: true }),
  flattenProgress: Effect.succeed(nothingLeft),
  frames: Effect.succeed([frame]),
  trip: (cause, reason) =>
    Effect.sync(() => {
      asked.changes.push(["trip", cause, reason])
      return report
    }),
  reset: (cause, reason) =>
    Effect.sync(() => {
      asked.changes.push(["reset", cause, reason])
      return report
    }),
  ...change
})

const nothingAsked = (): Asked => ({ stops: [], targets: [], changes: [] })

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
}

const http = (
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = ""
): Effect.Effect<Answer> =>
  Effect.async<Answer>((resume) => {
    const outgoing = request({ hostname: "127.0.0.1", port, method, path, headers, agent: false }, (incoming) => {
      let text = ""
      incoming.on("data", (chunk: Buffer) => (text += chunk.toString()))
      incoming.on("end", () =>
        resume(Effect.succeed({ status: incoming.statusCode ?? 0, body: text, headers: incoming.headers }))
      )
    })
    outgoing.on("error", (error) => resume(Effect.die(error)))
    outgoing.end(body)
  })

/** A server on a folder of its own, its token, and a client beside it. */
const serving = (asked: Asked = nothingAsked(), change: Partial<ControlHandlers> = {}) =>
  Effect.gen(function* () {
    const dataDir = yield* folder
    const settings = mockSettings({ dataDir })
    const context = yield* Layer.build(
      Layer.mergeAll(controlServerNode("1.2.3"), ControlClientNode).pipe(Layer.provideMerge(settings))
    )
    const server = yield* Effect.provide(ControlServer, context)
    const client = yield* Effect.provide(ControlClient, context)
    const address = yield* server.serve(handlers(asked, change))
    const file = Option.getOrThrow(readControlFile(dataDir))
    const bearer = { authorization: `Bearer ${file.token}` }
    return { dataDir, server, client, port: address.port, url: address.url, file, bearer }
  })

describe("control.json", () => {
  it.scoped("says where and who, is private, and is gone when the server is", () =>
    Effect.gen(function* () {
      const dataDir = yield* folder
      const path = controlFilePath(dataDir)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const context = yield* Layer.build(controlServerNode("1.2.3").pipe(Layer.provide(mockSettings({ dataDir }))))
          const server = yield* Effect.provide(ControlServer, context)
          const { url } = yield* server.serve(handlers(nothingAsked()))
          const content: unknown = JSON.parse(readFileSync(path, "utf8"))
          assert.containsAllKeys(content, ["url", "token", "pid", "startedAt", "mode", "version"])
          assert.deepInclude(content, { url, pid: process.pid, mode: "paper", version: "1.2.3" })
          assert.strictEqual(statSync(path).mode & 0o777, 0o600)
        })
      )
      assert.isFalse(existsSync(path))
    })
  )

  it.scoped("of another trader is left alone; a damaged one is none", () =>
    Effect.gen(function* () {
      const dataDir = yield* folder
      const content = { url: "http://127.0.0.1:1", token: "a", pid: 1, startedAt: "", mode: "paper", version: "" }
      writeControlFile(dataDir, content)
      removeControlFile(dataDir, "b")
      assert.isTrue(existsSync(controlFilePath(dataDir)))
      removeControlFile(dataDir, "a")
      assert.isFalse(existsSync(controlFilePath(dataDir)))
      writeFileSync(controlFilePath(dataDir), '{"url": "http')
      assert.isTrue(readControlFile(dataDir)._tag === "None")
    })
  )

  it.scoped("I13: the token is masked wherever it could be logged", () =>
    Effect.gen(function* () {
      const { file } = yield* serving()
      assert.notInclude(scrub(`authorization: Bearer ${file.token}`), file.token)
    })
  )

  it.scoped("a folder that takes no file is told, and so is a port that is taken", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const failing = (dataDir: string, controlPort: number) =>
        Layer.build(controlServerNode("1").pipe(Layer.provide(mockSettings({ dataDir, controlPort })))).pipe(
          Effect.flatMap((context) => Effect.provide(ControlServer, context)),
          Effect.flatMap((server) => Effect.flip(server.serve(handlers(nothingAsked()))))
        )
      const noFile = yield* failing("/nowhere/at/all", 0)
      assert.strictEqual(noFile.what, "file")
      assert.include(noFile.message, "control.json cannot be written")
      const noPort = yield* failing(yield* folder, port)
      assert.strictEqual(noPort.what, "port")
      assert.include(noPort.message, "CONTROL_PORT")
      assert.include(noPort.message, "trades on")
    })
  )
})

describe("the control server", () => {
  it.scoped("tells health, status and metrics to everybody on this machine", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const health = yield* http(port, "GET", "/health")
      assert.strictEqual(health.status, 200)
      assert.deepInclude(JSON.parse(health.body), { ok: true, pid: process.pid, version: "1.2.3", mode: "paper" })
      const status = yield* http(port, "GET", "/status?x=1")
      assert.deepEqual(JSON.parse(status.body), { state: "trading", pid: process.pid })
      assert.strictEqual(status.headers["cache-control"], "no-store")
      const metrics = yield* http(port, "GET", "/metrics")
      assert.include(String(metrics.headers["content-type"]), "text/plain")
      assert.include(metrics.body, "kraken_trader_exposure_usd 1.5\n")
    })
  )

  it.scoped("begins the sale of everything for whoever has the token, and tells everybody how far it is", () =>
    Effect.gen(function* () {
      const { client, port } = yield* serving()
      const lot = { lotId: "k-1", pair: "XLM/USD", remaining: "50", state: "exiting" as const, text: "selling" }
      const order = { orderId: "k-2", pair: "XLM/USD", side: "sell" as const, quantity: "50", status: "open" }
      assert.deepEqual(yield* client.flatten, { ...nothingLeft, durable: true })
      assert.deepEqual(yield* client.flattenProgress, nothingLeft)
      assert.deepEqual(yield* client.frames, [frame])
      assert.deepEqual(JSON.parse((yield* http(port, "GET", "/flatten")).body), nothingLeft)
      const busy = { ...nothingLeft, lots: [lot], orders: [order] }
      const other = yield* serving(nothingAsked(), { flattenProgress: Effect.succeed(busy) })
      assert.deepEqual(yield* other.client.flattenProgress, busy)
    })
  )

  it.scoped("takes commands with the token only: 401 without, 403 with a wrong one", () =>
    Effect.gen(function* () {
      const asked = nothingAsked()
      const { port, bearer } = yield* serving(asked)
      const commands = [
        "/stop",
        "/pause",
        "/resume",
        "/cancel",
        "/flatten",
        "/frames",
        "/breaker/trip",
        "/breaker/reset"
      ]
      for (const path of commands) {
        assert.strictEqual((yield* http(port, "POST", path)).status, 401)
        assert.strictEqual((yield* http(port, "POST", path, { authorization: "Bearer wrong" })).status, 403)
        assert.strictEqual((yield* http(port, "POST", path, { authorization: bearer.authorization + "x" })).status, 403)
      }
      assert.deepEqual(asked, nothingAsked())
      assert.strictEqual((yield* http(port, "POST", "/stop", bearer)).status, 200)
      assert.deepEqual(asked.stops, ["asked for over the control server"])
    })
  )

  it.scoped("refuses pages in browsers: foreign Host and Origin get 403, reads too", () =>
    Effect.gen(function* () {
      const asked = nothingAsked()
      const { port, bearer } = yield* serving(asked)
      for (const headers of [
        { host: "evil.example" },
        { host: `evil.example:${port}` },
        { origin: "https://evil.example" },
        { origin: "null" }
      ]) {
        assert.strictEqual((yield* http(port, "POST", "/stop", { ...bearer, ...headers })).status, 403)
        assert.strictEqual((yield* http(port, "GET", "/status", headers)).status, 403)
      }
      assert.deepEqual(asked.stops, [])
      for (const headers of [{ host: `localhost:${port}` }, { origin: `http://127.0.0.1:${port}` }]) {
        assert.strictEqual((yield* http(port, "GET", "/status", headers)).status, 200)
      }
    })
  )

  it.scoped("answers in JSON whatever is asked: 400, 404, 405, 413, 500, 503", () =>
    Effect.gen(function* () {
      const { port, bearer } = yield* serving(nothingAsked(), { status: Effect.dieMessage("broken") })
      const errorOf = (answer: Answer): unknown => (JSON.parse(answer.body) as { readonly error: unknown }).error
      const expect = (status: number, answer: Answer, text: string): void => {
        assert.strictEqual(answer.status, status, answer.body)
        assert.include(String(errorOf(answer)), text)
      }
      expect(400, yield* http(port, "POST", "/cancel", bearer, "{}"), '"all": true')
      expect(400, yield* http(port, "POST", "/cancel", bearer, '{"ids": []}'), "ids")
      expect(400, yield* http(port, "POST", "/stop", bearer, "not json"), "the body must be")
      expect(400, yield* http(port, "POST", "/pause", bearer, '{"forever": true}'), "empty")
      expect(400, yield* http(port, "POST", "/breaker/trip", bearer, '{"cause": "fear"}'), "api, orders")
      expect(404, yield* http(port, "GET", "/toString"), "there is no /toString")
      expect(404, yield* http(port, "GET", "/"), "there is no /")
      const wrongMethod = yield* http(port, "GET", "/stop", bearer)
      expect(405, wrongMethod, "/stop takes POST")
      assert.strictEqual(wrongMethod.headers["allow"], "POST")
      expect(405, yield* http(port, "DELETE", "/status"), "/status takes GET")
      expect(413, yield* http(port, "POST", "/stop", bearer, "x".repeat(70_000)), "65536 bytes")
      expect(500, yield* http(port, "GET", "/status"), "internal error")
      expect(503, yield* http(port, "POST", "/resume", bearer), "disk full")
    })
  )

  it.scoped("survives what is no HTTP, and a caller that goes away with half a body", () =>
    Effect.gen(function* () {
      const { port, bearer } = yield* serving()
      const garbage = (text: string): Effect.Effect<void> =>
        Effect.async<void>((resume) => {
          const socket = connect(port, "127.0.0.1", () => socket.write(text, () => socket.destroy()))
          socket.on("close", () => resume(Effect.void))
          socket.on("error", () => resume(Effect.void))
        })
      yield* garbage("\u0000\u0001\u0002 no http at all\r\n\r\n")
      yield* garbage(
        `POST /stop HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: ${bearer.authorization}\r\ncontent-length: 100\r\n\r\nhalf`
      )
      assert.strictEqual((yield* http(port, "GET", "/health")).status, 200)
    })
  )
})

describe("the client and the server", () => {
  it.scoped("agree on every command", () =>
    Effect.gen(function* () {
      const asked = nothingAsked()
      const { client } = yield* serving(asked)
      assert.deepEqual(yield* client.status, { state: "trading", pid: process.pid })
      assert.deepEqual(yield* client.stop("`stop`"), { reason: "`stop`", openOrders: ["k-1"] })
      assert.deepEqual(yield* client.pause, { paused: true, durable: true })
      const refusal = yield* Effect.flip(client.resume)
      assert.deepInclude(refusal, { _tag: "ControlRefusal", status: 503 })
      assert.strictEqual(refusal.message, "still paused: disk full")
      for (const target of [
        { _tag: "Orders", ids: ["k-1", "OABC"] },
        { _tag: "Own" },
        { _tag: "Account" }
      ] as ReadonlyArray<CancelTarget>) {
        assert.deepEqual((yield* client.cancel(target)).cancelled, ["k-1"])
      }
      assert.deepEqual(asked.targets, [{ _tag: "Orders", ids: ["k-1", "OABC"] }, { _tag: "Own" }, { _tag: "Account" }])
      assert.deepEqual(yield* client.trip("price", "why"), report)
      assert.deepEqual(yield* client.reset(undefined, "all"), report)
      assert.deepEqual(yield* client.reset("api", "one"), report)
      assert.deepEqual(asked.changes, [
        ["trip", "price", "why"],
        ["reset", undefined, "all"],
        ["reset", "api", "one"]
      ])
    })
  )

  it.scoped("nobody there: no file, nobody listening, somebody else on the port, an address that is not loopback", () =>
    Effect.gen(function* () {
      const { client, dataDir, file } = yield* serving()
      const reason = Effect.map(Effect.flip(client.status), (error) =>
        error._tag === "NotReachable" ? error.reason : error._tag
      )
      const tampered: ReadonlyArray<readonly [string, object]> = [
        ["refused", { ...file, url: "http://127.0.0.1:1" }],
        ["stranger", { ...file, pid: file.pid + 1 }],
        ["stranger", { ...file, startedAt: "2020-01-01T00:00:00.000Z" }],
        ["stranger", { ...file, url: "http://example.com:80" }],
        ["stranger", { ...file, url: `http://127.0.0.1.example.com:80` }]
      ]
      for (const [expected, content] of tampered) {
        writeFileSync(controlFilePath(dataDir), JSON.stringify(content))
        assert.strictEqual(yield* reason, expected)
      }
      rmSync(controlFilePath(dataDir))
      assert.strictEqual(yield* reason, "none")
    })
  )

  it.scoped("a wrong token is a refusal; an answer that makes no sense is a stranger's", () =>
    Effect.gen(function* () {
      const { client, dataDir, file } = yield* serving(nothingAsked(), { status: Effect.succeed({ pid: "no number" }) })
      assert.deepInclude(yield* Effect.flip(client.status), { _tag: "NotReachable", reason: "stranger" })
      writeFileSync(controlFilePath(dataDir), JSON.stringify({ ...file, token: "old" }))
      assert.deepInclude(yield* Effect.flip(client.pause), { _tag: "ControlRefusal", status: 403 })
    })
  )

  it.live(
    "a trader that does not answer within two seconds is said to be frozen",
    () =>
      Effect.gen(function* () {
        const { client } = yield* serving(nothingAsked(), { status: Effect.never })
        const error = yield* Effect.flip(client.status)
        assert.deepInclude(error, { _tag: "NotReachable", reason: "timeout" })
        assert.include(error.message, "did not answer within 2 seconds")
      }).pipe(Effect.scoped),
    10_000
  )
})

describe("the Prometheus text", () => {
  it("names, explains and escapes, one family after the other, and writes what is no number as Prometheus does", () => {
    const text = prometheus([
      { name: "a", help: "back\\slash\nline", type: "gauge", value: 1, labels: { pair: 'X"L\\M\n' } },
      { name: "b_total", help: "b", type: "counter", value: Number.NaN },
      { name: "a", help: "ignored", type: "gauge", value: Infinity, labels: { pair: "BTC/USD" } },
      { name: "c", help: "c", type: "gauge", value: -Infinity }
    ])
    assert.strictEqual(
      text,
      [
        "# HELP kraken_trader_a back\\\\slash\\nline",
        "# TYPE kraken_trader_a gauge",
        'kraken_trader_a{pair="X\\"L\\\\M\\n"} 1',
        'kraken_trader_a{pair="BTC/USD"} +Inf',
        "# HELP kraken_trader_b_total b",
        "# TYPE kraken_trader_b_total counter",
        "kraken_trader_b_total NaN",
        "# HELP kraken_trader_c c",
        "# TYPE kraken_trader_c gauge",
        "kraken_trader_c -Inf",
        ""
      ].join("\n")
    )
  })
})
