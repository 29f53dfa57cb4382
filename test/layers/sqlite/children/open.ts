/** Opens a database and says how that went; with `hold`, keeps it open, something uncheckpointed in its log, until killed. */
import { Effect } from "effect"
import { Database, layer } from "../../../../src/layers/sqlite/Database.ts"

const [file = "", hold = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const database = yield* Database
  yield* database.transact("note", (sql) => sql.run("INSERT OR REPLACE INTO notes VALUES ('child', 'was here')"))
  process.stdout.write("open\n")
  if (hold === "hold") {
    // A pending timer keeps the process alive.
    setInterval(() => {}, 1000)
    return yield* Effect.never
  }
})

void Effect.runPromise(
  program.pipe(
    Effect.provide(layer({ file, role: "trader" })),
    Effect.catchTag("StoreFailed", (failed) => Effect.sync(() => process.stdout.write(`${failed.reason}\n`)))
  )
)
