/**
 * `flatten`: cancels what rests, then sells what the trader itself bought, down the exit ladder: through the running trader
 * if it answers, else by the trading program itself under the instance lock. Says what was sold and what is left.
 */
import { Clock, Effect, Either, Option } from "effect"
import { isLive } from "../../domain/order/Order.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import type { NotReachable } from "../../services/ControlClient.ts"
import { ControlClient } from "../../services/ControlClient.ts"
import type { FlattenProgress } from "../../services/ControlServer.ts"
import type { LockUnusable } from "../../services/InstanceLock.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { Terminal } from "../../services/Terminal.ts"
import { TraderProcess } from "../../services/TraderProcess.ts"
import { Beside } from "../cli/Beside.ts"
import { CommandFailed, ExitCodes, Finished, UsageError } from "../cli/ExitCode.ts"
import type { ExitCode } from "../cli/ExitCode.ts"
import { count, palette, printable } from "../cli/text.ts"
import { standing, STEADY_MS } from "./progress.ts"

export type FlattenWorld = ControlClient | InstanceLock | Records | Settings | Terminal | Beside | TraderProcess

export interface FlattenOptions {
  /** Asks nothing. */
  readonly yes: boolean
  /** Ends a trader that does not answer. */
  readonly force: boolean
  /** Real time for the sale. */
  readonly timeoutMs: number
}

/** How it ended. Everything was said already. */
export interface FlattenEnd {
  readonly code: ExitCode
  /** `working`: the trader goes on selling. */
  readonly standing: "done" | "left" | "working"
}

const LOOK_MS = 500
/** A trader that is starting does not listen yet; one that does not answer is asked again before it counts as hanging. */
const STARTING_MS = 20_000
const ASKS_OF_FROZEN = 2
/** The operating system drops the lock with the process. */
const LOCK_FREED_MS = 10_000
/** Enough to find what the sold lots brought. */
const RECENT_TRADES = 200

/** What is known to be left of each lot, so that sales can be told. */
interface Told {
  readonly held: Map<string, { readonly pair: string; readonly remaining: string }>
  /** Every lot that was ever held meanwhile. */
  readonly lots: Set<string>
  readonly lines: Set<string>
  last: FlattenProgress | undefined
}

const less = (before: string, after: string): string | undefined =>
  Either.getOrUndefined(
    Either.zipWith(Fixed.parse(before), Fixed.parse(after), (a, b) => (a > b ? Fixed.show(a - b) : undefined))
  )

/** Tells sales as they come, and what is being done, once each. */
const tell = (told: Told, progress: FlattenProgress): Effect.Effect<void, never, Terminal> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    const p = palette(terminal.colors)
    const now = new Map(progress.lots.map((lot) => [lot.lotId, lot]))
    for (const [lotId, { pair, remaining }] of told.held) {
      const sold = less(remaining, now.get(lotId)?.remaining ?? "0")
      if (sold !== undefined) yield* terminal.print(`${p.good("sold")} ${sold} of ${pair} (lot ${lotId})`)
      if (!now.has(lotId)) told.held.delete(lotId)
    }
    for (const { lotId, pair, remaining } of progress.lots) {
      told.lots.add(lotId)
      told.held.set(lotId, { pair, remaining })
    }
    const lines = [
      ...progress.settling,
      ...progress.orders
        .filter(({ side, status }) => side === "buy" || status === "unknown")
        .map(({ orderId, side, status }) => `order ${orderId} (${side}) is ${status}`),
      // what is tried anew each time differs in its numbers only
      ...progress.lots.map(({ lotId, state }) => `lot ${lotId} is ${state}`)
    ]
    for (const line of lines) {
      if (told.lines.has(line)) continue
      told.lines.add(line)
      yield* terminal.printError(p.dim(`… ${printable(line)}`))
    }
    told.last = progress
  })

const remedy = (state: FlattenProgress["lots"][number]["state"]): string =>
  state === "dust"
    ? "No order can sell so little. Sell it by hand at Kraken (its Convert takes small amounts), or leave it: the pair's next exit takes it along."
    : "Look at `status` and at the account, and run `flatten` again. You can always sell it by hand at Kraken; then `breaker reset --cause balance` tells the books."

/** Says how it ended, with amounts and what to do. */
const conclude = (told: Told, stopped: boolean): Effect.Effect<FlattenEnd, never, Terminal | Records> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    const records = yield* Records
    const p = palette(terminal.colors)
    const progress = told.last
    if (progress === undefined) {
      yield* terminal.printError(p.bad("NOTHING IS KNOWN: the trader said nothing. Look at the account at Kraken now."))
      return { code: ExitCodes.halted, standing: "working" }
    }
    const trades = yield* Effect.orElseSucceed(records.trades({ openOnly: false, limit: RECENT_TRADES }), () => [])
    for (const { orderId, profitLoss } of trades) {
      if (profitLoss !== undefined && told.lots.has(orderId))
        yield* terminal.print(`lot ${orderId} brought ${profitLoss} USD after all fees`)
    }
    for (const { lotId, pair, remaining, state, text } of progress.lots) {
      yield* terminal.printError(p.bad(`LEFT: ${remaining} of ${pair} (lot ${lotId}): ${printable(text)}.`))
      yield* terminal.printError(`  ${remedy(state)}`)
    }
    for (const { orderId, pair, quantity, side, status } of progress.orders) {
      yield* terminal.printError(
        p.bad(`NOT KNOWN TO BE GONE: order ${orderId} (${side} ${quantity} of ${pair}) is ${status}.`)
      )
    }
    for (const line of progress.settling) yield* terminal.printError(p.bad(`NOT YET KNOWN: ${printable(line)}.`))
    for (const doubt of progress.doubts)
      yield* terminal.printError(p.bad(`THE BOOKS ARE IN DOUBT: ${printable(doubt)}.`))
    const end = standing(progress)
    // a sale that is on its way is no order of which nobody knows
    const unclear =
      progress.settling.length > 0 ||
      progress.doubts.length > 0 ||
      progress.orders.some(({ side, status }) => side === "buy" || status === "unknown") ||
      (stopped && progress.orders.length > 0)
    if (end === "done" && !unclear) {
      yield* terminal.print(
        `${p.good("Nothing is left")}: the trader holds nothing and nothing of its works at the exchange. Entries stay stopped until \`breaker reset --cause operator\`.`
      )
      return { code: ExitCodes.done, standing: end }
    }
    if (unclear) {
      yield* terminal.printError(
        "Look at the account at Kraken now: its open orders, and what it holds. Then run `flatten` again; what is unknown is looked up until it is settled."
      )
    } else if (end === "working" && !stopped) {
      yield* terminal.printError("The time is up. The trader goes on selling: watch `status`, or run `flatten` again.")
    }
    return { code: unclear ? ExitCodes.halted : ExitCodes.failed, standing: end }
  })

/** Watches the running trader sell. `gone`: it can't be asked any more. */
const follow = (told: Told, deadline: number) =>
  Effect.gen(function* () {
    const client = yield* ControlClient
    let steadySince: number | undefined
    while (true) {
      const read = yield* Effect.either(client.flattenProgress)
      if (Either.isLeft(read)) {
        if (read.left._tag === "ControlRefusal") return yield* new CommandFailed({ text: read.left.text })
        return "gone" as const
      }
      const progress = read.right
      yield* tell(told, progress)
      const now = yield* Clock.currentTimeMillis
      const end = standing(progress)
      steadySince = end === "working" ? undefined : (steadySince ?? now)
      if (steadySince !== undefined && now - steadySince >= STEADY_MS) return "ended" as const
      if (now >= deadline) return "ended" as const
      if (!progress.flattening) {
        return yield* new CommandFailed({
          text: "The sale was taken back: somebody reset the operator's latch. What had been called is still sold; `status` shows what is held."
        })
      }
      yield* Effect.sleep(LOOK_MS)
    }
  })

/** No trader runs: the trading program itself, until it ends. Nothing is answered when one has been started meanwhile. */
const alone = (told: Told, deadline: number) =>
  Effect.gen(function* () {
    const beside = yield* Beside
    const lock = yield* InstanceLock
    const terminal = yield* Terminal
    const records = yield* Records
    const settings = yield* Settings
    if (!(yield* records.exists)) {
      return yield* new CommandFailed({
        text: `There are no records in ${settings.dataDir}: what a trader bought is not known here, so nothing was sold. If a trader ran here before, its books are lost: \`recover\` rebuilds them from the exchange, then run this again.`
      })
    }
    yield* terminal.printError("No trader runs: selling without it.")
    const timeoutMs = Math.max(0, deadline - (yield* Clock.currentTimeMillis))
    const p = palette(terminal.colors)
    let waited = false
    const ended = yield* Effect.either(
      beside.sellAll({
        timeoutMs,
        seen: (progress) => Effect.provideService(tell(told, progress), Terminal, terminal),
        waiting: (why, leftMs) =>
          Effect.suspend(() => {
            waited = true
            if (told.lines.has(why)) return Effect.void
            told.lines.add(why)
            const seconds = Math.ceil(leftMs / 1000)
            return terminal.printError(
              p.dim(`… Kraken cannot be reached: ${printable(why)}. Nothing is sold yet; tried again for ${seconds} s`)
            )
          })
      })
    )
    if (Either.isLeft(ended)) {
      if (told.last === undefined) {
        const { code, text } = ended.left
        // one that was started in between, or is starting, has the lock now: it is told
        if (code === ExitCodes.anotherInstance && (yield* lock.heldElsewhere)) return undefined
        if (code !== ExitCodes.exchangeUnavailable) return yield* ended.left
        const word = waited
          ? " The word to sell everything stands in the records: a trader that starts on them sells, and buys nothing."
          : ""
        return yield* new CommandFailed({
          text: `NOTHING WAS SOLD: ${text}${word} Run \`flatten\` again, with a longer --timeout if need be, or sell by hand at Kraken.`,
          code
        })
      }
      yield* terminal.printError(ended.left.text)
    }
    const end = yield* conclude(told, true)
    if (Either.isRight(ended)) return end
    const code = ended.left.code ?? ExitCodes.failed
    return { ...end, code: end.code === ExitCodes.halted ? end.code : code }
  })

/** A trader that holds the lock and does not answer is fenced; what it had decided before cannot leave any more. */
const fence = Effect.gen(function* () {
  const beside = yield* Beside
  const terminal = yield* Terminal
  const moved = yield* Effect.either(
    Effect.scoped(
      Effect.flatMap(beside.store, (store) =>
        store.moveFence({ operatorLatch: Option.some("`flatten`"), flatten: true })
      )
    )
  )
  yield* terminal.printError(
    Either.isRight(moved)
      ? "The trader runs but does not answer. It is told in its records to sell everything: should it wake up, it does so and buys nothing."
      : `The trader runs but does not answer, and its records do not take the word to sell (${moved.left.message}).`
  )
})

const forceEnd = Effect.gen(function* () {
  const lock = yield* InstanceLock
  const processes = yield* TraderProcess
  const terminal = yield* Terminal
  const pid = yield* Effect.mapError(processes.end, (error) => new CommandFailed({ text: error.message }))
  yield* terminal.printError(`Ended process ${pid}, which did not answer.`)
  const until = (yield* Clock.currentTimeMillis) + LOCK_FREED_MS
  while (yield* lock.heldElsewhere) {
    if ((yield* Clock.currentTimeMillis) >= until) {
      return yield* new CommandFailed({
        text: `Process ${pid} was ended, and the lock is held all the same: something else holds it. Nothing was sold. Look at the account at Kraken.`
      })
    }
    yield* Effect.sleep(LOOK_MS)
  }
})

const hangs = (why: NotReachable): CommandFailed =>
  new CommandFailed({
    text: `NOTHING WAS SOLD: the trader holds the lock and does not answer (${why.message}). \`flatten --force\` ends its process and sells without it. \`cancel --all\` takes its orders back at once.`
  })

/** The sale without any question. */
export const sell = (
  options: Omit<FlattenOptions, "yes">
): Effect.Effect<FlattenEnd, CommandFailed | StoreFailed | LockUnusable, FlattenWorld> =>
  Effect.gen(function* () {
    const client = yield* ControlClient
    const lock = yield* InstanceLock
    const settings = yield* Settings
    const terminal = yield* Terminal
    if (settings.mode === "observe") {
      return yield* new CommandFailed({
        text: "observe mode sends nothing to the exchange: it bought nothing, and nothing was sold."
      })
    }
    const begunAt = yield* Clock.currentTimeMillis
    const deadline = begunAt + options.timeoutMs
    const told: Told = { held: new Map(), lots: new Set(), lines: new Set(), last: undefined }
    let frozen = 0
    let fenced = false
    while (true) {
      const answer = yield* Effect.either(client.flatten)
      if (Either.isRight(answer)) {
        frozen = 0
        if (!answer.right.durable) {
          yield* terminal.printError(
            "The database did not take the word: the trader sells, but a restart would not know of it. See that the disk is well."
          )
        }
        yield* tell(told, answer.right)
        if ((yield* follow(told, deadline)) === "ended") return yield* conclude(told, false)
        continue
      }
      if (answer.left._tag === "ControlRefusal") return yield* new CommandFailed({ text: answer.left.text })
      if (!(yield* lock.heldElsewhere)) {
        const end = yield* alone(told, deadline)
        if (end !== undefined) return end
        yield* terminal.printError("A trader has been started meanwhile: it is told to sell.")
        frozen = 0
        continue
      }
      const why = answer.left
      frozen += why.reason === "timeout" ? 1 : 0
      const now = yield* Clock.currentTimeMillis
      const waited = now - begunAt >= Math.min(STARTING_MS, options.timeoutMs)
      if (frozen >= ASKS_OF_FROZEN || waited) {
        if (!fenced) yield* fence
        fenced = true
        if (!options.force) return yield* hangs(why)
        yield* forceEnd
        frozen = 0
        continue
      }
      yield* Effect.sleep(LOOK_MS)
    }
  })

/** What is about to be sold, as far as the records say. */
const held = Effect.gen(function* () {
  const records = yield* Records
  if (!(yield* records.exists)) return []
  const snapshot = yield* records.snapshot
  const orders = snapshot.orders.filter(isLive).length
  return [
    ...snapshot.lots.map(
      ({ id, remaining, symbol }) =>
        `  ${Fixed.show(remaining)} of ${symbol} (lot ${id}) is sold at what the market gives`
    ),
    ...(orders === 0 ? [] : [`  ${count(orders, "order")} cancelled, or turned into sales`])
  ]
}).pipe(Effect.orElseSucceed(() => ["  what is held cannot be read from the records now"]))

const confirm = Effect.gen(function* () {
  const terminal = yield* Terminal
  if (terminal.ask === undefined) {
    return yield* new UsageError({
      text: "flatten sells everything that the trader holds. Without a terminal to ask on it wants --yes. Nothing was sold."
    })
  }
  for (const line of yield* held) yield* terminal.printError(line)
  const answer = yield* terminal.ask("Sell everything that the trader holds, at what the market gives? Type yes: ")
  if (answer.trim().toLowerCase() !== "yes") return yield* new CommandFailed({ text: "Nothing was sold." })
})

export const flatten = ({
  yes,
  ...options
}: FlattenOptions): Effect.Effect<
  void,
  CommandFailed | Finished | UsageError | StoreFailed | LockUnusable,
  FlattenWorld
> =>
  Effect.gen(function* () {
    const { mode } = yield* Settings
    if (!yes && mode !== "observe") yield* confirm
    const { code } = yield* sell(options)
    if (code !== ExitCodes.done) return yield* new Finished({ code })
  })
