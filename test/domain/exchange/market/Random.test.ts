import { assert, describe, it } from "@effect/vitest"
import { make, seedOf } from "../../../../src/domain/exchange/market/Random.ts"

describe("Random", () => {
  it("repeats itself from the same seed only", () => {
    const draw = (seed: number) => {
      const random = make(seed)
      return Array.from({ length: 5 }, random.next)
    }
    assert.deepStrictEqual(draw(seedOf(1, "XLM/USD", 5)), draw(seedOf(1, "XLM/USD", 5)))
    const seeds = [
      seedOf(1),
      seedOf(2),
      seedOf("1"),
      seedOf(1, 1),
      seedOf(1, "a", 2),
      seedOf(1, 2, "a"),
      seedOf(2 ** 40 + 1)
    ]
    assert.strictEqual(new Set(seeds).size, seeds.length)
  })

  it("is uniform, normal and exponential as it says", () => {
    const random = make(7)
    const n = 20_000
    const mean = (draw: () => number): number => Array.from({ length: n }, draw).reduce((a, b) => a + b, 0) / n
    assert.closeTo(mean(random.next), 0.5, 0.01)
    assert.closeTo(
      mean(() => random.between(2, 4)),
      3,
      0.02
    )
    assert.closeTo(mean(random.normal), 0, 0.03)
    assert.closeTo(
      mean(() => random.normal() ** 2),
      1,
      0.05
    )
    assert.closeTo(
      mean(() => random.wait(5)),
      5,
      0.15
    )
  })
})
