import { EventEmitter } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { SignalSource } from "../../../src/layers/node/StopSignalNode.ts"
import { stopSignal, StopSignalNode } from "../../../src/layers/node/StopSignalNode.ts"
import { StopSignal } from "../../../src/services/StopSignal.ts"

const source = (without: ReadonlyArray<string> = []) => {
  const events = new EventEmitter()
  const exits: Array<number> = []
  const said: Array<string> = []
  const signals: SignalSource = {
    on: (signal, listener) => {
      if (without.includes(signal)) throw new Error(`unknown signal ${signal}`)
      return events.on(signal, listener)
    },
    off: (signal, listener) => events.off(signal, listener),
    exit: (code) => exits.push(code),
    say: (text) => said.push(text)
  }
  return { events, exits, said, signals }
}

describe("stop requests", () => {
  it.effect("the first signal asks for the graceful stop, the second ends at once with 86", () => {
    const { events, exits, said, signals } = source()
    return Effect.gen(function* () {
      const stop = yield* StopSignal
      const waiting = yield* Effect.fork(stop.requested)
      events.emit("SIGINT", "SIGINT")
      assert.strictEqual(yield* Fiber.join(waiting), "SIGINT")
      assert.deepEqual(exits, [])
      events.emit("SIGTERM", "SIGTERM")
      assert.deepEqual(exits, [86])
      assert.include(said[0], "dead man's switch")
    }).pipe(Effect.provide(stopSignal(signals)))
  })

  it.effect("a request from inside counts like a signal, and the first reason stays", () => {
    const { events, exits, signals } = source()
    return Effect.gen(function* () {
      const stop = yield* StopSignal
      yield* stop.request("`stop`")
      yield* stop.request("later")
      events.emit("SIGHUP", "SIGHUP")
      assert.strictEqual(yield* stop.requested, "`stop`")
      // it was the first signal: graceful still
      assert.deepEqual(exits, [])
    }).pipe(Effect.provide(stopSignal(signals)))
  })

  it.effect("lets go of the signals at the end, and does without those that a system does not have", () => {
    const { events, signals } = source(["SIGBREAK"])
    return Effect.gen(function* () {
      yield* Effect.provide(StopSignal, stopSignal(signals))
      assert.deepEqual(
        ["SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"].map((name) => events.listenerCount(name)),
        [0, 0, 0, 0]
      )
    })
  })

  it.effect("listens to this process", () =>
    Effect.gen(function* () {
      const before = process.listenerCount("SIGTERM")
      yield* Effect.gen(function* () {
        const stop = yield* StopSignal
        assert.strictEqual(process.listenerCount("SIGTERM"), before + 1)
        process.emit("SIGTERM", "SIGTERM")
        assert.strictEqual(yield* stop.requested, "SIGTERM")
      }).pipe(Effect.provide(StopSignalNode))
      assert.strictEqual(process.listenerCount("SIGTERM"), before)
    })
  )
})
