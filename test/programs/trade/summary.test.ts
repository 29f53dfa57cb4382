import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, TestClock } from "effect"
import { MockAlertsControl } from "../../../src/layers/mock/MockAlerts.ts"
import { MockMarketClockControl } from "../../../src/layers/mock/MockMarketClock.ts"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { MockStoreControl } from "../../../src/layers/mock/MockStore.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { closed } from "../../../src/domain/breaker/BreakerState.ts"
import * as Breaker from "../../../src/domain/breaker/Breaker.ts"
import { dailySummary, RUN_NOTE, SUMMARY_NOTE, tellingItsEnds } from "../../../src/programs/trade/summary.ts"
import { RecordsNotWritten } from "../../../src/programs/trade/shutdown.ts"
import type { DayFigures } from "../../../src/services/Records.ts"
import { emptySnapshot, prefix } from "../../domain/engine/Rig.ts"
import { lot, NOON, usd } from "../../support/build.ts"

const HOUR = 3_600_000
const figures: DayFigures = {
  observed: true,
  executions: 3,
  boughtUsd: usd("9.98"),
  soldUsd: usd("10.2"),
  feesUsd: usd("0.05"),
  closedTrades: 1,
  winningTrades: 1,
  profitUsd: usd("0.17")
}
const backup = Effect.succeed(0)
/** 23:00 of the 10th of March 2024. */
const world = () => mockWorld({ start: NOON + 11 * HOUR, prefix })

/** Lets both clocks pass: market time for the day, real time for the wait that follows an alert. */
const pass = (ms: number) =>
  Effect.gen(function* () {
    const clock = yield* MockMarketClockControl
    yield* clock.advance(ms)
    yield* TestClock.adjust("5 seconds")
  })
const summaries = Effect.flatMap(MockAlertsControl, (alerts) => alerts.sentOf("summary.day"))
const notes = Effect.flatMap(MockStoreControl, (store) =>
  Effect.map(store.batches, (batches) =>
    batches.flat().flatMap((write) => (write._tag === "Note" ? [[write.key, write.value]] : []))
  )
)

describe("the summary of a day", () => {
  it.effect("is told once, a minute after midnight UTC, from the records", () =>
    Effect.gen(function* () {
      const records = yield* MockRecordsControl
      yield* records.set({ days: new Map([["2024-03-10", figures]]) })
      const running = yield* Effect.fork(dailySummary(backup))
      yield* pass(30 * 60_000)
      // the 9th was not observed: nothing is told of it
      assert.lengthOf(yield* summaries, 0)
      yield* pass(30 * 60_000)
      assert.lengthOf(yield* summaries, 0)
      yield* pass(90_000)
      const told = yield* summaries
      assert.lengthOf(told, 1)
      assert.strictEqual(
        told[0]?.text,
        "2024-03-10 (UTC): 1 trade closed, 1 with a profit; profit +$0.17 net of fees; fees $0.05; bought $9.98, sold $10.20 in 3 executions; exposure $0.00 of $10.00 in 0 positions; breaker closed; clock 0 ms behind the exchange's; no order unknown; last backup 0.0 days ago"
      )
      assert.strictEqual(told[0]?.once, "summary 2024-03-10")
      yield* pass(12 * HOUR)
      assert.lengthOf(yield* summaries, 1)
      assert.deepStrictEqual((yield* notes).at(-1), [SUMMARY_NOTE, "2024-03-10"])
      yield* Fiber.interrupt(running)

      // the next start does not say it again, and says what is wrong
      yield* records.set({
        snapshot: {
          ...emptySnapshot,
          notes: new Map([[SUMMARY_NOTE, "2024-03-10"]]),
          lots: [lot()],
          breaker: Breaker.latch(closed, { threshold: 5, cooldown: 1 }, "price", NOON, "jump").state,
          fence: { epoch: 1, paused: true, operatorLatch: Option.some("x") }
        },
        days: new Map([["2024-03-11", { ...figures, profitUsd: usd("-1"), closedTrades: 2 }]])
      })
      const again = yield* Effect.fork(dailySummary(Effect.succeed(undefined)))
      yield* pass(60_000)
      assert.lengthOf(yield* summaries, 1)
      yield* pass(12 * HOUR)
      const [, second] = yield* summaries
      assert.include(second?.text ?? "", "2 trades closed")
      assert.include(second?.text ?? "", "profit -$1.00")
      assert.include(second?.text ?? "", "BREAKER LATCHED: price, operator; PAUSED")
      assert.include(second?.text ?? "", "NO BACKUP")
      yield* Fiber.interrupt(again)
    }).pipe(Effect.provide(world()))
  )
})

describe("the ends of a run", () => {
  it.effect("are told, with the day so far; a run that was cut off is told by the next", () =>
    Effect.gen(function* () {
      const records = yield* MockRecordsControl
      const alerts = yield* MockAlertsControl
      yield* records.set({ days: new Map([["2024-03-10", figures]]) })
      yield* tellingItsEnds(Effect.succeed({ reason: "`stop`", held: [] }), backup)
      yield* tellingItsEnds(Effect.succeed({ reason: "SIGTERM", held: ["100 of XLM/USD"] }), backup)
      yield* Effect.exit(tellingItsEnds(new RecordsNotWritten({ detail: "full" }), backup))
      const sent = yield* alerts.sent
      assert.deepStrictEqual(
        sent.map(({ kind, severity }) => [kind, severity]),
        [
          ["trader.stopped", "info"],
          ["trader.stopped", "warning"],
          ["trader.ended", "critical"]
        ]
      )
      assert.include(
        sent[0]?.text ?? "",
        "The trader stopped (`stop`); nothing is held; so far 2024-03-10 (UTC): 1 trade closed"
      )
      assert.include(sent[1]?.text ?? "", "STILL HELD: 100 of XLM/USD")
      assert.include(sent[2]?.text ?? "", "THE TRADER ENDED: stopped, but the last records could not be written (full)")
      assert.deepStrictEqual((yield* notes).slice(0, 2), [
        [RUN_NOTE, "running"],
        [RUN_NOTE, "ended"]
      ])
      yield* alerts.clear

      // cut off: nothing is told, and the note stays
      const exit = yield* Effect.exit(tellingItsEnds(Effect.interrupt, backup))
      assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
      assert.lengthOf(yield* alerts.sent, 0)
      assert.deepStrictEqual((yield* notes).at(-1), [RUN_NOTE, "running"])
      yield* records.set({ snapshot: { ...emptySnapshot, notes: new Map([[RUN_NOTE, "running"]]) } })
      yield* tellingItsEnds(Effect.succeed({ reason: "x", held: [] }), backup)
      assert.deepStrictEqual(
        (yield* alerts.sent).map(({ kind }) => kind),
        ["start.recovery", "trader.stopped"]
      )
    }).pipe(Effect.provide(world()))
  )

  it.effect("are told without figures when the records cannot be read", () =>
    Effect.gen(function* () {
      yield* (yield* MockRecordsControl).failWith("corrupt")
      yield* (yield* MockStoreControl).failWith("full")
      const alerts = yield* MockAlertsControl
      yield* tellingItsEnds(Effect.succeed({ reason: "x", held: [] }), backup)
      yield* Effect.exit(tellingItsEnds(Effect.die("defect"), backup))
      const sent = yield* alerts.sent
      assert.strictEqual(sent[0]?.text, "The trader stopped (x); nothing is held")
      assert.strictEqual(sent[1]?.kind, "trader.ended")
      // a database that cannot be read stops the summary with a failure: it is started again
      assert.isTrue(Exit.isFailure(yield* Effect.exit(dailySummary(backup))))
    }).pipe(Effect.provide(world()))
  )
})
