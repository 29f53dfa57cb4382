/** The local Kraken's reader of JSON. */
import { assert, describe, it } from "vitest"
import { isRecord, read } from "../../../src/domain/exchange/Json.ts"

describe("the local Kraken's JSON", () => {
  const nested = (n: number, inside = ""): string => "[".repeat(n) + inside + "]".repeat(n)

  it("nests to its depth and no deeper, whether the innermost list holds something or not", () => {
    for (const inside of ["", "1", '"a"', "null"]) {
      assert.isDefined(read(nested(32, inside)), inside)
      assert.isUndefined(read(nested(33, inside)), inside)
    }
    assert.isDefined(read(nested(31, "{}")))
    assert.isUndefined(read(nested(32, "{}")))
    // found by the fuzz test: an empty list one too deep was taken
    assert.isDefined(read(`{"data":[{"__proto__":${nested(29)}}]}`))
    assert.isUndefined(read(`{"data":[{"__proto__":${nested(30)}}]}`))
  })

  it("keeps a key that other readers lose", () => {
    const found = read(`{"__proto__":"1"}`)
    assert.isTrue(isRecord(found) && found.get("__proto__") === "1")
  })
})
