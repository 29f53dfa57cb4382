import { readdirSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Either, Exit, Fiber, Layer, Option } from "effect"
import * as Outbox from "../../../src/domain/alerts/Outbox.ts"
import { closed } from "../../../src/domain/breaker/BreakerState.ts"
import { full, tiers } from "../../../src/domain/kraken/RateBudget.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import { ExchangeOrderId, InstallationPrefix } from "../../../src/domain/order/Ids.ts"
import { conceal } from "../../../src/domain/strategy/Strategy.ts"
import { MockAlertOutboxControl } from "../../../src/layers/mock/MockAlertOutbox.ts"
import { MockBackupsControl } from "../../../src/layers/mock/MockBackups.ts"
import { MockBreakerControl } from "../../../src/layers/mock/MockBreaker.ts"
import { MockControlClientControl } from "../../../src/layers/mock/MockControlClient.ts"
import { MockControlServerControl } from "../../../src/layers/mock/MockControlServer.ts"
import { MockDoctorFactsControl } from "../../../src/layers/mock/MockDoctorFacts.ts"
import { MockEngineControl } from "../../../src/layers/mock/MockEngine.ts"
import { MockIncidentControl } from "../../../src/layers/mock/MockIncident.ts"
import { MockHeartbeatControl } from "../../../src/layers/mock/MockHeartbeat.ts"
import { mockLiveScreen, MockLiveScreenControl } from "../../../src/layers/mock/MockLiveScreen.ts"
import { MockLocalKrakenControl } from "../../../src/layers/mock/MockLocalKraken.ts"
import { MockMeasuresControl } from "../../../src/layers/mock/MockMeasures.ts"
import { MockOrderDeskControl } from "../../../src/layers/mock/MockOrderDesk.ts"
import { MockOutboxStoreControl } from "../../../src/layers/mock/MockOutboxStore.ts"
import { MockRateLimitsControl } from "../../../src/layers/mock/MockRateLimits.ts"
import { MockRiskControl } from "../../../src/layers/mock/MockRisk.ts"
import { mockServices } from "../../../src/layers/mock/mockServices.ts"
import { mockServiceManager, MockServiceManagerControl } from "../../../src/layers/mock/MockServiceManager.ts"
import { MockSimulatorControl } from "../../../src/layers/mock/MockSimulator.ts"
import { MockStopSignalControl } from "../../../src/layers/mock/MockStopSignal.ts"
import { MockStrategyLoaderControl } from "../../../src/layers/mock/MockStrategyLoader.ts"
import { mockTerminal, MockTerminalControl } from "../../../src/layers/mock/MockTerminal.ts"
import { MockTraderProcessControl } from "../../../src/layers/mock/MockTraderProcess.ts"
import { MockWriterControl } from "../../../src/layers/mock/MockWriter.ts"
import { AlertOutbox } from "../../../src/services/AlertOutbox.ts"
import { Backups } from "../../../src/services/Backups.ts"
import { Breaker } from "../../../src/services/Breaker.ts"
import { MarketClock } from "../../../src/services/Clock.ts"
import { ControlClient } from "../../../src/services/ControlClient.ts"
import type { ControlHandlers } from "../../../src/services/ControlServer.ts"
import { ControlServer, ControlUnavailable } from "../../../src/services/ControlServer.ts"
import { DoctorFacts } from "../../../src/services/DoctorFacts.ts"
import { Engine } from "../../../src/services/Engine.ts"
import { Frames } from "../../../src/services/Frames.ts"
import { Heartbeat } from "../../../src/services/Heartbeat.ts"
import { Incident } from "../../../src/services/Incident.ts"
import { Installation } from "../../../src/services/Installation.ts"
import { LiveScreen } from "../../../src/services/LiveScreen.ts"
import { LocalKraken } from "../../../src/services/LocalKraken.ts"
import { Measures } from "../../../src/services/Measures.ts"
import { OrderDesk } from "../../../src/services/OrderDesk.ts"
import { OutboxStore } from "../../../src/services/OutboxStore.ts"
import { BudgetExhausted, RateLimits } from "../../../src/services/RateLimits.ts"
import { Risk } from "../../../src/services/Risk.ts"
import { ServiceManager } from "../../../src/services/ServiceManager.ts"
import { Simulator, SimulatorFailed } from "../../../src/services/Simulator.ts"
import { StopSignal } from "../../../src/services/StopSignal.ts"
import { StrategyLoader } from "../../../src/services/StrategyLoader.ts"
import { Terminal } from "../../../src/services/Terminal.ts"
import { TraderProcess } from "../../../src/services/TraderProcess.ts"
import { Writer } from "../../../src/services/Writer.ts"
import { approve, entry, id, NOON, p, q, quote } from "../../support/build.ts"

const PREFIX = InstallationPrefix("kt")
const world = () => mockServices({ start: NOON, prefix: PREFIX, settings: { tier: "pro" } })

/** Every tag that a module of `src/services` exports. */
const tagsOf = (file: string): Promise<ReadonlyArray<Context.Tag<unknown, unknown>>> =>
  import(`../../../src/services/${file.slice(0, -3)}.ts`).then((module: Record<string, unknown>) =>
    Object.values(module).filter((value) => Context.isTag(value))
  )

describe("mockServices", () => {
  it.scoped("there is a mock of every service, also of one that is new", () =>
    Effect.gen(function* () {
      const files = readdirSync("src/services")
      const context = yield* Layer.build(world())
      const missing: Array<string> = []
      let found = 0
      for (const file of files) {
        const tags = yield* Effect.promise(() => tagsOf(file))
        assert.isNotEmpty(tags, `${file} has no service`)
        found += tags.length
        for (const tag of tags) if (Option.isNone(Context.getOption(context, tag))) missing.push(tag.key)
      }
      assert.isAtLeast(found, 33)
      assert.deepStrictEqual(missing, [], "write a layer in src/layers/mock and add it to mockServices")
    })
  )
})

describe("the parts inside a run", () => {
  it.effect("MockEngine keeps what it is told and answers as told", () =>
    Effect.gen(function* () {
      const engine = yield* Engine
      const control = yield* MockEngineControl
      const before = yield* engine.state
      assert.strictEqual(before.phase, "starting")
      assert.strictEqual(before.now, NOON)
      yield* engine.tell({ _tag: "Tick" })
      assert.isTrue(engine.offer({ _tag: "Started" }))
      engine.offerQuote(quote(), "stream")
      yield* engine.settled
      yield* control.setFull(true)
      assert.isFalse(engine.offer({ _tag: "PublicUp" }))
      const waiting = yield* Effect.fork(engine.tell({ _tag: "PublicUp" }))
      yield* Effect.yieldNow()
      assert.lengthOf(yield* control.told, 2)
      yield* control.setFull(false)
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(
        (yield* control.told).map(({ _tag }) => _tag),
        ["Tick", "Started", "PublicUp"]
      )
      assert.deepStrictEqual(yield* control.quotes, [{ quote: quote(), source: "stream" }])
      yield* control.setState({ ...before, phase: "running" })
      assert.strictEqual(engine.unsafeState().phase, "running")
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockEngine dies of a question that nobody answered", () =>
    Effect.gen(function* () {
      const engine = yield* Engine
      const control = yield* MockEngineControl
      const amend = engine.askAmend(id("kt1"), q("100"), p("0.1"))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(engine.askApproval(1))))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(amend)))
      const approved = approve()
      yield* control.setApproval((proposalId) =>
        proposalId === 1 ? Either.right(approved) : Either.left({ rule: "fresh", text: "no" } as never)
      )
      yield* control.setAmendVerdict((orderId) => Either.right({ order: entry({ id: orderId }), deadline: NOON + 1 }))
      assert.deepStrictEqual(yield* engine.askApproval(1), Either.right(approved))
      assert.isTrue(Either.isLeft(yield* engine.askApproval(2)))
      const verdict = yield* amend
      assert.strictEqual(Either.isRight(verdict) ? verdict.right.order.id : undefined, id("kt1"))
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockBreaker and MockRisk show what is set", () =>
    Effect.gen(function* () {
      const breaker = yield* Breaker
      const control = yield* MockBreakerControl
      yield* breaker.trip("operator", "by hand")
      yield* breaker.reset(undefined, "looked")
      yield* breaker.failed("api", "a time-out")
      yield* breaker.succeeded("api")
      assert.deepStrictEqual(yield* control.calls, [
        { name: "trip", args: ["operator", "by hand"] },
        { name: "reset", args: [undefined, "looked"] },
        { name: "failed", args: ["api", "a time-out"] },
        { name: "succeeded", args: ["api"] }
      ])
      assert.deepStrictEqual(yield* breaker.state, closed)
      yield* control.setState({ ...closed, failures: { api: 2 } })
      assert.deepStrictEqual((yield* breaker.state).failures, { api: 2 })
      const risk = yield* Risk
      assert.deepStrictEqual((yield* risk.report).stops, [])
      yield* Effect.flatMap(MockRiskControl, (c) => c.set({ stops: ["paused"], exposure: Money.usd("3") }))
      assert.deepInclude(yield* risk.report, { stops: ["paused"], exposure: Money.usd("3"), tradesToday: 0 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockOrderDesk and MockWriter keep what they take", () =>
    Effect.gen(function* () {
      const desk = yield* OrderDesk
      const hand = yield* MockOrderDeskControl
      const decision = { _tag: "CancelStray", exchangeId: ExchangeOrderId("O1"), reason: "test" } as const
      assert.isTrue(desk.take(decision))
      yield* hand.setFull(true)
      assert.isFalse(desk.take(decision))
      assert.deepStrictEqual(yield* hand.taken, [decision])
      assert.isTrue(yield* desk.idle(10))
      yield* hand.setIdle(false)
      assert.isFalse(yield* desk.idle(10))
      const running = yield* Effect.fork(Effect.flip(desk.run))
      yield* hand.refuse("no such key")
      assert.deepInclude(yield* Fiber.join(running), { _tag: "CredentialsRefused", text: "no such key" })

      const writer = yield* Writer
      const written = yield* MockWriterControl
      const batch = [{ _tag: "Note", key: "a", value: "1" }] as const
      writer.write(batch)
      assert.deepStrictEqual(yield* written.batches, [batch])
      assert.isTrue(yield* writer.drained(10))
      yield* written.setDrained(false)
      assert.isFalse(yield* writer.drained(10))
      const run = yield* Effect.fork(writer.run)
      yield* Effect.yieldNow()
      assert.isTrue(Option.isNone(yield* Fiber.poll(run)))
      yield* Fiber.interrupt(run)
    }).pipe(Effect.provide(world()))
  )
})

describe("around the exchange", () => {
  it.effect("MockRateLimits grants everything until it is used up", () =>
    Effect.gen(function* () {
      const limits = yield* RateLimits
      const control = yield* MockRateLimitsControl
      yield* limits.publicCall
      yield* limits.privateCall("read", "Balance")
      const reservation = yield* limits.reserve("entry", "XLM/USD", "add")
      yield* reservation.sent("O1")
      yield* reservation.release
      yield* limits.cancel({ id: "O1", pair: "XLM/USD" })
      yield* limits.cancel(undefined)
      yield* limits.observe({ scope: "private", kind: "rate limit" })
      yield* limits.openOrders(new Set(["O1"]), NOON)
      assert.deepStrictEqual(
        (yield* control.calls).map(({ _tag }) => _tag),
        ["Public", "Private", "Reserve", "Sent", "Release", "Cancel", "Cancel", "Observe", "OpenOrders"]
      )
      assert.isUndefined(yield* limits.quiet)
      const spent = new BudgetExhausted({ why: "lockout", retryAt: NOON + 1 })
      yield* control.exhaust(spent)
      assert.strictEqual(yield* Effect.flip(limits.publicCall), spent)
      assert.strictEqual(yield* Effect.flip(limits.privateCall("safety", "CancelAll")), spent)
      assert.strictEqual(yield* limits.quiet, spent)
      yield* control.exhaust(undefined)
      yield* limits.publicCall
      assert.strictEqual((yield* limits.state).rest.value, 0)
      const counters = full(tiers.starter, NOON)
      yield* control.setState(counters)
      assert.strictEqual(yield* limits.state, counters)
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockLocalKraken serves nobody, and shares the clock that is moved by hand", () =>
    Effect.gen(function* () {
      const kraken = yield* LocalKraken
      const control = yield* MockLocalKrakenControl
      const clock = yield* MarketClock
      yield* kraken.clock.advance(5)
      assert.strictEqual(yield* clock.now, NOON + 5)
      assert.strictEqual(yield* kraken.settle, NOON + 5)
      kraken.clock.unsafeHold()()
      yield* kraken.clock.pause
      assert.isTrue(yield* control.paused)
      yield* kraken.clock.resume
      assert.isFalse(yield* control.paused)
      const fault = { on: "rest", effect: { kind: "drop", executed: true } } as const
      const first = yield* kraken.faults.add(fault)
      const second = yield* kraken.faults.add(fault)
      yield* kraken.faults.clear(first)
      assert.deepStrictEqual(yield* kraken.faults.list, [{ id: second, struck: 0, fault }])
      yield* kraken.faults.clear()
      assert.deepStrictEqual(yield* kraken.faults.list, [])
      assert.isTrue(Exit.isFailure(yield* Effect.exit(kraken.operate("system", {}))))
      yield* control.answer("operate", Effect.succeed({ done: true }))
      assert.deepStrictEqual(yield* kraken.operate("deposit", { asset: "USD" }), { done: true })
      assert.deepStrictEqual(yield* control.callsOf("operate"), [
        ["system", {}],
        ["deposit", { asset: "USD" }]
      ])
      yield* kraken.feed([])
      assert.deepStrictEqual(yield* control.fed, [])
      yield* control.setView({ balances: new Map([["USD", 1n]]) })
      assert.deepInclude(yield* kraken.view, { now: NOON + 5, balances: new Map([["USD", 1n]]) })
    }).pipe(Effect.provide(world()))
  )
})

describe("around the trader", () => {
  it.effect("MockControlClient finds no trader until it has answers", () =>
    Effect.gen(function* () {
      const client = yield* ControlClient
      const control = yield* MockControlClientControl
      const { flatten, flattenProgress, pause, resume, status } = client
      const calls = [
        Effect.asVoid(status),
        Effect.asVoid(pause),
        Effect.asVoid(resume),
        Effect.asVoid(flatten),
        Effect.asVoid(flattenProgress),
        Effect.asVoid(client.stop("x")),
        Effect.asVoid(client.cancel({ _tag: "Own" })),
        Effect.asVoid(client.trip("operator", "x")),
        Effect.asVoid(client.reset(undefined, "x"))
      ]
      for (const call of calls) assert.strictEqual((yield* Effect.flip(call))._tag, "NotReachable")
      assert.lengthOf(yield* control.calls, calls.length)
      yield* control.answer("pause", Effect.succeed({ paused: true, durable: false }))
      yield* control.answer("pause", Effect.succeed({ paused: true, durable: true }))
      yield* control.always("status", Effect.succeed({ state: "trading" }))
      assert.isFalse((yield* pause).durable)
      assert.isTrue((yield* pause).durable)
      yield* Effect.flip(pause)
      assert.deepStrictEqual(yield* status, { state: "trading" })
      assert.deepStrictEqual(yield* status, { state: "trading" })
      assert.deepStrictEqual(yield* control.callsOf("cancel"), [[{ _tag: "Own" }]])
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockControlServer hands its handlers to the test", () =>
    Effect.gen(function* () {
      const server = yield* ControlServer
      const control = yield* MockControlServerControl
      const none = Effect.dieMessage("not asked")
      const handlers: ControlHandlers = {
        status: Effect.succeed({ state: "trading" }),
        metrics: Effect.succeed([]),
        stop: () => none,
        pause: none,
        resume: none,
        cancel: () => none,
        flatten: none,
        flattenProgress: none,
        frames: Effect.succeed([]),
        trip: () => none,
        reset: () => none
      }
      assert.isFalse(yield* control.serving)
      const asked = yield* Effect.fork(control.handlers)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { port } = yield* server.serve(handlers)
          assert.strictEqual(port, 9)
          assert.isTrue(yield* control.serving)
          assert.strictEqual(yield* Fiber.join(asked), handlers)
        })
      )
      assert.isFalse(yield* control.serving)
      const taken = new ControlUnavailable({ what: "port", detail: "taken" })
      yield* control.failWith(taken)
      assert.strictEqual(yield* Effect.flip(Effect.scoped(server.serve(handlers))), taken)
      assert.strictEqual(server.identity.mode, "paper")
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockSimulator answers as told", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const control = yield* MockSimulatorControl
      const job = { _tag: "Seed", seed: 1, lengthMs: 1000 } as const
      const silent = () => Effect.void
      assert.deepStrictEqual(yield* simulator.scenarios, [])
      assert.strictEqual(yield* simulator.fingerprint(["a"]), "mock")
      assert.deepStrictEqual(yield* simulator.usage, { cpuMs: 0, rssBytes: 0 })
      const questions: ReadonlyArray<Effect.Effect<unknown, SimulatorFailed>> = [
        simulator.run(job, silent),
        simulator.shrink(job, {} as never, silent),
        simulator.effects("calm"),
        simulator.exhaust({ scenario: "calm", first: 1, last: 2 }, silent),
        simulator.tell("{}")
      ]
      for (const question of questions) assert.isTrue(Exit.isFailure(yield* Effect.exit(question)))
      const failed = new SimulatorFailed({ reason: "plan", text: "no plan" })
      yield* control.always("effects", Effect.fail(failed))
      assert.strictEqual(yield* Effect.flip(simulator.effects("calm")), failed)
      assert.deepStrictEqual(yield* control.callsOf("effects"), [["calm"], ["calm"]])
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockTerminal keeps what is printed, and answers questions", () =>
    Effect.gen(function* () {
      const terminal = yield* Terminal
      const control = yield* MockTerminalControl
      yield* terminal.print("a")
      yield* terminal.printError("b")
      yield* control.type("yes")
      assert.strictEqual(yield* terminal.ask?.("sure?") ?? Effect.succeed("nobody"), "yes")
      assert.strictEqual(yield* terminal.ask?.("still?") ?? Effect.succeed("nobody"), "")
      yield* terminal.progress?.("1 %") ?? Effect.void
      assert.deepStrictEqual(yield* control.printed, ["a"])
      assert.deepStrictEqual(yield* control.errors, ["b", "sure?", "still?"])
      assert.deepStrictEqual(yield* control.progress, ["1 %"])
      const pipe = yield* Effect.provide(Terminal, mockTerminal())
      assert.deepInclude(pipe, { colors: false, columns: 100, progress: undefined })
      assert.isUndefined(pipe.ask)
    }).pipe(Effect.provide(mockTerminal({ attended: true, colors: true, columns: 80 })))
  )

  it.effect("MockLiveScreen keeps the frames", () =>
    Effect.gen(function* () {
      const screen = yield* LiveScreen
      const control = yield* MockLiveScreenControl
      yield* Effect.scoped(
        Effect.gen(function* () {
          const draw = yield* screen.open
          assert.isTrue(yield* control.taken)
          yield* draw(["a"])
          yield* draw(["b"])
        })
      )
      assert.isFalse(yield* control.taken)
      assert.deepStrictEqual(yield* control.frames, [["a"], ["b"]])
      assert.deepStrictEqual(yield* screen.size, { columns: 80, rows: 24 })
      yield* control.resize({ columns: 40, rows: 10 })
      assert.deepStrictEqual(yield* screen.size, { columns: 40, rows: 10 })
      assert.isTrue(screen.available)
      assert.isFalse((yield* Effect.provide(LiveScreen, mockLiveScreen({ available: false }))).available)
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockStopSignal: the first reason counts", () =>
    Effect.gen(function* () {
      const stop = yield* StopSignal
      const control = yield* MockStopSignalControl
      const waiting = yield* Effect.fork(stop.requested)
      yield* stop.request("first")
      yield* stop.request("second")
      assert.strictEqual(yield* Fiber.join(waiting), "first")
      assert.deepStrictEqual(yield* control.requests, ["first", "second"])
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockFrames keeps what is recorded, MockIncident what is archived", () =>
    Effect.gen(function* () {
      const frames = yield* Frames
      frames.record("public", "{}")
      assert.deepInclude((yield* frames.recent)[0], { stream: "public", text: "{}" })
      const parts = yield* Incident
      const control = yield* MockIncidentControl
      assert.deepStrictEqual([yield* parts.log(1), yield* parts.journal(1)], ["", ""])
      assert.deepStrictEqual(yield* parts.versions, {})
      assert.strictEqual((yield* parts.archive("x.tar.gz", [])).bytes, 0)
      assert.deepStrictEqual(yield* control.callsOf("archive"), [["x.tar.gz", []]])
      const { frames: ofTrader } = yield* ControlClient
      assert.isTrue(Exit.isFailure(yield* Effect.exit(ofTrader)))
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockBackups has no copy, and MockOutboxStore keeps what is saved", () =>
    Effect.gen(function* () {
      const backups = yield* Backups
      const control = yield* MockBackupsControl
      yield* backups.prepare("a.db")
      assert.isUndefined(yield* backups.binding)
      assert.strictEqual((yield* Effect.flip(backups.inspect("a.db")))._tag, "BackupRefused")
      assert.strictEqual((yield* Effect.flip(backups.rehearse("a.db")))._tag, "BackupRefused")
      yield* control.always("putBack", Effect.succeed({ aside: undefined }))
      assert.deepStrictEqual(yield* backups.putBack("a.db", {} as never), { aside: undefined })
      assert.deepStrictEqual(
        (yield* control.calls).map(({ name }) => name),
        ["prepare", "binding", "inspect", "rehearse", "putBack"]
      )

      const store = yield* OutboxStore
      const shelf = yield* MockOutboxStoreControl
      assert.strictEqual(yield* store.load, Outbox.empty)
      const left = { ...Outbox.empty }
      yield* shelf.set(left)
      assert.strictEqual(yield* store.load, left)
      yield* store.save(Outbox.empty)
      assert.strictEqual(yield* store.load, Outbox.empty)
      assert.deepStrictEqual(yield* shelf.saved, [Outbox.empty])
      yield* shelf.failWith("full")
      assert.deepInclude(yield* Effect.flip(store.save(left)), { reason: "full", operation: "save" })
      yield* shelf.failWith(undefined)
      yield* store.load
    }).pipe(Effect.provide(world()))
  )

  it.effect("MockMeasures and mockServiceManager", () =>
    Effect.gen(function* () {
      const measures = yield* Measures
      const sample = { name: "a", help: "b", type: "gauge", value: 1 } as const
      assert.deepStrictEqual(yield* measures.samples, [])
      yield* Effect.flatMap(MockMeasuresControl, (control) => control.set([sample]))
      assert.deepStrictEqual(yield* measures.samples, [sample])

      const manager = yield* ServiceManager
      const seen = yield* MockServiceManagerControl
      assert.isUndefined(manager.watchdogMs)
      assert.isFalse(yield* seen.ready)
      yield* manager.ready
      yield* manager.alive
      assert.isTrue(yield* seen.ready)
      assert.strictEqual(yield* seen.signs, 1)
      assert.strictEqual((yield* Effect.provide(ServiceManager, mockServiceManager(500))).watchdogMs, 500)
    }).pipe(Effect.provide(world()))
  )

  it.effect("the small ones", () =>
    Effect.gen(function* () {
      const outbox = yield* AlertOutbox
      assert.isUndefined(yield* outbox.health)
      const health = { waiting: 1, delivered: 2, failed: 0, dropped: 0, held: 0, durable: true }
      yield* Effect.flatMap(MockAlertOutboxControl, (control) => control.setHealth(health))
      assert.strictEqual(yield* outbox.health, health)

      const facts = yield* DoctorFacts
      yield* Effect.flatMap(MockDoctorFactsControl, (control) => control.set({ webhook: { problem: "404" } }))
      assert.deepStrictEqual(yield* facts.webhook, { problem: "404" })
      assert.isTrue((yield* facts.folder).exists)
      assert.isFalse((yield* facts.envFile).gitWouldTakeIt)
      assert.isUndefined(yield* facts.logProblem)
      assert.isUndefined(yield* facts.newestBackup)

      const heart = yield* MockHeartbeatControl
      const beat = yield* Effect.fork(Effect.flatMap(Heartbeat, ({ run }) => run(Effect.succeed(true))))
      yield* Effect.yieldNow()
      yield* Effect.yieldNow()
      assert.isTrue(yield* heart.beating)
      yield* Fiber.interrupt(beat)
      assert.isFalse(yield* heart.beating)

      assert.deepStrictEqual(yield* Installation, { prefix: PREFIX, keyFingerprint: "mock" })

      const loader = yield* StrategyLoader
      const shelf = yield* MockStrategyLoaderControl
      const still = conceal<null>({
        name: "still",
        intervalMinutes: 1,
        warmUpCandles: 0,
        initial: null,
        warmUp: (state) => state,
        step: (state) => ({ _tag: "Unready", state, why: "never" })
      })
      assert.deepInclude(yield* Effect.flip(loader.load("still", {})), { _tag: "StrategyRefused", strategy: "still" })
      yield* shelf.add("still", still)
      assert.strictEqual(yield* loader.load("still", { a: 1 }), still)
      assert.deepStrictEqual(yield* shelf.loads, [
        { name: "still", params: {} },
        { name: "still", params: { a: 1 } }
      ])

      const trader = yield* TraderProcess
      const holder = yield* MockTraderProcessControl
      assert.strictEqual((yield* Effect.flip(trader.end))._tag, "CannotEnd")
      yield* holder.setHolder(7)
      assert.strictEqual(yield* trader.end, 7)
      assert.deepStrictEqual(yield* holder.ended, [7])
    }).pipe(Effect.provide(world()))
  )
})
