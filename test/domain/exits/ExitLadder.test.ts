import { assert, describe, it } from "@effect/vitest"
import type { ExitAction, LadderStep, LadderView } from "../../../src/domain/exits/ExitLadder.ts"
import {
  aggressivePrice,
  climb,
  collarOf,
  ENTRY_CANCEL_WAIT_MS,
  restingTarget
} from "../../../src/domain/exits/ExitLadder.ts"
import type { PairStatus } from "../../../src/domain/market/Instrument.ts"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import type { ExitCall, Lot } from "../../../src/domain/portfolio/Lot.ts"
import {
  entry,
  exit,
  exitProposal,
  id,
  instrument,
  ladderView,
  limits,
  lot,
  NOON,
  p,
  plan,
  q,
  quote,
  rate,
  share
} from "../../support/build.ts"

const NOW = NOON + 60_000
const lossCall = (at = NOW - 5000): ExitCall => ({ kind: "loss", at })

const tags = (step: LadderStep): ReadonlyArray<string> => step.actions.map((action) => action._tag)
const only = <T extends ExitAction["_tag"]>(
  step: LadderStep,
  tag: T
): ReadonlyArray<Extract<ExitAction, { _tag: T }>> =>
  step.actions.filter((action): action is Extract<ExitAction, { _tag: T }> => action._tag === tag)
const one = <T extends ExitAction["_tag"]>(step: LadderStep, tag: T): Extract<ExitAction, { _tag: T }> => {
  const all = only(step, tag)
  assert.strictEqual(all.length, 1, `${tag} in ${tags(step).join(", ")}`)
  return all[0]!
}
const state = (step: LadderStep, lotId = "kt1a"): string => {
  const found = step.statuses.filter((status) => status.lotId === id(lotId))
  assert.strictEqual(found.length, 1)
  return found[0]!.state
}
const text = (step: LadderStep, lotId = "kt1a"): string =>
  step.statuses.find((status) => status.lotId === id(lotId))?.text ?? ""

/** The lot's own target sale of all of it, open since noon. */
const target = (change: Partial<Order> = {}, part = "100"): Order => exit([share("kt1a", part)], change)

describe("prices", () => {
  const i = instrument()

  it("the collar grows by its first value with each attempt, up to the bound", () => {
    assert.deepStrictEqual(
      [0, 1, 2, 8, 9, 10, 1000].map((attempt) => collarOf(limits(), attempt)),
      ["0.005", "0.01", "0.015", "0.045", "0.05", "0.05", "0.05"].map(rate)
    )
  })

  it("an aggressive price is the bid less the collar, on the tick, at least one tick", () => {
    assert.strictEqual(aggressivePrice(i, p("0.1"), rate("0.005")), p("0.0995"))
    assert.strictEqual(aggressivePrice(i, p("0.100001"), rate("0.005")), p("0.0995"))
    assert.strictEqual(aggressivePrice(i, p("0.000001"), rate("0.05")), p("0.000001"))
    // 0.0994999999996 is below 0.0995, however near
    assert.strictEqual(aggressivePrice(i, p("0.1"), rate("0.005000000004")), p("0.099499"))
  })

  it("I8: a target at or below the bid rests one tick above it", () => {
    assert.strictEqual(restingTarget(i, p("0.105"), quote("0.1", "0.2")), p("0.105"))
    assert.strictEqual(restingTarget(i, p("0.1050001"), undefined), p("0.105001"))
    assert.strictEqual(restingTarget(i, p("0.105"), quote("0.105", "0.2")), p("0.105001"))
    assert.strictEqual(restingTarget(i, p("0.105"), quote("0.11", "0.2")), p("0.110001"))
    assert.strictEqual(restingTarget(i, p("0.105"), quote("0.1050006", "0.2")), p("0.105001"))
  })
})

describe("(a) the target", () => {
  it("rests post-only as soon as something is held", () => {
    const step = climb(ladderView())
    assert.deepStrictEqual(step.actions, [
      {
        _tag: "Place",
        kind: "target",
        lots: [share("kt1a", "100")],
        quantity: q("100"),
        limitPrice: p("0.105"),
        postOnly: true,
        timeInForce: "GTC",
        attempt: 0,
        reason: "target"
      }
    ])
    assert.strictEqual(state(step), "placing")
  })

  it("needs no quote", () => {
    assert.strictEqual(
      one(climb(ladderView({ quote: undefined, quoteConfirmedAt: undefined })), "Place").limitPrice,
      p("0.105")
    )
  })

  it("is not placed twice: what is working, proposed, or executed and unbooked is not free", () => {
    for (const order of [
      target(),
      target({ status: "pending" }),
      target({ status: "unknown" }),
      target({ status: "cancelled", cumQuantity: q("100") })
    ]) {
      assert.deepStrictEqual(climb(ladderView({ orders: [order] })).actions, [], order.status)
    }
    const proposed = climb(ladderView({ proposed: [exitProposal([share("kt1a", "100")])] }))
    assert.deepStrictEqual(proposed.actions, [])
    assert.strictEqual(state(proposed), "placing")
    assert.strictEqual(state(climb(ladderView({ orders: [target()] }))), "working")
    assert.strictEqual(state(climb(ladderView({ orders: [target({ status: "unknown" })] }))), "waiting")
  })

  it("what is proposed of one lot is still free of another", () => {
    const lots = [lot(), lot({ id: id("b"), remaining: q("50") })]
    const step = climb(ladderView({ lots, proposed: [exitProposal([share("kt1a", "100")])] }))
    assert.deepStrictEqual(one(step, "Place").lots, [share("b", "50")])
  })

  it("each lot has its own, and is told of its own alone", () => {
    const step = climb(ladderView({ lots: [lot(), lot({ id: id("b"), remaining: q("20") })] }))
    assert.deepStrictEqual(
      only(step, "Place").map((action) => action.lots),
      [[share("kt1a", "100")], [share("b", "20")]]
    )
    assert.strictEqual(text(step), "target at 0.105")
    assert.strictEqual(text(step, "b"), "target at 0.105")
  })

  it("comes back for what a cancelled one left, after the interval", () => {
    const lots = [lot({ remaining: q("60"), lastAttemptAt: NOW - 1999 })]
    const waiting = climb(ladderView({ lots }))
    assert.deepStrictEqual(waiting.actions, [])
    assert.strictEqual(state(waiting), "placing")
    assert.strictEqual(one(climb(ladderView({ lots, now: NOW + 1 })), "Place").quantity, q("60"))
  })

  it("sells whole lot steps: a quantity is rounded down, never up", () => {
    const step = climb(ladderView({ lots: [lot({ remaining: q("50.000000019999") })] }))
    assert.strictEqual(one(step, "Place").quantity, q("50.00000001"))
  })

  it("an entry's proposal takes nothing from a lot", () => {
    const { purpose } = entry()
    assert.strictEqual(tags(climb(ladderView({ proposed: [{ ...exitProposal([]), purpose }] }))).join(), "Place")
  })

  describe("grows with its lot", () => {
    const grown = [lot({ quantity: q("150"), remaining: q("150") })]

    it("by an amend to the whole", () => {
      const step = climb(ladderView({ lots: grown, orders: [target()] }))
      assert.deepStrictEqual(step.actions, [
        {
          _tag: "Amend",
          orderId: id("kt1x"),
          quantity: q("150"),
          limitPrice: p("0.105"),
          postOnly: true,
          added: [share("kt1a", "50")],
          reason: "the lot grew"
        }
      ])
      assert.strictEqual(state(step), "working")
    })

    it("by the total, filled part included", () => {
      const lots = [lot({ quantity: q("150"), remaining: q("120") })]
      const step = climb(ladderView({ lots, orders: [target({ bookedQuantity: q("30"), cumQuantity: q("30") })] }))
      assert.strictEqual(one(step, "Amend").quantity, q("150"))
      assert.deepStrictEqual(one(step, "Amend").added, [share("kt1a", "50")])
    })

    it("not while it is on its way, being amended or cancelled, taking, or just changed", () => {
      const amend = {
        quantity: q("100"),
        limitPrice: p("0.1"),
        sentAt: NOON,
        deadline: NOON,
        state: "unknown" as const
      }
      for (const order of [
        target({ status: "pending" }),
        target({ amend }),
        target({ cancelRequestedAt: NOON }),
        target({ timeInForce: "IOC" }),
        target({ termsAt: NOW - 1999 })
      ]) {
        const step = climb(ladderView({ lots: grown, orders: [order] }))
        assert.deepStrictEqual(step.actions, [])
        assert.strictEqual(state(step), "working")
      }
      assert.deepStrictEqual(tags(climb(ladderView({ lots: grown, orders: [target({ termsAt: NOW - 2000 })] }))), [
        "Amend"
      ])
    })

    it("by a target of its own where the amend is refused or the first one's outcome is unknown", () => {
      for (const view of [
        { orders: [target()], amendRefused: new Set([id("kt1x")]) },
        { orders: [target({ status: "unknown" })] }
      ]) {
        const step = climb(ladderView({ lots: grown, ...view }))
        assert.strictEqual(one(step, "Place").quantity, q("50"))
        assert.strictEqual(state(step), "placing")
        const little = climb(ladderView({ lots: [lot({ remaining: q("119") })], ...view }))
        assert.deepStrictEqual(little.actions, [])
        assert.include(text(little), "below the exchange's minimum of 20")
      }
    })
  })
})

describe("(b) a limit is hit", () => {
  const low = quote("0.095", "0.0951", NOW)

  it("loss at the stop, not a tick above it; the call is remembered and the sale begins with it", () => {
    const step = climb(ladderView({ quote: low }))
    assert.deepStrictEqual(tags(step), ["Call", "Place", "Attempted"])
    assert.deepStrictEqual(one(step, "Call"), {
      _tag: "Call",
      lotId: id("kt1a"),
      kind: "loss",
      reason: "bid 0.095 at or below the stop 0.095"
    })
    const sale = one(step, "Place")
    assert.strictEqual(sale.kind, "loss")
    assert.strictEqual(sale.limitPrice, p("0.094525"))
    assert.strictEqual(sale.timeInForce, "IOC")
    assert.isFalse(sale.postOnly)
    assert.deepStrictEqual(one(step, "Attempted"), {
      _tag: "Attempted",
      lotId: id("kt1a"),
      taking: true,
      atBound: false
    })
    assert.strictEqual(state(step), "exiting")
    assert.strictEqual(text(step), "selling at the bid less a collar")
    assert.strictEqual(one(climb(ladderView({ quote: quote("0.095001", "0.0951", NOW) })), "Place").kind, "target")
  })

  it("time at the end of the holding time, with or without a quote", () => {
    const now = NOON + 3_600_000
    const fresh = { quote: quote("0.1", "0.1001", now), quoteConfirmedAt: now }
    const step = climb(ladderView({ now, ...fresh }))
    assert.deepStrictEqual(one(step, "Call"), {
      _tag: "Call",
      lotId: id("kt1a"),
      kind: "time",
      reason: "held longer than 60 min"
    })
    assert.strictEqual(one(step, "Place").kind, "time")
    assert.deepStrictEqual(tags(climb(ladderView({ now: now - 1, ...fresh }))), ["Place"])
    assert.deepStrictEqual(tags(climb(ladderView({ now, quote: undefined }))), ["Call", "FetchQuote"])
  })

  it("a call holds whatever the price does after it, and is not made twice", () => {
    for (const kind of ["loss", "time", "flatten"] as const) {
      const step = climb(
        ladderView({ lots: [lot({ call: { kind, at: NOW - 5000 } })], quote: quote("0.2", "0.3", NOW) })
      )
      assert.deepStrictEqual(tags(step), ["Place", "Attempted"])
      assert.strictEqual(one(step, "Place").kind, kind)
      assert.strictEqual(one(step, "Place").limitPrice, p("0.199"))
    }
  })

  it("the resting target is amended to the aggressive price", () => {
    const step = climb(ladderView({ quote: low, orders: [target()] }))
    assert.deepStrictEqual(tags(step), ["Call", "Amend", "Attempted"])
    assert.deepStrictEqual(one(step, "Amend"), {
      _tag: "Amend",
      orderId: id("kt1x"),
      quantity: q("100"),
      limitPrice: p("0.094525"),
      postOnly: false,
      added: [],
      reason: "to the market, attempt 1"
    })
    assert.strictEqual(state(step), "exiting")
  })

  it("what the lot grew by goes with the amend", () => {
    const lots = [lot({ remaining: q("105"), quantity: q("105") })]
    const step = climb(ladderView({ quote: low, lots, orders: [target()] }))
    assert.deepStrictEqual(tags(step), ["Call", "Amend", "Attempted"])
    assert.strictEqual(one(step, "Amend").quantity, q("105"))
    assert.deepStrictEqual(one(step, "Amend").added, [share("kt1a", "5")])
    const there = climb(ladderView({ quote: low, lots, orders: [target({ limitPrice: p("0.094525") })] }))
    assert.strictEqual(one(there, "Amend").quantity, q("105"))
  })

  it("an amended order that does not fill follows the market after the interval, and rests where nothing changed", () => {
    const lots = [lot({ call: lossCall(), attempts: 1, lastAttemptAt: NOW - 2000 })]
    const order = target({ limitPrice: p("0.094525"), postOnly: false })
    const next = climb(ladderView({ quote: low, lots, orders: [order] }))
    assert.strictEqual(one(next, "Amend").limitPrice, p("0.09405"))
    const soon = climb(ladderView({ quote: low, lots: [{ ...lots[0]!, lastAttemptAt: NOW - 1999 }], orders: [order] }))
    assert.deepStrictEqual(soon.actions, [])
    assert.strictEqual(state(soon), "exiting")
    const same = climb(ladderView({ quote: low, lots, orders: [{ ...order, limitPrice: p("0.09405") }] }))
    assert.deepStrictEqual(same.actions, [])
    assert.include(text(same), "rests at 0.09405")
    assert.strictEqual(state(same), "exiting")
    const unsold = climb(ladderView({ quote: low, lots: [{ ...lots[0]!, lastAttemptAt: NOW - 1999 }] }))
    assert.deepStrictEqual(unsold.actions, [])
    assert.strictEqual(state(unsold), "exiting")
  })

  describe("where the amend is refused", () => {
    const refused = { quote: low, lots: [lot({ call: lossCall() })], amendRefused: new Set([id("kt1x")]) }

    it("the order is cancelled, and sold by a taking order once that is confirmed", () => {
      const step = climb(ladderView({ ...refused, orders: [target()] }))
      assert.deepStrictEqual(step.actions, [
        { _tag: "Cancel", orderId: id("kt1x"), reason: "an amend to a taking price was refused" }
      ])
      assert.strictEqual(state(step), "exiting")
      const waiting = climb(ladderView({ ...refused, orders: [target({ cancelRequestedAt: NOW - 100 })] }))
      assert.deepStrictEqual(waiting.actions, [])
      assert.strictEqual(state(waiting), "exiting")
      assert.strictEqual(one(climb(ladderView(refused)), "Place").quantity, q("100"))
    })

    it("what is free waits for the cancel to be sold with it, but not for one that hangs", () => {
      const lots = [lot({ remaining: q("150"), call: lossCall() })]
      assert.deepStrictEqual(tags(climb(ladderView({ ...refused, lots, orders: [target()] }))), ["Cancel"])
      const fresh = target({ cancelRequestedAt: NOW - 1999 })
      assert.deepStrictEqual(climb(ladderView({ ...refused, lots, orders: [fresh] })).actions, [])
      const hanging = climb(ladderView({ ...refused, lots, orders: [target({ cancelRequestedAt: NOW - 2000 })] }))
      assert.strictEqual(one(hanging, "Place").quantity, q("50"))
    })

    it("a remainder below the minimum is amended to rest at the market, never cancelled into dust", () => {
      const lots = [lot({ remaining: q("19"), call: lossCall() })]
      const order = target({ bookedQuantity: q("81"), cumQuantity: q("81") })
      const step = climb(ladderView({ ...refused, lots, orders: [order] }))
      assert.deepStrictEqual(tags(step), ["Amend", "Attempted"])
      assert.strictEqual(one(step, "Amend").limitPrice, p("0.0951"))
      assert.isTrue(one(step, "Amend").postOnly)
      assert.isFalse(one(step, "Attempted").taking)
      const between = { ...refused, lots, orders: [order] }
      assert.strictEqual(
        one(climb(ladderView({ ...between, quote: quote("0.095", "0.0951006", NOW) })), "Amend").limitPrice,
        p("0.0951")
      )
      assert.strictEqual(
        one(climb(ladderView({ ...between, quote: quote("0.0950006", "0.0950009", NOW) })), "Amend").limitPrice,
        p("0.095001")
      )
      const enough = climb(
        ladderView({ ...refused, lots: [lot({ remaining: q("20"), call: lossCall() })], orders: [order] })
      )
      assert.deepStrictEqual(tags(enough), ["Cancel"])
    })

    it("nor is an unfilled one that the market's fall or a new minimum put below it", () => {
      const step = climb(
        ladderView({ ...refused, instrument: instrument({ minQuantity: q("101") }), orders: [target()] })
      )
      assert.deepStrictEqual(tags(step), ["Amend", "Attempted"])
    })
  })

  it("a remainder below the minimum is amended to take", () => {
    const lots = [lot({ remaining: q("5"), call: lossCall() })]
    const order = target({ bookedQuantity: q("95"), cumQuantity: q("95") })
    const step = climb(ladderView({ quote: low, lots, orders: [order] }))
    assert.strictEqual(one(step, "Amend").limitPrice, p("0.094525"))
    assert.strictEqual(one(step, "Amend").quantity, q("100"))
  })

  it("I5: nothing more is sold while the exit is on its way, and an unknown one is waited for", () => {
    const lots = [lot({ call: lossCall() })]
    const amend = { quantity: q("100"), limitPrice: p("0.1"), sentAt: NOON, deadline: NOON, state: "unknown" as const }
    for (const [order, expected] of [
      [target({ status: "pending" }), "exiting"],
      [target({ timeInForce: "IOC" }), "exiting"],
      [target({ amend }), "exiting"],
      [target({ cancelRequestedAt: NOON }), "exiting"],
      [target({ status: "unknown" }), "waiting"],
      [target({ status: "filled", cumQuantity: q("100") }), "exiting"]
    ] as const) {
      const step = climb(ladderView({ quote: low, lots, orders: [order] }))
      assert.deepStrictEqual(step.actions, [])
      assert.strictEqual(state(step), expected)
    }
    assert.deepStrictEqual(
      climb(ladderView({ quote: low, lots, proposed: [exitProposal([share("kt1a", "100")])] })).actions,
      []
    )
  })

  it("I5: of a lot with an unknown exit the free part is sold, and no more", () => {
    const lots = [lot({ call: lossCall(), remaining: q("150") })]
    const step = climb(ladderView({ quote: low, lots, orders: [target({ status: "unknown" })] }))
    assert.deepStrictEqual(tags(step), ["Place", "Attempted"])
    assert.deepStrictEqual(one(step, "Place").lots, [share("kt1a", "50")])
    assert.include(text(step), "unknown outcome")
    assert.include(text(step), "selling at the bid")
  })

  it("two exits of one lot are both moved, and the try counts once", () => {
    const lots = [lot({ call: lossCall() })]
    const orders = [target({}, "60"), target({ id: id("kt1y") }, "40")]
    const step = climb(ladderView({ quote: low, lots, orders }))
    assert.deepStrictEqual(tags(step), ["Amend", "Attempted", "Amend"])
    assert.deepStrictEqual(
      only(step, "Amend").map((action) => action.orderId),
      [id("kt1x"), id("kt1y")]
    )
    const soon = climb(ladderView({ quote: low, lots: [{ ...lots[0]!, lastAttemptAt: NOW - 1 }], orders }))
    assert.deepStrictEqual(soon.actions, [])
    assert.strictEqual(text(soon), "waits between two attempts")
  })

  it("I14: not on a stale quote: a fresh one is asked for", () => {
    const lots = [lot({ call: lossCall() })]
    for (const view of [{ quoteConfirmedAt: NOW - 10_001 }, { quoteConfirmedAt: undefined }, { quote: undefined }]) {
      const step = climb(ladderView({ lots, quote: low, ...view }))
      assert.deepStrictEqual(tags(step), ["FetchQuote"])
      assert.strictEqual(state(step), "waiting")
    }
    assert.include(tags(climb(ladderView({ lots, quote: low, quoteConfirmedAt: NOW - 10_000 }))), "Place")
    assert.notInclude(tags(climb(ladderView({ quoteConfirmedAt: undefined }))), "FetchQuote")
  })
})

describe("own entries of the pair", () => {
  const low = quote("0.095", "0.0951", NOW)
  const buying = entry({ id: id("kt1b"), status: "open" })

  it("are cancelled first, and the sale waits for it", () => {
    const step = climb(ladderView({ quote: low, orders: [buying] }))
    assert.deepStrictEqual(tags(step), ["Call", "Cancel"])
    assert.strictEqual(one(step, "Cancel").orderId, id("kt1b"))
    assert.include(text(step), "cancel of the pair's entry comes first")
    assert.strictEqual(state(step), "waiting")
    const moving = climb(ladderView({ quote: low, orders: [buying, target()] }))
    assert.deepStrictEqual(tags(moving), ["Call", "Cancel"])
    assert.strictEqual(state(moving), "waiting")
  })

  it("are cancelled for every lot that has something to move, by its own exit or by one still to come", () => {
    const called = { call: lossCall() }
    const merged = exit([share("kt1a", "100"), share("a", "12")])
    for (const view of [
      // exactly the exchange's minimum
      { lots: [lot({ ...called, remaining: q("20") })] },
      // proposed, and on its way to risk
      { lots: [lot(called)], proposed: [exitProposal([share("kt1a", "100")])] },
      // rides along with another lot's exit, and holds more than that sells of it
      { lots: [lot(), lot({ ...called, id: id("a"), remaining: q("62") })], orders: [merged] },
      // rides along, and has an exit of its own
      {
        lots: [lot(), lot({ ...called, id: id("a"), remaining: q("24") })],
        orders: [merged, exit([share("a", "12")], { id: id("kt1y") })]
      }
    ] satisfies ReadonlyArray<Partial<LadderView>>) {
      const step = climb(ladderView({ ...view, orders: [...(view.orders ?? []), buying] }))
      assert.strictEqual(one(step, "Cancel").orderId, id("kt1b"))
    }
  })

  it("hold the sale up for a second from the call at most, whatever becomes of their cancel", () => {
    const asked = { ...buying, cancelRequestedAt: NOW - 10 }
    const at = (ms: number) => [lot({ call: lossCall(NOW - ms) })]
    assert.deepStrictEqual(
      tags(climb(ladderView({ lots: at(ENTRY_CANCEL_WAIT_MS - 1), quote: low, orders: [asked] }))),
      []
    )
    for (const order of [
      asked,
      { ...buying, status: "unknown" as const },
      { ...buying, status: "pending" as const },
      { ...buying, cancelRequestedAt: NOW }
    ]) {
      const step = climb(ladderView({ lots: at(ENTRY_CANCEL_WAIT_MS), quote: low, orders: [order] }))
      assert.include(tags(step), "Place", order.status)
      assert.strictEqual(only(step, "Cancel").length, order.cancelRequestedAt === undefined ? 1 : 0)
    }
    const gone = climb(ladderView({ lots: at(0), quote: low, orders: [{ ...asked, status: "cancelled" }] }))
    assert.include(tags(gone), "Place")
  })

  it("are cancelled even where nothing can be sold now", () => {
    const step = climb(ladderView({ quote: low, orders: [buying], system: "cancel_only" }))
    assert.deepStrictEqual(tags(step), ["Call", "Cancel"])
  })

  it("are left alone while no limit is hit", () => {
    assert.deepStrictEqual(tags(climb(ladderView({ orders: [buying] }))), ["Place"])
  })

  it("I20: dust that can't be sold does not stop the pair's entries for ever", () => {
    const lots = [lot({ remaining: q("5"), call: lossCall() })]
    for (const view of [{ quote: low }, { quote: undefined }, { quoteConfirmedAt: undefined }]) {
      const step = climb(ladderView({ lots, orders: [buying], ...view }))
      assert.deepStrictEqual(step.actions, [])
    }
    // eight are enough at the stop, and too few for half a dollar where the bid is now
    const fallen = climb(
      ladderView({
        instrument: instrument({ minQuantity: q("1") }),
        lots: [lot({ remaining: q("8"), call: lossCall() })],
        quote: quote("0.05", "0.0501", NOW),
        orders: [buying]
      })
    )
    assert.deepStrictEqual(fallen.actions, [])
  })

  it("a called lot whose own entry is still at work takes that back, however little it holds", () => {
    const lots = [lot({ remaining: q("5"), call: lossCall() })]
    const own = entry({ id: id("kt1a"), status: "open", bookedQuantity: q("5") })
    const step = climb(ladderView({ lots, quote: low, orders: [own] }))
    assert.deepStrictEqual(tags(step), ["Cancel"])
    assert.strictEqual(state(step), "waiting")
    assert.include(text(step), "its entry is still at work")
  })
})

describe("(c) not filled: again", () => {
  it("with a wider collar each time, at its interval, up to the bound, and on at the bound", () => {
    let held = lot({ call: lossCall() })
    const placed: Array<{ readonly at: number; readonly limit: bigint; readonly bound: boolean }> = []
    for (let now = NOW; now < NOW + 60_000; now += 250) {
      const step = climb(ladderView({ now, lots: [held], quote: quote("0.1", "0.1001", now), quoteConfirmedAt: now }))
      if (step.actions.length === 0) continue
      assert.deepStrictEqual(tags(step), ["Place", "Attempted"])
      const sale = one(step, "Place")
      assert.strictEqual(sale.attempt, held.attempts)
      placed.push({ at: now, limit: sale.limitPrice, bound: one(step, "Attempted").atBound })
      held = { ...held, attempts: held.attempts + 1, lastAttemptAt: now }
    }
    assert.strictEqual(placed.length, 30)
    placed.forEach((one, n) => {
      assert.strictEqual(one.at, NOW + n * 2000)
      assert.strictEqual<bigint>(one.limit, p("0.1") - Fixed.min<bigint>(BigInt(n + 1) * p("0.0005"), p("0.005")))
      assert.strictEqual(one.bound, n >= 9)
    })
  })
})

describe("insufficient funds", () => {
  it("what the exchange lets be sold of the lot is sold", () => {
    const lots = [lot({ call: lossCall(), sellable: q("40") })]
    assert.strictEqual(one(climb(ladderView({ lots })), "Place").quantity, q("40"))
    const partly = climb(ladderView({ lots, orders: [target({ status: "unknown" }, "15")] }))
    assert.strictEqual(one(partly, "Place").quantity, q("25"))
    const more = climb(ladderView({ lots: [lot({ call: lossCall(), sellable: q("140") })] }))
    assert.strictEqual(one(more, "Place").quantity, q("100"))
  })

  it("where that is nothing, it is said, and entries of the pair go on", () => {
    for (const call of [{ call: lossCall() }, {}]) {
      const step = climb(
        ladderView({ lots: [lot({ ...call, sellable: q("0") })], orders: [entry({ id: id("kt1b") })] })
      )
      assert.deepStrictEqual(step.actions, [])
      assert.strictEqual(state(step), "waiting")
      assert.include(text(step), "lets nothing of its 100 XLM be sold")
    }
  })
})

describe("dust", () => {
  const small = (name: string, remaining = "12", change: Partial<Lot> = {}): Lot =>
    lot({ id: id(name), remaining: q(remaining), ...change })

  it("alone it is a named state with its amounts", () => {
    for (const change of [{}, { call: lossCall() }]) {
      const step = climb(ladderView({ lots: [small("a", "19.99999999", change)] }))
      assert.deepStrictEqual(step.actions, [])
      assert.strictEqual(state(step, "a"), "dust")
      assert.include(text(step, "a"), "19.99999999 XLM is below the exchange's minimum of 20")
    }
    const crumb = climb(ladderView({ lots: [lot({ remaining: q("0.000000001") })] }))
    assert.strictEqual(state(crumb), "dust")
    assert.include(text(crumb), "less than the smallest step")
    const calledCrumb = climb(ladderView({ lots: [lot({ remaining: q("0.000000001"), call: lossCall() })] }))
    assert.deepStrictEqual(calledCrumb.actions, [])
    assert.deepStrictEqual(tags(climb(ladderView({ lots: [small("a", "20")] }))), ["Place"])
  })

  it("merges into the pair's next exit, whichever that is", () => {
    for (const call of [{}, { call: lossCall() }]) {
      const step = climb(ladderView({ lots: [small("a"), lot(call), small("b", "3"), small("c", "0.000000001")] }))
      const sale = one(step, "Place")
      assert.deepStrictEqual(sale.lots, [share("kt1a", "100"), share("a", "12"), share("b", "3")])
      assert.strictEqual(sale.quantity, q("115"))
      assert.strictEqual(state(step, "a"), "placing")
      assert.strictEqual(text(step, "a"), "sold together with lot kt1a")
      assert.strictEqual(text(step, "b"), "sold together with lot kt1a")
      assert.strictEqual(state(step, "c"), "dust")
    }
  })

  it("two that are enough together are sold together, once", () => {
    const step = climb(ladderView({ lots: [small("a"), small("b", "8"), small("c", "1")] }))
    assert.deepStrictEqual(one(step, "Place").lots, [share("a", "12"), share("b", "8"), share("c", "1")])
    const called = climb(
      ladderView({ lots: [small("a", "12", { call: lossCall() }), small("b", "8", { call: lossCall() })] })
    )
    assert.deepStrictEqual(tags(called), ["Place", "Attempted"])
  })

  it("with an exit of its own, or an entry that will bring more, it does not ride along", () => {
    const lots = [lot(), small("a", "15"), small("b")]
    const orders = [exit([share("a", "12")], { id: id("kt1y") }), entry({ id: id("b"), status: "open" })]
    const step = climb(ladderView({ lots, orders }))
    assert.deepStrictEqual(one(step, "Place").lots, [share("kt1a", "100")])
    assert.strictEqual(state(step, "b"), "waiting")
  })

  describe("riding on another lot's target", () => {
    const merged = exit([share("kt1a", "100"), share("a", "12")])
    const low = quote("0.095", "0.0951", NOW)

    it("its own limit moves nothing: the lot that leads is not sold for it", () => {
      const lots = [lot(), small("a", "12", { call: { kind: "time", at: NOW - 5000 } })]
      const buying = entry({ id: id("kt1b"), status: "open" })
      const step = climb(ladderView({ lots, orders: [merged, buying] }))
      assert.deepStrictEqual(step.actions, [])
      assert.include(text(step, "a"), "rides along with exit kt1x")
      assert.strictEqual(state(step, "a"), "working")
      assert.strictEqual(state(step), "working")
    })

    it("when the leading lot is called, the whole order moves, once", () => {
      for (const call of [{}, { call: lossCall() }]) {
        const lots = [lot({ call: lossCall() }), small("a", "12", { ...call, plan: plan({ stop: p("0.01") }) })]
        const step = climb(ladderView({ lots, quote: low, orders: [merged] }))
        assert.deepStrictEqual(tags(step), ["Amend", "Attempted"])
        assert.strictEqual(one(step, "Attempted").lotId, id("kt1a"))
      }
    })

    it("when the leading lot's part is sold, it leads", () => {
      const rest = { ...merged, bookedQuantity: q("100"), cumQuantity: q("100") }
      const step = climb(ladderView({ lots: [small("a", "12", { call: lossCall() })], quote: low, orders: [rest] }))
      assert.deepStrictEqual(tags(step), ["Amend", "Attempted"])
      const lots = [
        lot({ remaining: q("50"), plan: plan({ stop: p("0.01") }) }),
        small("a", "12", { call: lossCall() })
      ]
      const grown = climb(ladderView({ lots, quote: low, orders: [rest] }))
      assert.deepStrictEqual(tags(grown), ["Amend", "Attempted", "Place"])
      assert.strictEqual(one(grown, "Attempted").lotId, id("a"))
    })

    it("what a riding lot gained gets an exit of its own", () => {
      const step = climb(ladderView({ lots: [lot(), small("a", "62")], orders: [merged] }))
      assert.deepStrictEqual(one(step, "Place").lots, [share("a", "50")])
      const called = climb(ladderView({ lots: [lot(), small("a", "62", { call: lossCall() })], orders: [merged] }))
      assert.deepStrictEqual(one(called, "Place").lots, [share("a", "50")])
      const little = climb(ladderView({ lots: [lot(), small("a", "15", { call: lossCall() })], orders: [merged] }))
      assert.deepStrictEqual(little.actions, [])
      assert.strictEqual(state(little, "a"), "exiting")
      assert.include(text(little, "a"), "waits for the rest of the lot")
    })
  })
})

describe("(d) the exchange's mode", () => {
  const called = [lot({ call: lossCall() })]
  const nothing: ReadonlyArray<PairStatus> = ["cancel_only", "maintenance", "unknown"]

  it.each(nothing)("%s: waits and says so", (mode) => {
    for (const view of [
      ladderView({ lots: called, system: mode as LadderView["system"] }),
      ladderView({ lots: called, instrument: instrument({ status: mode }) }),
      ladderView({ instrument: instrument({ status: mode }), system: "post_only" })
    ]) {
      const step = climb(view)
      assert.deepStrictEqual(step.actions, [])
      assert.strictEqual(state(step), "waiting")
      assert.include(text(step), mode)
    }
  })

  it("post_only: a called lot rests at the best ask, and its taking collar is not widened by that", () => {
    for (const view of [{ system: "post_only" as const }, { instrument: instrument({ status: "post_only" }) }]) {
      const step = climb(ladderView({ lots: called, ...view }))
      const sale = one(step, "Place")
      assert.strictEqual(sale.limitPrice, p("0.1001"))
      assert.isTrue(sale.postOnly)
      assert.strictEqual(sale.timeInForce, "GTC")
      assert.deepStrictEqual(one(step, "Attempted"), {
        _tag: "Attempted",
        lotId: id("kt1a"),
        taking: false,
        atBound: false
      })
      const odd = climb(ladderView({ lots: called, ...view, quote: quote("0.1", "0.1001004", NOW) }))
      assert.strictEqual(one(odd, "Place").limitPrice, p("0.100101"))
    }
  })

  it("post_only: the resting target follows the ask down, and rests there; no bound is told", () => {
    const view = { lots: [lot({ call: lossCall(), attempts: 99 })], system: "post_only" as const }
    const step = climb(ladderView({ ...view, orders: [target()], amendRefused: new Set([id("kt1x")]) }))
    assert.strictEqual(one(step, "Amend").limitPrice, p("0.1001"))
    assert.isTrue(one(step, "Amend").postOnly)
    assert.isFalse(one(step, "Attempted").atBound)
    assert.deepStrictEqual(climb(ladderView({ ...view, orders: [target({ limitPrice: p("0.1001") })] })).actions, [])
  })

  it("post_only: entries are not waited for, since nothing of ours can meet them", () => {
    const step = climb(
      ladderView({ system: "post_only", quote: quote("0.095", "0.0951", NOW), orders: [entry({ id: id("kt1b") })] })
    )
    assert.deepStrictEqual(tags(step), ["Call", "Cancel", "Place", "Attempted"])
  })

  it.each(["limit_only", "reduce_only"] as const)("%s: as always", (mode) => {
    assert.isFalse(one(climb(ladderView({ lots: called, instrument: instrument({ status: mode }) })), "Place").postOnly)
  })
})
