/** Stories of positions and how they are sold: whole, once, whatever is in the way. */
import {
  claims,
  crash,
  ended,
  enter,
  filled,
  jump,
  lost,
  position,
  quantityOf,
  refused,
  rest,
  scenario,
  wasLatched,
  when
} from "./Scenario.ts"
import type { Scenario, Told } from "./Scenario.ts"

const soldWhole = ({ bought, sold }: Told): boolean => bought.length > 0 && quantityOf(bought) === quantityOf(sold)
const tookLiquidity = ({ sold }: Told): boolean => sold.some(({ maker }) => !maker)
export const exits: ReadonlyArray<Scenario> = [
  scenario({
    name: "exit-sent-is-not-sold",
    why: "The position was dropped from the books when the closing order was sent, not when it filled. It is held until it is sold.",
    seconds: 180,
    acts: [
      ...position,
      [70, refused("AmendOrder", "EOrder:Cannot amend", 2)],
      [70, lost("AddOrder", false)],
      [74, jump(-3)]
    ],
    expect: claims((told) => ({ "sold whole in the end": soldWhole(told) }))
  }),
  scenario({
    name: "exit-of-unknown-outcome",
    why: "Two market sells within milliseconds, every thirty seconds. An exit of unknown outcome is never on sale twice.",
    seconds: 150,
    acts: [
      ...position,
      [70, refused("AmendOrder", "EOrder:Cannot amend", 2)],
      [70, lost("AddOrder", true)],
      [74, jump(-3)]
    ],
    expect: claims((told) => ({ "sold whole, once": soldWhole(told) }))
  }),
  scenario({
    name: "exits-pass-the-latched-breaker",
    why: "The entry limit refused the exits: 194 closes in three days. A latched breaker stops entries alone.",
    seconds: 130,
    acts: [...position, [74, jump(-8)], [76, enter()]],
    expect: claims((told) => ({
      "the price was latched": wasLatched(told, "price"),
      "sold whole within ten seconds": soldWhole(told) && told.sold.every(({ at }) => at < 84_000),
      "nothing was bought": told.entries.length === 1
    }))
  }),
  scenario({
    name: "exits-pass-a-pause",
    why: "A pause that also stopped the sales left the position to the market. It stops entries alone.",
    seconds: 120,
    acts: [...position, [70, { _tag: "Pause", ms: 40_000 }], [74, jump(-3)], [76, enter()]],
    expect: claims((told) => ({
      "sold whole": soldWhole(told),
      "nothing was bought meanwhile": told.entries.every(({ at }) => at < 70_000 || at > 110_000)
    }))
  }),
  scenario({
    name: "exits-without-the-disk",
    why: "A full disk held the sale up. The intent of an exit goes to the side file, and the books take it in later.",
    seconds: 150,
    acts: [
      ...position,
      [70, refused("AmendOrder", "EOrder:Cannot amend")],
      [72, { _tag: "Disk", reason: "full", ms: 40_000 }],
      [74, jump(-3)]
    ],
    expect: claims((told) => ({
      "sold whole while the disk was full": soldWhole(told) && told.sold.every(({ at }) => at < 112_000)
    }))
  }),
  scenario({
    name: "exit-cancelled-by-the-exchange",
    why: "The protective exit was lost and nobody missed it. It is placed again.",
    seconds: 130,
    acts: [...position, [72, ended("sell")], [85, ended("sell")]],
    expect: claims(({ exits: placed }) => ({
      "placed three times": placed.length === 3,
      "the last one rests": placed[2]?.endedAt === undefined
    }))
  }),
  scenario({
    name: "dust-topped-up",
    why: "A partial fill below the minimum could not be sold and kept every entry away. The next entry tops it up.",
    seconds: 150,
    acts: [
      [1, enter()],
      [1, filled("buy", 12)],
      [62, ended("buy")],
      [63, enter()],
      [76, filled("buy")],
      [90, jump(-3)]
    ],
    expect: claims((told) => ({
      "bought in two orders": told.entries.length === 2 && told.bought.length === 2,
      "the dust was sold with the rest": soldWhole(told)
    }))
  }),
  scenario({
    name: "odd-quantities",
    why: "A quantity rounded to nearest exceeded the balance by 3e-8 and blocked the exits for six hours. Sales round down.",
    seconds: 150,
    acts: [
      [1, enter()],
      [1, filled("buy", 33)],
      [62, filled("buy", 33)],
      [70, filled("sell", 37)],
      [80, filled("buy")],
      [95, jump(-3)]
    ],
    expect: claims((told) => ({
      "sold whole": soldWhole(told),
      "nothing was refused for funds": !told.outcome.alerts.some(({ kind }) => kind === "exit.funds")
    }))
  }),
  scenario({
    name: "auto-earn-takes-a-lot",
    why: "Auto-earn moved the coins away and the exit failed again and again. What is there is sold, the rest when it is back.",
    seconds: 190,
    acts: [...position, [70, { _tag: "ToFlex", asset: "XLM", amount: "60", ms: 60_000 }], [74, jump(-3)]],
    expect: claims((told) => ({ "sold whole in the end": soldWhole(told) }))
  }),
  scenario({
    name: "owner-sells-own-lots-by-hand",
    why: "A manual sale ate into the trader's lots, and the trader sold what was left of them twice. It is told and never made up for.",
    seconds: 260,
    acts: [
      ...position,
      [70, ended("sell")],
      [70.3, { _tag: "ByHand", side: "sell", quantity: "40" }],
      [200, { _tag: "ByHand", side: "buy", quantity: "40" }]
    ],
    expect: claims((told) => ({ "told of it": told.outcome.alerts.length > 0 }))
  }),
  scenario({
    name: "minimum-raised",
    why: "The exchange raised the minimum above what was held: the exit was refused for ever. It waits, named, and is sold later.",
    seconds: 180,
    acts: [...position, [70, { _tag: "Rules", minQuantity: "150", ms: 60_000 }], [72, ended("sell")], [80, jump(-3)]],
    expect: claims((told) => ({
      "not sold while it could not be": told.sold.length === 0,
      "sold within minutes when it could be": told.outcome.fills.some(
        ({ at, quantity, side }) => side === "sell" && at < 450_000 && quantity === quantityOf(told.bought)
      )
    }))
  }),
  scenario({
    name: "band-left",
    why: "A price that left a hard-coded band dumped the position at market. Only the plan of the lot counts.",
    seconds: 150,
    acts: [
      [1, enter({ target: 8 })],
      [1, filled("buy")],
      [70, { _tag: "Drift", percent: 5, ms: 60_000 }]
    ],
    expect: claims((told) => ({
      "nothing was sold": told.sold.length === 0,
      "the target rests": told.exits.length === 1
    }))
  }),
  scenario({
    name: "time-limit",
    why: "A position was held for ever since its time limit lived in a timer of a dead process. It is in the books.",
    seconds: 150,
    acts: [
      [1, enter({ holdMs: 50_000 })],
      [1, filled("buy")],
      [80, crash(2000)]
    ],
    expect: claims((told) => ({ "sold whole": soldWhole(told) }))
  }),
  scenario({
    name: "cancelled-and-filled",
    why: "A cancel crossed with the fill: the trader believed the cancel. Only the final report counts.",
    seconds: 120,
    acts: [
      [1, enter()],
      [60, { _tag: "Pause", ms: 20_000 }],
      [1, when("CancelOrder", filled("buy"))]
    ],
    expect: claims(({ bought, exits: placed }) => ({
      bought: bought.length === 1,
      "its exit was placed": placed.length >= 1
    }))
  }),
  scenario({
    name: "cancel-ok-though-filled",
    why: "The exchange said that the cancel was done, and the order filled all the same. The lot exists and has its exit.",
    seconds: 120,
    acts: [
      [1, enter()],
      [60, { _tag: "Pause", ms: 20_000 }],
      [1, when("CancelOrder", filled("buy", 70))],
      [1, { _tag: "Rewrite", on: "CancelOrder", put: '{"error":[],"result":{"count":1}}', times: 1 }]
    ],
    expect: claims(({ bought, exits: placed }) => ({
      "bought in part": bought.length === 1,
      "its exit was placed": placed.length >= 1
    }))
  }),
  scenario({
    name: "filled-while-being-amended",
    why: "The target filled while it was being moved: a second sale went out for the same coins.",
    seconds: 120,
    acts: [...position, [1, when("AmendOrder", filled("sell", 60))], [74, jump(-3)]],
    expect: claims((told) => ({
      "sold whole, once": soldWhole(told),
      "at the target and below": told.sold.length >= 2
    }))
  }),
  scenario({
    name: "amend-of-unknown-outcome",
    why: "The answer to an amend was lost and the order's price was anybody's guess. It is read again, then moved again.",
    seconds: 130,
    acts: [
      ...position,
      [70, lost("AmendOrder", true)],
      [70, rest("QueryOrders", { kind: "status", status: 504, executed: true })],
      [74, jump(-3)]
    ],
    expect: claims((told) => ({ "sold whole, once": soldWhole(told) }))
  }),
  scenario({
    name: "cancel-only-mode",
    why: "In cancel_only the exit was refused in a loop until the key was limited. It waits and says so, then sells.",
    seconds: 150,
    acts: [...position, [70, { _tag: "System", mode: "cancel_only", ms: 40_000 }], [72, jump(-3)]],
    expect: claims((told) => ({
      "sold whole after the mode": soldWhole(told) && told.sold.every(({ at }) => at >= 110_000),
      "it did not try again and again": (told.outcome.requests.get("AddOrder") ?? 0) <= 6
    }))
  }),
  scenario({
    name: "post-only-mode",
    why: "In post_only a taking exit is refused. It rests at the ask instead, and takes when the mode is over.",
    seconds: 160,
    acts: [...position, [70, { _tag: "System", mode: "post_only", ms: 40_000 }], [72, jump(-3)]],
    expect: claims((told) => ({ "sold whole": soldWhole(told), "taken after the mode": tookLiquidity(told) }))
  }),
  scenario({
    name: "maintenance-with-a-position",
    why: "Maintenance ended what rested and the trader came back blind. It reconciles, then places the exit again.",
    seconds: 180,
    acts: [
      ...position,
      [70, { _tag: "System", mode: "maintenance", ms: 45_000 }],
      [72, { _tag: "Disconnect", stream: "both", code: 1012 }]
    ],
    expect: claims(({ exits: placed }) => ({ "a target rests": placed.some(({ endedAt }) => endedAt === undefined) }))
  }),
  scenario({
    name: "two-round-trips",
    why: "Orders never left `open` in the database and P&L paired the wrong legs. Each fill is booked to its own lot.",
    seconds: 200,
    acts: [...position, [72, filled("sell")], [80, enter()], [85, filled("buy")], [100, jump(-3)]],
    expect: claims((told) => ({
      "two lots, both sold": told.entries.length === 2 && soldWhole(told),
      "one at its target, one at its loss limit": told.sold.some(({ maker }) => maker) && tookLiquidity(told)
    }))
  })
]
