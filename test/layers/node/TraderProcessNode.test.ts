/** Only the trader's own process is ever ended. */
import { spawn } from "node:child_process"
import { mkdirSync, openSync, closeSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { writeControlFile } from "../../../src/layers/node/ControlFile.ts"
import { endOn, thisMachine } from "../../../src/layers/node/TraderProcessNode.ts"
import type { Machine } from "../../../src/layers/node/TraderProcessNode.ts"
import { tempFolder } from "./support/temp.ts"

const PID = 4242

const machine = (killed: Array<number>, change: Partial<Machine> = {}): Machine => ({
  platform: "linux",
  self: 1,
  openFiles: () => [],
  commandLine: () => "",
  kill: (pid) => void killed.push(pid),
  ...change
})

const folder = (holder = `process ${PID}\n`, announced?: number) =>
  Effect.map(tempFolder, (dir) => {
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, ".trading_lock"), "")
    writeFileSync(join(dir, ".trading_lock.holder"), holder)
    if (announced !== undefined) {
      writeControlFile(dir, {
        url: "http://127.0.0.1:1",
        token: "t",
        pid: announced,
        startedAt: "",
        mode: "live",
        version: "1"
      })
    }
    return dir
  })

const refused = (dir: string, change: Partial<Machine>) =>
  Effect.gen(function* () {
    const killed: Array<number> = []
    const ended = yield* Effect.either(endOn(machine(killed, change), dir))
    assert.deepEqual(killed, [])
    assert.isTrue(Either.isLeft(ended))
    return Either.isLeft(ended) ? ended.left.message : ""
  })

describe("the process that holds the lock", () => {
  it.scoped("is ended when it has the lock file open, whatever control.json was left behind", () =>
    Effect.gen(function* () {
      const dir = yield* folder(undefined, 7)
      const killed: Array<number> = []
      assert.strictEqual(
        yield* endOn(machine(killed, { openFiles: (pid) => (pid === PID ? [join(dir, ".trading_lock")] : []) }), dir),
        PID
      )
      assert.deepEqual(killed, [PID])
    })
  )

  it.scoped("is ended on other systems when control.json names it and it runs this program", () =>
    Effect.gen(function* () {
      const dir = yield* folder(undefined, PID)
      const killed: Array<number> = []
      const mac = { platform: "darwin" as const, commandLine: () => "/usr/bin/node /opt/trader/dist/main.js trade" }
      assert.strictEqual(yield* endOn(machine(killed, mac), dir), PID)
      assert.include(yield* refused(yield* folder(undefined, 7), mac), "control.json 7")
      assert.include(yield* refused(yield* folder(), mac), "control.json none")
      const other = { ...mac, commandLine: () => "/usr/bin/vim main.js" }
      assert.include(yield* refused(dir, other), "does not run this program")
    })
  )

  it.scoped("is never a stranger, this process, or one that cannot be looked at", () =>
    Effect.gen(function* () {
      const dir = yield* folder()
      assert.include(yield* refused(dir, {}), "does not have")
      assert.include(yield* refused(dir, { self: PID }), "this process's own")
      assert.include(yield* refused(dir, { platform: "win32" }), "Windows")
      assert.include(yield* refused(yield* folder("somebody"), {}), "nothing beside")
      assert.include(yield* refused(join(dir, "none"), {}), "nothing beside")
      const gone = yield* refused(dir, {
        openFiles: () => {
          throw new Error("no such process")
        }
      })
      assert.include(gone, "no such process")
      const open = { openFiles: () => [join(dir, ".trading_lock")] }
      const denied = yield* Effect.flip(
        endOn(
          machine([], {
            ...open,
            kill: () => {
              throw new Error("not permitted")
            }
          }),
          dir
        )
      )
      assert.include(denied.message, "not permitted")
    })
  )

  it.scoped("is looked at on this machine", () =>
    Effect.gen(function* () {
      if (process.platform === "win32") return
      const dir = yield* folder()
      const handle = openSync(join(dir, ".trading_lock"), "r")
      if (process.platform === "linux") assert.include(thisMachine.openFiles(process.pid), join(dir, ".trading_lock"))
      closeSync(handle)
      const child = spawn("sleep", ["60"])
      yield* Effect.promise(() => new Promise((done) => child.once("spawn", done)))
      const ended = new Promise((done) => child.once("exit", (_, signal) => done(signal)))
      assert.include(thisMachine.commandLine(child.pid ?? 0), "sleep")
      thisMachine.kill(child.pid ?? 0)
      assert.strictEqual(yield* Effect.promise(() => ended), "SIGKILL")
    })
  )
})
