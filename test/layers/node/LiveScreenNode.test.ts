import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { LiveScreenNode, liveScreen } from "../../../src/layers/node/LiveScreenNode.ts"
import { registerSecret } from "../../../src/layers/node/secrets.ts"
import { LiveScreen } from "../../../src/services/LiveScreen.ts"

const sink = (change: object = {}) => {
  const written: Array<string> = []
  return {
    written,
    out: {
      isTTY: true,
      write: (text: string, done: () => void) => {
        written.push(text)
        done()
        return true
      },
      ...change
    }
  }
}

describe("the live screen", () => {
  it.effect("takes the other buffer, draws over what was there without clearing it, and gives all back", () =>
    Effect.gen(function* () {
      const { out, written } = sink({ columns: 100, rows: 30 })
      registerSecret(Redacted.make("a-token-of-some-length"))
      yield* Effect.gen(function* () {
        const screen = yield* LiveScreen
        assert.isTrue(screen.available)
        assert.deepEqual(yield* screen.size, { columns: 100, rows: 30 })
        const draw = yield* screen.open
        yield* draw(["one", "a-token-of-some-length"])
      }).pipe(Effect.scoped, Effect.provide(liveScreen(out, {})))
      assert.deepEqual(written, [
        "\u001B[?1049h\u001B[?25l",
        "\u001B[Hone\u001B[0m\u001B[K\r\n[redacted]\u001B[0m\u001B[K\u001B[J",
        "\u001B[0m\u001B[?25h\u001B[?1049l"
      ])
    })
  )

  it.effect("is not available on a pipe or a dumb terminal; a size that is not told is the usual one", () =>
    Effect.gen(function* () {
      const available = (change: object, environment: NodeJS.ProcessEnv) =>
        Effect.provide(
          Effect.map(LiveScreen, (screen) => screen.available),
          liveScreen(sink(change).out, environment)
        )
      assert.isFalse(yield* available({ isTTY: false }, {}))
      assert.isFalse(yield* available({}, { TERM: "dumb" }))
      const size = Effect.flatMap(LiveScreen, (screen) => screen.size)
      assert.deepEqual(yield* Effect.provide(size, liveScreen(sink({ columns: 0 }).out, {})), { columns: 80, rows: 24 })
      yield* Effect.provide(size, LiveScreenNode)
    })
  )
})
