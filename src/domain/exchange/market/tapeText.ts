/**
 * Reading tapes: CSV with a header line, either bars (`ts,open,high,low,close,volume`, and `trades` where the source has
 * it) or trades (`ts,price,volume`, and `side`: the taker's). `ts` is Unix seconds, UTC: whole ones and rising at a bar's
 * start, with fractions and never falling for a trade. Columns may come in any order; unknown ones are ignored.
 *
 * Prices are rounded to the pair's tick and volumes to hundred-millionths; nothing else is changed.
 */
import { Array as Arr, Either } from "effect"
import type { Listing, Print } from "./PathBar.ts"
import { tickSize, UNITS } from "./PathBar.ts"

/** A bar as the tape has it: milliseconds, ticks and units. */
export interface TapeBar {
  readonly at: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
  /** Number of trades, where the tape says it. */
  readonly trades: number | undefined
}

/** Bars lie on a grid of `ms`, none twice; absent ones had no trade. */
export type Tape =
  | { readonly _tag: "Bars"; readonly ms: number; readonly bars: Arr.NonEmptyReadonlyArray<TapeBar> }
  | { readonly _tag: "Trades"; readonly prints: Arr.NonEmptyReadonlyArray<Print> }

export interface TapeFault {
  readonly reason: "bad header" | "bad line" | "empty"
  /** Counted from 1, the header included. */
  readonly line: number | undefined
  readonly detail: string
}

const BAR_COLUMNS = ["ts", "open", "high", "low", "close", "volume"] as const
const TRADE_COLUMNS = ["ts", "price", "volume"] as const
const NUMBER = /^\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?$/
/** More base than any market trades in a bar; with it, what is counted in hundred-millionths stays a number. */
const MOST_VOLUME = 1e12
/** Twelve 31 in the year 9999: later is milliseconds mistaken for seconds. */
const LAST_SECOND = 253_402_300_799
const MINUTE = 60_000

/** Takes one line after another, and gives the tape at the end. It keeps what it read: one reader for one tape. */
export interface TapeReader {
  /** `undefined` if the line is sound; after a fault the reader is of no more use. */
  readonly line: (text: string) => TapeFault | undefined
  readonly end: () => Either.Either<Tape, TapeFault>
}

export const makeReader = (listing: Listing): TapeReader => {
  const perTick = 1 / tickSize(listing)
  let number = 0
  let columns: ReadonlyMap<string, number> | undefined
  let trading = false
  let last = Number.NEGATIVE_INFINITY
  const bars: Array<TapeBar> = []
  const lines: Array<number> = []
  const prints: Array<Print> = []

  const bad = (detail: string): TapeFault => ({ reason: "bad line", line: number, detail })

  const header = (text: string): TapeFault | undefined => {
    const names = text
      .replace(/^\uFEFF/, "")
      .split(",")
      .map((name) => name.trim().toLowerCase())
    columns = new Map(names.map((name, i) => [name, i]))
    const has = (wanted: ReadonlyArray<string>): boolean => wanted.every((name) => names.includes(name))
    trading = !has(BAR_COLUMNS)
    return trading && !has(TRADE_COLUMNS)
      ? {
          reason: "bad header",
          line: number,
          detail: `the first line must name the columns: ${BAR_COLUMNS.join(",")} (bars) or ${TRADE_COLUMNS.join(",")} (trades)`
        }
      : undefined
  }

  const readBar = (value: (name: string) => number, at: number): TapeFault | undefined => {
    const [open, high, low, close] = [value("open"), value("high"), value("low"), value("close")]
    const volume = value("volume")
    if (!Number.isInteger(at / 1000)) return bad("ts must be whole seconds")
    if (at <= last) return bad("ts must be later than in the line before")
    if (![open, high, low, close].every((x) => x > 0)) return bad("open, high, low and close must be numbers above 0")
    if (!(volume >= 0 && volume <= MOST_VOLUME)) return bad(`volume must be a number, 0 to ${MOST_VOLUME}`)
    if (low > Math.min(open, close)) return bad("low is above open or close")
    if (high < Math.max(open, close)) return bad("high is below open or close")
    const ticks = (price: number): number => Math.round(price * perTick)
    if (ticks(low) < 1) return bad("low is below half a tick of the pair")
    if (!Number.isSafeInteger(ticks(high))) return bad("high is more ticks of the pair than can be counted")
    const trades = columns?.has("trades") === true ? value("trades") : undefined
    if (trades !== undefined && !Number.isInteger(trades)) return bad("trades must be a whole number")
    bars.push({
      at,
      open: ticks(open),
      high: ticks(high),
      low: ticks(low),
      close: ticks(close),
      volume: Math.round(volume * UNITS),
      trades
    })
    lines.push(number)
    last = at
    return undefined
  }

  const readTrade = (value: (name: string) => number, at: number, side: string): TapeFault | undefined => {
    const price = Math.round(value("price") * perTick)
    const size = Math.round(value("volume") * UNITS)
    if (at < last) return bad("ts must not be earlier than in the line before")
    if (!(price >= 1)) return bad("price must be a number of at least half a tick of the pair")
    if (!Number.isSafeInteger(price)) return bad("price is more ticks of the pair than can be counted")
    if (!(size >= 1 && size <= MOST_VOLUME * UNITS))
      return bad(`volume must be a number above 0, at most ${MOST_VOLUME}`)
    if (!["", "b", "s", "buy", "sell"].includes(side)) return bad("side must be buy or sell")
    const before = prints.at(-1)
    // Without a side the tick rule decides: a rise was bought, a fall was sold, no change was what the last one was.
    const ruled = before === undefined || price > before.price ? "buy" : price < before.price ? "sell" : before.side
    prints.push({ at, price, size, side: side === "" ? ruled : side.startsWith("b") ? "buy" : "sell" })
    last = at
    return undefined
  }

  const row = (text: string, names: ReadonlyMap<string, number>): TapeFault | undefined => {
    const cells = text.split(",")
    if (cells.length !== names.size) return bad(`${cells.length} values for ${names.size} columns`)
    const cell = (name: string): string => (cells[names.get(name) ?? -1] ?? "").trim()
    const value = (name: string): number => (NUMBER.test(cell(name)) ? Number(cell(name)) : Number.NaN)
    const seconds = value("ts")
    if (!(seconds <= LAST_SECOND)) return bad("ts must be Unix seconds")
    return trading
      ? readTrade(value, Math.round(seconds * 1000), cell("side").toLowerCase())
      : readBar(value, seconds * 1000)
  }

  /** The grid is the shortest distance between two bars. */
  const grid = (all: Arr.NonEmptyReadonlyArray<TapeBar>): Either.Either<Tape, TapeFault> => {
    const first = all[0].at
    let before = Number.NEGATIVE_INFINITY
    let ms = Number.POSITIVE_INFINITY
    for (const bar of all) {
      ms = Math.min(ms, bar.at - before)
      before = bar.at
    }
    const step = Number.isFinite(ms) ? ms : MINUTE
    const off = all.findIndex((bar) => (bar.at - first) % step !== 0)
    return off < 0
      ? Either.right({ _tag: "Bars", ms: step, bars: all })
      : Either.left({
          reason: "bad line",
          line: lines[off],
          detail: `the bar does not start on the tape's grid of ${step / 1000} seconds`
        })
  }

  return {
    line: (raw) => {
      number += 1
      const text = raw.endsWith("\r") ? raw.slice(0, -1) : raw
      if (columns === undefined) return header(text)
      return text === "" ? undefined : row(text, columns)
    },
    end: () => {
      if (Arr.isNonEmptyArray(bars)) return grid(bars)
      return Arr.isNonEmptyArray(prints)
        ? Either.right({ _tag: "Trades", prints })
        : Either.left({ reason: "empty", line: undefined, detail: "the tape has no rows" })
    }
  }
}
