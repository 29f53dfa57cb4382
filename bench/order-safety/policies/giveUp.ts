/**
 * A model of what is common: look for it three times, two seconds apart, among open and closed orders; what was not found
 * by then was rejected. It is never sent again.
 */
import { Effect } from "effect"
import type { Order } from "../../../src/domain/order/Order.ts"
import { inClosedOrders, inOpenOrders, reportsFrom } from "../../../src/programs/desk/lookup.ts"
import type { Hands, Policy } from "../Policy.ts"

const PAUSE_MS = 2000
const TRIES = 3

const settle = ({ books, desk, sleep }: Hands, order: Order): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let n = 0; n < TRIES; n += 1) {
      yield* sleep(PAUSE_MS)
      for (const source of [inOpenOrders, inClosedOrders]) {
        const found = yield* Effect.option(reportsFrom(desk, order, source))
        if (found._tag === "Some" && found.value.reports !== undefined) return books.fold(found.value.reports)
      }
    }
    books.reject(order.id, "not found in three tries")
  })

export const giveUp: Policy = {
  key: "give-up",
  title: "4. treat as rejected after three tries",
  savesFirst: true,
  stopsOnUnknown: false,
  sendsClientId: true,
  settle
}
