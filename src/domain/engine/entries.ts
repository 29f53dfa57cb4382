/** From a strategy's signal to a proposed entry, and taking resting entries back. */
import { Either } from "effect"
import { minimumQuantity, roundPrice, roundQuantity } from "../market/Instrument.ts"
import * as Fixed from "../money/Fixed.ts"
import type { Price } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { ClientOrderId } from "../order/Ids.ts"
import type { Order } from "../order/Order.ts"
import { isLive } from "../order/Order.ts"
import type { Proposal } from "../order/Steps.ts"
import { assess } from "../risk/Risk.ts"
import type { EntrySignal } from "../strategy/Strategy.ts"
import type { Draft } from "./Draft.ts"
import { log, putPair } from "./Draft.ts"
import { propose, requestCancel, withdrawEntry } from "./orders.ts"
import { putThrottle } from "./reports.ts"
import type { EngineState, PairState } from "./State.ts"
import { entryStops, exposure, freeUsd, riskView } from "./Views.ts"

/** How long a signal is worked on before the strategy must say it again. */
export const SIGNAL_LIFE_MS = 30_000

export const liveEntries = (state: EngineState, pair: PairState): ReadonlyArray<Order> =>
  [...state.orders.values()].filter(
    (order) => order.symbol === pair.instrument.symbol && order.purpose._tag === "Entry" && isLive(order)
  )

const entryProposed = (state: EngineState, pair: PairState): boolean =>
  [...state.proposals.values()].some(
    (p) => p.purpose._tag === "Entry" && p.instrument.symbol === pair.instrument.symbol
  )

/**
 * Whether the trader holds, works or proposes anything on a pair. Dust alone does not engage it: what no order could sell
 * by itself waits for the next entry to top it up, and would wait for ever if it kept that entry away.
 */
export const engaged = (state: EngineState, pair: PairState): boolean => {
  const dust = (id: ClientOrderId): boolean => pair.lotStatuses.some((s) => s.lotId === id && s.state === "dust")
  return (
    liveEntries(state, pair).length > 0 ||
    entryProposed(state, pair) ||
    [...state.lots.values()].some((lot) => lot.symbol === pair.instrument.symbol && lot.remaining > 0n && !dust(lot.id))
  )
}

/** Why no order can be made of a signal; `tooSmall` where the exchange's minimums are the reason. */
interface Unfit {
  readonly text: string
  readonly tooSmall: boolean
}
type Draftable = Either.Either<Omit<Proposal, "proposalId" | "proposedAt">, Unfit>
const unfit = (text: string, tooSmall = false): Draftable => Either.left({ text, tooSmall })

const fromNumber = (value: number): Price | undefined => {
  const fixed = Fixed.fromNumber(value)
  return fixed === undefined || fixed <= 0n ? undefined : Money.Price(fixed)
}

/** Sizes and prices an entry: tick and lot, trade size, room under the exposure limit, free dollars; the first bound that binds is named. */
export const draftEntry = (state: EngineState, pair: PairState, signal: EntrySignal): Draftable => {
  const { instrument: i, quote } = pair
  const { limits } = state.rules
  if (quote === undefined) return unfit("no sound quote yet")
  const limit = fromNumber(signal.limit)
  const target = fromNumber(signal.exit.target)
  const stop = fromNumber(signal.exit.stop)
  if (limit === undefined || target === undefined || stop === undefined || !(signal.exit.holdFor > 0)) {
    return unfit("the strategy gave a price that is no price")
  }
  const best = limits.postOnly ? Fixed.min(limit, quote.bid) : Fixed.min(limit, quote.ask)
  const limitPrice = roundPrice(i, best, "down")
  if (stop >= limitPrice || target <= limitPrice) {
    return unfit("the exit plan does not surround the entry's price")
  }
  const room = limits.maxTotalExposure - exposure(state)
  const free = freeUsd(state)
  if (free === undefined) return unfit("the free balance is not known yet")
  const fee = limits.postOnly ? pair.makerFee : pair.takerFee
  const affordable = Fixed.quotient(Fixed.max<bigint>(free, 0n), Fixed.ONE + fee, "down")
  const amount = Money.Usd(Fixed.min<bigint>(limits.maxTradeSize, Fixed.min<bigint>(Fixed.max(room, 0n), affordable)))
  const quantity = roundQuantity(i, Money.quantityFor(amount, limitPrice, "down"))
  const least = minimumQuantity(i, limitPrice)
  if (quantity < least) {
    const bound =
      amount === limits.maxTradeSize ? "MAX_TRADE_SIZE" : amount === room ? "MAX_TOTAL_EXPOSURE" : "the free balance"
    return unfit(
      `the exchange's minimum of ${Fixed.show(least)} ${i.base} costs more than ${bound} leaves ($${Fixed.show(Fixed.toDecimals(amount, 2, "down"))})`,
      true
    )
  }
  return Either.right({
    instrument: i,
    side: "buy",
    purpose: {
      _tag: "Entry",
      plan: { target: roundPrice(i, target, "up"), stop: roundPrice(i, stop, "down"), holdFor: signal.exit.holdFor },
      features: signal.features
    },
    quantity,
    limitPrice,
    postOnly: limits.postOnly,
    timeInForce: "GTD",
    expiresAfter: limits.entryExpiry,
    reason: signal.reason
  })
}

/** Works on a pair's signal: proposes an entry when nothing else of the pair is under way and risk would let it pass now. */
export const pursue = (d: Draft, pair: PairState): void => {
  const { signal } = pair
  if (signal === undefined) return
  const { symbol } = pair.instrument
  if (d.at - signal.at > SIGNAL_LIFE_MS) return putPair(d, symbol, { signal: undefined, note: "no signal" })
  if (entryProposed(d.state, pair) || liveEntries(d.state, pair).length > 0) return
  const [stopped] = entryStops(d.state, pair)
  if (stopped !== undefined) return putPair(d, symbol, { signal: undefined, note: stopped })
  const drafted = draftEntry(d.state, pair, signal.entry)
  if (Either.isLeft(drafted)) {
    const { text, tooSmall } = drafted.left
    return putPair(d, symbol, { signal: undefined, note: text, tooSmall })
  }
  const verdict = assess({ ...drafted.right, proposalId: 0, proposedAt: d.at }, riskView(d.state, pair))
  if (Either.isLeft(verdict)) {
    const keep = verdict.left.code === "throttle" || verdict.left.code === "switch"
    const tooSmall = verdict.left.code === "minimum" || verdict.left.code === "no exit"
    return putPair(d, symbol, { ...(keep ? {} : { signal: undefined }), note: verdict.left.text, tooSmall })
  }
  if (d.state.rules.observing) {
    const { limitPrice, quantity, reason } = drafted.right
    log(d, "info", `observing: would buy ${Fixed.show(quantity)} ${symbol} at ${Fixed.show(limitPrice)}: ${reason}`)
    d.out.push({ _tag: "WouldPropose", symbol, proposal: drafted.right })
    // the next one keeps the distance that the entry itself would have made it keep
    putThrottle(d, { lastEntryAt: d.at })
    return putPair(d, symbol, { signal: undefined, note: "observing" })
  }
  propose(d, drafted.right)
  putPair(d, symbol, { note: "an entry is on its way", tooSmall: false })
}

/** While entries may not be sent, resting ones are cancelled (I7). */
export const cancelWhereStopped = (d: Draft): void => {
  for (const pair of d.state.pairs.values()) {
    const entries = liveEntries(d.state, pair)
    if (entries.length === 0) continue
    const [stopped] = entryStops(d.state, pair)
    if (stopped !== undefined) for (const order of entries) requestCancel(d, order, stopped)
  }
}

/** The strategy takes its entries of a pair back. */
export const withdraw = (d: Draft, pair: PairState, reason: string): void => {
  putPair(d, pair.instrument.symbol, { signal: undefined, note: reason })
  for (const order of liveEntries(d.state, pair)) withdrawEntry(d, order, reason)
}
