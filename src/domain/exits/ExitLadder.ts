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
import type { ExitKind, LotShare, Order, Purpose } from "../order/Order.ts"
import { isLive, openQuantity } from "../order/Order.ts"
import type { Proposal } from "../order/Proposal.ts"
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
  /**
   * A try was made for this lot: the next one waits, and goes further if this one was to take at the bid less a collar. A
   * post-only one must not widen the collar that the first taking one will use. `atBound`: it was the widest.
   */
  | { readonly _tag: "Attempted"; readonly lotId: LotId; readonly taking: boolean; readonly atBound: boolean }
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

/** What a mode lets an exit do. A pair in `reduce_only` is one whose holdings may still be sold. */
type Possible = "anything" | "passive only" | "nothing"
const possible = (status: SystemStatus | PairStatus): Possible =>
  status === "online" || status === "limit_only" || status === "reduce_only"
    ? "anything"
    : status === "post_only"
      ? "passive only"
      : "nothing"

const worse = (a: Possible, b: Possible): Possible =>
  a === "nothing" || b === "nothing" ? "nothing" : a === "passive only" ? a : b

/** Lot, the call that holds for it, the exits that may still sell part of it, and what of it no exit claims yet. */
interface Open {
  readonly lot: Lot
  readonly call: "loss" | "time" | "flatten" | undefined
  readonly working: ReadonlyArray<Order>
  /** What the exchange lets be sold of it at all, and what of that no exit claims, both on the lot grid. */
  readonly held: Quantity
  readonly free: Quantity
}

const sharesOf = (order: { readonly purpose: Purpose }): ReadonlyArray<LotShare> =>
  order.purpose._tag === "Exit" ? order.purpose.lots : []

const proposedOf = (lotId: LotId, proposed: ReadonlyArray<Proposal>): bigint =>
  proposed
    .flatMap(sharesOf)
    .filter((share) => share.lotId === lotId)
    .reduce((sum, share) => sum + share.quantity, 0n)

const limitHit = (
  lot: Lot,
  view: LadderView
): Pick<Extract<ExitAction, { _tag: "Call" }>, "kind" | "reason"> | undefined => {
  const { quote } = view
  if (quote !== undefined && quote.bid <= lot.plan.stop) {
    return {
      kind: "loss",
      reason: `bid ${Fixed.show(quote.bid)} at or below the stop ${Fixed.show(lot.plan.stop)}`
    }
  }
  return view.now >= lot.openedAt + lot.plan.holdFor
    ? { kind: "time", reason: `held longer than ${Math.round(lot.plan.holdFor / 60_000)} min` }
    : undefined
}

const leadOf = (order: Order, lots: ReadonlyArray<Lot>): LotId | undefined =>
  sharesOf(order).find((share) => lots.some((lot) => lot.id === share.lotId && claimed(lot.id, [order]) > 0n))?.lotId

/** Builds actions and statuses for one pair. */
export const climb = (view: LadderView): LadderStep => {
  const { instrument: i, limits, now, quote } = view
  const actions: Array<ExitAction> = []
  const statuses = new Map<LotId, LotStatus>()
  /** A lot may be in parts; what is said of each is kept, and the last state counts. Dust that found a ride is dust no more. */
  const say = (lot: Lot, state: LotState, text: string): void => {
    const before = statuses.get(lot.id)
    const kept = before === undefined || before.state === "dust" || before.text === text ? "" : `${before.text}; `
    statuses.set(lot.id, { lotId: lot.id, state, text: kept + text })
  }
  const done = (): LadderStep => ({ actions, statuses: [...statuses.values()] })

  const live = view.orders.filter(isLive)
  const open: ReadonlyArray<Open> = view.lots.map((lot) => {
    const hit = lot.call === undefined ? limitHit(lot, view) : undefined
    if (hit !== undefined) actions.push({ _tag: "Call", lotId: lot.id, ...hit })
    const held = lot.sellable === undefined ? lot.remaining : Fixed.min(lot.remaining, lot.sellable)
    const free = held - claimed(lot.id, view.orders) - proposedOf(lot.id, view.proposed)
    return {
      lot,
      call: lot.call?.kind ?? hit?.kind,
      working: live.filter((order) => claimed(lot.id, [order]) > 0n),
      held: roundQuantity(i, held),
      free: roundQuantity(i, Money.Quantity(Fixed.max(free, 0n)))
    }
  })
  const called = open.filter((o) => o.call !== undefined)

  const entries = live.filter((order) => order.side === "buy")
  const growing = (o: Open): boolean => entries.some((entry) => entry.id === o.lot.id)
  /** Whether an exit is this lot's own: the first one named of which it still sells; the others ride along. */
  const leads = (o: Open, order: Order): boolean => leadOf(order, view.lots) === o.lot.id

  /** Small leftovers that no order could sell alone, and whose entry brings no more, ride along. */
  const used = new Set<LotId>()
  const dustFor = (price: Price, except: LotId): ReadonlyArray<LotShare> =>
    open
      .filter(
        (o) =>
          o.lot.id !== except &&
          !used.has(o.lot.id) &&
          o.free > 0n &&
          o.working.length === 0 &&
          !growing(o) &&
          o.free < minimumQuantity(i, price)
      )
      .map((o) => ({ lotId: o.lot.id, quantity: o.free }))
  const sharesFor = (o: Open, price: Price): ReadonlyArray<LotShare> => [
    { lotId: o.lot.id, quantity: o.free },
    ...dustFor(price, o.lot.id)
  ]
  const total = (shares: ReadonlyArray<LotShare>): Quantity =>
    shares.reduce((sum, share) => Money.addQuantity(sum, share.quantity), Money.zeroQuantity)

  const taking = (lot: Lot, at: Quote): Price => aggressivePrice(i, at.bid, collarOf(limits, lot.attempts))
  /** Whether an exit of this lot has anything to move: dust and riders wait for others and must not stop the pair's entries. */
  const selling = called.filter((o) => {
    if (o.working.length > 0) return o.free > 0n || o.working.some((order) => leads(o, order))
    if (o.free === 0n || growing(o)) return o.held > 0n
    const price = quote === undefined ? o.lot.plan.stop : taking(o.lot, quote)
    return total(sharesFor(o, price)) >= minimumQuantity(i, price)
  })

  // (b) own entries of the pair go first
  if (selling.length > 0) {
    for (const entry of entries) {
      if (entry.cancelRequestedAt === undefined) {
        actions.push({ _tag: "Cancel", orderId: entry.id, reason: "a position of the pair is being sold" })
      }
    }
  }

  const can = worse(possible(view.system), possible(i.status))
  if (can === "nothing") {
    for (const o of open)
      say(o.lot, "waiting", `the exchange is in ${view.system} mode, the pair ${i.status}: nothing can be sold now`)
    return done()
  }
  const passive = can === "passive only"
  const stale = view.quoteConfirmedAt === undefined || now - view.quoteConfirmedAt > limits.staleAfter
  if (selling.length > 0 && (quote === undefined || stale)) actions.push({ _tag: "FetchQuote" })

  /** A second from the call, whatever becomes of the cancels: an entry that can't be taken back must not hold an exit up. */
  const entriesFirst = (lot: Lot): boolean =>
    !passive && entries.length > 0 && now - (lot.call?.at ?? now) < ENTRY_CANCEL_WAIT_MS
  const due = (lot: Lot): boolean => lot.lastAttemptAt === undefined || now - lot.lastAttemptAt >= limits.exitInterval
  const tried = new Set<LotId>()
  const attempted = (lot: Lot, takes: boolean): void => {
    if (tried.has(lot.id)) return
    tried.add(lot.id)
    actions.push({
      _tag: "Attempted",
      lotId: lot.id,
      taking: takes,
      atBound: takes && collarOf(limits, lot.attempts) >= limits.exitCollarMax
    })
  }
  const place = (o: Open, kind: ExitKind, limitPrice: Price, postOnly: boolean, reason: string): void => {
    const shares = sharesFor(o, limitPrice)
    actions.push({
      _tag: "Place",
      kind,
      lots: shares,
      quantity: total(shares),
      limitPrice,
      postOnly,
      timeInForce: postOnly ? "GTC" : "IOC",
      attempt: o.lot.attempts,
      reason
    })
    for (const share of shares) {
      used.add(share.lotId)
      const other = open.find((x) => x !== o && x.lot.id === share.lotId)
      if (other !== undefined) say(other.lot, "placing", `sold together with lot ${o.lot.id}`)
    }
  }
  const tooLittle = (o: Open, limitPrice: Price): void => {
    const text = `${Fixed.show(o.free)} ${i.base} is below the exchange's minimum of ${Fixed.show(minimumQuantity(i, limitPrice))} at ${Fixed.show(limitPrice)}`
    if (o.working.length > 0) say(o.lot, "exiting", `${text} and waits for the rest of the lot`)
    else if (growing(o)) say(o.lot, "waiting", `${text}; its entry is still at work`)
    else say(o.lot, "dust", `${text}; it is sold with the pair's next exit`)
  }
  /** Why nothing of a lot is free although no exit works for it. */
  const nothingFree = (o: Open, state: LotState): void => {
    if (roundQuantity(i, o.lot.remaining) === 0n)
      return say(o.lot, "dust", `${Fixed.show(o.lot.remaining)} ${i.base} is less than the smallest step of a quantity`)
    if (o.held === 0n)
      return say(
        o.lot,
        "waiting",
        `the exchange lets nothing of its ${Fixed.show(o.lot.remaining)} ${i.base} be sold; looking again`
      )
    say(o.lot, state, "its exit is on the way")
  }

  const exitNow = (o: Open, kind: "loss" | "time" | "flatten"): void => {
    const { lot } = o
    if (quote === undefined || stale) return say(lot, "waiting", "no fresh price to sell at; asking REST")
    for (const order of o.working) moveWorking(o, order, quote)
    if (used.has(lot.id)) return
    if (o.free === 0n) return o.working.length > 0 ? undefined : nothingFree(o, "exiting")
    const price = passive ? roundPrice(i, quote.ask, "up") : taking(lot, quote)
    if (total(sharesFor(o, price)) < minimumQuantity(i, price)) return tooLittle(o, price)
    if (entriesFirst(lot)) return say(lot, "waiting", "the cancel of the pair's entry comes first")
    if (!due(lot)) return say(lot, "exiting", "waits between two attempts")
    place(o, kind, price, passive, `${kind} exit, attempt ${lot.attempts + 1}`)
    attempted(lot, !passive)
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
    if (order.cancelRequestedAt !== undefined) {
      // sold whole after the confirmation; a cancel that hangs holds only its own part up
      if (now - order.cancelRequestedAt < limits.exitInterval) used.add(lot.id)
      return say(lot, "exiting", `cancel of ${order.id} is on its way`)
    }
    if (order.status === "pending" || order.timeInForce === "IOC")
      return say(lot, "exiting", `exit ${order.id} is on its way`)
    if (!leads(o, order)) return say(lot, "working", `it rides along with exit ${order.id}`)
    if (entriesFirst(lot)) return say(lot, "waiting", "the cancel of the pair's entry comes first")
    if (!due(lot)) return say(lot, "exiting", "waits between two attempts")
    const aggressive = taking(lot, at)
    const tooSmall = openQuantity(order) + o.free < minimumQuantity(i, aggressive)
    const refused = view.amendRefused.has(order.id)
    if (refused && !passive && !tooSmall) {
      used.add(lot.id)
      actions.push({ _tag: "Cancel", orderId: order.id, reason: "an amend to a taking price was refused" })
      return say(lot, "exiting", `cancel of ${order.id}, then a taking sale`)
    }
    // a remainder below the minimum is never cancelled: it follows the market as a resting order where it may not take
    const rests = passive || refused
    const price = rests
      ? Fixed.max(roundPrice(i, at.ask, "down"), Money.Price(roundPrice(i, at.bid, "down") + i.tickSize))
      : aggressive
    const added = o.free > 0n && !used.has(lot.id) ? [{ lotId: lot.id, quantity: o.free }] : []
    if (price === order.limitPrice && added.length === 0)
      return say(lot, "exiting", `exit ${order.id} rests at ${Fixed.show(price)}`)
    for (const share of added) used.add(share.lotId)
    actions.push({
      _tag: "Amend",
      orderId: order.id,
      quantity: Money.addQuantity(order.quantity, total(added)),
      limitPrice: price,
      postOnly: rests,
      added,
      reason: `to the market, attempt ${lot.attempts + 1}`
    })
    attempted(lot, !rests)
    say(lot, "exiting", `exit ${order.id} is amended to ${Fixed.show(price)}`)
  }

  const rest = (o: Open): void => {
    const { lot, working } = o
    if (used.has(lot.id)) return
    for (const order of working) {
      if (order.status === "unknown")
        say(lot, "waiting", `exit ${order.id} has an unknown outcome; it is being looked up`)
      else say(lot, "working", `${order.id} at ${Fixed.show(order.limitPrice)}`)
    }
    if (o.free === 0n) return working.length > 0 ? undefined : nothingFree(o, "placing")
    // what the entry brought since joins the lot's exit; where that can't be, it gets an exit of its own
    const joins = working.find(
      (order) => leads(o, order) && order.status !== "unknown" && !view.amendRefused.has(order.id)
    )
    if (joins !== undefined) {
      const ready =
        joins.status === "open" &&
        joins.amend === undefined &&
        joins.cancelRequestedAt === undefined &&
        joins.timeInForce !== "IOC" &&
        now - joins.termsAt >= limits.exitInterval
      if (!ready) return
      used.add(lot.id)
      actions.push({
        _tag: "Amend",
        orderId: joins.id,
        quantity: Money.addQuantity(joins.quantity, o.free),
        limitPrice: joins.limitPrice,
        postOnly: joins.postOnly,
        added: [{ lotId: lot.id, quantity: o.free }],
        reason: "the lot grew"
      })
      return say(lot, "working", "it is amended to the whole lot")
    }
    const price = restingTarget(i, lot.plan.target, quote)
    if (total(sharesFor(o, price)) < minimumQuantity(i, price)) return tooLittle(o, price)
    if (!due(lot)) return say(lot, "placing", "waits between two attempts")
    place(o, "target", price, true, "target")
    say(lot, "placing", `target at ${Fixed.show(price)}`)
  }

  for (const o of open) if (o.call !== undefined) exitNow(o, o.call)
  for (const o of open) if (o.call === undefined) rest(o)
  return done()
}
