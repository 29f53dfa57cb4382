/** The local Kraken of these settings: beside the trader in paper mode, or as a service of its own. */
import * as Path from "node:path"
import { Effect, Layer } from "effect"
import type { Scope } from "effect"
import type { LocalKrakenOptions } from "../layers/exchange/LocalKrakenServer.ts"
import { makeLocalKraken } from "../layers/exchange/LocalKrakenServer.ts"
import { makeFollowingKraken } from "../layers/exchange/Upstream.ts"
import { publicKraken } from "../layers/kraken/publicKraken.ts"
import { LocalKraken } from "../services/LocalKraken.ts"
import type { LocalKrakenError, LocalKrakenShape, TapeError } from "../services/LocalKraken.ts"
import type { SettingsShape } from "../services/Settings.ts"

export const localKrakenOptions = (settings: SettingsShape): LocalKrakenOptions & { readonly file: string } => {
  const { paper } = settings
  return {
    market: paper.market,
    seed: paper.seed,
    balances: paper.balances,
    speed: paper.speed,
    file: Path.join(settings.dataDir, "exchange.db"),
    symbols: settings.limits.allowedPairs,
    tier: settings.tier,
    ...(paper.from === undefined ? {} : { from: paper.from }),
    ...(paper.to === undefined ? {} : { to: paper.to })
  }
}

/** With a market that is made here, or with the real one behind it. */
export const localKrakenFor = (settings: SettingsShape, options: LocalKrakenOptions) =>
  options.market._tag === "Kraken"
    ? Effect.flatMap(Layer.build(publicKraken(settings)), (kraken) =>
        Effect.provide(makeFollowingKraken(settings, options), kraken)
      )
    : makeLocalKraken(options)

/** For `exchange`: the local Kraken as a service of its own. */
export const localKrakenService = (settings: SettingsShape, options: LocalKrakenOptions) =>
  Layer.scoped(LocalKraken, localKrakenFor(settings, options))

/** Paper mode: the local Kraken of this folder, with its account in `exchange.db`. */
export const startLocalKraken = (
  settings: SettingsShape
): Effect.Effect<LocalKrakenShape, LocalKrakenError | TapeError, Scope.Scope> =>
  localKrakenFor(settings, localKrakenOptions(settings))

/** The settings as the layers that talk to the exchange see them in paper mode: its own key, its own addresses. */
export const pointedAt = (settings: SettingsShape, kraken: LocalKrakenShape): SettingsShape => ({
  ...settings,
  credentials: kraken.credentials,
  endpoints: { rest: kraken.restUrl, ws: kraken.wsUrl, wsAuth: kraken.wsAuthUrl }
})
