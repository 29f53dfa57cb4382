/** Ends the trader's process by force, after proving that it is the trader's: a stranger's is never touched. */
import { execFileSync } from "node:child_process"
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import { Effect, Layer, Option } from "effect"
import { Settings } from "../../services/Settings.ts"
import { CannotEnd, TraderProcess } from "../../services/TraderProcess.ts"
import { readControlFile } from "./ControlFile.ts"
import { dataLockPath, holderPath } from "./InstanceLockNode.ts"

/** What is asked of the operating system. */
export interface Machine {
  readonly platform: NodeJS.Platform
  readonly self: number
  /** Real paths of the files that a process has open; throws where they can't be seen. */
  readonly openFiles: (pid: number) => ReadonlyArray<string>
  /** The command line of a process; throws when there is none. */
  readonly commandLine: (pid: number) => string
  readonly kill: (pid: number) => void
}

const links = (folder: string): ReadonlyArray<string> =>
  FileSystem.readdirSync(folder).flatMap((name) => {
    try {
      return [FileSystem.readlinkSync(Path.join(folder, name))]
    } catch {
      // closed between the two calls
      return []
    }
  })

const PS_MS = 5_000

export const thisMachine: Machine = {
  platform: process.platform,
  self: process.pid,
  openFiles: (pid) => links(`/proc/${pid}/fd`),
  commandLine: (pid) =>
    execFileSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8", timeout: PS_MS }),
  kill: (pid) => process.kill(pid, "SIGKILL")
}

/** The program as a command line names it. */
const PROGRAM = /\bnode\b.*\b(main\.js|kraken-trader)\b/

const byHand = "End it by hand with the means of your system, then run this again."

/** The process named beside the lock: written by whoever took the lock last. */
const holderOf = (lock: string): number | undefined => {
  try {
    const [, pid] = /^process (\d+)$/.exec(FileSystem.readFileSync(holderPath(lock), "utf8").trim()) ?? []
    return pid === undefined ? undefined : Number(pid)
  } catch {
    return undefined
  }
}

/**
 * Why a process is not proved to be the trader of this folder. Only the process that the lock belongs to has the lock file
 * open for longer than an instant; where that can't be seen, control.json has to name the same process.
 */
const doubt = (machine: Machine, pid: number, lock: string, announced: number | undefined): string | undefined => {
  try {
    if (machine.platform === "linux") {
      const real = FileSystem.realpathSync(lock)
      return machine.openFiles(pid).includes(real) ? undefined : `process ${pid} does not have ${lock} open`
    }
    if (announced !== pid) return `the lock names process ${pid}, control.json ${announced ?? "none"}`
    return PROGRAM.test(machine.commandLine(pid)) ? undefined : `process ${pid} does not run this program`
  } catch (cause) {
    return `process ${pid} cannot be looked at (${cause instanceof Error ? cause.message : String(cause)})`
  }
}

const refuse = (detail: string): CannotEnd => new CannotEnd({ detail: `${detail}. Nothing was killed. ${byHand}` })

export const endOn = (machine: Machine, dataDir: string): Effect.Effect<number, CannotEnd> =>
  Effect.suspend(() => {
    const lock = dataLockPath(dataDir)
    const pid = holderOf(lock)
    const announced = Option.getOrUndefined(readControlFile(dataDir))?.pid
    if (machine.platform === "win32") return refuse("on Windows no process is ended by this command")
    if (pid === undefined) return refuse(`nothing beside ${lock} says which process holds it`)
    if (pid === machine.self) return refuse("the lock is this process's own")
    const why = doubt(machine, pid, lock, announced)
    if (why !== undefined) return refuse(why)
    return Effect.try({
      try: () => {
        machine.kill(pid)
        return pid
      },
      catch: (cause) =>
        refuse(`process ${pid} could not be ended (${cause instanceof Error ? cause.message : String(cause)})`)
    })
  })

export const TraderProcessNode: Layer.Layer<TraderProcess, never, Settings> = Layer.effect(
  TraderProcess,
  Effect.map(Settings, ({ dataDir }) => TraderProcess.of({ end: endOn(thisMachine, dataDir) }))
)
