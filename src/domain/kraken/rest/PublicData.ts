/** Results of the public endpoints. */
import { Either, Option, Schema } from "effect"
import type { Candle, PublicTrade, Quote, SystemStatus } from "../../market/Market.ts"
import { makeCandle, makeQuote } from "../../market/Market.ts"
import type { PairSymbol } from "../../market/Instrument.ts"
import type { EpochMs } from "../../Time.ts"
import type { Price, Quantity } from "../../money/Money.ts"
import * as Money from "../../money/Money.ts"
import { PayloadError } from "../Envelope.ts"
import { Amount, Count, decoder, Double, mapOf, onlyPair, Seconds } from "./fields.ts"

type Decoded<A> = Either.Either<A, PayloadError>

/** `Time`: whole seconds. */
const Time = decoder(Schema.Struct({ unixtime: Seconds }))
export const decodeTime = (result: unknown): Decoded<EpochMs> => Either.map(Time(result), (r) => r.unixtime)

const STATUSES: ReadonlySet<string> = new Set<SystemStatus>([
  "online",
  "maintenance",
  "cancel_only",
  "post_only",
  "limit_only"
])
const isStatus = (text: string): text is SystemStatus => STATUSES.has(text)

const System = decoder(Schema.Struct({ status: Schema.String }))
export const decodeSystemStatus = (result: unknown): Decoded<SystemStatus> =>
  Either.map(System(result), ({ status }) => (isStatus(status) ? status : "unknown"))

const Level = Schema.Tuple([Amount, Amount], Schema.Unknown)
/** Price, whole-lot volume, lot volume. */
const Best = Schema.Tuple([Amount, Amount, Amount], Schema.Unknown)
const Ticker = decoder(mapOf(Schema.Struct({ a: Best, b: Best, c: Level })))

/** `Ticker` carries no time of its own: `at` is when it arrived. The quote is `undefined` if it is crossed, locked or zero. */
export const decodeTicker = (
  result: unknown,
  symbol: PairSymbol,
  at: EpochMs
): Decoded<{ readonly quote: Quote | undefined; readonly last: Price }> =>
  Either.map(Either.flatMap(Ticker(result), onlyPair), ({ a, b, c }) => ({
    quote: Option.getOrUndefined(
      makeQuote({
        symbol,
        bid: Money.Price(b[0]),
        bidQuantity: Money.Quantity(b[2]),
        ask: Money.Price(a[0]),
        askQuantity: Money.Quantity(a[2]),
        at
      })
    ),
    last: Money.Price(c[0])
  }))

/** Start, open, high, low, close, volume-weighted average, volume, number of trades. */
const Bar = Schema.Tuple([Seconds, Double, Double, Double, Double, Double, Double], Schema.Unknown)
const Ohlc = decoder(mapOf(Schema.Unknown))
const Bars = decoder(Schema.Array(Bar))
const Last = decoder(Seconds)

/**
 * `OHLC`, oldest first. The last row is the running bar; `last` names the newest finished one, so what is later than that
 * is dropped. A bar whose numbers make no sense is an error, not a gap: indicators count bars.
 */
export const decodeOhlc = (result: unknown): Decoded<ReadonlyArray<Candle>> =>
  Either.gen(function* () {
    const table = yield* Ohlc(result)
    const last = yield* Last(table["last"])
    const rows = yield* Either.flatMap(onlyPair(table), Bars)
    const candles: Array<Candle> = []
    const listed = rows.findLastIndex(([, open, , low]) => open === 0 || low === 0) + 1
    for (const [at, open, high, low, close, , volume] of rows.slice(listed)) {
      if (at > last) continue
      const candle = makeCandle({ at, open, high, low, close, volume })
      if (Option.isNone(candle)) return yield* Either.left(new PayloadError({ detail: "a candle makes no sense" }))
      candles.push(candle.value)
    }
    return candles.toSorted((a, b) => a.at - b.at)
  })

type Levels = ReadonlyArray<readonly [Price, Quantity]>
const Depth = decoder(mapOf(Schema.Struct({ asks: Schema.Array(Level), bids: Schema.Array(Level) })))
const levels = (rows: ReadonlyArray<readonly [bigint, bigint, ...ReadonlyArray<unknown>]>): Levels =>
  rows.map(([price, quantity]) => [Money.Price(price), Money.Quantity(quantity)])

export const decodeDepth = (result: unknown): Decoded<{ readonly bids: Levels; readonly asks: Levels }> =>
  Either.map(Either.flatMap(Depth(result), onlyPair), ({ asks, bids }) => ({ bids: levels(bids), asks: levels(asks) }))

/** Price, volume, time, taker's side, market or limit, miscellaneous, trade id. */
const Trade = Schema.Tuple(
  [Amount, Amount, Seconds, Schema.Literal("b", "s"), Schema.String, Schema.String, Count],
  Schema.Unknown
)
const Trades = decoder(mapOf(Schema.Unknown))
const TradeRows = decoder(Schema.Array(Trade))

/** `Trades`, oldest first as sent. */
export const decodeTrades = (result: unknown, symbol: PairSymbol): Decoded<ReadonlyArray<PublicTrade>> =>
  Either.map(Either.flatMap(Either.flatMap(Trades(result), onlyPair), TradeRows), (rows) =>
    rows.map(([price, quantity, at, side, , , tradeId]) => ({
      symbol,
      side: side === "b" ? "buy" : "sell",
      price: Money.Price(price),
      quantity: Money.Quantity(quantity),
      tradeId,
      at
    }))
  )
