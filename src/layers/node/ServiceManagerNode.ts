/**
 * systemd's notify protocol (sd_notify(3)) by its own command: the protocol is a datagram to a unix socket, which Node
 * cannot send, and a native library for two words a minute is more to trust than the command that systemd brings along.
 * The unit needs `NotifyAccess=all`, since the command is another process.
 */
import { execFile } from "node:child_process"
import { Effect, Layer } from "effect"
import { ServiceManager } from "../../services/ServiceManager.ts"

/** Longest that the command may take. */
const TIMEOUT_MS = 5000

type Environment = Readonly<Record<string, string | undefined>>

const notify = (environment: Environment, ...words: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.async<Error | null>((resume) => {
    const env = { PATH: environment["PATH"], NOTIFY_SOCKET: environment["NOTIFY_SOCKET"] }
    const child = execFile("systemd-notify", [...words], { env, timeout: TIMEOUT_MS }, (error) => {
      resume(Effect.succeed(error))
    })
    return Effect.sync(() => void child.kill())
  }).pipe(
    Effect.flatMap((error) =>
      error === null
        ? Effect.void
        : Effect.logWarning(
            `systemd was not told "${words.join(" ")}" (${error.message}): is systemd-notify installed? Its watchdog will take the trader for hanging.`
          )
    )
  )

/** `WATCHDOG_USEC` for this process, or for whatever process systemd started. */
const watchdogOf = (environment: Environment, pid: number): number | undefined => {
  const { WATCHDOG_USEC: microseconds = "", WATCHDOG_PID: meant = String(pid) } = environment
  return /^\d{4,}$/.test(microseconds) && meant === String(pid) ? Number(microseconds) / 1000 : undefined
}

/** Without `NOTIFY_SOCKET` nobody is told anything. */
export const serviceManager = (environment: Environment, pid: number): Layer.Layer<ServiceManager> =>
  Layer.succeed(
    ServiceManager,
    environment["NOTIFY_SOCKET"] === undefined || environment["NOTIFY_SOCKET"] === ""
      ? { watchdogMs: undefined, ready: Effect.void, alive: Effect.void }
      : {
          watchdogMs: watchdogOf(environment, pid),
          ready: notify(environment, "--ready", "--status=trading"),
          alive: notify(environment, "WATCHDOG=1")
        }
  )
