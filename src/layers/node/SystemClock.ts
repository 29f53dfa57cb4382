/**
 * Market time in live and observe mode: the machine's monotonic clock, set by the exchange's. Somebody who sets the
 * machine's clock while the trader runs moves nothing here: no deadline, no time limit of a position, no trading day. The
 * machine's wall clock only serves as the first guess, and to tell how far off it is.
 *
 * The setting is chosen as NTP's clock filter does: of the newest samples the one with the shortest round trip wins, since
 * its possible error (half the round trip) is the smallest.
 */
import { Effect, Layer } from "effect"
import type { EpochMs } from "../../domain/Time.ts"
import type { MarketClockShape } from "../../services/Clock.ts"
import { MarketClock } from "../../services/Clock.ts"

/** How many samples compete. */
const SAMPLES = 8
/** Older samples no longer count: quartz drifts by some ten milliseconds in this time. */
const MAX_AGE_MS = 10 * 60_000
/** REST `Time` tells whole seconds, so two honest samples may differ by this much more than their round trips explain. */
const RESOLUTION_MS = 1000
/** Sums of doubles near whole milliseconds are not cut to the one before. */
const TICK_MS = 1e-3

interface Sample {
  /** Exchange minus monotonic clock, milliseconds. */
  readonly ms: number
  readonly roundTrip: number
  /** Monotonic time of the measurement. */
  readonly steadyAt: number
  readonly measuredAt: EpochMs
}

/** Two measurements of one steady clock agree within half their round trips and the resolution; if not, a clock stepped. */
const agree = (a: Sample, b: Sample): boolean =>
  Math.abs(a.ms - b.ms) <= (a.roundTrip + b.roundTrip) / 2 + RESOLUTION_MS

/** The samples that still count once `sample` is in: newest last, at most eight, ten minutes old, and all from the same setting of the clocks. */
const admit = (samples: ReadonlyArray<Sample>, sample: Sample): ReadonlyArray<Sample> => [
  ...samples.filter((s) => sample.steadyAt - s.steadyAt <= MAX_AGE_MS && agree(s, sample)).slice(1 - SAMPLES),
  sample
]

/**
 * The live market clock on Effect's own `Clock`. `observe` takes stamps of this clock (`now` read when the request left
 * and when its answer came); samples that end before they begin are ignored, and one that contradicts the earlier ones
 * (the machine slept, which its monotonic clock does not count) replaces them. `hold` does nothing: nobody can stop the
 * real exchange. `offset` is what the machine's wall clock is off by, at this moment.
 */
export const makeSystemClock: Effect.Effect<MarketClockShape> = Effect.gen(function* () {
  const clock = yield* Effect.clock
  const steady = (): number => Number(clock.unsafeCurrentTimeNanos() / 1000n) / 1000
  const guess = clock.unsafeCurrentTimeMillis() - steady()
  let samples: ReadonlyArray<Sample> = []
  let best: Sample | undefined
  const unsafeNow = (): EpochMs => Math.floor(steady() + (best?.ms ?? guess) + TICK_MS)
  return MarketClock.of({
    now: Effect.sync(unsafeNow),
    unsafeNow,
    sleep: (marketMs) => Effect.sleep(Math.max(0, marketMs)),
    speed: 1,
    hold: (self) => self,
    offset: Effect.sync(() => ({
      ms: best === undefined ? 0 : unsafeNow() - clock.unsafeCurrentTimeMillis(),
      measuredAt: best?.measuredAt ?? 0
    })),
    observe: ({ exchangeMs, sentAt, receivedAt }) =>
      Effect.sync(() => {
        const roundTrip = receivedAt - sentAt
        if (!(roundTrip >= 0) || !Number.isFinite(exchangeMs)) return
        const ms = (best?.ms ?? guess) + exchangeMs - (sentAt + receivedAt) / 2
        samples = admit(samples, { ms, roundTrip, steadyAt: steady(), measuredAt: exchangeMs })
        best = samples.reduce((chosen, s) => (s.roundTrip <= chosen.roundTrip ? s : chosen))
      })
  })
})

export const SystemClockLive: Layer.Layer<MarketClock> = Layer.effect(MarketClock, makeSystemClock)
