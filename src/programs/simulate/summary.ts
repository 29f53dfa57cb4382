/** What many runs come to, for people and for scripts. */
import { DAY_MS, iso } from "../../domain/Time.ts"
import type { SimulatedRun, SimulatedViolation } from "../../services/Simulator.ts"
import type { Palette } from "../cli/text.ts"
import { count, span } from "../cli/text.ts"

/** A run and its place in the work. */
export interface Finished {
  readonly index: number
  readonly run: SimulatedRun
}

export interface Spent {
  readonly wallMs: number
  /** Of all cores together. */
  readonly cpuMs: number
}

/** Times in milliseconds where the name says so; rates of nothing are 0. */
export interface Summary {
  readonly runs: number
  /** How many were asked for. */
  readonly asked: number
  readonly failedRuns: number
  readonly violations: number
  readonly simulatedMs: number
  readonly wallMs: number
  readonly cpuMs: number
  readonly simulatedDaysPerMinute: number
  /** For each minute of processor time. */
  readonly simulatedDaysPerMinuteAndCore: number
  /** Tasks of the event loops. */
  readonly events: number
  readonly eventsPerSecond: number
  readonly effects: number
  readonly exchangeSteps: number
  readonly orders: number
  readonly entries: number
  readonly fills: number
  readonly faults: number
  /** In a run that was carried out to its end. */
  readonly fewestFaults: number
  readonly lives: number
  /** Starts after the first of each run: crashes, stops and the rest. */
  readonly restarts: number
  readonly settleP50Ms: number | undefined
  readonly settleP99Ms: number | undefined
  readonly settleMaxMs: number | undefined
  /** Over the hashes of all runs in their order. */
  readonly hash: string
}

const MINUTE_MS = 60_000

/** By nearest rank: the least value that at least this share of all does not exceed. */
export const percentile = (sorted: ReadonlyArray<number>, share: number): number | undefined =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]

const rate = (amount: number, per: number): number => (per > 0 ? amount / per : 0)

/** What the total hash is made of. */
export const hashTexts = (finished: ReadonlyArray<Finished>): ReadonlyArray<string> =>
  finished.toSorted((a, b) => a.index - b.index).map(({ index, run }) => `${index} ${run.hash}`)

export const summarise = (
  finished: ReadonlyArray<Finished>,
  asked: number,
  { cpuMs, wallMs }: Spent,
  hash: string
): Summary => {
  const sum = (value: (run: SimulatedRun) => number): number =>
    finished.reduce((total, { run }) => total + value(run), 0)
  const settled = finished.flatMap(({ run }) => run.settledAfterMs ?? []).toSorted((a, b) => a - b)
  // a run that breaks a rule ends before its plan does
  const whole = finished.filter(({ run }) => run.violations.length === 0)
  const simulatedMs = sum((run) => run.simulatedMs)
  const days = simulatedMs / DAY_MS
  const events = sum((run) => run.tasks)
  const lives = sum((run) => run.lives)
  return {
    runs: finished.length,
    asked,
    failedRuns: sum((run) => (run.violations.length > 0 ? 1 : 0)),
    violations: sum((run) => run.violations.length),
    simulatedMs,
    wallMs,
    cpuMs,
    simulatedDaysPerMinute: rate(days, wallMs / MINUTE_MS),
    simulatedDaysPerMinuteAndCore: rate(days, cpuMs / MINUTE_MS),
    events,
    eventsPerSecond: rate(events, wallMs / 1000),
    effects: sum((run) => run.effects),
    exchangeSteps: sum((run) => run.steps),
    orders: sum((run) => run.orders),
    entries: sum((run) => run.entries),
    fills: sum((run) => run.fills),
    faults: sum((run) => run.faults),
    fewestFaults: whole.reduce((least, { run }) => Math.min(least, run.faults), whole[0]?.run.faults ?? 0),
    lives,
    restarts: lives - sum((run) => Math.min(1, run.lives)),
    settleP50Ms: percentile(settled, 0.5),
    settleP99Ms: percentile(settled, 0.99),
    settleMaxMs: settled.at(-1),
    hash
  }
}

/** `12,345`. */
export const grouped = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",")

/** Days as people say them: `45 min`, `2.5 d`. */
export const simulated = (ms: number): string => (ms < DAY_MS ? span(ms / 1000) : `${(ms / DAY_MS).toFixed(2)} d`)

export const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`

/** A violation as a line. */
export const violationLine = ({ at, invariant, text }: SimulatedViolation): string => `${iso(at)} ${invariant}: ${text}`

const settleRow = ({ settleMaxMs, settleP50Ms, settleP99Ms }: Summary): ReadonlyArray<readonly [string, string]> => {
  if (settleP50Ms === undefined || settleP99Ms === undefined || settleMaxMs === undefined) return []
  const [half, nearlyAll, all] = [settleP50Ms, settleP99Ms, settleMaxMs].map((ms) => span(ms / 1000))
  return [["at rest", `after the faults within ${half} (p50), ${nearlyAll} (p99), ${all} (all)`]]
}

export const renderSummary = (s: Summary, p: Palette): string => {
  const head =
    s.violations > 0
      ? p.bad(`${count(s.violations, "violation")} in ${count(s.failedRuns, "run")} of ${s.runs}`)
      : s.runs < s.asked
        ? p.warn(`${s.runs} of ${count(s.asked, "run")} carried out, without a violation`)
        : p.good(`${count(s.runs, "run")}, no violation`)
  const rows: ReadonlyArray<readonly [string, string]> = [
    [
      "simulated",
      `${simulated(s.simulatedMs)} in ${span(s.wallMs / 1000)} (${s.simulatedDaysPerMinute.toFixed(2)} days a minute)`
    ],
    [
      "processor",
      `${span(s.cpuMs / 1000)} (${s.simulatedDaysPerMinuteAndCore.toFixed(2)} simulated days a minute and core)`
    ],
    ["events", `${grouped(s.events)} (${grouped(s.eventsPerSecond)} a second)`],
    ["effects", `${grouped(s.effects)} of the trader's, ${grouped(s.exchangeSteps)} steps of the exchange`],
    ["orders", `${grouped(s.orders)}, of these ${grouped(s.entries)} entries; ${grouped(s.fills)} fills`],
    ["lives", `${grouped(s.lives)}, of these ${grouped(s.restarts)} new starts`],
    ["faults", `${grouped(s.faults)}, in no run fewer than ${grouped(s.fewestFaults)}`],
    ...settleRow(s),
    ["hash", s.hash]
  ]
  return [head, ...rows.map(([name, text]) => `  ${name.padEnd(10)} ${text}`)].join("\n")
}
