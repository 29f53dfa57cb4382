/**
 * Kraken's streams over real sockets. Each run is a loop of sessions: connect, subscribe, tell the sink what comes, and when
 * the session ends (it always does, with a reason) tell that too, wait, and begin again, for ever.
 *
 * Every private session ends in exactly one event: `PrivateDown` when it was lost, `PrivateGap` when it was dropped to start
 * again from snapshots, `PrivateRefused` when the key may not stream.
 */
import { Effect, FiberSet, Layer, Option, Schedule } from "effect"
import { BUDGET, PUBLIC_BUDGET } from "../../../domain/kraken/stream/Backoff.ts"
import { emptyMemory } from "../../../domain/kraken/stream/OrderMemory.ts"
import { shown } from "../../../domain/kraken/stream/Redact.ts"
import type { PairSymbol } from "../../../domain/market/Instrument.ts"
import { MarketClock } from "../../../services/Clock.ts"
import { Frames } from "../../../services/Frames.ts"
import { KrakenRest } from "../../../services/KrakenRest.ts"
import type { KrakenStreamShape, PrivateStreamEvent, PublicStreamEvent } from "../../../services/KrakenStream.ts"
import { KrakenStream } from "../../../services/KrakenStream.ts"
import { Settings } from "../../../services/Settings.ts"
import type { Connect } from "./connect.ts"
import { connect as connectSocket } from "./connect.ts"
import { Health } from "./Health.ts"
import type { PrivateConversation } from "./privateTalk.ts"
import { privateTalk } from "./privateTalk.ts"
import { candleMemory, publicTalk } from "./publicTalk.ts"
import { makePace, sharedPace } from "./reconnect.ts"
import { runSession } from "./session.ts"
import type { SessionEnded } from "./SessionEnded.ts"
import type { StreamTiming } from "./timing.ts"
import { defaultTiming } from "./timing.ts"
import { freshToken } from "./token.ts"

export interface StreamOptions {
  readonly timing: StreamTiming
  /** Bars to watch, in minutes; `undefined` for none. */
  readonly candleInterval: number | undefined
  readonly connect: Connect
}

export const defaultOptions: StreamOptions = { timing: defaultTiming, candleInterval: 1, connect: connectSocket }

/** Orders in one cancel request. */
const CANCEL_CHUNK = 50
/** Between two attempts to tell a full sink that its session ended. */
const TELL_AGAIN_MS = 250

type StreamName = "public" | "private"

const chunks = (ids: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  Array.from({ length: Math.ceil(ids.length / CANCEL_CHUNK) }, (_, i) =>
    ids.slice(i * CANCEL_CHUNK, (i + 1) * CANCEL_CHUNK)
  )

/** The event that a private session's end is told by. */
const endEvent = (reason: SessionEnded, healthyForMs: number): PrivateStreamEvent => {
  switch (reason.why) {
    case "gap":
    case "overflow":
    case "resync":
      return { _tag: "PrivateGap", reason: reason.detail }
    case "credentials":
      return { _tag: "PrivateRefused", text: reason.detail }
    default:
      return { _tag: "PrivateDown", reason: reason.message, healthyForMs }
  }
}

export const makeKrakenStream = (options: StreamOptions) =>
  Effect.gen(function* () {
    const settings = yield* Settings
    const rest = yield* KrakenRest
    const market = yield* MarketClock
    const clock = yield* Effect.clock
    const fork = yield* FiberSet.makeRuntime<never>()
    const frames = Option.getOrUndefined(yield* Effect.serviceOption(Frames))
    /** Frames are kept as they come, where somebody wants them. */
    const kept = (stream: StreamName): Connect =>
      frames === undefined
        ? options.connect
        : (url, onOpen, openTimeoutMs) =>
            options.connect(
              url,
              (send) => {
                const heard = onOpen(send)
                return (text) => {
                  frames.record(stream, text)
                  heard(text)
                }
              },
              openTimeoutMs
            )
    const shared = sharedPace()
    const health: Readonly<Record<StreamName, Health>> = { public: new Health(), private: new Health() }
    let current: PrivateConversation | undefined

    const wall = (): number => clock.unsafeCurrentTimeMillis()
    const real = (): number => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)

    /** Logs the first frame of each kind that was not understood, and gives the event for it. */
    const note = (stream: StreamName, secrets: ReadonlyArray<string>) => (kind: string, frame: string) => {
      if (!health[stream].isNewKind(kind)) return undefined
      const text = shown(frame, secrets)
      fork(
        Effect.logWarning("a stream message was not understood; further ones of its kind are only counted").pipe(
          Effect.annotateLogs({ stream, kind, text })
        )
      )
      return { _tag: "Malformed" as const, stream, kind, text }
    }

    const logEnd = (stream: StreamName, reason: SessionEnded, healthyForMs: number) =>
      Effect.logWarning(`the ${stream} stream ended`).pipe(
        Effect.annotateLogs({ why: reason.why, detail: reason.detail, healthyForMs: Math.round(healthyForMs) })
      )

    const runPublic = (symbols: ReadonlyArray<PairSymbol>, sink: (event: PublicStreamEvent) => void) =>
      Effect.suspend(() => {
        const pace = makePace(shared, PUBLIC_BUDGET)
        const candles = candleMemory()
        const state = health.public
        const noted = note("public", [])
        const session = Effect.suspend(() => {
          state.session()
          return runSession({
            connect: kept("public"),
            url: settings.endpoints.ws,
            timing: options.timing,
            // A pong stamps the exchange's clock: market time must not run while the probe is under way.
            holdPing: market.hold,
            open: (wire) =>
              publicTalk(
                {
                  symbols,
                  candleInterval: options.candleInterval,
                  timing: options.timing,
                  marketNow: market.unsafeNow,
                  emit: sink,
                  candles,
                  onFrame: () => state.frame(wall()),
                  onUp: () => {
                    state.up(wall(), real())
                    sink({ _tag: "PublicUp" })
                  },
                  onMaintenance: () => {
                    shared.maintenance = true
                  },
                  note: (kind, text) => {
                    const event = noted(kind, text)
                    if (event !== undefined) sink(event)
                  }
                },
                wire
              )
          })
        })
        return pace.before.pipe(
          Effect.zipRight(session),
          Effect.catchTag("SessionEnded", (reason) =>
            Effect.gen(function* () {
              const healthyForMs = state.down(real())
              yield* Effect.sync(() => sink({ _tag: "PublicDown", reason: reason.message, healthyForMs }))
              yield* logEnd("public", reason, healthyForMs)
              yield* pace.after(reason, healthyForMs)
            })
          ),
          Effect.forever
        )
      })

    const runPrivate = (sink: (event: PrivateStreamEvent) => boolean) =>
      Effect.suspend(() => {
        const pace = makePace(shared, BUDGET)
        const orders = { memory: emptyMemory }
        const state = health.private
        const session = (token: string) =>
          Effect.suspend(() => {
            state.session()
            return runSession({
              connect: kept("private"),
              url: settings.endpoints.wsAuth,
              timing: options.timing,
              holdPing: (ping) => ping,
              open: (wire) => {
                const conversation = privateTalk(
                  {
                    token,
                    timing: options.timing,
                    marketNow: market.unsafeNow,
                    sink,
                    orders,
                    note: note("private", [token]),
                    onFrame: () => state.frame(wall()),
                    onUp: () => state.up(wall(), real())
                  },
                  wire
                )
                current = conversation
                return conversation
              }
            })
          }).pipe(
            Effect.ensuring(
              Effect.sync(() => {
                current = undefined
              })
            )
          )
        // An end that the sink has no room for is told again until it has: nobody may believe in a session that is over.
        const tell = (event: PrivateStreamEvent) =>
          Effect.suspend(() => (sink(event) ? Effect.void : Effect.fail("full" as const))).pipe(
            Effect.retry(Schedule.spaced(TELL_AGAIN_MS)),
            Effect.ignore
          )
        return freshToken(rest, options.timing.token).pipe(
          Effect.tap(() => pace.before),
          Effect.flatMap(session),
          Effect.catchTag("SessionEnded", (reason) =>
            Effect.gen(function* () {
              const healthyForMs = state.down(real())
              yield* logEnd("private", reason, healthyForMs)
              yield* tell(endEvent(reason, healthyForMs))
              return yield* reason.why === "credentials" ? Effect.never : pace.after(reason, healthyForMs)
            })
          ),
          Effect.forever
        )
      })

    const cancelChunk = (ids: ReadonlyArray<string>): Effect.Effect<boolean> =>
      Effect.async<boolean>((resume) =>
        current === undefined
          ? resume(Effect.succeed(false))
          : current.cancel(ids, (all) => resume(Effect.succeed(all)))
      ).pipe(Effect.timeoutTo({ duration: options.timing.cancel, onTimeout: () => false, onSuccess: (all) => all }))

    const shape: KrakenStreamShape = {
      runPublic,
      runPrivate,
      resyncPrivate: (reason) => Effect.sync(() => current?.drop(reason)),
      cancelByStream: (clientIds) =>
        Effect.forEach(chunks(clientIds), cancelChunk, { concurrency: "unbounded" }).pipe(
          Effect.map((accepted) => accepted.length > 0 && accepted.every((all) => all))
        ),
      publicHealth: Effect.sync(() => health.public.view()),
      privateHealth: Effect.sync(() => health.private.view())
    }
    return shape
  })

/** The streams at the settings' endpoints, with one-minute bars. */
export const KrakenStreamLive = Layer.scoped(KrakenStream, makeKrakenStream(defaultOptions))
