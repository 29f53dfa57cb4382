import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Logger, Option, TestClock } from "effect"
import type { SendOutcome } from "../../../src/domain/order/Outcome.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { makeOrderDesk } from "../../../src/programs/desk/desk.ts"
import { id, status } from "../../support/build.ts"
import { Rig } from "../../domain/engine/Rig.ts"
import { inWorld, lost, proposing, recordOf, rest, resting, timedOut, unknownOrder, until } from "./support.ts"

const accepted: SendOutcome = { _tag: "Accepted", exchangeId: ExchangeOrderId("O1") }
const stray = (exchangeId: string) =>
  ({ _tag: "CancelStray", exchangeId: ExchangeOrderId(exchangeId), reason: "test" }) as const
const stranger = (exchangeId: string) =>
  ({ _tag: "Identify", exchangeId: ExchangeOrderId(exchangeId), clientId: undefined }) as const

describe("the order desk", () => {
  it.scoped("carries out every decision that it takes", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const desk = yield* makeOrderDesk
        yield* Effect.forkScoped(desk.run)
        yield* b.rest.always("cancelOrder", Effect.fail(unknownOrder))
        yield* b.rest.answer("queryOrders", Effect.succeed([recordOf(order, { quantity: order.quantity })]))
        yield* b.rest.always("amendOrder", Effect.succeed({ _tag: "Accepted" }))
        yield* b.rest.always("addOrder", Effect.succeed(accepted))
        const { quantity, limitPrice } = order
        assert.isTrue(desk.take({ _tag: "Amend", order, quantity, limitPrice, postOnly: true, reason: "test" }))
        yield* until(() => b.order(order.id).termsAt >= order.termsAt)
        assert.isTrue(desk.take({ _tag: "FetchOrder", order, reason: "test" }))
        assert.isTrue(desk.take({ _tag: "Cancel", order, reason: "test" }))
        assert.isTrue(desk.take({ _tag: "Settle", order }))
        assert.isTrue(desk.take(stray("OSTRAY")))
        assert.isTrue(desk.take(stranger("OWHO")))
        const proposed = proposing().proposal()
        assert.isTrue(desk.take({ _tag: "Propose", proposal: { ...proposed, proposalId: 99 } }))
        yield* rest
        assert.isTrue(yield* idleFor(desk.idle, 1000))
        const asked = (yield* b.rest.calls).map((call) => call.endpoint)
        for (const endpoint of ["orderTurn", "amendOrder", "queryOrders", "cancelOrder", "openOrders"] as const) {
          assert.include(asked, endpoint)
        }
        assert.deepEqual((yield* b.rest.callsOf("cancelOrder")).map(([ref]) => ref).at(-1), {
          _tag: "Exchange",
          id: "OSTRAY"
        })
      })
    )
  })

  it.scoped("I2: a decision that is repeated while it is carried out starts nothing twice", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const desk = yield* makeOrderDesk
        yield* Effect.forkScoped(desk.run)
        const answer = yield* Deferred.make<SendOutcome>()
        yield* b.rest.always("addOrder", Deferred.await(answer))
        const decision = { _tag: "Propose", proposal: rig.proposal() } as const
        desk.take(decision)
        desk.take(decision)
        yield* rest
        desk.take(decision)
        yield* rest
        assert.isFalse(yield* idleFor(desk.idle, 1000))
        yield* Deferred.succeed(answer, accepted)
        yield* rest
        assert.isTrue(yield* idleFor(desk.idle, 1000))
        assert.strictEqual((yield* b.rest.callsOf("addOrder")).length, 1)
        assert.strictEqual((yield* b.rest.callsOf("orderTurn")).length, 1)
      })
    )
  })

  it.scoped("orders do not wait for each other, nor what is done for one order of several kinds", () => {
    const { rig, order } = resting()
    const other = { ...order, id: id("kt1-o"), exchangeId: ExchangeOrderId("OOTHER") }
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const desk = yield* makeOrderDesk
        yield* Effect.forkScoped(desk.run)
        for (const endpoint of ["cancelOrder", "queryOrders"] as const) {
          yield* b.rest.always(endpoint, Effect.never)
        }
        const { quantity, limitPrice } = order
        const proposal = proposing().proposal()
        const asked = (endpoint: "orderTurn" | "cancelOrder" | "queryOrders") =>
          Effect.map(b.rest.callsOf(endpoint), (calls) => calls.map(([what]) => what))
        for (const one of [order, other]) {
          desk.take({ _tag: "FetchOrder", order: one, reason: "test" })
        }
        yield* rest
        assert.deepEqual(yield* asked("queryOrders"), [[order.exchangeId], [other.exchangeId]])
        assert.deepEqual(yield* asked("cancelOrder"), [])
        const refs = [order, other].map((one) => ({ _tag: "Exchange", id: one.exchangeId }))
        for (const one of [order, other]) desk.take({ _tag: "Cancel", order: one, reason: "test" })
        yield* rest
        assert.deepEqual(yield* asked("cancelOrder"), refs)
        for (const one of [order, other]) desk.take({ _tag: "Settle", order: one })
        yield* rest
        assert.deepEqual(yield* asked("cancelOrder"), [...refs, ...refs])
        for (const one of ["O1", "O2"]) desk.take(stray(one))
        yield* rest
        assert.strictEqual((yield* asked("cancelOrder")).length, 6)
        for (const one of [order, other]) {
          desk.take({ _tag: "Amend", order: one, quantity, limitPrice, postOnly: true, reason: "test" })
        }
        for (const proposalId of [98, 99]) desk.take({ _tag: "Propose", proposal: { ...proposal, proposalId } })
        yield* rest
        assert.strictEqual((yield* asked("orderTurn")).length, 4)
      })
    )
  })

  it.scoped("says when its queue (1,024) is full", () =>
    inWorld(new Rig().ready(), () =>
      Effect.gen(function* () {
        const desk = yield* makeOrderDesk
        let taken = 0
        while (desk.take(stray(`O${taken}`))) taken += 1
        assert.strictEqual(taken, 1024)
        assert.isFalse(yield* idleFor(desk.idle, 100))
      })
    )
  )

  it.scoped("a refused key ends it, and with it the program", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const desk = yield* makeOrderDesk
        const run = yield* Effect.forkScoped(desk.run)
        yield* b.rest.answer(
          "addOrder",
          Effect.succeed({ _tag: "NotSent", why: "credentials", text: "EAPI:Invalid key" })
        )
        desk.take({ _tag: "Propose", proposal: rig.proposal() })
        const end = yield* Fiber.await(run)
        assert.isTrue(Exit.isFailure(end) && Cause.isFailType(end.cause))
      })
    )
  })

  it.scoped("a job that dies of a defect ends it: nothing is sent by a desk that lost a job", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        const desk = yield* makeOrderDesk
        const run = yield* Effect.forkScoped(desk.run)
        yield* b.rest.answer("cancelOrder", Effect.die("a bug"))
        desk.take(stray("O1"))
        const end = yield* Fiber.await(run)
        assert.isTrue(Exit.isFailure(end) && Cause.isDie(end.cause))
      })
    )
  )

  it.scoped("strangers that could not be named are asked for again, together with those that came meanwhile", () => {
    const rig = new Rig().ready()
    for (const n of ["O1", "O2"])
      rig.send({ _tag: "ReportsSeen", reports: [status({ exchangeId: ExchangeOrderId(n) })] })
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const desk = yield* makeOrderDesk
        yield* Effect.forkScoped(desk.run)
        yield* b.rest.answer("queryOrders", Effect.fail(timedOut()))
        desk.take(stranger("O1"))
        yield* rest
        desk.take(stranger("O2"))
        yield* rest
        assert.strictEqual(b.d.engine.unsafeState().unmatched.size, 2)
        yield* TestClock.adjust("2 seconds")
        yield* until(() => b.d.engine.unsafeState().unmatched.size === 0)
        assert.deepEqual(yield* b.rest.callsOf("queryOrders"), [[["O1"]], [["O1", "O2"]]])
      })
    )
  })

  it.scoped(
    "a stray is cancelled by the exchange's id; a failure is said and nothing follows; observing, or without pairs, nothing is sent",
    () =>
      Effect.gen(function* () {
        yield* inWorld(new Rig().ready(), (b) =>
          Effect.gen(function* () {
            const desk = yield* makeOrderDesk
            const said: Array<string> = []
            const logger = Logger.make(({ message }) => said.push(String(message)))
            const run = yield* Effect.forkScoped(Effect.provide(desk.run, Logger.replace(Logger.defaultLogger, logger)))
            yield* b.rest.answer("cancelOrder", Effect.fail(timedOut()))
            yield* b.rest.answer("cancelOrder", Effect.succeed({ count: 1, pending: false }))
            desk.take(stray("O1"))
            desk.take(stray("O2"))
            yield* rest
            assert.isTrue(yield* idleFor(desk.idle, 1000))
            assert.strictEqual((yield* b.rest.callsOf("cancelOrder")).length, 2)
            assert.match(said[0] ?? "", /cancel of O1 .*failed/)
            assert.match(said[1] ?? "", /cancelled O2/)
            assert.isTrue(Option.isNone(yield* Fiber.poll(run)))
          })
        )
        for (const rig of [new Rig({ instruments: [] }), new Rig({ rules: { observing: true } })]) {
          yield* inWorld(rig, (b) =>
            Effect.gen(function* () {
              const desk = yield* makeOrderDesk
              yield* Effect.forkScoped(desk.run)
              desk.take(stray("O1"))
              yield* rest
              assert.isTrue(yield* idleFor(desk.idle, 1000))
              assert.deepEqual(yield* b.rest.callsOf("cancelOrder"), [])
            })
          )
        }
      })
  )

  it.scoped("I20: an unknown order settles through the desk while everything else goes on", () => {
    const { rig, order } = lost()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const desk = yield* makeOrderDesk
        yield* Effect.forkScoped(desk.run)
        yield* b.rest.always("cancelOrder", Effect.fail(unknownOrder))
        desk.take({ _tag: "Settle", order })
        yield* rest
        yield* b.clock.advance(11_001)
        yield* rest
        yield* b.clock.advance(60_000)
        yield* until(() => b.order(order.id).status === "rejected")
      })
    )
  })
})

/** Whether the desk comes to rest within a time; the test's clock passes it. */
const idleFor = (idle: (ms: number) => Effect.Effect<boolean>, ms: number) =>
  Effect.gen(function* () {
    const waiting = yield* Effect.fork(idle(ms))
    yield* rest
    yield* TestClock.adjust(ms)
    return yield* Fiber.join(waiting)
  })
