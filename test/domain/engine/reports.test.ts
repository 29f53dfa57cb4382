import { assert, describe, it } from "vitest"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { EngineState } from "../../../src/domain/engine/State.ts"
import { throttleNote } from "../../../src/domain/engine/State.ts"
import { gates } from "../../../src/domain/engine/Views.ts"
import type { StoreWrite } from "../../../src/domain/engine/Write.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import type { FillReport, OrderReport } from "../../../src/domain/order/Report.ts"
import type { Lot } from "../../../src/domain/portfolio/Lot.ts"
import { realisedOf } from "../../../src/domain/portfolio/Portfolio.ts"
import { entry, exit, fill, id, lot, NOON, q, share, status, usd } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

describe("reports that match nothing", () => {
  it("are kept, their order identified, then folded", () => {
    const rig = new Rig().ready().signal()
    const approved = rig.approve(rig.proposal())
    const order = rig.order(approved.id)
    const { clientId: _, ...bare } = rig.fillOf(order, "30", { exchangeId: ExchangeOrderId("OEARLY") })
    rig.send({ _tag: "ReportsSeen", reports: [bare] })
    assert.strictEqual(rig.of("Identify")[0]?.exchangeId, ExchangeOrderId("OEARLY"))
    assert.isNotEmpty(gates(rig.state))
    rig.send({
      _tag: "OutcomeSeen",
      orderId: order.id,
      outcome: { _tag: "Accepted", exchangeId: ExchangeOrderId("OEARLY") }
    })
    assert.strictEqual(rig.state.lots.get(order.id)?.remaining, q("30"))
    assert.strictEqual(rig.state.unmatched.size, 0)
  })

  it("foreign orders are told once and left alone; a stray with our mark is cancelled and latches", () => {
    const rig = new Rig().ready()
    const foreign = status({ exchangeId: ExchangeOrderId("OFOREIGN") })
    rig.send({ _tag: "ReportsSeen", reports: [foreign] })
    rig.send({ _tag: "Identified", exchangeId: ExchangeOrderId("OFOREIGN"), clientId: undefined, found: true })
    rig.send({ _tag: "ReportsSeen", reports: [foreign] })
    assert.strictEqual(rig.ever("Identify").length, 1)
    assert.isUndefined(rig.state.breaker.latches.invariant)
    rig.send({
      _tag: "ReportsSeen",
      reports: [status({ exchangeId: ExchangeOrderId("OHAND"), clientId: id("by-hand") })]
    })
    assert.isTrue(rig.state.foreignOrders.has(ExchangeOrderId("OHAND")))
    rig.send({
      _tag: "ReportsSeen",
      reports: [status({ exchangeId: ExchangeOrderId("OSTRAY"), clientId: id("kt1-zzz") })]
    })
    rig.send({ _tag: "Identified", exchangeId: ExchangeOrderId("OSTRAY"), clientId: id("kt1-zzz"), found: true })
    assert.strictEqual(rig.ever("CancelStray")[0]?.exchangeId, ExchangeOrderId("OSTRAY"))
    assert.isDefined(rig.state.breaker.latches.invariant)
  })

  it("a late fill of an order long settled is booked after it was recalled from the store", () => {
    const rig = new Rig().ready()
    const old = entry({ id: id("kt1-old"), exchangeId: ExchangeOrderId("OOLD"), status: "cancelled" })
    rig.send({ _tag: "ReportsSeen", reports: [fill("TLATE", "25", { exchangeId: ExchangeOrderId("OOLD") })] })
    rig.send({ _tag: "Recalled", order: old, lots: [] })
    assert.strictEqual(rig.state.lots.get(old.id)?.remaining, q("25"))
  })

  it("so is one that rests: what a mute stream did not tell has no exit until it is booked", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    const told = rig.statusOf(order, { status: "open", cumQuantity: q("30") })
    rig.send({ _tag: "OpenOrdersSeen", begunAt: rig.now, reports: [told] })
    rig.tick(1)
    assert.deepEqual(rig.ever("FetchOrder"), [], "the stream may be about to tell")
    rig.tick(2)
    assert.strictEqual(rig.ever("FetchOrder").at(-1)?.order.id, order.id)
    const asked = rig.ever("FetchOrder").length
    rig.tick(12)
    assert.strictEqual(rig.ever("FetchOrder").length, asked + 2)
    rig.fill(order, "30")
    rig.tick(12)
    assert.deepEqual(
      rig
        .ever("FetchOrder")
        .slice(asked + 2)
        .filter(({ reason }) => reason.includes("not all booked")),
      []
    )
    assert.isTrue(rig.ever("Propose").some((d) => d.proposal.purpose._tag === "Exit"))
  })

  it("an order that is executed whole and whose end nobody told is read, every few seconds", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    const whole = Fixed.show(order.quantity)
    rig.send({ _tag: "ReportsSeen", reports: [rig.fillOf(order, whole)] })
    const asked = () => rig.ever("FetchOrder").filter(({ reason }) => reason.includes("executed whole")).length
    rig.tick(1)
    assert.strictEqual(asked(), 0, "the stream may be about to tell")
    rig.tick(2)
    assert.strictEqual(asked(), 1)
    rig.tick(10)
    assert.strictEqual(asked(), 3)
    rig.send({ _tag: "ReportsSeen", reports: [rig.statusOf(order, { status: "filled", cumQuantity: order.quantity })] })
    rig.tick(10)
    assert.strictEqual(asked(), 3)
  })

  it("an ended order whose executions are missing is fetched, and again until they come", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.send({ _tag: "ReportsSeen", reports: [rig.statusOf(order, { status: "cancelled", cumQuantity: q("30") })] })
    assert.strictEqual(rig.of("FetchOrder").length, 1)
    rig.tick(6)
    assert.isTrue(rig.ever("FetchOrder").length >= 2)
    assert.strictEqual(Fixed.show(rig.state.lots.size === 0 ? 0n : 1n), "0")
    rig.tick(125)
    assert.isTrue(rig.ever("Alert").some((d) => d.kind === "fills.missing"))
    rig.send({ _tag: "ReportsSeen", reports: [rig.fillOf(order, "30")] })
    assert.strictEqual(rig.state.lots.get(order.id)?.remaining, q("30"))
  })

  it("an order held as open and absent from REST's open orders is looked up", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.after(5000).send({ _tag: "OpenOrdersSeen", begunAt: rig.now, reports: [] })
    assert.strictEqual(rig.of("FetchOrder")[0]?.order.id, order.id)
  })

  it("an order held as open and absent from a new snapshot of the stream is read; one just sent is not yet missed", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.after(500).send({ _tag: "PrivateUp", openOrders: [] })
    assert.deepEqual(rig.of("FetchOrder"), [])
    rig.after(5000).send({ _tag: "PrivateUp", openOrders: [rig.statusOf(order, {})] })
    assert.deepEqual(rig.of("FetchOrder"), [])
    rig.after(5000).send({ _tag: "PrivateUp", openOrders: [] })
    assert.strictEqual(rig.of("FetchOrder")[0]?.order.id, order.id)
    // asked for a moment ago: not again with every snapshot
    rig.after(500).send({ _tag: "PrivateUp", openOrders: [] })
    assert.deepEqual(rig.of("FetchOrder"), [])
  })

  it("an execution that REST tells of long after a living stream should have is noted as missed", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    const late = rig.fillOf(order, "10", { source: "rest" })
    rig.after(5000).send({ _tag: "ReportsSeen", reports: [late] })
    assert.isUndefined(rig.state.missedFillAt)
    const later = rig.fillOf(order, "10", { source: "rest" })
    rig.after(5001).send({ _tag: "ReportsSeen", reports: [later] })
    assert.strictEqual(rig.state.missedFillAt, rig.now)
  })
})

const A = id("kt1-a")
const B = id("kt1-b")
const X = id("kt1-x")
const onExchange = (n: string) => ({ status: "open", exchangeId: ExchangeOrderId(n) }) as const

/** A trader at work that holds these. */
const holding = (orders: ReadonlyArray<Order>, lots: ReadonlyArray<Lot> = []): Rig => {
  const rig = new Rig({ limits: { maxTotalExposure: usd("1000") } }).ready()
  rig.state = {
    ...rig.state,
    orders: new Map(orders.map((order) => [order.id, order])),
    byExchangeId: new Map(orders.flatMap((o) => (o.exchangeId === undefined ? [] : [[o.exchangeId, o.id] as const]))),
    lots: new Map(lots.map((one) => [one.id, one]))
  }
  return rig
}
const see = (rig: Rig, ...reports: ReadonlyArray<OrderReport>): Rig => rig.send({ _tag: "ReportsSeen", reports })
const last = (rig: Rig, tag: StoreWrite["_tag"]) => rig.written.filter((w) => w._tag === tag).at(-1)
const bought = (): { readonly rig: Rig; readonly order: Order } => {
  const rig = new Rig().ready().signal()
  return { rig, order: rig.place(rig.proposal()) }
}

describe("the day's count of trades", () => {
  const begun = (note: string): Rig => {
    const rig = new Rig({ snapshot: { notes: new Map([["throttle", note]]) } }).ready().signal()
    const order = rig.place(rig.proposal())
    assert.deepEqual(last(rig, "Note"), { _tag: "Note", key: "throttle", value: throttleNote(rig.state.throttle) })
    return see(rig, rig.fillOf(order, "10"), rig.fillOf(order, "10"))
  }

  it("goes on where the day does, one for each entry that executed, however often", () => {
    const rig = begun(`2024-03-10|7||${NOON - 900_000}`)
    assert.deepEqual(rig.state.throttle, {
      day: "2024-03-10",
      entries: 8,
      lastEntryAt: rig.now,
      lastLossAt: NOON - 900_000
    })
  })

  it("begins anew with the day, and forgets no loss", () => {
    const rig = begun(`2024-03-09|7||${NOON - 900_000}`)
    assert.deepEqual(rig.state.throttle, {
      day: "2024-03-10",
      entries: 1,
      lastEntryAt: rig.now,
      lastLossAt: NOON - 900_000
    })
  })

  it("an execution that is the first of its day is the first of its day", () => {
    const order = entry({ ...onExchange("OA"), id: A })
    const rig = holding([order])
    rig.state = { ...rig.state, throttle: { ...rig.state.throttle, day: "2024-03-09", entries: 7 } }
    assert.strictEqual(see(rig, rig.fillOf(order, "10")).state.throttle.entries, 1)
  })

  it("an approval on a new day counts nothing yet", () => {
    const rig = new Rig({ snapshot: { notes: new Map([["throttle", "2024-03-09|7||"]]) } }).ready().signal()
    rig.approve(rig.proposal())
    assert.strictEqual(rig.state.throttle.entries, 0)
    assert.strictEqual(rig.state.throttle.day, "2024-03-10")
  })
})

describe("booking", () => {
  it("I10: profit is told sale by sale, and recorded with each", () => {
    const held = lot({ id: A })
    const sale = exit([share("kt1-a", "100")], { ...onExchange("OX"), id: X })
    const rig = holding([sale], [held])
    for (const part of ["30", "20", "50"]) {
      see(rig, rig.fillOf(sale, part))
      assert.strictEqual(rig.state.totals.realised, realisedOf(rig.state.lots.get(A)!))
      assert.deepEqual(last(rig, "Totals"), { _tag: "Totals", totals: rig.state.totals })
    }
  })

  it("I9: a fill that is known changes and writes nothing", () => {
    const { rig, order } = bought()
    const report = rig.fillOf(order, "10")
    see(rig, report)
    const before = rig.state
    see(rig, report)
    assert.deepEqual(rig.last, [])
    assert.deepEqual(rig.state, before)
  })

  it("an execution counts as missed by the stream only where REST tells of one that came while the stream was up", () => {
    const told = (at: number, change: Partial<FillReport>, stream: Partial<EngineState> = {}): number | undefined => {
      const { rig, order } = bought()
      const upAt = rig.state.privateUpAt!
      rig.state = { ...rig.state, ...stream }
      return see(rig.after(10_000), rig.fillOf(order, "10", { source: "rest", at: upAt + at, ...change })).state
        .missedFillAt
    }
    assert.isDefined(told(1, {}))
    assert.isUndefined(told(0, {}))
    assert.isUndefined(told(1, { source: "stream" }))
    assert.isUndefined(told(1, {}, { privateUpAt: undefined }))
  })
})

describe("a lot that is sold", () => {
  /** Sold whole, for this much, at a cost and fee of 10.025. */
  const sold = (proceeds: string): Lot => lot({ id: A, remaining: q("0"), proceeds: usd(proceeds) })

  it("becomes one closed trade, won when it made something, with a pause after a loss alone", () => {
    for (const [proceeds, result, winning, pause] of [
      ["10.03", "profit", 1, false],
      ["10.025", "loss", 0, false],
      ["10.02", "loss", 0, true]
    ] as const) {
      const rig = see(see(holding([], [sold(proceeds)])))
      const trades = rig.written.flatMap((w) => (w._tag === "ClosedTrade" ? [w.trade] : []))
      assert.deepEqual(
        trades.map((trade) => trade.outcome),
        [result]
      )
      assert.deepEqual([rig.state.totals.closedTrades, rig.state.totals.winningTrades], [1, winning])
      assert.deepEqual(last(rig, "Totals"), { _tag: "Totals", totals: rig.state.totals })
      assert.strictEqual(rig.state.throttle.lastLossAt, pause ? rig.now : undefined)
    }
  })

  it("is no trade yet while its entry may bring more", () => {
    const buying = entry({ ...onExchange("OA"), id: A, bookedQuantity: q("10"), cumQuantity: q("10") })
    const rig = see(holding([buying], [sold("10.03")]))
    assert.strictEqual(rig.state.totals.closedTrades, 0)
    see(rig, rig.statusOf(buying, { status: "cancelled", cumQuantity: q("10") }))
    assert.strictEqual(rig.state.totals.closedTrades, 1)
  })
})

describe("an order's end", () => {
  const selling = (change: Partial<Order> = {}): { readonly rig: Rig; readonly order: Order } => {
    const order = exit([share("kt1-a", "100")], { ...onExchange("OX"), id: X, ...change })
    return { rig: holding([order], [lot({ id: A })]), order }
  }
  const pausedAt = (rig: Rig) => rig.state.lots.get(A)?.lastAttemptAt

  it("pauses an exit's lots when nothing was sold and nobody asked for it", () => {
    const none = { status: "cancelled", cumQuantity: q("0") } as const
    const { rig, order } = selling()
    see(rig, rig.statusOf(order, { cumQuantity: q("0") }))
    assert.isUndefined(pausedAt(rig))
    const at = rig.after(500).now
    see(rig, rig.statusOf(order, none))
    assert.strictEqual(pausedAt(rig), at)
    // more of the same end pauses no longer
    see(rig.after(500), rig.statusOf(order, { ...none, reason: "late words" }))
    assert.strictEqual(pausedAt(rig), at)
    const asked = selling({ cancelRequestedAt: NOON })
    see(asked.rig, asked.rig.statusOf(asked.order, none))
    assert.isUndefined(pausedAt(asked.rig))
    const partly = selling()
    see(partly.rig, partly.rig.statusOf(partly.order, { status: "cancelled", cumQuantity: q("40") }))
    assert.isUndefined(pausedAt(partly.rig))
  })

  it("is looked up where the books lack executions, each order for itself, and nowhere else", () => {
    const orders = [A, B].map((one, n) => entry({ ...onExchange(`O${n}`), id: one }))
    const ends = (cum: string) =>
      orders.map((order, n) =>
        status({ exchangeId: ExchangeOrderId(`O${n}`), clientId: order.id, status: "cancelled", cumQuantity: q(cum) })
      )
    assert.deepEqual(
      see(holding(orders), ...ends("5"))
        .of("FetchOrder")
        .map((d) => d.order.id),
      [A, B]
    )
    assert.deepEqual(see(holding(orders), ...ends("0")).of("FetchOrder"), [])
    const rig = holding(orders)
    see(rig, rig.statusOf(orders[0]!, { cumQuantity: q("5") }))
    see(rig, rig.statusOf(orders[1]!, { status: "pending" }))
    see(rig, rig.fillOf(orders[1]!, "5"))
    assert.deepEqual(rig.ever("FetchOrder"), [])
  })
})

describe("what is asked again", () => {
  it("recalled orders without an id of the exchange are known by ours alone", () => {
    const rig = holding([]).send({ _tag: "Recalled", order: entry({ id: A, status: "rejected" }), lots: [] })
    assert.strictEqual(rig.state.orders.size, 1)
    assert.strictEqual(rig.state.byExchangeId.size, 0)
  })

  it("every open order that REST lacks is read, once it is older than a second; unknown ones are looked up elsewhere", () => {
    const orders = [
      entry({ ...onExchange("OA"), id: A, expiresAt: NOON + 900_000 }),
      entry({ ...onExchange("OB"), id: B, expiresAt: NOON + 900_000 }),
      entry({ id: X, status: "unknown" })
    ]
    const foreign = status({ exchangeId: ExchangeOrderId("OHAND") })
    const seen = (ms: number) =>
      holding(orders)
        .send({ _tag: "OpenOrdersSeen", begunAt: NOON + ms, reports: [foreign] })
        .of("FetchOrder")
        .map((d) => d.order.id)
    assert.deepEqual(seen(999), [])
    assert.deepEqual(seen(1000), [A, B])
  })

  it("strangers every fifteen seconds, each for itself", () => {
    const rig = see(
      holding([]),
      status({ exchangeId: ExchangeOrderId("O1") }),
      status({ exchangeId: ExchangeOrderId("O2"), clientId: A })
    )
    assert.strictEqual(rig.of("Identify").length, 2)
    rig.after(14_999).send({ _tag: "Tick" })
    assert.deepEqual(rig.of("Identify"), [])
    rig.after(1).send({ _tag: "Tick" })
    assert.deepEqual(rig.of("Identify"), [
      { _tag: "Identify", exchangeId: ExchangeOrderId("O1"), clientId: undefined },
      { _tag: "Identify", exchangeId: ExchangeOrderId("O2"), clientId: A }
    ])
  })

  it("missing executions of an order at work, two seconds after the sum of them", () => {
    const order = entry({ ...onExchange("OA"), id: A, cumQuantity: q("5"), expiresAt: NOON + 900_000 })
    const rig = holding([order])
    const asked = [1999, 1].map((ms) => rig.after(ms).send({ _tag: "Tick" }).of("FetchOrder").length)
    assert.deepEqual(asked, [0, 1])
  })

  it("missing executions every five seconds, and told after two minutes, each order for itself", () => {
    const missing = { cumQuantity: q("5"), status: "cancelled" } as const
    const orders = [A, B].map((one, n) => entry({ ...onExchange(`O${n}`), ...missing, id: one }))
    const rig = holding(orders)
    rig.tick(20)
    assert.strictEqual(rig.ever("FetchOrder").length, 8)
    rig.tick(100)
    assert.deepEqual(
      rig.ever("Alert").filter((d) => d.kind === "fills.missing"),
      []
    )
    rig.tick(60)
    assert.deepEqual(
      rig.ever("Alert").flatMap((d) => (d.kind === "fills.missing" ? [d.severity] : [])),
      ["warning", "warning"]
    )
  })
})
