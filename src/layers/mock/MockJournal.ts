/** A journal in memory: nothing is dropped, nothing is written. */
import { Context, Effect, Layer } from "effect"
import type { JournalEntry } from "../../services/Journal.ts"
import { Journal } from "../../services/Journal.ts"

export interface MockJournalControlShape {
  /** Every entry so far, oldest first. */
  readonly entries: Effect.Effect<ReadonlyArray<JournalEntry>>
  /** Those of one kind. */
  readonly entriesOf: (kind: string) => Effect.Effect<ReadonlyArray<JournalEntry>>
  /** How often somebody flushed. */
  readonly flushes: Effect.Effect<number>
}

/** Inspects `MockJournal`. */
export class MockJournalControl extends Context.Tag("trader/layers/mock/MockJournal/MockJournalControl")<
  MockJournalControl,
  MockJournalControlShape
>() {}

const make = () => {
  const entries: Array<JournalEntry> = []
  let flushes = 0
  return Context.make(Journal, {
    append: (entry) => {
      entries.push(entry)
    },
    flush: Effect.sync(() => {
      flushes += 1
    })
  }).pipe(
    Context.add(MockJournalControl, {
      entries: Effect.sync(() => [...entries]),
      entriesOf: (kind) => Effect.sync(() => entries.filter((entry) => entry.kind === kind)),
      flushes: Effect.sync(() => flushes)
    })
  )
}

export const MockJournal: Layer.Layer<Journal | MockJournalControl> = Layer.effectContext(Effect.sync(make))
