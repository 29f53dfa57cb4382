/**
 * What happens to one send, drawn from (seed, number of the send) alone: the fault, the environment, the market, the
 * crash. Every policy faces the same draw. All times are milliseconds after the send leaves.
 */
import type { Random } from "../../src/domain/exchange/market/Random.ts"
import { make, seedOf } from "../../src/domain/exchange/market/Random.ts"

/** Time-out of AddOrder, as the trader has it. */
export const ORDER_TIMEOUT_MS = 8000
/** When an episode is judged: every reading lag, outage and wait that ends is over by then. */
export const EPISODE_MS = 480_000
/** No signal, print or outage begins after this. */
const QUIET_AFTER_MS = 240_000

/** What the client hears of its request: an answer, silence until the time-out, a cut connection, HTTP 502, an ambiguous error text. */
export type Heard = "answer" | "timeout" | "reset" | "http" | "service"

export interface Fault {
  readonly kind:
    | "none"
    | "request lost"
    | "answer lost"
    | "answer late"
    | "applied late"
    | "5xx before"
    | "5xx after"
    | "cut before"
    | "cut after"
    | "service error"
  /** When it reaches the exchange's door; never, if undefined. */
  readonly arrives: number | undefined
  /** When the matching engine looks at it: later than the door when it queued inside the exchange. */
  readonly executes: number
  readonly heard: Heard
  /** When the client hears it; an `answer` comes with the execution. */
  readonly hearsAt: number
}

/** A stretch in which no private call succeeds. */
export interface Outage {
  readonly from: number
  readonly until: number
  /** Whether calls still reach the exchange and only their answers are lost. */
  readonly reaches: boolean
}

export type MarketKind = "taken at once" | "filled soon" | "partly filled" | "filled later" | "never filled" | "crossed"

export interface Crash {
  /** `before leaving`: the intent was decided (and by some recorded), the request never left. */
  readonly at: number | "before leaving"
  readonly downFor: number
}

export interface Draw {
  readonly seed: number
  readonly index: number
  readonly fault: Fault
  /** One way, request or answer. */
  readonly latency: number
  readonly restLag: number
  readonly outage: Outage | undefined
  readonly market: MarketKind
  /** When the market does what it does: the print, or how long the spread stays crossed. */
  readonly marketAt: number
  /** Base units of each intent, the ambiguous send first, then those of the later signals. */
  readonly quantities: ReadonlyArray<number>
  /** Later signals of the strategy. */
  readonly signals: ReadonlyArray<number>
  readonly crash: Crash | undefined
}

/** Picks by weight. */
const pick = <A>(random: Random, weighted: ReadonlyArray<readonly [number, A]>): A => {
  let left = random.next() * weighted.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, value] of weighted) {
    left -= weight
    if (left < 0) return value
  }
  return weighted[weighted.length - 1]![1]
}

const ms = (random: Random, low: number, high: number): number => Math.round(random.between(low, high))

/** One ambiguous fault: the client does not learn what became of its request. */
const ambiguous = (random: Random, latency: number): Fault => {
  const kind = pick<Fault["kind"]>(random, [
    [18, "request lost"],
    [18, "answer lost"],
    [12, "answer late"],
    [20, "applied late"],
    [8, "5xx before"],
    [8, "5xx after"],
    [6, "cut before"],
    [6, "cut after"],
    [4, "service error"]
  ])
  const early = ms(random, latency + 50, 4000)
  const applied = { arrives: latency, executes: latency }
  const lost = { arrives: undefined, executes: 0 }
  switch (kind) {
    case "request lost":
      return { kind, ...lost, heard: "timeout", hearsAt: ORDER_TIMEOUT_MS }
    case "5xx before":
      return { kind, ...lost, heard: "http", hearsAt: early }
    case "5xx after":
      return { kind, ...applied, heard: "http", hearsAt: early }
    case "cut before":
      return { kind, ...lost, heard: "reset", hearsAt: early }
    case "cut after":
      return { kind, ...applied, heard: "reset", hearsAt: early }
    case "service error":
      return { kind, ...(random.next() < 0.5 ? applied : lost), heard: "service", hearsAt: early }
    case "applied late": {
      // most within the time-out or the deadline, some past it: those the exchange refuses by deadline
      const executes = pick(random, [
        [50, ms(random, 500, 7500)],
        [35, ms(random, 7500, 9990)],
        [15, ms(random, 9990, 20_000)]
      ])
      const queued = random.next() < 0.6
      const cut = random.next() < 0.4
      return {
        kind,
        arrives: queued ? latency : executes,
        executes,
        heard: cut ? "reset" : "timeout",
        hearsAt: cut ? ms(random, 50, Math.min(executes, ORDER_TIMEOUT_MS)) : ORDER_TIMEOUT_MS
      }
    }
    default:
      // an answer after the client's time-out is the same as none: nobody listens any more
      return { kind, ...applied, heard: "timeout", hearsAt: ORDER_TIMEOUT_MS }
  }
}

const clean = (latency: number): Fault => ({
  kind: "none",
  arrives: latency,
  executes: latency,
  heard: "answer",
  hearsAt: 2 * latency
})

/** A second or later attempt at sending the same intent: trouble goes on for three in ten. */
export const repeatFault = (draw: Draw, intent: number, attempt: number): Fault => {
  if (attempt === 1) return intent === 0 ? draw.fault : clean(draw.latency)
  const random = make(seedOf(draw.seed, "repeat", draw.index, intent, attempt))
  return random.next() < 0.3 ? ambiguous(random, draw.latency) : clean(draw.latency)
}

const drawOutage = (random: Random): Outage | undefined => {
  const kind = random.next()
  const from = ms(random, 0, 60_000)
  const length = Math.min(120_000, Math.round(random.wait(20_000)))
  const reaches = random.next() < 0.3
  if (kind < 0.01) return { from, until: Number.POSITIVE_INFINITY, reaches }
  return kind < 0.35 ? { from, until: from + length, reaches } : undefined
}

const drawCrash = (random: Random): Crash | undefined => {
  const kind = random.next()
  const downFor = ms(random, 2000, 45_000)
  const at = pick<Crash["at"]>(random, [
    [10, "before leaving"],
    [25, ms(random, 1, 400)],
    [40, ms(random, 1, 12_000)],
    [25, ms(random, 10_000, 90_000)]
  ])
  return kind < 0.2 ? { at, downFor } : undefined
}

/** A signal inside the outage waits for its end: a later send is clean. */
const outside = (at: number, outage: Outage | undefined): number =>
  outage !== undefined && at >= outage.from - ORDER_TIMEOUT_MS && at < outage.until ? outage.until + 1000 : at

/** The draw of one send. */
export const draw = (seed: number, index: number): Draw => {
  const random = make(seedOf(seed, "send", index))
  const latency = ms(random, 20, 130)
  const restLag = pick(random, [
    [50, 0],
    [30, ms(random, 200, 10_000)],
    [20, ms(random, 10_000, 60_000)]
  ])
  const market = pick<MarketKind>(random, [
    [15, "taken at once"],
    [20, "filled soon"],
    [15, "partly filled"],
    [20, "filled later"],
    [20, "never filled"],
    [10, "crossed"]
  ])
  const outage = drawOutage(random)
  return {
    seed,
    index,
    latency,
    restLag,
    outage,
    market,
    marketAt: market === "filled later" ? ms(random, 3000, 120_000) : ms(random, 500, 30_000),
    quantities: Array.from({ length: 4 }, () => ms(random, 35, 60)),
    signals: Array.from({ length: 3 }, () => outside(ms(random, 3000, QUIET_AFTER_MS), outage))
      .filter((at) => at < QUIET_AFTER_MS + 1000)
      .toSorted((a, b) => a - b),
    crash: drawCrash(random),
    fault: ambiguous(random, latency)
  }
}
