/** A few rounds of `npm run test:crash`: the built program as a process, killed, frozen, without disk. And whether the judge can tell. */
import { copyFileSync, rmSync } from "node:fs"
import Sqlite from "better-sqlite3"
import { afterAll, assert, describe, it } from "vitest"
import { amount, show } from "./amounts.ts"
import type { Evidence } from "./judge.ts"
import { judge } from "./judge.ts"
import type { Kind } from "./Round.ts"
import { evidenceIn, play, skipped } from "./Round.ts"
import type { View } from "./view.ts"

const TIMEOUT = { timeout: 600_000 }

const folders: Array<string> = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Plays it; what it leaves stays when it fails. */
const holds = async (kind: Kind, seed: number): Promise<string> => {
  const { broken, judgement, kept = "" } = await play(kind, seed, true)
  assert.deepEqual(broken, [], `${kind} of seed ${seed} left its story in ${kept}`)
  assert.isAbove(judgement?.fills ?? 0, 0)
  folders.push(kept)
  return kept
}

/** What the judge finds when one of the two sides is changed behind its back. */
const found = (
  evidence: Evidence,
  change: { readonly sql?: string; readonly view?: (view: View) => View }
): ReadonlyArray<string> => {
  const database = `${evidence.database}.changed`
  copyFileSync(evidence.database, database)
  try {
    const db = new Sqlite(database)
    db.pragma("foreign_keys = OFF")
    if (change.sql !== undefined) assert.isAbove(db.prepare(change.sql).run().changes, 0, change.sql)
    db.close()
    const view = change.view === undefined ? evidence.view : change.view(evidence.view)
    return [...new Set(judge({ ...evidence, database, view }).broken.map((text) => text.split(":")[0] ?? ""))]
  } finally {
    rmSync(database)
  }
}

describe.concurrent("the built program, as a process", () => {
  it("SIGKILL under load: books and account agree, nothing was sent twice; the judge can tell", TIMEOUT, async () => {
    const evidence = evidenceIn(await holds("kills", 17))
    const { fills, orders, requests } = evidence.view
    assert.deepEqual(found(evidence, {}), [])
    const first = orders.find(({ clOrdId, side }) => clOrdId !== undefined && side === "buy")
    const id = first?.clOrdId ?? ""
    const more = (price: string): string => show(amount(price) * 100n)
    const cases: ReadonlyArray<readonly [invariant: string, change: Parameters<typeof found>[1]]> = [
      ["I1", { sql: `DELETE FROM intents WHERE order_id = '${id}'` }],
      ["I1", { sql: `UPDATE intents SET approved_ms = approved_ms + 60000 WHERE order_id = '${id}'` }],
      ["I1", { sql: `UPDATE intents SET nonce = nonce + 1 WHERE order_id = '${id}'` }],
      ["I2", { view: (view) => ({ ...view, requests: [...requests, ...requests] }) }],
      ["I2", { view: (view) => ({ ...view, orders: [...orders, ...(first === undefined ? [] : [first])] }) }],
      ["I3", { view: (view) => ({ ...view, orders: orders.map((o) => ({ ...o, price: more(o.price) })) }) }],
      ["I4", { view: (view) => ({ ...view, orders: orders.map((o) => ({ ...o, price: more(o.price) })) }) }],
      ["I5", { view: (view) => ({ ...view, fills: fills.filter(({ side }) => side === "sell") }) }],
      ["I8", { view: (view) => ({ ...view, fills: fills.map((fill) => ({ ...fill, maker: false })) }) }],
      ["I9", { sql: "DELETE FROM fills WHERE execution_id = (SELECT min(execution_id) FROM fills)" }],
      ["I9", { sql: "UPDATE fills SET fee = '0' WHERE execution_id = (SELECT min(execution_id) FROM fills)" }],
      ["I9", { view: (view) => ({ ...view, fills: fills.slice(1) }) }],
      ["I10", { sql: "UPDATE totals SET own_usd = '0.01'" }],
      ["I10", { sql: "UPDATE lots SET remaining = '1'" }],
      ["I10", { sql: `UPDATE orders SET status = 'rejected' WHERE order_id = '${id}'` }],
      ["I11", { view: (view) => ({ ...view, requests: requests.toReversed() }) }],
      ["I11", { view: (view) => ({ ...view, requests: requests.map((one) => ({ ...one, at: one.at - 60_000 })) }) }],
      ["I20", { sql: `UPDATE orders SET status = 'unknown' WHERE order_id = '${id}'` }]
    ]
    for (const [invariant, change] of cases) {
      assert.include(found(evidence, change), invariant, JSON.stringify(change))
    }
  })

  it("SIGSTOP for longer than the dead man's switch, and `cancel --all` meanwhile", TIMEOUT, async () => {
    await holds("frozen", 8)
  })

  const why = skipped("disk")
  it.skipIf(why !== undefined)(
    `a full disk, and space again${why === undefined ? "" : ` (${why})`}`,
    TIMEOUT,
    async () => {
      await holds("disk", 2)
    }
  )
})
