/** What the exchange says about a pair (`AssetPairs`), and the rounding and minimum rules that follow from it. */
import { Option } from "effect"
import * as Fixed from "../money/Fixed.ts"
import type { Price, Quantity, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { Brand } from "effect"
import { Brand as BrandModule } from "effect"

/** A pair as streams v2 and this program name it: `XLM/USD`, `BTC/USD`. */
export type PairSymbol = string & Brand.Brand<"PairSymbol">
export const PairSymbol = BrandModule.nominal<PairSymbol>()

/** `AssetPairs.status`; anything unheard of is read as `unknown`, which is not tradable. */
export type PairStatus =
  "online" | "cancel_only" | "post_only" | "limit_only" | "reduce_only" | "maintenance" | "unknown"

/** A pair's trading rules. Amounts are exact; decimals are counts. */
export interface Instrument {
  readonly symbol: PairSymbol
  /** REST pair id, e.g. `XXLMZUSD` (result keys, trade history). */
  readonly restId: string
  /** REST short name, e.g. `XLMUSD` (order requests and descriptions). */
  readonly altname: string
  /** Stream asset names, e.g. `XLM`, `USD`. */
  readonly base: string
  readonly quote: string
  /** REST asset ids, e.g. `XXLM`, `ZUSD` (balances, ledgers). */
  readonly baseId: string
  readonly quoteId: string
  readonly priceDecimals: number
  readonly quantityDecimals: number
  readonly costDecimals: number
  /** Decimals of the assets' ledger entries (`Assets.decimals`: XLM 8, USD 4). */
  readonly baseDecimals: number
  readonly quoteDecimals: number
  readonly tickSize: Price
  /** Smallest order in base units (`ordermin`). */
  readonly minQuantity: Quantity
  /** Smallest order in quote units (`costmin`). */
  readonly minCost: Usd
  readonly status: PairStatus
}

/** The lot: smallest step of a quantity, 10^-lot_decimals. */
export const lotSize = (i: Instrument): Quantity => Money.Quantity(Fixed.unit(i.quantityDecimals))

/** A price on the tick grid; buys round down and sells up to stay passive, aggressive sells round down. */
export const roundPrice = (i: Instrument, price: Price, rounding: Fixed.Rounding): Price =>
  Money.Price(Fixed.toStep(price, i.tickSize, rounding))

/** A quantity on the lot grid; rounds down, so that a sale never exceeds what is held. */
export const roundQuantity = (i: Instrument, quantity: Quantity): Quantity =>
  Money.Quantity(Fixed.toDecimals(quantity, i.quantityDecimals, "down"))

/** The least quantity that the exchange accepts at a price: `ordermin`, or what `costmin` needs, rounded up to the lot. */
export const minimumQuantity = (i: Instrument, price: Price): Quantity => {
  if (price <= 0n) return i.minQuantity
  const forCost = Fixed.toDecimals(Money.quantityFor(i.minCost, price, "up"), i.quantityDecimals, "up")
  return Money.Quantity(Fixed.max(Fixed.toDecimals(i.minQuantity, i.quantityDecimals, "up"), forCost))
}

/** Whether an order of this quantity at this price meets the exchange's minimums. */
export const meetsMinimums = (i: Instrument, price: Price, quantity: Quantity): boolean =>
  quantity >= minimumQuantity(i, price)

/** Decimal texts as the exchange wants them in requests. */
export const priceText = (i: Instrument, price: Price): string => Fixed.format(price, i.priceDecimals)
export const quantityText = (i: Instrument, quantity: Quantity): string => Fixed.format(quantity, i.quantityDecimals)

/** What a fill's cost moves on the quote ledger: Kraken rounds ledger entries to the asset's decimals, nearest. */
export const ledgerQuote = (i: Instrument, amount: Usd): Usd =>
  Money.Usd(Fixed.toDecimals(amount, i.quoteDecimals, "nearest"))

/** What a fill's quantity moves on the base ledger. */
export const ledgerBase = (i: Instrument, quantity: Quantity): Quantity =>
  Money.Quantity(Fixed.toDecimals(quantity, i.baseDecimals, "nearest"))

export const findInstrument = (all: ReadonlyArray<Instrument>, symbol: PairSymbol): Option.Option<Instrument> =>
  Option.fromNullable(all.find((i) => i.symbol === symbol))
