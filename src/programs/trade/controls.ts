/** What the control server can do to a running trader. Every command is durable first, where the database takes it. */
import { Effect, Option } from "effect"
import { latched } from "../../domain/breaker/Breaker.ts"
import type { Fence } from "../../domain/engine/Snapshot.ts"
import { liveOrders, unsettled } from "../../domain/engine/Views.ts"
import { isOwn } from "../../domain/order/Ids.ts"
import { MarketClock } from "../../services/Clock.ts"
import { ControlFailed } from "../../services/ControlServer.ts"
import type {
  BreakerReport,
  CancelReport,
  CancelTarget,
  ControlHandlers,
  ControlServerShape,
  ControlUnavailable,
  FlattenAnswer,
  PauseReport
} from "../../services/ControlServer.ts"
import { Engine } from "../../services/Engine.ts"
import { Frames } from "../../services/Frames.ts"
import { Installation } from "../../services/Installation.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { KrakenStream } from "../../services/KrakenStream.ts"
import type { MeasuresShape } from "../../services/Measures.ts"
import type { RecordsShape } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import { StopSignal } from "../../services/StopSignal.ts"
import { Store } from "../../services/Store.ts"
import { Writer } from "../../services/Writer.ts"
import { cancelOrders, DRILL_NOTE, inBooks, lastArrivalOf } from "../cancel/cancelOrders.ts"
import { progressOf } from "../flatten/progress.ts"
import { metricsOf } from "../status/metrics.ts"
import { runningView } from "../status/runningView.ts"
import type { TraderHealth } from "../status/runningView.ts"
import { restart } from "./backoff.ts"
import type { Child } from "./supervise.ts"

/** Services that the handlers act on; all of them exist inside a run. */
export type ControlsWorld =
  Engine | Store | Writer | KrakenRest | KrakenStream | MarketClock | Installation | Settings | StopSignal

/** How long a change of the breaker is waited for to be durable (real time). */
const DURABLE_MS = 2_000
const RECENT_TRADES = 5

/** The handlers over the services of a run. `records` is the read-only view, for the last trades; `measures` go to `metrics`. */
export const makeControls = (
  server: ControlServerShape,
  records: RecordsShape,
  measures: MeasuresShape = { samples: Effect.succeed([]) }
): Effect.Effect<ControlHandlers, never, ControlsWorld> =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const store = yield* Store
    const frames = Option.match(yield* Effect.serviceOption(Frames), {
      onNone: () => Effect.succeed([]),
      onSome: ({ recent }) => recent
    })
    const writer = yield* Writer
    const stream = yield* KrakenStream
    const clock = yield* MarketClock
    const settings = yield* Settings
    const stop = yield* StopSignal
    const machine = yield* Effect.clock
    const rest = yield* KrakenRest
    const installation = yield* Installation

    const health: Effect.Effect<TraderHealth> = Effect.gen(function* () {
      return {
        identity: server.identity,
        mode: settings.mode,
        machineNow: machine.unsafeCurrentTimeMillis(),
        speed: clock.speed,
        offset: yield* clock.offset,
        market: yield* stream.publicHealth,
        account: yield* stream.privateHealth,
        recentTrades: yield* records
          .trades({ openOnly: false, limit: RECENT_TRADES })
          .pipe(Effect.orElseSucceed(() => []))
      }
    })

    /** Moves the fence and tells the engine at once; the watcher would do it within a second. */
    const moveFence = (change: Parameters<typeof store.moveFence>[0]) =>
      Effect.tap(store.moveFence(change), (fence) => engine.tell({ _tag: "FenceSeen", fence }))

    /** A stop of entries works although the database does not take it: until the run ends. */
    const fenceInMemory = (change: Partial<Fence>) =>
      engine.tell({
        _tag: "FenceSeen",
        fence: {
          epoch: engine.unsafeState().epoch,
          paused: engine.unsafeState().paused,
          operatorLatch: Option.none(),
          ...change
        }
      })

    const pause: Effect.Effect<PauseReport> = moveFence({ paused: true }).pipe(
      Effect.as(true),
      Effect.catchAll((error) =>
        Effect.logWarning(`paused, but not durably: ${error.message}`).pipe(
          Effect.zipRight(fenceInMemory({ paused: true })),
          Effect.as(false)
        )
      ),
      Effect.tap(() => engine.settled),
      Effect.map((durable) => ({ paused: true, durable }))
    )

    const resume: Effect.Effect<PauseReport, ControlFailed> = moveFence({ paused: false }).pipe(
      Effect.tap(() => engine.settled),
      Effect.as({ paused: false, durable: true }),
      Effect.mapError(
        (error) =>
          new ControlFailed({
            text: `still paused: ${error.message}. No entry is sent; exits go on. Repair the database, then \`resume\` again.`
          })
      )
    )

    const report = (fenceMoved: boolean): Effect.Effect<BreakerReport> =>
      Effect.gen(function* () {
        yield* engine.settled
        const written = yield* writer.drained(DURABLE_MS)
        const { breaker } = engine.unsafeState()
        return {
          latched: latched(breaker).map(({ cause, reason }) => ({ cause, reason })),
          durable: written && fenceMoved
        }
      })

    const cancel = (target: CancelTarget): Effect.Effect<CancelReport, ControlFailed> =>
      Effect.gen(function* () {
        if (settings.mode === "observe") {
          return yield* new ControlFailed({
            text: "observe mode sends nothing to the exchange, cancels included; use Kraken's own site, or live mode's `cancel`"
          })
        }
        const warnings: Array<string> = []
        if (target._tag !== "Orders") {
          const reason = target._tag === "Own" ? "`cancel --all`" : "`cancel --all --account`"
          const moved = yield* Effect.either(moveFence({ operatorLatch: Option.some(reason) }))
          if (moved._tag === "Left") {
            warnings.push(
              `the fence is not set (${moved.left.message}): entries are stopped in memory only, until the trader ends`
            )
            yield* engine.tell({ _tag: "Tripped", cause: "operator", reason })
          }
          yield* engine.settled
        }
        const known = unsettled(engine.unsafeState())
        const done = yield* cancelOrders({
          target,
          known,
          lastArrival: lastArrivalOf(known),
          inBooks: inBooks(store),
          // exits are placed again for what is held; an entry must not be
          adopt: (record) => record.report.side === "buy"
        })
        if (target._tag !== "Orders" && done.left.length === 0) {
          yield* Effect.ignore(store.commit([{ _tag: "Note", key: DRILL_NOTE, value: String(yield* clock.now) }]))
        }
        const before = new Set(known.map((order) => String(order.id)))
        const after = yield* Effect.orElseSucceed(rest.openOrders, () => [])
        const placedAgain = after.flatMap(({ report: { clientId, side } }) =>
          clientId !== undefined && isOwn(installation.prefix, clientId) && side === "sell" && !before.has(clientId)
            ? [String(clientId)]
            : []
        )
        return {
          ...done,
          // an account-wide cancel sees the trader's new exits too; they are not what was to go
          left: done.left.filter((id) => !placedAgain.includes(id)),
          placedAgain,
          warnings: [...warnings, ...done.warnings]
        }
      }).pipe(
        Effect.provideService(KrakenRest, rest),
        Effect.provideService(MarketClock, clock),
        Effect.provideService(Installation, installation)
      )

    const flatten: Effect.Effect<FlattenAnswer, ControlFailed> = Effect.gen(function* () {
      if (settings.mode === "observe") {
        return yield* new ControlFailed({
          text: "observe mode sends nothing to the exchange: it holds nothing to sell"
        })
      }
      const operatorLatch = Option.some("`flatten`")
      const moved = yield* Effect.either(moveFence({ operatorLatch, flatten: true }))
      if (moved._tag === "Left") {
        yield* Effect.logWarning(`everything is sold, but it is not recorded: ${moved.left.message}`)
        yield* fenceInMemory({ operatorLatch, flatten: true })
      }
      yield* engine.settled
      return { ...progressOf(engine.unsafeState()), durable: moved._tag === "Right" }
    })

    return {
      status: Effect.map(health, (known) => runningView(engine.unsafeState(), known)),
      metrics: Effect.zipWith(health, measures.samples, (known, measured) => [
        ...metricsOf(engine.unsafeState(), known),
        ...measured
      ]),
      stop: (reason) =>
        Effect.gen(function* () {
          const openOrders = liveOrders(engine.unsafeState()).map((order) => String(order.id))
          yield* stop.request(reason)
          return { reason, openOrders }
        }),
      pause,
      resume,
      cancel,
      flatten,
      frames,
      flattenProgress: Effect.map(engine.state, progressOf),
      trip: (cause, reason) => Effect.zipRight(engine.tell({ _tag: "Tripped", cause, reason }), report(true)),
      reset: (cause, reason) =>
        Effect.gen(function* () {
          // a latch that another process left in the fence would come back with the next start
          const moved =
            cause === undefined || cause === "operator"
              ? yield* Effect.option(moveFence({ operatorLatch: Option.none() }))
              : Option.some(undefined)
          yield* engine.tell({ _tag: "Reset", cause, reason })
          return yield* report(Option.isSome(moved))
        })
    }
  })

/** The control server as a companion of the run: it may die, and comes back, without touching trading. */
export const controlServer = (
  server: ControlServerShape,
  records: RecordsShape,
  measures?: MeasuresShape
): Child<ControlUnavailable, ControlsWorld> => ({
  name: "control server",
  run: Effect.gen(function* () {
    const handlers = yield* makeControls(server, records, measures)
    const { url } = yield* server.serve(handlers)
    yield* Effect.logInfo(`control server at ${url}`)
    return yield* Effect.never
  }).pipe(Effect.scoped),
  restart
})
