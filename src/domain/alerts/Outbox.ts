/**
 * Alerts on their way to a person, as plain values: what waits, what is held back because it was said already, and what had
 * to be dropped. Times here are real (machine) milliseconds; a phone does not live in market time.
 */
import type { EpochMs } from "../Time.ts"
import type { Alert, AlertSeverity } from "./Alert.ts"

/** Alerts that wait at most; when full, the oldest informational one goes first, then the oldest warning, then the oldest. */
export const CAPACITY = 256
/** Tried for so long; what could not be delivered by then is dropped and counted. */
export const LIFE_MS = 72 * 3_600_000
/** After an alert, the same is held back for so long; twice as long each time that it came again meanwhile, up to the most. */
export const WINDOW_MS = 600_000
export const MOST_WINDOW_MS = 3_600_000
/** Different alerts of one kind that are sent within their windows; further ones count as repeats of the last. */
export const SAME_KIND = 8
/** How long an occasion is remembered. */
export const ONCE_MS = 8 * 86_400_000
/** Longest text that is kept. */
const TEXT = 4000

export interface Waiting {
  readonly id: number
  readonly alert: Alert
  /** When it was sent first: a repeat that was held back counts from the newest. */
  readonly queuedAt: EpochMs
  /** How many like it were held back before it. */
  readonly repeats: number
  /** Times that the receiver refused just this one. */
  readonly refusals: number
  readonly notBefore: EpochMs
}

/** The time after an alert in which the same is not sent again. */
export interface Window {
  readonly until: EpochMs
  readonly length: number
  readonly held: number
  /** The newest that was held back: it is sent when the time is over. */
  readonly newest: Alert | undefined
}

export interface Outbox {
  readonly nextId: number
  readonly waiting: ReadonlyMap<number, Waiting>
  readonly windows: ReadonlyMap<string, Window>
  /** Occasions, and when each was. */
  readonly occasions: ReadonlyMap<string, EpochMs>
  /** Alerts that were dropped and nobody was told of yet. */
  readonly dropped: number
}

export const empty: Outbox = { nextId: 1, waiting: new Map(), windows: new Map(), occasions: new Map(), dropped: 0 }

const rank: Readonly<Record<AlertSeverity, number>> = { info: 0, warning: 1, critical: 2 }

/** Alerts of this kind, severity and these texts say the same; numbers in them may differ. */
const sameness = ({ severity, kind, data = {} }: Alert): string => {
  const texts = Object.entries(data)
    .filter(([, value]) => typeof value === "string")
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${String(value)}`)
  return [`${kind} ${severity}`, ...texts].join(" ").slice(0, 300)
}

const keyFor = (outbox: Outbox, alert: Alert): string => {
  const own = sameness(alert)
  if (outbox.windows.has(own)) return own
  const kind = `${alert.kind} ${alert.severity}`
  const others = [...outbox.windows.keys()].filter((key) => key === kind || key.startsWith(`${kind} `))
  return others.length < SAME_KIND ? own : (others.at(-1) ?? own)
}

/** What goes first when there is no room: of the least severity, the oldest. */
const leastWorth = (waiting: Iterable<Waiting>): Waiting | undefined => {
  let least: Waiting | undefined
  for (const one of waiting) {
    if (least === undefined || rank[one.alert.severity] < rank[least.alert.severity]) least = one
  }
  return least
}

const put = (outbox: Outbox, alert: Alert, repeats: number, now: EpochMs): Outbox => {
  const waiting = new Map(outbox.waiting)
  let { dropped } = outbox
  waiting.set(outbox.nextId, { id: outbox.nextId, alert, queuedAt: now, repeats, refusals: 0, notBefore: 0 })
  while (waiting.size > CAPACITY) {
    const least = leastWorth(waiting.values())
    if (least === undefined) break
    waiting.delete(least.id)
    dropped += 1 + least.repeats
  }
  return { ...outbox, nextId: outbox.nextId + 1, waiting, dropped }
}

/** What time alone changes: held-back repeats become one alert, what is too old is dropped, occasions are forgotten. */
export const pass = (outbox: Outbox, now: EpochMs): Outbox => {
  let next = outbox
  for (const [key, window] of outbox.windows) {
    // a clock that was set back must not hold alerts back for longer than was said
    if (now < window.until && window.until - now <= window.length) continue
    const windows = new Map(next.windows)
    windows.delete(key)
    if (window.newest === undefined) {
      next = { ...next, windows }
      continue
    }
    const length = Math.min(window.length * 2, MOST_WINDOW_MS)
    windows.set(key, { until: now + length, length, held: 0, newest: undefined })
    next = put({ ...next, windows }, window.newest, window.held - 1, now)
  }
  const old = [...next.waiting.values()].filter((one) => now - one.queuedAt > LIFE_MS)
  if (old.length > 0) {
    const waiting = new Map(next.waiting)
    for (const one of old) waiting.delete(one.id)
    next = { ...next, waiting, dropped: next.dropped + old.reduce((sum, one) => sum + 1 + one.repeats, 0) }
  }
  const past = [...next.occasions].filter(([, at]) => now - at > ONCE_MS)
  if (past.length === 0) return next
  const occasions = new Map(next.occasions)
  for (const [name] of past) occasions.delete(name)
  return { ...next, occasions }
}

/** One more alert: it waits for its delivery, or is held back because the same was sent a short while ago. */
export const offer = (before: Outbox, offered: Alert, now: EpochMs): Outbox => {
  const outbox = pass(before, now)
  const alert = offered.text.length > TEXT ? { ...offered, text: `${offered.text.slice(0, TEXT - 1)}…` } : offered
  if (alert.once !== undefined) {
    if (outbox.occasions.has(alert.once)) return outbox
    return put({ ...outbox, occasions: new Map(outbox.occasions).set(alert.once, now) }, alert, 0, now)
  }
  const key = keyFor(outbox, alert)
  const windows = new Map(outbox.windows)
  const window = windows.get(key)
  if (window !== undefined) {
    windows.set(key, { ...window, held: window.held + 1, newest: alert })
    return { ...outbox, windows }
  }
  windows.set(key, { until: now + WINDOW_MS, length: WINDOW_MS, held: 0, newest: undefined })
  return put({ ...outbox, windows }, alert, 0, now)
}

/** What is to be delivered now: the most severe, among those the oldest. */
export const due = (outbox: Outbox, now: EpochMs): Waiting | undefined => {
  let best: Waiting | undefined
  for (const one of outbox.waiting.values()) {
    if (one.notBefore > now) continue
    if (best === undefined || rank[one.alert.severity] > rank[best.alert.severity]) best = one
  }
  return best
}

const earliest = (times: ReadonlyArray<EpochMs>): EpochMs | undefined =>
  times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b))

/** When the first of those that wait may be delivered. */
export const nextDue = (outbox: Outbox): EpochMs | undefined =>
  earliest([...outbox.waiting.values()].map((one) => one.notBefore))

/** When `pass` changes something next. */
export const nextChange = (outbox: Outbox): EpochMs | undefined =>
  earliest([
    ...[...outbox.windows.values()].map((window) => window.until),
    ...[...outbox.waiting.values()].map((one) => one.queuedAt + LIFE_MS + 1)
  ])

/** It was taken, and with it the word of how many were dropped. */
export const delivered = (outbox: Outbox, id: number, droppedTold: number): Outbox => {
  const waiting = new Map(outbox.waiting)
  waiting.delete(id)
  return { ...outbox, waiting, dropped: Math.max(0, outbox.dropped - droppedTold) }
}

/** The receiver refuses just this one: others go first. */
export const refused = (outbox: Outbox, id: number, notBefore: EpochMs): Outbox => {
  const one = outbox.waiting.get(id)
  if (one === undefined) return outbox
  return { ...outbox, waiting: new Map(outbox.waiting).set(id, { ...one, refusals: one.refusals + 1, notBefore }) }
}

/** First wait after a failure, and the longest. */
const FIRST_MS = 1000
const LONGEST_MS = 300_000

/** Wait after so many failures in a row: 1 s doubling to 5 minutes; `random` in [0, 1) spreads it by a fifth to both sides. */
export const backoff = (failures: number, random: number): number =>
  Math.round(Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 30), LONGEST_MS) * (0.8 + 0.4 * random))
