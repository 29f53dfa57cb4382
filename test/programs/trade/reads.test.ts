import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, TestClock } from "effect"
import { KrakenNotSent, KrakenTransportError } from "../../../src/domain/kraken/KrakenError.ts"
import type { KrakenError } from "../../../src/domain/kraken/KrakenError.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { makeReadDesk } from "../../../src/programs/trade/reads.ts"
import type { ReadDecision } from "../../../src/programs/trade/reads.ts"
import { fill, id, instrument, lot, NOON, p, q, quote, status, usd, XLM } from "../../support/build.ts"
import { Rig, showQuantity } from "../../domain/engine/Rig.ts"
import { badKey, inWorld, rest, resting, timedOut, unknownOrder, until } from "../desk/support.ts"
import type { Bench } from "../desk/support.ts"

/** A desk that runs, and a way to ask it and wait for what it does. */
const asking = Effect.gen(function* () {
  const desk = yield* makeReadDesk
  const run = yield* Effect.forkScoped(desk.run)
  return {
    desk,
    run,
    ask: (decision: ReadDecision) =>
      Effect.zipRight(
        Effect.sync(() => assert.isTrue(desk.take(decision))),
        rest
      )
  }
})

const state = (b: Bench) => Effect.map(b.d.engine.settled, () => b.d.engine.unsafeState())

describe("what folds ask for", () => {
  it.scoped("I14: a quote that confirms, one that is not sound, and one that cannot be read", () => {
    const rig = new Rig().ready()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const { ask } = yield* asking
        yield* b.clock.advance(20_000)
        yield* b.rest.answer(
          "ticker",
          Effect.succeed({ quote: quote("0.1", "0.1001", rig.now + 20_000), last: p("0.1") })
        )
        yield* ask({ _tag: "FetchQuote", symbol: XLM })
        assert.strictEqual((yield* state(b)).pairs.get(XLM)?.confirmedAt, rig.now + 20_000)
        yield* b.clock.advance(20_000)
        yield* b.rest.answer("ticker", Effect.succeed({ quote: undefined, last: p("0.1") }))
        yield* ask({ _tag: "FetchQuote", symbol: XLM })
        assert.match((yield* state(b)).breaker.latches.stale?.reason ?? "", /not sound/)
        yield* b.rest.answer("ticker", Effect.fail(timedOut()))
        yield* ask({ _tag: "FetchQuote", symbol: XLM })
        assert.match((yield* state(b)).breaker.latches.stale?.reason ?? "", /no answer/)
      })
    )
  })

  it.scoped("candles warm the strategy up; without them it stays as it is", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        const { ask } = yield* asking
        yield* b.rest.answer("ohlc", Effect.fail(timedOut()))
        yield* ask({ _tag: "FetchCandles", symbol: XLM })
        assert.isFalse((yield* state(b)).pairs.get(XLM)?.warm)
        yield* b.rest.answer(
          "ohlc",
          Effect.succeed([{ at: NOON - 60_000, open: 0.1, high: 0.1, low: 0.1, close: 0.1, volume: 1 }])
        )
        yield* ask({ _tag: "FetchCandles", symbol: XLM })
        assert.isTrue((yield* state(b)).pairs.get(XLM)?.warm)
        assert.deepEqual(yield* b.rest.callsOf("ohlc"), [
          [XLM, 1],
          [XLM, 1]
        ])
      })
    )
  )

  it.scoped("I10: balances are named as the stream names them; assets and wallets that no pair has are left out", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        const { ask } = yield* asking
        const asset = (assetId: string, balance: string) => ({
          assetId,
          balance: q(balance),
          hold: q("0"),
          available: q(balance)
        })
        yield* b.rest.answer("balanceEx", Effect.fail(timedOut()))
        yield* ask({ _tag: "FetchBalances" })
        assert.isUndefined((yield* state(b)).balances)
        yield* b.rest.answer(
          "balanceEx",
          Effect.succeed([asset("ZUSD", "100"), asset("XXLM", "7"), asset("XLM.F", "9"), asset("XXDG", "1")])
        )
        yield* ask({ _tag: "FetchBalances" })
        assert.deepEqual([...((yield* state(b)).balances?.total ?? [])], [
          ["USD", usd("100")],
          ["XLM", q("7")]
        ] as never)
      })
    )
  )

  it.scoped("I10: the ledger is read to its end, page after page, and moves of other assets are nothing", () => {
    const rig = new Rig().ready("100")
    const last = { at: NOON, total: usd("90") }
    rig.state = {
      ...rig.state,
      differences: new Map([["USD", { amount: -usd("10"), at: NOON, last, confirmed: true }]])
    }
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const { ask } = yield* asking
        const move = (assetId: string, amount: bigint) => ({
          ledgerId: "L",
          refId: "R",
          type: "withdrawal",
          assetId,
          amount,
          fee: 0n,
          balance: usd("90"),
          at: rig.now
        })
        yield* b.rest.answer("ledgers", Effect.fail(timedOut()))
        yield* ask({ _tag: "FetchLedger", since: NOON })
        assert.strictEqual((yield* state(b)).differences.size, 1)
        yield* b.rest.answer("ledgers", Effect.succeed({ entries: [move("XXDG", -usd("1"))], count: 2 }))
        yield* b.rest.answer("ledgers", Effect.succeed({ entries: [move("ZUSD", -usd("10"))], count: 2 }))
        yield* ask({ _tag: "FetchLedger", since: NOON })
        assert.strictEqual((yield* state(b)).differences.size, 0)
        assert.isUndefined((yield* state(b)).breaker.latches.balance)
        assert.deepEqual(
          (yield* b.rest.callsOf("ledgers")).map(([query]) => (query as { offset: number }).offset),
          [0, 0, 1]
        )
        yield* b.rest.always("ledgers", Effect.succeed({ entries: [move("XXDG", 1n)], count: 5000 }))
        yield* ask({ _tag: "FetchLedger", since: NOON })
        assert.strictEqual((yield* b.rest.callsOf("ledgers")).length, 13)
      })
    )
  })

  it.scoped(
    "I10: executions that the records know are own ones; where they cannot be asked, nothing is concluded",
    () => {
      const rig = new Rig().ready("100")
      const last = { at: NOON, total: usd("150.2") }
      rig.state = {
        ...rig.state,
        differences: new Map([["USD", { amount: usd("50"), at: NOON, last, confirmed: true }]])
      }
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          const { ask } = yield* asking
          const sale = fill("TOLD", "2", { side: "sell", price: p("0.1") })
          const booked = { fill: sale, orderId: id("kt1-old"), ledgerUsd: usd("0.2"), rounding: usd("0") }
          yield* b.d.store.commit([{ _tag: "Fill", booked }])
          const move = (refId: string, amount: string, balance: string, at: number) => ({
            ledgerId: `L${refId}`,
            refId,
            type: refId === "TOLD" ? "trade" : "deposit",
            assetId: "ZUSD",
            amount: usd(amount),
            fee: 0n,
            balance: usd(balance),
            at
          })
          const entries = [move("R", "50", "150.2", rig.now + 2), move("TOLD", "0.2", "100.2", rig.now + 1)]
          yield* b.rest.always("ledgers", Effect.succeed({ entries, count: 2 }))
          yield* b.store.failWith("io")
          yield* ask({ _tag: "FetchLedger", since: NOON })
          assert.strictEqual((yield* state(b)).differences.size, 1)
          assert.isUndefined((yield* state(b)).breaker.latches.balance)
          yield* b.store.failWith(undefined)
          yield* ask({ _tag: "FetchLedger", since: NOON })
          assert.strictEqual((yield* state(b)).differences.size, 0)
          assert.isUndefined((yield* state(b)).breaker.latches.balance)
          assert.strictEqual((yield* state(b)).foreign.get("USD"), usd("150"))
        })
      )
    }
  )

  it.scoped("I6: the price at midnight: the candle that contains it, else the close before, else none", () => {
    const midnight = NOON - 12 * 3_600_000
    const bar = (at: number, open: number, close: number) => ({ at, open, high: 1, low: 0.01, close, volume: 1 })
    const held = () => {
      const sold = lot({ id: id("kt1-b"), remaining: q("0") })
      const rig = new Rig({ snapshot: { lots: [lot({ id: id("kt1-a") }), sold] } })
      return rig
    }
    const marked = (
      answer: Effect.Effect<ReadonlyArray<ReturnType<typeof bar>>, KrakenError>,
      check: (b: Bench) => void
    ) =>
      inWorld(held(), (b) =>
        Effect.gen(function* () {
          const { ask } = yield* asking
          yield* b.rest.answer("ohlc", answer)
          yield* ask({ _tag: "FetchDayMark", day: "2024-03-10" })
          yield* b.d.engine.settled
          check(b)
          assert.strictEqual((yield* b.rest.callsOf("ohlc")).length, 1)
        })
      )
    const loss = (b: Bench) => b.d.engine.unsafeState().dayMark?.equity
    return Effect.gen(function* () {
      yield* marked(Effect.succeed([bar(midnight - 3_600_000, 0.3, 0.2), bar(midnight, 0.11, 0.5)]), (b) =>
        assert.strictEqual(loss(b), usd("0.975"))
      )
      yield* marked(Effect.succeed([bar(midnight - 7_200_000, 0.3, 0.11)]), (b) =>
        assert.strictEqual(loss(b), usd("0.975"))
      )
      yield* marked(Effect.succeed([bar(midnight + 3_600_000, 0.3, 0.11)]), (b) => assert.isUndefined(loss(b)))
      yield* marked(Effect.succeed([bar(midnight, Number.NaN, 0.11)]), (b) => assert.isUndefined(loss(b)))
      yield* marked(Effect.fail(timedOut()), (b) => assert.isUndefined(loss(b)))
    })
  })

  it.scoped("probes: a read for the API, a test order for orders, which without a quote has no success", () => {
    const rig = new Rig({ limits: { breakerCooldown: 0 } })
    for (const cause of ["api", "orders"] as const) rig.send({ _tag: "Tripped", cause, reason: "test" })
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const { ask } = yield* asking
        const latched = Effect.map(state(b), (s) => Object.keys(s.breaker.latches))
        yield* b.rest.answer("openOrders", Effect.fail(timedOut()))
        yield* ask({ _tag: "Probe", cause: "api" })
        assert.deepEqual(yield* latched, ["api", "orders"])
        yield* ask({ _tag: "Probe", cause: "api" })
        assert.deepEqual(yield* latched, ["orders"])
        yield* ask({ _tag: "Probe", cause: "orders" })
        assert.deepEqual(yield* latched, ["orders"])
        b.d.engine.offerQuote(quote(), "stream")
        yield* b.rest.answer("validateOrder", Effect.succeed(undefined))
        yield* b.d.engine.settled
        yield* ask({ _tag: "Probe", cause: "orders" })
        assert.deepEqual(yield* latched, [])
        const [[request]] = (yield* b.rest.callsOf("validateOrder")) as [[Record<string, unknown>]]
        assert.deepEqual(
          [request["side"], request["quantity"], request["limitPrice"], request["postOnly"]],
          ["buy", q("20"), p("0.1"), true]
        )
      })
    )
  })

  it.scoped("asked twice at once it reads once; a full queue says so", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        const { desk, ask } = yield* asking
        const gate = yield* Deferred.make<never, KrakenError>()
        yield* b.rest.always("balanceEx", Deferred.await(gate))
        yield* ask({ _tag: "FetchBalances" })
        yield* ask({ _tag: "FetchBalances" })
        assert.strictEqual((yield* b.rest.callsOf("balanceEx")).length, 1)
        let taken = 0
        while (desk.take({ _tag: "FetchBalances" })) taken += 1
        assert.isAtLeast(taken, 1023)
      })
    )
  )

  it.scoped("failures of the API count, business refusals and overtaken reads do not, a success forgets them", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        const { ask } = yield* asking
        const after = (error: KrakenError) =>
          Effect.gen(function* () {
            yield* b.rest.answer("balanceEx", Effect.fail(error))
            yield* ask({ _tag: "FetchBalances" })
            return (yield* state(b)).breaker.failures.api ?? 0
          })
        const transport = (reason: KrakenTransportError["reason"]) =>
          new KrakenTransportError({ endpoint: "B", reason, detail: "x", executed: "unknown" })
        assert.strictEqual(yield* after(transport("overtaken")), 0)
        assert.strictEqual(yield* after(unknownOrder), 0)
        assert.strictEqual(yield* after(new KrakenNotSent({ endpoint: "B", why: "lockout", detail: "x" })), 0)
        assert.strictEqual(yield* after(transport("http")), 1)
        assert.strictEqual(yield* after(timedOut()), 2)
        yield* ask({ _tag: "FetchBalances" })
        assert.isUndefined((yield* state(b)).breaker.failures.api)
      })
    )
  )

  it.scoped("a refused key, or a job that dies, ends the desk and with it the program", () =>
    Effect.gen(function* () {
      for (const [answer, isEnd] of [
        [Effect.fail(badKey), Cause.isFailType],
        [Effect.die("a bug"), Cause.isDie]
      ] as const) {
        yield* inWorld(new Rig(), (b) =>
          Effect.gen(function* () {
            const { ask, run } = yield* asking
            yield* b.rest.answer("balanceEx", answer)
            yield* ask({ _tag: "FetchBalances" })
            const end = yield* Fiber.await(run)
            assert.isTrue(Exit.isFailure(end) && isEnd(end.cause as Cause.Cause<never>))
          })
        )
      }
    })
  )
})

describe("reconciliation (I10, I20)", () => {
  const start = { _tag: "Reconcile", reason: "start" } as const

  it.scoped("books missed executions oldest first, reads balances and rules, and only then lifts its gate", () => {
    const { rig, order } = resting()
    rig.send({ _tag: "ReconcileStarted", reason: "start" })
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const { ask } = yield* asking
        const first = fill("T1", "30", {
          clientId: order.id,
          exchangeId: ExchangeOrderId("O1"),
          at: rig.now - 20,
          source: "rest"
        })
        const second = fill("T2", showQuantity({ ...order, bookedQuantity: q("30") }), {
          clientId: order.id,
          exchangeId: ExchangeOrderId("O1"),
          at: rig.now - 10,
          source: "rest"
        })
        yield* b.rest.answer("tradesHistory", Effect.succeed({ fills: [second, first], count: 2 }))
        yield* b.rest.answer("instruments", Effect.succeed([instrument({ minQuantity: q("33") })]))
        yield* ask(start)
        yield* until(() => !b.d.engine.unsafeState().reconciling.has("start"))
        assert.deepEqual(b.order(order.id).executions as ReadonlyArray<string>, ["T1", "T2"])
        assert.strictEqual((yield* state(b)).pairs.get(XLM)?.instrument.minQuantity, q("33"))
        const asked = (yield* b.rest.calls).map((call) => call.endpoint)
        assert.deepEqual(asked, ["openOrders", "tradesHistory", "balanceEx", "instruments"])
        const [[query]] = (yield* b.rest.callsOf("tradesHistory")) as [[{ start: number }]]
        assert.isAtMost(query.start, rig.now - 3_600_000)
      })
    )
  })

  it.scoped("executions are read back to the oldest order that is not ended", () => {
    const { rig, order } = resting()
    const old = { ...order, createdAt: rig.now - 10 * 3_600_000 }
    rig.state = { ...rig.state, orders: new Map([[old.id, old]]) }
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const { ask } = yield* asking
        yield* ask(start)
        const [[query]] = (yield* b.rest.callsOf("tradesHistory")) as [[{ start: number }]]
        assert.strictEqual(query.start, old.createdAt - 60_000)
      })
    )
  })

  it.scoped("is tried for ever, with pauses, and holds its gate until it succeeded", () => {
    const rig = new Rig().ready().send({ _tag: "ReconcileStarted", reason: "start" })
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const { ask } = yield* asking
        yield* b.rest.answer("openOrders", Effect.fail(timedOut()))
        yield* b.rest.answer("openOrders", Effect.fail(timedOut()))
        yield* b.rest.answer("instruments", Effect.fail(timedOut()))
        yield* ask(start)
        assert.isTrue((yield* state(b)).reconciling.has("start"))
        yield* TestClock.adjust("1 minute")
        yield* until(() => b.d.engine.unsafeState().reconciling.size === 0)
        assert.strictEqual((yield* b.rest.callsOf("openOrders")).length, 3)
      })
    )
  })

  it.scoped("asked for again while it runs, it begins anew: what began before a gap proves nothing after it", () => {
    const rig = new Rig().ready().send({ _tag: "ReconcileStarted", reason: "start" })
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const { ask, run } = yield* asking
        const gate = yield* Deferred.make<void>()
        yield* b.rest.answer("openOrders", Effect.as(Deferred.await(gate), []))
        yield* ask(start)
        yield* ask(start)
        yield* Deferred.succeed(gate, undefined)
        yield* until(() => b.d.engine.unsafeState().reconciling.size === 0)
        assert.strictEqual((yield* b.rest.callsOf("openOrders")).length, 2)
        assert.strictEqual((yield* b.rest.callsOf("balanceEx")).length, 1)
        assert.strictEqual((yield* b.journal.entriesOf("event.ReconcileDone")).length, 1)
        assert.isNull(run.unsafePoll())
      })
    )
  })

  it.scoped(
    "does not end while a report is unnamed or an ended order lacks executions: it waits, and reads again",
    () => {
      const rig = new Rig().ready()
      rig.send({ _tag: "ReconcileStarted", reason: "start" })
      rig.send({ _tag: "ReportsSeen", reports: [status({ exchangeId: ExchangeOrderId("OWHO") })] })
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          const { ask } = yield* asking
          yield* ask(start)
          for (let n = 0; n < 13; n++) {
            yield* TestClock.adjust("1 second")
            yield* rest
          }
          assert.isTrue((yield* state(b)).reconciling.has("start"))
          assert.isAtLeast((yield* b.rest.callsOf("openOrders")).length, 2)
          yield* b.d.engine.tell({
            _tag: "Identified",
            exchangeId: ExchangeOrderId("OWHO"),
            clientId: undefined,
            found: true
          })
          yield* TestClock.adjust("1 second")
          yield* until(() => b.d.engine.unsafeState().reconciling.size === 0)
        })
      )
    }
  )

  it.scoped(
    "the periodic one: an execution that REST tells of long after it happened shows that the stream is mute",
    () => {
      const { rig, order } = resting()
      rig.after(60_000)
      return inWorld(rig, (b) =>
        Effect.gen(function* () {
          const { desk } = yield* asking
          yield* desk.reconcile(undefined)
          assert.deepEqual(yield* b.stream.resyncs, [])
          const missed = fill("T1", "30", {
            clientId: order.id,
            exchangeId: ExchangeOrderId("O1"),
            at: rig.now - 20_000,
            source: "rest"
          })
          const told = (at: number, source: "rest" | "stream") =>
            b.rest.answer(
              "balanceEx",
              Effect.zipRight(
                b.d.engine.tell({
                  _tag: "ReportsSeen",
                  reports: [{ ...missed, executionId: `T${at}` as never, at, source }]
                }),
                Effect.succeed([])
              )
            )
          yield* told(rig.now - 1000, "rest")
          yield* desk.reconcile(undefined)
          yield* told(rig.now - 21_000, "stream")
          yield* desk.reconcile(undefined)
          assert.deepEqual(yield* b.stream.resyncs, [])
          yield* told(rig.now - 20_000, "rest")
          yield* desk.reconcile(undefined)
          assert.strictEqual((yield* b.stream.resyncs).length, 1)
          yield* desk.reconcile(undefined)
          assert.strictEqual((yield* b.stream.resyncs).length, 1)
          assert.deepEqual(yield* b.rest.callsOf("tradesHistory"), [])
        })
      )
    }
  )

  it.scoped("an order of ours that the exchange lists is confirmed as of when the read began", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const { desk } = yield* asking
        yield* b.rest.answer(
          "openOrders",
          Effect.succeed([
            {
              report: status({ source: "rest", exchangeId: ExchangeOrderId("O1"), clientId: order.id, at: 1 }),
              tradeIds: [],
              orderType: "limit"
            }
          ])
        )
        yield* desk.reconcile(undefined)
        yield* b.d.engine.settled
        assert.strictEqual(b.order(order.id).updatedAt, rig.now)
        assert.deepEqual(b.of("FetchOrder"), [])
      })
    )
  })
})
