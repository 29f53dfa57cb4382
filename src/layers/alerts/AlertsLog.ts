/** Alerts where no webhook is set: the log is all there is. */
import { Context, Effect, Layer, LogLevel } from "effect"
import { guideOfAlert } from "../../domain/Guide.ts"
import { AlertOutbox } from "../../services/AlertOutbox.ts"
import type { Alert } from "../../services/Alerts.ts"
import { Alerts } from "../../services/Alerts.ts"

const levels: Readonly<Record<Alert["severity"], LogLevel.LogLevel>> = {
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  critical: LogLevel.Error
}

/** One log line at the alert's severity. */
export const logAlert = ({ severity, kind, text, data = {} }: Alert): Effect.Effect<void> =>
  Effect.logWithLevel(levels[severity], text).pipe(
    Effect.annotateLogs({ ...data, alert: kind, guide: guideOfAlert(kind) })
  )

export const layer: Layer.Layer<Alerts | AlertOutbox> = Layer.succeedContext(
  Context.make(Alerts, { send: logAlert }).pipe(Context.add(AlertOutbox, { health: Effect.succeed(undefined) }))
)
