/**
 * Ids in Kraken's shapes, made from a seed and a counter: the same run gives the same ids, and no two counters give the
 * same one (the mixing is a bijection of 64 bits).
 */

const MASK = (1n << 64n) - 1n
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
const TOKEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** The finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
const mix = (value: bigint): bigint => {
  let z = (value + 0x9e3779b97f4a7c15n) & MASK
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK
  return z ^ (z >> 31n)
}

const digits = (value: bigint, count: number, alphabet: string, bits: bigint): string => {
  let rest = value
  let text = ""
  for (let i = 0; i < count; i++) {
    text += alphabet.charAt(Number(rest & ((1n << bits) - 1n)))
    rest >>= bits
  }
  return text
}

/** `O`rders, `T`rades and amends, `L`edger entries: `OXXXXX-XXXXX-XXXXXX`. */
export const id = (kind: "O" | "T" | "L", seed: number, serial: number): string => {
  const first = mix((BigInt(seed) << 32n) ^ BigInt(serial))
  // 13 characters carry the 64 bits of the bijection, 3 more fill the shape.
  const body = digits(first, 13, ALPHABET, 5n) + digits(mix(first), 3, ALPHABET, 5n)
  return `${kind}${body.slice(0, 5)}-${body.slice(5, 10)}-${body.slice(10)}`
}

/** A stream token: 43 characters in the look of base64. */
export const token = (seed: number, serial: number): string => {
  let value = 0n
  for (let part = 0; part < 5; part++) value = (value << 64n) | mix((BigInt(seed) << 40n) ^ BigInt(serial * 8 + part))
  return digits(value, 43, TOKEN, 6n)
}

/** A connection id as Kraken's are: an integer of 64 bits that no double holds. */
export const connectionId = (seed: number, serial: number): string =>
  (mix((BigInt(seed) << 24n) ^ BigInt(serial)) | (1n << 63n) | 1n).toString()
