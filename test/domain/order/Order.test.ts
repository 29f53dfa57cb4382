import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { Order, OrderStatus } from "../../../src/domain/order/Order.ts"
import {
  committedQuantity,
  feeBase,
  feeUsd,
  isLive,
  isNewFill,
  isSettled,
  isTerminal,
  merge,
  missingQuantity,
  openQuantity
} from "../../../src/domain/order/Order.ts"
import type { OrderReport, StatusReport } from "../../../src/domain/order/Report.ts"
import { history, price, quantity } from "../../support/arbitraries.ts"
import { entry, exit, fill, NOON, p, q, share, status, usd } from "../../support/build.ts"

const fold = (order: Order, reports: ReadonlyArray<OrderReport>): Order => reports.reduce(merge, order)

/** What must not depend on the order of arrival; execution ids as a set. */
const settled = (order: Order) => ({ ...order, executions: order.executions.toSorted() })

const beginnings: ReadonlyArray<Partial<Order>> = [
  { status: "pending" },
  { status: "unknown" },
  { status: "open", exchangeId: ExchangeOrderId("OAAAAA") },
  { status: "open", cancelRequestedAt: NOON + 3 },
  { status: "rejected", endReason: "never arrived" }
]

/** A history, an order at its beginning, and an arrival: a permutation with repetitions of all of it. */
const arrivals = quantity(20, 500).chain((whole) =>
  price.chain((limit) =>
    fc.tuple(history(whole, limit), fc.constantFrom(...beginnings)).chain(([life, beginning]) => {
      const start = entry({ quantity: whole, limitPrice: limit, ...beginning })
      const all = fc.shuffledSubarray([...life.reports], { minLength: life.reports.length })
      const again = fc.shuffledSubarray([...life.reports])
      const amended = {
        ...start,
        amend: {
          quantity: life.quantity,
          limitPrice: life.limitPrice,
          sentAt: NOON + 10,
          deadline: NOON + 10_000,
          state: "inFlight" as const
        }
      }
      return fc.record({
        life: fc.constant(life),
        start: fc.constantFrom(start, amended),
        arrival: fc.tuple(all, again, fc.nat()).map(([first, second, at]) => {
          const mixed: Array<OrderReport> = [...first]
          second.forEach((report, n) => mixed.splice((at * (n + 7)) % (mixed.length + 1), 0, report))
          return mixed
        }),
        part: fc
          .subarray([...life.reports])
          .chain((kept) => fc.shuffledSubarray([...kept, life.final], { minLength: kept.length + 1 }))
      })
    })
  )
)

const forwardness: Readonly<Record<OrderStatus, number>> = {
  pending: 0,
  unknown: 0,
  rejected: 0,
  open: 1,
  expired: 2,
  cancelled: 3,
  filled: 4
}

describe("merge", () => {
  it("I9: every order of arrival, with every repetition, ends in the same state", () => {
    fc.assert(
      fc.property(arrivals, ({ life, start, arrival }) => {
        const told = fold(start, life.reports)
        assert.deepStrictEqual(settled(fold(start, arrival)), settled(told))
        assert.strictEqual(told.status, life.final.status)
        assert.strictEqual(told.quantity, life.quantity)
        assert.strictEqual(told.limitPrice, life.limitPrice)
        assert.strictEqual(told.endReason, life.final.reason)
        assert.isTrue(isSettled(told))
        assert.isUndefined(told.amend)
        assert.isUndefined(told.cancelRequestedAt)
        assert.strictEqual(openQuantity(told), 0n)
      }),
      { numRuns: 400 }
    )
  })

  it("I9: whatever was missed, with the terminal report the status and quantity are final and nothing is settled before its fills", () => {
    fc.assert(
      fc.property(arrivals, ({ life, start, part }) => {
        const known = life.fills.filter((one) => part.includes(one))
        const booked = known.reduce((sum, one) => sum + one.quantity, 0n)
        const order = fold(start, part)
        assert.strictEqual(order.status, life.final.status)
        assert.strictEqual<bigint | undefined>(order.cumQuantity, life.final.cumQuantity)
        assert.strictEqual<bigint>(order.bookedQuantity, booked)
        assert.strictEqual<bigint>(
          order.bookedCost,
          known.reduce((sum, one) => sum + one.cost, 0n)
        )
        assert.strictEqual<bigint>(
          order.bookedFee,
          known.reduce((sum, one) => sum + one.fee, 0n)
        )
        assert.strictEqual(isSettled(order), known.length === life.fills.length)
        assert.strictEqual(missingQuantity(order), Money.subQuantity(order.cumQuantity, order.bookedQuantity))
        assert.strictEqual(openQuantity(order), missingQuantity(order))
        const whole = fold(order, life.fills)
        assert.isTrue(isSettled(whole))
      }),
      { numRuns: 400 }
    )
  })

  it("status never goes back, amounts and executions only grow", () => {
    fc.assert(
      fc.property(arrivals, ({ start, arrival }) => {
        let before = start
        for (const report of arrival) {
          const after = merge(before, report)
          assert.isAtLeast(forwardness[after.status], forwardness[before.status])
          assert.isTrue(after.cumQuantity >= before.cumQuantity && after.cumCost >= before.cumCost)
          assert.isTrue(after.bookedQuantity >= before.bookedQuantity && after.cumQuantity >= after.bookedQuantity)
          assert.deepStrictEqual(after.executions.slice(0, before.executions.length), before.executions)
          assert.strictEqual(new Set(after.executions).size, after.executions.length)
          assert.isAtLeast(after.updatedAt, before.updatedAt)
          before = after
        }
      }),
      { numRuns: 300 }
    )
  })

  it("I9: a fill counts once per execution id, whichever way it is reported", () => {
    const one = fill("T1", "40")
    const order = merge(entry(), one)
    assert.isFalse(isNewFill(order, { ...one, source: "rest" }))
    assert.isTrue(isNewFill(order, fill("T2", "40")))
    assert.strictEqual(merge(order, { ...one, source: "rest" }), order)
    assert.strictEqual(order.bookedQuantity, q("40"))
    assert.strictEqual(order.bookedFee, usd("0.01"))
    assert.strictEqual(order.status, "open")
    assert.strictEqual(order.exchangeId, one.exchangeId)
  })

  it("a fill without any status proves that an unknown order is live", () => {
    const order = merge(entry({ status: "unknown" }), fill("T1", "40"))
    assert.strictEqual(order.status, "open")
    assert.strictEqual(openQuantity(order), q("60"))
  })

  describe("an order settled as never arrived that exists all the same", () => {
    const gone = entry({ status: "rejected", endReason: "never arrived: two reads lack it" })

    it("I4, I5: is live again with an open report, and its open part counts", () => {
      const back = merge(gone, status({ status: "open", cumQuantity: q("0") }))
      assert.strictEqual(back.status, "open")
      assert.isTrue(isLive(back))
      assert.isUndefined(back.endReason)
      assert.strictEqual(openQuantity(back), q("100"))
    })

    it("I9: is live again with a fill, which is booked", () => {
      const back = merge(gone, fill("T1", "30"))
      assert.strictEqual(back.status, "open")
      assert.isUndefined(back.endReason)
      assert.strictEqual(back.bookedQuantity, q("30"))
      assert.strictEqual(openQuantity(back), q("70"))
    })

    it("ends as the exchange ended it", () => {
      const cancelled = merge(gone, status({ status: "cancelled", cumQuantity: q("0"), reason: "Post only order" }))
      assert.strictEqual(cancelled.status, "cancelled")
      assert.strictEqual(cancelled.endReason, "Post only order")
      const filled = merge(gone, status({ status: "filled", cumQuantity: q("100"), cumCost: usd("10") }))
      assert.strictEqual(filled.status, "filled")
      assert.isUndefined(filled.endReason)
      assert.isFalse(isSettled(filled))
      assert.strictEqual(openQuantity(filled), q("100"))
    })

    it("stays rejected while nothing is heard of it", () => {
      assert.isTrue(isTerminal(gone.status))
      assert.isTrue(isSettled(gone))
      assert.strictEqual(openQuantity(gone), q("0"))
    })
  })

  it("a cancel is a request: the order that filled meanwhile is filled", () => {
    const asked = entry({ status: "open", cancelRequestedAt: NOON + 5 })
    const still = merge(asked, status({ status: "open", at: NOON + 6 }))
    assert.strictEqual(still.cancelRequestedAt, NOON + 5)
    const cancelled = merge(still, status({ status: "cancelled", cumQuantity: q("40"), reason: "User requested" }))
    assert.strictEqual(cancelled.status, "cancelled")
    assert.isUndefined(cancelled.cancelRequestedAt)
    const filled = merge(cancelled, status({ status: "filled", cumQuantity: q("100") }))
    assert.strictEqual(filled.status, "filled")
    assert.isUndefined(filled.endReason, "the reason of an ending that was overruled is not kept")
    assert.strictEqual(
      merge(filled, status({ status: "cancelled", cumQuantity: q("40"), reason: "late" })).status,
      "filled"
    )
    assert.isUndefined(merge(filled, status({ status: "cancelled", cumQuantity: q("40"), reason: "late" })).endReason)
    assert.strictEqual(missingQuantity(filled), q("100"))
  })

  it("an ending keeps its own reason, not that of an amend that is heard of later", () => {
    const filled = merge(entry(), status({ status: "filled", cumQuantity: q("100"), at: NOON + 50 }))
    const late = merge(filled, status({ status: "open", reason: "User requested", at: NOON + 20 }))
    assert.isUndefined(late.endReason)
    const told = merge(filled, status({ status: "filled", cumQuantity: q("100"), reason: "Closed", at: NOON + 50 }))
    assert.strictEqual(told.endReason, "Closed")
  })

  it("only a terminal report with its final quantity ends an order", () => {
    for (const ending of ["filled", "cancelled", "expired"] as const) {
      const order = merge(entry(), status({ status: ending }))
      assert.strictEqual(order.status, "open", ending)
      assert.strictEqual(openQuantity(order), q("100"))
      assert.strictEqual(merge(order, status({ status: ending, cumQuantity: q("0") })).status, ending)
    }
  })

  it("fills that come after the end are booked and close the gap", () => {
    const ended = merge(entry(), status({ status: "cancelled", cumQuantity: q("40"), cumCost: usd("4") }))
    assert.isFalse(isSettled(ended))
    const half = merge(ended, fill("T1", "25"))
    assert.strictEqual(half.status, "cancelled")
    assert.strictEqual(missingQuantity(half), q("15"))
    const whole = merge(half, fill("T2", "15"))
    assert.isTrue(isSettled(whole))
    assert.strictEqual(whole.cumCost, usd("4"))
  })

  it("executions beyond what a terminal report counted raise the count", () => {
    const ended = merge(entry(), status({ status: "cancelled", cumQuantity: q("40") }))
    const more = merge(merge(ended, fill("T1", "40")), fill("T2", "10"))
    assert.strictEqual(more.cumQuantity, q("50"))
    assert.isTrue(isSettled(more))
  })
})

describe("terms", () => {
  const at = (ms: number, quantity: string, limitPrice: string): StatusReport =>
    status({ status: "open", quantity: q(quantity), limitPrice: p(limitPrice), at: NOON + ms })

  it("the later ones hold, however they arrive", () => {
    const reports = [at(10, "90", "0.11"), at(20, "80", "0.12"), at(30, "70", "0.13")]
    for (const arrival of [reports, reports.toReversed(), [reports[2]!, reports[0]!, reports[1]!]]) {
      const order = fold(entry(), arrival)
      assert.strictEqual(order.quantity, q("70"))
      assert.strictEqual(order.limitPrice, p("0.13"))
      assert.strictEqual(order.termsAt, NOON + 30)
    }
  })

  it("I4, I5: of two at the same millisecond the larger quantity counts, then the higher price", () => {
    const [small, large, dear] = [at(10, "80", "0.12"), at(10, "90", "0.11"), at(10, "90", "0.12")]
    for (const arrival of [
      [small, large, dear],
      [dear, large, small],
      [large, small, dear],
      [large, dear, small]
    ]) {
      const order = fold(entry(), arrival)
      assert.strictEqual(order.quantity, q("90"))
      assert.strictEqual(order.limitPrice, p("0.12"))
    }
  })

  it("a report that says one of them changes that one", () => {
    const order = merge(entry(), status({ status: "open", quantity: q("60"), at: NOON + 10 }))
    assert.strictEqual(order.quantity, q("60"))
    assert.strictEqual(order.limitPrice, p("0.1"))
    const dearer = merge(order, status({ status: "open", limitPrice: p("0.2"), at: NOON + 20 }))
    assert.strictEqual(dearer.quantity, q("60"))
    assert.strictEqual(dearer.limitPrice, p("0.2"))
    assert.strictEqual(merge(dearer, status({ at: NOON + 30 })).termsAt, NOON + 20)
  })
})

describe("an amend", () => {
  const amend = {
    quantity: q("120"),
    limitPrice: p("0.2"),
    sentAt: NOON + 50,
    deadline: NOON + 10_050,
    state: "inFlight" as const
  }
  const order = exit([share("kt1a", "100")], { amend })
  const terms = (at: number, change: Partial<StatusReport> = {}): StatusReport =>
    status({ status: "open", quantity: amend.quantity, limitPrice: amend.limitPrice, at, ...change })

  it("I5: while it is open the larger quantity counts, whether it raises or lowers", () => {
    assert.strictEqual(committedQuantity(order), q("120"))
    assert.strictEqual(committedQuantity(exit([], { quantity: q("100") })), q("100"))
    const lowered = exit([share("kt1a", "100")], { amend: { ...amend, quantity: q("50") } })
    assert.strictEqual(committedQuantity(lowered), q("100"))
    assert.strictEqual(openQuantity(lowered), q("100"))
    assert.strictEqual(openQuantity({ ...order, bookedQuantity: q("30") }), q("90"))
  })

  it("is over when the exchange states its terms, or the order ends, and not before", () => {
    assert.isUndefined(merge(order, terms(NOON + 60)).amend)
    assert.isUndefined(merge(order, status({ status: "cancelled", cumQuantity: q("0") })).amend)
    assert.deepStrictEqual(merge(order, status({ status: "open", at: NOON + 60 })).amend, amend)
    assert.deepStrictEqual(merge(order, terms(NOON + 60, { quantity: q("100") })).amend, amend)
    assert.deepStrictEqual(merge(order, terms(NOON + 60, { limitPrice: p("0.3") })).amend, amend)
  })

  it("is over when its terms are heard of after later ones", () => {
    const later = status({ status: "open", quantity: q("110"), limitPrice: p("0.15"), at: NOON + 90 })
    const done = merge(merge(order, later), terms(NOON + 60))
    assert.isUndefined(done.amend)
    assert.strictEqual(done.quantity, q("110"))
  })

  it("I5: is not over because terms of before it are heard of once more", () => {
    const later = status({ status: "open", quantity: q("110"), limitPrice: p("0.15"), at: NOON + 40 })
    const stale = merge(merge(order, later), terms(NOON + 30))
    assert.deepStrictEqual(stale.amend, amend)
    assert.strictEqual(openQuantity(stale), q("120"))
  })

  it("I5: below what had executed already, the executions still missing count", () => {
    const cut = exit([share("kt1a", "100")], { quantity: q("50"), cumQuantity: q("60"), bookedQuantity: q("0") })
    assert.strictEqual(openQuantity(cut), q("60"))
    assert.strictEqual(openQuantity({ ...cut, bookedQuantity: q("60") }), q("0"))
  })
})

describe("fees", () => {
  it("in quote are dollars, in base are valued at the fill's own price and taken out of what was bought", () => {
    const quoted = fill("T1", "40")
    assert.strictEqual(feeUsd(quoted), usd("0.01"))
    assert.strictEqual(feeBase(quoted), q("0"))
    const based = fill("T1", "40", { fee: Fixed.ONE / 10n, feeAsset: "XLM" })
    assert.strictEqual(feeUsd(based), usd("0.01"))
    assert.strictEqual(feeBase(based), q("0.1"))
  })
})
