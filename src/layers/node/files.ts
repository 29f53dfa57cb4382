/** Small file operations that must not leave halves behind. */
import * as FileSystem from "node:fs"
import * as Path from "node:path"

/** Makes a folder's entries durable, where the system has such a thing (Windows has not). */
export const syncFolder = (path: string): void => {
  if (process.platform === "win32") return
  const handle = FileSystem.openSync(path, "r")
  try {
    FileSystem.fsyncSync(handle)
  } finally {
    FileSystem.closeSync(handle)
  }
}

/** Replaces a file whole: a crash leaves the old content or the new, never a part. Throws what the file system throws. */
export const writeFileAtomically = (path: string, content: string, mode = 0o600): void => {
  const draft = `${path}.${process.pid}.tmp`
  FileSystem.rmSync(draft, { force: true })
  try {
    const handle = FileSystem.openSync(draft, "wx", mode)
    try {
      FileSystem.writeFileSync(handle, content)
      FileSystem.fsyncSync(handle)
    } finally {
      FileSystem.closeSync(handle)
    }
    FileSystem.renameSync(draft, path)
  } finally {
    FileSystem.rmSync(draft, { force: true })
  }
  syncFolder(Path.dirname(path))
}
