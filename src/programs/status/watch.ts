/** `status --watch`: the status drawn anew each second, whether a trader runs, stops or starts meanwhile. Reads only. */
import { Clock, Effect } from "effect"
import { iso } from "../../domain/Time.ts"
import type { ControlClient } from "../../services/ControlClient.ts"
import type { InstanceLock } from "../../services/InstanceLock.ts"
import { LiveScreen } from "../../services/LiveScreen.ts"
import type { ScreenSize } from "../../services/LiveScreen.ts"
import type { Records } from "../../services/Records.ts"
import type { Settings } from "../../services/Settings.ts"
import { StopSignal } from "../../services/StopSignal.ts"
import { Terminal } from "../../services/Terminal.ts"
import { UsageError } from "../cli/ExitCode.ts"
import { palette, wrap } from "../cli/text.ts"
import { renderStatus } from "./render.ts"
import { readStatus } from "./status.ts"

const EVERY_MS = 1000

/** The lines of one frame: a title, then as much as fits, long lines broken at spaces; what is left out is counted. */
export const frame = (title: string, text: string, { columns, rows }: ScreenSize): ReadonlyArray<string> => {
  const lines = text.split("\n").flatMap((line) => wrap(line, columns))
  const room = Math.max(1, rows - 1)
  const head = title.slice(0, columns)
  if (lines.length <= room) return [head, ...lines]
  const shown = lines.slice(0, room - 1)
  return [
    head,
    ...shown,
    `… ${lines.length - shown.length} more lines: enlarge the window, or see \`status\``.slice(0, columns)
  ]
}

/** Draws until it is asked to end (Ctrl-C), which is no failure. Needs a terminal. */
export const watchStatus = (options: {
  readonly json: boolean
  readonly version: string
}): Effect.Effect<
  void,
  UsageError,
  ControlClient | InstanceLock | Records | Settings | Terminal | LiveScreen | StopSignal
> =>
  Effect.gen(function* () {
    const screen = yield* LiveScreen
    const terminal = yield* Terminal
    const stop = yield* StopSignal
    if (options.json || !screen.available) {
      return yield* new UsageError({
        text: "status --watch draws on a terminal, and standard output is none here, or --json was asked for. For a script: run `status --json` as often as you like; it costs the trader nothing."
      })
    }
    const { dim } = palette(terminal.colors)
    const draw = yield* screen.open
    const once = Effect.gen(function* () {
      const view = yield* readStatus(options.version)
      const size = yield* screen.size
      const at = iso(yield* Clock.currentTimeMillis).slice(0, 19)
      const [title = "", ...lines] = frame(
        `${at}Z, drawn each second. Ctrl-C ends this, not the trader.`,
        renderStatus(view, terminal.colors),
        size
      )
      yield* draw([dim(title), ...lines])
      yield* Effect.sleep(EVERY_MS)
    })
    yield* Effect.raceFirst(Effect.forever(once), stop.requested)
  }).pipe(Effect.scoped)
