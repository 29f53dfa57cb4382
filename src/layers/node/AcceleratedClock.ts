/**
 * Market time of paper mode: `speed` market seconds per real second, shared by the trader and the local Kraken, and
 * standing still while anybody holds it.
 *
 * Built on the monotonic nanoseconds of Effect's own `Clock`, so the machine's clock may be set without market time
 * noticing, and a `TestClock` drives it in tests.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import type { EpochMs } from "../../domain/Time.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { SteerableClockShape } from "../../services/LocalKraken.ts"

interface Waiter {
  readonly due: number
  /** Ties wake in the order in which they went to sleep. */
  readonly order: number
  readonly wake: () => void
}

const before = (a: Waiter, b: Waiter): boolean => a.due < b.due || (a.due === b.due && a.order < b.order)

/**
 * Real milliseconds by which a sleeper may be woken late before the delay stops counting as market time (speeds above 1
 * only): acceleration would turn a pause of a second for garbage collection into a minute's outage.
 */
const STALL_GRACE_MS = 50

/** Where a waiter belongs in the list, earliest first (binary search). */
const position = (waiters: ReadonlyArray<Waiter>, waiter: Waiter): number => {
  let low = 0
  let high = waiters.length
  while (low < high) {
    const middle = (low + high) >> 1
    const at = waiters[middle]
    if (at !== undefined && before(at, waiter)) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Makes one clock; share the object, since two clocks drift apart as soon as one is held. `speed` is market seconds per
 * real second, at least one thousandth. The timer that wakes sleepers lives in the scope.
 */
export const makeAcceleratedClock = (options: {
  readonly start: EpochMs
  readonly speed: number
}): Effect.Effect<SteerableClockShape, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const speed = Math.max(0.001, options.speed)
    const realMs = (): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6
    const changed = yield* Effect.makeLatch(false)

    let anchorMarket: number = options.start
    let anchorReal = realMs()
    let holders = 0
    let paused = false
    let order = 0
    const waiters: Array<Waiter> = []

    const frozen = (): boolean => paused || holders > 0
    /** Market time, and never further past the next sleeper than the grace: a stalled process does not skip what it owes. */
    const exact = (): number => {
      if (frozen()) return anchorMarket
      const real = realMs()
      const reached = anchorMarket + Math.max(0, real - anchorReal) * speed
      const first = waiters[0]
      const limit =
        first === undefined || speed <= 1 ? reached : Math.max(anchorMarket, first.due + STALL_GRACE_MS * speed)
      if (reached <= limit) return reached
      anchorMarket = limit
      anchorReal = real
      return limit
    }
    const unsafeNow = (): EpochMs => Math.floor(exact())
    /** Pins market time to the present, so that what follows (freezing, thawing, a jump) starts from it. */
    const anchor = (): void => {
      anchorMarket = exact()
      anchorReal = realMs()
    }

    const wakeDue = (): void => {
      const now = exact()
      for (let first = waiters[0]; first !== undefined && first.due <= now; first = waiters[0]) {
        waiters.shift()
        first.wake()
      }
    }

    // One timer for all sleepers. It is armed for the earliest of them and armed again whenever that one changes, or
    // market time was held, resumed or advanced; while time stands still it waits for one of those.
    const timer = Effect.suspend(() => {
      changed.unsafeClose()
      wakeDue()
      const first = waiters[0]
      return first === undefined || frozen()
        ? changed.await
        : Effect.raceFirst(Effect.sleep(Math.max(1, Math.ceil((first.due - exact()) / speed))), changed.await)
    })
    yield* Effect.forkScoped(Effect.forever(timer))

    const sleep = (marketMs: number): Effect.Effect<void> =>
      marketMs > 0
        ? Effect.async<void>((resume) => {
            const waiter: Waiter = { due: exact() + marketMs, order: order++, wake: () => resume(Effect.void) }
            const at = position(waiters, waiter)
            waiters.splice(at, 0, waiter)
            if (at === 0) changed.unsafeOpen()
            return Effect.sync(() => {
              const index = waiters.indexOf(waiter)
              if (index >= 0) waiters.splice(index, 1)
            })
          })
        : Effect.yieldNow()

    const unsafeHold = (): (() => void) => {
      anchor()
      holders += 1
      changed.unsafeOpen()
      let held = true
      return () => {
        if (!held) return
        held = false
        anchor()
        holders -= 1
        changed.unsafeOpen()
      }
    }

    const setPaused = (value: boolean): Effect.Effect<void> =>
      Effect.sync(() => {
        anchor()
        paused = value
        changed.unsafeOpen()
      })

    return {
      ...MarketClock.of({
        now: Effect.sync(unsafeNow),
        unsafeNow,
        sleep,
        speed,
        hold: (self) =>
          Effect.acquireUseRelease(
            Effect.sync(unsafeHold),
            () => self,
            (release) => Effect.sync(release)
          ),
        offset: Effect.sync(() => ({ ms: 0, measuredAt: unsafeNow() })),
        observe: () => Effect.void
      }),
      unsafeHold,
      pause: setPaused(true),
      resume: setPaused(false),
      advance: (marketMs) =>
        Effect.sync(() => {
          anchor()
          anchorMarket += Math.max(0, marketMs)
          changed.unsafeOpen()
        })
    }
  })
