/** Alerts as JSON to a webhook. Whatever happens to it never touches trading: sending queues and returns. */
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { Data, Deferred, Duration, Effect, Layer, Redacted, Schedule } from "effect"
import { iso } from "../../domain/Time.ts"
import type { Alert } from "../../services/Alerts.ts"
import { Alerts } from "../../services/Alerts.ts"
import { logAlert } from "./AlertsLog.ts"

/** Alerts that wait at most; when full, the oldest informational one goes first, then the oldest of all. */
export const CAPACITY = 256
const TIMEOUT = Duration.seconds(5)
/** Three more tries, 1, 2 and 4 seconds apart with jitter. */
const AGAIN = Schedule.exponential("1 second").pipe(Schedule.jittered, Schedule.intersect(Schedule.recurs(3)))
/** How long a stopping trader gives its last alerts. */
const LAST_WORDS = Duration.seconds(3)

/** The webhook did not take it. Never holds the address, which is a secret. */
class Undelivered extends Data.TaggedError("Undelivered")<{ readonly detail: string; readonly again: boolean }> {}

/** The body: `text` and `content` are what Slack's and Discord's webhooks show, the rest is for programs. */
export const alertBody = ({ at, severity, kind, text, data = {} }: Alert): Readonly<Record<string, unknown>> => ({
  text: `[${severity}] ${text}`,
  content: `[${severity}] ${text}`,
  severity,
  kind,
  at: iso(at),
  data
})

/** The queue after one more alert. */
export const enqueue = (queue: ReadonlyArray<Alert>, alert: Alert): ReadonlyArray<Alert> => {
  if (queue.length < CAPACITY) return [...queue, alert]
  const informational = queue.findIndex((waiting) => waiting.severity === "info")
  return [...queue.toSpliced(Math.max(0, informational), 1), alert]
}

const make = (url: Redacted.Redacted) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    let queue: ReadonlyArray<Alert> = []
    const wake = yield* Effect.makeLatch(false)
    const idle = { settled: yield* Deferred.make<void>() }

    const post = (alert: Alert): Effect.Effect<void, Undelivered> =>
      HttpClientRequest.post(Redacted.value(url)).pipe(
        HttpClientRequest.bodyUnsafeJson(alertBody(alert)),
        client.execute,
        Effect.flatMap((response) => Effect.as(response.text, response.status)),
        Effect.scoped,
        Effect.timeout(TIMEOUT),
        // The client's own errors carry the address: only their kind is kept.
        Effect.mapError((failed) => new Undelivered({ detail: failed._tag, again: true })),
        Effect.flatMap((status) =>
          status >= 200 && status < 300
            ? Effect.void
            : Effect.fail(new Undelivered({ detail: `HTTP ${status}`, again: status >= 500 || status === 429 }))
        ),
        Effect.withTracerEnabled(false)
      )

    const deliver = (alert: Alert): Effect.Effect<void> =>
      post(alert).pipe(
        Effect.retry({ schedule: AGAIN, while: (failed) => failed.again }),
        Effect.catchTag("Undelivered", (failed) =>
          Effect.logWarning(`The alert webhook did not take an alert (${alert.kind}): ${failed.detail}`)
        )
      )

    /** Takes one after the other. The latch is closed before the queue is looked at, so that no alert is slept through. */
    const worker = Effect.gen(function* () {
      yield* wake.await
      yield* wake.close
      for (let next = queue[0]; next !== undefined; next = queue[0]) {
        queue = queue.slice(1)
        yield* deliver(next)
      }
      yield* Deferred.succeed(idle.settled, undefined)
    }).pipe(Effect.forever)

    yield* worker.pipe(Effect.forkScoped)
    // Runs before the worker is interrupted: the last alert (why it stopped) is the one that matters most.
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        idle.settled = yield* Deferred.make<void>()
        yield* wake.open
        // Finalizers cannot be interrupted, and a time-out works by interrupting: the wait itself must allow it.
        yield* Effect.timeoutOption(Effect.interruptible(Deferred.await(idle.settled)), LAST_WORDS)
      })
    )

    return Alerts.of({
      send: (alert) =>
        Effect.zipRight(
          logAlert(alert),
          Effect.suspend(() => {
            queue = enqueue(queue, alert)
            return wake.open
          })
        )
    })
  })

export const layer = (url: Redacted.Redacted): Layer.Layer<Alerts, never, HttpClient.HttpClient> =>
  Layer.scoped(Alerts, make(url))
