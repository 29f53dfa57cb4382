import { it } from "@effect/vitest"
import { Deferred, Effect, Either, Exit, Fiber, TestClock } from "effect"
import { assert, describe } from "vitest"
import type { KrakenTransportError } from "../../../../src/domain/kraken/KrakenError.ts"
import { makeLane, MAX_WAITING_READS } from "../../../../src/layers/kraken/rest/Lane.ts"

const settle = Effect.yieldNow().pipe(Effect.repeatN(20))

describe("the private lane", () => {
  it.effect("serves exits before entries before reads, and each rank by arrival", () =>
    Effect.gen(function* () {
      const lane = yield* makeLane
      const seen: Array<string> = []
      const gate = yield* Deferred.make<void>()
      const note = (name: string): Effect.Effect<void> => Effect.sync(() => void seen.push(name))
      const holder = yield* Effect.fork(lane.order("entry", Effect.zipRight(note("first"), Deferred.await(gate))))
      yield* settle
      const waiting: ReadonlyArray<Effect.Effect<void, KrakenTransportError>> = [
        lane.read("Balance", note("read 1")),
        lane.order("entry", note("entry 1")),
        lane.order("exit", note("exit 1")),
        lane.read("Balance", note("read 2")),
        lane.order("entry", note("entry 2")),
        lane.order("exit", note("exit 2"))
      ]
      const fibers: Array<Fiber.Fiber<void, KrakenTransportError>> = []
      for (const one of waiting) {
        fibers.push(yield* Effect.fork(one))
        yield* settle
      }
      assert.deepStrictEqual(seen, ["first"])
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(holder)
      for (const fiber of fibers) yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, ["first", "exit 1", "exit 2", "entry 1", "entry 2", "read 1", "read 2"])
    })
  )

  it.effect("a read gives way to an order at once; an order gives way to nobody", () =>
    Effect.gen(function* () {
      const lane = yield* makeLane
      const interrupted: Array<string> = []
      const hang = (name: string): Effect.Effect<never> =>
        Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted.push(name)))
      const read = yield* Effect.fork(Effect.either(lane.read("Balance", hang("read"))))
      yield* settle
      // Another read does not disturb it.
      const second = yield* Effect.fork(lane.read("OpenOrders", Effect.void))
      yield* settle
      assert.deepStrictEqual(interrupted, [])
      const entry = yield* Effect.fork(lane.order("entry", hang("entry")))
      const result = yield* Fiber.join(read)
      assert(Either.isLeft(result))
      assert.deepInclude(result.left, { reason: "overtaken", executed: "no", endpoint: "Balance" })
      const exit = yield* Effect.fork(lane.order("exit", Effect.succeed("sold")))
      yield* settle
      assert.deepStrictEqual(interrupted, ["read"])
      yield* Fiber.interrupt(entry)
      assert.strictEqual(yield* Fiber.join(exit), "sold")
      yield* Fiber.join(second)
    })
  )

  it.effect("waiting can be interrupted, without harm to those behind", () =>
    Effect.gen(function* () {
      const lane = yield* makeLane
      const gate = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(lane.order("exit", Deferred.await(gate)))
      yield* settle
      const gone = yield* Effect.fork(lane.order("entry", Effect.die("it was interrupted")))
      const stays = yield* Effect.fork(lane.order("entry", Effect.succeed("served")))
      yield* settle
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(gone)))
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(holder)
      assert.strictEqual(yield* Fiber.join(stays), "served")
    })
  )

  it.effect("is free again after a failure, a defect, or an interruption of its holder", () =>
    Effect.gen(function* () {
      const lane = yield* makeLane
      assert.deepStrictEqual(yield* Effect.either(lane.order("entry", Effect.fail("no"))), Either.left("no"))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(lane.order("entry", Effect.die("bug")))))
      const holder = yield* Effect.fork(lane.order("entry", Effect.never))
      yield* settle
      const next = yield* Effect.fork(lane.read("Balance", Effect.succeed(1)))
      yield* settle
      // Granted and interrupted in the same moment: the lane is handed on all the same.
      yield* Fiber.interruptAll([holder, next])
      assert.strictEqual(yield* lane.read("Balance", Effect.succeed(2)), 2)
    })
  )

  it.effect("rank safety overtakes whatever runs, one call at a time", () =>
    Effect.gen(function* () {
      const lane = yield* makeLane
      const gate = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(lane.order("entry", Effect.never))
      yield* settle
      const seen: Array<string> = []
      const one = yield* Effect.fork(
        lane.safety(
          Effect.zipRight(
            Deferred.await(gate),
            Effect.sync(() => seen.push("cancel"))
          )
        )
      )
      const two = yield* Effect.fork(lane.safety(Effect.sync(() => seen.push("switch"))))
      yield* settle
      assert.deepStrictEqual(seen, [])
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(one)
      yield* Fiber.join(two)
      assert.deepStrictEqual(seen, ["cancel", "switch"])
      yield* Fiber.interrupt(holder)
    })
  )

  it.effect("reads wait half a minute at most, and not too many of them", () =>
    Effect.gen(function* () {
      const lane = yield* makeLane
      const holder = yield* Effect.fork(lane.order("entry", Effect.never))
      yield* settle
      const reads = yield* Effect.forEach(Array.from({ length: MAX_WAITING_READS }), () =>
        Effect.fork(Effect.either(lane.read("Balance", Effect.void)))
      )
      yield* settle
      const refused = yield* Effect.either(lane.read("Balance", Effect.void))
      assert(Either.isLeft(refused))
      assert.include(refused.left.detail, "waiting already")
      yield* TestClock.adjust("30 seconds")
      for (const fiber of reads) {
        const result = yield* Fiber.join(fiber)
        assert(Either.isLeft(result))
        assert.include(result.left.detail, "30 seconds")
      }
      yield* Fiber.interrupt(holder)
      yield* lane.read("Balance", Effect.void)
    })
  )
})
