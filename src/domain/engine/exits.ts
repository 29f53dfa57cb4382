/** Runs the exit ladder of every pair that holds something, and takes its actions over into the state. */
import { climb } from "../exits/ExitLadder.ts"
import type { ExitAction } from "../exits/ExitLadder.ts"
import type { LotId } from "../order/Ids.ts"
import { isSettled } from "../order/Order.ts"
import type { Proposal } from "../order/Steps.ts"
import type { ExitCall, Lot } from "../portfolio/Lot.ts"
import type { Draft } from "./Draft.ts"
import { alert, askOnce, holdOrder, log, patch, putLot, putPair } from "./Draft.ts"
import { growthWaits, propose, requestCancel, withdrawEntry } from "./orders.ts"
import type { PairState } from "./State.ts"
import { openLots, show } from "./Views.ts"

/** A target that still waits for its turn is not wanted any more once its lot is to be sold at any price. */
const dropTargets = (d: Draft, lotId: LotId): void => {
  const isTarget = ({ purpose }: Proposal): boolean =>
    purpose._tag === "Exit" && purpose.kind === "target" && purpose.lots.some((share) => share.lotId === lotId)
  patch(d, { proposals: new Map([...d.state.proposals].filter(([, proposal]) => !isTarget(proposal))) })
}

/** From now on the lot is sold at what the market gives. */
const call = (d: Draft, lot: Lot, kind: ExitCall["kind"], reason: string): void => {
  putLot(d, { ...lot, call: { kind, at: d.at } })
  dropTargets(d, lot.id)
  log(d, "info", `${kind} exit of lot ${lot.id}: ${reason}`, { lotId: lot.id })
}

/** While everything is to be sold every lot is called, those that late executions bring too. */
const callAll = (d: Draft): void => {
  for (const lot of openLots(d.state)) if (lot.call === undefined) call(d, lot, "flatten", "by the operator's word")
}

const act = (d: Draft, pair: PairState, action: ExitAction): void => {
  switch (action._tag) {
    case "Call": {
      const lot = d.state.lots.get(action.lotId)
      return lot === undefined ? undefined : call(d, lot, action.kind, action.reason)
    }
    case "Place":
      return propose(d, {
        instrument: pair.instrument,
        side: "sell",
        purpose: { _tag: "Exit", kind: action.kind, lots: action.lots, attempt: action.attempt },
        quantity: action.quantity,
        limitPrice: action.limitPrice,
        postOnly: action.postOnly,
        timeInForce: action.timeInForce,
        reason: action.reason
      })
    case "Amend": {
      const order = d.state.orders.get(action.orderId)
      if (order === undefined || order.purpose._tag !== "Exit" || d.state.amending.has(order.id)) return
      if (action.limitPrice === order.limitPrice && growthWaits(d, order.id)) return
      const amended =
        action.added.length === 0
          ? order
          : { ...order, purpose: { ...order.purpose, lots: [...order.purpose.lots, ...action.added] } }
      holdOrder(d, amended)
      patch(d, { amending: new Set(d.state.amending).add(order.id) })
      d.out.push({
        _tag: "Amend",
        order: amended,
        quantity: action.quantity,
        limitPrice: action.limitPrice,
        postOnly: action.postOnly,
        reason: action.reason
      })
      return
    }
    case "Cancel": {
      const order = d.state.orders.get(action.orderId)
      if (order === undefined) return
      return order.purpose._tag === "Entry"
        ? withdrawEntry(d, order, action.reason)
        : requestCancel(d, order, action.reason)
    }
    case "Attempted": {
      const lot = d.state.lots.get(action.lotId)
      if (lot === undefined) return
      putLot(d, { ...lot, attempts: lot.attempts + (action.taking ? 1 : 0), lastAttemptAt: d.at })
      if (action.atBound && askOnce(d, `stuck:${lot.id}`, 60_000)) {
        alert(
          d,
          "critical",
          "exit.stuck",
          `Lot ${lot.id} (${show(lot.remaining)} ${pair.instrument.base}) is not sold after ${lot.attempts + 1} attempts, the last at the widest collar. The trader keeps trying; look at the market and the account.`,
          { lotId: lot.id }
        )
      }
      return
    }
    case "FetchQuote":
      if (askOnce(d, `quote:${pair.instrument.symbol}`, 2000)) {
        d.out.push({ _tag: "FetchQuote", symbol: pair.instrument.symbol })
      }
      return
  }
}

/** One pass over every pair that holds something; pairs without lots cost a look at a map. */
export const runLadders = (d: Draft): void => {
  if (d.state.phase === "stopping" || d.state.rules.observing) return
  if (d.state.flattening) callAll(d)
  const held = openLots(d.state)
  for (const pair of d.state.pairs.values()) {
    const { symbol } = pair.instrument
    const lots = held.filter((lot) => lot.symbol === symbol).toSorted((a, b) => a.openedAt - b.openedAt)
    if (lots.length === 0) {
      if (pair.lotStatuses.length > 0) putPair(d, symbol, { lotStatuses: [] })
      continue
    }
    const step = climb({
      now: d.at,
      instrument: pair.instrument,
      limits: d.state.rules.limits,
      system: d.state.system,
      quote: pair.quote,
      quoteConfirmedAt: pair.confirmedAt,
      lots,
      orders: [...d.state.orders.values()].filter((order) => order.symbol === symbol && !isSettled(order)),
      proposed: [...d.state.proposals.values()],
      amendRefused: d.state.amendRefused
    })
    for (const action of step.actions) act(d, pair, action)
    putPair(d, symbol, { lotStatuses: step.statuses })
  }
}
