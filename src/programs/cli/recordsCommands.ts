/** The commands about copies of what was recorded: backups, and the archive of an incident. */
import { Args, Command, HelpDoc, Options, ValidationError } from "@effect/cli"
import { Either, Option } from "effect"
import type { Effect } from "effect"
import * as Value from "../../domain/settings/values.ts"
import type { BackupOptions, RestoreOptions } from "../backup/backup.ts"
import type { IncidentOptions } from "../incident/incident.ts"

/** What each of them gets told. */
export interface RecordsCommands<E, R> {
  readonly backup: (options: BackupOptions) => Effect.Effect<void, E, R>
  readonly restore: (options: RestoreOptions) => Effect.Effect<void, E, R>
  readonly incident: (options: Omit<IncidentOptions, "version">) => Effect.Effect<void, E, R>
}

export const recordsCommands = <E, R>(run: RecordsCommands<E, R>) => {
  const drill = Options.boolean("drill").pipe(
    Options.withDescription("prove that the copy can be used: open it with the trader's own store, compare the books")
  )
  const backup = Command.make(
    "backup",
    {
      drill,
      file: Args.text({ name: "file" }).pipe(
        Args.withDescription("in backups/ of the data folder, under the time, unless told"),
        Args.optional
      )
    },
    ({ file, drill: prove }) => run.backup({ file: Option.getOrUndefined(file), drill: prove })
  ).pipe(Command.withDescription("Copy the records, while the trader runs or without it, and check the copy."))
  const restore = Command.make(
    "restore",
    {
      yes: Options.boolean("yes").pipe(Options.withDescription("do not ask")),
      drill,
      file: Args.text({ name: "file" }).pipe(Args.withDescription("a copy that `backup` or the trader made"))
    },
    run.restore
  ).pipe(
    Command.withDescription(
      "Put a copy in the place of the records while no trader runs; what was there is put aside. `recover` must follow."
    )
  )
  const incident = Command.make(
    "incident",
    {
      last: Options.text("last").pipe(
        Options.withDescription("how far back log and journal go, e.g. 30m or 1d"),
        Options.withDefault("1h"),
        Options.mapEffect((text) =>
          Either.mapLeft(Value.duration("1m", "30d")(text), ({ wrong, allowed }) =>
            ValidationError.invalidValue(HelpDoc.p(`--last ${wrong}; allowed: ${allowed}`))
          )
        )
      ),
      file: Args.text({ name: "file" }).pipe(
        Args.withDescription("incident-<time>.tar.gz in this folder unless told"),
        Args.optional
      )
    },
    ({ file, last }) => run.incident({ file: Option.getOrUndefined(file), lastMs: last })
  ).pipe(
    Command.withDescription(
      "Write one archive for looking into a trouble: log, journal, frames, status, books, settings. Secrets are masked."
    )
  )
  return { backup, restore, incident }
}
