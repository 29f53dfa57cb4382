/**
 * Every execution as a row for a tax return: purchases with their cost, sales with the lot they sold, what it had cost and
 * what was gained. A sale out of several lots is a row for each. The rows are made by booking the executions again, in the
 * order of their times, with the very functions that booked them.
 */
import * as Fixed from "../money/Fixed.ts"
import type { Quantity, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { LotId } from "../order/Ids.ts"
import type { Order } from "../order/Order.ts"
import { feeBase, feeUsd } from "../order/Order.ts"
import type { FillReport } from "../order/Report.ts"
import type { EpochMs } from "../Time.ts"
import type { Lot } from "./Lot.ts"
import { bookEntry, bookExit, costOf } from "./Portfolio.ts"

/** An execution and the order it belongs to, as it is now. */
export interface Executed {
  readonly fill: FillReport
  readonly order: Order
}

export interface StatementRow {
  readonly fill: FillReport
  readonly order: Order
  /** What was bought (a fee in base taken off), or what of this lot was sold (a fee in base included). */
  readonly quantity: Quantity
  /** Fill amount, fees aside: paid for a purchase, received for a sale. Cost and fee of a row add up to the dollars that moved. */
  readonly amount: Usd
  /** In units of the fill's fee asset: this row's part. */
  readonly fee: bigint
  readonly feeUsd: Usd
  /** `undefined`: no lot of the trader's covers it. */
  readonly lot: Lot | undefined
  /** First execution of the lot's purchase. */
  readonly acquiredAt: EpochMs | undefined
  /** What this quantity cost, purchase fees included. */
  readonly costBasis: Usd | undefined
  /** Sales only: amount less fee less cost basis. Over a lot that is sold whole they add up to its result exactly. */
  readonly gain: Usd | undefined
}

interface Part {
  readonly lotId: LotId | undefined
  readonly quantity: bigint
  readonly amount: bigint
  readonly feeUsd: bigint
}

/** What a sale took from each lot, and what no lot covered. */
const partsOf = (before: ReadonlyMap<LotId, Lot>, after: ReadonlyArray<Lot>, fill: FillReport): ReadonlyArray<Part> => {
  const sold = after.map((lot): Part => {
    const was = before.get(lot.id) ?? lot
    return {
      lotId: lot.id,
      quantity: was.remaining - lot.remaining,
      amount: lot.proceeds - was.proceeds,
      feeUsd: lot.exitFee - was.exitFee
    }
  })
  const sum = (of: (part: Part) => bigint): bigint => sold.reduce((total, part) => total + of(part), 0n)
  const inBase = feeBase(fill)
  const rest: Part = {
    lotId: undefined,
    quantity: fill.quantity + inBase - sum((part) => part.quantity),
    amount: fill.cost + (inBase > 0n ? feeUsd(fill) : 0n) - sum((part) => part.amount),
    feeUsd: feeUsd(fill) - sum((part) => part.feeUsd)
  }
  return rest.quantity > 0n ? [...sold, rest] : sold
}

/** One row per execution and lot, oldest first. `executed` may come in any order. */
export const statement = (executed: ReadonlyArray<Executed>): ReadonlyArray<StatementRow> => {
  const lots = new Map<LotId, Lot>()
  const booked = new Map<string, Quantity>()
  const sales: Array<Executed & { readonly part: Part; readonly before: bigint }> = []
  const inOrder = executed.toSorted(
    (a, b) => a.fill.at - b.fill.at || (a.fill.executionId < b.fill.executionId ? -1 : 1)
  )
  const sale = (one: Executed): void => {
    const { fill, order } = one
    const already = booked.get(order.id) ?? Money.zeroQuantity
    booked.set(order.id, Money.addQuantity(already, fill.quantity))
    const before = new Map(lots)
    const result = bookExit([...lots.values()], { ...order, bookedQuantity: already }, fill)
    for (const part of partsOf(before, result.lots, fill)) {
      const was = part.lotId === undefined ? undefined : before.get(part.lotId)
      sales.push({ ...one, part, before: was === undefined ? 0n : was.quantity - was.remaining })
    }
    for (const lot of result.lots) lots.set(lot.id, lot)
  }
  for (const one of inOrder) {
    if (one.fill.side === "sell") {
      sale(one)
      continue
    }
    const lot = bookEntry(lots.get(one.order.id), one.order, one.fill)
    if (lot !== undefined) lots.set(lot.id, lot)
  }
  const bought = ({ fill, order }: Executed): StatementRow => {
    const lot = lots.get(order.id)
    const fee = feeUsd(fill)
    const amount = Money.subUsd(fill.cost, feeBase(fill) > 0n ? fee : Money.zeroUsd)
    return {
      fill,
      order,
      quantity: Money.subQuantity(fill.quantity, feeBase(fill)),
      amount,
      fee: fill.fee,
      feeUsd: fee,
      lot,
      acquiredAt: lot?.openedAt,
      costBasis: Money.addUsd(amount, fee),
      gain: undefined
    }
  }
  const rows = new Map<Executed["fill"], ReadonlyArray<StatementRow>>()
  for (const { before, fill, order, part } of sales) {
    const lot = part.lotId === undefined ? undefined : lots.get(part.lotId)
    // cumulative, so that no rounding is lost between the sales of a lot
    const costBasis =
      lot === undefined
        ? undefined
        : Money.Usd(costOf(lot, Money.Quantity(before + part.quantity)) - costOf(lot, Money.Quantity(before)))
    const earlier = rows.get(fill) ?? []
    const all = fill.quantity + feeBase(fill)
    const share = Fixed.divide(fill.fee * part.quantity, all, "nearest")
    const taken = earlier.reduce((total, row) => total + row.quantity, 0n)
    const last = taken + part.quantity === all
    rows.set(fill, [
      ...earlier,
      {
        fill,
        order,
        quantity: Money.Quantity(part.quantity),
        amount: Money.Usd(part.amount),
        fee: last ? fill.fee - earlier.reduce((total, row) => total + row.fee, 0n) : share,
        feeUsd: Money.Usd(part.feeUsd),
        lot,
        acquiredAt: lot?.openedAt,
        costBasis,
        gain: costBasis === undefined ? undefined : Money.Usd(part.amount - part.feeUsd - costBasis)
      }
    ])
  }
  return inOrder.flatMap((one) => (one.fill.side === "sell" ? (rows.get(one.fill) ?? []) : [bought(one)]))
}
