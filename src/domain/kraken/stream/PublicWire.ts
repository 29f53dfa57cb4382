/**
 * The public data frames of Kraken's WebSocket v2 as they stand on the wire, with hand-written guards: a few nanoseconds a
 * frame, so that a burst of ticks costs parsing and nothing else. Doubles are exact for the digits Kraken sends here
 * (15 significant), and none of these numbers ever enters the books.
 */

/** `snapshot` frames repeat what was; `update` frames say what is new. */
export type FrameType = "snapshot" | "update"

export interface TickerRow {
  readonly symbol: string
  readonly bid?: number | null | undefined
  readonly bid_qty?: number | null | undefined
  readonly ask?: number | null | undefined
  readonly ask_qty?: number | null | undefined
  /** Absent in records of 2024. */
  readonly timestamp?: string | undefined
}
export interface TickerFrame {
  readonly channel: "ticker"
  readonly type: FrameType
  readonly data: ReadonlyArray<TickerRow>
}

export interface TradeRow {
  readonly symbol: string
  /** Of the taker. */
  readonly side: "buy" | "sell"
  readonly price: number
  readonly qty: number
  readonly trade_id: number
  readonly timestamp: string
}
export interface TradeFrame {
  readonly channel: "trade"
  readonly type: FrameType
  readonly data: ReadonlyArray<TradeRow>
}

export interface OhlcRow {
  readonly symbol: string
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
  /** RFC 3339 with nine fraction digits. */
  readonly interval_begin: string
  /** Minutes. */
  readonly interval: number
}
export interface OhlcFrame {
  readonly channel: "ohlc"
  readonly type: FrameType
  readonly data: ReadonlyArray<OhlcRow>
}

export interface StatusRow {
  readonly system: string
  /** Undocumented in its inner shape; any time found in it counts. */
  readonly upcoming_maintenance?: unknown
}
export interface StatusFrame {
  readonly channel: "status"
  readonly type: FrameType
  readonly data: ReadonlyArray<StatusRow>
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isText = (value: unknown): value is string => typeof value === "string"
/** `JSON.parse` reads `1e999` as infinity. */
const isFinite = (value: unknown): value is number => Number.isFinite(value)
const isMaybeFinite = (value: unknown): boolean => value === undefined || value === null || Number.isFinite(value)

const isTickerRow = (value: unknown): value is TickerRow =>
  isRecord(value) &&
  isText(value["symbol"]) &&
  isMaybeFinite(value["bid"]) &&
  isMaybeFinite(value["bid_qty"]) &&
  isMaybeFinite(value["ask"]) &&
  isMaybeFinite(value["ask_qty"]) &&
  (value["timestamp"] === undefined || isText(value["timestamp"]))

const isTradeRow = (value: unknown): value is TradeRow =>
  isRecord(value) &&
  isText(value["symbol"]) &&
  (value["side"] === "buy" || value["side"] === "sell") &&
  isFinite(value["price"]) &&
  isFinite(value["qty"]) &&
  Number.isSafeInteger(value["trade_id"]) &&
  isText(value["timestamp"])

const isOhlcRow = (value: unknown): value is OhlcRow =>
  isRecord(value) &&
  isText(value["symbol"]) &&
  isFinite(value["open"]) &&
  isFinite(value["high"]) &&
  isFinite(value["low"]) &&
  isFinite(value["close"]) &&
  isFinite(value["volume"]) &&
  isText(value["interval_begin"]) &&
  Number.isSafeInteger(value["interval"])

const isStatusRow = (value: unknown): value is StatusRow => isRecord(value) && isText(value["system"])

const isFrame = (value: unknown, channel: string, isRow: (row: unknown) => boolean): boolean =>
  isRecord(value) &&
  value["channel"] === channel &&
  (value["type"] === "snapshot" || value["type"] === "update") &&
  Array.isArray(value["data"]) &&
  value["data"].every(isRow)

export const isTickerFrame = (value: unknown): value is TickerFrame => isFrame(value, "ticker", isTickerRow)
export const isTradeFrame = (value: unknown): value is TradeFrame => isFrame(value, "trade", isTradeRow)
export const isOhlcFrame = (value: unknown): value is OhlcFrame => isFrame(value, "ohlc", isOhlcRow)
export const isStatusFrame = (value: unknown): value is StatusFrame => isFrame(value, "status", isStatusRow)
