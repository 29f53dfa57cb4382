/**
 * The strategy interface, stable and public. A strategy is pure: a state and a market view go in, a state and signals
 * come out. The same module runs live, in paper and in a loop over the past.
 *
 * Numbers are doubles: they inform a decision. Amounts are made by the trader, which rounds, sizes and refuses.
 */
import type { Either } from "effect"
import type { Candle } from "../market/Market.ts"
import type { EpochMs } from "../Time.ts"

/** What a strategy sees at one moment. There is always a sound quote; without one it is not called. */
export interface MarketView {
  readonly symbol: string
  readonly now: EpochMs
  readonly bid: number
  readonly ask: number
  /** Price step of the pair. */
  readonly tick: number
  /** Fees of the account's real tier, as ratios (0.0025). */
  readonly makerFee: number
  readonly takerFee: number
  /** Finished candles since the last call, oldest first; usually none. */
  readonly closed: ReadonlyArray<Candle>
  /** Whether the trader already holds or works something on this pair; a remainder too small to be sold alone does not count. */
  readonly engaged: boolean
}

/** Prices of an exit plan; the trader rounds target up and stop down to the tick. */
export interface PlannedExit {
  readonly target: number
  readonly stop: number
  /** Sold at any price after so many milliseconds of market time since the entry's first fill. */
  readonly holdFor: number
}

/** The one signal there is: buy passively. Exits follow the plan that came with the entry. */
export interface EntrySignal {
  readonly _tag: "Enter"
  /** Highest price to pay; rounded down to the tick. Post-only by default, so it rests at or below the bid side. */
  readonly limit: number
  readonly exit: PlannedExit
  /** For people: what was seen. */
  readonly reason: string
  /** The numbers behind the decision: stored with the trade in `learning_data`. */
  readonly features: Readonly<Record<string, number>>
}

/** Take back resting entries of this pair: the reason for them is gone. */
export interface WithdrawSignal {
  readonly _tag: "Withdraw"
  readonly reason: string
}

export type Signal = EntrySignal | WithdrawSignal

/** Not ready is a type of its own: there is nothing in it that could be traded on. */
export type Step<S> =
  | { readonly _tag: "Unready"; readonly state: S; readonly why: string }
  | {
      readonly _tag: "Ready"
      readonly state: S
      readonly signals: ReadonlyArray<Signal>
      readonly features: Readonly<Record<string, number>>
    }

export interface StrategyInfo {
  readonly name: string
  /** Candle interval it lives on, in minutes, one of Kraken's OHLC intervals, and how many finished candles it wants to be warm. */
  readonly intervalMinutes: number
  readonly warmUpCandles: number
}

/** A strategy with its parameters bound. `S` is plain data. */
export interface Strategy<S> extends StrategyInfo {
  readonly initial: S
  /** Feeds history, oldest first, before the first step. */
  readonly warmUp: (state: S, candles: ReadonlyArray<Candle>) => S
  readonly step: (state: S, view: MarketView) => Step<S>
}

/** Why parameters are refused; texts name the key and what is allowed. */
export interface ParameterProblems {
  readonly problems: ReadonlyArray<string>
}

/** What a strategy module exports as `default`: it checks its own parameters. */
export interface StrategyModule {
  readonly name: string
  readonly make: (params: Readonly<Record<string, unknown>>) => Either.Either<AnyStrategy, ParameterProblems>
}

/** A strategy whose state type is its own business: the state goes round behind this. */
export interface AnyStrategy extends StrategyInfo {
  readonly start: () => RunningStrategy
}

/** A strategy in progress: immutable, each call returns its successor. */
export interface RunningStrategy {
  readonly warmUp: (candles: ReadonlyArray<Candle>) => RunningStrategy
  readonly step: (view: MarketView) => {
    readonly next: RunningStrategy
    readonly outcome:
      | { readonly _tag: "Unready"; readonly why: string }
      | {
          readonly _tag: "Ready"
          readonly signals: ReadonlyArray<Signal>
          readonly features: Readonly<Record<string, number>>
        }
  }
}

const running = <S>(strategy: Strategy<S>, state: S): RunningStrategy => ({
  warmUp: (candles) => running(strategy, strategy.warmUp(state, candles)),
  step: (view) => {
    const { state: next, ...outcome } = strategy.step(state, view)
    return { next: running(strategy, next), outcome }
  }
})

/** Closes over the state type of a strategy. */
export const conceal = <S>(strategy: Strategy<S>): AnyStrategy => ({
  name: strategy.name,
  intervalMinutes: strategy.intervalMinutes,
  warmUpCandles: strategy.warmUpCandles,
  start: () => running(strategy, strategy.initial)
})
