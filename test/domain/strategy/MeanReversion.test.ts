import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc } from "effect"
import { existsSync } from "node:fs"
import type { Candle } from "../../../src/domain/market/Market.ts"
import type { MeanReversionParameters } from "../../../src/domain/strategy/MeanReversion.ts"
import { MeanReversion, meanReversion } from "../../../src/domain/strategy/MeanReversion.ts"
import type { EntrySignal, MarketView, RunningStrategy } from "../../../src/domain/strategy/Strategy.ts"
import { candle, minutes, MINUTE, path, readBars, trade, view } from "./support.ts"

const make = (params: Partial<MeanReversionParameters> = {}) =>
  Either.getOrThrowWith(MeanReversion.make(params), (refused) => new Error(refused.problems.join("; ")))
const problems = (params: Record<string, unknown>) =>
  Either.match(MeanReversion.make(params), { onLeft: (refused) => refused.problems, onRight: () => [] })

/** Ten closes around 0.1 with a standard deviation of 0.001: the shortest window there is. */
const CLOSES = [0.1, 0.101, 0.099, 0.1, 0.101, 0.099, 0.1, 0.101, 0.099, 0.1]
const MEAN = 0.1
const DEVIATION = Math.sqrt(6e-6 / 9)
const warm = (params: Partial<MeanReversionParameters> = {}): RunningStrategy =>
  make({ window: 10, ...params })
    .start()
    .warmUp(minutes(0, CLOSES))
/** The moment after the last of those candles. */
const AFTER = 10 * MINUTE

const ready = (strategy: RunningStrategy, change: Partial<MarketView>) => {
  const { next, outcome } = strategy.step(view({ now: AFTER, ...change }))
  if (outcome._tag === "Unready") return assert.fail(`not ready: ${outcome.why}`)
  return { next, ...outcome }
}
const unready = (strategy: RunningStrategy, change: Partial<MarketView>): string => {
  const { outcome } = strategy.step(view({ now: AFTER, ...change }))
  return outcome._tag === "Unready" ? outcome.why : assert.fail("ready")
}
const entry = (strategy: RunningStrategy, change: Partial<MarketView>): EntrySignal => {
  const [signal, ...more] = ready(strategy, change).signals
  assert.lengthOf(more, 0)
  return signal?._tag === "Enter" ? signal : assert.fail(`no entry but ${JSON.stringify(signal)}`)
}

/** A quote some deviations below the mean, a tick-thin spread. */
const dip = (deviations: number): Partial<MarketView> => ({
  ask: MEAN - deviations * DEVIATION,
  bid: MEAN - deviations * DEVIATION - 0.00001
})

describe("parameters", () => {
  it("has defaults for all of them", () => {
    const { intervalMinutes, warmUpCandles, name } = make()
    assert.deepStrictEqual(
      { intervalMinutes, warmUpCandles, name },
      { intervalMinutes: 1, warmUpCandles: 60, name: "mean-reversion" }
    )
    assert.strictEqual(make({ intervalMinutes: 15, window: 700 }).intervalMinutes, 15)
  })

  it("refuses everything that is wrong, all at once, naming key and bounds", () => {
    const found = problems({ window: 9.5, entryDeviations: "2", stopPct: Number.NaN, intervalMinutes: 3, windwo: 60 })
    assert.sameMembers(
      [...found],
      [
        "windwo is not a parameter of this strategy; there are: intervalMinutes, window, entryDeviations, " +
          "targetFraction, stopDeviations, stopPct, holdMinutes, minEdgePct, withdrawDeviations, cooldownSeconds, " +
          "maxGapCandles, ticksBehind",
        "window must be a whole number from 10 to 700",
        "entryDeviations must be a number from 0.5 to 10",
        "stopPct must be a number from 0.1 to 20",
        "intervalMinutes must be one of 1, 5, 15, 30, 60, 240, 1440"
      ]
    )
  })

  it("takes the bounds themselves and nothing beyond", () => {
    assert.deepStrictEqual(problems({ window: 10, stopPct: 20, minEdgePct: 0, ticksBehind: 1000 }), [])
    for (const params of [
      { window: 9 },
      { window: 701 },
      { minEdgePct: -0.1 },
      { targetFraction: 1.01 },
      { stopPct: null }
    ])
      assert.lengthOf(problems(params), 1, JSON.stringify(params))
  })

  it("wants an object, and an entry further out than its withdrawal", () => {
    assert.deepStrictEqual(problems([] as never), ["parameters must be a JSON object"])
    assert.deepStrictEqual(problems({ entryDeviations: 1, withdrawDeviations: 1 }), [
      "withdrawDeviations must be less than entryDeviations (1)"
    ])
  })
})

describe("an entry", () => {
  it("rests at the bid, sells at the mean, stops below, and says what it comes to", () => {
    const quote = dip(3)
    const signal = entry(warm(), quote)
    assert.strictEqual(signal.limit, quote.bid)
    assert.approximately(signal.exit.target, MEAN, 1e-12)
    assert.strictEqual(signal.exit.holdFor, 180 * MINUTE)
    // Four deviations would be 3.3 %: the cap of 3 % is nearer.
    assert.approximately(signal.exit.stop, quote.bid! * 0.97, 1e-12)
    const { features } = signal
    assert.approximately(features["z"]!, -3, 1e-9)
    assert.approximately(features["mean"]!, MEAN, 1e-12)
    assert.approximately(features["deviation"]!, DEVIATION, 1e-12)
    assert.approximately(features["edgePct"]!, 100 * ((MEAN * 0.9975) / (quote.bid! * 1.0025) - 1), 1e-9)
    assert.approximately(features["lossPct"]!, 100 * ((0.97 * 0.996) / 1.0025 - 1), 1e-9)
    assert.approximately(features["feesPct"]!, 0.5, 1e-12)
    assert.approximately(features["feesAtStopPct"]!, 0.65, 1e-12)
    assert.include(signal.reason, "3.00 deviations below the mean of 10 candles")
    assert.include(signal.reason, "-3.63 % at the stop")
    for (const [key, value] of Object.entries(features)) assert.isTrue(Number.isFinite(value), key)
  })

  it("follows its parameters: fraction of the way, stop in deviations, ticks behind, time", () => {
    const quote = dip(3)
    const signal = entry(
      warm({ targetFraction: 0.75, stopDeviations: 2, stopPct: 20, ticksBehind: 5, holdMinutes: 7 }),
      quote
    )
    assert.approximately(signal.limit, quote.bid! - 0.000005, 1e-15)
    assert.approximately(signal.exit.target, signal.limit + 0.75 * (MEAN - signal.limit), 1e-12)
    assert.approximately(signal.exit.stop, signal.limit - 2 * DEVIATION, 1e-12)
    assert.strictEqual(signal.exit.holdFor, 7 * MINUTE)
  })

  it("needs the ask that far down; the bid alone is only a wide spread", () => {
    assert.lengthOf(ready(warm(), dip(2.5001)).signals, 1)
    const near = ready(warm(), dip(2.4999))
    assert.deepStrictEqual([near.signals.length, near.features["dip"], near.features["pays"]], [0, 0, 1])
    assert.lengthOf(ready(warm(), { bid: MEAN - 4 * DEVIATION, ask: MEAN - DEVIATION }).signals, 0)
  })

  it("has nothing to sell above the price", () => {
    const rally = ready(warm(), { bid: 0.11, ask: 0.1101 })
    assert.deepStrictEqual([rally.signals.length, rally.features["dip"], rally.features["pays"]], [0, 0, 0])
  })

  it("must earn fees, spread and margin: the same dip at a higher tier of fees is passed over", () => {
    // 3 deviations are 2.5 % here.
    const passedOver = ready(warm(), { ...dip(3), makerFee: 0.012 })
    assert.deepStrictEqual(
      [passedOver.signals.length, passedOver.features["dip"], passedOver.features["pays"]],
      [0, 1, 0]
    )
    assert.lengthOf(ready(warm({ minEdgePct: 2.2 }), dip(3)).signals, 0)
    assert.lengthOf(ready(warm({ minEdgePct: 1.9 }), dip(3)).signals, 1)
    assert.lengthOf(ready(warm(), { ...dip(3), bid: dip(3).ask! * 0.985 }).signals, 1)
    assert.lengthOf(ready(warm({ minEdgePct: 2.2 }), { ...dip(3), bid: dip(3).ask! * 0.985 }).signals, 0)
  })

  it("is never made with a stop that the spread alone would reach", () => {
    const wide = { ...dip(3), bid: dip(3).ask! * 0.985 }
    const passedOver = ready(warm({ stopPct: 1 }), wide)
    assert.deepStrictEqual([passedOver.signals.length, passedOver.features["stopClear"]], [0, 0])
  })

  it("promises at least the margin, whatever the market: over any quote and fee", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 0.12, noNaN: true }),
        fc.double({ min: 1e-5, max: 0.05, noNaN: true }),
        fc.double({ min: -0.0005, max: 0.01, noNaN: true }),
        fc.double({ min: 0, max: 0.02, noNaN: true }),
        (bid, spread, makerFee, takerFee) => {
          const { signals } = ready(warm(), { bid, ask: bid * (1 + spread), makerFee, takerFee })
          for (const signal of signals) {
            if (signal._tag === "Withdraw") return assert.fail("nothing to withdraw")
            const { limit, exit } = signal
            const earned = (exit.target * (1 - makerFee)) / (limit * (1 + makerFee)) - 1
            assert.isAtLeast(earned, 0.002)
            assert.isTrue(limit <= bid && exit.stop < limit && limit < exit.target)
          }
        }
      ),
      { numRuns: 500 }
    )
  })
})

describe("pace", () => {
  it("waits between signals", () => {
    const first = ready(warm(), dip(3))
    assert.lengthOf(first.signals, 1)
    const soon = ready(first.next, { ...dip(3), now: AFTER + 119_999 })
    assert.deepStrictEqual([soon.signals.length, soon.features["rested"]], [0, 0])
    assert.lengthOf(ready(soon.next, { ...dip(3), now: AFTER + 120_000 }).signals, 1)
  })

  it("does nothing while engaged, and waits after it", () => {
    const engaged = ready(warm(), { ...dip(3), engaged: true })
    assert.deepStrictEqual([engaged.signals.length, engaged.features["engaged"]], [0, 1])
    assert.lengthOf(ready(engaged.next, { ...dip(3), now: AFTER + 60_000 }).signals, 0)
    assert.lengthOf(ready(engaged.next, { ...dip(3), now: AFTER + 120_000 }).signals, 1)
  })

  it("takes a resting entry back once the price has reverted, once", () => {
    const stays = ready(warm(), { ...dip(1.1), engaged: true })
    assert.lengthOf(stays.signals, 0)
    const back = ready(stays.next, { ...dip(0.5), engaged: true })
    const [signal] = back.signals
    assert.strictEqual(signal?._tag, "Withdraw")
    assert.include(signal!.reason, "-0.51 deviations")
    const again = ready(back.next, { ...dip(0.5), engaged: true })
    assert.lengthOf(again.signals, 0)
    const free = ready(again.next, dip(0.5))
    assert.lengthOf(ready(free.next, { ...dip(0.5), engaged: true }).signals, 1)
  })
})

describe("missing and broken data", () => {
  it("is not ready until the window is full, and says how far it is", () => {
    assert.strictEqual(unready(make().start(), {}), "0 of 60 candles")
    const nine = make({ window: 10 })
      .start()
      .warmUp(minutes(0, CLOSES.slice(1)))
    assert.strictEqual(unready(nine, {}), "9 of 10 candles")
    assert.lengthOf(ready(nine, { ...dip(3), closed: [candle(9 * MINUTE, 0.1)] }).signals, 1)
  })

  it("ignores candles that come again", () => {
    const again = warm().warmUp(
      minutes(
        0,
        CLOSES.map(() => 5)
      )
    )
    assert.approximately(ready(again, dip(0)).features["mean"]!, MEAN, 1e-12)
  })

  it("bears intervals without a trade, up to the bound, and starts anew beyond it", () => {
    const after = (missing: number) => {
      const at = 9 * MINUTE + (missing + 1) * MINUTE
      return warm({ maxGapCandles: 2 }).step(view({ ...dip(3), now: at + MINUTE, closed: [candle(at, 0.1)] })).outcome
    }
    assert.strictEqual(after(0)._tag, "Ready")
    assert.strictEqual(after(2)._tag, "Ready")
    assert.deepStrictEqual(after(3), {
      _tag: "Unready",
      why: "1 of 10 candles (started anew: 3 candles in a row were missing)"
    })
  })

  it("is not ready while candles stay away", () => {
    const strategy = warm({ maxGapCandles: 2 })
    assert.lengthOf(ready(strategy, { ...dip(3), now: 14 * MINUTE - 1 }).signals, 1)
    assert.strictEqual(unready(strategy, { ...dip(3), now: 14 * MINUTE }), "no candle for 3 intervals")
  })

  it("empties the window at a candle that is not sound, not of its interval, or not of its time", () => {
    const broken: ReadonlyArray<readonly [Candle, string]> = [
      [{ ...candle(AFTER, 0.1), close: Number.NaN }, "a candle with unsound numbers"],
      [{ ...candle(AFTER, 0.1), low: 0 }, "a candle with unsound numbers"],
      [{ ...candle(AFTER, 0.1), at: Number.NaN }, "a candle with unsound numbers"],
      [candle(AFTER, 1e16), "a candle with unsound numbers"],
      [candle(AFTER + 30_000, 0.1), "a candle that is not of 1 min"],
      [candle(AFTER + MINUTE, 0.1), "a candle from the future"]
    ]
    for (const [bad, why] of broken)
      assert.strictEqual(unready(warm(), { ...dip(3), closed: [bad] }), `0 of 10 candles (started anew: ${why})`)
  })

  it("is ready again when the window is", () => {
    const { next } = warm().step(view({ now: AFTER, closed: [{ ...candle(AFTER, 0.1), close: -1 }] }))
    const closed = minutes(AFTER, CLOSES)
    assert.lengthOf(ready(next, { ...dip(3), now: 2 * AFTER, closed }).signals, 1)
  })

  it("gives no signal on a flat series, however the quote moves", () => {
    const flat = make({ window: 10 })
      .start()
      .warmUp(
        minutes(
          0,
          CLOSES.map(() => 0.1)
        )
      )
    for (const bid of [0.01, 0.05, 0.09999, 0.1, 0.2]) {
      const { signals, features } = ready(flat, { bid, ask: bid * 1.001 })
      assert.deepStrictEqual([signals.length, features["flat"]], [0, 1])
    }
  })

  it("is not ready on a view that is not sound", () => {
    const nan = Number.NaN
    const views: ReadonlyArray<readonly [Partial<MarketView>, string]> = [
      [{ now: nan }, "no sound time"],
      [{ bid: nan }, "no sound quote"],
      [{ ask: nan }, "no sound quote"],
      [{ bid: 0 }, "no sound quote"],
      [{ bid: 0.1, ask: 0.1 }, "no sound quote"],
      [{ ask: Infinity }, "no sound quote"],
      [{ tick: 0 }, "no sound price step"],
      [{ tick: nan }, "no sound price step"],
      [{ tick: 0.05 }, "no sound price step"],
      [{ makerFee: nan }, "no sound fees"],
      [{ takerFee: nan }, "no sound fees"],
      [{ takerFee: 26 }, "no sound fees"]
    ]
    for (const [change, why] of views)
      assert.strictEqual(unready(warm({ ticksBehind: 1 }), { ...dip(3), ...change }), why, JSON.stringify(change))
  })

  it("keeps the candles that came with such a view", () => {
    const nine = make({ window: 10 })
      .start()
      .warmUp(minutes(0, CLOSES.slice(0, 9)))
    const { next } = nine.step(view({ now: AFTER, bid: Number.NaN, closed: [candle(9 * MINUTE, 0.1)] }))
    assert.lengthOf(ready(next, dip(3)).signals, 1)
  })

  it("never signals on NaN anywhere, and never throws", () => {
    const odd = fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -1, 1e300, 5e-324, 0.097, 0.0971, AFTER)
    fc.assert(
      fc.property(
        fc.record({ now: odd, bid: odd, ask: odd, tick: odd, makerFee: odd, takerFee: odd }),
        fc.array(fc.record({ at: odd, open: odd, high: odd, low: odd, close: odd, volume: odd }), { maxLength: 3 }),
        (numbers, closed) => {
          const { outcome } = warm().step(view({ ...numbers, closed }))
          if (outcome._tag === "Ready")
            for (const value of Object.values(outcome.features)) assert.isTrue(Number.isFinite(value))
          const sound = Object.values(numbers).every(Number.isFinite)
          if (!sound) assert.strictEqual(outcome._tag, "Unready")
        }
      ),
      { numRuns: 2000 }
    )
  })
})

describe("state", () => {
  it("is plain immutable data: a copy of it decides the same, and no step changes it", () => {
    const parameters = { ...defaults, window: 10 }
    const strategy = meanReversion(parameters)
    const state = strategy.warmUp(strategy.initial, minutes(0, CLOSES))
    const copy = structuredClone(state)
    const before = strategy.step(state, view({ now: AFTER, ...dip(3) }))
    assert.deepStrictEqual(state, copy)
    assert.deepStrictEqual(strategy.step(copy, view({ now: AFTER, ...dip(3) })), before)
    assert.strictEqual(before._tag, "Ready")
  })
})

const defaults: MeanReversionParameters = {
  intervalMinutes: 1,
  window: 60,
  entryDeviations: 2.5,
  targetFraction: 1,
  stopDeviations: 4,
  stopPct: 3,
  holdMinutes: 180,
  minEdgePct: 0.2,
  withdrawDeviations: 1,
  cooldownSeconds: 120,
  maxGapCandles: 5,
  ticksBehind: 0
}

describe("over a market", () => {
  it("buys the dips of a wave, sells at the mean, and loses within its stop when the floor gives way", () => {
    const wave = Array.from({ length: 2000 }, (_, i) => {
      const ripple = 0.1 * (1 + 0.002 * Math.sin(i / 40))
      // Now and then somebody sells through the book, and the price is back after five minutes.
      const within = i % 500
      const plunge = within < 480 ? 1 : within < 484 ? 0.99 : 0.989
      return { at: i * 15_000, mid: ripple * plunge }
    })
    const calm = trade(make(), wave)
    assert.isAtLeast(calm.trades.length, 2)
    for (const { why, earned } of calm.trades) {
      assert.strictEqual(why, "target")
      assert.isAtLeast(earned, 0.002)
    }
    const collapse = Array.from({ length: 400 }, (_, i) => ({ at: (2000 + i) * 15_000, mid: 0.1 * 0.9992 ** i }))
    const fall = trade(make(), [...wave, ...collapse])
    const stopped = fall.trades.filter((one) => one.why === "stop")
    assert.isAtLeast(stopped.length, 1)
    for (const { earned } of stopped) assert.isTrue(earned < 0 && earned > -0.045, String(earned))
  })

  const file = new URL("../../../../shared/data/market/xlmusdt-binance-3m-2022-08_2023-03.csv.gz", import.meta.url)
  const days = (from: string, to: string) => path(readBars(file, from, to), 3)

  it.skipIf(!existsSync(file))(
    "trades through the fall of November 2022, with gains at targets and losses at stops",
    () => {
      const { trades, signals, unready, steps } = trade(make(), days("2022-11-07", "2022-11-10"))
      assert.isAtLeast(signals, trades.length)
      const by = (why: string) => trades.filter((one) => one.why === why)
      assert.isAtLeast(by("target").length, 3)
      assert.isAtLeast(by("stop").length, 3)
      for (const { earned } of by("target")) assert.isAtLeast(earned, 0.002)
      for (const { earned } of by("stop")) assert.isBelow(earned, 0)
      assert.isBelow(unready / steps, 0.02)
      assert.isAtMost(trades.length, 60)
    }
  )

  it.skipIf(!existsSync(file))("is mostly silent in a calm week", () => {
    const { trades, signals } = trade(make(), days("2022-12-19", "2022-12-26"))
    assert.isBelow(signals, 7 * 5)
    assert.isBelow(trades.length, 7 * 4)
  })
})
