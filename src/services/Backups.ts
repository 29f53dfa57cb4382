/** Copies of the records: looking into one, trying one out, and putting one in the place of the records. */
import type { Effect } from "effect"
import { Context, Data } from "effect"
import type { Snapshot } from "../domain/engine/Snapshot.ts"
import type { TradingMode } from "./Settings.ts"
import type { StoreFailed } from "./Store.ts"

/** What a data folder, and each copy made of its records, belongs to. */
export interface BackupBinding {
  readonly mode: TradingMode
  /** Key fingerprint, or the paper account and its market. Never a key. */
  readonly account: string
}

/** What stands in a copy that is whole: integrity and references were checked, and the books were read. */
export interface BackupFacts {
  readonly bytes: number
  readonly schemaVersion: number
  /** ISO time at which it was made, where it says so. */
  readonly madeAt: string | undefined
  /** Absent in copies that older versions, or other programs, made. */
  readonly binding: BackupBinding | undefined
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>
  readonly books: Snapshot
  /** Executions by ledger amounts, against the totals that the books keep: both must be the same. */
  readonly problems: ReadonlyArray<string>
}

/** The copy cannot be used, or not here. */
export class BackupRefused extends Data.TaggedError("BackupRefused")<{
  readonly reason: "exists" | "missing" | "io"
  readonly file: string
  readonly detail: string
}> {
  override get message(): string {
    switch (this.reason) {
      case "exists":
        return `${this.file} exists already, and a backup never replaces a file. Choose another name.`
      case "missing":
        return `There is no file ${this.file}. Nothing was changed.`
      case "io":
        return `${this.file}: ${this.detail}. Nothing of the records was changed.`
    }
  }
}

export interface BackupsShape {
  /** Makes the folder of a copy that is to be written, and refuses a name that is taken. */
  readonly prepare: (file: string) => Effect.Effect<void, BackupRefused>
  /** `corrupt` where anything in it is damaged, `newer` where a newer version of the program wrote it. */
  readonly inspect: (file: string) => Effect.Effect<BackupFacts, BackupRefused | StoreFailed>
  /** The copy in a folder of its own that goes away, opened by the trader's own store: the books that a start would have. */
  readonly rehearse: (file: string) => Effect.Effect<Snapshot, BackupRefused | StoreFailed>
  /** What the data folder is bound to; nothing for a new one. */
  readonly binding: Effect.Effect<BackupBinding | undefined, BackupRefused>
  /**
   * Puts the copy in the place of the records, under the instance lock; answers the folder in which the records that were
   * there have been put aside. The copy is marked as restored, so that a start knows.
   */
  readonly putBack: (
    file: string,
    facts: BackupFacts
  ) => Effect.Effect<{ readonly aside: string | undefined }, BackupRefused | StoreFailed>
}

export class Backups extends Context.Tag("trader/services/Backups")<Backups, BackupsShape>() {}
