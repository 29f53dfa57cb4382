/** Carries out one task of a thread, from its beginning to its end, in one go. */
import * as FileSystem from "node:fs"
import { getHeapStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Either, Logger } from "effect"
import type { Exhausted, Job, Progress, SimulatedRun, Stretch, StruckFailure } from "../services/Simulator.ts"
import { SimulatorFailed } from "../services/Simulator.ts"
import { DAY_MS } from "../domain/Time.ts"
import { draw } from "./Draw.ts"
import type { Plan } from "./Plan.ts"
import { parsePlan, printPlan } from "./planText.ts"
import type { Result, Task } from "./protocol.ts"
import { exhaust, learn } from "./nthEffect.ts"
import { simulate } from "./Run.ts"
import type { RunResult } from "./Run.ts"
import { scenarios } from "./scenarios/all.ts"
import type { Scenario } from "./scenarios/Scenario.ts"
import type { RunOptions } from "./World.ts"
import { shrink } from "./shrink.ts"

/** Real time between two tellings. */
const TELL_EVERY_MS = 200
/** Simulations that looking for the smallest plan may take. */
const MAX_TRIES = 400
const BUFFER_CHARACTERS = 1 << 16
/** Failures of one stretch that are told. */
const FAILURES_KEPT = 5

const heapBytes = (): number => getHeapStatistics().used_heap_size

/** A full collection of garbage, which Node gives to those who ask for it by a flag, also later. */
const collector = (): (() => void) => {
  setFlagsFromString("--expose-gc")
  const collect: unknown = runInNewContext("gc")
  return typeof collect === "function" ? () => void collect() : () => undefined
}

const scenarioOf = (name: string): Either.Either<Scenario, string> =>
  Either.fromNullable(
    scenarios.find((one) => one.name === name),
    () => `there is no scenario "${name}"`
  )

const knownScenario = (name: string): Either.Either<Scenario, SimulatorFailed> =>
  Either.mapLeft(scenarioOf(name), (text) => new SimulatorFailed({ reason: "plan", text }))

const planOfJob = (job: Job): Either.Either<Plan, string> => {
  switch (job._tag) {
    case "Seed":
      return Either.right(draw(job.seed, job.lengthMs))
    case "Plan":
      return parsePlan(job.text)
    case "Scenario":
      return Either.map(scenarioOf(job.name), ({ plan }) => plan)
  }
}

/** The plan of a job, with its strike. */
export const planOf = (job: Job): Either.Either<Plan, SimulatorFailed> =>
  Either.mapBoth(planOfJob(job), {
    onLeft: (text) => new SimulatorFailed({ reason: "plan", text }),
    onRight: (plan): Plan => (job.strike === undefined ? plan : { ...plan, strike: job.strike })
  })

/** Lines to a file, many at a time. */
const journalTo = (file: string) => {
  const handle = FileSystem.openSync(file, "w")
  let waiting = ""
  const flush = (): void => {
    FileSystem.writeSync(handle, waiting)
    waiting = ""
  }
  return {
    line: (text: string): void => {
      waiting += `${text}\n`
      if (waiting.length > BUFFER_CHARACTERS) flush()
    },
    close: (): void => {
      flush()
      FileSystem.closeSync(handle)
    }
  }
}

/** A run for those who ask, without what only expectations look at. */
const told = (plan: Plan, result: RunResult, problems: ReadonlyArray<string> = []): SimulatedRun => {
  const { effectsInStory: _, outcome: __, violations, ...rest } = result
  const at = plan.start + plan.lengthMs
  return {
    seed: plan.seed,
    ...rest,
    violations: [...violations, ...problems.map((text) => ({ invariant: "expected", at, text }))]
  }
}

/** What a scenario expects beyond that no rule is broken; a strike changes the story. */
const expectationOf = (job: Job): NonNullable<Scenario["expect"]> => {
  if (job._tag !== "Scenario" || job.strike !== undefined) return () => []
  return Either.getOrUndefined(scenarioOf(job.name))?.expect ?? (() => [])
}

/** Does what it is asked; `tell` hears how far it is. Throws what the simulation throws. */
export const makePerform = (shelf: string, tell: (progress: Progress) => void) => {
  const collect = collector()

  let toldAt = 0
  /** Tells how far it is, unless that was told just now. */
  const progress = (share: number, simulatedMs: number, tasks: number): void => {
    const now = performance.now()
    if (now - toldAt < TELL_EVERY_MS) return
    toldAt = now
    tell({ _tag: "Progress", share, simulatedMs, tasks, heapBytes: heapBytes() })
  }

  const run = (job: Job, plan: Plan, journal: string | undefined): Either.Either<SimulatedRun, SimulatorFailed> => {
    let day = 0
    const lines = Either.try({
      try: () => (journal === undefined ? undefined : journalTo(journal)),
      catch: (error) =>
        new SimulatorFailed({ reason: "journal", text: `The journal cannot be written: ${String(error)}` })
    })
    return Either.map(lines, (to) => {
      const options: RunOptions = {
        shelf,
        onMinute: ({ simulatedMs, tasks }) => {
          while (simulatedMs >= (day + 1) * DAY_MS) {
            day += 1
            collect()
            tell({ _tag: "Day", day, tasks, heapBytes: heapBytes() })
          }
          // what is under way is never done: its quiet end may take longer than the rest of it
          progress(Math.min(0.99, simulatedMs / plan.lengthMs), simulatedMs, tasks)
        },
        ...(to === undefined
          ? {}
          : {
              onLine: to.line,
              log: Logger.replace(
                Logger.defaultLogger,
                Logger.map(Logger.logfmtLogger, (text) => to.line(`log ${text}`))
              )
            })
      }
      try {
        const result = simulate(plan, options)
        return told(plan, result, expectationOf(job)(result))
      } finally {
        to?.close()
      }
    })
  }

  /** Stretches of one scenario come one after the other. */
  const learnt = new Map<Scenario, ReadonlyArray<string>>()
  const namesOf = (scenario: Scenario): ReadonlyArray<string> => {
    const names = learnt.get(scenario) ?? learn(scenario, { shelf })
    learnt.set(scenario, names)
    return names
  }

  const exhaustStretch = (scenario: Scenario, { first, last }: Stretch): Exhausted => {
    const failures: Array<StruckFailure> = []
    let tasks = 0
    let simulatedMs = 0
    let runs = 0
    const table = exhaust(scenario, { from: first, to: last, names: namesOf(scenario), run: { shelf } })
    for (let next = table.next(); ; next = table.next()) {
      if (next.done === true) {
        const { hash, violations } = next.value
        return { runs, failed: violations, failures, simulatedMs, tasks, hash }
      }
      const { problems, result, struck } = next.value
      runs += 1
      tasks += result.tasks
      simulatedMs += result.simulatedMs
      const { effect, how, name } = struck
      if (problems.length > 0 && failures.length < FAILURES_KEPT) {
        failures.push({ strike: { effect, how }, name, problems })
      }
      progress(Math.min(0.99, (effect - first + 1) / (last - first + 1)), simulatedMs, tasks)
    }
  }

  return (task: Task): Either.Either<Result, SimulatorFailed> => {
    switch (task._tag) {
      case "Run":
        return Either.flatMap(planOf(task.job), (plan) => run(task.job, plan, task.journal))
      case "Learn":
        return Either.map(knownScenario(task.scenario), (scenario) => ({ learnt: namesOf(scenario).length }))
      case "Exhaust":
        return Either.map(knownScenario(task.stretch.scenario), (scenario) => exhaustStretch(scenario, task.stretch))
      case "Shrink": {
        const { failed, job } = task
        const [first] = failed.violations
        return Either.map(planOf(job), (plan) => {
          let last = failed
          const { plan: smallest, tries } = shrink(plan, {
            maxTries: MAX_TRIES,
            failedAfterMs: (first?.at ?? Number.POSITIVE_INFINITY) - plan.start,
            fails: (smaller) => {
              const result = told(smaller, simulate(smaller, { shelf }))
              const same = result.violations.some(({ invariant }) => invariant === first?.invariant)
              if (same) last = result
              return same
            },
            onTry: (count, best) => tell({ _tag: "Try", tries: count, acts: best.steps.length, best: printPlan(best) })
          })
          return { plan: printPlan(smallest), run: last, tries }
        })
      }
    }
  }
}
