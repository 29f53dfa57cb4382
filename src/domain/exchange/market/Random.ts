/**
 * Seeded randomness for markets and faults: small, fast, the same everywhere.
 *
 * A generator is SplitMix32 (the 32-bit finalizer of MurmurHash3 over a Weyl sequence). Every bar of a market gets a
 * generator of its own from (seed, name, time), so that any part of a path can be made without making what comes before.
 */

const imul = Math.imul

/** The 32-bit finalizer of MurmurHash3 (Appleby): every input bit reaches every output bit. */
const mix = (value: number): number => {
  let h = value | 0
  h = imul(h ^ (h >>> 16), 0x85ebca6b)
  h = imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A 32-bit seed from any number of numbers and texts; the order counts. */
export const seedOf = (...parts: ReadonlyArray<number | string>): number => {
  let h = 0x9e3779b9
  const fold = (word: number): void => {
    h = mix(imul(h, 31) ^ word)
  }
  for (const part of parts) {
    if (typeof part === "string") {
      for (let i = 0; i < part.length; i += 1) fold(part.charCodeAt(i))
      fold(part.length)
    } else {
      fold(part | 0)
      fold(Math.floor(part / 4_294_967_296) | 0)
    }
  }
  return h
}

/** A source of draws; it changes with each draw, so make one where it is used and let nobody share it. */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  readonly next: () => number
  /** Uniform in [low, high). */
  readonly between: (low: number, high: number) => number
  /** Standard normal (Box and Muller 1958). */
  readonly normal: () => number
  /** Exponential with this mean. */
  readonly wait: (mean: number) => number
}

export const make = (seed: number): Random => {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0
    return mix(state) / 4_294_967_296
  }
  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    wait: (mean) => -mean * Math.log(1 - next())
  }
}
