/** What the trader's own desk code (settle, lookup, cancel) stands on here: reads and cancels over the simulated wire, and the books. */
import { Effect, Either, Option } from "effect"
import { closed } from "../../src/domain/breaker/BreakerState.ts"
import type { EngineState } from "../../src/domain/engine/State.ts"
import { resume } from "../../src/domain/engine/State.ts"
import type { PayloadError } from "../../src/domain/kraken/Envelope.ts"
import type { KrakenError } from "../../src/domain/kraken/KrakenError.ts"
import { KrakenTransportError } from "../../src/domain/kraken/KrakenError.ts"
import { namesOf } from "../../src/domain/kraken/naming.ts"
import * as Orders from "../../src/domain/kraken/rest/Orders.ts"
import * as Money from "../../src/domain/money/Money.ts"
import { InstallationPrefix } from "../../src/domain/order/Ids.ts"
import { emptyTotals } from "../../src/domain/portfolio/Portfolio.ts"
import type { Limits } from "../../src/domain/risk/Limits.ts"
import { conceal } from "../../src/domain/strategy/Strategy.ts"
import type { EpochMs } from "../../src/domain/Time.ts"
import type { Call } from "../../src/layers/kraken/rest/body.ts"
import { call } from "../../src/layers/kraken/rest/body.ts"
import * as requests from "../../src/layers/kraken/rest/requests.ts"
import type { Deps } from "../../src/programs/desk/Deps.ts"
import type { EngineShape } from "../../src/services/Engine.ts"
import type { KrakenRestShape } from "../../src/services/KrakenRest.ts"
import type { Books } from "./Books.ts"
import { pair } from "./Market.ts"
import type { Life } from "./Timeline.ts"
import type { World } from "./World.ts"

export const prefix = InstallationPrefix("os-")

/** Two orders of an episode never fit together: each is more than half of it. */
export const EXPOSURE_LIMIT = Money.usd("10")

export const limits: Limits = {
  maxTradeSize: EXPOSURE_LIMIT,
  maxTotalExposure: EXPOSURE_LIMIT,
  allowedPairs: [pair.symbol],
  minOrderSize: Money.usd("1"),
  postOnly: true,
  maxDailyLoss: Money.usd("20"),
  maxTradesPerDay: 50,
  minTradeInterval: 0,
  cooldownAfterLoss: 0,
  priceCollar: Money.rate("0.02"),
  maxSpread: Money.rate("0.02"),
  maxPriceJump: Money.rate("0.05"),
  staleAfter: 10_000,
  maxClockSkew: 1000,
  reconcileEvery: 60_000,
  deadManSwitch: undefined,
  breakerThreshold: 5,
  breakerCooldown: 60_000,
  // nothing expires within an episode: an order that nobody knows of would vanish from the account
  entryExpiry: 3_600_000,
  exitCollar: Money.rate("0.005"),
  exitCollarMax: Money.rate("0.05"),
  exitInterval: 2000,
  maxRequotes: 5
}

const silent = conceal<null>({
  name: "silent",
  intervalMinutes: 1,
  warmUpCandles: 1,
  initial: null,
  warmUp: () => null,
  step: (state) => ({ _tag: "Ready", state, signals: [], features: {} })
})

/** The parts of the engine's state that the desk does not look at here. */
const blank: EngineState = resume(
  {
    limits,
    breaker: { threshold: limits.breakerThreshold, cooldown: limits.breakerCooldown },
    prefix,
    observing: false,
    exitsOnly: undefined,
    strategy: silent
  },
  {
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
  },
  [pair],
  0
)

/** Whatever a policy has no business with ends the run. */
const notOffered = (name: string): Effect.Effect<never> => Effect.dieMessage(`${name} is not part of this comparison`)

const names = namesOf([pair])

/** `start` is exclusive and in unix seconds. */
const seconds = (at: EpochMs | undefined): string | undefined =>
  at === undefined ? undefined : String(Math.floor(at / 1000) - 1)

const makeRest = (world: World, life: Life): KrakenRestShape => {
  const ask = <A>(
    request: Call,
    decode: (result: unknown, sentAt: EpochMs) => Either.Either<A, PayloadError>
  ): Effect.Effect<A, KrakenError> =>
    Effect.suspend(() => {
      const sentAt = world.now
      return Effect.flatMap(world.ask(life, request), (reply) =>
        Either.flatMap(reply, (result) =>
          Either.mapLeft(
            decode(result, sentAt),
            ({ detail }) =>
              new KrakenTransportError({ endpoint: request.endpoint, reason: "body", detail, executed: "unknown" })
          )
        )
      )
    })
  return {
    openOrders: ask(call("OpenOrders", { trades: "true" }), (result, at) => Orders.decodeOpenOrders(result, names, at)),
    closedOrders: ({ start, offset }) =>
      ask(
        call("ClosedOrders", {
          trades: "true",
          start: seconds(start),
          ofs: String(offset),
          consolidate_taker: "false"
        }),
        (result, at) => Orders.decodeClosedOrders(result, names, at)
      ),
    queryOrders: (ids) =>
      ask(call("QueryOrders", { txid: ids.join(","), trades: "true", consolidate_taker: "false" }), (result, at) =>
        Orders.decodeQueryOrders(result, names, at)
      ),
    tradesHistory: ({ start, offset }) =>
      ask(call("TradesHistory", { start: seconds(start), ofs: String(offset), consolidate_taker: "false" }), (result) =>
        Orders.decodeTradesHistory(result, names)
      ),
    queryTrades: (ids) =>
      ask(call("QueryTrades", { txid: ids.join(",") }), (result) => Orders.decodeQueryTrades(result, names)),
    cancelOrder: (ref) => ask(requests.cancelOrder(ref), Orders.decodeCancel),

    time: notOffered("time"),
    systemStatus: notOffered("systemStatus"),
    instruments: () => notOffered("instruments"),
    symbols: notOffered("symbols"),
    ticker: () => notOffered("ticker"),
    ohlc: () => notOffered("ohlc"),
    depth: () => notOffered("depth"),
    trades: () => notOffered("trades"),
    balance: notOffered("balance"),
    balanceEx: notOffered("balanceEx"),
    tradeBalance: notOffered("tradeBalance"),
    tradeVolume: () => notOffered("tradeVolume"),
    ledgers: () => notOffered("ledgers"),
    apiKeyInfo: notOffered("apiKeyInfo"),
    webSocketsToken: notOffered("webSocketsToken"),
    cancelAll: notOffered("cancelAll"),
    cancelAllOrdersAfter: () => notOffered("cancelAllOrdersAfter"),
    validateOrder: () => notOffered("validateOrder"),
    orderTurn: () => notOffered("orderTurn")
  }
}

const makeEngine = (world: World, books: Books): EngineShape => {
  const unsafeState = (): EngineState => ({
    ...blank,
    now: world.now,
    phase: "running",
    system: "online",
    orders: books.orders,
    byExchangeId: books.byExchangeId
  })
  return {
    tell: (event) =>
      Effect.suspend(() => {
        if (event._tag === "ReportsSeen") return Effect.sync(() => books.fold(event.reports))
        if (event._tag === "NeverArrived") return Effect.sync(() => books.reject(event.orderId, event.proof))
        return notOffered(event._tag)
      }),
    offer: () => false,
    offerQuote: () => undefined,
    askApproval: () => notOffered("askApproval"),
    askAmend: () => notOffered("askAmend"),
    state: Effect.sync(unsafeState),
    unsafeState,
    settled: Effect.void
  }
}

/** The desk's parts for one life of a process. */
export const makeDesk = (world: World, life: Life, books: Books): Deps => ({
  engine: makeEngine(world, books),
  rest: makeRest(world, life),
  // no account stream in an episode: cancels have one path, and nothing is reported unasked
  stream: {
    runPublic: () => notOffered("runPublic"),
    runPrivate: () => notOffered("runPrivate"),
    resyncPrivate: () => Effect.void,
    cancelByStream: () => Effect.succeed(false),
    publicHealth: notOffered("publicHealth"),
    privateHealth: notOffered("privateHealth")
  },
  store: {
    load: notOffered("load"),
    commitIntent: () => notOffered("commitIntent"),
    commitExitAside: () => notOffered("commitExitAside"),
    commit: () => notOffered("commit"),
    fence: notOffered("fence"),
    moveFence: () => notOffered("moveFence"),
    findOrder: () => notOffered("findOrder"),
    findLot: () => notOffered("findLot"),
    ownExecutions: () => notOffered("ownExecutions"),
    backup: () => notOffered("backup"),
    health: notOffered("health")
  },
  writer: { write: () => undefined, drained: () => Effect.succeed(true), along: (use) => use([]), run: Effect.never },
  clock: {
    now: Effect.sync(() => world.now),
    unsafeNow: () => world.now,
    sleep: (ms) => world.timeline.sleep(life, ms),
    speed: 1,
    hold: (self) => self,
    offset: Effect.sync(() => ({ ms: 0, measuredAt: world.now })),
    observe: () => Effect.void
  },
  nonce: { next: notOffered("next"), advance: () => notOffered("advance"), highest: notOffered("highest") },
  alerts: { send: () => Effect.void }
})
