/** Many sends under every policy, summed up: lines for the results file, a table for people. */
import { createHash } from "node:crypto"
import * as Fixed from "../../src/domain/money/Fixed.ts"
import { draw } from "./Draw.ts"
import type { Result } from "./episode.ts"
import { runEpisode } from "./episode.ts"
import { policies } from "./policies/all.ts"
import type { Policy } from "./Policy.ts"

/** One send under every policy. */
export const runSend = (seed: number, index: number): ReadonlyArray<Result> => {
  const drawn = draw(seed, index)
  return policies.map((policy) => runEpisode(drawn, policy))
}

/** Every send under every policy. */
export const runAll = (seed: number, sends: number): ReadonlyArray<Result> =>
  Array.from({ length: sends }, (_, index) => runSend(seed, index)).flat()

const COLUMNS = [
  "index",
  "policy",
  "duplicates",
  "orphans",
  "mostExposed",
  "overLimit",
  "certainAfter",
  "wrong",
  "fillsLost",
  "fillsDoubled",
  "overbooked",
  "waited",
  "entered",
  "kept",
  "attempts"
] as const

/** One line per send and policy. */
export const csv = (results: ReadonlyArray<Result>): string =>
  [
    COLUMNS.join(","),
    ...results.map((result) =>
      COLUMNS.map((column) => {
        const value = result[column]
        return typeof value === "bigint" ? Fixed.show(value) : String(value ?? "never")
      }).join(",")
    ),
    ""
  ].join("\n")

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

export interface Summary {
  readonly policy: Policy
  readonly sends: number
  /** Sends with at least one. */
  readonly duplicates: number
  readonly orphans: number
  readonly overLimit: number
  readonly mostExposed: bigint
  readonly median: number | undefined
  readonly p99: number | undefined
  readonly never: number
  readonly wrong: number
  readonly fillsLost: number
  readonly fillsDoubled: number
  readonly overbooked: number
  readonly waited: number
  readonly entered: number
  readonly kept: number
}

const sum = (results: ReadonlyArray<Result>, of: (result: Result) => number): number =>
  results.reduce((total, result) => total + of(result), 0)

const count = (results: ReadonlyArray<Result>, is: (result: Result) => boolean): number => results.filter(is).length

/** The value below or at which a share of all sends lies; those that never were certain count as longest. */
const quantile = (times: ReadonlyArray<number | undefined>, share: number): number | undefined => {
  const sorted = times.map((time) => time ?? Number.POSITIVE_INFINITY).toSorted((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  return value === undefined || value === Number.POSITIVE_INFINITY ? undefined : value
}

export const summarize = (results: ReadonlyArray<Result>): ReadonlyArray<Summary> =>
  policies.map((policy) => {
    const own = results.filter((result) => result.policy === policy.key)
    const times = own.map((result) => result.certainAfter)
    return {
      policy,
      sends: own.length,
      duplicates: count(own, (r) => r.duplicates > 0),
      orphans: count(own, (r) => r.orphans > 0),
      overLimit: count(own, (r) => r.overLimit),
      mostExposed: own.reduce((most, r) => (r.mostExposed > most ? r.mostExposed : most), 0n),
      median: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      never: count(own, (r) => r.certainAfter === undefined),
      wrong: count(own, (r) => r.wrong),
      fillsLost: sum(own, (r) => r.fillsLost),
      fillsDoubled: sum(own, (r) => r.fillsDoubled),
      overbooked: sum(own, (r) => r.overbooked),
      waited: sum(own, (r) => r.waited),
      entered: sum(own, (r) => r.entered),
      kept: count(own, (r) => r.kept)
    }
  })

const seconds = (value: number | undefined): string =>
  value === undefined ? "never" : `${(value / 1000).toFixed(1)} s`
const number = (value: number): string => value.toLocaleString("en")
const share = (value: number, of: number): string => `${number(value)} (${((100 * value) / of).toFixed(2)} %)`

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`
const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [row(head), row(head.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(row)].join("\n")

/** The tables of docs/evidence/order-safety.md. */
export const tables = (summaries: ReadonlyArray<Summary>): string =>
  [
    table(
      ["policy", "duplicates", "orphans", "above the limit", "most exposed", "fills lost", "fills doubled"],
      summaries.map((s) => [
        s.policy.title,
        share(s.duplicates, s.sends),
        share(s.orphans, s.sends),
        share(s.overLimit, s.sends),
        `$${Fixed.format(s.mostExposed, 2)}`,
        number(s.fillsLost),
        number(s.fillsDoubled)
      ])
    ),
    table(
      ["policy", "certain: median", "p99", "never", "certain but wrong", "later entries sent", "waited", "kept"],
      summaries.map((s) => [
        s.policy.title,
        seconds(s.median),
        seconds(s.p99),
        share(s.never, s.sends),
        share(s.wrong, s.sends),
        number(s.entered),
        number(s.waited),
        share(s.kept, s.sends)
      ])
    )
  ].join("\n\n")
