import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bindDataFolder, prepareDataFolder, readBinding, startFresh } from "../../../src/layers/node/DataFolder.ts"
import { syncFolder, writeFileAtomically } from "../../../src/layers/node/files.ts"
import { tempFolder } from "./support/temp.ts"

const paper = { mode: "paper", account: "generated seed 1" } as const

describe("the data folder", () => {
  it.scoped("is made private", () =>
    Effect.gen(function* () {
      const path = join(yield* tempFolder, "deep", "data")
      yield* prepareDataFolder(path)
      yield* prepareDataFolder(path)
      assert.strictEqual(statSync(path).mode & 0o777, 0o700)
      assert.deepStrictEqual(readdirSync(path), [])
    })
  )

  it.scoped("that cannot be used is refused with what to do", () =>
    Effect.gen(function* () {
      const path = join(yield* tempFolder, "file")
      writeFileSync(path, "")
      const failed = yield* Effect.flip(prepareDataFolder(join(path, "data")))
      assert.include(failed.message, "choose another DATA_DIR")
      assert.include((yield* Effect.flip(bindDataFolder(join(path, "data"), paper))).message, "cannot be used")
    })
  )

  it.scoped("is bound to its first mode and account for ever", () =>
    Effect.gen(function* () {
      const path = yield* tempFolder
      assert.isUndefined(yield* readBinding(path))
      yield* bindDataFolder(path, paper)
      yield* bindDataFolder(path, paper)
      assert.deepStrictEqual(yield* readBinding(path), paper)
      const otherMode = yield* Effect.flip(bindDataFolder(path, { mode: "live", account: "0011" }))
      assert.strictEqual(otherMode.reason, "bound elsewhere")
      assert.include(otherMode.message, "Nothing was changed")
      yield* Effect.flip(bindDataFolder(path, { ...paper, account: "kraken" }))
      writeFileSync(join(path, "binding.json"), "{}")
      assert.include((yield* Effect.flip(bindDataFolder(path, paper))).message, "damaged")
    })
  )

  it.scoped("starts fresh by moving the old records away, for paper only", () =>
    Effect.gen(function* () {
      const path = yield* tempFolder
      assert.isUndefined(yield* startFresh(path))
      yield* bindDataFolder(path, paper)
      for (const name of [
        "trading.db",
        "trading.db-wal",
        "exchange.db",
        "exits-aside.log",
        "nonce-aside",
        "trader.log",
        ".trading_lock"
      ])
        writeFileSync(join(path, name), name)
      const moved = yield* startFresh(path)
      assert.deepStrictEqual(readdirSync(moved ?? "").toSorted(), [
        "binding.json",
        "exchange.db",
        "exits-aside.log",
        "nonce-aside",
        "trading.db",
        "trading.db-wal"
      ])
      assert.deepStrictEqual(readdirSync(path).toSorted(), [".trading_lock", "backups", "trader.log"])
      yield* bindDataFolder(path, { mode: "live", account: "0011" })
      assert.include((yield* Effect.flip(startFresh(path))).message, "--fresh never touches")
      assert.strictEqual((yield* Effect.flip(startFresh(join(path, "no")))).reason, "unusable")
    })
  )
})

describe("writing a file whole", () => {
  it.scoped("replaces the old one, privately, and leaves no draft", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const path = join(folder, "a.json")
      writeFileAtomically(path, "old")
      writeFileSync(`${path}.${process.pid}.tmp`, "left by a crash")
      writeFileAtomically(path, "new")
      assert.strictEqual(readFileSync(path, "utf8"), "new")
      assert.strictEqual(statSync(path).mode & 0o777, 0o600)
      mkdirSync(join(folder, "b"))
      assert.throws(() => writeFileAtomically(join(folder, "b"), "x"))
      assert.deepStrictEqual(readdirSync(folder).toSorted(), ["a.json", "b"])
      syncFolder(folder)
    })
  )
})
