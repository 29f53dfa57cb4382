/**
 * From a plan that fails to the smallest one found that fails in the same way. Delta debugging (Zeller and Hildebrandt,
 * "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2), 2002) over the acts, then a shorter run, then shorter
 * acts. Nothing here runs a plan: it is told whether one still fails.
 */
import type { Act, Plan, Step } from "./Plan.ts"

/** Room after the failure, so that a run that is cut short still reaches it. */
const MARGIN_MS = 30_000
const SHORTEST_RUN_MS = 60_000
/** A time this short is not worth another try. */
const SHORTEST_MS = 500

export interface ShrinkParts {
  /** Whether a plan still fails in the same way. */
  readonly fails: (plan: Plan) => boolean
  /** Since the start of the run, when it failed; what comes later had no part in it. */
  readonly failedAfterMs: number
  /** Tries at most; then the smallest plan so far is the answer. */
  readonly maxTries: number
  /** Told after each try. */
  readonly onTry?: (tries: number, best: Plan) => void
}

export interface Smallest {
  readonly plan: Plan
  readonly tries: number
}

/** Parts of about the same size, in order; none is empty. */
export const parts = <A>(items: ReadonlyArray<A>, count: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: count }, (_, i) =>
    items.slice(Math.floor((i * items.length) / count), Math.floor(((i + 1) * items.length) / count))
  ).filter((part) => part.length > 0)

/** A list of which no single part can be left out any more; `fails` must hold for the list that it begins with. */
export const minimise = <A>(items: ReadonlyArray<A>, fails: (items: ReadonlyArray<A>) => boolean): ReadonlyArray<A> => {
  if (items.length === 0 || fails([])) return []
  let left = items
  let count = 2
  while (left.length >= 2) {
    const all = parts(left, count)
    const one = count > 2 ? undefined : all.find((part) => fails(part))
    if (one !== undefined) {
      left = one
      count = 2
      continue
    }
    const at = all.findIndex((_, i) => fails(all.filter((__, j) => j !== i).flat()))
    if (at >= 0) {
      left = all.filter((_, j) => j !== at).flat()
      count = Math.max(2, count - 1)
    } else if (count < left.length) count = Math.min(left.length, count * 2)
    else break
  }
  return left
}

const isDuration = (name: string): boolean =>
  name === "ms" || name === "times" || (name.endsWith("Ms") && name !== "deltaMs")

/** The versions of a value in which one duration (or number of times) is half of what it was. */
const halves = (value: unknown): ReadonlyArray<unknown> => {
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([name, inner]): ReadonlyArray<unknown> => {
    const put = (smaller: unknown): unknown => ({ ...value, [name]: smaller })
    if (typeof inner === "number" && isDuration(name)) {
      const least = name === "times" ? 1 : SHORTEST_MS
      return inner > least ? [put(Math.max(least, Math.floor(inner / 2)))] : []
    }
    return halves(inner).map(put)
  })
}

/** An act with each of its durations halved in turn. A half of an act's durations is an act of the same kind. */
export const shorterActs = (act: Act): ReadonlyArray<Act> => halves(act) as ReadonlyArray<Act>

export const shrink = (plan: Plan, { failedAfterMs, fails, maxTries, onTry }: ShrinkParts): Smallest => {
  let best = plan
  let tries = 0
  const seen = new Set([JSON.stringify(plan)])
  const better = (candidate: Plan): boolean => {
    const text = JSON.stringify(candidate)
    if (tries >= maxTries || seen.has(text)) return text === JSON.stringify(best)
    seen.add(text)
    tries += 1
    const still = fails(candidate)
    if (still) best = candidate
    onTry?.(tries, best)
    return still
  }
  const cut = (from: Plan, lengthMs: number): Plan => ({
    ...from,
    lengthMs,
    steps: from.steps.filter((step) => step.at < lengthMs)
  })
  const withSteps = (steps: ReadonlyArray<Step>): Plan => ({ ...best, steps })

  // first what costs one try and makes all others cheaper: nothing after the failure matters
  if (failedAfterMs + MARGIN_MS < plan.lengthMs) better(cut(plan, Math.ceil(failedAfterMs + MARGIN_MS)))
  if (best.strike !== undefined) {
    const { strike: _, ...unstruck } = best
    better(unstruck)
  }
  for (let before = ""; before !== JSON.stringify(best);) {
    before = JSON.stringify(best)
    minimise(best.steps, (steps) => better(withSteps(steps)))
    for (let part = 0.5; part < 0.95;) {
      const lengthMs = Math.max(SHORTEST_RUN_MS, Math.floor(best.lengthMs * part))
      if (lengthMs >= best.lengthMs || !better(cut(best, lengthMs))) part += 0.2
    }
    for (let i = 0; i < best.steps.length; i += 1) {
      const shorten = (): boolean => {
        const step = best.steps[i]
        return (
          step !== undefined &&
          shorterActs(step.act).some((act) => better(withSteps(best.steps.with(i, { ...step, act }))))
        )
      }
      while (shorten());
    }
  }
  return { plan: best, tries }
}
