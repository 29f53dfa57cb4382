import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { registerSecret } from "../../../src/layers/node/secrets.ts"
import type { Sink } from "../../../src/layers/node/TerminalNode.ts"
import { terminal, TerminalNode } from "../../../src/layers/node/TerminalNode.ts"
import { Terminal } from "../../../src/services/Terminal.ts"

const sink = (tty: boolean, error?: Error): Sink & { readonly text: () => string } => {
  const written: Array<string> = []
  return {
    write: (text, done) => {
      written.push(text)
      done(error)
      return true
    },
    isTTY: tty,
    ...(tty ? { columns: 42 } : {}),
    text: () => written.join("")
  }
}

describe("the terminal", () => {
  it.effect("prints whole lines, results and complaints apart; a reader that went away is no error", () => {
    const out = sink(false)
    const err = sink(false, new Error("EPIPE"))
    return Effect.gen(function* () {
      const t = yield* Terminal
      yield* t.print("one")
      yield* t.print("two\n")
      yield* t.printError("oh")
      assert.strictEqual(out.text(), "one\ntwo\n")
      assert.strictEqual(err.text(), "oh\n")
      assert.isFalse(t.colors)
      assert.strictEqual(t.columns, 100)
    }).pipe(Effect.provide(terminal(out, err, {})))
  })

  it.effect("shows no secret on either stream", () => {
    const secret = "a-secret/of+the=terminal"
    const out = sink(false)
    const err = sink(false)
    registerSecret(Redacted.make(secret))
    return Effect.gen(function* () {
      const t = yield* Terminal
      yield* t.print(`it is ${secret}`)
      yield* t.printError(`in an address: ${encodeURIComponent(secret)}`)
      assert.strictEqual(out.text(), "it is [redacted]\n")
      assert.strictEqual(err.text(), "in an address: [redacted]\n")
    }).pipe(Effect.provide(terminal(out, err, {})))
  })

  it.effect("colours on a terminal, unless somebody does not want or cannot see them", () =>
    Effect.gen(function* () {
      const colors = (tty: boolean, environment: NodeJS.ProcessEnv) =>
        Effect.provide(
          Effect.map(Terminal, (t) => [t.colors, t.columns]),
          terminal(sink(tty), sink(tty), environment)
        )
      assert.deepEqual(yield* colors(true, {}), [true, 42])
      assert.deepEqual(yield* colors(true, { NO_COLOR: "1" }), [false, 42])
      assert.deepEqual(yield* colors(true, { NO_COLOR: "" }), [true, 42])
      assert.deepEqual(yield* colors(true, { TERM: "dumb" }), [false, 42])
      assert.deepEqual(yield* colors(false, {}), [false, 100])
    })
  )

  it.effect("this process's streams do not end it when their reader goes away", () =>
    Effect.gen(function* () {
      yield* Terminal
      process.stdout.emit("error", new Error("EPIPE"))
    }).pipe(Effect.provide(TerminalNode))
  )
})
