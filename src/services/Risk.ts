/** Risk as a service: the present answer to "what may be done", read from the engine's state. The rules are in `domain/risk`. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { Usd } from "../domain/money/Money.ts"

export interface RiskReport {
  /** Why no entry is possible now; empty when entries are possible. */
  readonly stops: ReadonlyArray<string>
  /** Held + working + in flight + unknown. */
  readonly exposure: Usd
  readonly maxExposure: Usd
  /** Loss since 00:00 UTC (a gain is negative); absent when it can't be told, and then no entry is possible. */
  readonly dayLoss: Usd | undefined
  readonly maxDayLoss: Usd
  readonly tradesToday: number
}

export interface RiskShape {
  readonly report: Effect.Effect<RiskReport>
}

export class Risk extends Context.Tag("trader/services/Risk")<Risk, RiskShape>() {}
