/** The status document of a running trader: a pure function of the engine's state and the health of what it stands on. */
import type { EngineState, PairState } from "../../domain/engine/State.ts"
import { dayLoss, entryStops, exposure, freeUsd, liveOrders, openLots } from "../../domain/engine/Views.ts"
import type { LotStatus } from "../../domain/exits/ExitLadder.ts"
import { minimumQuantity } from "../../domain/market/Instrument.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import * as Money from "../../domain/money/Money.ts"
import type { Lot } from "../../domain/portfolio/Lot.ts"
import { realisedOf, unrealised } from "../../domain/portfolio/Portfolio.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { iso, utcDay } from "../../domain/Time.ts"
import type { ControlIdentity } from "../../services/ControlServer.ts"
import type { StreamHealth } from "../../services/KrakenStream.ts"
import type { TradeRow } from "../../services/Records.ts"
import type { TradingMode } from "../../services/Settings.ts"
import { stopsOf } from "../trade/engine.ts"
import type { LotView, PairView, StatusView, StreamView } from "./View.ts"
import { breakerView, cents, isoOrNull, orderView, showOrNull, totalsView, tradeView } from "./View.ts"

/** What the engine does not know of itself. Times here are real (machine) milliseconds. */
export interface TraderHealth {
  readonly identity: ControlIdentity
  readonly mode: TradingMode
  readonly machineNow: EpochMs
  readonly speed: number
  readonly offset: { readonly ms: number; readonly measuredAt: EpochMs }
  readonly market: StreamHealth
  readonly account: StreamHealth
  readonly recentTrades: ReadonlyArray<TradeRow>
}

const pairView = (state: EngineState, pair: PairState): PairView => ({
  symbol: pair.instrument.symbol,
  status: pair.instrument.status,
  bid: showOrNull(pair.quote?.bid),
  ask: showOrNull(pair.quote?.ask),
  quotedAt: isoOrNull(pair.quote?.at),
  confirmedAt: isoOrNull(pair.confirmedAt),
  ageSeconds: pair.confirmedAt === undefined ? null : Math.max(0, (state.now - pair.confirmedAt) / 1000),
  makerFee: pair.feesAt === undefined ? null : Fixed.show(pair.makerFee),
  takerFee: pair.feesAt === undefined ? null : Fixed.show(pair.takerFee),
  feesAt: isoOrNull(pair.feesAt),
  stops: entryStops(state, pair),
  note: pair.note
})

/** A remainder that the exchange does not let be sold: how much, the least that is, and what to do. */
const remedyOf = (lot: Lot, pair: PairState | undefined, status: LotStatus | undefined): string | null => {
  if (status?.state !== "dust" || pair === undefined) return null
  const { instrument: i, quote } = pair
  const least = minimumQuantity(i, quote?.bid ?? lot.plan.target)
  return (
    `${Fixed.show(lot.remaining)} ${i.base} is held, ${Fixed.show(least)} ${i.base} is the least that can be sold: ` +
    `the trader sells it together with the pair's next exit; to be rid of it now, sell it at Kraken by hand together with other ${i.base}, or convert it there`
  )
}

const lotView = (state: EngineState, lot: Lot): LotView => {
  const pair = state.pairs.get(lot.symbol)
  const quote = pair?.quote
  const status = pair?.lotStatuses.find((one) => one.lotId === lot.id)
  return {
    id: lot.id,
    symbol: lot.symbol,
    bought: Fixed.show(lot.quantity),
    remaining: Fixed.show(lot.remaining),
    openedAt: iso(lot.openedAt),
    entryPrice: showOrNull(Money.averagePrice(lot.cost, lot.quantity)),
    costUsd: Fixed.show(lot.cost),
    feesUsd: Fixed.show(lot.entryFee + lot.exitFee),
    mark: showOrNull(quote?.bid),
    markAt: isoOrNull(pair?.confirmedAt),
    unrealisedUsd: quote === undefined || pair === undefined ? null : Fixed.show(unrealised(lot, quote, pair.takerFee)),
    realisedUsd: Fixed.show(realisedOf(lot)),
    target: Fixed.show(lot.plan.target),
    stop: Fixed.show(lot.plan.stop),
    sellBy: iso(lot.openedAt + lot.plan.holdFor),
    exit: status?.state ?? "placing",
    exitText: status?.text ?? "its exit is decided on with the next market event",
    remedy: remedyOf(lot, pair, status)
  }
}

const streamView = (health: StreamHealth, machineNow: EpochMs): StreamView => ({
  connected: health.connected,
  since: isoOrNull(health.since),
  lastFrameSeconds: health.lastFrameAt === undefined ? null : Math.max(0, (machineNow - health.lastFrameAt) / 1000),
  reconnects: health.reconnects,
  malformed: health.malformed
})

/** Everything that keeps entries from being sent, the limits of the day and the switch included. */
export const reasonsOf = (state: EngineState): ReadonlyArray<string> => {
  const out = [...stopsOf(state)]
  const { limits, observing } = state.rules
  if (observing) out.push("observing: decisions are logged, no order is sent")
  if (state.switchFiresAt === undefined && !observing) out.push("the dead man's switch is not confirmed armed")
  const loss = dayLoss(state)
  if (loss === undefined) out.push("today's loss can't be told yet: no starting value of the day, or no price")
  if (state.throttle.day === utcDay(state.now) && state.throttle.entries >= limits.maxTradesPerDay) {
    out.push(`MAX_TRADES_PER_DAY (${limits.maxTradesPerDay}) is used up until the next UTC day`)
  }
  const unknown = liveOrders(state).filter((order) => order.status === "unknown")
  if (unknown.length > 0) {
    out.push(`${unknown.length} order${unknown.length === 1 ? "" : "s"} of unknown outcome being looked up`)
  }
  return out
}

/** The document of a trader that answers. `pid`, `startedAt` and ages of streams are real time, all else market time. */
export const runningView = (state: EngineState, health: TraderHealth): StatusView => {
  const reasons = reasonsOf(state)
  const at = iso(state.now)
  const { limits } = state.rules
  const orders = liveOrders(state)
  const mark = state.dayMark?.day === utcDay(state.now) ? state.dayMark : undefined
  return {
    state: reasons.length === 0 ? "trading" : "not-entering",
    reasons,
    mode: health.mode,
    pid: health.identity.pid,
    startedAt: iso(health.identity.startedAt),
    version: health.identity.version,
    source: "trader",
    at,
    clock: {
      machineTime: iso(health.machineNow),
      speed: health.speed,
      offsetMs: Math.round(health.offset.ms),
      measuredAt: iso(health.offset.measuredAt)
    },
    paused: state.paused,
    breaker: breakerView(state.breaker, at),
    pairs: [...state.pairs.values()].map((pair) => pairView(state, pair)),
    lots: openLots(state).map((lot) => lotView(state, lot)),
    orders: orders.map(orderView),
    unknownOrders: orders.filter((order) => order.status === "unknown").map((order) => order.id),
    exposure: { usd: Fixed.show(exposure(state)), limitUsd: cents(limits.maxTotalExposure), at },
    day: {
      day: utcDay(state.now),
      lossUsd: showOrNull(dayLoss(state)),
      limitUsd: cents(limits.maxDailyLoss),
      markUsd: showOrNull(mark?.equity),
      markSource: mark?.source ?? null,
      entries: state.throttle.day === utcDay(state.now) ? state.throttle.entries : 0,
      maxEntries: limits.maxTradesPerDay,
      at
    },
    totals: totalsView(state.totals, at),
    cash: { freeUsd: showOrNull(freeUsd(state)), at: isoOrNull(state.balances?.at) },
    switch:
      state.switchFiresAt === "off"
        ? { state: "off", firesAt: null }
        : state.switchFiresAt === undefined
          ? { state: "not armed", firesAt: null }
          : { state: "armed", firesAt: iso(state.switchFiresAt) },
    streams: {
      market: streamView(health.market, health.machineNow),
      account: streamView(health.account, health.machineNow),
      at: iso(health.machineNow)
    },
    store: { ok: state.storeFailed === undefined, detail: state.storeFailed ?? null, at },
    exchange: { status: state.system, maintenanceAt: isoOrNull(state.maintenanceAt), at },
    recentTrades: health.recentTrades.map(tradeView)
  }
}
