import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Either, Layer, Option, Redacted } from "effect"
import * as Breaker from "../../../src/domain/breaker/Breaker.ts"
import { closed } from "../../../src/domain/breaker/BreakerState.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { MockKrakenRestControl } from "../../../src/layers/mock/MockKrakenRest.ts"
import { MockMarketClockControl } from "../../../src/layers/mock/MockMarketClock.ts"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { mockSettingsValue } from "../../../src/layers/mock/MockSettings.ts"
import { MockStoreControl } from "../../../src/layers/mock/MockStore.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { CommandFailed } from "../../../src/programs/cli/ExitCode.ts"
import type { Check } from "../../../src/programs/doctor/Check.ts"
import { doctor, doctorWithoutSettings } from "../../../src/programs/doctor/doctor.ts"
import { checksOfStart } from "../../../src/programs/doctor/local.ts"
import { sizesCheck } from "../../../src/programs/doctor/remote.ts"
import { DoctorFacts } from "../../../src/services/DoctorFacts.ts"
import type { DoctorFactsShape } from "../../../src/services/DoctorFacts.ts"
import { Installation } from "../../../src/services/Installation.ts"
import { LockUnusable } from "../../../src/services/InstanceLock.ts"
import type { ApiKeyInfo } from "../../../src/services/KrakenRest.ts"
import { neededPermissions } from "../../../src/programs/doctor/key.ts"
import { SettingsInvalid } from "../../../src/services/Settings.ts"
import type { SettingsShape } from "../../../src/services/Settings.ts"
import { Store } from "../../../src/services/Store.ts"
import { StrategyLoader, StrategyRefused } from "../../../src/services/StrategyLoader.ts"
import { conceal } from "../../../src/domain/strategy/Strategy.ts"
import { emptySnapshot, prefix } from "../../domain/engine/Rig.ts"
import { entry, id, instrument, limits, NOON, q, quote, rate, usd, XLM } from "../../support/build.ts"
import { badKey, nameless, recordOf, timedOut } from "../desk/support.ts"
import { Screen, world } from "../cli/support.ts"

const GIB = 1024 ** 3
const healthy: DoctorFactsShape = {
  folder: Effect.succeed({
    path: "/data",
    exists: true,
    notWritable: undefined,
    freeBytes: 5 * GIB,
    remote: undefined
  }),
  envFile: Effect.succeed({ exists: true, openToOthers: false, gitWouldTakeIt: false }),
  logProblem: Effect.succeed(undefined),
  newestBackup: Effect.succeed(0),
  webhook: Effect.succeed("answers")
}

const key: ApiKeyInfo = {
  name: "trader",
  permissions: neededPermissions,
  nonce: 1n,
  nonceWindow: 0n,
  ipAllowlist: ["192.0.2.1"]
}

const strategy = conceal<null>({
  name: "still",
  intervalMinutes: 1,
  warmUpCandles: 1,
  initial: null,
  warmUp: () => null,
  step: (state) => ({ _tag: "Ready", state, signals: [], features: {} })
})

type Controls = MockKrakenRestControl | MockMarketClockControl | MockStoreControl

interface Scene {
  readonly settings?: Partial<SettingsShape>
  readonly facts?: Partial<DoctorFactsShape>
  readonly records?: Parameters<MockRecordsControl["Type"]["set"]>[0]
  readonly prepare?: Effect.Effect<void, never, Controls>
  readonly lock?: Effect.Effect<void, never, MockInstanceLockControl>
  readonly refusal?: CommandFailed
  readonly unconfirmed?: true
  readonly strategyRefused?: boolean
  readonly text?: boolean
  readonly colors?: boolean
}

/** Runs the doctor in a world where everything is well, but for what a scene changes. */
const run = (scene: Scene = {}) =>
  Effect.gen(function* () {
    const settings: SettingsShape = {
      ...mockSettingsValue,
      mode: "live",
      ...(scene.unconfirmed === true ? {} : { confirmed: "mock" }),
      ...scene.settings
    }
    const context = yield* Layer.build(
      mockWorld({ start: NOON, prefix, settings }).pipe(
        Layer.provideMerge(Layer.succeed(Installation, { prefix, keyFingerprint: "f" }))
      )
    )
    yield* Effect.gen(function* () {
      const rest = yield* MockKrakenRestControl
      yield* rest.always("time", Effect.succeed(NOON))
      yield* rest.always("apiKeyInfo", Effect.succeed(key))
      yield* rest.always("instruments", Effect.succeed([instrument()]))
      yield* rest.always("ticker", Effect.succeed({ quote: quote(), last: quote().bid }))
      yield* rest.always("validateOrder", Effect.void)
      yield* rest.always(
        "tradeVolume",
        Effect.succeed(new Map([[XLM, { maker: rate("0.0025"), taker: rate("0.004") }]]))
      )
      yield* rest.always(
        "balanceEx",
        Effect.succeed([{ assetId: "ZUSD", balance: usd("98"), hold: 0n, available: usd("98") }])
      )
      yield* scene.prepare ?? Effect.void
    }).pipe(Effect.provide(context))
    const store = Context.get(context, Store)
    const working = world({
      settings,
      ...(scene.colors === undefined ? {} : { colors: scene.colors }),
      beside: {
        store: Effect.succeed({
          ...store,
          health: Effect.map(store.health, (health) => ({ ...health, journalMode: "wal" }))
        }),
        toTry:
          scene.refusal === undefined ? Effect.succeed(Context.omit()(context) as never) : Effect.fail(scene.refusal)
      }
    })
    return yield* Effect.gen(function* () {
      const records = yield* MockRecordsControl
      yield* records.set({
        snapshot: { ...emptySnapshot, notes: new Map([["lastDrill", "0"]]) },
        ...scene.records
      })
      yield* scene.lock ?? Effect.void
      const result = yield* Effect.either(doctor({ json: scene.text !== true }))
      const { out } = yield* Screen
      const code = Either.isLeft(result) ? result.left.code : 0
      if (scene.text === true) return { code, out: out(), of: (): Check | undefined => undefined }
      const said = JSON.parse(out()) as { readonly checks: ReadonlyArray<Check>; readonly confirmationCode: string }
      assert.strictEqual(said.confirmationCode, "mock")
      return { code, out: out(), of: (name: string) => said.checks.find((check) => check.id === name) }
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          working,
          Layer.succeed(DoctorFacts, { ...healthy, ...scene.facts }),
          Layer.succeed(StrategyLoader, {
            load: () =>
              scene.strategyRefused === true
                ? Effect.fail(new StrategyRefused({ strategy: "x", problems: ["no such module"] }))
                : Effect.succeed(strategy)
          })
        )
      )
    )
  }).pipe(Effect.scoped)

const rest = <A>(use: (control: MockKrakenRestControl["Type"]) => Effect.Effect<A>) =>
  Effect.asVoid(Effect.flatMap(MockKrakenRestControl, use))

const folder = (change: object): Partial<DoctorFactsShape> => ({
  folder: Effect.map(healthy.folder, (facts) => ({ ...facts, ...change }))
})
const env = (change: object): Partial<DoctorFactsShape> => ({
  envFile: Effect.map(healthy.envFile, (facts) => ({ ...facts, ...change }))
})
const snapshot = (change: Partial<typeof emptySnapshot>) => ({ records: { snapshot: { ...emptySnapshot, ...change } } })

/** What is wrong, which check says so, how, and with what words. */
const ills: ReadonlyArray<readonly [string, Scene, string, Check["result"], string]> = [
  ["no confirmation", { settings: { confirmed: "other" } }, "confirmation", "fail", "not what the settings are now"],
  ["no switch", { settings: { limits: limits({ deadManSwitch: undefined }) } }, "switch", "warn", "off"],
  ["read-only folder", { facts: folder({ notWritable: "EACCES" }) }, "folder", "fail", "EACCES"],
  ["no folder yet", { facts: folder({ exists: false }) }, "folder", "ok", "will be created"],
  ["network disk", { facts: folder({ remote: "NFS" }) }, "disk", "fail", "NFS"],
  ["disk nearly full", { facts: folder({ freeBytes: 1024 }) }, "space", "fail", "0 MiB"],
  ["little space", { facts: folder({ freeBytes: GIB / 2 }) }, "space", "warn", "512 MiB"],
  ["unknown space", { facts: folder({ freeBytes: undefined }) }, "space", "warn", "cannot be told"],
  ["open .env", { facts: env({ openToOthers: true }) }, "env", "warn", "others on this machine"],
  [
    "open .env with a key in it",
    {
      facts: env({ openToOthers: true }),
      settings: { credentials: { key: Redacted.make("k"), secret: Redacted.make("s") } }
    },
    "env",
    "fail",
    "others on this machine"
  ],
  [".env in git", { facts: env({ gitWouldTakeIt: true }) }, "env", "fail", "git does not ignore"],
  ["no .env", { facts: env({ exists: false }) }, "env", "ok", "from the environment"],
  ["log", { facts: { logProblem: Effect.succeed("EACCES") } }, "log", "warn", "EACCES"],
  ["no webhook", { facts: { webhook: Effect.succeed("none") } }, "webhook", "warn", "nobody is told"],
  [
    "no webhook in paper mode",
    { facts: { webhook: Effect.succeed("none") }, settings: { mode: "paper" } },
    "webhook",
    "ok",
    "no alert webhook"
  ],
  ["broken webhook", { facts: { webhook: Effect.succeed({ problem: "404" }) } }, "webhook", "warn", "404"],
  ["old backup", { facts: { newestBackup: Effect.succeed(-30 * 86_400_000) } }, "backup", "warn", "30 d 0 h old"],
  [
    "no backup",
    { facts: { newestBackup: Effect.succeed(undefined) }, ...snapshot({ sequence: 7 }) },
    "backup",
    "warn",
    "no backup yet"
  ],
  [
    "no backup and nothing to back up",
    { facts: { newestBackup: Effect.succeed(undefined) } },
    "backup",
    "ok",
    "nothing to back up"
  ],
  [
    "a running trader",
    { lock: Effect.flatMap(MockInstanceLockControl, (lock) => lock.holdElsewhere("data folder")) },
    "instance",
    "ok",
    "a trader runs"
  ],
  [
    "a lock that cannot be looked at",
    {
      lock: Effect.flatMap(MockInstanceLockControl, (lock) =>
        lock.breakWith(new LockUnusable({ path: "/x", detail: "EACCES" }))
      )
    },
    "instance",
    "fail",
    "EACCES"
  ],
  ["no database", { records: { exists: false } }, "database", "ok", "no database yet"],
  [
    "a damaged database",
    { prepare: Effect.flatMap(MockStoreControl, (store) => store.failWith("corrupt")) },
    "database",
    "fail",
    "cannot be used"
  ],
  [
    "a latched breaker",
    snapshot({ breaker: Breaker.latch(closed, { threshold: 5, cooldown: 1 }, "balance", NOON, "odd").state }),
    "breaker",
    "warn",
    "balance (odd)"
  ],
  [
    "a latch in the fence",
    snapshot({ fence: { epoch: 1, paused: false, operatorLatch: Option.some("`cancel --all`") } }),
    "breaker",
    "warn",
    "cancel --all"
  ],
  ["paused", snapshot({ fence: { epoch: 1, paused: true, operatorLatch: Option.none() } }), "breaker", "ok", "paused"],
  [
    "an unknown order",
    snapshot({ orders: [entry({ id: id("kt1-u"), status: "unknown" })] }),
    "unknown-orders",
    "warn",
    "kt1-u"
  ],
  [
    "records that were restored, and not compared with the exchange since",
    snapshot({
      notes: new Map([
        ["store.restored", "put in place today"],
        ["store.lostLog", "today"]
      ])
    }),
    "restored",
    "fail",
    "put in place today"
  ],
  ["a backup that was never tried", snapshot({ sequence: 5 }), "backup-drill", "warn", "ever proved usable"],
  [
    "an old try of a backup",
    snapshot({ sequence: 5, notes: new Map([["lastBackupDrill", String(-100 * 86_400_000)]]) }),
    "backup-drill",
    "warn",
    "last proved usable 100 d"
  ],
  [
    "a try of a backup",
    snapshot({ sequence: 5, notes: new Map([["lastBackupDrill", "0"]]) }),
    "backup-drill",
    "ok",
    "proved usable 0.0 s ago"
  ],
  ["no drill", snapshot({}), "drill", "warn", "never tried"],
  [
    "an old drill",
    snapshot({ notes: new Map([["lastDrill", String(-40 * 86_400_000)]]) }),
    "drill",
    "warn",
    "40 d 0 h ago"
  ],
  ["no drill in paper mode", { ...snapshot({}), settings: { mode: "paper" } }, "drill", "ok", "paper"],
  ["a strategy that cannot be loaded", { strategyRefused: true }, "strategy", "fail", "no such module"],
  ["no exchange at all", { refusal: new CommandFailed({ text: "no keys" }) }, "exchange", "fail", "no keys"],
  [
    "a clock that is off",
    { prepare: Effect.flatMap(MockMarketClockControl, (clock) => clock.setOffset({ ms: 5000, measuredAt: NOON })) },
    "clock",
    "fail",
    "5000 ms off"
  ],
  [
    "no answer",
    { prepare: rest((r) => r.always("time", Effect.fail(timedOut("Time")))) },
    "clock",
    "fail",
    "could not be read"
  ],
  [
    "maintenance",
    { prepare: rest((r) => r.always("systemStatus", Effect.succeed("maintenance"))) },
    "system",
    "warn",
    "maintenance"
  ],
  [
    "a refused key",
    { prepare: rest((r) => r.always("apiKeyInfo", Effect.fail(badKey))) },
    "key",
    "fail",
    "Invalid key"
  ],
  [
    "a key that can withdraw",
    {
      prepare: rest((r) =>
        r.always("apiKeyInfo", Effect.succeed({ ...key, permissions: [...key.permissions, "withdraw-funds"] }))
      )
    },
    "key",
    "fail",
    "withdraw"
  ],
  [
    "a key from anywhere",
    { prepare: rest((r) => r.always("apiKeyInfo", Effect.succeed({ ...key, ipAllowlist: [] }))) },
    "key",
    "warn",
    "address"
  ],
  [
    "the same in paper mode",
    {
      settings: { mode: "paper" },
      prepare: rest((r) => r.always("apiKeyInfo", Effect.succeed({ ...key, ipAllowlist: [] })))
    },
    "key",
    "ok",
    "may trade"
  ],
  [
    "no instruments",
    { prepare: rest((r) => r.always("instruments", Effect.fail(timedOut("AssetPairs")))) },
    "pairs",
    "fail",
    "could not be read"
  ],
  [
    "an unknown pair",
    { prepare: rest((r) => r.always("instruments", Effect.succeed([]))) },
    "pairs",
    "fail",
    "XLM/USD"
  ],
  [
    "no price",
    { prepare: rest((r) => r.always("ticker", Effect.fail(timedOut("Ticker")))) },
    "price XLM/USD",
    "fail",
    "could not be read"
  ],
  [
    "no sound quote",
    { prepare: rest((r) => r.always("ticker", Effect.succeed({ quote: undefined, last: quote().bid }))) },
    "price XLM/USD",
    "fail",
    "no sound quote"
  ],
  [
    "a pair that takes no orders",
    { prepare: rest((r) => r.always("instruments", Effect.succeed([instrument({ status: "cancel_only" })]))) },
    "pair XLM/USD",
    "warn",
    "cancel_only"
  ],
  [
    "an order that would be refused",
    { prepare: rest((r) => r.always("validateOrder", Effect.fail(badKey))) },
    "validate XLM/USD",
    "fail",
    "refused"
  ],
  [
    "no fees",
    { prepare: rest((r) => r.always("tradeVolume", Effect.fail(timedOut("TradeVolume")))) },
    "fees",
    "fail",
    "could not be read"
  ],
  ["no dollars", { prepare: rest((r) => r.always("balanceEx", Effect.succeed([]))) }, "balance", "warn", "only $0.00"],
  [
    "auto-earn",
    {
      prepare: rest((r) =>
        r.always("balanceEx", Effect.succeed([{ assetId: "XLM.F", balance: q("5"), hold: 0n, available: q("5") }]))
      )
    },
    "auto-earn",
    "warn",
    "XLM.F"
  ],
  [
    "held funds",
    {
      prepare: rest((r) =>
        r.always(
          "balanceEx",
          Effect.succeed([{ assetId: "ZUSD", balance: usd("9"), hold: usd("2"), available: usd("7") }])
        )
      )
    },
    "holds",
    "ok",
    "ZUSD"
  ],
  [
    "foreign orders",
    {
      prepare: rest((r) =>
        r.always(
          "openOrders",
          Effect.succeed([
            nameless(recordOf(entry()), { exchangeId: ExchangeOrderId("OHAND") }),
            recordOf(entry({ id: id("kt1-a") }))
          ])
        )
      )
    },
    "foreign-orders",
    "warn",
    "1 open order in the account"
  ]
]

describe("doctor", () => {
  it.effect("all is well: nothing fails, nothing is placed, exit code 0", () =>
    Effect.gen(function* () {
      const { code, of, out } = yield* run()
      assert.strictEqual(code, 0)
      assert.notInclude(out, '"fail"')
      assert.strictEqual(of("confirmation")?.result, "ok")
      assert.strictEqual(of("drill")?.result, "ok")
      assert.strictEqual(of("backup")?.result, "ok")
    })
  )

  for (const [name, scene, check, result, text] of ills) {
    it.effect(`${name}: ${check} ${result}`, () =>
      Effect.gen(function* () {
        const { code, of } = yield* run(scene)
        const found = of(check)
        assert.strictEqual(found?.result, result, JSON.stringify(found))
        assert.include(found?.text, text)
        // whatever is not well says what to do
        assert.strictEqual(found?.remedy === "", result === "ok")
        assert.strictEqual(code, result === "fail" ? 1 : 0)
      })
    )
  }

  it.effect("unconfirmed live trading is told the code", () =>
    Effect.gen(function* () {
      const text = yield* Effect.map(run({ unconfirmed: true }), ({ of }) => of("confirmation"))
      assert.include(text?.text, "not confirmed")
      assert.include(text?.remedy, "LIVE_TRADING_CONFIRMED=mock")
    })
  )

  it.effect("as text, with the remedy under what is wrong", () =>
    Effect.gen(function* () {
      const bad = yield* run({ text: true, facts: folder({ remote: "NFS" }) })
      assert.include(bad.out, "FAIL disk")
      assert.include(bad.out, "Choose a DATA_DIR on a disk of this machine.")
      assert.include(bad.out, "1 of")
      assert.include(bad.out, "Confirmation code of these settings for live trading: mock")
      const good = yield* run({ text: true, colors: true })
      assert.include(good.out, "none failed.")
      const warned = yield* run({ text: true, facts: { logProblem: Effect.succeed("EACCES") } })
      assert.include(warned.out, "none failed, 1 to look at")
    })
  )

  it.effect("settings that cannot be used are each a failed check, 78", () =>
    Effect.gen(function* () {
      const invalid = new SettingsInvalid({
        problems: [{ key: "MAX_TRADE_SIZE", wrong: "is no amount", allowed: "a decimal" }]
      })
      for (const json of [true, false]) {
        const finished = yield* Effect.flip(doctorWithoutSettings(invalid, { json }))
        assert.strictEqual(finished.code, 78)
      }
      const { out } = yield* Screen
      const [first] = out().split("\n")
      assert.deepInclude(JSON.parse(first ?? ""), { confirmationCode: null })
      assert.include(out(), "FAIL settings MAX_TRADE_SIZE")
    }).pipe(Effect.provide(world()))
  )

  it("sizes: too small for the exchange, unsellable after a fall, tight, fine", () => {
    const of = (maxTradeSize: string, change = {}) =>
      sizesCheck(instrument(change), quote(), limits({ maxTradeSize: usd(maxTradeSize) })).result
    assert.strictEqual(of("1"), "fail")
    assert.strictEqual(of("10"), "ok")
    assert.strictEqual(of("3"), "warn")
    assert.strictEqual(of("3.05", { minQuantity: q("1"), minCost: usd("3") }), "fail")
  })
})

describe("the checks of a trader that starts", () => {
  for (const [reason, kind, text] of [
    ["corrupt", "data", "cannot be used"],
    ["newer", "data", "cannot be used"],
    ["full", "store", "cannot be used"],
    // what the mock database says of its journal is not what a database of money must say
    [undefined, "data", "journal memory"]
  ] as const) {
    it.effect(`a database that ${reason ?? "keeps no log"} speaks against the ${kind}, and no lock is looked at`, () =>
      Effect.gen(function* () {
        if (reason !== undefined) yield* Effect.flatMap(MockStoreControl, (store) => store.failWith(reason))
        const refused = new StrategyRefused({ strategy: "x", problems: ["no such module"] })
        const checks = yield* checksOfStart(emptySnapshot, refused)
        const of = (subject: Check["subject"]) => checks.find((check) => check.subject === subject)
        assert.deepInclude(of("database"), { result: "fail", kind })
        assert.include(of("database")?.text, text)
        assert.deepInclude(of("strategy"), { result: "fail", kind: "settings" })
        assert.strictEqual(of("instance")?.result, "ok")
      }).pipe(Effect.provide(Layer.merge(mockWorld({ start: NOON, prefix }), Layer.succeed(DoctorFacts, healthy))))
    )
  }
})
