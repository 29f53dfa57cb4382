/** Public channels: ticker, book, trade, ohlc, instrument. */
import type { Instrument, PairSymbol } from "../../market/Instrument.ts"
import { Price, zeroQuantity } from "../../money/Money.ts"
import type { EpochMs } from "../../Time.ts"
import { DAY_MS } from "../../Time.ts"
import type { Bar } from "../Boundary.ts"
import { better, bestOf, view } from "../Book.ts"
import * as Candles from "../Candles.ts"
import { checksum } from "../Checksum.ts"
import type { Draft } from "../Draft.ts"
import { marketOf } from "../Draft.ts"
import type { OutRecord } from "../Json.ts"
import { num } from "../Json.ts"
import * as Log from "../Log.ts"
import type { ExchangeState, Level, Market, Print, Side } from "../State.ts"
import { deliver } from "./Deliver.ts"
import { amount, double, message, micros, nanos } from "./Text.ts"

export interface Sides {
  readonly bids: ReadonlyArray<Level>
  readonly asks: ReadonlyArray<Level>
}

export const sides = (state: ExchangeState, market: Market, depth: number): Sides => ({
  bids: view(state, market, "buy", depth),
  asks: view(state, market, "sell", depth)
})

const same = (a: ReadonlyArray<Level>, b: ReadonlyArray<Level>): boolean =>
  a.length === b.length && a.every(([price, quantity], i) => price === b[i]?.[0] && quantity === b[i]?.[1])

/** What changed on one shown side. A level that only fell out of the depth gets no deletion. */
export const changes = (
  side: Side,
  before: ReadonlyArray<Level>,
  after: ReadonlyArray<Level>,
  depth: number
): ReadonlyArray<Level> => {
  if (same(before, after)) return []
  const known = new Map(before)
  const shown = new Map(after)
  const edge = after[depth - 1]?.[0]
  const gone = before.filter(([price]) => !shown.has(price) && (edge === undefined || better(side, price, edge)))
  return [
    ...gone.map(([price]): Level => [price, zeroQuantity]),
    ...after.filter(([price, quantity]) => known.get(price) !== quantity)
  ]
}

export const bookMessage = (
  rules: Instrument,
  type: "snapshot" | "update",
  told: Sides,
  book: Sides,
  now: EpochMs
): string => {
  const rows = (levels: ReadonlyArray<Level>): ReadonlyArray<OutRecord> =>
    levels.map(([price, quantity]) => ({
      price: amount(price, rules.priceDecimals),
      qty: amount(quantity, rules.quantityDecimals)
    }))
  const data = {
    symbol: rules.symbol,
    bids: rows(told.bids),
    asks: rows(told.asks),
    checksum: checksum(book.asks, book.bids, rules.priceDecimals, rules.quantityDecimals),
    timestamp: micros(now)
  }
  return message("book", type, [data])
}

const nobody: Level = [Price(0n), zeroQuantity]

export const tickerMessage = (state: ExchangeState, market: Market, type: "snapshot" | "update"): string => {
  const { rules } = market
  const [bid, bidQuantity] = bestOf(state, market, "buy") ?? nobody
  const [ask, askQuantity] = bestOf(state, market, "sell") ?? nobody
  const day = Candles.since(market.candles, state.now - DAY_MS) ?? Candles.nothing
  const change = day.last - day.open
  const row: OutRecord = {
    symbol: rules.symbol,
    bid: amount(bid, rules.priceDecimals),
    bid_qty: amount(bidQuantity, rules.quantityDecimals),
    ask: amount(ask, rules.priceDecimals),
    ask_qty: amount(askQuantity, rules.quantityDecimals),
    last: double(day.last, rules.priceDecimals),
    volume: double(day.volume, rules.quantityDecimals),
    vwap: double(day.vwap, rules.priceDecimals),
    low: double(day.low, rules.priceDecimals),
    high: double(day.high, rules.priceDecimals),
    change: double(change, rules.priceDecimals),
    change_pct: double(day.open > 0 ? (change / day.open) * 100 : 0, 2),
    trades: day.count,
    timestamp: micros(state.now)
  }
  return message("ticker", type, [row])
}

const printRow = (rules: Instrument, print: Print): OutRecord => ({
  symbol: rules.symbol,
  side: print.side,
  price: amount(print.price, rules.priceDecimals),
  qty: amount(print.quantity, rules.quantityDecimals),
  ord_type: print.type,
  trade_id: print.id,
  timestamp: micros(print.at)
})

/** The newest 50 trades, oldest first. */
export const tradesSnapshot = (market: Market): string =>
  message(
    "trade",
    "snapshot",
    Log.last(market.prints, 50).map((print) => printRow(market.rules, print))
  )

const barRow = (rules: Instrument, interval: number, bar: Bar): OutRecord => ({
  symbol: rules.symbol,
  open: double(bar.open, rules.priceDecimals),
  high: double(bar.high, rules.priceDecimals),
  low: double(bar.low, rules.priceDecimals),
  close: double(bar.close, rules.priceDecimals),
  vwap: double(bar.vwap, rules.priceDecimals),
  trades: bar.count,
  volume: double(bar.volume, rules.quantityDecimals),
  interval_begin: nanos(bar.time * 1000),
  interval,
  timestamp: micros((bar.time + interval * 60) * 1000)
})

export const candlesMessage = (
  market: Market,
  interval: number,
  type: "snapshot" | "update",
  count: number,
  now: EpochMs
): string =>
  message(
    "ohlc",
    type,
    Candles.rows(market.candles, interval)
      .slice(-count)
      .map((bar) => barRow(market.rules, interval, bar)),
    { timestamp: nanos(now) }
  )

const pairRow = (rules: Instrument): OutRecord => ({
  symbol: rules.symbol,
  base: rules.base,
  quote: rules.quote,
  status: rules.status,
  qty_precision: rules.quantityDecimals,
  // As Kraken writes the smallest steps: `1E-8`.
  qty_increment: num(`1E-${rules.quantityDecimals}`),
  price_precision: rules.priceDecimals,
  cost_precision: rules.costDecimals,
  marginable: false,
  has_index: true,
  cost_min: amount(rules.minCost, 2),
  tick_size: amount(rules.tickSize, rules.priceDecimals),
  price_increment: amount(rules.tickSize, rules.priceDecimals),
  qty_min: amount(rules.minQuantity, rules.quantityDecimals)
})

export const instrumentMessage = (
  state: ExchangeState,
  type: "snapshot" | "update",
  pairs: ReadonlyArray<Market>
): string =>
  message("instrument", type, {
    assets:
      type === "update"
        ? []
        : state.assets.map((asset) => ({
            id: asset.name,
            status: "enabled",
            precision: asset.decimals,
            precision_display: asset.displayDecimals,
            borrowable: false,
            collateral_value: num("0.00"),
            margin_rate: num("0.000000"),
            class: "currency"
          })),
    pairs: pairs.map((market) => pairRow(market.rules))
  })

/** Tells the subscribers of a pair's trades, candles and ticker of a print. */
export const publishPrint = (d: Draft, market: Market, print: Print): void => {
  if (d.state.sessions.size === 0) return
  const { symbol } = market.rules
  deliver(d, "trade", false, (subscription) =>
    subscription.symbol === symbol
      ? { text: message("trade", "update", [printRow(market.rules, print)]), next: subscription }
      : undefined
  )
  deliver(d, "ohlc", false, (subscription) =>
    subscription.symbol === symbol
      ? { text: candlesMessage(market, subscription.interval, "update", 1, print.at), next: subscription }
      : undefined
  )
  deliver(d, "ticker", false, (subscription) =>
    subscription.symbol === symbol && subscription.trigger === "trades"
      ? { text: tickerMessage(d.state, market, "update"), next: subscription }
      : undefined
  )
}

/** What a `bbo` subscription compares: best prices and sizes of both sides. */
export const bestText = (state: ExchangeState, market: Market): string =>
  `${bestOf(state, market, "buy")?.join("/")} ${bestOf(state, market, "sell")?.join("/")}`

/** Tells the subscribers of a pair's book, and of its best prices, what changed since they were last told. */
export const publishBook = (d: Draft, symbol: PairSymbol): void => {
  if (d.state.sessions.size === 0) return
  const market = marketOf(d.state, symbol)
  deliver(d, "book", false, (subscription) => {
    if (subscription.symbol !== symbol) return undefined
    const book = sides(d.state, market, subscription.depth)
    const told = {
      bids: changes("buy", subscription.bids, book.bids, subscription.depth),
      asks: changes("sell", subscription.asks, book.asks, subscription.depth)
    }
    if (told.bids.length === 0 && told.asks.length === 0) return undefined
    return {
      text: bookMessage(market.rules, "update", told, book, d.state.now),
      next: { ...subscription, ...book }
    }
  })
  deliver(d, "ticker", false, (subscription) => {
    if (subscription.symbol !== symbol || subscription.trigger !== "bbo") return undefined
    const shown = bestText(d.state, market)
    if (shown === subscription.shown) return undefined
    return { text: tickerMessage(d.state, market, "update"), next: { ...subscription, shown } }
  })
}
