/** A command's world without files, network or processes: what it prints is kept, what it asks is scripted. */
import { Context, Effect, Layer } from "effect"
import { Beside } from "../../../src/programs/cli/Beside.ts"
import type { BesideShape } from "../../../src/programs/cli/Beside.ts"
import { MockInstanceLock } from "../../../src/layers/mock/MockInstanceLock.ts"
import { MockRecords } from "../../../src/layers/mock/MockRecords.ts"
import { mockSettings } from "../../../src/layers/mock/MockSettings.ts"
import { ControlClient, NotReachable } from "../../../src/services/ControlClient.ts"
import type { ControlClientShape } from "../../../src/services/ControlClient.ts"
import type { SettingsShape } from "../../../src/services/Settings.ts"
import { Terminal } from "../../../src/services/Terminal.ts"

/** What was printed. */
export class Screen extends Context.Tag("test/Screen")<
  Screen,
  { readonly out: () => string; readonly error: () => string }
>() {}

/** With `shown` it is a terminal, whose line that is written over is kept there. */
export const screen = (colors = false, shown?: Array<string>): Layer.Layer<Terminal | Screen> =>
  Layer.effectContext(
    Effect.sync(() => {
      const out: Array<string> = []
      const error: Array<string> = []
      return Context.make(Terminal, {
        print: (text) => Effect.sync(() => void out.push(text)),
        printError: (text) => Effect.sync(() => void error.push(text)),
        colors,
        columns: 100,
        progress: shown === undefined ? undefined : (line) => Effect.sync(() => void shown.push(line))
      }).pipe(Context.add(Screen, { out: () => out.join("\n"), error: () => error.join("\n") }))
    })
  )

export const nobody = new NotReachable({ reason: "none", detail: "no trader has announced itself" })
export const frozen = new NotReachable({ reason: "timeout", detail: "the trader did not answer within 2 seconds" })

/** A client that reaches nobody, except for what a test says. */
export const clientOf = (change: Partial<ControlClientShape> = {}, otherwise = nobody): ControlClientShape => ({
  status: Effect.fail(otherwise),
  stop: () => Effect.fail(otherwise),
  pause: Effect.fail(otherwise),
  resume: Effect.fail(otherwise),
  cancel: () => Effect.fail(otherwise),
  flatten: Effect.fail(otherwise),
  flattenProgress: Effect.fail(otherwise),
  frames: Effect.fail(otherwise),
  trip: () => Effect.fail(otherwise),
  reset: () => Effect.fail(otherwise),
  ...change
})

/** Everything a command stands on; whatever is opened without a test saying how is a defect. */
export const world = (
  options: {
    readonly client?: ControlClientShape
    readonly settings?: Partial<SettingsShape>
    readonly beside?: Partial<BesideShape>
    readonly colors?: boolean
  } = {}
) =>
  Layer.mergeAll(
    Layer.succeed(ControlClient, options.client ?? clientOf()),
    MockInstanceLock,
    MockRecords,
    mockSettings(options.settings),
    screen(options.colors),
    Layer.succeed(Beside, {
      store: Effect.dieMessage("the database was opened"),
      exchange: Effect.dieMessage("the exchange was opened"),
      toTry: Effect.dieMessage("the exchange was tried"),
      folder: Effect.void,
      sellAll: () => Effect.dieMessage("everything was sold"),
      ...options.beside
    })
  )
