/**
 * The dead man's switch: armed at start, refreshed at a third of its time-out, so that the exchange cancels resting orders
 * when the trader does not answer any more. It is the whole account's switch.
 */
import { Effect, Random } from "effect"
import * as Breaker from "../../domain/breaker/Breaker.ts"
import type { EngineState } from "../../domain/engine/State.ts"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import { NONCE_AHEAD } from "../../domain/kraken/KrakenError.ts"
import { MarketClock } from "../../services/Clock.ts"
import { Engine } from "../../services/Engine.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { CredentialsRefused } from "../../services/OrderDesk.ts"

/** Kraken takes whole seconds. */
const seconds = (ms: number): number => Math.max(1, Math.round(ms / 1000))

/** Arms the switch once and tells the engine when it fires, by the exchange's own clock. */
export const arm = (timeoutMs: number): Effect.Effect<void, KrakenError, KrakenRest | Engine | MarketClock> =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const engine = yield* Engine
    const clock = yield* MarketClock
    const askedAt = yield* clock.now
    const { triggerAt } = yield* rest.cancelAllOrdersAfter(seconds(timeoutMs))
    // the earlier of what the exchange says and what was asked for counts: it stamps whole seconds
    const firesAt = Math.min(triggerAt ?? askedAt, askedAt + timeoutMs)
    yield* engine.tell({ _tag: "SwitchArmed", firesAt })
  })

/** How long an entry may stay uncancelled under a latch before the switch is left to do it. */
const GIVE_UP_CANCELLING_MS = 30_000

/** Resting entries that cannot be cancelled while latched: the switch is no longer refreshed, so that the exchange cancels them. */
export const leaveToExchange = (state: EngineState): boolean =>
  Breaker.isOpen(state.breaker) &&
  [...state.orders.values()].some(
    (order) =>
      order.purpose._tag === "Entry" &&
      order.status === "open" &&
      Breaker.latched(state.breaker).some((held) => state.now - held.since > GIVE_UP_CANCELLING_MS)
  )

/** Market time from one failed try to the next, and how often the account stream is looked at meanwhile. */
const FIRST_RETRY_MS = 3000
const LAST_RETRY_MS = 20_000
const LOOK_MS = 1000

/**
 * Market milliseconds from the beginning of the n-th failed refresh in a row (from 0) to the next try: 3 s, doubling up to
 * 20 s, less up to a fifth by `random` in [0, 1). When a refresh is refused, two thirds of the time-out are left, 20 s at
 * least: two more tries, and mostly three, fit in before the switch fires. Every try is up to three calls of the key: at the
 * longest wait they take about half of what the REST counter of the lowest tier gets back, and reads have the rest.
 */
export const retryAfter = (failures: number, random: number): number =>
  Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures, 10), LAST_RETRY_MS) * (1 - 0.2 * random)

/**
 * Runs until the stop, which arms or disarms by itself: a refresh after that would undo it. A failed refresh is tried again
 * after `retryAfter`, or as soon as the account stream is back; the engine refuses entries as soon as too little time is
 * left. Fails only when the key is refused.
 */
export const deadManSwitch = (timeoutMs: number) =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const clock = yield* MarketClock
    let failures = 0
    /** The account stream went down and did not call for a try yet by coming back. */
    let away = false

    const wait = (begunAt: number, ms: number) =>
      Effect.gen(function* () {
        while (true) {
          const now = yield* clock.now
          const up = engine.unsafeState().privateUp
          const back = away && up && now >= begunAt + FIRST_RETRY_MS
          away = !up || (away && !back)
          if (back || now >= begunAt + ms) return
          yield* clock.sleep(Math.min(LOOK_MS, begunAt + ms - now))
        }
      })

    while (true) {
      if (engine.unsafeState().phase === "stopping") return yield* Effect.never
      if (leaveToExchange(engine.unsafeState())) {
        yield* engine.tell({ _tag: "SwitchLost", reason: "entries cannot be cancelled; the exchange will do it" })
        yield* clock.sleep(timeoutMs / 3)
        continue
      }
      const begunAt = yield* clock.now
      const done = yield* Effect.either(arm(timeoutMs))
      if (done._tag === "Right") {
        failures = 0
        away = false
        yield* clock.sleep(timeoutMs / 3)
        continue
      }
      const error = done.left
      if (error._tag === "KrakenApiError" && error.stop) return yield* new CredentialsRefused({ text: error.text })
      if (error._tag === "KrakenApiError" && error.nonceAhead === true) {
        yield* engine.tell({ _tag: "AnotherTraderSeen", reason: NONCE_AHEAD })
      }
      const next = retryAfter(failures, yield* Random.next)
      failures += 1
      yield* Effect.logWarning(
        `the dead man's switch was not refreshed, next try within ${Math.ceil(next / 1000)} s: ${error.message}`
      )
      yield* wait(begunAt, next)
    }
  })
