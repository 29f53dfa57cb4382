/**
 * The highest nonce that was handed out while the database could not be written, in a small synced file beside it: whoever
 * starts on this folder next, and any command beside the trader, goes on above it (I11).
 */
import * as FileSystem from "node:fs"
import { LARGEST_NONCE, larger } from "./nonces.ts"

/** Name of the file, in the data folder. */
export const NONCE_MARK = "nonce-aside"

const DIGITS = 20
const LINE = /^(\d{20}) (\d{20})\n$/
/** The number twice, so that a write that was cut off is known: it was never handed out, then. */
const line = (mark: bigint): string => {
  const digits = mark.toString().padStart(DIGITS, "0")
  return `${digits} ${digits}\n`
}

const marked = (content: string): bigint => {
  const [, first, second] = LINE.exec(content) ?? []
  if (first === undefined || first !== second) return 0n
  const mark = BigInt(first)
  return mark < LARGEST_NONCE ? mark : 0n
}

/** The mark, or 0 where none can be read. */
export const readMark = (path: string): bigint => {
  try {
    return marked(FileSystem.readFileSync(path, "latin1"))
  } catch {
    return 0n
  }
}

/**
 * Raises the mark to at least `nonce`, synced; creates the file, which then has its space for a disk that fills up. Answers
 * whether it stands: where not even this can be written, a start within seconds meets one `Invalid nonce` and passes it.
 */
export const raiseMark = (path: string, nonce: bigint): boolean => {
  try {
    const { O_CREAT, O_RDWR } = FileSystem.constants
    const handle = FileSystem.openSync(path, O_RDWR | O_CREAT, 0o600)
    try {
      FileSystem.writeSync(handle, line(larger(nonce, readMark(path))), 0, "latin1")
      FileSystem.fdatasyncSync(handle)
    } finally {
      FileSystem.closeSync(handle)
    }
    return true
  } catch {
    return false
  }
}
