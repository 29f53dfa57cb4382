/** `stop`: asks the trader to end gracefully, waits until it has, and says what was cancelled and what is still held. */
import { Clock, Effect, Either } from "effect"
import type { Snapshot } from "../../domain/engine/Snapshot.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import { isLive } from "../../domain/order/Order.ts"
import { ControlClient } from "../../services/ControlClient.ts"
import type { LockUnusable } from "../../services/InstanceLock.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { Terminal } from "../../services/Terminal.ts"
import { Beside } from "../cli/Beside.ts"
import { CommandFailed, ExitCodes, Finished } from "../cli/ExitCode.ts"
import { count } from "../cli/text.ts"
import { sell } from "../flatten/flatten.ts"
import type { FlattenWorld } from "../flatten/flatten.ts"

const LOOK_AGAIN_MS = 200
/** Enough to find what became of the orders that were open. */
const RECENT_ORDERS = 200

export type StopWorld = ControlClient | InstanceLock | Records | Settings | Terminal | Beside

const heldLines = (snapshot: Snapshot): ReadonlyArray<string> =>
  snapshot.lots.map(
    (lot) =>
      `  still held: ${Fixed.show(lot.remaining)} of ${lot.symbol} (lot ${lot.id}); nothing sells it while the trader is down, not even at its loss limit of ${Fixed.show(lot.plan.stop)}`
  )

/** What the records say once the trader is gone; `true` when nothing is left unclear. */
const report = (openBefore: ReadonlySet<string>) =>
  Effect.gen(function* () {
    const records = yield* Records
    const terminal = yield* Terminal
    if (!(yield* records.exists)) return true
    const snapshot = yield* records.snapshot
    const rows = yield* records.orders({ openOnly: false, limit: RECENT_ORDERS })
    const left = snapshot.orders.filter(isLive)
    const ended = rows.filter((row) => openBefore.has(row.orderId) && !left.some((order) => order.id === row.orderId))
    for (const row of ended) {
      yield* terminal.print(
        `  ${row.type} of ${row.volume} ${row.pair} at ${row.price} (${row.orderId}): ${row.status}`
      )
    }
    for (const order of left) {
      yield* terminal.print(
        `  NOT KNOWN to be gone: ${order.side} of ${Fixed.show(order.quantity)} ${order.symbol} at ${Fixed.show(order.limitPrice)} (${order.id}, ${order.status})`
      )
    }
    for (const line of heldLines(snapshot)) yield* terminal.print(line)
    if (snapshot.lots.length === 0) yield* terminal.print("  nothing is held")
    return left.length === 0
  })

/** Nothing that was decided before may leave when a frozen trader wakes up. */
const moveFence = Effect.gen(function* () {
  const beside = yield* Beside
  const terminal = yield* Terminal
  const moved = yield* Effect.either(Effect.scoped(Effect.flatMap(beside.store, (store) => store.moveFence({}))))
  yield* terminal.printError(
    Either.isRight(moved)
      ? "The trader does not answer. It is fenced: what it had decided before cannot be sent any more. Still trying to reach it…"
      : `The trader does not answer, and it could not be fenced either (${moved.left.message}). Still trying to reach it…`
  )
})

/**
 * As `flatten`, then the stop. While the sale is still under way the trader is not stopped: nothing would go on with it.
 * What no order can sell does not keep the trader from being stopped, but is said by the exit code.
 */
export const flattenAndStop = (options: {
  readonly sellMs: number
  readonly timeoutMs: number
}): Effect.Effect<void, CommandFailed | Finished | StoreFailed | LockUnusable, StopWorld | FlattenWorld> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    const { code, standing } = yield* sell({ force: false, timeoutMs: options.sellMs })
    if (standing === "working") {
      yield* terminal.printError("The trader was NOT stopped, so that the sale goes on. `stop` stops it all the same.")
      return yield* new Finished({ code })
    }
    yield* stop(options)
    if (code !== ExitCodes.done) return yield* new Finished({ code })
  })

export const stop = (options: {
  readonly timeoutMs: number
}): Effect.Effect<void, CommandFailed | Finished | StoreFailed | LockUnusable, StopWorld> =>
  Effect.gen(function* () {
    const client = yield* ControlClient
    const lock = yield* InstanceLock
    const settings = yield* Settings
    const terminal = yield* Terminal
    const records = yield* Records
    const deadline = (yield* Clock.currentTimeMillis) + options.timeoutMs
    const timeLeft = Effect.map(Clock.currentTimeMillis, (now) => deadline - now)

    if (!(yield* lock.heldElsewhere)) {
      yield* terminal.print(`No trader runs on ${settings.dataDir}: nothing to stop.`)
      if (yield* records.exists) for (const line of heldLines(yield* records.snapshot)) yield* terminal.print(line)
      return
    }

    // a trader that is starting does not listen yet: it is asked until it does, or time is up
    let fenced = false
    const ask = Effect.gen(function* () {
      while (true) {
        const asked = yield* Effect.either(client.stop("`stop`"))
        if (Either.isRight(asked)) return asked.right
        if (asked.left._tag === "ControlRefusal") return yield* new CommandFailed({ text: asked.left.message })
        if (!(yield* lock.heldElsewhere)) return { reason: "", openOrders: [] }
        if (asked.left.reason === "timeout" && !fenced) {
          fenced = true
          yield* moveFence
        }
        if ((yield* timeLeft) <= 0) {
          if (!fenced) yield* moveFence
          return yield* new CommandFailed({
            text: `The trader on ${settings.dataDir} does not answer (${asked.left.message}) and still runs. End its process with the means of your system (its number is in ${settings.dataDir}/.trading_lock.holder). Its resting orders are cancelled by the dead man's switch, or at once by \`cancel --all\`; positions stay. Then look at \`status\`.`
          })
        }
        yield* Effect.sleep(LOOK_AGAIN_MS)
      }
    })
    const { openOrders } = yield* ask
    yield* terminal.print(
      `Stopping: no more entries${openOrders.length === 0 ? "" : `, ${count(openOrders.length, "open order")} being cancelled`}…`
    )
    while (yield* lock.heldElsewhere) {
      if ((yield* timeLeft) <= 0) {
        return yield* new CommandFailed({
          text: `The trader is stopping, but has not ended within ${options.timeoutMs / 1000} seconds. It cancels its orders first; wait, and look at \`status\`. A second \`stop\` does no harm.`
        })
      }
      yield* Effect.sleep(LOOK_AGAIN_MS)
    }
    yield* terminal.print("Stopped.")
    const clean = yield* report(new Set(openOrders))
    if (!clean) {
      yield* terminal.printError(
        "Some orders are not known to be gone: look at the account at Kraken before you start again. The next start looks them up; `cancel --all` cancels them now."
      )
      return yield* new Finished({ code: ExitCodes.halted })
    }
  })
