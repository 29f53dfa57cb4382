/** Every named scenario, played as it is: no invariant breaks, everything comes to rest, and what it is about happened. */
import { assert, describe, it } from "@effect/vitest"
import { simulate, tell } from "../../src/simulation/Run.ts"
import { scenarios } from "../../src/simulation/scenarios/all.ts"
import { claims, enter, filled, scenario } from "../../src/simulation/scenarios/Scenario.ts"

const TIMEOUT_MS = 120_000

describe("scenarios", () => {
  it("have names of their own", () => {
    const names = scenarios.map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
    assert.isTrue(names.length >= 25)
    for (const name of names) assert.match(name, /^[a-z]+(-[a-z]+)*$/)
  })

  for (const one of scenarios) {
    it(
      `${one.name}: ${one.why}`,
      () => {
        const result = simulate(one.plan)
        assert.deepEqual(result.violations.map(tell), [])
        assert.deepEqual(one.expect?.(result) ?? [], [])
      },
      TIMEOUT_MS
    )
  }

  it(
    "tell what did not happen",
    () => {
      const { expect, plan } = scenario({
        name: "bought",
        why: "a test",
        seconds: 60,
        acts: [
          [1, enter()],
          [1, filled("buy")]
        ],
        expect: claims(({ bought, exits, sold }) => ({
          "bought once": bought.length === 1,
          "a target rests": exits.length === 1 && exits[0]?.endedAt === undefined,
          sold: sold.length > 0
        }))
      })
      assert.deepEqual(expect?.(simulate(plan)), ["does not hold: sold"])
    },
    TIMEOUT_MS
  )
})
