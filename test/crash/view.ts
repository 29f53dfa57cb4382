/** What the local Kraken shows of its account: the judge's side of the books. */

export interface ViewOrder {
  readonly txid: string
  readonly clOrdId?: string
  readonly origin: { readonly _tag: "Key" | "Hand" }
  readonly side: "buy" | "sell"
  readonly quantity: string
  readonly price: string
  readonly status: "pending" | "open" | "closed" | "canceled" | "expired"
  readonly filled: string
  readonly openedAt: number
  /** 0 while it has not ended. */
  readonly closedAt: number
  readonly amended: boolean
  /** Its arrival, or its last amend. */
  readonly touchedAt: number
}

export interface ViewFill {
  readonly id: string
  readonly txid: string
  readonly side: "buy" | "sell"
  readonly at: number
  readonly price: string
  readonly quantity: string
  readonly cost: string
  readonly fee: string
  readonly maker: boolean
}

export interface ViewRequest {
  readonly at: number
  readonly via: "rest" | "stream"
  readonly endpoint: string
  readonly nonce?: string
  readonly clOrdId?: string
  /** `ok`, or the error. */
  readonly result: string
}

export interface View {
  readonly now: number
  readonly orders: ReadonlyArray<ViewOrder>
  readonly open: ReadonlyArray<ViewOrder>
  readonly fills: ReadonlyArray<ViewFill>
  readonly ledgers: ReadonlyArray<{
    readonly refid: string
    readonly type: string
    readonly wallet: string
    readonly amount: string
    readonly fee: string
  }>
  readonly startingBalances: Readonly<Record<string, string>>
  readonly balances: Readonly<Record<string, string>>
  readonly switchAt?: number
  /** The newest thousand at least, oldest first. */
  readonly requests: ReadonlyArray<ViewRequest>
}

/** Orders that a key placed: here only the trader has one. */
export const own = (orders: ReadonlyArray<ViewOrder>): ReadonlyArray<ViewOrder> =>
  orders.filter((order) => order.origin._tag === "Key")
