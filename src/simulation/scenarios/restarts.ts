/** Stories of ends and new starts: kills, stops, power losses, and what a start finds. */
import {
  claims,
  crash,
  during,
  ended,
  enter,
  filled,
  jump,
  lost,
  refused,
  rest,
  scenario,
  stop,
  wasLatched,
  when
} from "./Scenario.ts"
import type { Scenario } from "./Scenario.ts"

export const restarts: ReadonlyArray<Scenario> = [
  scenario({
    name: "restart-with-a-position",
    why: "Positions lived in memory: a restart lost them. The books bring the lot back, and its exit is there within seconds.",
    seconds: 130,
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [70, crash()]
    ],
    expect: claims(({ bought, exits, sold }) => ({
      "it was bought once": bought.length === 1 && sold.length === 0,
      "a target rests": exits.some(({ endedAt, postOnly }) => postOnly && endedAt === undefined)
    }))
  }),
  scenario({
    name: "restart-with-a-resting-entry",
    why: "A restart orphaned the order that rested, and a second one was placed beside it. The first is known or gone before.",
    seconds: 120,
    acts: [
      [1, enter()],
      [65, crash(2000)]
    ],
    expect: claims(({ entries }) => ({
      "one at a time": entries.every((e, i) => i === 0 || (entries[i - 1]?.endedAt ?? Infinity) <= e.at)
    }))
  }),
  scenario({
    name: "down-for-a-while",
    why: "Nobody was there to cancel what rested. The dead man's switch does, and the next start places the exit again.",
    seconds: 200,
    acts: [
      [1, enter({ holdMs: 300_000 })],
      [1, filled("buy")],
      [65, crash(75_000)]
    ],
    expect: claims(({ exits }) => ({
      "the switch cancelled the exit": exits[0]?.status === "canceled" && exits[0].endedAt !== undefined,
      "the next start placed it anew": exits.some(({ at }) => at > 140_000)
    }))
  }),
  scenario({
    name: "filled-while-down",
    why: "A fill while the trader was down was never booked. The start finds it before anything is bought.",
    seconds: 130,
    acts: [
      [1, enter()],
      [65, crash(15_000)],
      [70, filled("buy")]
    ],
    expect: claims(({ bought, entries, exits }) => ({
      "bought once": bought.length === 1 && entries.length === 1,
      "an exit was placed after the start": exits.length > 0
    }))
  }),
  scenario({
    name: "sold-while-down",
    why: "A target filled while the trader was down, and the restart sold a second time. Nothing is sold that is not held.",
    seconds: 130,
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [72, crash(15_000)],
      [78, filled("sell")]
    ],
    expect: claims(({ exits, sold }) => ({
      "sold once": sold.length === 1 && exits.filter(({ filled: f }) => f > 0n).length === 1
    }))
  }),
  scenario({
    name: "torn-write-at-power-loss",
    why: "The last write before the power went was found half done, and the database was given up. It is whole up to that write.",
    seconds: 140,
    acts: [
      [1, enter()],
      [1, filled("buy", 40)],
      [66, crash(3000, true)],
      [100, crash(3000, true)]
    ],
    expect: claims(({ bought }) => ({ "the fill was booked": bought.length >= 1 }))
  }),
  scenario({
    name: "latch-outlives-a-restart",
    why: "Three breakers, none persisted: a restart opened the way again. A latch waits for its probe, restart or not.",
    seconds: 150,
    acts: [
      [1, enter()],
      [35, refused("AddOrder", "EOrder:Invalid price", 6)],
      [105, crash(1000)]
    ],
    expect: claims((told) => ({
      "orders were latched": wasLatched(told, "orders"),
      "no entry right after the restart": told.entries.every(({ at }) => at > 120_000)
    }))
  }),
  scenario({
    name: "days-loss-outlives-a-restart",
    why: "The daily loss limit was per process, and a deposit moved it. It holds over restarts, and money from outside plays no part.",
    seconds: 160,
    limits: { maxDailyLoss: "0.15" },
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [70, jump(-3)],
      [85, enter()],
      [90, { _tag: "Deposit", asset: "USD", amount: "50" }],
      [95, crash(2000)]
    ],
    expect: claims((told) => ({
      "it was sold at a loss": told.sold.length > 0,
      "the day is over for entries": wasLatched(told, "dailyLoss") && told.entries.length === 1
    }))
  }),
  scenario({
    name: "start-without-the-account",
    why: "Start-up could not read the account and went on anyway, the balance a constant. No entry before it is read.",
    seconds: 170,
    acts: [
      [0, enter()],
      [0, refused("BalanceEx", "EService:Unavailable", 4)],
      [0, refused("OpenOrders", "EGeneral:Internal error", 3)],
      [0, refused("TradeVolume", "EService:Busy", 2)]
    ],
    expect: claims(({ entries }) => ({ "it entered when everything was read": entries.length === 1 }))
  }),
  scenario({
    name: "start-without-prices",
    why: "A start-up race: decisions on empty prices. Without a sound quote there is nothing to decide on.",
    seconds: 160,
    acts: [
      [0, enter()],
      [0, { _tag: "Crossed", ms: 80_000 }],
      [30, refused("Ticker", "EService:Unavailable", 4)]
    ],
    expect: claims(({ entries }) => ({
      "nothing was bought on crossed prices": entries.every(({ at }) => at >= 80_000),
      "later it was": entries.length === 1
    }))
  }),
  scenario({
    name: "newer-schema",
    why: "An older program wrote into a newer one's database. It refuses to start and touches nothing.",
    seconds: 150,
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [70, { _tag: "NewerSchema", ms: 30_000 }],
      [72, crash(2000)]
    ],
    expect: claims(({ exits, outcome }) => ({
      "it refused to start": outcome.ends.some(({ at, word }) => word === "StoreFailed" && at < 105_000),
      "later the exit was placed again": exits.some(({ endedAt }) => endedAt === undefined)
    }))
  }),
  scenario({
    name: "killed-while-stopping",
    why: "A second signal cut the stop short with orders on the book. The switch holds, the next start finishes the work.",
    seconds: 140,
    acts: [
      [1, enter()],
      [60, stop()],
      [1, when("CancelOrder", crash(4000))]
    ],
    expect: claims(({ entries, outcome }) => ({
      "it was killed in its stop": outcome.ends.length === 0,
      "what rested was taken back": entries[0]?.endedAt !== undefined
    }))
  }),
  scenario({
    name: "stop-that-cannot-cancel",
    why: "The dead man's switch was disarmed at the stop although the cancel had timed out. It stays armed, and the end says so.",
    seconds: 150,
    acts: [
      [1, enter()],
      [50, during("CancelOrder", { kind: "drop", executed: false }, 60_000)],
      [50, during("GetWebSocketsToken", { kind: "error", error: "EService:Unavailable", executed: false }, 40_000)],
      [58, { _tag: "Disconnect", stream: "auth", code: 1006 }],
      [60, stop(30_000)]
    ],
    expect: claims(({ entries, outcome }) => ({
      "the end says so": outcome.ends[0]?.word === "StoppedUnclean",
      "the switch is left armed": outcome.ends[0]?.armed === true,
      "and it did the work": (entries[0]?.endedAt ?? Infinity) < (outcome.ends[0]?.at ?? 0) + 15_000
    }))
  }),
  scenario({
    name: "deposit-while-down",
    why: "Own trades before the stop counted against a deposit while it was down: a false alarm held entries for hours.",
    seconds: 260,
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [72, filled("sell")],
      [80, stop(15_000)],
      [86, { _tag: "Deposit", asset: "USD", amount: "50" }]
    ],
    expect: claims((told) => ({
      "bought and sold": told.bought.length === 1 && told.sold.length === 1,
      "no balance difference": !wasLatched(told, "balance")
    }))
  }),
  scenario({
    name: "stop-with-a-position",
    why: "A stop forgot what was held. It lists it, takes the target back, and the next start places it again.",
    seconds: 140,
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [72, stop(10_000)]
    ],
    expect: claims(({ exits, outcome }) => ({
      clean: outcome.ends[0]?.word === "stopped",
      "an exit before and one after": exits.length === 2 && exits[0]?.endedAt !== undefined
    }))
  }),
  scenario({
    name: "slow-disk-of-a-start",
    why: "A start under a failing exchange and an ended order: everything at once must not become two positions.",
    seconds: 170,
    acts: [
      [1, enter()],
      [60, crash(3000)],
      [61, ended("buy")],
      [62, rest("Time", { kind: "delay", realMs: 4000, executed: true })],
      [62, lost("GetWebSocketsToken", true, 2)],
      [62, { _tag: "Tokens" }]
    ],
    expect: claims(({ entries }) => ({
      "one at a time": entries.every((e, i) => i === 0 || (entries[i - 1]?.endedAt ?? Infinity) <= e.at)
    }))
  })
]
