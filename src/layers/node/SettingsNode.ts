/** Settings from the environment and from `.env` in the working directory; the environment wins. */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { Effect, Either, Layer, Redacted } from "effect"
import type { DotEnv } from "../../domain/settings/DotEnv.ts"
import { parseDotEnv } from "../../domain/settings/DotEnv.ts"
import type { ParsedSettings } from "../../domain/settings/Parse.ts"
import { confirmationText, parseSettings } from "../../domain/settings/Parse.ts"
import type { SettingsShape } from "../../services/Settings.ts"
import { Settings, SettingsInvalid } from "../../services/Settings.ts"
import { registerSecret } from "./secrets.ts"

/** Where the texts come from; tests bring their own. */
export interface SettingsSource {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Working directory: holds `.env`, and relative paths begin here. */
  readonly directory: string
  readonly platform: NodeJS.Platform
  readonly home: string
  /** Whether standard error is a terminal: decides the default of LOG_FORMAT. */
  readonly terminal: boolean
}

export const processSource = (): SettingsSource => ({
  environment: process.env,
  directory: process.cwd(),
  platform: process.platform,
  home: homedir(),
  terminal: process.stderr.isTTY
})

/**
 * Where locks of API keys live, the same for every installation of this user on this machine: `$XDG_STATE_HOME` wherever
 * it is set, else the system's usual place.
 */
export const stateDirectory = ({ environment, platform, home }: SettingsSource): string => {
  const named = environment["XDG_STATE_HOME"] || (platform === "win32" ? environment["LOCALAPPDATA"] : undefined)
  const base =
    named || join(home, ...(platform === "darwin" ? ["Library", "Application Support"] : [".local", "state"]))
  return join(base, "kraken-trader")
}

const isMissing = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "code" in cause && cause.code === "ENOENT"

const readDotEnv = (directory: string): DotEnv => {
  try {
    return parseDotEnv(readFileSync(join(directory, ".env"), "utf8"))
  } catch (cause) {
    if (isMissing(cause)) return { entries: [], problems: [] }
    return { entries: [], problems: [{ line: 0, wrong: "the file is there but cannot be read" }] }
  }
}

/** The code that must be repeated in LIVE_TRADING_CONFIRMED: `XXXX-XXXX`, of a hash over whatever bears on risk. */
export const confirmationCode = (settings: Pick<ParsedSettings, "mode" | "strategy" | "limits">): string => {
  const hash = createHash("sha256").update(confirmationText(settings)).digest("hex").slice(0, 8).toUpperCase()
  return `${hash.slice(0, 4)}-${hash.slice(4)}`
}

/** A secret that from now on no log line can show. */
const guard = (secret: string): Redacted.Redacted => {
  const redacted = Redacted.make(secret)
  registerSecret(redacted)
  return redacted
}

/** Texts among the fields may be as good as a password (the topic of a public ntfy server): each is guarded. */
const guardFields = (fields: Readonly<Record<string, unknown>>): Redacted.Redacted<typeof fields> => {
  for (const value of Object.values(fields)) if (typeof value === "string") guard(value)
  return Redacted.make(fields)
}

const complete = (parsed: ParsedSettings, source: SettingsSource): SettingsShape => {
  const { key, secret, paper, confirmed, alertWebhook, alertFields, heartbeatUrl } = parsed
  const path = (relative: string): string => resolve(source.directory, relative)
  const { from, to, stopAfter, market } = paper
  return {
    mode: parsed.mode,
    paper: {
      market:
        market._tag === "Tape"
          ? { _tag: "Tape", tapes: market.tapes.map((tape) => ({ symbol: tape.symbol, path: path(tape.path) })) }
          : market,
      seed: paper.seed,
      balances: paper.balances,
      speed: paper.speed,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(stopAfter === undefined ? {} : { stopAfter })
    },
    ...(key === undefined || secret === undefined ? {} : { credentials: { key: guard(key), secret: guard(secret) } }),
    endpoints: parsed.endpoints,
    tier: parsed.tier,
    limits: parsed.limits,
    strategy: parsed.strategy,
    dataDir: path(parsed.dataDir),
    backupEvery: parsed.backupEvery,
    stateDir: stateDirectory(source),
    log: { level: parsed.logLevel, format: parsed.logFormat ?? (source.terminal ? "pretty" : "json") },
    controlPort: parsed.controlPort,
    ...(alertWebhook === undefined ? {} : { alertWebhook: guard(alertWebhook) }),
    ...(alertFields === undefined ? {} : { alertFields: guardFields(alertFields) }),
    ...(heartbeatUrl === undefined ? {} : { heartbeatUrl: guard(heartbeatUrl) }),
    confirmationCode: confirmationCode(parsed),
    ...(confirmed === undefined ? {} : { confirmed })
  }
}

/** Reads the settings whole; fails with every problem at once. Reads nothing but `.env`, writes nothing, calls nobody. */
export const read = (source: SettingsSource): Effect.Effect<SettingsShape, SettingsInvalid> =>
  Effect.suspend(() =>
    Either.match(parseSettings(source.environment, readDotEnv(source.directory)), {
      onLeft: (problems) => Effect.fail(new SettingsInvalid({ problems })),
      onRight: (parsed) => Effect.succeed(complete(parsed, source))
    })
  )

const PRIVATE: ReadonlySet<string> = new Set(["KRAKEN_API_KEY", "KRAKEN_API_SECRET"])

/** The same for public calls: whatever the mode, keys are neither needed nor read. */
export const readPublic = (source: SettingsSource): Effect.Effect<SettingsShape, SettingsInvalid> =>
  Effect.suspend(() => {
    const { entries, problems } = readDotEnv(source.directory)
    const environment = Object.entries({ ...source.environment, TRADING_MODE: "paper" })
    return Either.match(
      parseSettings(Object.fromEntries(environment.filter(([key]) => !PRIVATE.has(key))), {
        entries: entries.filter(({ key }) => !PRIVATE.has(key)),
        problems
      }),
      {
        onLeft: (found) => Effect.fail(new SettingsInvalid({ problems: found })),
        onRight: (parsed) => Effect.succeed(complete(parsed, source))
      }
    )
  })

/** The settings of this process. */
export const layer: Layer.Layer<Settings, SettingsInvalid> = Layer.effect(
  Settings,
  Effect.suspend(() => read(processSource()))
)
