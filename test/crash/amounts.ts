/** Decimal texts as whole numbers of 10^-12, written anew so that a slip in the trader's own arithmetic cannot hide itself. */

const DECIMALS = 12

/** Of a plain decimal text. */
export const amount = (text: string): bigint => {
  const found = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(text)
  if (found === null) throw new Error(`${text} is no decimal number`)
  const [, sign = "", whole = "", part = ""] = found
  const value = BigInt(whole + part.padEnd(DECIMALS, "0"))
  return sign === "-" ? -value : value
}

export const show = (value: bigint): string => {
  const digits = (value < 0n ? -value : value).toString().padStart(DECIMALS + 1, "0")
  const text = `${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`.replace(/\.?0+$/, "")
  return value < 0n ? `-${text}` : text
}

/** Price times quantity, rounded up. */
export const worth = (price: bigint, quantity: bigint): bigint => (price * quantity + 10n ** 12n - 1n) / 10n ** 12n

export const sum = (values: ReadonlyArray<bigint>): bigint => values.reduce((total, value) => total + value, 0n)
