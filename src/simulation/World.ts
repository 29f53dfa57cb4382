/**
 * The world of a simulation: exchange, market, network and machine on one loop, and the lives of the trader in it. The
 * folder of each life holds what was committed in the ones before.
 */
import { createHash } from "node:crypto"
import type { Hash } from "node:crypto"
import * as FileSystem from "node:fs"
import * as OperatingSystem from "node:os"
import * as Path from "node:path"
import type { Layer } from "effect"
import { defaultConfig, tradingPermissions } from "../domain/exchange/Config.ts"
import { initial } from "../domain/exchange/Initial.ts"
import type { Instrument } from "../domain/market/Instrument.ts"
import { make as makeRandom, seedOf } from "../domain/exchange/market/Random.ts"
import * as Money from "../domain/money/Money.ts"
import type { EpochMs } from "../domain/Time.ts"
import { makeFaults } from "../layers/exchange/Faults.ts"
import { mockSettingsValue } from "../layers/mock/MockSettings.ts"
import { NONCE_MARK } from "../layers/sqlite/NonceMark.ts"
import * as StoreSqlite from "../layers/sqlite/StoreSqlite.ts"
import type { SettingsShape } from "../services/Settings.ts"
import { Effects } from "./Effects.ts"
import { Judge } from "./Judge.ts"
import { Loop, world } from "./Loop.ts"
import { ANCHOR, Market, SYMBOL } from "./Market.ts"
import { Network } from "./Network.ts"
import type { End } from "./Outcome.ts"
import type { Act, Plan } from "./Plan.ts"
import { Process } from "./Process.ts"
import { SimExchange } from "./SimExchange.ts"
import { eager, told } from "./strategies.ts"
import type { Told } from "./strategies.ts"
import { endWord, keyOf, live } from "./Trader.ts"
import type { Life } from "./Trader.ts"
import { Traffic } from "./Traffic.ts"
/** How far a run is. */
export interface RunProgress {
  readonly simulatedMs: number
  readonly tasks: number
  readonly violations: number
}

export interface RunOptions {
  /** Told as it happens: for replays. */
  readonly onLine?: (line: string) => void
  readonly log?: Layer.Layer<never>
  /** Told of each effect of the trader's by its number and name. */
  readonly onEffect?: (effect: number, name: string) => void
  /** Ends where the quiet phase would begin: to learn what happens. */
  readonly storyOnly?: boolean
  /** Told at least once a simulated minute. */
  readonly onMinute?: (progress: RunProgress) => void
  /** The folder in which the run makes its own. */
  readonly shelf?: string
}

export const API_KEY = "c2ltdWxhdGVkLWtleS1vZi10aGUtc2ltdWxhdGlvbg=="
export const PREFIX = "ksim0-"
/** Characters that are hashed at once. */
const NOTED_AT_ONCE = 16_384
/** Alerts and ends that are kept for the outcome. */
const MAX_KEPT = 500
const secretOf = (seed: number): string => createHash("sha512").update(`simulated secret ${seed}`).digest("base64")
/** Ends that a service manager answers with a new start; any other needs a person, whom nothing here should have called. */
const expectedEnds = new Set([
  "stopped",
  "StoppedUnclean",
  "RecordsNotWritten",
  "StoreFailed",
  "ExchangeUnavailable",
  "ClockSkewed",
  "CommandFailed",
  // two refused nonces in a row at the start look like another program on the key
  "KeyUnfit"
])
/** Databases live in memory where the system has a place for that. */
export const shelf = (): string => (FileSystem.existsSync("/dev/shm") ? "/dev/shm" : OperatingSystem.tmpdir())

/** Plain data as text; amounts are big integers. */
export const write = (data: unknown): string =>
  JSON.stringify(data, (_, value: unknown) =>
    typeof value === "bigint" ? `${value}` : value instanceof Map ? [...value] : value
  ) ?? ""

const pastBars = (start: EpochMs, interval: number) => {
  const seconds = interval * 60
  const last = Math.floor(start / 1000 / seconds) * seconds - seconds
  return Array.from({ length: 60 }, (_, i) => ({
    time: last - (59 - i) * seconds,
    open: ANCHOR,
    high: ANCHOR * 1.001,
    low: ANCHOR * 0.999,
    close: ANCHOR,
    vwap: ANCHOR,
    volume: 1000,
    count: 10
  }))
}

export abstract class World {
  readonly loop: Loop
  readonly judge: Judge
  readonly effects: Effects
  readonly exchange: SimExchange
  protected readonly plan: Plan
  protected readonly options: RunOptions
  protected readonly root: string
  protected readonly machine = { skewMs: 0 }
  protected readonly faults
  protected readonly network: Network
  protected readonly market: Market
  protected readonly hash: Hash = createHash("sha256")
  /** What is not in the hash yet: hashing is cheaper by the page. */
  private noted = ""
  protected readonly told: Told = { wishes: [] }
  protected readonly traffic = new Traffic()
  protected readonly ends: Array<End> = []
  protected readonly alerts: Array<{ readonly at: number; readonly kind: string }> = []
  protected readonly rules: Instrument | undefined
  protected process: Process
  protected life: Life | undefined
  protected lives = 0
  protected file = ""
  protected acts = 0
  protected quiet = false

  constructor(plan: Plan, options: RunOptions) {
    this.plan = plan
    this.options = options
    this.root = FileSystem.mkdtempSync(Path.join(options.shelf ?? shelf(), "simulation-"))
    this.loop = new Loop(plan.start)
    const { loop } = this
    const secret = secretOf(plan.seed)
    this.faults = makeFaults(plan.seed)
    this.judge = new Judge({
      limits: this.settings().limits,
      prefix: PREFIX,
      file: () => this.file,
      aside: () => this.aside(),
      state: () => this.exchange.state
    })
    const config = {
      ...defaultConfig,
      seed: plan.seed,
      keys: [{ apiKey: API_KEY, permissions: tradingPermissions, nonceWindow: 0n }],
      history: (_: unknown, interval: number) => pastBars(plan.start, interval)
    }
    this.exchange = new SimExchange(
      loop,
      initial(config, plan.start),
      (frames) => this.network.deliver(frames),
      (before, after) => this.judge.onStep(before, after)
    )
    this.rules = this.exchange.state.markets.get(SYMBOL)?.rules
    let asked: { readonly side: string | undefined } = { side: undefined }
    this.network = new Network({
      loop,
      exchange: this.exchange,
      faults: this.faults,
      random: makeRandom(seedOf(plan.seed, "network")),
      secret,
      apiKey: API_KEY,
      ear: {
        onRequest: (endpoint, params, at) => {
          this.note(
            `${at} > ${endpoint} ${params.get("nonce") ?? ""} ${params.get("cl_ord_id") ?? ""} ${params.get("type") ?? ""} ${params.get("volume") ?? ""} ${params.get("price") ?? ""}`
          )
          const side = params.get("validate") === "true" ? undefined : params.get("type")
          asked = { side }
          for (const act of this.traffic.due(endpoint, side, false)) this.act(act)
          this.judge.onRequest(endpoint, params, at)
        },
        onExecuted: (endpoint, taken) => {
          const { entries } = this.judge
          this.judge.onExecuted(endpoint, taken)
          if (this.judge.entries > entries) this.told.wishes.shift()
          for (const act of this.traffic.due(endpoint, asked.side, true)) this.act(act)
        },
        onWay: (what, text) => this.traffic.onWay(what, text),
        onWritten: (endpoint, nonce, at) => this.judge.onWritten(endpoint, nonce, at),
        onHeard: (what, text, at) => {
          this.note(`${at} < ${what} ${text}`)
          this.judge.onHeard(what, text, at)
        }
      }
    })
    this.market = new Market(loop, this.exchange, makeRandom(seedOf(plan.seed, "market")), plan.market)
    this.effects = new Effects(
      plan.strike,
      () => this.crash(5000, false),
      (ms) => this.process.freeze(ms)
    )
    this.effects.onNext = options.onEffect
    this.process = new Process(loop, this.machine, plan.start)
  }

  protected settings(): SettingsShape {
    const { limits, seed } = this.plan
    return {
      ...mockSettingsValue,
      mode: "live",
      credentials: keyOf(API_KEY, secretOf(seed)),
      endpoints: {
        rest: "https://api.kraken.test",
        ws: "wss://ws.kraken.test/v2",
        wsAuth: "wss://ws-auth.kraken.test/v2"
      },
      dataDir: this.root,
      confirmed: mockSettingsValue.confirmationCode,
      limits: {
        ...mockSettingsValue.limits,
        maxTradeSize: Money.usd(limits.maxTradeSize),
        maxTotalExposure: Money.usd(limits.maxTotalExposure),
        maxDailyLoss: Money.usd(limits.maxDailyLoss),
        staleAfter: 30_000,
        maxTradesPerDay: 10_000,
        minTradeInterval: 10_000,
        cooldownAfterLoss: 0
      }
    }
  }

  protected note(line: string): void {
    this.noted += line
    if (this.noted.length > NOTED_AT_ONCE) this.digest()
    this.options.onLine?.(line)
  }

  /** Takes what was noted into the hash. */
  protected digest(): void {
    this.hash.update(this.noted)
    this.noted = ""
  }

  protected aside(): string {
    const file = Path.join(Path.dirname(this.file), StoreSqlite.SIDE_FILE)
    return FileSystem.existsSync(file) ? FileSystem.readFileSync(file, "latin1").replace(/\0+$/, "") : ""
  }

  // ---- lives -----------------------------------------------------------------------------------------------------------

  /** The folder of the next life: what was committed so far, as the disk has it. */
  protected nextFolder(torn: boolean): void {
    const { life } = this
    this.life = undefined
    this.lives += 1
    const folder = Path.join(this.root, String(this.lives))
    FileSystem.mkdirSync(Path.join(folder, "backups"), { recursive: true })
    const before = this.file
    this.file = Path.join(folder, "trading.db")
    if (before === "") return
    for (const name of ["trading.db", "trading.db-wal", StoreSqlite.SIDE_FILE, NONCE_MARK]) {
      const from = Path.join(Path.dirname(before), name)
      if (FileSystem.existsSync(from)) FileSystem.copyFileSync(from, Path.join(folder, name))
    }
    // a frame of the log that was being written when the power went: SQLite must find that it is not whole
    if (torn) FileSystem.appendFileSync(`${this.file}-wal`, Buffer.alloc(1500, 0x5a))
    this.judge.close()
    life?.letGo()
    FileSystem.rmSync(Path.dirname(before), { recursive: true, force: true })
  }

  protected start(torn: boolean): void {
    this.nextFolder(torn)
    const { effects, loop, machine, network, plan } = this
    const process = new Process(loop, machine, plan.start)
    this.process = process
    this.exitsOnly = false
    this.note(`${loop.now} start ${this.lives}`)
    this.judge.onStart()
    this.life = live({
      process,
      network,
      effects,
      settings: this.settings(),
      file: this.file,
      prefix: PREFIX,
      seed: seedOf(plan.seed, "life", this.lives),
      strategy: plan.strategy === "eager" ? eager(plan.seed) : told(plan.seed, this.told),
      onJournal: (entry) => this.note(`${entry.at} ${entry.kind} ${write(entry.data)}`),
      onAlert: (alert) => {
        this.note(`${loop.now} alert ${alert.kind} ${alert.text}`)
        if (alert.kind === "start.exits-only") this.exitsOnly = true
        if (this.alerts.length < MAX_KEPT) this.alerts.push({ at: loop.now - plan.start, kind: alert.kind })
      },
      onEnd: (end) => {
        if (process.alive) this.ended(process, endWord(end))
      },
      log: this.options.log
    })
  }

  /** The trader ended by itself: after a stop, or because it had to. A service manager starts it again. */
  protected ended(process: Process, word: string): void {
    const { judge, loop, network } = this
    this.note(`${loop.now} ended ${word}`)
    process.kill()
    network.hangUp(process)
    if (this.process !== process) return
    const { switchAt } = this.exchange.state
    if (this.ends.length < MAX_KEPT) {
      this.ends.push({ at: loop.now - this.plan.start, word, armed: switchAt !== undefined && switchAt > loop.now })
    }
    if (!expectedEnds.has(word) && this.plan.ends?.includes(word) !== true) {
      judge.violate("I20", loop.now, `the trader ended: ${word}`)
    }
    loop.at(loop.now + this.downMs, world, () => this.start(false))
    this.downMs = 5000
  }

  protected downMs = 5000
  /** The trader has told that nothing is bought in this life. */
  protected exitsOnly = false

  protected crash(downMs: number, torn: boolean): void {
    const { loop, network, process } = this
    if (!process.alive) return
    this.note(`${loop.now} crash`)
    process.kill()
    network.hangUp(process)
    loop.at(loop.now + downMs, world, () => this.start(torn))
  }

  /** Something happens. */
  protected abstract act(act: Act): void
}
