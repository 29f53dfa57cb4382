/** The table of struck effects in pieces of about the same length, so that many threads have work until its end. */
import type { Exhausted, Stretch, StruckFailure } from "../../services/Simulator.ts"

/** A scenario, and how many effects of the trader's it has. */
export interface Counted {
  readonly scenario: string
  readonly effects: number
}

/** Effects of one stretch. Hashes of scenarios are made of those of their stretches: another length changes them. */
export const STRETCH = 20

/** All effects of a scenario, in order; the last stretch has what is left. */
export const stretchesOf = ({ effects, scenario }: Counted): ReadonlyArray<Stretch> =>
  Array.from({ length: Math.ceil(effects / STRETCH) }, (_, i) => ({
    scenario,
    first: i * STRETCH + 1,
    last: Math.min(effects, (i + 1) * STRETCH)
  }))

/** A stretch that is over. */
export interface Over {
  readonly stretch: Stretch
  readonly result: Exhausted
}

/** What is known of a scenario. */
export interface Row extends Counted {
  readonly runs: number
  readonly failed: number
  readonly failures: ReadonlyArray<StruckFailure>
  readonly simulatedMs: number
  readonly tasks: number
  /** Hashes of its stretches in their order. */
  readonly hashes: ReadonlyArray<string>
  /** Whether all of its effects were struck. */
  readonly whole: boolean
}

/** What the stretches of a scenario that are over come to; `over` may hold those of others. */
export const rowOf = (counted: Counted, over: ReadonlyArray<Over>): Row => {
  const own = over
    .filter(({ stretch }) => stretch.scenario === counted.scenario)
    .toSorted((a, b) => a.stretch.first - b.stretch.first)
    .map(({ result }) => result)
  const sum = (value: (result: Exhausted) => number): number => own.reduce((all, result) => all + value(result), 0)
  return {
    ...counted,
    runs: sum(({ runs }) => runs),
    failed: sum(({ failed }) => failed),
    failures: own.flatMap(({ failures }) => failures),
    simulatedMs: sum(({ simulatedMs }) => simulatedMs),
    tasks: sum(({ tasks }) => tasks),
    hashes: own.map(({ hash }) => hash),
    whole: own.length === stretchesOf(counted).length
  }
}
