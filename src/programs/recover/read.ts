/** What the exchange has of this installation's orders: everything, to the last page. Reads only. */
import { Effect, Either } from "effect"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import type { PairSymbol } from "../../domain/market/Instrument.ts"
import type { Price } from "../../domain/money/Money.ts"
import * as Money from "../../domain/money/Money.ts"
import type { ClientOrderId, InstallationPrefix } from "../../domain/order/Ids.ts"
import { isOwn } from "../../domain/order/Ids.ts"
import type { FillReport, StatusReport } from "../../domain/order/Report.ts"
import { DAY_MS, dayStart } from "../../domain/Time.ts"
import { MarketClock } from "../../services/Clock.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import type { OrderRecord } from "../../services/KrakenRest.ts"

const HOUR_MS = 3_600_000

export interface OwnHistory {
  readonly own: ReadonlyArray<StatusReport & { readonly clientId: ClientOrderId }>
  readonly fills: ReadonlyArray<FillReport>
}

/** Pages, newest first, until the exchange has no more. Rows that move on to the next page meanwhile are read twice, which harms nothing. */
const pages = <A>(
  read: (
    offset: number
  ) => Effect.Effect<{ readonly rows: ReadonlyArray<A>; readonly count: number }, KrakenError, KrakenRest>,
  progress: (read: number, count: number) => Effect.Effect<void>
): Effect.Effect<ReadonlyArray<A>, KrakenError, KrakenRest> =>
  Effect.gen(function* () {
    const all: Array<A> = []
    while (true) {
      const { count, rows } = yield* read(all.length)
      all.push(...rows)
      yield* progress(all.length, count)
      if (rows.length === 0 || all.length >= count) return all
    }
  })

/** All pages of open and closed orders with this installation's mark, and of their executions, at the pace that the limits allow. */
export const readOwn = (
  prefix: InstallationPrefix,
  progress: (line: string) => Effect.Effect<void>
): Effect.Effect<OwnHistory, KrakenError, KrakenRest | MarketClock> =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const clock = yield* MarketClock
    const records = new Map<string, OrderRecord>()
    // open ones last: an order that ends between two reads is then seen as it was, or as it ended, and never missed
    const open = yield* rest.openOrders
    const closed = yield* pages(
      (offset) => Effect.map(rest.closedOrders({ offset }), ({ count, orders }) => ({ rows: orders, count })),
      (read, count) => progress(`closed orders: ${read} of ${count}`)
    )
    const openedMeanwhile = yield* rest.openOrders
    for (const record of [...open, ...openedMeanwhile, ...closed]) records.set(record.report.exchangeId, record)
    const ours = [...records.values()].filter(({ report }) => isOwn(prefix, report.clientId))
    const ids = new Set(ours.map(({ report }) => String(report.exchangeId)))
    const history = yield* pages(
      (offset) => Effect.map(rest.tradesHistory({ offset }), ({ count, fills }) => ({ rows: fills, count })),
      (read, count) => progress(`executions: ${read} of ${count}`)
    )
    const fills = new Map(
      history.filter((fill) => ids.has(fill.exchangeId)).map((fill) => [String(fill.executionId), fill])
    )
    const missing = ours.flatMap(({ tradeIds }) => tradeIds).filter((id) => !fills.has(id))
    if (missing.length > 0) {
      yield* progress(`executions that the history lacks: ${missing.length}`)
      for (const fill of yield* rest.queryTrades(missing)) fills.set(fill.executionId, fill)
    }
    const now = yield* clock.now
    return {
      own: ours.flatMap(({ report }) => {
        const { clientId } = report
        // stamped with its own end, or as read now
        return clientId === undefined ? [] : [{ ...report, clientId, at: Math.min(report.at, now) }]
      }),
      fills: [...fills.values()]
    }
  })

/** Prices at 00:00 UTC: the hourly candle of midnight opens with them. What cannot be read is left out. */
export const midnightPrices = (
  symbols: ReadonlyArray<PairSymbol>
): Effect.Effect<ReadonlyMap<PairSymbol, Price>, never, KrakenRest | MarketClock> =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const midnight = dayStart(yield* (yield* MarketClock).now)
    const prices = new Map<PairSymbol, Price>()
    for (const symbol of symbols) {
      const bars = yield* Effect.orElseSucceed(rest.ohlc(symbol, 60, midnight - DAY_MS), () => [])
      const bar = bars.find(({ at }) => at <= midnight && midnight < at + HOUR_MS)
      const price = bar?.open ?? bars.findLast(({ at }) => at < midnight)?.close
      const parsed = price === undefined ? undefined : Money.parsePrice(String(price))
      if (parsed !== undefined && Either.isRight(parsed)) prices.set(symbol, parsed.right)
    }
    return prices
  })
