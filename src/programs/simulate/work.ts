/** What `simulate` is asked to do, as a list of runs, each with the command that repeats it. */
import { Either } from "effect"
import { DAY_MS } from "../../domain/Time.ts"
import type { Job, ScenarioName, Strike } from "../../services/Simulator.ts"
import { distance } from "../../domain/settings/spelling.ts"
import { UsageError } from "../cli/ExitCode.ts"

export interface SimulateOptions {
  readonly seeds: number | undefined
  readonly from: number | undefined
  /** Length of each run in simulated days. */
  readonly days: number | undefined
  /** Name of a scenario, or `all`. */
  readonly scenario: string | undefined
  readonly strike: Strike | undefined
  /** Every effect of the scenarios, struck in every way. */
  readonly exhaustive: boolean
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

export interface Runs {
  readonly _tag: "Runs"
  /** To be gone through once. */
  readonly items: Iterable<Item>
  readonly total: number
  /** The first that breaks a rule ends the work. */
  readonly endsAtFirst: boolean
}

/** The table of struck effects of these scenarios. */
export interface Tables {
  readonly _tag: "Tables"
  readonly scenarios: ReadonlyArray<string>
}

const HOUR_MS = 3_600_000
const SEEDS = 10
const FIRST_SEED = 1
const ALL = "all"

/** How the program is called, in what it tells people to type. */
const COMMAND = "node dist/main.js simulate"

/** A word as a shell takes it. */
const quoted = (text: string): string => (/^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

const command = (...words: ReadonlyArray<string>): string => [COMMAND, ...words.map(quoted)].join(" ")

const strikeWords = (strike: Strike | undefined): ReadonlyArray<string> =>
  strike === undefined ? [] : ["--strike", `${strike.effect}:${strike.how}`]
const strikePart = (strike: Strike | undefined) => (strike === undefined ? {} : { strike })

/** Repeats a plan that stands in a file, and writes down all that happens. */
export const replayOfFile = (file: string): string =>
  command("--plan", file, "--journal", file.replace(/(\.json)?$/, ".log"))

/** Repeats one run of a scenario. */
export const replayOfScenario = (name: string, strike: Strike | undefined): string =>
  command("--scenario", name, ...strikeWords(strike))

const refusal = (text: string): UsageError => new UsageError({ text: `${text} Nothing was simulated.` })
const refuse = (text: string): Either.Either<never, UsageError> => Either.left(refusal(text))

const seedsOf = ({ days, from = FIRST_SEED, seeds = SEEDS, strike }: SimulateOptions): Runs => {
  const lengthMs = days === undefined ? HOUR_MS : Math.round(days * DAY_MS)
  const daysWords = days === undefined ? [] : ["--days", String(days)]
  const itemOf = (seed: number): Item => ({
    name: `seed ${seed}`,
    job: { _tag: "Seed", seed, lengthMs, ...strikePart(strike) },
    replay: command("--from", String(seed), "--seeds", "1", ...daysWords, ...strikeWords(strike)),
    smallerIn: `simulation-seed-${seed}.json`
  })
  // there may be a million of them
  function* items(): Generator<Item, void> {
    for (let index = 0; index < seeds; index += 1) yield itemOf(from + index)
  }
  return { _tag: "Runs", total: seeds, endsAtFirst: true, items: items() }
}

const fileOf = (file: string, text: string, strike: Strike | undefined): Runs => ({
  _tag: "Runs",
  total: 1,
  endsAtFirst: true,
  items: [
    {
      name: `the plan ${file}`,
      job: { _tag: "Plan", text, ...strikePart(strike) },
      replay: command("--plan", file, ...strikeWords(strike)),
      // somebody is looking at just this plan
      smallerIn: undefined
    }
  ]
})

const scenariosOf = (names: ReadonlyArray<string>, strike: Strike | undefined): Runs => ({
  _tag: "Runs",
  total: names.length,
  endsAtFirst: false,
  items: names.map((name) => ({
    name: `scenario ${name}`,
    job: { _tag: "Scenario", name, ...strikePart(strike) },
    replay: replayOfScenario(name, strike),
    // it is small already, and its acts belong together
    smallerIn: undefined
  }))
})

/** Why options do not go together, if so: nothing needs to be read to tell. */
export const conflictOf = (options: SimulateOptions): UsageError | undefined => {
  const { checkHeap, days, exhaustive, from, journal, plan, scenario, seeds, strike } = options
  const drawn = (seeds ?? from ?? days) !== undefined
  if (plan !== undefined && (drawn || scenario !== undefined)) {
    return refusal(
      "--plan FILE is one run with a seed and a length of its own: leave out --seeds, --from, --days and --scenario."
    )
  }
  if ((scenario !== undefined || exhaustive) && drawn) {
    return refusal(
      "--scenario and --exhaustive carry out plans that come with the program: leave out --seeds, --from and --days."
    )
  }
  if (exhaustive && (plan ?? strike ?? journal) !== undefined) {
    return refusal("--exhaustive strikes every effect of whole scenarios: leave out --plan, --strike and --journal.")
  }
  if (checkHeap && plan === undefined && (days ?? 0) < 2) {
    return refusal("--check-heap compares the days of a run with its first: add --days with 2 or more.")
  }
  return undefined
}

const LIKELY = 5
const wordsOf = (name: string): ReadonlyArray<string> => name.split("-").filter((word) => word.length > 2)

/** Names that somebody may have meant, the likeliest first: written nearly so, or with most of its words. */
export const likely = (name: string, known: ReadonlyArray<string>): ReadonlyArray<string> => {
  const words = wordsOf(name.toLowerCase())
  return known
    .map((candidate) => {
      const most = Math.ceil(candidate.length / 3)
      const far = distance(name.toLowerCase(), candidate, most)
      const own = wordsOf(candidate)
      return { candidate, far, near: far <= most, shared: words.filter((word) => own.includes(word)).length }
    })
    .filter(({ near, shared }) => near || shared > 0)
    .toSorted((a, b) => Number(b.near) - Number(a.near) || b.shared - a.shared || a.far - b.far)
    .slice(0, LIKELY)
    .map(({ candidate }) => candidate)
}

/** Says that there is no such scenario, and which there are. */
const noScenario = (name: string, known: ReadonlyArray<string>): string => {
  const near = likely(name, known)
  return near.length === 0
    ? `There is no scenario "${name}". --scenario ${ALL} carries out every one of these:\n${known.map((one) => `  ${one}`).join("\n")}\n`
    : `There is no scenario "${name}"; did you mean ${near.join(", ")}? --scenario ${ALL} carries out all ${known.length}.`
}

/** The runs that the options ask for; `text` is what stands in the file of the plan. */
export const workOf = (
  options: SimulateOptions,
  text: string | undefined,
  scenarios: ReadonlyArray<ScenarioName>
): Either.Either<Runs | Tables, UsageError> => {
  const { exhaustive, journal, plan, scenario, strike } = options
  const all = scenarios.map(({ name }) => name)
  if (scenario !== undefined && scenario !== ALL && !all.includes(scenario)) {
    return refuse(noScenario(scenario, all))
  }
  const names = scenario === undefined || scenario === ALL ? all : [scenario]
  if (exhaustive) return Either.right({ _tag: "Tables", scenarios: names })
  const runs =
    plan !== undefined && text !== undefined
      ? fileOf(plan, text, strike)
      : scenario === undefined
        ? seedsOf(options)
        : scenariosOf(names, strike)
  if (runs.total > 1 && journal !== undefined) {
    return refuse("--journal FILE holds one run: add --seeds 1, or name a scenario or a plan.")
  }
  if (runs.total > 1 && strike !== undefined) {
    return refuse("--strike N:HOW is about the Nth effect of one run: add --seeds 1, or name a scenario or a plan.")
  }
  return Either.right(runs)
}
