/**
 * A reading of JSON that shares nothing with the program's own: a tree of the very texts. It tells a test what a frame
 * says, digit by digit, and lets it say something slightly different.
 */

export type Tree =
  | { readonly kind: "leaf"; text: string }
  | { readonly kind: "list"; readonly items: Array<Tree> }
  | { readonly kind: "object"; readonly fields: Array<[key: string, value: Tree]> }

export const leaf = (text: string): Tree => ({ kind: "leaf", text })

const TOKEN = /[{}[\],:]|"(?:[^"\\]|\\[^])*"|[^\s{}[\],:"]+/g

/** The tree of a text that `JSON.parse` takes; `undefined` for any other. Nothing recurses: depth is no matter. */
export const treeOf = (text: string): Tree | undefined => {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  const root: Tree & { kind: "list" } = { kind: "list", items: [] }
  const stack: Array<Tree> = [root]
  let key: string | undefined
  let inKey = false
  const put = (node: Tree): void => {
    const top = stack.at(-1)
    if (top?.kind === "list") top.items.push(node)
    else if (top?.kind === "object") top.fields.push([key ?? "", node])
  }
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") {
      const node: Tree = token === "{" ? { kind: "object", fields: [] } : { kind: "list", items: [] }
      put(node)
      stack.push(node)
      inKey = token === "{"
    } else if (token === "}" || token === "]") {
      stack.pop()
      inKey = false
    } else if (token === ",") inKey = stack.at(-1)?.kind === "object"
    else if (token === ":") inKey = false
    else if (inKey) key = token
    else put(leaf(token))
  }
  return root.items[0]
}

/** The tree as text again. */
export const textOf = (tree: Tree): string =>
  tree.kind === "leaf"
    ? tree.text
    : tree.kind === "list"
      ? `[${tree.items.map(textOf).join(",")}]`
      : `{${tree.fields.map(([key, value]) => `${key}:${textOf(value)}`).join(",")}}`

/** A field of an object; of a repeated key the last one. */
export const field = (tree: Tree | undefined, name: string): Tree | undefined =>
  tree?.kind === "object" ? tree.fields.findLast(([key]) => JSON.parse(key) === name)?.[1] : undefined

/** The fields of an object, last one of each name, in the order in which a JavaScript object has them. */
export const entries = (tree: Tree | undefined): ReadonlyArray<readonly [name: string, value: Tree]> =>
  tree?.kind === "object"
    ? Object.entries(Object.fromEntries(tree.fields.map(([key, value]) => [String(JSON.parse(key)), value])))
    : []

export const items = (tree: Tree | undefined): ReadonlyArray<Tree> => (tree?.kind === "list" ? tree.items : [])

/** Said at all: neither absent nor `null`. */
export const said = (tree: Tree | undefined): tree is Tree =>
  tree !== undefined && !(tree.kind === "leaf" && tree.text === "null")

/** The content of a string. */
export const string = (tree: Tree | undefined): string | undefined =>
  tree?.kind === "leaf" && tree.text.startsWith('"') ? String(JSON.parse(tree.text)) : undefined

/** The text of a number that is not quoted. */
export const number = (tree: Tree | undefined): string | undefined =>
  tree?.kind === "leaf" && /^[-\d]/.test(tree.text) ? tree.text : undefined

/** The text of a number, quoted or not. */
export const loose = (tree: Tree | undefined): string | undefined => string(tree) ?? number(tree)

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/** A decimal text written plainly: exponent carried out by moving the point, zeros that mean nothing left out. */
export const plain = (text: string | undefined): string | undefined => {
  const match = text === undefined ? null : DECIMAL.exec(text)
  if (match === null) return undefined
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match
  const digits = whole + fraction
  if (/^0*$/.test(digits)) return "0"
  let point = whole.length + Number(exponent)
  if (Math.abs(point) > 1000) return undefined
  const left = point < 1 ? "0".repeat(1 - point) + digits : digits
  point = Math.max(point, 1)
  const all = left.padEnd(point, "0")
  const front = all.slice(0, point).replace(/^0+(?=\d)/, "")
  const back = all.slice(point).replace(/0+$/, "")
  return `${sign}${front}${back === "" ? "" : `.${back}`}`
}

/** A fixed-point value at scale 10^-12, written plainly. */
export const printed = (value: bigint): string | undefined => {
  const digits = (value < 0n ? -value : value).toString().padStart(13, "0")
  return plain(`${value < 0n ? "-" : ""}${digits.slice(0, -12)}.${digits.slice(-12)}`)
}

/** Every decimal that stands in a text: its numbers, and what of its strings looks like one, written plainly. */
export const decimalsIn = (text: string): ReadonlySet<string> => {
  const found = new Set<string>()
  const add = (one: string): void => {
    const value = plain(one)
    if (value !== undefined) found.add(value)
  }
  for (const [token] of text.matchAll(TOKEN)) {
    if (!token.startsWith('"')) add(token)
    else if (token.length < 400) {
      try {
        add(String(JSON.parse(token)))
      } catch {
        // no string after all
      }
    }
  }
  return found
}

/** Every fixed-point value in a decoded value, however deep. */
export const amountsIn = (value: unknown): ReadonlyArray<bigint> => {
  if (typeof value === "bigint") return [value]
  if (value instanceof Map) return [...value.values()].flatMap(amountsIn)
  if (typeof value !== "object" || value === null) return []
  return Object.values(value).flatMap(amountsIn)
}

/** RFC 3339 to milliseconds by the platform's own reader; what that does not take (a leap second, digits past the third) by hand. */
export const time = (text: string | undefined): number | undefined => {
  const match = /^(.{10})[Tt ](.{8})(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(text ?? "")
  if (match === null) return undefined
  const [, day = "", clock = "", fraction = "", zone = ""] = match
  const leap = clock.endsWith(":60")
  const ms = Date.parse(`${day}T${leap ? `${clock.slice(0, 6)}59` : clock}Z`)
  const offset = /[Zz]/.test(zone) ? 0 : (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))) * 60_000
  return (
    ms + (leap ? 1000 : 0) + Number(fraction.slice(0, 3).padEnd(3, "0")) - (zone.startsWith("-") ? -offset : offset)
  )
}
