import { defineConfig } from "vitest/config"

/** The tests that mutants are judged by: fast ones, of the mutated folders alone. See stryker.config.mjs. */
export default defineConfig({
  test: {
    include: [
      "test/domain/{risk,breaker,exits,portfolio,engine}/**/*.test.ts",
      "test/layers/sqlite/NonceSqlite.test.ts",
      "test/programs/desk/**/*.test.ts"
    ],
    // No test of these leaves anything behind in a module; a worker that keeps its modules halves the time.
    isolate: false,
    // A mutant may leave a test waiting for ever: five seconds are ten times what the slowest needs.
    testTimeout: 5000,
    hookTimeout: 5000
  }
})
