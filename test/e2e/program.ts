/** Runs the built program as a process of its own, in a folder of its own, with nothing of this machine's settings. */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

const MAIN = resolve("dist/main.js")

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly error: string
}

export interface Running {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  readonly out: () => string
  readonly error: () => string
}

export interface Place {
  readonly directory: string
  readonly dataDir: string
  /** Starts the program; settings are environment variables. */
  readonly start: (args: ReadonlyArray<string>, settings?: Readonly<Record<string, string>>) => Running
  /** Runs it to its end. */
  readonly run: (args: ReadonlyArray<string>, settings?: Readonly<Record<string, string>>) => Promise<Ended>
  /** Ends what still runs; the folder stays. */
  readonly end: () => Promise<void>
  /** Ends what still runs, and removes the folder. */
  readonly clear: () => Promise<void>
}

export const makePlace = (): Place => {
  if (!existsSync(MAIN)) throw new Error("dist/main.js is missing: run `npm run build` first")
  const directory = mkdtempSync(join(tmpdir(), "kraken-e2e-"))
  const dataDir = join(directory, "data")
  const work = join(directory, "work")
  mkdirSync(work)
  const alive = new Set<ChildProcess>()
  const start: Place["start"] = (args, settings = {}) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: work,
      env: {
        PATH: process.env["PATH"],
        HOME: directory,
        XDG_STATE_HOME: join(directory, "state"),
        DATA_DIR: dataDir,
        ...settings
      }
    })
    alive.add(child)
    let out = ""
    let error = ""
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()))
    const ended = new Promise<Ended>((done) => {
      child.on("close", (code) => {
        alive.delete(child)
        done({ code, out, error })
      })
    })
    return { process: child, ended, out: () => out, error: () => error }
  }
  const end = async (): Promise<void> => {
    const rest = [...alive]
    for (const child of rest) child.kill("SIGKILL")
    await Promise.all(rest.map((child) => new Promise((done) => child.once("close", done))))
  }
  return {
    directory,
    dataDir,
    start,
    run: (args, settings) => start(args, settings).ended,
    end,
    clear: async () => {
      await end()
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

/** Asks until the answer is right; fails with the last answer when time is up. */
export const eventually = async <A>(
  ask: () => Promise<A>,
  right: (answer: A) => boolean,
  withinMs = 30_000
): Promise<A> => {
  const until = Date.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (right(answer)) return answer
    if (Date.now() > until) throw new Error(`not so in time; the last answer was ${JSON.stringify(answer)}`)
    await new Promise((done) => {
      setTimeout(done, 100)
    })
  }
}
