/** A scenario: a short plan that has a name, because what it plays once went wrong somewhere. */
import type { Fault, RestFault, StreamFault } from "../../services/LocalKraken.ts"
import type { Outcome, OutcomeFill, OutcomeOrder } from "../Outcome.ts"
import type { Act, Plan, Step, Wish } from "../Plan.ts"
import type { RunResult } from "../Run.ts"

export interface Scenario {
  readonly name: string
  /** What once went wrong, and what must hold. */
  readonly why: string
  readonly plan: Plan
  /** What must have come of the plan as it is, without any strike, beyond the judge's invariants: what did not, in words. */
  readonly expect?: (result: RunResult) => ReadonlyArray<string>
}

/** 2024-03-10T12:00:00Z: half a day from midnight. */
const NOON = 1_710_072_000_000

interface Parts {
  readonly name: string
  readonly why: string
  readonly seconds: number
  /** Seconds since the start, and what happens then. */
  readonly acts: ReadonlyArray<readonly [at: number, act: Act]>
  readonly limits?: Partial<Plan["limits"]>
  readonly ends?: ReadonlyArray<string>
  readonly latches?: ReadonlyArray<string>
  readonly expect?: Scenario["expect"]
}

/** A scenario in a market that stands still but for its acts. */
export const scenario = ({ acts, ends, expect, latches, limits, name, seconds, why }: Parts): Scenario => ({
  name,
  why,
  plan: {
    name,
    seed: 7,
    start: NOON,
    lengthMs: seconds * 1000,
    strategy: "told",
    market: { quoteEveryMs: 4000, volatility: 0, trades: 0 },
    limits: { maxTradeSize: "10", maxTotalExposure: "10", maxDailyLoss: "20", ...limits },
    steps: acts.map(([at, act]): Step => ({ at: at * 1000, act })),
    ...(ends === undefined ? {} : { ends }),
    ...(latches === undefined ? {} : { latches })
  },
  ...(expect === undefined ? {} : { expect })
})

// ---- acts ------------------------------------------------------------------------------------------------------------

/** An entry at the bid with room on both sides, unless told otherwise. */
export const enter = (wish: Wish = {}): Act => ({
  _tag: "Enter",
  below: 0,
  target: 1.5,
  stop: 1.5,
  holdMs: 240_000,
  ...wish
})

const PATIENCE_MS = 60_000

/** A resting order fills, as soon as there is one. */
export const filled = (side: "buy" | "sell", percent = 100): Act => ({
  _tag: "Filled",
  side,
  percent,
  patienceMs: PATIENCE_MS
})

/** A position as it stands from the first minute on: bought whole, its target resting. */
export const position: ReadonlyArray<readonly [number, Act]> = [
  [1, enter()],
  [1, filled("buy")]
]

/** The exchange ends a resting order by itself, as soon as there is one. */
export const ended = (side: "buy" | "sell"): Act => ({ _tag: "EndedByExchange", side, patienceMs: PATIENCE_MS })

export const when = (
  endpoint: string,
  act: Act,
  more: { readonly side?: "buy" | "sell"; readonly skip?: number } = {}
): Act => ({
  _tag: "When",
  endpoint,
  act,
  ...more
})

export const whenDone = (endpoint: string, act: Act, more: { readonly side?: "buy" | "sell" } = {}): Act => ({
  _tag: "When",
  endpoint,
  act,
  after: true,
  ...more
})

const fault = (f: Fault): Act => ({ _tag: "Fault", fault: f, armedMs: 600_000 })

/** Something befalls the next calls of an endpoint. */
export const rest = (endpoint: string, effect: RestFault["effect"], times = 1): Act =>
  fault({ on: "rest", endpoint, times, effect })

/** Something befalls the next frames of a channel. */
export const frames = (channel: string, effect: StreamFault["effect"], times = 1): Act =>
  fault({ on: "stream", channel, times, effect })

/** Something befalls every call of an endpoint for a while. */
export const during = (endpoint: string, effect: RestFault["effect"], ms: number): Act => ({
  _tag: "Fault",
  fault: { on: "rest", endpoint, effect },
  armedMs: ms
})

export const lost = (endpoint: string, executed: boolean, times = 1): Act =>
  rest(endpoint, { kind: "drop", executed }, times)

export const refused = (endpoint: string, error: string, times = 1): Act =>
  rest(endpoint, { kind: "error", error, executed: false }, times)

export const crash = (downMs = 5000, torn = false): Act => ({ _tag: "Crash", downMs, torn })
export const stop = (downMs = 5000): Act => ({ _tag: "Stop", downMs })
export const jump = (percent: number): Act => ({ _tag: "Jump", percent })

// ---- what came of it -------------------------------------------------------------------------------------------------

/** Orders and fills of the story, without the quiet phase. */
export interface Told {
  readonly entries: ReadonlyArray<OutcomeOrder>
  readonly exits: ReadonlyArray<OutcomeOrder>
  readonly bought: ReadonlyArray<OutcomeFill>
  readonly sold: ReadonlyArray<OutcomeFill>
  readonly outcome: Outcome
}

export const quantityOf = (fills: ReadonlyArray<OutcomeFill>): bigint =>
  fills.reduce((sum, fill) => sum + fill.quantity, 0n)

/** Whether a cause was latched in the story. */
export const wasLatched = ({ outcome }: Told, cause: string): boolean =>
  outcome.latches.some((l) => l.cause === cause && l.change === "latched" && l.at < outcome.calmAt)

/** Claims about the story; those that do not hold are told. */
export const claims =
  (check: (told: Told) => Readonly<Record<string, boolean>>): NonNullable<Scenario["expect"]> =>
  ({ outcome }) => {
    const inStory = <A extends { readonly at: number; readonly side: "buy" | "sell" }>(
      all: ReadonlyArray<A>,
      side: "buy" | "sell"
    ): ReadonlyArray<A> => all.filter((one) => one.at < outcome.calmAt && one.side === side)
    // what ended later than the story did rests as far as the story goes
    const orders = outcome.orders.map((order) =>
      order.endedAt !== undefined && order.endedAt >= outcome.calmAt ? { ...order, endedAt: undefined } : order
    )
    const told: Told = {
      entries: inStory(orders, "buy"),
      exits: inStory(orders, "sell"),
      bought: inStory(outcome.fills, "buy"),
      sold: inStory(outcome.fills, "sell"),
      outcome
    }
    return Object.entries(check(told)).flatMap(([claim, holds]) => (holds ? [] : [`does not hold: ${claim}`]))
  }
