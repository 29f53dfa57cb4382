/**
 * Where log lines go: always as JSON lines to `trader.log` in the data folder, and to standard error in the form that
 * was asked for (standard output belongs to what a command answers). The last thing that happens to a line is that every
 * secret is masked in it.
 */
import * as Path from "node:path"
import { Headers } from "@effect/platform"
import { Effect, Layer, LogLevel, Logger } from "effect"
import type { SettingsShape } from "../../services/Settings.ts"
import { makeLogFile } from "./LogFile.ts"
import { scrub } from "./secrets.ts"

/** Names of headers whose values no request that is logged may show (Kraken's are `API-Key` and `API-Sign`). */
const SECRET_HEADERS = ["authorization", "cookie", "set-cookie", "x-api-key", "api-key", "api-sign", "api-otp"]

const levels: Readonly<Record<SettingsShape["log"]["level"], LogLevel.LogLevel>> = {
  error: LogLevel.Error,
  warn: LogLevel.Warning,
  info: LogLevel.Info,
  debug: LogLevel.Debug,
  trace: LogLevel.Trace
}

export interface LoggingOptions {
  /** Holds `trader.log`; absent for commands that only look: then nothing is written to disk. */
  readonly dataDir?: string | undefined
  readonly level: SettingsShape["log"]["level"]
  readonly format: SettingsShape["log"]["format"]
  /** Takes one finished line; standard error in the program. */
  readonly write: (line: string) => void
  readonly maxBytes?: number
}

export const LOG_FILE = "trader.log"
const MAX_BYTES = 10 * 1024 * 1024
const KEEP = 5

/** A terminal gets colour and indentation; both forms carry cause, annotations and spans. */
const pretty = Logger.map(Logger.logfmtLogger, (line) =>
  line.replace(
    /^timestamp=(\S+) level=(\S+) fiber=\S+ message=/,
    (_, time: string, level: string) => `${time} ${level.padEnd(5)} `
  )
)

/** Standard error as a sink. A closed one is no reason to stop. */
export const standardError = (line: string): void => {
  process.stderr.write(`${line}\n`, () => {})
}

const make = ({ dataDir, format, write, maxBytes = MAX_BYTES }: LoggingOptions) =>
  Effect.gen(function* () {
    const onScreen = Logger.map(format === "json" ? Logger.jsonLogger : pretty, (line) => {
      try {
        write(scrub(line))
      } catch {
        // Nobody reads it: the log file, if any, has it.
        return
      }
    })
    if (dataDir === undefined) return onScreen
    const file = yield* Effect.acquireRelease(
      Effect.sync(() =>
        makeLogFile({
          path: Path.join(dataDir, LOG_FILE),
          maxBytes,
          keep: KEEP,
          complain: (text) => write(scrub(text))
        })
      ),
      (open) => Effect.sync(() => open.close())
    )
    const onDisk = Logger.map(Logger.jsonLogger, (line) => file.write(scrub(line)))
    return Logger.zipLeft(onScreen, onDisk)
  })

/** Replaces the default logger, sets the level, and keeps credentials out of logged requests (header redaction). */
export const layer = (options: LoggingOptions): Layer.Layer<never> =>
  Layer.mergeAll(
    Logger.replaceScoped(Logger.defaultLogger, make(options)),
    Logger.minimumLogLevel(levels[options.level]),
    Layer.scopedDiscard(Effect.locallyScoped(Headers.currentRedactedNames, SECRET_HEADERS))
  )
