import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted, Scope } from "effect"
import { dataLockPath, keyFingerprint, layer } from "../../../src/layers/node/InstanceLockNode.ts"
import { InstanceLock } from "../../../src/services/InstanceLock.ts"
import { childScript } from "./support/child.ts"
import { tempFolder } from "./support/temp.ts"

const lockOf = (folder: string, state: string, key?: string) =>
  Effect.provide(InstanceLock, layer({ dataDir: folder, stateDir: state, keyFingerprint: key }))

const folders = Effect.gen(function* () {
  const root = yield* tempFolder
  const at = (name: string): string => join(root, name)
  mkdirSync(at("data"))
  return { data: at("data"), other: at("other"), state: at("state") }
})

describe("the lock", () => {
  it.scoped("is held until its scope closes, leaves no holder behind, and can be taken again", () =>
    Effect.gen(function* () {
      const { data, state } = yield* folders
      const lock = yield* lockOf(data, state, "abc")
      assert.isFalse(yield* lock.verify)
      assert.isFalse(yield* lock.heldElsewhere)
      assert.isFalse(existsSync(dataLockPath(data)))
      for (let round = 0; round < 2; round += 1) {
        const scope = yield* Scope.make()
        yield* Scope.extend(lock.acquire, scope)
        assert.isTrue(yield* lock.verify)
        assert.isFalse(yield* lock.heldElsewhere)
        assert.include(readFileSync(`${dataLockPath(data)}.holder`, "utf8"), String(process.pid))
        yield* Scope.close(scope, Exit.void)
        assert.isFalse(yield* lock.verify)
      }
      assert.deepStrictEqual(readdirSync(data), [".trading_lock"])
      assert.deepStrictEqual(readdirSync(join(state, "locks")), ["key-abc.lock"])
    })
  )

  it.scoped(
    "is refused twice in one process, by folder and by key, and lets go of the first when the second is refused",
    () =>
      Effect.gen(function* () {
        const { data, other, state } = yield* folders
        const first = yield* lockOf(data, state, "abc")
        yield* first.acquire
        const again = yield* Effect.flip(Effect.scoped((yield* lockOf(data, state)).acquire))
        assert.deepInclude(again, { _tag: "LockHeld", what: "data folder", holder: `process ${process.pid}` })
        rmSync(`${dataLockPath(data)}.holder`)
        const nameless = yield* Effect.flip(Effect.scoped((yield* lockOf(data, state)).acquire))
        assert.isFalse("holder" in nameless)
        const sameKey = yield* lockOf(other, state, "abc")
        assert.deepInclude(yield* Effect.flip(Effect.scoped(sameKey.acquire)), { _tag: "LockHeld", what: "API key" })
        yield* Effect.scoped((yield* lockOf(other, state, "def")).acquire)
        assert.isTrue(yield* first.verify)
      })
  )

  it.scoped("another process's is seen, told with its holder, and gone with SIGKILL", () =>
    Effect.gen(function* () {
      const { data, other, state } = yield* folders
      const script = yield* childScript(new URL("./children/lock.ts", import.meta.url))
      const child = script.start([data, state, "abc"])
      assert.deepStrictEqual(yield* child.line(1), ["held"])
      const lock = yield* lockOf(data, state, "abc")
      assert.isTrue(yield* lock.heldElsewhere)
      assert.deepInclude(yield* Effect.flip(Effect.scoped(lock.acquire)), {
        _tag: "LockHeld",
        what: "data folder",
        holder: `process ${child.process.pid}`
      })
      const sameKey = yield* lockOf(other, state, "abc")
      assert.deepInclude(yield* Effect.flip(Effect.scoped(sameKey.acquire)), { what: "API key" })
      const second = script.start([data, state, "abc"])
      assert.deepStrictEqual(yield* second.line(1), ["LockHeld"])
      yield* child.kill
      assert.isFalse(yield* lock.heldElsewhere)
      yield* Effect.scoped(lock.acquire)
    })
  )

  it.scoped("deleted or replaced under its holder: the holder sees it", () =>
    Effect.gen(function* () {
      const { data, state } = yield* folders
      const lock = yield* lockOf(data, state)
      yield* lock.acquire
      const path = dataLockPath(data)
      renameSync(path, `${path}.moved`)
      assert.isFalse(yield* lock.verify)
      writeFileSync(path, "")
      assert.isFalse(yield* lock.verify)
      rmSync(path)
      renameSync(`${path}.moved`, path)
      assert.isTrue(yield* lock.verify)
    })
  )

  it.scoped("what cannot be locked is said to be unusable", () =>
    Effect.gen(function* () {
      const { data, state } = yield* folders
      const path = dataLockPath(data)
      mkdirSync(path)
      const lock = yield* lockOf(data, state)
      assert.deepInclude(yield* Effect.flip(Effect.scoped(lock.acquire)), { _tag: "LockUnusable", path })
      assert.deepInclude(yield* Effect.flip(lock.heldElsewhere), { _tag: "LockUnusable", path })
      rmSync(path, { recursive: true })
      writeFileSync(path, "this is no lock file, but a long text that somebody put here ".repeat(20))
      assert.deepInclude(yield* Effect.flip(Effect.scoped(lock.acquire)), { _tag: "LockUnusable" })
      assert.deepInclude(yield* Effect.flip(lock.heldElsewhere), { _tag: "LockUnusable" })
    })
  )

  it("names a key without telling it", () => {
    const name = keyFingerprint(Redacted.make("some key"))
    assert.match(name, /^[0-9a-f]{16}$/)
    assert.notStrictEqual(name, keyFingerprint(Redacted.make("some other key")))
  })
})
