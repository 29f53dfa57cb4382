import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { PrivateStreamEvent } from "../../../src/services/KrakenStream.ts"
import { Engine } from "../../../src/services/Engine.ts"
import { privateFeed, publicFeed } from "../../../src/programs/trade/feeds.ts"
import { fill, NOON, quote, status, usd, XLM } from "../../support/build.ts"
import { Rig } from "../../domain/engine/Rig.ts"
import { inWorld, rest, until } from "../desk/support.ts"

describe("the market data feed", () => {
  it.scoped("turns what the stream saw into events, samples of the clock into measurements, and ignores the rest", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* Effect.forkScoped(publicFeed([XLM]))
        yield* b.stream.publicRunning
        assert.deepEqual(yield* b.stream.symbols, [XLM])
        yield* b.stream.tellPublic({ _tag: "PublicUp" })
        yield* b.stream.tellPublic({ _tag: "QuoteSeen", quote: quote() })
        yield* b.stream.tellPublic({ _tag: "QuoteUnsound", symbol: XLM, at: NOON })
        yield* b.stream.tellPublic({ _tag: "SystemSeen", status: "online" })
        yield* b.stream.tellPublic({ _tag: "SystemSeen", status: "post_only", maintenanceAt: NOON + 1 })
        yield* b.stream.tellPublic({ _tag: "Malformed", stream: "public", kind: "x", text: "y" })
        const candle = { at: NOON, open: 1, high: 1, low: 1, close: 1, volume: 1 }
        yield* b.stream.tellPublic({ _tag: "CandleClosed", symbol: XLM, intervalMinutes: 1, candle })
        yield* b.stream.tellPublic({ _tag: "ClockSample", exchangeMs: NOON, sentAt: NOON, receivedAt: NOON })
        yield* rest
        yield* b.d.engine.settled
        const state = b.d.engine.unsafeState()
        assert.isTrue(state.publicUp)
        assert.strictEqual(state.system, "post_only")
        assert.strictEqual(state.maintenanceAt, NOON + 1)
        assert.isDefined(state.pairs.get(XLM)?.quote)
        assert.strictEqual((yield* b.journal.entriesOf("event.QuoteUnsound")).length, 1)
        assert.strictEqual((yield* b.clock.observed).length, 1)
        yield* b.stream.tellPublic({ _tag: "PublicDown", reason: "closed", healthyForMs: 1 })
        yield* b.d.engine.settled
        assert.isFalse(b.d.engine.unsafeState().publicUp)
      })
    )
  )

  it.scoped("an event that finds the engine's queue full waits for room, it is not lost", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* Effect.forkScoped(publicFeed([XLM]))
        yield* b.stream.publicRunning
        for (let n = 0; n < 20_000; n++) b.d.engine.offer({ _tag: "Tick" })
        yield* b.stream.tellPublic({ _tag: "PublicUp" })
        yield* until(() => b.d.engine.unsafeState().publicUp)
      })
    )
  )
})

const balances = (snapshot: boolean, type?: string): PrivateStreamEvent => ({
  _tag: "Balances",
  snapshot,
  balances: [{ asset: "USD", balance: usd("1"), wallet: "spot", ...(type === undefined ? {} : { type }) }]
})

describe("the account feed", () => {
  it.scoped("hands reports and the stream's states on, and asks for the balances when money moved by itself", () => {
    const rig = new Rig()
    return inWorld(rig, (b) =>
      Effect.gen(function* () {
        let moved = 0
        yield* Effect.forkScoped(privateFeed(() => void (moved += 1)))
        yield* b.stream.privateRunning
        const told: ReadonlyArray<PrivateStreamEvent> = [
          { _tag: "PrivateUp", openOrders: [status({ clientId: "by-hand" as never })], at: NOON },
          { _tag: "Reports", reports: [fill("T1", "1", { clientId: "by-hand" as never })], snapshot: false },
          { _tag: "Malformed", stream: "private", kind: "x", text: "y" },
          balances(true, "deposit"),
          balances(false, "trade"),
          balances(false)
        ]
        for (const event of told) assert.isTrue(yield* b.stream.tellPrivate(event))
        assert.strictEqual(moved, 0)
        assert.isTrue(yield* b.stream.tellPrivate(balances(false, "deposit")))
        assert.strictEqual(moved, 1)
        yield* b.d.engine.settled
        assert.isTrue(b.d.engine.unsafeState().privateUp)
        assert.strictEqual(b.d.engine.unsafeState().foreignOrders.size, 1)
        yield* b.stream.tellPrivate({ _tag: "PrivateGap", reason: "sequence" })
        yield* b.d.engine.settled
        assert.isFalse(b.d.engine.unsafeState().privateUp)
        yield* b.stream.tellPrivate({ _tag: "PrivateDown", reason: "closed", healthyForMs: 1 })
        yield* b.d.engine.settled
        assert.strictEqual(b.d.engine.unsafeState().breaker.failures.stream, 1)
      })
    )
  })

  it.scoped("a report that the queue cannot take is refused, so that the session begins anew: none is lost", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        const full = { ...b.d.engine, offer: () => false }
        yield* Effect.forkScoped(
          Effect.provideService(
            privateFeed(() => {}),
            Engine,
            full
          )
        )
        yield* b.stream.privateRunning
        assert.isFalse(yield* b.stream.tellPrivate({ _tag: "Reports", reports: [], snapshot: false }))
        assert.isTrue(yield* b.stream.tellPrivate(balances(true)))
      })
    )
  )

  it.scoped("a key that may not stream ends it", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        const feed = yield* Effect.fork(privateFeed(() => {}))
        yield* b.stream.privateRunning
        yield* b.stream.tellPrivate({ _tag: "PrivateRefused", text: "EGeneral:Permission denied" })
        const error = yield* Effect.flip(Fiber.join(feed))
        assert.strictEqual(error._tag, "CredentialsRefused")
      })
    )
  )
})
