/** Cancels may be repeated safely; they overtake everything, and the stream is their second path. A cancel is a request: only a report ends an order. */
import { Effect } from "effect"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import type { Order } from "../../domain/order/Order.ts"
import type { OrderRef } from "../../services/KrakenRest.ts"
import type { Deps } from "./Deps.ts"

export interface CancelResult {
  readonly result: "accepted" | "gone" | "failed"
  readonly text: string
}

const refOf = (order: Order): OrderRef =>
  order.exchangeId === undefined ? { _tag: "Client", id: order.id } : { _tag: "Exchange", id: order.exchangeId }

/** Over REST, and where that brings no answer over the stream, which needs no nonce. Observing sends no cancel. */
export const cancelOnce = (d: Deps, order: Order): Effect.Effect<CancelResult> => {
  if (d.engine.unsafeState().rules.observing) {
    return Effect.succeed({ result: "failed", text: "observing: nothing is sent" })
  }
  return d.rest.cancelOrder(refOf(order), order.symbol).pipe(
    Effect.map(({ count }): CancelResult =>
      count > 0 ? { result: "accepted", text: "" } : { result: "gone", text: "nothing was cancelled" }
    ),
    Effect.catchAll((error: KrakenError) => {
      if (error._tag === "KrakenApiError" && error.kind === "unknown order") {
        return Effect.succeed<CancelResult>({ result: "gone", text: error.text })
      }
      return Effect.map(d.stream.cancelByStream([order.id]), (done): CancelResult =>
        done ? { result: "accepted", text: "by the stream" } : { result: "failed", text: error.message }
      )
    })
  )
}

/** Cancels an order and tells the engine what came of it. */
export const cancel = (d: Deps, order: Order): Effect.Effect<void> =>
  cancelOnce(d, order).pipe(
    Effect.flatMap(({ result, text }) => d.engine.tell({ _tag: "CancelOutcome", orderId: order.id, result, text }))
  )
