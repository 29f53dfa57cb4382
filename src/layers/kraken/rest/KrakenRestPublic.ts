/** Kraken's REST interface for public calls alone: no key, no records. The pace is kept in memory. */
import { Effect, Layer } from "effect"
import * as RateBudget from "../../../domain/kraken/RateBudget.ts"
import { MarketClock } from "../../../services/Clock.ts"
import type { KrakenRest } from "../../../services/KrakenRest.ts"
import { Nonce } from "../../../services/Nonce.ts"
import { RateLimits } from "../../../services/RateLimits.ts"
import { Settings } from "../../../services/Settings.ts"
import { KrakenRestLive } from "./KrakenRestLive.ts"
import { makeRateLimits } from "./RateLimitsLive.ts"

const noNonce = Effect.dieMessage("a public call takes no nonce")

const withoutRecords = Layer.mergeAll(
  Layer.succeed(Nonce, Nonce.of({ next: noNonce, advance: () => noNonce, highest: noNonce })),
  Layer.scoped(
    RateLimits,
    Effect.flatMap(Effect.all([Settings, MarketClock]), ([settings, clock]) =>
      makeRateLimits(RateBudget.tiers[settings.tier], clock, {
        load: Effect.succeed(undefined),
        save: () => Effect.void
      })
    )
  )
)

export const KrakenRestPublic: Layer.Layer<KrakenRest, never, Settings | MarketClock> = Layer.provide(
  KrakenRestLive,
  withoutRecords
)
