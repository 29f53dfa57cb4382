/** The pair, its opening book, and what the market does in an episode: the same events whatever anybody sends. */
import type { MarketEvent } from "../../src/domain/exchange/Boundary.ts"
import { defaultPairs } from "../../src/domain/exchange/Config.ts"
import type { Instrument } from "../../src/domain/market/Instrument.ts"
import type { Quote } from "../../src/domain/market/Market.ts"
import type { Price } from "../../src/domain/money/Money.ts"
import * as Money from "../../src/domain/money/Money.ts"
import type { Draw } from "./Draw.ts"

/** XLM/USD, as Kraken lists it. */
export const pair: Instrument = defaultPairs[0]!

const BID = Money.price("0.16")
const ASK = Money.price("0.1601")
/** While the spread is crossed against us, the ask stands at our limit. */
const LOW_BID = Money.price("0.1599")
/** A print that goes through a bid at the opening price. */
const THROUGH = Money.price("0.15985")
const SIZE = Money.quantity("100000")
/** The print that fills a part: two fifths of the ambiguous order. */
const part = (draw: Draw): Money.Quantity => Money.Quantity((Money.quantity(String(draw.quantities[0])) * 2n) / 5n)

const quoteEvent = (at: number, bid: Price, ask: Price): MarketEvent => ({
  _tag: "Quote",
  symbol: pair.symbol,
  at,
  bids: [[bid, SIZE]],
  asks: [[ask, SIZE]]
})

const sale = (at: number, quantity: Money.Quantity): MarketEvent => ({
  _tag: "Trade",
  symbol: pair.symbol,
  at,
  price: THROUGH,
  quantity,
  side: "sell"
})

/** The opening quote, then the draw's events, at instants from `start` on. */
export const marketEvents = (draw: Draw, start: number): ReadonlyArray<MarketEvent> => {
  const opening = quoteEvent(start - 1000, BID, ASK)
  switch (draw.market) {
    case "filled soon":
      return [opening, ...Array.from({ length: 24 }, (_, i) => sale(start + 200 + i * 1000, SIZE))]
    case "partly filled":
      return [opening, sale(start + draw.marketAt, part(draw))]
    case "filled later":
      return [opening, sale(start + draw.marketAt, SIZE)]
    case "crossed":
      return [opening, quoteEvent(start + 5, LOW_BID, BID), quoteEvent(start + draw.marketAt, BID, ASK)]
    default:
      return [opening]
  }
}

/** The quote that a strategy sees. The one before the crossing is what the ambiguous send was decided on. */
export const quoteAt = (draw: Draw, start: number, now: number): Quote => {
  const crossed = draw.market === "crossed" && now >= start + 5 && now < start + draw.marketAt
  return {
    symbol: pair.symbol,
    bid: crossed ? LOW_BID : BID,
    bidQuantity: SIZE,
    ask: crossed ? BID : ASK,
    askQuantity: SIZE,
    at: now
  }
}
