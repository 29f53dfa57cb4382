/** Builders with sensible defaults for tests: XLM/USD as Kraken lists it, one lot, one order, the default limits. */
import { Either } from "effect"
import type { ExitPlan } from "../../src/domain/exits/ExitPlan.ts"
import type { LadderView } from "../../src/domain/exits/ExitLadder.ts"
import type { Instrument } from "../../src/domain/market/Instrument.ts"
import { PairSymbol } from "../../src/domain/market/Instrument.ts"
import type { Quote } from "../../src/domain/market/Market.ts"
import * as Money from "../../src/domain/money/Money.ts"
import { ClientOrderId, ExchangeOrderId, ExecutionId } from "../../src/domain/order/Ids.ts"
import type { LotShare, Order, Purpose } from "../../src/domain/order/Order.ts"
import type { FillReport, StatusReport } from "../../src/domain/order/Report.ts"
import type { Proposal } from "../../src/domain/order/Proposal.ts"
import type { Lot } from "../../src/domain/portfolio/Lot.ts"
import type { ApprovedOrder } from "../../src/domain/risk/Approved.ts"
import type { Limits } from "../../src/domain/risk/Limits.ts"
import type { RiskView } from "../../src/domain/risk/Risk.ts"
import { assess } from "../../src/domain/risk/Risk.ts"

/** 2024-03-10T12:00:00Z */
export const NOON = 1_710_072_000_000

export const XLM = PairSymbol("XLM/USD")
export const BTC = PairSymbol("BTC/USD")

export const p = Money.price
export const q = Money.quantity
export const usd = Money.usd
export const rate = Money.rate
export const id = (text: string): ClientOrderId => ClientOrderId(text)

export const instrument = (change: Partial<Instrument> = {}): Instrument => ({
  symbol: XLM,
  restId: "XXLMZUSD",
  altname: "XLMUSD",
  base: "XLM",
  quote: "USD",
  baseId: "XXLM",
  quoteId: "ZUSD",
  priceDecimals: 6,
  quantityDecimals: 8,
  costDecimals: 8,
  baseDecimals: 8,
  quoteDecimals: 4,
  tickSize: p("0.000001"),
  minQuantity: q("20"),
  minCost: usd("0.5"),
  status: "online",
  ...change
})

export const quote = (bid = "0.1", ask = "0.1001", at = NOON): Quote => ({
  symbol: XLM,
  bid: p(bid),
  bidQuantity: q("1000"),
  ask: p(ask),
  askQuantity: q("1000"),
  at
})

export const limits = (change: Partial<Limits> = {}): Limits => ({
  maxTradeSize: usd("10"),
  maxTotalExposure: usd("10"),
  allowedPairs: [XLM],
  minOrderSize: usd("1"),
  postOnly: true,
  maxDailyLoss: usd("20"),
  maxTradesPerDay: 50,
  minTradeInterval: 10_000,
  cooldownAfterLoss: 300_000,
  priceCollar: rate("0.02"),
  maxSpread: rate("0.02"),
  maxPriceJump: rate("0.05"),
  staleAfter: 10_000,
  maxClockSkew: 1000,
  reconcileEvery: 60_000,
  deadManSwitch: 60_000,
  breakerThreshold: 5,
  breakerCooldown: 60_000,
  entryExpiry: 120_000,
  exitCollar: rate("0.005"),
  exitCollarMax: rate("0.05"),
  exitInterval: 2000,
  maxRequotes: 5,
  ...change
})

export const plan = (change: Partial<ExitPlan> = {}): ExitPlan => ({
  target: p("0.105"),
  stop: p("0.095"),
  holdFor: 3_600_000,
  ...change
})

export const share = (lotId: string, quantity: string): LotShare => ({ lotId: id(lotId), quantity: q(quantity) })

export const entryPurpose = (change: Partial<ExitPlan> = {}): Purpose => ({
  _tag: "Entry",
  plan: plan(change),
  features: { z: -2.5 }
})

export const exitPurpose = (lots: ReadonlyArray<LotShare>): Purpose => ({
  _tag: "Exit",
  kind: "target",
  lots,
  attempt: 0
})

/** A pending entry of 100 XLM at 0.1. */
export const entry = (change: Partial<Order> = {}): Order => ({
  id: id("kt1e"),
  symbol: XLM,
  side: "buy",
  purpose: entryPurpose(),
  reason: "test",
  quantity: q("100"),
  limitPrice: p("0.1"),
  postOnly: true,
  timeInForce: "GTD",
  expiresAt: NOON + 120_000,
  createdAt: NOON,
  deadline: NOON + 10_000,
  status: "pending",
  cumQuantity: q("0"),
  cumCost: usd("0"),
  bookedQuantity: q("0"),
  bookedCost: usd("0"),
  bookedFee: usd("0"),
  executions: [],
  termsAt: NOON,
  updatedAt: NOON,
  ...change
})

/** An open target sale of the given shares at 0.105; its quantity is their sum. */
export const exit = (lots: ReadonlyArray<LotShare>, change: Partial<Order> = {}): Order => {
  const { expiresAt: _, ...base } = entry()
  return {
    ...base,
    id: id("kt1x"),
    side: "sell",
    purpose: exitPurpose(lots),
    quantity: Money.Quantity(lots.reduce((sum, one) => sum + one.quantity, 0n)),
    limitPrice: p("0.105"),
    timeInForce: "GTC",
    status: "open",
    ...change
  }
}

export const status = (change: Partial<StatusReport> = {}): StatusReport => ({
  _tag: "Status",
  source: "stream",
  exchangeId: ExchangeOrderId("OAAAAA"),
  status: "open",
  at: NOON + 1,
  ...change
})

/** A fill at 0.1 with a maker fee of a quarter per cent in USD. */
export const fill = (executionId: string, quantity: string, change: Partial<FillReport> = {}): FillReport => {
  const price = change.price ?? p("0.1")
  const cost = change.cost ?? Money.notional(price, q(quantity), "nearest")
  return {
    _tag: "Fill",
    source: "stream",
    executionId: ExecutionId(executionId),
    exchangeId: ExchangeOrderId("OAAAAA"),
    symbol: XLM,
    side: "buy",
    price,
    quantity: q(quantity),
    cost,
    fee: Money.portion(cost, rate("0.0025"), "nearest"),
    feeAsset: "USD",
    liquidity: "maker",
    at: NOON + 5,
    ...change
  }
}

/** A lot of 100 XLM bought at 0.1 with 0.025 USD of fees, all of it held. */
export const lot = (change: Partial<Lot> = {}): Lot => ({
  id: id("kt1a"),
  symbol: XLM,
  exchangeId: ExchangeOrderId("OAAAAA"),
  quantity: q("100"),
  remaining: q("100"),
  cost: usd("10"),
  entryFee: usd("0.025"),
  proceeds: usd("0"),
  exitFee: usd("0"),
  openedAt: NOON,
  plan: plan(),
  features: { z: -2.5 },
  reason: "test",
  attempts: 0,
  ...change
})

/** 95 XLM at 0.0999: within every default limit. */
export const entryProposal = (change: Partial<Proposal> = {}): Proposal => ({
  proposalId: 1,
  instrument: instrument(),
  side: "buy",
  purpose: entryPurpose(),
  quantity: q("95"),
  limitPrice: p("0.0999"),
  postOnly: true,
  timeInForce: "GTD",
  expiresAfter: 120_000,
  reason: "test",
  proposedAt: NOON,
  ...change
})

/** A taking sale of the given shares at 0.0995. */
export const exitProposal = (lots: ReadonlyArray<LotShare>, change: Partial<Proposal> = {}): Proposal => ({
  proposalId: 2,
  instrument: instrument(),
  side: "sell",
  purpose: exitPurpose(lots),
  quantity: Money.Quantity(lots.reduce((sum, one) => sum + one.quantity, 0n)),
  limitPrice: p("0.0995"),
  postOnly: false,
  timeInForce: "IOC",
  reason: "test",
  proposedAt: NOON,
  ...change
})

/** A state in which `entryProposal()` passes. */
export const riskView = (change: Partial<RiskView> = {}): RiskView => ({
  now: NOON,
  limits: limits(),
  gates: [],
  breakerOpen: false,
  system: "online",
  quote: quote(),
  quoteConfirmedAt: NOON,
  orders: [],
  lots: new Map(),
  exposure: usd("0"),
  dayLoss: usd("0"),
  entriesToday: 0,
  lastEntryAt: undefined,
  lastLossAt: undefined,
  freeUsd: usd("98.82"),
  takerFee: rate("0.004"),
  makerFee: rate("0.0025"),
  switchFiresAt: NOON + 60_000,
  epoch: 7,
  nextId: id("kt1n"),
  ...change
})

/** The approval of a proposal that the view lets pass: tests, too, get one from risk alone. */
export const approve = (proposal: Proposal = entryProposal(), view: RiskView = riskView()): ApprovedOrder =>
  Either.getOrThrowWith(assess(proposal, view), (refusal) => new Error(refusal.text))

/** One lot, no orders, a fresh quote well inside the plan. */
export const ladderView = (change: Partial<LadderView> = {}): LadderView => ({
  now: NOON + 60_000,
  instrument: instrument(),
  limits: limits(),
  system: "online",
  quote: quote("0.1", "0.1001", NOON + 60_000),
  quoteConfirmedAt: NOON + 60_000,
  lots: [lot()],
  orders: [],
  proposed: [],
  amendRefused: new Set(),
  ...change
})
