/**
 * The same ambiguous sends under six policies for an unknown outcome; see docs/evidence/order-safety.md.
 *
 *   npm run evidence:order-safety -- [--seed N] [--sends N] [--out FILE]
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { parseArgs } from "node:util"
import { csv, runAll, sha256, summarize, tables } from "./report.ts"

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    sends: { type: "string", default: "10000" },
    out: { type: "string", default: ".cache/order-safety/results.csv" }
  }
})
const seed = Number(values.seed)
const sends = Number(values.sends)
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(sends) || sends < 1) {
  console.error("--seed and --sends take whole numbers, --sends at least 1")
  process.exit(64)
}

const began = process.hrtime.bigint()
const results = runAll(seed, sends)
const lines = csv(results)
mkdirSync(dirname(values.out), { recursive: true })
writeFileSync(values.out, lines)
console.log(tables(summarize(results)))
console.log(`\nseed ${seed}, ${sends} sends; every send and policy: ${values.out}, SHA-256 ${sha256(lines)}`)
const { user, system } = process.cpuUsage()
const wall = Number(process.hrtime.bigint() - began) / 1e9
console.error(`${wall.toFixed(0)} s, of which ${((user + system) / 1e6).toFixed(0)} s of processor time`)
