/** Risk's port without an engine behind it: it reports what the test sets. */
import { Context, Effect, Layer } from "effect"
import * as Money from "../../domain/money/Money.ts"
import type { RiskReport } from "../../services/Risk.ts"
import { Risk } from "../../services/Risk.ts"
import { mockLimits } from "./MockSettings.ts"

/** Nothing stops entries, nothing is held, under the default limits. */
export const calmRiskReport: RiskReport = {
  stops: [],
  exposure: Money.zeroUsd,
  maxExposure: mockLimits.maxTotalExposure,
  dayLoss: Money.zeroUsd,
  maxDayLoss: mockLimits.maxDailyLoss,
  tradesToday: 0
}

export interface MockRiskControlShape {
  /** Replaces some of the report. */
  readonly set: (change: Partial<RiskReport>) => Effect.Effect<void>
}

/** Steers `MockRisk`. */
export class MockRiskControl extends Context.Tag("trader/layers/mock/MockRisk/MockRiskControl")<
  MockRiskControl,
  MockRiskControlShape
>() {}

const make = () => {
  let report = calmRiskReport
  return Context.make(Risk, { report: Effect.sync(() => report) }).pipe(
    Context.add(MockRiskControl, {
      set: (change) =>
        Effect.sync(() => {
          report = { ...report, ...change }
        })
    })
  )
}

export const MockRisk: Layer.Layer<Risk | MockRiskControl> = Layer.effectContext(Effect.sync(make))
