/** Real texts: what the local Kraken writes in a short session, and what others recorded of the real one. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import * as Exchange from "../../src/domain/exchange/Exchange.ts"
import * as Operator from "../../src/domain/exchange/Operator.ts"
import * as Persist from "../../src/domain/exchange/Persist.ts"
import * as Money from "../../src/domain/money/Money.ts"
import type { ExchangeState } from "../../src/domain/exchange/State.ts"
import { configOf, Harness, KEY, XLM } from "../domain/exchange/Harness.ts"

export const config = configOf()

export interface Session {
  readonly publicFrames: ReadonlyArray<string>
  readonly privateFrames: ReadonlyArray<string>
  /** Requests that a client sent on the streams. */
  readonly requests: ReadonlyArray<string>
  /** REST bodies by endpoint. */
  readonly answers: ReadonlyMap<string, ReadonlyArray<string>>
  readonly state: ExchangeState
  readonly now: number
  readonly nonce: number
  readonly token: string
  /** What a store would hold. */
  readonly stored: string
}

const asked = (
  x: Harness,
  answers: Map<string, Array<string>>,
  endpoint: string,
  params: Record<string, string> = {}
): void => {
  const all = new Map(Object.entries(params))
  const answered =
    endpoint in
    { Time: 0, SystemStatus: 0, Assets: 0, AssetPairs: 0, Ticker: 0, OHLC: 0, Depth: 0, Trades: 0, Spread: 0 }
      ? Exchange.publicCall(x.state, { endpoint, params: all }, x.now)
      : Exchange.privateCall(
          x.state,
          KEY,
          { endpoint, params: all.set("nonce", String((x.nonce += 1))) },
          x.later(4000).now
        )
  x.step(answered)
  answers.set(endpoint, [...(answers.get(endpoint) ?? []), answered.reply.body])
}

/** Orders of every fate, on all channels, then every read. */
const record = (): Session => {
  const x = new Harness()
  const answers = new Map<string, Array<string>>()
  const requests: Array<string> = []
  const say = (session: string, method: string, params: Record<string, unknown>): void => {
    const text = JSON.stringify({ method, params, req_id: requests.length + 1 })
    requests.push(text)
    x.step(Exchange.receive(x.state, session, text, x.now))
  }
  x.quote()
  x.token = x.ok("GetWebSocketsToken").token
  x.open("a").open("p", "public")
  const { token } = x
  say("a", "subscribe", { channel: "executions", token, snap_trades: true, ratecounter: true })
  say("a", "subscribe", { channel: "balances", token })
  for (const channel of ["ticker", "trade", "book"]) say("p", "subscribe", { channel, symbol: [XLM], snapshot: true })
  say("p", "subscribe", { channel: "ohlc", symbol: [XLM], interval: 1 })
  say("p", "subscribe", { channel: "instrument" })
  say("p", "ping", {})
  x.add({ cl_ord_id: "kt1-a", oflags: "post", price: "0.149500" })
  const amended = x.add({ cl_ord_id: "kt1-b", price: "0.148000", expiretm: "+3600", timeinforce: "GTD" })
  x.wait(1000).trade("0.149500", "1030.5", "sell").wait(1000).trade("0.149400", "2000", "sell")
  x.later(2000)
  asked(x, answers, "AmendOrder", { txid: amended, order_qty: "120", limit_price: "0.148100" })
  x.wait(500).add({ cl_ord_id: "kt1-c", type: "sell", volume: "55.5", price: "0.150000", timeinforce: "IOC" })
  x.wait(500).add({ ordertype: "market", volume: "25", type: "sell", oflags: "fcib" })
  say("a", "add_order", {
    token,
    order_type: "limit",
    side: "buy",
    symbol: XLM,
    order_qty: 40.25,
    limit_price: 0.1401,
    cl_ord_id: "kt1-d",
    time_in_force: "gtc",
    post_only: true
  })
  say("a", "amend_order", { token, cl_ord_id: "kt1-d", order_qty: 41, limit_price: 0.1402 })
  say("a", "cancel_order", { token, cl_ord_id: ["kt1-d"] })
  say("a", "batch_cancel", { token, orders: ["kt1-x", "kt1-y"] })
  say("a", "cancel_all_orders_after", { token, timeout: 60 })
  say("a", "cancel_all_orders_after", { token, timeout: 0 })
  x.step(Operator.deposit(x.state, "USD", Money.usd("12.5"), x.now))
  x.step(Operator.transferToFlex(x.state, "XLM", Money.quantity("7.25"), x.now))
  x.add({ price: "0.140000", userref: "7" })
  x.wait(61_000).quote().wait(61_000).quote()
  asked(x, answers, "AddOrder", x.order({ validate: "true" }))
  asked(x, answers, "AddOrder", x.order({ price: "0.1412", cl_ord_id: "kt1-e" }))
  asked(x, answers, "AddOrder", x.order({ price: "1e-3" }))
  asked(x, answers, "CancelOrder", { cl_ord_id: "kt1-e" })
  asked(x, answers, "CancelOrder", { cl_ord_id: "kt1-e" })
  asked(x, answers, "CancelAllOrdersAfter", { timeout: "60" })
  asked(x, answers, "CancelAllOrdersAfter", { timeout: "0" })
  for (const endpoint of ["Time", "SystemStatus", "Assets", "AssetPairs"]) asked(x, answers, endpoint)
  for (const endpoint of ["Ticker", "OHLC", "Depth", "Trades", "Spread"])
    asked(x, answers, endpoint, { pair: "XLMUSD" })
  for (const endpoint of ["Balance", "BalanceEx", "TradeBalance", "Ledgers", "GetApiKeyInfo", "GetWebSocketsToken"]) {
    asked(x, answers, endpoint)
  }
  asked(x, answers, "TradeVolume", { pair: "XLMUSD" })
  for (const endpoint of ["OpenOrders", "ClosedOrders", "TradesHistory"])
    asked(x, answers, endpoint, { trades: "true" })
  asked(x, answers, "QueryOrders", { txid: amended, trades: "true" })
  const fill = x.state.account.fills.store[0]
  asked(x, answers, "QueryTrades", { txid: fill?.id ?? "" })
  say("a", "unsubscribe", { channel: "balances", token })
  const stored = Persist.encode(x.state)
  x.open("b")
  say("b", "subscribe", { channel: "executions", token, snap_trades: true, snap_orders: true })
  say("b", "subscribe", { channel: "balances", token })
  asked(x, answers, "CancelAll")
  const [publicFrames, privateFrames] = [
    x.frames.filter((frame) => frame.session === "p").map((frame) => frame.text),
    x.frames.filter((frame) => frame.session !== "p").map((frame) => frame.text)
  ]
  return {
    publicFrames: [...new Set(publicFrames)],
    privateFrames: [...new Set(privateFrames)],
    requests,
    answers,
    state: x.state,
    now: x.now,
    nonce: x.nonce,
    token,
    stored
  }
}

export const session: Session = record()

const folder = "../shared/data/kraken-payloads"

/** Recorded files as texts, short ones only; none where the folder is absent. */
export const recorded: ReadonlyArray<string> = !existsSync(folder)
  ? []
  : readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".json"))
      .toSorted()
      .map((name) => readFileSync(`${folder}/${name}`, "utf8"))
      .filter((text) => text.length < 20_000)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Those of them that are stream frames. */
export const recordedFrames: ReadonlyArray<string> = recorded.filter((text) => {
  const value: unknown = JSON.parse(text)
  return isObject(value) && ("channel" in value || "method" in value)
})

/** Those of them that are answers of REST. */
export const recordedAnswers: ReadonlyArray<string> = recorded.flatMap((text) => {
  const value: unknown = JSON.parse(text)
  return isObject(value) && Array.isArray(value["error"])
    ? [text]
    : (text.match(/"body_text": "(?:[^"\\]|\\.)*"/g) ?? []).map((found) => String(JSON.parse(found.slice(13))))
})
