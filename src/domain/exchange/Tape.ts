/** Public trades: every execution, ours and the outside world's, prints here and feeds candles and tickers. */
import * as Candles from "./Candles.ts"
import type { PairSymbol } from "../market/Instrument.ts"
import type { Price, Quantity } from "../money/Money.ts"
import type { Draft } from "./Draft.ts"
import { marketOf, putMarket } from "./Draft.ts"
import * as Log from "./Log.ts"
import type { OrderType, Print, Side } from "./State.ts"
import { publishPrint } from "./ws/MarketData.ts"

const PRINTS_KEPT = 1000

/** Prints a trade and gives its number, one more than the pair's last. */
export const print = (
  d: Draft,
  symbol: PairSymbol,
  price: Price,
  quantity: Quantity,
  side: Side,
  type: OrderType
): number => {
  const market = marketOf(d.state, symbol)
  const id = market.tradeId + 1
  const entry: Print = { id, at: d.state.now, price, quantity, side, type }
  const next = {
    ...market,
    tradeId: id,
    prints: Log.appendBounded(market.prints, entry, PRINTS_KEPT),
    candles: Candles.add(market.candles, d.state.now, Number(price) / 1e12, Number(quantity) / 1e12)
  }
  putMarket(d, next)
  publishPrint(d, next, entry)
  return id
}
