/** What `doctor` wants to know of this machine: the data folder's disk, the `.env` file, the alert webhook. Changes nothing. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { EpochMs } from "../domain/Time.ts"

export interface FolderFacts {
  readonly path: string
  readonly exists: boolean
  /** Why nothing can be written there (or where it would be created); absent when it can. */
  readonly notWritable: string | undefined
  readonly freeBytes: number | undefined
  /** Kind of a network or user-space file system, where it is one: SQLite's locks are not safe there. */
  readonly remote: string | undefined
}

export interface EnvFileFacts {
  readonly exists: boolean
  /** Others than the owner may read it; not known on Windows. */
  readonly openToOthers: boolean | undefined
  /** Inside a git work tree that does not ignore it, or even tracks it. */
  readonly gitWouldTakeIt: boolean
}

export interface DoctorFactsShape {
  readonly folder: Effect.Effect<FolderFacts>
  readonly envFile: Effect.Effect<EnvFileFacts>
  /** Why the log file cannot be appended to; nothing when it can, or does not exist yet. */
  readonly logProblem: Effect.Effect<string | undefined>
  /** When the newest file in `backups/` was written (machine time). */
  readonly newestBackup: Effect.Effect<EpochMs | undefined>
  /** Sends a harmless message to ALERT_WEBHOOK_URL; says what is wrong, without the address. `none`: there is no webhook. */
  readonly webhook: Effect.Effect<"none" | "answers" | { readonly problem: string }>
}

export class DoctorFacts extends Context.Tag("trader/services/DoctorFacts")<DoctorFacts, DoctorFactsShape>() {}
