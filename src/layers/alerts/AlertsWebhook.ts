/**
 * Alerts as JSON to a webhook, through an outbox: sending queues in memory and returns; a fiber of its own writes the alert
 * down, delivers it, and tries again for as long as it takes. Whatever happens to it never touches trading. Delivered at
 * least once: a process that ends between the delivery and its record delivers again.
 */
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { Context, Data, Duration, Effect, Fiber, Layer, Option, Random, Redacted, Stream } from "effect"
import type { MessageFields } from "../../domain/alerts/message.ts"
import { messageOf } from "../../domain/alerts/message.ts"
import * as Outbox from "../../domain/alerts/Outbox.ts"
import { AlertOutbox } from "../../services/AlertOutbox.ts"
import { Alerts } from "../../services/Alerts.ts"
import { OutboxStore } from "../../services/OutboxStore.ts"
import { scrub } from "../node/secrets.ts"
import { logAlert } from "./AlertsLog.ts"

/** Longest that one attempt may take, the answer's body included. */
const TIMEOUT = Duration.seconds(10)
/** Least time between two deliveries. Slack and Telegram take one message a second. */
const PACE_MS = 1000
/** Longest wait that a receiver may ask for. */
const MOST_ASKED_MS = 3_600_000
/** How soon a file that could not be written is tried again. */
const SAVE_AGAIN_MS = 30_000
/** Least time between two rounds that nothing new has asked for. */
const LEAST_WAIT_MS = 50
/** How long a stopping trader gives its last alerts. */
const LAST_WORDS = Duration.seconds(3)

/** The webhook did not take it. Never holds the address, which is a secret. */
class Undelivered extends Data.TaggedError("Undelivered")<{
  readonly detail: string
  /** It was about this very message, as far as can be told: others may fare better. */
  readonly refused: boolean
  readonly waitMs?: number
}> {}

export interface WebhookOptions {
  readonly url: Redacted.Redacted
  /** The owner's constant fields. */
  readonly fields?: Redacted.Redacted<MessageFields>
  readonly mode: string
}

/** `Retry-After`: seconds, or a date (RFC 9110). */
const askedWait = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined
  const ms = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MOST_ASKED_MS) : undefined
}

const answersLater = (status: number): boolean => status >= 500 || status === 408 || status === 425 || status === 429

const make = ({ url, fields, mode }: WebhookOptions) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const store = yield* OutboxStore
    const clock = yield* Effect.clock
    const now = (): number => clock.unsafeCurrentTimeMillis()
    const constant = fields === undefined ? {} : Redacted.value(fields)

    const counts = { delivered: 0, failed: 0, held: 0, dropped: 0 }
    let durable = true
    const saveFailed = (detail: string): Effect.Effect<void> => {
      if (!durable) return Effect.void
      durable = false
      return Effect.logWarning(
        `The outbox of alerts cannot be written (${detail}): alerts are delivered from memory, and those that wait are lost with the process. Trading goes on. Repair or remove alerts.db in the data folder.`
      )
    }
    let outbox = yield* Effect.catchAll(store.load, (failure) => Effect.as(saveFailed(failure.message), Outbox.empty))
    const change = (next: Outbox.Outbox): void => {
      if (next.dropped > outbox.dropped) counts.dropped += next.dropped - outbox.dropped
      outbox = next
    }

    const save = Effect.suspend(() => store.save(outbox)).pipe(
      Effect.matchEffect({
        onFailure: (failure) => saveFailed(failure.message),
        onSuccess: () => {
          if (durable) return Effect.void
          durable = true
          return Effect.logInfo("The outbox of alerts is written again")
        }
      })
    )

    const wake = yield* Effect.makeLatch(false)
    /** Failures in a row, and when the receiver is tried again. */
    let failures = 0
    let notBefore = 0

    const post = (body: Readonly<Record<string, unknown>>): Effect.Effect<void, Undelivered> =>
      HttpClientRequest.post(Redacted.value(url)).pipe(
        HttpClientRequest.bodyUnsafeJson(body),
        client.execute,
        // the answer is read to its end, so that the connection is free again, and kept nowhere
        Effect.flatMap((response) =>
          Effect.as(Stream.runDrain(response.stream), {
            status: response.status,
            after: response.headers["retry-after"]
          })
        ),
        Effect.scoped,
        Effect.timeout(TIMEOUT),
        // The client's own errors carry the address: only their kind is kept.
        Effect.mapError((failed) => new Undelivered({ detail: failed._tag, refused: false })),
        Effect.flatMap(({ status, after }) => {
          if (status >= 200 && status < 300) return Effect.void
          const waitMs = askedWait(after, now())
          return new Undelivered({
            detail: `HTTP ${status}`,
            refused: !answersLater(status),
            ...(waitMs === undefined ? {} : { waitMs })
          })
        }),
        Effect.withTracerEnabled(false)
      )

    /** One attempt; false when it failed. */
    const deliver = (one: Outbox.Waiting): Effect.Effect<boolean> =>
      Effect.gen(function* () {
        const { dropped } = outbox
        const sent = yield* Effect.either(post(messageOf(one, { mode, fields: constant, now: now(), dropped })))
        if (sent._tag === "Right") {
          counts.delivered += 1
          change(Outbox.delivered(outbox, one.id, dropped))
          if (failures > 0) yield* Effect.logInfo("The alert webhook takes alerts again")
          failures = 0
          notBefore = now() + PACE_MS
          return true
        }
        counts.failed += 1
        failures += 1
        const random = yield* Random.next
        notBefore = now() + Math.max(sent.left.waitMs ?? 0, Outbox.backoff(failures, random))
        if (sent.left.refused) {
          change(Outbox.refused(outbox, one.id, now() + Outbox.backoff(one.refusals + 2, random)))
        }
        // said when it begins, and again with every hour or so that it lasts
        if (failures % 12 === 1) {
          yield* Effect.logWarning(
            `The alert webhook did not take an alert (${one.alert.kind}): ${sent.left.detail}. It is tried again; ${outbox.waiting.size} wait. Check ALERT_WEBHOOK_URL and the network.`
          )
        }
        return false
      })

    /** Lets time pass, writes down what is to be delivered, and delivers one. */
    const round = Effect.gen(function* () {
      change(Outbox.pass(outbox, now()))
      yield* save
      const at = now()
      const one = at < notBefore ? undefined : Outbox.due(outbox, at)
      if (one !== undefined) {
        yield* deliver(one)
        yield* save
      }
      const times = [
        Option.map(Option.fromNullable(Outbox.nextDue(outbox)), (due) => Math.max(due, notBefore)),
        Option.fromNullable(Outbox.nextChange(outbox)),
        durable ? Option.none<number>() : Option.some(now() + SAVE_AGAIN_MS)
      ].flatMap(Option.toArray)
      // whatever the times say, the loop breathes
      const wait = Math.max(LEAST_WAIT_MS, Math.ceil(Math.min(...times) - now()))
      yield* Number.isFinite(wait) ? Effect.timeoutOption(wake.await, wait) : wake.await
      yield* wake.close
    })

    const worker = yield* Effect.forkScoped(Effect.forever(round))

    // The last alert (why it stopped) is the one that matters most: what is due is tried once more, whatever the backoff.
    const lastWords = Effect.gen(function* () {
      for (let one = Outbox.due(outbox, now()); one !== undefined; one = Outbox.due(outbox, now())) {
        if (!(yield* deliver(one))) return
        yield* save
      }
    })
    yield* Effect.addFinalizer(() =>
      Fiber.interrupt(worker).pipe(
        Effect.zipRight(save),
        // Finalizers cannot be interrupted, and a time-out works by interrupting: the wait itself must allow it.
        Effect.zipRight(Effect.timeoutOption(Effect.interruptible(lastWords), LAST_WORDS)),
        Effect.zipRight(save)
      )
    )

    const alerts = Alerts.of({
      send: (alert) =>
        Effect.zipRight(
          logAlert(alert),
          Effect.suspend(() => {
            const before = outbox.nextId
            change(Outbox.offer(outbox, { ...alert, text: scrub(alert.text) }, now()))
            if (outbox.nextId === before) counts.held += 1
            return wake.open
          })
        )
    })
    const health = Effect.sync(() => ({ ...counts, waiting: outbox.waiting.size, durable }))
    return Context.make(Alerts, alerts).pipe(Context.add(AlertOutbox, { health }))
  })

export const layer = (
  options: WebhookOptions
): Layer.Layer<Alerts | AlertOutbox, never, HttpClient.HttpClient | OutboxStore> => Layer.scopedContext(make(options))
