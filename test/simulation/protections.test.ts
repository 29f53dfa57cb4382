import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { bundle, carryOut, edited, occurrences } from "./protections/bundle.ts"
import { protections } from "./protections/switchboard.ts"
import { holds } from "./protections/table.ts"

/** A slow machine is no failure. */
const LONGEST_MS = 120_000

/** Cheap ones of different kinds: records, wire, time, money. */
const sample = [
  "intent row before the send",
  "an order is never sent twice",
  "an approval is void after a second",
  "collar of an entry's price"
]

describe("protections", () => {
  it("have names of their own", () => {
    assert.strictEqual(new Set(protections.map(({ name }) => name)).size, protections.length)
  })

  it.each(protections)("$name: its text is where it was", ({ edits }) => {
    for (const { file, find, replace } of edits) {
      assert.strictEqual(occurrences(readFileSync(file, "utf8"), find), 1, `${file}: ${find}`)
      assert.notStrictEqual(find, replace)
    }
  })

  it("a text that is not there, or there twice, is no protection", () => {
    assert.throws(() => edited("a b", [{ file: "x", find: "c", replace: "" }]), "0 times")
    assert.throws(() => edited("a a", [{ file: "x", find: "a", replace: "" }]), "2 times")
    assert.strictEqual(edited("a b", [{ file: "x", find: "b", replace: "$&c" }]), "a $&c")
  })

  it("with nothing taken away the story passes", { timeout: LONGEST_MS }, async () => {
    assert.isUndefined((await carryOut(await bundle("test as it is", []), { story: "entry" }, LONGEST_MS)).found)
  })

  it.each(protections.filter(({ name }) => sample.includes(name)))(
    "$name: missed when it is missing",
    { timeout: LONGEST_MS },
    async (protection) => {
      const file = await bundle(`test ${protection.name}`, protection.edits)
      const verdict = await carryOut(file, protection.task, LONGEST_MS)
      assert.isTrue(holds({ protection, verdict }), JSON.stringify(verdict))
    }
  )
})
