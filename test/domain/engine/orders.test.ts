import { Either } from "effect"
import { assert, describe, it } from "vitest"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import type { SendOutcome } from "../../../src/domain/order/Outcome.ts"
import type { Lot } from "../../../src/domain/portfolio/Lot.ts"
import { BTC, entry, exit, id, instrument, lot, NOON, p, q, share, usd, XLM } from "../../support/build.ts"
import { enter, Rig } from "./Rig.ts"

const A = id("kt1-a")
const X = id("kt1-x")
const onExchange = { exchangeId: ExchangeOrderId("OAAAAA"), status: "open" } as const

/** A trader at work that holds these orders and lots. */
const holding = (
  orders: ReadonlyArray<Order>,
  lots: ReadonlyArray<Lot> = [],
  change: ConstructorParameters<typeof Rig>[0] = {}
): Rig => {
  const rig = new Rig({ limits: { maxTotalExposure: usd("1000") }, ...change }).ready()
  rig.state = {
    ...rig.state,
    orders: new Map(orders.map((order) => [order.id, order])),
    byExchangeId: new Map(orders.flatMap((o) => (o.exchangeId === undefined ? [] : [[o.exchangeId, o.id] as const]))),
    lots: new Map(lots.map((one) => [one.id, one]))
  }
  return rig
}

/** An entry that risk approved, and that the desk has not sent yet. */
const pending = (): { readonly rig: Rig; readonly order: Order } => {
  const rig = new Rig({ limits: { minTradeInterval: 0 } }).ready().signal()
  return { rig, order: rig.order(rig.approve(rig.proposal()).id) }
}

/** A target that risk approved, of a lot that was bought. */
const selling = (): { readonly rig: Rig; readonly order: Order; readonly bought: Order } => {
  const rig = new Rig()
  const bought = rig.bought()
  const proposal = rig.proposal()
  return { rig, bought, order: rig.order(rig.approve(proposal).id) }
}

const outcome = (rig: Rig, order: Order, said: SendOutcome): Rig =>
  rig.send({ _tag: "OutcomeSeen", orderId: order.id, outcome: said })
const rejected = (why: Extract<SendOutcome, { _tag: "Rejected" }>["why"]): SendOutcome => ({
  _tag: "Rejected",
  why,
  text: "no"
})
const unknown: SendOutcome = { _tag: "Unknown", text: "time-out", recognised: true }
const notSent: SendOutcome = { _tag: "NotSent", why: "rate limit", text: "slow down" }

const pairOf = (rig: Rig) => rig.state.pairs.get(XLM)!
const told = (rig: Rig) => rig.of("Alert").map(({ kind, severity }) => ({ kind, severity }))
const recorded = (rig: Rig, order: Order) => rig.written.filter((w) => w._tag === "Order" && w.order.id === order.id)
const withSignal = (rig: Rig): Rig => {
  const signal = enter()
  assert(signal._tag === "Enter")
  const pair = { ...pairOf(rig), signal: { entry: signal, at: rig.now, requotes: 0 }, note: "kept" }
  rig.state = { ...rig.state, pairs: new Map(rig.state.pairs).set(XLM, pair) }
  return rig
}

describe("approval", () => {
  it("proposals are counted up from one", () => {
    const rig = new Rig({ limits: { minTradeInterval: 0 } }).ready().signal()
    const first = rig.proposal()
    outcome(rig, rig.order(rig.approve(first).id), rejected("postOnly"))
      .after(100)
      .quote()
    assert.deepEqual([first.proposalId, rig.proposal().proposalId], [1, 2])
  })

  it("I12: every order's id is later than the last one's, be the clock where it may", () => {
    const { rig } = pending()
    assert.strictEqual(rig.state.sequence, rig.now)
    const behind = new Rig().ready().signal()
    behind.state = { ...behind.state, sequence: rig.now + 5000 }
    behind.approve(behind.proposal())
    assert.strictEqual(behind.state.sequence, rig.now + 5001)
  })

  it("an entry starts the interval between trades, an exit does not", () => {
    const { rig } = pending()
    assert.strictEqual(rig.state.throttle.lastEntryAt, rig.now)
    const sale = new Rig()
    sale.bought()
    const before = sale.state.throttle.lastEntryAt
    sale.after(700).approve(sale.proposal())
    assert.strictEqual(sale.state.throttle.lastEntryAt, before)
  })

  it("I16: while the trader stops or observes, an exit is refused too, by that name", () => {
    for (const [change, text] of [
      [{ phase: "stopping" as const }, "stopping"],
      [{ rules: { observing: true } }, "observing"]
    ] as const) {
      const rig = new Rig()
      rig.bought()
      const proposal = rig.proposal()
      rig.state = { ...rig.state, ...change, rules: { ...rig.state.rules, ...("rules" in change ? change.rules : {}) } }
      assert.deepEqual(rig.ask(proposal), Either.left({ code: "gate", text }))
    }
  })

  it("a refused entry ends its signal and says why on the pair; a refused exit pauses its lots and leaves the pair alone", () => {
    const rig = new Rig().ready().signal()
    const proposal = rig.proposal()
    rig.send({ _tag: "Tripped", cause: "operator", reason: "by hand" })
    assert.isTrue(Either.isLeft(rig.ask(proposal)))
    assert.isUndefined(pairOf(rig).signal)
    assert.strictEqual(pairOf(rig).note, "the circuit breaker is open")
    const sale = new Rig()
    const bought = sale.bought()
    const target = sale.proposal()
    withSignal(sale.send({ _tag: "SystemSeen", status: "maintenance" }))
    assert.isTrue(Either.isLeft(sale.after(700).ask(target)))
    assert.strictEqual(sale.state.lots.get(bought.id)?.lastAttemptAt, sale.now)
    assert.isDefined(pairOf(sale).signal)
    assert.strictEqual(pairOf(sale).note, "kept")
  })
})

describe("what is written of an order that did not leave", () => {
  it("nothing where its intent was not durable; its end in every other case", () => {
    const lost = pending()
    lost.rig.send({ _tag: "IntentFailed", orderId: lost.order.id, why: "fence", text: "moved" })
    assert.deepEqual(recorded(lost.rig, lost.order), [])
    for (const said of [notSent, rejected("restricted")]) {
      const { rig, order } = pending()
      outcome(rig, order, said)
      assert.deepEqual(recorded(rig, order), [{ _tag: "Order", order: rig.order(order.id) }])
      assert.strictEqual(rig.order(order.id).status, "rejected")
    }
    const never = pending()
    outcome(never.rig, never.order, unknown).send({ _tag: "NeverArrived", orderId: never.order.id, proof: "reads" })
    assert.deepEqual(recorded(never.rig, never.order).at(-1), {
      _tag: "Order",
      order: never.rig.order(never.order.id)
    })
  })

  it("an exit's failed intent leaves the pair's signal alone", () => {
    const { rig, order } = selling()
    withSignal(rig).send({ _tag: "IntentFailed", orderId: order.id, why: "fence", text: "moved" })
    assert.isDefined(pairOf(rig).signal)
    assert.strictEqual(pairOf(rig).note, "kept")
  })

  it("what concerns an order that nobody knows changes nothing", () => {
    const rig = new Rig().ready()
    const before = rig.state
    rig.send({ _tag: "NeverArrived", orderId: id("kt1-no"), proof: "reads" })
    rig.send({ _tag: "CancelOutcome", orderId: id("kt1-no"), result: "gone", text: "" })
    rig.send({ _tag: "IntentFailed", orderId: id("kt1-no"), why: "store", text: "full" })
    rig.send({ _tag: "OutcomeSeen", orderId: id("kt1-no"), outcome: unknown })
    rig.send({ _tag: "ProposalDropped", proposalId: 77, why: "late" })
    assert.deepEqual(rig.state, before)
  })

  it("a database that fails is told once", () => {
    const rig = new Rig().ready().send({ _tag: "StoreBroken", reason: "full" })
    assert.deepEqual(told(rig), [{ kind: "store.failed", severity: "critical" }])
    rig.send({ _tag: "StoreBroken", reason: "io" })
    assert.deepEqual(told(rig), [])
    assert.strictEqual(rig.state.storeFailed, "io")
  })
})

describe("a refused order", () => {
  it("an exit without funds is looked at, told, and its lots sell nothing until then; other refusals only pause", () => {
    const { rig, order, bought } = selling()
    outcome(withSignal(rig), order, rejected("funds"))
    assert.deepEqual(rig.of("FetchBalances").length, 1)
    assert.deepEqual(told(rig), [{ kind: "exit.funds", severity: "warning" }])
    assert.deepEqual(rig.of("Reconcile"), [])
    assert.strictEqual(pairOf(rig).note, "kept")
    const other = selling()
    outcome(other.rig, other.order, rejected("postOnly"))
    assert.isUndefined(other.rig.state.lots.get(other.bought.id)?.sellable)
    assert.deepEqual([...other.rig.of("FetchBalances"), ...other.rig.of("Alert"), ...other.rig.of("Reconcile")], [])
    assert.strictEqual(rig.state.lots.get(bought.id)?.lastAttemptAt, rig.now)
    const small = selling()
    outcome(small.rig, small.order, rejected("minimum"))
    assert.strictEqual(small.rig.of("Reconcile").length, 1)
  })

  it("an exit that names a lot that is gone makes none of it", () => {
    const order = exit([share("kt1-gone", "100")], { id: X, status: "pending" })
    const rig = holding([order])
    outcome(rig, order, rejected("funds"))
    assert.strictEqual(rig.state.lots.size, 0)
  })

  it("an entry ends its signal; only funds and minimums make it look", () => {
    for (const [why, looks] of [
      ["funds", ["FetchBalances"]],
      ["minimum", ["Reconcile"]],
      ["restricted", []]
    ] as const) {
      const { rig, order } = pending()
      outcome(withSignal(rig), order, rejected(why))
      assert.isUndefined(pairOf(rig).signal)
      assert.strictEqual(pairOf(rig).note, "refused: no")
      assert.deepEqual(
        rig.last.map((d) => d._tag).filter((tag) => tag === "FetchBalances" || tag === "Reconcile"),
        [...looks]
      )
    }
  })

  it("an entry of a pair that is not traded any more is ended all the same", () => {
    const order = entry({ id: X, symbol: BTC })
    for (const why of ["funds", "postOnly"] as const) {
      const rig = holding([order])
      outcome(rig, order, rejected(why))
      assert.strictEqual(rig.order(X).status, "rejected")
    }
  })

  it("that a report told of already is read, not ended; one that has ended stays as it is", () => {
    const { rig, order } = pending()
    rig.send({ _tag: "ReportsSeen", reports: [rig.statusOf(order, { exchangeId: ExchangeOrderId("O1") })] })
    outcome(rig, order, rejected("funds"))
    assert.strictEqual(rig.order(order.id).status, "open")
    assert.strictEqual(rig.of("FetchOrder")[0]?.order.id, order.id)
    rig.send({
      _tag: "ReportsSeen",
      reports: [rig.statusOf(rig.order(order.id), { status: "cancelled", cumQuantity: q("0") })]
    })
    const ended = rig.order(order.id)
    for (const said of [rejected("funds"), notSent]) {
      outcome(rig, order, said)
      assert.strictEqual(rig.order(order.id), ended)
      assert.deepEqual(rig.of("FetchOrder"), [])
    }
  })

  it("one that did not leave ends an entry's signal and says so; an exit's pair is left alone", () => {
    const { rig, order } = pending()
    outcome(withSignal(rig), order, notSent)
    assert.isUndefined(pairOf(rig).signal)
    assert.strictEqual(pairOf(rig).note, "not sent: slow down")
    const sale = selling()
    outcome(withSignal(sale.rig), sale.order, notSent)
    assert.isDefined(pairOf(sale.rig).signal)
    assert.strictEqual(pairOf(sale.rig).note, "kept")
  })
})

describe("an accepted order", () => {
  const accepted = (exchangeId?: string): SendOutcome => ({
    _tag: "Accepted",
    ...(exchangeId === undefined ? {} : { exchangeId: ExchangeOrderId(exchangeId) })
  })

  it("spends the signal of an entry and no other's, and is a success of its cause", () => {
    const { rig, order } = pending()
    for (let n = 0; n < 4; n++) rig.send({ _tag: "Failed", cause: "orders", reason: "x" })
    outcome(withSignal(rig), order, accepted("O1"))
    assert.isUndefined(pairOf(rig).signal)
    assert.isUndefined(rig.state.breaker.failures.orders)
    const sale = selling()
    outcome(withSignal(sale.rig), sale.order, accepted("O2"))
    assert.isDefined(pairOf(sale.rig).signal)
  })

  it("is open though its outcome was unknown before; without an id of the exchange it has none", () => {
    const { rig, order } = pending()
    outcome(rig, order, unknown)
    outcome(rig, order, accepted())
    assert.strictEqual(rig.order(order.id).status, "open")
    assert.isFalse("exchangeId" in rig.order(order.id))
  })

  it("is as new as the newest that was said of it", () => {
    const { rig, order } = pending()
    rig.send({
      _tag: "ReportsSeen",
      reports: [rig.statusOf(order, { exchangeId: ExchangeOrderId("O1"), at: rig.now + 500 })]
    })
    outcome(rig, order, accepted("O1"))
    assert.strictEqual(rig.order(order.id).updatedAt, rig.now + 500)
  })
})

describe("an unknown outcome", () => {
  it("spends the signal of an entry and is told", () => {
    const { rig, order } = pending()
    outcome(withSignal(rig), order, unknown)
    assert.isUndefined(pairOf(rig).signal)
    assert.deepEqual(told(rig), [{ kind: "order.unknown", severity: "warning" }])
    assert.deepEqual(rig.of("Alert")[0]?.data, { orderId: order.id })
  })
})

describe("amends", () => {
  const amend = {
    quantity: q("150"),
    limitPrice: p("0.1"),
    sentAt: NOON,
    deadline: NOON + 10_000,
    state: "inFlight"
  } as const
  const grown = { ...onExchange, id: X, quantity: q("100") }
  const shares = [share("kt1-a", "100"), share("kt1-a", "50")]
  const ask = (rig: Rig, quantity = "150"): boolean => {
    rig.send({ _tag: "AmendAsked", orderId: X, quantity: q(quantity), limitPrice: p("0.1") })
    return Either.isRight(rig.of("AmendVerdict")[0]!.verdict)
  }
  const lotsOf = (rig: Rig) => {
    const { purpose } = rig.order(X)
    return purpose._tag === "Exit" ? purpose.lots : []
  }

  it("one that must not leave takes back the shares that it would have added, unless another is out with them", () => {
    const held = [lot({ id: A, quantity: q("150"), remaining: q("150") })]
    const rig = holding([exit(shares, { ...grown, cancelRequestedAt: NOON })], held)
    rig.state = { ...rig.state, amending: new Set([X]) }
    assert.isFalse(ask(rig))
    assert.deepEqual(lotsOf(rig), [share("kt1-a", "100")])
    assert.strictEqual(rig.state.amending.size, 0)
    const out = holding([exit(shares, { ...grown, amend })], held)
    assert.isFalse(ask(out))
    assert.deepEqual(lotsOf(out), shares)
  })

  it("only an open order's leaves, and only for what its lots hold", () => {
    const held = [lot({ id: A, quantity: q("150"), remaining: q("150") })]
    assert.isTrue(ask(holding([exit(shares, grown)], held)))
    assert.isFalse(ask(holding([exit(shares, { ...grown, status: "unknown" })], held)))
    assert.isFalse(ask(holding([exit(shares, grown)], [lot({ id: A, remaining: q("120") })])))
    assert.isTrue(ask(holding([exit(shares, grown)])))
    const watching = holding([exit(shares, grown)], held, { rules: { observing: true } })
    assert.isFalse(ask(watching))
  })

  it("whatever comes of one, another may follow", () => {
    for (const said of [{ _tag: "Accepted" }, unknown, rejected("postOnly"), notSent] as ReadonlyArray<SendOutcome>) {
      const rig = holding([exit([share("kt1-a", "100")], { ...grown, amend })])
      rig.state = { ...rig.state, amending: new Set([X, A]) }
      rig.send({ _tag: "AmendOutcome", orderId: X, outcome: said })
      assert.deepEqual([...rig.state.amending], [A])
      assert.strictEqual(rig.state.breaker.failures.orders, said._tag === "Unknown" ? 1 : undefined)
    }
  })

  it("the terms that were accepted are as new as the amend, or as what was said since", () => {
    for (const termsAt of [NOON - 5, NOON + 5]) {
      const rig = holding([exit([share("kt1-a", "100")], { ...grown, amend, termsAt })])
      rig.send({ _tag: "AmendOutcome", orderId: X, outcome: { _tag: "Accepted" } })
      assert.strictEqual(rig.order(X).termsAt, Math.max(termsAt, NOON))
    }
  })
})

describe("taking entries back", () => {
  const resting = (change: Partial<Order>, minQuantity = "20"): Rig => {
    const order = entry({ ...onExchange, id: X, ...change })
    const rig = holding([order], [], { instruments: [instrument({ minQuantity: q(minQuantity) })] })
    return rig.signal({ _tag: "Withdraw", reason: "reverted" })
  }
  const amend = { quantity: q("50"), limitPrice: p("0.1"), sentAt: NOON, deadline: NOON, state: "inFlight" } as const
  const some = { bookedQuantity: q("5"), cumQuantity: q("5") }

  it("one that bought nothing, or the minimum, is cancelled", () => {
    for (const bought of ["0", "20", "21"]) {
      const rig = resting({ bookedQuantity: q(bought), cumQuantity: q(bought) })
      assert.strictEqual(rig.of("Cancel")[0]?.order.id, X, bought)
      assert.deepEqual(rig.of("Amend"), [])
    }
  })

  it("one that bought less is amended down to the minimum, on the lot grid, once", () => {
    assert.strictEqual(resting(some).of("Amend")[0]?.quantity, q("20"))
    const rig = resting(some, "20.000000001")
    assert.strictEqual(rig.of("Amend")[0]?.quantity, q("20.00000001"))
    assert.deepEqual(rig.signal({ _tag: "Withdraw", reason: "reverted" }).of("Amend"), [])
  })

  it("one that is not larger than the minimum, not known to be open, or being amended is left alone", () => {
    for (const change of [
      { ...some, quantity: q("20") },
      { ...some, status: "unknown" as const },
      { amend },
      { ...some, amend }
    ]) {
      const rig = resting(change)
      assert.deepEqual([...rig.of("Cancel"), ...rig.of("Amend")], [])
    }
  })

  it("stopping cancels what is open, not what may never have arrived", () => {
    const rig = holding([entry({ ...onExchange, id: X }), entry({ id: A, status: "unknown" })])
    rig.send({ _tag: "Stopping", reason: "SIGTERM" })
    assert.deepEqual(
      rig.of("Cancel").map((d) => d.order.id),
      [X]
    )
  })
})

describe("looking after orders", () => {
  const outcomeOf = (result: "accepted" | "gone" | "failed", change: Partial<Order> = {}): number => {
    const rig = holding([entry({ ...onExchange, id: X, ...change })])
    return rig.send({ _tag: "CancelOutcome", orderId: X, result, text: "" }).of("FetchOrder").length
  }

  it("only an order that the exchange does not know as open is read after its cancel, and only while it lives here", () => {
    assert.deepEqual(
      [outcomeOf("gone"), outcomeOf("accepted"), outcomeOf("failed"), outcomeOf("gone", { status: "cancelled" })],
      [1, 0, 0, 0]
    )
  })

  it("a cancel that nothing came of in five seconds is repeated, and the order read", () => {
    const rig = holding([entry({ ...onExchange, id: X, cancelRequestedAt: NOON, expiresAt: NOON + 900_000 })])
    rig.after(5000).send({ _tag: "Tick" })
    assert.deepEqual([...rig.of("Cancel"), ...rig.of("FetchOrder")], [])
    rig.after(1).send({ _tag: "Tick" })
    const order = rig.order(X)
    assert.strictEqual(order.cancelRequestedAt, rig.now)
    assert.deepEqual(
      [...rig.of("Cancel"), ...rig.of("FetchOrder")],
      [
        { _tag: "Cancel", order, reason: "not confirmed yet" },
        { _tag: "FetchOrder", order, reason: "its cancel is not confirmed" }
      ]
    )
  })

  it("amends of unknown outcome are read after their deadline, each order for itself", () => {
    const amend = {
      quantity: q("50"),
      limitPrice: p("0.1"),
      sentAt: NOON,
      deadline: NOON + 10_000,
      state: "unknown"
    } as const
    const orders = [X, A].map((one) => exit([share("kt1-l", "50")], { ...onExchange, id: one, amend }))
    const rig = holding(orders)
    rig.after(10_000).send({ _tag: "Tick" })
    assert.deepEqual(rig.of("FetchOrder"), [])
    rig.after(1).send({ _tag: "Tick" })
    assert.deepEqual(
      rig.of("FetchOrder").map((d) => d.order.id),
      [X, A]
    )
  })

  it("orders that should have expired are read, each for itself; what is unknown is looked up elsewhere", () => {
    const expiresAt = NOON + 2000
    const rig = holding([
      entry({ ...onExchange, id: X, expiresAt }),
      entry({ ...onExchange, id: A, exchangeId: ExchangeOrderId("OBBBBB"), expiresAt }),
      entry({ id: id("kt1-u"), expiresAt, status: "unknown" })
    ])
    // the quote is kept fresh, so that nothing else takes them back
    rig.after(7000).quote().send({ _tag: "Tick" })
    assert.deepEqual(rig.of("FetchOrder"), [])
    rig.after(1).send({ _tag: "Tick" })
    assert.deepEqual(
      rig.of("FetchOrder").map((d) => d.order.id),
      [X, A]
    )
  })
})
