/** The exit ladder at the exchange: every lot is sold, by its own exit, and never more than was bought (I5, I16). */
import { describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { assert } from "vitest"
import { Store } from "../../src/services/Store.ts"
import { rate, usd } from "../support/build.ts"
import { anEntry, beside, bought, control, latches, logged, noEntry, untilLatched } from "./hands.ts"
import { assertBooks, assertExits, movedByOwn, ownFills } from "./judge.ts"
import { enter, makeWorld, own, PATIENCE, ready } from "./World.ts"
import type { World } from "./World.ts"

/** All that was bought is sold again, the books say so, and nothing else of the account was touched. */
const soldWhole = (world: World) =>
  Effect.gen(function* () {
    yield* world.until(
      "everything to be sold",
      Effect.map(world.view, (v) => ownFills(v).length > 0 && movedByOwn(v, "XLM") === 0n)
    )
    yield* world.until(
      "the closed trade",
      Effect.sync(() => world.rows("SELECT * FROM lots WHERE held=1").length === 0)
    )
    const view = yield* world.view
    assertExits(view)
    yield* assertBooks(world)
    return view
  })

describe("the exit ladder", PATIENCE, () => {
  it.scopedLive(
    "I5: loss exit where an amend to a taking price is accepted: one order, amended, the owner's coins untouched",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ balances: { USD: "98.82", XLM: "1000" } })
        const run = yield* world.start()
        yield* ready(world)
        yield* world.operate("switch", { name: "amendKeepsPostOnly", value: "false" })
        const { target } = yield* bought(world)
        yield* world.price("0.0975")
        const view = yield* soldWhole(world)
        assert.deepEqual(
          own(view, "sell").map((o) => [o.txid, o.amended]),
          [[target.txid, true]]
        )
        assert.strictEqual(view.balances.get("XLM"), view.startingBalances.get("XLM"))
        assert.isTrue(Exit.isSuccess(yield* run.stop))
      })
  )

  it.scopedLive(
    "I5: loss exit where it is refused: the target is cancelled and confirmed, then an IOC sells what was bought",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ balances: { USD: "98.82", XLM: "1000" } })
        const run = yield* world.start()
        yield* ready(world)
        const { target } = yield* bought(world)
        yield* world.price("0.0975")
        const view = yield* soldWhole(world)
        const sales = own(view, "sell")
        assert.strictEqual(sales.find((o) => o.txid === target.txid)?.status, "canceled")
        assert.isTrue(sales.slice(1).every((o) => o.timeInForce === "IOC" && o.openedAt >= (sales[0]?.closedAt ?? 0)))
        assert.strictEqual(view.balances.get("XLM"), view.startingBalances.get("XLM"))
        assert.isTrue(Exit.isSuccess(yield* run.stop))
      })
  )

  it.scopedLive("time exit: held longer than the plan says, it is sold at the market", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.start()
      yield* ready(world)
      const { entry } = yield* bought(world, enter(0.1, { holdFor: 60_000 }))
      const view = yield* soldWhole(world)
      assert.isAtLeast(ownFills(view).find((f) => f.side === "sell")?.at ?? 0, entry.openedAt + 60_000)
    })
  )

  it.scopedLive("a target filled down to less than the minimum: its remainder is amended, never cancelled", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.start()
      yield* ready(world)
      yield* world.operate("switch", { name: "amendKeepsPostOnly", value: "false" })
      const { target } = yield* bought(world)
      yield* world.operate("fill", { txid: target.txid, quantity: "90" })
      yield* world.until(
        "the partial sale in the books",
        Effect.sync(() => world.rows("SELECT * FROM fills WHERE side='sell'").length === 1)
      )
      yield* world.price("0.0975")
      const view = yield* soldWhole(world)
      assert.lengthOf(own(view, "sell"), 1)
    })
  )

  it.scopedLive(
    "the same where the amend is refused: the remainder follows the market as a resting order and is sold",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        yield* world.start()
        yield* ready(world)
        const { target } = yield* bought(world)
        yield* world.operate("fill", { txid: target.txid, quantity: "90" })
        yield* world.until(
          "the partial sale in the books",
          Effect.sync(() => world.rows("SELECT * FROM fills WHERE side='sell'").length === 1)
        )
        yield* world.price("0.0975")
        yield* world.until(
          "the remainder at the best ask",
          Effect.map(world.view, (v) => v.open.some((o) => o.txid === target.txid && o.amended))
        )
        yield* world.price("0.0985")
        const view = yield* soldWhole(world)
        assert.lengthOf(own(view, "sell"), 1)
      })
  )

  it.scopedLive("I17: dust is named with its remedy, counts as held, and is sold with the pair's next exit", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ limits: { maxTotalExposure: usd("12") } })
      const run = yield* world.start()
      yield* ready(world)
      const entry = yield* anEntry(world)
      yield* world.operate("fill", { txid: entry.txid, quantity: "7.5" })
      yield* world.operate("cancel", { txid: entry.txid, reason: "by the exchange" })
      const lot = yield* world.until(
        "the dust to be named",
        Effect.map(control(world, "/status"), (status) => {
          const [first] = status.lots as ReadonlyArray<{ readonly exit: string; readonly remedy: string }>
          return first?.exit === "dust" ? first : undefined
        })
      )
      assert.include(lot.remedy, "7.5 XLM")
      assert.lengthOf(own(yield* world.view, "sell"), 0)
      const { target } = yield* bought(world)
      assert.strictEqual(target.quantity, 107_500_000_000_000n)
      yield* world.price("0.1021")
      yield* soldWhole(world)
      assert.isTrue(Exit.isSuccess(yield* run.stop))
      assert.lengthOf(world.rows("SELECT * FROM learning_data"), 2)
    })
  )

  it.scopedLive(
    "Insufficient funds after auto-earn took the coins: what is available is sold, the rest when it is back",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ limits: { reconcileEvery: 20_000 } })
        yield* world.start()
        yield* ready(world)
        const { target } = yield* bought(world)
        yield* world.operate("cancel", { txid: target.txid, reason: "by auto-earn" })
        yield* world.operate("flex", { asset: "XLM", amount: "60" })
        yield* world.price("0.0975")
        yield* world.until(
          "what is left to be sold",
          Effect.map(
            world.view,
            (v) =>
              ownFills(v)
                .filter((f) => f.side === "sell")
                .reduce((sum, f) => sum + f.quantity, 0n) === 40_000_000_000_000n
          )
        )
        yield* logged(world, "there is less to sell than the books hold")
        yield* world.operate("unflex", { asset: "XLM", amount: "60" })
        yield* soldWhole(world)
      })
  )

  it.scopedLive(
    "cancel_only, maintenance, post_only: the exit waits and says so, rests at the ask, and sells when the exchange is back",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        yield* world.start()
        yield* ready(world)
        const { target } = yield* bought(world)
        yield* world.operate("system", { mode: "cancel_only" })
        yield* logged(world, "the exchange is cancel_only")
        const before = own(yield* world.view, "sell").length
        yield* world.price("0.0975")
        yield* world.pass(15_000)
        assert.lengthOf(own(yield* world.view, "sell"), before)
        const status = yield* control(world, "/status")
        assert.include(JSON.stringify(status.lots), "cancel_only")
        yield* world.operate("system", { mode: "post_only" })
        yield* world.until(
          "a post-only exit at the ask",
          Effect.map(world.view, (v) =>
            v.open.some((o) => o.side === "sell" && o.postOnly && (o.txid !== target.txid || o.amended))
          )
        )
        yield* world.operate("system", { mode: "online" })
        yield* soldWhole(world)
      })
  )

  it.scopedLive(
    "I5: an exit of unknown outcome is never sent again while it may have arrived, though the owner's coins would cover it",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ balances: { USD: "98.82", XLM: "1000" } })
        const run = yield* world.start()
        yield* ready(world)
        const { target } = yield* bought(world)
        const { faults } = world.kraken
        // nobody tells: the reply is lost, and so is every frame of executions
        yield* faults.add({ on: "rest", endpoint: "AddOrder", times: 1, effect: { kind: "drop", executed: true } })
        yield* faults.add({
          on: "stream",
          stream: "auth",
          channel: "executions",
          effect: { kind: "silence", heartbeats: true }
        })
        yield* world.operate("cancel", { txid: target.txid, reason: "unseen" })
        yield* faults.add({
          on: "stream",
          stream: "auth",
          channel: "balances",
          effect: { kind: "silence", heartbeats: true }
        })
        yield* world.price("0.0975")
        const view = yield* soldWhole(world)
        assert.strictEqual(view.balances.get("XLM"), view.startingBalances.get("XLM"))
        const sold = ownFills(view).filter((f) => f.side === "sell")
        assert.strictEqual(
          sold.reduce((sum, f) => sum + f.quantity, 0n),
          100_000_000_000_000n
        )
        yield* faults.clear()
        yield* run.stop
        yield* assertBooks(world)
      })
  )

  it.scopedLive("I5: an exit that never arrived is sent again after its proof, once", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ balances: { USD: "98.82", XLM: "1000" } })
      yield* world.start()
      yield* ready(world)
      yield* bought(world)
      yield* world.kraken.faults.add({
        on: "rest",
        endpoint: "AddOrder",
        times: 1,
        effect: { kind: "drop", executed: false }
      })
      yield* world.price("0.0975")
      const view = yield* soldWhole(world)
      assert.strictEqual(view.balances.get("XLM"), view.startingBalances.get("XLM"))
      assert.lengthOf(
        own(view, "sell").filter((o) => o.timeInForce === "IOC"),
        1
      )
    })
  )

  it.scopedLive(
    "an exit that finds no buyers widens its collar up to the bound, tells a person, and keeps trying",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ limits: { exitCollar: rate("0.02"), exitCollarMax: rate("0.04") } })
        yield* world.start()
        yield* ready(world)
        yield* bought(world)
        // next to nobody buys
        yield* world.book([["0.0975", "1"]], [["0.0976", "1000"]])
        yield* logged(world, "is not sold after")
        const ioc = own(yield* world.view, "sell").filter((o) => o.timeInForce === "IOC")
        for (const [n, order] of ioc.entries()) {
          const before = ioc[n - 1]
          // a pause between two attempts
          if (before !== undefined) assert.isAtLeast(order.openedAt - before.openedAt, 1500)
        }
        yield* world.price("0.0975")
        yield* soldWhole(world)
      })
  )
})

describe("I16: no limit of entries holds an exit up", PATIENCE, () => {
  it.scopedLive(
    "I16: paused, latched, limits lowered below what is held, trades used up, daily loss: the loss exit goes out",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ limits: { maxTradesPerDay: 1, maxDailyLoss: usd("0.3") } })
        const first = yield* world.start()
        yield* ready(world)
        yield* bought(world)
        assert.isTrue(Exit.isSuccess(yield* first.stop))
        yield* world.start({
          limits: {
            ...world.settings().limits,
            maxTradeSize: usd("3"),
            maxTotalExposure: usd("3"),
            minOrderSize: usd("3"),
            minTradeInterval: 3_600_000,
            priceCollar: rate("0.0001"),
            maxSpread: rate("0.0001")
          }
        })
        yield* world.until(
          "the target to be placed again",
          Effect.map(world.view, (v) => v.open.some((o) => o.side === "sell"))
        )
        yield* beside(
          world,
          Effect.flatMap(Store, (store) => store.moveFence({ paused: true, operatorLatch: Option.some("by hand") }))
        )
        yield* untilLatched(world, "operator")
        for (const cause of ["balance", "invariant", "stale", "price", "orders", "api"]) {
          yield* control(world, "/breaker/trip", { cause, reason: "by hand" })
        }
        yield* world.price("0.0975")
        yield* soldWhole(world)
        assert.includeMembers([...latches(world)], ["balance", "operator", "dailyLoss"])
        yield* noEntry(world, 5000, "everything says no")
      })
  )
})
