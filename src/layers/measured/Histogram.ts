/** A histogram of durations with fixed buckets, as Prometheus means it: cumulative counts, a sum, and a count. */
import type { MetricSample } from "../../services/ControlServer.ts"

/** Bounds in seconds: from a commit on a fast disk to the longest time-out of an order. */
export const BOUNDS: ReadonlyArray<number> = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
]

export interface Histogram {
  readonly observe: (seconds: number) => void
  readonly read: () => NonNullable<MetricSample["histogram"]>
}

export const makeHistogram = (bounds: ReadonlyArray<number> = BOUNDS): Histogram => {
  // one more than the bounds: what is above all of them
  const counts = new Float64Array(bounds.length + 1)
  let sum = 0
  let count = 0
  return {
    observe: (seconds) => {
      let at = 0
      while (at < bounds.length && seconds > (bounds[at] ?? 0)) at += 1
      counts[at] = (counts[at] ?? 0) + 1
      sum += seconds
      count += 1
    },
    read: () => {
      let below = 0
      return {
        buckets: bounds.map((bound, n) => {
          below += counts[n] ?? 0
          return [bound, below] as const
        }),
        sum,
        count
      }
    }
  }
}
