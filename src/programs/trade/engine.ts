/** The engine fiber: folds events in order of arrival and hands the decisions out. The only owner of trading state. */
import { Deferred, Effect, Layer, Mailbox, Option } from "effect"
import type { Either } from "effect"
import { fold } from "../../domain/engine/Engine.ts"
import type { Decision } from "../../domain/engine/Decision.ts"
import type { EngineEvent } from "../../domain/engine/Event.ts"
import type { EngineState } from "../../domain/engine/State.ts"
import { dayLoss, entryStops, exposure, gates } from "../../domain/engine/Views.ts"
import * as BreakerRules from "../../domain/breaker/Breaker.ts"
import type { PairSymbol } from "../../domain/market/Instrument.ts"
import type { Quote } from "../../domain/market/Market.ts"
import type { ClientOrderId } from "../../domain/order/Ids.ts"
import type { Order } from "../../domain/order/Order.ts"
import type { ApprovedOrder } from "../../domain/risk/Approved.ts"
import type { Refusal } from "../../domain/risk/Risk.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { utcDay } from "../../domain/Time.ts"
import { Breaker } from "../../services/Breaker.ts"
import { MarketClock } from "../../services/Clock.ts"
import { Engine } from "../../services/Engine.ts"
import type { EngineShape, Untimed } from "../../services/Engine.ts"
import { Journal } from "../../services/Journal.ts"
import { Risk } from "../../services/Risk.ts"

const CAPACITY = 16_384

/** The newest quote of a pair that nobody looked at yet. */
interface Cell {
  latest: { readonly quote: Quote; readonly source: "stream" | "rest" }
}

/** What goes through the mailbox: events, a note that a quote waits in its cell, and barriers. */
type Item =
  | { readonly _tag: "Event"; readonly event: Untimed }
  | { readonly _tag: "Quote"; readonly symbol: PairSymbol; readonly cell: Cell }
  | { readonly _tag: "Barrier"; readonly reached: Deferred.Deferred<void> }

export interface EngineHandle {
  readonly engine: EngineShape
  /** Folds for ever. A defect in a fold ends the program: state that could not be folded is not traded on. */
  readonly run: Effect.Effect<never>
}

type AmendVerdict = Either.Either<{ readonly order: Order; readonly deadline: EpochMs }, string>

/** Builds the engine over a state. `dispatch` carries decisions out; it must not block. */
export const makeEngine = (
  initial: EngineState,
  dispatch: (decision: Decision, at: EpochMs) => void
): Effect.Effect<EngineHandle, never, MarketClock | Journal> =>
  Effect.gen(function* () {
    const clock = yield* MarketClock
    const journal = yield* Journal
    const mailbox = yield* Mailbox.make<Item>({ capacity: CAPACITY })
    const cells = new Map<PairSymbol, Cell>()
    const approvals = new Map<number, Deferred.Deferred<Either.Either<ApprovedOrder, Refusal>>>()
    const amends = new Map<ClientOrderId, Deferred.Deferred<AmendVerdict>>()
    let state = initial

    const answer = (decision: Decision): boolean => {
      if (decision._tag === "Verdict") {
        const asked = approvals.get(decision.proposalId)
        approvals.delete(decision.proposalId)
        if (asked !== undefined) Deferred.unsafeDone(asked, Effect.succeed(decision.verdict))
        return true
      }
      if (decision._tag === "AmendVerdict") {
        const asked = amends.get(decision.orderId)
        amends.delete(decision.orderId)
        if (asked !== undefined) Deferred.unsafeDone(asked, Effect.succeed(decision.verdict))
        return true
      }
      return false
    }

    const foldOne = (untimed: Untimed): void => {
      const at = clock.unsafeNow()
      const event: EngineEvent = { ...untimed, at }
      const result = fold(state, event)
      state = result.state
      if (event._tag !== "Tick" && event._tag !== "QuoteSeen")
        journal.append({ at, kind: `event.${event._tag}`, data: event })
      for (const decision of result.decisions) {
        if (decision._tag !== "Log") journal.append({ at, kind: `decision.${decision._tag}`, data: decision })
        if (!answer(decision)) dispatch(decision, at)
      }
    }

    const take = (item: Item): void => {
      if (item._tag === "Event") return foldOne(item.event)
      if (item._tag === "Barrier") return Deferred.unsafeDone(item.reached, Effect.void)
      cells.delete(item.symbol)
      foldOne({ _tag: "QuoteSeen", ...item.cell.latest })
    }

    const run = Effect.gen(function* () {
      while (true) {
        const [items] = yield* mailbox.takeAll
        for (const item of items) take(item)
      }
    })

    const tell = (event: Untimed): Effect.Effect<void> => Effect.asVoid(mailbox.offer({ _tag: "Event", event }))
    const engine: EngineShape = {
      tell,
      offer: (event) => mailbox.unsafeOffer({ _tag: "Event", event }),
      offerQuote: (quote, source) => {
        const { symbol } = quote
        const waiting = cells.get(symbol)
        if (waiting !== undefined) {
          waiting.latest = { quote, source }
          return
        }
        const cell: Cell = { latest: { quote, source } }
        // a queue that is full has enough to do: this quote is passed over, the next one is not
        if (mailbox.unsafeOffer({ _tag: "Quote", symbol, cell })) cells.set(symbol, cell)
      },
      askApproval: (proposalId) =>
        Effect.gen(function* () {
          const asked = yield* Deferred.make<Either.Either<ApprovedOrder, Refusal>>()
          approvals.set(proposalId, asked)
          yield* tell({ _tag: "ApprovalAsked", proposalId })
          return yield* Deferred.await(asked)
        }),
      askAmend: (orderId, quantity, limitPrice) =>
        Effect.gen(function* () {
          const asked = yield* Deferred.make<AmendVerdict>()
          amends.set(orderId, asked)
          yield* tell({ _tag: "AmendAsked", orderId, quantity, limitPrice })
          return yield* Deferred.await(asked)
        }),
      state: Effect.sync(() => state),
      unsafeState: () => state,
      settled: Effect.gen(function* () {
        const reached = yield* Deferred.make<void>()
        yield* mailbox.offer({ _tag: "Barrier", reached })
        yield* Deferred.await(reached)
      })
    }
    return { engine, run }
  })

/** The breaker's port. */
export const BreakerPort: Layer.Layer<Breaker, never, Engine> = Layer.effect(
  Breaker,
  Effect.map(Engine, (engine) =>
    Breaker.of({
      state: Effect.map(engine.state, (state) => state.breaker),
      trip: (cause, reason) => engine.tell({ _tag: "Tripped", cause, reason }),
      reset: (cause, reason) => engine.tell({ _tag: "Reset", cause, reason }),
      failed: (cause, reason) => engine.tell({ _tag: "Failed", cause, reason }),
      succeeded: (cause) => engine.tell({ _tag: "Succeeded", cause })
    })
  )
)

/** Everything that stops entries: what holds for all pairs, or where all pairs are stopped the first one's reasons. */
export const stopsOf = (state: EngineState): ReadonlyArray<string> => {
  const general = [
    ...gates(state),
    ...BreakerRules.latched(state.breaker).map((held) => `breaker ${held.cause}: ${held.reason}`)
  ]
  if (general.length > 0) return general
  const pairs = [...state.pairs.values()].map((pair) => entryStops(state, pair))
  return pairs.every((stops) => stops.length > 0) ? [...new Set(pairs.flat())] : []
}

/** Risk's port. */
export const RiskPort: Layer.Layer<Risk, never, Engine> = Layer.effect(
  Risk,
  Effect.map(Engine, (engine) =>
    Risk.of({
      report: Effect.map(engine.state, (state) => ({
        stops: stopsOf(state),
        exposure: exposure(state),
        maxExposure: state.rules.limits.maxTotalExposure,
        dayLoss: Option.getOrUndefined(Option.fromNullable(dayLoss(state))),
        maxDayLoss: state.rules.limits.maxDailyLoss,
        tradesToday: state.throttle.day === utcDay(state.now) ? state.throttle.entries : 0
      }))
    })
  )
)
