import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc } from "effect"
import type { PairStatus } from "../../../src/domain/market/Instrument.ts"
import type { SystemStatus } from "../../../src/domain/market/Market.ts"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import type { Proposal } from "../../../src/domain/order/Proposal.ts"
import { exposure } from "../../../src/domain/portfolio/Portfolio.ts"
import type { ApprovedOrder } from "../../../src/domain/risk/Approved.ts"
import type { Limits } from "../../../src/domain/risk/Limits.ts"
import type { Refusal, RiskView } from "../../../src/domain/risk/Risk.ts"
import { assess, DEADLINE_MS, SWITCH_MARGIN_MS } from "../../../src/domain/risk/Risk.ts"
import { dollars, price, quantity } from "../../support/arbitraries.ts"
import {
  BTC,
  entry,
  entryProposal,
  entryPurpose,
  exit,
  exitProposal,
  id,
  instrument,
  limits,
  lot,
  NOON,
  p,
  q,
  quote,
  rate,
  riskView,
  share,
  usd,
  XLM
} from "../../support/build.ts"

const verdict = (proposal: Proposal, view: RiskView): Refusal["code"] | "approved" =>
  Either.match(assess(proposal, view), { onLeft: (refusal) => refusal.code, onRight: () => "approved" as const })

type Case = {
  readonly proposal?: Partial<Proposal>
  readonly view?: Partial<RiskView>
  readonly limits?: Partial<Limits>
}

const entryVerdict = (one: Case): Refusal["code"] | "approved" =>
  verdict(entryProposal(one.proposal), riskView({ limits: limits(one.limits), ...one.view }))

/** Just inside passes, just outside is refused for the reason that is meant. */
const border = (code: Refusal["code"], inside: Case, outside: Case): void => {
  assert.strictEqual(entryVerdict(inside), "approved", `inside: ${code}`)
  assert.strictEqual(entryVerdict(outside), code, `outside: ${code}`)
}

describe("entries", () => {
  it("one within every limit is approved, with everything that fixes it", () => {
    const proposal = entryProposal()
    const approved = Either.getOrThrow(assess(proposal, riskView()))
    assert.strictEqual(approved.id, id("kt1n"))
    assert.strictEqual(approved.proposal, proposal)
    assert.strictEqual(approved.approvedAt, NOON)
    assert.strictEqual(approved.deadline, NOON + DEADLINE_MS)
    assert.strictEqual(approved.epoch, 7)
  })

  it("I3: only pairs in ALLOWED_PAIRS", () => border("pair", {}, { limits: { allowedPairs: [BTC] } }))

  it("I3: not above MAX_TRADE_SIZE, to the last digit", () =>
    border(
      "size",
      { proposal: { quantity: q("100"), limitPrice: p("0.1") } },
      { proposal: { quantity: q("100.00000001"), limitPrice: p("0.1") }, limits: { maxTotalExposure: usd("99") } }
    ))

  it("I3: not below MIN_ORDER_SIZE", () =>
    border(
      "size",
      { proposal: { quantity: q("95"), limitPrice: p("0.1") }, limits: { minOrderSize: usd("9.5") } },
      { proposal: { quantity: q("95"), limitPrice: p("0.1") }, limits: { minOrderSize: usd("9.500001") } }
    ))

  it("I4: what is held, working, unknown and this one never exceed MAX_TOTAL_EXPOSURE", () =>
    border(
      "exposure",
      { proposal: { quantity: q("40"), limitPrice: p("0.1") }, view: { exposure: usd("6") } },
      { proposal: { quantity: q("40"), limitPrice: p("0.1") }, view: { exposure: usd("6.000000000001") } }
    ))

  it("I3: within the price collar on both sides of the mid", () => {
    const view = { quote: quote("0.099", "0.101") }
    const plan = entryPurpose({ target: p("0.11"), stop: p("0.09") })
    border(
      "collar",
      { view, proposal: { limitPrice: p("0.098"), purpose: plan } },
      { view, proposal: { limitPrice: p("0.097999"), purpose: plan } }
    )
    const taking = { postOnly: false, purpose: plan, quantity: q("90") }
    border(
      "collar",
      { view, limits: { postOnly: false }, proposal: { ...taking, limitPrice: p("0.102") } },
      { view, limits: { postOnly: false }, proposal: { ...taking, limitPrice: p("0.102001") } }
    )
  })

  it("I3: not into a spread wider than MAX_SPREAD_PCT", () => {
    const proposal = { limitPrice: p("0.0991") }
    border(
      "spread",
      { proposal, view: { quote: quote("0.099", "0.101") } },
      { proposal, view: { quote: quote("0.099", "0.101001") } }
    )
  })

  it("I8: with POST_ONLY neither without the flag nor at a price that would take", () => {
    border(
      "post-only",
      { proposal: { limitPrice: p("0.100099") } },
      { proposal: { limitPrice: p("0.1001"), quantity: q("90") } }
    )
    border("post-only", {}, { proposal: { postOnly: false } })
    assert.strictEqual(
      entryVerdict({
        limits: { postOnly: false },
        proposal: { postOnly: false, limitPrice: p("0.1001"), quantity: q("90") }
      }),
      "approved"
    )
  })

  it("I14: not on a quote older than the staleness limit, or ahead of the clock, or none", () => {
    border("stale", { view: { quoteConfirmedAt: NOON - 10_000 } }, { view: { quoteConfirmedAt: NOON - 10_001 } })
    border("stale", { view: { quoteConfirmedAt: NOON + 10_000 } }, { view: { quoteConfirmedAt: NOON + 10_001 } })
    border("quote", {}, { view: { quote: undefined } })
    border("quote", {}, { view: { quoteConfirmedAt: undefined } })
  })

  it("I6: not once the day's loss has reached the limit, nor when it can't be told", () => {
    border("daily loss", { view: { dayLoss: usd("19.999999999999") } }, { view: { dayLoss: usd("20") } })
    border("daily loss", { view: { dayLoss: usd("-5") } }, { view: { dayLoss: undefined } })
  })

  it("I3: not against the throttles", () => {
    border("throttle", { view: { entriesToday: 49 } }, { view: { entriesToday: 50 } })
    border("throttle", { view: { lastEntryAt: NOON - 10_000 } }, { view: { lastEntryAt: NOON - 9_999 } })
    border("throttle", { view: { lastLossAt: NOON - 300_000 } }, { view: { lastLossAt: NOON - 299_999 } })
  })

  it("I18: a number that is none refuses, it never passes", () => {
    for (const outside of [
      { view: { quoteConfirmedAt: Number.NaN } },
      { view: { now: Number.NaN } },
      { limits: { staleAfter: Number.NaN } },
      { view: { entriesToday: Number.NaN } },
      { view: { lastEntryAt: Number.NaN } },
      { view: { lastLossAt: Number.NaN } },
      { limits: { maxTradesPerDay: Number.NaN } },
      { limits: { minTradeInterval: Number.NaN }, view: { lastEntryAt: 0 } },
      { limits: { cooldownAfterLoss: Number.NaN }, view: { lastLossAt: 0 } },
      { view: { switchFiresAt: Number.NaN } }
    ] satisfies ReadonlyArray<Case>) {
      assert.notStrictEqual(entryVerdict(outside), "approved", JSON.stringify(outside))
    }
  })

  it("I7: not while a gate is closed, and every reason is said", () => {
    border("gate", {}, { view: { gates: ["paused"] } })
    const refused = Either.flip(assess(entryProposal(), riskView({ gates: ["paused", "reconciling: start"] })))
    assert.strictEqual(Either.getOrThrow(refused).text, "paused; reconciling: start")
  })

  it("I7: not while the breaker is open", () => border("breaker", {}, { view: { breakerOpen: true } }))

  it("I4: not while an order's or an amend's outcome is unknown", () => {
    const amend = { quantity: q("1"), limitPrice: p("0.1"), sentAt: NOON, deadline: NOON }
    border(
      "unknown order",
      { view: { orders: [entry(), exit([], { amend: { ...amend, state: "inFlight" } })] } },
      { view: { orders: [entry(), entry({ status: "unknown" })] } }
    )
    assert.strictEqual(
      entryVerdict({ view: { orders: [exit([], { amend: { ...amend, state: "unknown" } })] } }),
      "unknown order"
    )
  })

  it("I19: not unless the dead man's switch fires ten seconds after the deadline, or is off", () => {
    const enough = NOON + DEADLINE_MS + SWITCH_MARGIN_MS
    border("switch", { view: { switchFiresAt: enough } }, { view: { switchFiresAt: enough - 1 } })
    border("switch", { view: { switchFiresAt: "off" } }, { view: { switchFiresAt: undefined } })
  })

  it("I17: not where a full fill could not be sold at the stop after the widest collar", () => {
    // stop 0.095 less 5 % is 0.09025: 0.5 USD needs 5.54016621 XLM there
    const small = instrument({ minQuantity: q("1") })
    const at = (text: string): Case => ({
      proposal: { instrument: small, quantity: q(text), limitPrice: p("0.0999") },
      limits: { minOrderSize: usd("0.1") }
    })
    border("no exit", at("5.54016621"), at("5.5401662"))
  })

  it("I17: not with a plan that is no exit", () => {
    const limitPrice = p("0.0999")
    for (const plan of [
      { stop: limitPrice },
      { target: limitPrice },
      { holdFor: 0 },
      { holdFor: Number.NaN },
      { holdFor: Number.POSITIVE_INFINITY },
      { stop: p("0") },
      { stop: p("-1") }
    ]) {
      assert.strictEqual(entryVerdict({ proposal: { purpose: entryPurpose(plan) } }), "no exit")
    }
  })

  it("not below the exchange's minimums", () => {
    const tiny = { limits: { minOrderSize: usd("0.1") } }
    border(
      "minimum",
      { ...tiny, proposal: { quantity: q("20") } },
      { ...tiny, proposal: { quantity: q("19.99999999") } }
    )
  })

  it("not off the grid, and not for nothing", () => {
    for (const proposal of [
      { limitPrice: p("0.0999005") },
      { quantity: q("95.000000001") },
      { quantity: q("0") },
      { quantity: q("-95") },
      { limitPrice: p("0") },
      { limitPrice: p("-0.0999") }
    ]) {
      border("grid", {}, { proposal })
    }
  })

  it("not for more than is free, the fee included", () => {
    // 95 x 0.0999 = 9.4905; maker fee 0.25 % = 0.02372625; taker 0.4 % = 0.037962
    border("funds", { view: { freeUsd: usd("9.51422625") } }, { view: { freeUsd: usd("9.51422624") } })
    const taking = { limits: { postOnly: false }, proposal: { postOnly: false } }
    border("funds", { ...taking, view: { freeUsd: usd("9.528462") } }, { ...taking, view: { freeUsd: usd("9.52846") } })
    border("funds", {}, { view: { freeUsd: undefined } })
  })

  it("rounding is against the entry, to the last of twelve digits", () => {
    // 0.099901 x 95.00000001 = 9.49059500099901
    const odd = { limitPrice: p("0.099901"), quantity: q("95.00000001") }
    border(
      "size",
      { proposal: odd, limits: { maxTradeSize: usd("9.490595001") } },
      { proposal: odd, limits: { maxTradeSize: usd("9.490595000999") } }
    )
    // a mid of 0.1 times 0.019999999995 is 0.0019999999995: neither a spread nor a distance of 0.002 is within it
    const view = { quote: quote("0.099", "0.101") }
    const proposal = { limitPrice: p("0.098"), purpose: entryPurpose({ target: p("0.11"), stop: p("0.09") }) }
    border("spread", { view, proposal }, { view, proposal, limits: { maxSpread: rate("0.019999999995") } })
    border("collar", { view, proposal }, { view, proposal, limits: { priceCollar: rate("0.019999999995") } })
    // the stop less 5 % is 0.09025000000095; at 0.09025 a hundred are worth 9.025
    const at = (minCost: string): Case => ({
      proposal: {
        instrument: instrument({ minCost: usd(minCost) }),
        quantity: q("100"),
        purpose: entryPurpose({ stop: p("0.095000000001") })
      }
    })
    border("no exit", at("9.025"), at("9.0250000001"))
    // cost 9.490500000999, a quarter per cent of it 0.0237262500024975
    const dear = { quantity: q("95.00000001") }
    border(
      "funds",
      { proposal: dear, view: { freeUsd: usd("9.514226251002") } },
      { proposal: dear, view: { freeUsd: usd("9.514226251001") } }
    )
  })

  it("I4: an approval that is added to the exposure never carries it above the limit", () => {
    const cases = fc.record({
      held: dollars(8),
      quantity: quantity(20, 120),
      at: price,
      others: fc.array(fc.record({ quantity: quantity(20, 60), limitPrice: price }), { maxLength: 2 })
    })
    fc.assert(
      fc.property(cases, ({ held, quantity, at, others }) => {
        const orders = others.map((one, n) => entry({ id: id(`o${n}`), status: "open", ...one }))
        const lots = [lot({ cost: held })]
        const now = exposure(lots, orders, () => undefined)
        const around = { bid: Money.Price(at - 1_000_000n), ask: Money.Price(at + 1_000_000n) }
        const result = assess(
          entryProposal({
            quantity,
            limitPrice: at,
            purpose: entryPurpose({ stop: Money.Price(at / 2n), target: Money.Price(at * 2n) })
          }),
          riskView({ orders, exposure: now, quote: { ...quote(), ...around } })
        )
        if (Either.isLeft(result)) return
        const mine = entry({ id: result.right.id, quantity, limitPrice: at })
        const after = exposure(lots, [...orders, mine], () => undefined)
        assert.isTrue(after <= usd("10"), Fixed.show(after))
        assert.isTrue(Money.notional(at, quantity, "up") <= usd("10"))
      }),
      { numRuns: 500 }
    )
  })
})

describe("modes", () => {
  const modes: ReadonlyArray<[SystemStatus & PairStatus, boolean, boolean, boolean]> = [
    // mode, entry (post-only), taking exit, post-only exit
    ["online", true, true, true],
    ["limit_only", true, true, true],
    ["post_only", true, false, true],
    ["cancel_only", false, false, false],
    ["maintenance", false, false, false],
    ["unknown", false, false, false]
  ]
  const lots = new Map([[id("kt1a"), lot()]])
  const sale = exitProposal([share("kt1a", "100")])
  const passive = exitProposal([share("kt1a", "100")], { postOnly: true, limitPrice: p("0.105") })

  it.each(modes)("%s, of the exchange or of the pair", (mode, buys, takes, rests) => {
    const pair = instrument({ status: mode })
    const expected = (allowed: boolean) => (allowed ? "approved" : "mode")
    const view = riskView({ lots, system: mode })
    assert.strictEqual(verdict(entryProposal(), view), expected(buys))
    assert.strictEqual(verdict(sale, view), expected(takes))
    assert.strictEqual(verdict(passive, view), expected(rests))
    assert.strictEqual(verdict(entryProposal({ instrument: pair }), riskView()), expected(buys))
    assert.strictEqual(verdict({ ...sale, instrument: pair }, riskView({ lots })), expected(takes))
    assert.strictEqual(verdict({ ...passive, instrument: pair }, riskView({ lots })), expected(rests))
  })

  it("a taking entry is refused where only makers are taken", () => {
    const proposal = entryProposal({ postOnly: false })
    assert.strictEqual(
      verdict(proposal, riskView({ limits: limits({ postOnly: false }), system: "post_only" })),
      "mode"
    )
  })

  it("a pair in reduce_only is left, never entered", () => {
    const pair = instrument({ status: "reduce_only" })
    assert.strictEqual(verdict(entryProposal({ instrument: pair }), riskView()), "mode")
    assert.strictEqual(verdict({ ...sale, instrument: pair }, riskView({ lots })), "approved")
  })
})

describe("exits", () => {
  const lots = new Map([
    [id("a"), lot({ id: id("a"), remaining: q("60") })],
    [id("b"), lot({ id: id("b"), remaining: q("40") })]
  ])
  const view = (change: Partial<RiskView> = {}): RiskView => riskView({ lots, ...change })

  it("I5: sell what their lots hold and nothing more", () => {
    assert.strictEqual(verdict(exitProposal([share("a", "60"), share("b", "40")]), view()), "approved")
    assert.strictEqual(verdict(exitProposal([share("a", "60.00000001"), share("b", "39")]), view()), "lots")
    assert.strictEqual(verdict(exitProposal([share("c", "60")]), view()), "lots")
    assert.strictEqual(verdict(exitProposal([]), view()), "grid")
  })

  it("I5: what another exit may still sell is not sold twice", () => {
    const other = exit([share("a", "35")])
    for (const status of ["pending", "open", "unknown"] as const) {
      const busy = view({ orders: [{ ...other, status }] })
      assert.strictEqual(verdict(exitProposal([share("a", "25")]), busy), "approved", status)
      assert.strictEqual(verdict(exitProposal([share("a", "25.00000001")]), busy), "lots", status)
    }
    assert.strictEqual(
      verdict(exitProposal([share("a", "60")]), view({ orders: [{ ...other, status: "cancelled" }] })),
      "approved"
    )
  })

  it("I5: a lot that is named twice is counted twice", () => {
    assert.strictEqual(verdict(exitProposal([share("a", "30"), share("a", "30")]), view()), "approved")
    assert.strictEqual(verdict(exitProposal([share("a", "40"), share("a", "40")]), view()), "lots")
  })

  it("I5: shares are positive, of the pair, and make up the order", () => {
    const foreign = view({ lots: new Map([[id("a"), lot({ id: id("a"), symbol: BTC })]]) })
    assert.strictEqual(verdict(exitProposal([share("a", "50")]), foreign), "lots")
    assert.strictEqual(verdict(exitProposal([share("a", "50"), share("b", "-10")]), view()), "lots")
    assert.strictEqual(verdict(exitProposal([share("a", "50"), share("b", "0")]), view()), "lots")
    assert.strictEqual(verdict(exitProposal([share("a", "50")], { quantity: q("51") }), view()), "lots")
    assert.strictEqual(verdict(exitProposal([share("a", "50")], { quantity: q("49") }), view()), "lots")
  })

  it("are bound by the exchange's grid and minimums", () => {
    assert.strictEqual(verdict(exitProposal([share("a", "20")]), view()), "approved")
    assert.strictEqual(verdict(exitProposal([share("a", "19.99999999")]), view()), "minimum")
    assert.strictEqual(verdict(exitProposal([share("a", "50")], { limitPrice: p("0.0999995") }), view()), "grid")
  })

  it("an entry buys and an exit sells", () => {
    assert.strictEqual(verdict(exitProposal([share("a", "50")], { side: "buy" }), view()), "gate")
    assert.strictEqual(verdict(entryProposal({ side: "sell" }), view()), "gate")
  })

  const optional = <A>(arbitrary: fc.Arbitrary<A>): fc.Arbitrary<A | undefined> =>
    fc.option(arbitrary, { nil: undefined })
  const amount = fc.integer({ min: -100, max: 100 }).map((n) => usd(String(n)))
  const time = fc.oneof(fc.integer({ min: NOON - 1_000_000, max: NOON + 1_000_000 }), fc.constant(Number.NaN))

  /** Everything in a view that concerns entries, drawn as badly as it comes. */
  const anything: fc.Arbitrary<Partial<RiskView>> = fc.record({
    limits: fc
      .record({
        maxTradeSize: amount,
        maxTotalExposure: amount,
        allowedPairs: fc.subarray([XLM, BTC]),
        minOrderSize: amount,
        postOnly: fc.boolean(),
        maxDailyLoss: amount,
        maxTradesPerDay: fc.integer({ min: 0, max: 5 }),
        minTradeInterval: time,
        cooldownAfterLoss: time,
        priceCollar: fc.constantFrom(rate("0"), rate("0.02")),
        maxSpread: fc.constantFrom(rate("0"), rate("0.02")),
        staleAfter: time,
        deadManSwitch: optional(time)
      })
      .map((change) => limits(change)),
    gates: fc.array(fc.string(), { maxLength: 2 }),
    breakerOpen: fc.boolean(),
    quote: optional(fc.constantFrom(quote(), quote("0.01", "0.2"))),
    quoteConfirmedAt: optional(time),
    exposure: amount,
    dayLoss: optional(amount),
    entriesToday: fc.integer({ min: 0, max: 100 }),
    lastEntryAt: optional(time),
    lastLossAt: optional(time),
    freeUsd: optional(amount),
    switchFiresAt: optional(fc.oneof(time, fc.constant("off" as const)))
  })

  it("I16: no limit, gate, latch, loss or throttle that is meant for entries changes an exit's verdict", () => {
    const proposals = fc.constantFrom(
      exitProposal([share("a", "60"), share("b", "40")]),
      exitProposal([share("a", "61")]),
      exitProposal([share("a", "10")]),
      exitProposal([share("b", "40")], { limitPrice: p("0.000001"), quantity: q("40") }),
      exitProposal([share("b", "40")], { postOnly: true, timeInForce: "GTC", limitPrice: p("9") })
    )
    const unknown = entry({ status: "unknown" })
    fc.assert(
      fc.property(proposals, anything, fc.boolean(), (proposal, change, someUnknown) => {
        const bad = view({ ...change, orders: someUnknown ? [unknown] : [] })
        const [one, other] = [assess(proposal, view()), assess(proposal, bad)]
        assert.deepStrictEqual(other, one)
        assert.strictEqual(
          Either.isRight(one),
          proposal.quantity >= q("40") && proposal.quantity !== q("61") && proposal.limitPrice > p("0.001")
        )
      }),
      { numRuns: 500 }
    )
  })
})

describe("an approval", () => {
  it("I3: can't be written down, only given by risk", () => {
    const fields = { id: id("kt1n"), proposal: entryProposal(), approvedAt: NOON, deadline: NOON, epoch: 1 }
    // @ts-expect-error the mark of an approval has no name outside its module
    const forged: ApprovedOrder = fields
    // @ts-expect-error nor is a copy with other terms one
    const copied: ApprovedOrder = {
      ...Either.getOrThrow(assess(entryProposal(), riskView())),
      proposal: entryProposal()
    }
    assert.isDefined(forged)
    assert.isDefined(copied)
  })
})
