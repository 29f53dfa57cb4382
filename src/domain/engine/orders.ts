/** Proposals become orders, and orders come to their outcomes. */
import { Either } from "effect"
import * as Fixed from "../money/Fixed.ts"
import type { Price, Quantity } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { ClientOrderId } from "../order/Ids.ts"
import type { Order } from "../order/Order.ts"
import { isTerminal } from "../order/Order.ts"
import type { SendOutcome } from "../order/Outcome.ts"
import type { Proposal } from "../order/Steps.ts"
import { pendingOrder } from "../order/Steps.ts"
import * as Portfolio from "../portfolio/Portfolio.ts"
import type { Refusal } from "../risk/Risk.ts"
import { DEADLINE_MS, assess } from "../risk/Risk.ts"
import type { Draft } from "./Draft.ts"
import { alert, askOnce, fail, holdOrder, latch, log, patch, putLot, putOrder, putPair, succeed } from "./Draft.ts"
import { pauseExit, putThrottle, releaseUnmatched } from "./reports.ts"
import { storeDoubted } from "./store.ts"
import { exposure, riskView, show } from "./Views.ts"

/** Puts a proposal before the desk. */
export const propose = (d: Draft, proposal: Omit<Proposal, "proposalId" | "proposedAt">): void => {
  const full: Proposal = { ...proposal, proposalId: d.state.nextProposal, proposedAt: d.at }
  patch(d, {
    nextProposal: d.state.nextProposal + 1,
    proposals: new Map(d.state.proposals).set(full.proposalId, full)
  })
  d.out.push({ _tag: "Propose", proposal: full })
}

const dropProposal = (d: Draft, proposalId: number): Proposal | undefined => {
  const proposal = d.state.proposals.get(proposalId)
  if (proposal === undefined) return undefined
  const proposals = new Map(d.state.proposals)
  proposals.delete(proposalId)
  patch(d, { proposals })
  return proposal
}

const gone: Refusal = { code: "gone", text: "the proposal was withdrawn" }

/**
 * The desk holds budget and turn and asks: the proposal is assessed against this very state, and on approval reserved in
 * the same fold, so that nothing can come between the check and the reservation.
 */
export const approvalAsked = (d: Draft, proposalId: number): void => {
  const proposal = dropProposal(d, proposalId)
  const pair = proposal === undefined ? undefined : d.state.pairs.get(proposal.instrument.symbol)
  if (proposal === undefined || pair === undefined) {
    d.out.push({ _tag: "Verdict", proposalId, verdict: Either.left(gone) })
    return
  }
  const verdict =
    d.state.phase === "stopping" || d.state.rules.observing
      ? Either.left<Refusal>({ code: "gate", text: d.state.rules.observing ? "observing" : "stopping" })
      : assess({ ...proposal, instrument: pair.instrument }, riskView(d.state, pair))
  d.out.push({ _tag: "Verdict", proposalId, verdict })
  if (Either.isLeft(verdict)) {
    log(d, "info", `not sent: ${verdict.left.text}`, { code: verdict.left.code, reason: proposal.reason })
    if (proposal.purpose._tag === "Entry")
      putPair(d, pair.instrument.symbol, { note: verdict.left.text, signal: undefined })
    else pauseExit(d, proposal.purpose)
    return
  }
  const order = pendingOrder(verdict.right)
  holdOrder(d, order)
  patch(d, { sequence: Math.max(Math.floor(d.at), d.state.sequence + 1) })
  if (proposal.purpose._tag === "Entry") {
    putThrottle(d, { lastEntryAt: d.at })
    const total = exposure(d.state)
    if (total > d.state.rules.limits.maxTotalExposure) {
      latch(d, "invariant", `exposure $${show(total)} above MAX_TOTAL_EXPOSURE after an approval`)
    }
  }
}

/** The desk gave a proposal up before it was approved. */
export const proposalDropped = (d: Draft, proposalId: number, why: string): void => {
  const proposal = dropProposal(d, proposalId)
  if (proposal !== undefined) log(d, "info", `not sent: ${why}`, { reason: proposal.reason })
}

const end = (d: Draft, order: Order, reason: string, recorded: boolean): void => {
  const { cancelRequestedAt: _, ...rest } = order
  const ended: Order = { ...rest, status: "rejected", endReason: reason, updatedAt: d.at }
  if (recorded) putOrder(d, ended)
  else holdOrder(d, ended)
  pauseExit(d, order.purpose)
}

/** The intent was not made durable: nothing was sent, nothing was recorded. */
export const intentFailed = (d: Draft, orderId: ClientOrderId, why: "store" | "fence", text: string): void => {
  const order = d.state.orders.get(orderId)
  if (order === undefined) return
  end(d, order, `not sent: ${text}`, false)
  if (order.purpose._tag === "Entry") putPair(d, order.symbol, { signal: undefined, note: `not sent: ${text}` })
  if (why === "store") storeDoubted(d, text)
  log(d, "warning", `order ${orderId} was not sent: ${text}`, { orderId })
}

/** What a business rejection means: which are no failure of the system. */
const business: ReadonlySet<string> = new Set(["postOnly", "funds", "minimum", "mode", "openOrders", "restricted"])

const rejected = (d: Draft, order: Order, outcome: Extract<SendOutcome, { _tag: "Rejected" }>): void => {
  end(d, order, outcome.text, true)
  log(d, "info", `order ${order.id} was refused: ${outcome.text}`, { orderId: order.id, why: outcome.why })
  if (!business.has(outcome.why)) fail(d, "orders", `order ${order.id} refused: ${outcome.text}`)
  if (order.purpose._tag === "Entry") return entryRefused(d, order, outcome)
  if (outcome.why === "funds") {
    for (const share of order.purpose.lots) {
      const lot = d.state.lots.get(share.lotId)
      if (lot !== undefined) putLot(d, { ...lot, sellable: Money.zeroQuantity, lastAttemptAt: d.at })
    }
    d.out.push({ _tag: "FetchBalances" })
    alert(
      d,
      "warning",
      "exit.funds",
      `The exchange says there is less to sell than the books hold (${order.symbol}): moved by auto-earn, or sold by hand? What is available is sold; look at the account.`
    )
  }
  if (outcome.why === "minimum") d.out.push({ _tag: "Reconcile", reason: "the exchange's minimums changed" })
}

const entryRefused = (d: Draft, order: Order, outcome: Extract<SendOutcome, { _tag: "Rejected" }>): void => {
  const pair = d.state.pairs.get(order.symbol)
  if (pair === undefined) return
  if (outcome.why === "postOnly" && pair.signal !== undefined) {
    const requotes = pair.signal.requotes + 1
    return putPair(
      d,
      order.symbol,
      requotes > d.state.rules.limits.maxRequotes
        ? { signal: undefined, note: `given up after ${requotes - 1} re-quotes` }
        : { signal: { ...pair.signal, requotes }, note: `re-quote ${requotes}` }
    )
  }
  putPair(d, order.symbol, { signal: undefined, note: `refused: ${outcome.text}` })
  if (outcome.why === "funds") d.out.push({ _tag: "FetchBalances" })
  if (outcome.why === "minimum") d.out.push({ _tag: "Reconcile", reason: "the exchange's minimums changed" })
}

/** A signal leads to one order on the exchange at most; another entry needs a new signal. */
const signalSpent = (d: Draft, order: Order): void => {
  if (order.purpose._tag === "Entry") putPair(d, order.symbol, { signal: undefined })
}

/** What an order is, in a line. */
const describe = (order: Order): string =>
  `${order.side} ${show(order.quantity)} ${order.symbol} at ${show(order.limitPrice)}${order.postOnly ? ", post-only" : ""} (${order.reason})`

/** The end of one AddOrder. */
export const outcomeSeen = (d: Draft, orderId: ClientOrderId, outcome: SendOutcome): void => {
  const order = d.state.orders.get(orderId)
  if (order === undefined) return
  switch (outcome._tag) {
    case "Accepted": {
      const exchangeId = order.exchangeId ?? outcome.exchangeId
      const status = order.status === "pending" || order.status === "unknown" ? "open" : order.status
      putOrder(d, {
        ...order,
        status,
        ...(exchangeId === undefined ? {} : { exchangeId }),
        updatedAt: Math.max(order.updatedAt, d.at)
      })
      succeed(d, "orders")
      signalSpent(d, order)
      log(d, "info", `order ${orderId} accepted: ${describe(order)}`, { orderId, exchangeId: exchangeId ?? "" })
      if (exchangeId !== undefined) releaseUnmatched(d, exchangeId)
      return
    }
    case "Rejected": {
      if (isTerminal(order.status)) return
      // refused by the reply, and yet a report says it is there: what it is, is read
      if (order.exchangeId !== undefined || order.bookedQuantity > 0n) {
        d.out.push({ _tag: "FetchOrder", order, reason: "refused and reported" })
        return
      }
      return rejected(d, order, outcome)
    }
    case "NotSent": {
      if (isTerminal(order.status)) return
      end(d, order, `not sent: ${outcome.text}`, true)
      log(d, "warning", `order ${orderId} was not sent: ${outcome.text}`, { orderId, why: outcome.why })
      if (outcome.why !== "void") fail(d, "orders", `order not sent: ${outcome.text}`)
      if (order.purpose._tag === "Entry")
        putPair(d, order.symbol, { signal: undefined, note: `not sent: ${outcome.text}` })
      return
    }
    case "Unknown": {
      if (order.status !== "pending") return
      const unknown: Order = { ...order, status: "unknown", updatedAt: d.at }
      putOrder(d, unknown)
      signalSpent(d, order)
      fail(d, "orders", `outcome of order ${orderId} unknown: ${outcome.text}`)
      d.out.push({ _tag: "Settle", order: unknown })
      alert(
        d,
        "warning",
        "order.unknown",
        `It is not known whether order ${orderId} (${order.side} ${show(order.quantity)} ${order.symbol}) reached the exchange: ${outcome.text}. It is counted as if it had, cancelled, and looked up; it is never sent again. No entry until that is settled.`,
        { orderId }
      )
      return
    }
  }
}

/** Proved never to have arrived. */
export const neverArrived = (d: Draft, orderId: ClientOrderId, proof: string): void => {
  const order = d.state.orders.get(orderId)
  if (order === undefined || order.status !== "unknown") return
  end(d, order, `never arrived: ${proof}`, true)
  log(d, "info", `order ${orderId} never arrived: ${proof}`, { orderId })
}

/** Shares that an amend would have added and that are not sold by the order as it is. */
const trimShares = (order: Order): Order => {
  if (order.purpose._tag !== "Exit") return order
  return {
    ...order,
    purpose: { ...order.purpose, lots: Portfolio.allocate(order.purpose.lots, Money.zeroQuantity, order.quantity) }
  }
}

/** The desk holds the turn for an amend and asks whether it still makes sense. */
export const amendAsked = (d: Draft, orderId: ClientOrderId, quantity: Quantity, limitPrice: Price): void => {
  const order = d.state.orders.get(orderId)
  const deny = (why: string): void => {
    amendDone(d, orderId)
    if (order !== undefined && order.amend === undefined) holdOrder(d, trimShares(order))
    d.out.push({ _tag: "AmendVerdict", orderId, verdict: Either.left(why) })
  }
  if (order === undefined || order.status !== "open") return deny("the order is not open any more")
  if (order.amend !== undefined || order.cancelRequestedAt !== undefined)
    return deny("something else is under way for it")
  if (d.state.rules.observing) return deny("observing")
  const deadline = d.at + DEADLINE_MS
  const amended: Order = { ...order, amend: { quantity, limitPrice, sentAt: d.at, deadline, state: "inFlight" } }
  if (order.purpose._tag === "Exit") {
    const orders = [...d.state.orders.values()].map((other) => (other.id === orderId ? amended : other))
    for (const share of order.purpose.lots) {
      const lot = d.state.lots.get(share.lotId)
      if (lot !== undefined && Portfolio.claimed(lot.id, orders) > lot.remaining)
        return deny(`lot ${lot.id} has less to sell`)
    }
  } else if (quantity > order.quantity || limitPrice > order.limitPrice) {
    return deny("an entry is never amended upwards")
  }
  holdOrder(d, amended)
  d.out.push({ _tag: "AmendVerdict", orderId, verdict: Either.right({ order: amended, deadline }) })
}

const amendDone = (d: Draft, orderId: ClientOrderId): void => {
  if (!d.state.amending.has(orderId)) return
  const amending = new Set(d.state.amending)
  amending.delete(orderId)
  patch(d, { amending })
}

/** When an amend of an order came to nothing last. */
const growthKey = (orderId: ClientOrderId): string => `amend:${orderId}`

/**
 * Whether an amend that only lets an exit grow has to wait: one came to nothing a moment ago (the order has ended, and nobody
 * has told so yet), and asking again at once would use the limits up for nothing.
 */
export const growthWaits = (d: Draft, orderId: ClientOrderId): boolean => {
  const failedAt = d.state.asked.get(growthKey(orderId))
  return failedAt !== undefined && d.at - failedAt < d.state.rules.limits.exitInterval
}

/** The end of one AmendOrder. Absolute values: an unknown one is read again, and may be repeated. */
export const amendOutcome = (d: Draft, orderId: ClientOrderId, outcome: SendOutcome): void => {
  amendDone(d, orderId)
  const order = d.state.orders.get(orderId)
  if (order?.amend === undefined) return
  const { amend, ...rest } = order
  switch (outcome._tag) {
    case "Accepted":
      putOrder(d, {
        ...rest,
        quantity: amend.quantity,
        limitPrice: amend.limitPrice,
        termsAt: Math.max(order.termsAt, amend.sentAt),
        updatedAt: d.at
      })
      return
    case "Unknown":
      putOrder(d, { ...order, amend: { ...amend, state: "unknown" } })
      d.out.push({ _tag: "FetchOrder", order, reason: "the outcome of its amend is unknown" })
      fail(d, "orders", `outcome of an amend of ${orderId} unknown: ${outcome.text}`)
      return
    case "Rejected":
      putOrder(d, trimShares(rest))
      askOnce(d, growthKey(orderId), 0)
      if (outcome.why === "unknownOrder")
        d.out.push({ _tag: "FetchOrder", order, reason: "the exchange does not know it as open" })
      else patch(d, { amendRefused: new Set(d.state.amendRefused).add(orderId) })
      log(d, "info", `amend of ${orderId} refused: ${outcome.text}`, { orderId })
      return
    case "NotSent":
      putOrder(d, trimShares(rest))
      askOnce(d, growthKey(orderId), 0)
      log(d, "info", `amend of ${orderId} not sent: ${outcome.text}`, { orderId })
      return
  }
}

/** Asks for the cancel of an open order, once; a tick repeats it when nothing comes of it. */
export const requestCancel = (d: Draft, order: Order, reason: string): void => {
  if (order.status !== "open" || order.cancelRequestedAt !== undefined) return
  const asked: Order = { ...order, cancelRequestedAt: d.at }
  putOrder(d, asked)
  d.out.push({ _tag: "Cancel", order: asked, reason })
  log(d, "info", `cancelling ${order.id}: ${reason}`, { orderId: order.id })
}

/**
 * Takes an entry back for a reason of trading (signal gone, pair being sold). A partly filled one below the exchange's
 * minimum is amended down to the minimum instead, so that what it leaves can be sold.
 */
export const withdrawEntry = (d: Draft, order: Order, reason: string): void => {
  const instrument = d.state.pairs.get(order.symbol)?.instrument
  if (instrument === undefined || order.status !== "open" || order.amend !== undefined) return
  const least = Fixed.toDecimals(instrument.minQuantity, instrument.quantityDecimals, "up")
  if (order.bookedQuantity === 0n || order.bookedQuantity >= least) return requestCancel(d, order, reason)
  if (order.quantity <= least || d.state.amending.has(order.id) || d.state.amendRefused.has(order.id)) return
  patch(d, { amending: new Set(d.state.amending).add(order.id) })
  d.out.push({
    _tag: "Amend",
    order,
    quantity: Money.Quantity(least),
    limitPrice: order.limitPrice,
    postOnly: order.postOnly,
    reason: `${reason}; down to the minimum, since what is bought could not be sold alone`
  })
}

/** What came of a cancel request. */
export const cancelOutcome = (
  d: Draft,
  orderId: ClientOrderId,
  result: "accepted" | "gone" | "failed",
  text: string
): void => {
  const order = d.state.orders.get(orderId)
  if (order === undefined || isTerminal(order.status)) return
  if (result === "gone") d.out.push({ _tag: "FetchOrder", order, reason: "the exchange does not know it as open" })
  if (result === "failed") log(d, "warning", `cancel of ${orderId} failed: ${text}`, { orderId })
}

/** Cancels that nothing came of, and amends and orders whose end is still open, are looked after on every tick. */
export const chase = (d: Draft): void => {
  for (const order of d.state.orders.values()) {
    if (isTerminal(order.status)) continue
    // asked for of open orders alone, and forgotten with their end
    if (order.cancelRequestedAt !== undefined && d.at - order.cancelRequestedAt > 5000) {
      const again: Order = { ...order, cancelRequestedAt: d.at }
      holdOrder(d, again)
      d.out.push(
        { _tag: "Cancel", order: again, reason: "not confirmed yet" },
        { _tag: "FetchOrder", order: again, reason: "its cancel is not confirmed" }
      )
    } else if (
      order.amend?.state === "unknown" &&
      d.at > order.amend.deadline &&
      askOnce(d, `order:${order.id}`, 5000)
    ) {
      d.out.push({ _tag: "FetchOrder", order, reason: "the outcome of its amend is unknown" })
    } else if (
      order.expiresAt !== undefined &&
      d.at > order.expiresAt + 5000 &&
      order.status === "open" &&
      askOnce(d, `order:${order.id}`, 5000)
    ) {
      d.out.push({ _tag: "FetchOrder", order, reason: "it should have expired" })
    }
  }
}
