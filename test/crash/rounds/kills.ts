/** SIGKILL at any moment under load, again and again, with whatever faults the exchange offers. */
import { eventually } from "../../e2e/program.ts"
import type { LiveWorld } from "../World.ts"
import { pause } from "../World.ts"

/** Faults that leave outcomes open; each costs a minute of settling at most. */
const hard = [
  { on: "rest", endpoint: "AddOrder", probability: 0.15, effect: { kind: "drop", executed: true } },
  { on: "rest", endpoint: "AddOrder", probability: 0.1, effect: { kind: "status", status: 520, executed: true } },
  { on: "rest", endpoint: "AddOrder", probability: 0.1, effect: { kind: "cut", executed: false } },
  { on: "rest", endpoint: "CancelOrder", probability: 0.2, effect: { kind: "drop", executed: true } },
  { on: "rest", probability: 0.05, effect: { kind: "status", status: 503, executed: false } },
  { on: "rest", endpoint: "AmendOrder", probability: 0.2, effect: { kind: "cut", executed: true } },
  { on: "stream", stream: "auth", probability: 0.03, effect: { kind: "close", code: 1006 } }
]
/** Faults that only make it slow and untidy. */
const soft = [
  { on: "rest", probability: 0.3, effect: { kind: "delay", realMs: 250, executed: true } },
  { on: "rest", endpoint: "AddOrder", probability: 0.5, effect: { kind: "delay", realMs: 400, executed: false } },
  { on: "stream", stream: "auth", probability: 0.1, effect: { kind: "duplicate" } },
  { on: "stream", stream: "auth", probability: 0.1, effect: { kind: "reorder" } },
  { on: "stream", stream: "auth", probability: 0.1, effect: { kind: "delay", realMs: 300 } }
]

interface Armed {
  readonly id: number
  readonly struck: number
}

/** How long an order is waited for that the other faults leave alone. */
const SENDING_MS = 20_000

/** Waits until an order is on its way, if one comes: the exchange holds its answer, or the request itself. */
const untilSending = async (world: LiveWorld): Promise<void> => {
  const executed = world.random.next() < 0.5
  const { id } = (await world.operate("fault", {
    on: "rest",
    endpoint: "AddOrder",
    times: 1,
    effect: { kind: "delay", realMs: 1500, executed }
  })) as { readonly id: number }
  await eventually(
    async () => (await world.exchange.operate("faults")) as ReadonlyArray<Armed>,
    (faults) => faults.some((fault) => fault.id === id && fault.struck > 0),
    SENDING_MS
  ).catch(() => world.say("nothing was sent while a send was waited for"))
}

export const kills = async (world: LiveWorld, times: number, faults: boolean): Promise<void> => {
  const { random } = world
  const stopFilling = world.fillOrders()
  let trader = world.start()
  await world.trading()
  if (faults) {
    for (const fault of [...hard, ...soft]) if (random.next() < 0.4) await world.operate("fault", fault)
    await world.operate("switch", { name: "restLagMs", value: Math.floor(random.between(0, 1500)) })
    await world.operate("switch", { name: "reportLagMs", value: Math.floor(random.between(0, 800)) })
  }
  for (let n = 0; n < times; n += 1) {
    const way = random.next()
    // some die while they start
    if (n > 0 && way < 0.25) await pause(random.between(300, 3000))
    else {
      await world.trading()
      await pause(random.between(500, 6000))
      if (way > 0.6) await untilSending(world)
    }
    trader.process.kill("SIGKILL")
    await trader.ended
    if (random.next() < 0.5) await pause(random.between(0, 2500))
    trader = world.start()
  }
  if (faults) {
    await world.operate("clear")
    await world.operate("switch", { name: "restLagMs", value: 0 })
    await world.operate("switch", { name: "reportLagMs", value: 0 })
  }
  await world.trading()
  await pause(random.between(1000, 4000))
  await world.trading()
  await stopFilling()
}
