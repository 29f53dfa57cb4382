/** `backup` and `restore`: copies of the records that are checked, proved usable, and put back. */
import { Clock, Effect, Option } from "effect"
import { iso, parseRfc3339 } from "../../domain/Time.ts"
import type { BackupFacts } from "../../services/Backups.ts"
import type { BackupRefused } from "../../services/Backups.ts"
import { Backups } from "../../services/Backups.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import type { LockHeld, LockUnusable } from "../../services/InstanceLock.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import { BACKUP_DRILL_NOTE, LAST_BACKUP_NOTE } from "../../services/Store.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { Terminal } from "../../services/Terminal.ts"
import { Beside } from "../cli/Beside.ts"
import { CommandFailed, ExitCodes, UsageError } from "../cli/ExitCode.ts"
import { count, printable, span } from "../cli/text.ts"
import { compare } from "./compare.ts"

type Failure = BackupRefused | StoreFailed | CommandFailed | UsageError

/** Name in `backups/` of a copy that is made at this time; `doctor` and the daily copies look there. */
const nameAt = (dataDir: string, at: number): string => `${dataDir}/backups/trading-${iso(at).replace(/[:.]/g, "-")}.db`

/** What stands in a copy; one that is damaged, or newer than the program, is 65. */
const lookInto = (file: string): Effect.Effect<BackupFacts, BackupRefused | CommandFailed, Backups> =>
  Effect.flatMap(Backups, (backups) =>
    Effect.catchTag(
      backups.inspect(file),
      "StoreFailed",
      ({ cause }) =>
        new CommandFailed({
          text: `${file} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}. Nothing was changed. Use another copy.`,
          code: ExitCodes.dataCorrupt
        })
    )
  )

const contents = ({ books, bytes, madeAt, rows, schemaVersion }: BackupFacts): ReadonlyArray<string> => [
  `${madeAt === undefined ? "made at a time it does not say" : `made ${printable(madeAt)}`}, ${Math.ceil(bytes / 1024)} KiB, schema ${schemaVersion}`,
  `${count(rows["orders"] ?? 0, "order")}, ${count(rows["fills"] ?? 0, "execution")}, ${count(rows["trades"] ?? 0, "trade")}; open then: ${count(books.orders.length, "order")}, ${count(books.lots.length, "lot")}`
]

/** Sound books, or the refusal that says what is wrong. */
const sound = (file: string, { problems }: BackupFacts): Effect.Effect<void, CommandFailed> =>
  problems.length === 0
    ? Effect.void
    : new CommandFailed({
        text: `${file} is whole, but its books do not agree with themselves: ${problems.join("; ")}. Nothing was changed. Use another copy.`,
        code: ExitCodes.dataCorrupt
      })

/** Opens a copy as a start would, and compares its books with those in use. Notes that it was done. */
const drill = (file: string): Effect.Effect<void, Failure, Backups | Beside | Records | Terminal> =>
  Effect.gen(function* () {
    const backups = yield* Backups
    const records = yield* Records
    const beside = yield* Beside
    const terminal = yield* Terminal
    const books = yield* backups.rehearse(file)
    if (!(yield* records.exists)) {
      return yield* terminal.print(
        "Drill: the trader's own store opened the copy and read its books. There are no records here to compare it with."
      )
    }
    const { foreign, since } = compare(books, yield* records.snapshot)
    if (foreign.length > 0) {
      return yield* new CommandFailed({
        text: `${file} can be opened, but is no copy of the records in use: ${foreign.join("; ")}.`
      })
    }
    yield* terminal.print(
      [
        "Drill: the trader's own store opened the copy and read its books.",
        since.length === 0
          ? "Nothing has happened since it was made: a start from it would know everything."
          : "What a start from it would not know, and `recover` would have to find at the exchange:",
        ...since.map((text) => `  - ${text}`)
      ].join("\n")
    )
    const at = yield* Clock.currentTimeMillis
    // a copy is proved whether this can be noted or not
    yield* Effect.scoped(
      Effect.flatMap(beside.store, (store) =>
        store.commit([{ _tag: "Note", key: BACKUP_DRILL_NOTE, value: String(at) }])
      )
    ).pipe(
      Effect.catchAll((error) => terminal.printError(`The drill could not be noted for \`doctor\`: ${error.message}`))
    )
  })

export interface BackupOptions {
  /** Where to; in `backups/` under the time unless told. */
  readonly file: string | undefined
  readonly drill: boolean
}

/** Writes a copy while the trader runs, or without one; reads it back whole. Never replaces a file. */
export const backup = (
  options: BackupOptions
): Effect.Effect<void, Failure, Backups | Beside | Records | Settings | Terminal> =>
  Effect.gen(function* () {
    const backups = yield* Backups
    const beside = yield* Beside
    const records = yield* Records
    const { dataDir } = yield* Settings
    const terminal = yield* Terminal
    if (!(yield* records.exists)) {
      return yield* new CommandFailed({ text: `No trader has ever run on ${dataDir}: there is nothing to back up.` })
    }
    const at = yield* Clock.currentTimeMillis
    const file = options.file ?? nameAt(dataDir, at)
    yield* backups.prepare(file)
    yield* Effect.scoped(
      Effect.flatMap(beside.store, (store) =>
        Effect.zipRight(
          store.backup(file),
          Effect.ignore(store.commit([{ _tag: "Note", key: LAST_BACKUP_NOTE, value: String(at) }]))
        )
      )
    )
    const facts = yield* lookInto(file)
    yield* sound(file, facts)
    yield* terminal.print(
      [`Backup written and checked: ${file}`, ...contents(facts).map((text) => `  ${text}`)].join("\n")
    )
    if (options.drill) yield* drill(file)
  })

export interface RestoreOptions {
  readonly file: string
  readonly yes: boolean
  readonly drill: boolean
}

/** Refuses (78) a copy that belongs to another mode or account; says where nothing can be told. */
const belongs = (
  file: string,
  { binding }: BackupFacts
): Effect.Effect<string | undefined, CommandFailed, Backups | Settings> =>
  Effect.gen(function* () {
    const backups = yield* Backups
    const { dataDir, mode } = yield* Settings
    const here = yield* Effect.mapError(
      backups.binding,
      (refused) => new CommandFailed({ text: refused.message, code: ExitCodes.configuration })
    )
    if (binding === undefined) {
      return `${file} does not say which mode and account it belongs to. Make sure that it is a copy of the records of ${dataDir}.`
    }
    const refuse = (of: string) =>
      new CommandFailed({
        text: `${file} holds the records of ${binding.mode} trading, account ${binding.account}; ${of}. Nothing was changed. Choose the DATA_DIR and TRADING_MODE that belong to it.`,
        code: ExitCodes.configuration
      })
    if (here === undefined) {
      return mode === binding.mode ? undefined : yield* refuse(`TRADING_MODE is ${mode}`)
    }
    return here.mode === binding.mode && here.account === binding.account
      ? undefined
      : yield* refuse(`${dataDir} belongs to ${here.mode} trading, account ${here.account}`)
  })

const confirmed = (text: string): Effect.Effect<void, CommandFailed | UsageError, Terminal> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    if (terminal.ask === undefined) {
      return yield* new UsageError({
        text: "restore replaces the records. Without a terminal to ask on it wants --yes. Nothing was changed."
      })
    }
    yield* terminal.printError(text)
    const answer = yield* terminal.ask("Put this copy in the place of the records? Type yes: ")
    if (answer.trim().toLowerCase() !== "yes") return yield* new CommandFailed({ text: "Nothing was changed." })
  })

/** Puts a copy in the place of the records while no trader runs; `drill`: proves that it could be, and changes nothing. */
export const restore = (
  options: RestoreOptions
): Effect.Effect<
  void,
  Failure | LockHeld | LockUnusable,
  Backups | Beside | InstanceLock | Records | Settings | Terminal
> =>
  Effect.gen(function* () {
    const { file } = options
    const backups = yield* Backups
    const terminal = yield* Terminal
    if (!options.drill) yield* Effect.flatMap(InstanceLock, (lock) => lock.acquire)
    const facts = yield* lookInto(file)
    yield* sound(file, facts)
    const unsure = yield* belongs(file, facts)
    const shown = [
      `${file} is whole:`,
      ...contents(facts).map((text) => `  ${text}`),
      ...(unsure === undefined ? [] : [unsure])
    ]
    if (options.drill) {
      yield* terminal.print(shown.join("\n"))
      return yield* drill(file)
    }
    const now = yield* Clock.currentTimeMillis
    const made = Option.flatMap(Option.fromNullable(facts.madeAt), parseRfc3339)
    const age = Option.match(made, { onNone: () => "", onSome: (at) => `, ${span(Math.max(0, now - at) / 1000)} old` })
    if (!options.yes) yield* confirmed(shown.join("\n"))
    const { aside } = yield* backups.putBack(file, facts)
    yield* terminal.print(
      [
        `The records are those of ${file}${age}.`,
        aside === undefined ? "There were no records here before." : `Those that were here are in ${aside}.`,
        "They do not know what happened since. Next: `recover`, which rebuilds the books from the exchange. Until then the trader refuses to start, since it could sell what was sold already; `cancel --all` works."
      ].join("\n")
    )
  }).pipe(Effect.scoped)
