import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, TestClock } from "effect"
import { SystemClockLive } from "../../../src/layers/node/SystemClock.ts"
import { MarketClock } from "../../../src/services/Clock.ts"

/** Observes an exchange that runs `ahead` ms ahead of the machine, over a request of `roundTrip` ms (all of it on the way out). */
const observe = (clock: MarketClock["Type"], ahead: number, roundTrip: number) =>
  Effect.gen(function* () {
    const sentAt = yield* clock.now
    yield* TestClock.adjust(roundTrip)
    const machine = yield* Effect.clockWith((c) => c.currentTimeMillis)
    yield* clock.observe({ exchangeMs: machine + ahead, sentAt, receivedAt: yield* clock.now })
  })

describe("SystemClock", () => {
  it.effect("is the machine's clock until something is observed", () =>
    Effect.gen(function* () {
      const clock = yield* MarketClock
      yield* TestClock.setTime(1_000_000)
      assert.strictEqual(yield* clock.now, 1_000_000)
      assert.strictEqual(clock.speed, 1)
      assert.deepStrictEqual(yield* clock.offset, { ms: 0, measuredAt: 0 })
      assert.strictEqual(yield* clock.hold(Effect.succeed(7)), 7)
    }).pipe(Effect.provide(SystemClockLive))
  )

  it.effect("trusts the shortest round trip", () =>
    Effect.gen(function* () {
      const clock = yield* MarketClock
      yield* TestClock.setTime(1_000_000)
      yield* observe(clock, 300, 800)
      assert.strictEqual((yield* clock.offset).ms, 700)
      yield* observe(clock, 300, 20)
      assert.strictEqual((yield* clock.offset).ms, 310)
      yield* observe(clock, 300, 900)
      assert.strictEqual((yield* clock.offset).ms, 310)
      assert.strictEqual(clock.unsafeNow(), 1_001_720 + 310)
    }).pipe(Effect.provide(SystemClockLive))
  )

  it.effect("forgets samples after ten minutes, and beyond eight", () =>
    Effect.gen(function* () {
      const clock = yield* MarketClock
      yield* observe(clock, 0, 10)
      yield* TestClock.adjust("11 minutes")
      yield* observe(clock, 0, 200)
      assert.strictEqual((yield* clock.offset).ms, 100)
      yield* observe(clock, 0, 50)
      for (let i = 0; i < 8; i += 1) yield* observe(clock, 0, 300)
      assert.strictEqual((yield* clock.offset).ms, 150)
    }).pipe(Effect.provide(SystemClockLive))
  )

  it.effect("is not moved by somebody who sets the machine's clock, and tells at once how far off that is", () => {
    const machine = { wall: 10_000_000, steadyNs: 5_000_000_000n }
    const clockOfMachine: Clock.Clock = {
      ...Clock.make(),
      unsafeCurrentTimeMillis: () => machine.wall,
      unsafeCurrentTimeNanos: () => machine.steadyNs
    }
    return Effect.gen(function* () {
      const clock = yield* MarketClock
      yield* clock.observe({ exchangeMs: 10_000_250, sentAt: 10_000_000, receivedAt: 10_000_000 })
      assert.strictEqual(clock.unsafeNow(), 10_000_250)
      machine.wall += 3_600_000
      machine.steadyNs += 40_000_000n
      assert.strictEqual(clock.unsafeNow(), 10_000_290)
      assert.strictEqual((yield* clock.offset).ms, 290 - 3_600_000)
      // the machine slept for an hour: its monotonic clock stood still, its wall clock did not
      machine.wall = 10_000_040 + 3_600_000
      const now = clock.unsafeNow()
      yield* clock.observe({ exchangeMs: 13_600_290, sentAt: now, receivedAt: now + 500 })
      assert.closeTo(clock.unsafeNow(), 13_600_290, 300)
      assert.closeTo((yield* clock.offset).ms, 250, 300)
    }).pipe(Effect.provide(SystemClockLive), Effect.withClock(clockOfMachine))
  })

  it.effect("ignores samples that make no sense", () =>
    Effect.gen(function* () {
      const clock = yield* MarketClock
      yield* clock.observe({ exchangeMs: 5, sentAt: 10, receivedAt: 9 })
      yield* clock.observe({ exchangeMs: Number.NaN, sentAt: 10, receivedAt: 10 })
      yield* clock.observe({ exchangeMs: 5, sentAt: Number.NaN, receivedAt: 10 })
      assert.deepStrictEqual(yield* clock.offset, { ms: 0, measuredAt: 0 })
    }).pipe(Effect.provide(SystemClockLive))
  )

  it.effect("sleeps real milliseconds", () =>
    Effect.gen(function* () {
      const clock = yield* MarketClock
      const fiber = yield* Effect.fork(Effect.zipRight(clock.sleep(1000), clock.now))
      yield* TestClock.adjust(999)
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(fiber), 1000)
      yield* clock.sleep(-1)
    }).pipe(Effect.provide(SystemClockLive))
  )
})
