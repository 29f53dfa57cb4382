import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { pause } from "../../../src/programs/pause/pause.ts"
import { ControlRefusal } from "../../../src/services/ControlClient.ts"
import { Store } from "../../../src/services/Store.ts"
import { prefix } from "../../domain/engine/Rig.ts"
import { NOON } from "../../support/build.ts"
import { clientOf, frozen, nobody, Screen, world } from "../cli/support.ts"

const said = Effect.map(Screen, ({ out }) => out())

describe("pause and resume", () => {
  it.effect("through the running trader", () =>
    Effect.gen(function* () {
      yield* pause(true)
      assert.include(yield* said, "holds only until the trader ends")
      yield* pause(false)
      assert.include(yield* said, "Resumed")
    }).pipe(
      Effect.provide(
        world({
          client: clientOf({
            pause: Effect.succeed({ paused: true, durable: false }),
            resume: Effect.succeed({ paused: false, durable: true })
          })
        })
      )
    )
  )

  it.effect("a refusal is told as it is", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(pause(false))).message, "still paused")
    }).pipe(
      Effect.provide(
        world({ client: clientOf({ resume: Effect.fail(new ControlRefusal({ status: 503, text: "still paused" })) }) })
      )
    )
  )

  it.effect("in the records when none runs or none answers; nothing is made where none ever ran", () =>
    Effect.gen(function* () {
      const store = yield* Effect.flatMap(Layer.build(mockWorld({ start: NOON, prefix })), (all) =>
        Effect.provide(Store, all)
      )
      const run = (paused: boolean, held: boolean) =>
        Effect.gen(function* () {
          yield* (yield* MockInstanceLockControl).holdElsewhere(held ? "data folder" : undefined)
          yield* pause(paused)
          return yield* said
        }).pipe(
          Effect.provide(
            world({ client: clientOf({}, held ? frozen : nobody), beside: { store: Effect.succeed(store) } })
          )
        )
      assert.include(yield* run(true, false), "will not enter until `resume`")
      assert.isTrue((yield* store.fence).paused)
      assert.include(yield* run(false, true), "does not answer (the trader did not answer")
      assert.isFalse((yield* store.fence).paused)
      assert.include(yield* run(true, true), "paused in its records")
      assert.include(yield* run(false, false), "may enter again")
      const never = (paused: boolean) =>
        Effect.gen(function* () {
          yield* (yield* MockRecordsControl).set({ exists: false })
          return (yield* Effect.flip(pause(paused))).message
        }).pipe(Effect.provide(world()))
      assert.include(yield* never(true), "nothing to pause")
      assert.include(yield* never(false), "nothing to resume")
    }).pipe(Effect.scoped)
  )
})
