/** Puts the frames that came before a latch of the breaker into the journal: later they would be overwritten. */
import { Effect } from "effect"
import { latched } from "../../domain/breaker/Breaker.ts"
import { MarketClock } from "../../services/Clock.ts"
import { Engine } from "../../services/Engine.ts"
import type { FramesShape } from "../../services/Frames.ts"
import { Journal } from "../../services/Journal.ts"

/** How often the breaker is looked at (real time). */
const LOOK = "1 second"

/** Runs for ever; each cause that latches is written once, until it has cleared. */
export const framesAtLatch = (frames: FramesShape) =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const journal = yield* Journal
    const clock = yield* MarketClock
    const causes = (): ReadonlySet<string> => new Set(latched(engine.unsafeState().breaker).map(({ cause }) => cause))
    let known = causes()
    while (true) {
      yield* Effect.sleep(LOOK)
      const now = causes()
      const fresh = [...now].filter((cause) => !known.has(cause))
      known = now
      if (fresh.length === 0) continue
      journal.append({ at: yield* clock.now, kind: "frames", data: { causes: fresh, frames: yield* frames.recent } })
    }
  })
