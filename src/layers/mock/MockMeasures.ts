/** Measures as the test sets them; none until then. */
import { Context, Effect, Layer } from "effect"
import type { MetricSample } from "../../services/ControlServer.ts"
import { Measures } from "../../services/Measures.ts"

export interface MockMeasuresControlShape {
  readonly set: (samples: ReadonlyArray<MetricSample>) => Effect.Effect<void>
}

/** Steers `MockMeasures`. */
export class MockMeasuresControl extends Context.Tag("trader/layers/mock/MockMeasures/MockMeasuresControl")<
  MockMeasuresControl,
  MockMeasuresControlShape
>() {}

const make = () => {
  let samples: ReadonlyArray<MetricSample> = []
  return Context.make(Measures, { samples: Effect.sync(() => samples) }).pipe(
    Context.add(MockMeasuresControl, {
      set: (next) =>
        Effect.sync(() => {
          samples = next
        })
    })
  )
}

export const MockMeasures: Layer.Layer<Measures | MockMeasuresControl> = Layer.effectContext(Effect.sync(make))
