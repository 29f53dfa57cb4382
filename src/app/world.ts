/** The layers that the trading program stands on. */
import * as Path from "node:path"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Layer } from "effect"
import type { Redacted } from "effect"
import * as AlertsLog from "../layers/alerts/AlertsLog.ts"
import * as AlertsWebhook from "../layers/alerts/AlertsWebhook.ts"
import * as HeartbeatLayer from "../layers/alerts/Heartbeat.ts"
import { observingRest, observingStream } from "../layers/kraken/observing.ts"
import { KrakenRestLive } from "../layers/kraken/rest/KrakenRestLive.ts"
import { RateLimitsLive } from "../layers/kraken/rest/RateLimitsLive.ts"
import { KrakenStreamLive } from "../layers/kraken/stream/KrakenStreamLive.ts"
import { GaugesLive, MeasuredNonce, MeasuredRest, MeasuredStore, MeasuresLive } from "../layers/measured/Measured.ts"
import { FramesMemory } from "../layers/node/FramesMemory.ts"
import { StopSignalNode } from "../layers/node/StopSignalNode.ts"
import * as JournalSqlite from "../layers/sqlite/JournalSqlite.ts"
import * as NonceSqlite from "../layers/sqlite/NonceSqlite.ts"
import * as OutboxSqlite from "../layers/sqlite/OutboxSqlite.ts"
import * as RecordsSqlite from "../layers/sqlite/RecordsSqlite.ts"
import * as StoreSqlite from "../layers/sqlite/StoreSqlite.ts"
import type { MarketClock } from "../services/Clock.ts"
import type { Heartbeat } from "../services/Heartbeat.ts"
import type { InstanceLock } from "../services/InstanceLock.ts"
import { Settings } from "../services/Settings.ts"
import type { SettingsShape } from "../services/Settings.ts"
import { databaseFile, installationOf } from "./installation.ts"

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
export const restFor = ({ mode }: SettingsShape): typeof KrakenRestLive =>
  mode === "observe" ? observingRest(KrakenRestLive) : KrakenRestLive
const streamFor = ({ mode }: SettingsShape): typeof KrakenStreamLive =>
  mode === "observe" ? observingStream(KrakenStreamLive) : KrakenStreamLive

/** Everything the trading program stands on, tier by tier. */
export const worldOf = (
  settings: SettingsShape,
  key: Redacted.Redacted,
  clock: Layer.Layer<MarketClock>,
  lock: Layer.Layer<InstanceLock>
) => {
  const base = Layer.mergeAll(
    Layer.succeed(Settings, settings),
    clock,
    lock,
    installationOf(key),
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
