/** What a thread of simulations is asked, and what it says. Plain data: it crosses between threads. */
import type { Exhausted, Job, Progress, Shrunk, SimulatedRun, SimulatorFailed, Stretch } from "../services/Simulator.ts"

/** One at a time. */
export type Task =
  | { readonly _tag: "Run"; readonly job: Job; readonly journal: string | undefined }
  | { readonly _tag: "Learn"; readonly scenario: string }
  | { readonly _tag: "Exhaust"; readonly stretch: Stretch }
  | { readonly _tag: "Shrink"; readonly job: Job; readonly failed: SimulatedRun }

/** What a thread is given when it begins. */
export interface ThreadData {
  /** The folder in which runs make theirs. */
  readonly shelf: string
}

/** How many effects a scenario has. */
export interface Learnt {
  readonly learnt: number
}

export type Result = SimulatedRun | Shrunk | Exhausted | Learnt

export type Reply =
  | { readonly _tag: "Told"; readonly progress: Progress }
  | { readonly _tag: "Done"; readonly result: Result }
  | { readonly _tag: "Failed"; readonly reason: SimulatorFailed["reason"]; readonly text: string }
