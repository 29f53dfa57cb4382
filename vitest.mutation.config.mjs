import { Tinypool } from "tinypool"
import { defineConfig } from "vitest/config"
import { BaseSequencer } from "vitest/node"

/** A mutant is tried until the first test fails: the tests of one module come first, those of the whole engine later. */
class NearestFirst extends BaseSequencer {
  async sort(files) {
    const rank = ({ moduleId }) => (moduleId.includes("/programs/") ? 2 : moduleId.includes("/domain/engine/") ? 1 : 0)
    return files.toSorted((a, b) => rank(a) - rank(b))
  }
}

/**
 * A worker is kept from one mutant to the next: which one is tried is a variable in memory, so that nothing need be loaded
 * again; only static mutants would need it, and they are left out. Ten times as fast. Should Vitest come to use another
 * copy of this package, it is as slow as without.
 */
Tinypool.prototype.recycleWorkers = async () => {}

/** The tests that mutants are judged by: fast ones, of the mutated folders alone. See stryker.config.mjs. */
export default defineConfig({
  test: {
    include: [
      "test/domain/{risk,breaker,exits,portfolio,engine}/**/*.test.ts",
      "test/layers/sqlite/NonceSqlite.test.ts",
      "test/programs/desk/**/*.test.ts"
    ],
    // Drawn histories take seconds: on a busy machine their time-out would pass for a killed mutant.
    exclude: ["**/*properties.test.ts"],
    sequence: { sequencer: NearestFirst },
    // No test of these leaves anything behind in a module.
    isolate: false,
    // A mutant may leave a test waiting for ever; less than this, and a busy machine's slowness would pass for a kill.
    testTimeout: 20_000,
    hookTimeout: 20_000
  }
})
