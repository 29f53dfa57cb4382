import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import { Effect } from "effect"
import * as JournalSqlite from "../../../src/layers/sqlite/JournalSqlite.ts"
import { journalSlice } from "../../../src/layers/sqlite/journalSlice.ts"
import { Journal } from "../../../src/services/Journal.ts"
import { NOON } from "../../support/build.ts"
import { tempFolder } from "../node/support/temp.ts"

describe("the end of the journal", () => {
  it.scoped("from the newest entry back, while it is written and afterwards", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const file = join(folder, "journal.db")
      assert.strictEqual(yield* journalSlice(file, 1000), "")
      const read = Effect.map(journalSlice(file, 1000), (text) =>
        text
          .split("\n")
          .filter((line) => line !== "")
          .map((line): unknown => JSON.parse(line))
      )
      const wanted = [
        { at: "2024-03-10T12:00:00.500Z", kind: "b", data: { n: 1 } },
        { at: "2024-03-10T12:00:01.000Z", kind: "c", data: null }
      ]
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        journal.append({ at: NOON - 1, kind: "a", data: {} })
        journal.append({ at: NOON + 500, kind: "b", data: { n: 1 } })
        journal.append({ at: NOON + 1000, kind: "c", data: undefined })
        yield* journal.flush
        assert.deepEqual(yield* read, wanted)
      }).pipe(Effect.provide(JournalSqlite.layer({ file })))
      assert.deepEqual(yield* read, wanted)
      assert.deepEqual(readdirSync(folder), ["journal.db"])
    })
  )

  it.scoped("one that cannot be read says so in the archive, and is no reason to write none", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const file = join(folder, "journal.db")
      writeFileSync(file, "no database ".repeat(100))
      assert.include(yield* journalSlice(file, 1000), '{"unreadable":"file is not a database')
      const empty = join(folder, "empty.db")
      const raw = new BetterSqlite3(empty)
      raw.exec("CREATE TABLE journal (id INTEGER PRIMARY KEY, timestamp TEXT, kind TEXT, data TEXT)")
      raw.close()
      assert.strictEqual(yield* journalSlice(empty, 1000), "")
    })
  )
})
