// Runs npm scripts side by side, one for each core up to two, in the given order: `node scripts/check.mjs a b c`.
// What a script wrote is shown whole when it ends; exits 1 when any of them failed, after all of them have run.
import { spawn } from "node:child_process"
import { availableParallelism } from "node:os"

const waiting = process.argv.slice(2)
const failed = []

/** Ends with the script's exit code (null: by a signal) and all that it wrote, in the order of writing. */
const run = (script) =>
  new Promise((resolve) => {
    const written = []
    const child = spawn("npm", ["run", "--silent", script], { stdio: ["ignore", "pipe", "pipe"] })
    child.stdout.on("data", (chunk) => written.push(chunk))
    child.stderr.on("data", (chunk) => written.push(chunk))
    child.on("error", (error) => resolve({ code: null, text: String(error) }))
    child.on("close", (code) => resolve({ code, text: Buffer.concat(written).toString() }))
  })

const worker = async () => {
  for (let script = waiting.shift(); script !== undefined; script = waiting.shift()) {
    const started = performance.now()
    const { code, text } = await run(script)
    if (code !== 0) failed.push(script)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    process.stdout.write(`${code === 0 ? "ok" : "FAILED"} ${script} (${seconds} s)\n${text}`)
    if (text !== "" && !text.endsWith("\n")) process.stdout.write("\n")
  }
}

await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker))
if (failed.length > 0) {
  console.error(`Failed: ${failed.join(", ")}`)
  process.exitCode = 1
}
