import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { makeLocalKraken } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import { readTape } from "../../../src/layers/exchange/TapeFile.ts"
import { listingOf } from "../../../src/domain/exchange/market/Generated.ts"
import { PairSymbol } from "../../../src/domain/market/Instrument.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import { get, folder, plainOptions } from "./support.ts"

const XLM = listingOf(PairSymbol("XLM/USD"), Money.price("0.000001"))
const T0 = 1_600_000_200
const CSV = [
  "ts,open,high,low,close,volume",
  ...Array.from({ length: 60 }, (_, i) => `${T0 + i * 60},0.1,0.11,0.09,0.1,500`),
  ""
].join("\n")
const file = (name: string, content: string | Buffer) =>
  Effect.map(folder, (path) => {
    writeFileSync(join(path, name), content)
    return join(path, name)
  })
const fault = (path: string) => Effect.flip(readTape(path, XLM))

describe("tape files", () => {
  it.scopedLive("are read, packed or not", () =>
    Effect.gen(function* () {
      const packed = yield* readTape(yield* file("t.csv.gz", gzipSync(CSV)), XLM)
      assert.deepStrictEqual(packed, yield* readTape(yield* file("t.csv", CSV), XLM))
      assert(packed._tag === "Bars")
      assert.strictEqual(packed.bars.length, 60)
    })
  )

  it.scopedLive("say why they cannot be played", () =>
    Effect.gen(function* () {
      const missing = yield* fault("/nowhere/at/all.csv")
      assert.deepStrictEqual(
        [missing.reason, missing.message],
        ["missing", "The tape /nowhere/at/all.csv cannot be read (ENOENT)."]
      )
      const directory = join(yield* folder, "dir.csv")
      mkdirSync(directory)
      assert.strictEqual((yield* fault(directory)).reason, "missing")
      assert.strictEqual((yield* fault("/nowhere/at/all.csv.gz")).reason, "missing")
      assert.strictEqual((yield* fault(yield* file("t.csv.gz", CSV))).reason, "not gzip")
      const cut = gzipSync(CSV)
      assert.strictEqual((yield* fault(yield* file("t.csv.gz", cut.subarray(0, cut.length >> 1)))).reason, "not gzip")
      const header = yield* fault(yield* file("t.csv", "time,price\n1,2\n"))
      assert.deepStrictEqual([header.reason, header.line], ["bad header", 1])
      const line = yield* fault(yield* file("t.csv", CSV.replace("0.1,500", "0.1,x")))
      assert.deepStrictEqual([line.reason, line.line], ["bad line", 2])
      assert.match(line.message, /line 2: volume must be a number/)
      const empty = yield* fault(yield* file("t.csv", ""))
      assert.deepStrictEqual([empty.reason, empty.line], ["empty", undefined])
    })
  )

  it.scopedLive("may be left in the middle", () =>
    Effect.gen(function* () {
      const path = yield* file("t.csv", CSV)
      const fiber = yield* Effect.fork(readTape(path, XLM))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
    })
  )
})

describe("a local Kraken that plays a tape", () => {
  const playing = (path: string, range: { readonly from?: number; readonly to?: number } = {}) =>
    makeLocalKraken({
      market: { _tag: "Tape", tapes: [{ symbol: PairSymbol("XLM/USD"), path }] },
      seed: 1,
      balances: { USD: "98.82" },
      speed: 60,
      ...range
    })

  it.scopedLive("begins where the tape does, or where it is told, with the past before it", () =>
    Effect.gen(function* () {
      const path = yield* file("t.csv", CSV)
      const whole = yield* playing(path)
      assert.isBelow((yield* whole.clock.now) - T0 * 1000, 60_000)
      assert.strictEqual(whole.marketEnd, (T0 + 3600) * 1000)
      const part = yield* playing(path, { from: (T0 + 1800) * 1000, to: (T0 + 2400) * 1000 })
      assert.strictEqual(part.marketEnd, (T0 + 2400) * 1000)
      const bars = (yield* get(part, "/0/public/OHLC?pair=XLMUSD&interval=1")).result.XXLMZUSD as ReadonlyArray<
        ReadonlyArray<string | number>
      >
      assert.deepStrictEqual(bars[0]!.slice(0, 5).map(Number), [T0, 0.1, 0.11, 0.09, 0.1])
      assert.isAtLeast(bars.length, 30)
      yield* part.operate("advance", { ms: "3600000" })
      assert.property((yield* get(part, "/0/public/Ticker?pair=XLMUSD")).result, "XXLMZUSD")
    })
  )

  it.scopedLive("refuses a range that the tape does not have, and a pair that nobody lists", () =>
    Effect.gen(function* () {
      const path = yield* file("t.csv", CSV)
      const reason = (range: { readonly from?: number; readonly to?: number }) =>
        Effect.map(Effect.flip(playing(path, range)), (error) => `${error.reason}: ${error.message}`)
      assert.match(yield* reason({ from: (T0 - 1) * 1000 }), /^out of range: .*2020-09-13T12:30:00.000Z to /)
      assert.match(yield* reason({ from: (T0 + 3600) * 1000 }), /^out of range/)
      assert.match(yield* reason({ from: (T0 + 60) * 1000, to: (T0 + 60) * 1000 }), /^out of range/)
      const unknown = makeLocalKraken({
        ...plainOptions,
        market: { _tag: "Tape", tapes: [{ symbol: PairSymbol("A/B"), path }] }
      })
      assert.strictEqual((yield* Effect.flip(unknown)).reason, "settings")
    })
  )

  it.skipIf(!existsSync("../shared/data/market"))("plays recorded days", () =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const kraken = yield* playing("../shared/data/market/xlmusdt-binance-1m-2021-03-12_16.csv.gz", {
            from: Date.UTC(2021, 2, 14)
          })
          const bars = (yield* get(kraken, "/0/public/OHLC?pair=XLMUSD&interval=1")).result
            .XXLMZUSD as ReadonlyArray<unknown>
          assert.strictEqual(bars.length, 720)
        })
      )
    )
  )
})
