import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { afterAll } from "vitest"
import { StrategyLoaderNode } from "../../../src/layers/node/StrategyLoaderNode.ts"
import { StrategyLoader } from "../../../src/services/StrategyLoader.ts"
import { candle, view } from "../../domain/strategy/support.ts"

const folder = mkdtempSync(join(tmpdir(), "strategies-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
/** Writes a module under a name that was never imported before. */
const module = (text: string, ending = "mjs"): string => {
  const path = join(folder, `strategy-${count++}.${ending}`)
  writeFileSync(path, text)
  return path
}

const load = (name: string, params: Record<string, unknown> = {}) =>
  StrategyLoader.pipe(
    Effect.flatMap((loader) => loader.load(name, params)),
    Effect.provide(StrategyLoaderNode)
  )
/** The problems that a name or module is refused for. */
const problems = (name: string, params: Record<string, unknown> = {}) =>
  load(name, params).pipe(
    Effect.flip,
    Effect.map((refused) => {
      assert.strictEqual(refused._tag, "StrategyRefused")
      assert.strictEqual(refused.strategy, name)
      assert.strictEqual(refused.message, `strategy ${name}: ${refused.problems.join("; ")}`)
      return refused.problems
    })
  )
const problem = (text: string, params: Record<string, unknown> = {}) =>
  Effect.map(problems(module(text), params), (all) => all.join(" | "))

/** A module without imports whose `make` returns `made`. */
const making = (made: string) => `export default { name: "own", make: (params) => (${made}) }`
const strategy = (change: string) =>
  making(`{ _tag: "Right", right: {
    name: "own", intervalMinutes: 5, warmUpCandles: 3, initial: { seen: 0 },
    warmUp: (state, candles) => ({ seen: state.seen + candles.length }),
    step: (state) => ({ _tag: "Ready", state: { seen: state.seen + 1 }, signals: [], features: state }),
    ${change}
  } }`)

describe("built-in strategies", () => {
  it.effect("are found by name, with their parameters", () =>
    Effect.gen(function* () {
      const found = yield* load("mean-reversion", { window: 30, intervalMinutes: 5 })
      assert.deepStrictEqual([found.name, found.intervalMinutes, found.warmUpCandles], ["mean-reversion", 5, 30])
      const { outcome } = found.start().step(view())
      assert.deepStrictEqual(outcome, { _tag: "Unready", why: "0 of 30 candles" })
    })
  )

  it.effect("refuse wrong parameters with all problems", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problems("mean-reversion", { window: 5, stopPct: 50 }), [
        "window must be a whole number from 10 to 700",
        "stopPct must be a number from 0.1 to 20"
      ])
    })
  )

  it.effect("are listed for a name that is none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problems("mean_reversion"), [
        "there is no built-in strategy of that name; there are: mean-reversion",
        "for a module of your own give its path, e.g. ./my-strategy.mjs"
      ])
    })
  )
})

describe("modules", () => {
  it.effect("are loaded from an absolute path and from one relative to the working directory", () =>
    Effect.gen(function* () {
      const path = module(strategy(""))
      for (const name of [path, relative(process.cwd(), path)]) {
        const own = yield* load(name)
        assert.deepStrictEqual([own.name, own.intervalMinutes, own.warmUpCandles], ["own", 5, 3])
        const first = own
          .start()
          .warmUp([candle(0, 1)])
          .step(view())
        assert.deepStrictEqual(first.next.step(view()).outcome, { _tag: "Ready", signals: [], features: { seen: 2 } })
      }
    })
  )

  it.effect("may close over their own state, as the trader's own do", () =>
    Effect.gen(function* () {
      const own = yield* load(
        module(
          making(`{ _tag: "Right", right: {
            name: "own", intervalMinutes: 1, warmUpCandles: 0,
            start() { return { warmUp: () => this.start(), step: () => ({ next: this.start(), outcome: { _tag: "Unready", why: this.name } }) } }
          } }`)
        )
      )
      assert.deepStrictEqual(own.start().step(view()).outcome, { _tag: "Unready", why: "own" })
    })
  )

  it.effect("get a copy of the parameters", () =>
    Effect.gen(function* () {
      const params = { deep: { a: 1 } }
      yield* problem(making(`(params.deep.a = 2, params.b = 3, undefined)`), params)
      assert.deepStrictEqual(params, { deep: { a: 1 } })
    })
  )

  it.effect("that throw or answer nonsense in a step are not ready, and go on", () =>
    Effect.gen(function* () {
      const throws = yield* load(module(strategy(`step: () => { throw new Error("division by zero") }`)))
      const { next, outcome } = throws.start().step(view())
      assert.deepStrictEqual(outcome, {
        _tag: "Unready",
        why: "the strategy's step failed: it threw Error: division by zero"
      })
      assert.deepStrictEqual(next.step(view()).outcome, outcome)
      const nan = yield* load(
        module(
          strategy(
            `step: (state) => ({ _tag: "Ready", state, features: {}, signals: [
              { _tag: "Enter", limit: NaN, exit: { target: 2, stop: 1, holdFor: 1 }, reason: "", features: {} }] })`
          )
        )
      )
      assert.deepStrictEqual(nan.start().step(view()).outcome, {
        _tag: "Unready",
        why: "the strategy's step failed: the entry's limit is not a positive number (NaN)"
      })
    })
  )

  it.effect("the one in the strategy guide runs as printed", () =>
    Effect.gen(function* () {
      const guide = readFileSync(new URL("../../../docs/strategy.md", import.meta.url), "utf8")
      const printed = /```js\n([\s\S]*?)```/.exec(guide)?.[1] ?? assert.fail("no example in the guide")
      const path = module(printed)
      assert.deepStrictEqual(yield* problems(path, { fallPct: 0 }), [
        "fallPct must be a number from 1 to 20, and is the only parameter"
      ])
      const own = yield* load(path, { fallPct: 2 })
      assert.deepStrictEqual([own.name, own.intervalMinutes, own.warmUpCandles], ["my-strategy", 60, 10])
      const nine = own.start().warmUp(Array.from({ length: 9 }, (_, i) => candle(i * 3_600_000, 0.1)))
      assert.deepStrictEqual(nine.step(view()).outcome, { _tag: "Unready", why: "too few candles" })
      const { outcome } = nine.step(view({ bid: 0.097, ask: 0.0971, closed: [candle(9 * 3_600_000, 0.1)] }))
      assert.isTrue(outcome._tag === "Ready" && outcome.signals[0]?._tag === "Enter")
    })
  )
})

describe("what is refused, and how it is said", () => {
  it.effect("a file that is not there, or is none", () =>
    Effect.gen(function* () {
      const missing = join(folder, "missing.mjs")
      assert.deepStrictEqual(yield* problems(missing), [`there is no file ${missing}`])
      assert.deepStrictEqual(yield* problems(folder), [`${folder} is not a file`])
      const [impossible] = yield* problems(join(module(""), "below.mjs"))
      assert.match(impossible!, /below\.mjs cannot be read: Error: ENOTDIR/)
    })
  )

  it.effect("a module that cannot be loaded", () =>
    Effect.gen(function* () {
      // The test runner reads modules with a parser of its own; Node's throws a SyntaxError.
      assert.match(yield* problem("export default {"), /^the module (is not valid JavaScript|could not be loaded)/)
      assert.strictEqual(
        yield* problem(`throw new SyntaxError("Unexpected end of input")`),
        "the module is not valid JavaScript: SyntaxError: Unexpected end of input"
      )
      assert.strictEqual(
        yield* problem(`throw new Error("no licence")`),
        "the module could not be loaded, it threw Error: no licence"
      )
      assert.strictEqual(yield* problem("throw null"), "the module could not be loaded, it threw null")
      assert.match(
        yield* problem(`import "./nowhere.mjs"`),
        /^the module could not be loaded, it threw Error: Cannot find module/
      )
      assert.match(
        yield* problem(
          `throw Object.assign(new TypeError("Unknown file extension"), { code: "ERR_UNKNOWN_FILE_EXTENSION" })`
        ),
        /^this version of Node cannot load such a file; compile it to JavaScript \(\.mjs\) first/
      )
    })
  )

  it.effect("a module that never finishes loading", () =>
    Effect.gen(function* () {
      const waiting = yield* Effect.fork(problem("await new Promise(() => {})"))
      yield* TestClock.adjust("9 seconds")
      assert.isTrue((yield* Fiber.poll(waiting))._tag === "None")
      yield* TestClock.adjust("1 seconds")
      assert.match(yield* Fiber.join(waiting), /^the module did not finish loading within 10 s/)
    })
  )

  it.effect("a default export of another shape", () =>
    Effect.gen(function* () {
      assert.match(yield* problem("export const strategy = 1"), /^the module has no default export/)
      assert.match(yield* problem("export default 5"), /no function make/)
      assert.match(yield* problem(`export default { name: "own" }`), /no function make/)
      assert.match(yield* problem("export default { make: () => 1 }"), /has no name/)
      assert.match(yield* problem(`export default { name: "", make: () => 1 }`), /has no name/)
    })
  )

  it.effect("a make that throws, refuses, or returns something else", () =>
    Effect.gen(function* () {
      const neither = "make returned neither a strategy (Right) nor problems (Left)"
      assert.strictEqual(
        yield* problem(making(`null.x`)),
        "make failed: it threw TypeError: Cannot read properties of null (reading 'x')"
      )
      for (const made of ["undefined", "5", "Promise.resolve(1)", `{ _tag: "Right" }`])
        assert.strictEqual(yield* problem(making(made)), neither)
      assert.strictEqual(yield* problem(making(`{ _tag: "Left", left: { problems: ["a", "b"] } }`)), "a | b")
      for (const left of ["5", "{}", "{ problems: [] }", `{ problems: "a" }`])
        assert.match(yield* problem(making(`{ _tag: "Left", left: ${left} }`)), /did not say why/)
    })
  )

  it.effect("a strategy with missing or impossible parts", () =>
    Effect.gen(function* () {
      assert.match(yield* problem(strategy(`name: ""`)), /has no name/)
      assert.match(yield* problem(strategy("name: 5")), /has no name/)
      for (const minutes of ["2", `"5"`])
        assert.match(yield* problem(strategy(`intervalMinutes: ${minutes}`)), /one of 1, 5, 15/)
      for (const candles of ["-1", "1.5", "undefined"])
        assert.match(yield* problem(strategy(`warmUpCandles: ${candles}`)), /not a whole number/)
      assert.match(yield* problem(strategy("warmUpCandles: 720")), /above 719/)
      for (const part of ["step: 1", "warmUp: undefined"])
        assert.match(yield* problem(strategy(part)), /neither start\(\) nor initial, warmUp\(\) and step\(\)/)
      const bare = `{ _tag: "Right", right: { name: "own", intervalMinutes: 1, warmUpCandles: 1 } }`
      assert.match(yield* problem(making(bare)), /neither start\(\) nor initial/)
    })
  )
})
