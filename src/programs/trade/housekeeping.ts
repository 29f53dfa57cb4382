/** The small fibers: the market tick, periodic reconciliation, fees, instruments, backups, the fence, freezes and skew. */
import { Effect } from "effect"
import type { Clock, Option } from "effect"
import { iso } from "../../domain/Time.ts"
import { MarketClock } from "../../services/Clock.ts"
import { Engine } from "../../services/Engine.ts"
import type { EngineShape } from "../../services/Engine.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import type { InstanceLockShape } from "../../services/InstanceLock.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { LAST_BACKUP_NOTE, Store } from "../../services/Store.ts"
import type { StoreShape } from "../../services/Store.ts"
import type { ReadDesk } from "./reads.ts"

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A gap of real time longer than this is a disconnect (suspend, SIGSTOP, a stalled loop). */
export const FREEZE_GAP_MS = 5000
const LOOK_MS = 1000

/**
 * One tick per second of market time, and with it a look at how far the machine's clock is from the exchange's: skew beyond
 * `maxSkewMs` stops entries.
 */
export const ticker = (maxSkewMs: number) =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const clock = yield* MarketClock
    while (true) {
      const { ms } = yield* clock.offset
      const skew =
        Math.abs(ms) > maxSkewMs
          ? `this machine's clock is ${Math.round(Math.abs(ms))} ms ${ms > 0 ? "behind" : "ahead of"} the exchange's; MAX_CLOCK_SKEW is ${maxSkewMs} ms. Synchronise the clock (NTP)`
          : undefined
      if (skew !== engine.unsafeState().skew) yield* engine.tell({ _tag: "SkewSeen", skew })
      yield* clock.sleep(1000)
      yield* engine.tell({ _tag: "Tick" })
    }
  })

/** Books against exchange, every so often, whatever the streams say. */
export const periodicReconciliation = (desk: ReadDesk, everyMs: number) =>
  Effect.gen(function* () {
    const clock = yield* MarketClock
    while (true) {
      yield* clock.sleep(everyMs)
      yield* Effect.catchAll(desk.reconcile(undefined), (error) =>
        Effect.logInfo(`the periodic reconciliation was skipped: ${error.message}`)
      )
    }
  })

/** The account's own fees, at once and daily. Entries wait for the first reading. */
export const fees = Effect.gen(function* () {
  const engine = yield* Engine
  const clock = yield* MarketClock
  const rest = yield* KrakenRest
  while (true) {
    const instruments = [...engine.unsafeState().pairs.values()].map((pair) => pair.instrument)
    const read = yield* Effect.either(rest.tradeVolume(instruments))
    if (read._tag === "Right") yield* engine.tell({ _tag: "FeesSeen", fees: read.right })
    else yield* Effect.logWarning(`the account's fees could not be read: ${read.left.message}`)
    yield* clock.sleep(read._tag === "Right" ? DAY_MS : 30_000)
  }
})

/** How often it is looked whether the pairs' rules are due. */
const RULES_LOOK_MS = 300_000

/**
 * Minimums, precision and status of the pairs: the exchange changes them. Read hourly, and with every look while
 * something is too small to be sold, or to be bought: a minimum that was raised may come down again.
 */
export const instruments = Effect.gen(function* () {
  const engine = yield* Engine
  const clock = yield* MarketClock
  const rest = yield* KrakenRest
  let readAt = yield* clock.now
  while (true) {
    yield* clock.sleep(RULES_LOOK_MS)
    const now = yield* clock.now
    const { pairs } = engine.unsafeState()
    const tooSmall = [...pairs.values()].some(
      (pair) => pair.tooSmall || pair.lotStatuses.some((lot) => lot.state === "dust")
    )
    if (now - readAt < HOUR_MS && !tooSmall) continue
    const read = yield* Effect.either(rest.instruments([...pairs.keys()]))
    if (read._tag === "Right") {
      readAt = now
      yield* engine.tell({ _tag: "InstrumentsSeen", instruments: read.right })
    } else yield* Effect.logInfo(`the pairs' rules could not be read: ${read.left.message}`)
  }
})

/** The exchange's system status over REST, for when the stream has not said it. */
export const systemStatus = Effect.gen(function* () {
  const engine = yield* Engine
  const clock = yield* MarketClock
  const rest = yield* KrakenRest
  while (true) {
    const { system } = engine.unsafeState()
    if (system !== "online") {
      const read = yield* Effect.either(rest.systemStatus)
      if (read._tag === "Right") yield* engine.tell({ _tag: "SystemSeen", status: read.right })
    }
    yield* clock.sleep(15_000)
  }
})

/** Looks (one a second) between two words about a lost lock. */
const LOCK_WORD_EVERY = 60

/** What other processes do to the fence is noticed within a second, and the lock is looked at. */
const fenceLook = (engine: EngineShape, store: StoreShape, lock: InstanceLockShape): Effect.Effect<void> => {
  let seen = engine.unsafeState().epoch
  let latched: Option.Option<string> | undefined
  let looks = 0
  return Effect.gen(function* () {
    const read = yield* Effect.either(store.fence)
    if (read._tag === "Right") {
      const fence = read.right
      const changed = fence.epoch !== seen || fence.paused !== engine.unsafeState().paused || latched === undefined
      seen = fence.epoch
      latched = fence.operatorLatch
      if (changed) yield* engine.tell({ _tag: "FenceSeen", fence })
    }
    if (yield* lock.verify) looks = 0
    else if (looks++ % LOCK_WORD_EVERY === 0) {
      yield* engine.tell({
        _tag: "AnotherTraderSeen",
        reason: "the lock file of the data folder was removed or replaced: a second trader could start"
      })
    }
  })
}

/** Standing still longer than a few seconds is a disconnect: nothing may be decided on what was known before. */
const freezeLook = (engine: EngineShape, real: Clock.Clock): Effect.Effect<void> => {
  let wall = real.unsafeCurrentTimeMillis()
  let mono = real.unsafeCurrentTimeNanos()
  return Effect.suspend(() => {
    const wallNow = real.unsafeCurrentTimeMillis()
    const monoNow = real.unsafeCurrentTimeNanos()
    // what passed beyond the sleep itself
    const gap = Math.max(Math.abs(wallNow - wall - LOOK_MS), Number(monoNow - mono) / 1e6 - LOOK_MS)
    wall = wallNow
    mono = monoNow
    return gap > FREEZE_GAP_MS ? engine.tell({ _tag: "Frozen", gapMs: gap }) : Effect.void
  })
}

/** Once a real second: whether the program stood still, and what other processes did to the fence and the lock. */
export const lookout = Effect.gen(function* () {
  const engine = yield* Engine
  const freeze = freezeLook(engine, yield* Effect.clock)
  const fence = fenceLook(engine, yield* Store, yield* InstanceLock)
  while (true) {
    yield* Effect.sleep(LOOK_MS)
    yield* freeze
    yield* fence
  }
})

/** A consistent copy of the records every so many real milliseconds; `folder` exists, `last` is when the last one was made. */
export const backups = (folder: string, everyMs: number, last: number | undefined) =>
  Effect.gen(function* () {
    const store = yield* Store
    const real = yield* Effect.clock
    let previous = last
    while (true) {
      const now = real.unsafeCurrentTimeMillis()
      const due = (previous ?? now) + everyMs
      if (now < due) yield* Effect.sleep(due - now)
      const at = real.unsafeCurrentTimeMillis()
      const file = `${folder}/trading-${iso(at).replace(/[:.]/g, "-")}.db`
      const done = yield* Effect.either(store.backup(file))
      if (done._tag === "Left") yield* Effect.logWarning(`the backup failed: ${done.left.message}`)
      else {
        yield* Effect.logInfo(`backup written: ${file}`)
        yield* Effect.ignore(store.commit([{ _tag: "Note", key: LAST_BACKUP_NOTE, value: String(at) }]))
      }
      // one that failed is tried again in an hour
      previous = done._tag === "Right" ? at : at - Math.max(everyMs - HOUR_MS, 0)
    }
  })
