/** A run of the trading program that is there to sell everything, and ends when that is done or its time is up. */
import type { Effect } from "effect"
import type { FlattenProgress } from "../../services/ControlServer.ts"

export interface FlattenRun {
  /** Real time from the moment at which the trader works. */
  readonly timeoutMs: number
  /** Told how it stands, several times a second, and once more at the end. */
  readonly seen: (progress: FlattenProgress) => Effect.Effect<void>
}
