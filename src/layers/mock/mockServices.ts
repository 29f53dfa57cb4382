/**
 * Every service of the project at once, as mocks: `mockWorld`, the parts that exist inside a run (engine, risk, breaker, desk,
 * writer), and what stands around the trader (terminal, control, simulator, local Kraken...).
 */
import { Layer } from "effect"
import { resume } from "../../domain/engine/State.ts"
import { idleStrategy } from "./idleStrategy.ts"
import { MockAlertOutbox } from "./MockAlertOutbox.ts"
import { MockBackups } from "./MockBackups.ts"
import { MockBreaker } from "./MockBreaker.ts"
import { MockControlClient } from "./MockControlClient.ts"
import { MockControlServer } from "./MockControlServer.ts"
import { MockDoctorFacts } from "./MockDoctorFacts.ts"
import { mockEngine } from "./MockEngine.ts"
import { MockFrames } from "./MockFrames.ts"
import { MockHeartbeat } from "./MockHeartbeat.ts"
import { MockIncident } from "./MockIncident.ts"
import { mockLiveScreen } from "./MockLiveScreen.ts"
import { MockLocalKraken } from "./MockLocalKraken.ts"
import { MockMeasures } from "./MockMeasures.ts"
import { MockOrderDesk } from "./MockOrderDesk.ts"
import { MockOutboxStore } from "./MockOutboxStore.ts"
import { MockRateLimits } from "./MockRateLimits.ts"
import { MockRisk } from "./MockRisk.ts"
import { mockServiceManager } from "./MockServiceManager.ts"
import { mockSettingsValue } from "./MockSettings.ts"
import { MockSimulator } from "./MockSimulator.ts"
import { emptySnapshot } from "./MockStore.ts"
import { MockStrategyLoader } from "./MockStrategyLoader.ts"
import { mockTerminal } from "./MockTerminal.ts"
import { MockTraderProcess } from "./MockTraderProcess.ts"
import { MockWriter } from "./MockWriter.ts"
import type { MockWorldOptions } from "./mockWorld.ts"
import { mockWorld } from "./mockWorld.ts"

/** An engine as it is when a run begins, with the settings, records and prefix of the world around it. */
const engineOf = ({ prefix, records = emptySnapshot, settings, start }: MockWorldOptions) => {
  const { limits } = { ...mockSettingsValue, ...settings }
  const breaker = { threshold: limits.breakerThreshold, cooldown: limits.breakerCooldown }
  const rules = { limits, breaker, prefix, observing: false, exitsOnly: undefined, strategy: idleStrategy }
  return mockEngine(resume(rules, records, [], start))
}

export const mockServices = (options: MockWorldOptions) =>
  Layer.mergeAll(
    engineOf(options),
    MockAlertOutbox,
    MockBackups,
    MockBreaker,
    MockControlClient,
    MockControlServer,
    MockDoctorFacts,
    MockFrames,
    MockHeartbeat,
    MockIncident,
    mockLiveScreen(),
    MockLocalKraken,
    MockMeasures,
    MockOrderDesk,
    MockOutboxStore,
    MockRateLimits,
    MockRisk,
    mockServiceManager(),
    MockSimulator,
    MockStrategyLoader,
    mockTerminal(),
    MockTraderProcess,
    MockWriter
  ).pipe(Layer.provideMerge(mockWorld(options)))
