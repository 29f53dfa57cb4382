/**
 * The trading program: the start, step by step, and the tree of fibers with the restart policy of each. It knows services
 * only; what world they talk to was chosen before.
 */
import { Cause, Clock, Effect, Mailbox, Option } from "effect"
import type { Scope } from "effect"
import type { Decision } from "../../domain/engine/Decision.ts"
import type { Fence, Snapshot } from "../../domain/engine/Snapshot.ts"
import { resume } from "../../domain/engine/State.ts"
import type { AnyStrategy } from "../../domain/strategy/Strategy.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { Alerts } from "../../services/Alerts.ts"
import { MarketClock } from "../../services/Clock.ts"
import { Engine } from "../../services/Engine.ts"
import { Installation } from "../../services/Installation.ts"
import type { InstanceLock } from "../../services/InstanceLock.ts"
import type { Journal } from "../../services/Journal.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import type { KrakenStream } from "../../services/KrakenStream.ts"
import type { Nonce } from "../../services/Nonce.ts"
import { CredentialsRefused, OrderDesk } from "../../services/OrderDesk.ts"
import type { DeskDecision } from "../../services/OrderDesk.ts"
import { Settings } from "../../services/Settings.ts"
import { StopSignal } from "../../services/StopSignal.ts"
import { LAST_BACKUP_NOTE, START_STEP_NOTE, Store } from "../../services/Store.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { Writer } from "../../services/Writer.ts"
import { makeOrderDesk } from "../desk/desk.ts"
import type { Check } from "../doctor/Check.ts"
import type { FlattenRun } from "../flatten/FlattenRun.ts"
import { onceAnswered } from "../flatten/onceAnswered.ts"
import { progressOf, standing, STEADY_MS } from "../flatten/progress.ts"
import { makeObservingDesk } from "../observe/desk.ts"
import { restart } from "./backoff.ts"
import { makeEngine } from "./engine.ts"
import { privateFeed, publicFeed } from "./feeds.ts"
import { backups, fees, instruments, lookout, periodicReconciliation, systemStatus, ticker } from "./housekeeping.ts"
import { lateChecks, overhear } from "./lateChecks.ts"
import { tellLostLog } from "./lostLog.ts"
import { introduction, narrator } from "./narrator.ts"
import { preflight } from "./preflight.ts"
import type { Refusal } from "./preflight.ts"
import { makeReadDesk } from "./reads.ts"
import type { ReadDecision } from "./reads.ts"
import { heldText, shutdown } from "./shutdown.ts"
import type { RecordsNotWritten, StopReport, StoppedUnclean } from "./shutdown.ts"
import { supervise } from "./supervise.ts"
import type { Child, ComponentDown } from "./supervise.ts"
import { deadManSwitch } from "./switch.ts"
import { makeWriter } from "./writer.ts"

/** The services that the trading program stands on. */
export type World =
  | Settings
  | Installation
  | Store
  | KrakenRest
  | KrakenStream
  | MarketClock
  | Nonce
  | Journal
  | Alerts
  | InstanceLock
  | StopSignal

/** How long a line of the log waits (real time), so that it is not written between a decision and its order. */
const VOICE_AFTER = "2 millis"

/** Services that exist inside a run, for companions such as the control server. */
export type Inside = World | Engine | OrderDesk | Writer

export type TradeError = ComponentDown | StoppedUnclean | RecordsNotWritten | StoreFailed | Refusal | CredentialsRefused

export interface TradeOptions {
  readonly strategy: AnyStrategy
  /** What the program cannot look at by itself: where it runs. Without them the start checks settings and exchange only. */
  readonly checks?: {
    /** Made before the first call: machine, records, strategy. */
    readonly local: (snapshot: Snapshot) => Effect.Effect<ReadonlyArray<Check>, never, World>
    /** Those that nothing waits for. */
    readonly slow: Effect.Effect<ReadonlyArray<Check>, never, World>
  }
  /** The run is there to sell everything, and ends when that is done or its time is up. */
  readonly flatten?: FlattenRun
  /** Fibers that belong to the run but not to trading: they may die without stopping it. */
  readonly companions?: ReadonlyArray<Child<unknown, Inside>>
}

const NOTICES = 4096
/** How often a watching person is told how it stands (real time). */
const NARRATE_EVERY_MS = 15_000

/** Speaks decisions that are for people; alerts log themselves. */
const speak = (decision: Decision, at: EpochMs): Effect.Effect<void, never, Alerts> => {
  if (decision._tag === "Log") {
    const text = Effect.annotateLogs(
      decision.level === "warning"
        ? Effect.logWarning(decision.text)
        : decision.level === "info"
          ? Effect.logInfo(decision.text)
          : Effect.logDebug(decision.text),
      decision.data ?? {}
    )
    return text
  }
  if (decision._tag !== "Alert") return Effect.void
  return Effect.flatMap(Alerts, (alerts) =>
    alerts.send({
      at,
      severity: decision.severity,
      kind: decision.kind,
      text: decision.text,
      ...(decision.data === undefined ? {} : { data: decision.data })
    })
  )
}

/** Runs the trader until it is asked to stop, or until something ends it. */
export const trade = (options: TradeOptions): Effect.Effect<StopReport, TradeError, World | Scope.Scope> =>
  Effect.gen(function* () {
    const settings = yield* Settings
    const store = yield* Store
    const clock = yield* MarketClock
    const installation = yield* Installation
    const stop = yield* StopSignal
    const { limits } = settings
    // `status` tells the step from the records; a store that cannot take the note says so at the first real write
    const note = (text: string): Effect.Effect<void> =>
      Effect.ignore(store.commit([{ _tag: "Note", key: START_STEP_NOTE, value: text }]))
    const step = (text: string): Effect.Effect<void> => Effect.zipRight(Effect.logInfo(text), note(text))

    // ---- the start: each step says what it does -------------------------------------------------------------------
    for (const line of introduction(settings)) yield* Effect.logInfo(line)
    yield* step("reading the books")
    // first of all, so that it holds for whoever runs next, should this run not come to its end
    const sale = options.flatten === undefined ? undefined : yield* recordFlatten
    const books = yield* store.load
    const snapshot = sale === undefined ? books : { ...books, fence: sale(books.fence) }
    yield* tellLostLog(snapshot, yield* clock.now)
    const start = preflight({
      snapshot,
      local: options.checks?.local(snapshot) ?? Effect.succeed([]),
      sellOnly: options.flatten === undefined ? undefined : "everything is being sold (`flatten`)",
      step
    })
    const cleared = yield* Effect.raceFirst(onceAnswered(start, options.flatten), stop.requested)
    if (typeof cleared === "string") {
      yield* Effect.logInfo(`stopping before anything was done: ${cleared}`)
      return { reason: cleared, held: snapshot.lots.map(heldText) }
    }
    const [{ exitsOnly, instruments: rules }, flatten] = cleared
    const { echo, rest } = yield* overhear(yield* KrakenRest)

    // ---- the parts, wired through queues ---------------------------------------------------------------------------
    const observing = settings.mode === "observe"
    const initial = resume(
      {
        // no order of an observer's ever rests: there is nothing for a switch to cancel, and no entry waits for one
        limits: observing ? { ...limits, deadManSwitch: undefined } : limits,
        breaker: { threshold: limits.breakerThreshold, cooldown: limits.breakerCooldown },
        prefix: installation.prefix,
        observing,
        exitsOnly,
        strategy: options.strategy
      },
      snapshot,
      rules,
      yield* clock.now
    )
    const notices = yield* Mailbox.make<readonly [Decision, EpochMs]>({ capacity: NOTICES, strategy: "sliding" })
    // the desks are built on the engine and the engine hands them its decisions: the knot is tied after both exist
    let take: (decision: Decision) => boolean = () => true
    const { engine, run: engineRun } = yield* makeEngine(initial, (decision, at) => {
      if (decision._tag === "Log" || decision._tag === "Alert") notices.unsafeOffer([decision, at])
      else if (!take(decision)) {
        engine.offer({
          _tag: "InvariantBroken",
          text: `the queue for ${decision._tag} is full: the trader is hopelessly behind`
        })
        // what nobody carries out must not stay reserved
        if (decision._tag === "Propose") {
          const { proposalId } = decision.proposal
          engine.offer({ _tag: "ProposalDropped", proposalId, why: "the order desk is full" })
        }
        if (decision._tag === "Amend") {
          const outcome = { _tag: "NotSent", why: "void", text: "the order desk is full" } as const
          engine.offer({ _tag: "AmendOutcome", orderId: decision.order.id, outcome })
        }
      }
    })
    const writer = yield* makeWriter(
      (reason) => engine.tell({ _tag: "StoreBroken", reason }),
      (proof) => engine.tell({ _tag: "StoreRecovered", ...(proof === undefined ? {} : { proof }) })
    )
    const inside = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(
        Effect.provideService(Engine, engine),
        Effect.provideService(Writer, writer),
        Effect.provideService(KrakenRest, rest)
      )
    const desk = yield* inside(observing ? makeObservingDesk(rest) : makeOrderDesk)
    const reads = yield* inside(makeReadDesk)
    take = (decision) => {
      switch (decision._tag) {
        case "Persist":
          writer.write(decision.writes)
          return true
        case "Propose":
        case "Cancel":
        case "Amend":
        case "Settle":
        case "FetchOrder":
        case "Identify":
        case "CancelStray":
          return desk.take(decision satisfies DeskDecision)
        case "FetchQuote":
        case "FetchCandles":
        case "FetchBalances":
        case "FetchLedger":
        case "FetchDayMark":
        case "Reconcile":
        case "Probe":
          return reads.take(decision satisfies ReadDecision)
        case "Verdict":
        case "AmendVerdict":
        case "WouldPropose":
        case "Log":
        case "Alert":
          return true
      }
    }
    const voice = Effect.gen(function* () {
      while (true) {
        const [batch] = yield* notices.takeAll
        // writing a line takes as long as half of an order's way to the wire: the order goes first
        yield* Effect.sleep(VOICE_AFTER)
        for (const [decision, at] of batch) yield* speak(decision, at)
      }
    })

    // ---- the tree ----------------------------------------------------------------------------------------------------
    // No `restart`: any stop ends the program, and the next start recovers. With it: backoff up to 20 s, for ever.
    const { deadManSwitch: switchMs } = limits
    const armed = switchMs !== undefined && !observing
    const symbols = rules.map((i) => i.symbol)
    const noted = (key: string): number | undefined =>
      Option.getOrUndefined(
        Option.filter(Option.fromNullable(snapshot.notes.get(key)).pipe(Option.map(Number)), Number.isFinite)
      )
    const children: ReadonlyArray<Child<unknown, Inside | Scope.Scope>> = [
      { name: "engine", run: engineRun },
      { name: "writer", run: writer.run },
      { name: "order desk", run: desk.run },
      { name: "reading desk", run: reads.run },
      { name: "voice", run: voice, restart },
      { name: "market data stream", run: publicFeed(symbols), restart },
      {
        name: "account stream",
        run: privateFeed(() => void reads.take({ _tag: "FetchBalances" })),
        restart,
        fatal: isRefusal
      },
      { name: "ticker", run: ticker(limits.maxClockSkew), restart },
      { name: "reconciliation", run: periodicReconciliation(reads, limits.reconcileEvery), restart },
      { name: "fees", run: fees, restart },
      { name: "instruments", run: instruments, restart },
      { name: "system status", run: systemStatus, restart },
      { name: "lookout", run: lookout, restart },
      { name: "narrator", run: narrator(NARRATE_EVERY_MS), restart },
      {
        name: "backups",
        run: backups(`${settings.dataDir}/backups`, settings.backupEvery, noted(LAST_BACKUP_NOTE)),
        restart
      },
      ...(armed ? [{ name: "dead man's switch", run: deadManSwitch(switchMs), restart, fatal: isRefusal }] : []),
      ...(flatten === undefined ? [] : [{ name: "flatten", run: endWhenSold(flatten) }]),
      ...(settings.mode === "paper" && settings.paper.stopAfter !== undefined && flatten === undefined
        ? [{ name: "stop after", run: stopAfter(settings.paper.stopAfter), restart }]
        : []),
      { name: "checks", run: lateChecks(echo, rules, options.checks?.slow ?? Effect.succeed([])), restart },
      ...(options.companions ?? [])
    ]
    yield* step("reconciling books and account")
    for (const order of engine.unsafeState().orders.values()) {
      if (order.status === "unknown") desk.take({ _tag: "Settle", order })
    }
    reads.take({ _tag: "Reconcile", reason: "start" })
    // a latch or a pause that another program left in the fence holds from the first moment
    yield* engine.tell({ _tag: "FenceSeen", fence: snapshot.fence })
    yield* engine.tell({ _tag: "Started" })
    yield* note("")

    const asked = Effect.gen(function* () {
      const reason = yield* stop.requested
      yield* Effect.logInfo(`stopping: ${reason}`)
      return yield* shutdown(reason, armed).pipe(
        Effect.ensuring(
          flatten === undefined ? Effect.void : Effect.suspend(() => flatten.seen(progressOf(engine.unsafeState())))
        )
      )
    })
    return yield* Effect.raceFirst(supervise(children), asked).pipe(
      Effect.catchTag("ComponentDown", (down): Effect.Effect<never, ComponentDown | CredentialsRefused> => {
        const failure = Option.getOrUndefined(Cause.failureOption(down.cause))
        return Effect.fail(isRefusal(failure) ? failure : down)
      }),
      inside,
      Effect.provideService(OrderDesk, desk)
    )
  })

const isRefusal = (error: unknown): error is CredentialsRefused => error instanceof CredentialsRefused

/** Commits the word to sell everything; where the database does not take it, it holds in memory for this run. */
const recordFlatten: Effect.Effect<(fence: Fence) => Fence, never, Store> = Effect.gen(function* () {
  const store = yield* Store
  const operatorLatch = Option.some("`flatten`")
  const moved = yield* Effect.either(store.moveFence({ operatorLatch, flatten: true }))
  if (moved._tag === "Right") return (fence) => fence
  yield* Effect.logWarning(`everything is sold, but it is not recorded: ${moved.left.message}`)
  return (fence) => ({ ...fence, operatorLatch, flatten: true })
})

/** How often it is looked whether everything is sold (real time). */
const SOLD_LOOK_MS = 200

/** Asks for the graceful stop once nothing is left, or nothing that can be sold, or the time is up. */
const endWhenSold = ({ seen, timeoutMs }: FlattenRun) =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const stop = yield* StopSignal
    const begunAt = yield* Clock.currentTimeMillis
    let steadySince: number | undefined
    while (true) {
      const progress = progressOf(engine.unsafeState())
      const now = yield* Clock.currentTimeMillis
      yield* seen(progress)
      const end = standing(progress)
      steadySince = end === "working" ? undefined : (steadySince ?? now)
      const steady = steadySince !== undefined && now - steadySince >= STEADY_MS
      if (steady) yield* stop.request(end === "done" ? "everything is sold" : "what is left cannot be sold")
      else if (now - begunAt >= timeoutMs) yield* stop.request("the time to sell everything is up")
      yield* Effect.sleep(SOLD_LOOK_MS)
    }
  })

/** Paper only: a graceful stop after so much market time. */
const stopAfter = (marketMs: number) =>
  Effect.gen(function* () {
    const clock = yield* MarketClock
    const stop = yield* StopSignal
    yield* clock.sleep(marketMs)
    yield* stop.request("PAPER_STOP_AFTER is over")
    return yield* Effect.never
  })
