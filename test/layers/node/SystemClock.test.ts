import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
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

  it.effect("follows at once when the machine's clock was set", () =>
    Effect.gen(function* () {
      const clock = yield* MarketClock
      yield* TestClock.setTime(10_000_000)
      yield* observe(clock, 0, 2)
      yield* TestClock.setTime(10_000_000 + 3_600_000)
      yield* observe(clock, -3_600_000, 500)
      assert.closeTo((yield* clock.offset).ms, -3_600_000, 300)
    }).pipe(Effect.provide(SystemClockLive))
  )

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
