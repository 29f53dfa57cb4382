/** The read-only view of the records as the test sets it: what the status programs show. */
import { Context, Effect, Layer } from "effect"
import type { Snapshot } from "../../domain/engine/Snapshot.ts"
import type { BreakerChange } from "../../domain/breaker/BreakerState.ts"
import type { Executed } from "../../domain/portfolio/Statement.ts"
import type { UtcDay } from "../../domain/Time.ts"
import type { DayFigures, OrderRow, RecordsShape, TradeRow } from "../../services/Records.ts"
import { Records } from "../../services/Records.ts"
import { StoreFailed } from "../../services/Store.ts"
import { emptySnapshot } from "./MockStore.ts"

/** The newest row of `metrics`, if there is one. */
export type MockMetrics = Effect.Effect.Success<RecordsShape["lastMetrics"]>

export interface MockRecordsContents {
  readonly exists: boolean
  readonly snapshot: Snapshot
  /** Newest first, as the program shows them. */
  readonly orders: ReadonlyArray<OrderRow>
  readonly trades: ReadonlyArray<TradeRow>
  readonly fills: ReadonlyArray<Executed>
  readonly breakerHistory: ReadonlyArray<BreakerChange>
  readonly lastMetrics: MockMetrics
  /** Days on which something happened; any other was not observed. */
  readonly days: ReadonlyMap<UtcDay, DayFigures>
}

const unobserved: DayFigures = {
  observed: false,
  executions: 0,
  boughtUsd: 0n,
  soldUsd: 0n,
  feesUsd: 0n,
  closedTrades: 0,
  winningTrades: 0,
  profitUsd: 0n
}

export interface MockRecordsControlShape {
  /** Replaces some of what the records hold. */
  readonly set: (change: Partial<MockRecordsContents>) => Effect.Effect<void>
  /** From now on every read fails so; `undefined`: the database can be read again. */
  readonly failWith: (reason: StoreFailed["reason"] | undefined) => Effect.Effect<void>
}

/** Steers `MockRecords`. */
export class MockRecordsControl extends Context.Tag("trader/layers/mock/MockRecords/MockRecordsControl")<
  MockRecordsControl,
  MockRecordsControlShape
>() {}

const OPEN: ReadonlySet<string> = new Set(["open", "pending", "unknown"])
const isOpen = (row: { readonly status: string }): boolean => OPEN.has(row.status.toLowerCase())

const make = () => {
  let contents: MockRecordsContents = {
    exists: true,
    snapshot: emptySnapshot,
    orders: [],
    trades: [],
    fills: [],
    breakerHistory: [],
    lastMetrics: undefined,
    days: new Map()
  }
  let failure: StoreFailed["reason"] | undefined
  const reading = <A>(operation: string, read: () => A): Effect.Effect<A, StoreFailed> =>
    Effect.suspend(() =>
      failure === undefined
        ? Effect.sync(read)
        : Effect.fail(new StoreFailed({ operation, reason: failure, cause: "the test said so" }))
    )
  const filtered = <Row extends { readonly status: string }>(
    rows: ReadonlyArray<Row>,
    filter: { readonly openOnly: boolean; readonly limit: number }
  ): ReadonlyArray<Row> => rows.filter((row) => !filter.openOnly || isOpen(row)).slice(0, filter.limit)

  return Context.make(Records, {
    exists: Effect.sync(() => contents.exists),
    snapshot: reading("snapshot", () => contents.snapshot),
    orders: (filter) => reading("orders", () => filtered(contents.orders, filter)),
    trades: (filter) => reading("trades", () => filtered(contents.trades, filter)),
    fills: reading("fills", () => contents.fills),
    day: (day) => reading("day", () => contents.days.get(day) ?? unobserved),
    breakerHistory: (limit) => reading("breakerHistory", () => contents.breakerHistory.slice(0, limit)),
    lastMetrics: reading("lastMetrics", () => contents.lastMetrics)
  }).pipe(
    Context.add(MockRecordsControl, {
      set: (change) =>
        Effect.sync(() => {
          contents = { ...contents, ...change }
        }),
      failWith: (reason) =>
        Effect.sync(() => {
          failure = reason
        })
    })
  )
}

export const MockRecords: Layer.Layer<Records | MockRecordsControl> = Layer.effectContext(Effect.sync(make))
