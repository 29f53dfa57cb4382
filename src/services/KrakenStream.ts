/**
 * Kraken's WebSocket v2 streams, public and authenticated, that survive anything: the service reconnects for ever and
 * tells its sink what it saw. It decides nothing.
 */
import type { Effect, Scope } from "effect"
import { Context } from "effect"
import type { Candle, PublicTrade, Quote, SystemStatus } from "../domain/market/Market.ts"
import type { PairSymbol } from "../domain/market/Instrument.ts"
import type { OrderReport } from "../domain/order/Report.ts"
import type { EpochMs } from "../domain/Time.ts"

/** One ledger movement or the snapshot balance of an asset (stream asset names, all wallets; `spot` is the tradable one). */
export interface StreamBalance {
  readonly asset: string
  readonly balance: bigint
  readonly wallet: string
  readonly ledgerId?: string
  readonly refId?: string
  readonly type?: string
  readonly amount?: bigint
  readonly fee?: bigint
  readonly at?: EpochMs
}

export type PublicStreamEvent =
  | { readonly _tag: "PublicUp" }
  /** The connection ended or went silent; the service is already reconnecting. */
  | { readonly _tag: "PublicDown"; readonly reason: string; readonly healthyForMs: number }
  | { readonly _tag: "QuoteSeen"; readonly quote: Quote }
  /** A ticker frame that holds no sound quote (crossed, zero, missing): never a signal. */
  | { readonly _tag: "QuoteUnsound"; readonly symbol: PairSymbol; readonly at: EpochMs }
  | { readonly _tag: "TradeSeen"; readonly trade: PublicTrade }
  | {
      readonly _tag: "CandleClosed"
      readonly symbol: PairSymbol
      readonly intervalMinutes: number
      readonly candle: Candle
    }
  | { readonly _tag: "SystemSeen"; readonly status: SystemStatus; readonly maintenanceAt?: EpochMs }
  /** The exchange's clock as stamped on a frame (`time_in`), for the skew check. */
  | {
      readonly _tag: "ClockSample"
      readonly exchangeMs: EpochMs
      readonly sentAt: EpochMs
      readonly receivedAt: EpochMs
    }
  /** Logged once a kind, counted; never ends a fiber. */
  | { readonly _tag: "Malformed"; readonly stream: "public" | "private"; readonly kind: string; readonly text: string }

export type PrivateStreamEvent =
  /** Subscribed, both snapshots received; reports that follow are gap-free until `PrivateDown` or `PrivateGap`. */
  | { readonly _tag: "PrivateUp"; readonly openOrders: ReadonlyArray<OrderReport>; readonly at: EpochMs }
  | { readonly _tag: "PrivateDown"; readonly reason: string; readonly healthyForMs: number }
  /** A sequence gap, a malformed private frame or an overflow: what was missed is unknown, the service resubscribes. */
  | { readonly _tag: "PrivateGap"; readonly reason: string }
  /** The key may not stream (permission, invalid key): the service stops trying until it is run again. */
  | { readonly _tag: "PrivateRefused"; readonly text: string }
  | { readonly _tag: "Reports"; readonly reports: ReadonlyArray<OrderReport>; readonly snapshot: boolean }
  | { readonly _tag: "Balances"; readonly balances: ReadonlyArray<StreamBalance>; readonly snapshot: boolean }
  | { readonly _tag: "Malformed"; readonly stream: "public" | "private"; readonly kind: string; readonly text: string }

/** Ages and counts for `status` and `metrics`. Times are real (machine) milliseconds. */
export interface StreamHealth {
  readonly connected: boolean
  readonly since?: number
  readonly lastFrameAt?: number
  readonly reconnects: number
  readonly frames: number
  readonly malformed: number
}

export interface KrakenStreamShape {
  /**
   * Runs the public stream until interrupted. `sink` is called synchronously, in frame order, and must not block.
   * Ticker is subscribed with `event_trigger: "bbo"`.
   */
  readonly runPublic: (
    symbols: ReadonlyArray<PairSymbol>,
    sink: (event: PublicStreamEvent) => void
  ) => Effect.Effect<never, never, Scope.Scope>
  /**
   * Runs the authenticated stream until interrupted: fresh token for every connection, `executions` (order and trade
   * snapshots) and `balances`. `sink` answers false when it could not take the event: the session is then dropped and resynchronised.
   */
  readonly runPrivate: (sink: (event: PrivateStreamEvent) => boolean) => Effect.Effect<never, never, Scope.Scope>
  /** Drops the private session so that it resubscribes from snapshots (a mute channel, a difference found by REST). */
  readonly resyncPrivate: (reason: string) => Effect.Effect<void>
  /** Cancel over the authenticated stream, which needs no nonce: the second path of rank one. False when not connected or refused. */
  readonly cancelByStream: (clientIds: ReadonlyArray<string>) => Effect.Effect<boolean>
  readonly publicHealth: Effect.Effect<StreamHealth>
  readonly privateHealth: Effect.Effect<StreamHealth>
}

/** The streams without their one way to change something. */
export type StreamReads = Omit<KrakenStreamShape, "cancelByStream">

export class KrakenStream extends Context.Tag("trader/services/KrakenStream")<KrakenStream, KrakenStreamShape>() {}
