/**
 * What befalls the trader while a protection is missing: short plans, each made so that the missing one matters. The
 * trader as it is comes through all of them without a violation.
 */
import type { Outcome, OutcomeFill, OutcomeOrder } from "../../../src/simulation/Outcome.ts"
import type { Act, Plan, Wish } from "../../../src/simulation/Plan.ts"
import type { Blow } from "../../../src/simulation/Effects.ts"
import type { Fault, RestFault, StreamFault } from "../../../src/services/LocalKraken.ts"

export interface Story {
  readonly name: string
  readonly plan: Plan
  /** The first effect of this name is struck. */
  readonly strike?: { readonly effect: string; readonly how: Blow }
  /** Happens so many milliseconds before the first entry of the same plan without it reaches the exchange. */
  readonly beforeEntry?: { readonly ms: number; readonly act: Act }
  /** What must have come of it beyond the judge's invariants: by what they stand for, whether they hold. */
  readonly expect?: (came: Came) => Readonly<Record<string, boolean>>
}

/** The trader's orders and fills until everything was made to work again, and what is told of the rest. */
export interface Came {
  readonly entries: ReadonlyArray<OutcomeOrder>
  readonly exits: ReadonlyArray<OutcomeOrder>
  readonly bought: ReadonlyArray<OutcomeFill>
  readonly sold: ReadonlyArray<OutcomeFill>
  readonly outcome: Outcome
}

/** 2024-03-10T12:00:00Z. */
const NOON = 1_710_072_000_000

type Timed = readonly [seconds: number, act: Act]

const story = (
  name: string,
  seconds: number,
  acts: ReadonlyArray<Timed>,
  more: Omit<Story, "name" | "plan"> & { readonly limits?: Partial<Plan["limits"]> } = {}
): Story => {
  const { limits, ...rest } = more
  return {
    name,
    plan: {
      name,
      seed: 7,
      start: NOON,
      lengthMs: seconds * 1000,
      strategy: "told",
      market: { quoteEveryMs: 4000, volatility: 0, trades: 0 },
      limits: { maxTradeSize: "10", maxTotalExposure: "10", maxDailyLoss: "20", ...limits },
      steps: acts.map(([at, act]) => ({ at: at * 1000, act }))
    },
    ...rest
  }
}

// ---- acts ------------------------------------------------------------------------------------------------------------

const enter = (wish: Wish = {}): Act => ({
  _tag: "Enter",
  below: 0,
  target: 1.5,
  stop: 1.5,
  holdMs: 1_800_000,
  ...wish
})
const filled = (side: "buy" | "sell", percent = 100): Act => ({ _tag: "Filled", side, percent, patienceMs: 60_000 })
const ended = (side: "buy" | "sell"): Act => ({ _tag: "EndedByExchange", side, patienceMs: 60_000 })
const whenDone = (endpoint: string, act: Act, side?: "buy" | "sell"): Act => ({
  _tag: "When",
  endpoint,
  act,
  after: true,
  ...(side === undefined ? {} : { side })
})
const armed = (fault: Fault, ms = 600_000): Act => ({ _tag: "Fault", fault, armedMs: ms })
const rest = (endpoint: string, effect: RestFault["effect"], times = 1): Act =>
  armed({ on: "rest", endpoint, times, effect })
const lost = (endpoint: string, executed: boolean, times = 1): Act => rest(endpoint, { kind: "drop", executed }, times)
const refused = (endpoint: string, error: string, times = 1): Act =>
  rest(endpoint, { kind: "error", error, executed: false }, times)
const frames = (channel: string, effect: StreamFault["effect"], times: number): Act =>
  armed({ on: "stream", channel, times, effect })
const silent = (channel: string, ms: number): Act =>
  armed({ on: "stream", channel, effect: { kind: "silence", heartbeats: true } }, ms)
const crash = (downMs: number): Act => ({ _tag: "Crash", downMs, torn: false })
const jump = (percent: number): Act => ({ _tag: "Jump", percent })
const deposit = (asset: string, amount: string): Act => ({ _tag: "Deposit", asset, amount })
const pause = (ms: number): Act => ({ _tag: "Pause", ms })

/** After the checks of the start, which try an order without placing it, and before the first entry. */
const ARMED = 35
/** Bought whole, its target resting. */
const position: ReadonlyArray<Timed> = [
  [1, enter()],
  [1, filled("buy")]
]

// ---- what came of it -------------------------------------------------------------------------------------------------

const total = (fills: ReadonlyArray<OutcomeFill>): bigint => fills.reduce((sum, fill) => sum + fill.quantity, 0n)
const soldWhole = ({ bought, sold }: Came): boolean => bought.length > 0 && total(bought) === total(sold)
const within = (
  seconds: number,
  first: { readonly at: number } | undefined,
  then: { readonly at: number } | undefined
) => first !== undefined && then !== undefined && then.at <= first.at + seconds * 1000

/** The stories by their names. */
export const stories = {
  entry: story("an entry", 60, [[1, enter()]]),
  farEntry: story("an entry three per cent below the bid", 60, [[1, enter({ below: 3000 })]]),
  twoEntries: story("an entry and another at once", 70, [
    [1, enter()],
    [1, enter()],
    [1, whenDone("AddOrder", ended("buy"), "buy")]
  ]),
  lostReply: story(
    "an order that was taken, its answer lost, with reads that fail",
    100,
    [
      [1, enter()],
      [ARMED, lost("AddOrder", true)],
      [ARMED, refused("OpenOrders", "EService:Unavailable", 12)],
      [ARMED, silent("executions", 60_000)]
    ],
    {
      expect: ({ entries }) => ({
        "it is taken back within its deadline": (entries[0]?.endedAt ?? Infinity) < (entries[0]?.at ?? 0) + 12_000
      })
    }
  ),
  lostReplyOfATarget: story("the answer to an exit is lost, and the owner has coins of the same kind", 110, [
    [2, deposit("XLM", "500")],
    [1, enter()],
    [ARMED, filled("buy")],
    [ARMED, whenDone("AddOrder", lost("AddOrder", true), "buy")],
    [ARMED, whenDone("AddOrder", refused("CancelOrder", "EService:Unavailable", 20), "buy")],
    [ARMED, whenDone("AddOrder", refused("OpenOrders", "EService:Unavailable", 20), "buy")],
    [ARMED, whenDone("AddOrder", silent("executions", 60_000), "sell")]
  ]),
  unknownExit: story(
    "an exit of unknown outcome, and a wish for another entry",
    130,
    [
      ...position,
      [70, refused("AmendOrder", "EOrder:Invalid price", 2)],
      [70, lost("AddOrder", false)],
      [74, jump(-3)],
      [82, enter({ anyway: true })]
    ],
    { limits: { maxTotalExposure: "25" } }
  ),
  repeatedReports: story("a fill, and streams that begin anew", 110, [
    [1, enter()],
    [1, filled("buy", 60)],
    [62, { _tag: "Disconnect", stream: "auth", code: 1006 }],
    [75, { _tag: "Disconnect", stream: "both", code: 1001 }]
  ]),
  lateFill: story("an order that filled, unseen for most of a minute", 240, [
    // late enough that the REST counter, full at a start, holds no look up
    [120, enter()],
    [115, lost("AddOrder", true)],
    [115, { _tag: "Switches", change: { restLagMs: 50_000 }, ms: 110_000 }],
    [115, whenDone("AddOrder", filled("buy"), "buy")],
    [115, silent("executions", 60_000)]
  ]),
  jumpedNonce: story("a jump ahead of the nonces, and a new start right after it", 90, [
    [1, enter()],
    [50, { _tag: "OtherProgram", aheadMs: 4000, times: 1 }],
    [50.1, whenDone("CancelAllOrdersAfter", crash(100))]
  ]),
  asideNonce: story("a disk that is full as the switch is refreshed, and a new start right after it", 90, [
    [1, enter()],
    [60, { _tag: "Disk", reason: "full", ms: 10_000 }],
    [60, whenDone("CancelAllOrdersAfter", crash(3500))]
  ]),
  resyncs: story("the account's stream is cut again and again", 100, [
    [60, { _tag: "Disconnect", stream: "auth", code: 1006 }],
    [65, { _tag: "Disconnect", stream: "auth", code: 1006 }],
    [70, { _tag: "Disconnect", stream: "auth", code: 1006 }],
    [75, { _tag: "Disconnect", stream: "auth", code: 1006 }],
    [80, { _tag: "Disconnect", stream: "auth", code: 1006 }]
  ]),
  starts: story("one start after another", 60, [
    [5, crash(100)],
    [10, crash(100)],
    [15, crash(100)],
    [20, crash(100)],
    [25, crash(100)],
    [30, crash(100)]
  ]),
  stall: story("the disk keeps the trader at the intent", 110, [[1, enter()]], {
    strike: { effect: "database: commit an intent", how: "hang" }
  }),
  pausedBefore: story("a pause right before an entry", 80, [[1, enter()]], {
    beforeEntry: { ms: 300, act: pause(20_000) }
  }),
  paused: story("a wish during a pause", 110, [
    [30, pause(60_000)],
    [50, enter()]
  ]),
  staleQuotes: story("quotes fall silent, and reads of them fail", 140, [
    [50, silent("ticker", 60_000)],
    [50, rest("Ticker", { kind: "delay", realMs: 60_000, executed: true }, 20)],
    [84, enter()]
  ]),
  lossesOverARestart: story(
    "two losses, and a restart between them",
    260,
    [
      ...position,
      [60, jump(-2)],
      [90, crash(1000)],
      [92, jump(2)],
      [100, enter()],
      [100, filled("buy")],
      [180, jump(-2)],
      [200, jump(2)],
      [215, enter()]
    ],
    { limits: { maxDailyLoss: "0.3" } }
  ),
  loss: story("a loss beyond the day's limit, and a wish for more", 150, [...position, [60, jump(-3)], [80, enter()]], {
    limits: { maxDailyLoss: "0.15" }
  }),
  together: story("a wish for another entry while one is at work", 90, [
    [1, enter()],
    [55, enter({ anyway: true })]
  ]),
  unknownAndAnother: story("a wish for another entry while one is of unknown outcome", 100, [
    [1, enter()],
    [ARMED, lost("AddOrder", true)],
    [ARMED, whenDone("AddOrder", filled("buy"), "buy")],
    [ARMED, { _tag: "Switches", change: { restLagMs: 50_000 }, ms: 60_000 }],
    [ARMED, silent("executions", 60_000)],
    [58, enter({ anyway: true })]
  ]),
  latchedExit: story("the stop is hit while the breaker is open", 130, [...position, [74, jump(-8)]], {
    expect: (came) => ({
      "sold whole within ten seconds": soldWhole(came) && within(10, { at: 74_000 }, came.sold.at(-1))
    })
  }),
  pausedExit: story("the stop is hit during a pause", 130, [...position, [70, pause(50_000)], [74, jump(-3)]], {
    expect: (came) => ({
      "sold whole within ten seconds": soldWhole(came) && within(10, { at: 74_000 }, came.sold.at(-1))
    })
  }),
  diskFullExit: story(
    "the stop is hit while the disk is full",
    150,
    [
      ...position,
      [70, refused("AmendOrder", "EOrder:Cannot amend")],
      [72, { _tag: "Disk", reason: "full", ms: 40_000 }],
      [74, jump(-3)]
    ],
    {
      expect: (came) => ({
        "sold whole while the disk was full": soldWhole(came) && within(36, { at: 74_000 }, came.sold.at(-1))
      })
    }
  ),
  dearMinimum: story("the exchange's least order rises close to the trade size", 60, [
    // the run reads it once more as it ends its first reconciliation
    [30, { _tag: "Rules", minCost: "9.8", ms: 25_000 }],
    [50, enter()],
    [56, crash(1000)]
  ]),
  partlyFilled: story(
    "the time limit of a position below the minimum, its entry still at work",
    110,
    [
      [1, enter({ holdMs: 10_000 })],
      [1, filled("buy", 12)]
    ],
    { expect: ({ entries }) => ({ "its entry is amended, not cancelled": entries[0]?.amended === true }) }
  ),
  dust: story(
    "a remainder below the minimum, and another entry",
    150,
    [
      [1, enter()],
      [1, filled("buy", 12)],
      [62, ended("buy")],
      [63, enter()],
      [76, filled("buy")],
      [90, jump(-3)]
    ],
    { expect: (came) => ({ "the dust is sold with the rest": came.entries.length === 2 && soldWhole(came) }) }
  ),
  switchLost: story("the dead man's switch cannot be refreshed", 120, [
    [20, armed({ on: "rest", endpoint: "CancelAllOrdersAfter", effect: { kind: "drop", executed: false } }, 90_000)],
    [60, enter()]
  ]),
  stopUncancelled: story("a stop whose cancels fail", 100, [
    [1, enter()],
    [50, armed({ on: "rest", endpoint: "CancelOrder", effect: { kind: "drop", executed: false } }, 50_000)],
    [50, lost("GetWebSocketsToken", false, 40)],
    [52, { _tag: "Disconnect", stream: "auth", code: 1006 }],
    [60, { _tag: "Stop", downMs: 10_000 }]
  ]),
  lostReport: story(
    "the report of a fill is lost, and another one follows",
    120,
    [
      [1, enter()],
      // the execution, and the end of the order
      [55, frames("executions", { kind: "drop" }, 2)],
      [61, filled("buy")],
      [63, { _tag: "ByHand", side: "buy", quantity: "30" }]
    ],
    { expect: ({ bought, exits }) => ({ "its exit is there ten seconds later": within(12, bought[0], exits[0]) }) }
  ),
  silentReports: story(
    "the account's stream says nothing of a fill while its heart beats",
    200,
    [
      [1, enter()],
      [55, silent("executions", 130_000)],
      [60, filled("buy")]
    ],
    { expect: ({ bought, exits }) => ({ "its exit is there a minute later": within(75, bought[0], exits[0]) }) }
  ),
  blindStart: story("a start whose reads of the account fail", 110, [
    [50, crash(1000)],
    [50.5, lost("TradesHistory", false, 40)],
    [52, enter()]
  ]),
  clockBack: story(
    "the machine's clock is set back an hour while a time limit runs",
    150,
    [
      [1, enter({ holdMs: 40_000 })],
      [1, filled("buy")],
      [50, { _tag: "ClockStep", deltaMs: -3_600_000, ms: 90_000 }]
    ],
    {
      expect: (came) => ({ "sold when its time was over": soldWhole(came) && within(50, came.bought[0], came.sold[0]) })
    }
  ),
  clockNextDay: story("the machine's clock is set to the next day, and back", 150, [
    [1, enter()],
    [50, { _tag: "ClockStep", deltaMs: 46_800_000, ms: 60_000 }]
  ]),
  marketFalls: story("the market falls under an entry on its way", 90, [
    [1, enter()],
    [1, { _tag: "When", endpoint: "AddOrder", side: "buy", act: jump(-1) }]
  ])
} satisfies Readonly<Record<string, Story>>
