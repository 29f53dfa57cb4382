import { assert, describe, it } from "vitest"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { LotShare, Order } from "../../../src/domain/order/Order.ts"
import type { Proposal } from "../../../src/domain/order/Steps.ts"
import type { Lot } from "../../../src/domain/portfolio/Lot.ts"
import {
  BTC,
  entry,
  exit,
  exitProposal,
  id,
  instrument,
  lot,
  NOON,
  plan,
  q,
  share,
  usd,
  XLM
} from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const A = id("kt1-a")
const B = id("kt1-b")
const X = id("kt1-x")
const open = { status: "open", exchangeId: ExchangeOrderId("OAAAAA") } as const
const called = { call: { kind: "loss", at: NOON - 60_000 } } as const
const bitcoin = instrument({ symbol: BTC, base: "BTC", baseId: "XXBT", restId: "XXBTZUSD", altname: "XBTUSD" })

/** A trader at work on two pairs that holds these. */
const holding = (
  lots: ReadonlyArray<Lot>,
  orders: ReadonlyArray<Order> = [],
  proposals: ReadonlyArray<Proposal> = []
): Rig => {
  const rig = new Rig({ limits: { maxTotalExposure: usd("1000") }, instruments: [instrument(), bitcoin] }).ready()
  rig.state = {
    ...rig.state,
    lots: new Map(lots.map((one) => [one.id, one])),
    orders: new Map(orders.map((one) => [one.id, one])),
    proposals: new Map(proposals.map((one) => [one.proposalId, one])),
    nextProposal: 50
  }
  return rig
}

/** An event that changes nothing, and lets the ladders look. */
const look = (rig: Rig, ms = 0): Rig => rig.after(ms).send({ _tag: "SkewSeen", skew: undefined })
const target = (proposalId: number, lots: ReadonlyArray<LotShare>): Proposal => exitProposal(lots, { proposalId })
const soldBy = (rig: Rig): ReadonlyArray<ReadonlyArray<LotShare>> =>
  rig.of("Propose").map(({ proposal: { purpose } }) => (purpose._tag === "Exit" ? purpose.lots : []))

describe("what the ladder sees", () => {
  it("each pair's lots, the oldest first, and what is said of them", () => {
    const lots = [
      lot({ id: A, openedAt: NOON + 2 }),
      lot({ id: B, openedAt: NOON + 1 }),
      lot({ id: X, symbol: BTC, openedAt: NOON })
    ]
    const rig = look(holding(lots))
    assert.deepEqual(soldBy(rig), [[share("kt1-b", "100")], [share("kt1-a", "100")], [share("kt1-x", "100")]])
    assert.deepEqual(
      rig.of("Propose").map((d) => d.proposal.instrument.symbol),
      [XLM, XLM, BTC]
    )
    assert.deepEqual(
      rig.state.pairs.get(XLM)?.lotStatuses.map(({ lotId, state }) => [lotId, state]),
      [
        [B, "placing"],
        [A, "placing"]
      ]
    )
    rig.state = { ...rig.state, lots: new Map() }
    assert.deepEqual(look(rig).state.pairs.get(XLM)?.lotStatuses, [])
  })

  it("an entry of another pair is not in its way", () => {
    const elsewhere = entry({ ...open, id: B, symbol: BTC })
    const rig = holding([lot({ id: A, ...called })], [elsewhere])
    const pair = rig.state.pairs.get(BTC)!
    const quoted = { ...pair, quote: rig.state.pairs.get(XLM)!.quote, confirmedAt: rig.now, feesAt: rig.now }
    rig.state = { ...rig.state, pairs: new Map(rig.state.pairs).set(BTC, quoted) }
    assert.deepEqual(soldBy(look(rig)), [[share("kt1-a", "100")]])
    assert.deepEqual(rig.of("Cancel"), [])
  })

  it("nothing is called or sold while the trader stops or observes", () => {
    for (const change of [{ phase: "stopping" as const }, { rules: { observing: true } }]) {
      const rig = holding([lot({ id: A })])
      rig.state = { ...rig.state, ...change, rules: { ...rig.state.rules, ...("rules" in change ? change.rules : {}) } }
      rig.after(100).quote("0.09", "0.0901")
      assert.deepEqual(rig.of("Propose"), [])
      assert.isUndefined(rig.state.lots.get(A)?.call)
    }
  })
})

describe("a call", () => {
  it("takes back the targets that wait for their turn and name its lot, and nothing else", () => {
    const lots = [lot({ id: A }), lot({ id: B, plan: plan({ stop: q("0.01") as never }) })]
    const loss = {
      ...target(5, [share("kt1-a", "1")]),
      purpose: { _tag: "Exit", kind: "loss", lots: [share("kt1-a", "1")], attempt: 0 }
    } as const
    const buying = { ...target(6, []), purpose: entry().purpose }
    const rig = holding(
      lots,
      [],
      [
        target(1, [share("kt1-a", "10")]),
        target(2, [share("kt1-b", "10"), share("kt1-a", "1")]),
        target(3, [share("kt1-b", "10")]),
        loss,
        buying
      ]
    )
    look(rig)
    rig.after(100).quote("0.0945", "0.0946")
    assert.strictEqual(rig.state.lots.get(A)?.call?.kind, "loss")
    assert.isUndefined(rig.state.lots.get(B)?.call)
    assert.deepEqual(
      [1, 2, 3, 5, 6].filter((n) => rig.state.proposals.has(n)),
      [3, 5, 6]
    )
  })

  it("counts its tries, each at its time", () => {
    const rig = look(holding([lot({ id: A, ...called })]))
    assert.strictEqual(rig.state.lots.get(A)?.attempts, 1)
    assert.strictEqual(rig.state.lots.get(A)?.lastAttemptAt, rig.now)
  })

  it("that is at its widest collar is told for every lot", () => {
    const lots = [A, B].map((one) => lot({ id: one, ...called, attempts: 20 }))
    const alerts = look(holding(lots)).of("Alert")
    assert.deepEqual<unknown>(
      alerts.map(({ kind, severity, data }) => ({ kind, severity, data })),
      [A, B].map((lotId) => ({ kind: "exit.stuck", severity: "critical", data: { lotId } }))
    )
  })

  it("asks for a price where there is none that is fresh, every two seconds, for every pair", () => {
    const rig = holding([lot({ id: A, ...called }), lot({ id: B, symbol: BTC, ...called })])
    look(rig, 10_001)
    assert.deepEqual(rig.of("FetchQuote"), [
      { _tag: "FetchQuote", symbol: XLM },
      { _tag: "FetchQuote", symbol: BTC }
    ])
    assert.deepEqual(look(rig, 1999).of("FetchQuote"), [])
    assert.strictEqual(look(rig, 1).of("FetchQuote").length, 2)
  })

  it("takes a partly filled entry of the pair down to the minimum, and cancels others", () => {
    for (const [bought, tags] of [
      ["5", ["Amend"]],
      ["0", ["Cancel"]]
    ] as const) {
      const buying = entry({ ...open, id: B, bookedQuantity: q(bought), cumQuantity: q(bought) })
      const rig = look(holding([lot({ id: A, ...called })], [buying]))
      assert.deepEqual(
        rig.last.map((d) => d._tag).filter((tag) => tag === "Amend" || tag === "Cancel"),
        [...tags]
      )
    }
  })

  it("cancels a target whose amend was refused, whatever it sold already", () => {
    const partly = exit([share("kt1-a", "100")], { ...open, id: X, bookedQuantity: q("5"), cumQuantity: q("5") })
    const rig = holding([lot({ id: A, ...called, remaining: q("95") })], [partly])
    rig.state = { ...rig.state, amendRefused: new Set([X]) }
    assert.deepEqual(
      look(rig)
        .of("Cancel")
        .map((d) => d.order.id),
      [X]
    )
    assert.deepEqual(rig.of("Amend"), [])
  })
})

describe("an amend", () => {
  it("names the shares that it adds, in the order and to the desk, and is decided once", () => {
    const resting = exit([share("kt1-a", "100")], { ...open, id: X })
    const rig = look(holding([lot({ id: A, quantity: q("150"), remaining: q("150") })], [resting]), 3000)
    const shares = [share("kt1-a", "100"), share("kt1-a", "50")]
    const [amend] = rig.of("Amend")
    assert.deepEqual(amend?.order, rig.order(X))
    assert.deepEqual(rig.order(X).purpose, { _tag: "Exit", kind: "target", lots: shares, attempt: 0 })
    assert.strictEqual(amend?.quantity, q("150"))
    assert.isTrue(rig.state.amending.has(X))
    assert.deepEqual(look(rig, 3000).of("Amend"), [])
  })

  it("that adds nothing leaves the order as it is", () => {
    const resting = exit([share("kt1-a", "100")], { ...open, id: X })
    const rig = look(holding([lot({ id: A, ...called })], [resting]))
    assert.strictEqual(rig.of("Amend")[0]?.order, resting)
    assert.deepEqual(look(rig, 3000).of("Amend"), [])
  })
})
