/** How far the sale of everything is, as the books see it, and when it has come to its end. */
import { isOpen } from "../../domain/breaker/Breaker.ts"
import type { EngineState } from "../../domain/engine/State.ts"
import { openLots, show, unsettled } from "../../domain/engine/Views.ts"
import { openQuantity } from "../../domain/order/Order.ts"
import type { FlattenProgress } from "../../services/ControlServer.ts"

/** Latches that say that the books may not be all there is. */
const doubtful = ["invariant", "balance"] as const

export const progressOf = (state: EngineState): FlattenProgress => {
  const { breaker } = state
  return {
    flattening: state.flattening,
    settling: [
      ...(state.phase === "starting" ? ["the trader is starting"] : []),
      ...[...state.reconciling].map((reason) => `books and account are compared: ${reason}`),
      ...(state.unmatched.size > 0 ? ["a report of an order that is not in the books is being looked into"] : [])
    ],
    lots: openLots(state).map((lot) => {
      const status = state.pairs.get(lot.symbol)?.lotStatuses.find(({ lotId }) => lotId === lot.id)
      return {
        lotId: lot.id,
        pair: lot.symbol,
        remaining: show(lot.remaining),
        state: status?.state ?? "waiting",
        text: status?.text ?? "nothing was decided for it yet"
      }
    }),
    orders: unsettled(state).map((order) => ({
      orderId: order.id,
      pair: order.symbol,
      side: order.side,
      quantity: show(openQuantity(order)),
      status: order.status
    })),
    doubts: isOpen(breaker) ? doubtful.flatMap((cause) => breaker.latches[cause]?.reason ?? []) : []
  }
}

/** `done`: nothing is held, nothing works. `left`: what is held is dust, which no order can sell. */
export const standing = ({ lots, orders, settling }: FlattenProgress): "working" | "done" | "left" =>
  settling.length > 0 || orders.length > 0
    ? "working"
    : lots.length === 0
      ? "done"
      : lots.every(({ state }) => state === "dust")
        ? "left"
        : "working"

/** It has to stand so for so long (real time) before it is believed: a quote more may turn dust into something that sells. */
export const STEADY_MS = 2000
