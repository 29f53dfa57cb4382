/**
 * The engine's fold, the real store, and an exchange that is only as careful as Kraken, beside the second ledger. What the
 * exchange says waits until a command delivers it: late, twice, in any order, with or without our id.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Either, ManagedRuntime, Option } from "effect"
import { assert } from "vitest"
import type { Decision } from "../../src/domain/engine/Decision.ts"
import type { LedgerMove } from "../../src/domain/engine/Event.ts"
import { dayLoss, entryStops, exposure } from "../../src/domain/engine/Views.ts"
import * as Money from "../../src/domain/money/Money.ts"
import { ClientOrderId, ExchangeOrderId } from "../../src/domain/order/Ids.ts"
import type { Order } from "../../src/domain/order/Order.ts"
import type { SendOutcome } from "../../src/domain/order/Outcome.ts"
import type { OrderReport } from "../../src/domain/order/Report.ts"
import type { ApprovedOrder } from "../../src/domain/risk/Approved.ts"
import type { Limits } from "../../src/domain/risk/Limits.ts"
import { DAY_MS, utcDay } from "../../src/domain/Time.ts"
import { withDatabase } from "../../src/layers/sqlite/StoreSqlite.ts"
import { Store } from "../../src/services/Store.ts"
import type { StoreShape } from "../../src/services/Store.ts"
import type { Untimed } from "../domain/engine/Rig.ts"
import { candles, Rig } from "../domain/engine/Rig.ts"
import { fill, limits, rate, status, usd, XLM } from "../support/build.ts"
import type { Executed, Seen } from "./Ledger.ts"
import { Ledger, moved, near, round } from "./Ledger.ts"

const ONE = 10n ** 12n
const TAKER = rate("0.004")
const MAKER = rate("0.0025")
const START_USD = usd("1000")

export const rules: Partial<Limits> = {
  maxTradeSize: usd("10"),
  maxTotalExposure: usd("25"),
  maxDailyLoss: usd("0.17"),
  maxTradesPerDay: 8,
  minTradeInterval: 2000,
  cooldownAfterLoss: 0,
  maxPriceJump: rate("1"),
  breakerThreshold: 100_000
}
const LIMITS = limits(rules)

/** An order as the exchange itself has it. */
interface Placed {
  readonly id: string
  readonly exchangeId: ExchangeOrderId
  readonly side: "buy" | "sell"
  readonly ioc: boolean
  quantity: bigint
  limit: bigint
  termsAt: number
  filled: bigint
  cost: bigint
  end: "filled" | "cancelled" | "expired" | undefined
}

/** An answer on its way to the engine. */
export interface Answer {
  readonly text: string
  readonly give: () => void
}

const big = (values: Iterable<bigint>): bigint => [...values].reduce((sum, value) => sum + value, 0n)

export class World {
  readonly ledger = new Ledger()
  rig: Rig
  private readonly folder: string
  private readonly runtime: ManagedRuntime.ManagedRuntime<Store, unknown>
  private readonly store: StoreShape

  // the exchange
  readonly placed = new Map<string, Placed>()
  readonly executed: Array<Executed> = []
  readonly reports: Array<OrderReport> = []
  private readonly past: Array<OrderReport> = []
  private readonly moves: Array<LedgerMove> = []
  private foreignUsd: bigint = START_USD

  // what the trader waits for
  readonly proposals = new Set<number>()
  readonly inFlight = new Map<string, ApprovedOrder>()
  readonly unknown = new Set<string>()
  readonly cancels = new Set<string>()
  readonly amends: Array<Extract<Decision, { _tag: "Amend" }>> = []
  readonly answers: Array<Answer> = []
  private readonly kept = new Map<string, Array<OrderReport>>()
  /** Exchange ids that the engine's memory connects with an order. */
  private readonly known = new Map<string, string>()
  private markAsked: string | undefined
  private ledgerAsked = false

  // the switches of the gates
  paused = false
  latched = false
  publicUp = true
  privateUp = true
  private seenFence = 0
  private readonly reconciling = new Set<string>()
  private bid: bigint | undefined
  private quotedAt = 0
  private serial = 0
  price = 1000

  constructor() {
    this.folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "model-"))
    this.runtime = ManagedRuntime.make(withDatabase({ file: join(this.folder, "trading.db"), role: "trader" }))
    this.store = this.runtime.runSync(Store)
    this.rig = new Rig({ limits: rules })
    this.begin()
  }

  async close(): Promise<void> {
    await this.runtime.dispose()
    rmSync(this.folder, { recursive: true, force: true })
  }

  get now(): number {
    return this.rig.now
  }

  private order(id: string): Order | undefined {
    return this.rig.state.orders.get(ClientOrderId(id))
  }

  private seen(id: string): Seen {
    const found = this.ledger.orders.get(id)
    assert.isDefined(found, `an order that the model lacks: ${id}`)
    return found as Seen
  }

  /** Folds one event, does at once what must be done at once, and keeps the rest for later commands. */
  send(event: Untimed): void {
    const { rig } = this
    const before = rig.state.dayMark
    rig.send(event)
    for (const decision of rig.last) this.obey(decision)
    const mark = rig.state.dayMark
    if (mark !== before && mark !== undefined) {
      const equity = this.ledger.equity(this.bid, TAKER)
      if (mark.source === "no lots") assert.strictEqual(this.ledger.held, 0n)
      if (mark.source === "no lots" || mark.source === "quote")
        assert.strictEqual<bigint | undefined>(mark.equity, equity)
      this.ledger.mark = { day: Math.floor(this.now / DAY_MS), equity: mark.equity }
    }
    const loss = this.ledger.loss(this.now, this.bid, TAKER)
    if (loss !== undefined && loss >= LIMITS.maxDailyLoss) this.ledger.lossOn = Math.floor(this.now / DAY_MS)
  }

  private obey(decision: Decision): void {
    switch (decision._tag) {
      case "Persist":
        return Effect.runSync(this.store.commit(decision.writes))
      case "Propose":
        this.proposals.add(decision.proposal.proposalId)
        return
      case "Cancel":
        this.cancels.add(decision.order.id)
        return
      case "Amend":
        this.amends.push(decision)
        return
      case "Settle":
        this.unknown.add(decision.order.id)
        return
      case "FetchOrder":
        return this.tell(decision.order.id, "rest")
      case "Identify":
        return this.answer(`identify ${decision.exchangeId}`, () => this.identify(decision.exchangeId))
      case "FetchDayMark":
        this.markAsked = decision.day
        return
      case "FetchLedger":
        this.ledgerAsked = true
        return
      case "CancelStray":
        return assert.fail(`a stray that there is not: ${decision.reason}`)
      default:
        return
    }
  }

  private answer(text: string, give: () => void): void {
    this.answers.push({ text, give })
  }

  // ---- the exchange

  /** Everything that REST or a snapshot would tell of an order. */
  private tell(id: string, source: OrderReport["source"]): void {
    const order = this.placed.get(id)
    if (order === undefined) return
    for (const one of this.executed.filter((e) => e.order === id))
      this.reports.push(this.fillReport(order, one, source, true))
    this.reports.push(this.statusReport(order, source, true))
  }

  private fillReport(order: Placed, one: Executed, source: OrderReport["source"], named: boolean): OrderReport {
    return {
      ...fill(one.id, "1", {}),
      source,
      exchangeId: order.exchangeId,
      ...(named ? { clientId: ClientOrderId(order.id) } : {}),
      side: one.side,
      price: Money.Price(one.price),
      quantity: Money.Quantity(one.quantity),
      cost: Money.Usd(one.cost),
      fee: one.fee,
      at: one.at
    }
  }

  private statusReport(order: Placed, source: OrderReport["source"], named: boolean): OrderReport {
    return status({
      source,
      exchangeId: order.exchangeId,
      ...(named ? { clientId: ClientOrderId(order.id) } : {}),
      status: order.end ?? "open",
      quantity: Money.Quantity(order.quantity),
      limitPrice: Money.Price(order.limit),
      cumQuantity: Money.Quantity(order.filled),
      cumCost: Money.Usd(order.cost),
      at: source === "rest" ? Math.max(this.now, order.termsAt) : this.now
    })
  }

  get live(): ReadonlyArray<Placed> {
    return [...this.placed.values()].filter((order) => order.end === undefined)
  }

  private arrive(approved: ApprovedOrder): Placed {
    const { limitPrice, quantity, side, timeInForce } = approved.proposal
    const order: Placed = {
      id: approved.id,
      exchangeId: ExchangeOrderId(`O${approved.id}`),
      side,
      ioc: timeInForce === "IOC",
      quantity,
      limit: limitPrice,
      termsAt: this.now,
      filled: 0n,
      cost: 0n,
      end: undefined
    }
    this.placed.set(approved.id, order)
    this.reports.push(this.statusReport(order, "stream", true))
    return order
  }

  /** Executes a part of a live order: `tenths` of what is left, on the lot grid. */
  execute(order: Placed, tenths: number, named: boolean): void {
    const left = order.quantity - order.filled
    const part = tenths >= 10 ? left : ((left * BigInt(tenths)) / 10n / 10_000n) * 10_000n
    if (part <= 0n) return
    const cost = round(near(order.limit * part, ONE), 8)
    const one: Executed = {
      id: `T${++this.serial}`,
      order: order.id,
      side: order.side,
      price: order.limit,
      quantity: part,
      cost,
      fee: round(near(cost * (order.ioc ? TAKER : MAKER), ONE), 8),
      at: this.now
    }
    this.executed.push(one)
    order.filled += part
    order.cost += cost
    if (order.filled === order.quantity) order.end = "filled"
    const change = order.side === "buy" ? one.quantity : -one.quantity
    this.move("USD", moved(one), one.id, "trade", this.usd)
    this.move("XLM", change, one.id, "trade", this.coins)
    this.reports.push(this.fillReport(order, one, "stream", named), this.statusReport(order, "stream", named))
  }

  finish(order: Placed, end: "cancelled" | "expired", named: boolean): void {
    order.end = end
    this.reports.push(this.statusReport(order, "stream", named))
  }

  private get usd(): bigint {
    return this.foreignUsd + big(this.executed.map(moved))
  }

  private get coins(): bigint {
    return big(this.executed.map((one) => (one.side === "buy" ? one.quantity : -one.quantity)))
  }

  private move(asset: string, amount: bigint, refId: string, type: string, balance: bigint): void {
    this.moves.push({ asset, amount, fee: 0n, type, refId, balance, at: this.now })
  }

  // ---- what the commands do

  /** One of some things, chosen by a number. */
  pick<A>(all: Iterable<A>, n: number): A | undefined {
    const list = [...all]
    return list[n % Math.max(list.length, 1)]
  }

  quote(): void {
    const at = (units: number): string => (units / 10_000).toFixed(6)
    this.bid = Money.price(at(this.price))
    this.quotedAt = this.now
    this.send({
      _tag: "QuoteSeen",
      source: "stream",
      quote: {
        symbol: XLM,
        bid: Money.price(at(this.price)),
        ask: Money.price(at(this.price + 1)),
        bidQuantity: Money.quantity("1000"),
        askQuantity: Money.quantity("1000"),
        at: this.now
      }
    })
  }

  /** Gives one report to the engine, and books what it says. */
  deliver(report: OrderReport): void {
    this.past.push(report)
    this.take([report])
    this.send({ _tag: "ReportsSeen", reports: [report] })
  }

  again(n: number): void {
    const report = this.pick(this.past, n)
    if (report !== undefined) this.deliver({ ...report, source: n % 2 === 0 ? "rest" : report.source })
  }

  /** Books reports whose order the trader can name, and keeps the others. */
  private take(reports: ReadonlyArray<OrderReport>): void {
    for (const report of reports) {
      const id = report.clientId ?? this.known.get(report.exchangeId)
      if (id === undefined || this.order(id) === undefined) {
        this.kept.set(report.exchangeId, [...(this.kept.get(report.exchangeId) ?? []), report])
        continue
      }
      this.known.set(report.exchangeId, id)
      const order = this.seen(id)
      if (report._tag === "Fill") {
        const one = this.executed.find((e) => e.id === report.executionId)
        if (one !== undefined) this.ledger.book(one, this.now)
      } else {
        const stage = report.status === "pending" ? "open" : report.status
        this.ledger.report(order, {
          stage,
          at: report.at,
          ...(report.cumQuantity === undefined ? {} : { told: report.cumQuantity }),
          ...(report.quantity === undefined ? {} : { quantity: report.quantity }),
          ...(report.limitPrice === undefined ? {} : { limit: report.limitPrice })
        })
      }
    }
  }

  private release(exchangeId: string, id: string): void {
    this.known.set(exchangeId, id)
    const reports = this.kept.get(exchangeId) ?? []
    this.kept.delete(exchangeId)
    this.take(reports)
  }

  private identify(exchangeId: ExchangeOrderId): void {
    const id = exchangeId.slice(1)
    const order = this.order(id)
    if (order !== undefined) {
      this.release(exchangeId, id)
      return this.send({ _tag: "Identified", exchangeId, clientId: ClientOrderId(id), found: true })
    }
    const stored = Option.getOrUndefined(Effect.runSync(this.store.findOrder({ clientId: ClientOrderId(id) })))
    assert.isDefined(stored, "an order on the exchange without an intent (I1)")
    if (stored === undefined) return
    const lotIds = stored.purpose._tag === "Exit" ? stored.purpose.lots.map((share) => share.lotId) : [stored.id]
    const lots = lotIds.flatMap((lotId) => Option.toArray(Effect.runSync(this.store.findLot(lotId))))
    const recalled: Order = { ...stored, exchangeId }
    this.rigged(() => this.send({ _tag: "Recalled", order: recalled, lots }), exchangeId, id)
  }

  /** The engine first learns the order, then folds what was kept: the model books at the same moment. */
  private rigged(act: () => void, exchangeId: string, id: string): void {
    this.known.set(exchangeId, id)
    const reports = this.kept.get(exchangeId) ?? []
    this.kept.delete(exchangeId)
    for (const report of reports) {
      if (report._tag !== "Fill") continue
      const one = this.executed.find((e) => e.id === report.executionId)
      if (one !== undefined) this.ledger.book(one, this.now)
    }
    act()
  }

  /** The desk asks for approval, commits the intent, and sends it on. */
  approve(proposalId: number): void {
    this.proposals.delete(proposalId)
    const proposal = this.rig.state.proposals.get(proposalId)
    const stops = this.stops()
    const loss = this.ledger.loss(this.now, this.bid, TAKER)
    this.send({ _tag: "ApprovalAsked", proposalId })
    const verdict = this.rig.of("Verdict")[0]?.verdict
    assert.isDefined(verdict)
    if (verdict === undefined || proposal === undefined) return
    if (Either.isLeft(verdict)) {
      const { code, text } = verdict.left
      if (proposal.side === "sell") {
        assert.include(["mode", "grid", "minimum", "lots", "gone"], code, `I16: an exit was refused: ${text}`)
      }
      return
    }
    const approved = verdict.right
    const { limitPrice, quantity, side } = approved.proposal
    if (side === "buy") {
      const cost = near(limitPrice * quantity + ONE - 1n, ONE)
      assert.deepEqual(stops, [], "I7: an entry behind a closed gate")
      assert.isTrue(loss !== undefined && loss < LIMITS.maxDailyLoss, "I6: an entry after the day's loss")
      assert.isTrue(cost <= LIMITS.maxTradeSize + 1n && cost >= LIMITS.minOrderSize, "I3: size")
      assert.isTrue(approved.proposal.postOnly && this.bid !== undefined && limitPrice <= this.bid, "I3, I8: price")
      const { lastEntryAt, entriesOn } = this.ledger
      assert.isTrue(lastEntryAt === undefined || this.now - lastEntryAt >= LIMITS.minTradeInterval, "I3: interval")
      const today = entriesOn.day === Math.floor(this.now / DAY_MS) ? entriesOn.count : 0
      assert.isBelow(today, LIMITS.maxTradesPerDay, "I3: trades a day")
      this.ledger.lastEntryAt = this.now
    }
    const { purpose } = approved.proposal
    this.ledger.orders.set(approved.id, {
      id: approved.id,
      side,
      limit: limitPrice,
      quantity,
      termsAt: this.now,
      told: 0n,
      booked: 0n,
      stage: "pending",
      shares: purpose._tag === "Exit" ? purpose.lots.map((share) => ({ lot: share.lotId, left: share.quantity })) : []
    })
    if (side === "buy") {
      assert.isTrue(
        this.ledger.exposure(this.bid) <= LIMITS.maxTotalExposure,
        "I4: exposure beyond the limit after an approval"
      )
    }
    const committed = Effect.runSync(Effect.either(this.store.commitIntent(approved, this.now)))
    if (Either.isRight(committed)) {
      this.inFlight.set(approved.id, approved)
      return
    }
    assert.strictEqual(committed.left._tag, "FenceMoved")
    this.seen(approved.id).stage = "rejected"
    this.send({ _tag: "IntentFailed", orderId: approved.id, why: "fence", text: "the fence moved" })
  }

  /** What becomes of an order on its way. The reply may come later than the reports. */
  outcome(
    approved: ApprovedOrder,
    what: "accepted" | "late" | "arrived" | "lost" | "rejected" | "notSent",
    tenths: number
  ): void {
    this.inFlight.delete(approved.id)
    const { id } = approved
    const told = (outcome: SendOutcome): void => this.told(id, outcome)
    if (what === "rejected") return told({ _tag: "Rejected", why: tenths % 2 === 0 ? "postOnly" : "mode", text: "no" })
    if (what === "notSent") return told({ _tag: "NotSent", why: "void", text: "too old" })
    if (what === "lost") return told({ _tag: "Unknown", text: "time-out", recognised: true })
    const order = this.arrive(approved)
    if (order.ioc) {
      this.execute(order, tenths, true)
      if (order.end === undefined) this.finish(order, "cancelled", true)
    }
    if (what === "arrived") return told({ _tag: "Unknown", text: "502", recognised: true })
    const accepted: SendOutcome = { _tag: "Accepted", exchangeId: order.exchangeId }
    if (what === "accepted") return told(accepted)
    this.answer(`reply for ${id}`, () => told(accepted))
  }

  private told(id: string, outcome: SendOutcome): void {
    if (this.order(id) === undefined) return
    const seen = this.seen(id)
    const waits = seen.stage === "pending" || seen.stage === "unknown"
    if (outcome._tag === "Accepted") {
      if (waits) seen.stage = "open"
      this.unknown.delete(id)
      this.release(`O${id}`, id)
    } else if (outcome._tag === "Unknown") {
      if (seen.stage === "pending") seen.stage = "unknown"
    } else if (waits) seen.stage = "rejected"
    this.send({ _tag: "OutcomeSeen", orderId: ClientOrderId(id), outcome })
  }

  /** An order of unknown outcome is looked up: it never arrived, or it is cancelled by its id and told. */
  settle(id: string): void {
    this.unknown.delete(id)
    const order = this.placed.get(id)
    if (order === undefined) {
      const seen = this.seen(id)
      if (seen.stage === "unknown") seen.stage = "rejected"
      return this.send({ _tag: "NeverArrived", orderId: ClientOrderId(id), proof: "two reads" })
    }
    if (order.end === undefined) order.end = "cancelled"
    this.tell(id, "rest")
  }

  honour(id: string, named: boolean): void {
    this.cancels.delete(id)
    const order = this.placed.get(id)
    if (order !== undefined && order.end === undefined) return this.finish(order, "cancelled", named)
    this.send({ _tag: "CancelOutcome", orderId: ClientOrderId(id), result: "gone", text: "unknown order" })
  }

  amend(n: number, what: "accepted" | "arrived" | "lost" | "rejected" | "notSent" | "crash"): void {
    const wanted = this.amends.splice(n % Math.max(this.amends.length, 1), 1)[0]
    if (wanted === undefined) return
    const { limitPrice, quantity } = wanted
    const { id } = wanted.order
    this.send({ _tag: "AmendAsked", orderId: id, quantity, limitPrice })
    const verdict = this.rig.of("AmendVerdict")[0]?.verdict
    if (verdict === undefined || Either.isLeft(verdict)) return
    const { order } = verdict.right
    Effect.runSync(this.store.commit([{ _tag: "Order", order }]))
    const seen = this.seen(id)
    const sold = seen.booked
    const shares = (most: bigint): Seen["shares"] => {
      let [skip, room] = [sold, most - sold]
      return order.purpose._tag !== "Exit"
        ? []
        : order.purpose.lots.map((share) => {
            const gone = skip < share.quantity ? skip : share.quantity
            skip -= gone
            const left = share.quantity - gone < room ? share.quantity - gone : room
            room -= left
            return { lot: share.lotId, left }
          })
    }
    if (order.purpose._tag === "Exit") seen.shares = shares(quantity > seen.quantity ? quantity : seen.quantity)
    const placed = this.placed.get(id)
    const arrives = (what === "accepted" || what === "arrived") && placed !== undefined && placed.end === undefined
    if (arrives && placed !== undefined) {
      placed.limit = limitPrice
      placed.quantity = quantity > placed.filled ? quantity : placed.filled
      placed.termsAt = this.now
      if (placed.quantity === placed.filled) placed.end = "cancelled"
      this.reports.push(this.statusReport(placed, "stream", true))
    }
    if (what === "crash") return this.restart(true)
    const told = (outcome: SendOutcome): void => this.send({ _tag: "AmendOutcome", orderId: id, outcome })
    const exchangeId = order.exchangeId ?? ExchangeOrderId(`O${id}`)
    if (what === "accepted" && arrives) {
      if (this.order(id)?.amend !== undefined) {
        seen.quantity = quantity
        seen.limit = limitPrice
        seen.termsAt = Math.max(seen.termsAt, this.now)
      }
      return told({ _tag: "Accepted", exchangeId })
    }
    if (what === "arrived" || what === "lost") return told({ _tag: "Unknown", text: "time-out", recognised: true })
    if (what === "notSent") return told({ _tag: "NotSent", why: "void", text: "too old" })
    told({ _tag: "Rejected", why: "postOnly", text: "would take" })
  }

  // ---- streams, operators, days

  reconnect(): void {
    this.privateUp = true
    const snapshot = this.live.map((order) => this.statusReport(order, "snapshot", true))
    for (const order of this.placed.values())
      if (order.end !== undefined && this.open(order)) this.tell(order.id, "snapshot")
    this.take(snapshot)
    this.reconciling.add("the account stream began anew")
    this.send({ _tag: "PrivateUp", openOrders: snapshot })
  }

  /** REST tells which orders are open; those that it lacks are looked up. */
  openOrders(): void {
    const reports = this.live.map((order) => this.statusReport(order, "rest", true))
    this.take(reports)
    this.send({ _tag: "OpenOrdersSeen", begunAt: this.now, reports })
  }

  /** Whether the trader has not been told all of an order. */
  private open(order: Placed): boolean {
    const seen = this.ledger.orders.get(order.id)
    return seen !== undefined && (seen.booked < order.filled || this.ledger.open(seen) > 0n)
  }

  reconciled(): void {
    const [reason] = this.reconciling
    if (reason === undefined) return
    this.reconciling.delete(reason)
    this.send({ _tag: "ReconcileDone", reason })
  }

  /** Another process pauses, resumes, or latches; the trader hears of it now or later. */
  fence(change: { readonly paused?: boolean; readonly operatorLatch?: Option.Option<string> }, later: boolean): void {
    const fence = Effect.runSync(this.store.moveFence(change))
    const hear = (): void => {
      if (fence.epoch < this.seenFence) return
      this.seenFence = fence.epoch
      this.paused = fence.paused
      if (Option.isSome(fence.operatorLatch)) this.latched = true
      this.send({ _tag: "FenceSeen", fence })
    }
    if (later) this.answer("fence", hear)
    else hear()
  }

  /** Balances as REST tells them, and the ledger where it is asked for. */
  balances(): void {
    this.send({
      _tag: "BalancesSeen",
      begunAt: this.now,
      total: new Map([
        ["USD", this.usd],
        ["XLM", this.coins]
      ]),
      hold: new Map()
    })
    if (!this.ledgerAsked) return
    this.ledgerAsked = false
    const moves = this.moves.map((move) => ({ ...move, own: this.ledger.booked.has(move.refId) }))
    this.send({ _tag: "LedgerSeen", moves })
  }

  deposit(amount: bigint): void {
    this.foreignUsd += amount
    this.move("USD", amount, `D${++this.serial}`, "deposit", this.usd)
  }

  dayMark(): void {
    if (
      this.markAsked === undefined ||
      this.markAsked !== utcDay(this.now) ||
      this.rig.state.dayMark?.day === this.markAsked
    )
      return
    const price = Money.price((this.price / 10_000).toFixed(6))
    const byCandle = this.ledger.equity(price, TAKER)
    const last = this.rig.state.valuation?.equity
    this.send({ _tag: "DayMarkPrices", day: this.markAsked, prices: new Map([[XLM, price]]) })
    const mark = this.rig.state.dayMark
    if (mark?.day === this.markAsked && byCandle !== undefined) {
      assert.strictEqual<bigint>(
        mark.equity,
        last !== undefined && last > byCandle ? last : byCandle,
        "the stricter mark"
      )
    }
  }

  /** Everything a start needs, from the account as it is. */
  private begin(): void {
    this.reconciling.clear()
    this.send({ _tag: "SystemSeen", status: "online" })
    this.send({ _tag: "PublicUp" })
    this.publicUp = true
    this.send({ _tag: "FeesSeen", fees: new Map([[XLM, { maker: MAKER, taker: TAKER }]]) })
    this.send({ _tag: "CandlesLoaded", symbol: XLM, candles: candles(5, this.now) })
    this.reconciling.add("start")
    this.reconnect()
    this.balances()
    this.send({ _tag: "SwitchArmed", firesAt: this.now + 1_000_000_000_000 })
    this.send({ _tag: "Started" })
    this.reconciled()
    this.reconciled()
    this.quote()
  }

  /** The process is gone and another one begins with what is in the database. */
  restart(arrived: boolean): void {
    const snapshot = Effect.runSync(this.store.load)
    for (const [id, approved] of this.inFlight) if (arrived && id.length % 2 === 0) this.arrive(approved)
    this.inFlight.clear()
    this.proposals.clear()
    this.cancels.clear()
    this.amends.length = 0
    this.answers.length = 0
    this.unknown.clear()
    this.kept.clear()
    this.known.clear()
    this.reports.length = 0
    this.markAsked = undefined
    this.bid = undefined
    this.seenFence = snapshot.fence.epoch
    this.paused = snapshot.fence.paused
    const { now } = this
    this.rig = new Rig({ limits: rules, snapshot, now })
    for (const order of snapshot.orders) if (order.exchangeId !== undefined) this.known.set(order.exchangeId, order.id)
    for (const seen of this.ledger.orders.values()) if (seen.stage === "pending") seen.stage = "unknown"
    for (const { id, stage } of this.ledger.orders.values()) if (stage === "unknown") this.unknown.add(id)
    this.compareBooks()
    this.begin()
    for (const order of this.placed.values()) if (this.open(order)) this.tell(order.id, "rest")
  }

  // ---- comparing

  /** Why no entry may be sent, by the model. */
  stops(): ReadonlyArray<string> {
    const out: Array<string> = []
    if (this.paused) out.push("paused")
    if (this.latched) out.push("operator")
    if (this.ledger.lossOn === Math.floor(this.now / DAY_MS)) out.push("daily loss")
    if (!this.publicUp) out.push("public")
    if (!this.privateUp) out.push("private")
    if (this.reconciling.size > 0) out.push("reconciling")
    if (this.kept.size > 0) out.push("unmatched")
    if (this.bid === undefined || this.now - this.quotedAt > LIMITS.staleAfter) out.push("stale")
    return out
  }

  private compareBooks(): void {
    const { ledger, rig } = this
    const { totals } = rig.state
    assert.strictEqual<bigint>(totals.ownUsd, ledger.cash, "cash")
    assert.strictEqual<bigint>(totals.rounding, ledger.rounding, "rounding (I10)")
    assert.strictEqual<bigint>(totals.realised, ledger.realised, "realised")
    for (const [id, lot] of ledger.lots) {
      const kept = rig.state.lots.get(ClientOrderId(id))
      if (kept === undefined) assert.strictEqual(lot.bought, lot.sold, `lot ${id} is forgotten while it is held`)
      else {
        assert.strictEqual<bigint>(kept.quantity, lot.bought, `lot ${id}: bought`)
        assert.strictEqual<bigint>(kept.remaining, lot.bought - lot.sold, `lot ${id}: left`)
        assert.isTrue(kept.cost === lot.cost && kept.entryFee === lot.fee, `lot ${id}: cost`)
      }
    }
    assert.isAtMost(rig.state.lots.size, ledger.lots.size, "a lot that nobody bought")
  }

  compare(): void {
    const { ledger, rig } = this
    this.compareBooks()
    assert.strictEqual<bigint>(exposure(rig.state), ledger.exposure(this.bid), "exposure")
    assert.strictEqual<bigint | undefined>(dayLoss(rig.state), ledger.loss(this.now, this.bid, TAKER), "day loss")
    for (const [id, seen] of ledger.orders) {
      const order = this.order(id)
      if (order !== undefined) assert.strictEqual(order.status, seen.stage, `order ${id}`)
      else
        assert.isTrue(
          ledger.open(seen) === 0n && seen.stage !== "open" && seen.stage !== "unknown",
          `order ${id} is forgotten`
        )
    }
    const [pair] = rig.state.pairs.values()
    if (pair !== undefined) {
      const stops = entryStops(rig.state, pair)
      assert.strictEqual(
        stops.length === 0,
        this.stops().length === 0,
        `gates: ${stops.join("; ")} / ${this.stops().join(", ")}`
      )
    }
    const causes = Object.keys(rig.state.breaker.latches)
    const expected = [
      ...(ledger.lossOn === Math.floor(this.now / DAY_MS) ? ["dailyLoss"] : []),
      ...(this.latched ? ["operator"] : [])
    ]
    assert.sameMembers(causes, expected, JSON.stringify(rig.state.breaker.latches))
    const selling = big(
      this.live.filter((order) => order.side === "sell").map((order) => order.quantity - order.filled)
    )
    const leaving = big(
      [...this.inFlight.values()].filter((a) => a.proposal.side === "sell").map((a) => a.proposal.quantity)
    )
    assert.isTrue(selling + leaving <= this.coins, "I5: exits beyond what was bought")
  }

  /** Everything is delivered, answered and settled, in an order of its own: books and account are one. */
  conclude(order: ReadonlyArray<number>): void {
    if (!this.privateUp) this.reconnect()
    for (let round = 0; round < 40; round++) {
      const n = order[round % Math.max(order.length, 1)] ?? 0
      for (const id of this.unknown) this.settle(id)
      for (const approved of this.inFlight.values()) this.outcome(approved, "accepted", 10)
      for (const answer of this.answers.splice(0)) answer.give()
      while (this.reports.length > 0) {
        const [report] = this.reports.splice(n % this.reports.length, 1)
        if (report !== undefined) this.deliver(report)
      }
      this.compare()
      this.rig.after(1100)
      this.quote()
      this.send({ _tag: "Tick" })
      this.openOrders()
      for (const id of this.cancels) this.honour(id, true)
      while (this.amends.length > 0) this.amend(n, "accepted")
      for (const id of this.proposals) this.approve(id)
    }
    for (const order of this.rig.state.orders.values()) {
      assert.isUndefined(order.amend, `I20: an amend of ${order.id} that nobody asks after`)
      assert.notStrictEqual(order.status, "unknown", `I20: ${order.id} stays unknown`)
    }
    const { ledger } = this
    assert.strictEqual(ledger.booked.size, this.executed.length, "I9: an execution that was never booked")
    assert.strictEqual(ledger.cash, big(this.executed.map(moved)), "I10: cash")
    assert.strictEqual(ledger.held, this.coins, "I10: coins")
    for (const order of this.placed.values()) {
      if (order.end !== undefined) assert.strictEqual(this.seen(order.id).stage, order.end, `order ${order.id} ended`)
    }
  }
}
