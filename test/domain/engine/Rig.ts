/** A trader without a world: folds events one by one and keeps what was decided. The strategy says what the test tells it to. */
import { Either, Option } from "effect"
import { assert } from "vitest"
import type { Decision } from "../../../src/domain/engine/Decision.ts"
import { fold } from "../../../src/domain/engine/Engine.ts"
import type { EngineEvent } from "../../../src/domain/engine/Event.ts"
import type { Snapshot } from "../../../src/domain/engine/Snapshot.ts"
import type { EngineRules, EngineState } from "../../../src/domain/engine/State.ts"
import { resume } from "../../../src/domain/engine/State.ts"
import type { StoreWrite } from "../../../src/domain/engine/Write.ts"
import { closed } from "../../../src/domain/breaker/BreakerState.ts"
import type { Instrument } from "../../../src/domain/market/Instrument.ts"
import type { Candle } from "../../../src/domain/market/Market.ts"
import { ExchangeOrderId, InstallationPrefix } from "../../../src/domain/order/Ids.ts"
import type { ClientOrderId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import type { FillReport, StatusReport } from "../../../src/domain/order/Report.ts"
import type { Proposal } from "../../../src/domain/order/Steps.ts"
import { emptyTotals } from "../../../src/domain/portfolio/Portfolio.ts"
import type { ApprovedOrder } from "../../../src/domain/risk/Approved.ts"
import { conceal } from "../../../src/domain/strategy/Strategy.ts"
import type { MarketView, Signal } from "../../../src/domain/strategy/Strategy.ts"
import type { Limits } from "../../../src/domain/risk/Limits.ts"
import { fill, instrument, limits, NOON, quote, rate, status, usd, XLM } from "../../support/build.ts"

export type Untimed = EngineEvent extends infer E ? (E extends EngineEvent ? Omit<E, "at"> : never) : never

export const prefix = InstallationPrefix("kt1-")

export const emptySnapshot: Snapshot = {
  orders: [],
  lots: [],
  soldLots: [],
  totals: emptyTotals,
  foreign: new Map(),
  dayMark: Option.none(),
  valuation: Option.none(),
  breaker: closed,
  notes: new Map(),
  sequence: 0,
  fence: { epoch: 0, paused: false, operatorLatch: Option.none() }
}

export const candles = (n: number, until = NOON): ReadonlyArray<Candle> =>
  Array.from({ length: n }, (_, i) => ({
    at: until - (n - i) * 60_000,
    open: 0.1,
    high: 0.101,
    low: 0.099,
    close: 0.1,
    volume: 1
  }))

/** A buy at the bid with a target five per cent up and a stop five per cent down. */
export const enter = (limit = 0.1): Signal => ({
  _tag: "Enter",
  limit,
  exit: { target: limit * 1.05, stop: limit * 0.95, holdFor: 3_600_000 },
  reason: "test signal",
  features: { z: -2.5 }
})

export class Rig {
  state: EngineState
  now = NOON
  /** Decisions of the last event, and all of them. */
  last: ReadonlyArray<Decision> = []
  readonly all: Array<Decision> = []
  readonly written: Array<StoreWrite> = []
  /** What the strategy says at its next step; emptied by it. */
  signals: Array<Signal> = []
  readonly views: Array<MarketView> = []
  private executions = 0

  constructor(
    change: {
      readonly limits?: Partial<Limits>
      readonly snapshot?: Partial<Snapshot>
      readonly rules?: Partial<EngineRules>
      readonly instruments?: ReadonlyArray<Instrument>
      readonly now?: number
    } = {}
  ) {
    const strategy = conceal<null>({
      name: "told",
      intervalMinutes: 1,
      warmUpCandles: 3,
      initial: null,
      warmUp: () => null,
      step: (state, view) => {
        this.views.push(view)
        const signals = this.signals
        this.signals = []
        return { _tag: "Ready", state, signals, features: {} }
      }
    })
    this.now = change.now ?? NOON
    const all = limits(change.limits)
    this.state = resume(
      {
        limits: all,
        breaker: { threshold: all.breakerThreshold, cooldown: all.breakerCooldown },
        prefix,
        observing: false,
        exitsOnly: undefined,
        strategy,
        ...change.rules
      },
      { ...emptySnapshot, ...change.snapshot },
      change.instruments ?? [instrument()],
      this.now
    )
  }

  send(event: Untimed): this {
    const result = fold(this.state, { ...event, at: this.now } as EngineEvent)
    this.state = result.state
    this.last = result.decisions
    this.all.push(...result.decisions)
    for (const decision of result.decisions) if (decision._tag === "Persist") this.written.push(...decision.writes)
    return this
  }

  after(ms: number): this {
    this.now += ms
    return this
  }

  quote(bid = "0.1", ask = "0.1001", source: "stream" | "rest" = "stream"): this {
    return this.send({ _tag: "QuoteSeen", quote: quote(bid, ask, this.now), source })
  }

  tick(seconds = 1): this {
    for (let i = 0; i < seconds; i++) this.after(1000).send({ _tag: "Tick" })
    return this
  }

  /** Everything an entry needs: streams, fees, candles, balances, switch, reconciliation. */
  ready(dollars = "98.82"): this {
    this.send({ _tag: "SystemSeen", status: "online" })
    this.send({ _tag: "PublicUp" })
    this.send({ _tag: "FeesSeen", fees: new Map([[XLM, { maker: rate("0.0025"), taker: rate("0.004") }]]) })
    this.send({ _tag: "CandlesLoaded", symbol: XLM, candles: candles(5, this.now) })
    this.send({ _tag: "PrivateUp", openOrders: [] })
    this.send({ _tag: "BalancesSeen", begunAt: this.now, total: new Map([["USD", usd(dollars)]]), hold: new Map() })
    this.send({ _tag: "ReconcileDone", reason: "start" })
    this.send({ _tag: "ReconcileDone", reason: "the account stream began anew" })
    this.send({ _tag: "SwitchArmed", firesAt: this.now + 600_000 })
    this.send({ _tag: "Started" })
    return this.quote()
  }

  /** Lets the strategy signal with the next quote. */
  signal(signal: Signal = enter(), bid = "0.1", ask = "0.1001"): this {
    this.signals = [signal]
    return this.after(1100).quote(bid, ask)
  }

  of<T extends Decision["_tag"]>(tag: T): ReadonlyArray<Extract<Decision, { _tag: T }>> {
    return this.last.filter((d): d is Extract<Decision, { _tag: T }> => d._tag === tag)
  }

  ever<T extends Decision["_tag"]>(tag: T): ReadonlyArray<Extract<Decision, { _tag: T }>> {
    return this.all.filter((d): d is Extract<Decision, { _tag: T }> => d._tag === tag)
  }

  proposal(): Proposal {
    const found = this.of("Propose").at(-1)?.proposal
    assert(found !== undefined, "nothing was proposed")
    return found
  }

  /** The verdict on a proposal. */
  ask(proposal: Proposal) {
    this.send({ _tag: "ApprovalAsked", proposalId: proposal.proposalId })
    const verdict = this.of("Verdict").at(-1)
    assert(verdict !== undefined)
    return verdict.verdict
  }

  approve(proposal: Proposal): ApprovedOrder {
    const verdict = this.ask(proposal)
    assert(Either.isRight(verdict), Either.isLeft(verdict) ? verdict.left.text : "")
    return verdict.right
  }

  /** Approved, sent and accepted. */
  place(proposal: Proposal, exchangeId = `O${proposal.proposalId}`): Order {
    const approved = this.approve(proposal)
    this.send({
      _tag: "OutcomeSeen",
      orderId: approved.id,
      outcome: { _tag: "Accepted", exchangeId: ExchangeOrderId(exchangeId) }
    })
    return this.order(approved.id)
  }

  order(id: ClientOrderId): Order {
    const order = this.state.orders.get(id)
    assert(order !== undefined, `no order ${id}`)
    return order
  }

  fillOf(order: Order, quantity: string, change: Partial<FillReport> = {}): FillReport {
    this.executions += 1
    return fill(`T${this.executions}`, quantity, {
      exchangeId: order.exchangeId ?? ExchangeOrderId("O?"),
      clientId: order.id,
      side: order.side,
      price: order.limitPrice,
      at: this.now,
      ...change
    })
  }

  statusOf(order: Order, change: Partial<StatusReport>): StatusReport {
    return status({
      exchangeId: order.exchangeId ?? ExchangeOrderId("O?"),
      clientId: order.id,
      at: this.now,
      ...change
    })
  }

  /** Fills an order in part or whole, with the status report that the exchange sends. */
  fill(order: Order, quantity: string, change: Partial<FillReport> = {}): this {
    const report = this.fillOf(order, quantity, change)
    const cum = order.bookedQuantity + report.quantity
    const done = cum >= order.quantity
    return this.send({
      _tag: "ReportsSeen",
      reports: [
        report,
        this.statusOf(order, { status: done ? "filled" : "open", cumQuantity: cum as typeof report.quantity })
      ]
    })
  }

  /** An entry filled whole: the lot it made. */
  bought(): Order {
    this.ready().signal()
    const entry = this.place(this.proposal())
    this.fill(entry, showQuantity(entry))
    return this.order(entry.id)
  }
}

export const showQuantity = (order: Order): string => {
  const text = (order.quantity - order.bookedQuantity).toString().padStart(13, "0")
  return `${text.slice(0, -12)}.${text.slice(-12)}`
}
