/** How far the work is, while it goes on: a bar on a terminal, a line now and then elsewhere. */
import { DAY_MS } from "../../domain/Time.ts"
import type { RunProgress } from "../../services/Simulator.ts"
import { count, span } from "../cli/text.ts"
import { grouped, megabytes, simulated } from "./summary.ts"

/** Sums over the runs that are over, and what is known of those under way, by their place in the work. */
export interface Board {
  readonly runs: number
  readonly simulatedMs: number
  readonly tasks: number
  readonly violations: number
  readonly running: ReadonlyMap<number, RunProgress>
}

export const empty: Board = { runs: 0, simulatedMs: 0, tasks: 0, violations: 0, running: new Map() }

export const withProgress = (board: Board, index: number, progress: RunProgress): Board => ({
  ...board,
  running: new Map(board.running).set(index, progress)
})

/** What of a job that is over counts. */
export interface Over {
  readonly simulatedMs: number
  readonly tasks: number
  readonly violations: number
}

export const withOver = (board: Board, index: number, over: Over): Board => ({
  runs: board.runs + 1,
  simulatedMs: board.simulatedMs + over.simulatedMs,
  tasks: board.tasks + over.tasks,
  violations: board.violations + over.violations,
  running: new Map([...board.running].filter(([at]) => at !== index))
})

/** What is asked for. */
export interface Asked {
  readonly total: number
  /** One of it: `run`, `scenario`. */
  readonly what: string
}

const BAR = 20
const MINUTE_MS = 60_000

const shareOf = ({ running, runs }: Board, total: number): number =>
  [...running.values()].reduce((sum, { share }) => sum + share, runs) / total

export const bar = (part: number): string => {
  const full = Math.floor(part * BAR)
  return `[${"#".repeat(full)}${"-".repeat(BAR - full)}]`
}

/** One line: runs, violations, simulated time, pace, heap; with a bar and the time left where `withBar`. */
export const boardLine = (board: Board, { total, what }: Asked, wallMs: number, withBar: boolean): string => {
  const running = [...board.running.values()]
  const simulatedMs = running.reduce((sum, r) => sum + r.simulatedMs, board.simulatedMs)
  const tasks = running.reduce((sum, r) => sum + r.tasks, board.tasks)
  const heap = running.reduce((sum, r) => sum + r.heapBytes, 0)
  const part = shareOf(board, total)
  const minutes = wallMs / MINUTE_MS
  return [
    `${withBar ? `${bar(part)} ` : ""}${board.runs} of ${count(total, what)}`,
    count(board.violations, "violation"),
    `${simulated(simulatedMs)} simulated`,
    ...(minutes > 0
      ? [`${(simulatedMs / DAY_MS / minutes).toFixed(2)} days/min`, `${grouped(tasks / (wallMs / 1000))} events/s`]
      : []),
    ...(heap > 0 ? [`heap ${megabytes(heap)}`] : []),
    ...(withBar && part > 0.01 && part < 1 ? [`${span((wallMs / part - wallMs) / 1000)} left`] : [])
  ].join(", ")
}
