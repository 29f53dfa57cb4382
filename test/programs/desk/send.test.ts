import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Either, Exit, Fiber, Option, TestClock } from "effect"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { SendOutcome } from "../../../src/domain/order/Outcome.ts"
import type { Proposal } from "../../../src/domain/order/Steps.ts"
import type { StoreWrite } from "../../../src/domain/engine/Write.ts"
import { gates } from "../../../src/domain/engine/Views.ts"
import type { Deps } from "../../../src/programs/desk/Deps.ts"
import { send, voidReason } from "../../../src/programs/desk/send.ts"
import { StoreFailed } from "../../../src/services/Store.ts"
import type { Rig } from "../../domain/engine/Rig.ts"
import { inWorld, proposing, rest, selling, until } from "./support.ts"
import type { Bench } from "./support.ts"

const accepted: SendOutcome = { _tag: "Accepted", exchangeId: ExchangeOrderId("O1") }

/** The desk's parts with their calls written down in order. */
const traced = (d: Deps, log: Array<string>): Deps => ({
  ...d,
  engine: {
    ...d.engine,
    askApproval: (n) => Effect.tap(d.engine.askApproval(n), () => log.push("approved")),
    tell: (event) => Effect.tap(d.engine.tell(event), () => log.push(event._tag))
  },
  store: {
    ...d.store,
    commitIntent: (...args) => Effect.tap(d.store.commitIntent(...args), () => log.push("intent durable"))
  }
})

const onlyOrder = (b: Bench, proposal: Proposal) => {
  const found = [...b.d.engine.unsafeState().orders.values()].find((o) => o.reason === proposal.reason)
  assert(found !== undefined)
  return found
}

describe("sending an order", () => {
  it.scoped("I1: approval, durable intent, wire, outcome, in this order; the nonce is the intent's own", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const log: Array<string> = []
        yield* b.rest.answer(
          "addOrder",
          Effect.sync(() => {
            log.push("on the wire")
            return accepted
          })
        )
        yield* send(traced(b.d, log), rig.proposal())
        yield* b.d.engine.settled
        assert.deepEqual(log, ["approved", "intent durable", "on the wire", "OutcomeSeen"])
        assert.strictEqual(onlyOrder(b, rig.proposal()).status, "open")
        const { intents } = yield* b.store.contents
        assert.strictEqual(intents.length, 1)
        const [sent] = yield* b.rest.callsOf("addOrder")
        assert.strictEqual(sent?.[0], intents[0])
        assert.deepEqual(yield* b.rest.callsOf("orderTurn"), [["entry", "XLM/USD", "add"]])
      })
    )
  })

  for (const [name, outcome, status] of [
    ["rejected", { _tag: "Rejected", why: "postOnly", text: "EOrder:Post only order" }, "rejected"],
    ["not sent", { _tag: "NotSent", why: "rate limit", text: "EAPI:Rate limit exceeded" }, "rejected"],
    ["unknown after a time-out", { _tag: "Unknown", text: "time-out", recognised: true }, "unknown"]
  ] as const) {
    it.scoped(`I2, scenarios 1 to 3: ${name} is sent once, and only what the exchange said is taken over`, () => {
      const rig = proposing()
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          yield* b.rest.answer("addOrder", Effect.succeed(outcome))
          yield* send(b.d, rig.proposal())
          yield* b.d.engine.settled
          assert.strictEqual(onlyOrder(b, rig.proposal()).status, status)
          yield* send(b.d, rig.proposal())
          assert.strictEqual((yield* b.rest.callsOf("addOrder")).length, 1)
        })
      )
    })
  }

  it.scoped("I1: what approving an entry changed is durable with its intent, in one transaction", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const { store } = b.d
        const told = (name: string, writes: ReadonlyArray<StoreWrite> = []): void => {
          const notes = writes.flatMap((write) => (write._tag === "Note" ? [write.key] : []))
          if (notes.includes("throttle")) log.push(name)
        }
        yield* b.rest.answer(
          "addOrder",
          Effect.sync(() => {
            log.push("on the wire")
            return accepted
          })
        )
        const watched: Deps["store"] = {
          ...store,
          commit: (writes) => Effect.tap(store.commit(writes), () => told("by itself", writes)),
          commitIntent: (...args) => Effect.tap(store.commitIntent(...args), () => told("with the intent", args[2]))
        }
        yield* send({ ...b.d, store: watched }, rig.proposal())
        assert.deepEqual(log, ["with the intent", "on the wire"])
        yield* b.d.writer.drained(1000)
        const writes = (yield* b.store.batches).flat()
        assert.strictEqual(writes.filter((write) => write._tag === "Note" && write.key === "throttle").length, 1)
      })
    )
  })

  it.scoped("I2: a defect while sending is an unknown outcome, never a second try", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("addOrder", Effect.die("a bug"))
        yield* send(b.d, rig.proposal())
        yield* b.d.engine.settled
        assert.strictEqual(onlyOrder(b, rig.proposal()).status, "unknown")
        assert.strictEqual(b.of("Settle").length, 1)
        assert.strictEqual((yield* b.rest.callsOf("addOrder")).length, 1)
      })
    )
  })

  it.scoped("I1, I2: an interruption while the request is out waits for its outcome and records it", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const out = yield* Deferred.make<void>()
        const answer = yield* Deferred.make<SendOutcome>()
        yield* b.rest.answer("addOrder", Effect.zipRight(Deferred.succeed(out, undefined), Deferred.await(answer)))
        const sending = yield* Effect.fork(send(b.d, rig.proposal()))
        yield* Deferred.await(out)
        const interrupting = yield* Effect.fork(Fiber.interrupt(sending))
        yield* rest
        assert.isTrue(Option.isNone(yield* Fiber.poll(interrupting)))
        yield* Deferred.succeed(answer, accepted)
        yield* Fiber.join(interrupting)
        yield* b.d.engine.settled
        assert.strictEqual(onlyOrder(b, rig.proposal()).status, "open")
      })
    )
  })

  it.scoped("an engine that answers no more does not keep the program from ending", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const dead: Deps = { ...b.d, engine: { ...b.d.engine, askApproval: () => Effect.never } }
        const sending = yield* Effect.fork(send(dead, rig.proposal()))
        yield* rest
        const end = yield* Fiber.interrupt(sending)
        assert.isTrue(Exit.isInterrupted(end))
        assert.deepEqual(yield* b.rest.callsOf("addOrder"), [])
        assert.deepEqual((yield* b.store.contents).intents, [])
      })
    )
  })

  it.scoped("I7: a proposal that risk refuses in its turn leaves neither intent nor request", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.d.engine.tell({ _tag: "Tripped", cause: "operator", reason: "by hand" })
        yield* send(b.d, rig.proposal())
        assert.deepEqual(yield* b.rest.callsOf("addOrder"), [])
        assert.deepEqual((yield* b.store.contents).intents, [])
      })
    )
  })

  it.scoped("I7: a fence moved by another program: no request, the new fence is told, the reservation is gone", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.d.store.moveFence({ paused: true })
        yield* send(b.d, rig.proposal())
        yield* b.d.engine.settled
        assert.deepEqual(yield* b.rest.callsOf("addOrder"), [])
        assert.isTrue(b.d.engine.unsafeState().paused)
        assert.strictEqual(onlyOrder(b, rig.proposal()).status, "rejected")
        assert.match(onlyOrder(b, rig.proposal()).endReason ?? "", /fence is at 1, the order was approved at 0/)
        assert.isUndefined(b.d.engine.unsafeState().storeFailed)
      })
    )
  })

  it.scoped("a moved fence that cannot be read back still drops the order", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const fence = yield* b.d.store.moveFence({ paused: true })
        const store = {
          ...b.d.store,
          commitIntent: (...args: Parameters<typeof b.d.store.commitIntent>) =>
            Effect.tapErrorCause(b.d.store.commitIntent(...args), () => b.store.failWith("busy"))
        }
        yield* send({ ...b.d, store }, rig.proposal())
        yield* b.d.engine.settled
        assert.deepEqual(yield* b.rest.callsOf("addOrder"), [])
        assert.notStrictEqual(b.d.engine.unsafeState().epoch, fence.epoch)
        assert.strictEqual(onlyOrder(b, rig.proposal()).status, "rejected")
      })
    )
  })

  it.scoped("a refused key ends the desk: nothing more can be done with it", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer(
          "addOrder",
          Effect.succeed({ _tag: "NotSent", why: "credentials", text: "EAPI:Invalid key" })
        )
        const error = yield* Effect.flip(send(b.d, rig.proposal()))
        assert.strictEqual(error._tag, "CredentialsRefused")
        assert.include(error.message, "EAPI:Invalid key")
        yield* b.d.engine.settled
        assert.strictEqual(onlyOrder(b, rig.proposal()).status, "rejected")
      })
    )
  })
})

describe("the store cannot be written", () => {
  it.scoped("I1: an entry is dropped and entries stop", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.store.failWith("full")
        yield* send(b.d, rig.proposal())
        yield* b.d.engine.settled
        assert.deepEqual(yield* b.rest.callsOf("addOrder"), [])
        assert.include(b.d.engine.unsafeState().storeFailed ?? "", "full")
        assert.strictEqual(onlyOrder(b, rig.proposal()).status, "rejected")
        assert.deepEqual((yield* b.store.contents).aside, [])
      })
    )
  })

  it.scoped("I20: an intent that failed once, while the writer never did: entries go on by themselves", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        let failures = 1
        const store = {
          ...b.d.store,
          commitIntent: (...args: Parameters<typeof b.d.store.commitIntent>) =>
            failures-- > 0
              ? Effect.fail(new StoreFailed({ operation: "commit an intent", reason: "busy", cause: "the test" }))
              : b.d.store.commitIntent(...args)
        }
        yield* send({ ...b.d, store }, rig.proposal())
        yield* until(() => b.d.engine.unsafeState().storeProofs.given === 1)
        assert.isUndefined(b.d.engine.unsafeState().storeFailed)
        assert.strictEqual(b.of("Alert").filter((a) => a.kind === "store.failed").length, 1)
        assert.deepEqual(gates(b.d.engine.unsafeState()), [])
      })
    )
  })

  it.scoped("I20: the same for an exit that went to the side file", () => {
    const rig = selling()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.store.failWith("io")
        yield* b.rest.answer("addOrder", Effect.succeed(accepted))
        yield* send(b.d, rig.proposal())
        yield* b.d.engine.settled
        yield* rest
        assert.strictEqual(b.d.engine.unsafeState().storeFailed, "io")
        yield* b.store.failWith(undefined)
        yield* TestClock.adjust("10 seconds")
        yield* until(() => b.d.engine.unsafeState().storeFailed === undefined)
        assert.strictEqual((yield* b.rest.callsOf("addOrder")).length, 1)
      })
    )
  })

  it.scoped("I1: an exit's intent goes to the side file, with a nonce from memory, before it is sent", () => {
    const rig = selling()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.store.failWith("io")
        yield* b.rest.answer("addOrder", Effect.succeed(accepted))
        yield* send(b.d, rig.proposal())
        yield* b.d.engine.settled
        const { aside, intents } = yield* b.store.contents
        assert.strictEqual(aside.length, 1)
        assert.deepEqual(yield* b.nonces.issued, [intents[0]?.nonce ?? 0n])
        assert.strictEqual((yield* b.rest.callsOf("addOrder")).length, 1)
        assert.strictEqual(onlyOrder(b, rig.proposal()).status, "open")
        assert.strictEqual(b.d.engine.unsafeState().storeFailed, "io")
        assert.deepEqual(yield* b.rest.callsOf("orderTurn"), [["exit", "XLM/USD", "add"]])
      })
    )
  })

  it.scoped("I1: where the side file fails too, the exit is not sent, and is proposed again later", () => {
    const rig = selling()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        yield* b.store.failWith("io")
        yield* b.store.failAsideWith("io")
        yield* send(b.d, rig.proposal())
        yield* b.d.engine.settled
        assert.deepEqual(yield* b.rest.callsOf("addOrder"), [])
        assert.strictEqual(onlyOrder(b, rig.proposal()).status, "rejected")
        assert.notMatch(onlyOrder(b, rig.proposal()).endReason ?? "", /undefined/)
        yield* b.clock.advance(3000)
        yield* b.d.engine.tell({ _tag: "Tick" })
        yield* b.d.engine.settled
        assert.strictEqual(b.of("Propose").filter((p) => p.proposal.side === "sell").length, 1)
      })
    )
  })

  it.scoped("records that are not durable within two seconds drop an entry, and hold an exit up no longer", () =>
    Effect.gen(function* () {
      const entry = proposing()
      const stuck = (b: Bench): Deps => ({
        ...b.d,
        store: { ...b.d.store },
        writer: { ...b.d.writer, drained: (ms) => Effect.as(Effect.sleep(ms), false) }
      })
      yield* inWorld(entry, (b) =>
        Effect.gen(function* () {
          const sending = yield* Effect.fork(send(stuck(b), entry.proposal()))
          yield* rest
          yield* TestClock.adjust("2 seconds")
          yield* Fiber.join(sending)
          yield* b.d.engine.settled
          assert.deepEqual(yield* b.rest.callsOf("addOrder"), [])
          assert.strictEqual(b.d.engine.unsafeState().proposals.size, 0)
        })
      )
      const exit = selling()
      yield* inWorld(exit, (b) =>
        Effect.gen(function* () {
          yield* b.rest.answer("addOrder", Effect.succeed(accepted))
          const sending = yield* Effect.fork(send(stuck(b), exit.proposal()))
          yield* rest
          yield* TestClock.adjust("2 seconds")
          yield* Fiber.join(sending)
          assert.strictEqual((yield* b.rest.callsOf("addOrder")).length, 1)
        })
      )
    })
  )
})

describe("the last look (I7): approval and sending are one step", () => {
  it.scoped("an approval that could not leave within a second of real time is void", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const store = {
          ...b.d.store,
          commitIntent: (...args: Parameters<typeof b.d.store.commitIntent>) =>
            Effect.tap(b.d.store.commitIntent(...args), () => Effect.sleep("1 second"))
        }
        const sending = yield* Effect.fork(send({ ...b.d, store }, rig.proposal()))
        yield* rest
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(sending)
        yield* b.d.engine.settled
        assert.deepEqual(yield* b.rest.callsOf("addOrder"), [])
        const order = onlyOrder(b, rig.proposal())
        assert.strictEqual(order.status, "rejected")
        assert.include(order.endReason ?? "", "older than a second")
      })
    )
  })

  it.scoped("the second counts from the question, so that a pause before the answer is seen counts", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const engine = {
          ...b.d.engine,
          askApproval: (n: number) => Effect.tap(b.d.engine.askApproval(n), () => Effect.sleep("1 second"))
        }
        const sending = yield* Effect.fork(send({ ...b.d, engine }, rig.proposal()))
        yield* rest
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(sending)
        assert.deepEqual(yield* b.rest.callsOf("addOrder"), [])
      })
    )
  })

  it.scoped("what happens between the commit and the wire is seen: a pause, a latch, a stop", () =>
    Effect.forEach(
      [
        { _tag: "FenceSeen", fence: { epoch: 9, paused: true, operatorLatch: Option.none<string>() } },
        { _tag: "Tripped", cause: "operator", reason: "by hand" },
        { _tag: "PublicDown", reason: "closed" },
        { _tag: "Stopping", reason: "SIGTERM" }
      ] as const,
      (event) => {
        const rig = proposing()
        return inWorld(rig, (b) =>
          Effect.gen(function* () {
            const store = {
              ...b.d.store,
              commitIntent: (...args: Parameters<typeof b.d.store.commitIntent>) =>
                Effect.tap(b.d.store.commitIntent(...args), () =>
                  Effect.zipRight(b.d.engine.tell(event), b.d.engine.settled)
                )
            }
            yield* send({ ...b.d, store }, rig.proposal())
            yield* until(() => onlyOrder(b, rig.proposal()).status === "rejected")
            assert.deepEqual(yield* b.rest.callsOf("addOrder"), [], event._tag)
          })
        )
      }
    )
  )

  const approvedOf = (rig: Rig) => {
    const verdict = rig.ask(rig.proposal())
    assert(Either.isRight(verdict))
    return verdict.right
  }

  it("names its reason; an exit is void by age, fence and stop only (I16)", () => {
    const rig = proposing()
    const entry = approvedOf(rig)
    assert.isUndefined(voidReason(rig.state, entry, 999))
    assert.match(voidReason(rig.state, entry, 1000) ?? "", /second/)
    assert.match(voidReason({ ...rig.state, pairs: new Map() }, entry, 0) ?? "", /pair is gone/)
    const sale = selling()
    const exit = approvedOf(sale)
    sale.send({ _tag: "Tripped", cause: "operator", reason: "by hand" }).send({ _tag: "PublicDown", reason: "x" })
    assert.isUndefined(voidReason(sale.state, exit, 0))
    assert.match(voidReason(sale.state, exit, 1000) ?? "", /second/)
    assert.match(voidReason({ ...sale.state, epoch: 1 }, exit, 0) ?? "", /fence/)
    assert.match(voidReason({ ...sale.state, phase: "stopping" }, exit, 0) ?? "", /stopping/)
  })
})
