/** Stories of what is heard: streams that lie, fall silent, repeat themselves, and reads that lag behind. */
import { claims, enter, filled, frames, jump, lost, position, refused, scenario, wasLatched, when } from "./Scenario.ts"
import type { Scenario } from "./Scenario.ts"

export const streams: ReadonlyArray<Scenario> = [
  scenario({
    name: "dead-channel-with-heartbeats",
    why: "The stream was dead but open, for hours: fills were missed. The periodic reconciliation finds them and subscribes anew.",
    seconds: 170,
    acts: [
      [1, enter()],
      [
        55,
        {
          _tag: "Fault",
          fault: { on: "stream", stream: "auth", effect: { kind: "silence", heartbeats: true } },
          armedMs: 100_000
        }
      ],
      [60, filled("buy")]
    ],
    expect: claims(({ bought, exits }) => ({ "bought, and its exit placed": bought.length === 1 && exits.length > 0 }))
  }),
  scenario({
    name: "silent-without-heartbeats",
    why: "A stream without heartbeats was waited for. It is given up, and entries wait for the next.",
    seconds: 150,
    acts: [
      [1, enter()],
      [55, { _tag: "Fault", fault: { on: "stream", effect: { kind: "silence", heartbeats: false } }, armedMs: 40_000 }],
      [60, filled("buy")]
    ],
    expect: claims(({ bought, exits }) => ({ "bought, and its exit placed": bought.length === 1 && exits.length > 0 }))
  }),
  scenario({
    name: "quiet-market",
    why: "A time-out around the message loop killed a healthy loop every thirty seconds. A quiet market is not a stale one.",
    seconds: 170,
    acts: [
      [1, enter()],
      [60, { _tag: "Quiet", ms: 90_000 }],
      [70, filled("buy")]
    ],
    expect: claims((told) => ({
      "no stream was lost": told.outcome.requests.get("GetWebSocketsToken") === 1,
      "nothing was latched": told.outcome.latches.length === 0,
      bought: told.bought.length === 1
    }))
  }),
  scenario({
    name: "no-data-is-no-signal",
    why: "Missing data was filled with a flat series; the indicator read it as an extreme. Nothing is decided on what is not there.",
    seconds: 130,
    acts: [
      [50, { _tag: "NetworkDown", ms: 40_000 }],
      [55, enter()],
      [90, refused("OHLC", "EService:Unavailable", 2)]
    ],
    expect: claims((told) => ({
      "nothing was bought in the dark": told.entries.every(({ at }) => at > 90_000),
      "the silence was told": wasLatched(told, "stale")
    }))
  }),
  scenario({
    name: "reports-repeated-at-reconnect",
    why: "Snapshots at every reconnect told of old fills again, and they were booked again. A fill is booked by its id.",
    seconds: 140,
    acts: [
      ...position,
      [62, { _tag: "Disconnect", stream: "auth", code: 1006 }],
      [64, filled("sell", 40)],
      [73, { _tag: "Disconnect", stream: "both", code: 1001 }],
      [100, { _tag: "Disconnect", stream: "auth", code: 1013 }]
    ],
    expect: claims(({ bought, exits, sold }) => ({
      "bought once, sold in part": bought.length === 1 && sold.length === 1,
      "the rest is on sale": exits.some(({ endedAt }) => endedAt === undefined)
    }))
  }),
  scenario({
    name: "frames-out-of-order",
    why: "A repeated, overtaken or corrupted report was booked, or ended the fiber. Reports may come in any order.",
    seconds: 130,
    acts: [
      ...position,
      [55, frames("executions", { kind: "reorder" })],
      [56, filled("sell", 20)],
      [60, filled("sell", 20)],
      [64, frames("executions", { kind: "duplicate" }, 2)],
      [65, filled("sell", 20)],
      [75, frames("executions", { kind: "corrupt" })],
      [76, filled("sell", 20)],
      [90, frames("executions", { kind: "garbage" }, 2)],
      [91, filled("sell", 20)]
    ],
    expect: claims(({ bought, exits, sold }) => ({
      "bought once, sold in five parts": bought.length === 1 && sold.length === 5,
      "the rest is on sale": exits.some(({ endedAt }) => endedAt === undefined)
    }))
  }),
  scenario({
    name: "report-lost",
    why: "One report was lost and the sequence went on. The gap is seen and the account read anew.",
    seconds: 140,
    acts: [
      [1, enter()],
      [55, frames("executions", { kind: "drop" })],
      [58, filled("buy", 40)],
      [62, filled("buy")]
    ],
    expect: claims(({ bought, exits }) => ({ "bought in two parts": bought.length === 2, exit: exits.length > 0 }))
  }),
  scenario({
    name: "token-expired",
    why: "The stream's token had expired, and the trader subscribed with it for ever. It asks for another.",
    seconds: 120,
    acts: [
      ...position,
      [58, { _tag: "Tokens" }],
      [58.2, { _tag: "Disconnect", stream: "auth", code: 1000 }],
      [60, filled("sell", 50)]
    ],
    expect: claims(({ outcome, sold }) => ({
      "another token was asked for": (outcome.requests.get("GetWebSocketsToken") ?? 0) > 1,
      "sold in part": sold.length === 1
    }))
  }),
  scenario({
    name: "values-nobody-knows",
    why: "A new kind of report and new fields ended the stream's fiber. They are counted, told, and the account is read instead.",
    seconds: 130,
    acts: [
      ...position,
      [
        50,
        {
          _tag: "Rewrite",
          on: "executions",
          find: '"exec_type":"trade"',
          put: '"exec_type":"traded_v9","novel":{"a":[1]}',
          times: 1
        }
      ],
      [
        50,
        { _tag: "Rewrite", on: "OpenOrders", find: '"status":"open"', put: '"status":"open","novel":[null]', times: 2 }
      ],
      [50, { _tag: "Rewrite", on: "ticker", find: '"symbol"', put: '"novel":{"c":2},"symbol"', times: 5 }],
      [58, filled("sell", 40)],
      [80, filled("sell", 40)]
    ],
    expect: claims(({ exits, sold }) => ({
      "sold in two parts": sold.length === 2,
      "the rest is on sale": exits.some(({ endedAt }) => endedAt === undefined)
    }))
  }),
  scenario({
    name: "order-status-nobody-knows",
    why: "An unknown order status was read as an end. It is read again until it says something known.",
    seconds: 150,
    acts: [
      [1, enter()],
      [
        50,
        {
          _tag: "Rewrite",
          on: "executions",
          find: '"order_status":"new"',
          put: '"order_status":"resting_v2"',
          times: 2
        }
      ],
      [50, { _tag: "Rewrite", on: "OpenOrders", find: '"status":"open"', put: '"status":"resting_v2"', times: 1 }],
      [70, filled("buy")]
    ],
    expect: claims(({ bought, exits }) => ({ bought: bought.length === 1, exit: exits.length > 0 }))
  }),
  scenario({
    name: "history-moves-while-it-is-read",
    why: "A fill came in between two pages of the history, and one row was counted twice or never. Rows are matched by id.",
    seconds: 130,
    acts: [
      ...position,
      [60, { _tag: "Disconnect", stream: "auth", code: 1006 }],
      [60, when("TradesHistory", filled("sell", 30))],
      [60, when("OpenOrders", filled("sell", 30), { skip: 1 })]
    ],
    expect: claims(({ exits, sold }) => ({
      "sold in two parts": sold.length === 2,
      "the rest is on sale": exits.some(({ endedAt }) => endedAt === undefined)
    }))
  }),
  scenario({
    name: "rest-a-minute-behind",
    why: "REST was a minute behind: an order that rested was settled as never arrived, and bought again. Proof takes longer than the lag.",
    seconds: 220,
    acts: [
      [1, enter()],
      [35, { _tag: "Switches", change: { restLagMs: 60_000 }, ms: 150_000 }],
      [
        35,
        {
          _tag: "Fault",
          fault: { on: "stream", channel: "executions", times: 2, effect: { kind: "drop" } },
          armedMs: 60_000
        }
      ],
      [40, lost("AddOrder", true)]
    ],
    expect: claims(({ entries }) => ({
      "one at a time": entries.every((e, i) => i === 0 || (entries[i - 1]?.endedAt ?? Infinity) <= e.at)
    }))
  }),
  scenario({
    name: "crossed-quotes",
    why: "A crossed quote was a bargain to the indicator. It is no quote.",
    seconds: 110,
    acts: [
      [45, { _tag: "Crossed", ms: 40_000 }],
      [46, enter()]
    ],
    expect: claims(({ entries }) => ({
      "nothing was bought on crossed quotes": entries.every(({ at }) => at > 84_000)
    }))
  }),
  scenario({
    name: "rate-limited",
    why: "A rate-limit answer was retried at once, and the lock-out grew. Everything is quiet for as long as the counters need.",
    seconds: 190,
    acts: [
      [1, enter()],
      [35, refused("AddOrder", "EOrder:Rate limit exceeded")],
      [60, refused("OpenOrders", "EAPI:Rate limit exceeded")]
    ],
    expect: claims((told) => ({
      "it entered later": told.entries.length === 1,
      "it was no failure that called a person": !wasLatched(told, "invariant")
    }))
  }),
  scenario({
    name: "post-only-on-every-path",
    why: "The fallback path dropped post-only and the stop. With the account's stream gone, whatever is sent keeps both.",
    seconds: 170,
    acts: [
      [1, enter()],
      [1, filled("buy")],
      [72, { _tag: "Disconnect", stream: "auth", code: 1008 }],
      [
        72.5,
        {
          _tag: "Fault",
          fault: {
            on: "rest",
            endpoint: "GetWebSocketsToken",
            effect: { kind: "error", error: "EService:Unavailable", executed: false }
          },
          armedMs: 60_000
        }
      ],
      [75, enter()],
      [80, jump(-3)]
    ],
    expect: claims(({ bought, entries, sold }) => ({
      "entries are post-only": entries.every(({ postOnly }) => postOnly),
      "sold without the stream": bought.length > 0 && sold.length > 0
    }))
  })
]
