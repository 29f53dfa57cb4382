/**
 * Fail the Nth effect: a scenario is played once for each effect of the trader's and each way in which it can be struck.
 * It fails, hangs, or succeeds just before a crash; the trader starts again, and the judge looks on until all is at rest.
 */
import { createHash } from "node:crypto"
import { make, seedOf } from "../domain/exchange/market/Random.ts"
import type { Blow, Strike } from "./Effects.ts"
import type { RunResult } from "./Run.ts"
import type { RunOptions } from "./World.ts"
import { simulate } from "./Run.ts"
import type { Scenario } from "./scenarios/Scenario.ts"

export const blows: ReadonlyArray<Blow> = ["fail", "hang", "crash"]

/** A strike, and what it strikes. */
export interface Struck extends Strike {
  readonly scenario: Scenario
  /** `request: AddOrder`, `database: commit an intent`… */
  readonly name: string
}

/** One run of the table. */
export interface StruckRun {
  readonly struck: Struck
  readonly result: RunResult
  /** Violations, and a strike that did not meet what it should have met; each as a line. */
  readonly problems: ReadonlyArray<string>
}

/** The line of a scenario in the table. */
export interface Row {
  readonly scenario: string
  /** Effects until the quiet phase. */
  readonly effects: number
  readonly runs: number
  /** Runs with a problem. */
  readonly violations: number
  readonly simulatedMs: number
  /** Over the hashes of all runs. */
  readonly hash: string
}

export interface ExhaustOptions {
  readonly blows?: ReadonlyArray<Blow>
  /** First and last effect; all of them unless told. */
  readonly from?: number
  readonly to?: number
  /** What `learn` says of the scenario, where that is known already. */
  readonly names?: ReadonlyArray<string>
  readonly run?: RunOptions
}

/** The strike as the command takes it. */
export const strikeText = ({ effect, how }: Strike): string => `${effect}:${how}`

/** Reads `12:crash`. */
export const parseStrike = (text: string): Strike | undefined => {
  const [, effect, word] = /^([1-9]\d{0,8}):(\w+)$/.exec(text) ?? []
  const how = blows.find((blow) => blow === word)
  return effect === undefined || how === undefined ? undefined : { effect: Number(effect), how }
}

/** Names of the effects of a scenario's story, the first at index 0. */
export const learn = (scenario: Scenario, options: RunOptions = {}): ReadonlyArray<string> => {
  const names: Array<string> = []
  simulate(scenario.plan, { ...options, storyOnly: true, onEffect: (_, name) => names.push(name) })
  return names
}

/** Plays a scenario with one strike. */
export const strikeOnce = (struck: Struck, options: RunOptions = {}): StruckRun => {
  const { effect, how, name, scenario } = struck
  const result = simulate({ ...scenario.plan, strike: { effect, how } }, options)
  const problems = result.violations.map(({ invariant, text }) => `${invariant}: ${text}`)
  // up to the strike the run is the one that was learnt from
  if (result.struck !== name) problems.push(`I21: effect ${effect} was ${result.struck ?? "not there"}, not ${name}`)
  return { struck, result, problems }
}

/** The whole table of one scenario, run by run; ends with its line. */
export function* exhaust(scenario: Scenario, options: ExhaustOptions = {}): Generator<StruckRun, Row> {
  const names = options.names ?? learn(scenario, options.run)
  const hash = createHash("sha256")
  let runs = 0
  let violations = 0
  let simulatedMs = 0
  const last = Math.min(options.to ?? names.length, names.length)
  for (let effect = Math.max(1, options.from ?? 1); effect <= last; effect += 1) {
    for (const how of options.blows ?? blows) {
      const run = strikeOnce({ scenario, effect, how, name: names[effect - 1] ?? "" }, options.run)
      runs += 1
      violations += run.problems.length > 0 ? 1 : 0
      simulatedMs += run.result.simulatedMs
      hash.update(run.result.hash)
      yield run
    }
  }
  return {
    scenario: scenario.name,
    effects: names.length,
    runs,
    violations,
    simulatedMs,
    hash: hash.digest("hex").slice(0, 16)
  }
}

/**
 * So many strikes, drawn fairly: the same number from each scenario, each time of the kind of effect that was struck
 * least so far among those it has, and each way in turn.
 */
export const sample = (scenarios: ReadonlyArray<Scenario>, size: number, seed: number): ReadonlyArray<Struck> => {
  const random = make(seedOf(seed, "sample"))
  const known = new Map<Scenario, ReadonlyMap<string, ReadonlyArray<number>>>()
  const kindsOf = (scenario: Scenario): ReadonlyMap<string, ReadonlyArray<number>> => {
    const before = known.get(scenario)
    if (before !== undefined) return before
    const kinds = new Map<string, Array<number>>()
    for (const [i, name] of learn(scenario).entries()) kinds.set(name, [...(kinds.get(name) ?? []), i + 1])
    known.set(scenario, kinds)
    return kinds
  }
  const struck = new Map<string, number>()
  const times = (name: string): number => struck.get(name) ?? 0
  const out: Array<Struck> = []
  for (let n = 0; n < size && scenarios.length > 0; n += 1) {
    const scenario = scenarios[n % scenarios.length]
    if (scenario === undefined) break
    const kinds = [...kindsOf(scenario)]
    const least = Math.min(...kinds.map(([name]) => times(name)))
    const rarest = kinds.filter(([name]) => times(name) === least)
    const [name, effects] = rarest[Math.floor(random.next() * rarest.length)] ?? ["", []]
    const effect = effects[Math.floor(random.next() * effects.length)]
    const how = blows[(n + Math.floor(n / scenarios.length)) % blows.length]
    if (effect === undefined || how === undefined) break
    struck.set(name, times(name) + 1)
    out.push({ scenario, effect, how, name })
  }
  return out
}
