/** The emergency sale through the running trader, and by a run of its own (I3, I5, I16). */
import { describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { assert } from "vitest"
import { exitCodeOf } from "../../src/programs/cli/ExitCode.ts"
import type { FlattenRun } from "../../src/programs/flatten/FlattenRun.ts"
import { Store } from "../../src/services/Store.ts"
import { anEntry, beside, bought, control, latches, logged, noEntry } from "./hands.ts"
import { assertBooks, assertExits, ownFills } from "./judge.ts"
import { ask, enter, makeWorld, own, PATIENCE, ready } from "./World.ts"
import type { World } from "./World.ts"

const heldLots = (world: World) => world.rows("SELECT * FROM lots WHERE held = 1").length

const soldOut = (world: World): Effect.Effect<void> =>
  Effect.asVoid(
    world.until(
      "everything to be sold",
      Effect.map(ask(world, "/flatten"), (p) => Array.isArray(p?.lots) && p.lots.length === 0 && heldLots(world) === 0)
    )
  )

describe("POST /flatten", PATIENCE, () => {
  it.scopedLive("sells the trader's own lot once, leaves the owner's coins, and buys nothing until a reset", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ balances: { USD: "98.82", XLM: "500" } })
      yield* world.start()
      yield* ready(world)
      const { target } = yield* bought(world)
      const answer = yield* control(world, "/flatten", {})
      assert.strictEqual(answer.durable, true)
      assert.strictEqual(answer.flattening, true)
      yield* soldOut(world)
      const view = yield* world.view
      assert.notStrictEqual(view.orders.find((o) => o.txid === target.txid)?.status, "open")
      const fills = ownFills(view)
      const sum = (side: "buy" | "sell") =>
        fills.filter((f) => f.side === side).reduce((total, f) => total + f.quantity, 0n)
      assert.strictEqual(sum("sell"), sum("buy"))
      assert.isTrue((view.balances.get("XLM") ?? 0n) === 500n * 10n ** 12n, "the owner's coins are his")
      assertExits(view)
      assert.include(latches(world), "operator")
      yield* noEntry(world, 15_000, "everything was sold")
      yield* control(world, "/breaker/reset", { cause: "operator" })
      assert.strictEqual((yield* control(world, "/flatten")).flattening, false)
      yield* anEntry(world)
      yield* assertBooks(world)
    })
  )

  it.scopedLive("holds over a kill: the next run sells what the last one could not", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      yield* bought(world)
      // nothing that sells gets through
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "AmendOrder",
        effect: { kind: "error", error: "EService:Unavailable", executed: false }
      })
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "AddOrder",
        effect: { kind: "error", error: "EService:Unavailable", executed: false }
      })
      yield* control(world, "/flatten", {})
      yield* world.pass(5_000)
      assert.strictEqual(heldLots(world), 1)
      yield* run.kill
      yield* world.kraken.faults.clear()
      world.say(enter(0.1))
      yield* world.start()
      yield* soldOut(world)
      world.say(undefined)
      yield* assertBooks(world)
    })
  )

  it.scopedLive("what another process wrote into the records is done by the trader that reads them", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.start()
      yield* ready(world)
      yield* bought(world)
      yield* beside(
        world,
        Effect.flatMap(Store, (store) => store.moveFence({ operatorLatch: Option.some("`flatten`"), flatten: true }))
      )
      yield* soldOut(world)
      yield* logged(world, "by the operator's word")
      yield* assertBooks(world)
    })
  )
})

describe("a run that only sells", PATIENCE, () => {
  it.scopedLive("sells what a dead trader held, and ends by itself", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const first = yield* world.start()
      yield* ready(world)
      yield* bought(world)
      yield* first.kill
      const seen: Array<number> = []
      const run = yield* world.start(
        {},
        {
          flatten: {
            timeoutMs: 60_000,
            waiting: () => Effect.void,
            seen: ({ lots }) => Effect.sync(() => void seen.push(lots.length))
          }
        }
      )
      const end = yield* run.ended
      assert.isTrue(Exit.isSuccess(end))
      if (Exit.isSuccess(end)) assert.deepEqual(end.value.held, [])
      assert.strictEqual(seen[0], 1)
      assert.strictEqual(seen.at(-1), 0)
      assert.strictEqual(heldLots(world), 0)
      assert.deepEqual((yield* world.view).open, [])
      assert.strictEqual(own(yield* world.view, "buy").length, 1)
      yield* assertBooks(world)
    })
  )

  it.scopedLive("with nothing held, an entry at the exchange is cancelled, and it ends", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const first = yield* world.start()
      yield* ready(world)
      yield* anEntry(world)
      yield* first.kill
      const run = yield* world.start(
        {},
        { flatten: { timeoutMs: 60_000, seen: () => Effect.void, waiting: () => Effect.void } }
      )
      assert.isTrue(Exit.isSuccess(yield* run.ended))
      assert.deepEqual((yield* world.view).open, [])
      yield* assertBooks(world)
    })
  )

  it.scopedLive("dust is named and left; a sale that does not come through ends with the time", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const first = yield* world.start()
      yield* ready(world)
      const entry = yield* anEntry(world)
      // less than the least order of 20
      yield* world.operate("fill", { txid: entry.txid, quantity: "7" })
      yield* world.until(
        "the lot",
        Effect.sync(() => heldLots(world) === 1)
      )
      yield* first.kill
      let last: ReadonlyArray<string> = []
      const run = yield* world.start(
        {},
        {
          flatten: {
            timeoutMs: 60_000,
            waiting: () => Effect.void,
            seen: ({ lots }) => Effect.sync(() => void (last = lots.map((lot) => `${lot.state} ${lot.remaining}`)))
          }
        }
      )
      const end = yield* run.ended
      assert.isTrue(Exit.isSuccess(end))
      assert.deepEqual(last, ["dust 7"])
    })
  )

  it.scopedLive("a sale that the exchange does not take ends with the time, and says what is held", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const first = yield* world.start()
      yield* ready(world)
      yield* bought(world)
      yield* first.kill
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "AddOrder",
        effect: { kind: "error", error: "EService:Unavailable", executed: false }
      })
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "AmendOrder",
        effect: { kind: "error", error: "EService:Unavailable", executed: false }
      })
      const run = yield* world.start(
        {},
        { flatten: { timeoutMs: 4_000, seen: () => Effect.void, waiting: () => Effect.void } }
      )
      const end = yield* run.ended
      assert.strictEqual(heldLots(world), 1)
      if (Exit.isSuccess(end)) assert.strictEqual(end.value.held.length, 1)
      assert.deepEqual((yield* world.view).open, [])
    })
  )

  it.scopedLive(
    "an exchange that does not answer the start is asked again until it does; the sale has the rest of the time",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const first = yield* world.start()
        yield* ready(world)
        yield* bought(world)
        yield* first.kill
        const effect = { kind: "error", error: "EService:Unavailable", executed: false } as const
        yield* world.kraken.faults.add({ on: "rest", endpoint: "Time", effect })
        const told: Array<string> = []
        const flatten: FlattenRun = {
          timeoutMs: 60_000,
          seen: () => Effect.void,
          waiting: (why) =>
            Effect.suspend(() => {
              told.push(why)
              // at the second time it answers that, and fails at the next step
              if (told.length === 1) return Effect.void
              return Effect.zipRight(
                world.kraken.faults.clear(),
                told.length > 2 ? Effect.void : world.kraken.faults.add({ on: "rest", endpoint: "AssetPairs", effect })
              )
            })
        }
        const run = yield* world.start({}, { flatten })
        const end = yield* run.ended
        assert.isTrue(Exit.isSuccess(end))
        assert.strictEqual(heldLots(world), 0)
        assert.strictEqual(told.length, 3)
        assert.include(told[0], "the exchange's clock could not be read")
        assert.include(told[2], "could not be read")
        assert.deepEqual((yield* world.view).open, [])
        yield* assertBooks(world)
      })
  )

  it.scopedLive(
    "when the exchange never answers, the run ends with the time, and the word to sell holds for the next one",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const first = yield* world.start()
        yield* ready(world)
        yield* bought(world)
        yield* first.kill
        yield* world.kraken.faults.add({
          on: "rest",
          endpoint: "Time",
          effect: { kind: "error", error: "EService:Unavailable", executed: false }
        })
        const left: Array<number> = []
        const waiting = (_: string, leftMs: number): Effect.Effect<void> => Effect.sync(() => void left.push(leftMs))
        const run = yield* world.start({}, { flatten: { timeoutMs: 12_000, seen: () => Effect.void, waiting } })
        const end = yield* run.ended
        assert.strictEqual(exitCodeOf(end), 69)
        assert.isAtLeast(left.length, 1)
        assert.isTrue(left.every((ms, n) => ms > 0 && ms <= (left[n - 1] ?? 12_000)))
        assert.strictEqual(heldLots(world), 1)
        yield* world.kraken.faults.clear()
        // a trader like any other: it reads the word in the fence
        yield* world.start()
        yield* soldOut(world)
        yield* assertBooks(world)
      })
  )
})
