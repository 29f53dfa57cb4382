/** The trading day: its mark, its loss, and the records that are taken every minute. */
import * as Breaker from "../breaker/Breaker.ts"
import type { PairSymbol } from "../market/Instrument.ts"
import type { Price, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { DayMark } from "../portfolio/Books.ts"
import * as Portfolio from "../portfolio/Portfolio.ts"
import type { UtcDay } from "../Time.ts"
import { dayStart, utcDay } from "../Time.ts"
import type { Draft } from "./Draft.ts"
import { alert, applyBreaker, askOnce, latch, log, patch } from "./Draft.ts"
import { dayLoss, equity, openLots, show } from "./Views.ts"

/** The mark is taken from live quotes only this soon after midnight; later the candle of midnight is asked for. */
const LIVE_MARK_WINDOW_MS = 60_000
const RECORD_EVERY_MS = 60_000

const setMark = (d: Draft, value: Usd, source: DayMark["source"]): void => {
  const mark: DayMark = { day: utcDay(d.at), at: d.at, equity: value, source }
  patch(d, { dayMark: mark, markAsked: undefined })
  d.writes.push({ _tag: "DayMark", mark })
  log(d, "info", `day ${mark.day} begins at ${show(value)} USD of profit so far (${source})`)
}

/** Takes the day's mark where it can be taken, or asks for the candle that contains 00:00 UTC. */
export const rollDay = (d: Draft): void => {
  const day = utcDay(d.at)
  // days only go forward: a clock set back over midnight must not forget the day's loss
  if (d.state.dayMark !== undefined && d.state.dayMark.day >= day) return
  applyBreaker(d, Breaker.newDay(d.state.breaker, day, d.at))
  const lots = openLots(d.state)
  if (lots.length === 0) return setMark(d, d.state.totals.realised, "no lots")
  const { staleAfter } = d.state.rules.limits
  const fresh = lots.every((lot) => {
    const pair = d.state.pairs.get(lot.symbol)
    return pair?.confirmedAt !== undefined && d.at - pair.confirmedAt <= staleAfter
  })
  const now = equity(d.state)
  if (fresh && now !== undefined && d.at - dayStart(d.at) <= LIVE_MARK_WINDOW_MS) return setMark(d, now, "quote")
  if (d.state.markAsked !== day || askOnce(d, "mark", 60_000)) {
    patch(d, { markAsked: day })
    d.out.push({ _tag: "FetchDayMark", day })
  }
}

/** Prices at 00:00 UTC from the candle that contains it. With the last persisted valuation the stricter of the two counts. */
export const markPrices = (d: Draft, day: UtcDay, prices: ReadonlyMap<PairSymbol, Price>): void => {
  if (d.state.dayMark?.day === day || day !== utcDay(d.at)) return
  const quoteAt = (symbol: PairSymbol) => {
    const price = prices.get(symbol)
    return price === undefined
      ? undefined
      : { symbol, bid: price, ask: price, bidQuantity: Money.zeroQuantity, askQuantity: Money.zeroQuantity, at: d.at }
  }
  const fee = (symbol: PairSymbol) => d.state.pairs.get(symbol)?.takerFee ?? Money.Rate(0n)
  const byCandle = Portfolio.equity(d.state.totals, d.state.lots.values(), quoteAt, fee)
  const last = d.state.valuation?.equity
  if (byCandle !== undefined && (last === undefined || byCandle >= last)) return setMark(d, byCandle, "candle")
  if (last !== undefined) return setMark(d, last, "last valuation")
  if (askOnce(d, "mark-missing", 3_600_000)) {
    alert(
      d,
      "warning",
      "daymark.missing",
      "Today's starting value can't be told: no candle of 00:00 UTC and no earlier valuation. No entry until it is found or the next UTC day begins; exits go on."
    )
  }
}

/** Latches the daily loss the moment it is reached; nothing lifts it that day (I6). */
export const checkDailyLoss = (d: Draft): void => {
  const loss = dayLoss(d.state)
  const { maxDailyLoss } = d.state.rules.limits
  if (loss === undefined || loss < maxDailyLoss) return
  const held = d.state.breaker.latches.dailyLoss
  if (held?.day === utcDay(d.at)) return
  latch(d, "dailyLoss", `today's loss $${show(loss)} reached MAX_DAILY_LOSSES $${show(maxDailyLoss)}`)
}

/** A row of metrics and the valuation, once a minute and when asked. */
export const record = (d: Draft, force: boolean): void => {
  if (!force && d.state.metricsAt !== undefined && d.at - d.state.metricsAt < RECORD_EVERY_MS) return
  patch(d, { metricsAt: d.at })
  const value = equity(d.state)
  if (value !== undefined) {
    const valuation = { at: d.at, equity: value }
    patch(d, { valuation })
    d.writes.push({ _tag: "Valuation", valuation })
  }
  const loss = dayLoss(d.state)
  d.writes.push({
    _tag: "Metrics",
    row: {
      at: d.at,
      balanceUsd: (d.state.foreign.get("USD") ?? 0n) + d.state.totals.ownUsd,
      totalTrades: d.state.totals.closedTrades,
      winningTrades: d.state.totals.winningTrades,
      totalProfitLoss: d.state.totals.realised,
      dailyProfitLoss: loss === undefined ? 0n : -loss,
      breakerState: Breaker.describe(d.state.breaker)
    }
  })
}
