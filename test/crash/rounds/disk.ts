/**
 * The disk is full under the running trader, made so by a limit on the size of its files (`prlimit`, of Linux): what the
 * database's log would grow by is refused by the operating system. `max_page_count` would be the plainer means, but it binds the
 * one connection that sets it and cannot reach another process. The limit is above the side file, whose space is there already.
 */
import { execFileSync } from "node:child_process"
import { statSync } from "node:fs"
import { join } from "node:path"
import Sqlite from "better-sqlite3"
import { CAPACITY } from "../../../src/layers/sqlite/SideFile.ts"
import { eventually } from "../../e2e/program.ts"
import { amount, show } from "../amounts.ts"
import { own } from "../view.ts"
import type { LiveWorld } from "../World.ts"
import { LONG_MS, pause } from "../World.ts"

/** Whether this system can limit another process; else why not. */
export const noLimits = (): string | undefined => {
  try {
    execFileSync("prlimit", ["--pid", String(process.pid), "--fsize"], { stdio: "ignore" })
    return undefined
  } catch {
    return "there is no prlimit here to limit the trader's files with"
  }
}

const limit = (pid: number | undefined, bytes: number | "unlimited"): void => {
  execFileSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`])
}

/**
 * Brings the database's log to a size above every file that is written in place, keeps it from beginning anew, and gives that
 * size. The rows are written over with what they hold.
 */
const fill = async (
  file: string
): Promise<{ readonly bytes: number; readonly release: () => void; readonly close: () => void }> => {
  const db = new Sqlite(file, { timeout: 5000 })
  db.pragma("wal_checkpoint(TRUNCATE)")
  const size = (): number => statSync(`${file}-wal`).size
  const touch = db.prepare("UPDATE session SET running = running")
  while (size() < CAPACITY + 65_536) {
    touch.run()
    // the trader gets its turn between
    if (size() % 16 === 0) await pause(1)
  }
  db.exec("BEGIN")
  db.prepare("SELECT running FROM session").get()
  // closed while no trader has the database open, it would take the log away with it
  return { bytes: size(), release: () => void db.exec("COMMIT"), close: () => void db.close() }
}

export const disk = async (world: LiveWorld): Promise<void> => {
  const { expect, operate, place, random, view } = world
  const trader = world.start()
  await world.trading()
  const stopFilling = world.fillOrders()
  await eventually(view, ({ fills }) => fills.length > 1, LONG_MS)
  await stopFilling()
  const { bytes, close, release } = await fill(join(place.dataDir, "trading.db"))
  // an entry rests, which will be bought behind the full disk
  await eventually(view, ({ open }) => own(open).some((order) => order.side === "buy"), LONG_MS)
  limit(trader.process.pid, bytes)
  const [entry] = own((await view()).open).filter((order) => order.side === "buy")
  const fullAt = (await view()).now
  world.say(`the disk is full at ${bytes} bytes`)
  if (entry !== undefined) {
    const rest = amount(entry.quantity) - amount(entry.filled)
    await operate("fill", { txid: entry.txid, quantity: show(rest) }).catch(() => world.say("the entry was gone"))
  }
  await eventually(world.status, (now) => now?.store.ok === false, LONG_MS)
  world.say(`the trader knows: ${(await world.status())?.reasons.join("; ")}`)
  const knownAt = (await view()).now
  // what was bought is on sale, its intent written aside
  await eventually(view, ({ orders }) => own(orders).some((o) => o.side === "sell" && o.openedAt > fullAt), LONG_MS)
  await eventually(view, ({ open }) => own(open).every((order) => order.side === "sell"), LONG_MS)
  await pause(random.between(2000, 6000))
  const during = await view()
  for (const order of own(during.orders)) {
    if (order.side !== "buy" || order.openedAt <= knownAt) continue
    expect(false, `the entry ${order.clOrdId} came while the database could not be written`)
  }
  expect(
    own(during.open).every((order) => order.side === "sell"),
    "an entry rests although the disk is full"
  )
  const exits = own(during.orders).filter((order) => order.side === "sell" && order.openedAt > fullAt)
  world.say(`${exits.length} exits with the disk full`)

  const way = random.next()
  if (way < 0.4) {
    trader.process.kill("SIGKILL")
    await trader.ended
    release()
    world.start()
  } else if (way < 0.6) {
    trader.process.kill("SIGTERM")
    const { code, error } = await trader.ended
    expect(code === 73, `stopped with the disk full it ended with ${code}: ${error.slice(-600)}`)
    release()
    world.start()
  } else {
    limit(trader.process.pid, "unlimited")
    release()
    world.say("there is space again")
  }
  await world.trading()
  close()
  const db = new Sqlite(join(place.dataDir, "trading.db"), { readonly: true })
  const aside = db
    .prepare<[], { readonly n: number }>("SELECT count(*) AS n FROM intents WHERE path = 'side file'")
    .get()
  db.close()
  expect((aside?.n ?? 0) > 0, "no intent went through the side file")
  world.say(`${aside?.n} intents went through the side file`)
  const count = own((await view()).orders).length
  const fillAgain = world.fillOrders()
  await eventually(view, ({ orders }) => own(orders).length > count, LONG_MS)
  await world.trading()
  await fillAgain()
}
