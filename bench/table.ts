/** The one table, and the machine that its figures are of. */
import { spawnSync } from "node:child_process"
import { cpus, totalmem } from "node:os"

export interface Row {
  readonly what: string
  readonly target: string
  readonly measured: string
  /** Whether the target is met; nothing where there is none. */
  readonly met?: boolean
}

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGb: number
  readonly node: string
  readonly platform: string
  /** With `+` when the tree had changes that were not committed. */
  readonly commit: string
}

const git = (...args: ReadonlyArray<string>): string =>
  spawnSync("git", args, { encoding: "utf8" }).stdout?.trim() ?? ""

export const machine = (): Machine => ({
  processor: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  commit: `${git("rev-parse", "--short", "HEAD") || "unknown"}${git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+"}`
})

const verdict = ({ met }: Row): string => (met === undefined ? "" : met ? "yes" : "NO")

export const tableText = (rows: ReadonlyArray<Row>): string => {
  const cells = [
    ["", "target", "measured", "met"],
    ...rows.map((row) => [row.what, row.target, row.measured, verdict(row)])
  ]
  const widths = [0, 1, 2, 3].map((i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`
  const [head = [], ...body] = cells
  return [line(head), rule, ...body.map(line)].join("\n")
}
