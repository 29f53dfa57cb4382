/**
 * What may never be shown. Secrets are facts of the whole process, so they are kept for the whole process: a log line
 * from anywhere, a cause included, loses every form of every registered secret before it is written.
 */
import { Redacted } from "effect"

/** Shorter texts would tear harmless words out of the log; no secret of this program is as short. */
const SHORTEST = 8
/** Stream tokens come and go; those of long ago have expired. */
const MOST = 256

export const MASK = "[redacted]"

const forms = new Map<string, ReadonlyArray<string>>()

/** The part of a secret's base64 that is the same wherever the secret stands inside a longer encoded text. */
const insideBase64 = (secret: string): ReadonlyArray<string> =>
  [0, 1, 2].map((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
    const text = bytes.toString("base64").replace(/=+$/, "")
    // The first characters mix with what stands before, the last may mix with what follows.
    return text.slice(Math.ceil((offset * 8) / 6), (bytes.length * 8) % 6 === 0 ? text.length : text.length - 1)
  })

/** Path and query of an address: enough to use a webhook by. */
const pathOf = (secret: string): ReadonlyArray<string> => {
  const [, path] = /^https?:\/\/[^/]+(\/.+)$/.exec(secret) ?? []
  return path === undefined ? [] : [path]
}

const formsOf = (secret: string): ReadonlyArray<string> => {
  const plain = [secret, ...pathOf(secret)]
  const all = plain.flatMap((text) => {
    const base64 = insideBase64(text)
    return [
      text,
      encodeURIComponent(text),
      JSON.stringify(text).slice(1, -1),
      Buffer.from(text).toString("hex"),
      ...base64,
      ...base64.map((b) => b.replaceAll("+", "-").replaceAll("/", "_"))
    ]
  })
  // Longer forms first, so that none leaves a recognisable rest of another.
  return [...new Set(all)].filter((form) => form.length >= SHORTEST).toSorted((a, b) => b.length - a.length)
}

/** From now on no text that passes `scrub` shows this secret. At most 256 are kept; the oldest stream tokens go first. */
export const registerSecret = (secret: Redacted.Redacted, lifetime: "lasting" | "passing" = "lasting"): void => {
  const value = Redacted.value(secret)
  if (value.length < SHORTEST) return
  const name = `${lifetime}:${value}`
  forms.delete(name)
  forms.set(name, formsOf(value))
  const passing = [...forms.keys()].filter((key) => key.startsWith("passing:"))
  for (const key of passing.slice(0, Math.max(0, passing.length - MOST))) forms.delete(key)
}

/** The text with every registered secret masked, in whatever form it stands there: bare, URL-encoded, escaped, hex, base64. */
export const scrub = (text: string): string => {
  let clean = text
  for (const list of forms.values()) for (const form of list) clean = clean.replaceAll(form, MASK)
  return clean
}
