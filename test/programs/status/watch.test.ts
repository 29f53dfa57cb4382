import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, TestClock } from "effect"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import { stripCodes } from "../../../src/programs/cli/text.ts"
import { frame, watchStatus } from "../../../src/programs/status/watch.ts"
import { LiveScreen } from "../../../src/services/LiveScreen.ts"
import { StopSignal } from "../../../src/services/StopSignal.ts"
import { world } from "../cli/support.ts"

const SIZE = { columns: 80, rows: 24 }

/** What was drawn, and whether the screen is taken. */
class Drawn extends Context.Tag("test/Drawn")<
  Drawn,
  { readonly frames: Array<ReadonlyArray<string>>; readonly taken: () => boolean }
>() {}

const drawing = (available = true) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const asked = yield* Deferred.make<string>()
      const frames: Array<ReadonlyArray<string>> = []
      let taken = false
      const take = (now: boolean) => Effect.sync(() => void (taken = now))
      return Context.make(Drawn, { frames, taken: () => taken }).pipe(
        Context.add(LiveScreen, {
          available,
          size: Effect.succeed(SIZE),
          open: Effect.as(
            Effect.acquireRelease(take(true), () => take(false)),
            (lines: ReadonlyArray<string>) => Effect.sync(() => void frames.push(lines))
          )
        }),
        Context.add(StopSignal, {
          request: (reason) => Effect.asVoid(Deferred.succeed(asked, reason)),
          requested: Deferred.await(asked)
        })
      )
    })
  )

describe("status --watch", () => {
  it.effect("draws each second whatever becomes of the trader, gives the screen back, and ends well", () =>
    Effect.gen(function* () {
      const { frames, taken } = yield* Drawn
      const lock = yield* MockInstanceLockControl
      const stop = yield* StopSignal
      const fiber = yield* Effect.fork(Effect.exit(watchStatus({ json: false, version: "1" })))
      yield* TestClock.adjust("1500 millis")
      assert.isTrue(taken())
      assert.strictEqual(frames.length, 2)
      yield* lock.holdElsewhere("data folder")
      yield* TestClock.adjust("2 seconds")
      yield* stop.request("SIGINT")
      const exit = yield* Fiber.join(fiber)
      assert.strictEqual(exitCodeOf(exit), 0)
      assert.isFalse(taken())
      const texts = frames.map((lines) => lines.map(stripCodes).join("\n"))
      assert.strictEqual(texts.length, 4)
      assert.include(texts[0], "NOT RUNNING")
      assert.include(texts[3], "NOT ENTERING")
      assert.include(texts[0], "1970-01-01T00:00:00Z")
      assert.include(texts[3], "1970-01-01T00:00:03Z")
      for (const lines of frames) {
        assert.isAtMost(lines.length, SIZE.rows)
        for (const line of lines) assert.isAtMost(stripCodes(line).length, SIZE.columns)
      }
    }).pipe(Effect.provide(Layer.merge(world({ colors: true }), drawing())))
  )

  it.effect("without a terminal, or with --json, it is refused (64) and says what to do", () =>
    Effect.gen(function* () {
      for (const [json, layer] of [
        [false, drawing(false)],
        [true, drawing()]
      ] as const) {
        const exit = yield* Effect.exit(Effect.provide(watchStatus({ json, version: "1" }), layer))
        assert.isTrue(Exit.isFailure(exit))
        assert.strictEqual(exitCodeOf(exit), 64)
      }
    }).pipe(Effect.provide(world()))
  )

  it("what does not fit is counted in the last line", () => {
    const text = Array.from({ length: 10 }, (_, n) => `line ${n}`).join("\n")
    assert.deepEqual(frame("title", text, { columns: 8, rows: 4 }), ["title", "line 0", "line 1", "… 8 more"])
    assert.deepEqual(frame("title", "a\nb", { columns: 3, rows: 3 }), ["tit", "a", "b"])
    assert.strictEqual(frame("t", text, { columns: 80, rows: 1 }).length, 2)
  })
})
