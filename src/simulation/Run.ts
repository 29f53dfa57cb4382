/**
 * One simulation: a plan is carried out on virtual time, the trader lives, dies and starts again, and after the faults a
 * quiet phase shows whether everything comes to rest. The same plan gives the same run, to the last byte.
 */
import BetterSqlite3 from "better-sqlite3"
import { createHash } from "node:crypto"
import type { Hash } from "node:crypto"
import * as FileSystem from "node:fs"
import * as OperatingSystem from "node:os"
import * as Path from "node:path"
import { Effect, HashMap, Layer, Option } from "effect"
import { defaultConfig, defaultSwitches, tradingPermissions } from "../domain/exchange/Config.ts"
import * as Exchange from "../domain/exchange/Exchange.ts"
import { initial } from "../domain/exchange/Initial.ts"
import type { Permission } from "../domain/exchange/Config.ts"
import type { Instrument } from "../domain/market/Instrument.ts"
import { make as makeRandom, seedOf } from "../domain/exchange/market/Random.ts"
import * as Operator from "../domain/exchange/Operator.ts"
import type { ExchangeState, Order } from "../domain/exchange/State.ts"
import * as Fixed from "../domain/money/Fixed.ts"
import * as Money from "../domain/money/Money.ts"
import type { EpochMs } from "../domain/Time.ts"
import { iso } from "../domain/Time.ts"
import { makeFaults } from "../layers/exchange/Faults.ts"
import { mockSettingsValue } from "../layers/mock/MockSettings.ts"
import * as Database from "../layers/sqlite/Database.ts"
import * as StoreSqlite from "../layers/sqlite/StoreSqlite.ts"
import { Store } from "../services/Store.ts"
import type { SettingsShape } from "../services/Settings.ts"
import { Effects } from "./Effects.ts"
import { Judge } from "./Judge.ts"
import type { Violation } from "./Judge.ts"
import { Loop, world } from "./Loop.ts"
import { ANCHOR, Market, SYMBOL } from "./Market.ts"
import { Network } from "./Network.ts"
import type { End, Outcome } from "./Outcome.ts"
import { outcome } from "./Outcome.ts"
import type { Act, Plan } from "./Plan.ts"
import { Process } from "./Process.ts"
import { SimExchange } from "./SimExchange.ts"
import { sealed } from "./sealed.ts"
import { eager, told } from "./strategies.ts"
import type { Told } from "./strategies.ts"
import { endWord, keyOf, live } from "./Trader.ts"
import type { Life } from "./Trader.ts"
import { Traffic } from "./Traffic.ts"

export interface RunResult {
  readonly violations: ReadonlyArray<Violation>
  /** Over everything that was sent, heard, decided and done. */
  readonly hash: string
  readonly simulatedMs: number
  /** From the end of the faults until books and account agreed, nothing was unknown and an entry had been placed, for good. */
  readonly settledAfterMs: number | undefined
  readonly tasks: number
  readonly effects: number
  /** What the struck effect was. */
  readonly struck: string | undefined
  readonly steps: number
  readonly orders: number
  readonly entries: number
  readonly fills: number
  readonly lives: number
  readonly faults: number
  /** Effects until everything was made to work again. */
  readonly effectsInStory: number
  readonly outcome: Outcome
}

const API_KEY = "c2ltdWxhdGVkLWtleS1vZi10aGUtc2ltdWxhdGlvbg=="
const PREFIX = "ksim0-"
/** The quiet phase lasts at least and at most so long. */
const QUIET_LEAST_MS = 120_000
const QUIET_MOST_MS = 45 * 60_000
const LOOK_EVERY_MS = 5000
const CHECK_EVERY_MS = 60_000
/** How often an act that waits for an order looks for it. */
const PATIENCE_STEP_MS = 250
const OTHER_PROGRAM_EVERY_MS = 500
/** A schema that no version of this program knows. */
const NEWER_SCHEMA = 9999
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

class Simulation {
  readonly loop: Loop
  readonly judge: Judge
  readonly effects: Effects
  readonly exchange: SimExchange
  private readonly plan: Plan
  private readonly options: RunOptions
  private readonly root: string
  private readonly machine = { skewMs: 0 }
  private readonly faults
  private readonly network: Network
  private readonly market: Market
  private readonly hash: Hash = createHash("sha256")
  private readonly told: Told = { wishes: [] }
  private readonly traffic = new Traffic()
  private readonly ends: Array<End> = []
  private readonly alerts: Array<{ readonly at: number; readonly kind: string }> = []
  private readonly rules: Instrument | undefined
  private process: Process
  private life: Life | undefined
  private lives = 0
  private file = ""
  private acts = 0
  private quiet = false

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

  private settings(): SettingsShape {
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

  private note(line: string): void {
    this.hash.update(line)
    this.options.onLine?.(line)
  }

  private aside(): string {
    const file = Path.join(Path.dirname(this.file), StoreSqlite.SIDE_FILE)
    return FileSystem.existsSync(file) ? FileSystem.readFileSync(file, "latin1").replace(/\0+$/, "") : ""
  }

  // ---- lives -----------------------------------------------------------------------------------------------------------

  /** The folder of the next life: what was committed so far, as the disk has it. */
  private nextFolder(torn: boolean): void {
    const { life } = this
    this.life = undefined
    this.lives += 1
    const folder = Path.join(this.root, String(this.lives))
    FileSystem.mkdirSync(Path.join(folder, "backups"), { recursive: true })
    const before = this.file
    this.file = Path.join(folder, "trading.db")
    if (before === "") return
    for (const name of ["trading.db", "trading.db-wal", StoreSqlite.SIDE_FILE]) {
      const from = Path.join(Path.dirname(before), name)
      if (FileSystem.existsSync(from)) FileSystem.copyFileSync(from, Path.join(folder, name))
    }
    // a frame of the log that was being written when the power went: SQLite must find that it is not whole
    if (torn) FileSystem.appendFileSync(`${this.file}-wal`, Buffer.alloc(1500, 0x5a))
    this.judge.close()
    life?.letGo()
    FileSystem.rmSync(Path.dirname(before), { recursive: true, force: true })
  }

  private start(torn: boolean): void {
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
  private ended(process: Process, word: string): void {
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

  private downMs = 5000
  /** The trader has told that nothing is bought in this life. */
  private exitsOnly = false

  private crash(downMs: number, torn: boolean): void {
    const { loop, network, process } = this
    if (!process.alive) return
    this.note(`${loop.now} crash`)
    process.kill()
    network.hangUp(process)
    loop.at(loop.now + downMs, world, () => this.start(torn))
  }

  // ---- acts ------------------------------------------------------------------------------------------------------------

  /** Another process commits a change of the fence. */
  private moveFence(
    change: { readonly paused?: boolean; readonly operatorLatch?: Option.Option<string> },
    closed: boolean
  ): void {
    const layer = StoreSqlite.layer.pipe(Layer.provide(Database.layer({ file: this.file, role: "visitor" })))
    const moved = Effect.runSyncExit(
      Effect.flatMap(Store, (store) => store.moveFence(change)).pipe(Effect.provide(layer), Effect.scoped)
    )
    if (moved._tag === "Success") this.judge.onFence(moved.value.epoch, closed, this.loop.now)
  }

  private resting(side: "buy" | "sell"): Order | undefined {
    const { account } = this.exchange.state
    return account.open
      .map((txid) => Option.getOrUndefined(HashMap.get(account.orders, txid)))
      .find((order) => order?.side === side && this.judge.isOwn(order))
  }

  /** Looks for an order until there is one, as long as patience lasts. */
  private onResting(side: "buy" | "sell", patienceMs: number, then: (order: Order) => void): void {
    const order = this.resting(side)
    if (order !== undefined) then(order)
    else if (patienceMs > 0 && !this.quiet) {
      this.later(PATIENCE_STEP_MS, () => this.onResting(side, patienceMs - PATIENCE_STEP_MS, then))
    }
  }

  private permit(permissions: ReadonlyArray<Permission>): void {
    this.exchange.take((state) => ({
      state: Operator.setKey(state, { apiKey: API_KEY, permissions, nonceWindow: 0n }),
      frames: []
    }))
  }

  private rule(change: Partial<Omit<Instrument, "symbol">>): void {
    this.operate((state, now) => Operator.setInstrument(state, SYMBOL, change, now))
  }

  /** Another program's call with this key, as the exchange remembers it. */
  private useKey(aheadMs: number): void {
    this.exchange.take((state, now) => {
      const key = state.keys.get(API_KEY)
      const nonce = BigInt(Math.floor(now + aheadMs))
      if (key === undefined || key.nonce >= nonce) return { state, frames: [] }
      return { state: { ...state, keys: new Map(state.keys).set(API_KEY, { ...key, nonce }) }, frames: [] }
    })
  }

  private twin(price: string, volume: string): void {
    const id = `${PREFIX}${Math.floor(this.loop.now + 1).toString(36)}`
    this.judge.strangers.add(id)
    this.exchange.take((state, now) => {
      const nonce = `${(state.keys.get(API_KEY)?.nonce ?? 0n) + 1n}`
      const order = { nonce, pair: "XLMUSD", type: "buy", ordertype: "limit", price, volume, cl_ord_id: id }
      const params = new Map(Object.entries(order))
      return Exchange.privateCall(state, API_KEY, { endpoint: "AddOrder", params }, now)
    })
  }

  /** What the program of another version has done to the database: its schema is a number. */
  private schema(version: number | undefined): number {
    const raw = new BetterSqlite3(this.file)
    try {
      const before = Number(raw.pragma("user_version", { simple: true }))
      if (version !== undefined && version !== before) raw.pragma(`user_version = ${version}`)
      return before
    } finally {
      raw.close()
    }
  }

  private knownSchema: number | undefined

  private later(ms: number, then: () => void): void {
    this.loop.at(this.loop.now + ms, world, then)
  }

  private operate<A>(call: (state: ExchangeState, now: EpochMs) => Operator.Done<A>): void {
    this.exchange.take(call)
  }

  private act(act: Act): void {
    const { exchange, faults, loop, market, network } = this
    this.acts += 1
    this.note(`${loop.now} act ${write(act)}`)
    switch (act._tag) {
      case "Fault": {
        const id = faults.add(act.fault)
        return this.later(act.armedMs, () => faults.clear(id))
      }
      case "NetworkDown":
        return network.cut(act.ms)
      case "Disconnect":
        return network.disconnect(act.stream, act.code)
      case "Tokens":
        exchange.take((state) => ({ state: Operator.expireTokens(state), frames: [] }))
        return
      case "System":
        this.operate((state, now) => Operator.setSystem(state, act.mode, now))
        return this.later(act.ms, () => this.operate((state, now) => Operator.setSystem(state, "online", now)))
      case "Switches":
        exchange.take((state) => ({ state: Operator.setSwitches(state, act.change), frames: [] }))
        return this.later(act.ms, () => {
          exchange.take((state) => ({ state: Operator.setSwitches(state, defaultSwitches), frames: [] }))
        })
      case "Deposit":
        return this.operate((state, now) => Operator.deposit(state, act.asset, Money.usd(act.amount), now))
      case "Withdraw":
        return this.operate((state, now) => Operator.withdraw(state, act.asset, Money.usd(act.amount), now))
      case "ToFlex":
        this.operate((state, now) => Operator.transferToFlex(state, act.asset, Money.usd(act.amount), now))
        return this.later(act.ms, () =>
          this.operate((state, now) => Operator.transferFromFlex(state, act.asset, Money.usd(act.amount), now))
        )
      case "ByHand":
        return this.operate((state, now) =>
          Operator.placeForeign(state, { symbol: SYMBOL, side: act.side, type: "market", quantity: act.quantity }, now)
        )
      case "EndedByExchange":
        return this.onResting(act.side, act.patienceMs ?? 0, (order) => {
          this.operate((state, now) => Operator.cancelByExchange(state, order.txid, "Canceled by the exchange", now))
        })
      case "Filled":
        return this.onResting(act.side, act.patienceMs ?? 0, (order) => {
          const part = Fixed.toDecimals(((order.quantity - order.filled) * BigInt(act.percent)) / 100n, 8, "down")
          if (part > 0n) this.operate((state, now) => Operator.injectFill(state, order.txid, part, now))
        })
      case "Jump":
        return market.jump(act.percent)
      case "Drift":
        return market.drifts(act.percent, act.ms)
      case "Quiet":
        return market.quiet(act.ms)
      case "Crossed":
        return market.cross(act.ms)
      case "Crash":
        return this.crash(act.downMs, act.torn)
      case "Stop":
        this.downMs = act.downMs
        return this.process.alive ? this.life?.stop() : undefined
      case "Freeze":
        return this.process.freeze(act.ms)
      case "ClockStep":
        this.machine.skewMs += act.deltaMs
        return this.later(act.ms, () => {
          if (!this.quiet) this.machine.skewMs -= act.deltaMs
        })
      case "Disk":
        this.effects.disk = act.reason
        return this.later(act.ms, () => {
          this.effects.disk = undefined
        })
      case "Pause":
        this.moveFence({ paused: true }, true)
        return this.later(act.ms, () => this.moveFence({ paused: false }, false))
      case "CancelAll":
        return this.moveFence({ operatorLatch: Option.some("cancel --all") }, true)
      case "Enter":
        this.told.wishes.push(act)
        return
      case "When":
        return this.traffic.wait(act)
      case "Rewrite":
        return this.traffic.rewrite(act)
      case "Key":
        this.permit(act.permissions)
        return this.later(act.ms, () => this.permit(tradingPermissions))
      case "Rules": {
        const { minCost, minQuantity, status } = act
        this.rule({
          ...(minCost === undefined ? {} : { minCost: Money.usd(minCost) }),
          ...(minQuantity === undefined ? {} : { minQuantity: Money.quantity(minQuantity) }),
          ...(status === undefined ? {} : { status })
        })
        return this.later(act.ms, () => (this.rules === undefined ? undefined : this.rule(this.rules)))
      }
      case "OtherProgram":
        for (let n = 0; n < act.times; n += 1) {
          this.later(n * OTHER_PROGRAM_EVERY_MS, () => this.useKey(act.aheadMs))
        }
        return
      case "Twin":
        return this.twin(act.price, act.quantity)
      case "NewerSchema":
        this.knownSchema ??= this.schema(NEWER_SCHEMA)
        return this.later(act.ms, () => void this.schema(this.knownSchema))
    }
  }

  // ---- the quiet phase -------------------------------------------------------------------------------------------------

  /** Everything works again, and stays so. */
  private calm(): void {
    this.quiet = true
    this.note(`${this.loop.now} calm`)
    this.faults.clear()
    this.network.mend()
    this.effects.disk = undefined
    this.machine.skewMs = 0
    this.exchange.take((state) => ({ state: Operator.setSwitches(state, defaultSwitches), frames: [] }))
    if (this.exchange.state.system !== "online") this.operate((state, now) => Operator.setSystem(state, "online", now))
    // what was taken out of the trader's own coins is brought back, as its alert asks for
    const missing = this.judge.missing()
    if (missing > 0n) this.operate((state, now) => Operator.deposit(state, "XLM", missing, now))
    this.market.calm()
    this.traffic.clear()
    this.permit(tradingPermissions)
    const rules = this.exchange.state.markets.get(SYMBOL)?.rules
    if (this.rules !== undefined && rules !== this.rules) this.rule(this.rules)
    if (this.knownSchema !== undefined) this.schema(this.knownSchema)
    this.moveFence({ paused: false, operatorLatch: Option.none() }, false)
  }

  /** What the operator does when a latch waits for a person. */
  private attend(): void {
    // a start that found something to correct says so, and waits for a person to start it again
    if (this.exitsOnly && this.process.alive) {
      this.exitsOnly = false
      this.downMs = 1000
      this.life?.stop()
    }
    const held = this.judge.latched()
    for (const line of held) {
      const invariant = line.startsWith("invariant")
      // refused nonces that the plan itself sends are rightly taken for another program on the key
      const refusedNonce = line.includes("higher nonce") && write(this.plan.steps).includes("EAPI:Invalid nonce")
      const told = this.plan.latches?.includes("invariant") === true
      if (invariant && !refusedNonce && !told) this.judge.violate("I22", this.loop.now, `the trader found ${line}`)
      if (invariant || line.startsWith("balance") || line.startsWith("operator")) {
        const engine = this.process.alive ? this.life?.engine() : undefined
        engine?.offer({ _tag: "Reset", cause: undefined, reason: "the simulated operator has looked" })
      }
    }
  }

  private settle(): number | undefined {
    const { judge, loop } = this
    const from = loop.now
    const entriesBefore = judge.entries
    this.told.wishes.splice(0, Number.POSITIVE_INFINITY, {})
    let waiting: ReadonlyArray<string> = []
    let settledAfter: number | undefined
    while (loop.now - from < QUIET_MOST_MS) {
      if (!this.advance(loop.now + LOOK_EVERY_MS)) return undefined
      this.tellMinute()
      if (!this.process.alive) {
        waiting = ["the trader does not run"]
        settledAfter = undefined
        continue
      }
      this.attend()
      waiting = [...judge.differences(), ...judge.unattended()]
      // the day's loss is the day's
      const spent = judge.latched().some((line) => line.startsWith("dailyLoss"))
      if (judge.entries === entriesBefore && !spent)
        waiting = [...waiting, "no entry has been placed since the faults ended"]
      settledAfter = waiting.length === 0 ? (settledAfter ?? loop.now - from) : undefined
      if (settledAfter !== undefined && loop.now - from >= QUIET_LEAST_MS) return settledAfter
      if (judge.violations.length > 0) return undefined
    }
    for (const line of waiting) judge.violate("I20", loop.now, line)
    const latched = judge.latched()
    if (waiting.length > 0 && latched.length > 0) judge.violate("I20", loop.now, `still latched: ${latched.join("; ")}`)
    return undefined
  }

  private advance(until: EpochMs): boolean {
    if (this.loop.run(until)) return true
    this.judge.violate("I20", this.loop.now, "the program spins: time does not move on")
    return false
  }

  private tellMinute(): void {
    const { judge, loop, options, plan } = this
    options.onMinute?.({
      simulatedMs: loop.now - plan.start,
      tasks: loop.ran,
      violations: judge.violations.length
    })
  }

  run(): RunResult {
    const { effects, exchange, judge, loop, plan } = this
    this.market.run()
    this.start(false)
    for (const { act, at } of plan.steps) {
      loop.at(plan.start + at, world, () => this.act(act))
    }
    const end = plan.start + plan.lengthMs
    while (loop.now < end && judge.violations.length === 0) {
      if (!this.advance(Math.min(end, loop.now + CHECK_EVERY_MS))) break
      judge.checkBooked()
      this.tellMinute()
    }
    let settledAfterMs: number | undefined
    const effectsInStory = effects.count
    if (judge.violations.length === 0 && this.options.storyOnly !== true) {
      this.calm()
      settledAfterMs = this.settle()
      judge.checkBooked()
    }
    this.process.kill()
    const told = outcome({
      state: exchange.state,
      plan,
      isOwn: (order) => judge.isOwn(order),
      latches: judge.history(),
      ends: this.ends,
      alerts: this.alerts,
      requests: judge.requests
    })
    judge.close()
    this.life?.letGo()
    FileSystem.rmSync(this.root, { recursive: true, force: true })
    return {
      violations: judge.violations,
      hash: this.hash.digest("hex").slice(0, 16),
      simulatedMs: loop.now - plan.start,
      settledAfterMs,
      tasks: loop.ran,
      effects: effects.count,
      struck: effects.struck,
      steps: exchange.steps,
      orders: judge.orders,
      entries: judge.entries,
      fills: judge.fills,
      lives: this.lives,
      faults: this.acts,
      effectsInStory,
      outcome: told
    }
  }
}

/** Plain data as text; amounts are big integers. */
const write = (data: unknown): string =>
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

/** Carries a plan out. */
export const simulate = (plan: Plan, options: RunOptions = {}): RunResult => {
  const simulation = new Simulation(plan, options)
  return sealed(
    () => simulation.run(),
    (what) => simulation.judge.violate("I21", simulation.loop.now, `something waited for the machine: ${what}`)
  )
}

/** A violation as a line. */
export const tell = ({ at, invariant, text }: Violation): string => `${iso(at)} ${invariant}: ${text}`
