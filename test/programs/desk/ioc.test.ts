import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import type { EngineState } from "../../../src/domain/engine/State.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { settle } from "../../../src/programs/desk/settle.ts"
import { BTC, entry, exit, id, p, q, share } from "../../support/build.ts"
import type { Rig } from "../../domain/engine/Rig.ts"
import { inWorld, lost, proposing, rest, selling, timedOut, unknownOrder, xlmBalance } from "./support.ts"
import type { Bench } from "./support.ts"

/** An IOC sale of a whole lot, sent and never answered. */
const lostSale = (): { readonly rig: Rig; readonly order: Order } => {
  const { rig, order } = lost(selling())
  assert.strictEqual(order.timeInForce, "IOC")
  return { rig, order }
}

/** Settles until just after the deadline, and says whether that was enough. */
const early = (b: Bench, order: Order, engine = b.d.engine) =>
  Effect.gen(function* () {
    yield* b.rest.always("cancelOrder", Effect.fail(unknownOrder))
    const fiber = yield* Effect.forkScoped(settle({ ...b.d, engine }, order))
    yield* rest
    yield* b.clock.advance(11_001)
    yield* rest
    const settled = b.order(order.id).status === "rejected"
    if (settled) yield* Fiber.join(fiber)
    // not settled yet, it goes on looking
    else if (b.order(order.id).status === "unknown") assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
    return settled
  })

describe("the early proof that an IOC exit did not execute", () => {
  it.scoped("a gap-free account stream and an unchanged balance settle it right after its deadline", () => {
    const { rig, order } = lostSale()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const dollars = { assetId: "ZUSD", balance: q("7"), hold: q("7"), available: q("0") }
        yield* b.rest.always("balanceEx", Effect.succeed([dollars, ...xlmBalance("100")]))
        assert.isTrue(yield* early(b, order))
        assert.match(b.order(order.id).endReason ?? "", /without a gap/)
      })
    )
  })

  it.scoped("what other open sales hold is counted", () => {
    const { rig, order } = lostSale()
    const target = exit([share("kt1-b", "40")], { id: id("kt1-t"), bookedQuantity: q("10"), cumQuantity: q("10") })
    const elsewhere = { ...target, id: id("kt1-u"), symbol: BTC, quantity: q("70") }
    const buying = entry({ id: id("kt1-v"), status: "open" })
    const orders = [...rig.state.orders.values(), target, elsewhere, buying]
    rig.state = { ...rig.state, orders: new Map(orders.map((one) => [one.id, one])) }
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.always("balanceEx", Effect.succeed(xlmBalance("100", "30")))
        assert.isTrue(yield* early(b, order))
      })
    )
  })

  const lastOf = (s: EngineState): Order => [...s.orders.values()].at(-1)!

  const no: ReadonlyArray<
    readonly [
      string,
      {
        readonly balance?: ReturnType<typeof xlmBalance>
        readonly fails?: boolean
        readonly state?: (state: EngineState) => EngineState
      }
    ]
  > = [
    ["the balance went down: it sold", { balance: xlmBalance("60") }],
    ["something holds part of it", { balance: xlmBalance("100", "100") }],
    ["the asset is not in the answer", { balance: [] }],
    ["the balance could not be read", { fails: true }],
    ["the account stream is down", { state: (s) => ({ ...s, privateUp: false, privateUpAt: undefined }) }],
    ["the account stream says up and not since when", { state: (s) => ({ ...s, privateUpAt: undefined }) }],
    ["the account stream began with the send", { state: (s) => ({ ...s, privateUpAt: lastOf(s).createdAt }) }],
    ["the account stream began after the send", { state: (s) => ({ ...s, privateUpAt: s.now + 1 }) }],
    ["the pair's rules are gone", { state: (s) => ({ ...s, pairs: new Map() }) }],
    ["what else the account holds was never agreed", { state: (s) => ({ ...s, foreign: new Map() }) }]
  ]
  for (const [name, { balance, fails, state }] of no) {
    it.scoped(`is not given when ${name}`, () => {
      const { rig, order } = lostSale()
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          yield* b.rest.always(
            "balanceEx",
            fails === true ? Effect.fail(timedOut()) : Effect.succeed(balance ?? xlmBalance("100"))
          )
          const engine =
            state === undefined ? b.d.engine : { ...b.d.engine, unsafeState: () => state(b.d.engine.unsafeState()) }
          assert.isFalse(yield* early(b, order, engine))
          assert.strictEqual(b.order(order.id).status, "unknown")
        })
      )
    })
  }

  it.scoped("is not given when the stream broke while the balance was read", () => {
    const { rig, order } = lostSale()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.always(
          "balanceEx",
          Effect.zipRight(
            b.d.engine.tell({ _tag: "PrivateGap", reason: "sequence" }),
            Effect.succeed(xlmBalance("100"))
          )
        )
        assert.isFalse(yield* early(b, order))
      })
    )
  })

  it.scoped("is not given when the order was found while the balance was read", () => {
    const { rig, order } = lostSale()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const found = rig.statusOf(order, { status: "open", limitPrice: p("0.0935") })
        yield* b.rest.always(
          "balanceEx",
          Effect.zipRight(
            b.d.engine.tell({ _tag: "ReportsSeen", reports: [found] }),
            Effect.succeed(xlmBalance("100", "100"))
          )
        )
        assert.isFalse(yield* early(b, order))
        assert.strictEqual(b.order(order.id).status, "open")
        // and is not looked for again
        assert.strictEqual((yield* b.rest.callsOf("openOrders")).length, 1)
      })
    )
  })

  it.scoped("is not given for an entry, nor for an exit that may rest", () =>
    Effect.gen(function* () {
      const bought = lost(proposing())
      yield* inWorld(bought.rig, (b) =>
        Effect.gen(function* () {
          yield* b.rest.always("balanceEx", Effect.succeed(xlmBalance("0")))
          assert.isFalse(yield* early(b, bought.order))
          assert.deepEqual(yield* b.rest.callsOf("balanceEx"), [])
        })
      )
      const sale = lostSale()
      const buying = { ...sale.order, side: "buy" as const }
      yield* inWorld(sale.rig, (b) =>
        Effect.gen(function* () {
          assert.isFalse(yield* early(b, buying))
          assert.deepEqual(yield* b.rest.callsOf("balanceEx"), [])
        })
      )
      yield* inWorld(sale.rig, (b) =>
        Effect.gen(function* () {
          assert.isFalse(yield* early(b, { ...sale.order, timeInForce: "GTC" }))
          assert.deepEqual(yield* b.rest.callsOf("balanceEx"), [])
        })
      )
    })
  )
})
