import { existsSync, readdirSync } from "node:fs"
import { defineConfig } from "vitest/config"

/** Code that guards money: every line and every branch of it is tested. */
const guards = ["src/domain/risk", "src/domain/breaker", "src/domain/exits", "src/programs/desk"]
const complete = { lines: 100, branches: 100, functions: 100, statements: 100 }

// A threshold whose pattern matches no file passes in silence: a guard that moved must not lose its threshold unseen.
const missing = guards.filter((folder) => !existsSync(folder) || readdirSync(folder).length === 0)
if (process.env["CI"] !== undefined && missing.length > 0) {
  throw new Error(`No file in ${missing.join(", ")}: the coverage thresholds of vitest.config.ts name them.`)
}

export default defineConfig({
  resolve: {
    // The examples import the package by its name: here that is the source, as `paths` of tsconfig.json has it.
    alias: [{ find: /^kraken-trader\/(.+)$/, replacement: `${import.meta.dirname}/src/$1.ts` }]
  },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    minWorkers: 1,
    maxWorkers: 2,
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
