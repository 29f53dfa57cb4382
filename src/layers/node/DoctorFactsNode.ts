/** The facts of this machine that `doctor` judges. Everything is looked at, nothing is created or changed. */
import { execFile } from "node:child_process"
import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect, Layer, Redacted } from "effect"
import type { MessageFields } from "../../domain/alerts/message.ts"
import { messageOf } from "../../domain/alerts/message.ts"
import { DoctorFacts } from "../../services/DoctorFacts.ts"
import type { EnvFileFacts, FolderFacts } from "../../services/DoctorFacts.ts"
import { Settings } from "../../services/Settings.ts"
import { LOG_FILE } from "./Logging.ts"
import { scrub } from "./secrets.ts"

/** `f_type` of file systems on which SQLite's locks cannot be trusted (Linux, statfs(2)). */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x65735546, "FUSE"],
  [0x01021997, "9P"]
])
const GIT_MS = 3_000
const WEBHOOK_MS = 5_000

/** The nearest folder that exists, for a data folder that is still to be created. */
const existing = (path: string): string => (existsSync(path) || dirname(path) === path ? path : existing(dirname(path)))

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const attempt = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

const whyNotWritable = (path: string): string | undefined => {
  try {
    accessSync(path, constants.W_OK)
    return undefined
  } catch (cause) {
    return textOf(cause)
  }
}

const folderFacts = (path: string): FolderFacts => {
  const place = existing(path)
  const disk = attempt(() => statfsSync(place))
  return {
    path,
    exists: existsSync(path),
    notWritable: whyNotWritable(place),
    freeBytes: disk === undefined ? undefined : disk.bavail * disk.bsize,
    remote: disk === undefined || process.platform !== "linux" ? undefined : REMOTE.get(disk.type)
  }
}

/** Exit codes of git-check-ignore: 0 ignored, 1 not ignored, 128 no work tree. A missing git keeps no secret either. */
const gitIgnores = (directory: string): Effect.Effect<boolean> =>
  Effect.async<boolean>((resume) => {
    execFile("git", ["check-ignore", "--quiet", ".env"], { cwd: directory, timeout: GIT_MS }, (error) =>
      resume(Effect.succeed(error === null || error.code !== 1))
    )
  })

const envFileFacts = (directory: string): Effect.Effect<EnvFileFacts> =>
  Effect.gen(function* () {
    const stat = attempt(() => statSync(join(directory, ".env")))
    if (stat === undefined) return { exists: false, openToOthers: undefined, gitWouldTakeIt: false }
    return {
      exists: true,
      openToOthers: process.platform === "win32" ? undefined : (stat.mode & 0o077) !== 0,
      gitWouldTakeIt: !(yield* gitIgnores(directory))
    }
  })

const trial = {
  at: 0,
  severity: "info",
  kind: "doctor.test",
  text: "`doctor` tries the alert webhook. Nothing is wrong."
} as const

const post = (
  url: Redacted.Redacted,
  mode: string,
  fields: MessageFields
): Effect.Effect<"answers" | { readonly problem: string }> =>
  Effect.tryPromise({
    try: (signal) =>
      fetch(Redacted.value(url), {
        method: "POST",
        signal,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(
          messageOf(
            { alert: { ...trial, at: Date.now() }, repeats: 0, queuedAt: Date.now() },
            { mode, fields, now: Date.now(), dropped: 0 }
          )
        )
      }),
    catch: (cause) => scrub(textOf(cause))
  }).pipe(
    Effect.timeoutFail({ duration: WEBHOOK_MS, onTimeout: () => `no answer within ${WEBHOOK_MS / 1000} seconds` }),
    Effect.match({
      onFailure: (problem) => ({ problem }),
      onSuccess: (response) =>
        response.ok ? ("answers" as const) : { problem: `it answered with HTTP status ${response.status}` }
    })
  )

/** `directory` is where `.env` is read from. */
export const doctorFactsNode = (directory: string): Layer.Layer<DoctorFacts, never, Settings> =>
  Layer.effect(
    DoctorFacts,
    Effect.map(Settings, ({ dataDir, mode, alertWebhook, alertFields }) => ({
      folder: Effect.sync(() => folderFacts(dataDir)),
      envFile: envFileFacts(directory),
      logProblem: Effect.sync(() => {
        const log = join(dataDir, LOG_FILE)
        return existsSync(log) ? whyNotWritable(log) : undefined
      }),
      newestBackup: Effect.sync(() => {
        const folder = join(dataDir, "backups")
        const times = (attempt(() => readdirSync(folder)) ?? [])
          .filter((name) => name.endsWith(".db"))
          .flatMap((name) => attempt(() => statSync(join(folder, name)).mtimeMs) ?? [])
        return times.length === 0 ? undefined : Math.max(...times)
      }),
      webhook:
        alertWebhook === undefined
          ? Effect.succeed("none" as const)
          : post(alertWebhook, mode, alertFields === undefined ? {} : Redacted.value(alertFields))
    }))
  )
