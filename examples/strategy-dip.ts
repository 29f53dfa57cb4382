/**
 * A strategy of one's own: after a fall of so many per cent from the highest close of the last candles, buy at the bid,
 * sell a part of the fall higher. An example of the interface, not of a way to make money.
 *
 *   STRATEGY=./.cache/strategy-dip.js STRATEGY_PARAMS='{"fallPct":2}'
 *
 * docs/strategy.md says how to compile it and what each part means.
 */
import { Either } from "effect"
import type { Candle } from "kraken-trader/domain/market/Market"
import { conceal } from "kraken-trader/domain/strategy/Strategy"
import type { MarketView, Step, Strategy, StrategyModule } from "kraken-trader/domain/strategy/Strategy"

interface Parameters {
  /** How far below the highest close the ask must be, in per cent. */
  readonly fallPct: number
  /** Sold after this share of the fall has been made up for. */
  readonly recovery: number
}

/** State is plain data: the newest closes, oldest first. */
interface State {
  readonly closes: ReadonlyArray<number>
  readonly newest: number
}

const CANDLES = 24
const INTERVAL_MINUTES = 5
const INTERVAL_MS = INTERVAL_MINUTES * 60_000

/** A candle after a hole begins a new series: old and new closes are not neighbours. */
const absorb = (state: State, candle: Candle): State => {
  if (candle.at <= state.newest) return state
  const adjoins = candle.at - state.newest === INTERVAL_MS
  return { closes: [...(adjoins ? state.closes : []), candle.close].slice(-CANDLES), newest: candle.at }
}

const decide = (p: Parameters, state: State, view: MarketView): Step<State> => {
  if (state.closes.length < CANDLES)
    return { _tag: "Unready", state, why: `${state.closes.length} of ${CANDLES} candles` }
  const high = Math.max(...state.closes)
  const fall = 1 - view.ask / high
  const target = view.bid + p.recovery * (high - view.bid)
  // Both orders rest, so both pay the maker fee; what is left must at least be the spread.
  const edge = (target * (1 - view.makerFee)) / (view.bid * (1 + view.makerFee)) - 1
  const features = { high, fallPct: fall * 100, edgePct: edge * 100 }
  const wanted = !view.engaged && fall >= p.fallPct / 100 && edge > (view.ask - view.bid) / view.bid
  if (!wanted) return { _tag: "Ready", state, signals: [], features }
  const exit = { target, stop: view.bid * (1 - p.fallPct / 100), holdFor: 6 * 3_600_000 }
  const reason = `${features.fallPct.toFixed(2)} % below the high of ${CANDLES} candles`
  return { _tag: "Ready", state, signals: [{ _tag: "Enter", limit: view.bid, exit, reason, features }], features }
}

const strategy = (p: Parameters): Strategy<State> => ({
  name: "dip",
  intervalMinutes: INTERVAL_MINUTES,
  warmUpCandles: CANDLES,
  initial: { closes: [], newest: 0 },
  warmUp: (state, candles) => candles.reduce(absorb, state),
  step: (state, view) => decide(p, view.closed.reduce(absorb, state), view)
})

const within = (value: unknown, least: number, most: number): value is number =>
  typeof value === "number" && value >= least && value <= most

const dip: StrategyModule = {
  name: "dip",
  make: (params) => {
    const { fallPct = 2, recovery = 0.5, ...others } = params
    const problems = Object.keys(others).map((key) => `${key} is not a parameter; there are: fallPct, recovery`)
    if (!within(fallPct, 0.5, 20)) problems.push("fallPct must be a number from 0.5 to 20")
    if (!within(recovery, 0.1, 1)) problems.push("recovery must be a number from 0.1 to 1")
    return within(fallPct, 0.5, 20) && within(recovery, 0.1, 1) && problems.length === 0
      ? Either.right(conceal(strategy({ fallPct, recovery })))
      : Either.left({ problems })
  }
}

export default dip
