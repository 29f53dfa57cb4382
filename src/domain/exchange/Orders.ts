/** The life of an order inside the engine: it rests, it is filled, it ends; each step with its reports and ledger entries. */
import * as Fixed from "../money/Fixed.ts"
import type { Price, Quantity, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import { remaining } from "./Book.ts"
import type { Draft } from "./Draft.ts"
import { marketOf, nextId, orderOf, putOrder, setAccount } from "./Draft.ts"
import * as Fees from "./Fees.ts"
import { post } from "./Ledger.ts"
import * as Log from "./Log.ts"
import type { Fill, Order } from "./State.ts"
import { print } from "./Tape.ts"
import { balanceOf } from "./Wallet.ts"
import { reportFill, reportStatus } from "./ws/Executions.ts"

/** Ends an order and tells so. What was filled stays filled. */
export const end = (
  d: Draft,
  order: Order,
  status: "closed" | "canceled" | "expired",
  reason: string | undefined
): Order => {
  const { account } = d.state
  setAccount(d, {
    open: account.open.includes(order.txid) ? account.open.filter((txid) => txid !== order.txid) : account.open,
    closed: Log.append(account.closed, order.txid)
  })
  const ended = putOrder(d, { ...order, status, reason, closedAt: d.state.now })
  d.touched.add(order.symbol)
  reportStatus(d, ended, marketOf(d.state, order.symbol).rules, status === "closed" ? "filled" : status)
  return ended
}

/** Puts an order at the end of the queue of those that rest. */
export const rest = (d: Draft, order: Order): void => {
  putOrder(d, order)
  setAccount(d, { open: [...d.state.account.open.filter((txid) => txid !== order.txid), order.txid] })
  d.touched.add(order.symbol)
}

interface Charge {
  readonly cost: Usd
  readonly fee: Usd
  /** Ledger movements at the assets' decimals: positive is received. */
  readonly base: { readonly amount: bigint; readonly fee: bigint }
  readonly quote: { readonly amount: bigint; readonly fee: bigint }
}

const chargeOf = (d: Draft, order: Order, price: Price, quantity: Quantity, maker: boolean): Charge => {
  const { rules } = marketOf(d.state, order.symbol)
  Fees.rollVolume(d)
  const rate = Fees.rateOf(d.state, maker)
  const cost = Fees.costOf(price, quantity, rules.costDecimals, "nearest")
  const fee = Money.Usd(Fees.shareOf(cost, rate, rules.costDecimals, "nearest"))
  const sign = order.side === "buy" ? 1n : -1n
  const inBase = order.feeIn === "base"
  return {
    cost,
    fee,
    base: {
      amount: sign * Fixed.toDecimals(quantity, rules.baseDecimals, "nearest"),
      fee: inBase ? Fees.shareOf(quantity, rate, rules.baseDecimals, "nearest") : 0n
    },
    quote: {
      amount: -sign * Fixed.toDecimals(cost, rules.quoteDecimals, "nearest"),
      fee: inBase ? 0n : Fixed.toDecimals(fee, rules.quoteDecimals, "nearest")
    }
  }
}

/**
 * Executes part of an order: trade, two ledger entries, reports. Whether it happened: an account that cannot pay for the
 * part (its funds were withdrawn meanwhile) loses the order instead, and nothing is executed.
 */
export const fill = (d: Draft, order: Order, price: Price, quantity: Quantity, maker: boolean): boolean => {
  const { rules } = marketOf(d.state, order.symbol)
  const charge = chargeOf(d, order, price, quantity, maker)
  const short = (wallet: string, move: Charge["base"]): boolean => balanceOf(d.state, wallet) + move.amount < move.fee
  if (short(rules.base, charge.base) || short(rules.quote, charge.quote)) {
    end(d, order, "canceled", "Insufficient funds")
    return false
  }
  const takerSide = maker ? (order.side === "buy" ? "sell" : "buy") : order.side
  const tradeId = print(d, order.symbol, price, quantity, takerSide, maker ? "limit" : order.type)
  const id = nextId(d, "T")
  const filled = putOrder(d, {
    ...order,
    filled: Money.addQuantity(order.filled, quantity),
    cost: Money.addUsd(order.cost, charge.cost),
    fee: Money.addUsd(order.fee, charge.fee),
    fills: [...order.fills, id]
  })
  const entries = [
    post(d, { refid: id, type: "trade", subtype: "", wallet: rules.base, ...charge.base }),
    post(d, { refid: id, type: "trade", subtype: "", wallet: rules.quote, ...charge.quote })
  ]
  const done: Fill = {
    id,
    txid: order.txid,
    tradeId,
    symbol: order.symbol,
    side: order.side,
    type: order.type,
    at: d.state.now,
    price,
    quantity,
    cost: charge.cost,
    fee: charge.fee,
    feeBase: Money.Quantity(charge.base.fee),
    maker,
    ledgers: entries.map((entry) => entry.id)
  }
  setAccount(d, { fills: Log.append(d.state.account.fills, done) })
  d.state.volume = { ...d.state.volume, total: Money.addUsd(d.state.volume.total, charge.cost) }
  d.touched.add(order.symbol)
  reportFill(d, filled, done, rules)
  if (remaining(filled) === 0n) end(d, orderOf(d.state, order.txid), "closed", undefined)
  return true
}
