/** What became of one AddOrder or AmendOrder: four classes, never two. */
import type { ExchangeOrderId } from "./Ids.ts"
import type { EpochMs } from "../Time.ts"

/** Why the exchange definitely refused an order. Each class has its own consequence. */
export type RejectClass =
  | "postOnly" // would have taken liquidity: re-quote, no failure of the system
  | "funds" // refresh balances
  | "minimum" // below ordermin or costmin
  | "precision" // tick, decimals
  | "openOrders" // too many open orders on the pair
  | "mode" // market in cancel_only / post_only / limit_only
  | "restricted" // pair or region not permitted
  | "unknownOrder" // amend of an order that is not open
  | "arguments"
  | "other"

/** Why a request definitely had no effect although nothing was wrong with the order. */
export type NotSentClass = "refused connection" | "invalid nonce" | "rate limit" | "lockout" | "credentials" | "void"

export type SendOutcome =
  | { readonly _tag: "Accepted"; readonly exchangeId?: ExchangeOrderId }
  | { readonly _tag: "Rejected"; readonly why: RejectClass; readonly text: string }
  | { readonly _tag: "NotSent"; readonly why: NotSentClass; readonly text: string; readonly retryAt?: EpochMs }
  /** The request may have been executed. `recognised` is false for an error text that nobody knows: entries stop. */
  | { readonly _tag: "Unknown"; readonly text: string; readonly recognised: boolean }
