/**
 * The one document that says how the trader is: `status --json`, `GET /status`, and what `status` shows to people. Amounts
 * are exact decimal texts, times ISO 8601 UTC (market time unless said otherwise), `null` is "not known". Every section
 * says the time it is from.
 */
import type { Cause, Latch } from "../../domain/breaker/BreakerState.ts"
import { hasProbe } from "../../domain/breaker/Breaker.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import type { Order } from "../../domain/order/Order.ts"
import { openQuantity } from "../../domain/order/Order.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { iso, utcDay } from "../../domain/Time.ts"
import type { LotState } from "../../domain/exits/ExitLadder.ts"
import type { Totals } from "../../domain/portfolio/Books.ts"
import type { BreakerState } from "../../domain/breaker/BreakerState.ts"
import { isOpen, latched } from "../../domain/breaker/Breaker.ts"
import type { TradeRow } from "../../services/Records.ts"
import type { TradingMode } from "../../services/Settings.ts"

/** Exit codes of `status`: 0, 1, 3, 4. */
export type TraderState = "trading" | "not-entering" | "stopped" | "unknown"

export interface PairView {
  readonly symbol: string
  readonly status: string
  readonly bid: string | null
  readonly ask: string | null
  /** When the quote was stamped, and when it was last known to hold. */
  readonly quotedAt: string | null
  readonly confirmedAt: string | null
  readonly ageSeconds: number | null
  /** Ratios: 0.0025 is a quarter per cent. */
  readonly makerFee: string | null
  readonly takerFee: string | null
  readonly feesAt: string | null
  /** Why no entry may be sent on this pair; empty when one may. */
  readonly stops: ReadonlyArray<string>
  /** What the trader is doing or waiting for on it. */
  readonly note: string
}

export interface LotView {
  readonly id: string
  readonly symbol: string
  readonly bought: string
  readonly remaining: string
  readonly openedAt: string
  /** Average entry price, fees aside. */
  readonly entryPrice: string | null
  readonly costUsd: string
  readonly feesUsd: string
  /** Best bid, and when it was last known to hold. */
  readonly mark: string | null
  readonly markAt: string | null
  /** What selling the rest at the mark would bring, less its fee and its cost. */
  readonly unrealisedUsd: string | null
  /** Profit of what was sold of it already, net of fees. */
  readonly realisedUsd: string
  readonly target: string
  readonly stop: string
  /** When it is sold whatever the price. */
  readonly sellBy: string
  /** `unwatched`: the trader is down, nothing sells this. */
  readonly exit: LotState | "unwatched"
  readonly exitText: string
  /** For `dust` and the like: what to do about it. */
  readonly remedy: string | null
}

export interface OrderView {
  readonly id: string
  readonly exchangeId: string | null
  readonly symbol: string
  readonly side: string
  /** `entry`, or `exit (target)`… */
  readonly purpose: string
  readonly status: string
  readonly price: string
  readonly quantity: string
  readonly filled: string
  readonly open: string
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly reason: string
}

export interface LatchView {
  readonly cause: Cause
  readonly since: string
  readonly reason: string
  /** What clears it, in words. */
  readonly clears: string
}

export interface StreamView {
  readonly connected: boolean
  /** Real (machine) time. */
  readonly since: string | null
  readonly lastFrameSeconds: number | null
  readonly reconnects: number
  readonly malformed: number
}

export interface StatusView {
  readonly state: TraderState
  /** Why no entry is possible, or why the trader is not running; empty when all is well. */
  readonly reasons: ReadonlyArray<string>
  readonly mode: TradingMode
  readonly pid: number | null
  /** Real time. */
  readonly startedAt: string | null
  readonly version: string
  /** Who says so: the running trader, or the records it left. */
  readonly source: "trader" | "records"
  /** Market time of the figures; for records, when they were last written. */
  readonly at: string | null
  readonly clock: {
    readonly machineTime: string
    /** Market seconds per real second. */
    readonly speed: number | null
    /** Exchange minus machine. */
    readonly offsetMs: number | null
    readonly measuredAt: string | null
  }
  readonly paused: boolean
  readonly breaker: {
    readonly open: boolean
    readonly latches: ReadonlyArray<LatchView>
    /** Failures in a row of causes that latch at a threshold. */
    readonly failures: Readonly<Record<string, number>>
    readonly at: string | null
  }
  readonly pairs: ReadonlyArray<PairView>
  readonly lots: ReadonlyArray<LotView>
  readonly orders: ReadonlyArray<OrderView>
  /** Ids of orders of unknown outcome: counted as open until they are looked up. */
  readonly unknownOrders: ReadonlyArray<string>
  readonly exposure: { readonly usd: string; readonly limitUsd: string; readonly at: string | null }
  readonly day: {
    readonly day: string
    /** Negative is a gain; `null`: it can't be told, and then nothing is entered. */
    readonly lossUsd: string | null
    readonly limitUsd: string
    readonly markUsd: string | null
    readonly markSource: string | null
    readonly entries: number | null
    readonly maxEntries: number
    readonly at: string | null
  }
  readonly totals: {
    readonly closedTrades: number
    readonly winningTrades: number
    /** Net of all fees, since the installation began. */
    readonly realisedUsd: string
    readonly at: string | null
  }
  readonly cash: { readonly freeUsd: string | null; readonly at: string | null }
  readonly switch: {
    readonly state: "armed" | "not armed" | "off" | "unknown"
    readonly firesAt: string | null
  }
  readonly streams: { readonly market: StreamView; readonly account: StreamView; readonly at: string } | null
  readonly store: { readonly ok: boolean; readonly detail: string | null; readonly at: string | null }
  readonly exchange: { readonly status: string; readonly maintenanceAt: string | null; readonly at: string } | null
  readonly recentTrades: ReadonlyArray<TradeRow>
}

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
