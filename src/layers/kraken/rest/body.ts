/**
 * Requests as texts. Kraken may ignore a parameter that it does not know without a word (`postonly=true` would be a taker
 * order), so only the parameters listed here can be written at all, in the order of the list.
 */

/** Every parameter that the trader may send, by endpoint. */
const PARAMETERS = {
  Time: [],
  SystemStatus: [],
  Assets: [],
  AssetPairs: [],
  Ticker: ["pair"],
  OHLC: ["pair", "interval", "since"],
  Depth: ["pair", "count"],
  Trades: ["pair", "since"],
  Balance: [],
  BalanceEx: [],
  TradeBalance: ["asset"],
  OpenOrders: ["trades"],
  ClosedOrders: ["trades", "cl_ord_id", "start", "ofs", "consolidate_taker"],
  QueryOrders: ["txid", "trades", "consolidate_taker"],
  TradesHistory: ["start", "ofs", "consolidate_taker"],
  QueryTrades: ["txid"],
  TradeVolume: ["pair"],
  Ledgers: ["start", "ofs"],
  GetApiKeyInfo: [],
  GetWebSocketsToken: [],
  AddOrder: [
    "ordertype",
    "type",
    "volume",
    "pair",
    "price",
    "oflags",
    "timeinforce",
    "expiretm",
    "stptype",
    "cl_ord_id",
    "deadline",
    "validate"
  ],
  AmendOrder: ["txid", "cl_ord_id", "order_qty", "limit_price", "post_only", "deadline"],
  CancelOrder: ["txid", "cl_ord_id"],
  CancelAll: [],
  CancelAllOrdersAfter: ["timeout"]
} as const

export type Endpoint = keyof typeof PARAMETERS
export type Parameters<E extends Endpoint> = { readonly [P in (typeof PARAMETERS)[E][number]]?: string | undefined }

/** What a call asks: an endpoint with its own parameters and no others. */
export interface Call {
  readonly endpoint: Endpoint
  readonly parameters: ReadonlyArray<readonly [string, string]>
}

/** A call, its parameters in the order of the list. Parameters without a value are left out. */
export const call = <E extends Endpoint>(endpoint: E, values: Parameters<E>): Call => {
  const names: ReadonlyArray<string> = PARAMETERS[endpoint]
  const given = new Map<string, string | undefined>(Object.entries(values))
  return {
    endpoint,
    parameters: names.flatMap((name) => {
      const value = given.get(name)
      return value === undefined ? [] : [[name, value] as const]
    })
  }
}

/** `application/x-www-form-urlencoded`. The text that is signed is the text that is sent: nothing encodes it again. */
export const form = (parameters: ReadonlyArray<readonly [string, string]>): string =>
  parameters.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&")

/** Body of a private call: the nonce first. */
export const privateBody = (nonce: bigint, c: Call): string => form([["nonce", nonce.toString()], ...c.parameters])

/** Path and query of a public call. */
export const publicPath = (c: Call): string => {
  const query = form(c.parameters)
  return query === "" ? `/0/public/${c.endpoint}` : `/0/public/${c.endpoint}?${query}`
}

export const privatePath = (c: Call): string => `/0/private/${c.endpoint}`
