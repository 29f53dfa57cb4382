/** Plain text for people: colours where the terminal shows them, tables that line up. */

/** Colours of a terminal, or none at all. */
export interface Palette {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly warn: (text: string) => string
  readonly bad: (text: string) => string
}

/** SGR codes (ECMA-48). */
const paint =
  (code: number) =>
  (text: string): string =>
    `\u001B[${code}m${text}\u001B[0m`
const plain = (text: string): string => text

export const palette = (colors: boolean): Palette =>
  colors
    ? { bold: paint(1), dim: paint(2), good: paint(32), warn: paint(33), bad: paint(31) }
    : { bold: plain, dim: plain, good: plain, warn: plain, bad: plain }

const SGR = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, "g")

/** The text without terminal codes. */
export const stripCodes = (text: string): string => text.replace(SGR, "")

/** Text from outside (an exchange's reason, a strategy's) without control characters that could steer the terminal. */
export const printable = (text: string): string =>
  Array.from(text, (c) => {
    const code = c.codePointAt(0) ?? 0
    return code < 32 || (code >= 127 && code < 160) ? " " : c
  }).join("")

const visible = (text: string): number => Array.from(stripCodes(text)).length

/** Columns padded to their widest cell; a column whose header begins with `>` is set to the right. */
export const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const right = header.map((cell) => cell.startsWith(">"))
  const all = [header.map((cell) => cell.replace(/^>/, "")), ...rows]
  const widths = header.map((_, i) => Math.max(...all.map((row) => visible(row[i] ?? ""))))
  return all
    .map((row) =>
      header
        .map((_, i) => {
          const cell = row[i] ?? ""
          const gap = " ".repeat((widths[i] ?? 0) - visible(cell))
          return right[i] === true ? gap + cell : cell + gap
        })
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

/** Codes that take no room, and single characters. */
const PIECES = new RegExp(`${SGR.source}|[\\s\\S]`, "gu")

/** Text cut after every so many visible characters. */
const cut = (text: string, columns: number): ReadonlyArray<string> => {
  const out: Array<string> = []
  let current = ""
  for (const piece of text.match(PIECES) ?? []) {
    if (visible(current + piece) > columns) {
      out.push(current)
      current = ""
    }
    current += piece
  }
  return [...out, current]
}

/**
 * One line as lines of at most `columns` visible characters, broken at spaces where there are any. What follows is moved
 * in as far as the line was and by two more.
 */
export const wrap = (line: string, columns: number): ReadonlyArray<string> => {
  if (visible(line) <= columns) return [line]
  const [lead = ""] = /^ */.exec(line) ?? []
  const further = " ".repeat(Math.min(lead.length + 2, Math.floor(columns / 2)))
  const [first = "", ...words] = line.slice(lead.length).split(" ")
  const lines: Array<string> = []
  let current = lead.slice(0, columns) + first
  for (const word of words) {
    if (visible(current) + 1 + visible(word) <= columns) current += ` ${word}`
    else {
      lines.push(current)
      current = further + word
    }
  }
  return [...lines, current].flatMap((one) => cut(one, columns))
}

/** Every line moved in by two. */
export const indent = (text: string): string =>
  text
    .split("\n")
    .map((line) => (line === "" ? line : `  ${line}`))
    .join("\n")

/** `1 order`, `2 orders`. */
export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

/** A span of time as people say it: `4 s`, `3 min`, `2 h 5 min`, `3 d 4 h`. */
export const span = (seconds: number): string => {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}
