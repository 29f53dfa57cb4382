/** Public frames of Kraken's WebSocket v2, read whole or refused: nothing that is not understood becomes a quote (I18). */
import { Either, Option } from "effect"
import type { Candle, PublicTrade, Quote, SystemStatus } from "../../market/Market.ts"
import { makeCandle, makeQuote } from "../../market/Market.ts"
import { PairSymbol } from "../../market/Instrument.ts"
import * as Fixed from "../../money/Fixed.ts"
import * as Money from "../../money/Money.ts"
import type { EpochMs } from "../../Time.ts"
import { parseRfc3339 } from "../../Time.ts"
import type { FrameType, OhlcRow, StatusRow, TickerRow, TradeRow } from "./PublicWire.ts"
import { isOhlcFrame, isRecord, isStatusFrame, isTickerFrame, isTradeFrame } from "./PublicWire.ts"
import type { Reply } from "./Reply.ts"
import { decodeReply } from "./Reply.ts"

/** A ticker row: the quote, or what is left when there is none to trust. */
export interface Tick {
  readonly symbol: PairSymbol
  readonly at: EpochMs
  readonly quote: Option.Option<Quote>
}

/** A bar as far as it has come; final only once a later one begins. */
export interface RunningCandle {
  readonly symbol: PairSymbol
  readonly intervalMinutes: number
  readonly candle: Candle
}

export interface MalformedFrame {
  readonly _tag: "Malformed"
  /** Short and stable: what was wrong, in which channel. */
  readonly kind: string
}

export type PublicFrame =
  | { readonly _tag: "Heartbeat" }
  | { readonly _tag: "Status"; readonly status: SystemStatus; readonly maintenanceAt: EpochMs | undefined }
  | { readonly _tag: "Ticker"; readonly type: FrameType; readonly ticks: ReadonlyArray<Tick> }
  | { readonly _tag: "Trades"; readonly type: FrameType; readonly trades: ReadonlyArray<PublicTrade> }
  | { readonly _tag: "Candles"; readonly type: FrameType; readonly candles: ReadonlyArray<RunningCandle> }
  | Reply
  | MalformedFrame

export const malformed = (kind: string): MalformedFrame => ({ _tag: "Malformed", kind })

/** A channel or method name for a message kind: short, whatever was sent. */
export const nameOf = (value: unknown): string => (typeof value === "string" ? value.slice(0, 32) : "none")

/** A double as fixed-point, by its shortest text: exact for up to 15 digits. `undefined` for absent and out of range. */
const fixed = (value: number | null | undefined): bigint | undefined =>
  value === null || value === undefined ? undefined : Either.getOrUndefined(Fixed.parse(String(value)))

const tick = (row: TickerRow, arrived: EpochMs): Option.Option<Tick> =>
  Option.map(row.timestamp === undefined ? Option.some(arrived) : parseRfc3339(row.timestamp), (at) => {
    const symbol = PairSymbol(row.symbol)
    const bid = fixed(row.bid)
    const ask = fixed(row.ask)
    const bidQuantity = fixed(row.bid_qty)
    const askQuantity = fixed(row.ask_qty)
    return {
      symbol,
      at,
      quote:
        bid === undefined || ask === undefined || bidQuantity === undefined || askQuantity === undefined
          ? Option.none()
          : makeQuote({
              symbol,
              bid: Money.Price(bid),
              bidQuantity: Money.Quantity(bidQuantity),
              ask: Money.Price(ask),
              askQuantity: Money.Quantity(askQuantity),
              at
            })
    }
  })

const trade = (row: TradeRow): Option.Option<PublicTrade> =>
  Option.flatMap(parseRfc3339(row.timestamp), (at) => {
    const price = fixed(row.price)
    const quantity = fixed(row.qty)
    return price !== undefined && price > 0n && quantity !== undefined && quantity > 0n
      ? Option.some({
          symbol: PairSymbol(row.symbol),
          side: row.side,
          price: Money.Price(price),
          quantity: Money.Quantity(quantity),
          tradeId: row.trade_id,
          at
        })
      : Option.none()
  })

const candle = (row: OhlcRow): Option.Option<RunningCandle> =>
  // A bar of no length would be over before it began.
  Option.flatMap(row.interval > 0 ? parseRfc3339(row.interval_begin) : Option.none(), (at) =>
    Option.map(
      makeCandle({ at, open: row.open, high: row.high, low: row.low, close: row.close, volume: row.volume }),
      (sound) => ({ symbol: PairSymbol(row.symbol), intervalMinutes: row.interval, candle: sound })
    )
  )

const known: ReadonlySet<string> = new Set(["online", "maintenance", "cancel_only", "post_only", "limit_only"])
const isKnown = (system: string): system is SystemStatus => known.has(system)

/** `system` of a status frame; unheard-of states are `unknown`, in which nothing is entered. */
export const systemStatus = (system: string): SystemStatus => (isKnown(system) ? system : "unknown")

/** How deep a notice is looked into: further than any shape that makes sense, and no further than a stack holds. */
const NOTICE_DEPTH = 16

/**
 * The earliest time written anywhere in a maintenance notice, not too deep; its shape is not documented, so every text is
 * tried.
 */
export const maintenanceTime = (notice: unknown, depth = NOTICE_DEPTH): EpochMs | undefined => {
  if (typeof notice === "string") return Option.getOrUndefined(parseRfc3339(notice))
  if (typeof notice !== "object" || notice === null || depth === 0) return undefined
  return Object.values(notice).reduce<EpochMs | undefined>((earliest, inner) => {
    const time = maintenanceTime(inner, depth - 1)
    return earliest === undefined || (time !== undefined && time < earliest) ? time : earliest
  }, undefined)
}

const status = (row: StatusRow): PublicFrame => ({
  _tag: "Status",
  status: systemStatus(row.system),
  maintenanceAt: maintenanceTime(row.upcoming_maintenance)
})

const parseJson = (text: string): Option.Option<unknown> => {
  try {
    return Option.some(JSON.parse(text))
  } catch {
    return Option.none()
  }
}

/** Every row, or nothing. */
const rows = <Row, A>(
  data: ReadonlyArray<Row>,
  read: (row: Row) => Option.Option<A>
): Option.Option<ReadonlyArray<A>> => Option.all(data.map(read))

/** Reads one public frame. `arrived` is the market time that stands in for a ticker's stamp where it has none. */
export const decodePublic = (text: string, arrived: EpochMs): PublicFrame => {
  const parsed = parseJson(text)
  if (Option.isNone(parsed)) return malformed("not JSON")
  const frame = parsed.value
  if (!isRecord(frame)) return malformed("not an object")
  const channel = frame["channel"]
  switch (channel) {
    case "ticker":
      if (!isTickerFrame(frame)) return malformed("ticker")
      return Option.match(
        rows(frame.data, (row) => tick(row, arrived)),
        {
          onNone: () => malformed("ticker time"),
          onSome: (ticks) => ({ _tag: "Ticker", type: frame.type, ticks })
        }
      )
    case "heartbeat":
      return { _tag: "Heartbeat" }
    case "trade":
      if (!isTradeFrame(frame)) return malformed("trade")
      return Option.match(rows(frame.data, trade), {
        onNone: () => malformed("trade values"),
        onSome: (trades) => ({ _tag: "Trades", type: frame.type, trades })
      })
    case "ohlc":
      if (!isOhlcFrame(frame)) return malformed("ohlc")
      return Option.match(rows(frame.data, candle), {
        onNone: () => malformed("ohlc values"),
        onSome: (candles) => ({ _tag: "Candles", type: frame.type, candles })
      })
    case "status": {
      const row = isStatusFrame(frame) ? frame.data.at(-1) : undefined
      return row === undefined ? malformed("status") : status(row)
    }
    default:
      return decodeReply(frame) ?? malformed(`channel ${nameOf(channel)}`)
  }
}
