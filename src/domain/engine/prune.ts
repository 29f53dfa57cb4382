/** Forgetting: what is long settled leaves memory; the store keeps it, and late reports bring it back. */
import { isSettled } from "../order/Order.ts"
import type { Draft } from "./Draft.ts"
import { patch } from "./Draft.ts"

const KEEP_SETTLED = 200
const ASKED_MAX = 500

/** Drops the oldest settled orders beyond a bound, sold lots whose entry is gone, and old memories of requests. */
export const prune = (d: Draft): void => {
  const settled = [...d.state.orders.values()].filter(isSettled)
  if (settled.length > KEEP_SETTLED) {
    const drop = new Set(
      settled
        .toSorted((a, b) => a.updatedAt - b.updatedAt)
        .slice(0, settled.length - KEEP_SETTLED / 2)
        .map((order) => order.id)
    )
    const held = new Set([...d.state.lots.values()].filter((lot) => lot.remaining > 0n).map((lot) => lot.id))
    const orders = new Map([...d.state.orders].filter(([id]) => !drop.has(id) || held.has(id)))
    const byExchangeId = new Map([...d.state.byExchangeId].filter(([, id]) => orders.has(id)))
    const lots = new Map([...d.state.lots].filter(([id, lot]) => lot.remaining > 0n || orders.has(id)))
    const amendRefused = new Set([...d.state.amendRefused].filter((id) => orders.has(id)))
    patch(d, { orders, byExchangeId, lots, amendRefused })
  }
  if (d.state.asked.size > ASKED_MAX) {
    patch(d, { asked: new Map([...d.state.asked].filter(([, at]) => d.at - at < 3_600_000)) })
  }
}
