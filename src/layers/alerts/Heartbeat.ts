/** Signs of life as GET requests to an address of a dead man's watcher. The address is a secret: whoever has it can feign life. */
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { Data, Duration, Effect, Layer, Redacted, Schedule, Stream } from "effect"
import { Heartbeat } from "../../services/Heartbeat.ts"

/** Real time between two signs, whatever the pace of the market's clock. */
export const EVERY = Duration.minutes(1)
const TIMEOUT = Duration.seconds(5)

/** The watcher did not take a sign. Never holds the address. */
class Unheard extends Data.TaggedError("Unheard")<{ readonly detail: string }> {}

export interface HeartbeatOptions {
  readonly url: Redacted.Redacted
  readonly every?: Duration.Duration
}

const make = ({ url, every = EVERY }: HeartbeatOptions) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    let failing = false

    const ping: Effect.Effect<void, Unheard> = client.execute(HttpClientRequest.get(Redacted.value(url))).pipe(
      // The body is read to its end, so that the connection is free again, and kept nowhere.
      Effect.flatMap((response) => Effect.as(Stream.runDrain(response.stream), response.status)),
      Effect.scoped,
      Effect.timeout(TIMEOUT),
      // The client's own errors carry the address: only their kind is kept.
      Effect.mapError((failed) => new Unheard({ detail: failed._tag })),
      Effect.filterOrFail(
        (status) => status >= 200 && status < 300,
        (status) => new Unheard({ detail: `HTTP ${status}` })
      ),
      Effect.withTracerEnabled(false),
      Effect.asVoid
    )

    const tell = Effect.matchEffect(ping, {
      onFailure: ({ detail }) => {
        if (failing) return Effect.void
        failing = true
        return Effect.logWarning(
          `The heartbeat does not arrive (${detail}): trading goes on, but whoever watches for it may take the trader for dead. Check HEARTBEAT_URL and the network.`
        )
      },
      onSuccess: () => {
        if (!failing) return Effect.void
        failing = false
        return Effect.logInfo("The heartbeat arrives again")
      }
    })

    let stuck = false
    const beat = (moving: boolean): Effect.Effect<void> => {
      const changed = moving === stuck
      stuck = !moving
      if (moving) return tell
      return changed ? Effect.logWarning("The heartbeat is silent: the decision loop makes no progress.") : Effect.void
    }

    return Heartbeat.of({
      run: (alive) => Effect.zipRight(Effect.repeat(Effect.flatMap(alive, beat), Schedule.fixed(every)), Effect.never)
    })
  })

export const layer = (options: HeartbeatOptions): Layer.Layer<Heartbeat, never, HttpClient.HttpClient> =>
  Layer.effect(Heartbeat, make(options))

/** Where nobody elsewhere watches. */
export const silent: Layer.Layer<Heartbeat> = Layer.succeed(Heartbeat, { run: () => Effect.never })
