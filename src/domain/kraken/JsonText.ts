/**
 * A JSON reader that keeps the text of numbers. `JSON.parse` turns `25.00000000` and 64-bit ids into doubles: digits are
 * lost that money and checksums need. Bounded in size and depth, and it never throws: what comes from the network is
 * refused with a reason, at a position, without quoting the text (which may hold a token).
 */
import { Data, Either } from "effect"

/** A number as it was written, e.g. `0.150000`, `1E-8`, `18446744073709551615`. */
export class JsonNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export interface JsonObjectOf<N> {
  readonly [key: string]: JsonOf<N>
}
/** A JSON value whose numbers are represented by `N`. */
export type JsonOf<N> = null | boolean | string | N | ReadonlyArray<JsonOf<N>> | JsonObjectOf<N>

/** Numbers are nodes that hold their text, distinct from strings. */
export type JsonValue = JsonOf<JsonNumber>
export type JsonObject = JsonObjectOf<JsonNumber>
/** Numbers are their text, as if the sender had quoted them. */
export type JsonStrings = JsonOf<string>

/** The text is no JSON, or more of it than anybody sends. `at` is the index of the character that was not understood. */
export class JsonError extends Data.TaggedError("JsonError")<{
  readonly why: "not JSON" | "too long" | "too deep"
  readonly at: number
}> {
  override get message(): string {
    return `${this.why} at character ${this.at}`
  }
}

export interface JsonLimits {
  /** Longest text that is looked at, in UTF-16 units. */
  readonly maxLength: number
  /** Arrays and objects inside one another. */
  readonly maxDepth: number
}

/** Far above anything Kraken sends: its largest answers (all pairs, 720 candles) are below 2 MB and seven levels. */
export const defaultLimits: JsonLimits = { maxLength: 16_000_000, maxDepth: 64 }

// Sticky expressions: `lastIndex` is set before each use, so they carry nothing from one call to the next.
const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// oxlint-disable-next-line no-control-regex -- JSON forbids unescaped control characters inside strings
const PLAIN = /[^"\\\u0000-\u001f]*/y
const HEX4 = /[0-9a-fA-F]{4}/y

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t"
}

/** One reading of one text. After `error` is set every method returns at once and its value is not used. */
class Reader<N> {
  position = 0
  error: JsonError | undefined = undefined
  private readonly text: string
  private readonly onNumber: (text: string) => N
  private readonly maxDepth: number

  constructor(text: string, onNumber: (text: string) => N, maxDepth: number) {
    this.text = text
    this.onNumber = onNumber
    this.maxDepth = maxDepth
  }

  document(): JsonOf<N> {
    const value = this.value(0)
    this.space()
    if (this.error === undefined && this.position < this.text.length) this.fail("not JSON")
    return value
  }

  private fail(why: "not JSON" | "too deep"): null {
    this.error ??= new JsonError({ why, at: this.position })
    return null
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.position += found.length
    return found
  }

  private space(): void {
    this.match(SPACE)
  }

  /** Skips white space and takes `character` if it is next. */
  private take(character: string): boolean {
    this.space()
    if (this.text[this.position] !== character) return false
    this.position++
    return true
  }

  private value(depth: number): JsonOf<N> {
    this.space()
    switch (this.text[this.position]) {
      case "{":
        return depth < this.maxDepth ? this.object(depth + 1) : this.fail("too deep")
      case "[":
        return depth < this.maxDepth ? this.array(depth + 1) : this.fail("too deep")
      case '"':
        return this.string()
      case "t":
        return this.word("true", true)
      case "f":
        return this.word("false", false)
      case "n":
        return this.word("null", null)
      default: {
        const text = this.match(NUMBER)
        return text === undefined ? this.fail("not JSON") : this.onNumber(text)
      }
    }
  }

  private word<A>(word: string, value: A): A | null {
    if (!this.text.startsWith(word, this.position)) return this.fail("not JSON")
    this.position += word.length
    return value
  }

  private string(): string {
    this.position++ // the opening quote, which the caller saw
    let out = ""
    for (;;) {
      const start = this.position
      this.match(PLAIN)
      out += this.text.slice(start, this.position)
      const next = this.text[this.position]
      if (next === '"') {
        this.position++
        return out
      }
      if (next !== "\\") {
        this.fail("not JSON")
        return ""
      }
      this.position++
      const escaped = this.escape()
      if (escaped === undefined) {
        this.fail("not JSON")
        return ""
      }
      out += escaped
    }
  }

  private escape(): string | undefined {
    const letter = this.text[this.position] ?? ""
    if (letter === "u") {
      this.position++
      const hex = this.match(HEX4)
      return hex === undefined ? undefined : String.fromCharCode(Number.parseInt(hex, 16))
    }
    const plain = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined
    if (plain !== undefined) this.position++
    return plain
  }

  private array(depth: number): JsonOf<N> {
    this.position++
    const out: Array<JsonOf<N>> = []
    if (this.take("]")) return out
    while (this.error === undefined) {
      out.push(this.value(depth))
      if (this.error !== undefined || this.take("]")) break
      if (!this.take(",")) this.fail("not JSON")
    }
    return out
  }

  private object(depth: number): JsonOf<N> {
    this.position++
    const out: Record<string, JsonOf<N>> = {}
    if (this.take("}")) return out
    while (this.error === undefined) {
      this.space()
      if (this.text[this.position] !== '"') return this.fail("not JSON")
      const key = this.string()
      if (this.error !== undefined) break
      if (!this.take(":")) return this.fail("not JSON")
      const value = this.value(depth)
      // An assignment to `__proto__` would set the prototype; a key is only ever a key.
      if (key === "__proto__") {
        Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true })
      } else {
        out[key] = value
      }
      if (this.error !== undefined || this.take("}")) break
      if (!this.take(",")) this.fail("not JSON")
    }
    return out
  }
}

const parse = <N>(
  text: string,
  onNumber: (text: string) => N,
  limits: JsonLimits
): Either.Either<JsonOf<N>, JsonError> => {
  if (text.length > limits.maxLength) return Either.left(new JsonError({ why: "too long", at: limits.maxLength }))
  const reader = new Reader(text, onNumber, limits.maxDepth)
  const value = reader.document()
  return reader.error === undefined ? Either.right(value) : Either.left(reader.error)
}

/** Reads JSON with numbers as `JsonNumber` nodes. Of a repeated key the last value counts, as in `JSON.parse`. */
export const parseJsonText = (text: string, limits: JsonLimits = defaultLimits): Either.Either<JsonValue, JsonError> =>
  parse(text, (number) => new JsonNumber(number), limits)

/** Reads JSON with every number as its text, for senders that quote the same field at one time and not at another. */
export const parseJsonStrings = (
  text: string,
  limits: JsonLimits = defaultLimits
): Either.Either<JsonStrings, JsonError> => parse(text, (number) => number, limits)
