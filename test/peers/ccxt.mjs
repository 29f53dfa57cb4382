// ccxt, as it is: REST, streams, and order entry over the stream. Only its URLs are changed.
import assert from "node:assert/strict"
import { checkBook } from "./book.mjs"
import { step as stepOf, until } from "./harness.mjs"

const SYMBOL = "XLM/USD"
const step = (name, run) => stepOf("ccxt", name, run)

export const runCcxt = async (ccxt, WebSocket, ready) => {
  const kraken = new ccxt.pro.kraken({ apiKey: ready.apiKey, secret: ready.apiSecret })
  Object.assign(kraken.urls.api, { public: ready.restUrl, private: ready.restUrl })
  Object.assign(kraken.urls.api.ws, {
    public: ready.wsUrl,
    publicV2: ready.wsUrl,
    private: ready.wsAuthUrl,
    privateV2: ready.wsAuthUrl
  })
  // ccxt asks for this call where a stream's URL is plain ws
  await kraken.loadHttpProxyAgent()
  let low = 0
  let resting
  let bought

  await step("status and time", async () => {
    assert.equal((await kraken.fetchStatus()).status, "ok")
    assert.ok((await kraken.fetchTime()) > 1_600_000_000_000)
  })
  await step("markets", async () => {
    const market = (await kraken.loadMarkets())[SYMBOL]
    assert.equal(market.id, "XXLMZUSD")
    assert.equal(market.active, true)
    assert.equal(market.limits.amount.min, 20)
    assert.deepEqual(market.precision, { amount: 1e-8, price: 1e-6 })
  })
  await step("currencies", async () => {
    assert.deepEqual(Object.keys(await kraken.fetchCurrencies()).toSorted(), ["BTC", "ETH", "USD", "XLM"])
  })
  await step("ticker and tickers", async () => {
    const { ask, bid, last } = await kraken.fetchTicker(SYMBOL)
    assert.ok(bid > 0 && bid < ask && last > 0)
    low = Number(kraken.priceToPrecision(SYMBOL, bid * 0.9))
    assert.deepEqual(Object.keys(await kraken.fetchTickers([SYMBOL, "BTC/USD"])).toSorted(), ["BTC/USD", SYMBOL])
  })
  await step("book", async () => {
    const { asks, bids } = await kraken.fetchOrderBook(SYMBOL, 25)
    assert.equal(bids.length, 25)
    assert.equal(asks.length, 25)
    assert.ok(bids[0][0] < asks[0][0] && bids[1][0] < bids[0][0] && asks[1][0] > asks[0][0])
  })
  await step("trades and candles", async () => {
    const [trade] = await kraken.fetchTrades(SYMBOL)
    assert.ok(trade.price > 0 && trade.amount > 0)
    const candles = await kraken.fetchOHLCV(SYMBOL, "1m")
    assert.ok(candles.length > 700)
    assert.equal(candles[1][0] - candles[0][0], 60_000)
  })
  await step("balances", async () => {
    const { USD, XLM } = await kraken.fetchBalance()
    assert.deepEqual([USD.total, USD.used, XLM.total], [1000, 0, 500])
  })
  await step("trading fee", async () => {
    const { maker, taker } = await kraken.fetchTradingFee(SYMBOL)
    assert.deepEqual([maker, taker], [0.0025, 0.004])
  })
  await step("limit post-only with a client id", async () => {
    resting = await kraken.createOrder(SYMBOL, "limit", "buy", 25, low, { postOnly: true, clientOrderId: "peer-0001" })
    assert.match(resting.id, /^O/)
  })
  await step("open orders and one order", async () => {
    const [order] = await kraken.fetchOpenOrders(SYMBOL)
    assert.equal(order.id, resting.id)
    assert.deepEqual(
      [order.clientOrderId, order.status, order.postOnly, order.price, order.amount, order.remaining],
      ["peer-0001", "open", true, low, 25, 25]
    )
    assert.equal((await kraken.fetchOrder(resting.id, SYMBOL)).status, "open")
    assert.ok((await kraken.fetchBalance()).USD.used > 0)
  })
  await step("amend", async () => {
    await kraken.editOrder(resting.id, SYMBOL, "limit", "buy", 26, low)
    assert.equal((await kraken.fetchOrder(resting.id, SYMBOL)).amount, 26)
  })
  await step("market order", async () => {
    bought = await kraken.createOrder(SYMBOL, "market", "buy", 30)
    const order = await kraken.fetchOrder(bought.id, SYMBOL)
    assert.deepEqual([order.status, order.filled, order.type], ["closed", 30, "market"])
    assert.ok(order.average > low && order.fee.cost > 0)
  })
  await step("cancel, by id and by client id", async () => {
    await kraken.cancelOrder(resting.id, SYMBOL)
    await kraken.createOrder(SYMBOL, "limit", "buy", 25, low, { clientOrderId: "peer-0002" })
    await kraken.cancelOrder(undefined, SYMBOL, { clientOrderId: "peer-0002" })
    assert.deepEqual(await kraken.fetchOpenOrders(SYMBOL), [])
  })
  await step("closed orders", async () => {
    const closed = await kraken.fetchClosedOrders(SYMBOL)
    const found = Object.fromEntries(closed.map(({ id, status }) => [id, status]))
    assert.deepEqual([found[resting.id], found[bought.id]], ["canceled", "closed"])
  })
  await step("own trades and ledger", async () => {
    const trades = await kraken.fetchMyTrades(SYMBOL)
    const own = trades.filter(({ order }) => order === bought.id)
    assert.equal(
      own.reduce((sum, { amount }) => sum + amount, 0),
      30
    )
    assert.equal(own[0].takerOrMaker, "taker")
    assert.ok((await kraken.fetchLedger("USD")).some(({ referenceId }) => referenceId === own[0].id))
  })
  await step("several orders at once, and their cancel", async () => {
    const order = { symbol: SYMBOL, type: "limit", side: "buy", amount: 25, price: low }
    const placed = await kraken.createOrders([order, order])
    assert.equal(placed.length, 2)
    const open = await kraken.fetchOpenOrders(SYMBOL)
    assert.equal(open.length, 2)
    await kraken.cancelOrders(
      open.map(({ id }) => id),
      SYMBOL
    )
    assert.deepEqual(await kraken.fetchOpenOrders(SYMBOL), [])
  })
  await step("cancel all, dead man's switch", async () => {
    await kraken.createOrder(SYMBOL, "limit", "buy", 25, low)
    await kraken.cancelAllOrders()
    assert.deepEqual(await kraken.fetchOpenOrders(SYMBOL), [])
    await kraken.cancelAllOrdersAfter(60_000)
    await kraken.cancelAllOrdersAfter(0)
  })
  await step("refusals, in Kraken's words", async () => {
    await assert.rejects(kraken.createOrder(SYMBOL, "limit", "buy", 1e7, low), ccxt.InsufficientFunds)
    await assert.rejects(kraken.createOrder(SYMBOL, "limit", "buy", 1, low), ccxt.InvalidOrder)
    await assert.rejects(kraken.cancelOrder("OABCDE-ABCDE-ABCDEF", SYMBOL), ccxt.OrderNotFound)
    const crossing = kraken.createOrder(SYMBOL, "limit", "buy", 25, low * 1.2, { postOnly: true })
    await assert.rejects(crossing, /EOrder:Post only order/)
  })

  await step("stream: ticker, tickers, best prices", async () => {
    const { ask, bid } = await kraken.watchTicker(SYMBOL)
    assert.ok(bid > 0 && bid < ask)
    assert.ok(SYMBOL in (await kraken.watchTickers([SYMBOL])))
    assert.ok(SYMBOL in (await kraken.watchBidsAsks([SYMBOL])))
  })
  await step("stream: trades and candles", async () => {
    assert.ok((await kraken.watchTrades(SYMBOL)).length > 0)
    assert.ok((await kraken.watchOHLCV(SYMBOL, "1m")).length > 0)
  })
  await step("stream: book", async () => {
    for (let i = 0; i < 20; i += 1) {
      const { asks, bids } = await kraken.watchOrderBook(SYMBOL, 10)
      assert.ok(bids.length === 10 && asks.length === 10 && bids[0][0] < asks[0][0])
    }
  })
  await step("stream: checksums of the book, depth 10", () => checkBook(kraken, WebSocket, ready.wsUrl, SYMBOL, 10, 40))
  await step("stream: checksums of the book, depth 100", () =>
    checkBook(kraken, WebSocket, ready.wsUrl, "BTC/USD", 100, 40)
  )
  await step("stream: balances", async () => {
    const { USD } = await kraken.watchBalance()
    assert.ok(USD.total > 0 && USD.total < 1000)
  })

  const seen = []
  const listening = { on: true }
  const follow = async (watch) => {
    while (listening.on) seen.push(...(await watch()))
  }
  // without a symbol: reports after the first carry none, at Kraken as here, and ccxt tells only these listeners of them
  const orders = follow(() => kraken.watchOrders())
  const trades = follow(() => kraken.watchMyTrades(SYMBOL))
  const ends = Promise.allSettled([orders, trades])
  let streamed
  await step("stream order entry: limit post-only with a client id", async () => {
    streamed = await kraken.createOrderWs(SYMBOL, "limit", "buy", 25, low, {
      postOnly: true,
      clientOrderId: "peer-0003"
    })
    assert.match(streamed.id, /^O/)
    assert.equal(streamed.clientOrderId, "peer-0003")
    await until("the order's report", () => seen.find(({ id, status }) => id === streamed.id && status === "open"))
  })
  await step("stream order entry: amend and cancel", async () => {
    await kraken.editOrderWs(streamed.id, SYMBOL, "limit", "buy", 27, low)
    assert.equal((await kraken.fetchOrder(streamed.id, SYMBOL)).amount, 27)
    await kraken.cancelOrderWs(streamed.id)
    await until("the report of its end", () =>
      seen.find(({ id, status }) => id === streamed.id && status === "canceled")
    )
  })
  await step("stream order entry: market order, own trade", async () => {
    const sold = await kraken.createOrderWs(SYMBOL, "market", "sell", 22)
    await until("the trade", () =>
      seen.find(({ amount, order, side }) => order === sold.id && side === "sell" && amount)
    )
    await until("its end", () => seen.find(({ id, status }) => id === sold.id && status === "closed"))
  })
  await step("stream order entry: cancel several, cancel all", async () => {
    const placed = [1, 2, 3].map(() => kraken.createOrderWs(SYMBOL, "limit", "buy", 25, low))
    const ids = (await Promise.all(placed)).map(({ id }) => id)
    await kraken.cancelOrdersWs(ids.slice(0, 2))
    await kraken.cancelAllOrdersWs()
    assert.deepEqual(await kraken.fetchOpenOrders(SYMBOL), [])
  })
  await step("stream order entry: refusals", async () => {
    await assert.rejects(kraken.createOrderWs(SYMBOL, "limit", "buy", 1e7, low), /EOrder:Insufficient funds/)
  })
  listening.on = false
  await kraken.close()
  await ends
}
