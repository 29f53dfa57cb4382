/**
 * The whole trading program on mock layers: nothing connects, no file is written, and market time stands still until it is
 * moved. This file plays the exchange: a price falls, the trader buys, the order is filled, the price comes back, the trader
 * has sold.
 *
 *   npm run example trader-on-mocks
 *
 * docs/library.md says what the parts are. The strategy is `strategy-dip.ts` beside this file.
 */
import { pathToFileURL } from "node:url"
import { Console, Effect, Either, Fiber, Logger } from "effect"
import { format, show } from "kraken-trader/domain/money/Fixed"
import * as Money from "kraken-trader/domain/money/Money"
import { ExchangeOrderId, ExecutionId, InstallationPrefix } from "kraken-trader/domain/order/Ids"
import type { Order } from "kraken-trader/domain/order/Order"
import type { FillReport, StatusReport } from "kraken-trader/domain/order/Report"
import { MockKrakenRestControl } from "kraken-trader/layers/mock/MockKrakenRest"
import { MockKrakenStreamControl } from "kraken-trader/layers/mock/MockKrakenStream"
import { MockMarketClockControl } from "kraken-trader/layers/mock/MockMarketClock"
import { MockStoreControl } from "kraken-trader/layers/mock/MockStore"
import { mockWorld } from "kraken-trader/layers/mock/mockWorld"
import { freeBalance, openExchange, quoteAt } from "kraken-trader/layers/mock/openExchange"
import { trade } from "kraken-trader/programs/trade/trade"
import { MarketClock } from "kraken-trader/services/Clock"
import { StopSignal } from "kraken-trader/services/StopSignal"
import dip from "./strategy-dip.ts"

const strategy = Either.getOrThrow(dip.make({ fallPct: 2 }))
const START = Date.UTC(2026, 0, 5, 12)
/** Of the exchange that answers here. */
const MAKER_FEE = Money.rate("0.0025")

/** Two hours at 0.1 dollars, in candles of five minutes: the strategy looks for a fall from there. */
const candles = Array.from({ length: 24 }, (_, i) => {
  const at = START - (24 - i) * 300_000
  return { at, open: 0.1, high: 0.1, low: 0.1, close: 0.1, volume: 1000 }
})

/** What the script keeps of the exchange: a price, two balances, and the one order that rests, if any. */
interface Exchange {
  bid: Money.Price
  usd: bigint
  xlm: bigint
  resting: Order | undefined
}

const exchangeIdOf = (order: Order): ExchangeOrderId => ExchangeOrderId(`O-${order.id}`)

/** What the exchange says of an order. */
const statusOf = (order: Order, status: "open" | "filled", at: number): StatusReport => ({
  _tag: "Status",
  source: "stream",
  exchangeId: exchangeIdOf(order),
  clientId: order.id,
  symbol: order.symbol,
  side: order.side,
  status,
  quantity: order.quantity,
  limitPrice: order.limitPrice,
  cumQuantity: status === "filled" ? order.quantity : Money.zeroQuantity,
  at
})

/** One execution of all of it, at its limit, as maker. */
const fillOf = (order: Order, at: number): FillReport => {
  const cost = Money.notional(order.limitPrice, order.quantity, "nearest")
  return {
    _tag: "Fill",
    source: "stream",
    executionId: ExecutionId(`T-${order.id}`),
    exchangeId: exchangeIdOf(order),
    clientId: order.id,
    symbol: order.symbol,
    side: order.side,
    price: order.limitPrice,
    quantity: order.quantity,
    cost,
    fee: Money.portion(cost, MAKER_FEE, "nearest"),
    feeAsset: "USD",
    liquidity: "maker",
    at
  }
}

export const example: Effect.Effect<void> = Effect.gen(function* () {
  const rest = yield* MockKrakenRestControl
  const stream = yield* MockKrakenStreamControl
  const hand = yield* MockMarketClockControl
  const records = yield* MockStoreControl
  const clock = yield* MarketClock
  const stop = yield* StopSignal
  const say = (text: string) => Console.log(`${new Date(clock.unsafeNow()).toISOString().slice(11, 19)}  ${text}`)

  // ---- an exchange that is open and in order: what a start asks for ------------------------------------------------
  const exchange: Exchange = { bid: Money.price("0.0999"), usd: Money.usd("98.82"), xlm: 0n, resting: undefined }
  const quote = () => quoteAt(exchange.bid, clock.unsafeNow())
  yield* openExchange({
    quote,
    balances: () => [freeBalance("ZUSD", exchange.usd), freeBalance("XXLM", exchange.xlm)],
    openOrders: () =>
      exchange.resting === undefined
        ? []
        : [{ report: statusOf(exchange.resting, "open", clock.unsafeNow()), tradeIds: [], orderType: "limit" }],
    candles
  })
  // Every order is accepted. Its intent is in the records before it comes here: that is where the script looks it up.
  const accept = Effect.gen(function* () {
    const { orders } = yield* records.contents
    exchange.resting = orders.find((order) => order.status === "pending")
    const order = exchange.resting
    return order === undefined
      ? ({ _tag: "Rejected", why: "other", text: "there is no such intent" } as const)
      : ({ _tag: "Accepted", exchangeId: exchangeIdOf(order) } as const)
  })
  yield* rest.always("addOrder", accept)

  // ---- the trader ------------------------------------------------------------------------------------------------------
  const trader = yield* Effect.fork(Effect.scoped(trade({ strategy })))
  // a start that is refused ends the story here, with the reason
  yield* Effect.raceFirst(stream.publicRunning, Effect.asVoid(Fiber.join(trader)))
  yield* stream.privateRunning
  yield* stream.tellPublic({ _tag: "PublicUp" })
  yield* stream.tellPublic({ _tag: "SystemSeen", status: "online" })
  yield* stream.tellPrivate({ _tag: "PrivateUp", openOrders: [], at: START })
  yield* say("the trader runs")

  // ---- the script: a market second at a time, until something has happened ----------------------------------------
  const secondsUntil = (what: string, happened: Effect.Effect<boolean>) =>
    Effect.gen(function* () {
      for (let second = 0; second < 300; second++) {
        if (yield* happened) return
        yield* hand.advance(1000)
        yield* stream.tellPublic({ _tag: "QuoteSeen", quote: quote() })
        // the trader's fibers have their turn
        yield* Effect.sleep("2 millis")
      }
      return yield* Effect.dieMessage(`five minutes passed without ${what}`)
    })
  const resting = Effect.sync(() => exchange.resting !== undefined)
  const fill = Effect.gen(function* () {
    const order = exchange.resting
    if (order === undefined) return yield* Effect.dieMessage("nothing rests")
    const at = clock.unsafeNow()
    const report = fillOf(order, at)
    const sign = order.side === "buy" ? 1n : -1n
    exchange.resting = undefined
    exchange.xlm += sign * report.quantity
    exchange.usd -= sign * report.cost + report.fee
    yield* stream.tellPrivate({ _tag: "Reports", reports: [report, statusOf(order, "filled", at)], snapshot: false })
    yield* say(`the exchange fills the ${order.side} of ${show(order.quantity)} XLM at ${show(order.limitPrice)}`)
  })

  exchange.bid = Money.price("0.0975")
  yield* say("the price falls to 0.0975")
  yield* secondsUntil("an entry", resting)
  yield* say(`the trader buys: ${exchange.resting?.reason}`)
  yield* fill
  yield* secondsUntil("an exit", resting)
  yield* say(`the trader offers what it holds at ${show(exchange.resting?.limitPrice ?? 0n)}`)
  exchange.bid = Money.price("0.0988")
  yield* say("the price comes back to 0.0988")
  yield* fill
  yield* secondsUntil(
    "a closed trade",
    Effect.map(records.contents, ({ closedTrades }) => closedTrades.length > 0)
  )
  const { closedTrades } = yield* records.contents
  for (const { outcome, profit } of closedTrades)
    yield* say(`the books: ${outcome}, ${format(profit, 4)} USD after fees`)

  yield* stop.request("the story is over")
  const { held, reason } = yield* Fiber.join(trader)
  yield* say(`the trader stopped: ${reason}; it holds ${held.length === 0 ? "nothing" : held.join(", ")}`)
}).pipe(
  Effect.orDie,
  Effect.provide([
    // the world: all mock layers that `trade` stands on. Another layer in the place of one of them: see own-alerts.ts
    mockWorld({ start: START, prefix: InstallationPrefix("mock-") }),
    // the trader logs much; here the script speaks
    Logger.remove(Logger.defaultLogger)
  ])
)

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await Effect.runPromise(example)
