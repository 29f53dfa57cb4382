/** What `simulate` is asked to do, as a list of runs, each with the command that repeats it. */
import { Either } from "effect"
import { DAY_MS } from "../../domain/Time.ts"
import type { Job, Strike } from "../../services/Simulator.ts"
import { UsageError } from "../cli/ExitCode.ts"

export interface SimulateOptions {
  readonly seeds: number | undefined
  readonly from: number | undefined
  /** Length of each run in simulated days. */
  readonly days: number | undefined
  readonly strike: Strike | undefined
  /** File of a plan. */
  readonly plan: string | undefined
  /** File for everything that happens in the run. */
  readonly journal: string | undefined
  readonly workers: number
  readonly checkHeap: boolean
  readonly json: boolean
}

/** One run. */
export interface Item {
  /** `seed 41`. */
  readonly name: string
  readonly job: Job
  /** Repeats it. */
  readonly replay: string
  /** File for the smallest plan that fails like it; absent where no smaller one is looked for. */
  readonly smallerIn: string | undefined
}

export interface Work {
  readonly total: number
  /** Virtual time of each run without its quiet end, where that is known. */
  readonly lengthMs: number | undefined
  readonly item: (index: number) => Item
}

const HOUR_MS = 3_600_000
const SEEDS = 10
const FIRST_SEED = 1

/** How the program is called, in what it tells people to type. */
const COMMAND = "node dist/main.js simulate"

/** A word as a shell takes it. */
const quoted = (text: string): string => (/^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

const command = (...words: ReadonlyArray<string>): string => [COMMAND, ...words.map(quoted)].join(" ")

const strikeWords = (strike: Strike | undefined): ReadonlyArray<string> =>
  strike === undefined ? [] : ["--strike", `${strike.effect}:${strike.how}`]

/** Repeats a plan that stands in a file, and writes down all that happens. */
export const replayOfFile = (file: string): string =>
  command("--plan", file, "--journal", file.replace(/(\.json)?$/, ".log"))

const refuse = (text: string): Either.Either<never, UsageError> =>
  Either.left(new UsageError({ text: `${text} Nothing was simulated.` }))

const seedsOf = ({ days, from = FIRST_SEED, seeds = SEEDS, strike }: SimulateOptions): Work => {
  const lengthMs = days === undefined ? HOUR_MS : Math.round(days * DAY_MS)
  return {
    total: seeds,
    lengthMs,
    item: (index) => {
      const seed = from + index
      return {
        name: `seed ${seed}`,
        job: { _tag: "Seed", seed, lengthMs, ...(strike === undefined ? {} : { strike }) },
        replay: command(
          "--from",
          String(seed),
          "--seeds",
          "1",
          ...(days === undefined ? [] : ["--days", String(days)]),
          ...strikeWords(strike)
        ),
        smallerIn: `simulation-seed-${seed}.json`
      }
    }
  }
}

const fileOf = (file: string, text: string, strike: Strike | undefined): Work => {
  const only: Item = {
    name: `the plan ${file}`,
    job: { _tag: "Plan", text, ...(strike === undefined ? {} : { strike }) },
    replay: command("--plan", file, ...strikeWords(strike)),
    // somebody is looking at just this plan
    smallerIn: undefined
  }
  return { total: 1, lengthMs: undefined, item: () => only }
}

/** The runs that the options ask for; `text` is what stands in the file of the plan. */
export const workOf = (options: SimulateOptions, text: string | undefined): Either.Either<Work, UsageError> => {
  const { checkHeap, days, from, journal, plan, seeds, strike } = options
  if (plan !== undefined && (seeds ?? from ?? days) !== undefined) {
    return refuse("--plan FILE is one run with a seed and a length of its own: leave out --seeds, --from and --days.")
  }
  const work = plan === undefined || text === undefined ? seedsOf(options) : fileOf(plan, text, strike)
  if (work.total > 1 && journal !== undefined) {
    return refuse("--journal FILE holds one run: add --seeds 1, or replay a plan with --plan FILE.")
  }
  if (work.total > 1 && strike !== undefined) {
    return refuse(
      "--strike N:HOW is about the Nth effect of one run: add --seeds 1, or replay a plan with --plan FILE."
    )
  }
  if (checkHeap && plan === undefined && (days ?? 0) < 2) {
    return refuse("--check-heap compares the days of a run with its first: add --days with 2 or more.")
  }
  return Either.right(work)
}
