/**
 * Mutation testing (`npm run mutation`) of the code that guards money. One module: `npm run mutation -- -m "src/domain/risk/**"`.
 * docs/evidence/mutation.md says what came of it.
 */

/** Logging is for people; what a test holds it to would be its wording. Alerts are behaviour and stay. */
const isLogging = ({ node }) =>
  node.type === "CallExpression" &&
  ((node.callee.type === "Identifier" && node.callee.name === "log") ||
    (node.callee.type === "MemberExpression" &&
      node.callee.object.name === "Effect" &&
      String(node.callee.property.name).startsWith("log")))

const SQL = /^(SELECT|UPDATE|INSERT|DELETE)\b/

/** A string of three words or more, or a template with a blank in it, is a sentence. Tags, codes, keys and SQL are not. */
const isSentence = ({ node }) =>
  (node.type === "StringLiteral" && node.value.trim().split(/\s+/).length >= 3 && !SQL.test(node.value)) ||
  (node.type === "TemplateLiteral" && node.quasis.some((part) => /\s/.test(part.value.raw)))

export const strykerPlugins = [
  {
    kind: "Ignore",
    name: "texts",
    value: {
      shouldIgnore: (path) =>
        isLogging(path) || isSentence(path) ? "A text for people: its wording is not behaviour." : undefined
    }
  }
]

export default {
  mutate: [
    "src/domain/risk/**/*.ts",
    "src/domain/breaker/**/*.ts",
    "src/domain/exits/**/*.ts",
    "src/domain/portfolio/**/*.ts",
    "src/domain/engine/**/*.ts",
    "src/layers/sqlite/nonces.ts",
    "src/layers/sqlite/NonceSqlite.ts",
    "src/programs/desk/**/*.ts"
  ],
  plugins: ["@stryker-mutator/vitest-runner", "./stryker.config.mjs"],
  ignorers: ["texts"],
  testRunner: "vitest",
  vitest: { configFile: "vitest.mutation.config.mjs" },
  coverageAnalysis: "perTest",
  // Constants and tables of a module: each would need every test that loads the module, reloaded.
  ignoreStatic: true,
  incremental: true,
  incrementalFile: "reports/stryker-incremental.json",
  concurrency: 1,
  // Most endless loops are found by the hit limit at once. The rest wait this long beyond what the tests need: longer than
  // a test that waits for ever (vitest.mutation.config.mjs), and than a busy machine's slowness.
  timeoutMS: 30_000,
  timeoutFactor: 2,
  disableTypeChecks: false,
  tempDirName: ".stryker-tmp",
  ignorePatterns: ["/bench", "/coverage", "/data", "/dist", "/docs", "/examples", "/reports", "/.cache", "/.ci"],
  reporters: ["progress-append-only", "clear-text", "json", "html"],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: "reports/mutation.json" },
  htmlReporter: { fileName: "reports/mutation.html" },
  thresholds: { high: 95, low: 90, break: 90 },
  allowEmpty: false,
  warnings: { slow: false }
}
