/** Commits intents for ever, telling each only after its commit. Killed by its test. */
import { Effect } from "effect"
import { MarketClock } from "../../../../src/services/Clock.ts"
import { Store } from "../../../../src/services/Store.ts"
import { clientOrderId, InstallationPrefix } from "../../../../src/domain/order/Ids.ts"
import { SystemClockLive } from "../../../../src/layers/node/SystemClock.ts"
import { withDatabase } from "../../../../src/layers/sqlite/StoreSqlite.ts"
import { approve, entry, entryProposal, riskView } from "../../../support/build.ts"

const [file = "", run = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const store = yield* Store
  const clock = yield* MarketClock
  for (let n = 0; ; n += 1) {
    const id = clientOrderId(InstallationPrefix(`k${run}`), n)
    const approved = approve(entryProposal(), riskView({ nextId: id, epoch: 0 }))
    const { nonce } = yield* store.commitIntent(approved, yield* clock.now)
    yield* store.commit([
      { _tag: "Order", order: entry({ id, status: "open" }) },
      { _tag: "Note", key: "last", value: id }
    ])
    process.stdout.write(`${id} ${nonce}\n`)
    yield* Effect.yieldNow()
  }
})

void Effect.runPromise(
  program.pipe(Effect.provide([withDatabase({ file, role: "trader" }), SystemClockLive]), Effect.orDie)
)
