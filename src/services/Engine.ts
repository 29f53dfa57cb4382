/**
 * The engine's mailbox: the one way to change trading state, and the one place to read it. Every other trading service
 * (risk, breaker) is a port onto it.
 */
import type { Effect, Either } from "effect"
import { Context } from "effect"
import type { EngineEvent } from "../domain/engine/Event.ts"
import type { EngineState } from "../domain/engine/State.ts"
import type { Quote } from "../domain/market/Market.ts"
import type { Price, Quantity } from "../domain/money/Money.ts"
import type { ClientOrderId } from "../domain/order/Ids.ts"
import type { Order } from "../domain/order/Order.ts"
import type { ApprovedOrder } from "../domain/risk/Approved.ts"
import type { Refusal } from "../domain/risk/Risk.ts"
import type { EpochMs } from "../domain/Time.ts"

/** An event before the engine stamps it with market time. */
export type Untimed = EngineEvent extends infer E ? (E extends EngineEvent ? Omit<E, "at"> : never) : never

export interface EngineShape {
  /** Puts an event in the queue; waits while it is full. */
  readonly tell: (event: Untimed) => Effect.Effect<void>
  /** The same from a callback: false when the queue (16,384) is full, and then the caller must resynchronise. */
  readonly offer: (event: Untimed) => boolean
  /** Market data: a newer quote of a pair replaces one that was not looked at yet. Never fails. */
  readonly offerQuote: (quote: Quote, source: "stream" | "rest") => void
  /** Asks whether a proposal may become an order now; an approval is reserved in the same fold. */
  readonly askApproval: (proposalId: number) => Effect.Effect<Either.Either<ApprovedOrder, Refusal>>
  /** Asks whether an amend may be sent now; the order as it must be recorded first, and the deadline. */
  readonly askAmend: (
    orderId: ClientOrderId,
    quantity: Quantity,
    limitPrice: Price
  ) => Effect.Effect<Either.Either<{ readonly order: Order; readonly deadline: EpochMs }, string>>
  /** The state after the last fold. */
  readonly state: Effect.Effect<EngineState>
  /** The same without an Effect, for the last look before the wire. */
  readonly unsafeState: () => EngineState
  /** Waits until every event queued so far is folded. */
  readonly settled: Effect.Effect<void>
}

export class Engine extends Context.Tag("trader/services/Engine")<Engine, EngineShape>() {}
