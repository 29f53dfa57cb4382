/** The numbers of `GET /metrics`: what an alert or a graph needs, nothing that is not measured. Doubles, for display only. */
import { isOpen } from "../../domain/breaker/Breaker.ts"
import { causes } from "../../domain/breaker/BreakerState.ts"
import type { EngineState } from "../../domain/engine/State.ts"
import { dayLoss, equity, exposure, liveOrders, openLots } from "../../domain/engine/Views.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import type { MetricSample } from "../../services/ControlServer.ts"
import type { StreamHealth } from "../../services/KrakenStream.ts"
import type { TraderHealth } from "./runningView.ts"
import { reasonsOf } from "./runningView.ts"

const sample =
  (type: "gauge" | "counter") =>
  (name: string, help: string, value: number, labels?: MetricSample["labels"]): MetricSample => ({
    name,
    help,
    type,
    value,
    ...(labels === undefined ? {} : { labels })
  })
const gauge = sample("gauge")
const counter = sample("counter")
const flag = (yes: boolean): number => (yes ? 1 : 0)

const streamMetrics = (stream: string, health: StreamHealth, machineNow: number): ReadonlyArray<MetricSample> => [
  ...(health.lastFrameAt === undefined
    ? []
    : [
        gauge(
          "stream_age_seconds",
          "Seconds since the last frame of the stream, heartbeats included.",
          Math.max(0, (machineNow - health.lastFrameAt) / 1000),
          { stream }
        )
      ]),
  gauge("stream_connected", "1 while the stream is connected.", flag(health.connected), { stream }),
  counter("stream_reconnects_total", "Reconnects of the stream since the start.", health.reconnects, { stream }),
  counter("stream_frames_total", "Frames received on the stream since the start.", health.frames, { stream }),
  counter("stream_malformed_total", "Frames that could not be read since the start.", health.malformed, { stream })
]

/** A figure that is not known is absent, never zero. */
export const metricsOf = (state: EngineState, health: TraderHealth): ReadonlyArray<MetricSample> => {
  const { limits } = state.rules
  const loss = dayLoss(state)
  const orders = liveOrders(state)
  const unknown = orders.filter((order) => order.status === "unknown")
  const worth = equity(state)
  const unrealisedUsd = worth === undefined ? undefined : Fixed.toNumber(worth - state.totals.realised)
  const quotes = [...state.pairs.values()].flatMap((pair) =>
    pair.quote === undefined || pair.confirmedAt === undefined
      ? []
      : [{ pair: pair.instrument.symbol, quote: pair.quote, age: Math.max(0, (state.now - pair.confirmedAt) / 1000) }]
  )
  return [
    gauge("info", "Always 1; version and mode are in the labels.", 1, {
      version: health.identity.version,
      mode: health.mode
    }),
    gauge("start_time_seconds", "When the trader started, Unix seconds.", health.identity.startedAt / 1000),
    gauge("entries_possible", "1 while entries may be sent.", flag(reasonsOf(state).length === 0)),
    gauge("paused", "1 while paused by the operator.", flag(state.paused)),
    gauge("breaker_open", "1 while the circuit breaker is open.", flag(isOpen(state.breaker))),
    ...causes.map((cause) =>
      gauge("breaker_latched", "1 while this cause is latched.", flag(state.breaker.latches[cause] !== undefined), {
        cause
      })
    ),
    ...causes.map((cause) =>
      gauge("breaker_failures", "Failures in a row that count towards a latch.", state.breaker.failures[cause] ?? 0, {
        cause
      })
    ),
    gauge("exposure_usd", "Held, working and unknown, in dollars.", Fixed.toNumber(exposure(state))),
    gauge("exposure_limit_usd", "MAX_TOTAL_EXPOSURE.", Fixed.toNumber(limits.maxTotalExposure)),
    ...(loss === undefined
      ? []
      : [gauge("day_loss_usd", "Loss since 00:00 UTC; a gain is negative.", Fixed.toNumber(loss))]),
    gauge("day_loss_limit_usd", "MAX_DAILY_LOSSES.", Fixed.toNumber(limits.maxDailyLoss)),
    gauge(
      "realised_profit_usd",
      "Net of all fees, since the installation began.",
      Fixed.toNumber(state.totals.realised)
    ),
    counter("closed_trades_total", "Trades sold whole, since the installation began.", state.totals.closedTrades),
    counter("winning_trades_total", "Of those, with a profit.", state.totals.winningTrades),
    gauge("open_lots", "Lots with something left to sell.", openLots(state).length),
    gauge("open_orders", "Orders that are, or may be, on the exchange.", orders.length),
    gauge("unknown_orders", "Orders of unknown outcome.", unknown.length),
    gauge(
      "unknown_order_age_seconds",
      "Market seconds since the oldest order of unknown outcome was made; 0 without any.",
      unknown.reduce((oldest, order) => Math.max(oldest, (state.now - order.createdAt) / 1000), 0)
    ),
    gauge("reconciling", "1 while books and exchange must first agree.", flag(state.reconciling.size > 0)),
    ...[...state.agreed].map(([asset, { at }]) =>
      gauge("reconciled_age_seconds", "Market seconds since books and account agreed.", (state.now - at) / 1000, {
        asset
      })
    ),
    ...[...state.differences].map(([asset, { amount }]) =>
      gauge(
        "reconciliation_difference",
        "What the account holds beyond the books, in units of the asset; absent while they agree.",
        Fixed.toNumber(amount),
        { asset }
      )
    ),
    ...(unrealisedUsd === undefined
      ? []
      : [gauge("unrealised_profit_usd", "Of open lots at the bid, net of fees.", unrealisedUsd)]),
    gauge("store_ok", "1 while the database can be written.", flag(state.storeFailed === undefined)),
    ...(typeof state.switchFiresAt === "number"
      ? [
          gauge(
            "dead_man_switch_seconds",
            "Market seconds until the dead man's switch fires.",
            (state.switchFiresAt - state.now) / 1000
          )
        ]
      : []),
    gauge("clock_offset_seconds", "Exchange's clock minus this machine's.", health.offset.ms / 1000),
    ...quotes.map(({ pair, age }) =>
      gauge("quote_age_seconds", "Market seconds since the quote was last known to hold.", age, { pair })
    ),
    ...quotes.map(({ pair, quote }) => gauge("bid_usd", "Best bid.", Fixed.toNumber(quote.bid), { pair })),
    ...quotes.map(({ pair, quote }) => gauge("ask_usd", "Best ask.", Fixed.toNumber(quote.ask), { pair })),
    // one family after the other: the samples of a name belong together
    ...byName([
      ...streamMetrics("market", health.market, health.machineNow),
      ...streamMetrics("account", health.account, health.machineNow)
    ])
  ]
}

const byName = (samples: ReadonlyArray<MetricSample>): ReadonlyArray<MetricSample> =>
  samples.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
