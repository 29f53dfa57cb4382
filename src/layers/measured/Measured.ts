/**
 * Services as they are, with a stop-watch around what is worth knowing. Each wrapper hands everything through; it reads the
 * monotonic clock twice and counts.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Context, Effect, Layer, Schedule } from "effect"
import type { Scope } from "effect"
import { quietMs, tiers, valueAt } from "../../domain/kraken/RateBudget.ts"
import { AlertOutbox } from "../../services/AlertOutbox.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { MetricSample } from "../../services/ControlServer.ts"
import type { KrakenRestShape, OrderTurn } from "../../services/KrakenRest.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { Measures } from "../../services/Measures.ts"
import type { NonceShape } from "../../services/Nonce.ts"
import { Nonce } from "../../services/Nonce.ts"
import { RateLimits } from "../../services/RateLimits.ts"
import { Settings } from "../../services/Settings.ts"
import type { StoreShape } from "../../services/Store.ts"
import { Store } from "../../services/Store.ts"
import type { Histogram } from "./Histogram.ts"
import { makeHistogram } from "./Histogram.ts"

/** Everything that is counted and timed; one per run. */
export interface Gauges {
  readonly commits: { readonly intent: Histogram; readonly batch: Histogram }
  readonly commitFailures: { intent: number; batch: number }
  readonly sent: { readonly entry: Histogram; readonly exit: Histogram }
  readonly answered: { readonly Accepted: Histogram; readonly Rejected: Histogram; readonly Unknown: Histogram }
  nonces: number
  /** The event loop's delay beyond its own timer, of the last whole minute: quantile to seconds. */
  loop: ReadonlyMap<string, number>
  loopSum: number
  loopCount: number
}

export const makeGauges = (): Gauges => ({
  commits: { intent: makeHistogram(), batch: makeHistogram() },
  commitFailures: { intent: 0, batch: 0 },
  sent: { entry: makeHistogram(), exit: makeHistogram() },
  answered: { Accepted: makeHistogram(), Rejected: makeHistogram(), Unknown: makeHistogram() },
  nonces: 0,
  loop: new Map(),
  loopSum: 0,
  loopCount: 0
})

export class MeasuredGauges extends Context.Tag("trader/layers/measured/Measured/MeasuredGauges")<
  MeasuredGauges,
  Gauges
>() {}

const secondsSince = (began: bigint): number => Number(process.hrtime.bigint() - began) / 1e9

/** The duration of every commit, and how many failed. A refusal by the fence is an answer, not a failure of the database. */
export const measuredStore = (store: StoreShape, gauges: Gauges): StoreShape => ({
  ...store,
  commitIntent: (approved, exchangeNow, along) =>
    Effect.suspend(() => {
      const began = process.hrtime.bigint()
      return store.commitIntent(approved, exchangeNow, along).pipe(
        Effect.tap(() => {
          gauges.commits.intent.observe(secondsSince(began))
          gauges.nonces += 1
        }),
        Effect.tapErrorTag("StoreFailed", () => Effect.sync(() => (gauges.commitFailures.intent += 1)))
      )
    }),
  commit: (writes) =>
    Effect.suspend(() => {
      const began = process.hrtime.bigint()
      return store.commit(writes).pipe(
        Effect.tap(() => gauges.commits.batch.observe(secondsSince(began))),
        Effect.tapError(() => Effect.sync(() => (gauges.commitFailures.batch += 1)))
      )
    })
})

/**
 * How long an order takes from the moment that its turn is asked for until its bytes are written (rate budget, turn, earlier
 * records, approval, intent), and from there to the answer.
 */
const measuredTurn = (turn: OrderTurn, rank: "entry" | "exit", asked: bigint, gauges: Gauges): OrderTurn => ({
  ...turn,
  addOrder: (intent, lastLook) =>
    Effect.suspend(() => {
      let written: bigint | undefined
      const looked = (): string | undefined => {
        const reason = lastLook()
        if (reason === undefined) {
          written = process.hrtime.bigint()
          gauges.sent[rank].observe(Number(written - asked) / 1e9)
        }
        return reason
      }
      return Effect.tap(turn.addOrder(intent, looked), (outcome) => {
        if (written !== undefined && outcome._tag !== "NotSent")
          gauges.answered[outcome._tag].observe(secondsSince(written))
      })
    })
})

export const measuredRest = (rest: KrakenRestShape, gauges: Gauges): KrakenRestShape => ({
  ...rest,
  orderTurn: (rank, symbol, action, use) =>
    Effect.suspend(() => {
      const asked = process.hrtime.bigint()
      return rest.orderTurn(rank, symbol, action, (turn) => use(measuredTurn(turn, rank, asked, gauges)))
    })
})

export const measuredNonce = (nonce: NonceShape, gauges: Gauges): NonceShape => ({
  ...nonce,
  next: Effect.tap(nonce.next, () => {
    gauges.nonces += 1
  })
})

const wrap = <I, S>(tag: Context.Tag<I, S>, measured: (service: S, gauges: Gauges) => S) =>
  Layer.effect(
    tag,
    Effect.map(Effect.all([tag, MeasuredGauges]), ([service, gauges]) => measured(service, gauges))
  )

/** Wrappers to be built over the services that they wrap. */
export const MeasuredStore = wrap(Store, measuredStore)
export const MeasuredRest = wrap(KrakenRest, measuredRest)
export const MeasuredNonce = wrap(Nonce, measuredNonce)

/** Node's timer for the delay fires this often; what it records holds this much besides the delay itself. */
const RESOLUTION_MS = 10
const LOOP_EVERY_MS = 60_000
const QUANTILES: ReadonlyArray<readonly [label: string, percentile: number]> = [
  ["0.5", 50],
  ["0.9", 90],
  ["0.99", 99],
  ["1", 100]
]

const delaySeconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000)

/** Watches the event loop, minute by minute (real time). */
export const watchLoop = (gauges: Gauges, everyMs = LOOP_EVERY_MS): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const histogram = yield* Effect.acquireRelease(
      Effect.sync(() => monitorEventLoopDelay({ resolution: RESOLUTION_MS })),
      (open) => Effect.sync(() => open.disable())
    )
    histogram.enable()
    const look = Effect.sync(() => {
      if (histogram.count === 0) return
      gauges.loop = new Map(QUANTILES.map(([label, p]) => [label, delaySeconds(histogram.percentile(p))]))
      gauges.loopSum += delaySeconds(histogram.mean) * histogram.count
      gauges.loopCount += histogram.count
      histogram.reset()
    })
    yield* look.pipe(Effect.repeat(Schedule.spaced(everyMs)), Effect.forkScoped)
  })

/** The gauges of a run. */
export const GaugesLive: Layer.Layer<MeasuredGauges> = Layer.scoped(
  MeasuredGauges,
  Effect.sync(makeGauges).pipe(Effect.tap((gauges) => watchLoop(gauges)))
)

type Family = Pick<MetricSample, "name" | "help">

const times = (
  family: Family,
  label: string,
  histograms: Readonly<Record<string, Histogram>>
): ReadonlyArray<MetricSample> =>
  Object.entries(histograms).map(([name, histogram]) => {
    const read = histogram.read()
    return { ...family, type: "histogram", value: read.count, labels: { [label]: name.toLowerCase() }, histogram: read }
  })

/** What the process itself says. */
const ofProcess = (): ReadonlyArray<MetricSample> => {
  const memory = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return [
    {
      name: "process_resident_memory_bytes",
      help: "Resident memory of the process.",
      type: "gauge",
      value: memory.rss
    },
    { name: "process_heap_bytes", help: "JavaScript heap in use.", type: "gauge", value: memory.heapUsed },
    {
      name: "process_cpu_seconds_total",
      help: "Processor time of the process, user and system.",
      type: "counter",
      value: (user + system) / 1e6
    }
  ]
}

const ofGauges = (gauges: Gauges): ReadonlyArray<MetricSample> => [
  ...times(
    {
      name: "order_send_duration_seconds",
      help: "From an order's turn being asked for until its bytes were written: budget, turn, records, approval, intent."
    },
    "purpose",
    gauges.sent
  ),
  ...times(
    {
      name: "order_answer_duration_seconds",
      help: "From an order's bytes being written until its outcome was known; unknown is a time-out or a lost answer."
    },
    "outcome",
    gauges.answered
  ),
  ...times(
    { name: "store_commit_duration_seconds", help: "Durable commits of the database, sync included." },
    "kind",
    gauges.commits
  ),
  ...(["intent", "batch"] as const).map((kind) => ({
    name: "store_commit_failures_total",
    help: "Commits that the database did not take.",
    type: "counter" as const,
    value: gauges.commitFailures[kind],
    labels: { kind }
  })),
  { name: "nonces_total", help: "Nonces issued since the start.", type: "counter", value: gauges.nonces },
  ...(gauges.loopCount === 0
    ? []
    : [
        {
          name: "event_loop_delay_seconds",
          help: "Delay of the event loop; quantiles of the last whole minute.",
          type: "summary" as const,
          value: gauges.loopCount,
          summary: { quantiles: [...gauges.loop], sum: gauges.loopSum, count: gauges.loopCount }
        }
      ])
]

/** All of it, with the counters of the limiter and the outbox. */
export const MeasuresLive: Layer.Layer<
  Measures,
  never,
  MeasuredGauges | RateLimits | AlertOutbox | MarketClock | Settings
> = Layer.effect(
  Measures,
  Effect.gen(function* () {
    const gauges = yield* MeasuredGauges
    const limits = yield* RateLimits
    const outbox = yield* AlertOutbox
    const clock = yield* MarketClock
    const tier = tiers[(yield* Settings).tier]
    const gauge = (
      name: string,
      help: string,
      value: number,
      labels?: Readonly<Record<string, string>>
    ): MetricSample => ({
      name,
      help,
      type: "gauge",
      value,
      ...(labels === undefined ? {} : { labels })
    })
    const ofLimits = Effect.map(limits.state, (state): ReadonlyArray<MetricSample> => {
      const now = clock.unsafeNow()
      return [
        gauge(
          "rate_limit_rest_points",
          "The key's REST counter, as modelled.",
          valueAt(state.rest, tier.rest.decay, now)
        ),
        gauge("rate_limit_rest_points_limit", "Most that the REST counter may reach.", tier.rest.max),
        ...Object.entries(state.engine).map(([pair, counter]) =>
          gauge(
            "rate_limit_engine_points",
            "The pair's matching-engine counter, as modelled.",
            valueAt(counter, tier.engine.decay, now),
            { pair }
          )
        ),
        gauge("rate_limit_engine_points_limit", "Most that an engine counter may reach.", tier.engine.max),
        gauge(
          "rate_limit_quiet_seconds",
          "Market seconds for which nothing is sent, after a limit error or a lockout.",
          quietMs(state, now) / 1000
        )
      ]
    })
    const counter = (name: string, help: string, value: number): MetricSample => ({
      name,
      help,
      type: "counter",
      value
    })
    const ofAlerts = Effect.map(outbox.health, (health): ReadonlyArray<MetricSample> =>
      health === undefined
        ? []
        : [
            gauge("alerts_waiting", "Alerts that wait for their delivery.", health.waiting),
            gauge("alerts_durable", "1 while waiting alerts would survive a restart.", health.durable ? 1 : 0),
            counter("alerts_delivered_total", "Alerts that the receiver took.", health.delivered),
            counter("alerts_failed_total", "Attempts that the receiver did not take.", health.failed),
            counter("alerts_dropped_total", "Alerts dropped for want of room, or too old.", health.dropped),
            counter("alerts_held_total", "Alerts held back as repeats.", health.held)
          ]
    )
    return Measures.of({
      samples: Effect.map(Effect.all([ofLimits, ofAlerts]), (parts) => [
        ...ofGauges(gauges),
        ...parts.flat(),
        ...ofProcess()
      ])
    })
  })
)
