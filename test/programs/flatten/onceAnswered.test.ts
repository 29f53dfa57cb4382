import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Fiber, TestClock } from "effect"
import type { FlattenRun } from "../../../src/programs/flatten/FlattenRun.ts"
import { onceAnswered } from "../../../src/programs/flatten/onceAnswered.ts"
import { ExchangeUnavailable, PairUnknown } from "../../../src/programs/trade/preflight.ts"

type Refusal = ExchangeUnavailable | PairUnknown

const silent = new ExchangeUnavailable({ detail: "refused" })

/** Starts that come to one after the other, the last for ever; each takes so long. */
const starts = (takesMs: number, ...outcomes: ReadonlyArray<Either.Either<string, Refusal>>) => {
  let n = 0
  const start = Effect.suspend((): Effect.Effect<string, Refusal> => {
    const outcome = outcomes[Math.min(n, outcomes.length - 1)] ?? Either.left(silent)
    n += 1
    return Effect.zipRight(Effect.sleep(takesMs), outcome)
  })
  return { start, tries: () => n }
}

const runOf = (timeoutMs: number) => {
  const waits: Array<readonly [string, number]> = []
  const run: FlattenRun = {
    timeoutMs,
    seen: () => Effect.void,
    waiting: (why, leftMs) => Effect.sync(() => void waits.push([why, leftMs]))
  }
  return { run, waits }
}

/** How it ended after so much time, which it must have. */
const after = <A, E>(ms: number, effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.either(effect))
    yield* TestClock.adjust(ms)
    const exit = yield* Fiber.poll(fiber)
    assert.strictEqual(exit._tag, "Some", `it has not ended after ${ms} ms`)
    return yield* Fiber.join(fiber)
  })

describe("the start of a sale", () => {
  it.effect("that goes through leaves the sale all of its time, however long it took", () =>
    Effect.gen(function* () {
      const { run, waits } = runOf(5000)
      const { start } = starts(8000, Either.right("cleared"))
      assert.deepEqual(yield* after(8000, onceAnswered(start, run)), Either.right(["cleared", run] as const))
      assert.deepEqual(waits, [])
    })
  )

  it.effect("that the exchange does not answer is tried again every two seconds; the sale has what is left", () =>
    Effect.gen(function* () {
      const { run, waits } = runOf(10_000)
      const other = new ExchangeUnavailable({ detail: "timed out" })
      const { start, tries } = starts(500, Either.left(silent), Either.left(other), Either.right("cleared"))
      const ended = yield* after(5500, onceAnswered(start, run))
      assert.deepEqual(ended, Either.right(["cleared", { ...run, timeoutMs: 4500 }] as const))
      assert.strictEqual(tries(), 3)
      assert.deepEqual(waits, [
        ["refused", 9500],
        ["timed out", 7000]
      ])
    })
  )

  it.effect("ends with the time, also while a try hangs, and with the newest reason", () =>
    Effect.gen(function* () {
      const { run, waits } = runOf(5000)
      const newest = new ExchangeUnavailable({ detail: "timed out" })
      const { start, tries } = starts(1000, Either.left(silent), Either.left(newest))
      assert.deepEqual(yield* after(5000, onceAnswered(start, run)), Either.left(newest))
      assert.strictEqual(tries(), 2)
      assert.deepEqual(
        waits.map(([why]) => why),
        ["refused", "timed out"]
      )
      const hanging = starts(4000, Either.left(silent))
      assert.deepEqual(yield* after(5000, onceAnswered(hanging.start, run)), Either.left(silent))
      // the first try is not broken off: nothing speaks against it yet
      const slow = starts(9000, Either.left(silent))
      const before = waits.length
      assert.deepEqual(yield* after(9000, onceAnswered(slow.start, run)), Either.left(silent))
      assert.strictEqual(slow.tries(), 1)
      assert.strictEqual(waits.length, before)
    })
  )

  it.effect("that is refused for another reason is not tried again", () =>
    Effect.gen(function* () {
      const { run } = runOf(60_000)
      const refusal = new PairUnknown({ pairs: ["NO/USD"] })
      const first = starts(0, Either.left(refusal))
      assert.deepEqual(yield* after(0, onceAnswered(first.start, run)), Either.left(refusal))
      assert.strictEqual(first.tries(), 1)
      const later = starts(0, Either.left(silent), Either.left(refusal), Either.right("never"))
      assert.deepEqual(yield* after(2000, onceAnswered(later.start, run)), Either.left(refusal))
      assert.strictEqual(later.tries(), 2)
    })
  )

  it.effect("of a trader that is to trade is not tried again", () =>
    Effect.gen(function* () {
      const trader = starts(0, Either.left(silent), Either.right("never"))
      assert.deepEqual(yield* after(0, onceAnswered(trader.start, undefined)), Either.left(silent))
      const through = starts(0, Either.right("cleared"))
      assert.deepEqual(
        yield* after(0, onceAnswered(through.start, undefined)),
        Either.right(["cleared", undefined] as const)
      )
    })
  )
})
