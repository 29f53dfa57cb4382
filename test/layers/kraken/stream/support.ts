/** A small scripted Kraken over real sockets, and the streams under test with everything else mocked. */
import { Effect, Layer, Queue } from "effect"
import type { AddressInfo } from "node:net"
import type { WebSocket } from "ws"
import { WebSocketServer } from "ws"
import type { StreamOptions } from "../../../../src/layers/kraken/stream/KrakenStreamLive.ts"
import { defaultOptions, makeKrakenStream } from "../../../../src/layers/kraken/stream/KrakenStreamLive.ts"
import type { StreamTiming } from "../../../../src/layers/kraken/stream/timing.ts"
import { MockKrakenRest } from "../../../../src/layers/mock/MockKrakenRest.ts"
import { mockMarketClock } from "../../../../src/layers/mock/MockMarketClock.ts"
import { mockSettings } from "../../../../src/layers/mock/MockSettings.ts"
import { KrakenStream } from "../../../../src/services/KrakenStream.ts"

export const NOW = Date.UTC(2026, 1, 26, 10)

/** Short enough for tests over real sockets. */
export const quick: StreamTiming = {
  open: 1_000,
  answer: 200,
  snapshot: 200,
  silence: 400,
  ping: 60,
  cancel: 300,
  tick: 10,
  token: 1_000
}

export interface Request {
  readonly method: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly req_id: number
}

/** One connection as the scripted exchange sees it. */
export interface Peer {
  readonly socket: WebSocket
  /** Counted from 0. */
  readonly index: number
  readonly send: (frame: unknown) => void
  readonly requests: Array<Request>
}

/** What the exchange does with a request; `undefined` for nothing. */
export type Script = (request: Request, peer: Peer) => void

const STAMPS = { time_in: "2026-02-26T10:00:00.100000Z", time_out: "2026-02-26T10:00:00.100100Z" }

export const pong = ({ req_id }: Request) => ({ method: "pong", req_id, ...STAMPS })
export const ack = ({ method, req_id, params }: Request, symbol?: string) => ({
  method,
  req_id,
  success: true,
  result: { channel: params?.["channel"], ...(symbol === undefined ? {} : { symbol }) },
  ...STAMPS
})
export const refuse = ({ method, req_id }: Request, error: string, symbol?: string) => ({
  method,
  req_id,
  success: false,
  error,
  ...(symbol === undefined ? {} : { symbol }),
  ...STAMPS
})
export const symbolsOf = (request: Request): ReadonlyArray<string> =>
  (request.params?.["symbol"] ?? []) as ReadonlyArray<string>
export const channelOf = (request: Request): unknown => request.params?.["channel"]

/** Serves a script on a free port until the scope closes. `onConnect` runs before any request. */
export const venue = (script: Script, onConnect: (peer: Peer) => void = () => undefined) =>
  Effect.acquireRelease(
    Effect.async<{ readonly url: string; readonly peers: Array<Peer>; readonly close: () => void }>((resume) => {
      const peers: Array<Peer> = []
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1" })
      server.on("connection", (socket) => {
        const peer: Peer = {
          socket,
          index: peers.length,
          requests: [],
          send: (frame) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame))
        }
        peers.push(peer)
        socket.on("message", (data) => {
          const request = JSON.parse(String(data)) as Request
          peer.requests.push(request)
          script(request, peer)
        })
        onConnect(peer)
      })
      server.on("listening", () => {
        const { port } = server.address() as AddressInfo
        const close = () => {
          for (const { socket } of peers) socket.terminate()
          server.close()
        }
        resume(Effect.succeed({ url: `ws://127.0.0.1:${port}/v2`, peers, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

/** The streams at `url`, with scripted REST and a clock that stands at `NOW`. */
export const streams = (url: string, options: Partial<StreamOptions> = {}) =>
  Layer.scoped(KrakenStream, makeKrakenStream({ ...defaultOptions, timing: quick, ...options })).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        MockKrakenRest,
        mockMarketClock(NOW),
        mockSettings({ endpoints: { rest: "http://127.0.0.1:9", ws: url, wsAuth: url } })
      )
    )
  )

/** Events as they are told, to be waited for one by one. */
export const inbox = <A>() =>
  Effect.map(Queue.unbounded<A>(), (queue) => {
    const seen: Array<A> = []
    return {
      /** All events so far, also those already waited for. */
      seen,
      put: (event: A): boolean => {
        seen.push(event)
        return Queue.unsafeOffer(queue, event)
      },
      /** Waits for the next event that matches; those before it are passed over. */
      next: <B extends A>(is: (event: A) => event is B): Effect.Effect<B> =>
        Queue.take(queue).pipe(
          Effect.repeat({ until: is }),
          Effect.timeoutFail({ duration: "5 seconds", onTimeout: () => "never came" as const }),
          Effect.orDie
        )
    }
  })

/** Matches an event by its tag. */
export const tagged =
  <T extends string>(tag: T) =>
  <A extends { readonly _tag: string }>(event: A): event is Extract<A, { readonly _tag: T }> =>
    event._tag === tag
