/** The engine's state: everything that decisions are made from. Plain data, one owner, replaced by every fold. */
import { Option } from "effect"
import type { BreakerRules } from "../breaker/Breaker.ts"
import type { BreakerState, Cause } from "../breaker/BreakerState.ts"
import type { LotStatus } from "../exits/ExitLadder.ts"
import type { Instrument, PairSymbol } from "../market/Instrument.ts"
import type { Candle, Quote, SystemStatus } from "../market/Market.ts"
import type { Rate, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { ClientOrderId, ExchangeOrderId, InstallationPrefix, LotId } from "../order/Ids.ts"
import type { Order } from "../order/Order.ts"
import type { OrderReport } from "../order/Report.ts"
import type { Proposal } from "../order/Steps.ts"
import type { DayMark, Foreign, Totals, Valuation } from "../portfolio/Books.ts"
import type { Lot } from "../portfolio/Lot.ts"
import type { Limits } from "../risk/Limits.ts"
import type { AnyStrategy, EntrySignal, RunningStrategy } from "../strategy/Strategy.ts"
import type { EpochMs, UtcDay } from "../Time.ts"
import { ACCEPTING_NOTE, readAccepting } from "./acceptance.ts"
import type { Snapshot } from "./Snapshot.ts"

/** What does not change during a run. */
export interface EngineRules {
  readonly limits: Limits
  readonly breaker: BreakerRules
  readonly prefix: InstallationPrefix
  /** Decisions are logged, nothing is sent. */
  readonly observing: boolean
  /** Why this run may only sell, or nothing. */
  readonly exitsOnly: string | undefined
  readonly strategy: AnyStrategy
}

/** A candle in the making, from mid prices. */
export interface CandleDraft {
  readonly at: EpochMs
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
}

export interface PairState {
  readonly instrument: Instrument
  readonly makerFee: Rate
  readonly takerFee: Rate
  /** When the fees were read; never traded on before. */
  readonly feesAt: EpochMs | undefined
  readonly quote: Quote | undefined
  /** When the quote was last known to hold: a frame, or a REST read that agreed. */
  readonly confirmedAt: EpochMs | undefined
  /** Mid prices of the last minute, one a second, for the jump check. */
  readonly mids: ReadonlyArray<{ readonly at: EpochMs; readonly mid: bigint }>
  readonly strategy: RunningStrategy
  /** False until candles were loaded without a gap up to now. */
  readonly warm: boolean
  readonly draft: CandleDraft | undefined
  readonly closed: ReadonlyArray<Candle>
  readonly steppedAt: EpochMs | undefined
  /** The signal that an entry is being worked for. */
  readonly signal: { readonly entry: EntrySignal; readonly at: EpochMs; readonly requotes: number } | undefined
  /** Why no entry is on its way, for `status`. */
  readonly note: string
  /** The last entry that was wanted fell to the exchange's minimums, as they were read. */
  readonly tooSmall: boolean
  readonly features: Readonly<Record<string, number>>
  readonly lotStatuses: ReadonlyArray<LotStatus>
}

export interface Throttle {
  readonly day: UtcDay
  /** Lots opened on this UTC day. */
  readonly entries: number
  readonly lastEntryAt: EpochMs | undefined
  readonly lastLossAt: EpochMs | undefined
}

/** A report that matches no order of ours, kept while its order is being identified. */
export interface Unmatched {
  readonly exchangeId: ExchangeOrderId
  readonly reports: ReadonlyArray<OrderReport>
  readonly since: EpochMs
}

export interface BalanceSight {
  readonly at: EpochMs
  /** Total per stream asset, spot only. */
  readonly total: ReadonlyMap<string, bigint>
  /** Held by orders that are not ours, in USD. */
  readonly foreignHoldUsd: Usd
}

/** The books and the account agreed about an asset: when the balance was read, and what it was. */
export interface Agreement {
  readonly at: EpochMs
  readonly total: bigint
}

/** What the account holds of an asset beyond the books, until the ledger explains it. */
export interface Difference {
  readonly amount: bigint
  /** First seen so. */
  readonly at: EpochMs
  /** The balance that last showed it. */
  readonly last: Agreement
  /** Seen again long enough after the first time. */
  readonly confirmed: boolean
}

export interface EngineState {
  readonly rules: EngineRules
  readonly now: EpochMs
  /** When this run began: what was decided earlier may look different on the exchange until the books are reconciled. */
  readonly startedAt: EpochMs
  readonly phase: "starting" | "running" | "stopping"
  readonly paused: boolean
  /** Everything held is to be sold, by the operator's word, which stands until the operator's latch is reset. */
  readonly flattening: boolean
  readonly epoch: number
  /** Open reasons for which books and exchange must first agree; entries wait for all of them. */
  readonly reconciling: ReadonlySet<string>
  readonly publicUp: boolean
  readonly publicUpAt: EpochMs | undefined
  readonly privateUp: boolean
  readonly privateUpAt: EpochMs | undefined
  readonly storeFailed: string | undefined
  /** People were told of this failure. */
  readonly storeTold: boolean
  /** Proofs that the writer was asked for, and the last one that it gave. */
  readonly storeProofs: { readonly asked: number; readonly given: number }
  readonly skew: string | undefined
  readonly anotherTrader: string | undefined
  readonly system: SystemStatus
  readonly maintenanceAt: EpochMs | undefined
  /** When the dead man's switch fires as last confirmed; `off` where the settings say so. */
  readonly switchFiresAt: EpochMs | "off" | undefined
  readonly sequence: number
  readonly nextProposal: number
  readonly pairs: ReadonlyMap<PairSymbol, PairState>
  /** Unsettled orders, and the recently settled ones, so that late and repeated reports find them. */
  readonly orders: ReadonlyMap<ClientOrderId, Order>
  readonly byExchangeId: ReadonlyMap<ExchangeOrderId, ClientOrderId>
  /** Open lots, and the recently sold ones. */
  readonly lots: ReadonlyMap<LotId, Lot>
  readonly proposals: ReadonlyMap<number, Proposal>
  readonly amendRefused: ReadonlySet<ClientOrderId>
  readonly unmatched: ReadonlyMap<ExchangeOrderId, Unmatched>
  /** Orders that are not ours, each told once. */
  readonly foreignOrders: ReadonlySet<ExchangeOrderId>
  readonly totals: Totals
  readonly foreign: Foreign
  /** Per asset, when books and account last agreed. */
  readonly agreed: ReadonlyMap<string, Agreement>
  readonly balances: BalanceSight | undefined
  readonly differences: ReadonlyMap<string, Difference>
  /** The operator took over what differs; it becomes the owner's with the next look in a quiet window. */
  readonly accepting: boolean
  readonly lastFillAt: EpochMs | undefined
  /** When REST last told of an execution that a living account stream should have told of long before. */
  readonly missedFillAt: EpochMs | undefined
  readonly dayMark: DayMark | undefined
  readonly valuation: Valuation | undefined
  /** The day whose mark is being looked up. */
  readonly markAsked: UtcDay | undefined
  readonly breaker: BreakerState
  readonly probing: ReadonlySet<Cause>
  readonly throttle: Throttle
  readonly metricsAt: EpochMs | undefined
  readonly stuckAlertAt: ReadonlyMap<LotId, EpochMs>
  /** Orders with an amend decided on and not yet answered. */
  readonly amending: ReadonlySet<ClientOrderId>
  /** When something was last asked for, so that it is not asked for with every event. */
  readonly asked: ReadonlyMap<string, EpochMs>
}

/** An intent and an amend that were on their way when the last run ended: nobody will answer them any more. */
const withoutAnswer = (order: Order): Order => ({
  ...order,
  status: order.status === "pending" ? "unknown" : order.status,
  ...(order.amend === undefined ? {} : { amend: { ...order.amend, state: "unknown" } })
})

/** The state in which a run begins: the books as committed, everything else unknown and therefore closed. */
export const resume = (
  rules: EngineRules,
  snapshot: Snapshot,
  instruments: ReadonlyArray<Instrument>,
  now: EpochMs
): EngineState => {
  // what has no recorded answer may be on the exchange: it counts as unknown until it is looked up
  const orders = snapshot.orders.map(withoutAnswer)
  return {
    rules,
    now,
    startedAt: now,
    phase: "starting",
    paused: snapshot.fence.paused,
    flattening: snapshot.fence.flatten === true,
    epoch: snapshot.fence.epoch,
    reconciling: new Set(["start"]),
    publicUp: false,
    publicUpAt: undefined,
    privateUp: false,
    privateUpAt: undefined,
    storeFailed: undefined,
    storeTold: false,
    storeProofs: { asked: 0, given: 0 },
    skew: undefined,
    anotherTrader: undefined,
    system: "unknown",
    maintenanceAt: undefined,
    switchFiresAt: rules.limits.deadManSwitch === undefined ? "off" : undefined,
    sequence: snapshot.sequence,
    nextProposal: 1,
    pairs: new Map(instruments.map((instrument) => [instrument.symbol, startPair(rules, instrument)])),
    orders: new Map(orders.map((order) => [order.id, order])),
    byExchangeId: new Map(
      orders.flatMap((order) => (order.exchangeId === undefined ? [] : [[order.exchangeId, order.id] as const]))
    ),
    lots: new Map([...snapshot.lots, ...snapshot.soldLots].map((lot) => [lot.id, lot])),
    proposals: new Map(),
    amendRefused: new Set(),
    unmatched: new Map(),
    foreignOrders: new Set(),
    totals: snapshot.totals,
    foreign: snapshot.foreign,
    agreed: readAgreed(snapshot.notes.get(AGREED_NOTE)),
    balances: undefined,
    differences: new Map(),
    accepting: readAccepting(snapshot.notes.get(ACCEPTING_NOTE)),
    lastFillAt: undefined,
    missedFillAt: undefined,
    dayMark: Option.getOrUndefined(snapshot.dayMark),
    valuation: Option.getOrUndefined(snapshot.valuation),
    markAsked: undefined,
    breaker: snapshot.breaker,
    probing: new Set(),
    throttle: readThrottle(snapshot.notes.get("throttle")),
    metricsAt: undefined,
    stuckAlertAt: new Map(),
    amending: new Set(),
    asked: new Map()
  }
}

const startPair = (rules: EngineRules, instrument: Instrument): PairState => ({
  instrument,
  makerFee: Money.Rate(0n),
  takerFee: Money.Rate(0n),
  feesAt: undefined,
  quote: undefined,
  confirmedAt: undefined,
  mids: [],
  strategy: rules.strategy.start(),
  warm: false,
  draft: undefined,
  closed: [],
  steppedAt: undefined,
  signal: undefined,
  note: "waiting for market data",
  tooSmall: false,
  features: {},
  lotStatuses: []
})

/** The note of when books and account last agreed, and on what. */
export const AGREED_NOTE = "agreedAt"

/** Text of that note: asset, time and total in the fixed-point unit, asset by asset. */
export const agreedNote = (agreed: ReadonlyMap<string, Agreement>): string =>
  [...agreed].map(([asset, { at, total }]) => `${asset}@${at}@${total}`).join("|")

/** Reads the note back; what is unreadable was never agreed on. */
export const readAgreed = (note: string | undefined): ReadonlyMap<string, Agreement> =>
  new Map(
    (note ?? "").split("|").flatMap((part) => {
      const [, asset, at, total] = /^([^@|]+)@(\d+(?:\.\d+)?)@(-?\d+)$/.exec(part) ?? []
      return asset === undefined || at === undefined || total === undefined
        ? []
        : [[asset, { at: Number(at), total: BigInt(total) }] as const]
    })
  )

const emptyThrottle: Throttle = { day: "", entries: 0, lastEntryAt: undefined, lastLossAt: undefined }

/** Text of the throttle's note: day, entries, last entry, last loss. */
export const throttleNote = (t: Throttle): string =>
  [t.day, t.entries, t.lastEntryAt ?? "", t.lastLossAt ?? ""].join("|")

/** Reads the note back; anything unreadable starts the day anew with nothing counted. */
export const readThrottle = (note: string | undefined): Throttle => {
  const [day, entries, lastEntryAt, lastLossAt] = (note ?? "").split("|")
  if (day === undefined || entries === undefined || !/^\d+$/.test(entries)) return emptyThrottle
  const time = (text: string | undefined): number | undefined =>
    text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
  return { day, entries: Number(entries), lastEntryAt: time(lastEntryAt), lastLossAt: time(lastLossAt) }
}
