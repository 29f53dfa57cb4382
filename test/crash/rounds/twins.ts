/** A second trader on the same folder, and one on another folder with the same key: refused, the first one undisturbed. */
import { join } from "node:path"
import { rested } from "../../e2e/live.ts"
import { eventually } from "../../e2e/program.ts"
import { own } from "../view.ts"
import type { View } from "../view.ts"
import type { LiveWorld } from "../World.ts"
import { LONG_MS, pause } from "../World.ts"

/** Calls that a start makes and a running trader does not: a second one of these is another trader's. */
const ofAStart = ({ requests }: View): number => requests.filter((one) => one.endpoint === "GetApiKeyInfo").length

export const twins = async (world: LiveWorld): Promise<void> => {
  const { expect, place, random, settings, view } = world
  const first = world.start()
  await world.trading()
  const stopFilling = world.fillOrders()
  const before = await view()
  const otherFolder = join(place.directory, "other")
  await rested(otherFolder)
  await pause(random.between(0, 2000))
  const [same, other] = await Promise.all([
    place.run(["trade"], settings),
    place.run(["trade"], { ...settings, DATA_DIR: otherFolder })
  ])
  expect(same.code === 75, `a second trader on the folder ended with ${same.code}: ${same.error}`)
  expect(same.error.includes(`process ${first.process.pid}`), "the second trader does not say who holds the folder")
  expect(other.code === 75, `a second trader with the key ended with ${other.code}: ${other.error}`)
  expect(other.error.includes("same API key"), "the second trader does not say that the key is in use")
  expect(ofAStart(await view()) === ofAStart(before), "a refused trader called the exchange")
  const status = await world.status()
  expect(status?.pid === first.process.pid, "another process answers for the folder")
  await world.trading()
  const count = own((await view()).orders).length
  await eventually(view, ({ orders }) => own(orders).length > count, LONG_MS)
  // the lock ends with its process, however that ends
  first.process.kill("SIGKILL")
  await first.ended
  world.start()
  await world.trading()
  await stopFilling()
}
