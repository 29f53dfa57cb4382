/** What the driver and the file system say, as the store's one error. */
import { Data } from "effect"
import { StoreFailed } from "../../services/Store.ts"

/** A row that does not hold what its schema says. Thrown inside a driver call and mapped at its edge. */
export class Damaged extends Data.TaggedError("Damaged")<{ readonly what: string }> {
  override get message(): string {
    return this.what
  }
}

/** A database that a newer version of the program wrote. */
export class Newer extends Data.TaggedError("Newer")<{ readonly found: number; readonly known: number }> {
  override get message(): string {
    return `the database has schema ${this.found}, this program knows schemas up to ${this.known}: install the newer program, or restore a backup made before the upgrade`
  }
}

type Reason = StoreFailed["reason"]

/** SQLite result codes (https://www.sqlite.org/rescode.html) and errno names, by their beginnings. */
const reasons: ReadonlyArray<readonly [prefix: string, reason: Reason]> = [
  ["SQLITE_BUSY", "busy"],
  ["SQLITE_LOCKED", "busy"],
  ["SQLITE_FULL", "full"],
  ["SQLITE_IOERR", "io"],
  ["SQLITE_CANTOPEN", "io"],
  ["SQLITE_READONLY", "readonly"],
  ["SQLITE_PERM", "readonly"],
  ["SQLITE_CORRUPT", "corrupt"],
  ["SQLITE_NOTADB", "corrupt"],
  ["ENOSPC", "full"],
  ["EDQUOT", "full"],
  ["EIO", "io"],
  ["EROFS", "readonly"],
  ["EACCES", "readonly"],
  ["EPERM", "readonly"]
]

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""

export const reasonOf = (cause: unknown): Reason => {
  if (cause instanceof Damaged) return "corrupt"
  if (cause instanceof Newer) return "newer"
  const code = codeOf(cause)
  return reasons.find(([prefix]) => code.startsWith(prefix))?.[1] ?? "other"
}

/** The store's error for whatever a driver or file call threw. */
export const storeFailed =
  (operation: string) =>
  (cause: unknown): StoreFailed =>
    cause instanceof StoreFailed ? cause : new StoreFailed({ operation, reason: reasonOf(cause), cause })
