/**
 * What a person or a test does to the exchange from the outside: modes and switches, money in and out, orders by hand,
 * changed rules, orders that the exchange ends by itself.
 */
import { Either } from "effect"
import type { Instrument, PairSymbol } from "../market/Instrument.ts"
import * as Fixed from "../money/Fixed.ts"
import * as Money from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"
import type { Frame } from "./Boundary.ts"
import { remaining } from "./Book.ts"
import type { KeyConfig, Switches } from "./Config.ts"
import type { Draft } from "./Draft.ts"
import { findOrder, nextId, putMarket } from "./Draft.ts"
import { freshKey } from "./Initial.ts"
import { post } from "./Ledger.ts"
import { matchResting } from "./Matching.ts"
import { end, fill } from "./Orders.ts"
import { check, enter } from "./Placement.ts"
import type { ExchangeState, OrderType, Side, SystemMode } from "./State.ts"
import { advance, run } from "./Timers.ts"
import type { Refusal } from "./Validation.ts"
import { UNKNOWN_ORDER } from "./Validation.ts"
import { balanceOf, decimalsOf, FLEX } from "./Wallet.ts"
import { deliver } from "./ws/Deliver.ts"
import { instrumentMessage } from "./ws/MarketData.ts"
import { sendStatus } from "./ws/Sessions.ts"

export interface Done<A> {
  readonly state: ExchangeState
  readonly frames: ReadonlyArray<Frame>
  readonly value: A
}

/** What may trade again trades: orders that the market crossed while the engine stood still. */
const resume = (d: Draft): void => {
  for (const symbol of d.state.markets.keys()) matchResting(d, symbol)
}

/** Changes the system's mode and tells every connection. A switch that ran out during maintenance fires on the return. */
export const setSystem = (state: ExchangeState, mode: SystemMode, now: EpochMs): Done<void> =>
  run(state, now, (d) => {
    d.state.system = mode
    for (const session of d.state.sessions.values()) sendStatus(d, session)
    advance(d, d.state.now)
    resume(d)
  })

/** Changes how the exchange answers where Kraken's behaviour is not confirmed. */
export const setSwitches = (state: ExchangeState, change: Partial<Switches>): ExchangeState => ({
  ...state,
  switches: { ...state.switches, ...change }
})

/** Lets REST reads of orders and trades be behind by 0 to 60 s. */
export const setRestLag = (state: ExchangeState, ms: number): ExchangeState =>
  setSwitches(state, { restLagMs: Math.min(60_000, Math.max(0, ms)) })

/** Changes a pair's rules (minimums, status…) and tells the subscribers of `instrument`. */
export const setInstrument = (
  state: ExchangeState,
  symbol: PairSymbol,
  change: Partial<Omit<Instrument, "symbol">>,
  now: EpochMs
): Done<void> =>
  run(state, now, (d) => {
    const before = d.state.markets.get(symbol)
    if (before === undefined) return
    const market = { ...before, rules: { ...before.rules, ...change } }
    putMarket(d, market)
    deliver(d, "instrument", false, (subscription) => ({
      text: instrumentMessage(d.state, "update", [market]),
      next: subscription
    }))
    matchResting(d, symbol)
  })

/** Adds an API key, or changes one's permissions and window; its nonce stays. */
export const setKey = (state: ExchangeState, key: KeyConfig): ExchangeState => ({
  ...state,
  keys: new Map(state.keys).set(key.apiKey, { ...freshKey(key), ...state.keys.get(key.apiKey), ...key })
})

/** Makes every stream token invalid, as an upgrade of the exchange does; open subscriptions lose theirs too. */
export const expireTokens = (state: ExchangeState): ExchangeState => ({ ...state, tokens: [] })

const onGrid = (d: Draft, asset: string, amount: bigint): bigint =>
  Fixed.toDecimals(amount, decimalsOf(d.state, asset), "down")

/** Money arrives. Amount at scale 10^-12, cut to the asset's decimals. */
export const deposit = (state: ExchangeState, asset: string, amount: bigint, now: EpochMs): Done<void> =>
  run(state, now, (d) => {
    const entry = { type: "deposit", subtype: "", wallet: asset, amount: onGrid(d, asset, amount), fee: 0n } as const
    post(d, { ...entry, refid: nextId(d, "T") })
  })

/** Money leaves, at most what is there; open orders it was held for fail when they would execute. */
export const withdraw = (state: ExchangeState, asset: string, amount: bigint, now: EpochMs): Done<void> =>
  run(state, now, (d) => {
    const most = Fixed.min(onGrid(d, asset, amount), balanceOf(d.state, asset))
    post(d, { refid: nextId(d, "T"), type: "withdrawal", subtype: "", wallet: asset, amount: -most, fee: 0n })
  })

const transfer = (d: Draft, from: string, to: string, amount: bigint, subtype: readonly [string, string]): void => {
  const most = Fixed.min(onGrid(d, from, amount), balanceOf(d.state, from))
  const refid = nextId(d, "T")
  post(d, { refid, type: "transfer", subtype: subtype[0], wallet: from, amount: -most, fee: 0n })
  post(d, { refid, type: "transfer", subtype: subtype[1], wallet: to, amount: most, fee: 0n })
}

/** Auto-earn takes funds: `XLM` to `XLM.F`, where no order can use them. */
export const transferToFlex = (state: ExchangeState, asset: string, amount: bigint, now: EpochMs): Done<void> =>
  run(state, now, (d) => transfer(d, asset, asset + FLEX, amount, ["spottostaking", "stakingfromspot"]))

/** And gives them back. */
export const transferFromFlex = (state: ExchangeState, asset: string, amount: bigint, now: EpochMs): Done<void> =>
  run(state, now, (d) => transfer(d, asset + FLEX, asset, amount, ["stakingtospot", "spotfromstaking"]))

/** An order that a person places by hand in Kraken's own surface: no client id, no deadline. */
export interface HandOrder {
  readonly symbol: PairSymbol
  readonly side: Side
  readonly type: OrderType
  /** Decimal texts. */
  readonly quantity: string
  readonly price?: string
}

/** Places an order by hand and gives its txid. */
export const placeForeign = (
  state: ExchangeState,
  order: HandOrder,
  now: EpochMs
): Done<Either.Either<string, Refusal>> =>
  run(state, now, (d) => {
    const market = d.state.markets.get(order.symbol)
    if (market === undefined) return Either.left("EQuery:Unknown asset pair")
    const checked = check(d, {
      market,
      origin: { _tag: "Hand" },
      side: order.side,
      type: order.type,
      volume: order.quantity,
      price: order.price,
      timeInForce: undefined,
      postOnly: false,
      feeIn: "quote",
      selfTrade: undefined,
      userref: undefined,
      clOrdId: undefined,
      expiresAt: 0,
      problem: undefined,
      deadline: undefined,
      deadlineLeastMs: 0,
      arrivedAt: d.state.now
    })
    return Either.map(checked, (admitted) => enter(d, market, admitted).txid)
  })

const onOpen = <A>(
  state: ExchangeState,
  txid: string,
  now: EpochMs,
  act: (d: Draft, order: NonNullable<ReturnType<typeof findOrder>>) => A
): Done<Either.Either<A, Refusal>> =>
  run(state, now, (d) => {
    const order = findOrder(d.state, txid)
    return order?.status === "open" ? Either.right(act(d, order)) : Either.left(UNKNOWN_ORDER)
  })

/** The exchange ends an order by itself. */
export const cancelByExchange = (
  state: ExchangeState,
  txid: string,
  reason: string,
  now: EpochMs
): Done<Either.Either<void, Refusal>> =>
  onOpen(state, txid, now, (d, order) => {
    end(d, order, "canceled", reason)
  })

/** Fills a resting order at its price as maker, whatever the market does; at most what is left of it. */
export const injectFill = (
  state: ExchangeState,
  txid: string,
  quantity: bigint,
  now: EpochMs
): Done<Either.Either<boolean, Refusal>> =>
  onOpen(state, txid, now, (d, order) => {
    return fill(d, order, order.price, Fixed.min(Money.Quantity(quantity), remaining(order)), true)
  })
