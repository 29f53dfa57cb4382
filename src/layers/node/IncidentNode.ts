/** Log, versions, and the archive. Nothing leaves here without having been masked. */
import * as FileSystem from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { pipeline } from "node:stream/promises"
import { createGzip } from "node:zlib"
import { Clock, Effect, Schema } from "effect"
import { pack } from "tar-stream"
import { iso } from "../../domain/Time.ts"
import type { IncidentShape } from "../../services/Incident.ts"
import { ArchiveRefused } from "../../services/Incident.ts"
import { syncFolder } from "./files.ts"
import { LOG_FILE } from "./Logging.ts"
import { scrub } from "./secrets.ts"

/** Most of the log that goes into an archive: its end. */
const MAX_LOG = 16 * 1024 * 1024
const OLDEST_LOG = 5

const Line = Schema.decodeUnknownOption(Schema.parseJson(Schema.Struct({ timestamp: Schema.String })))

const readIfThere = (path: string): string => {
  try {
    return FileSystem.readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

/** What cannot be read as a line of the log (torn by a crash) belongs to the line before it. */
const since = (text: string, from: string): string => {
  const lines = text.split("\n")
  const first = lines.findIndex((line) => {
    const read = Line(line)
    return read._tag === "Some" && read.value.timestamp >= from
  })
  return first < 0 ? "" : lines.slice(first).join("\n")
}

const log =
  (dataDir: string): IncidentShape["log"] =>
  (lastMs) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const path = Path.join(dataDir, LOG_FILE)
      const files = [...Array.from({ length: OLDEST_LOG }, (_, n) => `${path}.${OLDEST_LOG - n}`), path]
      return since(files.map(readIfThere).join(""), iso(now - lastMs)).slice(-MAX_LOG)
    })

const versions = (version: string): IncidentShape["versions"] =>
  Effect.sync(() => ({
    "kraken-trader": version,
    platform: `${process.platform} ${process.arch} ${Os.release()}`,
    ...Object.fromEntries(
      Object.entries(process.versions).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]]))
    )
  }))

const archive: IncidentShape["archive"] = (file, entries) =>
  Effect.gen(function* () {
    if (FileSystem.existsSync(file)) return yield* new ArchiveRefused({ file, reason: "exists", detail: "" })
    const draft = `${file}.part`
    return yield* Effect.tryPromise({
      try: async () => {
        FileSystem.rmSync(draft, { force: true })
        FileSystem.mkdirSync(Path.dirname(Path.resolve(file)), { recursive: true })
        const tar = pack()
        for (const { name, text } of entries) tar.entry({ name, mode: 0o600 }, scrub(text))
        tar.finalize()
        await pipeline(tar, createGzip(), FileSystem.createWriteStream(draft, { flags: "wx", mode: 0o600 }))
        FileSystem.renameSync(draft, file)
        syncFolder(Path.dirname(Path.resolve(file)))
        return { bytes: FileSystem.statSync(file).size }
      },
      catch: (cause) =>
        new ArchiveRefused({ file, reason: "io", detail: cause instanceof Error ? cause.message : String(cause) })
    }).pipe(Effect.ensuring(Effect.ignore(Effect.try(() => FileSystem.rmSync(draft, { force: true })))))
  })

/** Everything but the journal, which is a database. */
export const incidentNode = (dataDir: string, version: string): Omit<IncidentShape, "journal"> => ({
  log: log(dataDir),
  versions: versions(version),
  archive
})
