/**
 * Where an exit's intent goes while the database cannot be written: one line, synced, in space that was allocated before
 * anything went wrong, so that a full disk does not stop a sale. Lines wait here until the database takes them.
 */
import { createHash } from "node:crypto"
import * as FileSystem from "node:fs"
import { Array, Either, Schema } from "effect"
import type { Order } from "../../domain/order/Order.ts"
import { Damaged } from "./failure.ts"
import { OrderState } from "./states.ts"

/** Room for some four hundred exits: at one attempt every two seconds, a quarter of an hour without a database. */
export const CAPACITY = 512 * 1024

/** An intent as it was written aside. */
export interface AsideIntent {
  readonly order: Order
  readonly nonce: bigint
  readonly epoch: number
}

const LineBody: Schema.Schema<AsideIntent, string> = Schema.parseJson(
  Schema.Struct({ order: OrderState, nonce: Schema.BigInt, epoch: Schema.Finite })
)
const encodeBody = Schema.encodeSync(LineBody)
const decodeBody = Schema.decodeEither(LineBody)

const DIGEST_LENGTH = 16
const digest = (body: string): string => createHash("sha256").update(body).digest("hex").slice(0, DIGEST_LENGTH)

const encodeLine = (intent: AsideIntent): string => {
  const body = encodeBody(intent)
  return `${digest(body)} ${body}\n`
}

const bodyOf = (line: string): string => line.slice(DIGEST_LENGTH + 1)
const isWhole = (line: string): boolean => line.slice(0, DIGEST_LENGTH) === digest(bodyOf(line))

/** Lines up to the first that is not whole: a torn line was never acknowledged, and nothing was written after it. */
const wholeLines = (content: string): ReadonlyArray<string> => Array.takeWhile(content.split("\n"), isWhole)

/** A whole line that cannot be read is an intent all the same: it must not be passed over. */
const decodeLine = (line: string): AsideIntent =>
  Either.getOrThrowWith(
    decodeBody(bodyOf(line)),
    () =>
      new Damaged({ what: "a line of the side file is whole and cannot be read: was it written by another version?" })
  )

export interface SideFile {
  /** Intents that the database has not taken yet, oldest first. */
  readonly waiting: () => ReadonlyArray<AsideIntent>
  /** Writes and syncs one line. Throws when the space is used up or the disk fails. */
  readonly append: (intent: AsideIntent) => void
  /** Forgets all lines, once the database holds them. */
  readonly clear: () => void
  readonly close: () => void
}

/** `ENOSPC`, so that it is reported as a full disk, which is what it amounts to. */
const usedUp = (path: string): Error =>
  Object.assign(new Error(`${path} is used up: too many exits while the database could not be written`), {
    code: "ENOSPC"
  })

/** Whoever cannot use the file does not hold it. */
const closingOnFailure = <A>(handle: number, use: () => A): A => {
  try {
    return use()
  } catch (cause) {
    FileSystem.closeSync(handle)
    throw cause
  }
}

const takeUp = (
  handle: number
): { readonly lines: ReadonlyArray<string>; readonly intents: ReadonlyArray<AsideIntent> } => {
  const content = FileSystem.readFileSync(handle)
  // what was never written is zero, which no line holds
  const free = content.indexOf(0)
  const lines = wholeLines(content.toString("utf8", 0, free === -1 ? content.length : free))
  return { lines, intents: lines.map(decodeLine) }
}

/** Opens the file, allocating it with real blocks if it is new, and reads what an earlier run left in it. */
export const openSideFile = (path: string): SideFile => {
  const handle = FileSystem.openSync(path, FileSystem.constants.O_RDWR | FileSystem.constants.O_CREAT, 0o600)
  const { lines, intents } = closingOnFailure(handle, () => takeUp(handle))
  let waiting = intents
  // By what stands there: another version may have spelt a line otherwise than this one would.
  let end = Buffer.byteLength(lines.map((line) => `${line}\n`).join(""))
  closingOnFailure(handle, () => {
    // Zeroes written, not a hole: the blocks must be there when the disk is full. They also wipe a torn line.
    const free = Math.max(0, CAPACITY - end)
    FileSystem.writeSync(handle, Buffer.alloc(free), 0, free, end)
    FileSystem.fsyncSync(handle)
  })
  return {
    waiting: () => waiting,
    append: (intent) => {
      const line = Buffer.from(encodeLine(intent))
      if (end + line.length > CAPACITY) throw usedUp(path)
      FileSystem.writeSync(handle, line, 0, line.length, end)
      FileSystem.fdatasyncSync(handle)
      end += line.length
      waiting = [...waiting, intent]
    },
    clear: () => {
      FileSystem.writeSync(handle, Buffer.alloc(end), 0, end, 0)
      FileSystem.fdatasyncSync(handle)
      end = 0
      waiting = []
    },
    close: () => FileSystem.closeSync(handle)
  }
}
