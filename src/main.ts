#!/usr/bin/env node
/**
 * The program: reads the command line, chooses the layers of each command, and maps how it ended to the exit code. What
 * only one command needs is loaded by that command, so that `status` starts fast.
 */
import { createRequire } from "node:module"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { makeRunMain } from "@effect/platform/Runtime"
import { Cause, Context, Effect, Either, Exit, Layer, Schema } from "effect"
import { guideOfExit } from "./domain/Guide.ts"
import type { KrakenError } from "./domain/kraken/KrakenError.ts"
import * as Value from "./domain/settings/values.ts"
import { ControlClientNode } from "./layers/node/ControlClientNode.ts"
import * as InstanceLockNode from "./layers/node/InstanceLockNode.ts"
import * as Logging from "./layers/node/Logging.ts"
import { scrub } from "./layers/node/secrets.ts"
import * as SettingsNode from "./layers/node/SettingsNode.ts"
import { TerminalNode } from "./layers/node/TerminalNode.ts"
import { TraderProcessNode } from "./layers/node/TraderProcessNode.ts"
import * as RecordsSqlite from "./layers/sqlite/RecordsSqlite.ts"
import { Beside } from "./programs/cli/Beside.ts"
import { runCli } from "./programs/cli/Cli.ts"
import type { ExchangeFile } from "./layers/exchange/settingsFile.ts"
import type { Commands, ExchangeOptions } from "./programs/cli/Cli.ts"
import { CommandFailed, Finished, ExitCodes, exitCodeOf, UsageError } from "./programs/cli/ExitCode.ts"
import type { ExitCode } from "./programs/cli/ExitCode.ts"
import { explain } from "./programs/cli/explain.ts"
import type { PriceOptions } from "./programs/price/price.ts"
import type { SimulateOptions } from "./programs/simulate/work.ts"
import type { AppError } from "./app.ts"
import type { BackupRefused } from "./services/Backups.ts"
import type { ArchiveRefused } from "./services/Incident.ts"
import { Incident } from "./services/Incident.ts"
import { Settings } from "./services/Settings.ts"
import { Store } from "./services/Store.ts"
import { Terminal } from "./services/Terminal.ts"
import type { PaperMarket, SettingsInvalid, SettingsShape } from "./services/Settings.ts"

const { version } = Schema.decodeUnknownSync(Schema.Struct({ version: Schema.String }))(
  createRequire(import.meta.url)("../package.json")
)

const load = <A>(module: () => Promise<A>): Effect.Effect<A> => Effect.promise(module)
const app = load(() => import("./app.ts"))
const settings = Effect.suspend(() => SettingsNode.read(SettingsNode.processSource()))

/** Logs of a command that only looks go to standard error; the trader's go to the data folder too. */
const logging = ({ log }: SettingsShape, dataDir?: string) =>
  Logging.layer({ ...log, dataDir, write: Logging.standardError })

const databaseFile = ({ dataDir }: SettingsShape): string => join(dataDir, "trading.db")

const refused = ({ message }: { readonly message: string }): CommandFailed =>
  new CommandFailed({ text: message, code: ExitCodes.configuration })

/** Opens the database or the exchange when a command finds that it must. */
const besideOf = (chosen: SettingsShape): Layer.Layer<Beside> =>
  Layer.succeed(Beside, {
    store: Effect.gen(function* () {
      const { withDatabase } = yield* load(() => import("./layers/sqlite/StoreSqlite.ts"))
      const context = yield* Layer.build(withDatabase({ file: databaseFile(chosen), role: "visitor" }))
      return Context.get(context, Store)
    }),
    exchange: Effect.flatMap(app, ({ exchangeBeside }) => exchangeBeside(chosen)).pipe(
      Effect.catchTag("NotConfirmed", refused)
    ),
    toTry: Effect.flatMap(app, ({ exchangeToTry }) => exchangeToTry(chosen)).pipe(
      Effect.catchTags({ NotConfirmed: refused, DataFolderRefused: refused })
    ),
    folder: Effect.flatMap(app, ({ makeFolder }) => makeFolder(chosen)).pipe(
      Effect.catchTag("DataFolderRefused", refused)
    ),
    // a run of the trader like any other: its log belongs in the trader's
    sellAll: (flatten) =>
      Effect.flatMap(app, ({ runTrader }) => runTrader({ settings: chosen, version, fresh: false, flatten })).pipe(
        Effect.provide(logging(chosen, chosen.dataDir)),
        Effect.catchAll(
          (error) =>
            new CommandFailed({
              text: explain(Cause.fail(error)) ?? "the sale was broken off",
              code: exitCodeOf(Exit.fail(error))
            })
        )
      )
  })

/** What the commands beside the trader stand on. Nothing of it opens, writes or calls anything before it is used. */
const besides = (chosen: SettingsShape) =>
  Layer.mergeAll(
    ControlClientNode,
    InstanceLockNode.layer({ dataDir: chosen.dataDir, stateDir: chosen.stateDir }),
    RecordsSqlite.layer(databaseFile(chosen)),
    besideOf(chosen),
    TraderProcessNode,
    logging({ ...chosen, log: { ...chosen.log, level: "warn" } })
  ).pipe(Layer.provideMerge(Layer.succeed(Settings, chosen)))

/** The lock of a command that acts alone: on the folder, and on the API key where there is one. */
const withKeyLock = ({ credentials, dataDir, stateDir }: SettingsShape) =>
  InstanceLockNode.layer({
    dataDir,
    stateDir,
    ...(credentials === undefined ? {} : { keyFingerprint: InstanceLockNode.keyFingerprint(credentials.key) })
  })

/** Runs a command beside the trader: settings, layers, program. */
const beside = <A, E, R>(program: () => Promise<Effect.Effect<A, E, R>>) =>
  Effect.flatMap(settings, (chosen) =>
    Effect.provide(
      Effect.flatMap(load(program), (effect) => effect),
      besides(chosen)
    )
  )

/** The same, for what works on copies of the records. */
const withBackups = <A, E, R>(program: () => Promise<Effect.Effect<A, E, R>>) =>
  beside(async () => {
    const { layer } = await import("./layers/sqlite/BackupsSqlite.ts")
    const effect = await program()
    return Effect.flatMap(Settings, ({ dataDir }) => Effect.provide(effect, layer(dataDir)))
  })

/** Failures before the trader has the folder to itself. */
const beforeStart: ReadonlySet<string> = new Set(["LockHeld", "LockUnusable", "DataFolderRefused"])

const trade = ({ fresh }: { readonly fresh: boolean }) =>
  Effect.gen(function* () {
    const chosen = yield* settings
    if (fresh && chosen.mode !== "paper") {
      return yield* new UsageError({
        text: `--fresh puts a paper account aside; TRADING_MODE is ${chosen.mode}, whose records are never put aside. Nothing was started.`
      })
    }
    const { runTrader } = yield* app
    yield* Effect.gen(function* () {
      const report = yield* runTrader({ settings: chosen, version, fresh })
      yield* Effect.logInfo(
        `stopped (${report.reason}); ${report.held.length === 0 ? "nothing is held" : `still held: ${report.held.join("; ")}`}`
      )
    }).pipe(
      // what ends a run belongs in its log; what kept it from starting does not belong in the log of another one
      Effect.catchAll((error): Effect.Effect<never, AppError | Finished> =>
        beforeStart.has(error._tag)
          ? Effect.fail(error)
          : Effect.zipRight(
              Effect.logError(explain(Cause.fail(error)) ?? "stopped"),
              new Finished({ code: exitCodeOf(Exit.fail(error)) })
            )
      ),
      Effect.provide(logging(chosen, chosen.dataDir))
    )
  })

/** Options of `exchange` over the PAPER_ settings. */
const exchangeSettings = (options: ExchangeOptions, chosen: SettingsShape) =>
  Effect.gen(function* () {
    const { paper, limits } = chosen
    const { databaseIn, readExchangeFile } = yield* load(() => import("./layers/exchange/settingsFile.ts"))
    const file: ExchangeFile = options.settings === undefined ? {} : yield* readExchangeFile(options.settings)
    const symbols = file.pairs ?? limits.allowedPairs
    const marketText = options.market ?? file.market
    const data = options.data ?? file.data
    const speed = options.speed ?? file.speed ?? 1
    const read = <A>(name: string, text: string | undefined, reader: Value.Read<A>, otherwise: A) =>
      text === undefined
        ? Effect.succeed(otherwise)
        : Either.mapLeft(
            reader(text),
            ({ wrong, allowed }) => new UsageError({ text: `--${name} ${wrong}; allowed: ${allowed}` })
          )
    const market: PaperMarket =
      marketText === undefined
        ? paper.market
        : marketText === "generated"
          ? { _tag: "Generated" }
          : marketText === "kraken"
            ? { _tag: "Kraken" }
            : { _tag: "Tape", tapes: yield* read("market", marketText, Value.tapes(symbols), []) }
    const { from, to } = paper
    return {
      market,
      seed: options.seed ?? file.seed ?? paper.seed,
      balances: yield* read("balances", options.balances, Value.balances, file.balances ?? paper.balances),
      speed,
      port: options.port === 0 ? (file.port ?? 0) : options.port,
      symbols,
      tier: file.tier ?? chosen.tier,
      // at the machine's pace it keeps the machine's time over a restart, as Kraken does
      keepsTime: speed === 1,
      ...(data === undefined ? {} : { file: yield* databaseIn(data) }),
      ...(file.volatility === undefined ? {} : { volatility: file.volatility }),
      ...(file.latencyMs === undefined ? {} : { latencyMs: file.latencyMs }),
      ...(file.clockShiftMs === undefined ? {} : { clockShiftMs: file.clockShiftMs }),
      ...(file.keys === undefined ? {} : { keys: file.keys }),
      ...(file.faults === undefined ? {} : { armed: file.faults }),
      ...(from === undefined || market._tag !== "Tape" ? {} : { from }),
      ...(to === undefined || market._tag !== "Tape" ? {} : { to })
    }
  })

const exchange = (options: ExchangeOptions) =>
  Effect.gen(function* () {
    const chosen = yield* settings
    const parts = yield* exchangeSettings(options, chosen)
    const { exchange: serve } = yield* load(() => import("./programs/exchange/exchange.ts"))
    const { localKrakenService } = yield* app
    const { StopSignalNode } = yield* load(() => import("./layers/node/StopSignalNode.ts"))
    yield* serve({ json: options.json, pid: process.pid }).pipe(
      Effect.provide(
        Layer.mergeAll(localKrakenService(chosen, parts), StopSignalNode).pipe(Layer.provideMerge(logging(chosen)))
      )
    )
  })

/** Ctrl-C ends a command that only looks: nothing is lost, however often it is pressed. */
const stopsAtOnce = (code: ExitCode) =>
  Effect.map(
    load(() => import("./layers/node/StopSignalNode.ts")),
    ({ stopSignal }) =>
      stopSignal({
        on: (signal, listener) => process.on(signal, listener),
        off: (signal, listener) => process.off(signal, listener),
        exit: () => process.exit(code),
        say: () => undefined
      })
  )

const watchStatus = (json: boolean) =>
  Effect.gen(function* () {
    const { LiveScreenNode } = yield* load(() => import("./layers/node/LiveScreenNode.ts"))
    const signals = yield* stopsAtOnce(ExitCodes.done)
    yield* beside(async () => {
      const { watchStatus: run } = await import("./programs/status/watch.ts")
      return Effect.provide(run({ json, version }), Layer.mergeAll(LiveScreenNode, signals))
    })
  })

const simulate = (options: SimulateOptions) =>
  Effect.gen(function* () {
    const { simulate: run } = yield* load(() => import("./programs/simulate/simulate.ts"))
    const { SimulatorThreads } = yield* load(() => import("./simulation/SimulatorThreads.ts"))
    const signals = yield* stopsAtOnce(ExitCodes.failed)
    yield* Effect.provide(run(options), Layer.mergeAll(SimulatorThreads, signals, NodeFileSystem.layer))
  })

/** Opens no folder, takes no lock, and needs no key. */
const price = (options: PriceOptions) =>
  Effect.gen(function* () {
    const chosen = yield* SettingsNode.readPublic(SettingsNode.processSource())
    const { price: run } = yield* load(() => import("./programs/price/price.ts"))
    const { KrakenRestPublic } = yield* load(() => import("./layers/kraken/rest/KrakenRestPublic.ts"))
    const { SystemClockLive } = yield* load(() => import("./layers/node/SystemClock.ts"))
    const world = KrakenRestPublic.pipe(
      Layer.provideMerge(SystemClockLive),
      Layer.provideMerge(Layer.succeed(Settings, chosen)),
      Layer.provideMerge(logging({ ...chosen, log: { ...chosen.log, level: "warn" } }))
    )
    yield* Effect.provide(run(options), world)
  })

const doctor = (options: { readonly json: boolean }) =>
  Effect.gen(function* () {
    const { doctor: run, doctorWithoutSettings } = yield* load(() => import("./programs/doctor/doctor.ts"))
    const chosen = yield* Effect.either(settings)
    if (Either.isLeft(chosen)) return yield* doctorWithoutSettings(chosen.left, options)
    const { doctorFactsNode } = yield* load(() => import("./layers/node/DoctorFactsNode.ts"))
    const { StrategyLoaderNode } = yield* load(() => import("./layers/node/StrategyLoaderNode.ts"))
    const world = Layer.mergeAll(doctorFactsNode(process.cwd()), StrategyLoaderNode).pipe(
      Layer.provideMerge(besides(chosen.right))
    )
    yield* Effect.provide(run(options), world)
  })

/** How long `stop` waits for the end and `flatten` for the sale, unless told (real time). */
const STOP_MS = 30_000
const SELL_MS = 120_000

/** Everything that a command is expected to fail with. */
type CommandError =
  AppError | ArchiveRefused | BackupRefused | KrakenError | SettingsInvalid | UsageError | CommandFailed | Finished

const commands: Commands<CommandError, Terminal> = {
  trade,
  status: ({ json, watch }) =>
    watch
      ? watchStatus(json)
      : beside(async () => (await import("./programs/status/status.ts")).status({ json, version })),
  stop: ({ flatten, timeoutMs }) =>
    beside(async () => {
      const { flattenAndStop, stop } = await import("./programs/stop/stop.ts")
      const options = { sellMs: timeoutMs ?? SELL_MS, timeoutMs: timeoutMs ?? STOP_MS }
      return flatten ? flattenAndStop(options) : stop(options)
    }),
  flatten: ({ timeoutMs = SELL_MS, ...options }) =>
    beside(async () => (await import("./programs/flatten/flatten.ts")).flatten({ ...options, timeoutMs })),
  pause: beside(async () => (await import("./programs/pause/pause.ts")).pause(true)),
  resume: beside(async () => (await import("./programs/pause/pause.ts")).pause(false)),
  orders: (options) => beside(async () => (await import("./programs/orders/lists.ts")).orders(options)),
  trades: (options) => beside(async () => (await import("./programs/orders/lists.ts")).trades(options)),
  price,
  backup: (options) => withBackups(async () => (await import("./programs/backup/backup.ts")).backup(options)),
  restore: (options) => withBackups(async () => (await import("./programs/backup/backup.ts")).restore(options)),
  incident: (options) =>
    beside(async () => {
      const { incident } = await import("./programs/incident/incident.ts")
      const { incidentNode } = await import("./layers/node/IncidentNode.ts")
      const { journalSlice } = await import("./layers/sqlite/journalSlice.ts")
      return Effect.flatMap(Settings, ({ dataDir }) =>
        Effect.provideService(incident({ ...options, version }), Incident, {
          ...incidentNode(dataDir, version),
          journal: (lastMs) => journalSlice(join(dataDir, "journal.db"), lastMs)
        })
      )
    }),
  cancel: (target) => beside(async () => (await import("./programs/cancel/cancel.ts")).cancel(target)),
  recover: (options) =>
    Effect.flatMap(settings, (chosen) =>
      Effect.flatMap(
        load(() => import("./programs/recover/recover.ts")),
        ({ recover }) => recover(options)
      ).pipe(Effect.provide(Layer.provideMerge(withKeyLock(chosen), besides(chosen))))
    ),
  doctor,
  // the reason is kept in the records
  breaker: ({ action, cause, reason }) =>
    beside(async () =>
      (await import("./programs/breaker/breaker.ts")).breaker({
        action,
        cause,
        reason: reason === undefined ? undefined : scrub(reason),
        version
      })
    ),
  exchange,
  simulate
}

/** Says on standard error what went wrong. */
const complain = (cause: Cause.Cause<unknown>): Effect.Effect<void, never, Terminal> =>
  Effect.gen(function* () {
    const text = explain(cause)
    if (text === undefined) return
    const { printError } = yield* Terminal
    yield* printError(text)
    if (!Cause.isInterruptedOnly(cause)) yield* printError(`See ${guideOfExit(exitCodeOf(Exit.failCause(cause)))}`)
  })

/** Signals are for whoever listens to them (`trade` and `exchange`); every other command ends at once, as it should. */
const runMain = makeRunMain(({ fiber, teardown }) => {
  // a program that waits for a fiber only has nothing else that would keep it alive
  const alive = setInterval(() => undefined, 2 ** 31 - 1)
  fiber.addObserver((exit) => {
    clearInterval(alive)
    teardown(exit, (code) => process.exit(code))
  })
})

runCli(process.argv.slice(2), version, commands).pipe(
  Effect.tapErrorCause(complain),
  Effect.provide(Layer.mergeAll(TerminalNode, NodeFileSystem.layer, NodePath.layer, NodeTerminal.layer)),
  runMain({
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit, onExit) => onExit(exitCodeOf(exit))
  })
)
