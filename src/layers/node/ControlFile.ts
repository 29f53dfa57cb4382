/**
 * `control.json` in the data folder: where the running trader listens, and the token that its commands need. Readable by
 * its owner only (0600); written whole or not at all; removed at a clean stop.
 */
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Option, Schema } from "effect"
import { writeFileAtomically } from "./files.ts"

const ControlFile = Schema.Struct({
  url: Schema.String,
  token: Schema.String,
  pid: Schema.Int,
  startedAt: Schema.String,
  mode: Schema.String,
  version: Schema.String
})
export type ControlFile = typeof ControlFile.Type

const decode = Schema.decodeUnknownOption(Schema.parseJson(ControlFile))

export const controlFilePath = (dataDir: string): string => join(dataDir, "control.json")

/** Throws what the file system throws. A crash leaves the old file or the new one, never half of one. */
export const writeControlFile = (dataDir: string, content: ControlFile): void =>
  writeFileAtomically(controlFilePath(dataDir), `${JSON.stringify(content, undefined, 2)}\n`)

/** What the file says; nothing when there is none, or none that can be read. */
export const readControlFile = (dataDir: string): Option.Option<ControlFile> => {
  try {
    return decode(readFileSync(controlFilePath(dataDir), "utf8"))
  } catch {
    return Option.none()
  }
}

/** Removes the file if it is still the one that was written with this token. */
export const removeControlFile = (dataDir: string, token: string): void => {
  if (Option.exists(readControlFile(dataDir), (file) => file.token === token)) {
    rmSync(controlFilePath(dataDir), { force: true })
  }
}
