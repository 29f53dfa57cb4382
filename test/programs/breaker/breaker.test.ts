import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Layer, Option } from "effect"
import * as Breaker from "../../../src/domain/breaker/Breaker.ts"
import { closed } from "../../../src/domain/breaker/BreakerState.ts"
import { ACCEPTING_NOTE, readAccepting } from "../../../src/domain/engine/acceptance.ts"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { breaker } from "../../../src/programs/breaker/breaker.ts"
import { ControlRefusal } from "../../../src/services/ControlClient.ts"
import type { ControlClientShape } from "../../../src/services/ControlClient.ts"
import { Store } from "../../../src/services/Store.ts"
import { emptySnapshot, prefix } from "../../domain/engine/Rig.ts"
import { NOON } from "../../support/build.ts"
import { clientOf, frozen, nobody, Screen, world } from "../cli/support.ts"

type Options = Parameters<typeof breaker>[0]
const options = (change: Partial<Options>): Options => ({
  action: "show",
  cause: undefined,
  reason: undefined,
  version: "1",
  ...change
})
const said = Effect.map(Screen, ({ error, out }) => out() + error())
const rules = { threshold: 5, cooldown: 60_000 }

describe("breaker show", () => {
  it.effect("open with causes, counts and history; closed; unreadable", () =>
    Effect.gen(function* () {
      const records = yield* MockRecordsControl
      const failing = Breaker.fail(closed, rules, "api", NOON, "503").state
      const { state } = Breaker.latch(failing, rules, "balance", NOON, "coins are missing")
      yield* records.set({
        snapshot: {
          ...emptySnapshot,
          breaker: state,
          fence: { epoch: 1, paused: false, operatorLatch: Option.some("`cancel --all`") }
        },
        breakerHistory: [{ at: NOON, cause: "balance", change: "latched", reason: "coins\u0007", by: "trader" }]
      })
      yield* breaker(options({}))
      const text = yield* said
      for (const part of [
        "OPEN",
        "balance since",
        "operator from the next start",
        "api: 1 failures",
        "latched by the trader"
      ]) {
        assert.include(text, part)
      }
      yield* records.set({ snapshot: emptySnapshot, exists: false })
      yield* breaker(options({}))
      assert.include(yield* said, "CLOSED")
      yield* records.set({ exists: true })
      yield* records.failWith("corrupt")
      assert.strictEqual((yield* Effect.flip(breaker(options({}))))._tag, "StoreFailed")
      assert.include(yield* said, "the records cannot be read")
    }).pipe(Effect.provide(world()))
  )
})

describe("breaker trip and reset", () => {
  const through = (client: Partial<ControlClientShape>, change: Partial<Options>) =>
    Effect.gen(function* () {
      const result = yield* Effect.either(breaker(options(change)))
      return { result, text: yield* said }
    }).pipe(Effect.provide(world({ client: clientOf(client) })))

  it.effect("through the running trader: what holds afterwards is said", () =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const client: Partial<ControlClientShape> = {
        trip: (...args) =>
          Effect.sync(() => {
            asked.push(args)
            return { latched: [{ cause: "operator", reason: "odd" }], durable: false }
          }),
        reset: (...args) =>
          Effect.sync(() => {
            asked.push(args)
            return args[0] === undefined
              ? { latched: [{ cause: "dailyLoss", reason: "lost" }], durable: true }
              : { latched: [], durable: true }
          })
      }
      const tripped = yield* through(client, { action: "trip" })
      assert.include(tripped.text, "The breaker is open")
      assert.include(tripped.text, "may not outlive the trader")
      assert.include((yield* through(client, { action: "reset" })).text, "next UTC day only")
      const one = yield* through(client, { action: "reset", cause: "price", reason: "calm" })
      assert.include(one.text, "The breaker is closed")
      yield* through(client, { action: "trip", cause: "price", reason: "odd" })
      assert.deepEqual(asked, [
        ["operator", "tripped by hand"],
        [undefined, "reset by hand"],
        ["price", "calm"],
        ["price", "odd"]
      ])
    })
  )

  it.effect("the reset of a balance difference says what it means, where one was latched and it was meant", () =>
    Effect.gen(function* () {
      const records = yield* MockRecordsControl
      const { state } = Breaker.latch(closed, rules, "balance", NOON, "10 USD")
      const text = (change: Partial<Options>) => Effect.zipRight(breaker(options({ action: "reset", ...change })), said)
      const mine = "counts as yours from the next quiet look"
      assert.notInclude(yield* text({}), mine)
      yield* records.set({ snapshot: { ...emptySnapshot, breaker: state } })
      assert.notInclude(yield* text({ cause: "price" }), mine)
      yield* records.failWith("corrupt")
      assert.notInclude(yield* text({ cause: "balance" }), mine)
      yield* records.failWith(undefined)
      assert.include(yield* text({}), mine)
    }).pipe(
      Effect.provide(world({ client: clientOf({ reset: () => Effect.succeed({ latched: [], durable: true }) }) }))
    )
  )

  it.effect("a refusal is told as it is", () =>
    Effect.gen(function* () {
      const refusal = Effect.fail(new ControlRefusal({ status: 503, text: "disk full" }))
      for (const action of ["trip", "reset"] as const) {
        const { result } = yield* through({ trip: () => refusal, reset: () => refusal }, { action })
        assert.strictEqual(Either.isLeft(result) ? result.left.message : "", "disk full")
      }
    })
  )

  it.effect("in the records, under the lock, when no trader runs", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(mockWorld({ start: NOON, prefix }))
      const store = yield* Effect.provide(Store, context)
      const run = (change: Partial<Options>) =>
        Effect.gen(function* () {
          yield* breaker(options(change))
          return yield* said
        }).pipe(Effect.provide(world({ client: clientOf({}, nobody), beside: { store: Effect.succeed(store) } })))
      assert.include(yield* run({ action: "trip" }), "operator: tripped by hand")
      assert.deepEqual((yield* store.fence).operatorLatch, Option.some("tripped by hand"))
      assert.include(yield* run({ action: "trip", cause: "balance", reason: "odd" }), "balance: odd")
      const taken = "counts as yours from the next quiet look"
      const looked = yield* run({ action: "reset", cause: "balance" })
      assert.include(looked, "operator: tripped by hand")
      assert.include(looked, taken)
      assert.isTrue(readAccepting((yield* store.load).notes.get(ACCEPTING_NOTE)))
      assert.isTrue(Option.isSome((yield* store.fence).operatorLatch))
      const all = yield* run({ action: "reset" })
      assert.include(all, "closed")
      assert.notInclude(all, taken)
      assert.deepEqual((yield* store.fence).operatorLatch, Option.none())
      assert.isFalse(Breaker.isOpen((yield* store.load).breaker))
      yield* run({ action: "trip" })
      assert.include(yield* run({ action: "reset", cause: "operator" }), "closed")
    }).pipe(Effect.scoped)
  )

  it.effect("beside a trader that does not answer: the operator's latch alone, and never a reset", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(mockWorld({ start: NOON, prefix }))
      const store = yield* Effect.provide(Store, context)
      const run = (action: "trip" | "reset") =>
        Effect.gen(function* () {
          yield* (yield* MockInstanceLockControl).holdElsewhere("data folder")
          const result = yield* Effect.either(breaker(options({ action, reason: "odd" })))
          return [result, yield* said] as const
        }).pipe(Effect.provide(world({ client: clientOf({}, frozen), beside: { store: Effect.succeed(store) } })))
      const [, text] = yield* run("trip")
      assert.include(text, "it can send no entry any more")
      assert.deepEqual((yield* store.fence).operatorLatch, Option.some("odd"))
      const [refused] = yield* run("reset")
      assert.include(Either.isLeft(refused) ? refused.left.message : "", "Nothing was changed")
    }).pipe(Effect.scoped)
  )

  it.effect("a folder without a database has no breaker", () =>
    Effect.gen(function* () {
      yield* (yield* MockRecordsControl).set({ exists: false })
      const failed = yield* Effect.flip(breaker(options({ action: "reset" })))
      assert.include(failed.message, "no breaker yet")
    }).pipe(Effect.provide(world()))
  )
})
