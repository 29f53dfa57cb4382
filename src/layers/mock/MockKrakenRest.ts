/**
 * A scripted Kraken REST interface for tests: answers are queued per endpoint, calls are recorded, nothing leaves the
 * process.
 *
 * ```ts
 * const rest = yield* MockKrakenRestControl
 * yield* rest.answer("time", Effect.succeed(1_700_000_000_000))   // the next call
 * yield* rest.always("openOrders", Effect.fail(someError))         // every call without a queued answer
 * yield* rest.calls                                                // what was asked, in order
 * ```
 *
 * Reads that list something answer "nothing there" and the status is `online` until told otherwise; any other call without
 * an answer is a defect that names the endpoint, so that a test never passes on an answer that nobody gave.
 */
import { Context, Effect, Layer } from "effect"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import type { SendOutcome } from "../../domain/order/Outcome.ts"
import type { KrakenRestShape, OrderTurn } from "../../services/KrakenRest.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"

type Answer<T> =
  T extends Effect.Effect<infer A, infer _E>
    ? A
    : T extends (...args: never) => Effect.Effect<infer A, infer _E>
      ? A
      : never

type Calls = Omit<KrakenRestShape, "orderTurn">

/** What each endpoint answers with. `addOrder` and `amendOrder` are those of an order's turn. */
export type MockRestAnswers = { readonly [K in keyof Calls]: Answer<Calls[K]> } & {
  readonly addOrder: SendOutcome
  readonly amendOrder: SendOutcome
}
export type MockRestEndpoint = keyof MockRestAnswers

/** An order's turn never fails: its bad ends are outcomes. */
type Failure<K extends MockRestEndpoint> = K extends "addOrder" | "amendOrder" ? never : KrakenError
export type MockRestAnswer<K extends MockRestEndpoint> = Effect.Effect<MockRestAnswers[K], Failure<K>>

export interface MockRestCall {
  readonly endpoint: MockRestEndpoint | "orderTurn"
  /** The call's arguments; for `addOrder` the committed intent, for `amendOrder` the request. */
  readonly args: ReadonlyArray<unknown>
}

export interface MockKrakenRestControlShape {
  /** Queues an answer for the next call of an endpoint that has none queued. Queued answers are used up in order. */
  readonly answer: <K extends MockRestEndpoint>(endpoint: K, answer: MockRestAnswer<K>) => Effect.Effect<void>
  /** Sets the answer for calls without a queued one. */
  readonly always: <K extends MockRestEndpoint>(endpoint: K, answer: MockRestAnswer<K>) => Effect.Effect<void>
  /** Every call so far, in order. */
  readonly calls: Effect.Effect<ReadonlyArray<MockRestCall>>
  /** The arguments of every call of one endpoint, in order. */
  readonly callsOf: (endpoint: MockRestCall["endpoint"]) => Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>>
}

/** Steers and inspects `MockKrakenRest`. */
export class MockKrakenRestControl extends Context.Tag("trader/layers/mock/MockKrakenRest/MockKrakenRestControl")<
  MockKrakenRestControl,
  MockKrakenRestControlShape
>() {}

class Script<K extends MockRestEndpoint> {
  readonly queue: Array<MockRestAnswer<K>> = []
  fallback: MockRestAnswer<K>
  constructor(fallback: MockRestAnswer<K>) {
    this.fallback = fallback
  }
}
type Scripts = { readonly [K in MockRestEndpoint]: Script<K> }

const unscripted = (endpoint: string): Effect.Effect<never> =>
  Effect.dieMessage(`MockKrakenRest: no answer for ${endpoint}; queue one with answer("${endpoint}", ...)`)

const scripts = (): Scripts => ({
  time: new Script(unscripted("time")),
  systemStatus: new Script(Effect.succeed("online" as const)),
  instruments: new Script(Effect.succeed([])),
  symbols: new Script(Effect.succeed([])),
  ticker: new Script(unscripted("ticker")),
  ohlc: new Script(Effect.succeed([])),
  depth: new Script(Effect.succeed({ bids: [], asks: [] })),
  trades: new Script(Effect.succeed([])),
  balance: new Script(Effect.succeed([])),
  balanceEx: new Script(Effect.succeed([])),
  tradeBalance: new Script(unscripted("tradeBalance")),
  openOrders: new Script(Effect.succeed([])),
  closedOrders: new Script(Effect.succeed({ orders: [], count: 0 })),
  queryOrders: new Script(Effect.succeed([])),
  tradesHistory: new Script(Effect.succeed({ fills: [], count: 0 })),
  queryTrades: new Script(Effect.succeed([])),
  tradeVolume: new Script(Effect.succeed(new Map())),
  ledgers: new Script(Effect.succeed({ entries: [], count: 0 })),
  apiKeyInfo: new Script(unscripted("apiKeyInfo")),
  webSocketsToken: new Script(unscripted("webSocketsToken")),
  cancelOrder: new Script(unscripted("cancelOrder")),
  cancelAll: new Script(unscripted("cancelAll")),
  cancelAllOrdersAfter: new Script(unscripted("cancelAllOrdersAfter")),
  validateOrder: new Script(unscripted("validateOrder")),
  addOrder: new Script(unscripted("addOrder")),
  amendOrder: new Script(unscripted("amendOrder"))
})

const make = () => {
  const all = scripts()
  const calls: Array<MockRestCall> = []
  const call = <K extends MockRestEndpoint>(endpoint: K, ...args: ReadonlyArray<unknown>): MockRestAnswer<K> =>
    Effect.suspend(() => {
      calls.push({ endpoint, args })
      const script: Script<K> = all[endpoint]
      return script.queue.shift() ?? script.fallback
    })
  /** As on the wire: what the last look refuses is not sent, and so neither recorded nor answered. */
  const send = (
    endpoint: "addOrder" | "amendOrder",
    request: unknown,
    lastLook: () => string | undefined
  ): Effect.Effect<SendOutcome> =>
    Effect.suspend(() => {
      const refusal = lastLook()
      return refusal === undefined
        ? call(endpoint, request)
        : Effect.succeed({ _tag: "NotSent" as const, why: "void" as const, text: refusal })
    })
  const turn: OrderTurn = {
    addOrder: (intent, lastLook) => send("addOrder", intent, lastLook),
    amendOrder: (request, lastLook) => send("amendOrder", request, lastLook)
  }
  const rest: KrakenRestShape = {
    time: call("time"),
    systemStatus: call("systemStatus"),
    instruments: (...args) => call("instruments", ...args),
    symbols: call("symbols"),
    ticker: (...args) => call("ticker", ...args),
    ohlc: (...args) => call("ohlc", ...args),
    depth: (...args) => call("depth", ...args),
    trades: (...args) => call("trades", ...args),
    balance: call("balance"),
    balanceEx: call("balanceEx"),
    tradeBalance: call("tradeBalance"),
    openOrders: call("openOrders"),
    closedOrders: (...args) => call("closedOrders", ...args),
    queryOrders: (...args) => call("queryOrders", ...args),
    tradesHistory: (...args) => call("tradesHistory", ...args),
    queryTrades: (...args) => call("queryTrades", ...args),
    tradeVolume: (...args) => call("tradeVolume", ...args),
    ledgers: (...args) => call("ledgers", ...args),
    apiKeyInfo: call("apiKeyInfo"),
    webSocketsToken: call("webSocketsToken"),
    cancelOrder: (...args) => call("cancelOrder", ...args),
    cancelAll: call("cancelAll"),
    cancelAllOrdersAfter: (...args) => call("cancelAllOrdersAfter", ...args),
    validateOrder: (...args) => call("validateOrder", ...args),
    orderTurn: (rank, symbol, action, use) =>
      Effect.suspend(() => {
        calls.push({ endpoint: "orderTurn", args: [rank, symbol, action] })
        return use(turn)
      })
  }
  const control: MockKrakenRestControlShape = {
    answer: <K extends MockRestEndpoint>(endpoint: K, answer: MockRestAnswer<K>) =>
      Effect.sync(() => {
        const script: Script<K> = all[endpoint]
        script.queue.push(answer)
      }),
    always: <K extends MockRestEndpoint>(endpoint: K, answer: MockRestAnswer<K>) =>
      Effect.sync(() => {
        const script: Script<K> = all[endpoint]
        script.fallback = answer
      }),
    calls: Effect.sync(() => [...calls]),
    callsOf: (endpoint) => Effect.sync(() => calls.filter((c) => c.endpoint === endpoint).map((c) => c.args))
  }
  return Context.make(KrakenRest, rest).pipe(Context.add(MockKrakenRestControl, control))
}

export const MockKrakenRest: Layer.Layer<KrakenRest | MockKrakenRestControl> = Layer.effectContext(Effect.sync(make))
