import { Either } from "effect"
import { assert, describe, it } from "vitest"
import { draftEntry, engaged } from "../../../src/domain/engine/entries.ts"
import type { EngineState } from "../../../src/domain/engine/State.ts"
import type { LotStatus } from "../../../src/domain/exits/ExitLadder.ts"
import type { Instrument } from "../../../src/domain/market/Instrument.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import type { Proposal } from "../../../src/domain/order/Steps.ts"
import type { Lot } from "../../../src/domain/portfolio/Lot.ts"
import type { Limits } from "../../../src/domain/risk/Limits.ts"
import type { EntrySignal } from "../../../src/domain/strategy/Strategy.ts"
import {
  BTC,
  entry,
  entryProposal,
  exit,
  exitProposal,
  id,
  instrument,
  lot,
  p,
  q,
  rate,
  usd,
  XLM
} from "../../support/build.ts"
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

  it("notes that the exchange's minimums were in the way, until an entry can be sent again", () => {
    const small = (rig: Rig): boolean | undefined => rig.state.pairs.get(XLM)?.tooSmall
    const rig = new Rig({ instruments: [instrument({ minQuantity: q("200") })] }).ready()
    assert.isFalse(small(rig))
    assert.isTrue(small(rig.signal()))
    rig.send({ _tag: "InstrumentsSeen", instruments: [instrument()] }).signal()
    assert.lengthOf(rig.of("Propose"), 1)
    assert.isFalse(small(rig))
    // what is bought could not be sold at the stop
    assert.isTrue(small(new Rig({ instruments: [instrument({ minCost: usd("9.9") })] }).ready().signal()))
    const wide = new Rig({ limits: { maxSpread: rate("0.0001") } }).ready().signal()
    assert.isFalse(small(wide))
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
    const [would] = rig.ever("WouldPropose")
    assert.deepInclude(would?.proposal, { side: "buy", timeInForce: "GTD" })
    // the next one waits as after an entry
    rig.signal()
    assert.strictEqual(rig.ever("WouldPropose").length, 1)
  })
})

describe("whether a pair is engaged", () => {
  const bitcoin = instrument({ symbol: BTC, base: "BTC" })
  const asked = (change: Partial<EngineState>, lotStatuses: ReadonlyArray<LotStatus> = []): boolean => {
    const { state } = new Rig({ instruments: [instrument(), bitcoin] })
    return engaged({ ...state, ...change }, { ...state.pairs.get(XLM)!, lotStatuses })
  }
  const orders = (...all: ReadonlyArray<Order>) => ({ orders: new Map(all.map((one) => [one.id, one])) })
  const lots = (...all: ReadonlyArray<Lot>) => ({ lots: new Map(all.map((one) => [one.id, one])) })
  const proposals = (proposal: Proposal) => ({ proposals: new Map([[1, proposal]]) })

  it("by an entry at work or proposed, or by what is held; not by what is over, sells, or is another pair's", () => {
    assert.isFalse(asked({}))
    assert.isTrue(asked(orders(entry())))
    assert.isFalse(asked(orders(entry({ status: "cancelled" }), entry({ id: id("b"), symbol: BTC }), exit([]))))
    assert.isTrue(asked(proposals(entryProposal())))
    assert.isFalse(asked(proposals(entryProposal({ instrument: bitcoin }))))
    assert.isFalse(asked(proposals(exitProposal([]))))
    assert.isTrue(asked(lots(lot({ id: id("s"), remaining: q("0") }), lot())))
    assert.isFalse(asked(lots(lot({ remaining: q("0") }), lot({ id: id("b"), symbol: BTC }))))
  })

  it("dust alone does not engage it: its own, and nobody else's", () => {
    const said = (lotId: string, state: LotStatus["state"]) => [{ lotId: id(lotId), state, text: "" }]
    assert.isFalse(asked(lots(lot()), said("kt1a", "dust")))
    assert.isTrue(asked(lots(lot()), said("kt1a", "working")))
    assert.isTrue(asked(lots(lot()), said("other", "dust")))
  })
})

describe("dust", () => {
  it("does not engage its pair: the strategy may enter again, and the next exit takes the dust along", () => {
    const rig = new Rig().ready().signal()
    const first = rig.place(rig.proposal())
    rig.fill(first, "5")
    // a latch takes the entry back as it is: what was bought cannot be sold alone
    rig.send({ _tag: "Tripped", cause: "operator", reason: "test" })
    rig.send({
      _tag: "ReportsSeen",
      reports: [rig.statusOf(first, { status: "cancelled", cumQuantity: q("5") })]
    })
    rig.send({ _tag: "Reset", cause: "operator", reason: "test" }).tick(15)
    assert.deepEqual(
      rig.state.pairs.get(XLM)?.lotStatuses.map(({ state }) => state),
      ["dust"]
    )
    rig.signal()
    assert.isFalse(rig.views.at(-1)?.engaged)
    const second = rig.place(rig.proposal())
    assert.isTrue(Money.notional(second.limitPrice, second.quantity, "up") <= usd("9.5"), "the dust counts as held")
    rig.fill(second, showQuantity(second))
    assert.strictEqual(rig.proposal().quantity, Money.Quantity(second.quantity + q("5")))
  })
})

describe("drafting an entry", () => {
  const signal = (
    change: { readonly limit?: number; readonly exit?: Partial<EntrySignal["exit"]> } = {}
  ): EntrySignal => {
    const said = enter(change.limit ?? 0.1)
    assert(said._tag === "Enter")
    return { ...said, exit: { ...said.exit, ...change.exit } }
  }
  const rigOf = (limit: Partial<Limits> = {}, dollars = "98.82", pair: Partial<Instrument> = {}): Rig =>
    new Rig({ limits: limit, instruments: [instrument(pair)] }).ready(dollars)
  const draft = (rig: Rig, wanted = signal()) => draftEntry(rig.state, rig.state.pairs.get(XLM)!, wanted)
  const drafted = (rig: Rig, wanted = signal()) => Either.getOrThrow(draft(rig, wanted))
  const why = (rig: Rig, wanted = signal()): string => Either.getOrThrow(Either.flip(draft(rig, wanted))).text

  it("is what the signal says, until it expires", () => {
    assert.deepEqual(drafted(rigOf()), {
      instrument: instrument(),
      side: "buy",
      purpose: {
        _tag: "Entry",
        plan: { target: p("0.105"), stop: p("0.095"), holdFor: 3_600_000 },
        features: { z: -2.5 }
      },
      quantity: q("100"),
      limitPrice: p("0.1"),
      postOnly: true,
      timeInForce: "GTD",
      expiresAfter: 120_000,
      reason: "test signal"
    })
  })

  it("I18: a price that is none, or a holding time that is none, is no signal", () => {
    for (const no of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY]) {
      assert.match(why(rigOf(), signal({ limit: no, exit: { target: 0.2, stop: 0.05 } })), /no price/)
      assert.match(why(rigOf(), signal({ exit: { target: no } })), /no price/)
      assert.match(why(rigOf(), signal({ exit: { stop: no } })), /no price/)
    }
    for (const holdFor of [0, -1, Number.NaN]) assert.match(why(rigOf(), signal({ exit: { holdFor } })), /no price/)
    const blind = rigOf()
    const pair = { ...blind.state.pairs.get(XLM)!, quote: undefined }
    assert.deepEqual(
      draftEntry(blind.state, pair, signal()),
      Either.left({ text: "no sound quote yet", tooSmall: false })
    )
  })

  it("a plan that touches the entry's price, or lies on one side of it, is no plan", () => {
    for (const exit of [{ stop: 0.1 }, { target: 0.1 }, { target: 0.09 }, { stop: 0.11, target: 0.12 }]) {
      assert.match(why(rigOf(), signal({ exit })), /does not surround/)
    }
    assert.match(why(rigOf(), signal({ limit: 0.000_000_4, exit: { stop: 0.000_000_1, target: 1 } })), /surround/)
  })

  it("I8: never above the bid where it must not take, never above the ask where it may; on the tick", () => {
    assert.strictEqual(drafted(rigOf(), signal({ limit: 0.1004, exit: { target: 0.2 } })).limitPrice, p("0.1"))
    assert.strictEqual(drafted(rigOf(), signal({ limit: 0.0999996 })).limitPrice, p("0.099999"))
    const taking = rigOf({ postOnly: false })
    assert.strictEqual(drafted(taking, signal({ limit: 0.1004, exit: { target: 0.2 } })).limitPrice, p("0.1001"))
    assert.strictEqual(drafted(taking, signal({ limit: 0.0999 })).limitPrice, p("0.0999"))
    assert.isFalse(drafted(taking).postOnly)
  })

  it("I17: the plan lies on the tick, outwards", () => {
    const { purpose } = drafted(rigOf(), signal({ exit: { target: 0.105_000_4, stop: 0.094_999_6 } }))
    assert(purpose._tag === "Entry")
    assert.deepEqual([purpose.plan.target, purpose.plan.stop], [p("0.105001"), p("0.094999")])
  })

  it("I4: fits into the room that is left, and into what is free with the fee, rounded down", () => {
    const held = (cost: string): Rig => {
      const rig = rigOf()
      rig.state = { ...rig.state, lots: new Map([[id("a"), lot({ cost: usd(cost), remaining: q("50") })]]) }
      return rig
    }
    assert.strictEqual(drafted(held("12")).quantity, q("40"))
    assert.match(why(held("17")), /MAX_TOTAL_EXPOSURE leaves \(\$1\.5\)/)
    assert.match(why(held("25")), /MAX_TOTAL_EXPOSURE|the free balance/)
    assert.strictEqual(drafted(rigOf({}, "5")).quantity, q("49.87531172"))
    // 3.000000001 and its quarter per cent are 3.0075000010025
    assert.strictEqual(drafted(rigOf({}, "3.007500001002")).quantity, q("30"))
    // 40.00000001 at 0.099901 cost 3.99604000099901
    const odd = rigOf({ maxTradeSize: usd("3.996040000999") })
    assert.strictEqual(drafted(odd, signal({ limit: 0.099901 })).quantity, q("40"))
    assert.strictEqual(drafted(rigOf({}, "98.82", { minQuantity: q("100") })).quantity, q("100"))
    const dear = rigOf({ maxTradeSize: usd("9.999") }, "98.82", { minQuantity: q("100") })
    assert.match(why(dear), /MAX_TRADE_SIZE leaves \(\$9\.99\)/)
  })
})

describe("working on a signal", () => {
  const waiting = (rig: Rig, age = 0): Rig => {
    const said = enter()
    assert(said._tag === "Enter")
    const pair = { ...rig.state.pairs.get(XLM)!, signal: { entry: said, at: rig.now - age, requotes: 0 } }
    rig.state = { ...rig.state, pairs: new Map(rig.state.pairs).set(XLM, pair) }
    return rig
  }
  const pairOf = (rig: Rig) => rig.state.pairs.get(XLM)!

  it("for thirty seconds, then the strategy must say it again", () => {
    const still = waiting(new Rig().ready(), 30_000).quote()
    assert.strictEqual(still.of("Propose").length, 1)
    assert.strictEqual(pairOf(still).note, "an entry is on its way")
    const late = waiting(new Rig().ready(), 30_001).quote()
    assert.deepEqual(late.of("Propose"), [])
    assert.isUndefined(pairOf(late).signal)
    assert.strictEqual(pairOf(late).note, "no signal")
  })

  it("goes on by time as it does by quotes", () => {
    assert.strictEqual(waiting(new Rig().ready()).after(1000).send({ _tag: "Tick" }).of("Propose").length, 1)
  })

  it("ends with the first thing that stops entries", () => {
    const rig = new Rig().ready().send({ _tag: "SkewSeen", skew: "the clock is off" })
    rig.send({ _tag: "ReconcileStarted", reason: "by hand" })
    waiting(rig).quote()
    assert.isUndefined(pairOf(rig).signal)
    assert.strictEqual(pairOf(rig).note, "the clock is off")
  })

  it("waits for the throttles and the switch, and ends with every other refusal", () => {
    const soon = new Rig().ready()
    soon.state = { ...soon.state, throttle: { ...soon.state.throttle, lastEntryAt: soon.now } }
    assert.isDefined(pairOf(waiting(soon).quote()).signal)
    const bare = new Rig().ready().send({ _tag: "SwitchLost", reason: "time-out" })
    assert.isDefined(pairOf(waiting(bare).quote()).signal)
    assert.match(pairOf(bare).note, /dead man's switch/)
    const wide = waiting(new Rig({ limits: { maxSpread: rate("0.0001") } }).ready()).quote()
    assert.isUndefined(pairOf(wide).signal)
    assert.match(pairOf(wide).note, /MAX_SPREAD_PCT/)
  })

  it("ends with the word of what it would have done where the trader observes", () => {
    const rig = waiting(new Rig({ rules: { observing: true } }).ready()).quote()
    assert.isUndefined(pairOf(rig).signal)
    assert.strictEqual(pairOf(rig).note, "observing")
  })

  it("another pair's entry does not hold it up", () => {
    const rig = waiting(new Rig({ limits: { maxTotalExposure: usd("1000") } }).ready())
    const elsewhere = entry({ id: id("kt1-b"), symbol: BTC })
    const bitcoin = { ...entryProposal({ instrument: instrument({ symbol: BTC }) }), proposalId: 90 }
    rig.state = {
      ...rig.state,
      orders: new Map([[elsewhere.id, elsewhere]]),
      proposals: new Map<number, Proposal>([
        [90, bitcoin],
        [91, exitProposal([], { proposalId: 91 })]
      ])
    }
    assert.strictEqual(rig.quote().of("Propose").length, 1)
  })
})
