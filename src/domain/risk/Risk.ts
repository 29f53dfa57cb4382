/**
 * Risk: may this proposal become an order, against the state of this moment? Entries pass every limit; exits are bound
 * only by the exchange's rules and by what the trader holds (I3, I4, I5, I7, I16, I17, I19).
 */
import { Either } from "effect"
import type { ExitPlan } from "../exits/ExitPlan.ts"
import * as Fixed from "../money/Fixed.ts"
import type { Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import { lotSize, meetsMinimums, minimumQuantity, roundPrice, roundQuantity } from "../market/Instrument.ts"
import type { Instrument } from "../market/Instrument.ts"
import type { Quote, SystemStatus } from "../market/Market.ts"
import type { ClientOrderId, LotId } from "../order/Ids.ts"
import type { LotShare, Order } from "../order/Order.ts"
import type { Proposal } from "../order/Proposal.ts"
import type { Lot } from "../portfolio/Lot.ts"
import { claimed } from "../portfolio/Portfolio.ts"
import type { EpochMs } from "../Time.ts"
import { ApprovedOrder } from "./Approved.ts"
import type { Limits } from "./Limits.ts"

/** How far ahead of sending an order's deadline lies (Kraken takes 2 to 60 s at arrival). */
export const DEADLINE_MS = 10_000
/** The dead man's switch must fire at least this long after an entry's deadline (I19). */
export const SWITCH_MARGIN_MS = 10_000

/** Why a proposal was refused. `code` is stable, `text` is for people. */
export interface Refusal {
  readonly code:
    | "gate"
    | "breaker"
    | "pair"
    | "size"
    | "grid"
    | "minimum"
    | "mode"
    | "quote"
    | "stale"
    | "spread"
    | "collar"
    | "post-only"
    | "exposure"
    | "daily loss"
    | "throttle"
    | "unknown order"
    | "no exit"
    | "switch"
    | "funds"
    | "lots"
    | "gone"
  readonly text: string
}

/** Everything that an assessment looks at: the engine's state of the moment, narrowed to what matters. */
export interface RiskView {
  readonly now: EpochMs
  readonly limits: Limits
  /** Why no entry may be sent whatever it is (paused, stopping, reconciling…); empty when entries are possible. */
  readonly gates: ReadonlyArray<string>
  readonly breakerOpen: boolean
  readonly system: SystemStatus
  readonly quote: Quote | undefined
  /** When the quote was last confirmed, by a frame or by a REST read that agreed. */
  readonly quoteConfirmedAt: EpochMs | undefined
  readonly orders: ReadonlyArray<Order>
  readonly lots: ReadonlyMap<LotId, Lot>
  /** Held + working + unknown, the reservation of this very proposal not included. */
  readonly exposure: Usd
  /** Loss since the day's mark (a gain is negative); `undefined` when it can't be told. */
  readonly dayLoss: Usd | undefined
  readonly entriesToday: number
  readonly lastEntryAt: EpochMs | undefined
  readonly lastLossAt: EpochMs | undefined
  /** Quote currency free at the exchange, as far as known. */
  readonly freeUsd: Usd | undefined
  readonly takerFee: Money.Rate
  readonly makerFee: Money.Rate
  /** When the dead man's switch will fire; `off` asks nothing; `undefined` is not armed. */
  readonly switchFiresAt: EpochMs | "off" | undefined
  readonly epoch: number
  /** The id this order would get. */
  readonly nextId: ClientOrderId
}

type Verdict = Either.Either<ApprovedOrder, Refusal>

const refuse = (code: Refusal["code"], text: string): Either.Either<never, Refusal> => Either.left({ code, text })

/** One rule: a reason to refuse, or nothing. */
type Rule = (p: Proposal, view: RiskView) => Refusal | undefined

const onGrid: Rule = (p) => {
  const i = p.instrument
  return p.quantity <= 0n ||
    p.limitPrice <= 0n ||
    roundPrice(i, p.limitPrice, "down") !== p.limitPrice ||
    roundQuantity(i, p.quantity) !== p.quantity
    ? {
        code: "grid",
        text: `price or quantity is not on the grid of ${i.symbol} (tick ${Fixed.show(i.tickSize)}, lot ${Fixed.show(lotSize(i))})`
      }
    : undefined
}

const minimums: Rule = (p) =>
  meetsMinimums(p.instrument, p.limitPrice, p.quantity)
    ? undefined
    : {
        code: "minimum",
        text: `${Fixed.show(p.quantity)} ${p.instrument.base} is below the exchange's minimum of ${Fixed.show(minimumQuantity(p.instrument, p.limitPrice))}`
      }

const gates: Rule = (_, view) => (view.gates.length === 0 ? undefined : { code: "gate", text: view.gates.join("; ") })

const breaker: Rule = (_, view) =>
  view.breakerOpen ? { code: "breaker", text: "the circuit breaker is open" } : undefined

const pair: Rule = (p, view) =>
  view.limits.allowedPairs.includes(p.instrument.symbol)
    ? undefined
    : { code: "pair", text: `${p.instrument.symbol} is not in ALLOWED_PAIRS` }

/** What an entry costs at most: it never pays more than its limit. */
const entryCost = (p: Proposal): Usd => Money.notional(p.limitPrice, p.quantity, "up")

const size: Rule = (p, view) => {
  const cost = entryCost(p)
  if (cost > view.limits.maxTradeSize) {
    return {
      code: "size",
      text: `$${Fixed.show(cost)} is above MAX_TRADE_SIZE $${Fixed.show(view.limits.maxTradeSize)}`
    }
  }
  return cost < view.limits.minOrderSize
    ? { code: "size", text: `$${Fixed.show(cost)} is below MIN_ORDER_SIZE $${Fixed.show(view.limits.minOrderSize)}` }
    : undefined
}

/** Whether the exchange takes this kind of order in its present mode and the pair's. */
const mode: Rule = (p, view) => {
  const blocked = (status: string): boolean =>
    !(
      status === "online" ||
      status === "limit_only" ||
      (status === "post_only" && p.postOnly) ||
      (status === "reduce_only" && p.side === "sell")
    )
  if (blocked(view.system)) return { code: "mode", text: `the exchange is in ${view.system} mode` }
  return blocked(p.instrument.status)
    ? { code: "mode", text: `${p.instrument.symbol} is in ${p.instrument.status} mode` }
    : undefined
}

const market: Rule = (p, view) => {
  const { limits, quote, quoteConfirmedAt } = view
  if (quote === undefined || quoteConfirmedAt === undefined) return { code: "quote", text: "no sound quote yet" }
  const age = view.now - quoteConfirmedAt
  // a time ahead of the clock is as bad as one behind; comparisons are written so that NaN refuses (I18)
  if (!(Math.abs(age) <= limits.staleAfter)) return { code: "stale", text: `the quote is ${Math.round(age)} ms old` }
  const mid = (quote.bid + quote.ask) / 2n
  const spread = quote.ask - quote.bid
  if (spread > Fixed.multiply(mid, limits.maxSpread, "down")) {
    return { code: "spread", text: `the spread is wider than MAX_SPREAD_PCT` }
  }
  const distance = p.limitPrice > mid ? p.limitPrice - mid : mid - p.limitPrice
  if (distance > Fixed.multiply(mid, limits.priceCollar, "down")) {
    return {
      code: "collar",
      text: `the limit ${Fixed.show(p.limitPrice)} is further than PRICE_COLLAR_PCT from the mid`
    }
  }
  if (limits.postOnly && (!p.postOnly || p.limitPrice >= quote.ask)) {
    return { code: "post-only", text: "the entry would take liquidity and POST_ONLY is set" }
  }
  return undefined
}

const exposure: Rule = (p, view) => {
  const after = view.exposure + entryCost(p)
  return after > view.limits.maxTotalExposure
    ? {
        code: "exposure",
        text: `held, working and unknown would be $${Fixed.show(after)}, above MAX_TOTAL_EXPOSURE $${Fixed.show(view.limits.maxTotalExposure)}`
      }
    : undefined
}

const dailyLoss: Rule = (_, view) => {
  if (view.dayLoss === undefined) return { code: "daily loss", text: "today's loss can't be told: no mark or no quote" }
  return view.dayLoss >= view.limits.maxDailyLoss
    ? { code: "daily loss", text: `today's loss $${Fixed.show(view.dayLoss)} reached MAX_DAILY_LOSSES` }
    : undefined
}

const throttles: Rule = (_, view) => {
  const { limits, now } = view
  const passed = (since: EpochMs | undefined, wait: number): boolean => since === undefined || now - since >= wait
  if (!(view.entriesToday < limits.maxTradesPerDay)) {
    return {
      code: "throttle",
      text: `${view.entriesToday} trades today, MAX_TRADES_PER_DAY is ${limits.maxTradesPerDay}`
    }
  }
  if (!passed(view.lastEntryAt, limits.minTradeInterval)) {
    return { code: "throttle", text: "MIN_TRADE_INTERVAL since the last entry has not passed" }
  }
  return passed(view.lastLossAt, limits.cooldownAfterLoss)
    ? undefined
    : { code: "throttle", text: "COOLDOWN_AFTER_LOSS has not passed" }
}

const noUnknown: Rule = (_, view) => {
  const unknown = view.orders.find((order) => order.status === "unknown" || order.amend?.state === "unknown")
  return unknown === undefined
    ? undefined
    : { code: "unknown order", text: `order ${unknown.id} has an unknown outcome` }
}

/**
 * A full fill must be sellable at the stop, even after the exit's collar was paid (I17). The fee is taken in USD (`fciq`).
 * A plan that does not surround the price, or whose time limit would never come, is no exit.
 */
const exitPossible = (plan: ExitPlan, p: Proposal, view: RiskView): Refusal | undefined => {
  if (!(plan.stop < p.limitPrice && p.limitPrice < plan.target && plan.holdFor > 0 && Number.isFinite(plan.holdFor))) {
    return {
      code: "no exit",
      text: `the exit plan (target ${Fixed.show(plan.target)}, stop ${Fixed.show(plan.stop)}, ${plan.holdFor} ms) does not fit an entry at ${Fixed.show(p.limitPrice)}`
    }
  }
  const worst = Money.shiftPrice(plan.stop, Money.Rate(-view.limits.exitCollarMax), "down")
  const i: Instrument = p.instrument
  return worst > 0n && meetsMinimums(i, worst, roundQuantity(i, p.quantity))
    ? undefined
    : {
        code: "no exit",
        text: `what a full fill leaves could not be sold at the stop ${Fixed.show(plan.stop)} under the exchange's minimums`
      }
}

const funds: Rule = (p, view) => {
  if (view.freeUsd === undefined) return { code: "funds", text: "the free balance is not known yet" }
  const cost = entryCost(p)
  const need = cost + Money.portion(cost, p.postOnly ? view.makerFee : view.takerFee, "up")
  return need > view.freeUsd
    ? { code: "funds", text: `$${Fixed.show(view.freeUsd)} free, $${Fixed.show(Money.Usd(need))} needed` }
    : undefined
}

const switchArmed: Rule = (_, view) => {
  if (view.switchFiresAt === "off") return undefined
  return view.switchFiresAt !== undefined && view.switchFiresAt >= view.now + DEADLINE_MS + SWITCH_MARGIN_MS
    ? undefined
    : { code: "switch", text: "the dead man's switch is not confirmed armed for long enough" }
}

const entryRules: ReadonlyArray<Rule> = [
  gates,
  breaker,
  pair,
  mode,
  onGrid,
  minimums,
  size,
  market,
  noUnknown,
  dailyLoss,
  throttles,
  exposure,
  funds,
  switchArmed
]

/** Every named share must still be there, unclaimed by other exits, and make up the whole order (I5). */
const ownLots = (shares: ReadonlyArray<LotShare>, p: Proposal, view: RiskView): Refusal | undefined => {
  const named = new Map<LotId, bigint>()
  let sum = 0n
  for (const share of shares) {
    const lot = view.lots.get(share.lotId)
    const wanted = (named.get(share.lotId) ?? 0n) + share.quantity
    const free = lot === undefined ? 0n : lot.remaining - claimed(lot.id, view.orders)
    if (lot === undefined || lot.symbol !== p.instrument.symbol || share.quantity <= 0n || wanted > free) {
      return { code: "lots", text: `lot ${share.lotId} has less than ${Fixed.show(wanted)} left to sell` }
    }
    named.set(share.lotId, wanted)
    sum += share.quantity
  }
  return sum === p.quantity
    ? undefined
    : { code: "lots", text: "the exit's quantity is not the sum of its lots' shares" }
}

const exitRules: ReadonlyArray<Rule> = [mode, onGrid, minimums]

const firstOf = (rules: ReadonlyArray<Rule>, p: Proposal, view: RiskView): Refusal | undefined => {
  for (const rule of rules) {
    const refusal = rule(p, view)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** The first rule that refuses, or an approval that is void after a second. */
export const assess = (p: Proposal, view: RiskView): Verdict => {
  const { purpose } = p
  if ((purpose._tag === "Entry") !== (p.side === "buy")) return refuse("gate", "an entry buys and an exit sells")
  const refusal =
    purpose._tag === "Entry"
      ? (firstOf(entryRules, p, view) ?? exitPossible(purpose.plan, p, view))
      : (firstOf(exitRules, p, view) ?? ownLots(purpose.lots, p, view))
  if (refusal !== undefined) return Either.left(refusal)
  return Either.right(
    ApprovedOrder.make({
      id: view.nextId,
      proposal: p,
      approvedAt: view.now,
      deadline: view.now + DEADLINE_MS,
      epoch: view.epoch
    })
  )
}
