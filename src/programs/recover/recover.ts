/**
 * `recover`: books that were lost, or restored from an old backup, are brought up to what the exchange tells of this
 * installation's orders. Shows the difference, asks, and writes it in one transaction after a backup.
 */
import { Clock, Context, Effect, Option } from "effect"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import type { Recovery } from "../../domain/recovery/Recovery.ts"
import { recover as compare } from "../../domain/recovery/Recovery.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import type { Order } from "../../domain/order/Order.ts"
import type { Lot } from "../../domain/portfolio/Lot.ts"
import { iso, utcDay } from "../../domain/Time.ts"
import { MarketClock } from "../../services/Clock.ts"
import { Installation } from "../../services/Installation.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import type { LockHeld, LockUnusable } from "../../services/InstanceLock.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { Settings } from "../../services/Settings.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { LOST_LOG_NOTE, RESTORED_NOTE, Store } from "../../services/Store.ts"
import { Terminal } from "../../services/Terminal.ts"
import { Beside } from "../cli/Beside.ts"
import type { BesideError, ExchangeBeside } from "../cli/Beside.ts"
import { CommandFailed, ExitCodes, Finished, UsageError } from "../cli/ExitCode.ts"
import { indent, palette, printable, table } from "../cli/text.ts"
import { midnightPrices, readOwn } from "./read.ts"

export type RecoverWorld = InstanceLock | Settings | Terminal | Beside

export interface RecoverOptions {
  /** Writes without asking. */
  readonly yes: boolean
  readonly json: boolean
}

/** The books, what the exchange tells, and what differs. */
const difference = (progress: (line: string) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const store = yield* Store
    const rest = yield* KrakenRest
    const clock = yield* MarketClock
    const { prefix } = yield* Installation
    const settings = yield* Settings
    const snapshot = yield* store.load
    const history = yield* readOwn(prefix, progress)
    // the books' own view of what the exchange told, however long ago it ended
    const orders = new Map<string, Order>(snapshot.orders.map((order) => [order.id, order]))
    const lots = new Map<string, Lot>([...snapshot.lots, ...snapshot.soldLots].map((lot) => [lot.id, lot]))
    for (const { clientId } of history.own) {
      if (!orders.has(clientId))
        for (const order of Option.toArray(yield* store.findOrder({ clientId }))) orders.set(clientId, order)
    }
    for (const order of orders.values()) {
      const ids = order.purpose._tag === "Entry" ? [order.id] : order.purpose.lots.map(({ lotId }) => lotId)
      for (const id of ids)
        if (!lots.has(id)) for (const lot of Option.toArray(yield* store.findLot(id))) lots.set(id, lot)
    }
    const symbols = [
      ...new Set([
        ...settings.limits.allowedPairs,
        ...history.fills.map(({ symbol }) => symbol),
        ...[...orders.values()].map(({ symbol }) => symbol)
      ])
    ]
    const instruments = yield* rest.instruments(symbols)
    const now = yield* clock.now
    const marked = Option.exists(snapshot.dayMark, ({ day }) => day === utcDay(now))
    return {
      snapshot,
      recovery: compare({
        prefix,
        now,
        instruments: new Map(instruments.map((instrument) => [instrument.symbol, instrument])),
        ...history,
        books: { orders: [...orders.values()], lots: [...lots.values()], totals: snapshot.totals, marked },
        midnight: marked ? new Map() : yield* midnightPrices(instruments.map(({ symbol }) => symbol))
      })
    }
  })

const show = Fixed.show

/** The difference as a document; amounts as exact decimal text. */
const documentOf = ({ after, before, fills, lots, orders, problems }: Recovery) => ({
  orders: orders.map((change) => ({
    what: change.what,
    orderId: change.after.id,
    exchangeId: change.after.exchangeId ?? null,
    pair: change.after.symbol,
    side: change.after.side,
    quantity: show(change.after.quantity),
    price: show(change.after.limitPrice),
    statusBefore: change.what === "added" ? null : change.before.status,
    status: change.after.status,
    executedBefore: change.what === "added" ? null : show(change.before.bookedQuantity),
    executed: show(change.after.bookedQuantity)
  })),
  lots: lots.map((change) => ({
    what: change.what,
    lotId: change.after.id,
    pair: change.after.symbol,
    heldBefore: change.what === "added" ? null : show(change.before.remaining),
    held: show(change.after.remaining),
    cost: show(change.after.cost),
    target: show(change.after.plan.target),
    stop: show(change.after.plan.stop),
    sellBy: iso(change.after.openedAt + change.after.plan.holdFor)
  })),
  executions: fills.length,
  cash: { before: show(before.ownUsd), after: show(after.ownUsd), change: show(after.ownUsd - before.ownUsd) },
  profit: { before: show(before.realised), after: show(after.realised) },
  problems
})
type Document = ReturnType<typeof documentOf>

const differs = ({ executions, lots, orders }: Document): boolean => executions + lots.length + orders.length > 0

const printDifference = (told: Document) =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    const p = palette(terminal.colors)
    if (told.orders.length > 0) {
      yield* terminal.print(p.bold("Orders"))
      const rows = told.orders.map((o) => [
        o.what,
        o.orderId,
        o.side,
        o.pair,
        o.quantity,
        o.price,
        o.statusBefore === null ? o.status : `${o.statusBefore} -> ${o.status}`,
        o.executedBefore === null ? o.executed : `${o.executedBefore} -> ${o.executed}`
      ])
      yield* terminal.print(
        indent(table(["", "order", "side", "pair", ">quantity", ">price", "status", ">executed"], rows))
      )
    }
    if (told.lots.length > 0) {
      yield* terminal.print(p.bold("Lots"))
      const rows = told.lots.map((l) => [
        l.what,
        l.lotId,
        l.pair,
        l.heldBefore === null ? l.held : `${l.heldBefore} -> ${l.held}`,
        l.cost,
        l.target,
        l.stop,
        l.sellBy
      ])
      yield* terminal.print(
        indent(table(["", "lot", "pair", ">held", ">cost USD", ">target", ">stop", "sold by"], rows))
      )
      yield* terminal.print(
        "  A plan that was lost is made anew: the target of the last sale that rested (else 2 % above cost), a loss limit 3 % below cost, a day from now."
      )
    }
    yield* terminal.print(p.bold("Money"))
    yield* terminal.print(
      `  ${told.executions} executions are booked; the trader's own dollars ${told.cash.before} -> ${told.cash.after} (${told.cash.change}), profit ${told.profit.before} -> ${told.profit.after}`
    )
  })

/** Under the lock, with everything opened. */
const run = (options: RecoverOptions) =>
  Effect.gen(function* () {
    const terminal = yield* Terminal
    const settings = yield* Settings
    const store = yield* Store
    const p = palette(terminal.colors)
    const progress = (line: string) =>
      terminal.progress === undefined ? terminal.printError(`… ${line}`) : terminal.progress(`… ${line}`)
    const { recovery, snapshot } = yield* difference(progress)
    if (terminal.progress !== undefined) yield* terminal.progress("")
    const told = documentOf(recovery)
    if (options.json) yield* terminal.print(JSON.stringify(told, undefined, 2))
    else if (differs(told)) yield* printDifference(told)
    for (const problem of told.problems) yield* terminal.printError(p.bad(`LEFT AS IT IS: ${printable(problem)}`))
    const ended = told.problems.length === 0 ? Effect.void : Effect.fail(new Finished({ code: ExitCodes.halted }))
    // the books were compared: what was said of them since they were lost or put back is over
    const compared = [LOST_LOG_NOTE, RESTORED_NOTE]
      .filter((key) => (snapshot.notes.get(key) ?? "") !== "")
      .map((key) => ({ _tag: "Note", key, value: "" }) as const)
    if (!differs(told)) {
      if (compared.length > 0 && (options.yes || told.problems.length === 0)) yield* store.commit(compared)
      if (!options.json)
        yield* terminal.print("Nothing differs: the books have every order and execution that the exchange tells of.")
      return yield* ended
    }
    if (!options.yes) {
      if (terminal.ask === undefined || options.json) {
        yield* terminal.printError("Nothing was written: --yes writes it.")
        return yield* new Finished({ code: ExitCodes.failed })
      }
      const answer = yield* terminal.ask("Write this into the books? Type yes: ")
      if (answer.trim().toLowerCase() !== "yes") return yield* new CommandFailed({ text: "Nothing was written." })
    }
    const at = iso(yield* Clock.currentTimeMillis).replace(/[:.]/g, "-")
    const file = `${settings.dataDir}/backups/before-recover-${at}.db`
    yield* store.backup(file)
    yield* store.commit([...recovery.writes, ...compared])
    yield* terminal.printError(`Written. The books as they were are in ${file}.`)
    if (snapshot.breaker.latches.invariant !== undefined) {
      yield* terminal.printError(
        `The breaker is latched (${printable(snapshot.breaker.latches.invariant.reason)}): look, then \`breaker reset --cause invariant\`.`
      )
    }
    yield* terminal.printError("The trader compares books and account when it starts, before it buys anything.")
    return yield* ended
  })

export const recover = (
  options: RecoverOptions
): Effect.Effect<
  void,
  CommandFailed | Finished | UsageError | KrakenError | StoreFailed | LockHeld | LockUnusable | BesideError,
  RecoverWorld
> =>
  Effect.scoped(
    Effect.gen(function* () {
      const terminal = yield* Terminal
      const settings = yield* Settings
      const lock = yield* InstanceLock
      const beside = yield* Beside
      if (!options.yes && !options.json && terminal.ask === undefined) {
        return yield* new UsageError({
          text: "recover writes into the books. Without a terminal to ask on it wants --yes, or --json to see what it would write. Nothing was read."
        })
      }
      if (settings.mode === "observe") {
        return yield* new CommandFailed({ text: "observe mode has no books of its own: there is nothing to recover." })
      }
      yield* lock.acquire
      yield* beside.folder
      const context = yield* beside.exchange
      yield* Effect.mapInputContext<
        void,
        CommandFailed | Finished | KrakenError | StoreFailed,
        ExchangeBeside | Settings | Terminal,
        Settings | Terminal
      >(run(options), (outer) => Context.merge(outer, context))
    })
  )
