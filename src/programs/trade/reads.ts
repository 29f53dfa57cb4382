/** The reading desk: answers what folds ask of the exchange (quotes, candles, balances, ledger, probes, reconciliation) with events. */
import { Deferred, Effect, Either, FiberMap, Mailbox } from "effect"
import type { Decision } from "../../domain/engine/Decision.ts"
import type { EngineState } from "../../domain/engine/State.ts"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import { NONCE_AHEAD } from "../../domain/kraken/KrakenError.ts"
import { minimumQuantity, roundPrice } from "../../domain/market/Instrument.ts"
import type { PairSymbol } from "../../domain/market/Instrument.ts"
import * as Money from "../../domain/money/Money.ts"
import { isTerminal, missingQuantity } from "../../domain/order/Order.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { DAY_MS, dayStart } from "../../domain/Time.ts"
import { MarketClock } from "../../services/Clock.ts"
import { Engine } from "../../services/Engine.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import type { KrakenRestShape, LedgerEntry } from "../../services/KrakenRest.ts"
import { KrakenStream } from "../../services/KrakenStream.ts"
import { CredentialsRefused } from "../../services/OrderDesk.ts"
import { Store } from "../../services/Store.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { persistent } from "./backoff.ts"

export type ReadDecision = Extract<
  Decision,
  {
    readonly _tag:
      "FetchQuote" | "FetchCandles" | "FetchBalances" | "FetchLedger" | "FetchDayMark" | "Reconcile" | "Probe"
  }
>

const CAPACITY = 1024
/** How long a reconciliation waits for reports in flight to be named and booked before it reads again (real). */
const SETTLE_WAIT = "10 seconds"
/** Pages of the ledger that are read at most; what they lack stays unexplained and latches. */
const LEDGER_PAGES = 10
/** How far back executions are read when nothing says what was missed. */
const LOOK_BACK_MS = 3_600_000

/** Errors that speak against the API, not against the request. */
const isApiFailure = (error: KrakenError): boolean =>
  error._tag === "KrakenTransportError"
    ? error.reason !== "overtaken"
    : error._tag === "KrakenApiError" && error.kind !== "rejected" && error.kind !== "unknown order"

/** REST asset ids to stream names, by what the instruments say. Suffixed balances (`.F`, `.S`) are not the trader's business here. */
const assetNames = (state: EngineState): ReadonlyMap<string, string> =>
  new Map(
    [...state.pairs.values()].flatMap(({ instrument: i }) => [
      [i.baseId, i.base] as const,
      [i.quoteId, i.quote] as const
    ])
  )

export interface ReadDesk {
  readonly take: (decision: ReadDecision) => boolean
  /** Fails only when the key is refused. */
  readonly run: Effect.Effect<never, CredentialsRefused>
  /** One reconciliation by hand, for the periodic one. */
  readonly reconcile: (reason: string | undefined) => Effect.Effect<void, KrakenError>
}

/** Builds the reading desk. Its jobs are never started twice for the same thing. */
export const makeReadDesk = Effect.gen(function* () {
  const rest = yield* KrakenRest
  const engine = yield* Engine
  const clock = yield* MarketClock
  const stream = yield* KrakenStream
  const store = yield* Store
  const queue = yield* Mailbox.make<ReadDecision>({ capacity: CAPACITY, strategy: "dropping" })
  const jobs = yield* FiberMap.make<string, void, never>()

  const refused = yield* Deferred.make<never, CredentialsRefused>()
  const refusal = (error: KrakenError): Effect.Effect<void> =>
    error._tag === "KrakenApiError" && error.stop
      ? Effect.asVoid(Deferred.fail(refused, new CredentialsRefused({ text: error.text })))
      : Effect.void

  /** A call whose failures and successes the breaker counts; a refused key ends the desk, and with it the program. */
  const watched = <A>(call: Effect.Effect<A, KrakenError>): Effect.Effect<A, KrakenError> =>
    call.pipe(
      Effect.tap(() =>
        (engine.unsafeState().breaker.failures.api ?? 0) > 0
          ? engine.tell({ _tag: "Succeeded", cause: "api" })
          : Effect.void
      ),
      Effect.tapError((error) => refusal(error)),
      Effect.tapError((error) =>
        error._tag === "KrakenApiError" && error.nonceAhead === true
          ? engine.tell({ _tag: "AnotherTraderSeen", reason: NONCE_AHEAD })
          : Effect.void
      ),
      Effect.tapError((error) =>
        isApiFailure(error) ? engine.tell({ _tag: "Failed", cause: "api", reason: error.message }) : Effect.void
      )
    )

  const quote = (symbol: PairSymbol): Effect.Effect<void> =>
    watched(rest.ticker(symbol)).pipe(
      Effect.flatMap(({ quote }) =>
        quote === undefined
          ? engine.tell({ _tag: "StaleConfirmed", symbol, reason: "the quote is not sound" })
          : Effect.sync(() => engine.offerQuote(quote, "rest"))
      ),
      Effect.catchAll((error) => engine.tell({ _tag: "StaleConfirmed", symbol, reason: error.message }))
    )

  const candles = (symbol: PairSymbol): Effect.Effect<void> =>
    Effect.gen(function* () {
      const { strategy } = engine.unsafeState().rules
      const loaded = yield* watched(rest.ohlc(symbol, strategy.intervalMinutes))
      yield* engine.tell({ _tag: "CandlesLoaded", symbol, candles: loaded })
    }).pipe(Effect.catchAll((error) => Effect.logInfo(`candles of ${symbol} not loaded: ${error.message}`)))

  const balances: Effect.Effect<void, KrakenError> = Effect.gen(function* () {
    const begunAt = yield* clock.now
    const all = yield* watched(rest.balanceEx)
    const names = assetNames(engine.unsafeState())
    const total = new Map<string, bigint>()
    const hold = new Map<string, bigint>()
    for (const asset of all) {
      const name = names.get(asset.assetId)
      if (name === undefined) continue
      total.set(name, asset.balance)
      hold.set(name, asset.hold)
    }
    yield* engine.tell({ _tag: "BalancesSeen", begunAt, total, hold })
  })

  const ledger = (since: EpochMs): Effect.Effect<void, KrakenError | StoreFailed> =>
    Effect.gen(function* () {
      const entries: Array<LedgerEntry> = []
      for (let page = 0; page < LEDGER_PAGES; page++) {
        const read = yield* watched(rest.ledgers({ start: since, offset: entries.length }))
        entries.push(...read.entries)
        if (read.entries.length === 0 || entries.length >= read.count) break
      }
      const names = assetNames(engine.unsafeState())
      // memory does not hold what an earlier run booked, nor what is long settled
      const own = yield* store.ownExecutions([...new Set(entries.map(({ refId }) => refId))])
      yield* engine.tell({
        _tag: "LedgerSeen",
        moves: entries.flatMap(({ amount, assetId, at, balance, fee, refId, type }) => {
          const asset = names.get(assetId)
          return asset === undefined ? [] : [{ asset, amount, fee, type, refId, own: own.has(refId), balance, at }]
        })
      })
    })

  const dayMark = (day: string): Effect.Effect<void> =>
    Effect.gen(function* () {
      const state = engine.unsafeState()
      const midnight = dayStart(yield* clock.now)
      const prices = new Map<PairSymbol, Money.Price>()
      const held = new Set([...state.lots.values()].filter((lot) => lot.remaining > 0n).map((lot) => lot.symbol))
      for (const symbol of held) {
        // the hourly candle that begins at midnight opens with the price of that moment; a day of minutes is not kept
        const bars = yield* watched(rest.ohlc(symbol, 60, midnight - DAY_MS))
        const bar = bars.find((candle) => candle.at <= midnight && midnight < candle.at + 3_600_000)
        const before = bars.findLast((candle) => candle.at < midnight)
        const price = bar?.open ?? before?.close
        const parsed = price === undefined ? undefined : Money.parsePrice(String(price))
        if (parsed !== undefined && Either.isRight(parsed)) prices.set(symbol, parsed.right)
      }
      yield* engine.tell({ _tag: "DayMarkPrices", day, prices })
    }).pipe(
      Effect.catchAll((error) =>
        Effect.zipRight(
          Effect.logInfo(`the price at 00:00 UTC could not be read: ${error.message}`),
          engine.tell({ _tag: "DayMarkPrices", day, prices: new Map() })
        )
      )
    )

  const settledBooks = (state: EngineState): boolean =>
    state.unmatched.size === 0 &&
    [...state.orders.values()].every((order) => !isTerminal(order.status) || missingQuantity(order) === 0n)

  /** Executions since the oldest thing that is not settled, or the last hour. */
  const historyStart = (state: EngineState, now: EpochMs): EpochMs => {
    let start = now - LOOK_BACK_MS
    for (const order of state.orders.values()) {
      if (!isTerminal(order.status)) start = Math.min(start, order.createdAt - 60_000)
    }
    return start
  }

  const reconcileOnce = (full: boolean): Effect.Effect<void, KrakenError> =>
    Effect.gen(function* () {
      const begunAt = yield* clock.now
      const open = yield* watched(rest.openOrders)
      const reports = open.map((record) => ({ ...record.report, at: begunAt }))
      const before = engine.unsafeState().missedFillAt
      if (full) {
        const { fills } = yield* watched(
          rest.tradesHistory({ start: historyStart(engine.unsafeState(), begunAt), offset: 0 })
        )
        // oldest first: a sale is booked after the purchase it sells from
        yield* engine.tell({ _tag: "ReportsSeen", reports: fills.toSorted((a, b) => a.at - b.at) })
      }
      yield* engine.tell({ _tag: "OpenOrdersSeen", begunAt, reports })
      yield* balances
      yield* engine.settled
      yield* Effect.iterate(0, {
        while: () => !settledBooks(engine.unsafeState()),
        body: (n) => Effect.as(Effect.sleep("50 millis"), n + 1)
      }).pipe(Effect.timeoutOption(SETTLE_WAIT))
      const after = engine.unsafeState()
      if (!full && after.privateUp && after.missedFillAt !== before) {
        yield* stream.resyncPrivate("REST told of an execution that the stream had not")
      }
    })

  /** Minimums, precision and status of the pairs as they are now. */
  const rules: Effect.Effect<void, KrakenError> = Effect.gen(function* () {
    const read = yield* watched(rest.instruments([...engine.unsafeState().pairs.keys()]))
    yield* engine.tell({ _tag: "InstrumentsSeen", instruments: read })
  })

  const reconcile = (reason: string | undefined): Effect.Effect<void, KrakenError> =>
    Effect.gen(function* () {
      yield* reconcileOnce(reason !== undefined)
      if (reason === undefined) return
      yield* once("reading the pairs' rules", rules)
      while (!settledBooks(engine.unsafeState())) {
        yield* Effect.sleep("2 seconds")
        yield* reconcileOnce(true)
      }
      yield* engine.tell({ _tag: "ReconcileDone", reason })
    })

  const forSure = (what: string, job: Effect.Effect<void, KrakenError>): Effect.Effect<void> =>
    job.pipe(
      Effect.tapError((error) => Effect.logWarning(`${what} failed and is tried again: ${error.message}`)),
      Effect.retry(persistent),
      // the schedule never ends
      Effect.orDie
    )

  const once = (what: string, job: Effect.Effect<void, KrakenError | StoreFailed>): Effect.Effect<void> =>
    Effect.catchAll(job, (error) => Effect.logInfo(`${what} failed: ${error.message}`))

  const probe = (cause: Extract<ReadDecision, { _tag: "Probe" }>["cause"]): Effect.Effect<void> => {
    const done = (ok: boolean, reason: string) => engine.tell({ _tag: "ProbeDone", cause, ok, reason })
    const call = cause === "orders" ? testOrder(rest, engine.unsafeState()) : Effect.asVoid(rest.openOrders)
    if (call === undefined) return done(false, "there is no quote to price a test order with")
    return call.pipe(
      Effect.matchEffect({
        onSuccess: () => done(true, "the probe succeeded"),
        onFailure: (error) => done(false, `the probe failed: ${error.message}`)
      })
    )
  }

  const job = (decision: ReadDecision): readonly [string, Effect.Effect<void>] => {
    switch (decision._tag) {
      case "FetchQuote":
        return [`quote:${decision.symbol}`, quote(decision.symbol)]
      case "FetchCandles":
        return [`candles:${decision.symbol}`, candles(decision.symbol)]
      case "FetchBalances":
        return ["balances", once("reading the balances", balances)]
      case "FetchLedger":
        return ["ledger", once("reading the ledger", ledger(decision.since))]
      case "FetchDayMark":
        return [`mark:${decision.day}`, dayMark(decision.day)]
      case "Reconcile":
        return [`reconcile:${decision.reason}`, forSure("reconciliation", reconcile(decision.reason))]
      case "Probe":
        return [`probe:${decision.cause}`, probe(decision.cause)]
    }
  }

  const loop = Effect.gen(function* () {
    while (true) {
      const [decisions] = yield* queue.takeAll
      for (const decision of decisions) {
        const [key, effect] = job(decision)
        // a reconciliation that began before what it is asked for now proves nothing about it: it begins anew
        yield* FiberMap.run(jobs, key, effect, { onlyIfMissing: decision._tag !== "Reconcile" })
      }
    }
  })

  const desk: ReadDesk = {
    take: (decision) => queue.unsafeOffer(decision),
    run: Effect.raceFirst(
      Effect.raceFirst(loop, Deferred.await(refused)),
      Effect.zipRight(FiberMap.join(jobs), Effect.never)
    ),
    reconcile
  }
  return desk
})

/** The smallest order that would be legal now, validated and not placed. */
const testOrder = (rest: KrakenRestShape, state: EngineState): Effect.Effect<void, KrakenError> | undefined => {
  const pair = [...state.pairs.values()].find((p) => p.quote !== undefined)
  if (pair?.quote === undefined) return undefined
  const limitPrice = roundPrice(pair.instrument, pair.quote.bid, "down")
  return rest.validateOrder({
    instrument: pair.instrument,
    side: "buy",
    quantity: minimumQuantity(pair.instrument, limitPrice),
    limitPrice,
    postOnly: true
  })
}
