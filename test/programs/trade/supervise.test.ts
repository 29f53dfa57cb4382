import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Effect, Exit, Fiber, Schedule, TestClock } from "effect"
import { persistent, restart, storeRetry } from "../../../src/programs/trade/backoff.ts"
import { supervise } from "../../../src/programs/trade/supervise.ts"
import { rest } from "../desk/support.ts"

class Broken extends Data.TaggedError("Broken")<{ readonly bad: boolean }> {}

const forever = { name: "other", run: Effect.never }

describe("supervision", () => {
  it.effect(
    "a child without a policy that fails, returns, dies or is interrupted ends them all, and the others are interrupted",
    () =>
      Effect.forEach(
        [Effect.fail(new Broken({ bad: false })), Effect.void, Effect.die("a bug"), Effect.interrupt],
        (run: Effect.Effect<void, Broken>) =>
          Effect.gen(function* () {
            let interrupted = false
            const other = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (interrupted = true)))
            const error = yield* Effect.flip(
              supervise([
                { name: "other", run: other },
                { name: "engine", run }
              ])
            )
            assert.strictEqual(error._tag, "ComponentDown")
            assert.strictEqual(error.component, "engine")
            assert.include(error.message, "engine stopped")
            assert.isTrue(interrupted)
          })
      )
  )

  it.effect("a child with a policy is started again after failures and defects, with growing pauses up to 20 s", () =>
    Effect.gen(function* () {
      let starts = 0
      const run = Effect.suspend(() => {
        starts += 1
        return starts % 2 === 0 ? Effect.die("a bug") : Effect.fail(new Broken({ bad: false }))
      })
      const fiber = yield* Effect.fork(supervise([{ name: "feed", run, restart }, forever]))
      yield* rest
      assert.strictEqual(starts, 1)
      yield* TestClock.adjust("399 millis")
      assert.strictEqual(starts, 1)
      yield* TestClock.adjust("201 millis")
      assert.strictEqual(starts, 2)
      yield* TestClock.adjust("5 minutes")
      // about 0.5 + 1 + 2 + 4 + 8 + 16 s, then every 20 s, each give or take a fifth
      assert.isTrue(starts >= 16 && starts <= 25, `${starts} starts`)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
    })
  )

  it.effect("the pauses begin anew after a healthy minute, not in the middle of an outage", () =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const clock = yield* Effect.clock
      const run = Effect.suspend(() => {
        starts.push(clock.unsafeCurrentTimeMillis())
        return starts.length === 12 ? Effect.sleep("2 minutes") : Effect.fail(new Broken({ bad: false }))
      })
      const fiber = yield* Effect.fork(supervise([{ name: "feed", run, restart }, forever]))
      yield* rest
      for (let n = 0; n < 600; n++) yield* TestClock.adjust("1 second")
      const pauses = starts.slice(1).map((at, n) => at - (starts[n] ?? 0))
      assert.isTrue(
        pauses.slice(6, 11).every((ms) => ms >= 16_000 && ms <= 25_000),
        pauses.join()
      )
      assert.isBelow((pauses[11] ?? 0) - 120_000, 2000)
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("what is fatal ends the program although the child could be started again; what is not does not", () =>
    Effect.gen(function* () {
      let starts = 0
      const run = Effect.suspend(() => {
        starts += 1
        return Effect.fail(new Broken({ bad: starts > 1 }))
      })
      const child = { name: "account stream", run, restart, fatal: (error: Broken) => error.bad }
      const fiber = yield* Effect.fork(Effect.flip(supervise([child])))
      yield* rest
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(starts, 2)
      assert.isTrue(Cause.isFailure(error.cause))
    })
  )

  it.effect("a child that returns is started again where it has a policy, and is never fatal by that", () =>
    Effect.gen(function* () {
      let starts = 0
      const child = { name: "ticker", run: Effect.sync(() => void (starts += 1)), restart, fatal: () => true }
      const fiber = yield* Effect.fork(supervise([child]))
      yield* rest
      yield* TestClock.adjust("1 second")
      assert.isAtLeast(starts, 2)
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("the reads' and the writer's schedules never end and stay within their bounds", () =>
    Effect.gen(function* () {
      for (const [schedule, least, most] of [
        [persistent, 30, 60],
        [storeRetry, 110, 170]
      ] as const) {
        let tries = 0
        const fiber = yield* Effect.fork(
          Effect.retry(
            Effect.suspend(() => Effect.fail(`try ${(tries += 1)}`)),
            Schedule.asVoid(schedule)
          )
        )
        yield* rest
        yield* TestClock.adjust("10 minutes")
        assert.isTrue(tries >= least && tries <= most, `${tries}`)
        yield* Fiber.interrupt(fiber)
      }
    })
  )
})
