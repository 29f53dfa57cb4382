/** A fresh stream token for every private connection, and what it means when there is none. */
import { Effect, Redacted } from "effect"
import type { KrakenError } from "../../../domain/kraken/KrakenError.ts"
import type { KrakenRestShape } from "../../../services/KrakenRest.ts"
import { registerSecret } from "../../node/secrets.ts"
import { ended, SessionEnded } from "./SessionEnded.ts"

/** Kraken locks a key out for about 15 minutes, and every attempt may start them anew. */
const LOCKOUT_MS = 900_000

const tokenFailure =
  (nowMs: number) =>
  (error: KrakenError): SessionEnded => {
    const detail = `no stream token: ${error.message}`
    switch (error._tag) {
      case "KrakenApiError":
        if (error.stop) return ended("credentials", error.text)
        if (error.kind === "lockout") return new SessionEnded({ why: "token", detail, waitMs: LOCKOUT_MS })
        return error.retryAt === undefined
          ? ended("token", detail)
          : new SessionEnded({ why: "token", detail, waitMs: Math.min(error.retryAt - nowMs, LOCKOUT_MS) })
      case "KrakenNotSent":
        if (error.why === "credentials") return ended("credentials", error.detail)
        return error.why === "lockout"
          ? new SessionEnded({ why: "token", detail, waitMs: LOCKOUT_MS })
          : ended("token", detail)
      case "KrakenTransportError":
        return ended("token", detail)
    }
  }

/** The token never appears in an error, and from its arrival on in no log line. */
export const freshToken = (rest: KrakenRestShape, timeoutMs: number): Effect.Effect<string, SessionEnded> =>
  Effect.flatMap(Effect.clock, (clock) =>
    rest.webSocketsToken.pipe(
      Effect.mapError((error) => tokenFailure(clock.unsafeCurrentTimeMillis())(error)),
      Effect.map(({ token }) => token),
      Effect.tap((token) => Effect.sync(() => registerSecret(Redacted.make(token), "passing"))),
      Effect.timeoutFail({
        duration: timeoutMs,
        onTimeout: () => ended("token", `no stream token within ${timeoutMs} ms`)
      })
    )
  )
