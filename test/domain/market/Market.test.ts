import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc, Option } from "effect"
import { PairSymbol } from "../../../src/domain/market/Instrument.ts"
import type { Candle, Quote } from "../../../src/domain/market/Market.ts"
import { makeCandle, makeQuote } from "../../../src/domain/market/Market.ts"
import * as Money from "../../../src/domain/money/Money.ts"

const quote: Quote = {
  symbol: PairSymbol("XLM/USD"),
  bid: Money.price("0.0912"),
  bidQuantity: Money.quantity("100"),
  ask: Money.price("0.0913"),
  askQuantity: Money.zeroQuantity,
  at: 1000
}
const candle: Candle = { at: 60_000, open: 2, high: 3, low: 1, close: 2, volume: 0 }

describe("makeQuote", () => {
  it("passes a sound quote as it is", () => assert.deepStrictEqual(makeQuote(quote), Option.some(quote)))

  it("has no quote for zero, negative, locked, crossed and timeless ones", () => {
    const broken: ReadonlyArray<Partial<Quote>> = [
      { bid: Money.price("0") },
      { bid: Money.price("-1") },
      { ask: Money.price("0") },
      { ask: quote.bid },
      { ask: Money.price("0.0911") },
      { bidQuantity: Money.quantity("-1") },
      { askQuantity: Money.quantity("-1") },
      { at: Number.NaN },
      { at: Infinity }
    ]
    for (const change of broken)
      assert.isTrue(Option.isNone(makeQuote({ ...quote, ...change })), JSON.stringify(Object.keys(change)))
  })
})

describe("makeCandle", () => {
  it("passes a sound candle as it is", () => {
    assert.deepStrictEqual(makeCandle(candle), Option.some(candle))
    const flat = { ...candle, open: 2, high: 2, low: 2, close: 2 }
    assert.deepStrictEqual(makeCandle(flat), Option.some(flat))
  })

  it("has no candle for what is not finite, not positive or not ordered", () => {
    const broken: ReadonlyArray<Partial<Candle>> = [
      { low: 2.5 },
      { low: 0 },
      { high: 1.5 },
      { open: 4 },
      { close: 0.5 },
      { volume: -1 },
      { open: -2, low: -3 }
    ]
    for (const change of broken)
      assert.isTrue(Option.isNone(makeCandle({ ...candle, ...change })), JSON.stringify(change))
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(candle) as Array<keyof Candle>)),
        fc.constantFrom(Number.NaN, Infinity, -Infinity),
        (key, value) => assert.isTrue(Option.isNone(makeCandle({ ...candle, [key]: value })))
      )
    )
  })
})
