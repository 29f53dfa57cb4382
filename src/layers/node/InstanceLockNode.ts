/** One trader per data folder and per API key, by two files that the operating system keeps locked while it lives. */
import { createHash } from "node:crypto"
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import type { Scope } from "effect"
import { Effect, Layer, Redacted } from "effect"
import type { InstanceLockShape } from "../../services/InstanceLock.ts"
import { InstanceLock, LockHeld, LockUnusable } from "../../services/InstanceLock.ts"
import type { FileLock } from "./fileLock.ts"
import { lockFile, lockedElsewhere } from "./fileLock.ts"

export interface InstanceLockOptions {
  readonly dataDir: string
  readonly stateDir: string
  /** Short hash of the API key (`keyFingerprint`); absent where no key is known. */
  readonly keyFingerprint?: string | undefined
}

/** Names an API key without telling it: the first 16 hex digits of its SHA-256. */
export const keyFingerprint = (key: Redacted.Redacted): string =>
  createHash("sha256").update(Redacted.value(key)).digest("hex").slice(0, 16)

export const dataLockPath = (dataDir: string): string => Path.join(dataDir, ".trading_lock")

const keyLockPath = (stateDir: string, fingerprint: string): string =>
  Path.join(stateDir, "locks", `key-${fingerprint}.lock`)

/** Beside the lock, for people: who holds it. What it says is not what locks. */
export const holderPath = (lock: string): string => `${lock}.holder`

const readHolder = (lock: string): { readonly holder: string } | Record<never, never> => {
  try {
    return { holder: FileSystem.readFileSync(holderPath(lock), "utf8").trim() }
  } catch {
    return {}
  }
}

const unusable = (path: string) => (cause: unknown) =>
  new LockUnusable({ path, detail: cause instanceof Error ? cause.message : String(cause) })

const hold = (what: LockHeld["what"], path: string): Effect.Effect<FileLock, LockHeld | LockUnusable, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        FileSystem.mkdirSync(Path.dirname(path), { recursive: true, mode: 0o700 })
        const lock = lockFile(path)
        if (lock !== undefined) FileSystem.writeFileSync(holderPath(path), `process ${process.pid}\n`, { mode: 0o600 })
        return lock
      },
      catch: unusable(path)
    }).pipe(
      Effect.flatMap((lock) =>
        lock === undefined ? Effect.fail(new LockHeld({ what, path, ...readHolder(path) })) : Effect.succeed(lock)
      )
    ),
    (lock) =>
      Effect.sync(() => {
        FileSystem.rmSync(holderPath(path), { force: true })
        lock.release()
      })
  )

const make = ({ dataDir, stateDir, keyFingerprint: fingerprint }: InstanceLockOptions): InstanceLockShape => {
  const dataLock = dataLockPath(dataDir)
  let locks: ReadonlyArray<FileLock> = []
  return {
    acquire: Effect.gen(function* () {
      const folder = yield* hold("data folder", dataLock)
      const key = fingerprint === undefined ? [] : [yield* hold("API key", keyLockPath(stateDir, fingerprint))]
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          locks = [folder, ...key]
        }),
        () =>
          Effect.sync(() => {
            locks = []
          })
      )
    }),
    verify: Effect.sync(() => locks.length > 0 && locks.every((lock) => lock.verify())),
    heldElsewhere: Effect.try({ try: () => lockedElsewhere(dataLock), catch: unusable(dataLock) })
  }
}

export const layer = (options: InstanceLockOptions): Layer.Layer<InstanceLock> =>
  Layer.sync(InstanceLock, () => make(options))
