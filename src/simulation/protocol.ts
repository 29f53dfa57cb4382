/** What a thread of simulations is asked, and what it says. Plain data: it crosses between threads. */
import type { Job, Progress, Shrunk, SimulatedRun, SimulatorFailed } from "../services/Simulator.ts"

/** One at a time. */
export type Task =
  | { readonly _tag: "Run"; readonly job: Job; readonly journal: string | undefined }
  | { readonly _tag: "Shrink"; readonly job: Job; readonly failed: SimulatedRun }

/** What a thread is given when it begins. */
export interface ThreadData {
  /** The folder in which runs make theirs. */
  readonly shelf: string
}

export type Reply =
  | { readonly _tag: "Told"; readonly progress: Progress }
  | { readonly _tag: "Done"; readonly result: SimulatedRun | Shrunk }
  | { readonly _tag: "Failed"; readonly reason: SimulatorFailed["reason"]; readonly text: string }
