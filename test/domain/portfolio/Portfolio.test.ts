import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import type { Quantity, Usd } from "../../../src/domain/money/Money.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import { ExecutionId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { merge } from "../../../src/domain/order/Order.ts"
import type { FillReport } from "../../../src/domain/order/Report.ts"
import type { Lot } from "../../../src/domain/portfolio/Lot.ts"
import { isOpenLot } from "../../../src/domain/portfolio/Lot.ts"
import {
  addClosed,
  addFill,
  allocate,
  bookCash,
  bookEntry,
  bookExit,
  claimed,
  emptyTotals,
  equity,
  exposure,
  heldCost,
  heldExposure,
  realisedOf,
  unrealised,
  workingExposure
} from "../../../src/domain/portfolio/Portfolio.ts"
import { price, quantity } from "../../support/arbitraries.ts"
import {
  BTC,
  entry,
  exit,
  fill,
  id,
  instrument,
  lot,
  NOON,
  p,
  plan,
  q,
  quote,
  rate,
  share,
  usd,
  XLM
} from "../../support/build.ts"

const sum = (values: Iterable<bigint>): bigint => [...values].reduce((a, b) => a + b, 0n)

const sale = (executionId: string, quantity: string, change: Partial<FillReport> = {}): FillReport =>
  fill(executionId, quantity, { side: "sell", ...change })

describe("booking an entry", () => {
  it("the first execution opens a lot with the plan that came with the order", () => {
    const order = entry({ reason: "z below -2" })
    const opened = bookEntry(undefined, order, fill("T1", "40"))
    assert.deepStrictEqual(opened, {
      ...lot({ id: order.id, reason: "z below -2" }),
      quantity: q("40"),
      remaining: q("40"),
      cost: usd("4"),
      entryFee: usd("0.01"),
      openedAt: NOON + 5
    })
  })

  it("further executions grow it, sold or not", () => {
    const order = entry()
    const first = bookEntry(undefined, order, fill("T1", "40"))
    const soldOut: Lot = { ...first!, remaining: q("0"), proceeds: usd("5"), closedAt: NOON + 9 }
    const grown = bookEntry(soldOut, order, fill("T2", "60", { price: p("0.2"), at: NOON + 20 }))!
    assert.strictEqual(grown.quantity, q("100"))
    assert.strictEqual(grown.remaining, q("60"))
    assert.strictEqual(grown.cost, usd("16"))
    assert.strictEqual(grown.entryFee, usd("0.04"))
    assert.strictEqual(grown.openedAt, NOON + 5)
    assert.isUndefined(grown.closedAt, "a lot that holds something is not closed")
    assert.isTrue(isOpenLot(grown))
    assert.isFalse(isOpenLot(soldOut))
  })

  it("I10: a fee in base is paid out of what was bought: less is held, and the dollars that left are counted once", () => {
    const paid = fill("T1", "40", { fee: q("0.1"), feeAsset: "XLM" })
    const opened = bookEntry(undefined, entry(), paid)!
    assert.strictEqual(opened.quantity, q("39.9"))
    assert.strictEqual(opened.entryFee, usd("0.01"))
    assert.strictEqual(opened.cost, usd("3.99"))
    const more = bookEntry(opened, entry(), { ...paid, executionId: ExecutionId("T2") })!
    assert.strictEqual(Money.addUsd(more.cost, more.entryFee), usd("8"))
    assert.strictEqual(more.remaining, q("79.8"))
    assert.strictEqual(bookCash(instrument(), paid, entry()).ledgerUsd, usd("-4"))
  })

  it("an exit's execution opens nothing", () => {
    assert.isUndefined(bookEntry(undefined, exit([share("kt1a", "40")]), sale("T1", "40")))
  })
})

describe("allocate", () => {
  const shares = [share("a", "10"), share("b", "5"), share("c", "20")]
  it("gives the named shares in their order, after what was sold already", () => {
    assert.deepStrictEqual(allocate(shares, q("0"), q("12")), [share("a", "10"), share("b", "2")])
    assert.deepStrictEqual(allocate(shares, q("12"), q("10")), [share("b", "3"), share("c", "7")])
    assert.deepStrictEqual(allocate(shares, q("35"), q("1")), [])
    assert.deepStrictEqual(allocate(shares, q("0"), q("100")), shares)
  })
})

describe("booking an exit", () => {
  const a = lot({ id: id("a"), openedAt: NOON })
  const b = lot({ id: id("b"), openedAt: NOON - 10, sellable: q("50") })

  it("sells the lots that it names, in their order, and what was said of the sellable part is looked at again", () => {
    const order = exit([share("a", "100"), share("b", "50")], { bookedQuantity: q("90") })
    const { lots, unattributed } = bookExit([a, b], order, sale("T9", "30", { cost: usd("3.3"), fee: usd("0.03") }))
    assert.strictEqual(unattributed, q("0"))
    assert.deepStrictEqual(
      lots.map((one) => [one.id, one.remaining, one.proceeds, one.exitFee]),
      [
        [id("a"), q("90"), usd("1.1"), usd("0.01")],
        [id("b"), q("80"), usd("2.2"), usd("0.02")]
      ]
    )
    assert.isFalse("sellable" in lots[1]!)
  })

  it("what the named lots can't cover goes to the pair's others, oldest first", () => {
    const other = lot({ id: id("c"), symbol: BTC, openedAt: NOON - 99 })
    const short = { ...a, remaining: q("10") }
    const { lots, unattributed } = bookExit([short, other, b], exit([share("a", "100")]), sale("T1", "60"))
    assert.strictEqual(unattributed, q("0"))
    assert.deepStrictEqual(
      lots.map((one) => [one.id, one.remaining]),
      [
        [id("a"), q("0")],
        [id("b"), q("50")]
      ]
    )
  })

  it("a sale that names no lot, or lots of another pair or unknown ones, is taken from the oldest", () => {
    for (const named of [[], [share("nobody", "60")]]) {
      const { lots } = bookExit([a, b], exit(named), sale("T1", "60"))
      assert.deepStrictEqual(
        lots.map((one) => [one.id, one.remaining]),
        [[id("b"), q("40")]]
      )
    }
    assert.deepStrictEqual(
      bookExit([a, b], entry({ side: "sell" }), sale("T1", "60")).lots.map((one) => one.id),
      [id("b")]
    )
  })

  it("I5: what no lot covers is told, and keeps its part of proceeds and fee", () => {
    const few = lot({ id: id("a"), quantity: q("100"), remaining: q("20") })
    const booking = bookExit([few], exit([share("a", "100")]), sale("T1", "80", { cost: usd("8"), fee: usd("0.4") }))
    assert.strictEqual(booking.unattributed, q("60"))
    assert.strictEqual(booking.lots[0]!.proceeds, usd("2"))
    assert.strictEqual(booking.lots[0]!.exitFee, usd("0.1"))
    assert.deepStrictEqual(bookExit([], exit([share("a", "1")]), sale("T1", "1")), { lots: [], unattributed: q("1") })
  })

  it("I10: a fee in base leaves the lots too, as if it had been sold to pay", () => {
    const paid = sale("T1", "40", { fee: q("0.1"), feeAsset: "XLM" })
    const { lots, unattributed } = bookExit([a], exit([share("a", "100")]), paid)
    assert.strictEqual(unattributed, q("0"))
    assert.strictEqual(lots[0]!.remaining, q("59.9"))
    assert.strictEqual(lots[0]!.proceeds, usd("4.01"))
    assert.strictEqual(lots[0]!.exitFee, usd("0.01"))
    assert.strictEqual(bookCash(instrument(), paid, exit([])).ledgerUsd, usd("4"))
  })

  it("I10: splitting proceeds and fee over lots loses nothing to rounding", () => {
    fc.assert(
      fc.property(
        fc.array(quantity(1, 90), { minLength: 1, maxLength: 6 }),
        fc.bigInt({ min: 1n, max: 10n ** 14n }),
        fc.bigInt({ min: 0n, max: 10n ** 12n }),
        (parts, cost, fee) => {
          const lots = parts.map((part, n) => lot({ id: id(`l${n}`), quantity: part, remaining: part }))
          const whole = Money.Quantity(sum(parts))
          const named = lots.map((one) => ({ lotId: one.id, quantity: one.remaining }))
          const booked = bookExit(lots, exit(named), {
            ...sale("T1", "1"),
            quantity: whole,
            cost: Money.Usd(cost),
            fee: Money.Usd(fee)
          })
          assert.strictEqual(booked.unattributed, q("0"))
          assert.strictEqual(sum(booked.lots.map((one) => one.proceeds)), cost)
          assert.strictEqual(sum(booked.lots.map((one) => one.exitFee)), fee)
          assert.isTrue(booked.lots.every((one) => one.remaining === 0n && one.proceeds >= 0n && one.exitFee >= 0n))
        }
      )
    )
  })
})

describe("bookCash", () => {
  it("I10: cash moves by the ledger's amounts, each rounded at four decimals; the rounding is kept", () => {
    // recorded: cost 12.70744, fee 0.05083
    const bought = bookCash(instrument(), fill("T1", "1", { cost: usd("12.70744"), fee: usd("0.05083") }), entry())
    assert.strictEqual(bought.ledgerUsd, usd("-12.7582"))
    assert.strictEqual(bought.rounding, usd("0.00007"))
    assert.strictEqual(bought.orderId, entry().id)
    const sold = bookCash(instrument(), sale("T2", "1", { cost: usd("12.70744"), fee: usd("0.05083") }), exit([]))
    assert.strictEqual(sold.ledgerUsd, usd("12.6566"))
    assert.strictEqual(sold.rounding, usd("-0.00001"))
  })
})

/** A random run of the books: entries that fill in parts, sales of random shares in between, fees in quote or base. */
const run = fc.array(
  fc.record({
    kind: fc.constantFrom("buy" as const, "buy" as const, "sell" as const),
    lotNumber: fc.nat({ max: 3 }),
    amount: quantity(1, 60),
    at: price,
    feePerMille: fc.integer({ min: 0, max: 5 }),
    feeInBase: fc.boolean()
  }),
  { minLength: 1, maxLength: 25 }
)

describe("conservation", () => {
  it("I10: profit realised and the cost of what is held account for every dollar; ledger and fill amounts differ by the kept rounding alone", () => {
    fc.assert(
      fc.property(run, (steps) => {
        const i = instrument()
        let lots: ReadonlyMap<string, Lot> = new Map()
        let totals = emptyTotals
        let fillCash = 0n
        let base = 0n
        let rounding = 0n
        steps.forEach((step, n) => {
          const held = [...lots.values()].filter(isOpenLot)
          const free = sum(held.map((one) => one.remaining))
          const selling = step.kind === "sell" && free > 0n
          const cost = Money.Usd(Fixed.toDecimals(Money.notional(step.at, step.amount, "nearest"), 8, "nearest"))
          const inBase = step.feeInBase
          const wanted = selling ? Money.Quantity(Fixed.min<bigint>(step.amount, free)) : step.amount
          const fee = Fixed.toDecimals(((inBase ? wanted : cost) * BigInt(step.feePerMille)) / 1000n, 8, "down")
          const sold = inBase && selling ? Money.Quantity(wanted - fee) : wanted
          const report: FillReport = {
            ...fill(`T${n}`, "1"),
            side: selling ? "sell" : "buy",
            quantity: sold,
            price: step.at,
            cost: selling ? Money.Usd(Fixed.toDecimals(Money.notional(step.at, sold, "nearest"), 8, "nearest")) : cost,
            fee,
            feeAsset: inBase ? "XLM" : "USD"
          }
          const order: Order = selling
            ? exit(held.map((one) => ({ lotId: one.id, quantity: one.remaining })))
            : entry({ id: id(`l${step.lotNumber}`) })
          const changed = selling
            ? bookExit([...lots.values()], order, report).lots
            : [bookEntry(lots.get(order.id), order, report)!]
          const booked = bookCash(i, report, order)
          const before = sum(changed.map((one) => (lots.has(one.id) ? realisedOf(lots.get(one.id)!) : 0n)))
          const after = sum(changed.map(realisedOf))
          totals = addFill(totals, booked, Money.Usd(after - before))
          lots = new Map([...lots, ...changed.map((one) => [one.id, one] as const)])
          fillCash += (selling ? report.cost : -report.cost) - (inBase ? 0n : fee)
          base += selling ? -sold - (inBase ? fee : 0n) : wanted - (inBase ? fee : 0n)
          rounding += booked.rounding
        })
        const all = [...lots.values()]
        // what is held is exactly what the fills brought and took
        assert.strictEqual(sum(all.map((one) => one.remaining)), base)
        assert.isTrue(all.every((one) => one.remaining >= 0n && one.remaining <= one.quantity))
        // realised - cost of held = cash, by fill amounts; each open lot's share of its cost is rounded once
        const heldCosts = all.map((one) =>
          one.quantity === 0n ? 0n : ((one.cost + one.entryFee) * one.remaining) / one.quantity
        )
        const difference = totals.realised - sum(heldCosts) - fillCash
        assert.isTrue(difference >= -BigInt(all.length) && difference <= BigInt(all.length), String(difference))
        assert.strictEqual<bigint>(totals.realised, sum(all.map(realisedOf)))
        // marked at any price, equity is cash plus the mark: nothing is counted twice or lost
        const mark = quote("0.123456", "0.2")
        const marks = sum(all.map((one) => Money.notional(mark.bid, one.remaining, "down")))
        assert.strictEqual<bigint | undefined>(
          equity(
            totals,
            all,
            () => mark,
            () => rate("0")
          ),
          fillCash + marks
        )
        // cash by the ledger is cash by fills plus the kept rounding
        assert.strictEqual<bigint>(totals.ownUsd, fillCash + totals.rounding)
        assert.strictEqual<bigint>(totals.rounding, rounding)
        assert.isTrue(Fixed.toDecimals(totals.ownUsd, 4, "down") === totals.ownUsd)
      }),
      { numRuns: 400 }
    )
  })

  it("a lot sold whole has realised exactly what came in less what went out", () => {
    fc.assert(
      fc.property(fc.array(quantity(1, 33), { minLength: 1, maxLength: 5 }), price, (parts, at) => {
        let one = lot({
          quantity: Money.Quantity(sum(parts)),
          remaining: Money.Quantity(sum(parts)),
          cost: usd("9.87654321")
        })
        let taken = 0n
        let order = exit([{ lotId: one.id, quantity: one.quantity }])
        parts.forEach((part, n) => {
          const report: FillReport = {
            ...sale(`T${n}`, "1"),
            quantity: part,
            cost: Money.notional(at, part, "nearest"),
            fee: 3n
          }
          one = bookExit([one], order, report).lots[0]!
          order = merge(order, report)
          taken += report.cost - 3n
        })
        assert.strictEqual(one.remaining, q("0"))
        assert.strictEqual<bigint>(realisedOf(one), taken - one.cost - one.entryFee)
      })
    )
  })
})

describe("totals", () => {
  it("count a trade when it is closed, as won when it made something after fees", () => {
    const won = lot({ remaining: q("0"), proceeds: usd("10.1"), exitFee: usd("0.025") })
    const even = lot({ remaining: q("0"), proceeds: usd("10.05"), exitFee: usd("0.025") })
    const totals = addClosed(addClosed(emptyTotals, won), even)
    assert.strictEqual(realisedOf(won), usd("0.05"))
    assert.strictEqual(realisedOf(even), usd("0"))
    assert.strictEqual(totals.closedTrades, 2)
    assert.strictEqual(totals.winningTrades, 1)
  })

  it("a lot that never received anything is worth nothing", () => {
    const nothing = lot({ quantity: q("0"), remaining: q("0"), cost: usd("0"), entryFee: usd("0") })
    assert.strictEqual(realisedOf(nothing), usd("0"))
    assert.strictEqual(heldCost(nothing), usd("0"))
  })
})

describe("marks", () => {
  it("I6: a lot is marked at the bid less the exit fee, rounded against the trader", () => {
    assert.strictEqual(unrealised(lot(), quote("0.11", "0.12"), rate("0.004")), usd("0.931"))
    // 15 units of 10^-12 XLM at 0.1: the mark 1.5 counts as 1, its fee of 0.004 as 1
    const crumbs = lot({
      quantity: Money.Quantity(15n),
      remaining: Money.Quantity(15n),
      cost: usd("0"),
      entryFee: usd("0")
    })
    assert.strictEqual<bigint>(unrealised(crumbs, quote("0.1", "0.2"), rate("0.004")), 0n)
    // 11.0000000001 gross, its fee 0.0440000000004
    assert.strictEqual(unrealised(lot(), quote("0.110000000001", "0.12"), rate("0.004")), usd("0.931000000099"))
  })

  it("I6: equity can't be told while a held pair has no quote", () => {
    const totals = { ...emptyTotals, realised: usd("1.5") }
    const sold = lot({ id: id("s"), symbol: BTC, remaining: q("0") })
    const fee = () => rate("0.004")
    assert.strictEqual(
      equity(totals, [sold], () => undefined, fee),
      usd("1.5")
    )
    assert.isUndefined(equity(totals, [sold, lot()], () => undefined, fee))
    assert.strictEqual(
      equity(totals, [lot()], (symbol) => (symbol === XLM ? quote("0.11", "0.12") : undefined), fee),
      usd("2.431")
    )
  })
})

describe("exposure", () => {
  it("I4: held counts at the larger of cost and mark, fees aside", () => {
    assert.strictEqual(heldExposure(lot(), quote("0.2", "0.3")), usd("20"))
    assert.strictEqual(heldExposure(lot(), quote("0.05", "0.06")), usd("10"))
    assert.strictEqual(heldExposure(lot(), undefined), usd("10"))
    assert.strictEqual(heldCost(lot({ remaining: q("40"), proceeds: usd("9") })), usd("4"))
  })

  it("I4: is rounded up, be it cost or mark", () => {
    assert.strictEqual(heldCost(lot({ cost: usd("10.000000000001"), remaining: q("40") })), usd("4.000000000001"))
    const marked = heldExposure(lot({ remaining: q("40.4") }), quote("0.200000000001", "0.3"))
    assert.strictEqual(marked, usd("8.080000000041"))
    const working = workingExposure(entry({ limitPrice: p("0.100000000001"), quantity: q("99.3") }))
    assert.strictEqual(working, usd("9.9300000001"))
  })

  it("I4: a lot that holds less than nothing makes no room for others", () => {
    const broken = lot({ id: id("s"), remaining: q("-5") })
    assert.strictEqual(
      exposure([lot(), broken], [], () => undefined),
      usd("10")
    )
  })

  it("I4: an entry counts in every state in which it may still buy", () => {
    for (const status of ["pending", "open", "unknown"] as const) {
      assert.strictEqual(workingExposure(entry({ status })), usd("10"), status)
    }
    for (const status of ["cancelled", "expired", "filled", "rejected"] as const) {
      assert.strictEqual(workingExposure(entry({ status })), usd("0"), status)
      assert.strictEqual(workingExposure(entry({ status, cumQuantity: q("40"), bookedQuantity: q("10") })), usd("3"))
    }
    assert.strictEqual(workingExposure(entry({ status: "open", bookedQuantity: q("40") })), usd("6"))
    assert.strictEqual(workingExposure(exit([share("kt1a", "100")])), usd("0"))
  })

  it("I4: an entry with an amend counts at the larger quantity and the higher price", () => {
    const amend = { quantity: q("50"), limitPrice: p("0.2"), sentAt: NOON, deadline: NOON, state: "unknown" as const }
    assert.strictEqual(workingExposure(entry({ status: "open", amend })), usd("20"))
    assert.strictEqual(
      workingExposure(entry({ status: "open", amend: { ...amend, limitPrice: p("0.05") } })),
      usd("10")
    )
  })

  it("I4: a fill moves exposure from working to held, and never hides it", () => {
    fc.assert(
      fc.property(quantity(1, 100), (part) => {
        const report: FillReport = {
          ...fill("T1", "1"),
          quantity: part,
          cost: Money.notional(p("0.1"), part, "nearest")
        }
        const before = entry({ status: "open" })
        const total = (lots: ReadonlyArray<Lot>, order: Order): Usd => exposure(lots, [order], () => undefined)
        const after = total([bookEntry(undefined, before, report)!], merge(before, report))
        const difference = after - total([], before)
        assert.isTrue(difference >= 0n && difference <= 2n)
      })
    )
  })

  it("I4: is the sum over lots and orders", () => {
    const sold = lot({ id: id("s"), remaining: q("0") })
    assert.strictEqual(
      exposure([lot(), sold], [entry({ status: "unknown" }), exit([share("kt1a", "100")])], () => quote("0.2", "0.3")),
      usd("30")
    )
  })
})

describe("claimed", () => {
  const claims = (orders: ReadonlyArray<Order>, lotId = "a"): Quantity => claimed(id(lotId), orders)
  const shares = [share("a", "60"), share("b", "40")]

  it("I5: an exit claims its shares in every state in which it may still sell", () => {
    for (const status of ["pending", "open", "unknown"] as const) {
      assert.strictEqual(claims([exit(shares, { status })]), q("60"), status)
      assert.strictEqual(claims([exit(shares, { status })], "b"), q("40"), status)
    }
    for (const status of ["cancelled", "expired", "filled", "rejected"] as const) {
      assert.strictEqual(claims([exit(shares, { status })]), q("0"), status)
    }
    assert.strictEqual(claims([entry(), exit(shares)], "c"), q("0"))
    assert.strictEqual(claims([exit(shares), exit([share("a", "5")])]), q("65"))
  })

  it("I5: what is sold is claimed no more, what executed and is not booked yet still is", () => {
    assert.strictEqual(claims([exit(shares, { bookedQuantity: q("50") })]), q("10"))
    assert.strictEqual(claims([exit(shares, { bookedQuantity: q("70") })]), q("0"))
    assert.strictEqual(claims([exit(shares, { bookedQuantity: q("70") })], "b"), q("30"))
    const ended = exit(shares, { status: "cancelled", cumQuantity: q("65"), bookedQuantity: q("50") })
    assert.strictEqual(claims([ended]), q("10"))
    assert.strictEqual(claims([ended], "b"), q("5"))
  })

  it("I5: an amend that grows claims the shares that it adds while it is open", () => {
    const grown = [...shares, share("a", "30")]
    const amend = { quantity: q("130"), limitPrice: p("0.1"), sentAt: NOON, deadline: NOON, state: "unknown" as const }
    assert.strictEqual(claims([exit(grown, { quantity: q("100") })]), q("60"))
    assert.strictEqual(claims([exit(grown, { quantity: q("100"), amend })]), q("90"))
  })
})

it("a lot's plan is the entry's, not the strategy's of today", () => {
  assert.deepStrictEqual(bookEntry(undefined, entry(), fill("T1", "1"))!.plan, plan())
})
