import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { freshToken } from "../../../../src/layers/kraken/stream/token.ts"
import { MockKrakenRest, MockKrakenRestControl } from "../../../../src/layers/mock/MockKrakenRest.ts"
import * as Logging from "../../../../src/layers/node/Logging.ts"
import { MASK } from "../../../../src/layers/node/secrets.ts"
import { KrakenRest } from "../../../../src/services/KrakenRest.ts"

describe("a stream token", () => {
  it.scoped("is masked in every log line from its arrival on, each new one as well", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(MockKrakenRest)
      const lines: Array<string> = []
      const { answer } = Context.get(context, MockKrakenRestControl)
      yield* Effect.forEach(["first-1Ww7/token+of=stream", "second-9Qx3/token+of=stream"], (token) =>
        Effect.gen(function* () {
          yield* answer("webSocketsToken", Effect.succeed({ token, expiresInSeconds: 900 }))
          assert.strictEqual(yield* freshToken(Context.get(context, KrakenRest), 1000), token)
          yield* Effect.logInfo(`subscribing with ${token}`, { params: { token }, url: encodeURIComponent(token) })
        })
      ).pipe(
        Effect.provide(Logging.layer({ level: "info", format: "json", write: (line) => lines.push(line) })),
        Effect.scoped
      )
      assert.strictEqual(lines.length, 2)
      for (const line of lines) {
        assert.include(line, `subscribing with ${MASK}`)
        assert.notMatch(line, /1Ww7|9Qx3/)
      }
    })
  )
})
