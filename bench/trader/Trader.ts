/** The built program, trading live at a hosted exchange with all of its safety on. */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseSettings } from "../../src/domain/settings/Parse.ts"
import { confirmationCode } from "../../src/layers/node/SettingsNode.ts"
import { rested } from "../../test/e2e/live.ts"
import type { Ready } from "../exchange/messages.ts"
import { TICK_BID } from "../exchange/messages.ts"
import { pause } from "../pause.ts"
import type { Order, Report, Request } from "./report.ts"

export type Settings = Readonly<Record<string, string>>

/** What a strategy of the bench's does: it buys at the price to act on, or again and again with short exits. */
const strategies = {
  onTick: `view.engaged || view.bid !== ${Number(TICK_BID)}
          ? []
          : [{ _tag: "Enter", limit: view.bid, exit: { target: view.bid * 1.05, stop: view.bid * 0.8, holdFor: 3600000 }, reason: "tick", features: {} }]`,
  busy: `view.engaged
          ? []
          : [{ _tag: "Enter", limit: view.bid, exit: { target: view.bid * 1.001, stop: view.bid * 0.999, holdFor: 20000 }, reason: "nothing is held", features: {} }]`
} as const

const moduleOf = (signals: string): string => `export default {
  name: "bench",
  make: () => ({
    _tag: "Right",
    right: {
      name: "bench",
      intervalMinutes: 1,
      warmUpCandles: 2,
      initial: null,
      warmUp: () => null,
      step: (state, view) => ({ _tag: "Ready", state, features: {}, signals: ${signals} })
    }
  })
}
`

/** Defaults, but for what would end a run of hundreds of entries or what a loaded machine trips over. */
const settingsOf = (ready: Ready, strategy: string, dataDir: string): Settings => {
  const chosen: Settings = {
    TRADING_MODE: "live",
    KRAKEN_REST_URL: ready.restUrl,
    KRAKEN_WS_URL: ready.wsUrl,
    KRAKEN_WS_AUTH_URL: ready.wsAuthUrl,
    KRAKEN_API_KEY: ready.apiKey,
    KRAKEN_API_SECRET: ready.apiSecret,
    KRAKEN_API_TIER: "pro",
    STRATEGY: strategy,
    DATA_DIR: dataDir,
    MAX_TRADES_PER_DAY: "100000",
    MIN_TRADE_INTERVAL: "0s",
    ENTRY_EXPIRY: "10s",
    COOLDOWN_AFTER_LOSS: "0s",
    MAX_DAILY_LOSSES: "1000",
    MAX_CLOCK_SKEW: "5s",
    STALE_AFTER: "1m",
    LOG_FORMAT: "json"
  }
  const parsed = parseSettings(chosen, { entries: [], problems: [] })
  if (parsed._tag === "Left") throw new Error(JSON.stringify(parsed.left))
  return { ...chosen, LIVE_TRADING_CONFIRMED: confirmationCode(parsed.right) }
}

export interface Trader {
  readonly pid: number
  /** Milliseconds from the call that starts the process to its own first instant. */
  readonly bootMs: number
  /** Milliseconds from its first instant to the first order that it sent; of them, those in which it only waited. */
  readonly firstOrder: Promise<Order>
  /** What it tells about itself; only when it was started with a `report`. */
  readonly report: () => Promise<Report>
  /** Its log so far. */
  readonly log: () => string
  /** Waits until its own status says that it may enter. */
  readonly entering: (withinMs: number) => Promise<void>
  /** Runs a command of the program's beside it, with the same settings; milliseconds. */
  readonly command: (...args: ReadonlyArray<string>) => Promise<number>
  /** Stops it as a person would, and removes its folder. */
  readonly stop: () => Promise<void>
}

export interface TraderOptions {
  readonly program: string
  readonly strategy: keyof typeof strategies
  /** Looks inside: memory, event loop, first order; costs a little of each. */
  readonly watched: boolean
  /** Options of Node's, a profiler's say. */
  readonly nodeOptions: ReadonlyArray<string>
}

/** The state that a running trader's status tells; nothing while there is none. */
const stateOf = async (dataDir: string): Promise<string | undefined> => {
  try {
    const { url } = JSON.parse(readFileSync(join(dataDir, "control.json"), "utf8")) as { readonly url: string }
    const { state } = (await (await fetch(`${url}/status`)).json()) as { readonly state: string }
    return state
  } catch {
    return undefined
  }
}

const STOP_MS = 30_000
const REPORT_MS = 10_000

export const startTrader = async (ready: Ready, options: TraderOptions): Promise<Trader> => {
  const folder = mkdtempSync(join(tmpdir(), "kraken-bench-"))
  const dataDir = join(folder, "data")
  const strategy = join(folder, "strategy.mjs")
  writeFileSync(strategy, moduleOf(strategies[options.strategy]))
  await rested(dataDir)
  const program = resolve(options.program)
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    XDG_STATE_HOME: join(folder, "state"),
    ...settingsOf(ready, strategy, dataDir)
  }
  const inspect = options.watched ? ["--require", resolve("bench/trader/preload.cjs")] : []
  const calledAt = performance.timeOrigin + performance.now()
  const child = spawn(process.execPath, [...inspect, ...options.nodeOptions, program, "trade"], {
    cwd: folder,
    env,
    stdio: options.watched ? ["ignore", "ignore", "pipe", "ipc"] : ["ignore", "ignore", "pipe"],
    serialization: "advanced"
  })
  let log = ""
  child.stderr?.on("data", (part: Buffer) => (log += part.toString()))
  const ended = new Promise<number | null>((done) => {
    child.once("exit", (code) => done(code))
  })
  const { pid } = child
  if (pid === undefined) throw new Error("the trader did not start")

  const asked = new Map<string, (answer: Report | Order) => void>()
  child.on("message", (message: { readonly kind: string; readonly value: Report | Order }) => {
    asked.get(message.kind)?.(message.value)
  })
  const hear = <A extends Report | Order>(kind: string, withinMs: number): Promise<A> =>
    new Promise((done, refuse) => {
      const late = setTimeout(() => refuse(new Error(`the trader did not tell its ${kind}:\n${log}`)), withinMs)
      // the preload answers each kind with its own form
      asked.set(kind, (answer) => {
        clearTimeout(late)
        done(answer as A)
      })
    })
  const firstOrder = options.watched ? hear<Order>("order", 120_000) : new Promise<Order>(() => undefined)
  firstOrder.catch(() => undefined)
  const report = (): Promise<Report> => {
    const answer = hear<Report>("report", REPORT_MS)
    child.send("report" satisfies Request)
    return answer
  }
  const bootMs = options.watched ? (await report()).originMs - calledAt : Number.NaN
  return {
    pid,
    bootMs,
    firstOrder,
    report,
    log: () => log,
    entering: async (withinMs) => {
      const until = performance.now() + withinMs
      while ((await stateOf(dataDir)) !== "trading") {
        if (performance.now() > until) throw new Error(`the trader may not enter:\n${log}`)
        await pause(200)
      }
    },
    command: async (...args) => {
      const begun = performance.now()
      const beside = spawn(process.execPath, [program, ...args], { cwd: folder, env, stdio: "ignore" })
      await new Promise((done) => {
        beside.once("exit", done)
      })
      return performance.now() - begun
    },
    stop: async () => {
      child.kill("SIGTERM")
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS)
      await ended
      clearTimeout(late)
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}
