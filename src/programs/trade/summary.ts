/** What a person is told without asking: each UTC day once it is over, every stop, and a start after a run that was cut off. */
import { Cause, Effect, Exit, Option } from "effect"
import { latched } from "../../domain/breaker/Breaker.ts"
import type { Snapshot } from "../../domain/engine/Snapshot.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import { dollars, signedDollars } from "../../domain/money/Money.ts"
import { isLive } from "../../domain/order/Order.ts"
import { exposure } from "../../domain/portfolio/Portfolio.ts"
import type { EpochMs, UtcDay } from "../../domain/Time.ts"
import { DAY_MS, dayStart, utcDay } from "../../domain/Time.ts"
import { Alerts } from "../../services/Alerts.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { DayFigures } from "../../services/Records.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import { Store } from "../../services/Store.ts"
import { explain } from "../cli/explain.ts"

/** Note of the last day that was told. */
export const SUMMARY_NOTE = "summary.day"
/** Note that a run has begun and not ended by itself. */
export const RUN_NOTE = "run.state"
/** So long after midnight the day's last executions are booked (market time). */
const AFTER_MIDNIGHT_MS = 60_000
const LOOK_MS = 30_000
/** The outbox has written the alert down by then (real time): only now the note may say that it was told. */
const WRITTEN = "2 seconds"

const many = (n: number, one: string): string => `${n} ${one}${n === 1 ? "" : "s"}`

interface Standing {
  readonly snapshot: Snapshot
  readonly limitUsd: bigint
  readonly offsetMs: number
  readonly newestBackup: EpochMs | undefined
  readonly machineNow: EpochMs
}

/** How it stands, from the records. */
const standing = ({ snapshot, limitUsd, offsetMs, newestBackup, machineNow }: Standing): ReadonlyArray<string> => {
  const unknown = snapshot.orders.filter((order) => order.status === "unknown" || order.status === "pending").length
  const latches = [
    ...latched(snapshot.breaker).map(({ cause }) => cause),
    ...(Option.isSome(snapshot.fence.operatorLatch) && snapshot.breaker.latches.operator === undefined
      ? ["operator"]
      : [])
  ]
  const held = snapshot.lots.length
  return [
    `exposure ${dollars(exposure(snapshot.lots, snapshot.orders.filter(isLive), () => undefined))} of ${dollars(limitUsd)} in ${many(held, "position")}`,
    latches.length === 0 ? "breaker closed" : `BREAKER LATCHED: ${latches.join(", ")}`,
    ...(snapshot.fence.paused ? ["PAUSED"] : []),
    `clock ${Math.round(Math.abs(offsetMs))} ms ${offsetMs < 0 ? "ahead of" : "behind"} the exchange's`,
    unknown === 0 ? "no order unknown" : `${many(unknown, "ORDER")} OF UNKNOWN OUTCOME`,
    newestBackup === undefined
      ? "NO BACKUP"
      : `last backup ${Math.max(0, (machineNow - newestBackup) / DAY_MS).toFixed(1)} days ago`
  ]
}

const dayText = (day: UtcDay, f: DayFigures): string =>
  `${day} (UTC): ${many(f.closedTrades, "trade")} closed, ${f.winningTrades} with a profit; profit ${signedDollars(f.profitUsd)} net of fees; fees ${dollars(f.feesUsd)}; bought ${dollars(f.boughtUsd)}, sold ${dollars(f.soldUsd)} in ${many(f.executions, "execution")}`

/** Amounts for programs, as in the text. */
const dataOf = (day: UtcDay, f: DayFigures): Readonly<Record<string, string | number>> => ({
  day,
  closedTrades: f.closedTrades,
  winningTrades: f.winningTrades,
  profitUsd: Fixed.show(f.profitUsd),
  feesUsd: Fixed.show(f.feesUsd),
  boughtUsd: Fixed.show(f.boughtUsd),
  soldUsd: Fixed.show(f.soldUsd),
  executions: f.executions
})

/** `newestBackup`: when the newest file in `backups/` was written. */
const readStanding = (newestBackup: Effect.Effect<EpochMs | undefined>) =>
  Effect.gen(function* () {
    const clock = yield* MarketClock
    return {
      snapshot: yield* Effect.flatMap(Records, (records) => records.snapshot),
      limitUsd: (yield* Settings).limits.maxTotalExposure,
      offsetMs: (yield* clock.offset).ms,
      newestBackup: yield* newestBackup,
      machineNow: yield* Effect.clockWith((real) => real.currentTimeMillis)
    }
  })

/** Tells of each UTC day once, a minute after it is over or with the next start. A day on which no trader ran is not told of. */
export const dailySummary = (newestBackup: Effect.Effect<EpochMs | undefined>) =>
  Effect.gen(function* () {
    const clock = yield* MarketClock
    const records = yield* Records
    const store = yield* Store
    const alerts = yield* Alerts
    let told = (yield* records.snapshot).notes.get(SUMMARY_NOTE)
    while (true) {
      const now = yield* clock.now
      const day = utcDay(dayStart(now) - 1)
      if (told !== day && now - dayStart(now) >= AFTER_MIDNIGHT_MS) {
        const figures = yield* records.day(day)
        if (figures.observed) {
          const at = yield* readStanding(newestBackup)
          yield* alerts.send({
            at: now,
            severity: "info",
            kind: "summary.day",
            text: [dayText(day, figures), ...standing(at)].join("; "),
            data: dataOf(day, figures),
            // a run that was cut off before the note says it again to the outbox, which knows
            once: `summary ${day}`
          })
          yield* Effect.sleep(WRITTEN)
        }
        told = day
        yield* Effect.ignore(store.commit([{ _tag: "Note", key: SUMMARY_NOTE, value: day }]))
      }
      yield* clock.sleep(LOOK_MS)
    }
  })

const note = (value: string) =>
  Effect.flatMap(Store, (store) => Effect.ignore(store.commit([{ _tag: "Note", key: RUN_NOTE, value }])))

/** Around a run: tells when the one before was cut off, and how this one ended, with the day so far. Adds no failure of its own. */
export const tellingItsEnds = <A extends { readonly reason: string; readonly held: ReadonlyArray<string> }, E, R>(
  run: Effect.Effect<A, E, R>,
  newestBackup: Effect.Effect<EpochMs | undefined>
): Effect.Effect<A, E, R | Alerts | MarketClock | Records | Settings | Store> =>
  Effect.gen(function* () {
    const alerts = yield* Alerts
    const clock = yield* MarketClock
    const records = yield* Records
    const before = yield* Effect.option(records.snapshot)
    if (Option.exists(before, ({ notes }) => notes.get(RUN_NOTE) === "running")) {
      yield* alerts.send({
        at: yield* clock.now,
        severity: "warning",
        kind: "start.recovery",
        text: "The last run was cut off (a crash, a kill or the power). Books and account are compared and every order is looked up before anything is bought; exits go on as soon as the exchange answers."
      })
    }
    yield* note("running")
    return yield* Effect.onExit(run, (exit) =>
      Effect.gen(function* () {
        // cut off from outside: the note stays, and the next start tells
        if (Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)) return
        const now = yield* clock.now
        const day = utcDay(now)
        const today = yield* Effect.option(
          Effect.zipWith(records.day(day), readStanding(newestBackup), (figures, at) => ({ figures, at }))
        )
        const said = Option.match(today, {
          onNone: () => [],
          onSome: ({ figures, at }) => [`so far ${dayText(day, figures)}`, ...standing(at)]
        })
        const ended = Exit.match(exit, {
          onSuccess: ({ reason, held }) =>
            `The trader stopped (${reason}); ${held.length === 0 ? "nothing is held" : `STILL HELD: ${held.join("; ")}`}`,
          onFailure: (cause) => `THE TRADER ENDED: ${explain(cause) ?? "for a reason that is in its log"}`
        })
        yield* alerts.send({
          at: now,
          severity: Exit.isSuccess(exit) ? (exit.value.held.length === 0 ? "info" : "warning") : "critical",
          kind: Exit.isSuccess(exit) ? "trader.stopped" : "trader.ended",
          text: [ended, ...said].join("; "),
          ...(Option.isNone(today) ? {} : { data: { ...dataOf(day, today.value.figures), ended: String(now) } })
        })
        yield* note("ended")
      }).pipe(Effect.catchAllDefect((defect) => Effect.logWarning("the end could not be told", defect)))
    )
  })
