/**
 * One call to Kraken, from parameters to a decoded result: budget, lane, nonce, signature, wire, envelope, error. Which
 * calls may be repeated is decided here and nowhere else: public calls and private reads, within a bound; cancels and the
 * dead man's switch, which have the same effect twice as once; an order never.
 */
import type { Redacted } from "effect"
import { Either, Effect, FiberRef, LogLevel, Metric, Redacted as RedactedModule, Schedule } from "effect"
import type { PayloadError } from "../../../domain/kraken/Envelope.ts"
import { readEnvelope } from "../../../domain/kraken/Envelope.ts"
import { toSendOutcome } from "../../../domain/kraken/errors.ts"
import type { KrakenError } from "../../../domain/kraken/KrakenError.ts"
import type { KrakenApiError } from "../../../domain/kraken/KrakenError.ts"
import { KrakenNotSent, KrakenTransportError, nonceAhead, withoutAhead } from "../../../domain/kraken/KrakenError.ts"
import type { SendOutcome } from "../../../domain/order/Outcome.ts"
import type { EpochMs } from "../../../domain/Time.ts"
import { iso } from "../../../domain/Time.ts"
import type { MarketClockShape } from "../../../services/Clock.ts"
import type { NonceShape } from "../../../services/Nonce.ts"
import type { BudgetExhausted, RateLimitsShape } from "../../../services/RateLimits.ts"
import type { Call } from "./body.ts"
import { privateBody, privatePath, publicPath } from "./body.ts"
import type { Lane } from "./Lane.ts"
import { sign } from "./sign.ts"
import type { Connection, HttpRequest, Withheld } from "./Transport.ts"
import { TransportFailure } from "./Transport.ts"

/** Real time from the first byte to the last. */
export const timeouts = { order: 8000, safety: 5000, read: 3000, listing: 10_000 } as const

/** Market time when a call was sent and when its answer had come. */
export interface Stamps {
  readonly sentAt: EpochMs
  readonly receivedAt: EpochMs
}

export type Decode<A> = (result: unknown, stamps: Stamps) => Either.Either<A, PayloadError>

export interface Credentials {
  readonly key: Redacted.Redacted
  readonly secret: Redacted.Redacted
}

export interface ClientParts {
  readonly credentials: Credentials | undefined
  readonly clock: MarketClockShape
  readonly nonce: NonceShape
  readonly limits: RateLimitsShape
  readonly lane: Lane
  readonly connections: {
    readonly public: Connection
    readonly reads: Connection
    readonly orders: Connection
    readonly safety: Connection
  }
}

export interface Client {
  /** A public call, repeated within a bound. */
  readonly public: <A>(call: Call, decode: Decode<A>, timeoutMs?: number) => Effect.Effect<A, KrakenError>
  /** A private read in the lane, repeated within a bound. */
  readonly read: <A>(call: Call, decode: Decode<A>) => Effect.Effect<A, KrakenError>
  /** A private call of rank safety on its own connection, repeated within a bound. `pair` for the engine's limiter. */
  readonly safety: <A>(call: Call, decode: Decode<A>, pair?: string) => Effect.Effect<A, KrakenError>
  /** An order, once, by whoever holds the lane. Every end is an outcome. Uninterruptible: eight seconds at most. */
  readonly order: (
    call: Call,
    nonce: bigint,
    pair: string,
    lastLook: () => string | undefined,
    decode: Decode<SendOutcome>
  ) => Effect.Effect<SendOutcome>
}

const calls = Metric.counter("kraken_rest_calls", {
  description: "Calls to Kraken's REST interface by endpoint and outcome",
  incremental: true
})

/** The counter of an endpoint and an outcome, made once: tagging one costs more than counting. */
const makeCounters = () => {
  const known = new Map<string, typeof calls>()
  return (endpoint: string, outcome: string): typeof calls => {
    const key = `${endpoint} ${outcome}`
    const found = known.get(key)
    if (found !== undefined) return found
    const made = calls.pipe(Metric.tagged("endpoint", endpoint), Metric.tagged("outcome", outcome))
    known.set(key, made)
    return made
  }
}

/** A short stable word for the log and the counter. */
const outcomeOf = (error: KrakenApiError | KrakenTransportError | Withheld): string => {
  switch (error._tag) {
    case "KrakenApiError":
      return error.kind
    case "KrakenTransportError":
      return error.reason
    case "Withheld":
      return "void"
  }
}

const transportError = (endpoint: string, failure: TransportFailure): KrakenTransportError =>
  new KrakenTransportError({
    endpoint,
    reason: failure.reason,
    detail: failure.detail,
    executed: failure.written ? "unknown" : "no",
    ...(failure.status === undefined ? {} : { status: failure.status })
  })

const badPayload = (endpoint: string, detail: string): KrakenTransportError =>
  new KrakenTransportError({ endpoint, reason: "body", detail, executed: "unknown" })

const exhausted =
  (endpoint: string) =>
  ({ why, retryAt }: BudgetExhausted): KrakenNotSent =>
    new KrakenNotSent({ endpoint, why, detail: `Kraken's limits allow the next call at ${iso(retryAt)}` })

/** What may be asked again: no usable answer, a service in trouble, a limit that passes. */
const repeatable = (error: KrakenError): boolean => {
  switch (error._tag) {
    case "KrakenTransportError":
      return true
    case "KrakenApiError":
      return error.kind === "service" || error.kind === "rate limit" || error.kind === "throttled"
    case "KrakenNotSent":
      return false
  }
}

/** Capped before the jitter, so that capped waits still differ; real time. */
const readSchedule = Schedule.exponential("250 millis").pipe(
  Schedule.either(Schedule.spaced("3 seconds")),
  Schedule.jittered,
  Schedule.intersect(Schedule.recurs(5)),
  Schedule.upTo("20 seconds")
)
const safetySchedule = Schedule.spaced("250 millis").pipe(Schedule.jittered, Schedule.intersect(Schedule.recurs(2)))

export const makeClient = ({ credentials, clock, nonce, limits, lane, connections }: ClientParts): Client => {
  const counter = makeCounters()
  /** Sends and reads one answer; says what happened to the limiter, the log and the counters. */
  const exchange = <A, E extends Withheld = never>(
    scope: "public" | "private",
    call: Call,
    send: Effect.Effect<string, TransportFailure | E>,
    decode: Decode<A>,
    pair?: string
  ): Effect.Effect<A, KrakenApiError | KrakenTransportError | E> =>
    Effect.gen(function* () {
      const { endpoint } = call
      const effectClock = yield* Effect.clock
      const begun = effectClock.unsafeCurrentTimeNanos()
      const report = (outcome: string): Effect.Effect<void> =>
        Effect.zipRight(
          FiberRef.getWith(FiberRef.currentMinimumLogLevel, (level) =>
            LogLevel.greaterThan(level, LogLevel.Debug)
              ? Effect.void
              : Effect.annotateLogs(Effect.logDebug("kraken call"), {
                  endpoint,
                  outcome,
                  ms: Number(effectClock.unsafeCurrentTimeNanos() - begun) / 1e6
                })
          ),
          Metric.update(counter(endpoint, outcome), 1)
        )
      const answer = Effect.suspend(() => {
        const sentAt = clock.unsafeNow()
        return Effect.map(send, (body) => ({ body, sentAt, receivedAt: clock.unsafeNow() }))
      })
      return yield* clock.hold(answer).pipe(
        Effect.mapError((error) => (error instanceof TransportFailure ? transportError(endpoint, error) : error)),
        Effect.flatMap(({ body, ...stamps }) =>
          Either.flatMap(readEnvelope(endpoint, body), ({ result }) => decode(result, stamps)).pipe(
            Either.mapLeft((error) => (error._tag === "PayloadError" ? badPayload(endpoint, error.detail) : error))
          )
        ),
        Effect.tap(() => report("ok")),
        Effect.tapError((error) =>
          Effect.zipRight(
            error._tag === "KrakenApiError"
              ? limits.observe({ scope, kind: error.kind, retryAt: error.retryAt, pair })
              : Effect.void,
            report(outcomeOf(error))
          )
        )
      )
    })

  const privateRequest = ({ key, secret }: Credentials, call: Call, at: bigint, timeoutMs: number): HttpRequest => {
    const path = privatePath(call)
    const body = privateBody(at, call)
    return {
      method: "POST",
      path,
      headers: {
        "API-Key": RedactedModule.value(key),
        "API-Sign": sign(secret, path, at.toString(), body),
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "User-Agent": USER_AGENT
      },
      body,
      timeoutMs
    }
  }

  const noCredentials = (endpoint: string): KrakenNotSent =>
    new KrakenNotSent({
      endpoint,
      why: "credentials",
      detail: "no API key is configured: set KRAKEN_API_KEY and KRAKEN_API_SECRET"
    })

  /**
   * After `Invalid nonce`: if a higher nonce left meanwhile, this call was only overtaken. Otherwise the exchange holds a
   * higher one than was ever issued here.
   */
  const afterInvalidNonce = (used: bigint): Effect.Effect<"overtaken" | "ahead"> =>
    Effect.flatMap(nonce.highest, (highest) =>
      highest > used ? Effect.succeed("overtaken" as const) : Effect.as(nonce.advance(), "ahead" as const)
    )

  /** A private call with a nonce of its own, which is taken when the connection stands and the turn is held. */
  const attempt = <A>(
    connection: Connection,
    call: Call,
    timeoutMs: number,
    decode: Decode<A>,
    pair?: string
  ): Effect.Effect<A, KrakenError> =>
    Effect.gen(function* () {
      if (credentials === undefined) return yield* noCredentials(call.endpoint)
      yield* connection.warm
      const used = yield* nonce.next
      return yield* exchange<A, never>(
        "private",
        call,
        connection.send(privateRequest(credentials, call, used, timeoutMs)),
        decode,
        pair
      ).pipe(
        Effect.catchAll((error) =>
          error._tag === "KrakenApiError" && error.kind === "nonce"
            ? Effect.flatMap(afterInvalidNonce(used), (why) => Effect.fail(why === "ahead" ? nonceAhead(error) : error))
            : Effect.fail(error)
        )
      )
    })

  /**
   * `Invalid nonce` means that nothing was executed: once more, with the nonce that is next by then. Refused again past a
   * jump ahead, the error says so; one that was only overtaken does not.
   */
  const onceMoreAfterNonce = <A>(self: Effect.Effect<A, KrakenError>): Effect.Effect<A, KrakenError> =>
    Effect.catchAll(self, (first) => {
      if (first._tag !== "KrakenApiError" || first.kind !== "nonce") return Effect.fail(first)
      return Effect.mapError(self, (second) =>
        second._tag === "KrakenApiError" && second.nonceAhead === true && first.nonceAhead !== true
          ? withoutAhead(second)
          : second
      )
    })

  return {
    public: <A>(call: Call, decode: Decode<A>, timeoutMs: number = timeouts.read) =>
      limits.publicCall.pipe(
        Effect.mapError(exhausted(call.endpoint)),
        Effect.zipRight(
          exchange<A, never>(
            "public",
            call,
            connections.public.send({
              method: "GET",
              path: publicPath(call),
              headers: { "User-Agent": USER_AGENT, Accept: "application/json" },
              body: undefined,
              timeoutMs
            }),
            decode
          )
        ),
        Effect.retry({ schedule: readSchedule, while: repeatable })
      ),

    read: (call, decode) =>
      limits
        .privateCall("read", call.endpoint)
        .pipe(
          Effect.mapError(exhausted(call.endpoint)),
          Effect.zipRight(lane.read(call.endpoint, attempt(connections.reads, call, timeouts.read, decode))),
          onceMoreAfterNonce,
          Effect.retry({ schedule: readSchedule, while: repeatable })
        ),

    safety: (call, decode, pair) =>
      limits
        .privateCall("safety", call.endpoint)
        .pipe(
          Effect.mapError(exhausted(call.endpoint)),
          Effect.zipRight(lane.safety(attempt(connections.safety, call, timeouts.safety, decode, pair))),
          onceMoreAfterNonce,
          Effect.retry({ schedule: safetySchedule, while: repeatable })
        ),

    order: (call, used, pair, lastLook, decode) =>
      Effect.gen(function* () {
        if (credentials === undefined) return toSendOutcome(noCredentials(call.endpoint))
        const silence = yield* limits.quiet
        if (silence !== undefined) {
          const { why, retryAt } = silence
          return { _tag: "NotSent", why, text: "Kraken's limits allow no call now", retryAt } as const
        }
        return yield* exchange<SendOutcome, Withheld>(
          "private",
          call,
          connections.orders.sendUnless(privateRequest(credentials, call, used, timeouts.order), lastLook),
          decode,
          pair
        ).pipe(
          Effect.tapErrorTag("KrakenApiError", (error) =>
            error.kind === "nonce" ? afterInvalidNonce(used) : Effect.void
          ),
          Effect.catchAll((error) =>
            Effect.succeed<SendOutcome>(
              error._tag === "Withheld" ? { _tag: "NotSent", why: "void", text: error.reason } : toSendOutcome(error)
            )
          )
        )
        // Once bytes may have left, whoever asked has to hear how it ended.
      }).pipe(Effect.uninterruptible)
  }
}

const USER_AGENT = "kraken-trader/0.1"
