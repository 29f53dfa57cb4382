/** `status`: asks the running trader, reads its records where none answers, and never touches the exchange. */
import { Clock, Effect, Either, Schema } from "effect"
import { ControlClient } from "../../services/ControlClient.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import { START_STEP_NOTE } from "../../services/Store.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { Terminal } from "../../services/Terminal.ts"
import { ExitCodes, Finished } from "../cli/ExitCode.ts"
import type { ExitCode } from "../cli/ExitCode.ts"
import { recordsView } from "./recordsView.ts"
import type { Recorded } from "./recordsView.ts"
import { renderStatus } from "./render.ts"
import type { TraderState } from "./View.ts"
import { StatusView } from "./View.ts"

const codes: Readonly<Record<TraderState, ExitCode>> = {
  trading: ExitCodes.done,
  "not-entering": ExitCodes.failed,
  stopped: ExitCodes.notRunning,
  unknown: ExitCodes.cannotTell
}

const RECENT_TRADES = 5
const decode = Schema.decodeUnknown(StatusView)

const readRecords = (version: string): Effect.Effect<Recorded, StoreFailed, Records | Settings> =>
  Effect.gen(function* () {
    const records = yield* Records
    const settings = yield* Settings
    const base = {
      mode: settings.mode,
      version,
      limits: settings.limits,
      machineNow: yield* Clock.currentTimeMillis
    }
    if (!(yield* records.exists)) return { ...base, snapshot: undefined, lastMetricsAt: undefined, recentTrades: [] }
    return {
      ...base,
      snapshot: yield* records.snapshot,
      lastMetricsAt: (yield* records.lastMetrics)?.at,
      recentTrades: yield* records.trades({ openOnly: false, limit: RECENT_TRADES })
    }
  })

const whyOf = (held: boolean, exists: boolean, said: string, dataDir: string, step = ""): string =>
  held && step !== ""
    ? `the trader on ${dataDir} is starting: ${step}`
    : held
      ? `a trader holds the lock of ${dataDir} but does not answer (${said}): it is starting, frozen or hanging. Its resting orders are cancelled by the dead man's switch if it does not come back; \`cancel --all\` works beside it, and \`stop\` says what to do`
      : exists
        ? `no trader runs on ${dataDir}`
        : `no trader has ever run on ${dataDir}`

/** The state of things, whoever can tell it. */
export const readStatus = (
  version: string
): Effect.Effect<StatusView, never, ControlClient | InstanceLock | Records | Settings> =>
  Effect.gen(function* () {
    const client = yield* ControlClient
    const lock = yield* InstanceLock
    const settings = yield* Settings
    const asked = yield* Effect.either(client.status)
    if (Either.isRight(asked)) {
      const view = yield* Effect.either(decode(asked.right))
      if (Either.isRight(view)) return view.right
    }
    const said = Either.isLeft(asked)
      ? asked.left.message
      : "the running trader is of another version: use that version's `status`"
    const machineNow = yield* Clock.currentTimeMillis
    const nothing: Recorded = {
      mode: settings.mode,
      version,
      limits: settings.limits,
      machineNow,
      snapshot: undefined,
      lastMetricsAt: undefined,
      recentTrades: []
    }
    const held = yield* Effect.either(lock.heldElsewhere)
    const known = yield* Effect.either(readRecords(version))
    if (Either.isLeft(held)) {
      const why = `the lock file cannot be looked at (${held.left.detail}), so whether a trader runs is not known`
      return recordsView(
        "unknown",
        why,
        Either.getOrElse(known, () => nothing)
      )
    }
    // whoever holds the lock answers with or without readable records: it runs, and does not answer
    if (Either.isLeft(known)) {
      const why = `the records cannot be read (the database is ${known.left.reason === "other" ? "unusable" : known.left.reason})`
      return {
        ...recordsView("unknown", `${why}; ${whyOf(held.right, true, said, settings.dataDir)}`, nothing),
        store: { ok: false, detail: known.left.message, at: null }
      }
    }
    const exists = known.right.snapshot !== undefined
    return recordsView(
      held.right ? "not-entering" : "stopped",
      whyOf(held.right, exists, said, settings.dataDir, known.right.snapshot?.notes.get(START_STEP_NOTE)),
      known.right
    )
  })

/** Prints it; the exit code says the state. */
export const status = (options: {
  readonly json: boolean
  readonly version: string
}): Effect.Effect<void, Finished, ControlClient | InstanceLock | Records | Settings | Terminal> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    const view = yield* readStatus(options.version)
    yield* terminal.print(options.json ? JSON.stringify(view) : renderStatus(view, terminal.colors))
    const code = codes[view.state]
    if (code !== ExitCodes.done) return yield* new Finished({ code })
  })
