/** Random money, orders and reports for property tests. Amounts lie on the grids that Kraken uses. */
import { FastCheck as fc } from "effect"
import * as Fixed from "../../src/domain/money/Fixed.ts"
import type { Price, Quantity, Usd } from "../../src/domain/money/Money.ts"
import * as Money from "../../src/domain/money/Money.ts"
import { ExecutionId } from "../../src/domain/order/Ids.ts"
import type { FillReport, OrderReport, StatusReport } from "../../src/domain/order/Report.ts"
import { fill, NOON, status } from "./build.ts"

const LOT = 10_000n
const TICK = 1_000_000n

/** Base units on the lot grid of eight decimals, from `min` to `max` whole units. */
export const quantity = (min: number, max: number): fc.Arbitrary<Quantity> =>
  fc.bigInt({ min: BigInt(min) * 100_000_000n, max: BigInt(max) * 100_000_000n }).map((n) => Money.Quantity(n * LOT))

/** Prices of XLM on the tick of six decimals, 0.05 to 0.2. */
export const price: fc.Arbitrary<Price> = fc
  .integer({ min: 50_000, max: 200_000 })
  .map((n) => Money.Price(BigInt(n) * TICK))

/** Up to `max` USD, four decimals. */
export const dollars = (max: number): fc.Arbitrary<Usd> =>
  fc.integer({ min: 0, max: max * 10_000 }).map((n) => Money.Usd(BigInt(n) * 100_000_000n))

/** Splits a quantity into up to `parts` positive pieces on the lot grid. */
export const split = (whole: Quantity, parts: number): fc.Arbitrary<ReadonlyArray<Quantity>> =>
  fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: parts }).map((weights) => {
    const sum = BigInt(weights.reduce((a, b) => a + b, 0))
    let left: bigint = whole
    const out: Array<Quantity> = []
    weights.forEach((weight, n) => {
      const piece = n === weights.length - 1 ? left : Fixed.toStep((whole * BigInt(weight)) / sum, LOT, "down")
      if (piece > 0n) out.push(Money.Quantity(piece))
      left -= piece
    })
    return out
  })

/** The life of one order on the exchange: every report it caused, in the order in which things happened. */
export interface History {
  readonly reports: ReadonlyArray<OrderReport>
  readonly final: StatusReport
  readonly fills: ReadonlyArray<FillReport>
  readonly quantity: Quantity
  readonly limitPrice: Price
}

/**
 * An order of `whole` at `limit`: live, perhaps amended, filled in parts with a status after each, and ended in one of
 * the three ways; REST reads of any moment in between. Cumulative amounts are those of the fills.
 */
export const history = (whole: Quantity, limit: Price, side: "buy" | "sell" = "buy"): fc.Arbitrary<History> =>
  fc
    .record({
      pieces: split(whole, 5),
      executed: fc.integer({ min: 0, max: 5 }),
      ending: fc.constantFrom("cancelled" as const, "expired" as const),
      amendAfter: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
      amended: price,
      feeRate: fc.integer({ min: 0, max: 40 })
    })
    .map(({ pieces, executed, ending, amendAfter, amended, feeRate }) => {
      const reports: Array<OrderReport> = []
      const fills: Array<FillReport> = []
      let at = NOON + 10
      let cum = 0n
      let cost = 0n
      let terms = { quantity: whole, limitPrice: limit }
      const say = (change: Partial<StatusReport>): StatusReport => {
        const report = status({ at, cumQuantity: Money.Quantity(cum), cumCost: Money.Usd(cost), ...change })
        reports.push(report)
        return report
      }
      say({ status: "pending", ...terms })
      const { cumQuantity: _, cumCost: __, ...bare } = status({ at: at + 1 })
      reports.push(bare)
      const done = pieces.slice(0, executed)
      done.forEach((piece, n) => {
        at += 100
        if (amendAfter === n) {
          terms = { quantity: whole, limitPrice: amended }
          say({ status: "open", ...terms, reason: "User requested" })
          at += 100
        }
        const one = fill(`T${n}`, "1", {
          executionId: ExecutionId(`T${n}`),
          side,
          quantity: piece,
          price: terms.limitPrice,
          cost: Money.Usd(Fixed.toDecimals(Money.notional(terms.limitPrice, piece, "nearest"), 8, "nearest")),
          at
        })
        const paid = { ...one, fee: Fixed.toDecimals((one.cost * BigInt(feeRate)) / 10_000n, 8, "nearest") }
        cum += piece
        cost += paid.cost
        fills.push(paid)
        reports.push(paid)
        say({ status: "open" })
        say({ status: "open", source: "rest", at: at + 1, ...terms })
      })
      at += 100
      const full = cum === whole
      const final = say({ status: full ? "filled" : ending, ...(full ? {} : { reason: "User requested" }) })
      say({ ...final, source: "rest", ...terms })
      return { reports, final, fills, ...terms }
    })
