/**
 * A model of what is common: a request that brought no answer is sent again, after 1, 2 and 4 s; after three repeats the
 * order is given up. With the same `cl_ord_id` (then a refusal because of the id is read as "it is there already"), or
 * without one, as clients that do not know of it do.
 */
import { Effect } from "effect"
import type { Order } from "../../../src/domain/order/Order.ts"
import type { SendOutcome } from "../../../src/domain/order/Outcome.ts"
import type { Hands, Policy } from "../Policy.ts"

const PAUSES_MS = [1000, 2000, 4000]

/** Kraken refuses an id that an open order has. */
export const idIsTaken = (outcome: SendOutcome): boolean =>
  outcome._tag === "Rejected" && outcome.text.includes("cl_ord_id")

/** Sends once more and records what came of it; an id that is taken means that the order is open. */
export const sendAgain = ({ books, resend }: Hands, order: Order): Effect.Effect<void> =>
  Effect.map(resend(order), (outcome) => books.outcome(order.id, idIsTaken(outcome) ? { _tag: "Accepted" } : outcome))

const settle = (hands: Hands, order: Order): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { books, sleep } = hands
    for (const pause of PAUSES_MS) {
      yield* sleep(pause)
      yield* sendAgain(hands, order)
      if (books.order(order.id)?.status !== "unknown") return
    }
    books.reject(order.id, "no answer, given up after three repeats")
  })

export const resendSameId: Policy = {
  key: "resend",
  title: "2. resend on time-out, same client id",
  savesFirst: true,
  stopsOnUnknown: false,
  sendsClientId: true,
  settle
}

export const resendWithoutId: Policy = {
  ...resendSameId,
  key: "resend-no-id",
  title: "2b. resend on time-out, no client id",
  sendsClientId: false
}
