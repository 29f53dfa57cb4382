/** `npm run protections [-- NAME…]`: takes protections away, one at a time, and writes down what came of it. */
import { writeFile } from "node:fs/promises"
import * as Path from "node:path"
import { format, resolveConfig } from "prettier"
import { bundle, carryOut } from "./bundle.ts"
import { stories } from "./stories.ts"
import type { Task } from "./switchboard.ts"
import { protections } from "./switchboard.ts"
import type { Row } from "./table.ts"
import { document, holds, outcomeOf } from "./table.ts"

const PAGE = Path.join(process.cwd(), "docs", "evidence", "protections.md")
/** Real time for one run on a machine that does other things too. */
const LONGEST_MS = 600_000

const names = process.argv.slice(2)
const chosen = protections.filter(({ name }) => names.length === 0 || names.includes(name))
const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Carries jobs out two at a time, and gives what came of them in their order. */
const inPairs = async <A, B>(jobs: ReadonlyArray<A>, job: (one: A) => Promise<B>): Promise<ReadonlyArray<B>> => {
  const left = [...jobs.entries()]
  const done = new Map<number, B>()
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) done.set(next[0], await job(next[1]))
  }
  await Promise.all([worker(), worker()])
  return [...done].toSorted(([a], [b]) => a - b).map(([, result]) => result)
}

/** The trader as it is, with everything that is done to it without a protection. */
const control = async (tasks: ReadonlyArray<Task>): Promise<ReadonlyArray<string>> => {
  const file = await bundle("as it is", [])
  const keys = new Set(tasks.flatMap((task) => ("story" in task ? [task.story] : [])))
  const seeds = Math.max(0, ...tasks.map((task) => ("seeds" in task ? task.seeds : 0)))
  const all: ReadonlyArray<Task> = [...[...keys].map((story) => ({ story })), ...(seeds === 0 ? [] : [{ seeds }])]
  const told = await inPairs(all, async (task) => {
    const { found } = await carryOut(file, task, LONGEST_MS)
    const what = "story" in task ? stories[task.story].name : `${task.seeds} seeds`
    return found === undefined ? [] : [`${what}: ${found.invariant}: ${found.text}`]
  })
  return told.flat()
}

const attempt = async (protection: Row["protection"]): Promise<Row> => {
  const verdict = await bundle(protection.name, protection.edits)
    .then((file) => carryOut(file, protection.task, LONGEST_MS))
    .catch((error: unknown) => `could not be run: ${String(error)}`)
  return { protection, verdict }
}

for (const name of names) {
  if (!chosen.some((one) => one.name === name)) {
    say(`There is no protection "${name}". There are: ${protections.map((one) => one.name).join("; ")}.`)
    process.exitCode = 1
  }
}
const broken = await control(chosen.map(({ task }) => task))
for (const line of broken) say(`broken with nothing taken away: ${line}`)
const rows = await inPairs(chosen, async (protection) => {
  const row = await attempt(protection)
  say(`${holds(row) ? "ok  " : "NOT "} ${protection.name}: ${outcomeOf(row)}`)
  return row
})
if (names.length === 0) {
  const told =
    broken.length === 0 ? "every story and every seed below passes without a violation." : `${broken.join("; ")}.`
  const options = await resolveConfig(PAGE)
  await writeFile(PAGE, await format(document(rows, told), { ...options, parser: "markdown" }))
}
if (broken.length > 0 || !rows.every(holds)) process.exitCode = 1
