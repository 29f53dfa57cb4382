/** Fees by 30-day volume, and what a fill costs. Kraken: nearest at cost decimals on the trade, at asset decimals on the ledger. */
import * as Fixed from "../money/Fixed.ts"
import type { Price, Quantity, Rate, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import { DAY_MS } from "../Time.ts"
import type { FeeStep } from "./Config.ts"
import type { Draft } from "./Draft.ts"
import * as Log from "./Log.ts"
import type { ExchangeState } from "./State.ts"

const WINDOW_MS = 30 * DAY_MS

/** price × quantity, rounded once to some decimals; Kraken's recorded costs show "nearest". */
export const costOf = (price: Price, quantity: Quantity, decimals: number, rounding: Fixed.Rounding): Usd => {
  const unit = Fixed.unit(decimals)
  return Money.Usd(Fixed.divide(price * quantity, Fixed.ONE * unit, rounding) * unit)
}

/** amount × rate, rounded once to some decimals. */
export const shareOf = (amount: bigint, rate: Rate, decimals: number, rounding: Fixed.Rounding): bigint => {
  const unit = Fixed.unit(decimals)
  return Fixed.divide(amount * rate, Fixed.ONE * unit, rounding) * unit
}

/** Drops the fills that left the 30-day window. */
export const rollVolume = (d: Draft): void => {
  const fills = d.state.account.fills
  let { from, total } = d.state.volume
  for (;;) {
    const oldest = Log.at(fills, from)
    if (oldest === undefined || oldest.at > d.state.now - WINDOW_MS) break
    total = Money.subUsd(total, oldest.cost)
    from += 1
  }
  d.state.volume = { from, total }
}

/** Below the first step of a schedule nothing is charged. */
const free: FeeStep = { volume: Money.zeroUsd, maker: Money.Rate(0n), taker: Money.Rate(0n) }

/** The account's step of the schedule, and the next one. */
export const tierOf = (state: ExchangeState): { readonly step: FeeStep; readonly next: FeeStep | undefined } => {
  const index = state.fees.findLastIndex((step) => step.volume <= state.volume.total)
  return { step: state.fees[index] ?? free, next: state.fees[index + 1] }
}

export const rateOf = (state: ExchangeState, maker: boolean): Rate => {
  const { step } = tierOf(state)
  return maker ? step.maker : step.taker
}
