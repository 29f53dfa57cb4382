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
import { Cause, Effect, Either, Exit, Layer, Schema } from "effect"
import { beside, besides, load, logging, settings, withBackups } from "./app/commands.ts"
import { lockFor } from "./app/installation.ts"
import { guideOfExit } from "./domain/Guide.ts"
import type { KrakenError } from "./domain/kraken/KrakenError.ts"
import { scrub } from "./layers/node/secrets.ts"
import * as SettingsNode from "./layers/node/SettingsNode.ts"
import { TerminalNode } from "./layers/node/TerminalNode.ts"
import { runCli } from "./programs/cli/Cli.ts"
import type { Commands } from "./programs/cli/Cli.ts"
import { Finished, ExitCodes, exitCodeOf, UsageError } from "./programs/cli/ExitCode.ts"
import type { CommandFailed, ExitCode } from "./programs/cli/ExitCode.ts"
import { explain } from "./programs/cli/explain.ts"
import type { PriceOptions } from "./programs/price/price.ts"
import type { SimulateOptions } from "./programs/simulate/work.ts"
import type { AppError } from "./app.ts"
import type { BackupRefused } from "./services/Backups.ts"
import type { ArchiveRefused } from "./services/Incident.ts"
import { Incident } from "./services/Incident.ts"
import { Settings } from "./services/Settings.ts"
import { Terminal } from "./services/Terminal.ts"
import type { SettingsInvalid } from "./services/Settings.ts"

const { version } = Schema.decodeUnknownSync(Schema.Struct({ version: Schema.String }))(
  createRequire(import.meta.url)("../package.json")
)

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
    const { runTrader } = yield* load(() => import("./app.ts"))
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
    yield* beside(version, async () => {
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
      Layer.provideMerge(besides(chosen.right, version))
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
      : beside(version, async () => (await import("./programs/status/status.ts")).status({ json, version })),
  stop: ({ flatten, timeoutMs }) =>
    beside(version, async () => {
      const { flattenAndStop, stop } = await import("./programs/stop/stop.ts")
      const options = { sellMs: timeoutMs ?? SELL_MS, timeoutMs: timeoutMs ?? STOP_MS }
      return flatten ? flattenAndStop(options) : stop(options)
    }),
  flatten: ({ timeoutMs = SELL_MS, ...options }) =>
    beside(version, async () => (await import("./programs/flatten/flatten.ts")).flatten({ ...options, timeoutMs })),
  pause: beside(version, async () => (await import("./programs/pause/pause.ts")).pause(true)),
  resume: beside(version, async () => (await import("./programs/pause/pause.ts")).pause(false)),
  orders: (options) => beside(version, async () => (await import("./programs/orders/lists.ts")).orders(options)),
  trades: (options) => beside(version, async () => (await import("./programs/orders/lists.ts")).trades(options)),
  price,
  backup: (options) => withBackups(version, async () => (await import("./programs/backup/backup.ts")).backup(options)),
  restore: (options) =>
    withBackups(version, async () => (await import("./programs/backup/backup.ts")).restore(options)),
  incident: (options) =>
    beside(version, async () => {
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
  cancel: (target) => beside(version, async () => (await import("./programs/cancel/cancel.ts")).cancel(target)),
  recover: (options) =>
    Effect.flatMap(settings, (chosen) =>
      Effect.flatMap(
        load(() => import("./programs/recover/recover.ts")),
        ({ recover }) => recover(options)
      ).pipe(Effect.provide(Layer.provideMerge(lockFor(chosen), besides(chosen, version))))
    ),
  doctor,
  // the reason is kept in the records
  breaker: ({ action, cause, reason }) =>
    beside(version, async () =>
      (await import("./programs/breaker/breaker.ts")).breaker({
        action,
        cause,
        reason: reason === undefined ? undefined : scrub(reason),
        version
      })
    ),
  exchange: (options) =>
    Effect.flatMap(
      load(() => import("./app/exchangeCommand.ts")),
      ({ exchange }) => exchange(options)
    ),
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
