/** A budget that is never used up, until the test says so. Nobody waits; what was asked for is kept. */
import { Context, Effect, Layer } from "effect"
import type { RateState } from "../../domain/kraken/RateBudget.ts"
import { empty } from "../../domain/kraken/RateBudget.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { BudgetExhausted, RateLimitsShape } from "../../services/RateLimits.ts"
import { RateLimits } from "../../services/RateLimits.ts"

type Observed = Parameters<RateLimitsShape["observe"]>[0]

/** What was asked for, reported or given back, in order. */
export type MockBudgetCall =
  | { readonly _tag: "Public" }
  | { readonly _tag: "Private"; readonly rank: "read" | "safety"; readonly endpoint: string }
  | {
      readonly _tag: "Reserve"
      readonly rank: "exit" | "entry"
      readonly pair: string
      readonly action: "add" | "amend"
    }
  | { readonly _tag: "Sent"; readonly orderId: string | undefined }
  | { readonly _tag: "Release" }
  | { readonly _tag: "Cancel"; readonly orderId: string | undefined }
  | { readonly _tag: "Observe"; readonly answer: Observed }
  | { readonly _tag: "OpenOrders"; readonly ids: ReadonlySet<string> }

export interface MockRateLimitsControlShape {
  readonly calls: Effect.Effect<ReadonlyArray<MockBudgetCall>>
  /** From now on public and private calls find the budget so, and a silence is in force; `undefined`: there is budget again. */
  readonly exhaust: (why: BudgetExhausted | undefined) => Effect.Effect<void>
  /** What `state` answers; empty counters until told otherwise. */
  readonly setState: (state: RateState) => Effect.Effect<void>
}

/** Steers and inspects `MockRateLimits`. */
export class MockRateLimitsControl extends Context.Tag("trader/layers/mock/MockRateLimits/MockRateLimitsControl")<
  MockRateLimitsControl,
  MockRateLimitsControlShape
>() {}

const make = Effect.map(MarketClock, (clock) => {
  const calls: Array<MockBudgetCall> = []
  let exhausted: BudgetExhausted | undefined
  let state = empty(clock.unsafeNow())
  const note = (call: MockBudgetCall): Effect.Effect<void> =>
    Effect.sync(() => {
      calls.push(call)
    })
  const granted = (call: MockBudgetCall): Effect.Effect<void, BudgetExhausted> =>
    Effect.zipRight(
      note(call),
      Effect.suspend(() => (exhausted === undefined ? Effect.void : Effect.fail(exhausted)))
    )
  return Context.make(RateLimits, {
    publicCall: granted({ _tag: "Public" }),
    privateCall: (rank, endpoint) => granted({ _tag: "Private", rank, endpoint }),
    reserve: (rank, pair, action) =>
      Effect.as(note({ _tag: "Reserve", rank, pair, action }), {
        sent: (orderId) => note({ _tag: "Sent", orderId }),
        release: note({ _tag: "Release" })
      }),
    cancel: (order) => note({ _tag: "Cancel", orderId: order?.id }),
    quiet: Effect.sync(() => exhausted),
    observe: (answer) => note({ _tag: "Observe", answer }),
    openOrders: (ids) => note({ _tag: "OpenOrders", ids }),
    state: Effect.sync(() => state)
  }).pipe(
    Context.add(MockRateLimitsControl, {
      calls: Effect.sync(() => [...calls]),
      exhaust: (why) =>
        Effect.sync(() => {
          exhausted = why
        }),
      setState: (next) =>
        Effect.sync(() => {
          state = next
        })
    })
  )
})

export const MockRateLimits: Layer.Layer<RateLimits | MockRateLimitsControl, never, MarketClock> =
  Layer.effectContext(make)
