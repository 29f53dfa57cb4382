import { assert, describe, it } from "vitest"
import { recover } from "../../../src/domain/recovery/Recovery.ts"
import type { RecoveryInput } from "../../../src/domain/recovery/Recovery.ts"
import { readThrottle } from "../../../src/domain/engine/State.ts"
import { show } from "../../../src/domain/money/Fixed.ts"
import type { ClientOrderId } from "../../../src/domain/order/Ids.ts"
import { clientOrderId, ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { FillReport, StatusReport } from "../../../src/domain/order/Report.ts"
import { emptyTotals } from "../../../src/domain/portfolio/Portfolio.ts"
import { BTC, entry, fill, id, instrument, lot, NOON, p, q, share, status, usd, XLM } from "../../support/build.ts"
import { prefix } from "../engine/Rig.ts"

const MINUTE = 60_000
type Own = StatusReport & { readonly clientId: ClientOrderId }

/** An order of ours as the exchange tells it, placed so many minutes after noon. */
const order = (name: string, minute: number, change: Partial<StatusReport> = {}): Own => ({
  ...status({
    source: "rest",
    exchangeId: ExchangeOrderId(`O${name}`),
    symbol: XLM,
    side: "buy",
    status: "filled",
    quantity: q("100"),
    limitPrice: p("0.1"),
    cumQuantity: q("100"),
    cumCost: usd("10"),
    postOnly: true,
    at: NOON + minute * MINUTE + 1000,
    ...change
  }),
  clientId: clientOrderId(prefix, NOON + minute * MINUTE)
})
const bought = (name: string, minute: number, quantity = "100"): FillReport =>
  fill(`T${name}`, quantity, { exchangeId: ExchangeOrderId(`O${name}`), at: NOON + minute * MINUTE, source: "rest" })
const sold = (name: string, minute: number, quantity: string, price = "0.11"): FillReport =>
  fill(`T${name}${minute}`, quantity, {
    exchangeId: ExchangeOrderId(`O${name}`),
    at: NOON + minute * MINUTE,
    side: "sell",
    price: p(price)
  })

const input = (change: Partial<RecoveryInput> = {}): RecoveryInput => ({
  prefix,
  now: NOON + 60 * MINUTE,
  instruments: new Map([[XLM, instrument()]]),
  own: [],
  fills: [],
  books: { orders: [], lots: [], totals: emptyTotals, marked: false },
  midnight: new Map(),
  ...change
})
const writesOf = (result: ReturnType<typeof recover>, tag: string) => result.writes.filter(({ _tag }) => _tag === tag)

describe("books that were lost are rebuilt from the exchange", () => {
  it("an open lot with its resting target: orders, execution, lot, cash, and the plan from the target", () => {
    const target = order("B", 1, {
      side: "sell",
      status: "open",
      cumQuantity: q("0"),
      cumCost: usd("0"),
      limitPrice: p("0.105")
    })
    const result = recover(input({ own: [order("A", 0), target], fills: [bought("A", 0)] }))
    assert.deepEqual(result.problems, [])
    assert.deepEqual(
      result.orders.map(({ after, what }) => [what, after.side, after.status, show(after.bookedQuantity)]),
      [
        ["added", "buy", "filled", "100"],
        ["added", "sell", "open", "0"]
      ]
    )
    const [held] = result.lots
    assert(held !== undefined)
    assert.strictEqual(held.what, "added")
    assert.strictEqual(show(held.after.remaining), "100")
    assert.strictEqual(show(held.after.plan.target), "0.105")
    assert.strictEqual(show(held.after.plan.stop), "0.097")
    assert.strictEqual(held.after.openedAt + held.after.plan.holdFor, NOON + 60 * MINUTE + 24 * 60 * MINUTE)
    const exit = result.orders[1]?.after.purpose
    assert.deepEqual(exit?._tag === "Exit" ? exit.lots : [], [{ lotId: held.after.id, quantity: q("100") }])
    assert.strictEqual(show(result.after.ownUsd), "-10.025")
    assert.lengthOf(writesOf(result, "Fill"), 1)
    const note = writesOf(result, "Note")[0]
    assert.strictEqual(readThrottle(note?._tag === "Note" ? note.value : "").entries, 1)
  })

  it("sales whose lot is not known are matched first in, first out; sold lots become closed trades", () => {
    const sale = order("C", 20, { side: "sell", quantity: q("150"), cumQuantity: q("150"), postOnly: false })
    const result = recover(
      input({
        own: [sale, order("B", 10), order("A", 0)],
        fills: [sold("C", 21, "30"), sold("C", 20, "120"), bought("B", 10), bought("A", 0)]
      })
    )
    assert.deepEqual(
      result.lots.map(({ after }) => [after.id, show(after.remaining)]),
      [
        [clientOrderId(prefix, NOON), "0"],
        [clientOrderId(prefix, NOON + 10 * MINUTE), "50"]
      ]
    )
    const first = result.lots.find(({ after }) => after.id === clientOrderId(prefix, NOON))?.after
    assert.strictEqual(first?.closedAt, NOON + 20 * MINUTE)
    assert.strictEqual(result.after.closedTrades, 1)
    assert.strictEqual(result.after.winningTrades, 1)
    assert.lengthOf(writesOf(result, "ClosedTrade"), 1)
    const exit = result.orders.find(({ after }) => after.side === "sell")?.after
    assert.deepEqual(exit?.purpose._tag === "Exit" ? exit.purpose.lots.map(({ quantity }) => show(quantity)) : [], [
      "100",
      "50"
    ])
    assert.strictEqual(exit?.timeInForce, "IOC")
  })

  it("run again on what it wrote, nothing differs", () => {
    const given = { own: [order("A", 0)], fills: [bought("A", 0)] }
    const first = recover(input(given))
    const books = {
      orders: first.orders.map(({ after }) => after),
      lots: first.lots.map(({ after }) => after),
      totals: first.after,
      marked: true
    }
    const again = recover(input({ ...given, books }))
    assert.deepEqual([again.orders, again.lots, again.fills, again.writes], [[], [], [], []])
  })

  it("the day's loss before the loss of the books counts: by the mark at midnight", () => {
    const day = 24 * 60
    const late = { now: NOON + day * MINUTE }
    const sale = order("B", 10, { side: "sell" })
    const nothingHeld = recover(
      input({ ...late, own: [order("A", 0), sale], fills: [bought("A", 0), sold("B", 10, "100", "0.09")] })
    )
    assert.deepEqual(writesOf(nothingHeld, "DayMark"), [
      {
        _tag: "DayMark",
        mark: {
          day: "2024-03-11",
          at: NOON + (day / 2) * MINUTE,
          equity: nothingHeld.after.realised,
          source: "no lots"
        }
      }
    ])
    const held = { ...late, own: [order("A", 0)], fills: [bought("A", 0)] }
    assert.lengthOf(writesOf(recover(input(held)), "DayMark"), 0)
    const marked = writesOf(recover(input({ ...held, midnight: new Map([[XLM, p("0.12")]]) })), "DayMark")[0]
    assert.strictEqual(marked?._tag === "DayMark" ? show(marked.mark.equity) : "", "1.975")
  })
})

describe("books restored from an old backup are brought up to date", () => {
  const known = entry({
    id: clientOrderId(prefix, NOON),
    exchangeId: ExchangeOrderId("OA"),
    status: "open",
    quantity: q("100")
  })

  it("an order they have as open is filled, its own plan and reason are kept", () => {
    const result = recover(
      input({
        own: [order("A", 0)],
        fills: [bought("A", 0)],
        books: { orders: [known], lots: [], totals: { ...emptyTotals, closedTrades: 4 }, marked: true }
      })
    )
    const [change] = result.orders
    assert(change !== undefined)
    assert.strictEqual(change.what, "changed")
    assert.deepEqual(change.after.purpose, known.purpose)
    assert.strictEqual(change.after.status, "filled")
    assert.deepEqual(result.lots[0]?.after.plan, known.purpose._tag === "Entry" ? known.purpose.plan : undefined)
    assert.strictEqual(result.after.closedTrades, 4)
  })

  it("an exit that they know sells the lots that it names, not the oldest", () => {
    const [old, young] = [lot({ id: id("kt1-a") }), lot({ id: id("kt1-b"), openedAt: NOON + MINUTE })]
    const exit = {
      ...known,
      side: "sell" as const,
      purpose: { _tag: "Exit" as const, kind: "target" as const, lots: [share("kt1-b", "100")], attempt: 0 },
      exchangeId: ExchangeOrderId("OA")
    }
    const own = [
      order("A", 0, { side: "sell" }),
      { ...order("X", 1), clientId: id("kt1-a") },
      { ...order("Y", 2), clientId: id("kt1-b") }
    ]
    const result = recover(
      input({
        own,
        fills: [sold("A", 3, "100")],
        books: {
          orders: [
            exit,
            entry({ id: old.id, exchangeId: ExchangeOrderId("OX"), status: "filled" }),
            entry({ id: young.id, exchangeId: ExchangeOrderId("OY"), status: "filled" })
          ],
          lots: [old, young],
          totals: emptyTotals,
          marked: true
        }
      })
    )
    assert.deepEqual(
      result.lots.map(({ after }) => [after.id, show(after.remaining)]),
      [[young.id, "0"]]
    )
  })

  it("what the exchange never had: an order is rejected once it cannot arrive any more, a lot is voided", () => {
    const pending = entry({ id: id("kt1-p"), status: "pending", deadline: NOON })
    const recent = entry({ id: id("kt1-q"), status: "unknown", deadline: NOON + 60 * MINUTE })
    const ghost = lot({ id: id("kt1-g") })
    const half = lot({ id: id("kt1-h"), proceeds: usd("1") })
    const result = recover(
      input({
        books: {
          orders: [pending, recent],
          lots: [ghost, half],
          totals: { ...emptyTotals, ownUsd: usd("-10.025") },
          marked: true
        }
      })
    )
    assert.deepEqual(
      result.orders.map(({ after }) => [after.id, after.status]),
      [[pending.id, "rejected"]]
    )
    assert.deepEqual(
      result.lots.map(({ after, what }) => [what, after.id, show(after.remaining)]),
      [["voided", ghost.id, "0"]]
    )
    assert.strictEqual(show(result.after.ownUsd), "0")
    assert.strictEqual(result.after.closedTrades, 0)
    assert.match(result.problems.join(), /kt1-q may still appear.*kt1-h/)
  })
})

describe("what cannot be brought into order is left and told", () => {
  it("pairs without rules, orders without terms, sales of what no lot held, missing executions, doubles", () => {
    const unknownPair = order("P", 1, { symbol: BTC })
    const { symbol: _, ...nameless } = order("N", 2)
    const { quantity: __, ...bare } = order("Q", 3)
    const oversold = order("S", 4, { side: "sell" })
    const short = order("M", 5)
    const twice = { ...order("M2", 5), exchangeId: ExchangeOrderId("OM2") }
    const tooMuch = order("T", 6, { side: "sell", status: "open", cumQuantity: q("0") })
    const result = recover(
      input({
        own: [unknownPair, nameless, bare, oversold, short, twice, tooMuch],
        fills: [sold("S", 4, "100"), bought("M", 5, "40")]
      })
    )
    const told = result.problems.join("\n")
    assert.match(told, /rules of its pair \(BTC\/USD\)/)
    assert.match(told, /\(unknown\)/)
    assert.match(told, /does not tell its side/)
    assert.match(told, /sold 100 of XLM\/USD that no lot held/)
    assert.match(told, /does not show 60/)
    assert.match(told, /stands twice/)
    assert.match(told, /sells 60 of XLM\/USD more than the lots hold/)
    const known = entry({ symbol: BTC, status: "open", exchangeId: ExchangeOrderId("OK") })
    const foreign = recover(
      input({
        own: [{ ...order("K", 1, { symbol: BTC }), clientId: known.id }],
        fills: [bought("K", 1)],
        books: { orders: [known], lots: [], totals: emptyTotals, marked: true }
      })
    )
    assert.match(foreign.problems.join(), /rules of BTC\/USD/)
  })
})
