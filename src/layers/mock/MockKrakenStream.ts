/**
 * Kraken's streams by hand: the test is the exchange. Nothing connects; what the test tells arrives in the sink at once.
 *
 * ```ts
 * const stream = yield* MockKrakenStreamControl
 * yield* stream.publicRunning                       // waits until somebody listens
 * yield* stream.tellPublic({ _tag: "PublicUp" })
 * ```
 */
import { Context, Effect, Layer } from "effect"
import type { PairSymbol } from "../../domain/market/Instrument.ts"
import type { PrivateStreamEvent, PublicStreamEvent, StreamHealth } from "../../services/KrakenStream.ts"
import { KrakenStream } from "../../services/KrakenStream.ts"

export interface MockKrakenStreamControlShape {
  /** Waits until the public stream is run. */
  readonly publicRunning: Effect.Effect<void>
  readonly privateRunning: Effect.Effect<void>
  /** Hands an event to the public sink; false if nobody runs the stream. */
  readonly tellPublic: (event: PublicStreamEvent) => Effect.Effect<boolean>
  /** Hands an event to the private sink; false if it did not take it, or nobody runs the stream. */
  readonly tellPrivate: (event: PrivateStreamEvent) => Effect.Effect<boolean>
  /** The pairs of the running public stream. */
  readonly symbols: Effect.Effect<ReadonlyArray<PairSymbol>>
  /** Reasons given to `resyncPrivate`, in order. */
  readonly resyncs: Effect.Effect<ReadonlyArray<string>>
  /** Ids given to `cancelByStream`, call by call. */
  readonly cancels: Effect.Effect<ReadonlyArray<ReadonlyArray<string>>>
  /** What `cancelByStream` answers from now on; false until told otherwise. */
  readonly setCancelAnswer: (answer: Effect.Effect<boolean>) => Effect.Effect<void>
  readonly setHealth: (stream: "public" | "private", health: StreamHealth) => Effect.Effect<void>
}

/** Steers and inspects `MockKrakenStream`. */
export class MockKrakenStreamControl extends Context.Tag("trader/layers/mock/MockKrakenStream/MockKrakenStreamControl")<
  MockKrakenStreamControl,
  MockKrakenStreamControlShape
>() {}

const unconnected: StreamHealth = { connected: false, reconnects: 0, frames: 0, malformed: 0 }

/** A sink that is there while somebody runs the stream. */
const slot = <Sink>() =>
  Effect.map(Effect.makeLatch(false), (running) => {
    let sink: Sink | undefined
    return {
      running: running.await,
      get: () => sink,
      run: (next: Sink): Effect.Effect<never> =>
        Effect.acquireUseRelease(
          Effect.zipRight(
            Effect.sync(() => {
              sink = next
            }),
            running.open
          ),
          () => Effect.never,
          () =>
            Effect.zipRight(
              Effect.sync(() => {
                sink = undefined
              }),
              running.close
            )
        )
    }
  })

const make = Effect.gen(function* () {
  const open = yield* slot<{
    readonly symbols: ReadonlyArray<PairSymbol>
    readonly put: (event: PublicStreamEvent) => void
  }>()
  const own = yield* slot<(event: PrivateStreamEvent) => boolean>()
  const resyncs: Array<string> = []
  const cancels: Array<ReadonlyArray<string>> = []
  const health = { public: unconnected, private: unconnected }
  let cancelAnswer: Effect.Effect<boolean> = Effect.succeed(false)

  return Context.make(KrakenStream, {
    runPublic: (symbols, put) => open.run({ symbols, put }),
    runPrivate: own.run,
    resyncPrivate: (reason) =>
      Effect.sync(() => {
        resyncs.push(reason)
      }),
    cancelByStream: (clientIds) =>
      Effect.suspend(() => {
        cancels.push(clientIds)
        return cancelAnswer
      }),
    publicHealth: Effect.sync(() => health.public),
    privateHealth: Effect.sync(() => health.private)
  }).pipe(
    Context.add(MockKrakenStreamControl, {
      publicRunning: open.running,
      privateRunning: own.running,
      tellPublic: (event) =>
        Effect.sync(() => {
          const sink = open.get()
          sink?.put(event)
          return sink !== undefined
        }),
      tellPrivate: (event) => Effect.sync(() => own.get()?.(event) ?? false),
      symbols: Effect.sync(() => open.get()?.symbols ?? []),
      resyncs: Effect.sync(() => [...resyncs]),
      cancels: Effect.sync(() => [...cancels]),
      setCancelAnswer: (answer) =>
        Effect.sync(() => {
          cancelAnswer = answer
        }),
      setHealth: (stream, next) =>
        Effect.sync(() => {
          health[stream] = next
        })
    })
  )
})

export const MockKrakenStream: Layer.Layer<KrakenStream | MockKrakenStreamControl> = Layer.effectContext(make)
