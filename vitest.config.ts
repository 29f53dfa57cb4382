import { existsSync, readdirSync } from "node:fs"
import { defineConfig } from "vitest/config"
import { BaseSequencer } from "vitest/node"
import type { TestSpecification } from "vitest/node"

/** Code that guards money: every line and every branch of it is tested. */
const guards = ["src/domain/risk", "src/domain/breaker", "src/domain/exits", "src/programs/desk"]
const complete = { lines: 100, branches: 100, functions: 100, statements: 100 }

// A threshold whose pattern matches no file passes in silence: a guard that moved must not lose its threshold unseen.
const missing = guards.filter((folder) => !existsSync(folder) || readdirSync(folder).length === 0)
if (process.env["CI"] !== undefined && missing.length > 0) {
  throw new Error(`No file in ${missing.join(", ")}: the coverage thresholds of vitest.config.ts name them.`)
}

/** Tests of whole processes and of whole traders: minutes in sum, much of it waiting, so that others fill the gaps. */
const slow = ["test/e2e/", "test/simulation/seeds.", "test/crash/", "test/simulation/", "test/protocol/"]

/** A fresh clone remembers no durations: a file of minutes that came last would keep everything waiting. */
class SlowestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = slow.findIndex((part) => moduleId.includes(`/${part}`))
      return found === -1 ? slow.length : found
    }
    // oxlint-disable-next-line unicorn/no-array-sort -- a method of the sequencer's, which sorts a copy
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  resolve: {
    // The examples import the package by its name: here that is the source, as `paths` of tsconfig.json has it.
    alias: [{ find: /^kraken-trader\/(.+)$/, replacement: `${import.meta.dirname}/src/$1.ts` }]
  },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Loading `effect` and its platform for each file anew would be a third of the run. No test leaves anything behind in
    // a module. `vi.setConfig` holds in the first file of a worker only: time-outs are given to suites and tests.
    isolate: false,
    sequence: { sequencer: SlowestFirst },
    // As many at least as at most: a worker that is ended for being idle can take the whole run with it (tinypool 1.1).
    minWorkers: 3,
    maxWorkers: 3,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // The last line of a CI run is read from the JSON report (scripts/report.mjs).
    reporters: ["default", "json"],
    outputFile: { json: ".cache/test-report.json" },
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // the simulated world around the trader: it runs as built, in threads, where nothing is counted
      exclude: ["src/simulation/**"],
      reporter: ["text-summary", "html", "lcovonly", "json-summary"],
      reportsDirectory: "coverage",
      experimentalAstAwareRemapping: true,
      thresholds: {
        lines: 95,
        branches: 95,
        "src/**/Nonce*.ts": complete,
        ...Object.fromEntries(guards.map((folder) => [`${folder}/**`, complete]))
      }
    }
  }
})
