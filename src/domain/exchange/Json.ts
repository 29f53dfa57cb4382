/**
 * JSON with the text of numbers: what leaves carries padded decimals as Kraken pads them, what arrives keeps every digit
 * that was sent and the difference between `25.0` and `"25.0"`.
 */
import { Either } from "effect"

/** The text of a JSON number. */
export class Num {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A number as it shall be written, digit by digit. */
export const num = (text: string): Num => new Num(text)

/** What can be written. Fields that are `undefined` are left out. */
export type Out = string | number | boolean | null | Num | ReadonlyArray<Out> | OutRecord
export interface OutRecord {
  readonly [key: string]: Out | undefined
}

const isArray = (value: Out): value is ReadonlyArray<Out> => Array.isArray(value)

export const write = (value: Out): string => {
  if (value instanceof Num) return value.text
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (isArray(value)) return `[${value.map(write).join(",")}]`
  const fields: Array<string> = []
  for (const [key, field] of Object.entries(value)) {
    if (field !== undefined) fields.push(`${JSON.stringify(key)}:${write(field)}`)
  }
  return `{${fields.join(",")}}`
}

/** What was read. Objects are maps (a repeated key: the last one counts, as everywhere). */
export type In = string | boolean | null | Num | ReadonlyArray<In> | InRecord
export type InRecord = ReadonlyMap<string, In>

export const isRecord = (value: In | undefined): value is InRecord => value instanceof Map
export const isList = (value: In | undefined): value is ReadonlyArray<In> => Array.isArray(value)

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// A string's text: no raw control characters, escapes checked by `JSON.parse`.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y // oxlint-disable-line no-control-regex -- JSON forbids them in strings
const SPACE = /[ \t\r\n]*/y
/** Lists and objects in one another. Deeper documents are refused: no request of Kraken's nests further, and the reader recurses. */
const MAX_DEPTH = 32

class Malformed {
  readonly _tag = "Malformed"
}
const malformed = new Malformed()

interface Cursor {
  readonly text: string
  position: number
}

const space = (c: Cursor): void => {
  SPACE.lastIndex = c.position
  SPACE.exec(c.text)
  c.position = SPACE.lastIndex
}

const take = (c: Cursor, token: string): boolean => {
  if (!c.text.startsWith(token, c.position)) return false
  c.position += token.length
  return true
}

const match = (c: Cursor, pattern: RegExp): string | undefined => {
  pattern.lastIndex = c.position
  const found = pattern.exec(c.text)?.[0]
  if (found !== undefined) c.position += found.length
  return found
}

const readString = (c: Cursor): string | Malformed => {
  const found = match(c, STRING)
  if (found === undefined) return malformed
  return Either.getOrElse(
    Either.try((): string => String(JSON.parse(found))),
    () => malformed
  )
}

const readList = (c: Cursor, depth: number): ReadonlyArray<In> | Malformed => {
  const items: Array<In> = []
  space(c)
  if (take(c, "]")) return items
  for (;;) {
    const item = readValue(c, depth)
    if (item instanceof Malformed) return item
    items.push(item)
    space(c)
    if (take(c, "]")) return items
    if (!take(c, ",")) return malformed
  }
}

const readRecord = (c: Cursor, depth: number): InRecord | Malformed => {
  const fields = new Map<string, In>()
  space(c)
  if (take(c, "}")) return fields
  for (;;) {
    space(c)
    const key = readString(c)
    if (key instanceof Malformed) return key
    space(c)
    if (!take(c, ":")) return malformed
    const value = readValue(c, depth)
    if (value instanceof Malformed) return value
    fields.set(key, value)
    space(c)
    if (take(c, "}")) return fields
    if (!take(c, ",")) return malformed
  }
}

const readValue = (c: Cursor, depth: number): In | Malformed => {
  space(c)
  if (take(c, "{")) return depth < MAX_DEPTH ? readRecord(c, depth + 1) : malformed
  if (take(c, "[")) return depth < MAX_DEPTH ? readList(c, depth + 1) : malformed
  if (c.text[c.position] === '"') return readString(c)
  if (take(c, "true")) return true
  if (take(c, "false")) return false
  if (take(c, "null")) return null
  const text = match(c, NUMBER)
  return text === undefined ? malformed : new Num(text)
}

/** Reads one JSON document; `undefined` for anything else. */
export const read = (text: string): In | undefined => {
  const c: Cursor = { text, position: 0 }
  const value = readValue(c, 0)
  space(c)
  return value instanceof Malformed || c.position < text.length ? undefined : value
}
