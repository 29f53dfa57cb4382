/**
 * The mock layers that the trading program stands on, all at once: a world without network, files or time, in which it runs
 * unchanged. `mockServices` adds the services around it.
 *
 * ```ts
 * const world = mockWorld({ start: Date.UTC(2026, 0, 5), prefix: InstallationPrefix("kt") })   // once: it is one world
 * program.pipe(Effect.provide(world))
 * ```
 */
import { Layer } from "effect"
import type { Snapshot } from "../../domain/engine/Snapshot.ts"
import type { InstallationPrefix } from "../../domain/order/Ids.ts"
import type { EpochMs } from "../../domain/Time.ts"
import type { SettingsShape } from "../../services/Settings.ts"
import { MockAlerts } from "./MockAlerts.ts"
import { mockInstallation } from "./MockInstallation.ts"
import { MockInstanceLock } from "./MockInstanceLock.ts"
import { MockJournal } from "./MockJournal.ts"
import { MockKrakenRest } from "./MockKrakenRest.ts"
import { MockKrakenStream } from "./MockKrakenStream.ts"
import { mockMarketClock } from "./MockMarketClock.ts"
import { MockNonce } from "./MockNonce.ts"
import { MockRecords } from "./MockRecords.ts"
import { mockSettings } from "./MockSettings.ts"
import { MockStopSignal } from "./MockStopSignal.ts"
import { mockStore } from "./MockStore.ts"

export interface MockWorldOptions {
  /** Where market time stands. */
  readonly start: EpochMs
  /** The installation's prefix of order ids. */
  readonly prefix: InstallationPrefix
  readonly settings?: Partial<SettingsShape>
  /** What the records hold at first. */
  readonly records?: Snapshot
}

export const mockWorld = (options: MockWorldOptions) =>
  Layer.mergeAll(
    mockStore(options.prefix, options.records),
    MockKrakenRest,
    MockKrakenStream,
    MockInstanceLock,
    MockAlerts,
    MockJournal,
    MockRecords,
    MockStopSignal,
    mockInstallation(options.prefix),
    mockSettings(options.settings)
  ).pipe(Layer.provideMerge(MockNonce), Layer.provideMerge(mockMarketClock(options.start)))
