/** The process of the trader that holds the data folder, for the operator who has to end it by force. */
import type { Effect } from "effect"
import { Context, Data } from "effect"

/** Which process holds the folder can't be proved, or it can't be ended; nothing was killed. */
export class CannotEnd extends Data.TaggedError("CannotEnd")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

export interface TraderProcessShape {
  /**
   * Ends the process that holds the data folder's lock, at once and without any word to it (SIGKILL); answers its number.
   * Only a process that is proved to be it: named beside the lock, and seen to have the lock file open (Linux), or named by
   * `control.json` too and running this program (other systems; none on Windows). Returns before it is gone.
   */
  readonly end: Effect.Effect<number, CannotEnd>
}

export class TraderProcess extends Context.Tag("trader/services/TraderProcess")<TraderProcess, TraderProcessShape>() {}
