/** The exchange goes away: frozen, refusing connections, cutting every socket; the trader may be killed meanwhile. */
import type { LiveWorld } from "../World.ts"
import { pause } from "../World.ts"

export const outage = async (world: LiveWorld): Promise<void> => {
  const { exchange, operate, random } = world
  let trader = world.start()
  await world.trading()
  const stopFilling = world.fillOrders()
  const times = 2 + Math.floor(random.next() * 3)
  for (let n = 0; n < times; n += 1) {
    await pause(random.between(1000, 5000))
    const way = random.next()
    const ms = Math.round(random.between(1000, 9000))
    if (way < 0.35) {
      exchange.running.process.kill("SIGSTOP")
      world.say(`the exchange is frozen for ${ms} ms`)
      if (random.next() < 0.4) {
        await pause(ms / 2)
        trader.process.kill("SIGKILL")
        await trader.ended
        trader = world.start()
      }
      await pause(ms)
      exchange.running.process.kill("SIGCONT")
    } else if (way < 0.7) {
      await operate("fault", { on: "rest", times: 1, effect: { kind: "refuse", realMs: ms } })
      await pause(ms + 500)
    } else await operate("disconnect", { stream: random.next() < 0.5 ? "auth" : "both", code: 1006 })
    if (random.next() < 0.6) await world.trading()
  }
  await operate("clear")
  await world.trading()
  await pause(random.between(1000, 4000))
  await world.trading()
  await stopFilling()
}
