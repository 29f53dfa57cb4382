/** The data folder: private to its owner, and bound to one mode and account for ever. */
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import { Clock, Data, Effect, Schema } from "effect"
import { iso } from "../../domain/Time.ts"
import { syncFolder, writeFileAtomically } from "./files.ts"

/** What a folder holds the records of. */
export interface Binding {
  readonly mode: "paper" | "observe" | "live"
  /** Key fingerprint, or the paper account and its market. Never a key. */
  readonly account: string
}

/** The folder belongs to something else, or cannot be used (exit 78). */
export class DataFolderRefused extends Data.TaggedError("DataFolderRefused")<{
  readonly path: string
  readonly reason: "bound elsewhere" | "unusable"
  readonly detail: string
}> {
  override get message(): string {
    return this.reason === "unusable"
      ? `The data folder ${this.path} cannot be used: ${this.detail}. Check that it is on a local disk and that you may write there, or choose another DATA_DIR.`
      : `The data folder ${this.path} holds the records of ${this.detail}. Nothing was changed. Choose another DATA_DIR, or the settings that belong to this one.`
  }
}

const BINDING = "binding.json"

const BindingText = Schema.parseJson(
  Schema.Struct({ mode: Schema.Literal("paper", "observe", "live"), account: Schema.String })
)
const decodeBinding = Schema.decodeSync(BindingText)

const unusable = (path: string) => (cause: unknown) =>
  new DataFolderRefused({ path, reason: "unusable", detail: cause instanceof Error ? cause.message : String(cause) })

/** Creates the folder (0700) where it is missing, and proves that a file can be written there. */
export const prepareDataFolder = (path: string): Effect.Effect<void, DataFolderRefused> =>
  Effect.try({
    try: () => {
      FileSystem.mkdirSync(path, { recursive: true, mode: 0o700 })
      const probe = Path.join(path, ".write-test")
      writeFileAtomically(probe, "")
      FileSystem.rmSync(probe)
    },
    catch: unusable(path)
  })

/** What the folder is bound to; nothing for a new one. Fails when the binding cannot be read: it is never guessed. */
export const readBinding = (path: string): Effect.Effect<Binding | undefined, DataFolderRefused> =>
  Effect.try({
    try: () => {
      const file = Path.join(path, BINDING)
      return FileSystem.existsSync(file) ? decodeBinding(FileSystem.readFileSync(file, "utf8")) : undefined
    },
    catch: () => unusable(path)(`${BINDING} in it is damaged; restore it from a backup`)
  })

const show = ({ mode, account }: Binding): string => `${mode} trading, account ${account}`

/** Binds a new folder; of a bound one, refuses every other mode and account. Held under the instance lock. */
export const bindDataFolder = (path: string, binding: Binding): Effect.Effect<void, DataFolderRefused> =>
  Effect.flatMap(readBinding(path), (bound) => {
    if (bound === undefined)
      return Effect.try({
        try: () => writeFileAtomically(Path.join(path, BINDING), `${JSON.stringify(binding)}\n`),
        catch: unusable(path)
      })
    if (bound.mode === binding.mode && bound.account === binding.account) return Effect.void
    return Effect.fail(
      new DataFolderRefused({ path, reason: "bound elsewhere", detail: `${show(bound)}, not of ${show(binding)}` })
    )
  })

/** Databases with their logs, what was written aside and the binding: what makes a run what it is. The lock, logs and backups stay. */
const isRecord = (name: string): boolean =>
  /\.db(-wal|-shm|-journal)?$/.test(name) || /^(exits-aside\.log|nonce-aside|binding\.json)$/.test(name)

/**
 * `--fresh`: moves an old paper folder's records into `backups/fresh-<time>/` and answers that folder (nothing to move:
 * nothing answered). Refuses folders of real accounts. Call under the instance lock, before any database is opened.
 */
export const startFresh = (path: string): Effect.Effect<string | undefined, DataFolderRefused> =>
  Effect.gen(function* () {
    const bound = yield* readBinding(path)
    if (bound !== undefined && bound.mode !== "paper")
      return yield* new DataFolderRefused({
        path,
        reason: "bound elsewhere",
        detail: `${show(bound)}, which --fresh never touches`
      })
    const now = yield* Clock.currentTimeMillis
    return yield* Effect.try({
      try: () => {
        const names = FileSystem.readdirSync(path).filter(isRecord)
        if (names.length === 0) return undefined
        const target = Path.join(path, "backups", `fresh-${iso(now).replaceAll(":", "-")}`)
        FileSystem.mkdirSync(target, { recursive: true, mode: 0o700 })
        // The binding goes last: a crash in between leaves a folder that is still known as paper, and --fresh goes on.
        for (const name of names.toSorted((a, b) => Number(a === BINDING) - Number(b === BINDING)))
          FileSystem.renameSync(Path.join(path, name), Path.join(target, name))
        syncFolder(path)
        return target
      },
      catch: unusable(path)
    })
  })
