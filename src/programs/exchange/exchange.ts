/** `exchange`: serves the local Kraken alone until it is stopped, for this trader or any other Kraken client. */
import { Effect, Redacted } from "effect"
import { LocalKraken } from "../../services/LocalKraken.ts"
import { StopSignal } from "../../services/StopSignal.ts"
import { Terminal } from "../../services/Terminal.ts"

/** Says where it is and with what key, then waits. The key is paper: it opens this exchange and nothing else. */
export const exchange = (options: {
  readonly json: boolean
  readonly pid: number
}): Effect.Effect<void, never, LocalKraken | StopSignal | Terminal> =>
  Effect.gen(function* () {
    const kraken = yield* LocalKraken
    const stop = yield* StopSignal
    const terminal = yield* Terminal
    const ready = {
      restUrl: kraken.restUrl,
      wsUrl: kraken.wsUrl,
      wsAuthUrl: kraken.wsAuthUrl,
      apiKey: Redacted.value(kraken.credentials.key),
      apiSecret: Redacted.value(kraken.credentials.secret),
      pid: options.pid,
      controlToken: Redacted.value(kraken.controlToken)
    }
    yield* terminal.print(
      options.json
        ? JSON.stringify(ready)
        : [
            "The local Kraken is ready. No money is at stake. Without --data its account lives in memory and ends with it.",
            `  REST            ${ready.restUrl}`,
            `  streams         ${ready.wsUrl}`,
            `  account streams ${ready.wsAuthUrl}`,
            `  API key         ${ready.apiKey}`,
            `  API secret      ${ready.apiSecret}`,
            `  control token   ${ready.controlToken}`,
            "Ctrl-C ends it."
          ].join("\n")
    )
    yield* stop.requested
  })
