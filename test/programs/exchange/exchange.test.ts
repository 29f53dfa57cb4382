import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { localKraken } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import { exchange } from "../../../src/programs/exchange/exchange.ts"
import { StopSignal } from "../../../src/services/StopSignal.ts"
import { Screen, screen } from "../cli/support.ts"

const run = (json: boolean) =>
  Effect.gen(function* () {
    const { out } = yield* Screen
    const serving = yield* Effect.fork(exchange({ json, pid: 7 }))
    while (out() === "") yield* Effect.sleep("10 millis")
    yield* Fiber.join(serving)
    return out()
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        screen(),
        localKraken({ market: { _tag: "Generated" }, seed: 1, balances: { USD: "5" }, speed: 1 }),
        Layer.succeed(StopSignal, { request: () => Effect.void, requested: Effect.succeed("SIGINT") })
      )
    )
  )

describe("exchange", () => {
  it.live("says in one line of JSON where it is and how to get in", () =>
    Effect.gen(function* () {
      const said: unknown = JSON.parse(yield* run(true))
      assert.containsAllKeys(said, ["restUrl", "wsUrl", "wsAuthUrl", "apiKey", "apiSecret", "pid"])
      assert.match(String(Reflect.get(Object(said), "restUrl")), /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.match(String(Reflect.get(Object(said), "wsUrl")), /^ws:\/\/127\.0\.0\.1:\d+\/v2$/)
      assert.match(String(Reflect.get(Object(said), "wsAuthUrl")), /\/auth\/v2$/)
    })
  )

  it.live("and for people in words", () =>
    Effect.gen(function* () {
      assert.include(yield* run(false), "Ctrl-C ends it.")
    })
  )
})
