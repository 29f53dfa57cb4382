/** The evidence as a document. */
import { stories } from "./stories.ts"
import type { Protection } from "./switchboard.ts"
import type { TimedVerdict } from "./run.ts"

export interface Row {
  readonly protection: Protection
  /** How the run ended; a text where it could not be made. */
  readonly verdict: TimedVerdict | string
}

/** Whether a protection was found missing as it should be; one that another covers must not be. */
export const holds = ({ protection, verdict }: Row): boolean => {
  if (typeof verdict === "string") return false
  const { covered, invariant, says, shows = [] } = protection
  const { found } = verdict
  if (covered !== undefined || found === undefined) return covered !== undefined && found === undefined
  return (
    [invariant, ...shows].includes(found.invariant) && (says === undefined || found.all.some((t) => t.includes(says)))
  )
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ").trim()
const code = (text: string): string => (text.trim() === "" ? "nothing" : `\`${cell(text).replaceAll("`", "'")}\``)

/** What one run found, in a line. */
export const outcomeOf = ({ verdict }: Row): string =>
  typeof verdict === "string"
    ? verdict
    : verdict.found === undefined
      ? "nothing"
      : `${verdict.found.invariant}: ${verdict.found.text}`

const runs = ({ protection: { task }, verdict }: Row): string => {
  if ("story" in task) return stories[task.story].name
  const seed = typeof verdict === "string" ? undefined : verdict.seed
  return `${seed ?? 0} of ${task.seeds} seeds`
}

const seconds = ({ verdict }: Row): string => (typeof verdict === "string" ? "" : (verdict.cpuMs / 1000).toFixed(1))

const changes = ({ protection: { edits } }: Row): string =>
  edits.map(({ file, find, replace }) => `${code(file)}: ${code(find)} → ${code(replace)}`).join("<br>")

const table = (head: ReadonlyArray<string>, lines: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.map(cell).join(" | ")} |`).join("\n")

/** All of it, as Markdown. */
export const document = (rows: ReadonlyArray<Row>, control: string): string => {
  const needed = rows.filter(({ protection }) => protection.covered === undefined)
  const covered = rows.filter(({ protection }) => protection.covered !== undefined)
  return `# Protections proved needed

Each protection is taken away by replacing its text in the source while the simulation is bundled, one at a time; nothing
in the program can switch it off. The simulated trader without it must then break an invariant within the stated seeds, or in
the named story, or fail what that story claims. \`npm run protections\` runs all of it and writes this page,
\`npm run protections -- NAME…\` runs some and writes nothing.

With nothing taken away: ${control}

## Missed at once

${table(
  ["protection", "invariant", "seeds or story", "first violation", "CPU s", "the change"],
  needed.map((row) => [
    row.protection.name,
    row.protection.invariant,
    runs(row),
    outcomeOf(row),
    seconds(row),
    changes(row)
  ])
)}

## Covered by another

Taken away alone these were not missed in the seeds or the story named here, which proves less than a violation would. Where
the first table takes one of them away together with what covers it, the cover is shown; for the others, the two reserves and
the gaps of the stream, it is argued from the code.

${table(
  ["protection", "invariant", "seeds or story", "covered by", "CPU s", "the change"],
  covered.map((row) => [
    row.protection.name,
    row.protection.invariant,
    runs(row),
    row.protection.covered ?? "",
    seconds(row),
    changes(row)
  ])
)}
`
}
