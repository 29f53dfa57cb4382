import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { conceal } from "../../../src/domain/strategy/Strategy.ts"
import { MockAlertsControl } from "../../../src/layers/mock/MockAlerts.ts"
import { emptySnapshot } from "../../../src/layers/mock/MockStore.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { trade } from "../../../src/programs/trade/trade.ts"
import { Installation } from "../../../src/services/Installation.ts"
import { StopSignal } from "../../../src/services/StopSignal.ts"
import { LOST_LOG_NOTE, RESTORED_NOTE, START_STEP_NOTE, Store } from "../../../src/services/Store.ts"
import { NOON } from "../../support/build.ts"
import { prefix } from "../../domain/engine/Rig.ts"

const idle = conceal<null>({
  name: "idle",
  intervalMinutes: 1,
  warmUpCandles: 1,
  initial: null,
  warmUp: () => null,
  step: (state) => ({ _tag: "Ready", state, signals: [], features: {} })
})

/** Alerts of a start that reads the books and gets no further: this world's exchange answers nothing. */
const alertsOfStart = (notes: ReadonlyMap<string, string>) =>
  Effect.gen(function* () {
    yield* Effect.exit(trade({ strategy: idle }))
    // `status` tells from the records how far it came
    const { notes: after } = yield* Effect.flatMap(Store, (store) => store.load)
    assert.strictEqual(after.get(START_STEP_NOTE), "comparing clocks with the exchange")
    return yield* Effect.flatMap(MockAlertsControl, (alerts) => alerts.sent)
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        mockWorld({ start: NOON, prefix, records: { ...emptySnapshot, notes } }),
        Layer.succeed(Installation, { prefix, keyFingerprint: "test" }),
        Layer.succeed(StopSignal, { requested: Effect.never, request: () => Effect.void })
      )
    ),
    Effect.scoped
  )

describe("records that were lost with the write-ahead log", () => {
  it.effect("are told of at every start, before anything else is done", () =>
    Effect.gen(function* () {
      const [alert, ...more] = yield* alertsOfStart(new Map([[LOST_LOG_NOTE, "2024-03-10T11:00:00.000Z"]]))
      assert.lengthOf(more, 0)
      assert.deepInclude(alert, {
        at: NOON,
        severity: "critical",
        kind: "store.lost-log",
        data: { knownSince: "2024-03-10T11:00:00.000Z" }
      })
    })
  )

  it.effect("are not mentioned when none are, nor once the note has been emptied", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* alertsOfStart(new Map()), [])
      assert.deepStrictEqual(yield* alertsOfStart(new Map([[LOST_LOG_NOTE, ""]])), [])
      // a check says more of records that were restored
      const restored = new Map([
        [LOST_LOG_NOTE, "2024-03-10T11:00:00.000Z"],
        [RESTORED_NOTE, "put in place today"]
      ])
      assert.deepStrictEqual(yield* alertsOfStart(restored), [])
    })
  )
})
