/** The log file: JSON lines, bounded in size, and never a reason to stop. */
import * as FileSystem from "node:fs"

export interface LogFileOptions {
  readonly path: string
  /** Size at which the file becomes `<name>.1` (and that `.2`, …). */
  readonly maxBytes: number
  /** How many old files are kept. */
  readonly keep: number
  /** Told once when lines begin to be lost, and once when they no longer are. */
  readonly complain: (text: string) => void
}

export interface LogFile {
  /** Appends one line at once, so that a crash loses none. Lines that the disk refuses are lost, counted and reported. */
  readonly write: (line: string) => void
  readonly close: () => void
}

interface Open {
  readonly handle: number
  size: number
}

export const makeLogFile = ({ path, maxBytes, keep, complain }: LogFileOptions): LogFile => {
  let current: Open | undefined
  let lost = 0

  const open = (): Open => {
    const handle = FileSystem.openSync(path, "a", 0o600)
    return { handle, size: FileSystem.fstatSync(handle).size }
  }
  const close = (): void => {
    if (current === undefined) return
    const { handle } = current
    current = undefined
    FileSystem.closeSync(handle)
  }
  /** Gives up a handle that failed, so that the next line opens the file anew. */
  const drop = (): void => {
    try {
      close()
    } catch {
      // It is gone either way.
    }
  }
  const rotate = (): void => {
    close()
    for (let n = keep - 1; n >= 1; n -= 1)
      if (FileSystem.existsSync(`${path}.${n}`)) FileSystem.renameSync(`${path}.${n}`, `${path}.${n + 1}`)
    FileSystem.renameSync(path, `${path}.1`)
  }
  const append = (line: Buffer): void => {
    if (current !== undefined && current.size > 0 && current.size + line.length > maxBytes) rotate()
    current ??= open()
    FileSystem.writeSync(current.handle, line)
    current.size += line.length
  }
  /** Reports are best effort as well: standard error may be closed. */
  const report = (text: string): void => {
    try {
      complain(text)
    } catch {
      // Then nobody can be told.
    }
  }
  return {
    write: (line) => {
      try {
        append(Buffer.from(`${line}\n`))
        if (lost > 0) {
          report(`The log file is written again; ${lost} lines are missing in it`)
          lost = 0
        }
      } catch (cause) {
        lost += 1
        drop()
        if (lost === 1) report(`The log file cannot be written; trading goes on without it: ${String(cause)}`)
      }
    },
    close
  }
}
