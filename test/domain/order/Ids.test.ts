import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import {
  clientOrderId,
  InstallationPrefix,
  isOwn,
  MAX_CLIENT_ID_LENGTH,
  nextSequence,
  sequenceOf
} from "../../../src/domain/order/Ids.ts"
import { NOON } from "../../support/build.ts"

const prefix = InstallationPrefix("kt3f9a")

describe("client order ids", () => {
  it("I2: never repeat, whatever the clock does, and an old backup goes on from the clock", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5000, max: 5000 }), { minLength: 2, maxLength: 50 }), (steps) => {
        const ids = new Set<string>()
        let last = 0
        let now = NOON
        for (const step of steps) {
          now += step
          last = nextSequence(now, last)
          ids.add(clientOrderId(prefix, last))
        }
        assert.strictEqual(ids.size, steps.length)
      })
    )
    assert.strictEqual(nextSequence(NOON + 0.7, 12), NOON)
    assert.strictEqual(nextSequence(NOON, NOON + 50), NOON + 51)
  })

  it("fit into Kraken's eighteen characters for centuries", () => {
    assert.isAtMost(clientOrderId(prefix, 9_999_999_999_999).length, MAX_CLIENT_ID_LENGTH)
  })

  it("are recognised, and nobody else's are", () => {
    const id = clientOrderId(prefix, NOON)
    assert.strictEqual(sequenceOf(prefix, id), NOON)
    assert.isTrue(isOwn(prefix, id))
    for (const other of [undefined, "", prefix, "kt0000abc", `${prefix}ABC`, `${prefix}-1`, `${prefix}12345678901`]) {
      assert.isFalse(isOwn(prefix, other), String(other))
    }
  })
})
