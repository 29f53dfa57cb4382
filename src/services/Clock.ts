/**
 * Market time: the exchange's clock. In live mode it is the machine's clock plus the measured offset; in paper mode it is
 * accelerated and shared with the local Kraken; in a simulation it is virtual.
 *
 * Used for strategy, staleness, deadlines, the dead man's switch, rate limits, reconciliation and the trading day. Real
 * time (HTTP and stream time-outs, silence, backoff, the freeze gap, shutdown) is Effect's own `Clock`.
 */
import type { Effect } from "effect"
import { Context } from "effect"
import type { EpochMs } from "../domain/Time.ts"

export interface MarketClockShape {
  /** Market time now. */
  readonly now: Effect.Effect<EpochMs>
  /** The same without an Effect, for the last look before the wire and for frame callbacks. */
  readonly unsafeNow: () => EpochMs
  /** Waits until market time has advanced by so many milliseconds. Interruptible. */
  readonly sleep: (marketMs: number) => Effect.Effect<void>
  /** Market seconds per real second (1 in live mode). */
  readonly speed: number
  /**
   * Market time stands still while the effect runs (accelerated clocks only; elsewhere it does nothing), so that
   * acceleration never looks like latency. Held around every HTTP request of the trader's.
   */
  readonly hold: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Live mode: the measured difference exchange minus machine, in milliseconds, and when it was measured. */
  readonly offset: Effect.Effect<{ readonly ms: number; readonly measuredAt: EpochMs }>
  /** Feeds a measurement of the exchange's clock (REST `Time`, the stream's `time_in`); ignored by clocks that are shared with the exchange. */
  readonly observe: (sample: {
    readonly exchangeMs: EpochMs
    readonly sentAt: EpochMs
    readonly receivedAt: EpochMs
  }) => Effect.Effect<void>
}

export class MarketClock extends Context.Tag("trader/services/Clock/MarketClock")<MarketClock, MarketClockShape>() {}
