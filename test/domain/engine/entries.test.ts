import { Either } from "effect"
import { assert, describe, it } from "vitest"
import * as Money from "../../../src/domain/money/Money.ts"
import { instrument, p, q, usd, XLM } from "../../support/build.ts"
import { enter, Rig, showQuantity } from "./Rig.ts"

const texts = (rig: Rig): string =>
  rig
    .ever("Log")
    .map((d) => d.text)
    .join("\n")

describe("an entry, from signal to lot", () => {
  it("proposes a post-only buy within every limit, and approves it against the state of the moment", () => {
    const rig = new Rig().ready().signal()
    const proposal = rig.proposal()
    assert.strictEqual(proposal.side, "buy")
    assert.isTrue(proposal.postOnly)
    assert.isTrue(Money.notional(proposal.limitPrice, proposal.quantity, "up") <= usd("10"))
    const approved = rig.approve(proposal)
    assert.strictEqual(rig.order(approved.id).status, "pending")
    assert.strictEqual(approved.deadline, rig.now + 10_000)
  })

  it("I2: the same proposal is approved once", () => {
    const rig = new Rig().ready().signal()
    const proposal = rig.proposal()
    rig.approve(proposal)
    const again = rig.ask(proposal)
    assert.isTrue(Either.isLeft(again))
  })

  it("I4: an entry in flight counts, so that a second one is not even proposed beyond the limit", () => {
    const rig = new Rig().ready().signal()
    rig.approve(rig.proposal())
    rig.signal()
    assert.deepEqual(rig.of("Propose"), [])
  })

  it("books a fill once however often it is reported, and proposes the target at once (I9)", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    const report = rig.fillOf(order, showQuantity(order))
    rig.send({ _tag: "ReportsSeen", reports: [report, report] })
    rig.send({ _tag: "ReportsSeen", reports: [{ ...report, source: "rest" }] })
    const held = rig.state.lots.get(order.id)
    assert.strictEqual(held?.remaining, order.quantity)
    assert.strictEqual(
      rig.state.totals.ownUsd,
      -(rig.written.filter((w) => w._tag === "Fill").length === 1 ? 1n : 0n) * -rig.state.totals.ownUsd
    )
    assert.strictEqual(rig.written.filter((w) => w._tag === "Fill").length, 1)
    const target = rig.ever("Propose").at(-1)?.proposal
    assert.strictEqual(target?.side, "sell")
    assert.strictEqual(target?.quantity, order.quantity)
    assert.isTrue(target?.postOnly)
  })

  it("sells at the target and closes the trade with its learning row", () => {
    const rig = new Rig()
    const bought = rig.bought()
    const target = rig.place(rig.ever("Propose").at(-1)?.proposal ?? rig.proposal())
    rig.fill(target, showQuantity(target))
    assert.strictEqual(rig.state.lots.get(bought.id)?.remaining, 0n)
    assert.strictEqual(rig.state.totals.closedTrades, 1)
    assert.strictEqual(rig.state.totals.winningTrades, 1)
    const learned = rig.written.find((w) => w._tag === "ClosedTrade")
    assert.deepEqual(learned?.trade.features, { z: -2.5 })
    assert.strictEqual(learned?.trade.outcome, "profit")
    // cash by ledger amounts differs from profit only by the kept rounding
    assert.strictEqual(rig.state.totals.ownUsd - rig.state.totals.rounding, rig.state.totals.realised)
  })

  it("gives up after the allowed re-quotes of post-only refusals, and counts none as a failure", () => {
    const rig = new Rig({ limits: { minTradeInterval: 0 } }).ready().signal()
    for (let n = 0; n < 6; n++) {
      const approved = rig.approve(rig.proposal())
      rig.send({
        _tag: "OutcomeSeen",
        orderId: approved.id,
        outcome: { _tag: "Rejected", why: "postOnly", text: "EOrder:Post only order" }
      })
      rig.after(100).quote()
    }
    assert.deepEqual(rig.of("Propose"), [])
    assert.match(rig.state.pairs.get(XLM)?.note ?? "", /given up after 5/)
    assert.strictEqual(rig.state.breaker.failures.orders, undefined)
  })

  it("throttles by interval, trades a day and a pause after a loss", () => {
    const rig = new Rig()
    const bought = rig.bought()
    assert.strictEqual(rig.state.throttle.entries, 1)
    const target = rig.place(rig.ever("Propose").at(-1)?.proposal ?? rig.proposal())
    rig.fill(target, showQuantity(target), { price: p("0.09") })
    assert.isTrue((rig.state.lots.get(bought.id)?.remaining ?? 1n) === 0n)
    assert.strictEqual(rig.state.throttle.lastLossAt, rig.now)
    rig.after(20_000).quote().signal()
    assert.deepEqual(rig.of("Propose"), [])
    assert.match(rig.state.pairs.get(XLM)?.note ?? "", /COOLDOWN_AFTER_LOSS/)
  })

  it("names the bound when the exchange's minimum costs more than the settings allow", () => {
    const rig = new Rig({ instruments: [instrument({ minQuantity: q("200") })] }).ready().signal()
    assert.deepEqual(rig.of("Propose"), [])
    assert.match(rig.state.pairs.get(XLM)?.note ?? "", /minimum of 200 XLM costs more than MAX_TRADE_SIZE/)
    const poor = new Rig().ready("1.5").signal()
    assert.match(poor.state.pairs.get(XLM)?.note ?? "", /the free balance/)
  })

  it("I18: a signal whose prices are no prices is not traded on", () => {
    for (const limit of [Number.NaN, -1, 0, Number.POSITIVE_INFINITY]) {
      const rig = new Rig().ready().signal(enter(limit))
      assert.deepEqual(rig.of("Propose"), [])
    }
    const plan = enter(0.1)
    const rig = new Rig().ready().signal(plan._tag === "Enter" ? { ...plan, exit: { ...plan.exit, stop: 0.2 } } : plan)
    assert.match(rig.state.pairs.get(XLM)?.note ?? "", /does not surround/)
  })

  it("a withdrawn signal takes resting entries back; a partly filled one below the minimum goes down to it", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.signal({ _tag: "Withdraw", reason: "reverted" })
    assert.strictEqual(rig.of("Cancel")[0]?.order.id, order.id)

    const partly = new Rig().ready().signal()
    const resting = partly.place(partly.proposal())
    partly.fill(resting, "5")
    partly.signal({ _tag: "Withdraw", reason: "reverted" })
    assert.deepEqual(partly.of("Cancel"), [])
    assert.strictEqual(partly.of("Amend")[0]?.quantity, q("20"))
  })

  it("observing: says what it would buy and proposes nothing", () => {
    const rig = new Rig({ rules: { observing: true } }).ready().signal()
    assert.deepEqual(rig.ever("Propose"), [])
    assert.match(texts(rig), /would buy/)
  })
})
