import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { merge } from "../../../src/domain/order/Order.ts"
import type { Lot } from "../../../src/domain/portfolio/Lot.ts"
import { bookEntry, bookExit, realisedOf } from "../../../src/domain/portfolio/Portfolio.ts"
import { statement } from "../../../src/domain/portfolio/Statement.ts"
import type { Executed } from "../../../src/domain/portfolio/Statement.ts"
import { entry, exit, fill, id, NOON, p, q, share, usd } from "../../support/build.ts"

const buy = (lot: string, execution: string, quantity: string, at: number, fee?: object): Executed => ({
  order: entry({ id: id(lot) }),
  fill: fill(execution, quantity, { at, ...fee })
})
const sell = (order: Order, execution: string, quantity: string, at: number, change: object = {}): Executed => ({
  order,
  fill: fill(execution, quantity, { side: "sell", price: p("0.11"), at, ...change })
})
const amounts = (values: ReadonlyArray<bigint | undefined>): ReadonlyArray<string | undefined> =>
  values.map((value) => (value === undefined ? undefined : Fixed.show(value)))
const sum = (values: ReadonlyArray<bigint | undefined>): bigint =>
  values.reduce((total: bigint, value) => total + (value ?? 0n), 0n)

describe("the statement of executions", () => {
  it("a purchase has its cost, a sale the lot it sold, what that had cost, and the gain", () => {
    const rows = statement([
      sell(exit([share("kt1a", "100")]), "T3", "60", NOON + 2000),
      buy("kt1a", "T1", "40", NOON),
      buy("kt1a", "T2", "60", NOON + 1000),
      sell(exit([share("kt1a", "100")]), "T4", "40", NOON + 3000)
    ])
    assert.deepEqual(
      rows.map((row) => row.fill.executionId),
      ["T1", "T2", "T3", "T4"]
    )
    // 0.1 USD a piece, a quarter per cent of fees on both sides; sold at 0.11
    assert.deepEqual(amounts(rows.map((row) => row.costBasis)), ["4.01", "6.015", "6.015", "4.01"])
    assert.deepEqual(amounts(rows.map((row) => row.gain)), [undefined, undefined, "0.5685", "0.379"])
    assert.deepEqual(
      rows.map((row) => row.acquiredAt),
      [NOON, NOON, NOON, NOON]
    )
    assert.deepEqual(amounts(rows.map((row) => row.lot?.remaining)), ["0", "0", "0", "0"])
  })

  it("a sale out of two lots is a row for each, and its fee is split whole", () => {
    const rows = statement([
      buy("kt1a", "T1", "30", NOON),
      buy("kt1b", "T2", "30", NOON + 1),
      sell(exit([share("kt1a", "30"), share("kt1b", "30")]), "T3", "50", NOON + 2, { fee: usd("0.01") })
    ])
    assert.deepEqual(
      rows.map((row) => String(row.lot?.id)),
      ["kt1a", "kt1b", "kt1a", "kt1b"]
    )
    assert.deepEqual(amounts(rows.map((row) => row.quantity)), ["30", "30", "30", "20"])
    assert.strictEqual(sum(rows.slice(2).map((row) => row.fee)), usd("0.01"))
    assert.strictEqual(sum(rows.slice(2).map((row) => row.amount)), usd("5.5"))
  })

  it("a fee in base is taken off what was bought, and is sold with what was sold", () => {
    const inBase = (fee: string) => ({ fee: q(fee), feeAsset: "XLM" })
    const rows = statement([
      buy("kt1a", "T1", "100", NOON, inBase("1")),
      sell(exit([share("kt1a", "99")]), "T2", "98", NOON + 1, inBase("1"))
    ])
    assert.deepEqual(amounts(rows.map((row) => row.quantity)), ["99", "99"])
    // what left the account for the purchase: 10 USD
    assert.deepEqual(amounts(rows.map((row) => row.costBasis)), ["10", "10"])
    // 98 at 0.11 came in
    assert.deepEqual(amounts([rows[1]?.gain]), ["0.78"])
  })

  it("fees in coins over executions of one lot and sales out of two: the gains are the lots' own results", () => {
    const inBase = (fee: string) => ({ fee: q(fee), feeAsset: "XLM" })
    const shares = [share("kt1a", "99.75"), share("kt1b", "29.93")]
    const executed = [
      buy("kt1a", "T1", "60", NOON, inBase("0.15")),
      buy("kt1a", "T2", "40", NOON + 1, inBase("0.1")),
      buy("kt1b", "T3", "30", NOON + 2, inBase("0.07")),
      sell(exit(shares), "T4", "109.7", NOON + 3, inBase("0.3")),
      sell(exit(shares), "T5", "19.6", NOON + 4, inBase("0.08"))
    ]
    const rows = statement(executed)
    assert.deepEqual(amounts(rows.map((row) => row.quantity)), ["59.85", "39.9", "29.93", "99.75", "10.25", "19.68"])
    // 130 at 0.1 were paid, 129.3 at 0.11 came in; what was bought is sold
    assert.strictEqual(sum(rows.slice(0, 3).map((row) => row.costBasis)), usd("13"))
    assert.strictEqual(sum(rows.slice(3).map((row) => row.costBasis)), usd("13"))
    assert.strictEqual(sum(rows.map((row) => row.gain)), usd("14.223") - usd("13"))
    for (const { fill: one } of executed)
      assert.strictEqual(sum(rows.filter((row) => row.fill === one).map((row) => row.fee)), one.fee)
    assert.deepEqual(amounts(rows.slice(3).map((row) => row.lot?.remaining)), ["0", "0", "0"])
  })

  it("what no lot covers is a row without cost and gain", () => {
    const rows = statement([
      buy("kt1a", "T1", "30", NOON),
      sell(exit([share("kt1a", "30")]), "T2", "40", NOON + 1),
      { order: exit([]), fill: fill("T3", "1", { at: NOON + 2 }) }
    ])
    assert.deepEqual(
      rows.map((row) => [row.fill.executionId, row.lot?.id, Fixed.show(row.quantity), row.gain === undefined]),
      [
        ["T1", "kt1a", "30", true],
        ["T2", "kt1a", "30", false],
        ["T2", undefined, "10", true],
        ["T3", undefined, "1", true]
      ]
    )
    assert.strictEqual(sum(rows.slice(1, 3).map((row) => row.amount)), usd("4.4"))
  })

  it("over any history, gains add up to what the books say was realised, and fees to the fills' own", () => {
    const step = fc.record({
      sell: fc.boolean(),
      part: fc.integer({ min: 1, max: 100 }),
      quantity: fc.integer({ min: 1, max: 5_000_000 }),
      price: fc.integer({ min: 1, max: 900_000 })
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        let lots: ReadonlyArray<Lot> = []
        const executed: Array<Executed> = []
        for (const [n, one] of steps.entries()) {
          const at = NOON + n
          const price = Money.Price(BigInt(one.price) * 1_000_000n)
          const [first, second] = lots.filter((lot) => lot.remaining > 0n)
          if (one.sell && first !== undefined) {
            const named = second === undefined || n % 2 === 0 ? [first] : [first, second]
            const order = exit(
              named.map((lot) => ({ lotId: lot.id, quantity: lot.remaining })),
              { id: id(`x${n}`) }
            )
            const quantity = Fixed.toDecimals((order.quantity * BigInt(one.part)) / 100n, 8, "down")
            if (quantity === 0n) continue
            const report = fill(`T${n}`, Fixed.show(quantity), { side: "sell", price, at })
            const sold = bookExit(lots, order, report)
            lots = lots.map((lot) => sold.lots.find((changed) => changed.id === lot.id) ?? lot)
            executed.push({ order: merge(order, report), fill: report })
            continue
          }
          const order = entry({ id: id(`e${n}`) })
          const report = fill(`T${n}`, Fixed.show(BigInt(one.quantity) * 10_000n), { price, at })
          const lot = bookEntry(undefined, order, report)
          if (lot !== undefined) lots = [...lots, lot]
          executed.push({ order: merge(order, report), fill: report })
        }
        const rows = statement(executed.toReversed())
        for (const lot of lots) {
          const sales = rows.filter((row) => row.fill.side === "sell" && row.lot?.id === lot.id)
          assert.strictEqual(sum(sales.map((row) => row.gain)), realisedOf(lot))
          assert.deepEqual(rows.find((row) => row.lot?.id === lot.id)?.lot, lot)
        }
        assert.strictEqual(sum(rows.map((row) => row.fee)), sum(executed.map((one) => one.fill.fee)))
        assert.strictEqual(sum(rows.map((row) => row.amount)), sum(executed.map((one) => one.fill.cost)))
      })
    )
  })
})
