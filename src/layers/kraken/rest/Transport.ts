/**
 * HTTP as orders need it, on `node:http`: it says whether bytes were written, lets the last look happen in the same
 * synchronous step as the write, keeps a connection open for each purpose, and ends a request when its fiber is interrupted.
 */
import * as http from "node:http"
import * as net from "node:net"
import * as tls from "node:tls"
import type { Scope } from "effect"
import { Data, Effect } from "effect"

/** No usable answer. `written` is whether any byte of the request can have left. */
export class TransportFailure extends Data.TaggedError("TransportFailure")<{
  readonly reason: "refused" | "timeout" | "reset" | "http" | "body"
  readonly written: boolean
  readonly status?: number
  /** Never headers, never the body. */
  readonly detail: string
}> {}

/** The last look found a reason not to send. Nothing was written. */
export class Withheld extends Data.TaggedError("Withheld")<{ readonly reason: string }> {}

export interface HttpRequest {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** From the start of the request to the last byte of the answer, real time. */
  readonly timeoutMs: number
}

export interface Connection {
  /** Opens the connection if it is not open, so that the next request is written without a wait. Failures show on the request. */
  readonly warm: Effect.Effect<void>
  /** One request, one answer with status 200; no retry, no redirect. */
  readonly send: (request: HttpRequest) => Effect.Effect<string, TransportFailure>
  /**
   * The same, unless `lastLook` gives a reason not to. It is called when the connection stands, right before the bytes are
   * written, in the same synchronous step.
   */
  readonly sendUnless: (
    request: HttpRequest,
    lastLook: () => string | undefined
  ) => Effect.Effect<string, TransportFailure | Withheld>
}

/** Opens connections to a place, at most so many at once, for as long as the scope lives. */
export type Dial = (base: URL, maxSockets: number) => Effect.Effect<Connection, never, Scope.Scope>

/** Larger than any answer of Kraken's. */
const MAX_BODY_BYTES = 16_000_000
const WARM_TIMEOUT_MS = 3000
/** Shorter than the idle limit of any front end, so that a request seldom meets a connection that is just being closed. */
const IDLE_MS = 50_000

/** An agent with one spare connection that `warm` may have opened beforehand. */
class WarmAgent extends http.Agent {
  private spare: net.Socket | undefined = undefined
  private readonly open: () => net.Socket

  constructor(maxSockets: number, open: () => net.Socket) {
    super({ keepAlive: true, maxSockets, timeout: IDLE_MS })
    this.open = open
  }

  /** Whether a request would find an open connection. */
  get isWarm(): boolean {
    const idle = Object.values(this.freeSockets).some((sockets) => (sockets ?? []).some((s) => !s.destroyed))
    return idle || (this.spare !== undefined && !this.spare.destroyed)
  }

  prepare(done: () => void): () => void {
    const socket = this.open()
    // A spare that breaks while nobody uses it is only a spare less.
    socket.on("error", () => socket.destroy())
    socket.once("close", done)
    socket.once(socket instanceof tls.TLSSocket ? "secureConnect" : "connect", () => {
      this.spare = socket
      done()
    })
    return () => {
      if (this.spare !== socket) socket.destroy()
    }
  }

  override createConnection(): net.Socket {
    const { spare } = this
    this.spare = undefined
    return spare !== undefined && !spare.destroyed ? spare : this.open()
  }

  override destroy(): void {
    this.spare?.destroy()
    this.spare = undefined
    super.destroy()
  }
}

/** The message of a network error without anything of the request. */
const describe = (error: NodeJS.ErrnoException): string => error.code ?? error.message

/**
 * A connection to `base` (`https://host`, or `http://` to a local exchange) used for one purpose. Sockets are closed when
 * the scope ends. `trust` replaces the well-known certificate authorities.
 */
export const connection = (
  base: URL,
  maxSockets: number,
  trust: { readonly ca?: string } = {}
): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.gen(function* () {
    const secure = base.protocol === "https:"
    const host = base.hostname.replace(/^\[(.*)\]$/, "$1")
    const port = base.port === "" ? (secure ? 443 : 80) : Number(base.port)
    const open = (): net.Socket =>
      secure
        ? tls.connect({
            host,
            port,
            ALPNProtocols: ["http/1.1"],
            ...trust,
            ...(net.isIP(host) === 0 ? { servername: host } : {})
          })
        : net.connect({ host, port, noDelay: true })
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() => new WarmAgent(maxSockets, open)),
      (a) => Effect.sync(() => a.destroy())
    )

    const opened = Effect.async<void>((resume) => {
      const cancel = agent.prepare(() => resume(Effect.void))
      return Effect.sync(cancel)
    }).pipe(Effect.timeoutOption(WARM_TIMEOUT_MS), Effect.asVoid)
    const warm = Effect.suspend(() => (agent.isWarm ? Effect.void : opened))

    const transmit = <E>(
      request: HttpRequest,
      lastLook: () => Effect.Effect<never, E> | undefined
    ): Effect.Effect<string, TransportFailure | E> =>
      Effect.async<string, TransportFailure | E>((resume) => {
        let written = false
        let settled = false
        const req = http.request({
          agent,
          host,
          port,
          method: request.method,
          path: `${base.pathname.replace(/\/$/, "")}${request.path}`,
          headers: {
            Host: base.host,
            ...request.headers,
            ...(request.body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(request.body)) })
          }
        })
        const settle = (result: Effect.Effect<string, TransportFailure | E>): void => {
          if (settled) return
          settled = true
          clearTimeout(timer)
          resume(result)
        }
        const fail = (reason: TransportFailure["reason"], detail: string, status?: number): void => {
          settle(
            Effect.fail(new TransportFailure({ reason, written, detail, ...(status === undefined ? {} : { status }) }))
          )
          req.destroy()
        }
        const timer = setTimeout(() => fail("timeout", `no answer within ${request.timeoutMs} ms`), request.timeoutMs)
        const write = (): void => {
          if (settled) return
          const withheld = lastLook()
          if (withheld !== undefined) {
            settle(withheld)
            req.destroy()
            return
          }
          written = true
          req.end(request.body)
        }
        req.once("socket", (socket) => {
          const ready = socket instanceof tls.TLSSocket ? "secureConnect" : "connect"
          if (socket.connecting) socket.once(ready, write)
          else write()
        })
        req.on("error", (error) => fail(written ? "reset" : "refused", describe(error)))
        req.once("response", (response) => {
          const chunks: Array<Buffer> = []
          let size = 0
          response.on("data", (chunk: Buffer) => {
            size += chunk.length
            if (size > MAX_BODY_BYTES) fail("body", `an answer of more than ${MAX_BODY_BYTES} bytes`)
            else chunks.push(chunk)
          })
          response.once("error", (error) => fail("reset", `the answer was cut off: ${describe(error)}`))
          response.once("end", () => {
            const status = response.statusCode ?? 0
            if (status === 200) settle(Effect.succeed(Buffer.concat(chunks).toString("utf8")))
            else fail("http", `HTTP status ${status}`, status)
          })
        })
        return Effect.sync(() => {
          settled = true
          clearTimeout(timer)
          req.destroy()
        })
      })

    return {
      warm,
      send: (request) => transmit(request, () => undefined),
      sendUnless: (request, lastLook) =>
        transmit(request, () => {
          const reason = lastLook()
          return reason === undefined ? undefined : Effect.fail(new Withheld({ reason }))
        })
    }
  })
