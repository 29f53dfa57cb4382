/** Books against account: what is not explained by fills must be explained by the ledger, or the breaker latches (I10). */
import * as Fixed from "../money/Fixed.ts"
import * as Money from "../money/Money.ts"
import type { Order } from "../order/Order.ts"
import { isSettled, missingQuantity } from "../order/Order.ts"
import * as Portfolio from "../portfolio/Portfolio.ts"
import { acceptingWrite } from "./acceptance.ts"
import type { Draft } from "./Draft.ts"
import { alert, askOnce, latch, log, patch, putLot } from "./Draft.ts"
import type { LedgerMove } from "./Event.ts"
import { movesSince } from "./ledger.ts"
import type { Agreement } from "./State.ts"
import { AGREED_NOTE, agreedNote } from "./State.ts"
import { bookAssets, openLots, ownAmount, show } from "./Views.ts"

/** Two agreeing differences at least this far apart count. */
export const CONFIRM_AFTER_MS = 60_000
/** The ledger is read from so long before the last agreement: clocks differ, and what was agreed on is told by balances. */
const READ_BACK_MS = 60_000
/** No fill this long before the read began: REST may lag behind the stream. */
const QUIET_MS = 5000
/** How often the balances are read while a difference that the operator took over waits for a quiet window. */
const ACCEPT_EVERY_MS = 10_000

/** Nothing is in flight, unknown or half booked, so that a balance can be compared. Resting orders do not move balances. */
const quiet = (d: Draft, begunAt: number): boolean => {
  const still = [...d.state.orders.values()].every(
    (order: Order) =>
      isSettled(order) ||
      (order.status === "open" &&
        order.amend === undefined &&
        order.timeInForce !== "IOC" &&
        missingQuantity(order) === 0n)
  )
  return still && (d.state.lastFillAt === undefined || d.state.lastFillAt < begunAt - QUIET_MS)
}

/** What our own resting entries hold, fee included. */
const ownHoldUsd = (d: Draft): bigint => {
  let sum = 0n
  for (const order of d.state.orders.values()) {
    const working = Portfolio.workingExposure(order)
    const fee = d.state.pairs.get(order.symbol)?.takerFee ?? Money.Rate(0n)
    sum += working + Money.portion(working, fee, "up")
  }
  return sum
}

/** Books and account agree: only what came later explains anything. Recorded, since money also moves while the trader is down. */
const putAgreed = (d: Draft, agreed: ReadonlyMap<string, Agreement>): void => {
  patch(d, { agreed })
  d.writes.push({ _tag: "Note", key: AGREED_NOTE, value: agreedNote(agreed) })
}

/** Why a difference can't be the owner's: the account holds less than the trader's own lots. */
const shortOf = (asset: string, held: bigint, own: bigint): string | undefined =>
  asset === "USD" || held >= own
    ? undefined
    : `the account holds ${show(held)} ${asset}, less than the ${show(own)} of the trader's own lots, so that the difference can't be counted as yours: bring the missing ${show(own - held)} ${asset} back (out of Earn, by a deposit, or bought by hand), then run \`breaker reset --cause balance\``

/** Reads the balances for a difference that the operator took over, once nothing else is being read. */
export const lookToAccept = (d: Draft): void => {
  if (d.state.accepting && d.state.reconciling.size === 0 && askOnce(d, "accept", ACCEPT_EVERY_MS))
    d.out.push({ _tag: "FetchBalances" })
}

const accepted = (d: Draft, asset: string, amount: bigint): void =>
  alert(
    d,
    "info",
    "balance.accepted",
    `The account's ${asset} differed from the books by ${show(amount)}: counted as yours from now on, since you reset the breaker. The trader's own lots and profit are as they were.`
  )

export const balancesSeen = (
  d: Draft,
  begunAt: number,
  total: ReadonlyMap<string, bigint>,
  hold: ReadonlyMap<string, bigint>
): void => {
  const foreignHold = Fixed.max((hold.get("USD") ?? 0n) - ownHoldUsd(d), 0n)
  patch(d, { balances: { at: d.at, total, foreignHoldUsd: Money.Usd(foreignHold) } })
  freeLots(d, total, hold)
  if (!quiet(d, begunAt)) return
  const foreign = new Map(d.state.foreign)
  const differences = new Map(d.state.differences)
  const agreed = new Map(d.state.agreed)
  const accepting = d.state.accepting && d.state.reconciling.size === 0
  const short: Array<string> = []
  let consult = false
  for (const asset of bookAssets(d.state)) {
    const held = total.get(asset) ?? 0n
    const own = ownAmount(d.state, asset)
    const known = foreign.get(asset)
    const sight = { at: begunAt, total: held }
    const missing = shortOf(asset, held, own)
    if (missing !== undefined && (accepting || known === undefined)) short.push(missing)
    // first sight: whatever is there and not ours is the owner's
    const amount = held - own - (known ?? 0n)
    if (missing === undefined && (accepting || known === undefined)) {
      if (known !== undefined && amount !== 0n) accepted(d, asset, amount)
      foreign.set(asset, held - own)
      differences.delete(asset)
      agreed.set(asset, sight)
      continue
    }
    foreign.set(asset, known ?? 0n)
    const before = differences.get(asset)
    if (amount === 0n) {
      differences.delete(asset)
      agreed.set(asset, sight)
    } else if (before?.amount !== amount) {
      differences.set(asset, { amount, at: d.at, last: sight, confirmed: false })
    } else {
      const confirmed = d.at - before.at >= CONFIRM_AFTER_MS
      differences.set(asset, { ...before, last: sight, confirmed })
      if (confirmed && !d.state.accepting) consult = true
    }
  }
  const changed = [...foreign].some(([asset, value]) => d.state.foreign.get(asset) !== value)
  patch(d, { foreign, differences })
  putAgreed(d, agreed)
  if (changed) d.writes.push({ _tag: "Foreign", foreign })
  if (accepting) {
    patch(d, { accepting: false })
    d.writes.push(acceptingWrite(false))
  }
  if (short.length > 0) latch(d, "balance", short.join("; "))
  if (consult && askOnce(d, "ledger", 30_000)) {
    const since = [...differences.keys()].map((asset) => agreed.get(asset)?.at ?? d.at)
    d.out.push({ _tag: "FetchLedger", since: Math.min(...since) - READ_BACK_MS })
  }
}

/** After `Insufficient funds`: what the exchange says may be sold, shared out over the lots that were told there is less. */
const freeLots = (d: Draft, total: ReadonlyMap<string, bigint>, hold: ReadonlyMap<string, bigint>): void => {
  for (const pair of d.state.pairs.values()) {
    const { base } = pair.instrument
    let free = (total.get(base) ?? 0n) - (hold.get(base) ?? 0n)
    for (const lot of openLots(d.state)) {
      if (lot.symbol !== pair.instrument.symbol || lot.sellable === undefined) continue
      const held = Portfolio.claimed(lot.id, d.state.orders.values())
      const sellable = Fixed.min<bigint>(lot.remaining, Fixed.max<bigint>(free, 0n) + held)
      free -= sellable - held
      if (sellable === lot.remaining) {
        const { sellable: _, ...whole } = lot
        putLot(d, whole)
      } else if (sellable !== lot.sellable) putLot(d, { ...lot, sellable: Money.Quantity(sellable) })
    }
  }
}

/** By the records, or booked so recently that they may not have it yet. */
const isOwnTrade = (d: Draft, move: LedgerMove): boolean =>
  move.own === true || [...d.state.orders.values()].some((order) => order.executions.some((id) => id === move.refId))

/**
 * The ledger consulted: moves that are not the trader's own explain a difference, unless they ate into the lots it
 * holds (a sale by hand, auto-earn): that latches. A difference that only one balance showed so far may still be explained,
 * but waits for the second before it latches.
 */
export const ledgerSeen = (d: Draft, moves: ReadonlyArray<LedgerMove>): void => {
  const foreign = new Map(d.state.foreign)
  const differences = new Map(d.state.differences)
  const agreed = new Map(d.state.agreed)
  const reasons: Array<string> = []
  for (const [asset, difference] of d.state.differences) {
    const ofAsset = moves.filter((move) => move.asset === asset)
    const since = movesSince(ofAsset, agreed.get(asset), difference.last.total)
    const foreignMoves = since.moves.filter((move) => !isOwnTrade(d, move))
    const told = foreignMoves.reduce((sum, move) => sum + move.amount - move.fee, 0n)
    const explained = since.whole && told === difference.amount
    const types = [...new Set(foreignMoves.map((move) => move.type))].join(", ")
    const after = (foreign.get(asset) ?? 0n) + difference.amount
    if (explained && (asset === "USD" || after >= 0n)) {
      foreign.set(asset, after)
      differences.delete(asset)
      agreed.set(asset, difference.last)
      log(d, "info", `balance of ${asset} moved by ${show(difference.amount)} outside the trader: ${types}`)
      alert(
        d,
        "info",
        "balance.explained",
        `${show(difference.amount)} ${asset} came or went by ${types}; the trader's books are not touched by it.`
      )
      continue
    }
    // what the operator has looked at is not looked into again
    if (!difference.confirmed || d.state.accepting) continue
    const reason = explained
      ? `${show(-difference.amount)} ${asset} left the account by ${types}: part of what the trader bought is gone`
      : `the account's ${asset} differs from the books by ${show(difference.amount)}, and the ledger explains ${show(told)} of it`
    const missing = shortOf(asset, difference.last.total, ownAmount(d.state, asset))
    reasons.push(missing === undefined ? reason : `${reason}; ${missing}`)
  }
  if (reasons.length > 0) latch(d, "balance", reasons.join("; "))
  patch(d, { foreign, differences })
  putAgreed(d, agreed)
  d.writes.push({ _tag: "Foreign", foreign })
}
