/**
 * Mean and standard deviation of the last N values, in constant time and memory that does not move.
 *
 * Nothing is ever subtracted, so nothing drifts: the window is a queue of two stacks, each entry of which carries the
 * moments of everything beneath it. A value that leaves is a popped entry, and the moments of the whole are those of the
 * two tops merged. The textbook running sums (add the new square, take the old one off) lose all digits of a deviation
 * that is small against the price; this keeps them. Constant values have a deviation of exactly 0.
 */
import type { Brand } from "effect"
import { Brand as BrandModule, Option } from "effect"

/** A number that statistics may be made of: finite, and small enough that its square is too. */
export type Sample = number & Brand.Brand<"Sample">
const Sample = BrandModule.nominal<Sample>()

/** The largest magnitude taken; far above any price. */
export const MAX_SAMPLE = 1e15

/** A sample, or nothing: NaN, infinities and absurd magnitudes are not numbers to average. */
export const sample = (value: number): Option.Option<Sample> =>
  Number.isFinite(value) && Math.abs(value) <= MAX_SAMPLE ? Option.some(Sample(value)) : Option.none()

/** Count, mean and sum of squared differences from the mean. */
export interface Moments {
  readonly count: number
  readonly mean: number
  readonly squares: number
}

/** One value's moments. */
export const momentsOf = (value: Sample): Moments => ({ count: 1, mean: value, squares: 0 })

/**
 * The moments of two disjoint sets together (Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm
 * for computing sample variances"). Every term of `squares` is positive or zero: no cancellation.
 */
export const merge = (a: Moments, b: Moments): Moments => {
  const count = a.count + b.count
  const delta = b.mean - a.mean
  return {
    count,
    mean: a.mean + delta * (b.count / count),
    squares: a.squares + b.squares + delta * delta * ((a.count * b.count) / count)
  }
}

/** An entry of a stack, with the moments of itself and all entries beneath. */
interface Entry {
  readonly value: Sample
  readonly moments: Moments
  readonly beneath: Entry | undefined
}

/** The last `capacity` values. Plain immutable data. */
export interface Rolling {
  readonly capacity: number
  /** The oldest value on top. */
  readonly front: Entry | undefined
  /** The newest value on top. */
  readonly back: Entry | undefined
}

/** An empty window for `capacity` values; a deviation needs two, so fewer are raised to two. */
export const empty = (capacity: number): Rolling => ({
  capacity: Math.max(2, Math.trunc(capacity)),
  front: undefined,
  back: undefined
})

const stack = (value: Sample, beneath: Entry | undefined): Entry => ({
  value,
  moments: beneath === undefined ? momentsOf(value) : merge(beneath.moments, momentsOf(value)),
  beneath
})

/** The stack of newest values turned over, oldest on top, without the very oldest: that one is leaving. */
const turned = (newestFirst: Entry | undefined): Entry | undefined => {
  let top: Entry | undefined
  for (let entry = newestFirst; entry?.beneath !== undefined; entry = entry.beneath) top = stack(entry.value, top)
  return top
}

/** How many values the window holds. */
export const size = (window: Rolling): number => (window.front?.moments.count ?? 0) + (window.back?.moments.count ?? 0)

/** The window with one more value; from a full one the oldest leaves. Constant time on average over `capacity` calls. */
export const push = (window: Rolling, value: Sample): Rolling => {
  if (size(window) < window.capacity) return { ...window, back: stack(value, window.back) }
  if (window.front !== undefined) return { ...window, front: window.front.beneath, back: stack(value, window.back) }
  return { ...window, front: turned(window.back), back: stack(value, undefined) }
}

/** Mean and standard deviation of a full window. */
export interface Statistics {
  readonly mean: number
  /** Sample standard deviation (divided by N - 1), in the unit of the values; 0 for a flat series. */
  readonly deviation: number
}

/** The statistics of a window, or nothing until it is full: a half-filled window is never read as a whole one. */
export const statistics = (window: Rolling): Option.Option<Statistics> => {
  if (size(window) < window.capacity || window.back === undefined) return Option.none()
  const all = window.front === undefined ? window.back.moments : merge(window.front.moments, window.back.moments)
  return Option.some({ mean: all.mean, deviation: Math.sqrt(all.squares / (all.count - 1)) })
}
