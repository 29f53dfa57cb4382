/** What the fuzz tests found, each as the smallest text that showed it. */
import { assert, describe, it } from "vitest"
import { emptyMemory } from "../../src/domain/kraken/stream/OrderMemory.ts"
import type { PrivateFrame } from "../../src/domain/kraken/stream/Private.ts"
import { decodePrivate } from "../../src/domain/kraken/stream/Private.ts"

const read = (text: string): PrivateFrame => decodePrivate(text, emptyMemory).frame

const executions = (row: string): string =>
  `{"channel":"executions","type":"update","data":[{"order_id":"OA","timestamp":"2026-01-05T10:00:00Z",${row}}],"sequence":2}`
const fill = (price: string, quantity: string, cost: string): string =>
  executions(
    `"exec_id":"TA","exec_type":"trade","symbol":"XLM/USD","side":"buy","last_price":${price},"last_qty":${quantity},"cost":${cost},"liquidity_ind":"m","fees":[]`
  )

describe("executions", () => {
  const problems = (text: string): unknown => {
    const frame = read(text)
    return frame._tag === "Executions" ? [frame.reports.length, ...frame.problems] : frame._tag
  }

  it("below nothing are no executions", () => {
    assert.deepStrictEqual(problems(fill("0.15", "20", "-3")), [0, "cost"])
    assert.deepStrictEqual(problems(fill("0.15", "-20", "3")), [0, "last_qty"])
    assert.deepStrictEqual(problems(fill("-0.15", "20", "3")), [0, "last_price"])
    for (const field of ["order_qty", "limit_price", "cum_qty", "cum_cost"]) {
      assert.deepStrictEqual(problems(executions(`"exec_type":"canceled","${field}":-0.000001`)), [0, field])
    }
  })
})
