/**
 * How fast the trader is, in one table; docs/benchmarks.md says what each row measures.
 *
 *   npm run bench -- [--only latency,decode,start,memory] [--samples 300] [--warm-up 30] [--runs 9]
 *                    [--minutes 5 | --hour] [--program dist/main.js] [--json]
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { measureLatency } from "./latency/latency.ts"
import type { LatencyResult } from "./latency/latency.ts"
import { measureMemory } from "./memory.ts"
import type { MemoryResult } from "./memory.ts"
import { measureStart } from "./start.ts"
import type { StartResult } from "./start.ts"
import { measureDecode } from "./stream-decode.ts"
import type { DecodeResult } from "./stream-decode.ts"
import type { Row } from "./table.ts"
import { machine, tableText } from "./table.ts"

const PARTS = ["latency", "decode", "start", "memory"] as const
const RESULTS = ".cache/bench.json"

const { values } = parseArgs({
  options: {
    only: { type: "string", default: PARTS.join(",") },
    samples: { type: "string", default: "300" },
    "warm-up": { type: "string", default: "30" },
    runs: { type: "string", default: "9" },
    minutes: { type: "string", default: "5" },
    hour: { type: "boolean", default: false },
    program: { type: "string", default: "dist/main.js" },
    "node-options": { type: "string", default: "" },
    "without-ccxt": { type: "boolean", default: false },
    json: { type: "boolean", default: false }
  }
})

const refuse = (text: string): never => {
  console.error(text)
  process.exit(64)
}
const whole = (name: "samples" | "warm-up" | "runs" | "minutes"): number => {
  const value = Number(values[name])
  return Number.isSafeInteger(value) && value >= 1 ? value : refuse(`--${name} takes a whole number, at least 1`)
}
const parts = values.only.split(",")
const unknown = parts.find((part) => !PARTS.some((known) => known === part))
if (unknown !== undefined) refuse(`--only knows ${PARTS.join(", ")}, not ${unknown}`)
const nodeOptions = values["node-options"].split(" ").filter((option) => option !== "")
const wanted = (part: (typeof PARTS)[number]): boolean => parts.includes(part)

const millis = (micros: number): string => `${(micros / 1000).toFixed(2)} ms`
const times = (ratio: number): string => `${ratio.toFixed(2)} times`
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
const perSecond = (count: number): string => `${Math.round(count / 1000).toLocaleString("en")} 000/s`

const latencyRows = ({ clients, withoutCcxt }: LatencyResult): ReadonlyArray<Row> => {
  const of = (name: string) => clients.find(({ client }) => client === name)
  const [trader, bare, ccxt] = [of("trader"), of("bare"), of("ccxt")]
  const ratio = (trader?.p50 ?? Number.NaN) / (bare?.p50 ?? Number.NaN)
  const toCcxt = (trader?.p50 ?? Number.NaN) / (ccxt?.p50 ?? Number.NaN)
  return [
    ...clients.map(({ client, micros, missed, p50, p99 }) => ({
      what: `tick to order, ${client}: p50, p99`,
      target: "",
      measured: `${millis(p50)}, ${millis(p99)} (${micros.length} samples${missed === 0 ? "" : `, ${missed} missed`})`
    })),
    {
      what: "trader's p50 to the bare client's",
      target: "at most 2.00 times",
      measured: times(ratio),
      met: ratio <= 2
    },
    ccxt === undefined
      ? { what: "trader's p50 to ccxt's", target: "at most 1.00 times", measured: withoutCcxt ?? "not measured" }
      : { what: "trader's p50 to ccxt's", target: "at most 1.00 times", measured: times(toCcxt), met: toCcxt <= 1 }
  ]
}

const decodeRows = ({ fill, heartbeat, ticker }: DecodeResult): ReadonlyArray<Row> => [
  {
    what: "ticker messages decoded",
    target: "at least 200 000/s",
    measured: perSecond(ticker),
    met: ticker >= 200_000
  },
  { what: "fills decoded", target: "", measured: perSecond(fill) },
  { what: "heartbeats decoded", target: "", measured: perSecond(heartbeat) }
]

const startRows = ({ busy, p50 }: StartResult): ReadonlyArray<Row> => [
  {
    what: "start to first order, waits aside: p50",
    target: "at most 1 500 ms",
    measured: `${p50.busy.toFixed(0)} ms (${busy.length} runs)`,
    met: p50.busy <= 1500
  },
  { what: "start to first order, waits included: p50", target: "", measured: `${p50.whole.toFixed(0)} ms` },
  { what: "start to first order, processor time: p50", target: "", measured: `${p50.processor.toFixed(0)} ms` },
  { what: "status, from start to exit: p50", target: "", measured: `${p50.status.toFixed(0)} ms` }
]

const MOST_BYTES = 150_000_000
/** Memory that moves by less between two quarters of the run is flat. */
const FLAT_BYTES = 5_000_000

const memoryRows = ({ fills, growth, last, minutes, reports }: MemoryResult): ReadonlyArray<Row> => {
  const p99 = Math.max(...reports.map(({ delay }) => delay.p99))
  const { arrayBuffers, external, heapTotal, heapUsed, rss } = last.memory
  return [
    {
      what: `resident memory after ${minutes} min (${fills} fills)`,
      target: "at most 150 MB",
      measured: megabytes(rss),
      met: rss <= MOST_BYTES
    },
    {
      what: "its growth, last quarter to the one before",
      target: "at most 5 MB",
      measured: minutes < 4 ? "too short a run" : megabytes(growth),
      ...(minutes < 4 ? {} : { met: growth <= FLAT_BYTES })
    },
    {
      what: "of it: heap, used; external, buffers",
      target: "",
      measured: [heapTotal, heapUsed, external, arrayBuffers].map(megabytes).join(", ")
    },
    {
      what: "event-loop delay while trading, worst minute: p99",
      target: "under 20 ms",
      measured: `${p99.toFixed(1)} ms`,
      met: p99 < 20
    }
  ]
}

const told = (text: string): void => console.error(text)
const about = machine()
const rows: Array<Row> = []
const results: Record<string, unknown> = {}
if (wanted("decode")) {
  told("decoding")
  const result = measureDecode()
  results["decode"] = result
  rows.push(...decodeRows(result))
}
if (wanted("latency")) {
  told("latency")
  const result = await measureLatency({
    program: values.program,
    samples: whole("samples"),
    warmUp: whole("warm-up"),
    nodeOptions,
    withoutCcxt: values["without-ccxt"]
  })
  results["latency"] = result
  rows.unshift(...latencyRows(result))
}
if (wanted("start")) {
  told("start")
  const result = await measureStart(values.program, whole("runs"), nodeOptions)
  results["start"] = result
  rows.push(...startRows(result))
}
if (wanted("memory")) {
  told("memory and event loop")
  const result = await measureMemory(values.program, values.hour ? 60 : whole("minutes"), nodeOptions)
  results["memory"] = result
  rows.push(...memoryRows(result))
}

console.log(
  `${about.processor}, ${about.cores} cores, ${about.memoryGb} GB; Node ${about.node}, ${about.platform}; commit ${about.commit}\n`
)
console.log(tableText(rows))
if (values.json) {
  mkdirSync(".cache", { recursive: true })
  writeFileSync(RESULTS, `${JSON.stringify({ machine: about, rows, results }, null, 2)}\n`)
  console.error(`\nevery sample: ${RESULTS}`)
}
process.exit(0)
