import { Either } from "effect"
import { assert, describe, it } from "vitest"
import type { RejectClass, SendOutcome } from "../../../src/domain/order/Outcome.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import { nothingWorking } from "../../../src/domain/engine/Engine.ts"
import { id, lot, p, q, share, XLM } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const rejected = (why: RejectClass): SendOutcome => ({ _tag: "Rejected", why, text: `EOrder:${why}` })
const unknown: SendOutcome = { _tag: "Unknown", text: "time-out", recognised: true }

const pending = (): { readonly rig: Rig; readonly order: Order } => {
  const rig = new Rig().ready().signal()
  const approved = rig.approve(rig.proposal())
  return { rig, order: rig.order(approved.id) }
}

/** A target on the exchange. */
const target = (): { readonly rig: Rig; readonly order: Order } => {
  const rig = new Rig()
  rig.bought()
  return { rig, order: rig.place(rig.ever("Propose").at(-1)?.proposal ?? rig.proposal()) }
}

/** A target that is decided on and not sent yet. */
const sale = () => {
  const rig = new Rig()
  const bought = rig.bought()
  const approved = rig.approve(rig.ever("Propose").at(-1)?.proposal ?? rig.proposal())
  return { rig, bought, order: rig.order(approved.id) }
}

const settle = (rig: Rig, order: Order, outcome: SendOutcome): Rig =>
  rig.send({ _tag: "OutcomeSeen", orderId: order.id, outcome })

describe("refusals of an entry", () => {
  for (const [why, decision, counts] of [
    ["funds", "FetchBalances", false],
    ["minimum", "Reconcile", false],
    ["mode", undefined, false],
    ["arguments", undefined, true]
  ] as const) {
    it(`${why}: the signal is spent${decision === undefined ? "" : `, ${decision} asked for`}`, () => {
      const { rig, order } = pending()
      settle(rig, order, rejected(why))
      assert.strictEqual(rig.order(order.id).status, "rejected")
      assert.isUndefined(rig.state.pairs.get(XLM)?.signal)
      if (decision !== undefined) assert.strictEqual(rig.of(decision).length, 1)
      assert.strictEqual(rig.state.breaker.failures.orders, counts ? 1 : undefined)
    })
  }

  it("a post-only refusal after the signal is gone is no re-quote", () => {
    const { rig, order } = pending()
    rig.signals = [{ _tag: "Withdraw", reason: "reverted" }]
    rig.after(1100).quote()
    settle(rig, order, rejected("postOnly"))
    assert.match(rig.state.pairs.get(XLM)?.note ?? "", /refused/)
  })

  it("I9: refused by the reply and yet reported: what it is, is read, and nothing is forgotten", () => {
    const { rig, order } = pending()
    rig.send({ _tag: "ReportsSeen", reports: [rig.fillOf(order, "30", { exchangeId: ExchangeOrderId("O1") })] })
    settle(rig, order, rejected("arguments"))
    assert.strictEqual(rig.of("FetchOrder").length, 1)
    assert.strictEqual(rig.order(order.id).status, "open")
  })

  it("outcomes of orders that have ended, or that nobody knows, change nothing", () => {
    const { rig, order } = pending()
    settle(rig, order, rejected("mode"))
    const before = rig.state
    for (const outcome of [rejected("mode"), unknown, { _tag: "NotSent", why: "void", text: "x" } as const]) {
      settle(rig, order, outcome)
      settle(rig, { ...order, id: id("kt1-none") }, outcome)
      assert.deepEqual(rig.state.orders, before.orders)
    }
    rig.send({ _tag: "IntentFailed", orderId: id("kt1-none"), why: "store", text: "x" })
    rig.send({ _tag: "NeverArrived", orderId: order.id, proof: "x" })
    rig.send({ _tag: "CancelOutcome", orderId: order.id, result: "gone", text: "" })
    rig.send({ _tag: "ProposalDropped", proposalId: 999, why: "x" })
    assert.deepEqual(rig.state.orders, before.orders)
    assert.deepEqual(rig.of("FetchOrder"), [])
    assert.isTrue(nothingWorking(rig.state))
  })

  it("an answer without an exchange id leaves the order to be matched by ours; the reply after the report moves nothing back", () => {
    const { rig, order } = pending()
    assert.isFalse(nothingWorking(rig.state))
    settle(rig, order, { _tag: "Accepted" })
    assert.strictEqual(rig.order(order.id).status, "open")
    assert.isUndefined(rig.order(order.id).exchangeId)
    rig.send({ _tag: "ReportsSeen", reports: [rig.statusOf(order, { status: "cancelled", cumQuantity: q("0") })] })
    settle(rig, order, { _tag: "Accepted", exchangeId: ExchangeOrderId("O9") })
    assert.strictEqual(rig.order(order.id).status, "cancelled")
  })
})

describe("refusals of an exit (I16)", () => {
  it("minimum: the pair's rules are read anew; not sent: it waits for its turn and is tried again", () => {
    const first = sale()
    settle(first.rig, first.order, rejected("minimum"))
    assert.strictEqual(first.rig.of("Reconcile").length, 1)
    const second = sale()
    settle(second.rig, second.order, { _tag: "NotSent", why: "void", text: "too old" })
    assert.isUndefined(second.rig.state.breaker.failures.orders)
    second.rig.after(1000).quote()
    assert.deepEqual(second.rig.of("Propose"), [])
    second.rig.after(1500).quote()
    assert.strictEqual(second.rig.of("Propose").length, 1)
  })

  it("Insufficient funds, then all of it free again: the lot is whole; held by others: what is left is sold", () => {
    const { rig, bought, order } = sale()
    settle(rig, order, rejected("funds"))
    const see = (total: string, hold: string) =>
      rig.after(10_000).send({
        _tag: "BalancesSeen",
        begunAt: rig.now,
        total: new Map([["XLM", q(total)]]),
        hold: new Map([["XLM", q(hold)]])
      })
    see("99.9", "49.9")
    assert.strictEqual(rig.state.lots.get(bought.id)?.sellable, q("50"))
    const writes = rig.written.length
    see("99.9", "49.9")
    assert.isFalse(rig.written.slice(writes).some((w) => w._tag === "Lot"))
    see("100000", "0")
    assert.isUndefined(rig.state.lots.get(bought.id)?.sellable)
  })

  it("an exit of which a lot was sold elsewhere is refused by its own shares (I5)", () => {
    const { rig, order } = target()
    const [held] = rig.state.lots.values()
    assert(held !== undefined)
    rig.state = { ...rig.state, lots: new Map([[held.id, { ...held, remaining: q("1") }]]) }
    rig.send({ _tag: "AmendAsked", orderId: order.id, quantity: order.quantity, limitPrice: p("0.0935") })
    const verdict = rig.of("AmendVerdict")[0]?.verdict
    assert.isTrue(verdict !== undefined && Either.isLeft(verdict))
  })
})

describe("amends", () => {
  const ask = (rig: Rig, orderId: Order["id"], quantity: string, price: string) => {
    rig.send({ _tag: "AmendAsked", orderId, quantity: q(quantity), limitPrice: p(price) })
    const verdict = rig.of("AmendVerdict")[0]?.verdict
    assert(verdict !== undefined)
    return verdict
  }
  const why = (verdict: Either.Either<unknown, string>) => Either.getOrElse(Either.flip(verdict), () => "granted")

  it("I4: an entry is never amended upwards, in quantity or in price", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    assert.match(why(ask(rig, order.id, "1000", "0.05")), /upwards/)
    assert.match(why(ask(rig, order.id, "20", "0.2")), /upwards/)
    assert.strictEqual(why(ask(rig, order.id, "20", "0.1")), "granted")
    assert.match(why(ask(rig, order.id, "20", "0.1")), /something else/)
    assert.match(why(ask(rig, id("kt1-none"), "20", "0.1")), /not open/)
  })

  it("observing grants none", () => {
    const { rig, order } = target()
    rig.state = { ...rig.state, rules: { ...rig.state.rules, observing: true } }
    assert.match(why(ask(rig, order.id, "90", "0.0935")), /observing/)
  })

  for (const [name, outcome, fetches] of [
    ["the exchange does not know it", rejected("unknownOrder"), 1],
    ["not sent", { _tag: "NotSent", why: "void", text: "x" } as const, 0],
    ["refused", rejected("mode"), 0]
  ] as const) {
    it(`I5: ${name}: shares that it would have added are free again`, () => {
      const { rig, order } = target()
      const [first] = rig.state.lots.values()
      assert(first !== undefined && order.purpose._tag === "Exit")
      const second = lot({ id: id("kt1-b"), remaining: q("10"), quantity: q("10") })
      const merged: Order = {
        ...order,
        purpose: { ...order.purpose, lots: [...order.purpose.lots, share("kt1-b", "10")] }
      }
      rig.state = {
        ...rig.state,
        lots: new Map(rig.state.lots).set(second.id, second),
        orders: new Map(rig.state.orders).set(order.id, merged)
      }
      rig.send({
        _tag: "AmendAsked",
        orderId: order.id,
        quantity: (order.quantity + q("10")) as never,
        limitPrice: order.limitPrice
      })
      rig.send({ _tag: "AmendOutcome", orderId: order.id, outcome })
      const { purpose } = rig.order(order.id)
      assert.deepEqual(purpose._tag === "Exit" ? purpose.lots : [], order.purpose.lots)
      assert.strictEqual(rig.of("FetchOrder").length, fetches)
    })
  }

  for (const outcome of [rejected("unknownOrder"), { _tag: "NotSent", why: "rate limit", text: "x" } as const]) {
    it(`an exit that could not grow (${outcome._tag}) is not asked to again at once; what must be sold waits for nothing`, () => {
      const rig = new Rig().ready().signal()
      const order = rig.place(rig.proposal())
      rig.fill(order, "30")
      const exit = rig.place(rig.proposal())
      rig.fill(order, "20")
      rig.send({ _tag: "ReportsSeen", reports: [rig.statusOf(order, { status: "cancelled", cumQuantity: q("50") })] })
      const every = rig.state.rules.limits.exitInterval
      const grows = () => rig.ever("Amend").filter(({ reason }) => reason === "the lot grew").length
      const comesToNothing = () => {
        const [amend] = rig.ever("Amend").slice(-1)
        assert(amend !== undefined)
        ask(rig, exit.id, Fixed.show(amend.quantity), Fixed.show(amend.limitPrice))
        rig.send({ _tag: "AmendOutcome", orderId: exit.id, outcome })
      }
      rig.after(every).quote()
      assert.strictEqual(grows(), 1)
      comesToNothing()
      for (let n = 0; n < 20; n++) rig.after(5).quote()
      assert.strictEqual(grows(), 1)
      rig.after(every).quote()
      assert.strictEqual(grows(), 2)
      comesToNothing()
      // below the stop, in the same moment
      rig.after(5).quote("0.08", "0.0801")
      assert.isTrue(rig.of("Amend").some(({ reason }) => reason.startsWith("to the market")))
    })
  }

  it("an amend of unknown outcome is read again after its deadline, every few seconds, until something is known", () => {
    const { rig, order } = target()
    ask(rig, order.id, "90", "0.104")
    rig.send({ _tag: "AmendOutcome", orderId: order.id, outcome: unknown })
    const before = rig.ever("FetchOrder").length
    rig.tick(9)
    assert.strictEqual(rig.ever("FetchOrder").length, before)
    rig.tick(8)
    assert.isAbove(rig.ever("FetchOrder").length, before)
    rig.send({ _tag: "AmendOutcome", orderId: id("kt1-none"), outcome: unknown })
    assert.strictEqual(rig.order(order.id).amend?.state, "unknown")
  })

  it("an entry being amended down to the minimum is not asked for that twice, nor after a refusal", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.fill(order, "5")
    for (let n = 0; n < 3; n++) rig.signal({ _tag: "Withdraw", reason: "reverted" })
    assert.strictEqual(rig.ever("Amend").length, 1)
    rig.send({ _tag: "AmendAsked", orderId: order.id, quantity: q("20"), limitPrice: order.limitPrice })
    rig.signal({ _tag: "Withdraw", reason: "reverted" })
    rig.send({ _tag: "AmendOutcome", orderId: order.id, outcome: rejected("mode") })
    rig.signal({ _tag: "Withdraw", reason: "reverted" })
    assert.strictEqual(rig.ever("Amend").length, 1)
    assert.deepEqual(rig.ever("Cancel"), [])
  })
})
