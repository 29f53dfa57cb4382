/** The status document of a trader that does not run, or does not answer: what its records say, and since when. */
import { Option } from "effect"
import { latched } from "../../domain/breaker/Breaker.ts"
import { closed } from "../../domain/breaker/BreakerState.ts"
import type { Snapshot } from "../../domain/engine/Snapshot.ts"
import { readThrottle } from "../../domain/engine/State.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import * as Money from "../../domain/money/Money.ts"
import { isLive } from "../../domain/order/Order.ts"
import type { Lot } from "../../domain/portfolio/Lot.ts"
import { emptyTotals, exposure, realisedOf } from "../../domain/portfolio/Portfolio.ts"
import type { Limits } from "../../domain/risk/Limits.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { iso, utcDay } from "../../domain/Time.ts"
import type { TradeRow } from "../../services/Records.ts"
import type { TradingMode } from "../../services/Settings.ts"
import type { LotView, StatusView, TraderState } from "./View.ts"
import { breakerView, cents, isoOrNull, orderView, showOrNull, totalsView, tradeView } from "./View.ts"

/** What is known about a trader without asking it. */
export interface Recorded {
  readonly mode: TradingMode
  readonly version: string
  readonly limits: Limits
  readonly machineNow: EpochMs
  /** Nothing: there is no database, the trader has never run here. */
  readonly snapshot: Snapshot | undefined
  /** When a row of metrics was last written. */
  readonly lastMetricsAt: string | undefined
  readonly recentTrades: ReadonlyArray<TradeRow>
}

const lotView = (lot: Lot, answering: boolean): LotView => ({
  id: lot.id,
  symbol: lot.symbol,
  bought: Fixed.show(lot.quantity),
  remaining: Fixed.show(lot.remaining),
  openedAt: iso(lot.openedAt),
  entryPrice: showOrNull(Money.averagePrice(lot.cost, lot.quantity)),
  costUsd: Fixed.show(lot.cost),
  feesUsd: Fixed.show(lot.entryFee + lot.exitFee),
  mark: null,
  markAt: null,
  unrealisedUsd: null,
  realisedUsd: Fixed.show(realisedOf(lot)),
  target: Fixed.show(lot.plan.target),
  stop: Fixed.show(lot.plan.stop),
  sellBy: iso(lot.openedAt + lot.plan.holdFor),
  exit: "unwatched",
  exitText: answering
    ? "the trader does not answer: nobody watches its loss limit"
    : "the trader is down: nothing sells it, not even at the loss limit",
  remedy: "start the trader, or sell it at Kraken by hand"
})

/** A latch that a command left in the fence, and that the trader has not taken over yet. */
const operatorLatch = ({ fence, breaker }: Snapshot): StatusView["breaker"]["latches"] =>
  Option.isSome(fence.operatorLatch) && breaker.latches.operator === undefined
    ? [
        {
          cause: "operator",
          since: null,
          reason: fence.operatorLatch.value,
          clears: "by hand only: look at the account, then `breaker reset --cause operator`"
        }
      ]
    : []

/** Why the next start would not enter at once, and what stands open meanwhile. */
const concerns = (snapshot: Snapshot): ReadonlyArray<string> => {
  const out: Array<string> = []
  const live = snapshot.orders.filter(isLive)
  if (snapshot.lots.length > 0) {
    out.push(`${snapshot.lots.length} position${snapshot.lots.length === 1 ? " is" : "s are"} held without any exit`)
  }
  if (live.length > 0) {
    out.push(
      `${live.length} order${live.length === 1 ? " was" : "s were"} not known to be done when the records were last written`
    )
  }
  if (snapshot.fence.paused) out.push("paused by the operator; `resume` allows entries again")
  out.push(
    ...[...latched(snapshot.breaker), ...operatorLatch(snapshot)].map(
      (latch) => `the breaker holds (${latch.cause}: ${latch.reason})`
    )
  )
  return out
}

/** `why` says first why no trader is speaking. Amounts are as last written; nothing here is newer than `at`. */
export const recordsView = (state: TraderState, why: string, known: Recorded): StatusView => {
  const { snapshot, limits, machineNow } = known
  const valuation = snapshot === undefined ? undefined : Option.getOrUndefined(snapshot.valuation)
  const at = known.lastMetricsAt ?? isoOrNull(valuation?.at)
  const orders = (snapshot?.orders ?? []).filter(isLive)
  const mark = snapshot === undefined ? undefined : Option.getOrUndefined(snapshot.dayMark)
  const throttle = readThrottle(snapshot?.notes.get("throttle"))
  const breaker = breakerView(snapshot?.breaker ?? closed, at)
  const pending = snapshot === undefined ? [] : operatorLatch(snapshot)
  return {
    state,
    reasons: [why, ...(snapshot === undefined ? [] : concerns(snapshot))],
    mode: known.mode,
    pid: null,
    startedAt: null,
    version: known.version,
    source: "records",
    at,
    clock: { machineTime: iso(machineNow), speed: null, offsetMs: null, measuredAt: null },
    paused: snapshot?.fence.paused ?? false,
    breaker: {
      ...breaker,
      open: breaker.open || pending.length > 0,
      latches: [...breaker.latches, ...pending]
    },
    pairs: [],
    lots: (snapshot?.lots ?? []).map((lot) => lotView(lot, state === "not-entering")),
    orders: orders.map(orderView),
    // an intent without a recorded answer may be on the exchange
    unknownOrders: orders
      .filter((order) => order.status === "unknown" || order.status === "pending")
      .map((order) => order.id),
    exposure: {
      usd: Fixed.show(exposure(snapshot?.lots ?? [], snapshot?.orders ?? [], () => undefined)),
      limitUsd: cents(limits.maxTotalExposure),
      at
    },
    day: {
      day: mark?.day ?? utcDay(machineNow),
      lossUsd:
        mark === undefined || valuation === undefined || utcDay(valuation.at) !== mark.day
          ? null
          : Fixed.show(mark.equity - valuation.equity),
      limitUsd: cents(limits.maxDailyLoss),
      markUsd: showOrNull(mark?.equity),
      markSource: mark?.source ?? null,
      entries: throttle.day === mark?.day ? throttle.entries : null,
      maxEntries: limits.maxTradesPerDay,
      at: isoOrNull(valuation?.at)
    },
    totals: totalsView(snapshot?.totals ?? emptyTotals, at),
    cash: { freeUsd: null, at: null },
    switch: { state: "unknown", firesAt: null },
    streams: null,
    store: { ok: true, detail: null, at },
    exchange: null,
    recentTrades: known.recentTrades.map(tradeView)
  }
}
