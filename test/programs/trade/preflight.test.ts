import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Fiber, FiberRef, Layer, Logger, LogLevel } from "effect"
import { KrakenApiError } from "../../../src/domain/kraken/KrakenError.ts"
import type { RejectClass } from "../../../src/domain/order/Outcome.ts"
import { MockAlertsControl } from "../../../src/layers/mock/MockAlerts.ts"
import { MockKrakenRestControl } from "../../../src/layers/mock/MockKrakenRest.ts"
import { MockMarketClockControl } from "../../../src/layers/mock/MockMarketClock.ts"
import { emptySnapshot } from "../../../src/layers/mock/MockStore.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import type { Check } from "../../../src/programs/doctor/Check.ts"
import { fail, ok, warn } from "../../../src/programs/doctor/Check.ts"
import { judgeKey, neededPermissions } from "../../../src/programs/doctor/key.ts"
import { consequences } from "../../../src/programs/trade/consequences.ts"
import { mayHold, preflight } from "../../../src/programs/trade/preflight.ts"
import type { Snapshot } from "../../../src/services/Store.ts"
import type { ApiKeyInfo } from "../../../src/services/KrakenRest.ts"
import type { SettingsShape } from "../../../src/services/Settings.ts"
import { BTC, entry, instrument, limits, lot, NOON, quote, usd, XLM } from "../../support/build.ts"
import { prefix } from "../../domain/engine/Rig.ts"
import { badKey, timedOut, until } from "../desk/support.ts"

const DAY = 86_400_000
const key = (change: Partial<ApiKeyInfo> = {}): ApiKeyInfo => ({
  name: "test",
  permissions: neededPermissions,
  nonce: 1n,
  nonceWindow: 0n,
  ipAllowlist: ["192.0.2.1"],
  ...change
})

const refused = (kind: KrakenApiError["kind"], text: string, reject?: RejectClass): KrakenApiError =>
  new KrakenApiError({
    endpoint: "AddOrder",
    kind,
    text,
    executed: "no",
    retry: "never",
    stop: false,
    ...(reject === undefined ? {} : { reject })
  })

const bitcoin = instrument({ symbol: BTC, base: "BTC", baseId: "XXBT" })

type Controls = MockKrakenRestControl | MockMarketClockControl

interface Scene {
  readonly settings?: Partial<SettingsShape>
  readonly books?: Partial<Snapshot>
  readonly local?: ReadonlyArray<Check>
  readonly prepare?: Effect.Effect<void, never, Controls>
  /** What happens while the start waits. */
  readonly meanwhile?: Effect.Effect<void, never, Controls>
}

const held = { books: { lots: [lot()] } }

/** A live start where all is well, but for what a scene changes. */
const start = (scene: Scene = {}) =>
  Effect.gen(function* () {
    const logs: Array<readonly [string, string]> = []
    const steps: Array<string> = []
    const rest = yield* MockKrakenRestControl
    yield* rest.always("time", Effect.succeed(NOON))
    yield* rest.always("apiKeyInfo", Effect.succeed(key()))
    yield* rest.always("instruments", Effect.succeed([instrument()]))
    yield* rest.always("ticker", Effect.succeed({ quote: quote(), last: quote().bid }))
    yield* rest.always("validateOrder", Effect.void)
    yield* scene.prepare ?? Effect.void
    const fiber = yield* preflight({
      snapshot: { ...emptySnapshot, ...scene.books },
      local: Effect.succeed(scene.local ?? []),
      step: (text) => Effect.sync(() => void steps.push(text))
    }).pipe(
      Effect.either,
      Effect.locally(FiberRef.currentMinimumLogLevel, LogLevel.All),
      Effect.provide(
        Logger.replace(
          Logger.defaultLogger,
          Logger.make(({ logLevel, message }) => void logs.push([logLevel.label, String(message)]))
        )
      ),
      Effect.fork
    )
    yield* scene.meanwhile ?? Effect.void
    const result = yield* Fiber.join(fiber)
    const alerts = yield* Effect.flatMap(MockAlertsControl, (control) => control.sent)
    const code = Either.isLeft(result) ? exitCodeOf(yield* Effect.exit(Effect.fail(result.left))) : 0
    return {
      error: Either.isLeft(result) ? result.left : undefined,
      cleared: Either.isRight(result) ? result.right : undefined,
      code,
      steps,
      alerts,
      calls: (yield* rest.calls).map((call) => call.endpoint),
      at: (level: string) => logs.filter(([l]) => l === level).map(([, text]) => text),
      logs
    }
  }).pipe(
    Effect.provide(
      mockWorld({ start: NOON, prefix, settings: { mode: "live", confirmed: "mock", ...scene.settings } }).pipe(
        Layer.orDie
      )
    ),
    Effect.scoped
  )

const rest = <A>(use: (control: MockKrakenRestControl["Type"]) => Effect.Effect<A>) =>
  Effect.asVoid(Effect.flatMap(MockKrakenRestControl, use))
const skew = (ms: number) =>
  Effect.flatMap(MockMarketClockControl, (clock) => clock.setOffset({ ms, measuredAt: NOON }))

describe("the key", () => {
  for (const permission of neededPermissions) {
    it(`a key without ${permission} is refused, and the missing permission named`, () => {
      const { problems } = judgeKey(key({ permissions: neededPermissions.filter((p) => p !== permission) }), NOON)
      assert.deepEqual(problems, [`it lacks ${permission}`])
    })
  }

  it("a key that can withdraw is refused, whatever else it may", () => {
    for (const power of ["withdraw-funds", "withdraw-something-new"]) {
      const { problems } = judgeKey(key({ permissions: [...neededPermissions, power] }), NOON)
      assert.match(problems.join(), new RegExp(power))
    }
  })

  it("expiry, address and nonce window", () => {
    assert.deepEqual(judgeKey(key(), NOON), { problems: [], warnings: [] })
    assert.deepEqual(judgeKey(key({ validUntil: NOON }), NOON).problems, ["it has expired"])
    assert.deepEqual(judgeKey(key({ validUntil: NOON + 6.5 * DAY }), NOON).warnings, ["it expires in 7 days"])
    assert.deepEqual(judgeKey(key({ validUntil: NOON + 8 * DAY }), NOON), { problems: [], warnings: [] })
    assert.strictEqual(judgeKey(key({ ipAllowlist: [] }), NOON).warnings.length, 1)
    const reading = key({ permissions: neededPermissions.filter((one) => !/^(?:modify|close)-/.test(one)) })
    assert.deepEqual(judgeKey(reading, NOON, true).problems, [])
    assert.strictEqual(judgeKey(reading, NOON).problems.length, 1)
    assert.match(judgeKey(key({ nonceWindow: 100n }), NOON).warnings.join(), /nonce window/)
  })
})

/**
 * What is wrong, which error the start ends with while nothing is held, its exit code, words of what is said, and whether it
 * keeps a start with something to sell from starting too.
 */
const refusals: ReadonlyArray<readonly [string, Scene, string, number, string, "always" | "entries only"]> = [
  ["no confirmation", { settings: { confirmed: "old" } }, "NotConfirmed", 78, "LIVE_TRADING_CONFIRMED", "entries only"],
  [
    "a strategy that cannot be used",
    { local: [fail("settings", "strategy", "no such module", "Correct STRATEGY.")] },
    "CommandFailed",
    78,
    "no such module",
    "entries only"
  ],
  [
    "a folder that cannot be written",
    { local: [fail("store", "folder", "EACCES", "Give yourself the right.")] },
    "CommandFailed",
    73,
    "EACCES",
    "entries only"
  ],
  [
    "restored records that were not compared since",
    { local: [fail("operator", "restored", "put in place today", "Run `recover`.")] },
    "CommandFailed",
    86,
    "put in place today",
    "always"
  ],
  ["a network disk", { local: [fail("settings", "disk", "NFS", "Move.")] }, "CommandFailed", 78, "NFS", "entries only"],
  ["a full disk", { local: [fail("store", "space", "7 MiB", "Free.")] }, "CommandFailed", 73, "7 MiB", "entries only"],
  ["an open .env", { local: [fail("settings", "env", "read", "chmod")] }, "CommandFailed", 78, "chmod", "entries only"],
  [
    "a damaged database",
    { local: [fail("data", "database", "row 7 is missing", "Restore.")] },
    "CommandFailed",
    65,
    "row 7",
    "entries only"
  ],
  ["a skewed clock", { prepare: skew(2100) }, "ClockSkewed", 71, "2100 ms", "entries only"],
  [
    "no clock to compare with",
    { prepare: rest((r) => r.always("time", Effect.fail(timedOut("Time")))) },
    "ExchangeUnavailable",
    69,
    "cannot be reached",
    "always"
  ],
  [
    "a key that lacks a permission",
    { prepare: rest((r) => r.always("apiKeyInfo", Effect.succeed(key({ permissions: [] })))) },
    "KeyUnfit",
    77,
    "it lacks",
    "always"
  ],
  [
    "a refused key",
    { prepare: rest((r) => r.always("apiKeyInfo", Effect.fail(badKey))) },
    "KeyUnfit",
    77,
    "Invalid key",
    "always"
  ],
  [
    "a nonce out of reach",
    {
      prepare: rest((r) =>
        r.always(
          "apiKeyInfo",
          Effect.fail(
            new KrakenApiError({
              endpoint: "GetApiKeyInfo",
              kind: "nonce",
              text: "EAPI:Invalid nonce",
              executed: "no",
              retry: "new nonce",
              stop: false,
              nonceAhead: true
            })
          )
        )
      )
    },
    "KeyUnfit",
    77,
    "a key of its own",
    "always"
  ],
  [
    "a key whose record is not told",
    { prepare: rest((r) => r.always("apiKeyInfo", Effect.fail(timedOut("GetApiKeyInfo")))) },
    "ExchangeUnavailable",
    69,
    "GetApiKeyInfo",
    "always"
  ],
  [
    "no rules of the pairs",
    { prepare: rest((r) => r.always("instruments", Effect.fail(timedOut("AssetPairs")))) },
    "ExchangeUnavailable",
    69,
    "AssetPairs",
    "always"
  ],
  [
    "a pair that Kraken does not trade",
    { settings: { limits: limits({ allowedPairs: [XLM, BTC] }) } },
    "PairUnknown",
    78,
    "names BTC/USD,",
    "entries only"
  ],
  [
    "a pair that Kraken does not trade in dollars",
    {
      settings: { limits: limits({ allowedPairs: [XLM, BTC] }) },
      prepare: rest((r) => r.always("instruments", Effect.succeed([instrument(), { ...bitcoin, quote: "EUR" }])))
    },
    "PairUnknown",
    78,
    "names BTC/USD,",
    "entries only"
  ],
  [
    "sizes below the exchange's minimum",
    { settings: { limits: limits({ maxTradeSize: usd("1") }) } },
    "CommandFailed",
    78,
    "no order is possible",
    "entries only"
  ],
  [
    "a restricted pair",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(refused("rejected", "ERestricted", "restricted")))) },
    "CommandFailed",
    78,
    "ERestricted",
    "entries only"
  ],
  [
    "an order that the exchange does not understand",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(refused("arguments", "EGeneral:Invalid")))) },
    "CommandFailed",
    78,
    "EGeneral:Invalid",
    "entries only"
  ],
  [
    "no permission to trade after all",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(badKey))) },
    "KeyUnfit",
    77,
    "Invalid key",
    "entries only"
  ]
]

describe("a start with a failed check", () => {
  for (const [name, scene, tag, code, text, whom] of refusals) {
    it.effect(`${name}: refused with ${code}, and the failure is logged with its remedy`, () =>
      Effect.gen(function* () {
        const refusal = yield* start(scene)
        assert.strictEqual(refusal.error?._tag, tag)
        assert.strictEqual(refusal.code, code)
        assert.include(refusal.error?.message, text)
        assert.isAtLeast(refusal.at("ERROR").length, 1)
        assert.deepEqual(refusal.alerts, [])
        assert.notInclude(refusal.calls, "orderTurn")
      })
    )

    it.effect(`${name}, while something is held: ${whom === "always" ? "refused too" : "exits only, loudly"}`, () =>
      Effect.gen(function* () {
        const { alerts, at, cleared, code: after, error } = yield* start({ ...scene, ...held })
        if (whom === "always") {
          assert.strictEqual(error?._tag, tag)
          assert.strictEqual(after, code)
          return
        }
        assert.isUndefined(error)
        assert.isString(cleared?.exitsOnly)
        assert.deepEqual(
          cleared?.instruments.map(({ symbol }) => symbol),
          [XLM]
        )
        assert.isAtLeast(at("ERROR").length, 1)
        assert.strictEqual(alerts.length, 1)
        assert.deepInclude(alerts[0], { severity: "critical", kind: "start.exits-only" })
        assert.include(alerts[0]?.text, cleared?.exitsOnly)
      })
    )
  }

  it.effect("what needs no call refuses before the first call; all of it is told, not only the first", () =>
    Effect.gen(function* () {
      const { at, calls } = yield* start({
        settings: { confirmed: "old" },
        local: [fail("settings", "disk", "NFS", "Move."), fail("settings", "strategy", "none", "Correct.")]
      })
      assert.deepEqual(calls, [])
      assert.strictEqual(at("ERROR").length, 3)
    })
  )

  it.effect("every reason for exits only is named", () =>
    Effect.gen(function* () {
      const { calls, cleared } = yield* start({
        ...held,
        local: [fail("settings", "disk", "NFS", "Move.")],
        prepare: skew(-9000)
      })
      assert.strictEqual(cleared?.exitsOnly, "disk: NFS; clock: this machine's clock is -9000 ms off")
      // nothing will be entered: no order is tried
      assert.notInclude(calls, "validateOrder")
    })
  )

  it.effect("an order that is not settled may be held by now", () =>
    Effect.gen(function* () {
      assert.isFalse(mayHold(emptySnapshot))
      assert.isTrue(mayHold({ lots: [], orders: [entry({ status: "unknown" })] }))
      const { cleared } = yield* start({ settings: { confirmed: "old" }, books: { orders: [entry()] } })
      assert.include(cleared?.exitsOnly, "confirmation")
    })
  )

  it.effect("a pair that is held and has no rules any more cannot be sold: refused", () =>
    Effect.gen(function* () {
      const gone = yield* start({ books: { lots: [lot({ symbol: BTC })] } })
      assert.strictEqual(gone.code, 78)
      assert.include(gone.error?.message, "BTC/USD cannot be traded in dollars at Kraken any more")
    })
  )

  it.effect("a pair that is held, exists and is allowed no more: its rules are read, it is not tried", () =>
    Effect.gen(function* () {
      const { calls, cleared } = yield* start({
        books: { lots: [lot({ symbol: BTC })] },
        prepare: rest((r) => r.always("instruments", Effect.succeed([instrument(), bitcoin])))
      })
      assert.deepEqual(
        cleared?.instruments.map(({ symbol }) => symbol),
        [XLM, BTC]
      )
      assert.isUndefined(cleared?.exitsOnly)
      assert.strictEqual(calls.filter((endpoint) => endpoint === "validateOrder").length, 1)
    })
  )
})

/** What goes wrong without keeping anybody from trading, and words of the warning. */
const warnings: ReadonlyArray<readonly [string, Scene, string]> = [
  ["a warning", { local: [warn("backup", "old", "Look.")] }, "check backup: old. Look."],
  ["an old key", { prepare: rest((r) => r.always("apiKeyInfo", Effect.succeed(key({ ipAllowlist: [] })))) }, "address"],
  [
    "no price",
    { prepare: rest((r) => r.always("ticker", Effect.fail(timedOut("Ticker")))) },
    "no answer proves nothing"
  ],
  [
    "an unsound price",
    { prepare: rest((r) => r.always("ticker", Effect.succeed({ quote: undefined, last: quote().bid }))) },
    "no sound quote"
  ],
  [
    "no answer to the order",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(timedOut("AddOrder")))) },
    "no answer proves nothing"
  ],
  [
    "an answer that nobody knows",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(refused("unrecognised", "ENew:What")))) },
    "ENew:What"
  ],
  [
    "an exchange that is busy",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(refused("service", "EService:Busy")))) },
    "EService:Busy"
  ],
  [
    "a pair in cancel_only mode",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(refused("rejected", "EService:Market", "mode")))) },
    "EService:Market"
  ],
  [
    "a market that moved",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(refused("rejected", "EOrder:Post", "postOnly")))) },
    "EOrder:Post"
  ],
  [
    "too many open orders",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(refused("rejected", "EOrder:Limit", "openOrders")))) },
    "EOrder:Limit"
  ],
  [
    "no funds",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(refused("rejected", "EOrder:Funds", "funds")))) },
    "EOrder:Funds"
  ],
  [
    "sizes below the minimum, with play money",
    { settings: { mode: "paper", limits: limits({ maxTradeSize: usd("1") }) } },
    "no more than play money"
  ],
  ["a failure that the run sees to", { local: [fail("store", "instance", "odd", "Look.")] }, "holds the lock itself"]
]

describe("a start that goes on", () => {
  it.effect("where all is well: each check is told to those who look closely, nothing is read twice", () =>
    Effect.gen(function* () {
      const { at, calls, cleared, logs, steps } = yield* start({ local: [ok("disk", "here")] })
      assert.isUndefined(cleared?.exitsOnly)
      assert.deepEqual(
        cleared?.instruments.map(({ symbol }) => symbol),
        [XLM]
      )
      assert.strictEqual(at("DEBUG").length, logs.length)
      for (const id of ["settings", "confirmation", "disk", "clock", "key", "pairs", "validate XLM/USD"]) {
        assert.isTrue(
          at("DEBUG").some((line) => line.startsWith(`check ${id}: `)),
          id
        )
      }
      assert.deepEqual(calls, ["time", "apiKeyInfo", "instruments", "ticker", "validateOrder"])
      assert.deepEqual(steps, [
        "checking settings, machine and records",
        "comparing clocks with the exchange",
        "checking the API key's own record",
        "reading the pairs' rules",
        "trying the smallest order of each pair"
      ])
    })
  )

  it.effect("half a second of rounding is no skew", () =>
    Effect.gen(function* () {
      assert.isUndefined((yield* start({ prepare: skew(-1900) })).error)
    })
  )

  it.effect("the key of the local exchange needs no address", () =>
    Effect.gen(function* () {
      const { at } = yield* start({
        settings: { mode: "paper" },
        prepare: rest((r) => r.always("apiKeyInfo", Effect.succeed(key({ ipAllowlist: [] }))))
      })
      assert.deepEqual(at("WARN"), [])
    })
  )

  for (const [name, scene, text] of warnings) {
    it.effect(`${name}: a warning`, () =>
      Effect.gen(function* () {
        const { alerts, at, cleared } = yield* start(scene)
        assert.isUndefined(cleared?.exitsOnly)
        assert.isNotEmpty(cleared?.instruments)
        assert.deepEqual(at("ERROR"), [])
        assert.include(at("WARN").join("\n"), text)
        assert.deepEqual(alerts, [])
      })
    )
  }

  for (const [whom, scene, seconds] of [
    ["nothing is held", {}, 45],
    ["exits wait", held, 3]
  ] as const) {
    it.effect(`an order that cannot be tried in time is not waited for: ${seconds} s where ${whom}`, () =>
      Effect.gen(function* () {
        const { at, cleared } = yield* start({
          ...scene,
          prepare: rest((r) => r.always("validateOrder", Effect.never)),
          meanwhile: Effect.gen(function* () {
            const clock = yield* MockMarketClockControl
            const control = yield* MockKrakenRestControl
            let tried = 0
            yield* Effect.forkScoped(
              Effect.forever(
                Effect.zipRight(
                  Effect.yieldNow(),
                  Effect.map(control.callsOf("validateOrder"), (calls) => {
                    tried = calls.length
                  })
                )
              )
            )
            yield* until(() => tried === 1)
            yield* clock.advance(seconds * 1000 - 1)
            assert.strictEqual(yield* clock.sleeping, 1)
            yield* clock.advance(1)
          }).pipe(Effect.scoped)
        })
        assert.isUndefined(cleared?.exitsOnly)
        assert.include(at("WARN").join(), `no order could be tried within ${seconds} seconds`)
      })
    )
  }
})

describe("the table of consequences", () => {
  it("gives every check a reason, and lets nothing refuse that only the run itself can put right", () => {
    for (const [subject, { failed, unanswered, why }] of Object.entries(consequences)) {
      assert.isNotEmpty(why, subject)
      // what is refused when it is not answered could not be done without when it is wrong
      if (unanswered === "start") assert.notStrictEqual(failed, "nothing", subject)
    }
    for (const subject of ["instance", "breaker", "unknown-orders", "drill", "backup", "webhook", "balance"] as const) {
      assert.strictEqual(consequences[subject].failed, "nothing", subject)
    }
  })
})
