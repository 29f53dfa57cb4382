import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync } from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import type { AddressInfo, Server } from "node:net"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import type { Scope } from "effect"
import { assert, describe } from "vitest"
import type { HttpRequest } from "../../../../src/layers/kraken/rest/Transport.ts"
import { connection } from "../../../../src/layers/kraken/rest/Transport.ts"

const listen = (server: Server): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
    }),
    () =>
      Effect.sync(() => {
        if (server instanceof http.Server || server instanceof https.Server) server.closeAllConnections()
        server.close()
      })
  )

const get = (path = "/", timeoutMs = 1000): HttpRequest => ({
  method: "GET",
  path,
  headers: {},
  body: undefined,
  timeoutMs
})
const post = (body: string): HttpRequest => ({ method: "POST", path: "/", headers: {}, body, timeoutMs: 1000 })

const haveOpenssl = spawnSync("openssl", ["version"]).status === 0
/** A certificate for `localhost` made for this run. */
const certificate = (): { readonly key: string; readonly cert: string } => {
  const folder = mkdtempSync(join(tmpdir(), "transport-"))
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"].concat([
      "-addext",
      "subjectAltName=DNS:localhost",
      "-keyout",
      key,
      "-out",
      cert
    ]),
    { stdio: "ignore" }
  )
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") }
}

describe("the transport", () => {
  it.scopedLive("keeps one connection, opened beforehand, and looks last when it stands", () =>
    Effect.gen(function* () {
      const ports: Array<number | undefined> = []
      const port = yield* listen(
        http.createServer((req, res) => {
          ports.push(req.socket.remotePort)
          req.resume()
          req.on("end", () => res.end(`${req.method} ${req.url}`))
        })
      )
      const c = yield* connection(new URL(`http://127.0.0.1:${port}/base/`), 1)
      yield* c.warm
      yield* c.warm
      assert.strictEqual(yield* c.send(get("/a?b=c")), "GET /base/a?b=c")
      yield* c.warm
      const looks: Array<number> = []
      const answer = yield* c.sendUnless(post("x"), () => {
        looks.push(ports.length)
        return undefined
      })
      assert.strictEqual(answer, "POST /base/")
      assert.deepStrictEqual(looks, [1])
      assert.strictEqual(new Set(ports).size, 1)
      const withheld = yield* Effect.flip(c.sendUnless(post("x"), () => "no"))
      assert.deepInclude(withheld, { _tag: "Withheld", reason: "no" })
      assert.strictEqual(ports.length, 2)
    })
  )

  it.scopedLive("says that nothing was written while there is no connection", () =>
    Effect.gen(function* () {
      // Nobody listens on a port that was just given back.
      const port = yield* Effect.scoped(listen(net.createServer()))
      const c = yield* connection(new URL(`http://127.0.0.1:${port}`), 1)
      yield* c.warm
      assert.deepInclude(yield* Effect.flip(c.send(post("x"))), {
        reason: "refused",
        written: false,
        detail: "ECONNREFUSED"
      })
      const nowhere = yield* connection(new URL("http://no.such.host.invalid"), 1)
      assert.deepInclude(yield* Effect.flip(nowhere.send(post("x"))), { reason: "refused", written: false })
    })
  )

  it.scopedLive("a handshake that fails or hangs is not sent; a plain server is no TLS server", () =>
    Effect.gen(function* () {
      let bytes = 0
      const plain = yield* listen(
        net.createServer((socket) => {
          socket.on("error", () => undefined)
          socket.once("data", (data) => {
            bytes += data.length
            socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")
          })
        })
      )
      for (const host of ["localhost", "127.0.0.1"]) {
        const c = yield* connection(new URL(`https://${host}:${plain}`), 1)
        yield* c.warm
        assert.deepInclude(yield* Effect.flip(c.send(post("secret"))), { reason: "refused", written: false })
      }
      assert.isAbove(bytes, 0)
      const hanging = yield* listen(net.createServer((socket) => socket.on("error", () => undefined)))
      const c = yield* connection(new URL(`https://localhost:${hanging}`), 1)
      const late = yield* Effect.flip(c.send({ ...post("secret"), timeoutMs: 100 }))
      assert.deepInclude(late, { reason: "timeout", written: false })
    })
  )

  it.scopedLive("gives up opening beforehand after three seconds", () =>
    Effect.gen(function* () {
      const hanging = yield* listen(net.createServer((socket) => socket.on("error", () => undefined)))
      const c = yield* connection(new URL(`https://localhost:${hanging}`), 1)
      const begun = yield* Clock.currentTimeMillis
      yield* c.warm
      assert.approximately((yield* Clock.currentTimeMillis) - begun, 3000, 500)
    })
  )

  it.scopedLive("an unused connection that breaks is replaced", () =>
    Effect.gen(function* () {
      const sockets: Array<net.Socket> = []
      const server = http.createServer((_, res) => res.end("ok"))
      server.on("connection", (socket) => sockets.push(socket))
      const port = yield* listen(server)
      const c = yield* connection(new URL(`http://127.0.0.1:${port}`), 1)
      yield* c.warm
      yield* Effect.sleep(1).pipe(Effect.repeat({ until: () => sockets.length > 0 }))
      sockets[0]?.resetAndDestroy()
      yield* Effect.sleep(30)
      yield* c.warm
      assert.strictEqual(yield* c.send(get()), "ok")
      assert.strictEqual(sockets.length, 2)
    })
  )

  it.scopedLive("an answer that does not end, or is too long, is no answer; an interruption ends the request", () =>
    Effect.gen(function* () {
      let closed = 0
      const port = yield* listen(
        http.createServer((req, res) => {
          req.socket.once("close", () => (closed += 1))
          if (req.url === "/long") {
            const piece = Buffer.alloc(1_000_000)
            const more = (): void => {
              while (!res.destroyed && res.write(piece));
            }
            res.on("drain", more)
            more()
          } else res.write("half")
        })
      )
      const c = yield* connection(new URL(`http://127.0.0.1:${port}`), 1)
      assert.deepInclude(yield* Effect.flip(c.send(get("/", 100))), { reason: "timeout", written: true })
      assert.deepInclude(yield* Effect.flip(c.send(get("/long", 10_000))), { reason: "body", written: true })
      const fiber = yield* Effect.fork(c.send(get("/", 10_000)))
      yield* Effect.sleep(50)
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep(5).pipe(Effect.repeat({ until: () => closed >= 3 }))
    })
  )

  it.scopedLive.skipIf(!haveOpenssl)("speaks TLS with whom it trusts, and writes nothing to others", () =>
    Effect.gen(function* () {
      const { key, cert } = certificate()
      let requests = 0
      const port = yield* listen(
        https.createServer({ key, cert }, (req, res) => {
          requests += 1
          res.end(req.headers.host)
        })
      )
      const base = new URL(`https://localhost:${port}`)
      const c = yield* connection(base, 1, { ca: cert })
      assert.strictEqual(yield* c.send(get()), `localhost:${port}`)
      const warmed = yield* connection(base, 1, { ca: cert })
      yield* warmed.warm
      assert.strictEqual(yield* warmed.send(get()), `localhost:${port}`)
      const strict = yield* connection(base, 1)
      const refused = yield* Effect.flip(strict.send(post("secret")))
      assert.deepInclude(refused, { reason: "refused", written: false })
      assert.strictEqual(requests, 2)
    })
  )

  it.scopedLive("knows the default ports and IPv6 hosts", () =>
    Effect.gen(function* () {
      for (const base of ["https://[::1]", "http://[::1]"]) {
        const c = yield* connection(new URL(base), 1)
        assert.deepInclude(yield* Effect.flip(c.send(get())), { written: false })
      }
    })
  )
})
