/**
 * The checksum of a book. Kraken: top ten asks from the lowest, then top ten bids from the highest; each price and
 * quantity at the pair's precision without the point and without leading zeros; CRC-32 of all that.
 */
import * as Fixed from "../money/Fixed.ts"
import { crc32 } from "./Crc32.ts"
import type { Level } from "./State.ts"

const digits = (value: bigint, decimals: number): string => (value / Fixed.unit(decimals)).toString()

export const checksum = (
  asks: ReadonlyArray<Level>,
  bids: ReadonlyArray<Level>,
  priceDecimals: number,
  quantityDecimals: number
): number => {
  let text = ""
  for (const side of [asks, bids]) {
    for (const [price, quantity] of side.slice(0, 10)) {
      text += digits(price, priceDecimals) + digits(quantity, quantityDecimals)
    }
  }
  return crc32(text)
}
