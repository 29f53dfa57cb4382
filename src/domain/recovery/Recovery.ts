/**
 * Books brought up to what the exchange tells of this installation's orders: executions that the books lack are booked in
 * the order of their time, on top of what the books have, by the same rules as while trading. What the books know of an
 * order (its reason, its exit plan, the lots that it sells) is kept; what they lost is inferred, and said so.
 */
import { throttleNote } from "../engine/State.ts"
import type { StoreWrite } from "../engine/Write.ts"
import type { ExitPlan } from "../exits/ExitPlan.ts"
import type { Instrument, PairSymbol } from "../market/Instrument.ts"
import { roundPrice } from "../market/Instrument.ts"
import * as Fixed from "../money/Fixed.ts"
import type { Price, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { ClientOrderId, InstallationPrefix, LotId } from "../order/Ids.ts"
import { sequenceOf } from "../order/Ids.ts"
import type { LotShare, Order, Purpose } from "../order/Order.ts"
import { isNewFill, isSettled, isTerminal, merge, missingQuantity, openQuantity } from "../order/Order.ts"
import type { FillReport, StatusReport } from "../order/Report.ts"
import type { BookedFill, Totals } from "../portfolio/Books.ts"
import type { Lot } from "../portfolio/Lot.ts"
import * as Portfolio from "../portfolio/Portfolio.ts"
import { DEADLINE_MS } from "../risk/Risk.ts"
import type { EpochMs } from "../Time.ts"
import { dayStart, utcDay } from "../Time.ts"

export interface RecoveryInput {
  readonly prefix: InstallationPrefix
  readonly now: EpochMs
  readonly instruments: ReadonlyMap<PairSymbol, Instrument>
  /** Every order of the exchange's with this installation's mark, open and ended. */
  readonly own: ReadonlyArray<StatusReport & { readonly clientId: ClientOrderId }>
  /** Every execution of those. */
  readonly fills: ReadonlyArray<FillReport>
  readonly books: {
    /** Those of `own` that the books know, settled or not, and all that are not settled. */
    readonly orders: ReadonlyArray<Order>
    /** Lots of those, and all that are held. */
    readonly lots: ReadonlyArray<Lot>
    readonly totals: Totals
    /** Whether the books still have the value from which today's loss is measured. */
    readonly marked: boolean
  }
  /** Prices at 00:00 UTC of today, as far as they could be read. */
  readonly midnight: ReadonlyMap<PairSymbol, Price>
}

type Change<A> =
  { readonly what: "added"; readonly after: A } | { readonly what: "changed"; readonly before: A; readonly after: A }

export interface Recovery {
  readonly orders: ReadonlyArray<Change<Order>>
  /** `voided`: in the books only; the exchange never had its entry. */
  readonly lots: ReadonlyArray<Change<Lot> | { readonly what: "voided"; readonly before: Lot; readonly after: Lot }>
  readonly fills: ReadonlyArray<BookedFill>
  readonly before: Totals
  readonly after: Totals
  /** What could not be brought into order, for a person. */
  readonly problems: ReadonlyArray<string>
  /** One transaction. */
  readonly writes: ReadonlyArray<StoreWrite>
}

/** Kraken may show an order up to a minute after an ambiguous answer. */
const VISIBLE_MS = 60_000
/** Plan of a lot whose own is lost: where no sale of its tells the target, and for its limits. */
const TARGET = Money.rate("0.02")
const STOP = Money.rate("-0.03")
const HOLD_MS = 86_400_000

const REBUILT = "rebuilt from the exchange by `recover`"

const planOf = (instrument: Instrument, price: Price, openedAt: EpochMs, now: EpochMs): ExitPlan => ({
  target: roundPrice(instrument, Money.shiftPrice(price, TARGET, "up"), "up"),
  stop: roundPrice(instrument, Money.shiftPrice(price, STOP, "down"), "down"),
  // a day from now, whatever its age: nobody is to be surprised by a sale the moment the trader starts
  holdFor: Math.max(0, now - openedAt) + HOLD_MS
})

/** An order that the books lost, before anything of it is booked. */
const lostOrder = (
  { instruments, now, prefix }: RecoveryInput,
  report: StatusReport & { readonly clientId: ClientOrderId }
): Order | string => {
  const { clientId, limitPrice, quantity, side, symbol } = report
  const instrument = symbol === undefined ? undefined : instruments.get(symbol)
  if (symbol === undefined || instrument === undefined)
    return `order ${clientId}: the rules of its pair (${symbol ?? "unknown"}) are not known`
  if (side === undefined || quantity === undefined || limitPrice === undefined)
    return `order ${clientId}: the exchange does not tell its side, quantity and price`
  const createdAt = sequenceOf(prefix, clientId) ?? report.at
  const purpose: Purpose =
    side === "buy"
      ? { _tag: "Entry", plan: planOf(instrument, limitPrice, createdAt, now), features: {} }
      : { _tag: "Exit", kind: report.postOnly === true ? "target" : "loss", lots: [], attempt: 0 }
  return {
    id: clientId,
    symbol,
    side,
    purpose,
    reason: REBUILT,
    quantity,
    limitPrice,
    postOnly: report.postOnly === true,
    timeInForce: side === "buy" ? "GTD" : report.postOnly === true ? "GTC" : "IOC",
    ...(report.expiresAt === undefined ? {} : { expiresAt: report.expiresAt }),
    createdAt,
    deadline: createdAt + DEADLINE_MS,
    status: "unknown",
    cumQuantity: Money.zeroQuantity,
    cumCost: Money.zeroUsd,
    bookedQuantity: Money.zeroQuantity,
    bookedCost: Money.zeroUsd,
    bookedFee: Money.zeroUsd,
    executions: [],
    termsAt: createdAt,
    updatedAt: createdAt
  }
}

/** Adds what was sold of each lot to the shares of an exit whose own were lost. */
const withShares = (order: Order, shares: ReadonlyArray<LotShare>): Order => {
  if (order.purpose._tag !== "Exit" || shares.length === 0) return order
  const lots = new Map(order.purpose.lots.map((share) => [share.lotId, share.quantity]))
  for (const { lotId, quantity } of shares)
    lots.set(lotId, Money.addQuantity(lots.get(lotId) ?? Money.zeroQuantity, quantity))
  return {
    ...order,
    purpose: { ...order.purpose, lots: [...lots].map(([lotId, quantity]) => ({ lotId, quantity })) }
  }
}

const same = (a: Order, b: Order): boolean =>
  a.status === b.status &&
  a.bookedQuantity === b.bookedQuantity &&
  a.cumQuantity === b.cumQuantity &&
  a.exchangeId === b.exchangeId

/** What the books lack of what the exchange tells. Pure; nothing is guessed of an order that the books know. */
export const recover = (input: RecoveryInput): Recovery => {
  const { books, fills, instruments, now, own } = input
  const problems: Array<string> = []
  const known = new Map(books.orders.map((order) => [order.id, order]))
  const knownLots = new Map(books.lots.map((lot) => [lot.id, lot]))
  const orders = new Map(known)
  const lots = new Map(knownLots)
  const lost = new Set<ClientOrderId>()
  const byExchange = new Map<string, ClientOrderId>()
  const placed = new Map<ClientOrderId, string>()
  const booked: Array<BookedFill> = []
  const soldAt = new Map<LotId, EpochMs>()
  let totals = books.totals

  for (const report of own) {
    const before = known.get(report.clientId)
    const order = before ?? lostOrder(input, report)
    if (typeof order === "string") {
      problems.push(order)
      continue
    }
    if (before === undefined) lost.add(order.id)
    const other = placed.get(order.id) ?? before?.exchangeId
    if (other !== undefined && other !== report.exchangeId) {
      problems.push(
        `order ${order.id} stands twice at the exchange (${other}, ${report.exchangeId}): only the first counts`
      )
      continue
    }
    byExchange.set(report.exchangeId, order.id)
    placed.set(order.id, report.exchangeId)
    orders.set(order.id, order)
  }

  // ---- executions, in the order of their time -----------------------------------------------------------------------
  /** What sales can take from; a long history has many more lots than are ever held at once. */
  const open = new Map([...lots].filter(([, lot]) => lot.remaining > 0n))
  let realised = 0n
  const put = (lot: Lot, at: EpochMs): void => {
    const before = lots.get(lot.id)
    realised += Portfolio.realisedOf(lot) - (before === undefined ? 0n : Portfolio.realisedOf(before))
    lots.set(lot.id, lot)
    if (lot.remaining > 0n) open.set(lot.id, lot)
    else if (open.delete(lot.id)) soldAt.set(lot.id, at)
  }
  const sell = (order: Order, fill: FillReport): Order => {
    const booking = Portfolio.bookExit([...open.values()], order, fill)
    const shares = booking.lots.map((lot) => ({
      lotId: lot.id,
      quantity: Money.subQuantity(open.get(lot.id)?.remaining ?? lot.remaining, lot.remaining)
    }))
    for (const lot of booking.lots) put(lot, fill.at)
    if (booking.unattributed > 0n)
      problems.push(`order ${order.id} sold ${Fixed.show(booking.unattributed)} of ${order.symbol} that no lot held`)
    return lost.has(order.id) ? withShares(order, shares) : order
  }
  /** The day's mark as it would have been taken: without an exit fee, so that the loss counted from it is none too small. */
  const mark = (): Usd | undefined =>
    Portfolio.equity(
      totals,
      open.values(),
      (symbol) => {
        const price = input.midnight.get(symbol)
        return price === undefined
          ? undefined
          : {
              symbol,
              bid: price,
              ask: price,
              bidQuantity: Money.zeroQuantity,
              askQuantity: Money.zeroQuantity,
              at: now
            }
      },
      () => Money.rate("0")
    )
  const midnight = dayStart(now)
  let marked: { readonly equity: Usd | undefined; readonly empty: boolean } | undefined
  const takeMark = (): void => {
    marked ??= { equity: mark(), empty: open.size === 0 }
  }
  for (const fill of fills.toSorted((x, y) => x.at - y.at || (x.executionId < y.executionId ? -1 : 1))) {
    const id = byExchange.get(fill.exchangeId)
    const order = id === undefined ? undefined : orders.get(id)
    if (order === undefined || !isNewFill(order, fill)) continue
    const instrument = instruments.get(order.symbol)
    if (instrument === undefined) {
      problems.push(`order ${order.id}: the rules of ${order.symbol} are not known`)
      continue
    }
    if (fill.at >= midnight) takeMark()
    const cash = Portfolio.bookCash(instrument, fill, order)
    const before = realised
    const lot = Portfolio.bookEntry(lots.get(order.id), order, fill)
    if (lot !== undefined) put(lot, fill.at)
    const next = lot === undefined ? sell(order, fill) : order
    orders.set(order.id, merge(next, fill))
    totals = Portfolio.addFill(totals, cash, Money.Usd(realised - before))
    booked.push(cash)
  }
  takeMark()
  for (const report of own) {
    const order = orders.get(report.clientId)
    if (order === undefined || byExchange.get(report.exchangeId) !== order.id) continue
    const merged = merge(order, report)
    orders.set(order.id, merged)
    if (isTerminal(merged.status) && missingQuantity(merged) > 0n)
      problems.push(
        `order ${order.id}: the exchange does not show ${Fixed.show(missingQuantity(merged))} of what it executed; the next start reads it again`
      )
  }

  // ---- what the exchange never had -----------------------------------------------------------------------------------
  const told = new Set<ClientOrderId>(byExchange.values())
  for (const order of known.values()) {
    if (told.has(order.id) || isTerminal(order.status)) continue
    if (now <= order.deadline + VISIBLE_MS) {
      problems.push(`order ${order.id} may still appear: run this again in two minutes`)
      continue
    }
    const { amend: _, cancelRequestedAt: __, ...rest } = order
    orders.set(order.id, { ...rest, status: "rejected", endReason: "never arrived: `recover`", updatedAt: now })
  }
  const voided = new Set<LotId>()
  for (const lot of knownLots.values()) {
    if (lot.remaining === 0n || told.has(lot.id)) continue
    if (lot.proceeds > 0n) {
      problems.push(`lot ${lot.id}: the exchange does not know the order that bought it, and some of it was sold`)
      continue
    }
    voided.add(lot.id)
    lots.set(lot.id, { ...lot, remaining: Money.zeroQuantity, closedAt: now })
    // the dollars that it is said to have cost never left
    totals = { ...totals, ownUsd: Money.Usd(totals.ownUsd + lot.cost + lot.entryFee) }
  }

  // ---- plans, shares and ends of what was lost -----------------------------------------------------------------------
  const held = [...lots.values()].filter((lot) => lot.remaining > 0n).toSorted((a, b) => a.openedAt - b.openedAt)
  for (const id of lost) {
    const order = orders.get(id)
    if (order === undefined || order.purpose._tag !== "Exit") continue
    let left: bigint = isTerminal(order.status) ? 0n : openQuantity(order)
    if (left === 0n) continue
    const shares: Array<LotShare> = []
    const others = [...orders.values()].filter((other) => other.id !== id && !isSettled(other))
    for (const lot of held) {
      if (lot.symbol !== order.symbol || left <= 0n) continue
      const free = lot.remaining - Portfolio.claimed(lot.id, others)
      const taken = Fixed.min<bigint>(left, Fixed.max<bigint>(free, 0n))
      if (taken > 0n) shares.push({ lotId: lot.id, quantity: Money.Quantity(taken) })
      left -= taken
    }
    if (left > 0n)
      problems.push(`order ${id} sells ${Fixed.show(left)} of ${order.symbol} more than the lots hold: cancel it`)
    orders.set(id, withShares(order, shares))
  }
  for (const lot of held) {
    if (!lost.has(lot.id)) continue
    const instrument = instruments.get(lot.symbol)
    const price = Money.averagePrice(lot.cost, lot.quantity)
    if (instrument === undefined || price === undefined) continue
    const plan = planOf(instrument, price, lot.openedAt, now)
    // the newest sale that rested above the entry tells the target
    const resting = [...orders.values()]
      .filter((o) => o.side === "sell" && o.postOnly && o.symbol === lot.symbol && o.createdAt >= lot.openedAt)
      .filter((o) => o.limitPrice > price)
      .toSorted((a, b) => b.createdAt - a.createdAt)
    const rebuilt = { ...plan, target: resting[0]?.limitPrice ?? plan.target }
    lots.set(lot.id, { ...lot, plan: rebuilt })
    const entry = orders.get(lot.id)
    if (entry?.purpose._tag === "Entry") orders.set(lot.id, { ...entry, purpose: { ...entry.purpose, plan: rebuilt } })
  }
  const closed: Array<Lot> = []
  for (const lot of lots.values()) {
    const entry = orders.get(lot.id)
    if (lot.remaining !== 0n || lot.closedAt !== undefined || (entry !== undefined && !isSettled(entry))) continue
    const done = { ...lot, closedAt: soldAt.get(lot.id) ?? now }
    lots.set(lot.id, done)
    totals = Portfolio.addClosed(totals, done)
    closed.push(done)
  }

  // ---- what that changes ---------------------------------------------------------------------------------------------
  const orderChanges = [...orders.values()].flatMap((after): ReadonlyArray<Change<Order>> => {
    const before = known.get(after.id)
    return before === undefined
      ? [{ what: "added", after }]
      : same(before, after)
        ? []
        : [{ what: "changed", before, after }]
  })
  const lotChanges = [...lots.values()].flatMap((after): Recovery["lots"] => {
    const before = knownLots.get(after.id)
    if (before === undefined) return [{ what: "added", after }]
    if (voided.has(after.id)) return [{ what: "voided", before, after }]
    return before === after ? [] : [{ what: "changed", before, after }]
  })
  const writes: ReadonlyArray<StoreWrite> = [
    ...orderChanges.map(({ after }): StoreWrite => ({ _tag: "Order", order: after })),
    ...lotChanges.map(({ after }): StoreWrite => ({ _tag: "Lot", lot: after })),
    ...booked.map((fill): StoreWrite => ({ _tag: "Fill", booked: fill })),
    ...(totals === books.totals ? [] : [{ _tag: "Totals", totals } as const]),
    ...closed.map((lot): StoreWrite => ({
      _tag: "ClosedTrade",
      trade: {
        lotId: lot.id,
        symbol: lot.symbol,
        features: lot.features,
        outcome: Portfolio.realisedOf(lot) > 0n ? "profit" : "loss",
        profit: Portfolio.realisedOf(lot),
        at: lot.closedAt ?? now
      }
    })),
    ...throttle(input, [...lots.values()], lotChanges.length > 0),
    ...(books.marked || marked?.equity === undefined || booked.length === 0
      ? []
      : [
          {
            _tag: "DayMark",
            mark: {
              day: utcDay(now),
              at: midnight,
              equity: marked.equity,
              source: marked.empty ? "no lots" : "candle"
            }
          } as const
        ])
  ]
  return {
    orders: orderChanges,
    lots: lotChanges,
    fills: booked,
    before: books.totals,
    after: totals,
    problems,
    writes
  }
}

/** The day's entries count against MAX_TRADES_PER_DAY although the note of them was lost. */
const throttle = ({ now }: RecoveryInput, lots: ReadonlyArray<Lot>, changed: boolean): ReadonlyArray<StoreWrite> => {
  if (!changed) return []
  const day = utcDay(now)
  const today = lots.filter((lot) => utcDay(lot.openedAt) === day)
  const losses = lots.filter((lot) => lot.remaining === 0n && lot.proceeds > 0n && Portfolio.realisedOf(lot) < 0n)
  const newest = (times: ReadonlyArray<number>): number | undefined =>
    times.length === 0 ? undefined : Math.max(...times)
  const value = throttleNote({
    day,
    entries: today.length,
    lastEntryAt: newest(lots.map((lot) => lot.openedAt)),
    lastLossAt: newest(losses.flatMap((lot) => lot.closedAt ?? []))
  })
  return [{ _tag: "Note", key: "throttle", value }]
}
