/** The fold and the store against a second ledger, by random commands; a failure shrinks to a list that can be read. */
import { FastCheck as fc } from "effect"
import { assert, describe, it } from "vitest"
import { tries } from "../support/fuzz.ts"
import { World } from "./World.ts"

type Nothing = Record<string, never>

/** A command that shows itself as it would be written, and after which everything is compared. */
class Do implements fc.Command<Nothing, World> {
  private readonly text: string
  private readonly act: (world: World) => void
  constructor(text: string, act: (world: World) => void) {
    this.text = text
    this.act = act
  }
  check(): boolean {
    return true
  }
  run(_: Nothing, world: World): void {
    this.act(world)
    world.compare()
  }
  toString(): string {
    return this.text
  }
}

const command = <A>(
  name: string,
  args: fc.Arbitrary<A>,
  act: (world: World, args: A) => void
): fc.Arbitrary<fc.Command<Nothing, World>> =>
  args.map((given) => new Do(`${name} ${JSON.stringify(given)}`, (world) => act(world, given)))

const n = fc.nat({ max: 50 })
const named = fc.boolean()
const tenths = fc.integer({ min: 1, max: 10 })

const signal = (world: World, ticks: number): void => {
  world.rig.after(1100)
  const limit = world.price / 10_000
  world.rig.signals = [
    {
      _tag: "Enter",
      limit,
      exit: { target: limit * 1.01, stop: limit * 0.99, holdFor: 60_000 * (1 + ticks) },
      reason: "test",
      features: { z: ticks }
    }
  ]
  world.quote()
}

const approve = (world: World, which: number): void => {
  const id = world.pick(world.proposals, which)
  if (id !== undefined) world.approve(id)
}

const accepted = "accepted" as const
const late = "late" as const
const arrived = "arrived" as const
const lost = "lost" as const
const rejected = "rejected" as const
const notSent = "notSent" as const
const outcomes = fc.constantFrom(accepted, accepted, accepted, late, arrived, lost, rejected, notSent)
const crash = "crash" as const
const amended = fc.constantFrom(accepted, accepted, arrived, lost, rejected, notSent, crash)

/** A signal that becomes an order, and executes in part or whole. */
const buy = (world: World, part: number): void => {
  signal(world, 5)
  approve(world, 0)
  const approved = world.pick(world.inFlight.values(), 0)
  if (approved !== undefined) world.outcome(approved, "accepted", part)
  const order = world.live.find(({ id }) => id === approved?.id)
  if (order !== undefined) world.execute(order, part, true)
}

/** Everything that rests for sale is sent, accepted and sold, and told at once. */
const sell = (world: World, part: number): void => {
  for (const id of world.proposals) world.approve(id)
  for (const approved of world.inFlight.values()) world.outcome(approved, "accepted", part)
  for (const order of world.live.filter(({ side }) => side === "sell")) world.execute(order, part, true)
  for (const report of world.reports.splice(0)) world.deliver(report)
}

const commands = [
  { weight: 4, arbitrary: command("sell", fc.constantFrom(3, 10, 10), sell) },
  { weight: 8, arbitrary: command("buy", tenths, buy) },
  { weight: 5, arbitrary: command("signal", n, signal) },
  {
    weight: 3,
    arbitrary: command("quote", fc.integer({ min: -9, max: 8 }), (world, step) => {
      world.price = Math.max(850, Math.min(1150, world.price + step))
      world.rig.after(1100)
      world.quote()
    })
  },
  {
    weight: 3,
    arbitrary: command("time passes", fc.constantFrom(100, 1000, 5000, 11_000, 61_000), (world, ms) => {
      world.rig.after(ms)
      world.send({ _tag: "Tick" })
    })
  },
  {
    weight: 1,
    arbitrary: command("a new day", fc.constantFrom(500, 90_000), (world, ms) => {
      world.rig.now = Math.floor(world.now / 86_400_000) * 86_400_000 + 86_400_000 + ms
      world.send({ _tag: "Tick" })
    })
  },
  { weight: 1, arbitrary: command("the day's mark", fc.constant(0), (world) => world.dayMark()) },
  { weight: 6, arbitrary: command("approve", n, approve) },
  {
    weight: 6,
    arbitrary: command("outcome", fc.tuple(n, outcomes, tenths), (world, [which, what, part]) => {
      const approved = world.pick(world.inFlight.values(), which)
      if (approved !== undefined) world.outcome(approved, what, part)
    })
  },
  {
    weight: 6,
    arbitrary: command("execute", fc.tuple(n, tenths, named), (world, [which, part, withId]) => {
      const order = world.pick(world.live, which)
      if (order !== undefined) world.execute(order, part, withId)
    })
  },
  {
    weight: 8,
    arbitrary: command("report", n, (world, which) => {
      const [report] = world.reports.splice(which % Math.max(world.reports.length, 1), 1)
      if (report !== undefined) world.deliver(report)
    })
  },
  {
    weight: 3,
    arbitrary: command("reports", fc.array(n, { maxLength: 8 }), (world, order) => {
      for (const which of order) {
        const [report] = world.reports.splice(which % Math.max(world.reports.length, 1), 1)
        if (report !== undefined) world.deliver(report)
      }
    })
  },
  { weight: 2, arbitrary: command("a report again", n, (world, which) => world.again(which)) },
  {
    weight: 4,
    arbitrary: command("answer", n, (world, which) => {
      const [answer] = world.answers.splice(which % Math.max(world.answers.length, 1), 1)
      answer?.give()
    })
  },
  {
    weight: 2,
    arbitrary: command("settle", n, (world, which) => {
      const id = world.pick(world.unknown, which)
      if (id !== undefined) world.settle(id)
    })
  },
  {
    weight: 3,
    arbitrary: command("cancel", fc.tuple(n, named), (world, [which, withId]) => {
      const id = world.pick(world.cancels, which)
      if (id !== undefined) world.honour(id, withId)
    })
  },
  {
    weight: 2,
    arbitrary: command(
      "the exchange ends",
      fc.tuple(n, named, fc.constantFrom("cancelled" as const, "expired" as const)),
      (world, [which, withId, end]) => {
        const order = world.pick(world.live, which)
        if (order !== undefined) world.finish(order, end, withId)
      }
    )
  },
  {
    weight: 3,
    arbitrary: command("amend", fc.tuple(n, amended), (world, [which, what]) => world.amend(which, what))
  },
  {
    weight: 1,
    arbitrary: command("disconnect", fc.boolean(), (world, gap) => {
      world.privateUp = false
      world.send(gap ? { _tag: "PrivateGap", reason: "a gap" } : { _tag: "PrivateDown", reason: "closed" })
    })
  },
  {
    weight: 2,
    arbitrary: command("connect", fc.constant(0), (world) => (world.privateUp ? undefined : world.reconnect()))
  },
  { weight: 1, arbitrary: command("open orders", fc.constant(0), (world) => world.openOrders()) },
  { weight: 3, arbitrary: command("reconciled", fc.constant(0), (world) => world.reconciled()) },
  {
    weight: 1,
    arbitrary: command("market data", fc.boolean(), (world, up) => {
      world.publicUp = up
      world.send(up ? { _tag: "PublicUp" } : { _tag: "PublicDown", reason: "closed" })
    })
  },
  {
    weight: 1,
    arbitrary: command("pause", fc.tuple(fc.boolean(), fc.boolean()), (world, [paused, later]) =>
      world.fence({ paused }, later)
    )
  },
  {
    weight: 1,
    arbitrary: command("trip", fc.boolean(), (world, trip) => {
      world.latched = trip
      world.send(
        trip
          ? { _tag: "Tripped", cause: "operator", reason: "by hand" }
          : { _tag: "Reset", cause: "operator", reason: "by hand" }
      )
    })
  },
  {
    weight: 1,
    arbitrary: command("reset all", fc.integer({ min: 0, max: 60 }), (world, recovery) => {
      if (recovery > 0) {
        world.price = Math.min(1150, world.price + recovery)
        world.quote()
      }
      world.latched = false
      world.send({ _tag: "Reset", cause: undefined, reason: "by hand" })
    })
  },
  {
    weight: 1,
    arbitrary: command("deposit", fc.integer({ min: 1, max: 500 }), (world, dollars) => {
      world.deposit(BigInt(dollars) * 10n ** 12n)
    })
  },
  {
    weight: 2,
    arbitrary: command("balances", fc.constant(0), (world) => {
      if (world.reports.length === 0 && world.answers.length === 0) world.balances()
    })
  },
  { weight: 2, arbitrary: command("restart", fc.boolean(), (world, arrived) => world.restart(arrived)) }
]

describe("the engine and its store", () => {
  it("keep the books that a second ledger keeps, whatever comes in whatever order", async () => {
    const runs = fc.commands(
      commands.flatMap(({ arbitrary, weight }) => Array.from({ length: weight }, () => arbitrary)),
      { size: "max", maxCommands: 100 }
    )
    let [orders, executions] = [0, 0]
    await fc.assert(
      fc.asyncProperty(runs, fc.array(n, { minLength: 1, maxLength: 8 }), async (all, order) => {
        const world = new World()
        try {
          fc.modelRun(() => ({ model: {}, real: world }), all)
          world.conclude(order)
          orders += world.placed.size
          executions += world.executed.length
        } finally {
          await world.close()
        }
      }),
      { ...tries(150), interruptAfterTimeLimit: 1_800_000 }
    )
    assert.isAbove(orders, 0, "nothing was ever placed")
    assert.isAbove(executions, 0, "nothing was ever executed")
  }, 1_900_000)
})
