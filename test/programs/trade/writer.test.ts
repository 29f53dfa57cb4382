import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, TestClock } from "effect"
import type { StoreWrite } from "../../../src/domain/engine/Write.ts"
import { proofWrite } from "../../../src/domain/engine/Write.ts"
import { MockStoreControl } from "../../../src/layers/mock/MockStore.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { makeWriter } from "../../../src/programs/trade/writer.ts"
import { NOON } from "../../support/build.ts"
import { prefix } from "../../domain/engine/Rig.ts"
import { rest } from "../desk/support.ts"

const note = (value: string): StoreWrite => ({ _tag: "Note", key: value, value })
const world = () => mockWorld({ start: NOON, prefix })

const setting = Effect.gen(function* () {
  const heard: Array<string> = []
  const writer = yield* makeWriter(
    (reason) => Effect.sync(() => void heard.push(`broken: ${reason}`)),
    (proof) => Effect.sync(() => void heard.push(proof === undefined ? "recovered" : `proof ${proof}`))
  )
  return { heard, writer, store: yield* MockStoreControl }
})

describe("the writer", () => {
  it.scoped("commits a burst in one transaction, in order, and tells when it is durable", () =>
    Effect.gen(function* () {
      const { writer, store, heard } = yield* setting
      writer.write([note("a"), note("b")])
      writer.write([note("c")])
      yield* Effect.forkScoped(writer.run)
      assert.isTrue(yield* writer.drained(1000))
      assert.deepEqual(yield* store.batches, [[note("a"), note("b"), note("c")]])
      assert.isTrue(yield* writer.drained(1000))
      writer.write([note("d")])
      yield* rest
      assert.strictEqual((yield* store.batches).length, 2)
      assert.deepEqual(heard, [])
    }).pipe(Effect.provide(world()))
  )

  it.scoped("no transaction grows beyond a bound, so that an intent never waits long", () =>
    Effect.gen(function* () {
      const { writer, store } = yield* setting
      for (let n = 0; n < 450; n++) writer.write([note(String(n))])
      yield* Effect.forkScoped(writer.run)
      assert.isTrue(yield* writer.drained(1000))
      assert.deepEqual(
        (yield* store.batches).map((batch) => batch.length),
        [200, 200, 50]
      )
      assert.strictEqual((yield* store.batches).flat().length, 450)
    }).pipe(Effect.provide(world()))
  )

  it.scoped(
    "a commit that fails is kept and retried before anything newer; the engine is told, and told when it is over",
    () =>
      Effect.gen(function* () {
        const { writer, store, heard } = yield* setting
        yield* store.failWith("full")
        yield* Effect.forkScoped(writer.run)
        writer.write([note("a")])
        yield* rest
        writer.write([note("b")])
        yield* rest
        const waiting = yield* Effect.fork(writer.drained(2000))
        yield* rest
        yield* TestClock.adjust("2 seconds")
        assert.isFalse(yield* Fiber.join(waiting))
        assert.deepEqual([...new Set(heard)], ["broken: full"])
        yield* store.failWith(undefined)
        yield* TestClock.adjust("10 seconds")
        assert.isTrue(yield* writer.drained(1000))
        assert.deepEqual((yield* store.batches).flat(), [note("a"), note("b")])
        assert.strictEqual(heard.at(-1), "recovered")
        assert.strictEqual(heard.filter((h) => h === "recovered").length, 1)
        writer.write([note("c")])
        assert.isTrue(yield* writer.drained(1000))
        assert.strictEqual(heard.filter((h) => h === "recovered").length, 1)
      }).pipe(Effect.provide(world()))
  )

  it.scoped("I20: a proof that was asked for is told, the last of a batch, whether commits failed before or not", () =>
    Effect.gen(function* () {
      const { writer, store, heard } = yield* setting
      yield* Effect.forkScoped(writer.run)
      writer.write([proofWrite(1), note("a"), proofWrite(2)])
      assert.isTrue(yield* writer.drained(1000))
      assert.deepEqual(heard, ["proof 2"])
      yield* store.failWith("full")
      writer.write([proofWrite(3)])
      yield* rest
      writer.write([note("b")])
      // no busy loop: two seconds of a full disk are a handful of tries
      yield* TestClock.adjust("2 seconds")
      assert.isBelow(heard.length, 8)
      assert.deepEqual([...new Set(heard.slice(1))], ["broken: full"])
      yield* store.failWith(undefined)
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(yield* writer.drained(1000))
      assert.strictEqual(heard.at(-1), "proof 3")
    }).pipe(Effect.provide(world()))
  )

  it.scoped("lends what is queued to another's transaction; what was durable there is not written again", () =>
    Effect.gen(function* () {
      const { writer, store, heard } = yield* setting
      yield* Effect.forkScoped(writer.run)
      writer.write([note("a"), note("b")])
      writer.write([proofWrite(7)])
      const waiting = yield* Effect.fork(writer.drained(1000))
      const lent = yield* writer.along((queued) => {
        // what comes in the meantime waits, and is not lent to a second one
        writer.write([note("c")])
        return Effect.zipRight(rest, Effect.zip(Effect.succeed(queued), writer.along(Effect.succeed)))
      })
      assert.deepEqual(lent, [[note("a"), note("b"), proofWrite(7)], []])
      assert.deepEqual(heard, ["proof 7"])
      assert.isTrue(yield* Fiber.join(waiting))
      assert.isTrue(yield* writer.drained(1000))
      assert.deepEqual(yield* store.batches, [[note("c")]])
      assert.deepEqual(yield* writer.along(Effect.succeed), [])
    }).pipe(Effect.provide(world()))
  )

  it.scoped("what was lent and did not become durable is committed in its place, and nothing before it is told", () =>
    Effect.gen(function* () {
      const { writer, store, heard } = yield* setting
      yield* Effect.forkScoped(writer.run)
      for (const end of [Effect.fail("refused"), Effect.die("a bug"), Effect.interrupt]) {
        writer.write([note("a"), proofWrite(1)])
        const drained = yield* Effect.fork(writer.drained(1000))
        const used = yield* Effect.exit(
          writer.along((queued) => {
            writer.write([note("b")])
            assert.strictEqual(queued.length, 2)
            return Effect.zipRight(rest, end)
          })
        )
        assert.isTrue(Exit.isFailure(used))
        assert.deepEqual(heard, [])
        assert.isNull(yield* Fiber.poll(drained).pipe(Effect.map(Option.getOrNull)))
        assert.isTrue(yield* Fiber.join(drained))
        assert.isTrue(yield* writer.drained(1000))
        assert.deepEqual((yield* store.batches).flat().slice(-3), [note("a"), proofWrite(1), note("b")])
        heard.length = 0
      }
    }).pipe(Effect.provide(world()))
  )

  it.scoped("lends nothing while a batch is being retried, nor more than a transaction bears", () =>
    Effect.gen(function* () {
      const { writer, store } = yield* setting
      for (let n = 0; n < 201; n++) writer.write([note(String(n))])
      assert.deepEqual(yield* writer.along(Effect.succeed), [])
      yield* store.failWith("full")
      yield* Effect.forkScoped(writer.run)
      yield* rest
      writer.write([note("later")])
      assert.deepEqual(yield* writer.along(Effect.succeed), [])
      yield* store.failWith(undefined)
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(yield* writer.drained(1000))
      assert.deepEqual((yield* store.batches).flat().at(-1), note("later"))
    }).pipe(Effect.provide(world()))
  )
})
