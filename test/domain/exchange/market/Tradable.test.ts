import { assert, describe, it } from "@effect/vitest"
import { defaultConfig, tradingPermissions } from "../../../../src/domain/exchange/Config.ts"
import * as Exchange from "../../../../src/domain/exchange/Exchange.ts"
import { initial } from "../../../../src/domain/exchange/Initial.ts"
import { generated } from "../../../../src/domain/exchange/market/Generated.ts"
import { view } from "../../../../src/domain/exchange/View.ts"
import { number, START, XLM } from "./support.ts"

const MINUTE = 60_000

/** Buys passively 0.9 % below the hour's mean, sells passively 0.8 % above what it paid; tells the minutes in which both were filled. */
const tradeOnce = (seed: number): { readonly bought: number | undefined; readonly sold: number | undefined } => {
  const source = generated({ seed, listings: [XLM], start: START })
  const key = { apiKey: "k", permissions: tradingPermissions, nonceWindow: 0n }
  let state = initial({ ...defaultConfig, keys: [key], history: source.history }, START)
  let position = source.initial
  let nonce = 0
  const order = (type: string, price: number, now: number): void => {
    nonce += 1
    const params = {
      nonce: String(nonce),
      pair: "XLMUSD",
      type,
      ordertype: "limit",
      oflags: "post",
      volume: "60",
      price: price.toFixed(6)
    }
    const answered = Exchange.privateCall(
      state,
      "k",
      { endpoint: "AddOrder", params: new Map(Object.entries(params)) },
      now
    )
    state = answered.state
    assert.include(answered.reply.body, "txid")
  }
  const closes = source.history(XLM.symbol, 1).map((bar) => bar.close)
  let [bought, sold]: Array<number | undefined> = []
  for (let second = 1; second <= 3600; second += 1) {
    const now = START + second * 1000
    const next = source.advance(position, now)
    position = next.state
    state = Exchange.market(state, next.events, now).state
    const { fills, open, orders } = view(state)
    const { ask, bid } = Exchange.best(state, XLM.symbol)
    const mean = closes.slice(-60).reduce((a, b) => a + b, 0) / 60
    if (orders.length === 0 && number(ask!) < mean * 0.991) order("buy", number(bid!), now)
    else if (open.length === 0 && orders.length === 1) {
      bought ??= Math.ceil((second * 1000) / MINUTE)
      order("sell", number(fills[0]!.price) * 1.008, now)
    } else if (open.length === 0 && orders.length === 2) sold ??= Math.ceil((second * 1000) / MINUTE)
    if ((now - START) % MINUTE === 0) closes.push(number(bid!))
  }
  return { bought, sold }
}

describe("the default market", () => {
  it("lets a passive buyer in within the first ten minutes, and out with a gain within the hour", () => {
    const { bought, sold } = tradeOnce(1)
    assert.isDefined(bought)
    assert.isAtMost(bought!, 10)
    assert.isDefined(sold)
  })

  it("does so with most seeds, but is no gift with all of them", () => {
    const trades = [2, 3, 4, 5, 6, 7, 8, 9].map(tradeOnce)
    assert.isAtLeast(trades.filter((trade) => (trade.bought ?? 99) <= 10).length, 6)
    assert.isAtLeast(trades.filter((trade) => trade.sold !== undefined).length, 4)
  })
})
