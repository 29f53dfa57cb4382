// kraken-api, a REST client with a signature and a nonce of its own. Only its URL is changed.
import assert from "node:assert/strict"
import { step as stepOf } from "./harness.mjs"

const step = (name, run) => stepOf("kraken-api", name, run)

export const runKrakenApi = async (KrakenClient, ready) => {
  const client = new KrakenClient(ready.apiKey, ready.apiSecret, { url: ready.restUrl })
  const call = async (method, params = {}) => (await client.api(method, params)).result
  let low = ""
  let resting = ""
  let bought = ""

  await step("time, assets, markets", async () => {
    assert.ok((await call("Time")).unixtime > 1_600_000_000)
    assert.equal((await call("Assets", { asset: "XLM,XBT" })).XXLM.altname, "XLM")
    const { XXLMZUSD } = await call("AssetPairs", { pair: "XLMUSD" })
    assert.deepEqual([XXLMZUSD.wsname, XXLMZUSD.pair_decimals, XXLMZUSD.ordermin], ["XLM/USD", 6, "20"])
  })
  await step("ticker, book, trades, spread, candles", async () => {
    const { XXLMZUSD: ticker } = await call("Ticker", { pair: "XLMUSD" })
    low = (Number(ticker.b[0]) * 0.9).toFixed(6)
    const { XXLMZUSD: book } = await call("Depth", { pair: "XLMUSD", count: 500 })
    assert.deepEqual([book.asks.length, book.bids.length], [500, 500])
    assert.ok((await call("Trades", { pair: "XLMUSD" })).XXLMZUSD.length > 0)
    assert.ok((await call("Spread", { pair: "XLMUSD" })).XXLMZUSD.length > 0)
    assert.equal((await call("OHLC", { pair: "XLMUSD", interval: 60 })).XXLMZUSD.length >= 719, true)
  })
  await step("balances", async () => {
    const balance = await call("Balance")
    assert.ok(Number(balance.ZUSD) > 0 && Number(balance.XXLM) > 0)
    assert.ok(Number((await call("TradeBalance", { asset: "ZUSD" })).eb) > 0)
    assert.equal((await call("TradeVolume", { pair: "XLMUSD" })).fees.XXLMZUSD.fee, "0.4000")
  })
  await step("limit post-only with a client id", async () => {
    const order = { pair: "XLMUSD", type: "buy", ordertype: "limit", volume: "25", price: low, oflags: "post" }
    const { descr, txid } = await call("AddOrder", { ...order, cl_ord_id: "other-1" })
    resting = txid[0]
    assert.equal(descr.order, `buy 25.00000000 XLMUSD @ limit ${low}`)
    const { open } = await call("OpenOrders", { trades: true })
    assert.deepEqual([open[resting].cl_ord_id, open[resting].oflags], ["other-1", "fciq,post"])
  })
  await step("market order, closed orders, own trades", async () => {
    const order = { pair: "XLMUSD", type: "buy", ordertype: "market", volume: "30" }
    bought = (await call("AddOrder", order)).txid[0]
    const found = (await call("QueryOrders", { txid: bought, trades: true }))[bought]
    assert.deepEqual([found.status, found.vol_exec], ["closed", "30.00000000"])
    assert.ok(bought in (await call("ClosedOrders")).closed)
    const ids = found.trades
    assert.ok(ids.every((id) => typeof id === "string") && ids.length > 0)
    assert.equal((await call("QueryTrades", { txid: ids.join(",") }))[ids[0]].ordertxid, bought)
    assert.ok(ids[0] in (await call("TradesHistory")).trades)
  })
  await step("ledger, entry by entry", async () => {
    const { ledger } = await call("Ledgers")
    const [id] = Object.keys(ledger)
    assert.deepEqual((await call("QueryLedgers", { id }))[id], ledger[id])
  })
  await step("cancel, and the refusal of a second one", async () => {
    assert.deepEqual(await call("CancelOrder", { txid: resting }), { count: 1 })
    await assert.rejects(call("CancelOrder", { txid: resting }), /Order:Unknown order/)
  })
  await step("stream token", async () => {
    const { expires, token } = await call("GetWebSocketsToken")
    assert.ok(expires === 900 && token.length > 20)
  })
  await step("a wrong secret is refused", async () => {
    const wrong = new KrakenClient(ready.apiKey, Buffer.alloc(64).toString("base64"), { url: ready.restUrl })
    await assert.rejects(wrong.api("Balance"), /API:Invalid signature/)
  })
}
