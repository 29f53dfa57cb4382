import { Option } from "effect"
import { assert, describe, it } from "vitest"
import { nothingWorking } from "../../../src/domain/engine/Engine.ts"
import type { EngineState, PairState } from "../../../src/domain/engine/State.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { BTC, entry, exit, exitProposal, id, instrument, lot, q, rate, share, usd, XLM } from "../../support/build.ts"
import { Rig } from "./Rig.ts"
import type { Untimed } from "./Rig.ts"

const A = id("kt1-a")
const X = id("kt1-x")
const AGAIN = "the account stream began anew"
const onExchange = (n: string) => ({ status: "open", exchangeId: ExchangeOrderId(n) }) as const

const ready = (change: Partial<EngineState> = {}): Rig => {
  const rig = new Rig({ limits: { maxTotalExposure: usd("1000") } }).ready()
  rig.state = { ...rig.state, ...change }
  return rig
}
const orders = (...all: ReadonlyArray<Order>) => ({
  orders: new Map(all.map((order) => [order.id, order])),
  byExchangeId: new Map(all.flatMap((o) => (o.exchangeId === undefined ? [] : [[o.exchangeId, o.id] as const])))
})
const pairOf = (rig: Rig): PairState => rig.state.pairs.get(XLM)!
const latches = (rig: Rig): ReadonlyArray<string> => Object.keys(rig.state.breaker.latches)

describe("what is seen of the world", () => {
  it("the exchange's mode and its maintenance, instruments and fees", () => {
    const rig = ready().send({ _tag: "SystemSeen", status: "post_only", maintenanceAt: 5 })
    assert.deepEqual([rig.state.system, rig.state.maintenanceAt], ["post_only", 5])
    const changed = instrument({ minQuantity: q("30") })
    rig.send({ _tag: "InstrumentsSeen", instruments: [changed] })
    assert.deepEqual(pairOf(rig).instrument, changed)
    rig.after(5).send({ _tag: "FeesSeen", fees: new Map([[XLM, { maker: rate("0.001"), taker: rate("0.002") }]]) })
    const { makerFee, takerFee, feesAt } = pairOf(rig)
    assert.deepEqual([makerFee, takerFee, feesAt], [rate("0.001"), rate("0.002"), rig.now])
  })

  it("streams that come and go, and since when; a loss is a failure, a gap is none", () => {
    const down = { publicUp: false, publicUpAt: undefined, privateUp: false, privateUpAt: undefined }
    const up = ready(down).send({ _tag: "PublicUp" }).send({ _tag: "PrivateUp", openOrders: [] }).state
    assert.deepEqual([up.publicUp, up.publicUpAt, up.privateUp, up.privateUpAt], [true, up.now, true, up.now])
    for (const [tag, failures] of [
      ["PrivateDown", 1],
      ["PrivateGap", undefined]
    ] as const) {
      const { state } = ready().send({ _tag: tag, reason: "test" })
      assert.deepEqual(
        [state.privateUp, state.privateUpAt, state.breaker.failures.stream],
        [false, undefined, failures]
      )
    }
  })

  it("the account stream's first words are folded, what it lacks is read, and books and exchange are compared", () => {
    const open = entry({ ...onExchange("OA"), id: A, expiresAt: 9e15 })
    const absent = entry({ ...onExchange("OX"), id: X, expiresAt: 9e15 })
    const rig = ready(orders(open, absent)).after(5000)
    rig.send({ _tag: "PrivateUp", openOrders: [rig.statusOf(open, { cumQuantity: q("0"), quantity: q("90") })] })
    assert.strictEqual(rig.order(A).quantity, q("90"))
    assert.deepEqual(
      rig.of("FetchOrder").map((d) => d.order.id),
      [X]
    )
    assert.isTrue(rig.state.reconciling.has(AGAIN))
    assert.deepEqual(rig.of("Reconcile"), [{ _tag: "Reconcile", reason: AGAIN }])
    assert.isFalse(rig.send({ _tag: "ReconcileDone", reason: AGAIN }).state.reconciling.has(AGAIN))
    assert.isTrue(rig.send({ _tag: "ReconcileStarted", reason: "by hand" }).state.reconciling.has("by hand"))
  })

  it("a freeze disarms the switch and compares the books anew", () => {
    const rig = ready().send({ _tag: "Frozen", gapMs: 6000 })
    assert.isUndefined(rig.state.switchFiresAt)
    assert.deepEqual(rig.of("Reconcile"), [{ _tag: "Reconcile", reason: "the program stood still" }])
    assert.isTrue(rig.state.reconciling.has("the program stood still"))
    assert.isUndefined(ready().send({ _tag: "SwitchLost", reason: "test" }).state.switchFiresAt)
    for (const event of [
      { _tag: "Frozen", gapMs: 6000 },
      { _tag: "SwitchLost", reason: "test" }
    ] as ReadonlyArray<Untimed>) {
      assert.strictEqual(ready({ switchFiresAt: "off" }).send(event).state.switchFiresAt, "off")
    }
  })

  it("I14: silence latches only where the last price is older than the limit", () => {
    const silent = (ms: number, change: Partial<EngineState> = {}) =>
      latches(ready(change).after(ms).send({ _tag: "StaleConfirmed", symbol: XLM, reason: "test" }))
    assert.deepEqual([silent(10_000), silent(10_001)], [[], ["stale"]])
    assert.deepEqual(silent(10_001, { phase: "stopping" }), [])
  })

  it("every market with unsound quotes is told of for itself, once a minute", () => {
    const said = (rig: Rig, symbol = XLM) => rig.send({ _tag: "QuoteUnsound", symbol }).of("Log").length
    const rig = ready()
    assert.deepEqual([said(rig), said(rig, BTC), said(rig.after(59_999)), said(rig.after(1))], [1, 1, 0, 1])
  })
})

describe("people", () => {
  const fence = (epoch: number, paused: boolean, latch?: string) =>
    ({ _tag: "FenceSeen", fence: { epoch, paused, operatorLatch: Option.fromNullable(latch) } }) as const

  it("the fence as it was last seen, and the operator's latch in it", () => {
    const rig = ready({ epoch: 3 }).send(fence(3, true))
    assert.isTrue(rig.state.paused)
    rig.send(fence(4, false, "cancel --all"))
    assert.deepEqual([rig.state.paused, rig.state.epoch], [false, 4])
    assert.deepEqual(latches(rig), ["operator"])
    const [change] = rig.written.findLast((w) => w._tag === "Breaker")!.changes
    assert.deepEqual([change?.cause, change?.by], ["operator", "operator"])
  })

  it("a breaker tripped by hand says so; a reset of the invariant, or of all, forgets the other trader", () => {
    const rig = ready().send({ _tag: "Tripped", cause: "api", reason: "drill" })
    assert.strictEqual(rig.written.findLast((w) => w._tag === "Breaker")!.changes[0]?.by, "operator")
    for (const [cause, forgotten] of [
      [undefined, true],
      ["invariant", true],
      ["balance", false]
    ] as const) {
      const other = ready().send({ _tag: "AnotherTraderSeen", reason: "a stranger" })
      assert.deepEqual(latches(other), ["invariant"])
      assert.strictEqual(other.state.anotherTrader, "a stranger")
      other.send({ _tag: "Reset", cause, reason: "looked" })
      assert.strictEqual(other.state.anotherTrader === undefined, forgotten)
      assert.deepEqual(latches(other), forgotten ? [] : ["invariant"])
    }
  })

  it("a start begins from the start alone; a stop withdraws proposals and cancels what is open, with every tick", () => {
    assert.strictEqual(ready({ phase: "starting" }).send({ _tag: "Started" }).state.phase, "running")
    assert.strictEqual(ready({ phase: "stopping" }).send({ _tag: "Started" }).state.phase, "stopping")
    const rig = ready({
      ...orders(entry({ ...onExchange("OA"), id: A, expiresAt: 9e15 })),
      proposals: new Map([[1, exitProposal([])]])
    })
    rig.send({ _tag: "Stopping", reason: "SIGTERM" })
    assert.deepEqual([rig.state.phase, rig.state.proposals.size], ["stopping", 0])
    assert.deepEqual(
      rig.of("Cancel").map((d) => [d.order.id, d.reason]),
      [[A, "the trader stops"]]
    )
    // nothing but the stop cancels an exit
    const late = exit([share("kt1-a", "100")], { ...onExchange("OX"), id: X })
    rig.state = { ...rig.state, orders: new Map(rig.state.orders).set(X, late) }
    assert.deepEqual(
      rig
        .tick()
        .of("Cancel")
        .map((d) => d.order.id),
      [X]
    )
    const sale = exit([share("kt1-a", "100")], { ...onExchange("OS"), id: X })
    assert.deepEqual(ready(orders(sale)).tick().of("Cancel"), [])
  })

  it("nothing works once every order has ended", () => {
    const { state } = ready()
    assert.isTrue(nothingWorking({ ...state, ...orders(entry({ status: "cancelled" })) }))
    assert.isFalse(nothingWorking({ ...state, ...orders(entry({ status: "cancelled" }), entry({ id: A })) }))
  })
})

describe("probes", () => {
  /** Latched, and its cool-down just over. */
  const due = (cause: "api" | "orders" | "stale" | "stream" | "price", change: Partial<EngineState> = {}): Rig => {
    const rig = ready().send({ _tag: "Tripped", cause, reason: "test" }).after(60_000)
    rig.state = { ...rig.state, ...change }
    return rig
  }
  const pair = (rig: Rig, age: number | undefined, ...more: ReadonlyArray<PairState>) => ({
    pairs: new Map(
      [{ ...pairOf(rig), confirmedAt: age === undefined ? undefined : rig.now + 60_000 - age }, ...more].map(
        (one, n) => [n === 0 ? XLM : BTC, one] as const
      )
    )
  })
  const cleared = (rig: Rig): boolean => latches(rig.send({ _tag: "Tick" })).length === 0

  it("quotes are fresh again when every pair's is and the stream is up", () => {
    const base = ready()
    assert.isTrue(cleared(due("stale", pair(base, 10_000))))
    for (const change of [
      pair(base, 10_001),
      pair(base, undefined),
      pair(base, 0, { ...pairOf(base), confirmedAt: undefined }),
      { ...pair(base, 0), publicUp: false }
    ]) {
      const rig = due("stale", change)
      assert.isFalse(cleared(rig))
      assert.strictEqual(rig.state.breaker.latches.stale?.rounds, 1)
    }
  })

  it("streams are healthy again ten seconds after both are up", () => {
    const upAt = (a: number | undefined, b: number | undefined) => {
      const { now } = ready()
      const at = (age: number | undefined) => (age === undefined ? undefined : now + 60_000 - age)
      return cleared(due("stream", { publicUpAt: at(a), privateUpAt: at(b) }))
    }
    assert.isTrue(upAt(10_000, 10_000))
    assert.deepEqual(
      [upAt(9999, 10_000), upAt(10_000, 9999), upAt(undefined, 10_000), upAt(10_000, undefined)],
      [false, false, false, false]
    )
  })

  it("a price is calm after its cool-down", () => assert.isTrue(cleared(due("price"))))

  it("the API and the orders are tried once, and again after the next cool-down", () => {
    for (const cause of ["api", "orders"] as const) {
      const rig = due(cause).send({ _tag: "Tick" })
      assert.deepEqual(rig.of("Probe"), [{ _tag: "Probe", cause }])
      assert.deepEqual(rig.send({ _tag: "Tick" }).of("Probe"), [])
      rig.send({ _tag: "ProbeDone", cause, ok: false, reason: "503" })
      assert.strictEqual(rig.state.probing.size, 0)
      assert.deepEqual(rig.after(119_999).send({ _tag: "Tick" }).of("Probe"), [])
      assert.strictEqual(rig.after(1).send({ _tag: "Tick" }).of("Probe").length, 1)
      rig.send({ _tag: "ProbeDone", cause, ok: true, reason: "fine" })
      assert.deepEqual(latches(rig), [])
    }
  })
})

describe("invariants, after every event", () => {
  const after = (change: Partial<EngineState>): ReadonlyArray<string> =>
    latches(ready(change).send({ _tag: "SkewSeen", skew: undefined }))
  const lots = (change: Parameters<typeof lot>[0]) => ({ lots: new Map([[A, lot({ id: A, closedAt: 1, ...change })]]) })
  const sale = (quantity: string) => orders(exit([share("kt1-a", quantity)], { ...onExchange("OX"), id: X }))

  it("I5: a lot holds neither less than nothing nor more than was bought", () => {
    assert.deepEqual(after(lots({ remaining: q("100") })), [])
    assert.deepEqual(after(lots({ remaining: q("0") })), [])
    assert.deepEqual(after(lots({ remaining: q("100.00000001") })), ["invariant"])
    assert.deepEqual(after(lots({ remaining: q("-0.00000001") })), ["invariant"])
  })

  it("I5: its exits can't sell more than it holds; one that is sold has none that count", () => {
    assert.deepEqual(after({ ...lots({}), ...sale("100") }), [])
    assert.deepEqual(after({ ...lots({}), ...sale("100.00000001") }), ["invariant"])
    assert.deepEqual(after({ ...lots({ remaining: q("0") }), ...sale("5") }), [])
  })

  it("I5: what an earlier run left claimed breaks no rule until this one claims more of that lot", () => {
    const { startedAt } = ready().state
    const early = (lotId: string) =>
      exit([share(lotId, "150")], { ...onExchange("OE"), id: id("kt1-e"), createdAt: startedAt - 1 })
    const now = (...lotIds: ReadonlyArray<string>) =>
      exit(
        lotIds.map((one) => share(one, "1")),
        { ...onExchange("OX"), id: X, createdAt: startedAt }
      )
    assert.deepEqual(after({ ...lots({}), ...orders(early("kt1-a")) }), [])
    assert.deepEqual(after({ ...lots({}), ...orders(early("kt1-a"), now("kt1-b")) }), [])
    assert.deepEqual(after({ ...lots({}), ...orders(early("kt1-a"), now("kt1-b", "kt1-a")) }), ["invariant"])
  })

  it("I22: one that is told of latches", () => {
    assert.deepEqual(latches(ready().send({ _tag: "InvariantBroken", text: "wrong" })), ["invariant"])
  })
})

describe("what a fold gives out", () => {
  it("records come first, the last version of each, in the order of their first change", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    rig.send({ _tag: "ReportsSeen", reports: [rig.fillOf(order, "10"), rig.fillOf(order, "20")] })
    const [first] = rig.last
    assert(first?._tag === "Persist")
    assert.deepEqual(
      first.writes.map((write) => write._tag),
      ["Note", "Lot", "Fill", "Totals", "Order", "Fill"]
    )
    assert.deepEqual(first.writes[1], { _tag: "Lot", lot: rig.state.lots.get(order.id)! })
    assert.deepEqual(first.writes[3], { _tag: "Totals", totals: rig.state.totals })
    assert.deepEqual(first.writes[4], { _tag: "Order", order: rig.order(order.id) })
    assert.strictEqual(rig.of("Persist").length, 1)
  })

  it("two orders, lots and notes of one fold are all recorded", () => {
    const [one, two] = [entry({ ...onExchange("OA"), id: A }), entry({ ...onExchange("OX"), id: X })]
    const rig = ready(orders(one, two))
    rig.send({ _tag: "ReportsSeen", reports: [rig.fillOf(one, "10"), rig.fillOf(two, "10")] })
    const writes = rig.of("Persist")[0]!.writes
    assert.deepEqual(
      writes.flatMap((write) =>
        write._tag === "Order" ? [write.order.id] : write._tag === "Lot" ? [write.lot.id] : []
      ),
      [A, A, X, X]
    )
    assert.strictEqual(writes.filter((write) => write._tag === "Note").length, 1)
  })

  it("an event that changes nothing gives out nothing", () => {
    assert.deepEqual(ready().send({ _tag: "SkewSeen", skew: undefined }).last, [])
  })
})
