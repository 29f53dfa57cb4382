/**
 * Booking: how one execution changes lots, totals and cash, and what the portfolio is worth. Profit is counted on fill
 * amounts, net of all fees; cash on ledger amounts; the rounding between the two is kept (I10).
 */
import type { Instrument, PairSymbol } from "../market/Instrument.ts"
import { ledgerQuote } from "../market/Instrument.ts"
import type { Quote } from "../market/Market.ts"
import * as Fixed from "../money/Fixed.ts"
import type { Quantity, Rate, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { LotId } from "../order/Ids.ts"
import type { LotShare, Order } from "../order/Order.ts"
import { feeBase, feeUsd, openQuantity } from "../order/Order.ts"
import type { FillReport } from "../order/Report.ts"
import type { BookedFill, Totals } from "./Books.ts"
import type { Lot } from "./Lot.ts"

export const emptyTotals: Totals = {
  ownUsd: Money.zeroUsd,
  rounding: Money.zeroUsd,
  realised: Money.zeroUsd,
  closedTrades: 0,
  winningTrades: 0
}

/** The part of a lot's cost and entry fee that belongs to `quantity` of it, rounded to nearest. */
export const costOf = (lot: Lot, quantity: Quantity): Usd =>
  lot.quantity === 0n
    ? Money.zeroUsd
    : Money.Usd(Fixed.divide((lot.cost + lot.entryFee) * quantity, lot.quantity, "nearest"))

/** Cost and entry fee of what is still held: exactly what `costOf` of the sold part leaves. */
const costOfHeld = (lot: Lot): Usd =>
  Money.Usd(lot.cost + lot.entryFee - costOf(lot, Money.subQuantity(lot.quantity, lot.remaining)))

/** Entry cost of what is still held, fees aside. */
export const heldCost = (lot: Lot): Usd =>
  lot.quantity === 0n ? Money.zeroUsd : Money.Usd(Fixed.divide(lot.cost * lot.remaining, lot.quantity, "up"))

/** Profit of what was sold of a lot so far, net of fees; exact once the lot is sold whole. */
export const realisedOf = (lot: Lot): Usd =>
  Money.Usd(lot.proceeds - lot.exitFee - costOf(lot, Money.subQuantity(lot.quantity, lot.remaining)))

/** What a fill moves on the quote ledger, and the rounding against fill amounts. Kraken: ledger at asset decimals, nearest. */
export const bookCash = (instrument: Instrument, fill: FillReport, order: Order): BookedFill => {
  const fee = fill.feeAsset === instrument.base ? Money.zeroUsd : feeUsd(fill)
  const sign = fill.side === "sell" ? 1n : -1n
  const exact = sign * fill.cost - fee
  const ledgerUsd = Money.Usd(sign * ledgerQuote(instrument, fill.cost) - ledgerQuote(instrument, fee))
  return { fill, orderId: order.id, ledgerUsd, rounding: Money.Usd(ledgerUsd - exact) }
}

/** The part of a fill's fee that was taken in base, in USD at the fill's price. */
const baseFeeUsd = (fill: FillReport): Usd => (feeBase(fill) > 0n ? feeUsd(fill) : Money.zeroUsd)

/**
 * Adds an entry's execution to its lot (`undefined`: its first). A fee in base was paid out of what was bought: its value
 * is taken out of the cost, so that cost and fee together are the dollars that left.
 */
export const bookEntry = (lot: Lot | undefined, order: Order, fill: FillReport): Lot | undefined => {
  if (order.purpose._tag !== "Entry") return undefined
  const received = Money.subQuantity(fill.quantity, feeBase(fill))
  const fee = feeUsd(fill)
  const cost = Money.subUsd(fill.cost, baseFeeUsd(fill))
  if (lot !== undefined) {
    const { closedAt: _, ...open } = lot
    return {
      ...open,
      quantity: Money.addQuantity(lot.quantity, received),
      remaining: Money.addQuantity(lot.remaining, received),
      cost: Money.addUsd(lot.cost, cost),
      entryFee: Money.addUsd(lot.entryFee, fee)
    }
  }
  return {
    id: order.id,
    symbol: order.symbol,
    exchangeId: fill.exchangeId,
    quantity: received,
    remaining: received,
    cost,
    entryFee: fee,
    proceeds: Money.zeroUsd,
    exitFee: Money.zeroUsd,
    openedAt: fill.at,
    plan: order.purpose.plan,
    features: order.purpose.features,
    reason: order.reason,
    attempts: 0
  }
}

/** A sale distributed over lots. `unattributed` is what no lot could cover: an invariant is broken when it is not zero. */
export interface ExitBooking {
  readonly lots: ReadonlyArray<Lot>
  readonly unattributed: Quantity
}

/**
 * Which lots the next `quantity` of an exit sells, given that `already` of it was booked: its named shares in order
 * (first in, first out inside a merged exit).
 */
export const allocate = (
  shares: ReadonlyArray<LotShare>,
  already: Quantity,
  quantity: Quantity
): ReadonlyArray<LotShare> => {
  let from: bigint = already
  let left: bigint = quantity
  const out: Array<LotShare> = []
  for (const share of shares) {
    const skipped = Fixed.min<bigint>(from, share.quantity)
    from -= skipped
    const taken = Fixed.min<bigint>(left, share.quantity - skipped)
    if (taken > 0n) out.push({ lotId: share.lotId, quantity: Money.Quantity(taken) })
    left -= taken
  }
  return out
}

const sellFrom = (lot: Lot, quantity: Quantity, proceeds: Usd, fee: Usd): Lot => {
  const remaining = Money.subQuantity(lot.remaining, quantity)
  const { sellable: _, ...rest } = lot
  return {
    ...rest,
    remaining,
    proceeds: Money.addUsd(lot.proceeds, proceeds),
    exitFee: Money.addUsd(lot.exitFee, fee)
  }
}

/**
 * Books a sale on the lots it names; what they can't cover goes to the pair's other lots, oldest first. Proceeds and fee
 * are split by quantity, the last part taking the rest, so that nothing is lost to rounding; what no lot covers keeps its
 * part of both, for those coins were not the trader's. A fee in base leaves the lots too, as if it had been sold to pay.
 */
export const bookExit = (lots: ReadonlyArray<Lot>, order: Order, fill: FillReport): ExitBooking => {
  const shares = order.purpose._tag === "Exit" ? order.purpose.lots : []
  const named = allocate(shares, order.bookedQuantity, fill.quantity)
  const byId = new Map<LotId, Lot>(lots.map((lot) => [lot.id, lot]))
  const takes = new Map<LotId, { readonly lot: Lot; readonly taken: bigint }>()
  const quantity = Money.addQuantity(fill.quantity, feeBase(fill))
  let left: bigint = quantity
  const take = (lotId: LotId, wanted: bigint): void => {
    const lot = byId.get(lotId)
    if (lot === undefined || lot.symbol !== order.symbol) return
    const before = takes.get(lotId)?.taken ?? 0n
    const taken = Fixed.min<bigint>(Fixed.min<bigint>(wanted, left), lot.remaining - before)
    if (taken <= 0n) return
    takes.set(lotId, { lot, taken: before + taken })
    left -= taken
  }
  for (const share of named) take(share.lotId, share.quantity)
  for (const lot of lots.toSorted((a, b) => a.openedAt - b.openedAt)) take(lot.id, left)
  let proceedsLeft: bigint = fill.cost + baseFeeUsd(fill)
  let feeLeft: bigint = feeUsd(fill)
  let quantityLeft: bigint = quantity
  const changed: Array<Lot> = []
  for (const { lot, taken } of takes.values()) {
    const proceeds = Money.Usd(Fixed.divide(proceedsLeft * taken, quantityLeft, "nearest"))
    const feePart = Money.Usd(Fixed.divide(feeLeft * taken, quantityLeft, "nearest"))
    proceedsLeft -= proceeds
    feeLeft -= feePart
    quantityLeft -= taken
    changed.push(sellFrom(lot, Money.Quantity(taken), proceeds, feePart))
  }
  return { lots: changed, unattributed: Money.Quantity(left) }
}

/** A lot marked at the bid less the taker fee, minus its cost: what selling now would add to realised profit. */
export const unrealised = (lot: Lot, quote: Quote, takerFee: Rate): Usd => {
  const gross = Money.notional(quote.bid, lot.remaining, "down")
  const fee = Money.portion(gross, takerFee, "up")
  return Money.Usd(gross - fee - costOfHeld(lot))
}

/** Realised profit plus every open lot at its mark; `undefined` when a held pair has no quote. */
export const equity = (
  totals: Totals,
  lots: Iterable<Lot>,
  quoteOf: (symbol: PairSymbol) => Quote | undefined,
  takerFeeOf: (symbol: PairSymbol) => Rate
): Usd | undefined => {
  let sum: bigint = totals.realised
  for (const lot of lots) {
    if (lot.remaining === 0n) continue
    const quote = quoteOf(lot.symbol)
    if (quote === undefined) return undefined
    sum += unrealised(lot, quote, takerFeeOf(lot.symbol))
  }
  return Money.Usd(sum)
}

/** Held at the larger of cost and mark, fees aside (I4). */
export const heldExposure = (lot: Lot, quote: Quote | undefined): Usd => {
  const cost = heldCost(lot)
  return quote === undefined ? cost : Fixed.max(cost, Money.notional(quote.bid, lot.remaining, "up"))
}

/** What an entry may still spend: open, in flight, unknown, or ended with executions not yet booked. */
export const workingExposure = (order: Order): Usd => {
  if (order.purpose._tag !== "Entry") return Money.zeroUsd
  const limit = order.amend === undefined ? order.limitPrice : Fixed.max(order.limitPrice, order.amend.limitPrice)
  return Money.notional(limit, openQuantity(order), "up")
}

/** Everything counted against MAX_TOTAL_EXPOSURE. */
export const exposure = (
  lots: Iterable<Lot>,
  orders: Iterable<Order>,
  quoteOf: (symbol: PairSymbol) => Quote | undefined
): Usd => {
  let sum = 0n
  for (const lot of lots) if (lot.remaining > 0n) sum += heldExposure(lot, quoteOf(lot.symbol))
  for (const order of orders) sum += workingExposure(order)
  return Money.Usd(sum)
}

/** How much of one lot the exits that are still at work may sell (I5): shares less what they already sold. */
export const claimed = (lotId: LotId, orders: Iterable<Order>): Quantity => {
  let sum = 0n
  for (const order of orders) {
    if (order.purpose._tag !== "Exit") continue
    for (const share of allocate(order.purpose.lots, order.bookedQuantity, openQuantity(order))) {
      if (share.lotId === lotId) sum += share.quantity
    }
  }
  return Money.Quantity(sum)
}

/** Adds a booked fill's cash and the profit it realised. */
export const addFill = (totals: Totals, booked: BookedFill, realisedChange: Usd): Totals => ({
  ...totals,
  ownUsd: Money.addUsd(totals.ownUsd, booked.ledgerUsd),
  rounding: Money.addUsd(totals.rounding, booked.rounding),
  realised: Money.addUsd(totals.realised, realisedChange)
})

/** Counts a lot that is sold whole and whose entry can bring no more. */
export const addClosed = (totals: Totals, lot: Lot): Totals => ({
  ...totals,
  closedTrades: totals.closedTrades + 1,
  winningTrades: totals.winningTrades + (realisedOf(lot) > 0n ? 1 : 0)
})
