/** A run of the trading program that is there to sell everything, and ends when that is done or its time is up. */
import type { Effect } from "effect"
import type { FlattenProgress } from "../../services/ControlServer.ts"

export interface FlattenRun {
  /** Real time: from the moment at which the trader works, or from the start's first call where the exchange does not answer. */
  readonly timeoutMs: number
  /** Told each time that the start has to be tried again: what the exchange failed with, and the real time that is left. */
  readonly waiting: (why: string, leftMs: number) => Effect.Effect<void>
  /** Told how it stands, several times a second, and once more at the end. */
  readonly seen: (progress: FlattenProgress) => Effect.Effect<void>
}
