/** The loopback port that serves REST, both streams and the controls. */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { Effect, Schedule } from "effect"
import type { Scope } from "effect"
import { LocalKrakenError } from "../../services/LocalKraken.ts"

const HOST = "127.0.0.1"
const KEEP_ALIVE_MS = 65_000
/** A request that has not come whole by then is cut off. */
const REQUEST_MS = 30_000
/** Between attempts to take the port again after it was closed on purpose. */
const RETRY_MS = 20

export interface Port {
  readonly number: number
  /** Ends every connection and refuses new ones for so many real milliseconds. */
  readonly refuse: (realMs: number) => void
}

const listen = (server: Server, port: number): Effect.Effect<number, LocalKrakenError> =>
  Effect.async((resume) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      resume(
        new LocalKrakenError({
          reason: "port",
          message: `The local Kraken cannot listen on ${HOST}:${port} (${cause.code ?? "unknown"}). Choose another port, or 0 for any.`
        })
      )
    }
    server.once("error", failed)
    server.listen(port, HOST, () => {
      server.off("error", failed)
      // A server that listens on TCP has an address of this form; a path or nothing is what pipes and closed ones have.
      const address = server.address() as AddressInfo
      resume(Effect.succeed(address.port))
    })
  })

export const openPort = (options: {
  readonly port: number
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Runs in the server's scope. */
  readonly fork: (effect: Effect.Effect<unknown>) => void
}): Effect.Effect<Port, LocalKrakenError, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets = new Set<Duplex>()
    const cutAll = (): void => {
      for (const socket of sockets) socket.destroy()
    }
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_MS }, options.onRequest)
      ),
      (open) =>
        Effect.async<void>((resume) => {
          open.close(() => resume(Effect.void))
          cutAll()
        })
    )
    server.on("connection", (socket: Duplex) => {
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
      // Resets are the peer's business; without a listener they would end the process.
      socket.on("error", () => undefined)
    })
    server.on("upgrade", options.onUpgrade)
    server.on("clientError", (_: Error, socket: Duplex) => {
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    })
    const number = yield* listen(server, options.port)
    const listenAgain = Effect.suspend(() => (server.listening ? Effect.succeed(number) : listen(server, number)))
    const reopen = Effect.retry(listenAgain, { schedule: Schedule.spaced(RETRY_MS), times: 500 })
    return {
      number,
      refuse: (realMs) => {
        server.close()
        cutAll()
        options.fork(Effect.ignore(Effect.zipRight(Effect.sleep(realMs), reopen)))
      }
    }
  })
