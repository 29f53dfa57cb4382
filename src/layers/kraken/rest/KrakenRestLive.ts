/** Kraken's REST interface over HTTP. */
import { Effect, Either, Layer } from "effect"
import * as Account from "../../../domain/kraken/rest/Account.ts"
import * as Orders from "../../../domain/kraken/rest/Orders.ts"
import * as PublicData from "../../../domain/kraken/rest/PublicData.ts"
import type { KrakenError } from "../../../domain/kraken/KrakenError.ts"
import { KrakenNotSent, KrakenTransportError } from "../../../domain/kraken/KrakenError.ts"
import type { JsonStrings } from "../../../domain/kraken/JsonText.ts"
import type { PairNames } from "../../../domain/kraken/naming.ts"
import { namesOf, noNames, pairNames } from "../../../domain/kraken/naming.ts"
import type { PairSymbol } from "../../../domain/market/Instrument.ts"
import type { SendOutcome } from "../../../domain/order/Outcome.ts"
import type { EpochMs } from "../../../domain/Time.ts"
import { MarketClock } from "../../../services/Clock.ts"
import type { KrakenRestShape, OrderRecord, OrderRef, OrderTurn } from "../../../services/KrakenRest.ts"
import { KrakenRest } from "../../../services/KrakenRest.ts"
import { Nonce } from "../../../services/Nonce.ts"
import type { Reservation } from "../../../services/RateLimits.ts"
import { RateLimits } from "../../../services/RateLimits.ts"
import { Settings } from "../../../services/Settings.ts"
import { call } from "./body.ts"
import type { Decode } from "./Client.ts"
import { makeClient, timeouts } from "./Client.ts"
import { makeLane } from "./Lane.ts"
import * as requests from "./requests.ts"
import { connection } from "./Transport.ts"
import type { Dial } from "./Transport.ts"

/** Kraken: `QueryOrders` takes 50 ids; `QueryTrades` is documented with 20. */
const ORDERS_A_CALL = 50
const TRADES_A_CALL = 20
/** Exchange ids whose client id is remembered, for the age of an order that is cancelled by the former. */
const MAX_ALIASES = 500

const chunks = <A>(all: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))

/** Kraken's `start` excludes its own second. */
const startParameter = (start: EpochMs | undefined): string | undefined =>
  start === undefined ? undefined : String(Math.max(0, Math.floor(start / 1000) - 1))

const asIs: Decode<JsonStrings> = (result) => Either.right(result as JsonStrings)

/** The interface over connections that `dial` opens: one each for public calls, reads, orders, and what must overtake them. */
export const makeKrakenRest = (dial: Dial) =>
  Effect.gen(function* () {
    const settings = yield* Settings
    const clock = yield* MarketClock
    const nonce = yield* Nonce
    const limits = yield* RateLimits
    const lane = yield* makeLane
    const base = new URL(settings.endpoints.rest)
    const connections = yield* Effect.all({
      public: dial(base, 4),
      reads: dial(base, 1),
      orders: dial(base, 1),
      safety: dial(base, 1)
    })
    const client = makeClient({ credentials: settings.credentials, clock, nonce, limits, lane, connections })

    let names: PairNames | undefined
    const loading = yield* Effect.makeSemaphore(1)
    /** Every pair and asset, read whole: a filtered answer may be keyed by the spelling that was asked for. */
    const loadNames: Effect.Effect<PairNames, KrakenError> = Effect.gen(function* () {
      const assets = yield* client.public(call("Assets", {}), asIs, timeouts.listing)
      const loaded = yield* client.public(
        call("AssetPairs", {}),
        (pairs) => pairNames(pairs as JsonStrings, assets),
        timeouts.listing
      )
      names = loaded
      return loaded
    })
    const knownNames: Effect.Effect<PairNames, KrakenError> = loading.withPermits(1)(
      Effect.suspend(() => (names === undefined ? loadNames : Effect.succeed(names)))
    )
    /** Orders can be read without names (their symbol is then missing): what must be cancelled does not wait for a listing. */
    const namesOrNone = Effect.orElseSucceed(knownNames, () => noNames)

    const spelling = (symbol: PairSymbol): string => names?.find(symbol)?.altname ?? symbol

    const aliases = new Map<string, string>()
    const remember = (exchangeId: string, clientId: string): void => {
      for (const oldest of [...aliases.keys()].slice(0, Math.max(0, aliases.size - MAX_ALIASES + 1)))
        aliases.delete(oldest)
      aliases.set(exchangeId, clientId)
    }
    /** The id under which the limiter knows an order. */
    const limiterId = (ref: OrderRef): string => (ref._tag === "Client" ? ref.id : (aliases.get(ref.id) ?? ref.id))

    const queryOrders = (ids: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<OrderRecord>, KrakenError> =>
      Effect.flatMap(namesOrNone, (known) =>
        Effect.map(
          Effect.forEach(chunks(ids, ORDERS_A_CALL), (some) =>
            client.read(
              call("QueryOrders", { txid: some.join(","), trades: "true", consolidate_taker: "false" }),
              (result, { sentAt }) => Orders.decodeQueryOrders(result, known, sentAt)
            )
          ),
          (pages) => pages.flat()
        )
      )

    /** A turn sends once; what it reserved is given back unless something left. */
    const makeTurn = (reservation: Reservation, symbol: PairSymbol): OrderTurn => {
      let used = false
      const once = (send: Effect.Effect<SendOutcome>, id: string): Effect.Effect<SendOutcome> =>
        Effect.suspend(() => {
          if (used) return Effect.succeed<SendOutcome>({ _tag: "NotSent", why: "void", text: "this turn was used" })
          used = true
          return Effect.tap(send, (outcome) => {
            if (outcome._tag === "Accepted" || outcome._tag === "Unknown") return reservation.sent(id)
            // The exchange charges what reaches it, even if it refuses it.
            return outcome._tag === "NotSent" && (outcome.why === "void" || outcome.why === "refused connection")
              ? Effect.void
              : reservation.sent(undefined)
          })
        })
      return {
        addOrder: (intent, lastLook) => {
          const { id } = intent.approved
          return once(
            client.order(requests.addOrder(intent), intent.nonce, symbol, lastLook, (result) =>
              Either.map(Orders.decodeAddOrder(result), (exchangeId) => {
                remember(exchangeId, id)
                return { _tag: "Accepted", exchangeId } as const
              })
            ),
            id
          )
        },
        amendOrder: (request, lastLook) =>
          once(
            Effect.flatMap(nonce.next, (next) =>
              client.order(requests.amendOrder(request), next, symbol, lastLook, (result) =>
                Either.map(Orders.decodeAmendOrder(result), () => ({ _tag: "Accepted" }) as const)
              )
            ),
            limiterId(request.ref)
          )
      }
    }

    return KrakenRest.of({
      time: Effect.tap(
        client.public(call("Time", {}), (result, stamps) =>
          Either.map(PublicData.decodeTime(result), (exchangeMs) => ({ exchangeMs, ...stamps }))
        ),
        // `Time` tells whole seconds: the middle of the second is the best guess, half a second its error.
        (sample) => clock.observe({ ...sample, exchangeMs: sample.exchangeMs + 500 })
      ).pipe(Effect.map(({ exchangeMs }) => exchangeMs)),

      systemStatus: client.public(call("SystemStatus", {}), PublicData.decodeSystemStatus),

      instruments: (symbols) =>
        Effect.flatMap(loading.withPermits(1)(loadNames), (loaded) => {
          const unreadable = symbols.find((s) => loaded.find(s) === undefined && loaded.unreadable.has(s))
          return unreadable === undefined
            ? Effect.succeed(symbols.flatMap((s) => loaded.find(s) ?? []))
            : new KrakenTransportError({
                endpoint: "AssetPairs",
                reason: "body",
                detail: `the terms of ${unreadable} are not as expected`,
                executed: "no"
              })
        }),

      symbols: Effect.map(knownNames, (known) => known.symbols),

      ticker: (symbol) =>
        client.public(call("Ticker", { pair: spelling(symbol) }), (result, { receivedAt }) =>
          PublicData.decodeTicker(result, symbol, receivedAt)
        ),

      ohlc: (symbol, intervalMinutes, since) =>
        Effect.map(
          client.public(
            call("OHLC", { pair: spelling(symbol), interval: String(intervalMinutes), since: startParameter(since) }),
            PublicData.decodeOhlc
          ),
          (candles) => (since === undefined ? candles : candles.filter((candle) => candle.at >= since)).slice(-720)
        ),

      depth: (symbol, count) =>
        client.public(call("Depth", { pair: spelling(symbol), count: String(count) }), PublicData.decodeDepth),

      trades: (symbol, since) =>
        client.public(
          call("Trades", {
            pair: spelling(symbol),
            // Nanoseconds, exclusive.
            since: since === undefined ? undefined : String(BigInt(Math.max(1, Math.floor(since))) * 1_000_000n - 1n)
          }),
          (result) => PublicData.decodeTrades(result, symbol)
        ),

      balance: client.read(call("Balance", {}), Account.decodeBalance),
      balanceEx: client.read(call("BalanceEx", {}), Account.decodeBalanceEx),
      tradeBalance: client.read(call("TradeBalance", { asset: "ZUSD" }), Account.decodeTradeBalance),

      openOrders: Effect.flatMap(namesOrNone, (known) =>
        client.read(call("OpenOrders", { trades: "true" }), (result, { sentAt }) =>
          Either.map(Orders.decodeOpenOrders(result, known, sentAt), (orders) => ({ orders, sentAt }))
        )
      ).pipe(
        Effect.tap(({ orders, sentAt }) =>
          limits.openOrders(
            new Set(
              orders.flatMap(({ report }) => [
                report.exchangeId,
                ...(report.clientId === undefined ? [] : [report.clientId])
              ])
            ),
            sentAt
          )
        ),
        Effect.map(({ orders }) => orders)
      ),

      closedOrders: ({ start, offset, clientId }) =>
        Effect.flatMap(namesOrNone, (known) =>
          client.read(
            call("ClosedOrders", {
              trades: "true",
              cl_ord_id: clientId,
              start: startParameter(start),
              ofs: String(offset),
              consolidate_taker: "false"
            }),
            (result, { sentAt }) => Orders.decodeClosedOrders(result, known, sentAt)
          )
        ),

      queryOrders,

      tradesHistory: ({ start, offset }) =>
        Effect.flatMap(knownNames, (known) =>
          client.read(
            call("TradesHistory", { start: startParameter(start), ofs: String(offset), consolidate_taker: "false" }),
            (result) => Orders.decodeTradesHistory(result, known)
          )
        ),

      queryTrades: (ids) =>
        Effect.flatMap(knownNames, (known) =>
          Effect.map(
            Effect.forEach(chunks(ids, TRADES_A_CALL), (some) =>
              client.read(call("QueryTrades", { txid: some.join(",") }), (result) =>
                Orders.decodeQueryTrades(result, known)
              )
            ),
            (pages) => pages.flat()
          )
        ),

      tradeVolume: (instruments) =>
        client.read(call("TradeVolume", { pair: instruments.map((i) => i.altname).join(",") }), (result) =>
          Account.decodeTradeVolume(result, namesOf(instruments))
        ),

      ledgers: ({ start, offset }) =>
        client.read(call("Ledgers", { start: startParameter(start), ofs: String(offset) }), Account.decodeLedgers),

      apiKeyInfo: client.read(call("GetApiKeyInfo", {}), Account.decodeApiKeyInfo),
      webSocketsToken: client.read(call("GetWebSocketsToken", {}), Account.decodeToken),

      cancelOrder: (ref, symbol) =>
        Effect.zipRight(
          limits.cancel({ id: limiterId(ref), pair: symbol }),
          client.safety(requests.cancelOrder(ref), Orders.decodeCancel, symbol)
        ),

      cancelAll: Effect.zipRight(
        limits.cancel(undefined),
        Effect.map(client.safety(call("CancelAll", {}), Orders.decodeCancel), ({ count }) => ({ count }))
      ),

      cancelAllOrdersAfter: (seconds) =>
        client.safety(
          call("CancelAllOrdersAfter", { timeout: String(Math.max(0, Math.floor(seconds))) }),
          Orders.decodeSwitch
        ),

      // Its budget is an entry's, whose wait ends when the counter has fallen; a silence is told instead of waited for.
      validateOrder: (request) =>
        limits.quiet.pipe(
          Effect.flatMap((silence) =>
            silence === undefined
              ? limits.reserve("entry", request.instrument.symbol, "add")
              : new KrakenNotSent({
                  endpoint: "AddOrder",
                  why: silence.why,
                  detail: "Kraken's limits allow no call now"
                })
          ),
          Effect.zipRight(client.read(requests.validateOrder(request), Orders.decodeValidateOrder))
        ),

      orderTurn: (rank, symbol, action, use) =>
        // Between the reservation and its return nothing may be lost; the waits and the use itself stay interruptible.
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(restore(limits.reserve(rank, symbol, action)), (reservation) =>
            restore(
              lane.order(
                rank,
                Effect.zipRight(
                  connections.orders.warm,
                  Effect.suspend(() => use(makeTurn(reservation, symbol)))
                )
              )
            ).pipe(Effect.ensuring(reservation.release))
          )
        )
    } satisfies KrakenRestShape)
  })

export const KrakenRestLive: Layer.Layer<KrakenRest, never, Settings | MarketClock | Nonce | RateLimits> = Layer.scoped(
  KrakenRest,
  makeKrakenRest(connection)
)
