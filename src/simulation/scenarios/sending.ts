/** Stories of an order on its way: what becomes of an AddOrder whose answer does not come, lies, or is overtaken. */
import {
  claims,
  crash,
  enter,
  filled,
  frames,
  jump,
  lost,
  refused,
  rest,
  scenario,
  stop,
  wasLatched,
  when,
  whenDone
} from "./Scenario.ts"
import type { Scenario, Told } from "./Scenario.ts"

/** After the checks of the start, which try an order without placing it, and before the first entry. */
const ARMED = 35

/** The answer tells first: a report that overtook it would say that the order rests, and nothing would be unknown. */
const answerFirst = frames("executions", { kind: "delay", realMs: 2000 })

const once = ({ entries }: Told): boolean => entries.length === 1
const unknownTold = ({ outcome }: Told): boolean => outcome.alerts.some((alert) => alert.kind === "order.unknown")
/** Every order to buy that the exchange took is gone or filled before the next one came. */
const oneAtATime = ({ entries }: Told): boolean =>
  entries.every(({ endedAt }, i) => {
    const next = entries[i + 1]
    return next === undefined || (endedAt !== undefined && endedAt <= next.at)
  })

export const sending: ReadonlyArray<Scenario> = [
  scenario({
    name: "reply-lost-order-taken",
    why: "An AddOrder timed out and was sent again: two orders. It stays one, which is found, cancelled and booked.",
    seconds: 120,
    acts: [
      [1, enter()],
      [ARMED, lost("AddOrder", true)],
      [ARMED, answerFirst]
    ],
    expect: claims((told) => ({
      "the exchange took one order": once(told),
      "it was told to be unknown": unknownTold(told),
      "it was taken back": told.entries[0]?.status === "canceled"
    }))
  }),
  scenario({
    name: "order-lost-on-the-way",
    why: "An order that never arrived was taken for placed, or sent again blindly. It is settled by proof; then a new one may follow.",
    seconds: 180,
    acts: [
      [1, enter()],
      [ARMED, lost("AddOrder", false)]
    ],
    expect: claims((told) => ({
      "it was told to be unknown": unknownTold(told),
      "the next order came a minute after the deadline of the lost one": told.entries.every(({ at }) => at > 115_000),
      "the next order came": once(told)
    }))
  }),
  scenario({
    name: "reply-lost-order-filled",
    why: "An order of unknown outcome filled and nobody knew. Its fill is booked and its exit placed.",
    seconds: 110,
    acts: [
      [1, enter()],
      [ARMED, lost("AddOrder", true)],
      [ARMED, whenDone("AddOrder", filled("buy"), { side: "buy" })]
    ],
    expect: claims((told) => ({
      "the exchange took one order": once(told),
      "it filled": told.entries[0]?.status === "closed",
      "its exit rests": told.exits.length > 0
    }))
  }),
  scenario({
    name: "gateway-pages",
    why: "A gateway's error page counted as a rejection, although the order was on the book. It counts as unknown.",
    seconds: 150,
    acts: [
      [1, enter()],
      [ARMED, rest("AddOrder", { kind: "status", status: 520, executed: true })],
      [ARMED, rest("CancelOrder", { kind: "status", status: 502, executed: false }, 2)],
      [ARMED, rest("OpenOrders", { kind: "status", status: 503, executed: false }, 2)],
      [ARMED, answerFirst]
    ],
    expect: claims((told) => ({ "the exchange took one order": once(told), unknown: unknownTold(told) }))
  }),
  scenario({
    name: "refused-again-and-again",
    why: "AddOrder was retried five times without a client id. Each refusal ends its order; five of them latch; no id comes twice.",
    seconds: 150,
    acts: [
      [1, enter()],
      [ARMED, refused("AddOrder", "EOrder:Invalid price", 5)]
    ],
    expect: claims((told) => ({
      "the breaker latched for orders": wasLatched(told, "orders"),
      "no order was placed before it was looked into": told.entries.every(({ at }) => at > 90_000)
    }))
  }),
  scenario({
    name: "empty-result",
    why: "An empty result object was counted as one order. It is no answer: the order is unknown until it is found.",
    seconds: 110,
    acts: [
      [1, enter()],
      [ARMED, { _tag: "Rewrite", on: "AddOrder", put: '{"error":[],"result":{}}', times: 1 }]
    ],
    expect: claims((told) => ({
      "the exchange took one order": once(told),
      "it did not stay unknown": told.entries[0]?.endedAt !== undefined || told.outcome.alerts.length === 0
    }))
  }),
  scenario({
    name: "error-nobody-knows",
    why: "An unknown error text was read as a rejection while the order rested. It counts as unknown.",
    seconds: 110,
    acts: [
      [1, enter()],
      [ARMED, rest("AddOrder", { kind: "error", error: "EFuture:Something nobody has seen", executed: true })],
      [ARMED, answerFirst]
    ],
    expect: claims((told) => ({ "the exchange took one order": once(told), unknown: unknownTold(told) }))
  }),
  scenario({
    name: "reply-a-minute-late",
    why: "A reply after sixty seconds found nobody waiting: the order was orphaned. Its report says long before that it rests.",
    seconds: 140,
    acts: [
      [1, enter()],
      [ARMED, rest("AddOrder", { kind: "delay", realMs: 60_000, executed: true })]
    ],
    expect: claims((told) => ({
      "one at a time": oneAtATime(told),
      "it is known, and nobody is called": once(told) && !unknownTold(told)
    }))
  }),
  scenario({
    name: "late-at-the-engine",
    why: "A delayed order came onto the book long after it was decided. Its deadline keeps it off.",
    seconds: 180,
    acts: [
      [1, enter()],
      [ARMED, rest("AddOrder", { kind: "delay", realMs: 20_000, executed: false })]
    ],
    expect: claims((told) => ({
      "what was late was not taken": told.entries.every(({ at }) => at > 100_000),
      "it was told to be unknown": unknownTold(told)
    }))
  }),
  scenario({
    name: "execution-before-reply",
    why: "A fill was reported before the answer to its order: foreign, it was said, and not booked. It is booked once.",
    seconds: 100,
    acts: [
      [1, enter()],
      [ARMED, { _tag: "Switches", change: { ackFirst: false }, ms: 60_000 }],
      [ARMED, rest("AddOrder", { kind: "delay", realMs: 4000, executed: true })],
      [ARMED, whenDone("AddOrder", filled("buy"), { side: "buy" })]
    ],
    expect: claims((told) => ({
      "filled before the answer": told.bought.length === 1 && once(told),
      "its exit was placed within seconds": (told.exits[0]?.at ?? Infinity) < (told.bought[0]?.at ?? 0) + 8000
    }))
  }),
  scenario({
    name: "market-falls-under-a-post-only-buy",
    why: "A buy above the ask crossed the book and paid the taker fee. Post-only, it is refused and quoted anew.",
    seconds: 90,
    acts: [
      [1, enter()],
      [1, when("AddOrder", jump(-1), { side: "buy" })]
    ],
    expect: claims((told) => ({
      "quoted anew, lower": told.entries.length >= 1 && told.entries.every(({ price }) => price < 99_500_000_000n),
      "nothing was taken": told.bought.every(({ maker }) => maker),
      "no failure of the system": !wasLatched(told, "orders")
    }))
  }),
  scenario({
    name: "post-only-taken-then-cancelled",
    why: "A post-only order was accepted and then cancelled by the exchange, and the trader kept it open. It ends unfilled.",
    seconds: 100,
    acts: [
      [1, enter()],
      [1, { _tag: "Switches", change: { postOnlyCross: "cancel" }, ms: 120_000 }],
      [1, when("AddOrder", jump(-1), { side: "buy" })]
    ],
    expect: claims((told) => ({
      "accepted, then ended": told.entries[0]?.status === "canceled" && told.entries[0].filled === 0n,
      "nothing was taken": told.bought.every(({ maker }) => maker)
    }))
  }),
  scenario({
    name: "post-only-refused-in-a-loop",
    why: "Post-only refusals were answered with a new order each time, without end. Attempts are apart, and no failure of the system.",
    seconds: 150,
    acts: [
      [1, enter()],
      [ARMED, refused("AddOrder", "EOrder:Post only order", 100)]
    ],
    expect: claims((told) => ({
      "nothing was placed": told.entries.length === 0,
      "ten seconds lie between two tries": (told.outcome.requests.get("AddOrder") ?? 0) <= 26,
      "no failure of the system": !wasLatched(told, "orders")
    }))
  }),
  scenario({
    name: "stop-during-a-send",
    why: "Orders were placed after the stop. What was under way is taken back, the switch disarmed, and nothing follows.",
    seconds: 110,
    acts: [
      [1, enter()],
      [1, when("AddOrder", stop(20_000), { side: "buy" })]
    ],
    expect: claims(({ entries, outcome }) => ({
      "it stopped, and nothing is left to the switch": outcome.ends[0]?.word === "stopped" && !outcome.ends[0].armed,
      "nothing of it rested when it had ended": entries.every(
        ({ at, endedAt }) => at > (outcome.ends[0]?.at ?? 0) || (endedAt ?? Infinity) <= (outcome.ends[0]?.at ?? 0)
      )
    }))
  }),
  scenario({
    name: "pause-during-a-send",
    why: "A pause overtook an order that was on its way, which then rested all the same. It is taken back at once.",
    seconds: 110,
    acts: [
      [1, enter()],
      [1, when("AddOrder", { _tag: "Pause", ms: 30_000 }, { side: "buy" })]
    ],
    expect: claims(({ entries }) => ({
      "taken back within seconds": (entries[0]?.endedAt ?? Infinity) < (entries[0]?.at ?? 0) + 5000,
      "nothing followed during the pause": entries.slice(1).every(({ at }) => at > (entries[0]?.at ?? 0) + 29_000)
    }))
  }),
  scenario({
    name: "killed-in-a-send",
    why: "A kill between request and answer: the restart knew nothing of the order and entered again. It is found and taken back first.",
    seconds: 130,
    acts: [
      [1, enter()],
      [1, whenDone("AddOrder", crash(), { side: "buy" })]
    ],
    expect: claims((told) => ({
      "one at a time": oneAtATime(told),
      "the first was looked up":
        (told.outcome.requests.get("CancelOrder") ?? 0) > 0 && told.entries[0]?.status === "canceled"
    }))
  }),
  scenario({
    name: "killed-before-it-arrived",
    why: "A kill before the request reached the exchange: the intent is on disk, the order may or may not be. It is settled, never repeated.",
    seconds: 200,
    acts: [
      [1, enter()],
      [ARMED, lost("AddOrder", false)],
      [
        ARMED + 1,
        {
          _tag: "Fault",
          fault: { on: "rest", endpoint: "OpenOrders", times: 2, effect: { kind: "drop", executed: true } },
          armedMs: 60_000
        }
      ],
      [55, crash()]
    ],
    expect: claims((told) => ({
      "one at a time": oneAtATime(told),
      "nobody was called twice": told.entries.length <= 1
    }))
  }),
  scenario({
    name: "clock-set-during-a-send",
    why: "The clock was set while a request was under way: nonces fell behind and the key was locked. They only rise.",
    seconds: 120,
    acts: [
      [1, enter()],
      [1, when("AddOrder", { _tag: "ClockStep", deltaMs: -3_600_000, ms: 40_000 }, { side: "buy" })]
    ],
    expect: claims((told) => ({
      "one at a time": oneAtATime(told),
      "no nonce was refused twice": !wasLatched(told, "invariant")
    }))
  })
]
