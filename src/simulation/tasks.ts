/** Carries out one task of a thread, from its beginning to its end, in one go. */
import * as FileSystem from "node:fs"
import { getHeapStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Either, Logger } from "effect"
import type { Job, Progress, Shrunk, SimulatedRun } from "../services/Simulator.ts"
import { SimulatorFailed } from "../services/Simulator.ts"
import { DAY_MS } from "../domain/Time.ts"
import { draw } from "./Draw.ts"
import type { Plan } from "./Plan.ts"
import { parsePlan, printPlan } from "./planText.ts"
import type { Task } from "./protocol.ts"
import { simulate } from "./Run.ts"
import type { RunOptions } from "./World.ts"
import { shrink } from "./shrink.ts"

/** Real time between two tellings. */
const TELL_EVERY_MS = 200
/** Simulations that looking for the smallest plan may take. */
const MAX_TRIES = 400
const BUFFER_CHARACTERS = 1 << 16

const heapBytes = (): number => getHeapStatistics().used_heap_size

/** A full collection of garbage, which Node gives to those who ask for it by a flag, also later. */
const collector = (): (() => void) => {
  setFlagsFromString("--expose-gc")
  const collect: unknown = runInNewContext("gc")
  return typeof collect === "function" ? () => void collect() : () => undefined
}

const planOfJob = (job: Job): Either.Either<Plan, string> => {
  switch (job._tag) {
    case "Seed":
      return Either.right(draw(job.seed, job.lengthMs))
    case "Plan":
      return parsePlan(job.text)
    case "Scenario":
      return Either.left(`there is no scenario "${job.name}"`)
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

/** A run without what only expectations look at. */
const runOf = (plan: Plan, options: RunOptions): SimulatedRun => {
  const { effectsInStory: _, outcome: __, ...rest } = simulate(plan, options)
  return { seed: plan.seed, ...rest }
}

/** Does what it is asked; `tell` hears how far it is. Throws what the simulation throws. */
export const makePerform = (shelf: string, tell: (progress: Progress) => void) => {
  const collect = collector()

  const run = (plan: Plan, journal: string | undefined): Either.Either<SimulatedRun, SimulatorFailed> => {
    let toldAt = 0
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
          const now = performance.now()
          if (now - toldAt < TELL_EVERY_MS) return
          toldAt = now
          tell({ _tag: "Progress", simulatedMs, tasks, heapBytes: heapBytes() })
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
        return runOf(plan, options)
      } finally {
        to?.close()
      }
    })
  }

  return (task: Task): Either.Either<SimulatedRun | Shrunk, SimulatorFailed> => {
    switch (task._tag) {
      case "Run":
        return Either.flatMap(planOf(task.job), (plan) => run(plan, task.journal))
      case "Shrink": {
        const { failed, job } = task
        const [first] = failed.violations
        return Either.map(planOf(job), (plan) => {
          let last = failed
          const { plan: smallest, tries } = shrink(plan, {
            maxTries: MAX_TRIES,
            failedAfterMs: (first?.at ?? Number.POSITIVE_INFINITY) - plan.start,
            fails: (smaller) => {
              const result = runOf(smaller, { shelf })
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
