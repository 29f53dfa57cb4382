import { assert, describe, it } from "@effect/vitest"
import { Effect, FiberRef, Layer, Logger, LogLevel } from "effect"
import { MockKrakenRestControl } from "../../../src/layers/mock/MockKrakenRest.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { warn } from "../../../src/programs/doctor/Check.ts"
import { lateChecks, overhear } from "../../../src/programs/trade/lateChecks.ts"
import { Installation } from "../../../src/services/Installation.ts"
import { KrakenRest } from "../../../src/services/KrakenRest.ts"
import { prefix } from "../../domain/engine/Rig.ts"
import { entry, instrument, NOON, rate, usd, XLM } from "../../support/build.ts"
import { nameless, recordOf, rest as settle, timedOut } from "../desk/support.ts"

const told = (logs: ReadonlyArray<string>) => [...logs].map((line) => line.split(":")[0]).toSorted()

describe("checks of what a start reads by itself", () => {
  it.scoped("each is told when it was read, from that very reading", () =>
    Effect.gen(function* () {
      const control = yield* MockKrakenRestControl
      yield* control.answer("balanceEx", Effect.fail(timedOut("BalanceEx")))
      yield* control.always(
        "balanceEx",
        Effect.succeed([{ assetId: "ZUSD", balance: usd("3"), hold: 0n, available: usd("3") }])
      )
      yield* control.always("openOrders", Effect.succeed([nameless(recordOf(entry()))]))
      yield* control.always("systemStatus", Effect.succeed("maintenance"))
      yield* control.always(
        "tradeVolume",
        Effect.succeed(new Map([[XLM, { maker: rate("0.0025"), taker: rate("0.004") }]]))
      )
      const logs: Array<string> = []
      const { echo, rest } = yield* overhear(yield* KrakenRest)
      yield* lateChecks(echo, [instrument()], Effect.succeed([warn("webhook", "404", "Correct it.")])).pipe(
        Effect.locally(FiberRef.currentMinimumLogLevel, LogLevel.All),
        Effect.provide(
          Logger.replace(
            Logger.defaultLogger,
            Logger.make(({ message }) => void logs.push(String(message)))
          )
        ),
        Effect.forkScoped
      )
      yield* settle
      assert.deepEqual(told(logs), ["check webhook"])
      assert.deepEqual(yield* control.calls, [])

      yield* rest.systemStatus
      yield* rest.tradeVolume([instrument()])
      yield* settle
      assert.deepEqual(told(logs), ["check fees XLM/USD", "check system", "check webhook"])

      // a reading that fails tells nothing; the next one does
      yield* Effect.flip(rest.balanceEx)
      yield* rest.openOrders
      yield* settle
      assert.strictEqual(logs.length, 3)
      yield* rest.balanceEx
      yield* settle
      assert.deepEqual(told(logs.slice(3)), ["check auto-earn", "check balance", "check foreign-orders", "check holds"])

      // what is read later is not told again, and nothing was read for the checks
      yield* rest.balanceEx
      yield* rest.openOrders
      yield* settle
      assert.strictEqual(logs.length, 7)
      assert.strictEqual((yield* control.calls).length, 7)
    }).pipe(
      Effect.provide(
        mockWorld({ start: NOON, prefix, settings: { mode: "live" } }).pipe(
          Layer.provideMerge(Layer.succeed(Installation, { prefix, keyFingerprint: "test" }))
        )
      )
    )
  )
})
