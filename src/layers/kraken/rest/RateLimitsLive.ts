/** The budget of calls, kept in memory, saved as the note `limits`. */
import { Effect, Layer, Option } from "effect"
import type { Scope } from "effect"
import * as RateBudget from "../../../domain/kraken/RateBudget.ts"
import type { EpochMs } from "../../../domain/Time.ts"
import type { MarketClockShape } from "../../../services/Clock.ts"
import { MarketClock } from "../../../services/Clock.ts"
import type { RateLimitsShape, Reservation } from "../../../services/RateLimits.ts"
import { BudgetExhausted, RateLimits } from "../../../services/RateLimits.ts"
import { Settings } from "../../../services/Settings.ts"
import { Store } from "../../../services/Store.ts"

/** Where the counters outlive the process. */
export interface LimitsPort {
  /** What was saved last, if anything; a failure to read is nothing saved. */
  readonly load: Effect.Effect<string | undefined>
  /** Saving is best effort: if it fails, the next start counts from older and therefore fuller counters. */
  readonly save: (text: string) => Effect.Effect<void>
}

/** Market milliseconds that each kind of call waits at most. */
const READ_WAIT_MS = 120_000
const SAFETY_WAIT_MS = 5000
const CANCEL_WAIT_MS = 2000
const PUBLIC_WAIT_MS = 30_000
const PUBLIC_PACE_MS = 1000

/** Real time: how soon a change is saved, and how long the last saving may take. */
const SAVE_AFTER = "250 millis"
const LAST_SAVE = "2 seconds"

export const makeRateLimits = (
  limits: RateBudget.TierLimits,
  clock: MarketClockShape,
  port: LimitsPort
): Effect.Effect<RateLimitsShape, never, Scope.Scope> =>
  Effect.gen(function* () {
    const saved = yield* port.load
    let known: RateBudget.RateState | undefined
    /**
     * What was saved is taken up with the first private call, not before: until then a start has asked the exchange for
     * its time, and a machine whose clock is wrong by an hour neither forgets nor holds back an hour's worth of calls.
     */
    const steady = yield* Effect.clock
    const built = steady.unsafeCurrentTimeNanos()
    /** Where nothing was saved the counters were full when this was built: what has passed since is known whatever the clock says. */
    const fullSince = (now: EpochMs): EpochMs =>
      now - Math.floor((Number(steady.unsafeCurrentTimeNanos() - built) / 1e6) * Math.min(1, clock.speed))
    const begin = (now: EpochMs): RateBudget.RateState =>
      (saved === undefined ? undefined : RateBudget.restore(saved, now)) ?? RateBudget.full(limits, fullSince(now))
    const current = (): RateBudget.RateState => {
      known ??= begin(clock.unsafeNow())
      return known
    }
    let nextPublicAt: EpochMs = 0
    let publicNow: EpochMs = 0
    /** Market time for the pace of public calls, which goes on when the clock is set back. */
    const paced = (): EpochMs => {
      const now = clock.unsafeNow()
      if (now < publicNow) nextPublicAt -= publicNow - now
      publicNow = now
      return now
    }

    const dirty = yield* Effect.makeLatch(false)
    const update = (change: (state: RateBudget.RateState, now: EpochMs) => RateBudget.RateState): void => {
      known = change(current(), clock.unsafeNow())
      dirty.unsafeOpen()
    }
    yield* Effect.addFinalizer(() =>
      // nothing was spent by a run that called nobody: what was saved before it stands
      Effect.suspend(() => (known === undefined ? Effect.void : port.save(RateBudget.serialise(known, true)))).pipe(
        Effect.timeoutOption(LAST_SAVE)
      )
    )
    yield* dirty.await.pipe(
      Effect.zipRight(Effect.sleep(SAVE_AFTER)),
      Effect.zipRight(
        Effect.suspend(() => {
          dirty.unsafeClose()
          return port.save(RateBudget.serialise(current(), false))
        })
      ),
      Effect.forever,
      Effect.forkScoped
    )

    const goAllTheSame = (): Effect.Effect<void> => Effect.void
    const exhausted = (now: EpochMs, wait: number): BudgetExhausted =>
      new BudgetExhausted({
        why: current().quietFor === "lockout" && RateBudget.quietMs(current(), now) > 0 ? "lockout" : "rate limit",
        retryAt: now + wait
      })

    /** Looks, waits, looks again, until the wait is over; `late` decides when it would last past `limitMs`. */
    const waitUntilFree = <E>(
      limitMs: number,
      waitFor: (now: EpochMs) => number,
      late: (now: EpochMs, wait: number) => Effect.Effect<void, E>
    ): Effect.Effect<void, E> =>
      Effect.suspend(() => {
        const until = clock.unsafeNow() + limitMs
        const look: Effect.Effect<void, E> = Effect.suspend(() => {
          const now = clock.unsafeNow()
          const wait = waitFor(now)
          if (wait === 0) return Effect.void
          return now + wait > until ? late(now, wait) : Effect.zipRight(clock.sleep(wait), look)
        })
        return look
      })

    const reserve = (rank: "exit" | "entry", pair: string, action: "add" | "amend"): Effect.Effect<Reservation> => {
      const cost = action === "add" ? RateBudget.ADD_COST : RateBudget.WORST_AMEND
      return Effect.map(
        waitUntilFree(
          Number.POSITIVE_INFINITY,
          (now) =>
            Math.max(
              RateBudget.quietMs(current(), now),
              RateBudget.engineWait(current(), limits, rank === "entry" ? "entry" : "other", pair, cost, now)
            ),
          goAllTheSame
        ),
        () => {
          let open = true
          update((s, now) => RateBudget.chargeEngine(s, limits, pair, cost, now))
          return {
            sent: (orderId) =>
              Effect.sync(() => {
                open = false
                if (orderId === undefined) return
                update((s, now) => {
                  const actual = action === "add" ? cost : RateBudget.amendCostOf(s, orderId, now)
                  return RateBudget.orderSeen(
                    RateBudget.chargeEngine(s, limits, pair, actual - cost, now),
                    orderId,
                    pair,
                    now
                  )
                })
              }),
            release: Effect.sync(() => {
              if (open) update((s, now) => RateBudget.chargeEngine(s, limits, pair, -cost, now))
              open = false
            })
          }
        }
      )
    }

    return RateLimits.of({
      publicCall: Effect.suspend(() => {
        const now = paced()
        const at = Math.max(now, nextPublicAt)
        if (at - now > PUBLIC_WAIT_MS) return new BudgetExhausted({ why: "rate limit", retryAt: at })
        nextPublicAt = at + PUBLIC_PACE_MS
        return at > now ? clock.sleep(at - now) : Effect.void
      }),

      privateCall: (rank, endpoint) => {
        const cost = RateBudget.restCost(endpoint)
        const budget = (now: EpochMs): number =>
          RateBudget.restWait(current(), limits, rank === "read" ? "read" : "other", cost, now)
        return waitUntilFree(
          rank === "read" ? READ_WAIT_MS : SAFETY_WAIT_MS,
          (now) => Math.max(RateBudget.quietMs(current(), now), budget(now)),
          (now, wait) =>
            rank === "safety" && RateBudget.quietMs(current(), now) === 0 ? Effect.void : exhausted(now, wait)
        ).pipe(Effect.zipRight(Effect.sync(() => update((s, now) => RateBudget.chargeRest(s, limits, cost, now)))))
      },

      reserve,

      cancel: (order) =>
        order === undefined
          ? Effect.sync(() => update((s, now) => RateBudget.chargeCancelAll(s, limits, now)))
          : waitUntilFree(
              CANCEL_WAIT_MS,
              (now) =>
                RateBudget.engineWait(
                  current(),
                  limits,
                  "other",
                  order.pair,
                  RateBudget.cancelCostOf(current(), order.id, now),
                  now
                ),
              goAllTheSame
            ).pipe(
              Effect.zipRight(
                Effect.sync(() =>
                  update((s, now) =>
                    RateBudget.orderGone(
                      RateBudget.chargeEngine(s, limits, order.pair, RateBudget.cancelCostOf(s, order.id, now), now),
                      order.id
                    )
                  )
                )
              )
            ),

      quiet: Effect.sync(() => {
        const now = clock.unsafeNow()
        const wait = RateBudget.quietMs(current(), now)
        return wait > 0 ? exhausted(now, wait) : undefined
      }),

      observe: ({ scope, kind, retryAt, pair }) =>
        Effect.sync(() => {
          if (scope === "public") {
            // An address, not the key: only public calls slow down.
            if (kind === "rate limit" || kind === "throttled") {
              nextPublicAt = Math.max(nextPublicAt, paced() + RateBudget.QUIET_MS)
            }
            if (kind === "lockout") nextPublicAt = paced() + RateBudget.LOCKOUT_MS
            return
          }
          switch (kind) {
            case "rate limit":
              return update((s, now) => RateBudget.restLimitHit(s, limits, now))
            case "engine rate limit":
              return update((s, now) => RateBudget.engineLimitHit(s, limits, pair, now))
            case "throttled":
              return update((s, now) => RateBudget.throttled(s, retryAt, now))
            case "lockout":
              return update((s, now) => RateBudget.lockedOut(s, now))
            default:
          }
        }),

      openOrders: (ids, askedAt) => Effect.sync(() => update((s) => RateBudget.ordersOpen(s, ids, askedAt))),

      // whoever only looks does not begin
      state: Effect.sync(() => known ?? begin(clock.unsafeNow()))
    })
  })

/** The note under which the counters are kept. */
export const LIMITS_NOTE = "limits"

export const RateLimitsLive: Layer.Layer<RateLimits, never, Settings | MarketClock | Store> = Layer.scoped(
  RateLimits,
  Effect.gen(function* () {
    const settings = yield* Settings
    const clock = yield* MarketClock
    const store = yield* Store
    return yield* makeRateLimits(RateBudget.tiers[settings.tier], clock, {
      load: Effect.map(Effect.option(store.load), (snapshot) =>
        Option.getOrUndefined(Option.map(snapshot, ({ notes }) => notes.get(LIMITS_NOTE)))
      ),
      // The store reports its own failures; here they only mean that the counters on disk are older.
      save: (text) => Effect.ignore(store.commit([{ _tag: "Note", key: LIMITS_NOTE, value: text }]))
    })
  })
)
