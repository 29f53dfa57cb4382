/** Scripted copies of the records: there is none until the test says so, any name can be written, the folder is bound to nothing. */
import { Context, Effect, Layer } from "effect"
import type { BackupsShape } from "../../services/Backups.ts"
import { BackupRefused, Backups } from "../../services/Backups.ts"
import type { ScriptControl } from "./script.ts"
import { makeScript } from "./script.ts"

/** Steers and inspects `MockBackups`. */
export class MockBackupsControl extends Context.Tag("trader/layers/mock/MockBackups/MockBackupsControl")<
  MockBackupsControl,
  ScriptControl<BackupsShape>
>() {}

const make = () => {
  const missing = Effect.fail(new BackupRefused({ reason: "missing", file: "mock.db", detail: "the test has no copy" }))
  const { call, control } = makeScript<BackupsShape>({
    prepare: Effect.void,
    inspect: missing,
    rehearse: missing,
    binding: Effect.succeed(undefined),
    putBack: missing
  })
  return Context.make(Backups, {
    prepare: (...args) => call("prepare", ...args),
    inspect: (...args) => call("inspect", ...args),
    rehearse: (...args) => call("rehearse", ...args),
    binding: call("binding"),
    putBack: (...args) => call("putBack", ...args)
  }).pipe(Context.add(MockBackupsControl, control))
}

export const MockBackups: Layer.Layer<Backups | MockBackupsControl> = Layer.effectContext(Effect.sync(make))
