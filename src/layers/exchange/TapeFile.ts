/** Reads a tape from disk, line by line, unpacking it on the way when its name ends in `.gz`. */
import { createReadStream } from "node:fs"
import { createGunzip } from "node:zlib"
import { Array, Effect, Either, Option } from "effect"
import type { Listing } from "../../domain/exchange/market/PathBar.ts"
import type { Tape, TapeFault } from "../../domain/exchange/market/tapeText.ts"
import { makeReader } from "../../domain/exchange/market/tapeText.ts"
import { TapeError } from "../../services/LocalKraken.ts"

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "unknown"

const failed = (path: string, cause: unknown): TapeError =>
  codeOf(cause).startsWith("Z_")
    ? new TapeError({
        path,
        reason: "not gzip",
        message: `The tape ${path} is not a whole gzip file (${codeOf(cause)}).`
      })
    : new TapeError({ path, reason: "missing", message: `The tape ${path} cannot be read (${codeOf(cause)}).` })

const faulty = (path: string, fault: TapeFault): TapeError =>
  new TapeError({
    path,
    reason: fault.reason,
    ...(fault.line === undefined ? {} : { line: fault.line }),
    message: `The tape ${path} cannot be played: ${fault.line === undefined ? "" : `line ${fault.line}: `}${fault.detail}.`
  })

/** The tape of a pair. Nothing of it is kept but the rows. Interruptible; the file is closed either way. */
export const readTape = (path: string, listing: Listing): Effect.Effect<Tape, TapeError> =>
  Effect.async<Tape, TapeError>((resume) => {
    const reader = makeReader(listing)
    const file = createReadStream(path)
    const text = path.toLowerCase().endsWith(".gz") ? file.pipe(createGunzip()) : file
    let over = false
    let unfinished = ""
    const end = (result: Effect.Effect<Tape, TapeError>): void => {
      if (over) return
      over = true
      text.destroy()
      file.destroy()
      resume(result)
    }
    const lines = (all: ReadonlyArray<string>): void => {
      const fault = Array.findFirst(all, (line) => Option.fromNullable(reader.line(line)))
      if (Option.isSome(fault)) end(Effect.fail(faulty(path, fault.value)))
    }
    text.setEncoding("utf8")
    text.on("data", (part: string) => {
      const all = (unfinished + part).split("\n")
      unfinished = all.pop() ?? ""
      lines(all)
    })
    text.on("end", () => {
      if (unfinished !== "") lines([unfinished])
      end(Either.mapLeft(reader.end(), (fault) => faulty(path, fault)))
    })
    // A pipe does not pass errors on: either stream may be the one that fails.
    file.on("error", (cause: unknown) => end(Effect.fail(failed(path, cause))))
    text.on("error", (cause: unknown) => end(Effect.fail(failed(path, cause))))
    return Effect.sync(() => end(Effect.never))
  })
