/** Market time by hand: it stands still until the test moves it. */
import { Context, Effect, Layer } from "effect"
import type { EpochMs } from "../../domain/Time.ts"
import type { MarketClockShape } from "../../services/Clock.ts"
import { MarketClock } from "../../services/Clock.ts"

export interface MockMarketClockControlShape {
  /** Moves market time ahead; every sleep that has become due wakes, earliest first. */
  readonly advance: (ms: number) => Effect.Effect<void>
  /** Sets market time; sleeps that have become due wake. */
  readonly set: (at: EpochMs) => Effect.Effect<void>
  /** How many sleeps are waiting. */
  readonly sleeping: Effect.Effect<number>
  /** How many effects hold market time now. The hand-moved clock stands still anyway; this only counts. */
  readonly holders: Effect.Effect<number>
  /** Measurements that were fed to the clock, in order. */
  readonly observed: Effect.Effect<
    ReadonlyArray<{ readonly exchangeMs: EpochMs; readonly sentAt: EpochMs; readonly receivedAt: EpochMs }>
  >
  readonly setOffset: (offset: { readonly ms: number; readonly measuredAt: EpochMs }) => Effect.Effect<void>
}

/** Moves and inspects `mockMarketClock`. */
export class MockMarketClockControl extends Context.Tag("trader/layers/mock/MockMarketClock/MockMarketClockControl")<
  MockMarketClockControl,
  MockMarketClockControlShape
>() {}

interface Sleeper {
  readonly due: EpochMs
  readonly wake: () => void
}

const make = (start: EpochMs) => {
  let now = start
  let holders = 0
  let offset = { ms: 0, measuredAt: start }
  let sleepers: ReadonlyArray<Sleeper> = []
  const observed: Array<Parameters<MarketClockShape["observe"]>[0]> = []

  const set = (at: EpochMs) =>
    Effect.sync(() => {
      now = at
      const due = sleepers.filter((s) => s.due <= now).toSorted((a, b) => a.due - b.due)
      sleepers = sleepers.filter((s) => s.due > now)
      for (const { wake } of due) wake()
    })

  const clock: MarketClockShape = {
    now: Effect.sync(() => now),
    unsafeNow: () => now,
    sleep: (marketMs) =>
      Effect.async<void>((resume) => {
        if (marketMs <= 0) return resume(Effect.void)
        const sleeper: Sleeper = { due: now + marketMs, wake: () => resume(Effect.void) }
        sleepers = [...sleepers, sleeper]
        return Effect.sync(() => {
          sleepers = sleepers.filter((s) => s !== sleeper)
        })
      }),
    speed: 1,
    hold: (self) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          holders += 1
        }),
        () => self,
        () =>
          Effect.sync(() => {
            holders -= 1
          })
      ),
    offset: Effect.sync(() => offset),
    observe: (sample) =>
      Effect.sync(() => {
        observed.push(sample)
      })
  }
  const control: MockMarketClockControlShape = {
    advance: (ms) => Effect.suspend(() => set(now + ms)),
    set,
    sleeping: Effect.sync(() => sleepers.length),
    holders: Effect.sync(() => holders),
    observed: Effect.sync(() => [...observed]),
    setOffset: (next) =>
      Effect.sync(() => {
        offset = next
      })
  }
  return Context.make(MarketClock, clock).pipe(Context.add(MockMarketClockControl, control))
}

/** A clock that starts at `start` (milliseconds since 1970, UTC). Bind the layer to a constant: called twice it is two clocks. */
export const mockMarketClock = (start: EpochMs): Layer.Layer<MarketClock | MockMarketClockControl> =>
  Layer.effectContext(Effect.sync(() => make(start)))
