/** The trader frozen for longer than its dead man's switch, cancelled from outside meanwhile, and awake again. */
import { eventually } from "../../e2e/program.ts"
import { own } from "../view.ts"
import type { View } from "../view.ts"
import type { LiveWorld } from "../World.ts"
import { LONG_MS, pause, sellable } from "../World.ts"

/** DEAD_MAN_SWITCH of the settings, and what a refresh that had just been made adds to it. */
const SWITCH_MS = 30_000
const QUIET_MS = 6000

const buysSince = (view: View, at: number): ReadonlyArray<string> =>
  own(view.orders)
    .filter((order) => order.side === "buy" && order.openedAt > at)
    .map((order) => order.clOrdId ?? order.txid)

export const frozen = async (world: LiveWorld): Promise<void> => {
  const { expect, operate, random, view } = world
  const trader = world.start()
  await world.trading()
  const stopFilling = world.fillOrders()
  // something held, so that an exit rests that the switch takes away
  await eventually(view, ({ open }) => own(open).some((order) => order.side === "sell"), LONG_MS)
  await pause(random.between(0, 2000))
  await stopFilling()
  // in some rounds an entry is on its way as the trader freezes: it arrives behind the trader's back
  const sending = random.next() < 0.4
  if (sending) {
    const effect = { kind: "delay", realMs: 3000, executed: false }
    const { id } = (await operate("fault", { on: "rest", endpoint: "AddOrder", times: 1, effect })) as {
      readonly id: number
    }
    const struck = eventually(
      async () => (await world.exchange.operate("faults")) as ReadonlyArray<{ readonly id: number; struck: number }>,
      (faults) => faults.some((fault) => fault.id === id && fault.struck > 0),
      20_000
    )
    await struck.catch(() => world.say("nothing was sent while a send was waited for"))
  }
  trader.process.kill("SIGSTOP")
  const stoppedAt = Date.now()
  world.say("frozen")

  const early = random.next() < 0.5
  const switchFires = async (): Promise<void> => {
    await eventually(view, (now) => now.switchAt === undefined, SWITCH_MS + 10_000)
    const { open } = await view()
    world.say(`the switch has fired ${((Date.now() - stoppedAt) / 1000).toFixed(1)} s after the freeze`)
    expect(own(open).length === 0, "the dead man's switch has fired and orders of the trader's are open")
  }
  const cancelAll = async (): Promise<void> => {
    const cancelled = await world.command("cancel", "--all")
    expect(cancelled.code === 0, `cancel --all of a frozen trader ended with ${cancelled.code}: ${cancelled.error}`)
    expect(cancelled.error.includes("does not answer"), "cancel --all does not say that the trader does not answer")
    expect(cancelled.out.includes("Verified"), "cancel --all does not say that it looked again")
    const { open } = await view()
    expect(own(open).length === 0, "orders are open after cancel --all")
  }
  if (!early) await switchFires()
  await cancelAll()
  const fencedAt = (await view()).now
  if (early) await switchFires()
  await pause(random.between(500, 3000))

  trader.process.kill("SIGCONT")
  world.say("awake")
  // the latch holds: the exit comes back, no entry does
  await eventually(
    world.status,
    (now) => now !== undefined && now.reasons.some((reason) => reason.includes("breaker operator")),
    LONG_MS
  )
  await pause(QUIET_MS)
  await eventually(
    async () => ({ status: await world.status(), account: await view() }),
    ({ account, status }) =>
      status !== undefined &&
      (sellable(status) === 0 || own(account.open).some((order) => order.side === "sell") || sold(account)),
    LONG_MS
  )
  const latched = await world.status()
  expect(latched?.state === "not-entering", `${latched?.state} although the latch of the operator's holds`)
  for (const id of buysSince(await view(), fencedAt)) expect(false, `I7: the entry ${id} came after cancel --all`)
  const { requests } = await view()
  world.say(`${requests.filter((one) => one.at > fencedAt && one.endpoint === "AddOrder").length} orders since`)

  const reset = await world.command("breaker", "reset", "--cause", "operator")
  expect(reset.code === 0, `breaker reset ended with ${reset.code}: ${reset.error}`)
  await world.trading()
}

/** Whether the newest order is a sale: what is held is being sold although nothing rests at this instant. */
const sold = ({ orders }: View): boolean => own(orders).at(-1)?.side === "sell"
