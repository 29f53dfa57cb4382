/**
 * The control server on Node's own HTTP server, bound to 127.0.0.1. A request keeps running when its caller goes away (a
 * cancel that was asked for is carried out), and belongs to the server's scope.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { createServer } from "node:http"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { Cause, Clock, Effect, FiberSet, Layer, Redacted } from "effect"
import { iso } from "../../domain/Time.ts"
import { ControlServer, ControlUnavailable } from "../../services/ControlServer.ts"
import type { ControlAddress, ControlHandlers, ControlIdentity } from "../../services/ControlServer.ts"
import { Settings } from "../../services/Settings.ts"
import { removeControlFile, writeControlFile } from "./ControlFile.ts"
import { route } from "./ControlServerRoutes.ts"
import type { Reply } from "./ControlServerRoutes.ts"
import { registerSecret } from "./secrets.ts"

const LOOPBACK = "127.0.0.1"
/** Bodies are a few ids and a reason. */
const MAX_BODY_BYTES = 65_536
const MAX_CONNECTIONS = 64
/** The longest a handler may take: a cancel that is confirmed at the exchange. */
const HANDLER_MS = 60_000

const json = (status: number, body: object): Reply => ({ status, type: "application/json", text: JSON.stringify(body) })
const error = (status: number, text: string): Reply => json(status, { error: text })

/** Equal without telling by its duration how much of a guess was right. */
const sameText = (a: string, b: string): boolean =>
  timingSafeEqual(createHash("sha256").update(a).digest(), createHash("sha256").update(b).digest())

/** A page in a browser can send requests to loopback too: its Origin, or a name that was made to point here, gives it away. */
const isForeign = (request: IncomingMessage, port: number): boolean => {
  const names = [`${LOOPBACK}:${port}`, `localhost:${port}`]
  const { host, origin } = request.headers
  return !names.includes(host ?? "") || (origin !== undefined && !names.some((name) => origin === `http://${name}`))
}

/** `undefined`: allowed. */
const authorise = (request: IncomingMessage, token: string): Reply | undefined => {
  const header = request.headers.authorization
  if (header === undefined) return error(401, "this command needs the bearer token of control.json")
  return sameText(header, `Bearer ${token}`) ? undefined : error(403, "this is not the token of the running trader")
}

/** The body as text; `undefined` when it is too long or does not come. */
const readBody = (request: IncomingMessage): Effect.Effect<string | undefined> =>
  Effect.async<string | undefined>((resume) => {
    const chunks: Array<Buffer> = []
    let size = 0
    request.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_BODY_BYTES) {
        request.removeAllListeners("data")
        request.resume()
        resume(Effect.succeed(undefined))
      } else chunks.push(chunk)
    })
    request.on("end", () => resume(Effect.succeed(Buffer.concat(chunks).toString("utf8"))))
    request.on("error", () => resume(Effect.succeed(undefined)))
    request.on("close", () => resume(Effect.succeed(undefined)))
  })

const send = (response: ServerResponse, reply: Reply): Effect.Effect<void> =>
  Effect.sync(() => {
    response.writeHead(reply.status, {
      "content-type": reply.type,
      "content-length": Buffer.byteLength(reply.text),
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      // one request a connection: nothing idles when the trader stops
      connection: "close",
      ...reply.headers
    })
    response.end(reply.text)
  })

const answer = (
  request: IncomingMessage,
  handlers: ControlHandlers,
  identity: ControlIdentity,
  port: number,
  token: string
): Effect.Effect<Reply> =>
  Effect.gen(function* () {
    if (isForeign(request, port))
      return error(403, "only programs on this machine may ask, under the address in control.json")
    const found = route(request.method ?? "", request.url ?? "", handlers, identity)
    if ("status" in found) return found
    if (found._tag === "Read") return yield* found.run
    const refused = authorise(request, token)
    if (refused !== undefined) return refused
    const body = yield* readBody(request)
    if (body === undefined) return error(413, `the body is longer than ${MAX_BODY_BYTES} bytes`)
    return yield* found.run(body)
  }).pipe(
    Effect.timeoutTo({
      duration: HANDLER_MS,
      onSuccess: (reply: Reply) => reply,
      onTimeout: () => error(504, "the trader did not finish this in time; look at `status`")
    }),
    Effect.tapDefect((cause) => Effect.logError("control request failed", Cause.pretty(cause))),
    Effect.catchAllDefect(() => Effect.succeed(error(500, "internal error; the log has the details")))
  )

const listen = (server: Server, port: number): Effect.Effect<number, ControlUnavailable> =>
  Effect.async<number, ControlUnavailable>((resume) => {
    const failed = (cause: Error): void => {
      resume(Effect.fail(new ControlUnavailable({ what: "port", detail: cause.message })))
    }
    server.once("error", failed)
    server.listen({ port, host: LOOPBACK }, () => {
      server.off("error", failed)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  })

const close = (server: Server): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

const make = (version: string) =>
  Effect.gen(function* () {
    const settings = yield* Settings
    const identity: ControlIdentity = {
      mode: settings.mode,
      version,
      pid: process.pid,
      startedAt: yield* Clock.currentTimeMillis
    }

    const serve = (handlers: ControlHandlers) =>
      Effect.gen(function* () {
        const token = randomBytes(32).toString("base64url")
        registerSecret(Redacted.make(token))
        const fork = yield* FiberSet.makeRuntime<never>()
        const server = yield* Effect.acquireRelease(
          Effect.sync(() => createServer({ headersTimeout: 5_000, requestTimeout: 10_000 })),
          close
        )
        server.maxConnections = MAX_CONNECTIONS
        // what is no HTTP is not answered
        server.on("clientError", (_, socket) => socket.destroy())
        const port = yield* listen(server, settings.controlPort)
        server.on("request", (request, response) => {
          fork(Effect.flatMap(answer(request, handlers, identity, port, token), (reply) => send(response, reply)))
        })
        const address: ControlAddress = { url: `http://${LOOPBACK}:${port}`, port }
        yield* Effect.acquireRelease(
          Effect.try({
            try: () =>
              writeControlFile(settings.dataDir, {
                url: address.url,
                token,
                pid: identity.pid,
                startedAt: iso(identity.startedAt),
                mode: identity.mode,
                version
              }),
            catch: (cause) => new ControlUnavailable({ what: "file", detail: String(cause) })
          }),
          // a file that cannot be removed points at a port where nobody listens any more: `status` copes with that
          () => Effect.ignore(Effect.try(() => removeControlFile(settings.dataDir, token)))
        )
        return address
      })

    return ControlServer.of({ serve, identity })
  })

/** `version` is the program's, for `control.json` and `GET /health`. Bind the layer to a constant. */
export const controlServerNode = (version: string): Layer.Layer<ControlServer, never, Settings> =>
  Layer.effect(ControlServer, make(version))
