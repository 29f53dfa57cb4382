/**
 * A lock that the operating system drops with the process that holds it: an exclusive SQLite transaction on a file of
 * its own. It works the same on every system that SQLite runs on, needs no clean-up after a crash, and cannot be
 * inherited by a reused process id.
 */
import * as FileSystem from "node:fs"
import BetterSqlite3 from "better-sqlite3"

/** How long an attempt waits: longer than the instant for which another process may look at the lock. */
const PATIENCE_MS = 250

/**
 * Locks of this process by path. POSIX drops a file's locks when any handle of the file is closed in the process, so a
 * file that is locked here is never opened a second time.
 */
const held = new Set<string>()

export interface FileLock {
  /** Whether the file at the path is still the one that is locked. */
  readonly verify: () => boolean
  readonly release: () => void
}

const isBusy = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "code" in cause && String(cause.code).startsWith("SQLITE_BUSY")

const identity = (path: string): string | undefined => {
  const stat = FileSystem.statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`
}

/** One name for one file, however the path is written. */
const canonical = (path: string): string => (FileSystem.existsSync(path) ? FileSystem.realpathSync(path) : path)

/** Takes the lock; nothing when somebody else has it. Throws when the file cannot be opened or locked at all. */
export const lockFile = (path: string): FileLock | undefined => {
  if (held.has(canonical(path))) return undefined
  const raw = new BetterSqlite3(path, { timeout: PATIENCE_MS })
  try {
    raw.exec("BEGIN EXCLUSIVE")
  } catch (cause) {
    raw.close()
    if (isBusy(cause)) return undefined
    throw cause
  }
  const name = canonical(path)
  const locked = identity(path)
  held.add(name)
  return {
    verify: () => locked !== undefined && identity(path) === locked,
    release: () => {
      held.delete(name)
      raw.close()
    }
  }
}

/** Whether another process holds the lock now. Creates nothing; a lock of this process does not count. */
export const lockedElsewhere = (path: string): boolean => {
  if (!FileSystem.existsSync(path) || held.has(canonical(path))) return false
  const raw = new BetterSqlite3(path, { readonly: true, fileMustExist: true, timeout: 0 })
  try {
    raw.prepare("SELECT 1 FROM sqlite_master").get()
    return false
  } catch (cause) {
    if (isBusy(cause)) return true
    throw cause
  } finally {
    raw.close()
  }
}
