import { assert, describe, it } from "vitest"
import type { LedgerMove } from "../../../src/domain/engine/Event.ts"
import type { EngineState } from "../../../src/domain/engine/State.ts"
import { ExchangeOrderId, ExecutionId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import type { Lot } from "../../../src/domain/portfolio/Lot.ts"
import { BTC, entry, exit, id, instrument, lot, p, q, share, usd } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const A = id("kt1-a")
const B = id("kt1-b")
const X = id("kt1-x")
const onExchange = { status: "open", exchangeId: ExchangeOrderId("OAAAAA"), expiresAt: 9e15 } as const

/** A trader at work whose books say this. */
const books = (lots: ReadonlyArray<Lot>, orders: ReadonlyArray<Order> = [], change: Partial<EngineState> = {}): Rig => {
  const rig = new Rig({
    limits: { maxTotalExposure: usd("1000") },
    instruments: [instrument(), instrument({ symbol: BTC, base: "BTC" })]
  }).ready("100")
  rig.state = {
    ...rig.state,
    lots: new Map(lots.map((one) => [one.id, one])),
    orders: new Map(orders.map((one) => [one.id, one])),
    ...change
  }
  return rig
}
type Amounts = Readonly<Record<string, string>>
const amounts = (of: Amounts) => new Map(Object.entries(of).map(([asset, text]) => [asset, q(text)]))
const see = (rig: Rig, total: Amounts, hold: Amounts = {}): Rig =>
  rig.send({ _tag: "BalancesSeen", begunAt: rig.now, total: amounts(total), hold: amounts(hold) })
const foreign = (of: Amounts): Pick<EngineState, "foreign"> => ({ foreign: amounts(of) })
const writes = (rig: Rig, tag: string) => rig.of("Persist").flatMap((d) => d.writes.filter((w) => w._tag === tag))

describe("when a balance can be compared (I10)", () => {
  const compared = (orders: ReadonlyArray<Order>, change: Partial<EngineState> = {}): boolean =>
    see(books([], orders, change), { USD: "90" }).state.differences.size > 0
  const amend = { quantity: q("1"), limitPrice: p("0.1"), sentAt: 0, deadline: 0, state: "inFlight" } as const

  it("while nothing but resting orders is at work", () => {
    assert.isTrue(compared([entry({ status: "cancelled" }), entry({ ...onExchange, id: X })]))
    for (const change of [
      { status: "unknown" as const },
      { amend },
      { timeInForce: "IOC" as const },
      { status: "cancelled" as const, cumQuantity: q("5") },
      { cumQuantity: q("5") }
    ]) {
      assert.isFalse(compared([entry({ ...onExchange, ...change }), entry({ id: A, status: "cancelled" })]))
    }
  })

  it("and more than five seconds after the last fill", () => {
    const { now } = books([])
    assert.deepEqual(
      [5001, 5000, -1].map((ms) => compared([], { lastFillAt: now - ms })),
      [true, false, false]
    )
  })
})

describe("a difference that the operator took over", () => {
  const looks = (change: Partial<EngineState>): number =>
    books([], [], change).send({ _tag: "Tick" }).of("FetchBalances").length

  it("is looked for on time, and nothing else is; not while books and exchange are being compared", () => {
    assert.strictEqual(looks({ accepting: true }), 1)
    assert.strictEqual(looks({ accepting: false }), 0)
    assert.strictEqual(looks({ accepting: true, reconciling: new Set(["by hand"]) }), 0)
  })

  it("is told without weight", () => {
    const rig = see(books([], [], { ...foreign({ USD: "100", XLM: "0", BTC: "0" }), accepting: true }), { USD: "90" })
    assert.deepEqual(
      rig.of("Alert").map(({ kind, severity }) => [kind, severity]),
      [["balance.accepted", "info"]]
    )
  })
})

describe("what others hold", () => {
  it("is what the account holds less the trader's entries with their fees, rounded against the trader's claim", () => {
    const held = (price: string) =>
      see(books([], [entry({ ...onExchange, limitPrice: p(price) })]), { USD: "100" }, { USD: "30" }).state.balances
        ?.foreignHoldUsd
    assert.strictEqual(held("0.1"), usd("19.96"))
    // 10.0000000001 and 0.4 % of it, 0.0400000000004
    assert.strictEqual(held("0.100000000001"), usd("19.959999999899"))
    const more = see(books([], [entry(onExchange)]), { USD: "100" }, { USD: "5" })
    assert.strictEqual(more.state.balances?.foreignHoldUsd, usd("0"))
  })
})

describe("what the ledger is read for", () => {
  it("is everything since the older of two agreements, and a minute before", () => {
    const rig = books([], [], foreign({ USD: "100", XLM: "0", BTC: "0" }))
    const since = rig.now
    see(rig, { USD: "90" })
    see(rig.after(30_000), { USD: "90" })
    const later = rig.now
    for (let n = 0; n < 2; n++) see(rig.after(60_000), { USD: "90", XLM: "5" })
    assert.strictEqual(rig.state.agreed.get("XLM")?.at, later)
    assert.strictEqual(rig.ever("FetchLedger").at(-1)?.since, since - 60_000)
  })
})

describe("what is not the trader's", () => {
  it("is what is there at first sight and not the books', and is recorded once", () => {
    const rig = see(books([lot({ id: A, remaining: q("40") })], [], { foreign: new Map() }), { USD: "90", XLM: "100" })
    assert.deepEqual(rig.state.foreign, amounts({ USD: "90", XLM: "60", BTC: "0" }))
    assert.deepEqual(writes(rig, "Foreign"), [{ _tag: "Foreign", foreign: rig.state.foreign }])
    assert.deepEqual(rig.state.breaker.latches, {})
    see(rig.after(1000), { USD: "90", XLM: "100" })
    assert.deepEqual(writes(rig, "Foreign"), [])
    assert.strictEqual(rig.state.differences.size, 0)
  })

  it("is no part of a second sight that agrees, and a new asset does not hide what is known", () => {
    const rig = see(books([lot({ id: A, remaining: q("40") })], [], foreign({ USD: "90", XLM: "60" })), {
      USD: "90",
      XLM: "100",
      BTC: "2"
    })
    assert.strictEqual(rig.state.differences.size, 0)
    assert.deepEqual(writes(rig, "Foreign"), [
      { _tag: "Foreign", foreign: amounts({ USD: "90", XLM: "60", BTC: "2" }) }
    ])
  })

  it("dollars that the books earned and the account does not show are no loss of coins", () => {
    const rig = books([], [], { foreign: new Map() })
    rig.state = { ...rig.state, totals: { ...rig.state.totals, ownUsd: usd("50") } }
    assert.deepEqual(see(rig, { USD: "20" }).state.breaker.latches, {})
  })
})

describe("after insufficient funds", () => {
  const told = (lotId: typeof A, change: Partial<Lot> = {}): Lot =>
    lot({ id: lotId, remaining: q("60"), sellable: q("0"), ...change })
  const sellable = (rig: Rig) => [A, B, X].map((one) => rig.state.lots.get(one)?.sellable)

  it("what the account has free is shared out over the lots that were told, the first first", () => {
    const rig = see(books([told(A), told(B), told(X, { symbol: BTC })]), { USD: "100", XLM: "100" })
    assert.deepEqual(sellable(rig), [undefined, q("40"), q("0")])
    assert.isFalse("sellable" in rig.state.lots.get(A)!)
  })

  it("what a lot's own exit holds is that lot's", () => {
    const working = exit([share("kt1-a", "30")], { ...onExchange, id: id("kt1-s") })
    const rig = see(books([told(A), told(B)], [working]), { USD: "100", XLM: "100" }, { XLM: "30" })
    assert.deepEqual(sellable(rig).slice(0, 2), [undefined, q("40")])
    const less = see(books([told(A), told(B)], [working]), { USD: "100", XLM: "50" }, { XLM: "30" })
    assert.deepEqual(sellable(less).slice(0, 2), [q("50"), q("0")])
  })
})

describe("what the ledger explains", () => {
  const move = (asset: string, amount: string, balance: string, change: Partial<LedgerMove> = {}): LedgerMove => ({
    asset,
    amount: q(amount),
    fee: 0n,
    type: "transfer",
    refId: "R1",
    balance: q(balance),
    at: 1,
    ...change
  })
  /** A difference that was confirmed, from an agreed balance to the one that was seen. */
  const explained = (
    asset: string,
    agreed: string,
    seen: string,
    moves: ReadonlyArray<LedgerMove>,
    change: Partial<EngineState> = {},
    lots: ReadonlyArray<Lot> = []
  ): Rig => {
    const rig = books(lots, [], {
      ...foreign({ USD: "100", XLM: "60", BTC: "0" }),
      differences: new Map([
        [asset, { amount: q(seen) - q(agreed), at: 0, last: { at: 0, total: q(seen) }, confirmed: true }]
      ]),
      agreed: new Map([[asset, { at: 0, total: q(agreed) }]]),
      ...change
    })
    return rig.send({ _tag: "LedgerSeen", moves })
  }
  const latched = (rig: Rig): boolean => rig.state.breaker.latches.balance !== undefined

  it("is told, recorded, and agreed on from then on", () => {
    const rig = explained("USD", "100", "90", [move("USD", "-10", "90")])
    assert.isFalse(latched(rig))
    assert.strictEqual(rig.state.foreign.get("USD"), usd("90"))
    assert.strictEqual(rig.state.differences.size, 0)
    assert.deepEqual(rig.state.agreed.get("USD"), { at: 0, total: q("90") })
    assert.deepEqual(
      rig.of("Alert").map(({ kind, severity }) => [kind, severity]),
      [["balance.explained", "info"]]
    )
    assert.match(rig.of("Alert")[0]?.text ?? "", /by transfer;/)
    assert.deepEqual(writes(rig, "Foreign"), [{ _tag: "Foreign", foreign: rig.state.foreign }])
  })

  it("is told by the moves of that asset alone, and not by the trader's own trades", () => {
    assert.isTrue(latched(explained("USD", "100", "90", [move("XLM", "-10", "90")])))
    const own = entry({ status: "filled", executions: [ExecutionId("T1"), ExecutionId("T2")] })
    const orders = { orders: new Map([[own.id, own]]) }
    assert.isTrue(latched(explained("USD", "100", "90", [move("USD", "-10", "90", { refId: "T2" })], orders)))
    assert.isFalse(latched(explained("USD", "100", "90", [move("USD", "-10", "90", { refId: "R2" })], orders)))
  })

  it("may take all of the owner's coins, and none of the trader's; dollars may be owed", () => {
    const held = [lot({ id: A, remaining: q("40") })]
    const left = (seen: string) =>
      latched(explained("XLM", "100", seen, [move("XLM", String(Number(seen) - 100), seen)], {}, held))
    assert.deepEqual([left("60"), left("40"), left("39")], [false, false, true])
    assert.isFalse(latched(explained("USD", "100", "-5", [move("USD", "-105", "-5")])))
  })
})
