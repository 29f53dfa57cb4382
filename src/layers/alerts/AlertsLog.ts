/** Alerts where no webhook is set: the log is all there is. */
import { Effect, Layer, LogLevel } from "effect"
import type { Alert } from "../../services/Alerts.ts"
import { Alerts } from "../../services/Alerts.ts"

const levels: Readonly<Record<Alert["severity"], LogLevel.LogLevel>> = {
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  critical: LogLevel.Error
}

/** One log line at the alert's severity. */
export const logAlert = ({ severity, kind, text, data = {} }: Alert): Effect.Effect<void> =>
  Effect.logWithLevel(levels[severity], text).pipe(Effect.annotateLogs({ ...data, alert: kind }))

export const layer: Layer.Layer<Alerts> = Layer.succeed(Alerts, { send: logAlert })
