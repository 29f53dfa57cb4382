/**
 * The trader as the settings want it: which world it stands in, its strategy, its companions. Paper mode starts the local
 * Kraken in this process and points the live layers at it; the code that trades real money is the code that runs by default.
 */
import { Effect, Either, Layer } from "effect"
import type { Scope } from "effect"
import { account, lockFor } from "./app/installation.ts"
import { pointedAt, startLocalKraken } from "./app/localKraken.ts"
import { worldOf } from "./app/world.ts"
import { conceal } from "./domain/strategy/Strategy.ts"
import type { AnyStrategy } from "./domain/strategy/Strategy.ts"
import { iso } from "./domain/Time.ts"
import { controlServerNode } from "./layers/node/ControlServerNode.ts"
import { bindDataFolder, prepareDataFolder, startFresh } from "./layers/node/DataFolder.ts"
import type { DataFolderRefused } from "./layers/node/DataFolder.ts"
import { doctorFactsNode } from "./layers/node/DoctorFactsNode.ts"
import { registerSecret } from "./layers/node/secrets.ts"
import { serviceManager } from "./layers/node/ServiceManagerNode.ts"
import { StrategyLoaderNode } from "./layers/node/StrategyLoaderNode.ts"
import { SystemClockLive } from "./layers/node/SystemClock.ts"
import { checksOfStart, webhookCheck } from "./programs/doctor/local.ts"
import type { FlattenRun } from "./programs/flatten/FlattenRun.ts"
import { framesAtLatch } from "./programs/incident/framesAtLatch.ts"
import { restart } from "./programs/trade/backoff.ts"
import { controlServer } from "./programs/trade/controls.ts"
import { NotConfirmed } from "./programs/trade/preflight.ts"
import { makePulse, watchPulse } from "./programs/trade/pulse.ts"
import { dailySummary, tellingItsEnds } from "./programs/trade/summary.ts"
import { trade } from "./programs/trade/trade.ts"
import type { StopReport } from "./programs/trade/shutdown.ts"
import type { TradeError, World } from "./programs/trade/trade.ts"
import { MarketClock } from "./services/Clock.ts"
import { ControlServer } from "./services/ControlServer.ts"
import { DoctorFacts } from "./services/DoctorFacts.ts"
import { Frames } from "./services/Frames.ts"
import { Heartbeat } from "./services/Heartbeat.ts"
import { InstanceLock } from "./services/InstanceLock.ts"
import type { LockHeld, LockUnusable } from "./services/InstanceLock.ts"
import type { LocalKrakenError, LocalKrakenShape, TapeError } from "./services/LocalKraken.ts"
import { Measures } from "./services/Measures.ts"
import { Records } from "./services/Records.ts"
import { ServiceManager } from "./services/ServiceManager.ts"
import type { SettingsShape } from "./services/Settings.ts"
import { StopSignal } from "./services/StopSignal.ts"
import type { StoreFailed } from "./services/Store.ts"
import { StrategyLoader } from "./services/StrategyLoader.ts"

export type AppError =
  TradeError | DataFolderRefused | LockHeld | LockUnusable | LocalKrakenError | TapeError | StoreFailed

/** A tape that ends stops the trader gracefully. */
const stopAtEnd = (kraken: LocalKrakenShape): Effect.Effect<void, never, StopSignal> => {
  const end = kraken.marketEnd
  if (end === undefined) return Effect.void
  return Effect.gen(function* () {
    const stop = yield* StopSignal
    const now = yield* kraken.clock.now
    yield* kraken.clock.sleep(end - now)
    yield* stop.request(`the market's recording ends at ${iso(end)}`)
  })
}

/** In the place of a strategy that cannot be used: it buys nothing. Positions are sold by the plans they were bought with. */
const still: AnyStrategy = conceal<null>({
  name: "none",
  intervalMinutes: 1,
  warmUpCandles: 1,
  initial: null,
  warmUp: (state) => state,
  step: (state) => ({ _tag: "Unready", state, why: "the strategy cannot be used" })
})

/** What a run is made of besides the settings' own choice, for tests and for programs that bring an exchange along. */
export interface Parts {
  /** Settings that name the exchange's addresses and key. */
  readonly settings: SettingsShape
  readonly version: string
  readonly clock: Layer.Layer<MarketClock>
  readonly lock: Layer.Layer<InstanceLock>
  /** The built-in or own strategy of the settings, unless one is given. */
  readonly strategy?: AnyStrategy
  /** The run sells everything and ends. */
  readonly flatten?: FlattenRun
  /** Fibers of the caller's that live as long as the run. */
  readonly alongside?: Effect.Effect<void, never, StopSignal>
}

/** Trades in the world that the parts make. The lock is held already. */
export const tradeWith = (parts: Parts): Effect.Effect<StopReport, AppError, Scope.Scope> =>
  Effect.gen(function* () {
    const { settings, version } = parts
    const { credentials } = settings
    if (credentials === undefined) return yield* new NotConfirmed({ missing: "keys" })
    registerSecret(credentials.key)
    registerSecret(credentials.secret)
    const world = worldOf(settings, credentials.key, parts.clock, parts.lock)
    const program: Effect.Effect<
      StopReport,
      AppError,
      | World
      | Records
      | ControlServer
      | StrategyLoader
      | DoctorFacts
      | Heartbeat
      | Measures
      | ServiceManager
      | Frames
      | Scope.Scope
    > = Effect.gen(function* () {
      const loader = yield* StrategyLoader
      const facts = yield* DoctorFacts
      const { name, params } = settings.strategy
      const loaded = yield* Effect.either(
        parts.flatten !== undefined
          ? Effect.succeed(still)
          : parts.strategy === undefined
            ? loader.load(name, params)
            : Effect.succeed(parts.strategy)
      )
      const refused = Either.isLeft(loaded) ? loaded.left : undefined
      const server = yield* ControlServer
      const records = yield* Records
      const heartbeat = yield* Heartbeat
      const manager = yield* ServiceManager
      const frames = yield* Frames
      if (parts.alongside !== undefined) yield* Effect.forkScoped(parts.alongside)
      const run = trade({
        // its check refuses the start, or lets exits only run
        strategy: Either.getOrElse(loaded, () => still),
        checks: {
          local: (snapshot) => Effect.provideService(checksOfStart(snapshot, refused), DoctorFacts, facts),
          slow: Effect.map(Effect.provideService(webhookCheck, DoctorFacts, facts), (check) => [check])
        },
        ...(parts.flatten === undefined ? {} : { flatten: parts.flatten }),
        companions: [
          controlServer(server, records, yield* Measures),
          { name: "frames at a latch", run: framesAtLatch(frames), restart },
          { name: "pulse", run: watchPulse(manager), restart },
          // a heartbeat says that the trader trades
          ...(parts.flatten === undefined
            ? [
                { name: "heartbeat", run: Effect.flatMap(makePulse, heartbeat.run), restart },
                {
                  name: "daily summary",
                  run: Effect.provideService(dailySummary(facts.newestBackup), Records, records),
                  restart
                }
              ]
            : [])
        ]
      })
      return yield* tellingItsEnds(run, facts.newestBackup)
    })
    const outer = Layer.mergeAll(
      StrategyLoaderNode,
      controlServerNode(version),
      doctorFactsNode(process.cwd()),
      serviceManager(process.env, process.pid)
    ).pipe(Layer.provideMerge(world))
    return yield* Effect.provide(program, outer)
  })

export interface RunOptions {
  readonly settings: SettingsShape
  readonly version: string
  /** Paper only: put the old paper account aside first. */
  readonly fresh: boolean
  /** The run sells everything and ends. */
  readonly flatten?: FlattenRun
}

/** Lock, folder, exchange, world, strategy, trade: in this order. Everything ends with it. */
export const runTrader = (options: RunOptions): Effect.Effect<StopReport, AppError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { settings, version } = options
      yield* prepareDataFolder(settings.dataDir)
      // built once: the lock of the folder and of the key is held from here to the end, before any call
      const lock = Layer.succeedContext(yield* Layer.build(lockFor(settings)))
      yield* Effect.flatMap(InstanceLock, (held) => held.acquire).pipe(Effect.provide(lock))
      if (options.fresh) {
        const aside = yield* startFresh(settings.dataDir)
        yield* Effect.logInfo(
          aside === undefined ? "nothing to put aside" : `the old paper account was put in ${aside}`
        )
      }
      yield* bindDataFolder(settings.dataDir, { mode: settings.mode, account: account(settings) })
      const flatten = options.flatten === undefined ? {} : { flatten: options.flatten }
      if (settings.mode !== "paper")
        return yield* tradeWith({ settings, version, clock: SystemClockLive, lock, ...flatten })
      const kraken = yield* startLocalKraken(settings)
      return yield* tradeWith({
        settings: pointedAt(settings, kraken),
        version,
        clock: Layer.succeed(MarketClock, kraken.clock),
        lock,
        alongside: stopAtEnd(kraken),
        ...flatten
      })
    })
  )
