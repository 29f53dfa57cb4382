/**
 * Effects of the trader's that fail, hang, or succeed just before a crash: a fair sample over all scenarios, the same at
 * each run. The whole table is `node dist/main.js simulate --scenario all --exhaustive`.
 */
import { assert, describe, it } from "@effect/vitest"
import { exhaust, learn, parseStrike, sample, strikeOnce, strikeText } from "../../src/simulation/nthEffect.ts"
import type { Row, StruckRun } from "../../src/simulation/nthEffect.ts"
import { scenarios } from "../../src/simulation/scenarios/all.ts"
import type { Scenario } from "../../src/simulation/scenarios/Scenario.ts"

const TIMEOUT_MS = 600_000
const SEED = 1
/** One strike for each scenario: about half a minute on a free core. */
const SIZE = scenarios.length

const named = (name: string): Scenario => {
  const found = scenarios.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no scenario ${name}`)
  return found
}

const replay = ({ struck }: StruckRun): string =>
  `node dist/main.js simulate --scenario ${struck.scenario.name} --strike ${strikeText(struck)}`

describe("the Nth effect", () => {
  it(
    "a sample over all scenarios, kinds of effects and ways to be struck: the judge finds nothing",
    async () => {
      const drawn = sample(scenarios, SIZE, SEED)
      assert.strictEqual(drawn.length, SIZE)
      assert.strictEqual(new Set(drawn.map(({ scenario }) => scenario)).size, scenarios.length)
      for (const how of ["fail", "hang", "crash"] as const) {
        assert.isTrue(drawn.filter((struck) => struck.how === how).length >= Math.floor(SIZE / 3))
      }
      for (const name of ["request: AddOrder", "request: CancelOrder", "database: commit an intent", "connect: auth"]) {
        assert.isTrue(
          drawn.some((struck) => struck.name === name),
          name
        )
      }
      const found: Array<StruckRun> = []
      for (const struck of drawn) {
        const run = strikeOnce(struck)
        if (run.problems.length > 0) found.push(run)
        // a simulation never waits: the runner gets its turn between two of them
        await new Promise((resume) => setImmediate(resume))
      }
      assert.deepEqual(
        found.map((run) => [replay(run), `struck: ${run.struck.name}`, ...run.problems]),
        []
      )
    },
    TIMEOUT_MS
  )

  it(
    "the table counts each effect in each way, and the same table has the same hash",
    () => {
      const scenario = named("killed-in-a-send")
      const effects = learn(scenario)
      const range = { from: effects.indexOf("request: AddOrder") + 1, to: effects.indexOf("request: AddOrder") + 2 }
      const play = (): readonly [ReadonlyArray<StruckRun>, Row] => {
        const runs: Array<StruckRun> = []
        const table = exhaust(scenario, range)
        while (true) {
          const next = table.next()
          if (next.done === true) return [runs, next.value]
          runs.push(next.value)
        }
      }
      const [runs, row] = play()
      assert.deepEqual(
        runs.map(({ struck }) => strikeText(struck)),
        [range.from, range.to].flatMap((n) => [`${n}:fail`, `${n}:hang`, `${n}:crash`])
      )
      assert.deepEqual(
        runs.flatMap(({ problems }) => problems),
        []
      )
      assert.strictEqual(row.effects, effects.length)
      assert.strictEqual(row.runs, 6)
      assert.strictEqual(row.violations, 0)
      assert.deepEqual(play()[1], row)
      const [only] = exhaust(scenario, { from: 1, to: 1, blows: ["crash"] })
      assert.strictEqual(only?.result.lives, 3)
    },
    TIMEOUT_MS
  )

  it(
    "a strike that does not meet the effect it was meant for is no proof",
    () => {
      const scenario = named("killed-in-a-send")
      const { problems } = strikeOnce({ scenario, effect: 2, how: "fail", name: "request: AddOrder" })
      assert.deepEqual(problems, ["I21: effect 2 was database: load, not request: AddOrder"])
      const beyond = strikeOnce(
        { scenario, effect: 1_000_000, how: "fail", name: "database: load" },
        { storyOnly: true }
      )
      assert.deepEqual(beyond.problems, ["I21: effect 1000000 was not there, not database: load"])
    },
    TIMEOUT_MS
  )

  it("a strike as text, and back", () => {
    assert.deepEqual(parseStrike("12:crash"), { effect: 12, how: "crash" })
    assert.strictEqual(strikeText({ effect: 12, how: "crash" }), "12:crash")
    for (const text of ["", "12", "0:fail", "-1:fail", "1:burn", "x:hang", "1:hang ", "1.5:hang", "1:fail:hang"]) {
      assert.isUndefined(parseStrike(text), text)
    }
  })

  it("no sample of nothing", () => {
    assert.deepEqual(sample([], 5, SEED), [])
  })
})
