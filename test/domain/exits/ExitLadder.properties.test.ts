/** What holds of the exit ladder in every view that can be drawn, however unlikely. */
import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import type { ExitAction, LadderStep, LadderView } from "../../../src/domain/exits/ExitLadder.ts"
import { aggressivePrice, climb, collarOf } from "../../../src/domain/exits/ExitLadder.ts"
import { minimumQuantity, roundPrice, roundQuantity } from "../../../src/domain/market/Instrument.ts"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import type { LotId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import type { Proposal } from "../../../src/domain/order/Proposal.ts"
import type { Lot } from "../../../src/domain/portfolio/Lot.ts"
import { claimed } from "../../../src/domain/portfolio/Portfolio.ts"
import { price, quantity } from "../../support/arbitraries.ts"
import {
  entry,
  exit,
  exitProposal,
  id,
  instrument,
  ladderView,
  lot,
  NOON,
  p,
  q,
  quote,
  usd
} from "../../support/build.ts"

const NOW = NOON + 60_000

const only = <T extends ExitAction["_tag"]>(
  step: LadderStep,
  tag: T
): ReadonlyArray<Extract<ExitAction, { _tag: T }>> =>
  step.actions.filter((action): action is Extract<ExitAction, { _tag: T }> => action._tag === tag)

const NAMES = ["a", "b", "c"].map(id)
const BUY = id("buy")

const anyLot = (name: LotId): fc.Arbitrary<Lot> =>
  fc
    .record({
      remaining: fc.oneof(quantity(1, 30), quantity(20, 200), fc.constant(Money.Quantity(7n))),
      call: fc.option(
        fc.record({
          kind: fc.constantFrom("loss" as const, "time" as const, "flatten" as const),
          at: fc.integer({ min: NOW - 3000, max: NOW })
        }),
        { nil: undefined }
      ),
      sellable: fc.option(quantity(0, 150), { nil: undefined, freq: 4 }),
      stop: price,
      holdFor: fc.integer({ min: 1000, max: 200_000 }),
      target: price,
      attempts: fc.integer({ min: 0, max: 15 }),
      lastAttemptAt: fc.option(fc.integer({ min: NOW - 4000, max: NOW }), { nil: undefined })
    })
    .map(({ call, sellable, stop, holdFor, target, lastAttemptAt, ...rest }) =>
      lot({
        id: name,
        quantity: q("200"),
        ...rest,
        plan: { stop, holdFor, target },
        ...(call === undefined ? {} : { call }),
        ...(sellable === undefined ? {} : { sellable }),
        ...(lastAttemptAt === undefined ? {} : { lastAttemptAt })
      })
    )

const anyShares = fc
  .subarray(NAMES, { minLength: 1 })
  .chain((names) => fc.tuple(...names.map((lotId) => quantity(1, 60).map((amount) => ({ lotId, quantity: amount })))))

const anyExit = (n: number): fc.Arbitrary<Order> =>
  fc
    .record({
      shares: anyShares,
      status: fc.constantFrom(
        "pending" as const,
        "open" as const,
        "open" as const,
        "unknown" as const,
        "cancelled" as const
      ),
      booked: fc.integer({ min: 0, max: 100 }),
      missing: fc.boolean(),
      ioc: fc.boolean(),
      limitPrice: price,
      amend: fc.option(
        fc.record({
          quantity: quantity(1, 200),
          limitPrice: price,
          state: fc.constantFrom("inFlight" as const, "unknown" as const)
        }),
        { nil: undefined, freq: 4 }
      ),
      cancelRequestedAt: fc.option(fc.integer({ min: NOW - 4000, max: NOW }), { nil: undefined, freq: 4 }),
      termsAt: fc.integer({ min: NOW - 4000, max: NOW })
    })
    .map(({ shares, booked, missing, ioc, amend, cancelRequestedAt, ...rest }) => {
      const order = exit(shares, { id: id(`x${n}`), ...rest, timeInForce: ioc ? "IOC" : "GTC" })
      const done = roundQuantity(instrument(), Money.Quantity((order.quantity * BigInt(booked)) / 100n))
      return {
        ...order,
        bookedQuantity: done,
        cumQuantity: missing ? order.quantity : done,
        ...(amend === undefined ? {} : { amend: { ...amend, sentAt: NOON, deadline: NOON } }),
        ...(cancelRequestedAt === undefined ? {} : { cancelRequestedAt })
      }
    })

const anyView: fc.Arbitrary<LadderView> = fc
  .record({
    lots: fc.subarray(NAMES, { minLength: 1 }).chain((names) => fc.tuple(...names.map(anyLot))),
    exits: fc.array(fc.nat(), { maxLength: 3 }).chain((all) => fc.tuple(...all.map((_, n) => anyExit(n)))),
    entries: fc.uniqueArray(
      fc.record({
        id: fc.constantFrom(BUY, ...NAMES),
        status: fc.constantFrom("pending" as const, "open" as const, "unknown" as const, "cancelled" as const),
        asked: fc.boolean()
      }),
      { maxLength: 2, selector: (one) => one.id }
    ),
    proposed: fc.array(
      anyShares.map((shares) => exitProposal(shares)),
      { maxLength: 1 }
    ),
    system: fc.constantFrom(
      "online" as const,
      "online" as const,
      "online" as const,
      "post_only" as const,
      "limit_only" as const,
      "cancel_only" as const
    ),
    status: fc.constantFrom(
      "online" as const,
      "online" as const,
      "post_only" as const,
      "reduce_only" as const,
      "maintenance" as const
    ),
    bid: price,
    spread: fc.integer({ min: 1, max: 900 }),
    tick: fc.constantFrom("0.000001", "0.00001"),
    quoted: fc.integer({ min: 0, max: 9 }),
    age: fc.constantFrom(0, 5000, 10_000, 10_001),
    refused: fc.subarray(["x0", "x1", "x2"].map(id)),
    minCost: fc.constantFrom("0.5", "5")
  })
  .map((r): LadderView => {
    const bid = Money.Price(r.bid)
    return ladderView({
      instrument: instrument({ status: r.status, tickSize: p(r.tick), minCost: usd(r.minCost) }),
      system: r.system,
      quote:
        r.quoted === 0
          ? undefined
          : { ...quote("0.1", "0.2", NOW), bid, ask: Money.Price(bid + BigInt(r.spread) * p("0.000001")) },
      quoteConfirmedAt: r.quoted <= 1 ? undefined : NOW - r.age,
      lots: r.lots,
      orders: [
        ...r.exits,
        ...r.entries.map(({ id, status, asked }) =>
          entry({ id, status, ...(asked ? { cancelRequestedAt: NOW - 500 } : {}) })
        )
      ],
      proposed: r.proposed,
      amendRefused: new Set(r.refused)
    })
  })

const proposedFor = (lotId: LotId, proposed: ReadonlyArray<Proposal>): bigint =>
  proposed
    .flatMap((one) => (one.purpose._tag === "Exit" ? one.purpose.lots : []))
    .filter((share) => share.lotId === lotId)
    .reduce((sum, share) => sum + share.quantity, 0n)

/** The orders as they stand once every amend and sale of the step is under way. */
const carriedOut = (view: LadderView, step: LadderStep): ReadonlyArray<Order> => [
  ...view.orders.map((order) => {
    const amend = only(step, "Amend").find((action) => action.orderId === order.id)
    if (amend === undefined || order.purpose._tag !== "Exit") return order
    return {
      ...order,
      purpose: { ...order.purpose, lots: [...order.purpose.lots, ...amend.added] },
      amend: {
        quantity: amend.quantity,
        limitPrice: amend.limitPrice,
        sentAt: NOW,
        deadline: NOW,
        state: "inFlight" as const
      }
    }
  }),
  ...only(step, "Place").map((sale, n) => exit(sale.lots, { id: id(`new${n}`), status: "pending" }))
]

describe("for every view", () => {
  const always = (holds: (view: LadderView, step: LadderStep) => void) => (): void =>
    fc.assert(
      fc.property(anyView, (view) => holds(view, climb(view))),
      { numRuns: 3000 }
    )

  it(
    "I5: what is claimed, proposed and newly sold never exceeds the lot, nor what the exchange lets be sold of it",
    always((view, step) => {
      const after = carriedOut(view, step)
      for (const one of view.lots) {
        const waiting = proposedFor(one.id, view.proposed)
        const before = claimed(one.id, view.orders) + waiting
        const now = claimed(one.id, after) + waiting
        const most = one.sellable === undefined ? one.remaining : Fixed.min(one.remaining, one.sellable)
        assert.isTrue(now <= Fixed.max<bigint>(before, most), `${one.id}: ${now} of ${most}, ${before} before`)
      }
    })
  )

  it(
    "a sale is on the grid, above the minimums, the sum of its shares, each lot once",
    always((view, step) => {
      const i = view.instrument
      for (const sale of only(step, "Place")) {
        assert.isTrue(sale.quantity >= minimumQuantity(i, sale.limitPrice))
        assert.strictEqual(roundQuantity(i, sale.quantity), sale.quantity)
        assert.strictEqual<bigint>(
          sale.quantity,
          sale.lots.reduce((sum, share) => sum + share.quantity, 0n)
        )
        assert.isTrue(sale.lots.every((share) => share.quantity > 0n))
        assert.strictEqual(new Set(sale.lots.map((share) => share.lotId)).size, sale.lots.length)
      }
      for (const action of [
        ...only(step, "Place"),
        ...only(step, "Amend").filter((amend) => amend.reason !== "the lot grew")
      ]) {
        assert.isTrue(action.limitPrice > 0n)
        assert.strictEqual(roundPrice(i, action.limitPrice, "down"), action.limitPrice)
      }
    })
  )

  it(
    "I8: a post-only price lies above the bid, a taking one within the widest collar of a fresh bid",
    always((view, step) => {
      const priced = [...only(step, "Place"), ...only(step, "Amend").filter((amend) => amend.reason !== "the lot grew")]
      for (const action of priced) {
        if (action.postOnly) assert.isTrue(view.quote === undefined || action.limitPrice > view.quote.bid)
        else {
          assert.isDefined(view.quote)
          assert.isAtMost(view.now - view.quoteConfirmedAt!, view.limits.staleAfter)
          assert.isTrue(action.limitPrice <= view.quote!.bid)
          assert.strictEqual(
            action.limitPrice >= aggressivePrice(view.instrument, view.quote!.bid, view.limits.exitCollarMax),
            true
          )
        }
      }
      for (const sale of only(step, "Place")) assert.strictEqual(sale.timeInForce, sale.postOnly ? "GTC" : "IOC")
    })
  )

  it(
    "modes are obeyed",
    always((view, step) => {
      const modes = [view.system, view.instrument.status]
      if (modes.some((mode) => mode === "cancel_only" || mode === "maintenance")) {
        assert.deepStrictEqual([...only(step, "Place"), ...only(step, "Amend"), ...only(step, "Attempted")], [])
      } else if (modes.includes("post_only")) {
        const grew = only(step, "Amend").filter((amend) => amend.reason !== "the lot grew")
        assert.isTrue([...only(step, "Place"), ...grew].every((action) => action.postOnly))
      }
    })
  )

  it(
    "every lot is in one state, with words for it; none is left without",
    always((view, step) => {
      assert.deepStrictEqual(
        step.statuses.map((status) => status.lotId).toSorted(),
        view.lots.map((one) => one.id).toSorted()
      )
      assert.isTrue(step.statuses.every((status) => status.text.length > 0))
    })
  )

  it(
    "no order is acted on twice, none whose outcome is unknown or on its way, and every entry that is cancelled is live",
    always((view, step) => {
      const acted = [...only(step, "Amend"), ...only(step, "Cancel")].map((action) => action.orderId)
      const sales = view.orders.filter((order) => order.side === "sell")
      for (const order of sales) assert.isAtMost(acted.filter((one) => one === order.id).length, 1)
      for (const order of sales.filter((one) => acted.includes(one.id))) {
        assert.strictEqual(order.status, "open")
        assert.isUndefined(order.amend)
        assert.isUndefined(order.cancelRequestedAt)
      }
      for (const order of view.orders.filter((one) => one.side === "buy" && acted.includes(one.id))) {
        assert.notStrictEqual(order.status, "cancelled")
      }
    })
  )

  it(
    "a lot is called once and for a limit that was hit; tries keep their interval",
    always((view, step) => {
      for (const call of only(step, "Call")) {
        const one = view.lots.find((held) => held.id === call.lotId)!
        assert.isUndefined(one.call)
        const hit = view.quote !== undefined && view.quote.bid <= one.plan.stop
        assert.strictEqual(call.kind, hit ? "loss" : "time")
        assert.isTrue(hit || view.now >= one.openedAt + one.plan.holdFor)
      }
      const tried = only(step, "Attempted").map((action) => action.lotId)
      assert.strictEqual(new Set(tried).size, tried.length)
      for (const lotId of tried) {
        const one = view.lots.find((held) => held.id === lotId)!
        assert.isTrue(one.lastAttemptAt === undefined || view.now - one.lastAttemptAt >= view.limits.exitInterval)
        assert.isTrue(one.call !== undefined || only(step, "Call").some((call) => call.lotId === lotId))
      }
    })
  )

  it(
    "I20: a called lot with enough free and nothing in its way is sold",
    always((view, step) => {
      const can = [view.system, view.instrument.status].every((mode) =>
        ["online", "limit_only", "reduce_only"].includes(mode)
      )
      const fresh =
        view.quote !== undefined && view.quoteConfirmedAt !== undefined && view.now - view.quoteConfirmedAt <= 10_000
      if (!can || !fresh) return
      for (const one of view.lots) {
        if (one.call === undefined || view.now - one.call.at < 1000 || one.sellable !== undefined) continue
        if (one.lastAttemptAt !== undefined && view.now - one.lastAttemptAt < 2000) continue
        if (view.orders.some((order) => claimed(one.id, [order]) > 0n)) continue
        const free = one.remaining - proposedFor(one.id, view.proposed)
        const least = minimumQuantity(
          view.instrument,
          aggressivePrice(view.instrument, view.quote.bid, collarOf(view.limits, one.attempts))
        )
        if (roundQuantity(view.instrument, Money.Quantity(Fixed.max(free, 0n))) < least) continue
        assert.isTrue(
          only(step, "Place").some((sale) => sale.lots.some((share) => share.lotId === one.id)),
          one.id
        )
      }
    })
  )
})
