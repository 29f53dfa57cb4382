/**
 * Simulations of the whole trading program on virtual time, carried out beside the command that asks for them, so that it
 * stays able to draw, count and be broken off. Plans are text (JSON) here: what is in them is the simulation's own business.
 */
import type { Effect } from "effect"
import { Context, Data } from "effect"
import type { EpochMs } from "../domain/Time.ts"

/** What becomes of a struck effect. `crash`: it succeeds, and the process ends before it hears of it. */
export const blows = ["fail", "hang", "crash"] as const
export type Blow = (typeof blows)[number]

/** One effect of the trader's, by its number from the start of the run. */
export interface Strike {
  readonly effect: number
  readonly how: Blow
}

/** What is to be simulated. A strike comes on top of what the plan says, or in the place of its own. */
export type Job =
  /** The plan that is drawn from a seed, over so many milliseconds of virtual time. */
  | { readonly _tag: "Seed"; readonly seed: number; readonly lengthMs: number; readonly strike?: Strike }
  /** A plan with a name, that comes with the program. */
  | { readonly _tag: "Scenario"; readonly name: string; readonly strike?: Strike }
  /** A plan as JSON. */
  | { readonly _tag: "Plan"; readonly text: string; readonly strike?: Strike }

export interface SimulatedViolation {
  /** `I1` to `I22`; `expected`: what the scenario itself must come to. */
  readonly invariant: string
  /** In virtual time. */
  readonly at: EpochMs
  readonly text: string
}

/** How a run went. Times are milliseconds. */
export interface SimulatedRun {
  readonly seed: number
  readonly violations: ReadonlyArray<SimulatedViolation>
  /** Over everything that was sent, heard, decided and done: equal for equal plans. */
  readonly hash: string
  readonly simulatedMs: number
  /** From the end of the faults until everything was at rest for good; absent when it was not. */
  readonly settledAfterMs: number | undefined
  /** Tasks of the event loop. */
  readonly tasks: number
  /** Transactions, requests, connections and messages of the trader's. */
  readonly effects: number
  /** Name of the effect that was struck. */
  readonly struck: string | undefined
  /** Steps of the simulated exchange. */
  readonly steps: number
  readonly orders: number
  readonly entries: number
  readonly fills: number
  /** Starts of the trading program. */
  readonly lives: number
  /** Acts of the plan that were carried out. */
  readonly faults: number
}

/** How far a job is: often, but not at every step. */
export interface RunProgress {
  readonly _tag: "Progress"
  /** How much of it is done, from 0 to 1. */
  readonly share: number
  readonly simulatedMs: number
  readonly tasks: number
  /** The simulation's heap. */
  readonly heapBytes: number
}

/** A simulated day is over. */
export interface DayOver {
  readonly _tag: "Day"
  /** 1 is the first. */
  readonly day: number
  readonly tasks: number
  /** The heap after a collection of all garbage: what is still in use. */
  readonly heapBytes: number
}

/** A smaller plan was tried. */
export interface ShrinkProgress {
  readonly _tag: "Try"
  readonly tries: number
  /** Acts of the smallest plan that still fails, so far. */
  readonly acts: number
  /** That plan. */
  readonly best: string
}

export type Progress = RunProgress | DayOver | ShrinkProgress

/** The smallest plan that was found to fail in the same way. */
export interface Shrunk {
  /** The plan as JSON. */
  readonly plan: string
  readonly run: SimulatedRun
  readonly tries: number
}

/** A plan that comes with the program, because what it plays once went wrong somewhere. */
export interface ScenarioName {
  readonly name: string
  /** What once went wrong, and what must hold. */
  readonly why: string
}

/** A run in which a struck effect had a consequence that it must not have. */
export interface StruckFailure {
  readonly strike: Strike
  /** What was struck. */
  readonly name: string
  readonly problems: ReadonlyArray<string>
}

/** Effects of a scenario by their numbers, first and last included. */
export interface Stretch {
  readonly scenario: string
  readonly first: number
  readonly last: number
}

/** A stretch of a scenario with every effect of the trader's struck in every way, a run each. */
export interface Exhausted {
  readonly runs: number
  /** Runs with a problem. */
  readonly failed: number
  /** The first of them. */
  readonly failures: ReadonlyArray<StruckFailure>
  readonly simulatedMs: number
  readonly tasks: number
  /** Over the hashes of all runs. */
  readonly hash: string
}

/** A plan for people. */
export interface PlanInWords {
  readonly name: string
  readonly start: EpochMs
  readonly lengthMs: number
  readonly strike: string | undefined
  /** One line an act, each with its time. */
  readonly acts: ReadonlyArray<string>
}

/** What this process has used since it began. */
export interface Usage {
  /** Processor time of all threads. */
  readonly cpuMs: number
  /** Memory of the whole process. */
  readonly rssBytes: number
}

/**
 * A simulation that could not be carried out. `plan`: the text is not a plan, or there is no such scenario; `journal`: the
 * journal cannot be written; `died`: the simulation itself broke down, which says nothing about the trader.
 */
export class SimulatorFailed extends Data.TaggedError("SimulatorFailed")<{
  readonly reason: "plan" | "journal" | "died"
  readonly text: string
}> {
  override get message(): string {
    return this.text
  }
}

export interface SimulatorShape {
  /**
   * Carries a job out; as many run side by side as are asked for. Progress is handed over one after the other, while the
   * run goes on. `journal`: a file that takes everything that was sent, heard, decided and done, a line each.
   */
  readonly run: (
    job: Job,
    onProgress: (progress: Progress) => Effect.Effect<void>,
    journal?: string
  ) => Effect.Effect<SimulatedRun, SimulatorFailed>
  /** Looks for the smallest plan that fails like this run of the job. Every try is a simulation. */
  readonly shrink: (
    job: Job,
    failed: SimulatedRun,
    onProgress: (progress: Progress) => Effect.Effect<void>
  ) => Effect.Effect<Shrunk, SimulatorFailed>
  /** How many effects of the trader's a scenario has, until it is over and the faults end. */
  readonly effects: (scenario: string) => Effect.Effect<number, SimulatorFailed>
  /** Strikes every effect of a stretch in every way. */
  readonly exhaust: (
    stretch: Stretch,
    onProgress: (progress: Progress) => Effect.Effect<void>
  ) => Effect.Effect<Exhausted, SimulatorFailed>
  readonly scenarios: Effect.Effect<ReadonlyArray<ScenarioName>>
  /** A plan in words. */
  readonly tell: (plan: string) => Effect.Effect<PlanInWords, SimulatorFailed>
  /** One short text for many: equal when all of them are, in this order. */
  readonly fingerprint: (texts: ReadonlyArray<string>) => Effect.Effect<string>
  readonly usage: Effect.Effect<Usage>
}

export class Simulator extends Context.Tag("trader/services/Simulator")<Simulator, SimulatorShape>() {}
