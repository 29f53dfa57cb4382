/**
 * Market time in live and observe mode: the machine's clock plus the measured offset to the exchange's.
 *
 * The offset is chosen as NTP's clock filter does: of the newest samples the one with the shortest round trip wins, since
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

interface Sample {
  /** Exchange minus machine, milliseconds. */
  readonly ms: number
  readonly roundTrip: number
  /** Machine time of the measurement. */
  readonly machineAt: number
  readonly measuredAt: EpochMs
}

/** Two measurements of one steady clock agree within half their round trips and the resolution; if not, a clock stepped. */
const agree = (a: Sample, b: Sample): boolean =>
  Math.abs(a.ms - b.ms) <= (a.roundTrip + b.roundTrip) / 2 + RESOLUTION_MS

/** The samples that still count once `sample` is in: newest last, at most eight, ten minutes old, and all from the same setting of the clocks. */
const admit = (samples: ReadonlyArray<Sample>, sample: Sample): ReadonlyArray<Sample> => [
  ...samples.filter((s) => sample.machineAt - s.machineAt <= MAX_AGE_MS && agree(s, sample)).slice(1 - SAMPLES),
  sample
]

/**
 * The live market clock on Effect's own `Clock`. `observe` takes stamps of this clock (`now` read when the request left
 * and when its answer came); samples that end before they begin are ignored, and one that contradicts the earlier ones
 * (the machine's clock was set) replaces them. `hold` does nothing: nobody can stop the real exchange.
 */
export const makeSystemClock: Effect.Effect<MarketClockShape> = Effect.gen(function* () {
  const clock = yield* Effect.clock
  let samples: ReadonlyArray<Sample> = []
  let best: Sample | undefined
  const unsafeNow = (): EpochMs => Math.floor(clock.unsafeCurrentTimeMillis() + (best?.ms ?? 0))
  return MarketClock.of({
    now: Effect.sync(unsafeNow),
    unsafeNow,
    sleep: (marketMs) => Effect.sleep(Math.max(0, marketMs)),
    speed: 1,
    hold: (self) => self,
    offset: Effect.sync(() => ({ ms: best?.ms ?? 0, measuredAt: best?.measuredAt ?? 0 })),
    observe: ({ exchangeMs, sentAt, receivedAt }) =>
      Effect.sync(() => {
        const roundTrip = receivedAt - sentAt
        if (!(roundTrip >= 0) || !Number.isFinite(exchangeMs)) return
        const ms = (best?.ms ?? 0) + exchangeMs - (sentAt + receivedAt) / 2
        samples = admit(samples, {
          ms,
          roundTrip,
          machineAt: clock.unsafeCurrentTimeMillis(),
          measuredAt: exchangeMs
        })
        best = samples.reduce((chosen, s) => (s.roundTrip <= chosen.roundTrip ? s : chosen))
      })
  })
})

export const SystemClockLive: Layer.Layer<MarketClock> = Layer.effect(MarketClock, makeSystemClock)
