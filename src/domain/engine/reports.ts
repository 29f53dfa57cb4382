/** Folding what the exchange says about orders: status, executions, outcomes. Every execution is booked exactly once (I9). */
import type { Instrument } from "../market/Instrument.ts"
import * as Money from "../money/Money.ts"
import type { ClientOrderId, ExchangeOrderId } from "../order/Ids.ts"
import { isOwn } from "../order/Ids.ts"
import type { Order, Purpose } from "../order/Order.ts"
import { committedQuantity, isNewFill, isSettled, isTerminal, merge, missingQuantity } from "../order/Order.ts"
import type { ExchangeStatus, FillReport, OrderReport } from "../order/Report.ts"
import type { Lot } from "../portfolio/Lot.ts"
import * as Portfolio from "../portfolio/Portfolio.ts"
import { utcDay } from "../Time.ts"
import type { Draft } from "./Draft.ts"
import { alert, askOnce, latch, log, patch, putLot, putOrder } from "./Draft.ts"
import { throttleNote } from "./State.ts"
import type { EngineState, Throttle } from "./State.ts"
import { show } from "./Views.ts"

/** A living account stream tells of an execution sooner than this. */
const STREAM_LAG_MS = 5000
/** How long an unmatched report waits before its order is asked for again. */
const IDENTIFY_AGAIN_MS = 15_000

const find = (state: EngineState, report: OrderReport): Order | undefined => {
  const id = report.clientId ?? state.byExchangeId.get(report.exchangeId)
  return id === undefined ? undefined : state.orders.get(id)
}

export const putThrottle = (d: Draft, change: Partial<Throttle>): void => {
  const day = utcDay(d.at)
  const current = d.state.throttle.day === day ? d.state.throttle : { ...d.state.throttle, day, entries: 0 }
  const throttle = { ...current, ...change }
  patch(d, { throttle })
  d.writes.push({ _tag: "Note", key: "throttle", value: throttleNote(throttle) })
}

const bookFill = (d: Draft, order: Order, fill: FillReport, instrument: Instrument): void => {
  const booked = Portfolio.bookCash(instrument, fill, order)
  const before = d.state.lots
  const changed: Array<Lot> = []
  if (order.purpose._tag === "Entry") {
    const known = before.get(order.id)
    const lot = Portfolio.bookEntry(known, order, fill)
    if (lot !== undefined) changed.push(lot)
    if (known === undefined) {
      const entries = d.state.throttle.day === utcDay(d.at) ? d.state.throttle.entries : 0
      putThrottle(d, { entries: entries + 1 })
    }
  } else {
    const booking = Portfolio.bookExit([...before.values()], order, fill)
    changed.push(...booking.lots)
    if (booking.unattributed > 0n) {
      latch(
        d,
        "invariant",
        `order ${order.id} sold ${show(booking.unattributed)} ${instrument.base} more than the lots held`
      )
    }
  }
  let realised = 0n
  for (const lot of changed) {
    const old = before.get(lot.id)
    realised += Portfolio.realisedOf(lot) - (old === undefined ? 0n : Portfolio.realisedOf(old))
    putLot(d, lot)
  }
  const totals = Portfolio.addFill(d.state.totals, booked, Money.Usd(realised))
  const { privateUpAt } = d.state
  const missed =
    fill.source === "rest" && privateUpAt !== undefined && fill.at > privateUpAt && d.at - fill.at > STREAM_LAG_MS
  patch(d, { totals, lastFillAt: d.at, ...(missed ? { missedFillAt: d.at } : {}) })
  d.writes.push({ _tag: "Fill", booked }, { _tag: "Totals", totals })
  log(
    d,
    "info",
    `${fill.side === "buy" ? "bought" : "sold"} ${show(fill.quantity)} ${instrument.base} at ${show(fill.price)} (${fill.liquidity})`,
    {
      orderId: order.id,
      executionId: fill.executionId,
      cost: show(fill.cost),
      fee: show(fill.fee)
    }
  )
}

/** Lots that are sold whole and whose entry can bring no more become closed trades. */
export const closeLots = (d: Draft): void => {
  for (const lot of d.state.lots.values()) {
    if (lot.remaining !== 0n || lot.closedAt !== undefined) continue
    const entry = d.state.orders.get(lot.id)
    if (entry !== undefined && !isSettled(entry)) continue
    const profit = Portfolio.realisedOf(lot)
    const totals = Portfolio.addClosed(d.state.totals, lot)
    putLot(d, { ...lot, closedAt: d.at })
    patch(d, { totals })
    d.writes.push(
      { _tag: "Totals", totals },
      {
        _tag: "ClosedTrade",
        trade: {
          lotId: lot.id,
          symbol: lot.symbol,
          features: lot.features,
          outcome: profit > 0n ? "profit" : "loss",
          profit,
          at: d.at
        }
      }
    )
    if (profit < 0n) putThrottle(d, { lastLossAt: d.at })
    log(d, "info", `closed trade ${lot.id}: ${profit < 0n ? "" : "+"}${show(profit)} USD after all fees`, {
      lotId: lot.id,
      exit: lot.call?.kind ?? "target"
    })
  }
}

const isEnd = (status: ExchangeStatus): boolean => status !== "open" && status !== "pending"

/**
 * The lots of an exit that was refused, or that the exchange ended unfilled (post-only, self-trade), wait before the next
 * one: the ladder would otherwise propose it again with every event.
 */
export const pauseExit = (d: Draft, purpose: Purpose): void => {
  if (purpose._tag !== "Exit") return
  for (const share of purpose.lots) {
    const lot = d.state.lots.get(share.lotId)
    if (lot !== undefined) putLot(d, { ...lot, lastAttemptAt: d.at })
  }
}

/** Two orders of the exchange carry one id of ours: somebody else has this installation's books and key (I12). */
const doubled = (d: Draft, order: Order, exchangeId: ExchangeOrderId): void => {
  const reason = `the exchange has two orders with the id ${order.id} (${order.exchangeId} and ${exchangeId}): another copy of this trader is at work`
  if (d.state.anotherTrader === reason) return
  latch(d, "invariant", reason)
  patch(d, { anotherTrader: reason })
  d.out.push({ _tag: "CancelStray", exchangeId, reason })
}

const applyToOrder = (d: Draft, order: Order, report: OrderReport): void => {
  const instrument = d.state.pairs.get(order.symbol)?.instrument
  if (instrument === undefined) {
    latch(d, "invariant", `a report for ${order.id} concerns ${order.symbol}, whose rules are not known`)
    return
  }
  if (order.exchangeId !== undefined && order.exchangeId !== report.exchangeId) {
    doubled(d, order, report.exchangeId)
    // its executions are the account's all the same; what it says of itself is not this order's
    if (report._tag === "Status") return
  }
  const newFill = report._tag === "Fill" && isNewFill(order, report)
  if (newFill) bookFill(d, order, report, instrument)
  const merged = merge(order, report)
  if (merged === order) return
  putOrder(d, merged)
  if (order.status === "rejected" && merged.status !== "rejected") {
    latch(d, "invariant", `order ${order.id} was settled as never placed and appeared on the exchange all the same`)
    d.out.push({ _tag: "CancelStray", exchangeId: report.exchangeId, reason: "settled as never placed" })
  }
  const unquantified = report._tag === "Status" && isEnd(report.status) && report.cumQuantity === undefined
  if (unquantified && !isTerminal(merged.status)) {
    d.out.push({ _tag: "FetchOrder", order: merged, reason: "it ended, and the report does not say with how much" })
  }
  if (!isTerminal(order.status) && isTerminal(merged.status)) {
    if (merged.cumQuantity === 0n && order.cancelRequestedAt === undefined) pauseExit(d, merged.purpose)
    log(
      d,
      "info",
      `order ${order.id} ${merged.status}${merged.endReason === undefined ? "" : ` (${merged.endReason})`}`,
      {
        orderId: order.id,
        filled: show(merged.cumQuantity)
      }
    )
  }
  if (isTerminal(merged.status) && missingQuantity(merged) > 0n && askOnce(d, `order:${order.id}`, 2000)) {
    d.out.push({ _tag: "FetchOrder", order: merged, reason: "its executions are not all booked" })
  }
}

const keepUnmatched = (d: Draft, report: OrderReport): void => {
  const { exchangeId } = report
  if (d.state.foreignOrders.has(exchangeId)) return
  const known = d.state.unmatched.get(exchangeId)
  const reports = [...(known?.reports ?? []), report]
  patch(d, {
    unmatched: new Map(d.state.unmatched).set(exchangeId, { exchangeId, reports, since: known?.since ?? d.at })
  })
  if (known === undefined) d.out.push({ _tag: "Identify", exchangeId, clientId: report.clientId })
}

/** Folds reports in the order they came. */
export const applyReports = (d: Draft, reports: ReadonlyArray<OrderReport>): void => {
  for (const report of reports) {
    const order = find(d.state, report)
    if (order !== undefined) applyToOrder(d, order, report)
    else if (report.clientId !== undefined && !isOwn(d.state.rules.prefix, report.clientId))
      noteForeign(d, report.exchangeId)
    else keepUnmatched(d, report)
  }
  closeLots(d)
}

const noteForeign = (d: Draft, exchangeId: ExchangeOrderId): void => {
  const unmatched = new Map(d.state.unmatched)
  unmatched.delete(exchangeId)
  if (d.state.foreignOrders.has(exchangeId)) return patch(d, { unmatched })
  patch(d, { unmatched, foreignOrders: new Set(d.state.foreignOrders).add(exchangeId) })
  log(d, "info", `order ${exchangeId} is not the trader's; it is left alone`, { exchangeId })
}

/** Takes the kept reports of an exchange order out and folds them, now that it has a name. */
export const releaseUnmatched = (d: Draft, exchangeId: ExchangeOrderId): void => {
  const kept = d.state.unmatched.get(exchangeId)
  if (kept === undefined) return
  const unmatched = new Map(d.state.unmatched)
  unmatched.delete(exchangeId)
  patch(d, { unmatched })
  applyReports(d, kept.reports)
}

/** What an unmatched order turned out to be: ours in memory, a stray with our prefix, or somebody else's. */
export const identified = (
  d: Draft,
  exchangeId: ExchangeOrderId,
  clientId: ClientOrderId | undefined,
  found: boolean
): void => {
  const order = clientId === undefined ? undefined : d.state.orders.get(clientId)
  if (order !== undefined) {
    putOrder(d, { ...order, exchangeId })
    return releaseUnmatched(d, exchangeId)
  }
  if (found && isOwn(d.state.rules.prefix, clientId)) {
    const reason = `order ${exchangeId} carries this installation's mark (${clientId}) but is not in the books: another trader uses this key, or the books were lost`
    latch(d, "invariant", reason)
    patch(d, { anotherTrader: reason })
    d.out.push({ _tag: "CancelStray", exchangeId, reason })
  }
  noteForeign(d, exchangeId)
}

/** An order brought back from the store with all its lots: its late reports are folded as if it had never left. */
export const recalled = (d: Draft, order: Order, lots: ReadonlyArray<Lot>): void => {
  if (!d.state.orders.has(order.id)) {
    patch(d, { orders: new Map(d.state.orders).set(order.id, order) })
    if (order.exchangeId !== undefined) {
      patch(d, { byExchangeId: new Map(d.state.byExchangeId).set(order.exchangeId, order.id) })
    }
  }
  const missing = lots.filter((lot) => !d.state.lots.has(lot.id))
  patch(d, { lots: new Map([...d.state.lots, ...missing.map((lot) => [lot.id, lot] as const)]) })
  if (order.exchangeId !== undefined) releaseUnmatched(d, order.exchangeId)
}

/** After a private snapshot or a REST read: own orders held as open here and absent there are looked up. */
export const lookUpAbsent = (d: Draft, present: ReadonlyArray<OrderReport>, begunAt: number): void => {
  const seen = new Set<ClientOrderId>()
  for (const report of present) {
    const order = find(d.state, report)
    if (order !== undefined) seen.add(order.id)
  }
  for (const order of d.state.orders.values()) {
    if (order.status !== "open" || seen.has(order.id) || order.createdAt > begunAt - 1000) continue
    if (askOnce(d, `order:${order.id}`, 2000)) {
      d.out.push({ _tag: "FetchOrder", order, reason: "it is not among the open orders" })
    }
  }
}

/** An unmatched report holds entries up: should its question have been lost, it is asked again. */
export const askAgain = (d: Draft): void => {
  for (const { exchangeId, reports, since } of d.state.unmatched.values()) {
    if (d.at - since < IDENTIFY_AGAIN_MS || !askOnce(d, `identify:${exchangeId}`, IDENTIFY_AGAIN_MS)) continue
    d.out.push({ _tag: "Identify", exchangeId, clientId: reports.find((r) => r.clientId !== undefined)?.clientId })
  }
}

/** What an order at work is given for its executions to follow the sum of them: the stream tells both in one breath. */
const FOLLOWS_WITHIN_MS = 2000

/**
 * Orders whose executions are not all booked are read again every few seconds, and told after two minutes. One that still
 * rests, too: what a mute stream has not told of would have no exit, and would look like the owner's coins. One that is
 * executed whole and still counts as resting is read as well: a stream that broke off between the two will not tell its end.
 */
export const raiseIfUnbooked = (d: Draft): void => {
  for (const order of d.state.orders.values()) {
    const unended = !isTerminal(order.status)
    if (unended && order.bookedQuantity > 0n && order.bookedQuantity >= committedQuantity(order)) {
      if (d.at - order.updatedAt >= FOLLOWS_WITHIN_MS && askOnce(d, `order:${order.id}`, 5000)) {
        d.out.push({ _tag: "FetchOrder", order, reason: "it is executed whole, and nobody told its end" })
      }
      continue
    }
    if (missingQuantity(order) === 0n) continue
    if (unended && d.at - order.updatedAt < FOLLOWS_WITHIN_MS) continue
    if (d.at - order.updatedAt > 120_000 && askOnce(d, `missing:${order.id}`, 600_000)) {
      alert(
        d,
        "warning",
        "fills.missing",
        `Order ${order.id} executed ${show(missingQuantity(order))} that the books still lack; it is read again every few seconds. No new entry depends on it, but exposure counts it.`
      )
    }
    if (askOnce(d, `order:${order.id}`, 5000)) {
      d.out.push({ _tag: "FetchOrder", order, reason: "its executions are not all booked" })
    }
  }
}
