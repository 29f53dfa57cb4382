/** Frames of streams in the order in which they were recorded, all stamped with the time that the test's clock shows. */
import { Effect, Layer } from "effect"
import { iso } from "../../domain/Time.ts"
import type { Frame } from "../../services/Frames.ts"
import { Frames } from "../../services/Frames.ts"

export const MockFrames: Layer.Layer<Frames> = Layer.effect(
  Frames,
  Effect.map(Effect.clock, (clock) => {
    const kept: Array<Frame> = []
    return Frames.of({
      record: (stream, text) => void kept.push({ at: iso(clock.unsafeCurrentTimeMillis()), stream, text }),
      recent: Effect.sync(() => [...kept])
    })
  })
)
