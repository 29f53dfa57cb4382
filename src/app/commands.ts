/** What the commands stand on, opened when a command finds that it must. `version` is the program's own. */
import { Cause, Context, Effect, Exit, Layer } from "effect"
import { ControlClientNode } from "../layers/node/ControlClientNode.ts"
import * as InstanceLockNode from "../layers/node/InstanceLockNode.ts"
import * as Logging from "../layers/node/Logging.ts"
import * as SettingsNode from "../layers/node/SettingsNode.ts"
import { TraderProcessNode } from "../layers/node/TraderProcessNode.ts"
import * as RecordsSqlite from "../layers/sqlite/RecordsSqlite.ts"
import { Beside } from "../programs/cli/Beside.ts"
import { CommandFailed, ExitCodes, exitCodeOf } from "../programs/cli/ExitCode.ts"
import { explain } from "../programs/cli/explain.ts"
import { Settings } from "../services/Settings.ts"
import type { SettingsShape } from "../services/Settings.ts"
import { Store } from "../services/Store.ts"
import { databaseFile } from "./installation.ts"

/** A module that is loaded by the command that needs it. */
export const load = <A>(module: () => Promise<A>): Effect.Effect<A> => Effect.promise(module)
const app = load(() => import("../app.ts"))
const exchanges = load(() => import("./exchangeBeside.ts"))
/** The settings of this process: environment and `.env`. */
export const settings = Effect.suspend(() => SettingsNode.read(SettingsNode.processSource()))

/** Logs of a command that only looks go to standard error; the trader's go to the data folder too. */
export const logging = ({ log }: SettingsShape, dataDir?: string) =>
  Logging.layer({ ...log, dataDir, write: Logging.standardError })

const refused = ({ message }: { readonly message: string }): CommandFailed =>
  new CommandFailed({ text: message, code: ExitCodes.configuration })

/** Opens the database or the exchange when a command finds that it must. */
const besideOf = (chosen: SettingsShape, version: string): Layer.Layer<Beside> =>
  Layer.succeed(Beside, {
    store: Effect.gen(function* () {
      const { withDatabase } = yield* load(() => import("../layers/sqlite/StoreSqlite.ts"))
      const context = yield* Layer.build(withDatabase({ file: databaseFile(chosen), role: "visitor" }))
      return Context.get(context, Store)
    }),
    exchange: Effect.flatMap(exchanges, ({ exchangeBeside }) => exchangeBeside(chosen)).pipe(
      Effect.catchTag("NotConfirmed", refused)
    ),
    toTry: Effect.flatMap(exchanges, ({ exchangeToTry }) => exchangeToTry(chosen)).pipe(
      Effect.catchTags({ NotConfirmed: refused, DataFolderRefused: refused })
    ),
    folder: Effect.flatMap(exchanges, ({ makeFolder }) => makeFolder(chosen)).pipe(
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
export const besides = (chosen: SettingsShape, version: string) =>
  Layer.mergeAll(
    ControlClientNode,
    InstanceLockNode.layer({ dataDir: chosen.dataDir, stateDir: chosen.stateDir }),
    RecordsSqlite.layer(databaseFile(chosen)),
    besideOf(chosen, version),
    TraderProcessNode,
    logging({ ...chosen, log: { ...chosen.log, level: "warn" } })
  ).pipe(Layer.provideMerge(Layer.succeed(Settings, chosen)))

/** Runs a command beside the trader: settings, layers, program. */
export const beside = <A, E, R>(version: string, program: () => Promise<Effect.Effect<A, E, R>>) =>
  Effect.flatMap(settings, (chosen) =>
    Effect.provide(
      Effect.flatMap(load(program), (effect) => effect),
      besides(chosen, version)
    )
  )

/** The same, for what works on copies of the records. */
export const withBackups = <A, E, R>(version: string, program: () => Promise<Effect.Effect<A, E, R>>) =>
  beside(version, async () => {
    const { layer } = await import("../layers/sqlite/BackupsSqlite.ts")
    const effect = await program()
    return Effect.flatMap(Settings, ({ dataDir }) => Effect.provide(effect, layer(dataDir)))
  })
