/** Balances move by ledger entries only: new balance = old + amount − fee. And what open orders hold of them. */
import * as Fixed from "../money/Fixed.ts"
import { remaining } from "./Book.ts"
import type { Draft } from "./Draft.ts"
import { marketOf, nextId, openOrders, setAccount } from "./Draft.ts"
import * as Fees from "./Fees.ts"
import * as Log from "./Log.ts"
import type { ExchangeState, LedgerEntry, Order } from "./State.ts"
import { balanceOf } from "./Wallet.ts"
import { ledgerReport } from "./ws/Balances.ts"

/** Books an entry, moves the balance, and tells the subscribers of `balances`. Amount and fee are at the asset's decimals. */
export const post = (
  d: Draft,
  entry: Pick<LedgerEntry, "refid" | "type" | "subtype" | "wallet" | "amount" | "fee">
): LedgerEntry => {
  const balance = balanceOf(d.state, entry.wallet) + entry.amount - entry.fee
  const full: LedgerEntry = { ...entry, id: nextId(d, "L"), at: d.state.now, balance }
  setAccount(d, {
    balances: new Map(d.state.account.balances).set(entry.wallet, balance),
    ledgers: Log.append(d.state.account.ledgers, full)
  })
  ledgerReport(d, full)
  return full
}

/** What an order holds, by wallet: a buy its cost (and largest fee), rounded up; a sale its quantity. */
export const holdOf = (state: ExchangeState, order: Order): { readonly wallet: string; readonly amount: bigint } => {
  const rules = marketOf(state, order.symbol).rules
  const left = remaining(order)
  const rate = Fees.rateOf(state, order.postOnly)
  const withFee = (feeIn: Order["feeIn"], amount: bigint, decimals: number): bigint =>
    order.feeIn === feeIn && (feeIn === "base" || state.switches.holdIncludesFee)
      ? amount + Fees.shareOf(amount, rate, decimals, "up")
      : amount
  return order.side === "buy"
    ? {
        wallet: rules.quote,
        amount: withFee("quote", Fees.costOf(order.price, left, rules.quoteDecimals, "up"), rules.quoteDecimals)
      }
    : { wallet: rules.base, amount: withFee("base", left, rules.baseDecimals) }
}

/** What all open orders hold of a wallet. */
export const heldOf = (state: ExchangeState, wallet: string): bigint => {
  let total = 0n
  for (const order of openOrders(state)) {
    const hold = holdOf(state, order)
    if (hold.wallet === wallet) total += hold.amount
  }
  return total
}

/** What a new order may use: balance less holds, never below zero. */
export const availableOf = (state: ExchangeState, wallet: string): bigint =>
  Fixed.max(0n, balanceOf(state, wallet) - heldOf(state, wallet))
