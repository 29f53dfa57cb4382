/** `pause` and `resume`: through the running trader, or in its records where none answers. Exits are never paused. */
import { Effect } from "effect"
import type { NotReachable } from "../../services/ControlClient.ts"
import { ControlClient } from "../../services/ControlClient.ts"
import type { LockUnusable } from "../../services/InstanceLock.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { Terminal } from "../../services/Terminal.ts"
import { Beside } from "../cli/Beside.ts"
import { CommandFailed } from "../cli/ExitCode.ts"

export type PauseWorld = ControlClient | InstanceLock | Records | Settings | Terminal | Beside

/** What a trader that does not run, or does not answer, finds when it looks next. */
const inRecords = (paused: boolean, why: NotReachable) =>
  Effect.gen(function* () {
    const lock = yield* InstanceLock
    const records = yield* Records
    const settings = yield* Settings
    const terminal = yield* Terminal
    const beside = yield* Beside
    const held = yield* lock.heldElsewhere
    if (!(yield* records.exists)) {
      return yield* new CommandFailed({
        text: `No trader has ever run on ${settings.dataDir}: there is nothing to ${paused ? "pause" : "resume"}.`
      })
    }
    yield* Effect.scoped(Effect.flatMap(beside.store, (store) => store.moveFence({ paused })))
    yield* terminal.print(
      held
        ? `The trader runs but does not answer (${why.message}). It is ${paused ? "paused" : "resumed"} in its records: it sees that before it sends anything again. Look at \`status\`.`
        : `No trader runs. The next one ${paused ? "will not enter until `resume`; it looks after what is held" : "may enter again"}.`
    )
  })

export const pause = (paused: boolean): Effect.Effect<void, CommandFailed | StoreFailed | LockUnusable, PauseWorld> =>
  Effect.gen(function* () {
    const client = yield* ControlClient
    const terminal = yield* Terminal
    const answer = yield* paused ? client.pause : client.resume
    yield* terminal.print(
      answer.paused
        ? `Paused: no new entries, resting entries are being cancelled; exits go on. \`resume\` ends it${answer.durable ? "" : ". The database did not take it: it holds only until the trader ends"}.`
        : "Resumed: entries are allowed again (`status` says whether something else keeps them from being sent)."
    )
  }).pipe(
    Effect.catchTags({
      ControlRefusal: (refusal) => Effect.fail(new CommandFailed({ text: refusal.text })),
      NotReachable: (why) => inRecords(paused, why)
    })
  )
