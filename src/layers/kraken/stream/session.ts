/** One session: a connection, the conversation on it, and the watch over both. It always ends in a `SessionEnded`. */
import { Deferred, Effect } from "effect"
import type { Connect } from "./connect.ts"
import type { SessionEnded } from "./SessionEnded.ts"
import type { Wire } from "./Talk.ts"
import type { StreamTiming } from "./timing.ts"

export interface Conversation {
  readonly onFrame: (text: string) => void
  /** Called every `timing.tick`. */
  readonly tick: () => void
  /** Sends a ping and calls back with the pong. */
  readonly ping: (onPong: () => void) => void
  /** The session is over: whoever waits on it is told. */
  readonly close: () => void
}

/** At once and then again after each pause, for ever; cheaper than a schedule, since it runs twice a second for months. */
const every = (ms: number, self: Effect.Effect<void>): Effect.Effect<never> =>
  Effect.forever(Effect.zipRight(self, Effect.sleep(ms)))

/**
 * Runs one session until it ends. `open` is called when the connection is open and starts the conversation.
 * `holdPing` wraps each ping and its pong (market time stands still for clock probes).
 */
export const runSession = (options: {
  readonly connect: Connect
  readonly url: string
  readonly timing: StreamTiming
  readonly open: (wire: Wire) => Conversation
  readonly holdPing: (ping: Effect.Effect<void>) => Effect.Effect<void>
}): Effect.Effect<never, SessionEnded> =>
  Effect.scoped(
    Effect.gen(function* () {
      const clock = yield* Effect.clock
      const over = yield* Deferred.make<never, SessionEnded>()
      const started = yield* Deferred.make<Conversation>()
      const now = (): number => Number(clock.unsafeCurrentTimeNanos() / 1000n) / 1000
      const connection = yield* options.connect(
        options.url,
        (send) => {
          const conversation = options.open({
            send,
            now,
            end: (reason) => Deferred.unsafeDone(over, Effect.fail(reason))
          })
          Deferred.unsafeDone(started, Effect.succeed(conversation))
          return conversation.onFrame
        },
        options.timing.open
      )
      const conversation = yield* Effect.acquireRelease(Deferred.await(started), (open) => Effect.sync(open.close))
      const ping = Effect.async<void>((resume) => conversation.ping(() => resume(Effect.void)))
      // Each of these ends only by failing: the first failure ends the session and interrupts the others.
      return yield* Effect.all(
        [
          connection.ended,
          Deferred.await(over),
          every(options.timing.tick, Effect.sync(conversation.tick)),
          every(options.timing.ping, options.holdPing(ping))
        ],
        { concurrency: "unbounded", discard: true }
      ).pipe(Effect.zipRight(Effect.never))
    })
  )
