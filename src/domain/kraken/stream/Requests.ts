/** Requests on Kraken's WebSocket v2, as texts. Those that carry the stream token must never be logged. */
import type { PairSymbol } from "../../market/Instrument.ts"

const request = (method: string, params: Readonly<Record<string, unknown>>, requestId: number): string =>
  JSON.stringify({ method, params, req_id: requestId })

/** Application ping. `params` inside it is refused. */
export const ping = (requestId: number): string => JSON.stringify({ method: "ping", req_id: requestId })

/** Best bid and ask whenever they change: with the default trigger a quiet pair would get no quotes. */
export const subscribeTicker = (symbols: ReadonlyArray<PairSymbol>, requestId: number): string =>
  request("subscribe", { channel: "ticker", symbol: symbols, event_trigger: "bbo", snapshot: true }, requestId)

export const subscribeTrade = (symbols: ReadonlyArray<PairSymbol>, requestId: number): string =>
  request("subscribe", { channel: "trade", symbol: symbols, snapshot: false }, requestId)

/** The snapshot tells which bars were missed while disconnected. */
export const subscribeOhlc = (symbols: ReadonlyArray<PairSymbol>, intervalMinutes: number, requestId: number): string =>
  request("subscribe", { channel: "ohlc", symbol: symbols, interval: intervalMinutes, snapshot: true }, requestId)

/** Both snapshots said explicitly: Kraken's documentation contradicts itself on the defaults. */
export const subscribeExecutions = (token: string, requestId: number): string =>
  request(
    "subscribe",
    { channel: "executions", token, snap_orders: true, snap_trades: true, order_status: true, ratecounter: true },
    requestId
  )

export const subscribeBalances = (token: string, requestId: number): string =>
  request("subscribe", { channel: "balances", token, snapshot: true }, requestId)

/** Cancels by our ids; answered once an order. */
export const cancelOrders = (token: string, clientIds: ReadonlyArray<string>, requestId: number): string =>
  request("cancel_order", { cl_ord_id: clientIds, token }, requestId)
