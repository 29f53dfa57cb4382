/** Tells a person who watches what the trader is about: at the start, and now and then a line of how it stands. */
import { Effect } from "effect"
import type { EngineState, PairState } from "../../domain/engine/State.ts"
import { dayLoss, exposure, openLots } from "../../domain/engine/Views.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import { dollars, signedDollars } from "../../domain/money/Money.ts"
import { realisedOf, unrealised } from "../../domain/portfolio/Portfolio.ts"
import { iso, utcDay } from "../../domain/Time.ts"
import { Engine } from "../../services/Engine.ts"
import type { SettingsShape } from "../../services/Settings.ts"
import { stopsOf } from "./engine.ts"

/** What this run will do, in a few sentences. */
export const introduction = (settings: SettingsShape): ReadonlyArray<string> => {
  const { limits, mode, paper } = settings
  const world =
    mode === "paper"
      ? `PAPER trading: the exchange is a local Kraken on this machine, the money is not real; market time runs ${paper.speed} times as fast as real time`
      : mode === "observe"
        ? "OBSERVING: real market, real key, no order is sent"
        : "LIVE trading: real money"
  return [
    world,
    `buys ${limits.allowedPairs.join(", ")} when ${settings.strategy.name} sees a chance: at most ${dollars(limits.maxTradeSize)} a trade and ${dollars(limits.maxTotalExposure)} in all, ${limits.postOnly ? "post-only" : "also as taker"}; stops buying for the day at a loss of ${dollars(limits.maxDailyLoss)}`,
    "every position gets an exit at once: a resting target, and a loss and a time limit that the trader watches itself. While the trader is down a position has NO loss exit",
    "stop with Ctrl-C or `stop`; look with `status`"
  ]
}

const ofPair = (state: EngineState, pair: PairState): string => {
  const { instrument: i, quote } = pair
  const price =
    quote === undefined
      ? "no quote"
      : `${Fixed.format(quote.bid, i.priceDecimals)}/${Fixed.format(quote.ask, i.priceDecimals)}`
  const lots = openLots(state).filter((lot) => lot.symbol === i.symbol)
  const held = lots.map((lot) => {
    const profit = quote === undefined ? undefined : realisedOf(lot) + unrealised(lot, quote, pair.takerFee)
    const status = pair.lotStatuses.find((one) => one.lotId === lot.id)
    return `holds ${Fixed.show(lot.remaining)} ${i.base}${profit === undefined ? "" : ` (${signedDollars(profit)})`}, ${status?.text ?? "its exit comes next"}`
  })
  return `${i.symbol} ${price}: ${held.length === 0 ? pair.note : held.join("; ")}`
}

/** One line of how it stands. */
export const summary = (state: EngineState): string => {
  const loss = dayLoss(state)
  const stops = stopsOf(state)
  return [
    `${iso(state.now).slice(0, 16).replace("T", " ")} market time`,
    ...[...state.pairs.values()].map((pair) => ofPair(state, pair)),
    `at work ${dollars(exposure(state))} of ${dollars(state.rules.limits.maxTotalExposure)}`,
    `today ${loss === undefined ? "not known" : signedDollars(-loss)}, ${state.throttle.day === utcDay(state.now) ? state.throttle.entries : 0} entries`,
    `in all ${signedDollars(state.totals.realised)} in ${state.totals.closedTrades} trades`,
    ...(stops.length === 0 ? [] : [`NOT BUYING: ${stops.join("; ")}`])
  ].join(" | ")
}

/** A line now and then, by the real clock. */
export const narrator = (everyMs: number) =>
  Effect.gen(function* () {
    const engine = yield* Engine
    while (true) {
      yield* Effect.sleep(everyMs)
      yield* Effect.logInfo(summary(engine.unsafeState()))
    }
  })
