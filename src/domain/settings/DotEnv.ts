/**
 * The small, well-defined form of a `.env` file: one `KEY=value` a line, `#` comments, optional `export `. A value is bare
 * (ends at ` #`), in single quotes (taken literally) or in double quotes (`\n`, `\"` and `\\` are understood). Whatever
 * else stands in the file is an error: a setting that is silently skipped may be a limit.
 */

export interface DotEnvEntry {
  readonly key: string
  readonly value: string
  /** Counted from 1. */
  readonly line: number
}

/** A line that cannot be read. Never quotes the line, which may hold a secret. */
export interface DotEnvProblem {
  readonly line: number
  readonly wrong: string
}

export interface DotEnv {
  readonly entries: ReadonlyArray<DotEnvEntry>
  readonly problems: ReadonlyArray<DotEnvProblem>
}

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/
const SINGLE = /^'([^']*)'\s*(?:#.*)?$/
const DOUBLE = /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/

const unescape = (text: string): string => text.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c))

const valueOf = (text: string): string | undefined => {
  const quoted = SINGLE.exec(text)
  if (quoted !== null) return quoted[1]
  const escaped = DOUBLE.exec(text)
  if (escaped?.[1] !== undefined) return unescape(escaped[1])
  if (text.startsWith("'") || text.startsWith('"')) return undefined
  return text.replace(/(^|\s)#.*$/, "").trim()
}

/**
 * The name of a line, for a message. A line that is a secret and nothing else (base64 ends in `=`) reads as a name too: only
 * what looks like a setting's is repeated.
 */
export const shownName = (key: string): string => (/^[A-Z][A-Z0-9_]{0,31}$/.test(key) ? key : "this name")

const readLine = (text: string, line: number): DotEnvEntry | DotEnvProblem | undefined => {
  // The patterns below end at a line's end: one that only some programs see would hide what follows it.
  if (/[\u2028\u2029]/.test(text)) return { line, wrong: "it holds a line separator (U+2028 or U+2029)" }
  if (/^\s*(#.*)?$/.test(text)) return undefined
  const match = ASSIGNMENT.exec(text)
  if (match === null) return { line, wrong: "this is not KEY=value" }
  const [, key = "", rest = ""] = match
  const value = valueOf(rest)
  return value === undefined
    ? { line, wrong: `the quotes around the value of ${shownName(key)} do not match` }
    : { key, value, line }
}

/** Reads the text of a `.env` file. */
export const parseDotEnv = (content: string): DotEnv => {
  const lines = content
    .replace(/^\uFEFF/, "")
    .split(/\r\n?|\n/)
    .map((text, index) => readLine(text, index + 1))
  return {
    entries: lines.filter((line) => line !== undefined && "key" in line),
    problems: lines.filter((line) => line !== undefined && "wrong" in line)
  }
}
