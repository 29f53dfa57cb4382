/**
 * The engine's mailbox without a fold behind it: the state is the test's, what it is told is kept, what it is asked is
 * answered as the test says. An engine that folds is `makeEngine` of `programs/trade/engine`.
 */
import type { Either } from "effect"
import { Context, Effect, Layer } from "effect"
import type { EngineState } from "../../domain/engine/State.ts"
import type { Quote } from "../../domain/market/Market.ts"
import type { ClientOrderId } from "../../domain/order/Ids.ts"
import type { Order } from "../../domain/order/Order.ts"
import type { ApprovedOrder } from "../../domain/risk/Approved.ts"
import type { Refusal } from "../../domain/risk/Risk.ts"
import type { EpochMs } from "../../domain/Time.ts"
import type { Untimed } from "../../services/Engine.ts"
import { Engine } from "../../services/Engine.ts"

export type MockApproval = Either.Either<ApprovedOrder, Refusal>
export type MockAmendVerdict = Either.Either<{ readonly order: Order; readonly deadline: EpochMs }, string>

export interface MockEngineControlShape {
  readonly setState: (state: EngineState) => Effect.Effect<void>
  /** Everything it was told or offered and took, in order. */
  readonly told: Effect.Effect<ReadonlyArray<Untimed>>
  readonly quotes: Effect.Effect<ReadonlyArray<{ readonly quote: Quote; readonly source: "stream" | "rest" }>>
  /** From now on the queue is full, or no longer: offers are refused, and whoever tells waits. */
  readonly setFull: (full: boolean) => Effect.Effect<void>
  /** Answers proposals from now on; a defect until then. */
  readonly setApproval: (answer: (proposalId: number) => MockApproval) => Effect.Effect<void>
  /** Answers amends from now on; a defect until then. */
  readonly setAmendVerdict: (answer: (orderId: ClientOrderId) => MockAmendVerdict) => Effect.Effect<void>
}

/** Steers and inspects `mockEngine`. */
export class MockEngineControl extends Context.Tag("trader/layers/mock/MockEngine/MockEngineControl")<
  MockEngineControl,
  MockEngineControlShape
>() {}

const make = (initial: EngineState) =>
  Effect.map(Effect.makeLatch(true), (room) => {
    let state = initial
    let full = false
    let approval: ((proposalId: number) => MockApproval) | undefined
    let amend: ((orderId: ClientOrderId) => MockAmendVerdict) | undefined
    const told: Array<Untimed> = []
    const quotes: Array<{ readonly quote: Quote; readonly source: "stream" | "rest" }> = []
    return Context.make(Engine, {
      tell: (event) =>
        room.whenOpen(
          Effect.sync(() => {
            told.push(event)
          })
        ),
      offer: (event) => {
        if (!full) told.push(event)
        return !full
      },
      offerQuote: (quote, source) => {
        quotes.push({ quote, source })
      },
      askApproval: (proposalId) =>
        Effect.suspend(() =>
          approval === undefined
            ? Effect.dieMessage("MockEngine: no answer for proposals; give one with setApproval")
            : Effect.succeed(approval(proposalId))
        ),
      askAmend: (orderId) =>
        Effect.suspend(() =>
          amend === undefined
            ? Effect.dieMessage("MockEngine: no answer for amends; give one with setAmendVerdict")
            : Effect.succeed(amend(orderId))
        ),
      state: Effect.sync(() => state),
      unsafeState: () => state,
      settled: room.await
    }).pipe(
      Context.add(MockEngineControl, {
        setState: (next) =>
          Effect.sync(() => {
            state = next
          }),
        told: Effect.sync(() => [...told]),
        quotes: Effect.sync(() => [...quotes]),
        setFull: (next) =>
          Effect.suspend(() => {
            full = next
            return next ? room.close : room.open
          }),
        setApproval: (answer) =>
          Effect.sync(() => {
            approval = answer
          }),
        setAmendVerdict: (answer) =>
          Effect.sync(() => {
            amend = answer
          })
      })
    )
  })

/** An engine that is in this state until told otherwise. */
export const mockEngine = (initial: EngineState): Layer.Layer<Engine | MockEngineControl> =>
  Layer.effectContext(make(initial))
