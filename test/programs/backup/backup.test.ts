import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer } from "effect"
import type { Snapshot } from "../../../src/domain/engine/Snapshot.ts"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { mockMarketClock } from "../../../src/layers/mock/MockMarketClock.ts"
import { MockNonce } from "../../../src/layers/mock/MockNonce.ts"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { emptySnapshot, mockStore } from "../../../src/layers/mock/MockStore.ts"
import { backup, restore } from "../../../src/programs/backup/backup.ts"
import { compare } from "../../../src/programs/backup/compare.ts"
import { exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import type { BackupFacts, BackupsShape } from "../../../src/services/Backups.ts"
import { BackupRefused, Backups } from "../../../src/services/Backups.ts"
import { BACKUP_DRILL_NOTE, LAST_BACKUP_NOTE, Store, StoreFailed } from "../../../src/services/Store.ts"
import { InstallationPrefix } from "../../../src/domain/order/Ids.ts"
import { Terminal } from "../../../src/services/Terminal.ts"
import { entry, id, lot, usd } from "../../support/build.ts"
import { Screen, world } from "../cli/support.ts"

const facts: BackupFacts = {
  bytes: 4097,
  schemaVersion: 1,
  madeAt: "1970-01-01T00:00:00.000Z",
  binding: { mode: "paper", account: "here" },
  rows: { orders: 2, fills: 1, trades: 1 },
  books: { ...emptySnapshot, lots: [lot()] },
  problems: []
}
const refused = (reason: BackupRefused["reason"]) => new BackupRefused({ reason, file: "x.db", detail: "EIO" })
const broken = (cause: unknown) => new StoreFailed({ operation: "look", reason: "corrupt", cause })

interface Scene {
  readonly backups?: Partial<BackupsShape>
  /** What a person answers; nobody sits there when absent. */
  readonly answer?: string
  readonly now?: Snapshot
  readonly exists?: boolean
  readonly running?: boolean
  readonly storeFails?: boolean
}

const run = <E>(
  scene: Scene,
  program: Effect.Effect<void, E, Effect.Effect.Context<ReturnType<typeof backup | typeof restore>>>
) =>
  Effect.gen(function* () {
    const store = yield* Store
    const put: Array<string> = []
    const shape: BackupsShape = {
      prepare: () => Effect.void,
      inspect: () => Effect.succeed(facts),
      rehearse: () => Effect.succeed(facts.books),
      binding: Effect.succeed(facts.binding),
      putBack: (file) =>
        Effect.as(
          Effect.sync(() => put.push(file)),
          { aside: "data/backups/before" }
        ),
      ...scene.backups
    }
    const opened =
      scene.storeFails === true ? Effect.fail(broken("no")) : Effect.succeed({ ...store, backup: () => Effect.void })
    const exit = yield* Effect.gen(function* () {
      const { answer } = scene
      const records = yield* MockRecordsControl
      yield* records.set({ exists: scene.exists ?? true, snapshot: scene.now ?? facts.books })
      if (scene.running === true) {
        yield* Effect.flatMap(MockInstanceLockControl, (lock) => lock.holdElsewhere("data folder"))
      }
      const terminal = yield* Terminal
      const done = yield* Effect.exit(
        answer === undefined
          ? program
          : Effect.provideService(program, Terminal, { ...terminal, ask: () => Effect.succeed(answer) })
      )
      const { error, out } = yield* Screen
      return { done, out: out(), error: error() }
    }).pipe(Effect.provide(Layer.merge(world({ beside: { store: opened } }), Layer.succeed(Backups, shape))))
    const said = Exit.isFailure(exit.done) ? Cause.squash(exit.done.cause) : undefined
    const { notes } = yield* store.load
    return {
      ...exit,
      code: exitCodeOf(exit.done),
      said: said instanceof Error ? said.message : "",
      put,
      notes
    }
  }).pipe(
    Effect.provide(
      mockStore(InstallationPrefix("kt")).pipe(Layer.provide(MockNonce), Layer.provide(mockMarketClock(0)))
    )
  )

const write = backup({ file: undefined, drill: false })
const put = restore({ file: "x.db", yes: true, drill: false })

describe("backup", () => {
  it.effect("writes under the time, checks, and says what is in it", () =>
    Effect.gen(function* () {
      const { code, notes, out } = yield* run({}, write)
      assert.strictEqual(code, 0)
      assert.include(out, "backups/trading-1970-01-01T00-00-00-000Z.db")
      assert.include(out, "5 KiB, schema 1")
      assert.include(out, "2 orders, 1 execution, 1 trade; open then: 0 orders, 1 lot")
      assert.strictEqual(notes.get(LAST_BACKUP_NOTE), "0")
      assert.isFalse(notes.has(BACKUP_DRILL_NOTE))
    })
  )

  it.effect("--drill opens it as a start would, compares, and is noted", () =>
    Effect.gen(function* () {
      const same = yield* run({}, backup({ file: "x.db", drill: true }))
      assert.strictEqual(same.code, 0)
      assert.include(same.out, "Nothing has happened since")
      assert.strictEqual(same.notes.get(BACKUP_DRILL_NOTE), "0")
      const unnoted = yield* run({ storeFails: true }, restore({ file: "x.db", yes: false, drill: true }))
      assert.strictEqual(unnoted.code, 0)
      assert.include(unnoted.error, "could not be noted")
      const alone = yield* run({ exists: false }, restore({ file: "x.db", yes: false, drill: true }))
      assert.include(alone.out, "no records here to compare it with")
    })
  )

  it.effect("nothing to back up, a taken name, a disk that fails, books that disagree", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* run({ exists: false }, write)).code, 1)
      assert.strictEqual((yield* run({ backups: { prepare: () => refused("exists") } }, write)).code, 64)
      assert.strictEqual((yield* run({ backups: { prepare: () => refused("io") } }, write)).code, 73)
      const odd = { inspect: () => Effect.succeed({ ...facts, problems: ["lot a holds 2 of 1"] }) }
      const unsound = yield* run({ backups: odd }, write)
      assert.strictEqual(unsound.code, 65)
      assert.include(unsound.said, "lot a holds 2 of 1")
    })
  )
})

describe("restore", () => {
  it.effect("puts the copy in place and says what must follow", () =>
    Effect.gen(function* () {
      const done = yield* run({}, put)
      assert.strictEqual(done.code, 0)
      assert.deepEqual(done.put, ["x.db"])
      for (const part of ["data/backups/before", "0.0 s old", "recover"]) assert.include(done.out, part)
      const unknown = { ...facts, madeAt: undefined, binding: undefined }
      const fresh = {
        inspect: () => Effect.succeed(unknown),
        putBack: () => Effect.succeed({ aside: undefined })
      }
      const other = yield* run({ backups: fresh, answer: " YES " }, restore({ file: "x.db", yes: false, drill: false }))
      assert.include(other.out, "There were no records here before")
      assert.include(other.error, "does not say which mode")
    })
  )

  it.effect("asks; without a terminal it wants --yes; anything but yes changes nothing", () =>
    Effect.gen(function* () {
      const ask = restore({ file: "x.db", yes: false, drill: false })
      const nobody = yield* run({}, ask)
      assert.deepEqual([nobody.code, nobody.put], [64, []])
      assert.include(nobody.said, "--yes")
      const no = yield* run({ answer: "y" }, ask)
      assert.deepEqual([no.code, no.put], [1, []])
    })
  )

  it.effect("refuses beside a trader (75), what is damaged (65), missing (64), or belongs elsewhere (78)", () =>
    Effect.gen(function* () {
      const live = { binding: Effect.succeed({ mode: "live", account: "here" } as const) }
      const other = { binding: Effect.succeed({ mode: "paper", account: "there" } as const) }
      const odd = {
        inspect: () => Effect.succeed({ ...facts, binding: { mode: "live", account: "a" } as const }),
        binding: Effect.succeed(undefined)
      }
      for (const [scene, code, text] of [
        [{ running: true }, 75, ""],
        [{ backups: { inspect: () => broken(new Error("torn")) } }, 65, "torn"],
        [{ backups: { inspect: () => broken("odd") } }, 65, "odd"],
        [{ backups: { inspect: () => refused("missing") } }, 64, "no file"],
        [{ backups: live }, 78, "belongs to live trading"],
        [{ backups: other }, 78, "account there"],
        [{ backups: odd }, 78, "TRADING_MODE is paper"],
        [{ backups: { binding: refused("io") } }, 78, "EIO"]
      ] as ReadonlyArray<readonly [Scene, number, string]>) {
        const end = yield* run(scene, put)
        assert.deepEqual([end.code, end.put], [code, []], text)
        assert.include(end.said, text)
      }
      const fresh = yield* run({ backups: { binding: Effect.succeed(undefined) } }, put)
      assert.strictEqual(fresh.code, 0)
    })
  )

  it.effect("--drill changes nothing, beside a trader too; what is no copy of these records fails", () =>
    Effect.gen(function* () {
      const prove = restore({ file: "x.db", yes: false, drill: true })
      const done = yield* run({ running: true, now: { ...facts.books, sequence: 5 } }, prove)
      assert.deepEqual([done.code, done.put], [0, []])
      const ahead = { rehearse: () => Effect.succeed({ ...facts.books, sequence: 9 }) }
      const foreign = yield* run({ backups: ahead }, prove)
      assert.strictEqual(foreign.code, 1)
      assert.include(foreign.said, "no copy of the records in use")
    })
  )

  it("says what has happened since", () => {
    const now: Snapshot = {
      ...emptySnapshot,
      lots: [lot({ id: id("kt1b") })],
      orders: [entry({ id: id("kt1o") })],
      totals: { ...emptySnapshot.totals, ownUsd: usd("-1.5"), closedTrades: 1 }
    }
    const copy: Snapshot = {
      ...emptySnapshot,
      lots: [lot(), lot({ id: id("kt1c") })],
      orders: [entry({ id: id("kt1n") })]
    }
    assert.deepEqual(compare(copy, now), {
      since: [
        "1 new lot: kt1b",
        "2 lots sold: kt1a, kt1c",
        "1 new open order: kt1o",
        "1 order ended: kt1n",
        "1 closed trade",
        "the trader's own dollars -$1.5"
      ],
      foreign: []
    })
    assert.deepEqual(compare({ ...now, sequence: 2 }, emptySnapshot).foreign.length, 2)
    const many = compare({ ...copy, orders: [entry(), entry({ id: id("kt1z") })] }, emptySnapshot)
    assert.include(many.since, "2 orders ended: kt1e, kt1z")
  })
})
