/** Whether the decision loop makes progress: what a heartbeat and a watchdog are fed by. */
import { Effect } from "effect"
import type { Clock } from "effect"
import { Alerts } from "../../services/Alerts.ts"
import { MarketClock } from "../../services/Clock.ts"
import { Engine } from "../../services/Engine.ts"
import type { EngineShape } from "../../services/Engine.ts"
import type { ServiceManagerShape } from "../../services/ServiceManager.ts"

/** The queue of events is expected to be worked off within this (real time). */
const SETTLE = "10 seconds"
/** No fold for so long (real time): there is one every second of market time. */
const QUIET_MS = 60_000
/** A program that was frozen is given so long to catch up. */
const CATCH_UP = "5 seconds"
/** How often it is looked where nobody asks for more. */
const LOOK_MS = 20_000

const pulseOf = (engine: EngineShape, real: Clock.Clock): Effect.Effect<boolean> => {
  let seen = engine.unsafeState()
  let seenAt = real.unsafeCurrentTimeMillis()
  const look = Effect.gen(function* () {
    const answered = yield* Effect.timeoutTo(engine.settled, {
      duration: SETTLE,
      onTimeout: () => false,
      onSuccess: () => true
    })
    const state = engine.unsafeState()
    if (state !== seen) {
      seen = state
      seenAt = real.unsafeCurrentTimeMillis()
    }
    return answered && real.unsafeCurrentTimeMillis() - seenAt < QUIET_MS
  })
  return Effect.gen(function* () {
    if (yield* look) return true
    yield* Effect.sleep(CATCH_UP)
    return yield* look
  })
}

/** A look: the engine answers what is queued, and folds go on. */
export const makePulse: Effect.Effect<Effect.Effect<boolean>, never, Engine> = Effect.map(
  Effect.all([Engine, Effect.clock]),
  ([engine, real]) => pulseOf(engine, real)
)

/** Feeds the service manager's watchdog, and tells a person when there is nothing to feed it with. */
export const watchPulse = (manager: ServiceManagerShape) =>
  Effect.gen(function* () {
    const pulse = yield* makePulse
    const alerts = yield* Alerts
    const clock = yield* MarketClock
    // a third of the time that the watchdog waits: one look may be late
    const every = Math.min(LOOK_MS, (manager.watchdogMs ?? Infinity) / 3)
    let stuck = false
    yield* manager.ready
    while (true) {
      const moving = yield* pulse
      if (moving && manager.watchdogMs !== undefined) yield* manager.alive
      if (moving === stuck) {
        stuck = !moving
        yield* alerts.send({
          at: clock.unsafeNow(),
          severity: stuck ? "critical" : "info",
          kind: stuck ? "loop.stuck" : "loop.moving",
          text: stuck
            ? "The decision loop does not move: nothing is bought or sold, and no stop is watched. The exchange cancels resting orders when the dead man's switch is not refreshed. Look at `status`, then stop the trader and start it again; what is held is looked after by the next start."
            : "The decision loop moves again."
        })
      }
      yield* Effect.sleep(every)
    }
  })
