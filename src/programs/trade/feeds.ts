/** The stream fibers: what the streams see becomes events of the engine, in frame order, without blocking the callback. */
import { Deferred, Effect, FiberSet, Mailbox } from "effect"
import type { PairSymbol } from "../../domain/market/Instrument.ts"
import { MarketClock } from "../../services/Clock.ts"
import { Engine } from "../../services/Engine.ts"
import type { Untimed } from "../../services/Engine.ts"
import { KrakenStream } from "../../services/KrakenStream.ts"
import type { PrivateStreamEvent, PublicStreamEvent } from "../../services/KrakenStream.ts"
import { CredentialsRefused } from "../../services/OrderDesk.ts"

/** Clock samples waiting to be looked at; the newest are worth most. */
const SAMPLES = 16

/** Market data. Quotes are conflated; the rest queues, and waits in fibers of its own should the engine ever be behind. */
export const publicFeed = (symbols: ReadonlyArray<PairSymbol>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const engine = yield* Engine
      const stream = yield* KrakenStream
      const clock = yield* MarketClock
      const samples = yield* Mailbox.make<Extract<PublicStreamEvent, { _tag: "ClockSample" }>>({
        capacity: SAMPLES,
        strategy: "sliding"
      })
      const later = yield* FiberSet.makeRuntime<never, void, never>()
      const put = (event: Untimed): void => {
        if (!engine.offer(event)) later(engine.tell(event))
      }
      const sink = (event: PublicStreamEvent): void => {
        switch (event._tag) {
          case "QuoteSeen":
            return engine.offerQuote(event.quote, "stream")
          case "QuoteUnsound":
            return put({ _tag: "QuoteUnsound", symbol: event.symbol })
          case "PublicUp":
            return put({ _tag: "PublicUp" })
          case "PublicDown":
            return put({ _tag: "PublicDown", reason: event.reason })
          case "SystemSeen":
            return put({
              _tag: "SystemSeen",
              status: event.status,
              ...(event.maintenanceAt === undefined ? {} : { maintenanceAt: event.maintenanceAt })
            })
          case "ClockSample":
            samples.unsafeOffer(event)
            return
          case "TradeSeen":
          case "CandleClosed":
          case "Malformed":
            // the stream logged and counted what was malformed; trades and candles of the exchange decide nothing
            return
        }
      }
      const observe = Effect.gen(function* () {
        while (true) {
          const [taken] = yield* samples.takeAll
          for (const sample of taken) yield* clock.observe(sample)
        }
      })
      return yield* Effect.raceFirst(stream.runPublic(symbols, sink), observe)
    })
  )

const privateEvents = (event: PrivateStreamEvent): ReadonlyArray<Untimed> => {
  switch (event._tag) {
    case "PrivateUp":
      return [{ _tag: "PrivateUp", openOrders: event.openOrders }]
    case "PrivateDown":
      return [{ _tag: "PrivateDown", reason: event.reason }]
    case "PrivateGap":
      return [{ _tag: "PrivateGap", reason: event.reason }]
    case "Reports":
      return [{ _tag: "ReportsSeen", reports: event.reports }]
    case "Balances":
    case "Malformed":
    case "PrivateRefused":
      return []
  }
}

/** A ledger movement that no order of anybody's caused. */
const isForeignMove = (event: PrivateStreamEvent): boolean =>
  event._tag === "Balances" && !event.snapshot && event.balances.some((b) => b.type !== undefined && b.type !== "trade")

/**
 * The account stream. An event that the engine's queue cannot take drops the session, which begins anew from snapshots.
 * `moved` asks for a look at the balances when money came or went by itself. Fails when the key may not stream.
 */
export const privateFeed = (moved: () => void) =>
  Effect.scoped(
    Effect.gen(function* () {
      const engine = yield* Engine
      const stream = yield* KrakenStream
      const refused = yield* Deferred.make<never, CredentialsRefused>()
      const sink = (event: PrivateStreamEvent): boolean => {
        if (event._tag === "PrivateRefused") Deferred.unsafeDone(refused, new CredentialsRefused({ text: event.text }))
        if (isForeignMove(event)) moved()
        return privateEvents(event).every((e) => engine.offer(e))
      }
      return yield* Effect.raceFirst(stream.runPrivate(sink), Deferred.await(refused))
    })
  )
