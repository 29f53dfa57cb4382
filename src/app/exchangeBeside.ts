/** The exchange and the records for commands that act beside the trader, or without one. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import { Effect, Layer } from "effect"
import type { Context, Scope } from "effect"
import { RateLimitsLive } from "../layers/kraken/rest/RateLimitsLive.ts"
import { bindDataFolder, prepareDataFolder } from "../layers/node/DataFolder.ts"
import type { DataFolderRefused } from "../layers/node/DataFolder.ts"
import { registerSecret } from "../layers/node/secrets.ts"
import { SystemClockLive } from "../layers/node/SystemClock.ts"
import * as NonceSqlite from "../layers/sqlite/NonceSqlite.ts"
import * as StoreSqlite from "../layers/sqlite/StoreSqlite.ts"
import { NotConfirmed } from "../programs/trade/preflight.ts"
import { MarketClock } from "../services/Clock.ts"
import type { Installation } from "../services/Installation.ts"
import type { KrakenRest } from "../services/KrakenRest.ts"
import type { LocalKrakenError, TapeError } from "../services/LocalKraken.ts"
import type { Nonce } from "../services/Nonce.ts"
import { Settings } from "../services/Settings.ts"
import type { SettingsShape } from "../services/Settings.ts"
import type { Store, StoreFailed } from "../services/Store.ts"
import { account, databaseFile, installationOf } from "./installation.ts"
import { localKrakenFor, localKrakenOptions, pointedAt, startLocalKraken } from "./localKraken.ts"
import { restFor } from "./world.ts"

/** The data folder with its place for backups, there and bound to this mode and account. Call under the instance lock. */
export const makeFolder = (settings: SettingsShape): Effect.Effect<void, DataFolderRefused> =>
  Effect.zipRight(
    Effect.zipRight(prepareDataFolder(settings.dataDir), prepareDataFolder(Path.join(settings.dataDir, "backups"))),
    bindDataFolder(settings.dataDir, { mode: settings.mode, account: account(settings) })
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
    const base = Layer.mergeAll(Layer.succeed(Settings, settings), clock, installationOf(credentials.key))
    return yield* Layer.build(
      restFor(settings).pipe(
        Layer.provideMerge(RateLimitsLive),
        Layer.provideMerge(NonceSqlite.layer),
        Layer.provideMerge(StoreSqlite.withDatabase({ file: databaseFile(settings), role: "visitor" })),
        Layer.provideMerge(base)
      )
    )
  })
