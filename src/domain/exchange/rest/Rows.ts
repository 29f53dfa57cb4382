/** Orders, trades and ledger entries as REST shows them. */
import * as Fixed from "../../money/Fixed.ts"
import type { Instrument } from "../../market/Instrument.ts"
import { marketOf } from "../Draft.ts"
import type { OutRecord } from "../Json.ts"
import type { ExchangeState, Fill, LedgerEntry, Order } from "../State.ts"
import { assetOf, decimalsOf, FLEX, restNameOf } from "../Wallet.ts"
import { averagePrice } from "../ws/Executions.ts"
import { costText, unix, volumeText } from "./Call.ts"

const priceText = (rules: Instrument, order: Order): string => Fixed.format(order.price, rules.priceDecimals)

/** `buy 25.00000000 XLMUSD @ limit 0.150000`. */
export const describe = (rules: Instrument, order: Order): string => {
  const what = `${order.side} ${volumeText(rules, order.quantity)} ${rules.altname} @ ${order.type}`
  return order.type === "limit" ? `${what} ${priceText(rules, order)}` : what
}

const misc = (order: Order): string =>
  [
    ...(order.status === "canceled" && order.filled > 0n ? ["partial"] : []),
    ...(order.amended ? ["amended"] : [])
  ].join(",")

export const orderRow = (state: ExchangeState, order: Order, withTrades: boolean): OutRecord => {
  const { rules } = marketOf(state, order.symbol)
  const zero = costText(rules, 0n)
  const ended = order.closedAt > 0
  return {
    refid: null,
    userref: order.userref ?? 0,
    cl_ord_id: order.clOrdId,
    status: order.status,
    ...(ended ? { reason: order.reason ?? null } : {}),
    opentm: unix(order.openedAt),
    ...(ended ? { closetm: unix(order.closedAt) } : {}),
    starttm: 0,
    expiretm: Math.floor(order.expiresAt / 1000),
    descr: {
      pair: rules.altname,
      aclass: "forex",
      type: order.side,
      ordertype: order.type,
      price: order.type === "limit" ? priceText(rules, order) : "0",
      price2: "0",
      leverage: "none",
      order: describe(rules, order),
      close: ""
    },
    vol: volumeText(rules, order.quantity),
    vol_exec: volumeText(rules, order.filled),
    cost: costText(rules, order.cost),
    fee: costText(rules, order.fee),
    price: costText(rules, Fixed.toDecimals(averagePrice(order), rules.costDecimals, "nearest")),
    stopprice: zero,
    limitprice: zero,
    misc: misc(order),
    oflags: `${order.feeIn === "quote" ? "fciq" : "fcib"}${order.postOnly ? ",post" : ""}`,
    ...(withTrades ? { trades: order.fills } : {})
  }
}

export const fillRow = (state: ExchangeState, fill: Fill, withLedgers: boolean): OutRecord => {
  const { rules } = marketOf(state, fill.symbol)
  return {
    ordertxid: fill.txid,
    postxid: `TP${fill.txid.slice(2)}`,
    pair: rules.restId,
    time: unix(fill.at),
    type: fill.side,
    ordertype: fill.type,
    price: costText(rules, fill.price),
    cost: costText(rules, fill.cost),
    fee: costText(rules, fill.fee),
    vol: volumeText(rules, fill.quantity),
    margin: costText(rules, 0n),
    leverage: "0",
    misc: "",
    trade_id: fill.tradeId,
    maker: fill.maker,
    ...(withLedgers ? { ledgers: fill.ledgers } : {})
  }
}

export const ledgerRow = (state: ExchangeState, entry: LedgerEntry): OutRecord => {
  const decimals = decimalsOf(state, entry.wallet)
  return {
    refid: entry.refid,
    time: unix(entry.at),
    type: entry.type,
    subtype: entry.subtype,
    aclass: "currency",
    asset: entry.wallet.endsWith(FLEX) ? entry.wallet : restNameOf(state, assetOf(entry.wallet)),
    amount: Fixed.format(entry.amount, decimals),
    fee: Fixed.format(entry.fee, decimals),
    balance: Fixed.format(entry.balance, decimals)
  }
}
