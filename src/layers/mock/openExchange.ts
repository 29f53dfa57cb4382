/**
 * Answers of an exchange that is open and in order, for `MockKrakenRest`: with them a start of the trading program goes
 * through. What becomes of orders (`addOrder`, `amendOrder`, `cancelOrder`, reports on the stream) stays the test's to say.
 */
import { Effect } from "effect"
import type { Instrument } from "../../domain/market/Instrument.ts"
import { PairSymbol } from "../../domain/market/Instrument.ts"
import type { Candle, Quote } from "../../domain/market/Market.ts"
import * as Money from "../../domain/money/Money.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { AssetBalance, FeeRates, OrderRecord } from "../../services/KrakenRest.ts"
import { MockKrakenRestControl } from "./MockKrakenRest.ts"

/** What the account and the market are at the moment of a call: functions are asked anew for every answer. */
export interface OpenExchange {
  readonly instruments: ReadonlyArray<Instrument>
  /** For every pair. */
  readonly fees: FeeRates
  readonly quote: () => Quote
  readonly balances: () => ReadonlyArray<AssetBalance>
  /** Own orders that rest. */
  readonly openOrders: () => ReadonlyArray<OrderRecord>
  /** Finished candles, oldest first, whatever the interval. */
  readonly candles: ReadonlyArray<Candle>
}

/** XLM/USD as Kraken describes it. */
export const mockInstrument: Instrument = {
  symbol: PairSymbol("XLM/USD"),
  restId: "XXLMZUSD",
  altname: "XLMUSD",
  base: "XLM",
  quote: "USD",
  baseId: "XXLM",
  quoteId: "ZUSD",
  priceDecimals: 6,
  quantityDecimals: 8,
  costDecimals: 8,
  baseDecimals: 8,
  quoteDecimals: 4,
  tickSize: Money.price("0.000001"),
  minQuantity: Money.quantity("20"),
  minCost: Money.usd("0.5"),
  status: "online"
}

/** All of it free, at scale 10^-12. `assetId` as REST names it: `ZUSD`, `XXLM`. */
export const freeBalance = (assetId: string, balance: bigint): AssetBalance => ({
  assetId,
  balance,
  hold: 0n,
  available: balance
})

/** A quote of XLM/USD, 5000 XLM on either side. */
export const quoteAt = (bid: Money.Price, at: EpochMs, spread: Money.Price = Money.price("0.0001")): Quote => ({
  symbol: mockInstrument.symbol,
  bid,
  bidQuantity: Money.quantity("5000"),
  ask: Money.Price(bid + spread),
  askQuantity: Money.quantity("5000"),
  at
})

/** What a trading key may; Kraken's own names. */
const permissions = [
  "query-funds",
  "query-open-trades",
  "query-closed-trades",
  "modify-trades",
  "close-trades",
  "query-ledger",
  "create-ws-token"
]

/**
 * Sets the answers. Unless told otherwise: XLM/USD at 0.1, fees of 0.25 and 0.4 %, 98.82 USD, nothing that rests, no candles.
 * Time is the market clock's; the dead man's switch fires a minute after it was armed, whatever was asked for.
 */
export const openExchange = (
  changes: Partial<OpenExchange> = {}
): Effect.Effect<void, never, MockKrakenRestControl | MarketClock> =>
  Effect.gen(function* () {
    const rest = yield* MockKrakenRestControl
    const clock = yield* MarketClock
    const exchange: OpenExchange = {
      instruments: [mockInstrument],
      fees: { maker: Money.rate("0.0025"), taker: Money.rate("0.004") },
      quote: () => quoteAt(Money.price("0.1"), clock.unsafeNow()),
      balances: () => [freeBalance("ZUSD", Money.usd("98.82"))],
      openOrders: () => [],
      candles: [],
      ...changes
    }
    const key = { name: "mock", permissions, nonce: 1n, nonceWindow: 0n, ipAllowlist: ["192.0.2.1"] }
    const ticker = Effect.sync(() => {
      const quote = exchange.quote()
      return { quote, last: quote.bid }
    })
    const volume = new Map(exchange.instruments.map(({ symbol }) => [symbol, exchange.fees] as const))
    yield* rest.always("time", clock.now)
    yield* rest.always("apiKeyInfo", Effect.succeed(key))
    yield* rest.always("instruments", Effect.succeed(exchange.instruments))
    yield* rest.always("ticker", ticker)
    yield* rest.always("ohlc", Effect.succeed(exchange.candles))
    yield* rest.always("validateOrder", Effect.void)
    yield* rest.always("tradeVolume", Effect.succeed(volume))
    yield* rest.always("balanceEx", Effect.sync(exchange.balances))
    yield* rest.always("openOrders", Effect.sync(exchange.openOrders))
    yield* rest.always(
      "cancelAllOrdersAfter",
      Effect.map(clock.now, (now) => ({ now, triggerAt: now + 60_000 }))
    )
  })
