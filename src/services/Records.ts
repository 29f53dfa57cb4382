/** Read-only view of the records for the status programs, in this process or beside a running trader. Never writes, never locks. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { StoreFailed } from "./Store.ts"
import type { Snapshot } from "./Store.ts"
import type { Executed } from "../domain/portfolio/Statement.ts"
import type { UtcDay } from "../domain/Time.ts"
import type { BreakerChange } from "../domain/breaker/BreakerState.ts"

/** A row of `orders` as the contract names its columns; amounts as exact decimal text. */
export interface OrderRow {
  readonly orderId: string
  readonly exchangeId: string | undefined
  readonly pair: string
  readonly type: string
  readonly orderType: string
  readonly purpose: string
  readonly price: string
  readonly volume: string
  readonly status: string
  readonly timestamp: string
  readonly filledVolume: string
  readonly averagePrice: string | undefined
  readonly reason: string
}

/** A row of `trades`. */
export interface TradeRow {
  readonly orderId: string
  readonly txid: string | undefined
  readonly pair: string
  readonly side: string
  readonly price: string
  readonly volume: string
  readonly remaining: string
  readonly timestamp: string
  readonly status: string
  readonly profitLoss: string | undefined
  readonly notes: string
}

/** What a UTC day brought, in dollars. */
export interface DayFigures {
  /** A trader ran at some time of it. */
  readonly observed: boolean
  readonly executions: number
  readonly boughtUsd: bigint
  readonly soldUsd: bigint
  readonly feesUsd: bigint
  readonly closedTrades: number
  readonly winningTrades: number
  /** Of the trades closed on it, net of all their fees. */
  readonly profitUsd: bigint
}

export interface RecordsShape {
  /** False when there is no database yet. */
  readonly exists: Effect.Effect<boolean>
  readonly snapshot: Effect.Effect<Snapshot, StoreFailed>
  readonly orders: (filter: {
    readonly openOnly: boolean
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<OrderRow>, StoreFailed>
  readonly trades: (filter: {
    readonly openOnly: boolean
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<TradeRow>, StoreFailed>
  /** Every execution that was booked, with its order; oldest first. */
  readonly fills: Effect.Effect<ReadonlyArray<Executed>, StoreFailed>
  readonly day: (day: UtcDay) => Effect.Effect<DayFigures, StoreFailed>
  readonly breakerHistory: (limit: number) => Effect.Effect<ReadonlyArray<BreakerChange>, StoreFailed>
  readonly lastMetrics: Effect.Effect<
    | {
        readonly at: string
        readonly balanceUsd: string
        readonly totalProfitLoss: string
        readonly dailyProfitLoss: string
        readonly totalTrades: number
        readonly winningTrades: number
      }
    | undefined,
    StoreFailed
  >
}

export class Records extends Context.Tag("trader/services/Records")<Records, RecordsShape>() {}
