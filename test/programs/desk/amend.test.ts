import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, TestClock } from "effect"
import type { Decision } from "../../../src/domain/engine/Decision.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import type { SendOutcome } from "../../../src/domain/order/Outcome.ts"
import { amendOrder } from "../../../src/programs/desk/amend.ts"
import { p, q } from "../../support/build.ts"
import { Rig } from "../../domain/engine/Rig.ts"
import { inWorld, resting, rest } from "./support.ts"
import type { Bench } from "./support.ts"

type Amend = Extract<Decision, { readonly _tag: "Amend" }>

const down = (order: Order): Amend => ({
  _tag: "Amend",
  order,
  quantity: q("20"),
  limitPrice: order.limitPrice,
  postOnly: true,
  reason: "test"
})

/** A target resting on the exchange, and the amend that lowers it to the market. */
const target = (): { readonly rig: Rig; readonly order: Order; readonly amend: Amend } => {
  const rig = new Rig()
  rig.bought()
  const proposal = rig.ever("Propose").at(-1)?.proposal
  assert(proposal !== undefined)
  const order = rig.place(proposal)
  return {
    rig,
    order,
    amend: { _tag: "Amend", order, quantity: order.quantity, limitPrice: p("0.0935"), postOnly: false, reason: "test" }
  }
}

const requests = (b: Bench) => Effect.map(b.rest.callsOf("amendOrder"), (calls) => calls.length)

describe("amending an order", () => {
  it.scoped("is recorded first, sent once with a deadline, and its terms are taken over when accepted", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        // a program that has run for a while
        yield* TestClock.adjust("1 hour")
        let durable = 0
        yield* b.rest.answer(
          "amendOrder",
          Effect.gen(function* () {
            durable = (yield* b.store.contents).orders.filter((o) => o.amend?.state === "inFlight").length
            return { _tag: "Accepted" } as const
          })
        )
        yield* amendOrder(b.d, down(order))
        yield* b.d.engine.settled
        assert.strictEqual(durable, 1)
        assert.strictEqual(b.order(order.id).quantity, q("20"))
        assert.isUndefined(b.order(order.id).amend)
        const [[request]] = (yield* b.rest.callsOf("amendOrder")) as [[Record<string, unknown>]]
        assert.deepEqual(request["ref"], { _tag: "Exchange", id: order.exchangeId })
        assert.strictEqual(request["deadline"], rig.now + 10_000)
        assert.deepEqual(yield* b.rest.callsOf("orderTurn"), [["entry", "XLM/USD", "amend"]])
      })
    )
  })

  it.scoped("an order whose exchange id is not known yet is named by ours", () => {
    const { rig, order } = resting()
    const { exchangeId: _, ...bare } = order
    rig.state = { ...rig.state, orders: new Map([[bare.id, bare]]) }
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("amendOrder", Effect.succeed({ _tag: "Accepted" }))
        yield* amendOrder(b.d, down(bare))
        const [[request]] = (yield* b.rest.callsOf("amendOrder")) as [[Record<string, unknown>]]
        assert.deepEqual(request["ref"], { _tag: "Client", id: bare.id })
      })
    )
  })

  for (const [name, answer, check] of [
    [
      "unknown: the larger quantity counts and the order is read (I5)",
      Effect.succeed({ _tag: "Unknown", text: "time-out", recognised: true }),
      (b: Bench, order: Order) => {
        assert.strictEqual(b.order(order.id).amend?.state, "unknown")
        assert.strictEqual(b.of("FetchOrder").length, 1)
      }
    ],
    [
      "a defect while sending is unknown",
      Effect.die("a bug"),
      (b: Bench, order: Order) => assert.strictEqual(b.order(order.id).amend?.state, "unknown")
    ],
    [
      "refused: the old terms hold and no second amend is tried",
      Effect.succeed({ _tag: "Rejected", why: "postOnly", text: "EOrder:Post only order" }),
      (b: Bench, order: Order) => {
        assert.isUndefined(b.order(order.id).amend)
        assert.isTrue(b.d.engine.unsafeState().amendRefused.has(order.id))
      }
    ],
    [
      "the exchange does not know it: it is read",
      Effect.succeed({ _tag: "Rejected", why: "unknownOrder", text: "EOrder:Unknown order" }),
      (b: Bench) => assert.strictEqual(b.of("FetchOrder").length, 1)
    ],
    [
      "not sent: the old terms hold",
      Effect.succeed({ _tag: "NotSent", why: "rate limit", text: "EOrder:Rate limit exceeded" }),
      (b: Bench, order: Order) => {
        assert.isUndefined(b.order(order.id).amend)
        assert.isFalse(b.d.engine.unsafeState().amendRefused.has(order.id))
      }
    ]
  ] as ReadonlyArray<readonly [string, Effect.Effect<SendOutcome>, (b: Bench, order: Order) => void]>) {
    it.scoped(name, () => {
      const { rig, order } = resting()
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          yield* b.rest.answer("amendOrder", answer)
          yield* amendOrder(b.d, down(order))
          yield* b.d.engine.settled
          check(b, order)
          assert.strictEqual(yield* requests(b), 1)
        })
      )
    })
  }

  it.scoped("a refused key ends the desk", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("amendOrder", Effect.succeed({ _tag: "NotSent", why: "credentials", text: "bad key" }))
        assert.strictEqual((yield* Effect.flip(amendOrder(b.d, down(order))))._tag, "CredentialsRefused")
      })
    )
  })

  it.scoped("is not sent when the engine no longer wants it: cancelled meanwhile, or upwards for an entry", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* amendOrder(b.d, { ...down(order), quantity: q("1000") })
        yield* b.d.engine.tell({ _tag: "Tripped", cause: "operator", reason: "by hand" })
        yield* amendOrder(b.d, down(order))
        assert.strictEqual(yield* requests(b), 0)
      })
    )
  })

  it.scoped("an entry's amend needs its record; an exit's goes on without, its values are absolute", () =>
    Effect.gen(function* () {
      const entry = resting()
      yield* inWorld(entry.rig, (b) =>
        Effect.gen(function* () {
          yield* b.store.failWith("full")
          yield* amendOrder(b.d, down(entry.order))
          yield* b.d.engine.settled
          assert.strictEqual(yield* requests(b), 0)
          assert.isUndefined(b.order(entry.order.id).amend)
        })
      )
      const sale = target()
      yield* inWorld(sale.rig, (b) =>
        Effect.gen(function* () {
          yield* b.store.failWith("full")
          yield* b.rest.answer("amendOrder", Effect.succeed({ _tag: "Accepted" }))
          yield* amendOrder(b.d, sale.amend)
          yield* b.d.engine.settled
          assert.strictEqual(b.order(sale.order.id).limitPrice, p("0.0935"))
          assert.deepEqual(yield* b.rest.callsOf("orderTurn"), [["exit", "XLM/USD", "amend"]])
        })
      )
    })
  )

  it.scoped("the last look: nothing is amended after a second, while stopping, or on a pair that is gone", () => {
    const { rig, order } = resting()
    const slowly = (b: Bench, then: Effect.Effect<void>) => ({
      ...b.d,
      store: {
        ...b.d.store,
        commit: (writes: Parameters<typeof b.d.store.commit>[0]) => Effect.zipRight(b.d.store.commit(writes), then)
      }
    })
    return Effect.gen(function* () {
      yield* inWorld(rig, (b) =>
        Effect.gen(function* () {
          const late = yield* Effect.fork(amendOrder(slowly(b, Effect.sleep("1 second")), down(order)))
          yield* rest
          yield* TestClock.adjust("1 second")
          yield* Fiber.join(late)
          yield* b.d.engine.settled
          assert.isUndefined(b.order(order.id).amend)
          const stop = Effect.zipRight(b.d.engine.tell({ _tag: "Stopping", reason: "SIGTERM" }), b.d.engine.settled)
          yield* amendOrder(slowly(b, stop), down(order))
          assert.strictEqual(yield* requests(b), 0)
        })
      )
      yield* inWorld(rig, (b) =>
        Effect.gen(function* () {
          const gone = {
            ...b.d.engine,
            unsafeState: () => ({ ...b.d.engine.unsafeState(), pairs: new Map() })
          }
          yield* amendOrder({ ...b.d, engine: gone }, down(order))
          yield* b.d.engine.settled
          assert.isUndefined(b.order(order.id).amend)
          assert.strictEqual(yield* requests(b), 0)
        })
      )
    })
  })

  it.scoped("an interruption while it is out waits for the outcome; one before does not hang on a dead engine", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const out = yield* Deferred.make<void>()
        const answer = yield* Deferred.make<SendOutcome>()
        yield* b.rest.answer("amendOrder", Effect.zipRight(Deferred.succeed(out, undefined), Deferred.await(answer)))
        const sending = yield* Effect.fork(amendOrder(b.d, down(order)))
        yield* Deferred.await(out)
        const interrupting = yield* Effect.fork(Fiber.interrupt(sending))
        yield* rest
        yield* Deferred.succeed(answer, { _tag: "Accepted" })
        yield* Fiber.join(interrupting)
        yield* b.d.engine.settled
        assert.strictEqual(b.order(order.id).quantity, q("20"))
        const dead = { ...b.d, engine: { ...b.d.engine, askAmend: () => Effect.never } }
        const waiting = yield* Effect.fork(amendOrder(dead, down(order)))
        yield* rest
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(waiting)))
      })
    )
  })
})
