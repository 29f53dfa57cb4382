import { assert, describe, it } from "@effect/vitest"
import { joinCandles } from "../../../../src/domain/exchange/market/joinCandles.ts"

const bar = (time: number, close = 1) => ({ time, open: 1, high: close, low: 1, close, vwap: 1, volume: 1, count: 0 })

describe("joining an exchange's own candles", () => {
  it("leaves out the last one where its end is missing, and leaves bars of the right length alone", () => {
    const minutes = [0, 60, 120, 180, 240].map((time) => bar(time, time + 1))
    assert.deepStrictEqual(joinCandles(minutes, 1), minutes)
    const joined = joinCandles(minutes, 2)
    assert.deepStrictEqual(
      joined.map(({ close, time, volume }) => [time, close, volume]),
      [
        [0, 61, 2],
        [120, 181, 2]
      ]
    )
    assert.deepStrictEqual(joinCandles([], 5), [])
  })
})
