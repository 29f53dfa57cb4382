import { defineConfig } from "vitest/config"

/** Code that guards money: every line and every branch is tested. */
const complete = { lines: 100, branches: 100, functions: 100, statements: 100 }

export default defineConfig({
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
      reporter: ["text-summary", "html", "lcovonly", "json-summary"],
      reportsDirectory: "coverage",
      experimentalAstAwareRemapping: true,
      thresholds: {
        lines: 95,
        branches: 95,
        "src/domain/risk/**": complete,
        "src/domain/breaker/**": complete,
        "src/domain/exits/**": complete,
        "src/**/Nonce*.ts": complete,
        "src/programs/desk/**": complete
      }
    }
  }
})
