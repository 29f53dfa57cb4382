/** The records: everything that must survive. One writer connection; every batch is one transaction. */
import type { Effect, Option } from "effect"
import { Context, Data } from "effect"
import type { Fence, Snapshot } from "../domain/engine/Snapshot.ts"
import type { StoreWrite } from "../domain/engine/Write.ts"
import type { Lot } from "../domain/portfolio/Lot.ts"
import type { ClientOrderId, ExchangeOrderId } from "../domain/order/Ids.ts"
import type { Order } from "../domain/order/Order.ts"
import type { ApprovedOrder } from "../domain/risk/Approved.ts"
import type { CommittedIntent } from "../domain/order/Steps.ts"
import type { EpochMs } from "../domain/Time.ts"

/** The database cannot be written or read: locked, full, read-only, damaged. Nothing of the batch was kept. */
export class StoreFailed extends Data.TaggedError("StoreFailed")<{
  readonly operation: string
  readonly reason: "busy" | "full" | "io" | "corrupt" | "readonly" | "newer" | "other"
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.operation}: the database ${this.reason === "other" ? "failed" : `is ${this.reason}`}`
  }
}

/** Another program moved the fence (pause, stop, cancel, flatten) after the order was approved: it must not leave. */
export class FenceMoved extends Data.TaggedError("FenceMoved")<{
  readonly approved: number
  readonly current: number
}> {}

/** Note that tells (ISO time) since when the loss of the write-ahead log is known; `recover` empties it. */
export const LOST_LOG_NOTE = "store.lostLog"

/**
 * Note that stands where a copy of the records was put back (when, and when the copy was made). While the note of a
 * lost log stands too, which `recover` empties, books and account were not compared since.
 */
export const RESTORED_NOTE = "store.restored"

/** Note that tells when (Unix ms) a backup was last proved to be usable. */
export const BACKUP_DRILL_NOTE = "lastBackupDrill"

/** Note that tells when (Unix ms) the last backup was made. */
export const LAST_BACKUP_NOTE = "lastBackup"

/** Note that tells which step of its start a trader is at; empty once it has started. */
export const START_STEP_NOTE = "start.step"

export type { Fence, Snapshot } from "../domain/engine/Snapshot.ts"
export type { StoreWrite } from "../domain/engine/Write.ts"

export interface StoreShape {
  readonly load: Effect.Effect<Snapshot, StoreFailed>
  /**
   * Intent, nonce and fence check in one transaction: refuses with `FenceMoved` when the epoch in the database is not the
   * approval's; otherwise inserts the order as `pending`, advances the order sequence, and issues the nonce
   * max(exchange ms, last + 1). Durable (fsync) when it succeeds. Has priority over batches. `along` is committed with it, and
   * only with it.
   */
  readonly commitIntent: (
    approved: ApprovedOrder,
    exchangeNow: EpochMs,
    along?: ReadonlyArray<StoreWrite>
  ) => Effect.Effect<CommittedIntent, StoreFailed | FenceMoved>
  /**
   * The same for an exit while the database cannot be written: one synced line in a preallocated side file, with a nonce
   * from memory. Entries are never recorded this way. The line is carried into the database when it recovers or at the next start.
   */
  readonly commitExitAside: (approved: ApprovedOrder, nonce: bigint) => Effect.Effect<CommittedIntent, StoreFailed>
  /** All writes or none. */
  readonly commit: (writes: ReadonlyArray<StoreWrite>) => Effect.Effect<void, StoreFailed>
  readonly fence: Effect.Effect<Fence, StoreFailed>
  /** Moves the epoch, and with it what outlives the run. Used by the control commands, inside and outside the trader. */
  readonly moveFence: (change: {
    readonly paused?: boolean
    readonly operatorLatch?: Option.Option<string>
    /** Begins to sell everything; taking the operator's latch back ends it. */
    readonly flatten?: true
  }) => Effect.Effect<Fence, StoreFailed>
  /** An order by our id or by the exchange's, settled or not, for reports that come long after. */
  readonly findOrder: (
    key: { readonly clientId: ClientOrderId } | { readonly exchangeId: ExchangeOrderId }
  ) => Effect.Effect<Option.Option<Order>, StoreFailed>
  /** A lot by its id, sold or not, for late fills of orders no longer in memory. */
  readonly findLot: (id: ClientOrderId) => Effect.Effect<Option.Option<Lot>, StoreFailed>
  /** Which of these ids are executions of the trader's own orders, however long ago they were booked. */
  readonly ownExecutions: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, StoreFailed>
  /** A consistent copy while trading goes on (`VACUUM INTO`). */
  readonly backup: (file: string) => Effect.Effect<void, StoreFailed>
  /** Integrity, schema and settings of the database, for `doctor`. */
  readonly health: Effect.Effect<
    {
      readonly integrity: string
      readonly schemaVersion: number
      readonly journalMode: string
      readonly synchronous: number
    },
    StoreFailed
  >
}

export class Store extends Context.Tag("trader/services/Store")<Store, StoreShape>() {}
