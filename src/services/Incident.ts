/** What an incident archive is made of besides status and records, and the archive itself. */
import type { Effect } from "effect"
import { Context, Data } from "effect"

/** The archive could not be written. */
export class ArchiveRefused extends Data.TaggedError("ArchiveRefused")<{
  readonly file: string
  readonly reason: "exists" | "io"
  readonly detail: string
}> {
  override get message(): string {
    return this.reason === "exists"
      ? `${this.file} exists already, and is not replaced. Choose another name.`
      : `${this.file} cannot be written: ${this.detail}. Choose a folder where you may write.`
  }
}

export interface ArchiveEntry {
  readonly name: string
  readonly text: string
}

export interface IncidentShape {
  /** Lines of the log, rotated files included, that are not older than so many milliseconds; oldest first. */
  readonly log: (lastMs: number) => Effect.Effect<string>
  /** Entries of the journal as lines of JSON, from so many milliseconds of market time before the newest one. */
  readonly journal: (lastMs: number) => Effect.Effect<string>
  /** Program, Node, system, libraries. */
  readonly versions: Effect.Effect<Readonly<Record<string, string>>>
  /** Writes a tar.gz, private to its owner; every secret that this process knows is masked in every entry. */
  readonly archive: (
    file: string,
    entries: ReadonlyArray<ArchiveEntry>
  ) => Effect.Effect<{ readonly bytes: number }, ArchiveRefused>
}

export class Incident extends Context.Tag("trader/services/Incident")<Incident, IncidentShape>() {}
