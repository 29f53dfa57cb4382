/** A way to deal with an order of unknown outcome. */
import type { Effect } from "effect"
import type { Order } from "../../src/domain/order/Order.ts"
import type { SendOutcome } from "../../src/domain/order/Outcome.ts"
import type { Deps } from "../../src/programs/desk/Deps.ts"
import type { Books } from "./Books.ts"

/** What a policy works with. */
export interface Hands {
  readonly books: Books
  /** The trader's own desk parts: reads, cancels, clock, books. */
  readonly desk: Deps
  readonly sleep: (ms: number) => Effect.Effect<void>
  /** Sends the order's request once more, with a new deadline; tells what came of it and records nothing. */
  readonly resend: (order: Order) => Effect.Effect<SendOutcome>
}

export interface Policy {
  /** Stable, for the results file. */
  readonly key: string
  /** For the table. */
  readonly title: string
  /** Whether the order is recorded before its request leaves, or only with the first certain answer. */
  readonly savesFirst: boolean
  /** Whether entries wait while an outcome is unknown. It is counted as open either way. */
  readonly stopsOnUnknown: boolean
  /** Whether the request carries `cl_ord_id`. */
  readonly sendsClientId: boolean
  /** Runs until the order is not unknown any more. Also for what a restart finds unanswered in its records. */
  readonly settle: (hands: Hands, order: Order) => Effect.Effect<void>
}
