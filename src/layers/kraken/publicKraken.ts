/** Kraken as anybody sees it: for a market behind the local exchange. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Effect, Layer } from "effect"
import * as RateBudget from "../../domain/kraken/RateBudget.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { KrakenRest } from "../../services/KrakenRest.ts"
import type { KrakenStream } from "../../services/KrakenStream.ts"
import { Nonce } from "../../services/Nonce.ts"
import { RateLimits } from "../../services/RateLimits.ts"
import { Settings } from "../../services/Settings.ts"
import type { SettingsShape } from "../../services/Settings.ts"
import { SystemClockLive } from "../node/SystemClock.ts"
import { KrakenRestLive } from "./rest/KrakenRestLive.ts"
import { makeRateLimits } from "./rest/RateLimitsLive.ts"
import { KrakenStreamLive } from "./stream/KrakenStreamLive.ts"

const unusable = Effect.dieMessage("no private call is made for a market")

/** Kraken's public calls and streams, without a key: no nonces, and counters of its own that nobody keeps. */
export const publicKraken = (settings: SettingsShape): Layer.Layer<KrakenRest | KrakenStream> => {
  const { credentials: _, ...keyless } = settings
  const base = Layer.mergeAll(
    Layer.succeed(Settings, keyless),
    Layer.succeed(Nonce, Nonce.of({ next: unusable, advance: () => unusable, highest: unusable })),
    SystemClockLive,
    NodeHttpClient.layerUndici
  )
  const limits = Layer.scoped(
    RateLimits,
    Effect.flatMap(MarketClock, (clock) =>
      makeRateLimits(RateBudget.tiers[settings.tier], clock, {
        load: Effect.succeed(undefined),
        save: () => Effect.void
      })
    )
  )
  return KrakenStreamLive.pipe(Layer.provideMerge(KrakenRestLive), Layer.provide(limits), Layer.provide(base))
}
