/**
 * The exit ladder: for every open lot of a pair a working exit, or a stated reason why not. Pure and without memory of
 * its own: it looks at lots, live orders and the market, and says what to do next; doing nothing twice follows from what
 * is already in flight being in the view.
 *
 * (a) a post-only sale at the target; (b) at the loss or time limit own entries are cancelled and the resting target is
 * amended to an aggressive price, or cancelled where that is refused, then an IOC limit at the bid less a collar; (c) not
 * filled: again with a wider collar, up to a bound, and it keeps trying there; (d) what the exchange's mode allows.
 */
import type { Instrument, PairStatus } from "../market/Instrument.ts"
import { minimumQuantity, roundPrice, roundQuantity } from "../market/Instrument.ts"
import type { Quote, SystemStatus } from "../market/Market.ts"
import * as Fixed from "../money/Fixed.ts"
import type { Price, Quantity, Rate } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { ClientOrderId, LotId } from "../order/Ids.ts"
import type { ExitKind, LotShare, Order } from "../order/Order.ts"
import { isLive, openQuantity } from "../order/Order.ts"
import type { Proposal } from "../order/Steps.ts"
import type { Lot } from "../portfolio/Lot.ts"
import { claimed } from "../portfolio/Portfolio.ts"
import type { Limits } from "../risk/Limits.ts"
import type { EpochMs } from "../Time.ts"

/** How long an aggressive exit waits for the cancel of own entries; self-trade prevention covers the rest. */
export const ENTRY_CANCEL_WAIT_MS = 1000

export interface LadderView {
  readonly now: EpochMs
  readonly instrument: Instrument
  readonly limits: Limits
  readonly system: SystemStatus
  /** The newest sound quote, from the stream or from REST, and when it was last confirmed. */
  readonly quote: Quote | undefined
  readonly quoteConfirmedAt: EpochMs | undefined
  /** Open lots of the pair, oldest first. */
  readonly lots: ReadonlyArray<Lot>
  /** Orders of the pair that are not settled. */
  readonly orders: ReadonlyArray<Order>
  /** Exits proposed and not yet approved or refused. */
  readonly proposed: ReadonlyArray<Proposal>
  /** Orders whose amend to a taking price the exchange refused: they are cancelled instead. */
  readonly amendRefused: ReadonlySet<ClientOrderId>
}

export type ExitAction =
  /** Remember that a limit was hit: the lot is sold from now on, whatever the price does. */
  | { readonly _tag: "Call"; readonly lotId: LotId; readonly kind: "loss" | "time"; readonly reason: string }
  | {
      readonly _tag: "Place"
      readonly kind: ExitKind
      readonly lots: ReadonlyArray<LotShare>
      readonly quantity: Quantity
      readonly limitPrice: Price
      readonly postOnly: boolean
      readonly timeInForce: "GTC" | "IOC"
      readonly attempt: number
      readonly reason: string
    }
  | {
      readonly _tag: "Amend"
      readonly orderId: ClientOrderId
      readonly quantity: Quantity
      readonly limitPrice: Price
      readonly postOnly: boolean
      /** Shares that the new quantity adds. */
      readonly added: ReadonlyArray<LotShare>
      readonly reason: string
    }
  | { readonly _tag: "Cancel"; readonly orderId: ClientOrderId; readonly reason: string }
  /** An aggressive try was made for this lot: the next one waits and goes further. */
  | { readonly _tag: "Attempted"; readonly lotId: LotId; readonly atBound: boolean }
  /** The quote is too old to price an exit: ask REST. */
  | { readonly _tag: "FetchQuote" }

/** What `status` says of a lot. */
export type LotState = "working" | "exiting" | "placing" | "waiting" | "dust"
export interface LotStatus {
  readonly lotId: LotId
  readonly state: LotState
  readonly text: string
}

export interface LadderStep {
  readonly actions: ReadonlyArray<ExitAction>
  readonly statuses: ReadonlyArray<LotStatus>
}

/** The collar of an attempt (0 is the first): grows by its first value each time, up to the bound. */
export const collarOf = (limits: Limits, attempt: number): Rate =>
  Fixed.min(Money.Rate(limits.exitCollar * BigInt(attempt + 1)), limits.exitCollarMax)

/** Bid less the collar, on the tick, never below one tick. */
export const aggressivePrice = (i: Instrument, bid: Price, collar: Rate): Price =>
  Fixed.max(roundPrice(i, Money.shiftPrice(bid, Money.Rate(-collar), "down"), "down"), i.tickSize)

/** The target, lifted above the bid where it would take: a post-only sale at or below the best bid is refused. */
export const restingTarget = (i: Instrument, target: Price, quote: Quote | undefined): Price => {
  const wanted = roundPrice(i, target, "up")
  return quote === undefined || wanted > quote.bid ? wanted : Money.Price(roundPrice(i, quote.bid, "down") + i.tickSize)
}

/** What a mode lets an exit do. */
type Possible = "anything" | "passive only" | "nothing"
const possible = (status: SystemStatus | PairStatus): Possible =>
  status === "online" || status === "limit_only" ? "anything" : status === "post_only" ? "passive only" : "nothing"

const worse = (a: Possible, b: Possible): Possible =>
  a === "nothing" || b === "nothing" ? "nothing" : a === "passive only" ? a : b

/** Lot, the call that holds for it, and what of it no exit claims yet. */
interface Open {
  readonly lot: Lot
  readonly call: "loss" | "time" | "flatten" | undefined
  readonly working: Order | undefined
  readonly free: Quantity
}

const proposedOf = (lotId: LotId, proposed: ReadonlyArray<Proposal>): bigint =>
  proposed.reduce(
    (sum, p) =>
      p.purpose._tag === "Exit"
        ? sum + p.purpose.lots.reduce((s, share) => (share.lotId === lotId ? s + share.quantity : s), 0n)
        : sum,
    0n
  )

const names = (order: Order, lotId: LotId): boolean =>
  order.purpose._tag === "Exit" && order.purpose.lots.some((share) => share.lotId === lotId)

const limitHit = (lot: Lot, view: LadderView): "loss" | "time" | undefined => {
  if (view.quote !== undefined && view.quote.bid <= lot.plan.stop) return "loss"
  return view.now >= lot.openedAt + lot.plan.holdFor ? "time" : undefined
}

const callText = (lot: Lot, kind: "loss" | "time", view: LadderView): string =>
  kind === "loss"
    ? `bid ${view.quote === undefined ? "?" : Fixed.show(view.quote.bid)} at or below the stop ${Fixed.show(lot.plan.stop)}`
    : `held longer than ${Math.round(lot.plan.holdFor / 60_000)} min`

/** Builds actions and statuses for one pair. */
export const climb = (view: LadderView): LadderStep => {
  const { instrument: i, limits, now, quote } = view
  const actions: Array<ExitAction> = []
  const statuses: Array<LotStatus> = []
  const say = (lot: Lot, state: LotState, text: string): void => {
    statuses.push({ lotId: lot.id, state, text })
  }
  const live = view.orders.filter((order) => order.side === "sell" && isLive(order) && openQuantity(order) > 0n)

  const open: ReadonlyArray<Open> = view.lots.map((lot) => {
    const hit = lot.call === undefined ? limitHit(lot, view) : undefined
    if (hit !== undefined) actions.push({ _tag: "Call", lotId: lot.id, kind: hit, reason: callText(lot, hit, view) })
    const held = lot.sellable === undefined ? lot.remaining : Fixed.min(lot.remaining, lot.sellable)
    const free = held - claimed(lot.id, view.orders) - proposedOf(lot.id, view.proposed)
    return {
      lot,
      call: lot.call?.kind ?? hit,
      working: live.find((order) => names(order, lot.id)),
      free: roundQuantity(i, Money.Quantity(Fixed.max(free, 0n)))
    }
  })

  const can = worse(possible(view.system), possible(i.status))
  if (can === "nothing") {
    for (const o of open)
      say(o.lot, "waiting", `the exchange is in ${view.system} mode, the pair ${i.status}: nothing can be sold now`)
    return { actions, statuses }
  }

  const called = open.filter((o) => o.call !== undefined)
  const stale = view.quoteConfirmedAt === undefined || now - view.quoteConfirmedAt > limits.staleAfter
  if (called.length > 0 && (quote === undefined || stale)) actions.push({ _tag: "FetchQuote" })

  // (b) own entries of the pair go first
  const entries = view.orders.filter((order) => order.side === "buy" && isLive(order))
  if (called.length > 0) {
    for (const entry of entries) {
      if (entry.cancelRequestedAt === undefined) {
        actions.push({ _tag: "Cancel", orderId: entry.id, reason: "a position of the pair is being sold" })
      }
    }
  }
  const entryFirst = (lot: Lot): boolean => entries.length > 0 && now - (lot.call?.at ?? now) < ENTRY_CANCEL_WAIT_MS

  const due = (lot: Lot): boolean => lot.lastAttemptAt === undefined || now - lot.lastAttemptAt >= limits.exitInterval
  const attempted = (lot: Lot): void => {
    actions.push({
      _tag: "Attempted",
      lotId: lot.id,
      atBound: collarOf(limits, lot.attempts) >= limits.exitCollarMax
    })
  }
  const used = new Set<LotId>()
  /** Small leftovers of the pair that no order could sell alone ride along. */
  const dustFor = (price: Price, except: LotId): ReadonlyArray<LotShare> =>
    open
      .filter(
        (o) =>
          o.lot.id !== except &&
          !used.has(o.lot.id) &&
          o.free > 0n &&
          o.working === undefined &&
          o.free < minimumQuantity(i, price)
      )
      .map((o) => ({ lotId: o.lot.id, quantity: o.free }))
  const place = (o: Open, kind: ExitKind, limitPrice: Price, passive: boolean, reason: string): boolean => {
    const extra = dustFor(limitPrice, o.lot.id)
    const shares = [{ lotId: o.lot.id, quantity: o.free }, ...extra]
    const quantity = shares.reduce((sum, share) => Money.addQuantity(sum, share.quantity), Money.zeroQuantity)
    if (quantity < minimumQuantity(i, limitPrice)) return false
    for (const share of shares) used.add(share.lotId)
    actions.push({
      _tag: "Place",
      kind,
      lots: shares,
      quantity,
      limitPrice,
      postOnly: passive,
      timeInForce: passive ? "GTC" : "IOC",
      attempt: o.lot.attempts,
      reason
    })
    for (const share of extra) {
      const other = open.find((x) => x.lot.id === share.lotId)
      if (other !== undefined) say(other.lot, "placing", `sold together with lot ${o.lot.id}`)
    }
    return true
  }
  const dust = (o: Open, limitPrice: Price): void =>
    say(
      o.lot,
      "dust",
      `${Fixed.show(o.lot.remaining)} ${i.base} is below the exchange's minimum of ${Fixed.show(minimumQuantity(i, limitPrice))} at ${Fixed.show(limitPrice)}; it is sold with the pair's next exit`
    )

  const exitNow = (o: Open, kind: "loss" | "time" | "flatten"): void => {
    const { lot, working } = o
    if (quote === undefined || stale) return say(lot, "waiting", "no fresh price to sell at; asking REST")
    if (working !== undefined) return moveWorking(o, working, quote)
    if (o.free === 0n) return say(lot, "exiting", "its exit is on the way")
    if (used.has(lot.id)) return
    if (entryFirst(lot)) return say(lot, "waiting", "the cancel of the pair's entry comes first")
    if (!due(lot)) return say(lot, "exiting", "waits between two attempts")
    const passive = can === "passive only"
    const price = passive
      ? roundPrice(i, quote.ask, "up")
      : aggressivePrice(i, quote.bid, collarOf(limits, lot.attempts))
    if (!place(o, kind, price, passive, `${kind} exit, attempt ${lot.attempts + 1}`)) return dust(o, price)
    attempted(lot)
    say(
      lot,
      "exiting",
      passive ? "post-only at the best ask, the exchange takes nothing else" : "selling at the bid less a collar"
    )
  }

  const moveWorking = (o: Open, order: Order, at: Quote): void => {
    const { lot } = o
    if (order.status === "unknown")
      return say(lot, "waiting", `exit ${order.id} has an unknown outcome; it is being looked up`)
    if (order.amend !== undefined) return say(lot, "exiting", `amend of ${order.id} is on its way`)
    if (order.cancelRequestedAt !== undefined) return say(lot, "exiting", `cancel of ${order.id} is on its way`)
    if (order.status === "pending" || order.timeInForce === "IOC")
      return say(lot, "exiting", `exit ${order.id} is on its way`)
    if (!due(lot)) return say(lot, "exiting", "waits between two attempts")
    const passive = can === "passive only"
    const rest = openQuantity(order)
    const tooSmall = order.bookedQuantity > 0n && rest < minimumQuantity(i, at.bid)
    const refused = view.amendRefused.has(order.id)
    if (refused && !passive && !tooSmall) {
      actions.push({ _tag: "Cancel", orderId: order.id, reason: "an amend to a taking price was refused" })
      return say(lot, "exiting", `cancel of ${order.id}, then a taking sale`)
    }
    // a remainder below the minimum is never cancelled: it follows the market as a resting order where it may not take
    const price =
      passive || refused
        ? Fixed.max(roundPrice(i, at.ask, "down"), Money.Price(roundPrice(i, at.bid, "down") + i.tickSize))
        : aggressivePrice(i, at.bid, collarOf(limits, lot.attempts))
    if (price === order.limitPrice) return say(lot, "exiting", `exit ${order.id} rests at ${Fixed.show(price)}`)
    actions.push({
      _tag: "Amend",
      orderId: order.id,
      quantity: order.quantity,
      limitPrice: price,
      postOnly: passive || refused,
      added: [],
      reason: `to the market, attempt ${lot.attempts + 1}`
    })
    attempted(lot)
    say(lot, "exiting", `exit ${order.id} is amended to ${Fixed.show(price)}`)
  }

  const rest = (o: Open): void => {
    const { lot, working } = o
    if (used.has(lot.id)) return
    if (working === undefined) {
      if (o.free === 0n) return say(lot, "placing", "its exit is on the way")
      if (!due(lot)) return say(lot, "placing", "waits between two attempts")
      const price = restingTarget(i, lot.plan.target, quote)
      if (!place(o, "target", price, true, "target")) return dust(o, price)
      return say(lot, "placing", `target at ${Fixed.show(price)}`)
    }
    if (working.status === "unknown")
      return say(lot, "waiting", `exit ${working.id} has an unknown outcome; it is being looked up`)
    const grow =
      o.free > 0n &&
      working.amend === undefined &&
      working.cancelRequestedAt === undefined &&
      working.status === "open" &&
      !view.amendRefused.has(working.id) &&
      now - working.termsAt >= limits.exitInterval
    if (!grow || working.timeInForce === "IOC")
      return say(lot, "working", `${working.id} at ${Fixed.show(working.limitPrice)}`)
    actions.push({
      _tag: "Amend",
      orderId: working.id,
      quantity: Money.addQuantity(working.quantity, o.free),
      limitPrice: working.limitPrice,
      postOnly: working.postOnly,
      added: [{ lotId: lot.id, quantity: o.free }],
      reason: "the lot grew"
    })
    say(lot, "working", `${working.id} is amended to the whole lot`)
  }

  for (const o of called) if (o.call !== undefined) exitNow(o, o.call)
  for (const o of open) if (o.call === undefined) rest(o)
  return { actions, statuses }
}
