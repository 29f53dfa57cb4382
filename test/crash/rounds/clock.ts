/**
 * The exchange's clock jumps ahead of the machine's by more than MAX_CLOCK_SKEW, while the trader runs and before it starts,
 * and comes back: its market time stands still until the machine's has caught up.
 */
import { eventually } from "../../e2e/program.ts"
import { own } from "../view.ts"
import type { LiveWorld } from "../World.ts"
import { LONG_MS, pause, sellable } from "../World.ts"

export const clock = async (world: LiveWorld): Promise<void> => {
  const { expect, operate, random, view } = world
  const trader = world.start()
  await world.trading()
  const stopFilling = world.fillOrders()
  await eventually(view, ({ open }) => own(open).some((order) => order.side === "sell"), LONG_MS)
  const jumpMs = Math.round(random.between(8000, 20_000))
  await operate("advance", { ms: jumpMs })
  await eventually(world.status, (now) => now !== undefined && now.reasons.join().includes("clock"), LONG_MS).catch(
    async () => expect(false, `no word about the clock: ${JSON.stringify((await world.status())?.reasons)}`)
  )
  world.say("the skew is seen")
  const seenAt = (await view()).now
  await pause(random.between(4000, 8000))
  const entries = own((await view()).orders).filter((order) => order.side === "buy" && order.openedAt > seenAt)
  for (const { clOrdId } of entries) expect(false, `the entry ${clOrdId} came while the clocks were apart`)
  // what is held goes on being sold
  const latest = await view()
  const status = await world.status()
  const held = status === undefined ? 0 : sellable(status)
  const exits = own(latest.orders).filter((order) => order.side === "sell" && order.openedAt > seenAt)
  // An exit that was on its way as the clock jumped is past its deadline: its outcome is unknown, and its lot waits for proof.
  const unknown = status?.unknownOrders.length ?? 0
  world.say(`${exits.length} exits while the clocks were apart, ${held} lots to sell, ${unknown} orders unknown`)
  expect(
    held <= unknown || exits.length > 0 || own(latest.open).some((order) => order.side === "sell"),
    "nothing sells what is held while the clocks are apart"
  )

  // killed now, it does not start again while they are
  const restarts = random.next() < 0.5
  if (restarts) {
    trader.process.kill("SIGKILL")
    await trader.ended
    const again = world.start()
    // while lots are held it starts for their exits alone; else it is refused
    const first = await Promise.race([again.ended, eventually(world.status, (now) => now !== undefined, LONG_MS)])
    if (first !== undefined && "code" in first) {
      expect(first.code === 71, `started with clocks apart it ended with ${first.code}: ${first.error}`)
    } else {
      expect(first?.state !== "trading", "started with clocks apart it enters")
      again.process.kill("SIGKILL")
      await again.ended
    }
  }
  await operate("pause")
  await eventually(view, ({ now }) => Date.now() >= now, LONG_MS)
  await operate("resume")
  if (restarts) world.start()
  await world.trading()
  const count = own((await view()).orders).length
  await eventually(view, ({ orders }) => own(orders).length > count, LONG_MS)
  await stopFilling()
}
