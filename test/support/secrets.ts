/** Searching whatever a program left behind for what it should never show. */
import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { gunzipSync } from "node:zlib"
import { assert } from "vitest"

/** A text as it might stand somewhere: bare, in an address, in JSON, in hex, in base64 of both alphabets at any offset. */
export const disguises = (secret: string): ReadonlyArray<string> => {
  const address = encodeURIComponent(secret)
  const hex = Buffer.from(secret).toString("hex")
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
      .toString("base64")
      .slice(offset === 0 ? 0 : 4, -4)
  )
  return [
    ...new Set([
      secret,
      address,
      address.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
      JSON.stringify(secret).slice(1, -1),
      hex,
      hex.toUpperCase(),
      ...base64,
      ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))
    ])
  ]
}

/** A long secret is known by its ends as well: a text that was cut off shows one of them. */
const END = 16
const ends = (secret: string): ReadonlyArray<string> =>
  secret.length < 2 * END ? [] : [secret.slice(0, END), secret.slice(-END)]

export interface Kept {
  readonly name: string
  readonly secret: string
  /** The one text that holds it by design. */
  readonly except?: string
  /** Looked for as it is and in no other form: for candidates by the thousand. */
  readonly bare?: true
}

/** Every file below a folder as text, by its path in it; a compressed one as what is in it. */
export const filesUnder = (folder: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name)
        const content = readFileSync(path)
        return [
          relative(folder, path),
          (path.endsWith(".gz") ? gunzipSync(content) : content).toString("latin1")
        ] as const
      })
  )

/** Fails, without saying the secret, when one of the texts holds one in any form. */
export const search = (texts: ReadonlyMap<string, string>, kept: ReadonlyArray<Kept>): void => {
  for (const { bare, except, name, secret } of kept) {
    assert.isAtLeast(secret.length, 8, `${name} is too short to be searched for`)
    const forms = bare === true ? [secret] : [...disguises(secret), ...ends(secret)]
    for (const [where, text] of texts) {
      if (except === where) continue
      for (const form of forms) {
        const at = text.indexOf(form)
        if (at === -1) continue
        const around = `${text.slice(Math.max(0, at - 60), at)}<here>`
        assert.fail(`${name} stands in ${where}, after: ${JSON.stringify(around)}`)
      }
    }
  }
}
