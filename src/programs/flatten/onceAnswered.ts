/** The start of a run that only sells: an exchange that does not answer is asked again for as long as the sale may take. */
import { Clock, Effect, Either } from "effect"
import { ExchangeUnavailable } from "../trade/preflight.ts"
import type { FlattenRun } from "./FlattenRun.ts"

/** Pause between two tries (real time). */
const AGAIN_MS = 2000

/**
 * What the start came to, and the run with the time that is left of it: all of it when the first try went through. Fails with
 * the last `ExchangeUnavailable` when the time is up, with anything else at once; a trader that is to trade leaves trying again to
 * whoever starts it.
 */
export const onceAnswered = <A, E, R>(
  start: Effect.Effect<A, E | ExchangeUnavailable, R>,
  run: FlattenRun | undefined
): Effect.Effect<readonly [started: A, run: FlattenRun | undefined], E | ExchangeUnavailable, R> =>
  Effect.gen(function* () {
    if (run === undefined) return [yield* start, undefined]
    const deadline = (yield* Clock.currentTimeMillis) + run.timeoutMs
    const left = Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, deadline - now))
    const first = yield* Effect.either(start)
    if (Either.isRight(first)) return [first.right, run]
    if (!(first.left instanceof ExchangeUnavailable)) return yield* Effect.fail(first.left)
    let refusal = first.left
    const again = Effect.gen(function* () {
      while (true) {
        const leftMs = yield* left
        if (leftMs === 0) return yield* Effect.fail(refusal)
        yield* Effect.logWarning(
          `nothing is sold yet: Kraken cannot be reached: ${refusal.detail}; trying again for ${Math.ceil(leftMs / 1000)} s`
        )
        yield* run.waiting(refusal.detail, leftMs)
        yield* Effect.sleep(AGAIN_MS)
        const tried = yield* Effect.either(start)
        if (Either.isRight(tried)) return tried.right
        if (!(tried.left instanceof ExchangeUnavailable)) return yield* Effect.fail(tried.left)
        refusal = tried.left
      }
    })
    const started = yield* Effect.timeoutFail(again, { duration: yield* left, onTimeout: () => refusal })
    return [started, { ...run, timeoutMs: yield* left }]
  })
