/**
 * One WebSocket connection. The only file that knows the `ws` library.
 *
 * Frames are handled by a plain callback, in the order they arrived. Writes belong to this connection and never wait for
 * another one. Protocol pings are answered by the library when it reads them, which is after the callback has returned for
 * every frame before them: the local Kraken relies on that to hold accelerated market time until a frame was taken in.
 */
import type { Scope } from "effect"
import { Deferred, Effect } from "effect"
import type { RawData } from "ws"
import { WebSocket } from "ws"
import type { SessionEnded } from "./SessionEnded.ts"
import { ended } from "./SessionEnded.ts"

export interface Connection {
  /** Fails when the connection has ended; never succeeds. */
  readonly ended: Effect.Effect<never, SessionEnded>
}

/** Writes a text; false if it could not be handed over (closed, or the other side stopped reading). */
export type Send = (text: string) => boolean

/** Called once, when the connection is open; gives the callback for its frames. */
export type OnOpen = (send: Send) => (text: string) => void

export type Connect = (
  url: string,
  onOpen: OnOpen,
  openTimeoutMs: number
) => Effect.Effect<Connection, SessionEnded, Scope.Scope>

/** The largest frame that is accepted; Kraken's are far below. */
const MAX_FRAME = 8 * 1024 * 1024
/** More unsent bytes than this mean that the other side stopped reading. */
const MAX_UNSENT = 1024 * 1024
/** How long the close handshake may take before the socket is torn down. */
const CLOSE_GRACE_MS = 250
/** The library's own limit on the handshake only backs up ours, which runs on Effect's clock. */
const HANDSHAKE_GRACE_MS = 5_000

/** The library hands over one `Buffer` a message: its `binaryType` is left at `nodebuffer`. */
const textOf = (data: RawData): string => (data as Buffer).toString("utf8")

/** Closes politely and, if that takes too long, at once. Never waits: a lost connection must not hold up the next one. */
const hangUp = (socket: WebSocket): void => {
  socket.close(1000)
  const timer = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS)
  timer.unref()
  socket.once("close", () => clearTimeout(timer))
}

/** Opens a connection that lives as long as the scope. */
export const connect: Connect = (url, onOpen, openTimeoutMs) =>
  Effect.gen(function* () {
    const opened = yield* Deferred.make<void>()
    const over = yield* Deferred.make<never, SessionEnded>()
    yield* Effect.acquireRelease(
      Effect.try({
        try: () =>
          new WebSocket(url, {
            perMessageDeflate: false,
            maxPayload: MAX_FRAME,
            handshakeTimeout: openTimeoutMs + HANDSHAKE_GRACE_MS
          }),
        catch: () => ended("unreachable", "the stream's address is not a WebSocket URL")
      }).pipe(
        Effect.tap((socket) =>
          Effect.sync(() => {
            let error: string | undefined
            let onFrame: ((text: string) => void) | undefined
            // A callback that throws is a defect of the program: it ends the session's fiber, not the whole process.
            const guarded = (run: () => void): void => {
              try {
                run()
              } catch (defect) {
                Deferred.unsafeDone(over, Effect.die(defect))
              }
            }
            socket.on("error", (cause) => {
              error = cause.message
            })
            socket.on("open", () => {
              guarded(() => {
                onFrame = onOpen((text) => {
                  if (socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > MAX_UNSENT) return false
                  socket.send(text)
                  return true
                })
              })
              Deferred.unsafeDone(opened, Effect.void)
            })
            socket.on("message", (data) => guarded(() => onFrame?.(textOf(data))))
            socket.on("close", (code, reason) => {
              const said = error ?? (reason.length > 0 ? reason.toString("utf8").slice(0, 120) : "no reason given")
              Deferred.unsafeDone(
                over,
                Effect.fail(
                  onFrame === undefined ? ended("unreachable", said) : ended("closed", `code ${code}, ${said}`)
                )
              )
            })
          })
        )
      ),
      (socket) => Effect.sync(() => hangUp(socket))
    )
    yield* Deferred.await(opened).pipe(
      Effect.raceFirst(Deferred.await(over)),
      Effect.timeoutFail({
        duration: openTimeoutMs,
        onTimeout: () => ended("unreachable", `no connection within ${openTimeoutMs} ms`)
      })
    )
    return { ended: Deferred.await(over) }
  })
