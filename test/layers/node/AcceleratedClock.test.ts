import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, FastCheck, Fiber, TestClock } from "effect"
import { makeAcceleratedClock } from "../../../src/layers/node/AcceleratedClock.ts"

const START = 1_700_000_000_000

describe("AcceleratedClock", () => {
  it.scoped("runs at its speed", () =>
    Effect.gen(function* () {
      const clock = yield* makeAcceleratedClock({ start: START, speed: 60 })
      assert.strictEqual(clock.speed, 60)
      assert.strictEqual(yield* clock.now, START)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(clock.unsafeNow(), START + 60_000)
      assert.deepStrictEqual(yield* clock.offset, { ms: 0, measuredAt: START + 60_000 })
      yield* clock.observe({ exchangeMs: 1, sentAt: 1, receivedAt: 1 })
      assert.strictEqual(clock.unsafeNow(), START + 60_000)
    })
  )

  it.scoped("never runs at speed zero", () =>
    Effect.gen(function* () {
      const clock = yield* makeAcceleratedClock({ start: START, speed: 0 })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(clock.unsafeNow(), START + 60)
    })
  )

  it.scoped("wakes sleepers in the order of their times, ties in the order of their coming", () =>
    Effect.gen(function* () {
      const clock = yield* makeAcceleratedClock({ start: START, speed: 60 })
      const woken: Array<string> = []
      const go = (name: string, ms: number) =>
        Effect.fork(
          Effect.zipRight(
            clock.sleep(ms),
            Effect.sync(() => woken.push(`${name}@${clock.unsafeNow() - START}`))
          )
        )
      yield* go("late", 120_000)
      yield* go("early", 60_000)
      yield* go("early too", 60_000)
      yield* go("at once", 0)
      yield* Effect.yieldNow()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(woken, ["at once@0", "early@60000", "early too@60000"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(woken.slice(3), ["late@120000"])
    })
  )

  it.scoped("stands still while it is held, and a sleep that was under way takes that much longer", () =>
    Effect.gen(function* () {
      const clock = yield* makeAcceleratedClock({ start: START, speed: 60 })
      const sleeper = yield* Effect.fork(Effect.zipRight(clock.sleep(60_000), clock.now))
      yield* TestClock.adjust("500 millis")
      const gate = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(clock.hold(Deferred.await(gate)))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(clock.unsafeNow(), START + 30_000)
      assert.isNull(sleeper.unsafePoll())
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(holder)
      yield* TestClock.adjust("499 millis")
      assert.isNull(sleeper.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(sleeper), START + 60_000)
    })
  )

  it.scoped("runs again only when the last of several holders lets go, each counted once", () =>
    Effect.gen(function* () {
      const clock = yield* makeAcceleratedClock({ start: START, speed: 10 })
      const first = clock.unsafeHold()
      const second = clock.unsafeHold()
      first()
      first()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(clock.unsafeNow(), START)
      second()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(clock.unsafeNow(), START + 10_000)
    })
  )

  it.scoped("lets go when the holder fails or is interrupted", () =>
    Effect.gen(function* () {
      const clock = yield* makeAcceleratedClock({ start: START, speed: 10 })
      yield* Effect.ignore(clock.hold(Effect.fail("no")))
      const holder = yield* Effect.fork(clock.hold(Effect.never))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(holder)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(clock.unsafeNow(), START + 10_000)
    })
  )

  it.scoped("pauses beside holders, and advances even then", () =>
    Effect.gen(function* () {
      const clock = yield* makeAcceleratedClock({ start: START, speed: 10 })
      const sleeper = yield* Effect.fork(clock.sleep(5_000))
      yield* Effect.yieldNow()
      yield* clock.pause
      yield* clock.hold(TestClock.adjust("1 second"))
      assert.strictEqual(clock.unsafeNow(), START)
      yield* clock.advance(5_000)
      yield* Fiber.join(sleeper)
      assert.strictEqual(clock.unsafeNow(), START + 5_000)
      yield* clock.advance(-1)
      yield* clock.resume
      yield* TestClock.adjust("1 second")
      assert.strictEqual(clock.unsafeNow(), START + 15_000)
    })
  )

  it.scoped("forgets a sleeper that was interrupted", () =>
    Effect.gen(function* () {
      const clock = yield* makeAcceleratedClock({ start: START, speed: 10 })
      const sleeper = yield* Effect.fork(clock.sleep(5_000))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(sleeper)
      const next = yield* Effect.fork(clock.sleep(6_000))
      yield* TestClock.adjust("600 millis")
      yield* Fiber.join(next)
    })
  )

  it.effect.prop(
    "never goes back, whatever is done to it",
    {
      steps: FastCheck.array(FastCheck.constantFrom("hold", "release", "pause", "resume", "advance", "tick"), {
        maxLength: 40
      })
    },
    ({ steps }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const clock = yield* makeAcceleratedClock({ start: START, speed: 7 })
          const held: Array<() => void> = []
          let last = START
          for (const step of steps) {
            if (step === "hold") held.push(clock.unsafeHold())
            else if (step === "release") held.pop()?.()
            else if (step === "pause") yield* clock.pause
            else if (step === "resume") yield* clock.resume
            else if (step === "advance") yield* clock.advance(3)
            else yield* TestClock.adjust(13)
            const now = clock.unsafeNow()
            assert.isAtLeast(now, last)
            last = now
          }
        })
      )
  )

  it.effect("a stall of the process does not skip what a sleeper owes, except at real speed", () =>
    Effect.gen(function* () {
      for (const speed of [60, 1]) {
        // a clock whose timers fire only when the test lets them, however much time has passed
        let nanos = 0n
        const timers: Array<() => void> = []
        const real = yield* Effect.clock
        const stalled = {
          ...real,
          unsafeCurrentTimeNanos: () => nanos,
          currentTimeNanos: Effect.sync(() => nanos),
          sleep: () => Effect.async<void>((resume) => void timers.push(() => resume(Effect.void)))
        }
        const passed = yield* Effect.scoped(
          Effect.gen(function* () {
            const clock = yield* makeAcceleratedClock({ start: START, speed })
            const sleeper = yield* Effect.fork(clock.sleep(1000))
            yield* Effect.yieldNow()
            yield* Effect.yieldNow()
            nanos += 10_000_000_000n
            timers.splice(0).forEach((fire) => fire())
            yield* Fiber.join(sleeper)
            return clock.unsafeNow() - START
          })
        ).pipe(Effect.withClock(stalled))
        if (speed === 1) assert.strictEqual(passed, 10_000)
        else assert.isAtMost(passed, 1000 + 50 * speed)
      }
    })
  )
})
