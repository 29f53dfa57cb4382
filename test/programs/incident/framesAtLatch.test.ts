import { assert, describe, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { framesAtLatch } from "../../../src/programs/incident/framesAtLatch.ts"
import type { JournalEntry } from "../../../src/services/Journal.ts"
import { Journal } from "../../../src/services/Journal.ts"
import { NOON } from "../../support/build.ts"
import { Rig } from "../../domain/engine/Rig.ts"
import { inWorld, rest } from "../desk/support.ts"

const frame = { at: "2024-03-10T12:00:00.000Z", stream: "public", text: "{}" } as const

describe("frames that came before a latch", () => {
  it.scoped("are written once a latch, and again when it latches anew", () =>
    inWorld(new Rig().ready(), ({ d }) =>
      Effect.gen(function* () {
        const written: Array<JournalEntry> = []
        const look = Effect.zipRight(TestClock.adjust("1 second"), rest)
        yield* Effect.forkScoped(
          Effect.provideService(framesAtLatch({ record: () => undefined, recent: Effect.succeed([frame]) }), Journal, {
            append: (entry) => void written.push(entry),
            flush: Effect.void
          })
        )
        yield* rest
        yield* look
        assert.deepEqual(written, [])
        const trip = d.engine.tell({ _tag: "Tripped", cause: "operator", reason: "test" })
        yield* trip
        yield* d.engine.settled
        yield* look
        yield* look
        assert.strictEqual(written.length, 1)
        assert.deepInclude(written[0], { kind: "frames", data: { causes: ["operator"], frames: [frame] } })
        assert.isAtLeast(written[0]?.at ?? 0, NOON)
        yield* d.engine.tell({ _tag: "Reset", cause: "operator", reason: "test" })
        yield* d.engine.settled
        yield* look
        yield* trip
        yield* d.engine.settled
        yield* look
        assert.strictEqual(written.length, 2)
      })
    )
  )
})
