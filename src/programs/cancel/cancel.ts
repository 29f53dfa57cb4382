/**
 * `cancel`: through the running trader if it answers, else directly: fence first, then cancels with nonces of the same
 * row, then the open orders are read until nothing is left, or what is left is said and the exit code is not 0.
 */
import { Effect, Either, Option } from "effect"
import { MarketClock } from "../../services/Clock.ts"
import type { NotReachable } from "../../services/ControlClient.ts"
import { ControlClient } from "../../services/ControlClient.ts"
import type { CancelReport, CancelTarget } from "../../services/ControlServer.ts"
import type { LockUnusable } from "../../services/InstanceLock.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import type { LocalKrakenError, TapeError } from "../../services/LocalKraken.ts"
import { Nonce } from "../../services/Nonce.ts"
import { Settings } from "../../services/Settings.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { Store } from "../../services/Store.ts"
import { Terminal } from "../../services/Terminal.ts"
import { Beside } from "../cli/Beside.ts"
import type { ExchangeBeside } from "../cli/Beside.ts"
import { CommandFailed, ExitCodes, Finished } from "../cli/ExitCode.ts"
import { palette, printable } from "../cli/text.ts"
import { cancelOrders, DRILL_NOTE, inBooks, lastArrivalOf } from "./cancelOrders.ts"

export type CancelWorld = ControlClient | InstanceLock | Settings | Terminal | Beside

/** Kraken refuses what arrives later than this after it was decided: deadline, and a second for the clocks. */
const IN_FLIGHT_MS = 11_000
const what = (target: CancelTarget): string =>
  target._tag === "Orders"
    ? `\`cancel ${target.ids.join(" ")}\``
    : target._tag === "Own"
      ? "`cancel --all`"
      : "`cancel --all --account`"

/** Beside a trader that is dead or does not answer. */
export const cancelDirectly = (
  target: CancelTarget,
  traderRuns: boolean
): Effect.Effect<CancelReport, never, ExchangeBeside> =>
  Effect.gen(function* () {
    const store = yield* Store
    const nonce = yield* Nonce
    const clock = yield* MarketClock
    const warnings: Array<string> = []
    // the fence comes first: a trader that was frozen and wakes up must not send what it decided before
    const fenced = yield* Effect.either(
      store.moveFence(target._tag === "Orders" ? {} : { operatorLatch: Option.some(what(target)) })
    )
    if (Either.isLeft(fenced)) {
      // it may hold the database locked, and with it the nonces: jump well past whatever it could still use
      yield* nonce.advance()
      warnings.push(
        `THE FENCE IS NOT SET (${fenced.left.message}): a frozen trader that wakes up could send an order once more. End its process, then run this again.`
      )
    }
    const loaded = yield* Effect.either(store.load)
    if (Either.isLeft(loaded)) {
      warnings.push(
        `the records could not be read (${loaded.left.message}): only orders that the exchange shows are cancelled`
      )
    }
    const known = Either.isRight(loaded) ? loaded.right.orders : []
    const now = yield* clock.now
    // without the fence, or without the records, something may be on its way that is not known here
    const inTheDark = traderRuns && (Either.isLeft(fenced) || Either.isLeft(loaded))
    const report = yield* cancelOrders({
      target,
      known,
      lastArrival: inTheDark ? now + IN_FLIGHT_MS : lastArrivalOf(known),
      inBooks: inBooks(store),
      adopt: () => true
    })
    if (target._tag !== "Orders" && report.left.length === 0) {
      yield* Effect.ignore(store.commit([{ _tag: "Note", key: DRILL_NOTE, value: String(now) }]))
    }
    return { ...report, warnings: [...warnings, ...report.warnings] }
  })

const print = (target: CancelTarget, report: CancelReport): Effect.Effect<void, Finished, Terminal> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    const p = palette(terminal.colors)
    for (const id of report.cancelled) yield* terminal.print(`${p.good("cancelled")} ${printable(id)}`)
    for (const id of report.notOpen) yield* terminal.print(`not open  ${printable(id)}`)
    for (const warning of report.warnings) yield* terminal.printError(p.warn(printable(warning)))
    for (const id of report.unheardOf) {
      yield* terminal.printError(
        p.bad(`NO SUCH ORDER: ${printable(id)} is neither in the books nor open at the exchange. Is the id right?`)
      )
    }
    if (report.left.length > 0) {
      for (const id of report.left)
        yield* terminal.printError(p.bad(`NOT CANCELLED, or not known to be: ${printable(id)}`))
      yield* terminal.printError(
        "Look at the account at Kraken now, and cancel there by hand. Then run this again, until it says that nothing is left."
      )
      return yield* new Finished({ code: ExitCodes.failed })
    }
    if (report.unheardOf.length > 0) return yield* new Finished({ code: ExitCodes.failed })
    const none = report.cancelled.length === 0
    yield* terminal.print(
      target._tag === "Orders"
        ? none
          ? "Nothing was open."
          : "Verified: none of them is open any more."
        : `Verified: ${none ? "nothing was open" : "nothing is left open"} ${target._tag === "Own" ? "of this trader's" : "in the account"}. Entries stay stopped until \`breaker reset --cause operator\`.`
    )
    if (report.placedAgain.length > 0) {
      yield* terminal.print(
        `The running trader placed ${report.placedAgain.join(", ")} anew: it keeps a sale working for what it holds. \`stop\` ends that too.`
      )
    }
  })

const direct = (target: CancelTarget, why: NotReachable) =>
  Effect.gen(function* () {
    const lock = yield* InstanceLock
    const settings = yield* Settings
    const terminal = yield* Terminal
    const beside = yield* Beside
    if (settings.mode === "observe") {
      return yield* new CommandFailed({
        text: "observe mode sends nothing to the exchange, cancels included. Nothing was cancelled: use Kraken's own site."
      })
    }
    const held = yield* lock.heldElsewhere
    yield* terminal.printError(
      held
        ? `The trader runs but does not answer (${why.message}): cancelling beside it.`
        : "No trader runs: cancelling directly."
    )
    const report = yield* Effect.scoped(
      Effect.flatMap(beside.exchange, (context) =>
        Effect.mapInputContext<CancelReport, never, ExchangeBeside, never>(cancelDirectly(target, held), () => context)
      )
    )
    yield* print(target, report)
  })

export const cancel = (
  target: CancelTarget
): Effect.Effect<
  void,
  CommandFailed | Finished | StoreFailed | LockUnusable | LocalKrakenError | TapeError,
  CancelWorld
> =>
  Effect.gen(function* () {
    const client = yield* ControlClient
    yield* print(target, yield* client.cancel(target))
  }).pipe(
    Effect.catchTags({
      ControlRefusal: (refusal) => Effect.fail(new CommandFailed({ text: refusal.text })),
      NotReachable: (why) => direct(target, why)
    })
  )
