/** Runs seeds or a story until the first violation. */
import { draw } from "../../../src/simulation/Draw.ts"
import type { Plan } from "../../../src/simulation/Plan.ts"
import { simulate } from "../../../src/simulation/Run.ts"
import type { RunResult } from "../../../src/simulation/Run.ts"
import type { Came, Story } from "./stories.ts"

/** What a missing protection was found by. A claim of a story that does not hold stands under "claim". */
export interface Found {
  readonly invariant: string
  readonly text: string
  /** Every violation of the same run, in words. */
  readonly all: ReadonlyArray<string>
}

export interface Verdict {
  readonly found: Found | undefined
  /** The seed that found it, or the last one that was run. */
  readonly seed: number | undefined
}

/** With the processor time that it took, which does not depend on what else the machine does. */
export interface TimedVerdict extends Verdict {
  readonly cpuMs: number
}

const cameOf = ({ outcome }: RunResult): Came => {
  const inTime = <A extends { readonly at: number; readonly side: string }>(all: ReadonlyArray<A>, side: string) =>
    all.filter((one) => one.side === side && one.at < outcome.calmAt)
  return {
    entries: inTime(outcome.orders, "buy"),
    exits: inTime(outcome.orders, "sell"),
    bought: inTime(outcome.fills, "buy"),
    sold: inTime(outcome.fills, "sell"),
    outcome
  }
}

const firstOf = (result: RunResult, expect: Story["expect"]): Found | undefined => {
  const [first] = result.violations
  if (first !== undefined) {
    return { invariant: first.invariant, text: first.text, all: result.violations.map((v) => v.text) }
  }
  const [claim] = Object.entries(expect?.(cameOf(result)) ?? {}).filter(([, holds]) => !holds)
  return claim === undefined ? undefined : { invariant: "claim", text: `not so: ${claim[0]}`, all: [claim[0]] }
}

/** The plan with what can only be placed once it is known when things happen. */
export const placed = ({ beforeEntry, plan, strike }: Story): Plan => {
  if (beforeEntry === undefined && strike === undefined) return plan
  let entryAt: number | undefined
  let effect: number | undefined
  simulate(plan, {
    storyOnly: true,
    onLine: (line) => {
      const [, at] = /^([\d.]+) > AddOrder \d+ \S+ buy /.exec(line) ?? []
      // one that is only looked at carries no id
      if (at !== undefined) entryAt ??= Number(at) - plan.start
    },
    onEffect: (number, name) => {
      if (name === strike?.effect) effect ??= number
    }
  })
  if (strike !== undefined && effect === undefined) throw new Error(`${plan.name}: no effect is ${strike.effect}`)
  if (beforeEntry !== undefined && entryAt === undefined) throw new Error(`${plan.name}: nothing was entered`)
  return {
    ...plan,
    ...(strike === undefined || effect === undefined ? {} : { strike: { effect, how: strike.how } }),
    steps:
      beforeEntry === undefined || entryAt === undefined
        ? plan.steps
        : [...plan.steps, { at: entryAt - beforeEntry.ms, act: beforeEntry.act }]
  }
}

export const tellStory = (story: Story): Verdict => ({
  found: firstOf(simulate(placed(story)), story.expect),
  seed: undefined
})

/** Seeds from 1 on, `most` at most. */
export const trySeeds = (most: number): Verdict => {
  for (let seed = 1; seed <= most; seed += 1) {
    const found = firstOf(simulate(draw(seed)), undefined)
    if (found !== undefined) return { found, seed }
  }
  return { found: undefined, seed: most }
}
