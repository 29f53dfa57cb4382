/**
 * A model of what is common: look among the open orders; there, it is taken as accepted; not there, it is sent again under
 * the same id. Three repeats and ten failed reads at most, then it is given up.
 */
import { Effect, Either } from "effect"
import type { Order } from "../../../src/domain/order/Order.ts"
import { inOpenOrders, reportsFrom } from "../../../src/programs/desk/lookup.ts"
import type { Hands, Policy } from "../Policy.ts"
import { sendAgain } from "./resend.ts"

const PAUSE_MS = 2000
const REPEATS = 3
const FAILED_READS = 10

const settle = (hands: Hands, order: Order): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { books, desk, sleep } = hands
    let repeats = 0
    let failed = 0
    while (repeats < REPEATS && failed < FAILED_READS) {
      yield* sleep(PAUSE_MS)
      const found = yield* Effect.either(reportsFrom(desk, order, inOpenOrders))
      if (Either.isLeft(found)) {
        failed += 1
        continue
      }
      if (found.right.reports !== undefined) return books.fold(found.right.reports)
      repeats += 1
      yield* sendAgain(hands, order)
      if (books.order(order.id)?.status !== "unknown") return
    }
    books.reject(order.id, "not among the open orders, given up")
  })

export const openOnly: Policy = {
  key: "open-only",
  title: "3. look among open orders only, else resend",
  savesFirst: true,
  stopsOnUnknown: false,
  sendsClientId: true,
  settle
}
