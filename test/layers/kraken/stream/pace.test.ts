import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, TestClock } from "effect"
import { KrakenApiError, KrakenNotSent } from "../../../../src/domain/kraken/KrakenError.ts"
import type { KrakenError } from "../../../../src/domain/kraken/KrakenError.ts"
import { PairSymbol } from "../../../../src/domain/market/Instrument.ts"
import type { Connect } from "../../../../src/layers/kraken/stream/connect.ts"
import { Health } from "../../../../src/layers/kraken/stream/Health.ts"
import { makePace, sharedPace } from "../../../../src/layers/kraken/stream/reconnect.ts"
import { ended, SessionEnded } from "../../../../src/layers/kraken/stream/SessionEnded.ts"
import { Talk } from "../../../../src/layers/kraken/stream/Talk.ts"
import { defaultTiming } from "../../../../src/layers/kraken/stream/timing.ts"
import { MockKrakenRestControl } from "../../../../src/layers/mock/MockKrakenRest.ts"
import type { PrivateStreamEvent, PublicStreamEvent } from "../../../../src/services/KrakenStream.ts"
import { KrakenStream } from "../../../../src/services/KrakenStream.ts"
import { streams } from "./support.ts"

const XLM = PairSymbol("XLM/USD")
const MINUTE = 60_000

/** Times at which something happened, on the test clock. */
const stamps = Effect.gen(function* () {
  const clock = yield* Effect.clock
  const at: Array<number> = []
  return { at, mark: () => at.push(clock.unsafeCurrentTimeMillis()) }
})
const gapsOf = (at: ReadonlyArray<number>): ReadonlyArray<number> => at.slice(1).map((t, i) => t - (at[i] ?? 0))

const build = (connect: Connect) =>
  Effect.map(Layer.build(streams("ws://127.0.0.1:9", { timing: defaultTiming, connect })), (context) => ({
    stream: Context.get(context, KrakenStream),
    rest: Context.get(context, MockKrakenRestControl)
  }))

describe("the pace of reconnecting", () => {
  it.scoped("backs off from a quarter of a second to half a minute, for ever, within Kraken's budget", () =>
    Effect.gen(function* () {
      const { at, mark } = yield* stamps
      const { stream, rest } = yield* build(() => {
        mark()
        return Effect.fail(ended("unreachable", "nobody there"))
      })
      yield* rest.always("webSocketsToken", Effect.succeed({ token: "t", expiresInSeconds: 900 }))
      const events: Array<PublicStreamEvent | PrivateStreamEvent> = []
      const one = yield* Effect.fork(stream.runPublic([XLM], (e) => events.push(e)))
      yield* TestClock.adjust("1 hour")
      const gaps = gapsOf(at)
      for (const [i, expected] of [250, 500, 1000, 2000, 4000, 8000, 16_000, 25_000, 25_000].entries()) {
        assert.isAtLeast(gaps[i] ?? 0, Math.floor(0.8 * expected))
        assert.isAtMost(gaps[i] ?? 0, 1.2 * expected + 1)
      }
      assert.isAbove(at.length, 3600 / 30)
      assert.isAbove(new Set(gaps.slice(8)).size, 10, "jitter also at the cap")
      assert.isTrue(events.every((e) => e._tag === "PublicDown" && e.healthyForMs === 0))
      yield* Fiber.interrupt(one)
      at.length = 0
      yield* Effect.forkScoped(stream.runPublic([XLM], () => undefined))
      yield* Effect.forkScoped(stream.runPrivate(() => true))
      yield* TestClock.adjust("1 hour")
      for (const t of at) assert.isAtMost(at.filter((other) => other > t - 10 * MINUTE && other <= t).length, 120)
    })
  )

  it.scoped("starts anew after a healthy minute, and not before", () =>
    Effect.gen(function* () {
      const { at, mark } = yield* stamps
      const pace = makePace(sharedPace(), 120)
      const failure = ended("closed", "x")
      const session = (healthyForMs: number) => Effect.zipRight(Effect.sync(mark), pace.after(failure, healthyForMs))
      yield* Effect.fork(
        Effect.forEach([0, 0, 0, 59_999, 60_000, 0], session, { discard: true }).pipe(
          Effect.zipRight(Effect.sync(mark))
        )
      )
      yield* TestClock.adjust("1 hour")
      const expected = [250, 500, 1000, 2000, 250, 500]
      for (const [i, gap] of gapsOf(at).entries()) {
        assert.isAtLeast(gap, 0.8 * expected[i]! - 1)
        assert.isAtMost(gap, 1.2 * expected[i]! + 1)
      }
    })
  )

  it.scoped("does not count a resynchronisation that was asked for, and honours a stated wait", () =>
    Effect.gen(function* () {
      const { at, mark } = yield* stamps
      const pace = makePace(sharedPace(), 120)
      const session = (reason: SessionEnded) => Effect.zipRight(Effect.sync(mark), pace.after(reason, 0))
      const resync = ended("resync", "asked")
      yield* Effect.fork(
        Effect.forEach(
          [resync, resync, resync, new SessionEnded({ why: "token", detail: "x", waitMs: 900_000 })],
          session,
          {
            discard: true
          }
        ).pipe(Effect.zipRight(Effect.sync(mark)))
      )
      yield* TestClock.adjust("1 hour")
      const gaps = gapsOf(at)
      assert.isTrue(gaps.slice(0, 3).every((gap) => gap <= 301))
      assert.strictEqual(gaps[3], 900_000)
    })
  )

  it.scoped("keeps the budget of all sockets together, and the gap after maintenance until all is well again", () =>
    Effect.gen(function* () {
      const { at, mark } = yield* stamps
      const shared = sharedPace()
      const pace = makePace(shared, 3)
      const other = makePace(shared, 5)
      yield* Effect.fork(Effect.repeatN(Effect.tap(pace.before, mark), 4))
      yield* TestClock.adjust("9 minutes")
      assert.lengthOf(at, 3)
      yield* other.before
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(at, 5)
      shared.maintenance = true
      at.length = 0
      const calm = makePace(shared, 120)
      yield* Effect.fork(Effect.repeatN(Effect.tap(calm.before, mark), 3))
      yield* TestClock.adjust("1 minute")
      assert.isTrue(gapsOf(at).every((gap) => gap >= 5_000))
      yield* Effect.fork(calm.after(ended("closed", "x"), 60_000))
      yield* TestClock.adjust("1 second")
      assert.isFalse(shared.maintenance)
    })
  )
})

describe("maintenance", () => {
  it.scoped("seen on the public stream spaces all attempts of both streams by five seconds", () =>
    Effect.gen(function* () {
      const { at, mark } = yield* stamps
      const { stream, rest } = yield* build((_url, onOpen) =>
        Effect.suspend(() => {
          mark()
          onOpen(() => true)('{"channel":"status","type":"update","data":[{"system":"maintenance"}]}')
          return Effect.fail(ended("closed", "maintenance"))
        })
      )
      yield* rest.always("webSocketsToken", Effect.succeed({ token: "t", expiresInSeconds: 900 }))
      const seen: Array<PublicStreamEvent["_tag"]> = []
      yield* Effect.forkScoped(stream.runPublic([XLM], (e) => seen.push(e._tag)))
      yield* TestClock.adjust("1 second")
      yield* Effect.forkScoped(stream.runPrivate(() => true))
      yield* TestClock.adjust("10 minutes")
      assert.isTrue(
        gapsOf(at).every((gap) => gap > 4_999.99),
        gapsOf(at).join()
      )
      assert.isAbove(at.length, 20)
      assert.deepStrictEqual(seen.slice(0, 2), ["SystemSeen", "PublicDown"])
    })
  )
})

describe("a stream token that cannot be had", () => {
  const attempts = (error: KrakenError, wait: string) =>
    Effect.gen(function* () {
      const { stream, rest } = yield* build(() => Effect.fail(ended("unreachable", "nobody there")))
      const events: Array<PrivateStreamEvent> = []
      yield* rest.always("webSocketsToken", Effect.fail(error))
      yield* Effect.forkScoped(stream.runPrivate((e) => events.push(e) > 0))
      yield* TestClock.adjust(wait as "1 minute")
      return { events, calls: (yield* rest.callsOf("webSocketsToken")).length }
    })
  const api = (
    kind: KrakenApiError["kind"],
    text: string,
    extra: { readonly stop?: boolean; readonly retryAt?: number } = {}
  ) =>
    new KrakenApiError({
      endpoint: "GetWebSocketsToken",
      kind,
      text,
      executed: "no",
      retry: "later",
      stop: false,
      ...extra
    })
  const notSent = (why: KrakenNotSent["why"]) =>
    new KrakenNotSent({ endpoint: "GetWebSocketsToken", why, detail: "why" })

  it.scoped("because of the key: refused, once", () =>
    Effect.gen(function* () {
      for (const error of [api("credentials", "EAPI:Invalid key", { stop: true }), notSent("credentials")]) {
        const { events, calls } = yield* attempts(error, "1 hour")
        assert.strictEqual(calls, 1)
        assert.deepStrictEqual(
          events.map((e) => e._tag),
          ["PrivateRefused"]
        )
      }
    })
  )
  it.scoped("because of a lock-out: silence for its quarter of an hour", () =>
    Effect.gen(function* () {
      for (const error of [api("lockout", "EGeneral:Temporary lockout"), notSent("lockout")]) {
        assert.strictEqual((yield* attempts(error, "14 minutes")).calls, 1)
        assert.strictEqual((yield* attempts(error, "16 minutes")).calls, 2)
      }
    })
  )
  it.scoped("for a stated time, which is believed up to a lock-out's length", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* attempts(api("throttled", "EService: Throttled: 1", { retryAt: 4e12 }), "14 minutes")).calls,
        1
      )
    })
  )
  it.scoped("for another reason: tried again soon", () =>
    Effect.gen(function* () {
      for (const error of [api("service", "EService:Busy"), notSent("rate limit")]) {
        const { events, calls } = yield* attempts(error, "1 minute")
        assert.isAbove(calls, 5)
        assert.isTrue(events.every((e) => e._tag === "PrivateDown"))
      }
    })
  )
})

describe("parts of a session", () => {
  const talkWith = (sent: (text: string) => boolean) => {
    const reasons: Array<SessionEnded> = []
    return { talk: new Talk({ send: sent, end: (r) => reasons.push(r), now: () => 0 }, defaultTiming), reasons }
  }
  it("a write that fails ends the session once, and nothing is written after it", () => {
    let writes = 0
    const { talk, reasons } = talkWith(() => {
      writes += 1
      return false
    })
    talk.ping(() => undefined)
    talk.ping(() => undefined)
    talk.end(ended("resync", "late"))
    assert.deepStrictEqual(
      reasons.map((r) => r.message),
      ["no answer: a request could not be written"]
    )
    assert.strictEqual(writes, 1)
    assert.isFalse(talk.heard())
  })
  it("health counts kinds up to a bound", () => {
    const health = new Health()
    const fresh = Array.from({ length: 100 }, (_, i) => health.isNewKind(`kind ${i}`)).filter((isNew) => isNew)
    assert.lengthOf(fresh, 64)
    assert.isFalse(health.isNewKind("kind 0"))
    assert.deepStrictEqual(health.view(), { connected: false, reconnects: 0, frames: 0, malformed: 101 })
    assert.strictEqual(health.down(5), 0)
  })
})
