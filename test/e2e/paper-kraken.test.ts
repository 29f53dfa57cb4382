/** Paper trading on a real market, as a person runs it; another `exchange` process stands for Kraken. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { eagerStrategy, startExchange } from "./live.ts"
import type { Exchange } from "./live.ts"
import { eventually, makePlace } from "./program.ts"
import type { Place } from "./program.ts"

let place: Place
let real: Exchange

beforeAll(async () => {
  place = makePlace()
  real = await startExchange(place)
}, 120_000)

afterAll(() => place.clear())

describe("PAPER_MARKET=kraken", () => {
  it("trades paper money on the real market's prices, and makes no private call there", async () => {
    const settings = {
      KRAKEN_REST_URL: real.restUrl,
      KRAKEN_WS_URL: real.wsUrl,
      PAPER_MARKET: "kraken",
      MAX_CLOCK_SKEW: "5s",
      KRAKEN_API_TIER: "pro",
      STRATEGY: eagerStrategy(place.directory)
    }
    const trader = place.start(["trade"], settings)
    const read = async () => (await place.run(["orders", "--json"], settings)).out
    await eventually(read, (text) => text.includes('"buy"'), 90_000)
    const stop = await place.run(["stop", "--timeout", "60s"], settings)
    assert.strictEqual(stop.code, 0, stop.error)
    assert.strictEqual((await trader.ended).code, 0, trader.error())
    const seen = (await real.operate("view")) as { readonly requests: ReadonlyArray<unknown> }
    assert.deepStrictEqual(seen.requests, [])
  }, 180_000)

  it("says what it needs when there is no network, and starts nothing", async () => {
    const settings = {
      PAPER_MARKET: "kraken",
      KRAKEN_REST_URL: "http://127.0.0.1:9",
      KRAKEN_WS_URL: "ws://127.0.0.1:9/v2"
    }
    const ended = await place.run(["exchange", "--market", "kraken"], settings)
    assert.strictEqual(ended.code, 69, ended.error)
    assert.match(ended.error, /needs Kraken's public data/)
  }, 60_000)
})
