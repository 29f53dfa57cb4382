/**
 * The choice of layers: which world the trader stands in. Paper mode starts the local Kraken in this process and points
 * the live layers at it; the code that trades real money is the code that runs by default.
 */
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Effect, Either, Layer, Redacted } from "effect"
import type { Context, Scope } from "effect"
import { InstallationPrefix } from "./domain/order/Ids.ts"
import { conceal } from "./domain/strategy/Strategy.ts"
import type { AnyStrategy } from "./domain/strategy/Strategy.ts"
import { iso } from "./domain/Time.ts"
import * as AlertsLog from "./layers/alerts/AlertsLog.ts"
import * as AlertsWebhook from "./layers/alerts/AlertsWebhook.ts"
import * as HeartbeatLayer from "./layers/alerts/Heartbeat.ts"
import type { LocalKrakenOptions } from "./layers/exchange/LocalKrakenServer.ts"
import { makeLocalKraken } from "./layers/exchange/LocalKrakenServer.ts"
import { observingRest, observingStream } from "./layers/kraken/observing.ts"
import { publicKraken } from "./layers/kraken/publicKraken.ts"
import { makeFollowingKraken } from "./layers/exchange/Upstream.ts"
import { KrakenRestLive } from "./layers/kraken/rest/KrakenRestLive.ts"
import { RateLimitsLive } from "./layers/kraken/rest/RateLimitsLive.ts"
import { KrakenStreamLive } from "./layers/kraken/stream/KrakenStreamLive.ts"
import { GaugesLive, MeasuredNonce, MeasuredRest, MeasuredStore, MeasuresLive } from "./layers/measured/Measured.ts"
import { controlServerNode } from "./layers/node/ControlServerNode.ts"
import { bindDataFolder, prepareDataFolder, startFresh } from "./layers/node/DataFolder.ts"
import type { DataFolderRefused } from "./layers/node/DataFolder.ts"
import { doctorFactsNode } from "./layers/node/DoctorFactsNode.ts"
import { FramesMemory } from "./layers/node/FramesMemory.ts"
import * as InstanceLockNode from "./layers/node/InstanceLockNode.ts"
import { registerSecret } from "./layers/node/secrets.ts"
import { serviceManager } from "./layers/node/ServiceManagerNode.ts"
import { StopSignalNode } from "./layers/node/StopSignalNode.ts"
import { StrategyLoaderNode } from "./layers/node/StrategyLoaderNode.ts"
import { SystemClockLive } from "./layers/node/SystemClock.ts"
import * as JournalSqlite from "./layers/sqlite/JournalSqlite.ts"
import * as NonceSqlite from "./layers/sqlite/NonceSqlite.ts"
import * as OutboxSqlite from "./layers/sqlite/OutboxSqlite.ts"
import * as RecordsSqlite from "./layers/sqlite/RecordsSqlite.ts"
import * as StoreSqlite from "./layers/sqlite/StoreSqlite.ts"
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
import { Installation } from "./services/Installation.ts"
import { InstanceLock } from "./services/InstanceLock.ts"
import type { LockHeld, LockUnusable } from "./services/InstanceLock.ts"
import type { KrakenRest } from "./services/KrakenRest.ts"
import { LocalKraken } from "./services/LocalKraken.ts"
import type { LocalKrakenError, LocalKrakenShape, TapeError } from "./services/LocalKraken.ts"
import { Measures } from "./services/Measures.ts"
import type { Nonce } from "./services/Nonce.ts"
import { Records } from "./services/Records.ts"
import { ServiceManager } from "./services/ServiceManager.ts"
import { Settings } from "./services/Settings.ts"
import type { SettingsShape } from "./services/Settings.ts"
import { StopSignal } from "./services/StopSignal.ts"
import type { Store } from "./services/Store.ts"
import type { StoreFailed } from "./services/Store.ts"
import { StrategyLoader } from "./services/StrategyLoader.ts"

export { NotConfirmed }

export type AppError =
  TradeError | DataFolderRefused | LockHeld | LockUnusable | LocalKrakenError | TapeError | StoreFailed

export const databaseFile = (settings: SettingsShape): string => Path.join(settings.dataDir, "trading.db")

/** The market behind the local Kraken, as the folder's binding names it. */
const marketName = ({ paper, limits }: SettingsShape): string => {
  switch (paper.market._tag) {
    case "Generated":
      return `generated ${limits.allowedPairs.join(", ")} seed ${paper.seed}`
    case "Kraken":
      return "kraken"
    case "Tape":
      return paper.market.tapes.map((tape) => `${tape.symbol}=${Path.basename(tape.path)}`).join(", ")
  }
}

const account = (settings: SettingsShape): string =>
  settings.credentials === undefined
    ? `${marketName(settings)}, starting with ${JSON.stringify(settings.paper.balances)}`
    : InstanceLockNode.keyFingerprint(settings.credentials.key)

/** `k`, five characters from the hash of the API key, and a dash: the mark on every order of this installation. */
const prefixOf = (key: Redacted.Redacted): InstallationPrefix => {
  const digest = createHash("sha256").update("order-id ").update(Redacted.value(key)).digest()
  const number = digest.readUIntBE(0, 6)
  return InstallationPrefix(`k${number.toString(36).padStart(10, "0").slice(-5)}-`)
}

const lockFor = (settings: SettingsShape) =>
  InstanceLockNode.layer({
    dataDir: settings.dataDir,
    stateDir: settings.stateDir,
    ...(settings.credentials === undefined
      ? {}
      : { keyFingerprint: InstanceLockNode.keyFingerprint(settings.credentials.key) })
  })

const localKrakenOptions = (settings: SettingsShape): LocalKrakenOptions & { readonly file: string } => {
  const { paper } = settings
  return {
    market: paper.market,
    seed: paper.seed,
    balances: paper.balances,
    speed: paper.speed,
    file: Path.join(settings.dataDir, "exchange.db"),
    symbols: settings.limits.allowedPairs,
    tier: settings.tier,
    ...(paper.from === undefined ? {} : { from: paper.from }),
    ...(paper.to === undefined ? {} : { to: paper.to })
  }
}

/** With a market that is made here, or with the real one behind it. */
const localKrakenFor = (settings: SettingsShape, options: LocalKrakenOptions) =>
  options.market._tag === "Kraken"
    ? Effect.flatMap(Layer.build(publicKraken(settings)), (kraken) =>
        Effect.provide(makeFollowingKraken(settings, options), kraken)
      )
    : makeLocalKraken(options)

/** For `exchange`: the local Kraken as a service of its own. */
export const localKrakenService = (settings: SettingsShape, options: LocalKrakenOptions) =>
  Layer.scoped(LocalKraken, localKrakenFor(settings, options))

/** Paper mode: the local Kraken of this folder, with its account in `exchange.db`. */
const startLocalKraken = (
  settings: SettingsShape
): Effect.Effect<LocalKrakenShape, LocalKrakenError | TapeError, Scope.Scope> =>
  localKrakenFor(settings, localKrakenOptions(settings))

/** The settings as the layers that talk to the exchange see them in paper mode: its own key, its own addresses. */
export const pointedAt = (settings: SettingsShape, kraken: LocalKrakenShape): SettingsShape => ({
  ...settings,
  credentials: kraken.credentials,
  endpoints: { rest: kraken.restUrl, ws: kraken.wsUrl, wsAuth: kraken.wsAuthUrl }
})

const alertsFor = (settings: SettingsShape) =>
  settings.alertWebhook === undefined
    ? AlertsLog.layer
    : AlertsWebhook.layer({
        url: settings.alertWebhook,
        ...(settings.alertFields === undefined ? {} : { fields: settings.alertFields }),
        mode: settings.mode
      }).pipe(
        Layer.provide(OutboxSqlite.layer(Path.join(settings.dataDir, "alerts.db"))),
        Layer.provide(NodeHttpClient.layerUndici)
      )

const heartbeatFor = ({ heartbeatUrl }: SettingsShape): Layer.Layer<Heartbeat> =>
  heartbeatUrl === undefined
    ? HeartbeatLayer.silent
    : HeartbeatLayer.layer({ url: heartbeatUrl }).pipe(Layer.provide(NodeHttpClient.layerUndici))

/** Observe mode gets the exchange without anything that could send. */
const restFor = ({ mode }: SettingsShape): typeof KrakenRestLive =>
  mode === "observe" ? observingRest(KrakenRestLive) : KrakenRestLive
const streamFor = ({ mode }: SettingsShape): typeof KrakenStreamLive =>
  mode === "observe" ? observingStream(KrakenStreamLive) : KrakenStreamLive

/** Everything the trading program stands on, tier by tier. */
const worldOf = (
  settings: SettingsShape,
  key: Redacted.Redacted,
  clock: Layer.Layer<MarketClock>,
  lock: Layer.Layer<InstanceLock>
) => {
  const base = Layer.mergeAll(
    Layer.succeed(Settings, settings),
    clock,
    lock,
    Layer.succeed(
      Installation,
      Installation.of({ prefix: prefixOf(key), keyFingerprint: InstanceLockNode.keyFingerprint(key) })
    ),
    StopSignalNode,
    JournalSqlite.layer({ file: Path.join(settings.dataDir, "journal.db") }),
    alertsFor(settings),
    heartbeatFor(settings),
    FramesMemory
  )
  return streamFor(settings).pipe(
    Layer.provideMerge(MeasuredRest),
    Layer.provideMerge(restFor(settings)),
    Layer.provideMerge(MeasuresLive),
    Layer.provideMerge(RateLimitsLive),
    Layer.provideMerge(MeasuredNonce),
    Layer.provideMerge(NonceSqlite.layer),
    Layer.provideMerge(MeasuredStore),
    // above the store, so that it ends first: the last connection to the database tidies up its log, and must be able to write
    Layer.provideMerge(RecordsSqlite.layer(databaseFile(settings))),
    Layer.provideMerge(StoreSqlite.withDatabase({ file: databaseFile(settings), role: "trader" })),
    Layer.provideMerge(GaugesLive),
    Layer.provideMerge(base)
  )
}

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

/** The data folder with its place for backups, there and bound to this mode and account. Call under the instance lock. */
export const makeFolder = (settings: SettingsShape): Effect.Effect<void, DataFolderRefused> =>
  Effect.zipRight(
    Effect.zipRight(prepareDataFolder(settings.dataDir), prepareDataFolder(Path.join(settings.dataDir, "backups"))),
    bindDataFolder(settings.dataDir, { mode: settings.mode, account: account(settings) })
  )

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

/**
 * For commands that act at the exchange beside the trader, or without one: the same records, nonces and limits, none of
 * its fibers. In paper mode the local Kraken of the folder is started, which one process at a time can do.
 */
export const exchangeBeside = (
  settings: SettingsShape
): Effect.Effect<
  Context.Context<Store | Nonce | KrakenRest | MarketClock | Installation>,
  StoreFailed | LocalKrakenError | TapeError | NotConfirmed,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const kraken = settings.mode === "paper" ? yield* startLocalKraken(settings) : undefined
    return yield* besideWorld(
      kraken === undefined ? settings : pointedAt(settings, kraken),
      kraken === undefined ? SystemClockLive : Layer.succeed(MarketClock, kraken.clock)
    )
  })

/**
 * For `doctor`: the exchange to try things at. Paper mode gets one that lives in memory, with records in a folder that
 * goes away, so that a check changes nothing.
 */
export const exchangeToTry = (
  settings: SettingsShape
): Effect.Effect<
  Context.Context<Store | Nonce | KrakenRest | MarketClock | Installation>,
  StoreFailed | LocalKrakenError | TapeError | NotConfirmed | DataFolderRefused,
  Scope.Scope
> =>
  Effect.gen(function* () {
    if (settings.mode !== "paper") {
      yield* prepareDataFolder(settings.dataDir)
      return yield* besideWorld(settings, SystemClockLive)
    }
    const { file: _, ...inMemory } = localKrakenOptions(settings)
    const kraken = yield* localKrakenFor(settings, inMemory)
    const dataDir = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(Path.join(tmpdir(), "kraken-trader-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    )
    return yield* besideWorld({ ...pointedAt(settings, kraken), dataDir }, Layer.succeed(MarketClock, kraken.clock))
  })

const besideWorld = (settings: SettingsShape, clock: Layer.Layer<MarketClock>) =>
  Effect.gen(function* () {
    const { credentials } = settings
    if (credentials === undefined) return yield* new NotConfirmed({ missing: "keys" })
    registerSecret(credentials.key)
    registerSecret(credentials.secret)
    const base = Layer.mergeAll(
      Layer.succeed(Settings, settings),
      clock,
      Layer.succeed(
        Installation,
        Installation.of({
          prefix: prefixOf(credentials.key),
          keyFingerprint: InstanceLockNode.keyFingerprint(credentials.key)
        })
      )
    )
    return yield* Layer.build(
      restFor(settings).pipe(
        Layer.provideMerge(RateLimitsLive),
        Layer.provideMerge(NonceSqlite.layer),
        Layer.provideMerge(StoreSqlite.withDatabase({ file: databaseFile(settings), role: "visitor" })),
        Layer.provideMerge(base)
      )
    )
  })
