/**
 * The records in memory, by the rules of the real ones: batches are taken whole or not at all, an execution is booked once,
 * intents are checked against the fence, and nothing is taken while the test says that the database is broken.
 */
import { Context, Effect, Layer, Option } from "effect"
import type { BreakerChange } from "../../domain/breaker/BreakerState.ts"
import { closed } from "../../domain/breaker/BreakerState.ts"
import type { MetricsRow, StoreWrite } from "../../domain/engine/Write.ts"
import type { Fence, Snapshot } from "../../domain/engine/Snapshot.ts"
import type { ClientOrderId, InstallationPrefix } from "../../domain/order/Ids.ts"
import { sequenceOf } from "../../domain/order/Ids.ts"
import type { Order } from "../../domain/order/Order.ts"
import { isSettled } from "../../domain/order/Order.ts"
import type { CommittedIntent } from "../../domain/order/Steps.ts"
import { commitIntent, pendingOrder } from "../../domain/order/Steps.ts"
import type { BookedFill, ClosedTrade } from "../../domain/portfolio/Books.ts"
import type { Lot } from "../../domain/portfolio/Lot.ts"
import { isOpenLot } from "../../domain/portfolio/Lot.ts"
import { emptyTotals } from "../../domain/portfolio/Portfolio.ts"
import type { ApprovedOrder } from "../../domain/risk/Approved.ts"
import { Nonce } from "../../services/Nonce.ts"
import type { StoreShape } from "../../services/Store.ts"
import { FenceMoved, Store, StoreFailed } from "../../services/Store.ts"

/** Everything that was ever committed, settled orders and sold lots included. */
export interface MockStoreContents {
  readonly orders: ReadonlyArray<Order>
  readonly lots: ReadonlyArray<Lot>
  readonly fills: ReadonlyArray<BookedFill>
  readonly closedTrades: ReadonlyArray<ClosedTrade>
  readonly metrics: ReadonlyArray<MetricsRow>
  readonly breakerChanges: ReadonlyArray<BreakerChange>
  /** Intents in the order of their commits, those of the side file included. */
  readonly intents: ReadonlyArray<CommittedIntent>
  /** Ids of the intents that went to the side file. */
  readonly aside: ReadonlyArray<ClientOrderId>
  readonly backups: ReadonlyArray<string>
}

export interface MockStoreControlShape {
  /** From now on every operation fails so (the side file excepted); `undefined`: the database works again. */
  readonly failWith: (reason: StoreFailed["reason"] | undefined) => Effect.Effect<void>
  /** The same for the side file of exits. */
  readonly failAsideWith: (reason: StoreFailed["reason"] | undefined) => Effect.Effect<void>
  readonly contents: Effect.Effect<MockStoreContents>
  /** Every batch that was committed, in order. */
  readonly batches: Effect.Effect<ReadonlyArray<ReadonlyArray<StoreWrite>>>
}

/** Steers and inspects `mockStore`. */
export class MockStoreControl extends Context.Tag("trader/layers/mock/MockStore/MockStoreControl")<
  MockStoreControl,
  MockStoreControlShape
>() {}

const initialFence: Fence = { epoch: 0, paused: false, operatorLatch: Option.none() }

/** Empty records: a first start. */
export const emptySnapshot: Snapshot = {
  orders: [],
  lots: [],
  soldLots: [],
  totals: emptyTotals,
  foreign: new Map(),
  dayMark: Option.none(),
  valuation: Option.none(),
  breaker: closed,
  notes: new Map(),
  sequence: 0,
  fence: initialFence
}

/** A working copy that a batch is applied to; it becomes the contents only when the whole batch was taken. */
interface Books {
  snapshot: Omit<Snapshot, "orders" | "lots">
  readonly orders: Map<ClientOrderId, Order>
  readonly lots: Map<ClientOrderId, Lot>
  readonly fills: Array<BookedFill>
  readonly closedTrades: Array<ClosedTrade>
  readonly metrics: Array<MetricsRow>
  readonly breakerChanges: Array<BreakerChange>
}

const copy = (books: Books): Books => ({
  snapshot: books.snapshot,
  orders: new Map(books.orders),
  lots: new Map(books.lots),
  fills: [...books.fills],
  closedTrades: [...books.closedTrades],
  metrics: [...books.metrics],
  breakerChanges: [...books.breakerChanges]
})

/** Applies one write. False when the records refuse it: an execution that is booked already. */
const apply = (books: Books, write: StoreWrite): boolean => {
  const set = (change: Partial<Books["snapshot"]>): void => {
    books.snapshot = { ...books.snapshot, ...change }
  }
  switch (write._tag) {
    case "Order":
      books.orders.set(write.order.id, write.order)
      return true
    case "Fill": {
      const { executionId } = write.booked.fill
      if (books.fills.some(({ fill }) => fill.executionId === executionId)) return false
      books.fills.push(write.booked)
      return true
    }
    case "Lot":
      books.lots.set(write.lot.id, write.lot)
      return true
    case "Totals":
      set({ totals: write.totals })
      return true
    case "Foreign":
      set({ foreign: write.foreign })
      return true
    case "DayMark":
      set({ dayMark: Option.some(write.mark) })
      return true
    case "Valuation":
      set({ valuation: Option.some(write.valuation) })
      return true
    case "Breaker":
      set({ breaker: write.state })
      books.breakerChanges.push(...write.changes)
      return true
    case "ClosedTrade":
      books.closedTrades.push(write.trade)
      return true
    case "Metrics":
      books.metrics.push(write.row)
      return true
    case "Note":
      set({ notes: new Map(books.snapshot.notes).set(write.key, write.value) })
      return true
  }
}

const make = (prefix: InstallationPrefix, start: Snapshot) =>
  Effect.map(Nonce, (nonce) => {
    const { orders, lots, ...rest } = start
    let books: Books = {
      snapshot: rest,
      orders: new Map(orders.map((order) => [order.id, order])),
      lots: new Map(lots.map((lot) => [lot.id, lot])),
      fills: [],
      closedTrades: [],
      metrics: [],
      breakerChanges: []
    }
    const intents: Array<CommittedIntent> = []
    const aside: Array<ClientOrderId> = []
    const backups: Array<string> = []
    const batches: Array<ReadonlyArray<StoreWrite>> = []
    let failure: StoreFailed["reason"] | undefined
    let asideFailure: StoreFailed["reason"] | undefined

    const failed = (operation: string, reason: StoreFailed["reason"]) =>
      new StoreFailed({ operation, reason, cause: "the test said so" })
    const working = <A, E>(operation: string, use: () => Effect.Effect<A, E>): Effect.Effect<A, E | StoreFailed> =>
      Effect.suspend((): Effect.Effect<A, E | StoreFailed> =>
        failure === undefined ? use() : Effect.fail(failed(operation, failure))
      )
    const reading = <A>(operation: string, read: () => A) => working(operation, () => Effect.sync(read))

    const record = (approved: ApprovedOrder, number: bigint): CommittedIntent => {
      const intent = commitIntent(approved, number)
      books.orders.set(approved.id, pendingOrder(approved))
      const sequence = Math.max(books.snapshot.sequence, sequenceOf(prefix, approved.id) ?? 0)
      books.snapshot = { ...books.snapshot, sequence }
      intents.push(intent)
      return intent
    }

    /** A batch, whole or not at all. False when the records refuse it. */
    const take = (writes: ReadonlyArray<StoreWrite>): boolean => {
      const next = copy(books)
      if (!writes.every((write) => apply(next, write))) return false
      books = next
      batches.push(writes)
      return true
    }

    const store: StoreShape = {
      load: reading("load", () => ({
        ...books.snapshot,
        orders: [...books.orders.values()].filter((order) => !isSettled(order)),
        lots: [...books.lots.values()].filter(isOpenLot),
        soldLots: [...books.lots.values()].filter((lot) => {
          const entry = books.orders.get(lot.id)
          return !isOpenLot(lot) && entry !== undefined && !isSettled(entry)
        })
      })),
      commitIntent: (approved, _, along = []) =>
        working("commitIntent", (): Effect.Effect<CommittedIntent, FenceMoved | StoreFailed> => {
          const current = books.snapshot.fence.epoch
          if (current !== approved.epoch) return Effect.fail(new FenceMoved({ approved: approved.epoch, current }))
          if (along.length > 0 && !take(along)) return Effect.fail(failed("commitIntent", "other"))
          return Effect.map(nonce.next, (number) => record(approved, number))
        }),
      commitExitAside: (approved, number) =>
        Effect.suspend(() => {
          if (asideFailure !== undefined) return Effect.fail(failed("commitExitAside", asideFailure))
          aside.push(approved.id)
          return Effect.succeed(record(approved, number))
        }),
      commit: (writes) =>
        working("commit", () => (take(writes) ? Effect.void : Effect.fail(failed("commit", "other")))),
      fence: reading("fence", () => books.snapshot.fence),
      moveFence: (change) =>
        reading("moveFence", () => {
          const { flatten, ...fence } = books.snapshot.fence
          // what is to be sold stays so until the operator's latch is taken back
          const kept = change.operatorLatch !== undefined && Option.isNone(change.operatorLatch) ? undefined : flatten
          const moved: Fence = {
            ...fence,
            ...(kept === undefined ? {} : { flatten: kept }),
            ...change,
            epoch: fence.epoch + 1
          }
          books.snapshot = { ...books.snapshot, fence: moved }
          return moved
        }),
      findOrder: (key) =>
        reading("findOrder", () =>
          "clientId" in key
            ? Option.fromNullable(books.orders.get(key.clientId))
            : Option.fromNullable([...books.orders.values()].find((order) => order.exchangeId === key.exchangeId))
        ),
      findLot: (id) => reading("findLot", () => Option.fromNullable(books.lots.get(id))),
      ownExecutions: (ids) =>
        reading("ownExecutions", () => {
          const booked = new Set<string>(books.fills.map(({ fill }) => fill.executionId))
          return new Set(ids.filter((id) => booked.has(id)))
        }),
      backup: (file) =>
        reading("backup", () => {
          backups.push(file)
        }),
      health: reading("health", () => ({ integrity: "ok", schemaVersion: 1, journalMode: "memory", synchronous: 2 }))
    }
    return Context.make(Store, store).pipe(
      Context.add(MockStoreControl, {
        failWith: (reason) =>
          Effect.sync(() => {
            failure = reason
          }),
        failAsideWith: (reason) =>
          Effect.sync(() => {
            asideFailure = reason
          }),
        contents: Effect.sync(() => ({
          orders: [...books.orders.values()],
          lots: [...books.lots.values()],
          fills: [...books.fills],
          closedTrades: [...books.closedTrades],
          metrics: [...books.metrics],
          breakerChanges: [...books.breakerChanges],
          intents: [...intents],
          aside: [...aside],
          backups: [...backups]
        })),
        batches: Effect.sync(() => [...batches])
      })
    )
  })

/**
 * Records that begin as given, empty unless told. `prefix` is the installation's, by which the order sequence is read from
 * the ids of intents. Bind the layer to a constant: called twice it is two stores.
 */
export const mockStore = (
  prefix: InstallationPrefix,
  start: Snapshot = emptySnapshot
): Layer.Layer<Store | MockStoreControl, never, Nonce> => Layer.effectContext(make(prefix, start))
