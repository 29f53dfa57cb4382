/** Starts of the whole trader against the local Kraken: refused, exits only, stopped on the way. */
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Logger, Option } from "effect"
import type { Scope } from "effect"
import { tradeWith } from "../../../src/app.ts"
import type { AppError } from "../../../src/app.ts"
import { keyFingerprint, layer as instanceLock } from "../../../src/layers/node/InstanceLockNode.ts"
import { exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import type { StopReport } from "../../../src/programs/trade/shutdown.ts"
import { MarketClock } from "../../../src/services/Clock.ts"
import { InstanceLock } from "../../../src/services/InstanceLock.ts"
import type { SettingsShape } from "../../../src/services/Settings.ts"
import { StopSignal } from "../../../src/services/StopSignal.ts"
import { anEntry, bought, logged, noEntry } from "../../protocol/hands.ts"
import { ask, makeWorld, own, PATIENCE, ready } from "../../protocol/World.ts"
import type { World } from "../../protocol/World.ts"

const refusalOf = (exit: Exit.Exit<StopReport, AppError>) => ({
  tag: Option.getOrUndefined(Option.map(Exit.causeOption(exit), (cause) => String(cause))) ?? "",
  code: exitCodeOf(exit)
})

const requests = (world: World) => Effect.map(world.view, (view) => view.requests.length)

/** A run that loads the strategy of its settings by itself. */
const runOwn = (world: World, change: Partial<SettingsShape>) =>
  Effect.gen(function* () {
    const settings = world.settings(change)
    const logs: Array<string> = []
    const signal = yield* Deferred.make<StopSignal["Type"]>()
    const run = Effect.gen(function* () {
      const lock = Layer.succeedContext(
        yield* Layer.build(
          instanceLock({
            dataDir: settings.dataDir,
            stateDir: Path.join(world.dir, "state"),
            keyFingerprint: keyFingerprint(world.kraken.credentials.key)
          })
        )
      )
      yield* Effect.flatMap(InstanceLock, (held) => held.acquire).pipe(Effect.provide(lock))
      return yield* tradeWith({
        settings,
        version: "0.0.0",
        clock: Layer.succeed(MarketClock, world.kraken.clock),
        lock,
        alongside: Effect.flatMap(StopSignal, (stop) => Effect.asVoid(Deferred.succeed(signal, stop)))
      })
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Logger.replace(
          Logger.defaultLogger,
          Logger.map(Logger.logfmtLogger, (line) => void logs.push(line))
        )
      )
    )
    const fiber = yield* Effect.forkScoped<StopReport, AppError, Scope.Scope>(run)
    return {
      logs,
      ended: Fiber.await(fiber),
      stop: Effect.zipRight(
        Effect.flatMap(Deferred.await(signal), (stop) => stop.request("the test is over")),
        Fiber.await(fiber)
      )
    }
  })

describe("a start that its checks refuse", PATIENCE, () => {
  it.scopedLive("unconfirmed live trading: nothing held, no call is made; something held, exits only", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const before = yield* requests(world)
      const refused = refusalOf(yield* (yield* world.start({ mode: "live", confirmed: "old" })).ended)
      assert.include(refused.tag, "NotConfirmed")
      assert.strictEqual(refused.code, 78)
      assert.strictEqual(yield* requests(world), before)

      const first = yield* world.start({ mode: "live", confirmed: "mock" })
      yield* ready(world)
      yield* bought(world)
      assert.isTrue(Exit.isSuccess(yield* first.stop))

      const second = yield* world.start({ mode: "live", confirmed: "old" })
      yield* logged(world, "EXITS ONLY")
      yield* world.until(
        "the running trader to say why it buys nothing",
        Effect.map(
          ask(world, "/status"),
          (said) => said?.state === "not-entering" && JSON.stringify(said.reasons).includes("exits only: confirmation")
        )
      )
      yield* noEntry(world, 20_000, "the settings are not confirmed")
      yield* world.price("0.11")
      yield* world.until(
        "the target to be sold",
        Effect.map(world.view, (view) => own(view, "sell").some((order) => order.status === "closed"))
      )
      assert.isTrue(Exit.isSuccess(yield* second.stop))
    })
  )

  it.scopedLive("a strategy that cannot be used: refused while nothing is held, else positions are sold", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const change = { strategy: { name: "no-such-strategy", params: {} } }
      const alone = refusalOf(yield* (yield* runOwn(world, change)).ended)
      assert.include(alone.tag, "no-such-strategy")
      assert.strictEqual(alone.code, 78)

      const first = yield* world.start()
      yield* ready(world)
      yield* bought(world)
      assert.isTrue(Exit.isSuccess(yield* first.stop))
      const sales = own(yield* world.view, "sell").length

      const second = yield* runOwn(world, change)
      yield* world.until(
        "the target to be placed again",
        Effect.map(world.view, (view) => own(view, "sell").length > sales)
      )
      assert.isTrue(second.logs.some((line) => line.includes("EXITS ONLY") && line.includes("no-such-strategy")))
      assert.isTrue(Exit.isSuccess(yield* second.stop))
    })
  )
})

describe("a start that goes on", PATIENCE, () => {
  it.scopedLive("tries one order a pair, and reads nothing for its checks that it has read or will read", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const run = yield* world.start()
      yield* ready(world)
      for (const id of ["database", "clock", "key", "validate XLM/USD", "sizes XLM/USD", "fees XLM/USD", "balance"]) {
        yield* logged(world, `check ${id}: `)
      }
      const { requests: made } = yield* world.view
      const count = (endpoint: string) => made.filter((request) => request.endpoint === endpoint).length
      for (const endpoint of ["GetApiKeyInfo", "TradeVolume", "AddOrder"]) {
        assert.strictEqual(count(endpoint), 1, endpoint)
      }
      yield* anEntry(world)
      assert.isTrue(Exit.isSuccess(yield* run.stop))
    })
  )

  it.scopedLive("warns of funds that are short, from the balances that it reconciles with", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ balances: { USD: "1" } })
      const run = yield* world.start({ mode: "live", confirmed: "mock" })
      yield* ready(world)
      yield* logged(world, /level=WARN .*check balance: only \$1\.00 are free/)
      assert.isTrue(Exit.isSuccess(yield* run.stop))
    })
  )

  it.scopedLive("is stopped at once when that is asked for on the way", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.kraken.faults.add({ on: "rest", endpoint: "GetApiKeyInfo", effect: { kind: "cut", executed: true } })
      const run = yield* world.start()
      yield* logged(world, "checking the API key's own record")
      const exit = yield* run.stop
      assert.deepEqual(exit, Exit.succeed({ reason: "the test is over", held: [] }))
      assert.isTrue(world.logs.some((line) => line.includes("stopping before anything was done")))
    })
  )
})
