import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, TestClock } from "effect"
import { KrakenRest } from "../../../src/services/KrakenRest.ts"
import {
  backups,
  fees,
  instruments,
  lookout,
  periodicReconciliation,
  systemStatus,
  ticker
} from "../../../src/programs/trade/housekeeping.ts"
import { instrument, NOON, q, rate, XLM } from "../../support/build.ts"
import { inWorld, rest, timedOut } from "../desk/support.ts"
import type { Bench } from "../desk/support.ts"
import { Rig } from "../../domain/engine/Rig.ts"

const HOUR = 3_600_000

/** Market time passes in steps, so that every sleep in it is slept. */
const pass = (b: Bench, ms: number, step = 1000) =>
  Effect.gen(function* () {
    for (let gone = 0; gone < ms; gone += step) {
      yield* b.clock.advance(step)
      yield* rest
    }
    yield* b.d.engine.settled
  })

const seconds = (n: number) =>
  Effect.gen(function* () {
    for (let i = 0; i < n; i++) {
      yield* TestClock.adjust("1 second")
      yield* rest
    }
  })

describe("the small fibers", () => {
  it.scoped("one tick a second of market time", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* Effect.forkScoped(ticker(1000))
        yield* rest
        yield* pass(b, 5000)
        assert.strictEqual(b.d.engine.unsafeState().now, NOON + 5000)
      })
    )
  )

  it.scoped("the periodic reconciliation goes on after one that failed", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        const reasons: Array<string | undefined> = []
        const desk = {
          take: () => true,
          run: Effect.never,
          reconcile: (reason: string | undefined) =>
            Effect.suspend(() => {
              reasons.push(reason)
              return Effect.fail(timedOut())
            })
        }
        yield* Effect.forkScoped(periodicReconciliation(desk, 60_000))
        yield* rest
        yield* pass(b, 180_000, 60_000)
        assert.deepEqual(reasons, [undefined, undefined, undefined])
      })
    )
  )

  it.scoped("fees are read at once, soon again after a failure, and then daily; entries wait for them", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("tradeVolume", Effect.fail(timedOut()))
        yield* b.rest.always(
          "tradeVolume",
          Effect.succeed(new Map([[XLM, { maker: rate("0.001"), taker: rate("0.002") }]]))
        )
        yield* Effect.forkScoped(fees)
        yield* rest
        assert.isUndefined(b.d.engine.unsafeState().pairs.get(XLM)?.feesAt)
        yield* pass(b, 30_000, 30_000)
        assert.strictEqual(b.d.engine.unsafeState().pairs.get(XLM)?.takerFee, rate("0.002"))
        yield* pass(b, 24 * HOUR, HOUR)
        assert.strictEqual((yield* b.rest.callsOf("tradeVolume")).length, 3)
      })
    )
  )

  it.scoped(
    "the pairs' rules hourly: a minimum that the exchange changed is taken over, a failure is not the end",
    () =>
      inWorld(new Rig(), (b) =>
        Effect.gen(function* () {
          yield* b.rest.answer("instruments", Effect.fail(timedOut()))
          yield* b.rest.always("instruments", Effect.succeed([instrument({ minQuantity: q("77") })]))
          yield* Effect.forkScoped(instruments)
          yield* rest
          yield* pass(b, 2 * HOUR, HOUR)
          assert.strictEqual(b.d.engine.unsafeState().pairs.get(XLM)?.instrument.minQuantity, q("77"))
        })
      )
  )

  it.scoped("the pairs' rules sooner while something is too small to be sold: what was raised may come down", () => {
    const rig = new Rig().ready().signal()
    const entry = rig.place(rig.proposal())
    rig.fill(entry, "5")
    rig.send({ _tag: "Tripped", cause: "operator", reason: "test" })
    rig.send({
      _tag: "ReportsSeen",
      reports: [rig.statusOf(entry, { status: "cancelled", cumQuantity: q("5") })]
    })
    rig.tick(1)
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const minimum = () => b.d.engine.unsafeState().pairs.get(XLM)?.instrument.minQuantity
        yield* b.rest.always("instruments", Effect.succeed([instrument({ minQuantity: q("4") })]))
        yield* Effect.forkScoped(instruments)
        yield* rest
        yield* pass(b, HOUR / 15, 60_000)
        assert.strictEqual(minimum(), instrument().minQuantity)
        yield* pass(b, 120_000, 60_000)
        assert.strictEqual(minimum(), q("4"))
        assert.strictEqual(b.of("Propose").at(-1)?.proposal.quantity, q("5"), "it can be sold now")
        yield* pass(b, HOUR / 2, 60_000)
        assert.strictEqual((yield* b.rest.callsOf("instruments")).length, 1, "dust no more")
      })
    )
  })

  it.scoped("the pairs' rules sooner while the exchange's minimum is more than an entry may cost", () => {
    const dear = instrument({ minQuantity: q("101") })
    const rig = new Rig({ instruments: [dear] }).ready().signal()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const pair = () => b.d.engine.unsafeState().pairs.get(XLM)
        assert.isTrue(pair()?.tooSmall)
        assert.lengthOf(b.of("Propose"), 0)
        yield* b.rest.always("instruments", Effect.succeed([instrument()]))
        yield* Effect.forkScoped(instruments)
        yield* rest
        yield* pass(b, HOUR / 10, 60_000)
        assert.strictEqual(pair()?.instrument.minQuantity, instrument().minQuantity)
      })
    )
  })

  it.scoped("the system's status is asked for only while the stream has not said online", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        const api = yield* KrakenRest
        let asked = 0
        const counting = {
          ...api,
          systemStatus: Effect.suspend(() => {
            asked += 1
            return asked === 1 ? Effect.fail(timedOut()) : Effect.succeed("online" as const)
          })
        }
        yield* Effect.forkScoped(Effect.provideService(systemStatus, KrakenRest, counting))
        yield* rest
        assert.strictEqual(b.d.engine.unsafeState().system, "unknown")
        yield* pass(b, 60_000, 15_000)
        assert.strictEqual(b.d.engine.unsafeState().system, "online")
        assert.strictEqual(asked, 2)
      })
    )
  )

  it.scoped("what other programs do to the fence is noticed within a second, once each", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        yield* Effect.forkScoped(lookout)
        yield* rest
        yield* seconds(3)
        const told = Effect.map(b.journal.entriesOf("event.FenceSeen"), (entries) => entries.length)
        assert.strictEqual(yield* told, 1)
        yield* b.d.store.moveFence({ paused: true })
        yield* seconds(1)
        yield* b.d.engine.settled
        assert.isTrue(b.d.engine.unsafeState().paused)
        yield* b.d.store.moveFence({ operatorLatch: Option.some("cancel --all") })
        yield* seconds(2)
        yield* b.d.engine.settled
        assert.isDefined(b.d.engine.unsafeState().breaker.latches.operator)
        assert.strictEqual(yield* told, 3)
        yield* b.store.failWith("busy")
        yield* seconds(2)
        assert.strictEqual(yield* told, 3)
      })
    )
  )

  it.scoped("I12: a lock file that was removed is told once a minute, while the fence goes on being watched", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        yield* Effect.forkScoped(lookout)
        yield* b.lock.setVerified(false)
        yield* seconds(5)
        yield* b.d.store.moveFence({ paused: true })
        yield* seconds(1)
        yield* b.d.engine.settled
        assert.isDefined(b.d.engine.unsafeState().anotherTrader)
        assert.isTrue(b.d.engine.unsafeState().paused)
        const told = Effect.map(b.journal.entriesOf("event.AnotherTraderSeen"), (entries) => entries.length)
        assert.strictEqual(yield* told, 1)
        yield* seconds(60)
        assert.strictEqual(yield* told, 2)
        yield* b.lock.setVerified(true)
        yield* seconds(120)
        assert.strictEqual(yield* told, 2)
      })
    )
  )

  it.scoped("I7: standing still for more than five seconds is a disconnect; five seconds are not", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        const frozen = Effect.map(b.journal.entriesOf("event.Frozen"), (entries) => entries.length)
        let skip = 0
        const real = yield* Effect.clock
        const stepping = {
          ...real,
          unsafeCurrentTimeMillis: () => real.unsafeCurrentTimeMillis() + skip,
          unsafeCurrentTimeNanos: () => real.unsafeCurrentTimeNanos(),
          sleep: (duration: Parameters<typeof real.sleep>[0]) => real.sleep(duration)
        }
        yield* Effect.forkScoped(Effect.withClock(lookout, stepping))
        yield* seconds(3)
        assert.strictEqual(yield* frozen, 0)
        skip += 4900
        yield* seconds(2)
        assert.strictEqual(yield* frozen, 0)
        skip += 5100
        yield* seconds(2)
        yield* b.d.engine.settled
        assert.strictEqual(yield* frozen, 1)
        assert.isTrue(b.d.engine.unsafeState().reconciling.has("the program stood still"))
        // a clock set back is as bad
        skip -= 10_000
        yield* seconds(2)
        assert.strictEqual(yield* frozen, 2)
      })
    )
  )

  it.scoped("skew beyond MAX_CLOCK_SKEW stops entries either way, and its end is told", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        yield* Effect.forkScoped(ticker(1000))
        yield* b.clock.setOffset({ ms: 1500, measuredAt: NOON })
        yield* rest
        yield* pass(b, 1000)
        assert.match(b.d.engine.unsafeState().skew ?? "", /1500 ms behind/)
        yield* b.clock.setOffset({ ms: -1500, measuredAt: NOON })
        yield* pass(b, 1000)
        assert.match(b.d.engine.unsafeState().skew ?? "", /ahead of/)
        yield* b.clock.setOffset({ ms: 1000, measuredAt: NOON })
        yield* pass(b, 3000)
        assert.isUndefined(b.d.engine.unsafeState().skew)
        assert.strictEqual((yield* b.journal.entriesOf("event.SkewSeen")).length, 3)
      })
    )
  )

  it.scoped("a backup when the last one is old enough, then every so often; a failure waits for the next time", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(NOON)
        yield* Effect.forkScoped(backups("data/backups", 24 * HOUR, NOON - 23 * HOUR))
        const written = Effect.map(b.store.contents, (contents) => contents.backups)
        yield* rest
        assert.deepEqual(yield* written, [])
        yield* TestClock.adjust("1 hour")
        yield* rest
        assert.deepEqual(yield* written, ["data/backups/trading-2024-03-10T13-00-00-000Z.db"])
        assert.strictEqual((yield* b.d.store.load).notes.get("lastBackup"), String(NOON + HOUR))
        yield* b.store.failWith("full")
        yield* TestClock.adjust("1 day")
        yield* rest
        yield* b.store.failWith(undefined)
        assert.strictEqual((yield* written).length, 1)
        yield* TestClock.adjust("1 day")
        yield* rest
        assert.strictEqual((yield* written).length, 2)
      })
    )
  )

  it.scoped("the first backup is a day after the first start", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* Effect.forkScoped(backups("data/backups", 24 * HOUR, undefined))
        yield* rest
        yield* TestClock.adjust("23 hours")
        yield* rest
        assert.deepEqual((yield* b.store.contents).backups, [])
        yield* TestClock.adjust("1 hour")
        yield* rest
        assert.strictEqual((yield* b.store.contents).backups.length, 1)
      })
    )
  )

  it.scoped("a backup that is overdue is made at once", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(NOON)
        yield* Effect.forkScoped(backups("data/backups", 24 * HOUR, NOON - 48 * HOUR))
        yield* rest
        assert.strictEqual((yield* b.store.contents).backups.length, 1)
      })
    )
  )
})
