/** Strategies for simulations: one that wants to be in the market all the time, one that does as it is told. */
import { make, seedOf } from "../domain/exchange/market/Random.ts"
import type { AnyStrategy, MarketView, Signal } from "../domain/strategy/Strategy.ts"
import { conceal } from "../domain/strategy/Strategy.ts"
import type { Wish } from "./Plan.ts"

/** Of the moments at which it might enter, the share at which it does. */
const EAGERNESS = 0.3
/** How close to now an entry is wanted, in ticks below the bid. */
const MAX_BELOW = 80

const signalAt = (view: MarketView, seed: number, wish: Wish = {}): Signal => {
  const random = make(seedOf(seed, Math.floor(view.now)))
  const limit = view.bid - (wish.below ?? Math.floor(random.between(0, MAX_BELOW))) * view.tick
  const target = wish.target === undefined ? random.between(0.001, 0.008) : wish.target / 100
  const stop = wish.stop === undefined ? random.between(0.002, 0.01) : wish.stop / 100
  return {
    _tag: "Enter",
    limit,
    exit: {
      target: limit * (1 + target),
      stop: limit * (1 - stop),
      holdFor: wish.holdMs ?? Math.floor(random.between(30_000, 900_000))
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

/** What was asked for and has not led to an order that the exchange took. */
export interface Told {
  readonly wishes: Array<Wish>
}

/** Wants to enter as long as a wish is open. */
export const told = (seed: number, { wishes }: Told): AnyStrategy =>
  conceal<null>({
    name: "told",
    intervalMinutes: 1,
    warmUpCandles: 1,
    initial: null,
    warmUp: () => null,
    step: (state, view) => {
      const [wish] = wishes.filter(({ anyway }) => !view.engaged || anyway === true)
      const signals = wish === undefined ? [] : [signalAt(view, seed, wish)]
      return { _tag: "Ready", state, signals, features: { bid: view.bid } }
    }
  })
