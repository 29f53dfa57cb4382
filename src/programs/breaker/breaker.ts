/** `breaker`: shows it, trips it, resets it; through the running trader, or in the records of one that does not run. */
import { Clock, Effect, Option } from "effect"
import * as Breaker from "../../domain/breaker/Breaker.ts"
import type { BreakerState, Cause } from "../../domain/breaker/BreakerState.ts"
import { acceptingWrite, takesOver } from "../../domain/engine/acceptance.ts"
import { guideOfCause } from "../../domain/Guide.ts"
import { iso } from "../../domain/Time.ts"
import type { ControlRefusal, NotReachable } from "../../services/ControlClient.ts"
import { ControlClient } from "../../services/ControlClient.ts"
import type { BreakerReport } from "../../services/ControlServer.ts"
import type { LockHeld, LockUnusable } from "../../services/InstanceLock.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import type { StoreFailed, StoreShape } from "../../services/Store.ts"
import { Terminal } from "../../services/Terminal.ts"
import { Beside } from "../cli/Beside.ts"
import { CommandFailed } from "../cli/ExitCode.ts"
import { palette, printable } from "../cli/text.ts"
import { readStatus } from "../status/status.ts"

export type BreakerWorld = ControlClient | InstanceLock | Records | Settings | Terminal | Beside

const HISTORY = 10

const show = (version: string): Effect.Effect<void, StoreFailed, BreakerWorld> =>
  Effect.gen(function* () {
    const records = yield* Records
    const terminal = yield* Terminal
    const p = palette(terminal.colors)
    const view = yield* readStatus(version)
    if (view.state === "unknown") yield* terminal.print(p.bad(view.reasons.join("; ")))
    else if (view.breaker.open) {
      yield* terminal.print(p.bad("OPEN: no entries; exits go on"))
      for (const latch of view.breaker.latches) {
        yield* terminal.print(
          `  ${latch.cause} ${latch.since === null ? "from the next start" : `since ${latch.since}`}: ${printable(latch.reason)}`
        )
        yield* terminal.print(`    clears ${latch.clears}; see ${guideOfCause(latch.cause)}`)
      }
    } else yield* terminal.print(p.good("CLOSED"))
    for (const [cause, failures] of Object.entries(view.breaker.failures)) {
      yield* terminal.print(`  ${cause}: ${failures} failures in a row`)
    }
    const history = (yield* records.exists) ? yield* records.breakerHistory(HISTORY) : []
    if (history.length > 0) yield* terminal.print("Last changes:")
    for (const change of history) {
      yield* terminal.print(
        `  ${iso(change.at)}  ${change.cause} ${change.change} by the ${change.by}: ${printable(change.reason)}`
      )
    }
  })

/** What the reset of a balance latch means, where one was latched. */
const TAKEN_OVER =
  "What differs between the account and the books counts as yours from the next quiet look at the account; entries wait for it. Should the account hold less than the trader's own lots, the breaker latches again and says what is missing."

const answer = (report: BreakerReport, taken: boolean): Effect.Effect<void, never, Terminal> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    const p = palette(terminal.colors)
    if (report.latched.length === 0) yield* terminal.print(p.good("The breaker is closed."))
    else yield* terminal.print(p.bad("The breaker is open: no entries; exits go on."))
    for (const { cause, reason } of report.latched) {
      yield* terminal.print(`  ${cause}: ${printable(reason)} (see ${guideOfCause(cause)})`)
    }
    if (report.latched.some(({ cause }) => cause === "dailyLoss")) {
      yield* terminal.print("  The daily loss is lifted by the next UTC day only.")
    }
    if (taken) yield* terminal.print(TAKEN_OVER)
    if (!report.durable) {
      yield* terminal.printError("The database did not take it (yet): it may not outlive the trader. Look at `status`.")
    }
  })

const reportOf = (state: BreakerState): BreakerReport => ({
  latched: Breaker.latched(state).map(({ cause, reason }) => ({ cause, reason })),
  durable: true
})

/** Changes the breaker in the records, holding the instance lock so that no trader can start in the middle. */
const inRecords = (
  change: (store: StoreShape, state: BreakerState, now: number) => Breaker.BreakerStep,
  operatorLatch: Option.Option<Option.Option<string>>
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const lock = yield* InstanceLock
      const records = yield* Records
      const settings = yield* Settings
      const beside = yield* Beside
      if (!(yield* records.exists)) {
        return yield* new CommandFailed({
          text: `No trader has ever run on ${settings.dataDir}: it has no breaker yet.`
        })
      }
      yield* lock.acquire
      const store = yield* beside.store
      const snapshot = yield* store.load
      const step = change(store, snapshot.breaker, yield* Clock.currentTimeMillis)
      if (Option.isSome(operatorLatch)) yield* store.moveFence({ operatorLatch: operatorLatch.value })
      const taken = takesOver(step.changes)
      yield* store.commit([
        { _tag: "Breaker", state: step.state, changes: step.changes },
        ...(taken ? [acceptingWrite(true)] : [])
      ])
      yield* answer(reportOf(step.state), taken)
    })
  )

const unreachable = (refusal: ControlRefusal): CommandFailed => new CommandFailed({ text: refusal.text })

/** Beside a trader that runs and does not answer, only the operator's latch can be set: it is in the fence. */
const fenceOnly = (reason: string, why: NotReachable) =>
  Effect.gen(function* () {
    const beside = yield* Beside
    const terminal = yield* Terminal
    yield* Effect.scoped(
      Effect.flatMap(beside.store, (store) => store.moveFence({ operatorLatch: Option.some(reason) }))
    )
    yield* terminal.print(
      `The trader runs but does not answer (${why.message}). The operator's latch is set in its records: it can send no entry any more until \`breaker reset\`.`
    )
  })

const trip = (cause: Cause, reason: string) =>
  Effect.flatMap(ControlClient, (client) => client.trip(cause, reason)).pipe(
    Effect.flatMap((report) => answer(report, false)),
    Effect.catchTags({
      ControlRefusal: (refusal) => Effect.fail(unreachable(refusal)),
      NotReachable: (why) =>
        Effect.gen(function* () {
          const lock = yield* InstanceLock
          const settings = yield* Settings
          if (yield* lock.heldElsewhere) return yield* fenceOnly(reason, why)
          const rules = { threshold: settings.limits.breakerThreshold, cooldown: settings.limits.breakerCooldown }
          yield* inRecords(
            (_, state, now) => Breaker.latch(state, rules, cause, now, reason, "operator"),
            cause === "operator" ? Option.some(Option.some(reason)) : Option.none()
          )
        })
    })
  )

/** Whether the records hold a balance latch that a reset would lift; records that cannot be read say nothing. */
const differs = (cause: Cause | undefined): Effect.Effect<boolean, never, Records> =>
  cause === undefined || cause === "balance"
    ? Effect.flatMap(Records, (records) => records.snapshot).pipe(
        Effect.map(({ breaker }) => breaker.latches.balance !== undefined),
        Effect.orElseSucceed(() => false)
      )
    : Effect.succeed(false)

const reset = (cause: Cause | undefined, reason: string) =>
  Effect.gen(function* () {
    const client = yield* ControlClient
    const taken = yield* differs(cause)
    yield* answer(yield* client.reset(cause, reason), taken)
  }).pipe(
    Effect.catchTags({
      ControlRefusal: (refusal) => Effect.fail(unreachable(refusal)),
      NotReachable: (why) =>
        Effect.gen(function* () {
          const lock = yield* InstanceLock
          if (yield* lock.heldElsewhere) {
            return yield* new CommandFailed({
              text: `The trader runs but does not answer (${why.message}), so its breaker cannot be reset. Nothing was changed. Look at \`status\`; stop it first if it hangs.`
            })
          }
          yield* inRecords(
            (_, state, now) => Breaker.reset(state, cause, now, reason),
            cause === undefined || cause === "operator" ? Option.some(Option.none()) : Option.none()
          )
        })
    })
  )

export const breaker = (options: {
  readonly action: "show" | "trip" | "reset"
  readonly cause: Cause | undefined
  readonly reason: string | undefined
  readonly version: string
}): Effect.Effect<void, CommandFailed | StoreFailed | LockHeld | LockUnusable, BreakerWorld> => {
  switch (options.action) {
    case "show":
      return show(options.version)
    case "trip":
      return trip(options.cause ?? "operator", options.reason ?? "tripped by hand")
    case "reset":
      return reset(options.cause, options.reason ?? "reset by hand")
  }
}
