/** One life of the trading program in a simulation: the program itself, unchanged, on the live layers over a simulated network. */
import type BetterSqlite3 from "better-sqlite3"
import {
  Cause,
  Deferred,
  Effect,
  Exit,
  FiberId,
  FiberRef,
  Layer,
  Logger,
  LogLevel,
  Random,
  Redacted,
  RuntimeFlags,
  RuntimeFlagsPatch,
  Option
} from "effect"
import { InstallationPrefix } from "../domain/order/Ids.ts"
import type { AnyStrategy } from "../domain/strategy/Strategy.ts"
import { makeKrakenRest } from "../layers/kraken/rest/KrakenRestLive.ts"
import { RateLimitsLive } from "../layers/kraken/rest/RateLimitsLive.ts"
import { defaultOptions, makeKrakenStream } from "../layers/kraken/stream/KrakenStreamLive.ts"
import { SystemClockLive } from "../layers/node/SystemClock.ts"
import * as Database from "../layers/sqlite/Database.ts"
import * as NonceSqlite from "../layers/sqlite/NonceSqlite.ts"
import * as StoreSqlite from "../layers/sqlite/StoreSqlite.ts"
import { trade } from "../programs/trade/trade.ts"
import type { StopReport } from "../programs/trade/shutdown.ts"
import { Alerts } from "../services/Alerts.ts"
import type { Alert } from "../services/Alerts.ts"
import { Engine } from "../services/Engine.ts"
import type { EngineShape } from "../services/Engine.ts"
import { Installation } from "../services/Installation.ts"
import { InstanceLock } from "../services/InstanceLock.ts"
import { Journal } from "../services/Journal.ts"
import type { JournalEntry } from "../services/Journal.ts"
import { KrakenRest } from "../services/KrakenRest.ts"
import { KrakenStream } from "../services/KrakenStream.ts"
import type { SettingsShape } from "../services/Settings.ts"
import { Settings } from "../services/Settings.ts"
import { StopSignal } from "../services/StopSignal.ts"
import type { Effects } from "./Effects.ts"
import type { Network } from "./Network.ts"
import type { Process } from "./Process.ts"
import { mark } from "./roots.ts"

export interface Life {
  /** Closes the database of a life that is over, which nobody did for it, and forgets its fibers. */
  readonly letGo: () => void
  /** SIGTERM. */
  readonly stop: () => void
  /** What another program does over the control door. */
  readonly engine: () => EngineShape | undefined
}

export interface Birth {
  readonly process: Process
  readonly network: Network
  readonly effects: Effects
  readonly settings: SettingsShape
  /** The database of this life; its folder exists. */
  readonly file: string
  readonly prefix: string
  readonly seed: number
  readonly strategy: AnyStrategy
  readonly onJournal: (entry: JournalEntry) => void
  readonly onAlert: (alert: Alert) => void
  /** The process ended by itself. */
  readonly onEnd: (end: Exit.Exit<StopReport, unknown>) => void
  readonly log: Layer.Layer<never> | undefined
}

const alone = InstanceLock.of({
  acquire: Effect.void,
  verify: Effect.succeed(true),
  heldElsewhere: Effect.succeed(false)
})

/** How often a stream session looks at its deadlines: seldom enough that a simulated month does not consist of it. */
const STREAM_LOOK_MS = 2000

/** Begins a life of the trader. */
export const live = (birth: Birth): Life => {
  const { effects, network, process, settings } = birth
  const asked = Deferred.unsafeMake<string>(FiberId.none)
  let engine: EngineShape | undefined
  let raw: BetterSqlite3.Database | undefined

  const base = Layer.mergeAll(
    Layer.succeed(Settings, settings),
    SystemClockLive,
    Layer.succeed(InstanceLock, alone),
    Layer.succeed(
      Installation,
      Installation.of({ prefix: InstallationPrefix(birth.prefix), keyFingerprint: "simulated" })
    ),
    Layer.succeed(StopSignal, {
      requested: Deferred.await(asked),
      request: (reason: string) => Effect.asVoid(Deferred.succeed(asked, reason))
    }),
    Layer.succeed(Journal, { append: birth.onJournal, flush: Effect.void }),
    Layer.succeed(Alerts, { send: (alert: Alert) => Effect.sync(() => birth.onAlert(alert)) })
  )
  const world = Layer.scoped(
    KrakenStream,
    makeKrakenStream({
      ...defaultOptions,
      timing: { ...defaultOptions.timing, tick: STREAM_LOOK_MS },
      connect: network.connect(process, effects)
    })
  ).pipe(
    Layer.provideMerge(Layer.scoped(KrakenRest, makeKrakenRest(network.dial(process, effects)))),
    Layer.provideMerge(RateLimitsLive),
    Layer.provideMerge(NonceSqlite.layer),
    Layer.provideMerge(StoreSqlite.layer),
    Layer.provideMerge(
      effects.database(process, Database.layer({ file: birth.file, role: "trader" }), (opened) => {
        raw = opened
      })
    ),
    Layer.provideMerge(base)
  )
  const program = trade({
    strategy: birth.strategy,
    companions: [
      {
        name: "operator's hand",
        run: Effect.flatMap(Engine, (given) => {
          engine = given
          return Effect.never
        })
      }
    ]
  }).pipe(
    Effect.provide(world),
    Effect.scoped,
    Effect.withRandom(Random.make(birth.seed)),
    Effect.withClock(process.clock),
    Effect.locally(FiberRef.currentMinimumLogLevel, birth.log === undefined ? LogLevel.None : LogLevel.Debug),
    Effect.provide(birth.log ?? Logger.remove(Logger.defaultLogger)),
    Effect.withRuntimeFlagsPatch(RuntimeFlagsPatch.disable(RuntimeFlags.RuntimeMetrics))
  )
  const letFibersGo = mark()
  const fiber = Effect.runFork(program, { scheduler: process.scheduler })
  fiber.addObserver(birth.onEnd)
  return {
    stop: () => process.accept(() => Deferred.unsafeDone(asked, Effect.succeed("SIGTERM"))),
    engine: () => engine,
    letGo: () => {
      raw?.close()
      letFibersGo()
    }
  }
}

/** A word for how a life ended. */
export const endWord = (end: Exit.Exit<StopReport, unknown>): string => {
  if (Exit.isSuccess(end)) return "stopped"
  const failure = Option.getOrUndefined(Cause.failureOption(end.cause))
  return typeof failure === "object" && failure !== null && "_tag" in failure
    ? String(failure._tag)
    : `defect: ${Cause.pretty(end.cause)}`
}

export const keyOf = (key: string, secret: string): NonNullable<SettingsShape["credentials"]> => ({
  key: Redacted.make(key),
  secret: Redacted.make(secret)
})
