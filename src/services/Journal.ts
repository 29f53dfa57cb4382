/** The journal of events and decisions, in a database of its own so that it never delays an intent. Lossy under overload, and says so. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { EpochMs } from "../domain/Time.ts"

export interface JournalEntry {
  readonly at: EpochMs
  readonly kind: string
  /** Already free of secrets. */
  readonly data: unknown
}

export interface JournalShape {
  /** Never blocks and never fails: entries are batched to disk; when the buffer (8,192) is full the oldest are dropped and the number dropped is recorded. */
  readonly append: (entry: JournalEntry) => void
  readonly flush: Effect.Effect<void>
}

export class Journal extends Context.Tag("trader/services/Journal")<Journal, JournalShape>() {}
