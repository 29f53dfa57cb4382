/** Stories of people and machines around the trader: owners, operators, other programs, keys, clocks, disks. */
import { tradingPermissions } from "../../domain/exchange/Config.ts"
import {
  claims,
  crash,
  enter,
  filled,
  jump,
  lost,
  position,
  quantityOf,
  refused,
  scenario,
  wasLatched,
  when
} from "./Scenario.ts"
import type { Scenario } from "./Scenario.ts"

export const people: ReadonlyArray<Scenario> = [
  scenario({
    name: "key-loses-its-permission",
    why: "The owner took a permission from the key, and the trader hammered on until it was locked out. It ends at once and says why.",
    seconds: 190,
    ends: ["CredentialsRefused"],
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [
        75,
        {
          _tag: "Key",
          permissions: tradingPermissions.filter((p) => p !== "modify-trades" && p !== "close-trades"),
          ms: 40_000
        }
      ],
      [80, jump(-3)]
    ],
    expect: claims(({ outcome, sold }) => ({
      "it ended for the key": outcome.ends.some(({ word }) => word === "CredentialsRefused"),
      "sold when the key was whole again": sold.length > 0
    }))
  }),
  scenario({
    name: "another-program-on-the-key",
    why: "Eight copies ran on one key and burned it with nonce conflicts. The second program is noticed, and entries stop for a person.",
    seconds: 150,
    latches: ["invariant"],
    ends: ["KeyUnfit"],
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [70, { _tag: "OtherProgram", aheadMs: 3_600_000, times: 40 }]
    ],
    expect: claims((told) => ({ "it was noticed": wasLatched(told, "invariant") }))
  }),
  scenario({
    name: "another-program-in-passing",
    why: "One stray call with the same key ended the trader. It takes the next nonce and goes on.",
    seconds: 130,
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [70, { _tag: "OtherProgram", aheadMs: 800, times: 1 }],
      [90, { _tag: "OtherProgram", aheadMs: 800, times: 1 }]
    ],
    expect: claims((told) => ({ "nobody was called": !wasLatched(told, "invariant") }))
  }),
  scenario({
    name: "twin-trader",
    why: "A copy of the folder traded on the same account. An order with this mark that is not in the books stops entries, and is cancelled.",
    seconds: 130,
    latches: ["invariant"],
    acts: [
      [1, enter()],
      [65, { _tag: "Twin", price: "0.09", quantity: "50" }]
    ],
    expect: claims((told) => ({ "it was noticed": wasLatched(told, "invariant") }))
  }),
  scenario({
    name: "frozen-through-cancel-all",
    why: "A trader that had been frozen woke up and sent what it had decided before everything was cancelled. The fence is in between.",
    seconds: 150,
    acts: [
      [1, enter()],
      [40, { _tag: "Freeze", ms: 30_000 }],
      [50, { _tag: "CancelAll" }]
    ],
    expect: claims((told) => ({ "nothing was bought after it": told.entries.every(({ at }) => at < 50_000) }))
  }),
  scenario({
    name: "frozen-with-an-order-on-the-book",
    why: "A suspended machine woke up with an old picture and acted on it. It reads the account first.",
    seconds: 190,
    acts: [
      [1, enter()],
      [58, { _tag: "Freeze", ms: 75_000 }],
      [70, filled("buy", 50)]
    ],
    expect: claims(({ bought, exits }) => ({ "bought in part": bought.length === 1, "exit placed": exits.length > 0 }))
  }),
  scenario({
    name: "disk-busy-at-the-intent",
    why: "The database was locked at the moment of sending, and the order went out unrecorded. No intent, no order.",
    seconds: 120,
    acts: [
      [1, enter()],
      [44, { _tag: "Disk", reason: "busy", ms: 20_000 }]
    ],
    expect: claims(({ entries }) => ({
      "nothing was sent unrecorded": entries.every(({ at }) => at < 44_000 || at > 64_000),
      "later it was": entries.length === 1
    }))
  }),
  scenario({
    name: "disk-fails-under-an-order",
    why: "An I/O error at the fill: the books said one thing, the account another. Nothing is lost, and entries wait.",
    seconds: 150,
    acts: [
      [1, enter()],
      [60, { _tag: "Disk", reason: "io", ms: 25_000 }],
      [64, filled("buy")],
      [70, crash(3000)]
    ],
    expect: claims(({ bought, exits }) => ({ bought: bought.length === 1, "exit placed": exits.length > 0 }))
  }),
  scenario({
    name: "owner-trades-beside-it",
    why: "The owner's own coins and orders were adopted, sold or taken for a loss. They are left alone.",
    seconds: 190,
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [66, { _tag: "ByHand", side: "buy", quantity: "55" }],
      [70, { _tag: "Deposit", asset: "USD", amount: "12.5" }],
      [76, { _tag: "ByHand", side: "sell", quantity: "25" }],
      [90, jump(-3)]
    ],
    expect: claims((told) => ({
      "nothing was latched for it": !wasLatched(told, "balance"),
      "only its own was sold":
        told.bought.length === 1 && told.sold.every(({ quantity }) => quantity < 101n * 10n ** 12n)
    }))
  }),
  scenario({
    name: "owner-withdraws-the-dollars",
    why: "The money was withdrawn under a resting order: insufficient funds, tried again in a loop. It buys what it can, or nothing.",
    seconds: 170,
    acts: [
      [1, enter()],
      [46, { _tag: "Withdraw", asset: "USD", amount: "96" }],
      [130, { _tag: "Deposit", asset: "USD", amount: "96" }]
    ],
    expect: claims((told) => ({ "no failure of the system": !wasLatched(told, "orders") }))
  }),
  scenario({
    name: "clock-an-hour-back-over-a-restart",
    why: "The nonce file was not atomic and the clock went back: every call was refused. Nonces rise over restarts and clock steps.",
    seconds: 150,
    acts: [
      [1, enter()],
      [55, crash(2000)],
      [56, { _tag: "ClockStep", deltaMs: -3_600_000, ms: 50_000 }]
    ],
    expect: claims((told) => ({ "no nonce was refused": !wasLatched(told, "invariant") }))
  }),
  scenario({
    name: "api-fails-for-a-while",
    why: "The breaker counted business rejections and closed itself after a minute. It counts failures, and a probe opens it.",
    seconds: 200,
    acts: [
      [1, enter()],
      [58, filled("buy")],
      [60, refused("BalanceEx", "EGeneral:Internal error", 8)],
      [60, refused("OpenOrders", "EService:Unavailable", 8)],
      [70, lost("Ticker", false, 4)]
    ],
    expect: claims(({ bought, exits }) => ({ bought: bought.length === 1, "exit placed": exits.length > 0 }))
  }),
  scenario({
    name: "switch-cannot-be-refreshed",
    why: "The dead man's switch was not confirmed and entries went on. Without it, none is sent.",
    seconds: 170,
    acts: [
      [1, enter()],
      [
        30,
        {
          _tag: "Fault",
          fault: { on: "rest", endpoint: "CancelAllOrdersAfter", effect: { kind: "drop", executed: false } },
          armedMs: 70_000
        }
      ]
    ],
    expect: claims(({ entries }) => ({ "it entered once the switch was confirmed": entries.every(({ at }) => at > 0) }))
  }),
  scenario({
    name: "cancel-all-from-another-program",
    why: "A kill switch swallowed its errors and the bot entered again a second later. The latch holds until a person resets it.",
    seconds: 120,
    acts: [
      [1, enter()],
      [60, { _tag: "CancelAll" }],
      [61, enter()],
      [62, when("OpenOrders", crash(2000))]
    ],
    expect: claims((told) => ({
      latched: wasLatched(told, "operator"),
      "nothing was bought after it": told.entries.every(({ at }) => at < 62_000)
    }))
  }),
  scenario({
    name: "flattened-with-a-target-resting",
    why: "The emergency sale sold what the account held, the owner's coins with it, and the target sold once more. It sells the lot, once, and buys nothing.",
    seconds: 140,
    acts: [
      ...position,
      [5, { _tag: "ByHand", side: "buy", quantity: "60" }],
      [60, { _tag: "Flatten", ms: 600_000 }],
      [62, enter()]
    ],
    expect: claims(({ bought, entries, outcome, sold }) => ({
      "what was bought was sold": quantityOf(sold) === quantityOf(bought) && sold.length > 0,
      "nothing was bought after it": entries.every(({ at }) => at < 60_000),
      "within seconds": sold.every(({ at }) => at < 75_000),
      latched: wasLatched({ bought, entries, outcome, sold, exits: [] }, "operator")
    }))
  }),
  scenario({
    name: "flattened-with-an-entry-on-its-way",
    why: "The emergency sale looked at what was held, and the entry that filled a moment later stayed. What a late execution brings is sold too.",
    seconds: 190,
    acts: [
      [1, enter()],
      [59, when("CancelOrder", filled("buy"))],
      [60, { _tag: "Flatten", ms: 600_000 }]
    ],
    expect: claims(({ bought, sold }) => ({
      "what was bought was sold": quantityOf(sold) === quantityOf(bought) && sold.length > 0
    }))
  }),
  scenario({
    name: "flattened-while-frozen",
    why: "A trader that was told to sell everything while it stood still woke up and bought. The word is in its records: it sells.",
    seconds: 190,
    acts: [...position, [50, { _tag: "Freeze", ms: 40_000 }], [60, { _tag: "Flatten", ms: 600_000 }], [61, enter()]],
    expect: claims(({ bought, entries, sold }) => ({
      "what was bought was sold": quantityOf(sold) === quantityOf(bought) && sold.length > 0,
      "nothing was bought after it": entries.every(({ at }) => at < 60_000)
    }))
  }),
  scenario({
    name: "flattened-and-killed",
    why: "The emergency sale was forgotten with the process. It goes on with the next one, whatever became of the first order.",
    seconds: 240,
    acts: [
      ...position,
      [60, when("AddOrder", crash(3000), { side: "sell" })],
      [60, when("AmendOrder", crash(3000))],
      [61, { _tag: "Flatten", ms: 600_000 }],
      [62, enter()]
    ],
    expect: claims(({ bought, entries, sold }) => ({
      "what was bought was sold": quantityOf(sold) === quantityOf(bought) && sold.length > 0,
      "nothing was bought after it": entries.every(({ at }) => at < 61_000)
    }))
  })
]
