/** An old backup put back, as docs/operations.md has it: no start before the books know what happened since. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import type { Exchange, Settings } from "./live.ts"
import { confirmationCode, eagerStrategy, rested, startExchange } from "./live.ts"
import type { Ended, Place, Running } from "./program.ts"
import { eventually, makePlace } from "./program.ts"

interface View {
  readonly open: ReadonlyArray<{ readonly txid: string; readonly side: "buy" | "sell" }>
  readonly orders: ReadonlyArray<{ readonly txid: string }>
  readonly balances: Readonly<Record<string, string>>
}

let place: Place
let exchange: Exchange
let settings: Settings

beforeEach(async () => {
  place = makePlace()
  exchange = await startExchange(place)
  await rested(place.dataDir)
  const live: Settings = { ...exchange.settings, STRATEGY: eagerStrategy(place.directory) }
  const doctor = await place.run(["doctor", "--json"], live)
  settings = { ...live, LIVE_TRADING_CONFIRMED: confirmationCode(doctor.out) }
}, 200_000)
afterEach(() => place.clear())

const view = async (): Promise<View> => (await exchange.operate("view")) as View

/** Waits until an order of that side rests. */
const resting = (trader: Running, side: "buy" | "sell"): Promise<View> =>
  eventually(
    view,
    ({ open }) => {
      if (trader.process.exitCode !== null) throw new Error(`the trader ended: ${trader.error()}`)
      return open.some((order) => order.side === side)
    },
    120_000
  )

const command = (...words: ReadonlyArray<string>): Promise<Ended> => place.run(words, settings)

/** The commands of a section's code block, in order, without their comments. */
const printed = (heading: string): ReadonlyArray<string> => {
  const section = readFileSync("docs/operations.md", "utf8").split(`\n## ${heading}\n`)[1] ?? ""
  const block = section.split("```")[1] ?? ""
  return block.split("\n").flatMap((line) => (line === "" ? [] : [line.replace(/ +#.*$/, "")]))
}

describe("a restored backup", () => {
  it("is refused by a start (86) until `recover` has brought it up to date", { timeout: 300_000 }, async () => {
    const steps = printed("Backup and restore")
    assert.deepEqual(
      steps.map((line) => line.replace(/^node dist\/main\.js ?/, "")),
      ["backup", "backup --drill", "stop", "restore FILE", "recover", ""]
    )

    const trader = place.start(["trade"], settings)
    const [entry] = (await resting(trader, "buy")).open
    const copied = await command("backup")
    assert.strictEqual(copied.code, 0, copied.error)
    const [, file = ""] = /^Backup written and checked: (.+)$/m.exec(copied.out) ?? []
    assert.isTrue(file.startsWith(join(place.dataDir, "backups")), copied.out)

    // it trades on: the backup knows neither the lot nor its exit
    await exchange.operate("fill", { txid: entry?.txid ?? "", quantity: "1000" })
    await resting(trader, "sell")
    const stopped = await command("stop")
    assert.strictEqual(stopped.code, 0, stopped.out + stopped.error)
    await trader.ended
    const { balances, orders } = await view()
    assert.isAbove(Number(balances["XLM"]), 0)

    const restored = await command("restore", file, "--yes")
    assert.strictEqual(restored.code, 0, restored.error)
    assert.include(restored.out, "They do not know what happened since. Next: `recover`")

    const refused = await command("trade")
    assert.strictEqual(refused.code, 86, refused.error)
    assert.include(refused.error, "the records are a restored copy")
    assert.include(refused.error, "Run `recover`, then start again.")
    assert.deepEqual(
      (await view()).orders.map(({ txid }) => txid),
      orders.map(({ txid }) => txid),
      "a refused start sends nothing"
    )

    const recovered = await command("recover", "--yes")
    assert.strictEqual(recovered.code, 0, recovered.out + recovered.error)
    const next = place.start(["trade"], settings)
    await resting(next, "sell")
    const { open } = await view()
    assert.deepEqual(
      open.map(({ side }) => side),
      ["sell"]
    )
    const status = await command("status", "--json")
    assert.lengthOf((JSON.parse(status.out) as { readonly lots: ReadonlyArray<unknown> }).lots, 1)
    const sold = await command("flatten", "--yes")
    assert.strictEqual(sold.code, 0, sold.error)
    assert.strictEqual(Number((await view()).balances["XLM"]), 0)
    const end = await command("stop")
    assert.strictEqual(end.code, 0, end.error)
    assert.strictEqual((await next.ended).code, 0)
  })
})
