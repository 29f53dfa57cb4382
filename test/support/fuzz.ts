/** How much is tried, how long a reader may take, and the texts that it is given. */
import { FastCheck as fc } from "effect"
import { assert } from "vitest"
import type { Tree } from "./tree.ts"
import { leaf, textOf, treeOf } from "./tree.ts"

const given = Number(process.env["FUZZ_RUNS"] ?? "1")
const seed = process.env["FUZZ_SEED"]

/** Parameters of a property that is tried `runs` times, times FUZZ_RUNS (more than a few need a longer `--testTimeout`). FUZZ_SEED repeats a run. */
export const tries = (runs: number): { readonly numRuns: number; readonly seed?: number } => ({
  numRuns: Math.max(1, Math.round(runs * (given > 0 ? given : 1))),
  ...(seed === undefined ? {} : { seed: Number(seed) })
})

/** Longest text that is given, in UTF-16 units. */
export const LONGEST = 65_536
/** What a reader may take for it on an idle, ordinary machine. */
const BUDGET_MS = 50

/** How much slower than that this machine is, a busy neighbour and coverage counted in. */
const slackNow = (): number => {
  const text = JSON.stringify(Array.from({ length: 4000 }, (_, i) => ({ i, text: String(i) })))
  const begun = performance.now()
  for (let i = 0; i < 20; i++) JSON.parse(text)
  return 4 * Math.max(1, (performance.now() - begun) / 30)
}

let slack = slackNow()

/** Runs a reader within its time. What is too slow once is tried again: a pause of the machine is no slowness. */
export const timely = <A>(read: () => A): A => {
  const once = (): readonly [A, number] => {
    const begun = performance.now()
    const value = read()
    return [value, performance.now() - begun]
  }
  const [value, first] = once()
  let best = first
  if (best > BUDGET_MS * slack) slack = Math.max(slack, slackNow())
  for (let again = 0; best > BUDGET_MS * slack && again < 3; again++) best = Math.min(best, once()[1])
  assert.isAtMost(best, BUDGET_MS * slack, "milliseconds for one text: the reader's time grows faster than its input")
  return value
}

const cut = (text: string): string => text.slice(0, LONGEST)

/** `[[[[…` and `{"a":{"a":…`, whole or torn. */
const bomb = fc
  .tuple(
    fc.constantFrom(
      ["[", "]"] as const,
      ['{"a":', "}"] as const,
      ['[{"a":', "}]"] as const,
      ['{"__proto__":', "}"] as const
    ),
    fc.constantFrom(3, 30, 63, 64, 65, 200, 2000, 7000, 30_000),
    fc.constantFrom("1", '"1"', "null", "", "{}", '"2026-01-31T00:00:00Z"')
  )
  .map(([[open, close], depth, core]) => {
    const most = Math.min(depth, Math.floor((LONGEST - 2000) / (open.length + close.length)))
    return `${open.repeat(most)}${core}${close.repeat(most)}`
  })

/** Numbers that readers get wrong, as they stand in JSON. */
const numbers = [
  "1e400",
  "-1e400",
  "1e-400",
  "-0",
  "-0.0",
  "0e0",
  "0.1e-20",
  "1E-8",
  "1e+5",
  "12345678901234567890.123456789",
  "0.1234567890123",
  "0.123456789012",
  "9007199254740993",
  "18446744073709551616",
  "99999999999999999999999999999999",
  "0.30000000000000004",
  "1.00000000000000000001",
  "-1",
  "-0.000001",
  "1000000000000000.1",
  "2.5000000000000000000000000000000000",
  `1${"0".repeat(400)}`,
  `0.${"0".repeat(400)}1`
]

/** What stands where a number should, quoted or not. */
const words = [
  "",
  " ",
  "NaN",
  "Infinity",
  "-Infinity",
  "+1",
  ".5",
  "5.",
  "0x10",
  "0b1",
  "1_000",
  "1,5",
  " 1 ",
  "1\n",
  "١٢",
  "null",
  "true",
  "__proto__",
  "constructor",
  "toString",
  "\uD800",
  "\uFEFF1",
  "2026-02-30T00:00:00Z",
  "2026-01-31T23:59:60Z",
  "2026-01-31T00:00:00.123456789Z",
  "9999-12-31T23:59:59.999999999-23:59",
  "0000-01-01T00:00:00Z",
  "buy",
  "update"
]

const replacement: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...numbers).map(leaf) },
  { weight: 2, arbitrary: fc.constantFrom(...numbers).map((text) => leaf(`"${text}"`)) },
  { weight: 3, arbitrary: fc.constantFrom(...words).map((text) => leaf(JSON.stringify(text))) },
  { weight: 3, arbitrary: fc.constantFrom("null", "true", "false", "{}", "[]", "[[]]", '{"a":1}').map(leaf) },
  { weight: 1, arbitrary: bomb.map(leaf) },
  { weight: 2, arbitrary: fc.double().map((value) => leaf(JSON.stringify(value))) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map((value) => leaf(value.toString())) }
)

interface Change {
  readonly what: number
  readonly where: number
  readonly other: number
  readonly put: Tree
}

const keys = ['"__proto__"', '"constructor"', '"last"', '""', '"\\u0000"', '"error"', '"data"', '"toString"']

/** Every place of a tree that holds something. */
const places = (tree: Tree): ReadonlyArray<{ readonly holder: Tree; readonly at: number }> => {
  const found: Array<{ readonly holder: Tree; readonly at: number }> = []
  const walk = (node: Tree): void => {
    if (node.kind === "leaf") return
    const inside = node.kind === "list" ? node.items : node.fields.map(([, value]) => value)
    inside.forEach((child, at) => {
      found.push({ holder: node, at })
      walk(child)
    })
  }
  walk(tree)
  return found
}

const read = (holder: Tree, at: number): Tree =>
  (holder.kind === "list" ? holder.items[at] : holder.kind === "object" ? holder.fields[at]?.[1] : undefined) ??
  leaf("null")

const write = (holder: Tree, at: number, value: Tree): void => {
  if (holder.kind === "list") holder.items[at] = value
  else if (holder.kind === "object") holder.fields[at] = [holder.fields[at]?.[0] ?? '""', value]
}

const quoted = (text: string): string => (text.startsWith('"') ? String(JSON.parse(text)) || "0" : JSON.stringify(text))

/** One change of one place. */
const alter = (tree: Tree, { other, put, what, where }: Change): void => {
  const all = places(tree)
  const place = all[where % Math.max(all.length, 1)]
  if (place === undefined) return
  const { at, holder } = place
  const value = read(holder, at)
  switch (what) {
    case 0: {
      if (holder.kind === "list") holder.items.splice(at, 1)
      else if (holder.kind === "object") holder.fields.splice(at, 1)
      return
    }
    case 1: {
      if (holder.kind === "object") holder.fields[at] = [keys[other % keys.length] ?? '""', value]
      return
    }
    case 2: {
      if (holder.kind === "object") holder.fields.push([holder.fields[at]?.[0] ?? '""', put])
      else if (holder.kind === "list") holder.items.push(put)
      return
    }
    case 3: {
      const elsewhere = all[other % all.length]
      return write(holder, at, elsewhere === undefined ? put : structuredClone(read(elsewhere.holder, elsewhere.at)))
    }
    case 4: {
      if (value.kind === "leaf") write(holder, at, leaf(quoted(value.text)))
      return
    }
    case 5: {
      if (value.kind === "leaf" && /^-?\d/.test(value.text)) {
        const more = ["0", "1", "e5", "e-9", ".5", "000000000000", "9999999999999999999"][other % 7] ?? "0"
        write(holder, at, leaf(value.text + more))
      }
      return
    }
    case 6: {
      if (value.kind === "leaf") write(holder, at, leaf(`-${value.text}`))
      return
    }
    case 7: {
      const times = 2 + (other % 300)
      if (value.kind === "list" && value.items.length > 0 && textOf(value).length * times < LONGEST) {
        write(holder, at, { kind: "list", items: Array.from({ length: times }, () => value.items).flat() })
      }
      return
    }
    case 8: {
      if (holder.kind === "object") holder.fields.push([keys[other % keys.length] ?? '""', put])
      return
    }
    default:
      return write(holder, at, put)
  }
}

const splinters = [
  "\uFEFF",
  "\uD800",
  "\uDFFF",
  "\0",
  "{",
  "}",
  "]",
  ",",
  '"',
  "\\",
  "e400",
  "-",
  "0",
  "\u2028",
  " ",
  "."
]

/** A change of the text itself: torn, flipped, holed, prefixed. */
const damage = (text: string, { other, what, where }: Change): string => {
  const at = where % (text.length + 1)
  const splinter = splinters[other % splinters.length] ?? ""
  switch (what % 5) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + splinter + text.slice(at)
    case 2:
      return text.slice(0, at) + text.slice(at + 1 + (other % 12))
    case 3:
      return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << (other % 8))) + text.slice(at + 1)
    default:
      return splinter + text
  }
}

const change: fc.Arbitrary<Change> = fc.record({
  what: fc.nat({ max: 12 }),
  where: fc.nat({ max: 100_000 }),
  other: fc.nat({ max: 10_000 }),
  put: replacement
})

/** Real texts, a little changed: fields taken out, renamed, repeated, retyped, numbers widened; now and then torn. */
export const mutated = (texts: ReadonlyArray<string>): fc.Arbitrary<string> => {
  const trees = texts.map(treeOf)
  return fc
    .tuple(
      fc.nat({ max: Math.max(texts.length - 1, 0) }),
      fc.array(change, { minLength: 0, maxLength: 4 }),
      fc.option(change, { freq: 4, nil: undefined })
    )
    .map(([which, changes, harm]) => {
      const known = trees[which]
      let text = texts[which] ?? ""
      if (known !== undefined) {
        const tree = structuredClone(known)
        for (const one of changes) alter(tree, one)
        text = textOf(tree)
      }
      return cut(harm === undefined ? text : damage(text, harm))
    })
}

/** `head`, one piece many times, `tail`: what makes a reader that looks back take its time. */
export const repeated = (pieces: ReadonlyArray<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(fc.constantFrom(...pieces), { maxLength: 2 }),
      fc.constantFrom(...pieces),
      fc.constantFrom(2, 50, 1000, LONGEST),
      fc.array(fc.constantFrom(...pieces), { maxLength: 2 })
    )
    .map(([head, piece, times, tail]) => {
      const [before, after] = [head.join(""), tail.join("")]
      const most = Math.max(1, Math.floor((LONGEST - before.length - after.length) / Math.max(piece.length, 1)))
      return before + piece.repeat(Math.min(times, most)) + after
    })

const utf8 = new TextDecoder()

/** Texts that nobody means: characters, halves of characters, bytes, JSON of anything, depth. */
export const garbage: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => utf8.decode(bytes)),
  fc.json({ noUnicodeString: false }),
  fc.constantFrom(...numbers, ...words),
  bomb.map(cut)
)
