/**
 * The one owner of the exchange's state. Calls, market events and the exchange's own timers are taken one after the other,
 * each at its market time, each committed before its frames leave. A transaction runs without a wait, so there is
 * nothing to lock; one that cannot be committed has not happened.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import type { Frame, MarketEvent, MarketSource } from "../../domain/exchange/Boundary.ts"
import * as Exchange from "../../domain/exchange/Exchange.ts"
import type { ExchangeState } from "../../domain/exchange/State.ts"
import type { EpochMs } from "../../domain/Time.ts"
import type { LocalKrakenError, SteerableClockShape } from "../../services/LocalKraken.ts"

/** What a call makes of the state. */
export interface Outcome<A> {
  readonly state: ExchangeState
  readonly frames: ReadonlyArray<Frame>
  readonly value: A
}

export interface Driver {
  /** Brings the exchange to the present, runs the call, commits, and lets the frames leave. */
  readonly run: <A>(call: (state: ExchangeState, now: EpochMs) => Outcome<A>) => Effect.Effect<A, LocalKrakenError>
  /** Brings the exchange to the present. */
  readonly settle: Effect.Effect<EpochMs, LocalKrakenError>
  readonly state: () => ExchangeState
  /** Keeps the exchange at the present for as long as the scope lives: wakes when the market or a timer is due. */
  readonly pump: Effect.Effect<void, never, Scope.Scope>
}

/** Market time that is caught up at once, so that a jump of hours is committed and told in parts. */
const STRETCH_MS = 60_000
/** After a commit that failed, real milliseconds. */
const RETRY_MS = 1000

export const makeDriver = <S>(options: {
  readonly initial: ExchangeState
  readonly source: MarketSource<S>
  readonly clock: SteerableClockShape
  /** Makes the step durable, or says why it could not. */
  readonly commit: (before: ExchangeState, after: ExchangeState) => LocalKrakenError | undefined
  readonly deliver: (frames: ReadonlyArray<Frame>) => void
}): Effect.Effect<Driver> =>
  Effect.gen(function* () {
    const { clock, commit, deliver, source } = options
    const changed = yield* Effect.makeLatch(false)
    let state = options.initial
    let position = source.initial
    /** What the pump sleeps until. */
    let planned = Number.NEGATIVE_INFINITY

    const due = (): EpochMs =>
      Math.min(
        source.nextAt(position) ?? Number.POSITIVE_INFINITY,
        Exchange.nextWake(state) ?? Number.POSITIVE_INFINITY
      )

    // One synchronous step, so that no other fiber gets between reading the state and replacing it, and no interruption
    // between the commit and the frames.
    const transact = <A>(outcome: () => Outcome<A> & { readonly position: S }): Effect.Effect<A, LocalKrakenError> =>
      Effect.suspend(() => {
        const next = outcome()
        const failure = commit(state, next.state)
        if (failure !== undefined) return Effect.fail(failure)
        state = next.state
        position = next.position
        deliver(next.frames)
        if (due() < planned) changed.unsafeOpen()
        return Effect.succeed(next.value)
      })

    /** Plays the market up to an instant. */
    const play = (until: EpochMs): Outcome<void> & { readonly position: S } => {
      const market = source.advance(position, until)
      const next =
        market.events.length === 0 ? Exchange.tick(state, until) : Exchange.market(state, market.events, until)
      return { ...next, position: market.state, value: undefined }
    }

    const settle: Effect.Effect<EpochMs, LocalKrakenError> = Effect.suspend(() => {
      const now = clock.unsafeNow()
      return Effect.as(
        Effect.whileLoop({
          while: () => due() <= now,
          body: () => transact(() => play(Math.min(now, Math.max(state.now, due()) + STRETCH_MS))),
          step: () => undefined
        }),
        now
      )
    })

    return {
      run: (call) =>
        Effect.flatMap(settle, (now) => transact(() => ({ ...call(state, Math.max(now, state.now)), position }))),
      settle,
      state: () => state,
      pump: Effect.asVoid(
        Effect.forkScoped(
          Effect.forever(
            Effect.gen(function* () {
              changed.unsafeClose()
              yield* settle
              planned = due()
              const wait = planned - clock.unsafeNow()
              yield* Number.isFinite(wait)
                ? Effect.raceFirst(clock.sleep(Math.max(1, wait)), changed.await)
                : changed.await
            }).pipe(
              Effect.catchTag("LocalKrakenError", (error) => Effect.logError(error.message).pipe(pause)),
              // A defect of the exchange must not end it unheard: it says so every second, and nothing is lost meanwhile.
              Effect.catchAllDefect((defect) => Effect.logError("the local Kraken failed", defect).pipe(pause))
            )
          )
        )
      )
    }
  })

const pause = (logged: Effect.Effect<void>): Effect.Effect<void> => Effect.zipRight(logged, Effect.sleep(RETRY_MS))

/** The newest quote of each pair among events: the book as they left it. */
export const lastQuotes = (events: ReadonlyArray<MarketEvent>, at: EpochMs): ReadonlyArray<MarketEvent> => {
  const newest = new Map<string, MarketEvent>()
  for (const event of events) if (event._tag === "Quote") newest.set(event.symbol, { ...event, at })
  return [...newest.values()]
}
