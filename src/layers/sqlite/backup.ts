/** Consistent copies of a live database. */
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import BetterSqlite3 from "better-sqlite3"
import { Schema } from "effect"

const sync = (path: string): void => {
  const handle = FileSystem.openSync(path, "r")
  try {
    FileSystem.fsyncSync(handle)
  } finally {
    FileSystem.closeSync(handle)
  }
}

/** A copy counts only when it was read back: whole, and of the same schema. */
const readBack = (file: string, source: BetterSqlite3.Database): void => {
  const copy = new BetterSqlite3(file, { readonly: true, fileMustExist: true })
  try {
    const verdict: unknown = copy.pragma("integrity_check(1)", { simple: true })
    if (verdict !== "ok") throw new Error(`the copy is damaged: ${String(verdict)}`)
    for (const mark of ["user_version", "application_id"]) {
      const [of, wanted] = [copy, source].map((one) => Number(one.pragma(mark, { simple: true })))
      if (of !== wanted) throw new Error(`the copy's ${mark} is ${of}, not ${wanted}`)
    }
  } finally {
    copy.close()
  }
}

/** Notes that say of a copy when it was made and what it belongs to. */
export const BACKUP_AT_NOTE = "backup.at"
export const BACKUP_BINDING_NOTE = "backup.binding"
export const BINDING_TEXT = Schema.parseJson(
  Schema.Struct({ mode: Schema.Literal("paper", "observe", "live"), account: Schema.String })
)

/** What the note of a restored copy says to people. */
export const restoredText = (at: string, madeAt: string | undefined): string =>
  `put in place ${at}, made ${madeAt ?? "at an unknown time"}`

/** Writes notes into a copy that is not in place yet. */
const stamp = (file: string, notes: ReadonlyArray<readonly [key: string, value: string]>): void => {
  const copy = new BetterSqlite3(file, { fileMustExist: true })
  try {
    const insert = copy.prepare("INSERT OR REPLACE INTO notes VALUES (?, ?)")
    for (const note of notes) insert.run(...note)
  } finally {
    copy.close()
  }
}

/**
 * Writes a copy under a temporary name, reads it back, syncs it and moves it into place. Throws when the target exists:
 * a backup never replaces another.
 */
export const vacuumInto = (
  raw: BetterSqlite3.Database,
  target: string,
  notes: ReadonlyArray<readonly [key: string, value: string]> = []
): void => {
  if (FileSystem.existsSync(target)) throw new Error(`${target} exists already: choose another name`)
  const temporary = `${target}.part`
  FileSystem.rmSync(temporary, { force: true })
  try {
    raw.prepare("VACUUM INTO ?").run(temporary)
    FileSystem.chmodSync(temporary, 0o600)
    if (notes.length > 0) stamp(temporary, notes)
    readBack(temporary, raw)
    sync(temporary)
    FileSystem.renameSync(temporary, target)
    sync(Path.dirname(target))
  } finally {
    FileSystem.rmSync(temporary, { force: true })
  }
}
