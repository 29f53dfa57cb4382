/** When and at what price a lot is sold; decided with the entry, stored with the lot, independent of the strategy from then on. */
import type { Price } from "../money/Money.ts"

export interface ExitPlan {
  /** Post-only sale rests here as soon as the entry fills. */
  readonly target: Price
  /** A bid at or below this starts the loss exit. */
  readonly stop: Price
  /** Milliseconds of market time after the entry's first fill at which the lot is sold whatever the price. */
  readonly holdFor: number
}
