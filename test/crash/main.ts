/** `npm run test:crash -- N [--seed S] [--kind K] [--keep]`: N rounds, two at a time; a line for each, a table, exit 1 when one fails. */
import type { Kind, Result } from "./Round.ts"
import { kinds, play, skipped } from "./Round.ts"

const FEW = 6

const say = (line: string): void => void process.stdout.write(`${line}\n`)

interface Options {
  readonly rounds: number
  readonly seed: number
  readonly kind: Kind | undefined
  /** Whether the folder and the story of every round are kept, not of the failed ones alone. */
  readonly keep: boolean
}

const read = (args: ReadonlyArray<string>): Options | string => {
  let rounds = FEW
  let seed = Math.floor(Date.now() / 1000)
  let kind: Kind | undefined
  let keep = false
  const left = [...args]
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === "--keep") {
      keep = true
      continue
    }
    const value = word.startsWith("--") ? left.shift() : word
    const number = /^\d{1,12}$/.test(value ?? "") ? Number(value) : undefined
    if (word === "--kind") {
      kind = kinds.find((one) => one === value)
      if (kind === undefined) return `--kind is one of ${kinds.join(", ")}`
    } else if (number === undefined) return `${word} needs a whole number`
    else if (word === "--seed") seed = number
    else if (word.startsWith("--")) return `there is no option ${word}`
    else rounds = number
  }
  return { rounds, seed, kind, keep }
}

const line = ({ broken, judgement, kind, seconds, seed }: Result): string =>
  [
    broken.length === 0 ? "ok  " : "FAIL",
    kind.padEnd(8),
    `seed ${seed}`,
    `${seconds.toFixed(0).padStart(4)} s`,
    judgement === undefined
      ? ""
      : `${judgement.orders} orders, ${judgement.fills} fills, ${judgement.neverArrived} never arrived, ${judgement.invalidNonces} invalid nonces`
  ].join("  ")

const table = (results: ReadonlyArray<Result>): ReadonlyArray<string> => {
  const cells = kinds.flatMap((kind) => {
    const those = results.filter((result) => result.kind === kind)
    if (those.length === 0) return []
    const count = (what: "orders" | "fills" | "neverArrived" | "invalidNonces"): number =>
      those.reduce((sum, { judgement }) => sum + (judgement?.[what] ?? 0), 0)
    const failed = those.filter(({ broken }) => broken.length > 0).length
    const seconds = those.reduce((sum, result) => sum + result.seconds, 0)
    const figures = [
      those.length,
      failed,
      count("orders"),
      count("fills"),
      count("neverArrived"),
      count("invalidNonces")
    ]
    return [`| ${[kind, ...figures, (seconds / those.length).toFixed(0)].join(" | ")} |`]
  })
  return [
    "| round | played | failed | orders | executions | never arrived | `Invalid nonce` | seconds each |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...cells
  ]
}

const run = async ({ keep, kind, rounds, seed }: Options): Promise<void> => {
  const begun = Date.now()
  say(`${rounds} rounds from seed ${seed}, two at a time`)
  const left = Array.from({ length: rounds }, (_, n) => n)
  const results: Array<Result> = []
  const worker = async (): Promise<void> => {
    for (let n = left.shift(); n !== undefined; n = left.shift()) {
      const chosen = kind ?? kinds[n % kinds.length] ?? "kills"
      const why = skipped(chosen)
      if (why !== undefined) {
        say(`skip  ${chosen.padEnd(8)}  ${why}`)
        continue
      }
      const result = await play(chosen, seed + n, keep)
      results.push(result)
      say(line(result))
      for (const text of result.broken) say(`        ${text}`)
      if (result.kept !== undefined) {
        say(
          `        kept in ${result.kept}; again: npm run test:crash -- 1 --kind ${result.kind} --seed ${result.seed}`
        )
      }
    }
  }
  await Promise.all([worker(), worker()])
  for (const row of table(results)) say(row)
  const failed = results.filter(({ broken }) => broken.length > 0)
  say(
    `${results.length - failed.length} of ${results.length} rounds held, in ${Math.round((Date.now() - begun) / 1000)} s`
  )
  if (failed.length > 0) process.exitCode = 1
}

const options = read(process.argv.slice(2))
if (typeof options === "string") {
  say(options)
  process.exitCode = 64
} else await run(options)
