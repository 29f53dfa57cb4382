/**
 * The one fold: (state, event) -> (state, decisions). Live, paper, simulation and backtest feed it the same way; there is
 * no other place where trading state changes.
 */
import { Option } from "effect"
import * as Breaker from "../breaker/Breaker.ts"
import { isLive, isTerminal } from "../order/Order.ts"
import type { Lot } from "../portfolio/Lot.ts"
import * as Portfolio from "../portfolio/Portfolio.ts"
import { acceptingWrite, takesOver } from "./acceptance.ts"
import { balancesSeen, ledgerSeen, lookToAccept } from "./balances.ts"
import { checkDailyLoss, markPrices, record, rollDay } from "./days.ts"
import type { Decision } from "./Decision.ts"
import type { Draft } from "./Draft.ts"
import { applyBreaker, askOnce, fail, latch, log, patch, putPair, succeed } from "./Draft.ts"
import { cancelWhereStopped } from "./entries.ts"
import type { EngineEvent } from "./Event.ts"
import { runLadders } from "./exits.ts"
import { candlesLoaded, marketTick, publicDown, quoteSeen } from "./market.ts"
import {
  amendAsked,
  amendOutcome,
  approvalAsked,
  cancelOutcome,
  chase,
  intentFailed,
  neverArrived,
  outcomeSeen,
  proposalDropped,
  requestCancel
} from "./orders.ts"
import { prune } from "./prune.ts"
import { applyReports, askAgain, closeLots, identified, lookUpAbsent, raiseIfUnbooked, recalled } from "./reports.ts"
import type { EngineState } from "./State.ts"
import { storeBroken, storeDoubted, storeRecovered } from "./store.ts"
import { liveOrders, show } from "./Views.ts"
import type { StoreWrite } from "./Write.ts"

export interface FoldResult {
  readonly state: EngineState
  readonly decisions: ReadonlyArray<Decision>
}

/** Both streams healthy this long before the stream's latch may clear. */
const HEALTHY_MS = 10_000

const startReconciling = (d: Draft, reason: string): void => {
  patch(d, { reconciling: new Set(d.state.reconciling).add(reason) })
  d.out.push({ _tag: "Reconcile", reason })
}

const probes = (d: Draft): void => {
  for (const cause of Breaker.probesDue(d.state.breaker, d.at)) {
    if (cause === "price") {
      applyBreaker(d, Breaker.probeSucceeded(d.state.breaker, cause, d.at, "the price was calm through the cool-down"))
    } else if (cause === "stale") {
      const fresh = [...d.state.pairs.values()].every(
        (pair) => pair.confirmedAt !== undefined && d.at - pair.confirmedAt <= d.state.rules.limits.staleAfter
      )
      probeDone(d, cause, fresh && d.state.publicUp, fresh ? "quotes are fresh" : "quotes are still stale")
    } else if (cause === "stream") {
      const healthy = (since: number | undefined): boolean => since !== undefined && d.at - since >= HEALTHY_MS
      const ok = healthy(d.state.publicUpAt) && healthy(d.state.privateUpAt)
      probeDone(d, cause, ok, ok ? "both streams are healthy" : "a stream is not healthy yet")
    } else if (!d.state.probing.has(cause)) {
      patch(d, { probing: new Set(d.state.probing).add(cause) })
      d.out.push({ _tag: "Probe", cause })
    }
  }
}

const probeDone = (
  d: Draft,
  cause: Parameters<typeof Breaker.probeSucceeded>[1],
  ok: boolean,
  reason: string
): void => {
  const probing = new Set(d.state.probing)
  probing.delete(cause)
  patch(d, { probing })
  const { breaker, rules } = d.state
  applyBreaker(
    d,
    ok
      ? Breaker.probeSucceeded(breaker, cause, d.at, reason)
      : Breaker.probeFailed(breaker, rules.breaker, cause, d.at, reason)
  )
}

/**
 * Whether this run itself has put a claim on a lot. Books of a run that ended while the disk failed may hold an exit as
 * open that was cancelled, beside the one that followed it: no rule is broken until something is added to them.
 */
const claimedNow = (state: EngineState, lot: Lot): boolean =>
  [...state.orders.values()].some(
    (order) =>
      order.createdAt >= state.startedAt &&
      order.purpose._tag === "Exit" &&
      order.purpose.lots.some((share) => share.lotId === lot.id) &&
      isLive(order)
  )

/** The cheap invariants, after every event (I22): what is found broken latches and is told. */
const checkInvariants = (d: Draft): void => {
  for (const lot of d.state.lots.values()) {
    if (lot.remaining < 0n || lot.remaining > lot.quantity) {
      latch(d, "invariant", `lot ${lot.id} holds ${show(lot.remaining)} of ${show(lot.quantity)}`)
    }
    if (lot.remaining > 0n) {
      const claimed = Portfolio.claimed(lot.id, d.state.orders.values())
      if (claimed > lot.remaining && claimedNow(d.state, lot)) {
        latch(d, "invariant", `exits of lot ${lot.id} could sell ${show(claimed)} of ${show(lot.remaining)} held`)
      }
    }
  }
}

const stopping = (d: Draft, reason: string): void => {
  patch(d, { phase: "stopping", proposals: new Map() })
  log(d, "info", `stopping: ${reason}`)
  record(d, true)
  for (const order of liveOrders(d.state)) requestCancel(d, order, "the trader stops")
}

const tick = (d: Draft): void => {
  marketTick(d)
  chase(d)
  raiseIfUnbooked(d)
  askAgain(d)
  probes(d)
  lookToAccept(d)
  rollDay(d)
  if (d.state.phase !== "starting") record(d, false)
  if (d.state.phase === "stopping") for (const order of liveOrders(d.state)) requestCancel(d, order, "the trader stops")
  prune(d)
}

const apply = (d: Draft, event: EngineEvent): void => {
  switch (event._tag) {
    case "Tick":
      return tick(d)
    case "QuoteSeen":
      return quoteSeen(d, event.quote, event.source)
    case "QuoteUnsound":
      return askOnce(d, `unsound:${event.symbol}`, 60_000)
        ? log(d, "warning", `a quote of ${event.symbol} was not sound (zero, crossed or missing) and was not used`)
        : undefined
    case "StaleConfirmed": {
      const pair = d.state.pairs.get(event.symbol)
      const age = pair?.confirmedAt === undefined ? undefined : d.at - pair.confirmedAt
      if (d.state.phase !== "running" || (age !== undefined && age <= d.state.rules.limits.staleAfter)) return
      return latch(d, "stale", `no fresh price of ${event.symbol}, not from REST either: ${event.reason}`)
    }
    case "CandlesLoaded":
      return candlesLoaded(d, event.symbol, event.candles)
    case "SystemSeen": {
      if (event.status !== d.state.system) log(d, "info", `the exchange is ${event.status}`)
      return patch(d, { system: event.status, maintenanceAt: event.maintenanceAt })
    }
    case "InstrumentsSeen": {
      for (const instrument of event.instruments) putPair(d, instrument.symbol, { instrument })
      return
    }
    case "FeesSeen": {
      for (const [symbol, fee] of event.fees)
        putPair(d, symbol, { makerFee: fee.maker, takerFee: fee.taker, feesAt: d.at })
      return
    }
    case "PublicUp":
      return patch(d, { publicUp: true, publicUpAt: d.at })
    case "PublicDown":
      publicDown(d, event.reason)
      return fail(d, "stream", event.reason)
    case "PrivateUp": {
      patch(d, { privateUp: true, privateUpAt: d.at })
      applyReports(d, event.openOrders)
      lookUpAbsent(d, event.openOrders, d.at)
      return startReconciling(d, "the account stream began anew")
    }
    case "PrivateDown":
      patch(d, { privateUp: false, privateUpAt: undefined })
      log(d, "warning", `account stream down: ${event.reason}`)
      return fail(d, "stream", event.reason)
    case "PrivateGap":
      patch(d, { privateUp: false, privateUpAt: undefined })
      return log(d, "warning", `account stream has a gap: ${event.reason}; it is read anew from snapshots`)
    case "ReportsSeen":
      return applyReports(d, event.reports)
    case "ReconcileStarted":
      return patch(d, { reconciling: new Set(d.state.reconciling).add(event.reason) })
    case "ReconcileDone": {
      const reconciling = new Set(d.state.reconciling)
      reconciling.delete(event.reason)
      patch(d, { reconciling })
      return log(d, "info", `reconciled: ${event.reason}`)
    }
    case "BalancesSeen":
      return balancesSeen(d, event.begunAt, event.total, event.hold)
    case "LedgerSeen":
      return ledgerSeen(d, event.moves)
    case "OpenOrdersSeen":
      applyReports(d, event.reports)
      return lookUpAbsent(d, event.reports, event.begunAt)
    case "DayMarkPrices":
      return markPrices(d, event.day, event.prices)
    case "ApprovalAsked":
      return approvalAsked(d, event.proposalId)
    case "ProposalDropped":
      return proposalDropped(d, event.proposalId, event.why)
    case "IntentFailed":
      return intentFailed(d, event.orderId, event.why, event.text)
    case "OutcomeSeen":
      outcomeSeen(d, event.orderId, event.outcome)
      return closeLots(d)
    case "AmendAsked":
      return amendAsked(d, event.orderId, event.quantity, event.limitPrice)
    case "AmendOutcome":
      return amendOutcome(d, event.orderId, event.outcome)
    case "CancelOutcome":
      return cancelOutcome(d, event.orderId, event.result, event.text)
    case "NeverArrived":
      neverArrived(d, event.orderId, event.proof)
      return closeLots(d)
    case "Identified":
      return identified(d, event.exchangeId, event.clientId, event.found)
    case "Recalled":
      return recalled(d, event.order, event.lots)
    case "SwitchArmed":
      return patch(d, { switchFiresAt: event.firesAt })
    case "SwitchLost":
      patch(d, { switchFiresAt: d.state.switchFiresAt === "off" ? "off" : undefined })
      return log(d, "warning", `the dead man's switch is not confirmed: ${event.reason}`)
    case "StoreBroken":
      return storeBroken(d, event.reason)
    case "StoreDoubted":
      return storeDoubted(d, event.reason)
    case "StoreRecovered":
      return storeRecovered(d, event.proof)
    case "Started":
      return d.state.phase === "starting" ? patch(d, { phase: "running" }) : undefined
    case "Stopping":
      return stopping(d, event.reason)
    case "FenceSeen": {
      const { fence } = event
      // read earlier than what is known already
      if (fence.epoch < d.state.epoch) return
      if (fence.paused !== d.state.paused)
        log(d, "info", fence.paused ? "paused by the operator" : "entries allowed again")
      if (fence.flatten === true && !d.state.flattening)
        log(d, "warning", "everything that the trader holds is sold, by the operator's word")
      patch(d, {
        paused: fence.paused,
        epoch: fence.epoch,
        flattening: d.state.flattening || fence.flatten === true
      })
      return Option.match(fence.operatorLatch, {
        onNone: () => undefined,
        onSome: (reason) =>
          applyBreaker(d, Breaker.latch(d.state.breaker, d.state.rules.breaker, "operator", d.at, reason, "operator"))
      })
    }
    case "Tripped":
      return applyBreaker(
        d,
        Breaker.latch(d.state.breaker, d.state.rules.breaker, event.cause, d.at, event.reason, "operator")
      )
    case "Reset": {
      patch(d, {
        anotherTrader: event.cause === undefined || event.cause === "invariant" ? undefined : d.state.anotherTrader,
        flattening: event.cause !== undefined && event.cause !== "operator" && d.state.flattening
      })
      const step = Breaker.reset(d.state.breaker, event.cause, d.at, event.reason)
      applyBreaker(d, step)
      if (!takesOver(step.changes)) return
      patch(d, { accepting: true })
      d.writes.push(acceptingWrite(true))
      // an execution that was missed is not the owner's
      return startReconciling(d, "the operator took a balance difference over")
    }
    case "Failed":
      return fail(d, event.cause, event.reason)
    case "Succeeded":
      return succeed(d, event.cause)
    case "ProbeDone":
      return probeDone(d, event.cause, event.ok, event.reason)
    case "SkewSeen": {
      if (event.skew !== d.state.skew && event.skew !== undefined) log(d, "warning", event.skew)
      return patch(d, { skew: event.skew })
    }
    case "Frozen":
      log(
        d,
        "warning",
        `the program stood still for ${Math.round(event.gapMs / 1000)} s; nothing is decided before the books are reconciled`
      )
      patch(d, { switchFiresAt: d.state.switchFiresAt === "off" ? "off" : undefined })
      return startReconciling(d, "the program stood still")
    case "AnotherTraderSeen":
      patch(d, { anotherTrader: event.reason })
      return latch(d, "invariant", event.reason)
    case "InvariantBroken":
      return latch(d, "invariant", event.text)
  }
}

/** The last version of each order, lot and total of a fold is written, in the order of their first change. */
const condense = (writes: ReadonlyArray<StoreWrite>): ReadonlyArray<StoreWrite> => {
  const out = new Map<string, StoreWrite>()
  let n = 0
  for (const write of writes) {
    switch (write._tag) {
      case "Order":
        out.set(`order:${write.order.id}`, write)
        break
      case "Lot":
        out.set(`lot:${write.lot.id}`, write)
        break
      case "Totals":
      case "Foreign":
        out.set(write._tag, write)
        break
      case "Note":
        out.set(`note:${write.key}`, write)
        break
      default:
        out.set(`#${n++}`, write)
    }
  }
  return [...out.values()]
}

/** Folds one event. Time never goes back: an event stamped earlier counts as now. */
export const fold = (state: EngineState, event: EngineEvent): FoldResult => {
  const at = Math.max(state.now, event.at)
  const d: Draft = { state: { ...state, now: at }, at, out: [], writes: [] }
  apply(d, event)
  rollDay(d)
  checkDailyLoss(d)
  runLadders(d)
  cancelWhereStopped(d)
  checkInvariants(d)
  // records first: what is sent because of them can wait for their commit
  return {
    state: d.state,
    decisions: d.writes.length === 0 ? d.out : [{ _tag: "Persist", writes: condense(d.writes) }, ...d.out]
  }
}

/** Whether everything of the trader's has come to its end, for the shutdown. */
export const nothingWorking = (state: EngineState): boolean =>
  [...state.orders.values()].every((order) => isTerminal(order.status))
