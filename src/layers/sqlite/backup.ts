/** Consistent copies of a live database. */
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import BetterSqlite3 from "better-sqlite3"

const sync = (path: string): void => {
  const handle = FileSystem.openSync(path, "r")
  try {
    FileSystem.fsyncSync(handle)
  } finally {
    FileSystem.closeSync(handle)
  }
}

/** A copy counts only when it was read back: whole, and of the same schema. */
const readBack = (file: string): void => {
  const copy = new BetterSqlite3(file, { readonly: true, fileMustExist: true })
  try {
    const verdict: unknown = copy.pragma("quick_check", { simple: true })
    if (verdict !== "ok") throw new Error(`the copy is damaged: ${String(verdict)}`)
  } finally {
    copy.close()
  }
}

/**
 * Writes a copy under a temporary name, reads it back, syncs it and moves it into place. Throws when the target exists:
 * a backup never replaces another.
 */
export const vacuumInto = (raw: BetterSqlite3.Database, target: string): void => {
  if (FileSystem.existsSync(target)) throw new Error(`${target} exists already: choose another name`)
  const temporary = `${target}.part`
  FileSystem.rmSync(temporary, { force: true })
  try {
    raw.prepare("VACUUM INTO ?").run(temporary)
    FileSystem.chmodSync(temporary, 0o600)
    readBack(temporary)
    sync(temporary)
    FileSystem.renameSync(temporary, target)
    sync(Path.dirname(target))
  } finally {
    FileSystem.rmSync(temporary, { force: true })
  }
}
