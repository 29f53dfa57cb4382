/**
 * The WebSocket side: connections, what they say, and what is sent to them, faults included.
 *
 * A private frame holds accelerated market time until its receiver has answered a protocol ping that was sent after it,
 * or two real seconds have passed: however fast the market runs, a report is read before the market moves on.
 */
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { Effect } from "effect"
import type { WebSocket } from "ws"
import { WebSocketServer } from "ws"
import type { Frame } from "../../domain/exchange/Boundary.ts"
import * as Exchange from "../../domain/exchange/Exchange.ts"
import type { LocalKrakenError, SteerableClockShape } from "../../services/LocalKraken.ts"
import type { Driver } from "./Driver.ts"
import type { Faults } from "./Faults.ts"
import { frameKind } from "./Faults.ts"

/** A request larger than this closes its connection (1009). */
const MAX_REQUEST_BYTES = 262_144
/** Longest hold for one private frame, real milliseconds. */
const HOLD_MS = 2000

export interface StreamLimits {
  /** A reader that lets more than this pile up is cut off: Kraken does not wait for the slow either. */
  readonly unsentBytes: number
  /** The same for frames that a delay holds back. */
  readonly waitingFrames: number
  /** Kraken closes a connection that has been idle for about a minute. Real milliseconds. */
  readonly idleMs: number
}

export const defaultLimits: StreamLimits = { unsentBytes: 8_388_608, waitingFrames: 10_000, idleMs: 60_000 }

interface Outgoing {
  readonly text: string
  readonly isPrivate: boolean
  readonly delayMs: number
}

interface Connection {
  readonly id: string
  readonly stream: "public" | "auth"
  readonly socket: WebSocket
  /** Frames behind a delay; `undefined` while there is none. */
  waiting: Array<Outgoing> | undefined
  /** A frame that follows the next one. */
  held: Outgoing | undefined
  usedAt: number
  /** Releases of market time, by the ping that ends them. */
  readonly holds: Map<string, () => void>
  pinging: boolean
}

export interface Streams {
  /** Takes an HTTP upgrade for `/v2` or `/auth/v2`; anything else is answered 404. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  readonly deliver: (frames: ReadonlyArray<Frame>) => void
  readonly disconnect: (stream: "public" | "auth" | "both", code: number) => void
  /** Closes connections that have been idle for a minute; to be run for as long as the server lives. */
  readonly sweep: Effect.Effect<void>
}

const paths: Readonly<Record<string, "public" | "auth">> = { "/v2": "public", "/auth/v2": "auth" }

const garble = (text: string): string => {
  const middle = text.length >> 1
  return `${text.slice(0, middle)}\u0000}${text.slice(middle + 2)}`
}

export const makeStreams = (parts: {
  readonly driver: () => Driver
  readonly clock: SteerableClockShape
  readonly faults: Faults
  readonly limits: StreamLimits
  /** Real milliseconds that a frame takes there and an answer back, half each. Frames stay in order. */
  readonly latencyMs: number
  /** Whether there is no market at the moment: public streams are refused then. */
  readonly isOut: () => boolean
  /** Runs in the server's scope. */
  readonly fork: (effect: Effect.Effect<unknown>) => void
}): Streams => {
  const { clock, driver, faults, fork, limits } = parts
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_REQUEST_BYTES, perMessageDeflate: false })
  const connections = new Map<string, Connection>()
  let serial = 0

  const half = Effect.sleep(parts.latencyMs / 2)
  /** What travels half the way. Sleeps of one length end in the order in which they began. */
  const far = (effect: Effect.Effect<void>): Effect.Effect<void> =>
    parts.latencyMs === 0 ? effect : Effect.zipRight(half, effect)

  const cutOff = (connection: Connection, code: number): void => {
    if (code === 1006) connection.socket.terminate()
    else connection.socket.close(code)
  }

  /** Holds market time for the frames just sent, until the pong of one ping for all of them. */
  const hold = (connection: Connection): void => {
    if (clock.speed <= 1 || connection.pinging) return
    connection.pinging = true
    serial += 1
    const token = String(serial)
    const release = clock.unsafeHold()
    connection.holds.set(token, release)
    queueMicrotask(() => {
      connection.pinging = false
      connection.socket.ping(token)
    })
    fork(Effect.zipRight(Effect.sleep(HOLD_MS), Effect.sync(release)))
  }

  const write = (connection: Connection, frame: Outgoing): void => {
    const { socket } = connection
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount > limits.unsentBytes) {
      socket.terminate()
      return
    }
    socket.send(frame.text)
    connection.usedAt = performance.now()
    if (frame.isPrivate) hold(connection)
  }

  /** Writes what waits, each frame after its own delay. */
  const drain = (connection: Connection): Effect.Effect<void> =>
    Effect.suspend(() => {
      const next = connection.waiting?.shift()
      if (next === undefined) {
        connection.waiting = undefined
        return Effect.void
      }
      return Effect.sleep(next.delayMs).pipe(
        Effect.zipRight(Effect.sync(() => write(connection, next))),
        Effect.zipRight(drain(connection))
      )
    })

  const push = (connection: Connection, frame: Outgoing): void => {
    if (connection.waiting !== undefined) {
      connection.waiting.push(frame)
      if (connection.waiting.length > limits.waitingFrames) connection.socket.terminate()
    } else if (frame.delayMs > 0) {
      connection.waiting = [frame]
      fork(drain(connection))
    } else write(connection, frame)
  }

  /** Sends a frame, with whatever befalls it. */
  const emit = (connection: Connection, { isPrivate, text }: Frame): void => {
    const frame: Outgoing = { text, isPrivate, delayMs: 0 }
    const fault = faults.forFrame(() => frameKind(connection.stream, text))
    const { held } = connection
    connection.held = undefined
    switch (fault?.kind) {
      case undefined:
        push(connection, frame)
        break
      case "silence":
      case "drop":
      case "mute":
        break
      case "close":
        cutOff(connection, fault.code)
        break
      case "duplicate":
        push(connection, frame)
        push(connection, frame)
        break
      case "reorder":
        connection.held = frame
        break
      case "corrupt":
        push(connection, { ...frame, text: garble(text) })
        break
      case "garbage":
        push(connection, { ...frame, text: "<html>Bad Gateway</html>" })
        push(connection, frame)
        break
      case "delay":
        push(connection, { ...frame, delayMs: fault.realMs })
        break
    }
    if (held !== undefined) push(connection, held)
  }

  const release = (connection: Connection): void => {
    for (const letGo of connection.holds.values()) letGo()
    connection.holds.clear()
  }

  /** What cannot be made durable is not done; the client learns that its line is gone. */
  const orClose = (connection: Connection, effect: Effect.Effect<void, LocalKrakenError>): Effect.Effect<void> => {
    const close = Effect.sync(() => connection.socket.close(1011))
    return effect.pipe(
      Effect.catchAll((error) => Effect.zipRight(Effect.logError(error.message), close)),
      Effect.catchAllDefect((defect) => Effect.zipRight(Effect.logError("the local Kraken failed", defect), close))
    )
  }

  const accept = (stream: "public" | "auth", socket: WebSocket): void => {
    serial += 1
    const connection: Connection = {
      id: `${stream}-${serial}`,
      stream,
      socket,
      waiting: undefined,
      held: undefined,
      usedAt: performance.now(),
      holds: new Map(),
      pinging: false
    }
    const { id } = connection
    connections.set(id, connection)
    socket.on("message", (data) => {
      connection.usedAt = performance.now()
      const text = Buffer.isBuffer(data) ? data.toString("utf8") : ""
      const received = driver().run((state, now) => ({ ...Exchange.receive(state, id, text, now), value: undefined }))
      fork(far(orClose(connection, received)))
    })
    socket.on("ping", () => {
      connection.usedAt = performance.now()
    })
    socket.on("pong", (data) => {
      const token = data.toString()
      connection.holds.get(token)?.()
      connection.holds.delete(token)
    })
    // A broken frame or a reset: `ws` closes the connection by itself, and says so next.
    socket.on("error", () => undefined)
    socket.on("close", () => {
      release(connection)
      connections.delete(id)
      fork(
        Effect.ignore(driver().run((state, now) => ({ ...Exchange.closeSession(state, id, now), value: undefined })))
      )
    })
    const opened = driver().run((state, now) => ({
      ...Exchange.openSession(state, id, stream, now),
      value: undefined
    }))
    fork(orClose(connection, opened))
  }

  return {
    upgrade: (request, socket, head) => {
      const stream = paths[(request.url ?? "").split("?")[0] ?? ""]
      if (stream === undefined) {
        socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        return
      }
      if (stream === "public" && parts.isOut()) {
        socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        return
      }
      server.handleUpgrade(request, socket, head, (accepted) => accept(stream, accepted))
    },
    deliver: (frames) => {
      for (const frame of frames) {
        const connection = connections.get(frame.session)
        if (connection === undefined) continue
        if (parts.latencyMs === 0) emit(connection, frame)
        else fork(far(Effect.sync(() => emit(connection, frame))))
      }
    },
    disconnect: (stream, code) => {
      for (const connection of connections.values()) {
        if (stream === "both" || stream === connection.stream) cutOff(connection, code)
      }
    },
    sweep: Effect.forever(
      Effect.zipRight(
        Effect.sleep(limits.idleMs / 10),
        Effect.sync(() => {
          const now = performance.now()
          for (const { socket, usedAt } of connections.values()) if (now - usedAt > limits.idleMs) socket.close(1000)
        })
      )
    )
  }
}
