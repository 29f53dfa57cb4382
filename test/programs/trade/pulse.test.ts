import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { makePulse, watchPulse } from "../../../src/programs/trade/pulse.ts"
import { Alerts } from "../../../src/services/Alerts.ts"
import type { Alert } from "../../../src/services/Alerts.ts"
import type { MarketClock } from "../../../src/services/Clock.ts"
import { Engine } from "../../../src/services/Engine.ts"
import type { EngineShape } from "../../../src/services/Engine.ts"
import { mockMarketClock } from "../../../src/layers/mock/MockMarketClock.ts"
import { Rig } from "../../domain/engine/Rig.ts"
import { NOON } from "../../support/build.ts"

/** An engine that answers, and folds, as told. */
const world = () => {
  const rig = new Rig().ready()
  const told = { answers: true, folds: true }
  let state = rig.state
  const engine = {
    settled: Effect.suspend(() => (told.answers ? Effect.void : Effect.never)),
    unsafeState: () => {
      if (told.folds) state = { ...state }
      return state
    }
  } as Pick<EngineShape, "settled" | "unsafeState"> as EngineShape
  const alerts: Array<Alert> = []
  const beats = { ready: 0, alive: 0 }
  const manager = (watchdogMs: number | undefined) => ({
    watchdogMs,
    ready: Effect.sync(() => void (beats.ready += 1)),
    alive: Effect.sync(() => void (beats.alive += 1))
  })
  const provide = <A, E>(effect: Effect.Effect<A, E, Engine | Alerts | MarketClock>) =>
    effect.pipe(
      Effect.provideService(Engine, engine),
      Effect.provideService(Alerts, { send: (alert) => Effect.sync(() => void alerts.push(alert)) }),
      Effect.provide(mockMarketClock(NOON))
    )
  return { told, alerts, beats, manager, provide }
}

describe("the pulse of the decision loop", () => {
  it.effect("is there while events are worked off and folds go on", () => {
    const w = world()
    return w.provide(
      Effect.gen(function* () {
        const pulse = yield* makePulse
        const look = Effect.gen(function* () {
          const looking = yield* Effect.fork(pulse)
          yield* TestClock.adjust("30 seconds")
          return yield* Fiber.join(looking)
        })
        assert.isTrue(yield* look)
        w.told.answers = false
        assert.isFalse(yield* look)
        w.told.answers = true
        assert.isTrue(yield* look)
        // it answers, and time-driven decisions have stopped
        w.told.folds = false
        yield* look
        yield* TestClock.adjust("1 minute")
        assert.isFalse(yield* look)
        w.told.folds = true
        assert.isTrue(yield* look)
      })
    )
  })

  it.effect("feeds the watchdog three times as often as it asks; without it a person is told, once", () => {
    const w = world()
    return w.provide(
      Effect.gen(function* () {
        const watching = yield* Effect.fork(watchPulse(w.manager(30_000)))
        yield* TestClock.adjust("59 seconds")
        assert.deepStrictEqual(w.beats, { ready: 1, alive: 6 })
        w.told.answers = false
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(w.beats.alive, 6)
        assert.deepStrictEqual(
          w.alerts.map(({ kind, severity }) => [kind, severity]),
          [["loop.stuck", "critical"]]
        )
        w.told.answers = true
        yield* TestClock.adjust("1 minute")
        assert.isAbove(w.beats.alive, 6)
        assert.deepStrictEqual(
          w.alerts.map(({ kind }) => kind),
          ["loop.stuck", "loop.moving"]
        )
        yield* Fiber.interrupt(watching)
      })
    )
  })

  it.effect("is looked at where no watchdog waits", () => {
    const w = world()
    return w.provide(
      Effect.gen(function* () {
        const watching = yield* Effect.fork(watchPulse(w.manager(undefined)))
        w.told.answers = false
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(w.beats, { ready: 1, alive: 0 })
        assert.lengthOf(w.alerts, 1)
        yield* Fiber.interrupt(watching)
      })
    )
  })
})
