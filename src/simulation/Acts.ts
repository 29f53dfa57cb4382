/** What can happen to a simulated world, act by act. */
import BetterSqlite3 from "better-sqlite3"
import { Effect, HashMap, Layer, Option } from "effect"
import { defaultSwitches, tradingPermissions } from "../domain/exchange/Config.ts"
import * as Exchange from "../domain/exchange/Exchange.ts"
import type { Permission } from "../domain/exchange/Config.ts"
import type { Instrument } from "../domain/market/Instrument.ts"
import * as Operator from "../domain/exchange/Operator.ts"
import type { ExchangeState, Order } from "../domain/exchange/State.ts"
import * as Fixed from "../domain/money/Fixed.ts"
import * as Money from "../domain/money/Money.ts"
import type { EpochMs } from "../domain/Time.ts"
import * as Database from "../layers/sqlite/Database.ts"
import * as StoreSqlite from "../layers/sqlite/StoreSqlite.ts"
import { Store } from "../services/Store.ts"
import type { StoreShape } from "../services/Store.ts"
import { world } from "./Loop.ts"
import { SYMBOL } from "./Market.ts"
import type { Act } from "./Plan.ts"
import { API_KEY, PREFIX, World, write } from "./World.ts"
/** How often an act that waits for an order looks for it. */
const PATIENCE_STEP_MS = 250
const OTHER_PROGRAM_EVERY_MS = 500
/** How often an operator who wants to take a latch back looks whether there is a trader. */
const LATCH_STEP_MS = 5000
/** A schema that no version of this program knows. */
const NEWER_SCHEMA = 9999

export abstract class Acts extends World {
  /** Another process commits a change of the fence. */
  protected moveFence(change: Parameters<StoreShape["moveFence"]>[0], closed: boolean): void {
    const layer = StoreSqlite.layer.pipe(Layer.provide(Database.layer({ file: this.file, role: "visitor" })))
    const moved = Effect.runSyncExit(
      Effect.flatMap(Store, (store) => store.moveFence(change)).pipe(Effect.provide(layer), Effect.scoped)
    )
    if (moved._tag === "Success") this.judge.onFence(moved.value.epoch, closed, this.loop.now)
  }

  /** The operator takes the latch back, as soon as there is a trader to tell. */
  private letIn(): void {
    if (this.quiet) return
    const engine = this.process.alive ? this.life?.engine() : undefined
    if (engine === undefined) return this.later(LATCH_STEP_MS, () => this.letIn())
    this.moveFence({ operatorLatch: Option.none() }, false)
    this.process.accept(() => {
      engine.offer({ _tag: "Reset", cause: "operator", reason: "everything was sold" })
    })
  }

  protected resting(side: "buy" | "sell"): Order | undefined {
    const { account } = this.exchange.state
    return account.open
      .map((txid) => Option.getOrUndefined(HashMap.get(account.orders, txid)))
      .find((order) => order?.side === side && this.judge.isOwn(order))
  }

  /** Looks for an order until there is one, as long as patience lasts. */
  protected onResting(side: "buy" | "sell", patienceMs: number, then: (order: Order) => void): void {
    const order = this.resting(side)
    if (order !== undefined) then(order)
    else if (patienceMs > 0 && !this.quiet) {
      this.later(PATIENCE_STEP_MS, () => this.onResting(side, patienceMs - PATIENCE_STEP_MS, then))
    }
  }

  protected permit(permissions: ReadonlyArray<Permission>): void {
    this.exchange.take((state) => ({
      state: Operator.setKey(state, { apiKey: API_KEY, permissions, nonceWindow: 0n }),
      frames: []
    }))
  }

  protected rule(change: Partial<Omit<Instrument, "symbol">>): void {
    this.operate((state, now) => Operator.setInstrument(state, SYMBOL, change, now))
  }

  /** Another program's call with this key, as the exchange remembers it. */
  protected useKey(aheadMs: number): void {
    this.exchange.take((state, now) => {
      const key = state.keys.get(API_KEY)
      const nonce = BigInt(Math.floor(now + aheadMs))
      if (key === undefined || key.nonce >= nonce) return { state, frames: [] }
      return { state: { ...state, keys: new Map(state.keys).set(API_KEY, { ...key, nonce }) }, frames: [] }
    })
  }

  protected twin(price: string, volume: string): void {
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
  protected schema(version: number | undefined): number {
    const raw = new BetterSqlite3(this.file)
    try {
      const before = Number(raw.pragma("user_version", { simple: true }))
      if (version !== undefined && version !== before) raw.pragma(`user_version = ${version}`)
      return before
    } finally {
      raw.close()
    }
  }

  protected knownSchema: number | undefined

  protected later(ms: number, then: () => void): void {
    this.loop.at(this.loop.now + ms, world, then)
  }

  protected operate<A>(call: (state: ExchangeState, now: EpochMs) => Operator.Done<A>): void {
    this.exchange.take(call)
  }

  protected act(act: Act): void {
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
      case "Flatten":
        this.moveFence({ operatorLatch: Option.some("flatten"), flatten: true }, true)
        return this.later(act.ms, () => this.letIn())
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
}
