import { it } from "@effect/vitest"
import { Effect, Either, Exit, Fiber, Layer, Option, Scope, TestClock } from "effect"
import { assert, describe } from "vitest"
import * as RateBudget from "../../../../src/domain/kraken/RateBudget.ts"
import type { LimitsPort } from "../../../../src/layers/kraken/rest/RateLimitsLive.ts"
import { LIMITS_NOTE, makeRateLimits, RateLimitsLive } from "../../../../src/layers/kraken/rest/RateLimitsLive.ts"
import { MarketClock } from "../../../../src/services/Clock.ts"
import type { MarketClockShape } from "../../../../src/services/Clock.ts"
import { RateLimits } from "../../../../src/services/RateLimits.ts"
import { Store, StoreFailed } from "../../../../src/services/Store.ts"
import type { StoreShape, StoreWrite } from "../../../../src/services/Store.ts"
import { settings } from "./support.ts"

const pair = "XLM/USD"
const starter = RateBudget.tiers.starter

/** Market time that is the test clock's. */
const testMarket: Effect.Effect<MarketClockShape> = Effect.map(Effect.clock, (clock) => ({
  now: Effect.sync(() => clock.unsafeCurrentTimeMillis()),
  unsafeNow: () => clock.unsafeCurrentTimeMillis(),
  sleep: (ms) => Effect.sleep(ms),
  speed: 1,
  hold: (self) => self,
  offset: Effect.succeed({ ms: 0, measuredAt: 0 }),
  observe: () => Effect.void
}))

const port = (initial?: string): LimitsPort & { saved: Array<string> } => {
  const saved: Array<string> = []
  return { saved, load: Effect.succeed(initial), save: (text) => Effect.sync(() => void saved.push(text)) }
}
const fresh = RateBudget.serialise(RateBudget.empty(0), true)
const make = (p: LimitsPort = port(fresh)) => Effect.flatMap(testMarket, (clock) => makeRateLimits(starter, clock, p))

/** Milliseconds of market time that an effect takes. */
const duration = <A, E>(self: Effect.Effect<A, E>, step = 250): Effect.Effect<number, E> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const begun = clock.unsafeCurrentTimeMillis()
    const fiber = yield* Effect.fork(Effect.map(self, () => clock.unsafeCurrentTimeMillis() - begun))
    yield* Effect.yieldNow().pipe(Effect.repeatN(10))
    for (let i = 0; i < 400 && (yield* Fiber.poll(fiber))._tag === "None"; i++) yield* TestClock.adjust(step)
    return yield* Fiber.join(fiber)
  })

describe("the budget", () => {
  it.scoped("paces public calls at one a second, and refuses a queue of half a minute", () =>
    Effect.gen(function* () {
      const limits = yield* make()
      assert.strictEqual(yield* duration(limits.publicCall), 0)
      assert.strictEqual(yield* duration(limits.publicCall), 1000)
      const many = yield* Effect.forEach(Array.from({ length: 40 }), () =>
        Effect.fork(Effect.either(limits.publicCall))
      )
      yield* TestClock.adjust("1 minute")
      const results = yield* Effect.forEach(many, Fiber.join)
      assert.strictEqual(results.filter(Either.isLeft).length, 10)
      yield* limits.observe({ scope: "public", kind: "rate limit" })
      assert.strictEqual(yield* duration(limits.publicCall), 5000)
      yield* limits.observe({ scope: "public", kind: "lockout" })
      assert.isTrue(Either.isLeft(yield* Effect.either(limits.publicCall)))
      yield* limits.observe({ scope: "public", kind: "service" })
      // The key has nothing to do with it.
      assert.strictEqual(yield* duration(limits.privateCall("read", "Balance")), 0)
    })
  )

  it.scoped("reads wait for their share; the switch has its own", () =>
    Effect.gen(function* () {
      const limits = yield* make()
      for (let i = 0; i < 12; i++) assert.strictEqual(yield* duration(limits.privateCall("read", "Balance")), 0)
      assert.strictEqual(yield* duration(limits.privateCall("safety", "CancelAllOrdersAfter")), 0)
      assert.isAbove(yield* duration(limits.privateCall("read", "Balance")), 3000)
    })
  )

  it.scoped("a read does not wait for more than two minutes, the switch not for more than five seconds", () =>
    Effect.gen(function* () {
      const limits = yield* make()
      yield* limits.observe({ scope: "private", kind: "throttled", retryAt: 600_000 })
      for (const rank of ["read", "safety"] as const) {
        const refused = yield* Effect.either(limits.privateCall(rank, "Balance"))
        assert(Either.isLeft(refused))
        assert.deepInclude(refused.left, { why: "rate limit", retryAt: 600_000 })
      }
      assert.deepInclude(yield* limits.quiet, { why: "rate limit" })
      yield* TestClock.adjust(600_000)
      assert.isUndefined(yield* limits.quiet)
      // A full counter, but no silence: the switch goes after five seconds at the latest.
      for (let i = 0; i < 40; i++) yield* limits.observe({ scope: "private", kind: "rate limit" })
      yield* TestClock.adjust(5000)
      for (let i = 0; i < 6; i++) yield* Effect.fork(limits.privateCall("safety", "CancelAll"))
      yield* TestClock.adjust(100)
      assert.isAtMost(yield* duration(limits.privateCall("safety", "CancelAll")), 5000)
    })
  )

  it.scoped("a lockout silences every private call for a quarter of an hour", () =>
    Effect.gen(function* () {
      const limits = yield* make()
      yield* limits.observe({ scope: "private", kind: "lockout" })
      assert.deepInclude(yield* limits.quiet, { why: "lockout" })
      const read = yield* Effect.either(limits.privateCall("read", "Balance"))
      assert(Either.isLeft(read) && read.left.why === "lockout")
      assert.isAtLeast(yield* duration(limits.reserve("exit", pair, "add"), 50_000), 900_000)
    })
  )

  it.scoped("a rate-limit error makes the next read wait for a full counter", () =>
    Effect.gen(function* () {
      const limits = yield* make()
      yield* limits.observe({ scope: "private", kind: "rate limit" })
      assert.isAbove(yield* duration(limits.privateCall("read", "Balance")), 9000)
      yield* limits.observe({ scope: "private", kind: "engine rate limit", pair })
      const before = yield* limits.state
      assert.strictEqual(before.engine[pair]?.value, 60)
      yield* limits.observe({ scope: "private", kind: "service" })
      assert.deepStrictEqual(yield* limits.state, before)
    })
  )

  it.scoped("reservations: charged at once, given back when nothing left, priced by age for amends", () =>
    Effect.gen(function* () {
      const limits = yield* make()
      const points = Effect.map(limits.state, (s) => s.engine[pair]?.value ?? 0)
      const add = yield* limits.reserve("entry", pair, "add")
      assert.strictEqual(yield* points, 1)
      yield* add.release
      yield* add.release
      assert.strictEqual(yield* points, 0)
      const placed = yield* limits.reserve("entry", pair, "add")
      yield* placed.sent("a")
      yield* placed.release
      assert.strictEqual(yield* points, 1)
      assert.deepStrictEqual((yield* limits.state).orders, { a: { pair, since: 0 } })
      yield* TestClock.adjust("1 minute")
      const amend = yield* limits.reserve("exit", pair, "amend")
      assert.strictEqual(yield* points, RateBudget.WORST_AMEND)
      yield* amend.sent("a")
      assert.strictEqual(yield* points, 1)
      const refused = yield* limits.reserve("exit", pair, "add")
      yield* refused.sent(undefined)
      yield* refused.release
      assert.strictEqual(yield* points, 2)
      yield* limits.openOrders(new Set(), 200_000)
      assert.deepStrictEqual((yield* limits.state).orders, {})
    })
  )

  it.scoped("cancels cost by age, wait two seconds at most, and everything at once waits for nothing", () =>
    Effect.gen(function* () {
      const limits = yield* make()
      const order = yield* limits.reserve("entry", pair, "add")
      yield* order.sent("a")
      assert.strictEqual(yield* duration(limits.cancel({ id: "a", pair })), 0)
      assert.strictEqual((yield* limits.state).engine[pair]?.value, 9)
      yield* limits.observe({ scope: "private", kind: "engine rate limit", pair })
      assert.strictEqual(yield* duration(limits.cancel({ id: "unknown", pair })), 0)
      const one = yield* limits.reserve("exit", "BTC/USD", "add")
      yield* one.sent("b")
      assert.strictEqual(yield* duration(limits.cancel(undefined)), 0)
      assert.strictEqual((yield* limits.state).engine["BTC/USD"]?.value, 9)
    })
  )

  it.scoped("an entry waits where an exit does not, and the wait can be interrupted", () =>
    Effect.gen(function* () {
      const limits = yield* make()
      yield* limits.observe({ scope: "private", kind: "engine rate limit", pair })
      yield* TestClock.adjust("10 seconds")
      const entry = yield* Effect.fork(limits.reserve("entry", pair, "add"))
      assert.strictEqual(yield* duration(limits.reserve("exit", pair, "add")), 0)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(entry)))
      assert.isAbove(yield* duration(limits.reserve("entry", pair, "add")), 10_000)
    })
  )
})

describe("saving the counters", () => {
  it.effect("happens soon after a change and when the scope ends; the last one counts as complete", () =>
    Effect.gen(function* () {
      const p = port(fresh)
      const scope = yield* Scope.make()
      const limits = yield* Scope.extend(make(p), scope)
      yield* limits.privateCall("read", "TradesHistory")
      yield* limits.privateCall("read", "TradesHistory")
      yield* TestClock.adjust("250 millis")
      assert.strictEqual(p.saved.length, 1)
      assert.strictEqual(RateBudget.restore(p.saved[0] ?? "", 0)?.rest.value, 4 + RateBudget.UNSAVED_REST)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(p.saved.length, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(RateBudget.restore(p.saved.at(-1) ?? "", 0)?.rest.value, 4)
    })
  )

  it.scoped("is taken up by the exchange's time, however wrong the machine's clock was at the start", () =>
    Effect.gen(function* () {
      const hour = 3_600_000
      yield* TestClock.adjust(hour * 10)
      const effectClock = yield* Effect.clock
      const clean = (at: number): string =>
        RateBudget.serialise({ ...RateBudget.empty(at), rest: { value: 12, at } }, true)
      const cases = [
        { saved: clean, value: 12 },
        { saved: () => "nothing", value: starter.rest.max }
      ]
      for (const off of [-hour, 0, hour]) {
        for (const { saved, value } of cases) {
          let wrongBy = off
          const clock = { ...(yield* testMarket), unsafeNow: () => effectClock.unsafeCurrentTimeMillis() + wrongBy }
          const limits = yield* makeRateLimits(starter, clock, port(saved(effectClock.unsafeCurrentTimeMillis())))
          // the first call of a start asks for the time; somebody looks at the counters before
          yield* limits.publicCall
          yield* limits.state
          wrongBy = 0
          assert.strictEqual((yield* limits.state).rest.value, value)
          yield* limits.privateCall("safety", "CancelAllOrdersAfter").pipe(Effect.fork)
          yield* TestClock.adjust("6 seconds")
          assert.isAbove((yield* limits.state).rest.value, value - 2)
          // and the next public call waits a second, not an hour
          assert.isAtMost(yield* duration(limits.publicCall), 1000)
        }
      }
    })
  )

  it.effect("is left as it was by a run that called nobody", () =>
    Effect.gen(function* () {
      const p = port(fresh)
      const scope = yield* Scope.make()
      yield* make(p).pipe(Scope.extend(scope))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(p.saved, [])
    })
  )

  it.scoped("starts full when nothing readable was saved", () =>
    Effect.gen(function* () {
      for (const initial of [undefined, "damaged"]) {
        const limits = yield* make(port(initial))
        assert.isAbove(yield* duration(limits.privateCall("read", "Balance")), 9000)
      }
    })
  )

  it.effect("goes to the store's notes, and does without a store that fails", () =>
    Effect.gen(function* () {
      const writes: Array<StoreWrite> = []
      const failed = new StoreFailed({ operation: "load", reason: "busy", cause: undefined })
      const store = (healthy: boolean): Layer.Layer<Store> =>
        Layer.mock(Store, {
          load: healthy
            ? Effect.succeed({ notes: new Map([[LIMITS_NOTE, fresh]]) } as unknown as Effect.Effect.Success<
                StoreShape["load"]
              >) // only the notes are read
            : Effect.fail(failed),
          commit: (batch) => (healthy ? Effect.sync(() => void writes.push(...batch)) : Effect.fail(failed))
        })
      const use = (healthy: boolean): Effect.Effect<number> =>
        Effect.gen(function* () {
          const limits = yield* RateLimits
          return yield* duration(Effect.orDie(limits.privateCall("read", "Balance")))
        }).pipe(
          Effect.provide(
            RateLimitsLive.pipe(
              Layer.provide(
                Layer.mergeAll(store(healthy), settings("http://localhost"), Layer.effect(MarketClock, testMarket))
              )
            )
          )
        )
      assert.strictEqual(yield* use(true), 0)
      assert.isTrue(
        writes.some((w) => w._tag === "Note" && w.key === LIMITS_NOTE && Option.isSome(Option.some(w.value)))
      )
      assert.isAbove(yield* use(false), 9000)
    })
  )
})
