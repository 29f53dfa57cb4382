/** Where alerts wait over restarts, apart from the records of trading: nothing that is written here delays an intent. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { Outbox } from "../domain/alerts/Outbox.ts"
import type { StoreFailed } from "./Store.ts"

export interface OutboxStoreShape {
  /** What an earlier run left. */
  readonly load: Effect.Effect<Outbox, StoreFailed>
  /** Makes the store say what the outbox is; only what differs is written, whole or not at all. */
  readonly save: (outbox: Outbox) => Effect.Effect<void, StoreFailed>
}

export class OutboxStore extends Context.Tag("trader/services/OutboxStore")<OutboxStore, OutboxStoreShape>() {}
