/** Strategies for simulations: one that wants to be in the market all the time, one that does as it is told. */
import { make, seedOf } from "../domain/exchange/market/Random.ts"
import type { AnyStrategy, MarketView, Signal } from "../domain/strategy/Strategy.ts"
import { conceal } from "../domain/strategy/Strategy.ts"

/** Of the moments at which it might enter, the share at which it does. */
const EAGERNESS = 0.3
/** How close to now an entry is wanted, in ticks below the bid. */
const MAX_BELOW = 80

const signalAt = (view: MarketView, seed: number): Signal => {
  const random = make(seedOf(seed, Math.floor(view.now)))
  const limit = view.bid - Math.floor(random.between(0, MAX_BELOW)) * view.tick
  return {
    _tag: "Enter",
    limit,
    exit: {
      target: limit * (1 + random.between(0.001, 0.008)),
      stop: limit * (1 - random.between(0.002, 0.01)),
      holdFor: Math.floor(random.between(30_000, 900_000))
    },
    reason: "simulated signal",
    features: { bid: view.bid }
  }
}

/** Enters again and again, at prices drawn from the seed and the moment. */
export const eager = (seed: number): AnyStrategy =>
  conceal<number>({
    name: "eager",
    intervalMinutes: 1,
    warmUpCandles: 1,
    initial: 0,
    warmUp: (state) => state,
    step: (state, view) => {
      const wants = !view.engaged && make(seedOf(seed, "wants", Math.floor(view.now))).next() < EAGERNESS
      return { _tag: "Ready", state, signals: wants ? [signalAt(view, seed)] : [], features: { bid: view.bid } }
    }
  })

/** Enters once for each time that it was told to, when it may. */
export interface Told {
  wanted: number
}

export const told = (seed: number, orders: Told): AnyStrategy =>
  conceal<null>({
    name: "told",
    intervalMinutes: 1,
    warmUpCandles: 1,
    initial: null,
    warmUp: () => null,
    step: (state, view) => {
      const wants = orders.wanted > 0 && !view.engaged
      if (wants) orders.wanted -= 1
      return { _tag: "Ready", state, signals: wants ? [signalAt(view, seed)] : [], features: { bid: view.bid } }
    }
  })
