/** Market data into state: quotes, the jump check, candles, and the strategy's turn. */
import type { PairSymbol } from "../market/Instrument.ts"
import type { Candle, Quote } from "../market/Market.ts"
import { makeCandle } from "../market/Market.ts"
import { Option } from "effect"
import * as Fixed from "../money/Fixed.ts"
import type { EpochMs } from "../Time.ts"
import type { Draft } from "./Draft.ts"
import { askOnce, latch, log, patch, putPair } from "./Draft.ts"
import { engaged, pursue, withdraw } from "./entries.ts"
import type { CandleDraft, PairState } from "./State.ts"

const JUMP_WINDOW_MS = 60_000
const STEP_EVERY_MS = 1000

/** Latches `price` when the mid moved further than allowed within a minute, or since the last one before a reconnect. */
const checkJump = (d: Draft, pair: PairState, mid: bigint): PairState["mids"] => {
  const last = pair.mids.at(-1)
  const limit = d.state.rules.limits.maxPriceJump
  for (const old of pair.mids) {
    const move = mid > old.mid ? mid - old.mid : old.mid - mid
    if (move * Fixed.ONE > old.mid * limit) {
      latch(
        d,
        "price",
        `${pair.instrument.symbol} moved from ${Fixed.show(old.mid)} to ${Fixed.show(mid)}, more than MAX_PRICE_JUMP_PCT`
      )
      return [{ at: d.at, mid }]
    }
  }
  if (last !== undefined && d.at - last.at < 1000) return pair.mids
  // the newest is always kept, however old: the next quote after a silence is compared with it
  const recent = pair.mids.filter((m) => d.at - m.at <= JUMP_WINDOW_MS)
  return [...recent, { at: d.at, mid }]
}

const intervalMs = (d: Draft): number => d.state.rules.strategy.intervalMinutes * 60_000

/** Closes the candle in the making when its time is over; quiet intervals repeat the last price, since the stream was up. */
const rollCandles = (
  draft: CandleDraft | undefined,
  at: EpochMs,
  mid: number | undefined,
  every: number
): { readonly draft: CandleDraft | undefined; readonly closed: ReadonlyArray<Candle> } => {
  const start = Math.floor(at / every) * every
  const closed: Array<Candle> = []
  let current = draft
  while (current !== undefined && current.at < start) {
    Option.map(makeCandle({ ...current, volume: 0 }), (candle) => closed.push(candle))
    const { close } = current
    current = { at: current.at + every, open: close, high: close, low: close, close }
  }
  if (mid === undefined) return { draft: current, closed }
  const next =
    current === undefined
      ? { at: start, open: mid, high: mid, low: mid, close: mid }
      : { ...current, high: Math.max(current.high, mid), low: Math.min(current.low, mid), close: mid }
  return { draft: next, closed }
}

/**
 * Lets the strategy see the market and follows what it says: at once when the best prices have moved, otherwise at most once
 * a second. Quotes that come faster than they are folded are conflated before they get here.
 */
const step = (d: Draft, symbol: PairSymbol, moved: boolean): void => {
  const pair = d.state.pairs.get(symbol)
  if (pair?.quote === undefined || !pair.warm || pair.feesAt === undefined || !d.state.publicUp) return
  if (!moved && pair.steppedAt !== undefined && d.at - pair.steppedAt < STEP_EVERY_MS) return
  if (pair.confirmedAt === undefined || d.at - pair.confirmedAt > d.state.rules.limits.staleAfter) return
  const { next, outcome } = pair.strategy.step({
    symbol,
    now: d.at,
    bid: Fixed.toNumber(pair.quote.bid),
    ask: Fixed.toNumber(pair.quote.ask),
    tick: Fixed.toNumber(pair.instrument.tickSize),
    makerFee: Fixed.toNumber(pair.makerFee),
    takerFee: Fixed.toNumber(pair.takerFee),
    closed: pair.closed,
    engaged: engaged(d.state, pair)
  })
  putPair(d, symbol, { strategy: next, closed: [], steppedAt: d.at })
  if (outcome._tag === "Unready")
    return putPair(d, symbol, { note: `strategy not ready: ${outcome.why}`, signal: undefined })
  putPair(d, symbol, { features: outcome.features })
  for (const signal of outcome.signals) {
    const current = d.state.pairs.get(symbol)
    if (current === undefined) return
    if (signal._tag === "Withdraw") withdraw(d, current, signal.reason)
    else if (current.signal === undefined) {
      putPair(d, symbol, { signal: { entry: signal, at: d.at, requotes: 0 } })
    } else {
      putPair(d, symbol, { signal: { ...current.signal, entry: signal, at: d.at } })
    }
  }
  const after = d.state.pairs.get(symbol)
  if (after !== undefined && after.signal === undefined && outcome.signals.length === 0 && !engaged(d.state, after)) {
    putPair(d, symbol, { note: "no signal" })
  }
}

/** A sound quote, from the stream or from a REST read. */
export const quoteSeen = (d: Draft, quote: Quote, source: "stream" | "rest"): void => {
  const pair = d.state.pairs.get(quote.symbol)
  if (pair === undefined) return
  // REST may be cached for a second: it confirms or replaces only when its prices are not older than the stream's
  const older = source === "rest" && pair.quote !== undefined && quote.at < pair.quote.at
  const taken = older ? pair.quote : quote
  if (taken === undefined) return
  const mid = (taken.bid + taken.ask) / 2n
  const mids = checkJump(d, pair, mid)
  // candles come from the stream alone, so that an outage stays a gap
  const rolled =
    source === "stream" && pair.warm
      ? rollCandles(pair.draft, d.at, Fixed.toNumber(mid), intervalMs(d))
      : { draft: pair.draft, closed: [] }
  putPair(d, quote.symbol, {
    quote: taken,
    confirmedAt: d.at,
    mids,
    draft: rolled.draft,
    closed: rolled.closed.length === 0 ? pair.closed : [...pair.closed, ...rolled.closed]
  })
  const moved = pair.quote?.bid !== taken.bid || pair.quote.ask !== taken.ask
  if (source === "stream") step(d, quote.symbol, moved)
  const now = d.state.pairs.get(quote.symbol)
  if (now?.signal !== undefined) pursue(d, now)
}

/** Time passes without quotes: candles of a quiet market close, and silence is checked against REST before it counts. */
export const marketTick = (d: Draft): void => {
  for (const pair of d.state.pairs.values()) {
    const { symbol } = pair.instrument
    if (pair.warm && pair.draft !== undefined && d.state.publicUp) {
      const rolled = rollCandles(pair.draft, d.at, undefined, intervalMs(d))
      if (rolled.closed.length > 0)
        putPair(d, symbol, { draft: rolled.draft, closed: [...pair.closed, ...rolled.closed] })
    }
    const age = pair.confirmedAt === undefined ? Number.POSITIVE_INFINITY : d.at - pair.confirmedAt
    // asked ahead of the limit, so that a quiet market never counts as a stale one
    if (
      age > d.state.rules.limits.staleAfter / 2 &&
      askOnce(d, `quote:${symbol}`, d.state.rules.limits.staleAfter / 4)
    ) {
      d.out.push({ _tag: "FetchQuote", symbol })
    }
    if (!pair.warm && d.state.publicUp && askOnce(d, `candles:${symbol}`, 15_000))
      d.out.push({ _tag: "FetchCandles", symbol })
    // a market in which nothing changes is a market too: candles close, and time goes by
    step(d, symbol, false)
    const current = d.state.pairs.get(symbol)
    if (current?.signal !== undefined) pursue(d, current)
  }
}

/** Fresh history: the strategy starts anew on it. Empty history leaves it unready. */
export const candlesLoaded = (d: Draft, symbol: PairSymbol, candles: ReadonlyArray<Candle>): void => {
  const pair = d.state.pairs.get(symbol)
  if (pair === undefined || candles.length === 0) return
  const { strategy } = d.state.rules
  putPair(d, symbol, {
    strategy: strategy.start().warmUp(candles.slice(-Math.max(strategy.warmUpCandles, 1))),
    warm: true,
    draft: undefined,
    closed: [],
    note: "warmed up"
  })
  log(d, "info", `${symbol}: warmed up on ${candles.length} candles`)
}

/** The market data stream is gone: from here there is a gap, and what was learnt of the running candle is dropped. */
export const publicDown = (d: Draft, reason: string): void => {
  patch(d, { publicUp: false, publicUpAt: undefined })
  for (const symbol of d.state.pairs.keys())
    putPair(d, symbol, { warm: false, draft: undefined, closed: [], signal: undefined })
  log(d, "warning", `market data stream down: ${reason}`)
}
