import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc, Option } from "effect"
import * as Rolling from "../../../src/domain/strategy/Rolling.ts"

const fill = (capacity: number, values: ReadonlyArray<number>): Rolling.Rolling =>
  values.reduce(
    (window, value) => Rolling.push(window, Option.getOrThrow(Rolling.sample(value))),
    Rolling.empty(capacity)
  )

const statistics = (capacity: number, values: ReadonlyArray<number>): Rolling.Statistics | undefined =>
  Option.getOrUndefined(Rolling.statistics(fill(capacity, values)))

/** The textbook's two passes, over integers, exact: values are `base + offset / 2^20`. */
const exact = (base: bigint, offsets: ReadonlyArray<bigint>) => {
  const n = BigInt(offsets.length)
  const sum = offsets.reduce((a, b) => a + b, 0n)
  const squares = offsets.reduce((a, b) => a + (n * b - sum) ** 2n, 0n)
  return {
    mean: Number(base) + Number(sum) / offsets.length / 2 ** 20,
    deviation: Math.sqrt(Number(squares) / Number(n * n) / (offsets.length - 1)) / 2 ** 20
  }
}

describe("sample", () => {
  it("takes finite numbers of a sane magnitude", () => {
    for (const value of [0, -1, 0.08, 1e15, -1e15]) assert.isTrue(Option.isSome(Rolling.sample(value)))
    for (const value of [Number.NaN, Infinity, -Infinity, 1.1e15, Number.MAX_VALUE])
      assert.isTrue(Option.isNone(Rolling.sample(value)))
  })
})

describe("statistics", () => {
  it("has none until the window is full", () => {
    assert.isUndefined(statistics(3, []))
    assert.isUndefined(statistics(3, [1, 2]))
    assert.deepStrictEqual(statistics(3, [1, 2, 3]), { mean: 2, deviation: 1 })
  })

  it("forgets what has left, through every turn of the two stacks", () => {
    for (let length = 3; length < 20; length++) {
      const values = Array.from({ length }, (_, i) => (i * i) % 11)
      const last = values.slice(-3).map(BigInt)
      const expected = exact(
        0n,
        last.map((v) => v << 20n)
      )
      const is = statistics(3, values)!
      assert.approximately(is.mean, expected.mean, 1e-12)
      assert.approximately(is.deviation, expected.deviation, 1e-12)
      assert.strictEqual(Rolling.size(fill(3, values)), 3)
    }
  })

  it("needs two values for a deviation", () => {
    assert.isUndefined(statistics(1, [5]))
    assert.deepStrictEqual(statistics(0.5, [5, 7]), { mean: 6, deviation: Math.sqrt(2) })
  })

  it("is exactly flat for a flat series", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), fc.integer({ min: 60, max: 300 }), (value, n) => {
        assert.deepStrictEqual(
          statistics(
            60,
            Array.from({ length: n }, () => value)
          ),
          { mean: value, deviation: 0 }
        )
      })
    )
  })

  it("keeps the digits of a small deviation on a large price, where running sums of squares lose all of them", () => {
    const base = 1_000_000_000n
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 80 }),
        fc.array(fc.bigInt({ min: 0n, max: 2n ** 20n }), { minLength: 80, maxLength: 300 }),
        (capacity, offsets) => {
          const values = offsets.map((offset) => Number(base) + Number(offset) / 2 ** 20)
          const is = statistics(capacity, values)!
          const expected = exact(base, offsets.slice(-capacity))
          assert.approximately(is.mean, expected.mean, 1e-6)
          assert.approximately(is.deviation, expected.deviation, 1e-6)
        }
      )
    )
  })

  it("does not drift over a hundred thousand values, nor remember an outlier", () => {
    let window = fill(50, [1e12])
    for (let i = 0; i < 100_000; i++)
      window = Rolling.push(window, Option.getOrThrow(Rolling.sample(0.09 + (i % 2) * 1e-6)))
    const is = Option.getOrThrow(Rolling.statistics(window))
    assert.approximately(is.mean, 0.0900005, 1e-15)
    assert.approximately(is.deviation, 0.5e-6 * Math.sqrt(50 / 49), 1e-15)
  })

  it("leaves the window it was given as it was", () => {
    const before = fill(3, [1, 2, 3])
    const copy = JSON.stringify(before)
    Rolling.push(before, Option.getOrThrow(Rolling.sample(9)))
    assert.strictEqual(JSON.stringify(before), copy)
  })
})
