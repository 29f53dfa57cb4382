import { execFileSync, spawn } from "node:child_process"
import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { serviceManager } from "../../../src/layers/node/ServiceManagerNode.ts"
import { ServiceManager } from "../../../src/services/ServiceManager.ts"
import { tempFolder } from "./support/temp.ts"

const told = (environment: Readonly<Record<string, string | undefined>>, pid = 7) =>
  Effect.gen(function* () {
    const manager = yield* ServiceManager
    yield* manager.ready
    yield* manager.alive
    return manager.watchdogMs
  }).pipe(Effect.provide(serviceManager(environment, pid)))

/** A command that stands in for systemd's and writes down what it was told. */
const recorder = Effect.map(tempFolder, (folder) => {
  const command = join(folder, "systemd-notify")
  writeFileSync(command, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> "${folder}/told"\n`)
  chmodSync(command, 0o755)
  return {
    folder,
    PATH: `${folder}:${process.env["PATH"] ?? ""}`,
    said: () => readFileSync(join(folder, "told"), "utf8")
  }
})

const has = (command: string): boolean => {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

describe.skipIf(process.platform === "win32")("the service manager", () => {
  it.scopedLive("is told of the start and of progress, by systemd's own command", () =>
    Effect.gen(function* () {
      const { PATH, said } = yield* recorder
      const watchdogMs = yield* told({ PATH, NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "90000000", WATCHDOG_PID: "7" })
      assert.strictEqual(watchdogMs, 90_000)
      assert.strictEqual(said(), "/run/x --ready --status=trading\n/run/x WATCHDOG=1\n")
    })
  )

  it.scopedLive("expects nothing of another process, of none, or of nonsense", () =>
    Effect.gen(function* () {
      const { PATH } = yield* recorder
      const base = { PATH, NOTIFY_SOCKET: "/run/x" }
      assert.isUndefined(yield* told({ ...base, WATCHDOG_USEC: "90000000", WATCHDOG_PID: "8" }))
      assert.isUndefined(yield* told({ ...base, WATCHDOG_USEC: "soon" }))
      assert.isUndefined(yield* told(base))
      assert.strictEqual(yield* told({ ...base, WATCHDOG_USEC: "90000000" }), 90_000)
      for (const socket of [undefined, ""]) {
        assert.isUndefined(yield* told({ PATH: "/nowhere", NOTIFY_SOCKET: socket, WATCHDOG_USEC: "90000000" }))
      }
    })
  )

  it.scopedLive("that cannot be told is a line in the log", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const logger = Logger.make(({ message }) => void said.push(String(message)))
      yield* told({ PATH: "/nowhere", NOTIFY_SOCKET: "/run/x" }).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      assert.lengthOf(said, 2)
      assert.include(said[0], "is systemd-notify installed?")
    })
  )

  it.scopedLive.skipIf(!has("systemd-notify") || !has("python3"))("hears it through a socket of datagrams", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const socket = join(folder, "notify")
      const script =
        "import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint('bound',flush=True)\n" +
        "while True:\n  print(s.recv(4096).decode().replace('\\n',' '),flush=True)\n"
      let heard = ""
      const listener = spawn("python3", ["-c", script, socket])
      listener.stdout.on("data", (chunk: Buffer) => (heard += chunk.toString()))
      yield* Effect.addFinalizer(() => Effect.sync(() => void listener.kill("SIGKILL")))
      const until = (text: string) =>
        Effect.gen(function* () {
          while (!heard.includes(text)) yield* Effect.sleep("10 millis")
        }).pipe(Effect.timeout("10 seconds"))
      yield* until("bound")
      yield* told({ PATH: process.env["PATH"], NOTIFY_SOCKET: socket })
      yield* until("READY=1")
      yield* until("WATCHDOG=1")
    })
  )
})
