import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Fiber } from "effect"
import { BreakerPort, RiskPort, stopsOf } from "../../../src/programs/trade/engine.ts"
import { Breaker } from "../../../src/services/Breaker.ts"
import { Risk } from "../../../src/services/Risk.ts"
import { instrument, quote, usd, XLM } from "../../support/build.ts"
import { Rig } from "../../domain/engine/Rig.ts"
import { inWorld, proposing, resting } from "../desk/support.ts"
import { BTC } from "../../support/build.ts"

describe("the engine fiber", () => {
  it.scoped("folds in order of arrival, stamps with market time, and settles behind what was queued", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* b.clock.advance(5000)
        yield* b.d.engine.tell({ _tag: "Started" })
        assert.isTrue(b.d.engine.offer({ _tag: "Stopping", reason: "test" }))
        assert.strictEqual(b.d.engine.unsafeState().phase, "starting")
        yield* b.d.engine.settled
        const state = yield* b.d.engine.state
        assert.strictEqual(state.phase, "stopping")
        assert.strictEqual(state.now, new Rig().now + 5000)
        const kinds = (yield* b.journal.entries).map((entry) => entry.kind)
        assert.isBelow(kinds.indexOf("event.Started"), kinds.indexOf("event.Stopping"))
        assert.notInclude(kinds, "decision.Log")
      })
    )
  )

  it.scoped("quotes are conflated: a slow reader sees the newest of each pair, never a backlog", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        const seen = b.d.engine.unsafeState().now
        for (let n = 1; n <= 100; n++) b.d.engine.offerQuote(quote("0.1", "0.1001", seen + n), "stream")
        yield* b.d.engine.settled
        assert.strictEqual(b.d.engine.unsafeState().pairs.get(XLM)?.quote?.at, seen + 100)
        // quotes and ticks are not journalled: they would drown the rest
        assert.deepEqual(yield* b.journal.entriesOf("event.QuoteSeen"), [])
        b.d.engine.offerQuote(quote("0.1", "0.1001", seen + 200), "rest")
        yield* b.d.engine.settled
        assert.strictEqual(b.d.engine.unsafeState().pairs.get(XLM)?.quote?.at, seen + 200)
      })
    )
  )

  it.scoped("a full queue (16,384) says so; a quote that finds it full is not lost for good", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        let taken = 0
        while (b.d.engine.offer({ _tag: "Tick" })) taken += 1
        assert.isAtLeast(taken, 16_384 - 1)
        const { now } = b.d.engine.unsafeState()
        b.d.engine.offerQuote(quote("0.1", "0.1001", now + 1), "stream")
        yield* b.d.engine.settled
        b.d.engine.offerQuote(quote("0.1", "0.1001", now + 2), "stream")
        yield* b.d.engine.settled
        assert.strictEqual(b.d.engine.unsafeState().pairs.get(XLM)?.quote?.at, now + 2)
      })
    )
  )

  it.scoped("I4: an approval is reserved in the fold that gave it; a second question is refused", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const { proposalId } = rig.proposal()
        const first = yield* b.d.engine.askApproval(proposalId)
        assert.isTrue(Either.isRight(first))
        assert.strictEqual(b.d.engine.unsafeState().orders.size, 1)
        assert.isTrue(Either.isLeft(yield* b.d.engine.askApproval(proposalId)))
        assert.deepEqual(b.of("Verdict"), [])
      })
    )
  })

  it.scoped("answers an amend's question, and shrugs at answers that nobody waits for", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const verdict = yield* b.d.engine.askAmend(order.id, order.quantity, order.limitPrice)
        assert.isTrue(Either.isRight(verdict))
        yield* b.d.engine.tell({ _tag: "ApprovalAsked", proposalId: 12_345 })
        yield* b.d.engine.tell({
          _tag: "AmendAsked",
          orderId: order.id,
          quantity: order.quantity,
          limitPrice: order.limitPrice
        })
        yield* b.d.engine.settled
        assert.strictEqual(b.order(order.id).amend?.state, "inFlight")
      })
    )
  })

  it.scoped("a question given up before its answer leaves nothing hanging", () => {
    const rig = proposing()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const asking = yield* Effect.fork(b.d.engine.askApproval(777))
        yield* Fiber.interrupt(asking)
        yield* b.d.engine.settled
        assert.strictEqual(b.d.engine.unsafeState().phase, "running")
      })
    )
  })
})

describe("ports onto the engine", () => {
  it.scoped("the breaker is tripped, counted and reset through the mailbox; the daily loss is not lifted (I6)", () =>
    inWorld(new Rig().ready(), (b) =>
      Effect.gen(function* () {
        const breaker = yield* Breaker
        yield* breaker.trip("operator", "by hand")
        yield* breaker.trip("dailyLoss", "test")
        yield* breaker.failed("api", "503")
        yield* b.d.engine.settled
        assert.strictEqual((yield* breaker.state).failures.api, 1)
        yield* breaker.succeeded("api")
        yield* breaker.reset(undefined, "please")
        yield* b.d.engine.settled
        const { latches, failures } = yield* breaker.state
        assert.isUndefined(failures.api)
        assert.deepEqual(Object.keys(latches), ["dailyLoss"])
      }).pipe(Effect.provide(BreakerPort))
    )
  )

  it.scoped("risk reports exposure, loss and trades of today", () => {
    const { rig, order } = resting()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        const risk = yield* Risk
        const report = yield* risk.report
        assert.deepEqual(report.stops, [])
        assert.isTrue(report.exposure > 0n && report.exposure <= usd("10"))
        assert.strictEqual(report.dayLoss, usd("0"))
        assert.strictEqual(report.maxDayLoss, usd("20"))
        assert.strictEqual(report.tradesToday, 0)
        yield* b.d.engine.tell({ _tag: "ReportsSeen", reports: [rig.fillOf(order, "30")] })
        yield* b.d.engine.settled
        assert.strictEqual((yield* risk.report).tradesToday, 1)
      }).pipe(Effect.provide(RiskPort))
    )
  })

  it("stops: what holds for all, latches included; else what all pairs share; one free pair means none", () => {
    const both = () =>
      new Rig({ instruments: [instrument(), instrument({ symbol: BTC, base: "BTC", baseId: "XXBT" })] }).ready()
    assert.deepEqual(stopsOf(both().state), [])
    const stale = both().after(60_000).send({ _tag: "QuoteUnsound", symbol: XLM })
    assert.isTrue(stopsOf(stale.state).some((text) => text.includes("no fresh quote")))
    const tripped = both().send({ _tag: "Tripped", cause: "operator", reason: "by hand" })
    assert.deepEqual(stopsOf(tripped.state), ["breaker operator: by hand"])
    const yesterday = {
      ...both().state,
      throttle: { day: "2024-03-09", entries: 9, lastEntryAt: undefined, lastLossAt: undefined }
    }
    assert.deepEqual(stopsOf(yesterday), [])
  })

  it.scoped("trades of yesterday do not count today", () => {
    const rig = new Rig().ready()
    rig.state = {
      ...rig.state,
      throttle: { day: "2024-03-09", entries: 9, lastEntryAt: undefined, lastLossAt: undefined }
    }
    return inWorld(rig, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* (yield* Risk).report).tradesToday, 0)
      }).pipe(Effect.provide(RiskPort))
    )
  })
})
