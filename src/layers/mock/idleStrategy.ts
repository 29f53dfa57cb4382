/** A strategy that is always ready and never wants anything, for tests of everything else. */
import type { AnyStrategy } from "../../domain/strategy/Strategy.ts"
import { conceal } from "../../domain/strategy/Strategy.ts"

export const idleStrategy: AnyStrategy = conceal<null>({
  name: "idle",
  intervalMinutes: 1,
  warmUpCandles: 0,
  initial: null,
  warmUp: (state) => state,
  step: (state) => ({ _tag: "Ready", state, signals: [], features: {} })
})
