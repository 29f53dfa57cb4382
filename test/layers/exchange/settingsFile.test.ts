import { assert, describe, it } from "@effect/vitest"
import { statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Redacted } from "effect"
import { makeLocalKraken } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import { databaseIn, readExchangeFile } from "../../../src/layers/exchange/settingsFile.ts"
import { call, connect, folder, get, has } from "./support.ts"

const secret = Buffer.alloc(64, 7).toString("base64")
const full = {
  pairs: ["XLM/USD"],
  tier: "pro",
  volatility: 3,
  latencyMs: 60,
  clockShiftMs: -3_600_000,
  keys: [
    { key: "first", secret, nonceWindow: 10 },
    { key: "second", secret, permissions: ["query-funds"], name: "reader", validUntil: 9 }
  ],
  faults: [
    { on: "rest", endpoint: "Spread", times: 1, effect: { kind: "error", error: "EService:Busy", executed: false } }
  ]
}
const written = (value: unknown) =>
  Effect.map(folder, (path) => {
    const file = join(path, "settings.json")
    writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value))
    return file
  })
const refusal = (value: unknown) =>
  Effect.flatMap(written(value), (file) => Effect.map(Effect.flip(readExchangeFile(file)), ({ message }) => message))

describe("the settings file of `exchange`", () => {
  it.scoped("names what is wrong and never shows it", () =>
    Effect.gen(function* () {
      assert.match(yield* refusal({ tier: "gold", wrong: 1 }), /tier.*wrong|wrong.*tier/)
      const short = yield* refusal({ keys: [{ key: "k", secret: "hidden-secret" }] })
      assert.match(short, /keys\.0\.secret/)
      assert.notInclude(short, "hidden-secret")
      assert.match(yield* refusal("{"), /no JSON/)
      const missing = yield* Effect.flip(readExchangeFile("/nowhere/settings.json"))
      assert.match(missing.message, /cannot be read/)
      assert.strictEqual((yield* Effect.flip(databaseIn("/dev/null/x"))).reason, "write")
    })
  )

  it.scopedLive("keys, faults, latency, clock and market are as it says, and the account outlives the process", () =>
    Effect.gen(function* () {
      const settings = yield* readExchangeFile(yield* written(full))
      const data = join(yield* folder, "data")
      const file = yield* databaseIn(data)
      assert.strictEqual(statSync(data).mode & 0o077, 0)
      const { clockShiftMs = 0, faults = [], keys = [], latencyMs = 0, tier = "starter", volatility = 1 } = settings
      const options = {
        clockShiftMs,
        tier,
        volatility,
        market: { _tag: "Generated" },
        seed: 1,
        speed: 1,
        balances: { USD: "100" },
        file,
        keepsTime: true,
        latencyMs,
        keys,
        armed: faults
      } as const
      const start = makeLocalKraken(options)

      const txid = yield* Effect.scoped(
        Effect.gen(function* () {
          const kraken = yield* start
          assert.strictEqual(Redacted.value(kraken.credentials.key), "first")
          const { result } = yield* get(kraken, "/0/public/Time")
          assert.approximately(result.unixtime, Date.now() / 1000 - 3600, 20)
          assert.deepStrictEqual((yield* get(kraken, "/0/public/Spread?pair=XLMUSD")).error, ["EService:Busy"])
          const began = performance.now()
          const balance = yield* call(kraken, "Balance")
          assert.isAtLeast(performance.now() - began, 55)
          assert.strictEqual(balance.result.ZUSD, "100.0000")
          const stream = yield* connect(kraken.wsUrl)
          const asked = performance.now()
          stream.send({ method: "ping", req_id: 5 })
          yield* stream.next(has('"pong"', '"req_id":5'))
          assert.isAtLeast(performance.now() - asked, 55)
          const order = { pair: "XLMUSD", type: "buy", ordertype: "limit", volume: "100", price: "0.010000" }
          return (yield* call(kraken, "AddOrder", order)).result.txid[0] as string
        })
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const kraken = yield* start
          const { result } = yield* get(kraken, "/0/public/Time")
          assert.approximately(result.unixtime, Date.now() / 1000 - 3600, 20)
          const { open } = (yield* call(kraken, "OpenOrders")).result
          assert.deepStrictEqual(Object.keys(open), [txid])
        })
      )
    })
  )
})
