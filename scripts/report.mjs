// Prints "N passed, N failed" from the test runner's own JSON report; exits 1 unless tests ran and none failed.
import { readFileSync } from "node:fs"

const file = new URL("../.cache/test-report.json", import.meta.url)

const read = () => {
  try {
    return JSON.parse(readFileSync(file, "utf8"))
  } catch {
    return undefined
  }
}

const report = read()
if (report === undefined) {
  console.log("The tests did not run: a step before them failed.")
  console.log("0 passed, 0 failed")
  process.exitCode = 1
} else {
  // A test file that cannot be loaded holds no tests to count: it is one failure itself.
  const unloadable = report.testResults.filter((one) => one.status === "failed" && one.assertionResults.length === 0)
  const failed = report.numFailedTests + unloadable.length
  console.log(`${report.numPassedTests} passed, ${failed} failed`)
  if (!report.success || failed > 0 || report.numPassedTests === 0) process.exitCode = 1
}
