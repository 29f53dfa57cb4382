import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, TestClock } from "effect"
import { KrakenApiError, KrakenTransportError } from "../../../src/domain/kraken/KrakenError.ts"
import type { Candle } from "../../../src/domain/market/Market.ts"
import { PairSymbol } from "../../../src/domain/market/Instrument.ts"
import { MockKrakenRest, MockKrakenRestControl } from "../../../src/layers/mock/MockKrakenRest.ts"
import { mockMarketClock } from "../../../src/layers/mock/MockMarketClock.ts"
import { mockSettings } from "../../../src/layers/mock/MockSettings.ts"
import { exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import { changeOf, likely, price } from "../../../src/programs/price/price.ts"
import { BTC, NOON, p, quote, XLM } from "../../support/build.ts"
import { Screen, screen } from "../cli/support.ts"

const DAY = 86_400_000
const bar = (at: number, close: number): Candle => ({ at, open: close, high: close, low: close, close, volume: 1 })
const world = (colors = false) => Layer.mergeAll(MockKrakenRest, mockMarketClock(NOON), mockSettings(), screen(colors))

const run = (pairs: ReadonlyArray<string>, json = false) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.exit(price({ pairs, json })))
    yield* TestClock.adjust("1 minute")
    const exit = yield* Fiber.join(fiber)
    const { out } = yield* Screen
    const said = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    return { code: exitCodeOf(exit), out: out(), said: said instanceof Error ? said.message : "" }
  })

const quoted = Effect.gen(function* () {
  const rest = yield* MockKrakenRestControl
  yield* rest.always("ticker", Effect.succeed({ quote: quote("0.1", "0.1001", NOON - 1500), last: p("0.1") }))
  yield* rest.always("ohlc", Effect.succeed([bar(NOON - DAY - 400_000, 0.08), bar(NOON - DAY, 0.5)]))
  return rest
})
const unknownPair = new KrakenApiError({
  endpoint: "Ticker",
  kind: "arguments",
  text: "EQuery:Unknown asset pair",
  executed: "no",
  retry: "never",
  stop: false
})

describe("price", () => {
  it.effect("bid, ask, last, spread, change, age and status of the pairs of the settings", () =>
    Effect.gen(function* () {
      const rest = yield* quoted
      const { code, out } = yield* run([], true)
      assert.strictEqual(code, 0)
      assert.deepEqual(JSON.parse(out), {
        systemStatus: "online",
        at: "2024-03-10T12:00:00.000Z",
        pairs: [
          {
            symbol: "XLM/USD",
            bid: "0.1",
            ask: "0.1001",
            last: "0.1",
            spreadPct: "0.100",
            change24hPct: 25,
            at: "2024-03-10T11:59:58.500Z",
            ageSeconds: 1.5
          }
        ]
      })
      assert.deepEqual(
        (yield* rest.calls).map((call) => call.endpoint),
        ["systemStatus", "ticker", "ohlc"]
      )
    }).pipe(Effect.provide(world()))
  )

  it.effect("as a table; what is not known is a question mark", () =>
    Effect.gen(function* () {
      const rest = yield* quoted
      yield* rest.answer("systemStatus", Effect.succeed("post_only"))
      yield* rest.answer("ticker", Effect.succeed({ quote: undefined, last: p("3") }))
      yield* rest.answer("ohlc", Effect.succeed([bar(NOON - DAY, 4)]))
      yield* rest.answer("ticker", Effect.succeed({ quote: quote(), last: p("0.06") }))
      const { out } = yield* run(["btc/usd", "XLM/USD", "xlm/usd"])
      const [, first, second, last] = out.split("\n")
      assert.match(first ?? "", /^BTC\/USD +\? +\? +3 +\? +\? +0\.0 s$/)
      assert.match(second ?? "", /^XLM\/USD +0\.1 +0\.1001 +0\.06 +0\.100 % +-25\.00 %/)
      assert.include(last, "post_only")
    }).pipe(Effect.provide(world()))
  )

  it.effect("in colours where they are seen", () =>
    Effect.gen(function* () {
      yield* quoted
      assert.include((yield* run([])).out, "\u001B[32m+25.00 %")
    }).pipe(Effect.provide(world(true)))
  )

  it.effect("a pair that does not exist is 64, with names that may have been meant", () =>
    Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      yield* rest.always("ticker", Effect.fail(unknownPair))
      yield* rest.answer("symbols", Effect.succeed([BTC, XLM, PairSymbol("XLM/EUR")]))
      const wrong = yield* run(["XML/USD"])
      assert.deepEqual([wrong.code, wrong.out], [64, ""])
      assert.include(wrong.said, "no pair XML/USD; did you mean XLM/USD?")
      // the list does not come
      yield* rest.always("symbols", Effect.fail(unknownPair))
      const alone = yield* run(["ABC"])
      assert.strictEqual(alone.code, 64)
      assert.include(alone.said, "written like XLM/USD")
      const odd = yield* run(["XLM/USD", "what?"])
      assert.strictEqual(odd.code, 64)
      assert.include(odd.said, '"WHAT?" is no pair\'s name')
    }).pipe(Effect.provide(world()))
  )

  it.effect("an exchange that refuses, fails or does not answer is 69", () =>
    Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      const down = { endpoint: "SystemStatus", detail: "connect ECONNREFUSED", executed: "no" } as const
      yield* rest.answer("systemStatus", Effect.fail(new KrakenTransportError({ ...down, reason: "refused" })))
      assert.strictEqual((yield* run([])).code, 69)
      yield* rest.answer("systemStatus", Effect.never)
      const silent = yield* run([])
      assert.strictEqual(silent.code, 69)
      assert.include(silent.said, "within 12 seconds")
      yield* rest.answer("ticker", Effect.never)
      assert.strictEqual((yield* run([])).code, 69)
    }).pipe(Effect.provide(world()))
  )

  it("the change is against the last bar that had ended a day ago", () => {
    assert.isNull(changeOf(p("1"), [], NOON))
    assert.isNull(changeOf(p("1"), [bar(NOON - DAY - 200_000, 1)], NOON))
    assert.strictEqual(changeOf(p("3"), [bar(NOON - 2 * DAY, 9), bar(NOON - DAY - 300_000, 4)], NOON), -25)
  })

  it("likely names: what is spelled alike, the asset's own pairs, dollars first", () => {
    const all = [PairSymbol("XLM/EUR"), PairSymbol("XLM/GBP"), XLM, BTC]
    assert.deepEqual(likely("XLM", all), ["XLM/USD", "XLM/EUR", "XLM/GBP"])
    assert.deepEqual(likely("BTC/USDD", all), ["BTC/USD"])
    assert.deepEqual(likely("ZZZZZZ/QQQ", all), [])
  })
})
