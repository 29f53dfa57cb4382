/**
 * What the trader measures of itself besides its trading state: how long things take, and how often they happen. Observing
 * is synchronous and costs nanoseconds; nothing here can fail or wait.
 */
import type { Effect } from "effect"
import { Context } from "effect"
import type { MetricSample } from "./ControlServer.ts"

export interface MeasuresShape {
  /** Every measure as samples of `GET /metrics`. */
  readonly samples: Effect.Effect<ReadonlyArray<MetricSample>>
}

export class Measures extends Context.Tag("trader/services/Measures")<Measures, MeasuresShape>() {}
