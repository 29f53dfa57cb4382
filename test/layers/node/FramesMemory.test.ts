import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"
import { FramesMemory, KEPT, LONGEST } from "../../../src/layers/node/FramesMemory.ts"
import { registerSecret } from "../../../src/layers/node/secrets.ts"
import { Frames } from "../../../src/services/Frames.ts"

describe("the newest frames", () => {
  it.effect("of both streams in their order, heartbeats aside", () =>
    Effect.gen(function* () {
      const frames = yield* Frames
      frames.record("public", "a")
      frames.record("public", '{"channel":"heartbeat"}')
      yield* TestClock.adjust("1 second")
      frames.record("private", "b")
      yield* TestClock.adjust("1 second")
      frames.record("public", "c")
      assert.deepEqual(yield* frames.recent, [
        { at: "1970-01-01T00:00:00.000Z", stream: "public", text: "a" },
        { at: "1970-01-01T00:00:01.000Z", stream: "private", text: "b" },
        { at: "1970-01-01T00:00:02.000Z", stream: "public", text: "c" }
      ])
    }).pipe(Effect.provide(FramesMemory))
  )

  it.effect("a busy stream pushes out its own oldest, not the other's", () =>
    Effect.gen(function* () {
      const frames = yield* Frames
      frames.record("private", "mine")
      for (let n = 0; n < KEPT + 3; n += 1) {
        yield* TestClock.adjust(1)
        frames.record("public", `${n}`)
      }
      const recent = yield* frames.recent
      assert.strictEqual(recent.length, KEPT + 1)
      assert.strictEqual(recent[0]?.text, "mine")
      assert.deepEqual([recent[1]?.text, recent.at(-1)?.text], ["3", `${KEPT + 2}`])
    }).pipe(Effect.provide(FramesMemory))
  )

  it.effect("without secrets and tokens, and cut where they are long", () =>
    Effect.gen(function* () {
      const frames = yield* Frames
      registerSecret(Redacted.make("a-known-secret-text"))
      frames.record("private", '{"x":"a-known-secret-text","token":"never/seen+before"}')
      frames.record("private", "y".repeat(LONGEST + 1))
      const [first, second] = yield* frames.recent
      assert.strictEqual(first?.text, '{"x":"[redacted]","token":"[redacted]"}')
      assert.isTrue(second?.text.endsWith(`… (${LONGEST + 1} characters)`))
    }).pipe(Effect.provide(FramesMemory))
  )
})
