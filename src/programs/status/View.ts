/**
 * The one document that says how the trader is: `status --json`, `GET /status`, and what `status` shows to people. Amounts
 * are exact decimal texts, times ISO 8601 UTC (market time unless said otherwise), `null` is "not known". Every section
 * says the time it is from.
 */
import { Schema } from "effect"
import type { BreakerState, Latch } from "../../domain/breaker/BreakerState.ts"
import { causes } from "../../domain/breaker/BreakerState.ts"
import { hasProbe, isOpen, latched } from "../../domain/breaker/Breaker.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import type { Order } from "../../domain/order/Order.ts"
import { openQuantity } from "../../domain/order/Order.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { iso, utcDay } from "../../domain/Time.ts"
import type { Totals } from "../../domain/portfolio/Books.ts"
import type { TradeRow } from "../../services/Records.ts"

/** A time, an amount, a text: `null` where it is not known. */
const maybeText = Schema.NullOr(Schema.String)
const maybeNumber = Schema.NullOr(Schema.Finite)

/** Exit codes of `status`: 0, 1, 3, 4. */
const TraderState = Schema.Literal("trading", "not-entering", "stopped", "unknown")
export type TraderState = typeof TraderState.Type

const PairView = Schema.Struct({
  symbol: Schema.String,
  status: Schema.String,
  bid: maybeText,
  ask: maybeText,
  /** When the quote was stamped, and when it was last known to hold. */
  quotedAt: maybeText,
  confirmedAt: maybeText,
  ageSeconds: maybeNumber,
  /** Ratios: 0.0025 is a quarter per cent. */
  makerFee: maybeText,
  takerFee: maybeText,
  feesAt: maybeText,
  /** Why no entry may be sent on this pair; empty when one may. */
  stops: Schema.Array(Schema.String),
  /** What the trader is doing or waiting for on it. */
  note: Schema.String
})
export type PairView = typeof PairView.Type

const LotView = Schema.Struct({
  id: Schema.String,
  symbol: Schema.String,
  bought: Schema.String,
  remaining: Schema.String,
  openedAt: Schema.String,
  /** Average entry price, fees aside. */
  entryPrice: maybeText,
  costUsd: Schema.String,
  feesUsd: Schema.String,
  /** Best bid, and when it was last known to hold. */
  mark: maybeText,
  markAt: maybeText,
  /** What selling the rest at the mark would bring, less its fee and its cost. */
  unrealisedUsd: maybeText,
  /** Profit of what was sold of it already, net of fees. */
  realisedUsd: Schema.String,
  target: Schema.String,
  stop: Schema.String,
  /** When it is sold whatever the price. */
  sellBy: Schema.String,
  /** `unwatched`: the trader is down or does not answer, nobody watches its limits. */
  exit: Schema.Literal("working", "exiting", "placing", "waiting", "dust", "unwatched"),
  exitText: Schema.String,
  /** What to do about it, where there is something to do. */
  remedy: maybeText
})
export type LotView = typeof LotView.Type

const OrderView = Schema.Struct({
  id: Schema.String,
  exchangeId: maybeText,
  symbol: Schema.String,
  side: Schema.String,
  /** `entry`, or `exit (target)`… */
  purpose: Schema.String,
  status: Schema.String,
  price: Schema.String,
  quantity: Schema.String,
  filled: Schema.String,
  open: Schema.String,
  createdAt: Schema.String,
  expiresAt: maybeText,
  reason: Schema.String
})
export type OrderView = typeof OrderView.Type

const LatchView = Schema.Struct({
  cause: Schema.Literal(...causes),
  /** `null`: set while no trader ran, holds from the next start. */
  since: maybeText,
  reason: Schema.String,
  /** What clears it, in words. */
  clears: Schema.String
})

const StreamView = Schema.Struct({
  connected: Schema.Boolean,
  /** Real (machine) time. */
  since: maybeText,
  lastFrameSeconds: maybeNumber,
  reconnects: Schema.Finite,
  malformed: Schema.Finite
})
export type StreamView = typeof StreamView.Type

const TradeView = Schema.Struct({
  id: Schema.String,
  exchangeId: maybeText,
  symbol: Schema.String,
  side: Schema.String,
  price: Schema.String,
  quantity: Schema.String,
  remaining: Schema.String,
  at: Schema.String,
  status: Schema.String,
  /** Net of all fees; `null` while it is open. */
  profitUsd: maybeText
})
export type TradeView = typeof TradeView.Type

export const StatusView = Schema.Struct({
  state: TraderState,
  /** Why no entry is possible, or why the trader is not running; empty when all is well. */
  reasons: Schema.Array(Schema.String),
  mode: Schema.Literal("paper", "observe", "live"),
  pid: Schema.NullOr(Schema.Int),
  /** Real time. */
  startedAt: maybeText,
  version: Schema.String,
  /** Who says so: the running trader, or the records it left. */
  source: Schema.Literal("trader", "records"),
  /** Market time of the figures; for records, when they were last written. */
  at: maybeText,
  clock: Schema.Struct({
    machineTime: Schema.String,
    /** Market seconds per real second. */
    speed: maybeNumber,
    /** Exchange minus machine. */
    offsetMs: maybeNumber,
    measuredAt: maybeText
  }),
  paused: Schema.Boolean,
  breaker: Schema.Struct({
    open: Schema.Boolean,
    latches: Schema.Array(LatchView),
    /** Failures in a row of causes that latch at a threshold. */
    failures: Schema.Record({ key: Schema.String, value: Schema.Finite }),
    at: maybeText
  }),
  pairs: Schema.Array(PairView),
  lots: Schema.Array(LotView),
  orders: Schema.Array(OrderView),
  /** Ids of orders of unknown outcome: counted as open until they are looked up. */
  unknownOrders: Schema.Array(Schema.String),
  exposure: Schema.Struct({ usd: Schema.String, limitUsd: Schema.String, at: maybeText }),
  day: Schema.Struct({
    day: Schema.String,
    /** Negative is a gain; `null`: it can't be told, and then nothing is entered. */
    lossUsd: maybeText,
    limitUsd: Schema.String,
    markUsd: maybeText,
    markSource: maybeText,
    entries: maybeNumber,
    maxEntries: Schema.Finite,
    at: maybeText
  }),
  totals: Schema.Struct({
    closedTrades: Schema.Finite,
    winningTrades: Schema.Finite,
    /** Net of all fees, since the installation began. */
    realisedUsd: Schema.String,
    at: maybeText
  }),
  cash: Schema.Struct({ freeUsd: maybeText, at: maybeText }),
  switch: Schema.Struct({ state: Schema.Literal("armed", "not armed", "off", "unknown"), firesAt: maybeText }),
  streams: Schema.NullOr(Schema.Struct({ market: StreamView, account: StreamView, at: Schema.String })),
  store: Schema.Struct({ ok: Schema.Boolean, detail: maybeText, at: maybeText }),
  exchange: Schema.NullOr(Schema.Struct({ status: Schema.String, maintenanceAt: maybeText, at: Schema.String })),
  recentTrades: Schema.Array(TradeView)
})
export type StatusView = typeof StatusView.Type

export const isoOrNull = (at: EpochMs | undefined): string | null => (at === undefined ? null : iso(at))
export const showOrNull = (value: bigint | undefined): string | null => (value === undefined ? null : Fixed.show(value))
/** Dollars as people read them: to the cent, nearest. */
export const cents = (value: bigint): string => Fixed.format(Fixed.toDecimals(value, 2, "nearest"), 2)

const clears = (latch: Latch): string => {
  if (latch.cause === "dailyLoss") return `by itself after the UTC day ${latch.day ?? utcDay(latch.since)}; not by hand`
  if (hasProbe(latch.cause)) {
    return latch.probeAt === undefined
      ? "by itself once its probe succeeds"
      : `by itself: looked at again from ${iso(latch.probeAt)}`
  }
  return `by hand only: look at the account, then \`breaker reset --cause ${latch.cause}\``
}

export const breakerView = (state: BreakerState, at: string | null): StatusView["breaker"] => ({
  open: isOpen(state),
  latches: latched(state).map((latch) => ({
    cause: latch.cause,
    since: iso(latch.since),
    reason: latch.reason,
    clears: clears(latch)
  })),
  failures: { ...state.failures },
  at
})

export const totalsView = (totals: Totals, at: string | null): StatusView["totals"] => ({
  closedTrades: totals.closedTrades,
  winningTrades: totals.winningTrades,
  realisedUsd: Fixed.show(totals.realised),
  at
})

export const orderView = (order: Order): OrderView => ({
  id: order.id,
  exchangeId: order.exchangeId ?? null,
  symbol: order.symbol,
  side: order.side,
  purpose: order.purpose._tag === "Entry" ? "entry" : `exit (${order.purpose.kind})`,
  status: order.status,
  price: Fixed.show(order.limitPrice),
  quantity: Fixed.show(order.quantity),
  filled: Fixed.show(order.cumQuantity),
  open: Fixed.show(openQuantity(order)),
  createdAt: iso(order.createdAt),
  expiresAt: isoOrNull(order.expiresAt),
  reason: order.reason
})

export const tradeView = (row: TradeRow): TradeView => ({
  id: row.orderId,
  exchangeId: row.txid ?? null,
  symbol: row.pair,
  side: row.side,
  price: row.price,
  quantity: row.volume,
  remaining: row.remaining,
  at: row.timestamp,
  status: row.status,
  profitUsd: row.profitLoss ?? null
})
